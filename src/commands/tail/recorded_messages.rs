//! The messages of a recording: where they are, and what of them is wanted.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::sink::{Sink, describe};
use crate::capture::RecordedMessage;
use crate::cli::{RingPosition, TailArgs};
use crate::observe::messages::Sighted;
use crate::observe::model::{Gap, GapReason, Integrity, Message};
use crate::recording::{Playback, PlayedRing};
use crate::ring::RawMessage;
use crate::stdout::Output;

/// What comes in a stream is looked for this often.
pub(super) const LOOKS_EVERY: Duration = Duration::from_millis(50);
/// Messages shown when nothing else was asked for.
pub(super) const LAST: usize = 10;

/// Where the head of a ring was, and the ring in words.
pub(super) fn known_of(playback: &mut Playback, ring: &PlayedRing) -> (u64, String) {
    let Some((_, state)) = playback.state(ring) else {
        return (0, String::new());
    };
    let (producer, control) = (state.ring.producer, state.ring.control);
    let sockets = producer.sockets.unwrap_or_default();
    let capacity = Some(control.ring_capacity).filter(|capacity| *capacity > 0);
    let description = describe(producer.command.as_deref(), &sockets, capacity);
    (control.head().unwrap_or(0), description)
}

/// How many of the last messages are wanted; `None`: all.
pub(super) fn wanted_last(options: &TailArgs) -> Option<usize> {
    match (options.last, options.from) {
        (_, Some(RingPosition::Head)) => Some(0),
        (None, Some(_)) => None,
        (last, _) => Some(last.unwrap_or(LAST)),
    }
}

/// The chunk behind the last one that has messages of a ring.
pub(super) fn behind(playback: &Playback, ring: &PlayedRing) -> usize {
    let chunks = playback.message_chunks(ring);
    chunks.last().map_or(0, |last| last + 1)
}

/// Those from chunk `next` on that have messages of a ring.
pub(super) fn chunks_from(playback: &Playback, ring: &PlayedRing, next: usize) -> Vec<usize> {
    let chunks = playback.message_chunks(ring);
    let new = chunks.partition_point(|chunk| *chunk < next);
    chunks[new..].to_vec()
}

/// Takes in what has come, and goes to the end of it.
pub(super) fn take_in(playback: &mut Playback) {
    playback.take_in();
    playback.go_to(u64::MAX);
}

/// A message or a gap.
pub(super) enum Kept {
    Message(Sighted, Message),
    Gap(Sighted, Gap),
}

impl From<(Sighted, RecordedMessage<'_>)> for Kept {
    fn from((sighted, message): (Sighted, RecordedMessage<'_>)) -> Self {
        match message {
            RecordedMessage::Message(raw, integrity) | RecordedMessage::Header(raw, integrity) => {
                Self::Message(sighted, Message::from((raw, integrity)))
            }
            RecordedMessage::Gap(gap) => Self::Gap(sighted, gap),
        }
    }
}

impl Kept {
    /// Whether it is to be written.
    pub(super) fn is_admitted(&self, sink: &mut Sink<impl Output>) -> bool {
        match self {
            Self::Message(_, message) => sink.admit(&raw_of(message), message.integrity),
            Self::Gap(..) => true,
        }
    }

    /// When it was seen, ns since 1970.
    pub(super) fn at_ns(&self) -> u64 {
        let (Self::Message(sighted, _) | Self::Gap(sighted, _)) = self;
        sighted.at_ns
    }

    pub(super) fn write(self, sink: &mut Sink<impl Output>) -> io::Result<()> {
        match self {
            Self::Message(sighted, message) => {
                write(sink, &raw_of(&message), message.integrity, sighted)
            }
            Self::Gap(sighted, gap) => sink.gap_seen(&gap, sighted),
        }
    }
}

pub(super) fn raw_of(message: &Message) -> RawMessage<'_> {
    RawMessage {
        offset: message.offset,
        header: message.header,
        payload: &message.payload,
    }
}

/// The last messages that are wanted, and the gaps between them: from the last chunk backwards, until there are enough.
pub(super) fn last_of(
    playback: &mut Playback,
    ring: &PlayedRing,
    last: usize,
    sink: &mut Sink<impl Output>,
) -> VecDeque<Kept> {
    let (mut messages, mut kept) = (0, VecDeque::new());
    for chunk in playback.message_chunks(ring).into_owned().into_iter().rev() {
        if messages >= last || sink.is_asked_to_end() {
            break;
        }
        let (mut here, mut found) = (0, VecDeque::new());
        sink.rewind();
        playback.messages_in(ring, chunk, |sighted, message| {
            let kept = Kept::from((sighted, message));
            if kept.is_admitted(sink) {
                here += usize::from(matches!(kept, Kept::Message(..)));
                found.push_back(kept);
            }
            while messages + here > last {
                here -= usize::from(matches!(found.pop_front(), Some(Kept::Message(..))));
            }
            true
        });
        messages += here;
        found.append(&mut kept);
        kept = found;
    }
    kept
}

pub(super) fn pass(
    sink: &mut Sink<impl Output>,
    sighted: Sighted,
    message: &RecordedMessage<'_>,
) -> io::Result<()> {
    match message {
        RecordedMessage::Message(raw, integrity) | RecordedMessage::Header(raw, integrity) => {
            if sink.admit(raw, *integrity) {
                return write(sink, raw, *integrity, sighted);
            }
            Ok(())
        }
        RecordedMessage::Gap(gap) => sink.gap_seen(gap, sighted),
    }
}

/// Writes a message; of one whose payload was not recorded what its header says, if the format has a place for that.
pub(super) fn write(
    sink: &mut Sink<impl Output>,
    raw: &RawMessage<'_>,
    integrity: Integrity,
    sighted: Sighted,
) -> io::Result<()> {
    let whole = raw.payload.len() as u64 == u64::from(raw.header.payload_len);
    if whole || sink.shows_headers() {
        return sink.write_seen(raw, integrity, sighted, None);
    }
    let gap = Gap {
        from: raw.offset,
        to: raw.offset.saturating_add(raw.header.total_len()),
        why: GapReason::NoPayload,
        torn: 0,
    };
    sink.gap_seen(&gap, sighted)
}
