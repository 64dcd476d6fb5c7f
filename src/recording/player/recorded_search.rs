//! A search through the messages of a recording, up to the moment that is shown, a piece at a time.

use std::time::{Duration, Instant};

use crate::capture::RecordedMessage;
use crate::observe::model::{MessageLog, SearchProgress, SearchRequest};
use crate::recording::playback::{Playback, PlayedRing};

/// Bytes of matches that are kept.
const FOUND_BYTES: usize = 4 << 20;
/// Bytes before a message that are shown with it, and rows after it.
const REACH: u64 = 64 << 10;
const ROWS: usize = 4096;

/// A search under way.
#[derive(Debug)]
pub(super) struct RecordedSearch {
    request: SearchRequest,
    progress: SearchProgress,
    /// Pieces that were read, and the moment then.
    done: usize,
    at_ns: u64,
    /// The last message.
    last: Option<u64>,
}

impl RecordedSearch {
    pub(super) fn new(request: SearchRequest) -> Self {
        Self {
            progress: SearchProgress {
                number: request.number,
                found: MessageLog::new(FOUND_BYTES),
                ..SearchProgress::default()
            },
            request,
            done: 0,
            at_ns: 0,
            last: None,
        }
    }

    /// Searches on for so long at most.
    pub(super) fn advance(
        &mut self,
        playback: &mut Playback,
        ring: &PlayedRing,
        patience: Duration,
    ) -> SearchProgress {
        let until = Instant::now() + patience;
        let at_ns = playback.at_ns();
        if at_ns < self.at_ns {
            // What is later than the moment has not happened.
            *self = Self::new(self.request.clone());
        }
        let moved = std::mem::replace(&mut self.at_ns, at_ns) != at_ns;
        let pieces = playback.message_chunks(ring).into_owned();
        if moved {
            // Of the last one there may be more now.
            self.done = self.done.min(pieces.len()).saturating_sub(1);
        }
        while let Some(&piece) = pieces.get(self.done) {
            self.read(playback, ring, piece);
            self.done += 1;
            if Instant::now() >= until {
                break;
            }
        }
        let left = pieces.len().saturating_sub(self.done) as u64;
        let progress = &mut self.progress;
        progress.left_bytes = progress.searched_bytes / (self.done.max(1) as u64) * left;
        progress.is_left_estimated = left > 0;
        progress.is_behind = left > 0;
        progress.goes_on = left > 0;
        progress.clone()
    }

    fn read(&mut self, playback: &mut Playback, ring: &PlayedRing, piece: usize) {
        let Self {
            request,
            progress,
            last,
            ..
        } = self;
        playback.messages_in(ring, piece, |_, recorded| {
            match recorded {
                RecordedMessage::Message(raw, integrity)
                | RecordedMessage::Header(raw, integrity) => {
                    if last.is_some_and(|last| raw.offset <= last) {
                        return true;
                    }
                    *last = Some(raw.offset);
                    progress.searched_messages += 1;
                    progress.searched_bytes += raw.header.total_len();
                    if (request.matcher)(&raw, integrity) {
                        progress.matches += 1;
                        progress.found.push(raw, integrity);
                    }
                }
                RecordedMessage::Gap(gap) => {
                    if last.is_none_or(|last| gap.from > last) {
                        let bytes = gap.to.saturating_sub(gap.from);
                        progress.missed_bytes = progress.missed_bytes.saturating_add(bytes);
                        // It is not counted again when its piece is read once more.
                        let end = gap.to.saturating_sub(1);
                        *last = Some(last.map_or(end, |last| last.max(end)));
                        progress.found.skip(gap);
                    }
                }
            }
            true
        });
    }
}

/// The last of the pieces that does not begin after `offset`: offsets only grow.
pub(super) fn piece_of(
    playback: &mut Playback,
    ring: &PlayedRing,
    pieces: &[usize],
    offset: u64,
) -> Option<usize> {
    let mut within = 0..pieces.len();
    while within.end - within.start > 1 {
        let middle = within.start + (within.end - within.start) / 2;
        let mut first = None;
        playback.messages_in(ring, pieces[middle], |_, recorded| {
            first = Some(match recorded {
                RecordedMessage::Message(raw, _) | RecordedMessage::Header(raw, _) => raw.offset,
                RecordedMessage::Gap(gap) => gap.from,
            });
            false
        });
        // Of a damaged one nothing is known: what is before it is still there.
        if first.is_none_or(|first| first > offset) {
            within.end = middle;
        } else {
            within.start = middle;
        }
    }
    (!within.is_empty()).then_some(within.start)
}

/// The messages around the one at `offset`, if it was recorded before the moment.
pub(super) fn around(
    playback: &mut Playback,
    ring: &PlayedRing,
    offset: u64,
) -> Option<MessageLog> {
    let pieces = playback.message_chunks(ring).into_owned();
    let place = piece_of(playback, ring, &pieces, offset)?;
    let mut log = MessageLog::new(usize::MAX);
    let (mut after, mut is_there, mut last) = (0, false, None);
    for piece in &pieces[place.saturating_sub(1)..] {
        playback.messages_in(ring, *piece, |_, recorded| {
            match recorded {
                RecordedMessage::Message(raw, integrity)
                | RecordedMessage::Header(raw, integrity) => {
                    if raw.offset.saturating_add(REACH) >= offset
                        && last.is_none_or(|last| raw.offset > last)
                    {
                        last = Some(raw.offset);
                        is_there |= raw.offset == offset;
                        after += usize::from(raw.offset > offset);
                        log.push(raw, integrity);
                    }
                }
                RecordedMessage::Gap(gap) => {
                    if last.is_some_and(|last| gap.from > last) {
                        log.skip(gap);
                    }
                }
            }
            after < ROWS
        });
        if after >= ROWS || last.is_some_and(|last| last > offset.saturating_add(REACH)) {
            break;
        }
    }
    is_there.then_some(log)
}
