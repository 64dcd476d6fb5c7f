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

/// Writes the messages of rings in a recording, or of the one in a dump, to stdout, those of several in the order in which they
/// were seen; with `-f`, also those that come.
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
    let (head, description) = known_of(playback, first);
    let mut sink = Sink::new(options, head, stdout)?;
    sink.open_ring(&first.id, &description);
    if others.is_empty() {
        pass_ring(playback, first, options, &mut sink)?;
    } else {
        if let Some(option) = place_option(options) {
            bail!(
                "{option}: each of the {} rings has offsets of its own: choose one with --pid, or say how many of the last \
                 messages of each with -n",
                rings.len()
            );
        }
        for ring in others {
            expect_messages(playback, ring)?;
            let (_, description) = known_of(playback, ring);
            sink.open_ring(&ring.id, &description);
        }
        merge(playback, rings, options, &mut sink)?;
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

/// The option that means a place in one ring, if one does.
fn place_option(options: &TailArgs) -> Option<&'static str> {
    let is_place =
        |place: Option<RingPosition>| !matches!(place, None | Some(RingPosition::Oldest));
    let given = [("--from", options.from), ("--until", options.until)];
    let mut given = given.into_iter().filter(|(_, place)| is_place(*place));
    given.next().map(|(option, _)| option)
}

/// Where the head of a ring was, and the ring in words.
fn known_of(playback: &mut Playback, ring: &PlayedRing) -> (u64, String) {
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
fn wanted_last(options: &TailArgs) -> Option<usize> {
    match (options.last, options.from) {
        (_, Some(RingPosition::Head)) => Some(0),
        (None, Some(_)) => None,
        (last, _) => Some(last.unwrap_or(LAST)),
    }
}

/// The chunk behind the last one that has messages of a ring.
fn behind(playback: &Playback, ring: &PlayedRing) -> usize {
    let chunks = playback.message_chunks(ring);
    chunks.last().map_or(0, |last| last + 1)
}

/// Those from chunk `next` on that have messages of a ring.
fn chunks_from(playback: &Playback, ring: &PlayedRing, next: usize) -> Vec<usize> {
    let chunks = playback.message_chunks(ring);
    let new = chunks.partition_point(|chunk| *chunk < next);
    chunks[new..].to_vec()
}

/// Writes the messages of the only ring; with `-f` those that come, too.
fn pass_ring(
    playback: &mut Playback,
    ring: &PlayedRing,
    options: &TailArgs,
    sink: &mut Sink<Stdout>,
) -> anyhow::Result<()> {
    let mut next = 0;
    if let Some(last) = wanted_last(options) {
        next = behind(playback, ring);
        for kept in last_of(playback, ring, last, sink) {
            kept.write(sink)?;
        }
    }
    loop {
        for chunk in chunks_from(playback, ring, next) {
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
        if sink.is_done() || !options.follows() || !playback.goes_on() {
            return Ok(());
        }
        sink.sleep(LOOKS_EVERY)?;
        take_in(playback);
    }
}

/// Where one of several rings stands.
struct Cursor<'a> {
    ring: &'a PlayedRing,
    /// The chunk that is read next.
    next: usize,
    /// What was read, and is not written yet.
    read: VecDeque<Kept>,
}

impl Cursor<'_> {
    /// Reads on until there is something, as far as the recording goes.
    fn fill(&mut self, playback: &mut Playback, sink: &mut Sink<Stdout>) {
        if !self.read.is_empty() {
            return;
        }
        for chunk in chunks_from(playback, self.ring, self.next) {
            self.next = chunk + 1;
            playback.messages_in(self.ring, chunk, |sighted, message| {
                self.read.extend(Kept::of(sighted, message, sink));
                true
            });
            if !self.read.is_empty() {
                return;
            }
        }
    }
}

/// Writes the messages of several rings in the order in which they were seen; with `-f` those that come, too.
fn merge(
    playback: &mut Playback,
    rings: &[PlayedRing],
    options: &TailArgs,
    sink: &mut Sink<Stdout>,
) -> anyhow::Result<()> {
    let last = wanted_last(options);
    let mut cursors = Vec::new();
    for ring in rings {
        let (next, read) = match last {
            Some(last) => (behind(playback, ring), last_of(playback, ring, last, sink)),
            None => (0, VecDeque::new()),
        };
        cursors.push(Cursor { ring, next, read });
    }
    loop {
        while !sink.is_done() {
            for cursor in &mut cursors {
                cursor.fill(playback, sink);
            }
            let first = |cursor: &Cursor<'_>| cursor.read.front().map(Kept::at_ns);
            let next = (0..cursors.len())
                .filter_map(|number| Some((first(&cursors[number])?, number)))
                .min();
            let Some((_, number)) = next else { break };
            if let Some(kept) = cursors[number].read.pop_front() {
                sink.select_ring(number);
                kept.write(sink)?;
            }
        }
        sink.flush()?;
        if sink.is_done() || !options.follows() || !playback.goes_on() {
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

impl Kept {
    /// What is wanted of it.
    fn of(
        sighted: Sighted,
        message: RecordedMessage<'_>,
        sink: &mut Sink<impl Output>,
    ) -> Option<Self> {
        match message {
            RecordedMessage::Message(raw, integrity) | RecordedMessage::Header(raw, integrity) => {
                let wanted = sink.admit(&raw, integrity);
                wanted.then(|| Self::Message(sighted, Message::from((raw, integrity))))
            }
            RecordedMessage::Gap(gap) => Some(Self::Gap(sighted, gap)),
        }
    }

    /// When it was seen, ns since 1970.
    fn at_ns(&self) -> u64 {
        let (Self::Message(sighted, _) | Self::Gap(sighted, _)) = self;
        sighted.at_ns
    }

    fn write(self, sink: &mut Sink<impl Output>) -> io::Result<()> {
        match self {
            Self::Message(sighted, message) => {
                let raw = RawMessage {
                    offset: message.offset,
                    header: message.header,
                    payload: &message.payload,
                };
                write(sink, &raw, message.integrity, sighted)
            }
            Self::Gap(sighted, gap) => sink.gap_seen(&gap, sighted),
        }
    }
}

/// The last messages that are wanted, and the gaps between them: from the last chunk backwards, until there are enough.
fn last_of(
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
            let wanted = Kept::of(sighted, message, sink);
            here += usize::from(matches!(wanted, Some(Kept::Message(..))));
            found.extend(wanted);
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
