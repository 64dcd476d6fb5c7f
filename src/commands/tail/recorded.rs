//! `tail --file`: the messages of a recording.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use anyhow::bail;

use super::passive::tail_at;
use super::sink::{Sink, describe};
use crate::capture::RecordedMessage;
use crate::cli::{RingPosition, TailArgs};
use crate::observe::messages::Sighted;
use crate::observe::model::{Gap, GapReason, Integrity, Message};
use crate::recording::{Content, Playback, PlayedRing};
use crate::ring::RawMessage;
use crate::stderr::warn;
use crate::stdout::{Output, Stdout};

/// What comes in a stream is looked for this often.
const LOOKS_EVERY: Duration = Duration::from_millis(50);
/// Messages shown when nothing else was asked for.
const LAST: usize = 10;

/// Writes the messages of rings in a recording, or of the one in a dump, to stdout, one ring after the other; with `-f`, also
/// those that come to the last one.
///
/// # Errors
/// Those of stdout, and when what was asked for is not in the recording.
pub fn recorded(
    playback: &mut Playback,
    rings: &[PlayedRing],
    options: &TailArgs,
) -> anyhow::Result<()> {
    let Some((first, others)) = rings.split_first() else {
        bail!("there is no ring in the recording");
    };
    // What a stream has is only seen when it comes; of a dump all is needed.
    let stdout = Stdout::now();
    while options.follows() && playback.goes_on() && !playback.has(first, Content::Messages) {
        stdout.sleep(LOOKS_EVERY)?;
        take_in(playback);
    }
    if playback.has(first, Content::Pages) && others.is_empty() {
        // Its messages were seen when it was copied.
        let at_ns = playback.state(first).map(|(at_ns, _)| at_ns);
        return tail_at(playback.restored(first)?, None, options, at_ns);
    }
    expect_messages(playback, first)?;
    let known = KnownRing::of(playback, first);
    let mut sink = Sink::new(options, known.head, stdout)?;
    sink.open_ring(&first.id, &known.description);
    pass_ring(playback, first, options, others.is_empty(), &mut sink)?;
    for (number, ring) in others.iter().enumerate() {
        if sink.is_done() {
            break;
        }
        expect_messages(playback, ring)?;
        let known = KnownRing::of(playback, ring);
        sink.begin_ring(&ring.id, &known.description, known.capacity)?;
        let is_last = number + 1 == others.len();
        pass_ring(playback, ring, options, is_last, &mut sink)?;
    }
    sink.finish()?;
    playback.notes().iter().for_each(|note| warn(note));
    Ok(())
}

fn expect_messages(playback: &Playback, ring: &PlayedRing) -> anyhow::Result<()> {
    if !playback.has(ring, Content::Messages) && !playback.goes_on() {
        bail!(
            "ring {}: the recording has no messages of it (`record --messages all` stores messages, `dump` the whole ring)",
            ring.id
        );
    }
    Ok(())
}

/// What is known of a ring besides its messages.
struct KnownRing {
    head: u64,
    capacity: u64,
    description: String,
}

impl KnownRing {
    fn of(playback: &mut Playback, ring: &PlayedRing) -> Self {
        let state = playback.state(ring).map(|(_, state)| state.ring);
        let head = state.as_ref().and_then(|ring| ring.control.head());
        let capacity = state.as_ref().map_or(0, |ring| ring.control.ring_capacity);
        let description = state.map(|ring| {
            let sockets = ring.producer.sockets.unwrap_or_default();
            let capacity = Some(capacity).filter(|capacity| *capacity > 0);
            describe(ring.producer.command.as_deref(), &sockets, capacity)
        });
        Self {
            head: head.unwrap_or(0),
            capacity,
            description: description.unwrap_or_default(),
        }
    }
}

/// Writes the messages of one ring; with `-f` those that come, too, if it is the last one.
fn pass_ring(
    playback: &mut Playback,
    ring: &PlayedRing,
    options: &TailArgs,
    is_last: bool,
    sink: &mut Sink<Stdout>,
) -> anyhow::Result<()> {
    let last = match (options.last, options.from) {
        (None, Some(_)) => None,
        (last, _) => Some(last.unwrap_or(LAST)),
    };
    let mut next = 0;
    let behind = playback
        .message_chunks(ring)
        .last()
        .map_or(0, |last| last + 1);
    if options.from == Some(RingPosition::Head) || last == Some(0) {
        next = behind;
    } else if let Some(last) = last {
        show_last(playback, ring, last, sink)?;
        next = behind;
    }
    loop {
        let chunks = playback.message_chunks(ring);
        let new = chunks.partition_point(|chunk| *chunk < next);
        let new = chunks[new..].to_vec();
        for chunk in new {
            next = chunk + 1;
            let mut outcome = Ok(());
            playback.messages_in(ring, chunk, |sighted, message| {
                outcome = pass(sink, sighted, &message);
                outcome.is_ok() && !sink.is_done()
            });
            outcome?;
            if sink.is_done() {
                break;
            }
        }
        sink.flush()?;
        if sink.is_done() || !options.follows() || !is_last || !playback.goes_on() {
            return Ok(());
        }
        sink.sleep(LOOKS_EVERY)?;
        take_in(playback);
    }
}

/// Takes in what has come, and goes to the end of it.
fn take_in(playback: &mut Playback) {
    playback.take_in();
    playback.go_to(u64::MAX);
}

/// A message or a gap.
enum Kept {
    Message(Sighted, Message),
    Gap(Sighted, Gap),
}

/// Writes the last messages that are wanted: from the last chunk backwards, until there are enough.
fn show_last(
    playback: &mut Playback,
    ring: &PlayedRing,
    last: usize,
    sink: &mut Sink<impl Output>,
) -> io::Result<()> {
    let (mut messages, mut kept) = (0, VecDeque::new());
    for chunk in playback.message_chunks(ring).into_owned().into_iter().rev() {
        if messages >= last || sink.is_asked_to_end() {
            break;
        }
        let (mut here, mut found) = (0, VecDeque::new());
        sink.rewind();
        playback.messages_in(ring, chunk, |sighted, message| {
            match message {
                RecordedMessage::Message(raw, integrity)
                | RecordedMessage::Header(raw, integrity) => {
                    if sink.admit(&raw, integrity) {
                        found.push_back(Kept::Message(sighted, Message::from((raw, integrity))));
                        here += 1;
                    }
                }
                RecordedMessage::Gap(gap) => found.push_back(Kept::Gap(sighted, gap)),
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
    for event in kept {
        match event {
            Kept::Message(sighted, message) => {
                let raw = RawMessage {
                    offset: message.offset,
                    header: message.header,
                    payload: &message.payload,
                };
                write(sink, &raw, message.integrity, sighted)?;
            }
            Kept::Gap(sighted, gap) => sink.gap_seen(&gap, sighted)?,
        }
    }
    Ok(())
}

fn pass(
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
fn write(
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
