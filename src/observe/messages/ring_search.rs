//! A search through everything that a ring retains, a little at a time, from its oldest message on.
//!
//! What cannot be read is passed over and counted; where the dashboard has kept messages from there, those are searched
//! in its place. Knows nothing of what is looked for.

use std::io;
use std::time::{Duration, Instant};

use super::boundaries::{older, oldest_boundary};
use super::copy::{PATIENCE, in_time};
use super::reader::{MessageReader, ReadEvent};
use super::walk::lands;
use crate::observe::attach::AttachedRing;
use crate::observe::model::{
    Gap, GapReason, Integrity, LogRow, MessageLog, SearchProgress, SearchRequest,
};
use crate::observe::sample::control;
use crate::ring::RawMessage;

/// Bytes of matches that are kept.
const FOUND_BYTES: usize = 4 << 20;
/// Once head was reached, for how long what comes is searched at each look.
const FOLLOWS_FOR: Duration = Duration::from_millis(5);

/// A search under way.
#[derive(Debug)]
pub struct RingSearch {
    request: SearchRequest,
    reader: Option<MessageReader>,
    progress: SearchProgress,
    /// Where it began: the oldest message that can be told apart, and a boundary that is known.
    start: Option<(u64, u64)>,
    /// Head when the search began: up to there everything is old.
    target: u64,
    /// Head at the last look.
    head: u64,
    /// What was not read since the last match.
    unread: Option<Unread>,
}

/// What was not read between two matches.
#[derive(Debug)]
struct Unread {
    first: Gap,
    end: u64,
    bytes: u64,
    places: u64,
}

impl RingSearch {
    /// A search that has not begun.
    #[must_use]
    pub fn new(request: SearchRequest) -> Self {
        Self {
            reader: None,
            start: None,
            progress: SearchProgress {
                number: request.number,
                found: MessageLog::new(FOUND_BYTES),
                ..SearchProgress::default()
            },
            target: 0,
            head: 0,
            unread: None,
            request,
        }
    }

    /// A search that begins where `before` did, as long as the ring has not written over that: it takes time to find.
    #[must_use]
    pub fn after(request: SearchRequest, before: &Self) -> Self {
        Self {
            start: before.start,
            ..Self::new(request)
        }
    }

    /// Searches on for `patience` at most, and for less once the search has come up to head. `kept` is what the
    /// dashboard has kept of the ring so far.
    pub fn advance(
        &mut self,
        ring: &AttachedRing,
        kept: &MessageLog,
        patience: Duration,
    ) -> SearchProgress {
        let begun = Instant::now();
        let head = control(ring).producer_head;
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.begin(ring, head),
        };
        let follows = reader.position() >= self.target;
        let patience = if follows {
            patience.min(FOLLOWS_FOR)
        } else {
            patience
        };
        let until = self.request.until.unwrap_or(u64::MAX);
        let mut ended = false;
        while !ended && begun.elapsed() < patience {
            let moved = reader.advance(ring, until, |event| {
                match event {
                    ReadEvent::Message(message, integrity) => self.look_at(&message, integrity),
                    ReadEvent::Gap(gap) => self.pass_over(&gap, kept),
                }
                Ok(())
            });
            ended = !moved.unwrap_or(false);
        }
        let end = control(ring).producer_head.min(until);
        let left = end.saturating_sub(reader.position());
        let stands_still = std::mem::replace(&mut self.head, head) == head;
        self.progress.left_bytes = left;
        self.progress.is_behind = !ended && reader.position() < self.target;
        self.progress.goes_on = self.progress.is_behind && stands_still;
        self.reader = Some(reader);
        self.progress.clone()
    }

    /// A reader at the oldest message that can be told apart.
    fn begin(&mut self, ring: &AttachedRing, head: u64) -> MessageReader {
        let until = self.request.until.unwrap_or(u64::MAX);
        (self.target, self.head) = (head.min(until), head);
        let floor = head.saturating_sub(ring.capacity());
        let (found, known) = match self.start.filter(|(found, _)| *found >= floor) {
            Some(start) => start,
            None => {
                let known = oldest_boundary(ring);
                let found = older(ring, known, usize::MAX).map_or(known, |older| older.clear);
                (found, known)
            }
        };
        self.start = Some((found, known));
        let kept = std::mem::take(&mut self.request.kept);
        // What the ring has let go of is no part of it: only what was kept of that is searched.
        let first = (kept.first()..kept.end()).find_map(|row| kept.message(row));
        let before = first.map_or(floor, |first| first.offset.min(floor));
        self.search_kept(before, floor.min(found), &kept);
        if floor < found {
            let gap = Gap {
                from: floor,
                to: found,
                why: GapReason::NoBoundary,
                torn: 0,
            };
            self.pass_over(&gap, &kept);
        }
        MessageReader::at_found(found, known)
    }

    fn look_at(&mut self, message: &RawMessage<'_>, integrity: Integrity) {
        self.progress.searched_messages += 1;
        self.progress.searched_bytes += message.header.total_len();
        if (self.request.matcher)(message, integrity) {
            self.progress.matches += 1;
            if let Some(unread) = self.unread.take() {
                self.progress.found.skip(unread.into());
            }
            self.progress.found.push(*message, integrity);
        }
    }

    /// Searches what was kept of the messages in `[from, to)`, which the ring has no more.
    fn search_kept(&mut self, from: u64, to: u64, kept: &MessageLog) {
        for row in kept.first()..kept.end() {
            if let Some(message) = kept.message(row)
                && (from..to).contains(&message.offset)
            {
                self.look_at(&message.raw(), message.integrity);
            }
        }
    }

    /// Searches what was kept of the bytes of a gap, and counts the rest.
    fn pass_over(&mut self, gap: &Gap, kept: &MessageLog) {
        // What was passed over of late is at the end of what was kept.
        let rows = (kept.first()..kept.end()).rev();
        let within = rows.take_while(|row| match kept.row(*row) {
            Some(LogRow::Message(message)) => message.offset >= gap.from,
            Some(LogRow::Gap(other)) => other.to > gap.from,
            None => false,
        });
        let mut at = gap.from;
        let first = within.last().unwrap_or(kept.end());
        // Of two messages in a row nothing is missing: between them the lap may have ended.
        let mut follows = false;
        for row in first..kept.end() {
            let Some(message) = kept.message(row) else {
                follows = false;
                continue;
            };
            let end = message.offset.saturating_add(message.header.total_len());
            if follows && message.offset >= gap.to {
                return;
            }
            if message.offset < at || end > gap.to {
                continue;
            }
            if !follows {
                self.miss(at, message.offset, gap);
            }
            self.look_at(&message.raw(), message.integrity);
            (at, follows) = (end, true);
        }
        self.miss(at, gap.to, gap);
    }

    fn miss(&mut self, from: u64, to: u64, gap: &Gap) {
        let bytes = to.saturating_sub(from);
        if bytes == 0 {
            return;
        }
        let missed = &mut self.progress.missed_bytes;
        *missed = missed.saturating_add(bytes);
        let unread = self.unread.get_or_insert_with(|| Unread {
            first: Gap {
                from,
                to,
                ..gap.clone()
            },
            end: from,
            bytes: 0,
            places: 0,
        });
        unread.places += u64::from(unread.end != from || unread.places == 0);
        unread.bytes = unread.bytes.saturating_add(bytes);
        unread.end = to;
    }
}

impl From<Unread> for Gap {
    fn from(unread: Unread) -> Self {
        let to = unread.end;
        match unread.places {
            ..2 => Self { to, ..unread.first },
            places => Self {
                from: unread.first.from,
                to,
                why: GapReason::NotRead {
                    bytes: unread.bytes,
                    places,
                },
                torn: 0,
            },
        }
    }
}

/// Messages around `offset`, the boundary of one: some before it and some after it, if the ring still has it and a
/// boundary before it is known.
#[must_use]
pub fn around(ring: &AttachedRing, offset: u64) -> Option<MessageLog> {
    /// Bytes before it, and after it.
    const REACH: u64 = 64 << 10;
    /// Rows after it.
    const ROWS: usize = 4096;
    let head = control(ring).producer_head;
    let mut reader = begin(ring, offset, REACH)?;
    let mut log = MessageLog::new(usize::MAX);
    let (mut rows, mut is_there) = (0, false);
    let mut take = |event: ReadEvent<'_>| {
        match event {
            ReadEvent::Gap(gap) => log.skip(gap),
            ReadEvent::Message(message, integrity) => {
                is_there |= message.offset == offset;
                if message.offset > offset {
                    rows += 1;
                    let far = message.offset - offset > REACH && rows > 1;
                    if far || rows > ROWS {
                        return Err(io::ErrorKind::Interrupted.into());
                    }
                }
                log.push(message, integrity);
            }
        }
        Ok(())
    };
    // A head that jumps to and fro would lead it about for ever.
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && matches!(reader.advance(ring, head, &mut take), Ok(true)) {}
    is_there.then_some(log)
}

/// A reader at a boundary that is `reach` before `offset`, or as near to that as can be.
fn begin(ring: &AttachedRing, offset: u64, reach: u64) -> Option<MessageReader> {
    let capacity = ring.capacity();
    let known = oldest_boundary(ring);
    let oldest = if offset < known {
        older(ring, known, usize::MAX).ok()?.clear
    } else {
        known
    };
    if offset < oldest {
        return None;
    }
    let lap = offset - offset % capacity;
    let wanted = offset.saturating_sub(reach);
    // A walk does not cross the start of a lap: what is before it is walked up to there.
    let (mut start, mut end) = (oldest.max(lap), offset);
    if wanted < start && start > oldest {
        (start, end) = (oldest.max(start.saturating_sub(capacity)), start);
    }
    let read = in_time(ring, Instant::now() + PATIENCE);
    let mut near = start;
    let landed = lands(start, end, capacity, read, |at| {
        if at <= wanted {
            near = at;
        }
    });
    let from = match landed {
        Ok(true) => near,
        // Nothing vouches for what is before it; it is a boundary all the same.
        _ => offset,
    };
    Some(MessageReader::at_found(from, known))
}
