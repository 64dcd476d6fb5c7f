//! `tail`: messages as they lie in the ring, and as they come.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::sink::{Sink, describe};
use crate::cli::{self, RingPosition};
use crate::observe::attach::{AttachedRing, Succession};
use crate::observe::messages::{
    Follower, MessageReader, NextStep, ReadEvent, near_boundary, older, oldest_boundary,
};
use crate::observe::model::{Gap, GapReason, Integrity, Message};
use crate::observe::sample::control;
use crate::ring::{MessageHeader, RawMessage};
use crate::stderr::{Progress, warn};
use crate::stdout::{Output, Stdout};
use crate::text::bytes;

/// Who is in the ring, and so who vouches for its bytes, is looked up this often.
const REFRESH_EVERY: Duration = Duration::from_secs(1);
/// The ring that takes the place of one that is over is waited for in steps of this length.
const SUCCESSOR_EVERY: Duration = Duration::from_millis(100);
/// From so far before head on, a nearer boundary is looked for when only the last messages are wanted.
const FAR: u64 = 128 << 20;
/// A boundary that is no further from head than this is where the last messages are walked from.
const NEAR: u64 = 4 << 20;
/// How long the last messages are walked to.
const GIVES_UP_AFTER: Duration = Duration::from_secs(5);
/// How long the last messages are tried for on a ring that overruns every try.
const OVERTAKEN_FOR: Duration = Duration::from_millis(300);
/// Said once, where it begins.
const SPARING: &str = "the ring is faster than it can be read: messages are skipped so that the producer is not \
                       slowed down (--lossless skips none, but holds the producer back)";
/// Payloads that are longer are not kept, but read once more when they are shown: of the last messages, only those are known
/// when all are read.
const LONG: usize = 1 << 20;
/// Messages shown when nothing else was asked for.
const LAST: usize = 10;

/// Writes to stdout what the ring holds, and with `-f` what comes; with `-F` also of the rings that take its place.
///
/// # Errors
/// When what was asked for is not there yet, or no ring can take the place of this one; those of stdout; [`io::ErrorKind::BrokenPipe`] when its reader has gone.
pub fn tail(
    ring: AttachedRing,
    succession: Option<Succession>,
    options: &cli::TailArgs,
) -> anyhow::Result<()> {
    tail_at(ring, succession, options, None)
}

/// As [`tail`], of a ring as it was at a time in ns since 1970.
///
/// # Errors
/// Those of [`tail`].
pub(super) fn tail_at(
    mut ring: AttachedRing,
    succession: Option<Succession>,
    options: &cli::TailArgs,
    at_ns: Option<u64>,
) -> anyhow::Result<()> {
    let mut succession = succession.filter(|_| options.follow_name);
    if options.follow_name && succession.is_none() {
        bail!(
            "-F: ring {} was chosen with --ring or --fd, which do not identify its successor: choose it with \
             --socket, or with --pid alone",
            ring.id()
        );
    }
    let head = control(&ring).producer_head;
    let mut sink = Sink::new(options, head, Stdout::now())?;
    sink.set_time(at_ns);
    sink.open_ring(ring.id(), &description(&ring));
    sink.look(|| control(&ring).producer_head);
    let last = match (options.last, options.from) {
        (None, Some(_)) => None,
        (last, _) => Some(last.unwrap_or(LAST)),
    };
    let reader = match options.from {
        _ if last == Some(0) => MessageReader::at(head),
        None => {
            let near = Some(NEAR).filter(|_| sink.takes_all());
            let near = near.and_then(|reach| near_boundary(&ring, head, reach));
            MessageReader::at(near.unwrap_or_else(|| oldest_boundary(&ring)))
        }
        Some(RingPosition::Head) => MessageReader::at(head),
        Some(RingPosition::Oldest) => begin(&ring, 0, head, options.torn, &mut sink)?,
        Some(RingPosition::Offset(offset)) if offset <= head => {
            begin(&ring, offset, head, options.torn, &mut sink)?
        }
        Some(RingPosition::Offset(_)) if options.follows() => MessageReader::at(head),
        Some(RingPosition::Offset(offset)) => {
            bail!("--from {offset}: beyond head, which is at {head}; add -f to wait for it")
        }
    };
    let mut reader = reader.with_torn(options.torn);
    match last {
        Some(last) => retained(&ring, &mut reader, head, last, options, &mut sink)?,
        None => {
            while !sink.is_done() && reader.advance(&ring, head, |event| pass(&mut sink, event))? {}
        }
    }
    if options.follows() {
        let idle = options.idle_timeout;
        while follow(&mut ring, reader, &mut sink, idle)? == End::OfRing
            && let Some(succession) = &mut succession
            && let Some(next) = next_ring(&ring, succession, &mut sink, idle)?
        {
            ring = next;
            reader = from_the_start(&ring, options.torn, &mut sink)?.with_torn(options.torn);
        }
    }
    Ok(sink.finish()?)
}

/// A ring, for people.
fn description(ring: &AttachedRing) -> String {
    let producer = ring.producer();
    let sockets = producer.sockets.unwrap_or_default();
    describe(producer.command.as_deref(), &sockets, Some(ring.capacity()))
}

/// A reader at the boundary from which the messages at and behind `offset` are reached; says what cannot be.
fn begin(
    ring: &AttachedRing,
    offset: u64,
    head: u64,
    torn: bool,
    sink: &mut Sink<impl Output>,
) -> io::Result<MessageReader> {
    let known = oldest_boundary(ring);
    if offset >= known {
        return Ok(MessageReader::at(known));
    }
    let older = older(ring, known, usize::MAX)?;
    let retained = head.saturating_sub(ring.capacity());
    let until = sink.until();
    let mut gap = |from: u64, to: u64, why, torn| {
        let (from, to) = (offset.max(from), to.min(until));
        if from < to {
            return sink.gap(&Gap {
                from,
                to,
                why,
                torn,
            });
        }
        Ok(())
    };
    if offset > 0 {
        gap(offset, retained, GapReason::NoLongerHeld, 0)?;
    }
    let why = if older.hurried {
        GapReason::NotSearched
    } else {
        GapReason::NoBoundary
    };
    gap(retained, older.oldest, why, 0)?;
    if torn {
        return Ok(MessageReader::at_found(older.oldest, known));
    }
    gap(
        older.oldest,
        older.clear,
        GapReason::NearProducer,
        older.torn,
    )?;
    Ok(MessageReader::at_found(older.clear, known))
}

/// Messages and gaps in order, oldest first.
type Recent = VecDeque<Kept>;

/// What was met, and may have to be shown.
enum Kept {
    Message(Message),
    /// A message that is too long to be kept: where it lies.
    Long(u64, MessageHeader),
    Gap(Gap),
}

impl Kept {
    fn of(raw: RawMessage<'_>, integrity: Integrity) -> Self {
        if raw.payload.len() > LONG {
            Self::Long(raw.offset, raw.header)
        } else {
            Self::Message(Message::from((raw, integrity)))
        }
    }

    fn is_message(&self) -> bool {
        !matches!(self, Self::Gap(_))
    }
}

/// Prints the last messages below `head`, and leaves `reader` behind them.
fn retained(
    ring: &AttachedRing,
    reader: &mut MessageReader,
    head: u64,
    last: usize,
    options: &cli::TailArgs,
    sink: &mut Sink<impl Output>,
) -> io::Result<()> {
    let held = head.saturating_sub(ring.capacity());
    if sink.is_full() || sink.until() <= held {
        // Nothing is wanted of what is held.
        return Ok(());
    }
    if head.saturating_sub(reader.position()) > FAR {
        // What lies between is too much to be read for the sake of its end: a boundary nearer to head is looked for.
        let near = older(ring, head, last)?;
        if near.clear < head {
            *reader = MessageReader::at_found(near.clear, head).with_torn(options.torn);
        }
    }
    let known = reader.position();
    let mut oldest = known;
    let Some((mut messages, mut kept)) = collect(ring, reader, head, Beyond::Goes, last, sink)?
    else {
        warn(&format!(
            "the last messages before offset {head} could not be reached in time: the nearest known message boundary is {} \
             before it (--from head -f shows new ones)",
            bytes(head - known)
        ));
        reader.jump(head);
        return Ok(());
    };
    // Older ones have to be looked for, and it is not known how many of them will be wanted.
    let mut enough = last;
    while messages < last && options.from.is_none() && !sink.is_asked_to_end() {
        let found = older(ring, known, enough)?;
        let from = if options.torn {
            found.oldest
        } else {
            found.clear
        };
        if from >= oldest {
            break;
        }
        reader.release();
        let mut reader = MessageReader::at_found(from, known).with_torn(options.torn);
        sink.rewind();
        let wanted = last - messages;
        let Some((more, mut before)) =
            collect(ring, &mut reader, oldest, Beyond::Stops, wanted, sink)?
        else {
            break;
        };
        before.append(&mut kept);
        (messages, kept, oldest) = (messages + more, before, from);
        enough = enough.saturating_mul(4);
    }
    let unread = oldest.min(sink.until()).saturating_sub(held);
    if messages < last && options.from.is_none() && unread > 0 {
        warn(&format!(
            "the {} before offset {oldest} were not read: no message boundary is known there, or the producer may be \
             overwriting them",
            bytes(unread)
        ));
    }
    for event in kept {
        match event {
            Kept::Message(kept) => {
                let raw = RawMessage {
                    offset: kept.offset,
                    header: kept.header,
                    payload: &kept.payload,
                };
                sink.write(&raw, kept.integrity, None)?;
            }
            Kept::Long(offset, header) => once_more(ring, reader, offset, header, sink)?,
            Kept::Gap(gap) => sink.gap(&gap)?,
        }
    }
    Ok(())
}

/// Prints the message at `offset`, which was met before, or says that it is there no more.
fn once_more(
    ring: &AttachedRing,
    reader: &mut MessageReader,
    offset: u64,
    header: MessageHeader,
    sink: &mut Sink<impl Output>,
) -> io::Result<()> {
    let (behind, mut written) = (reader.position(), false);
    let end = offset.saturating_add(header.total_len());
    reader.jump(offset);
    reader.advance(ring, end, |event| {
        if let ReadEvent::Message(raw, integrity) = event
            && (raw.offset, raw.header) == (offset, header)
        {
            written = true;
            sink.write(&raw, integrity, None)?;
        }
        Ok(())
    })?;
    reader.jump(behind);
    if !written {
        sink.gap(&Gap {
            from: offset,
            to: end,
            why: GapReason::Overrun,
            torn: 0,
        })?;
    }
    Ok(())
}

/// What becomes of a reader that the ring has carried past where it was to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beyond {
    /// It goes on: on a ring that is too fast to be read whole, what comes next will do as well.
    Goes,
    /// It is done: what comes next has been read already.
    Stops,
}

/// Reads up to `until`, and keeps the last of the messages that are wanted; `None` when that takes too long.
fn collect(
    ring: &AttachedRing,
    reader: &mut MessageReader,
    until: u64,
    beyond: Beyond,
    last: usize,
    sink: &mut Sink<impl Output>,
) -> io::Result<Option<(usize, Recent)>> {
    let (mut messages, mut kept) = (0, Recent::new());
    let (mut end, deadline) = (until, Instant::now() + OVERTAKEN_FOR);
    let gives_up = Instant::now() + GIVES_UP_AFTER;
    let (from, mut progress) = (reader.position(), Progress::begin());
    while !sink.is_done() {
        progress.tell(|| {
            let read = reader.position().saturating_sub(from);
            let all = until.saturating_sub(from);
            format!(
                "looking for the last messages: {} of {} read",
                bytes(read),
                bytes(all)
            )
        });
        if Instant::now() >= gives_up {
            return Ok(None);
        }
        sink.look(|| control(ring).producer_head);
        let moved = reader.advance(ring, end, |event| {
            match event {
                ReadEvent::Message(raw, integrity) => {
                    if sink.admit(&raw, integrity) {
                        messages += 1;
                        kept.push_back(Kept::of(raw, integrity));
                    }
                }
                ReadEvent::Gap(mut gap) => {
                    if beyond == Beyond::Stops {
                        gap.to = gap.to.min(until);
                    }
                    kept.push_back(Kept::Gap(gap));
                }
            }
            while messages > last {
                messages -= usize::from(kept.pop_front().is_some_and(|event| event.is_message()));
            }
            Ok(())
        })?;
        if reader.position() > until && beyond == Beyond::Goes {
            end = u64::MAX;
        }
        let done = if end == until {
            !moved
        } else {
            messages >= last || Instant::now() >= deadline
        };
        if done {
            break;
        }
    }
    Ok(Some((messages, kept)))
}

/// Why following a ring came to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// All that was wanted is printed, nothing has come for long enough, or the end was asked for.
    OfWork,
    /// The producer has ended or given the ring up, and all is read.
    OfRing,
}

/// Waits for the ring that takes the place of `ended`.
fn next_ring(
    ended: &AttachedRing,
    succession: &mut Succession,
    sink: &mut Sink<impl Output>,
    idle_timeout: Option<Duration>,
) -> io::Result<Option<AttachedRing>> {
    warn("waiting for the ring that takes its place");
    let since = Instant::now();
    while !sink.is_done() && idle_timeout.is_none_or(|timeout| since.elapsed() < timeout) {
        let next = succession.find(ended);
        if next.is_some() {
            return Ok(next);
        }
        sink.sleep(SUCCESSOR_EVERY)?;
    }
    Ok(None)
}

/// Says which ring comes now, and what of it was missed; a reader of all the rest.
fn from_the_start(
    ring: &AttachedRing,
    torn: bool,
    sink: &mut Sink<impl Output>,
) -> io::Result<MessageReader> {
    sink.begin_ring(ring.id(), &description(ring), ring.capacity())?;
    let head = sink.look(|| control(ring).producer_head);
    let retained = head.saturating_sub(ring.capacity());
    if retained > 0 {
        sink.gap(&Gap {
            from: 0,
            to: retained,
            why: GapReason::NoLongerHeld,
            torn: 0,
        })?;
    }
    begin(ring, 0, head, torn, sink)
}

/// Prints messages as they come, until all that is wanted is printed, or the producer has ended and all is read.
fn follow(
    ring: &mut AttachedRing,
    reader: MessageReader,
    sink: &mut Sink<impl Output>,
    idle_timeout: Option<Duration>,
) -> io::Result<End> {
    let mut refreshed = Instant::now();
    let mut moved = Instant::now();
    let mut follower = Follower::new(ring, reader);
    let mut rests = false;
    while !sink.is_done() && follower.position() < sink.until() {
        // Asked before reading: what is committed before the producer ends is seen by the read that follows.
        let alive = ring.producer_alive();
        if refreshed.elapsed() >= REFRESH_EVERY {
            ring.refresh();
            refreshed = Instant::now();
        }
        if ring.ctrl().is_truncated() {
            return Err(io::Error::other(
                "zbq_ctrl was truncated: the ring's head is lost",
            ));
        }
        let token = Follower::token(ring);
        // What is committed from now on is seen by the next look.
        let head = sink.look(|| control(ring).producer_head);
        let next = follower.advance(ring, token, head, |event| pass(sink, event))?;
        let token = match next {
            NextStep::Wait(token) => token,
            NextStep::Read => {
                moved = Instant::now();
                continue;
            }
            NextStep::Rest(rest) => {
                moved = Instant::now();
                // What was found must not wait for a batch that a filter may take hours to fill.
                sink.flush()?;
                if let Some(gap) = follower.rest(ring, rest, |time| sink.sleep(time))? {
                    sink.gap(&gap)?;
                    if !rests {
                        warn(SPARING);
                        rests = true;
                    }
                }
                continue;
            }
        };
        sink.flush()?;
        if !alive {
            warn(if ring.is_given_up() {
                "the producer has closed this ring but is still running"
            } else {
                "the producer has ended"
            });
            return Ok(End::OfRing);
        }
        if idle_timeout.is_some_and(|timeout| moved.elapsed() >= timeout) {
            return Ok(End::OfWork);
        }
        match sink.looks_every() {
            Some(time) => sink.sleep(time)?,
            None => follower.wait(ring, token, |time| sink.sleep(time))?,
        }
    }
    Ok(End::OfWork)
}

fn pass(sink: &mut Sink<impl Output>, event: ReadEvent<'_>) -> io::Result<()> {
    match event {
        ReadEvent::Message(raw, integrity) if sink.admit(&raw, integrity) => {
            sink.write(&raw, integrity, None)
        }
        ReadEvent::Message(..) => Ok(()),
        ReadEvent::Gap(gap) => sink.gap(&gap),
    }
}
