//! Message bytes out of a live ring: copied, walked, labelled.
//!
//! Bytes are copied by `pread` and only the private copy is looked at, so nothing changes between check and use
//! and a ring that shrinks cannot fault. After the copy the tails are read, then head: they tell how far the copy
//! can be trusted. A walk starts at a known boundary only: the start of a lap, a value that head had, or a real
//! consumer's tail.

use std::collections::HashMap;
use std::io;

use super::attach::AttachedRing;
use super::frame::{Integrity, Message};
use super::sample::control;
use crate::ring::layout::{HEADER_SIZE, META_TAIL_OFFSET};
use crate::ring::message::{MessageHeader, RawMessage, Walk};

/// Bytes copied at a time.
const CHUNK: u64 = 1 << 20;
/// Why a reader lost its place on a ring that is too fast for it.
const OVERRUN: &str = "head overran the reader";

/// What may be said of a copy once it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vouch {
    /// The smallest tail of a consumer that the producer minds; `None` when there is none.
    min_tail: Option<u64>,
    /// Head, read after the tails.
    head: u64,
    capacity: u64,
}

impl Vouch {
    /// Reads tails, then head. To be called after the copy that it is to speak for.
    #[must_use]
    pub fn read(ring: &AttachedRing) -> Self {
        // The copy's loads come before the tails': a consumer that had not let the producer in when its tail was
        // read had not done so during the copy either.
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
        let members = ring.members().iter();
        let tails: Vec<_> = members
            .map(|member| (member, member.meta.load_u64_acquire(META_TAIL_OFFSET)))
            .collect();
        let head = control(ring).producer_head;
        let capacity = ring.capacity();
        // A tail above head is parked or a lie and holds nothing back; one a lap behind is a lie; and one whose
        // slot is no longer held is not minded.
        let minded = |member, tail| {
            head.checked_sub(tail).is_some_and(|lag| lag <= capacity) && ring.still_holds(member)
        };
        let min_tail = tails
            .into_iter()
            .filter(|(member, tail)| minded(member, *tail))
            .map(|(_, tail)| tail)
            .min();
        Self {
            min_tail,
            head,
            capacity,
        }
    }

    /// How far bytes copied from `offset` on can be trusted.
    #[must_use]
    pub fn integrity(&self, offset: u64) -> Integrity {
        // The producer writes below the smallest tail plus capacity, so nothing at or above that tail.
        if self.min_tail.is_some_and(|tail| offset >= tail) {
            return Integrity::Intact;
        }
        // What it may be writing ahead of head is not known, so an eighth of the ring is kept clear of.
        let oldest_clear = self.head.saturating_sub(self.capacity - self.capacity / 8);
        if offset >= oldest_clear {
            Integrity::Likely
        } else {
            Integrity::Torn
        }
    }
}

/// Something met on the way through a ring.
#[derive(Debug)]
pub enum Event<'a> {
    /// A message, at a boundary that can be trusted.
    Message(RawMessage<'a>, Integrity),
    /// Bytes passed over.
    Gap(Gap),
}

/// Bytes passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// First offset not shown.
    pub from: u64,
    /// Offset where reading goes on.
    pub to: u64,
    /// Why.
    pub why: String,
}

/// Reads a ring forward from a known boundary.
#[derive(Debug)]
pub struct Reader {
    position: u64,
    buffer: Vec<u8>,
}

impl Reader {
    /// A reader whose next message begins at `boundary`.
    #[must_use]
    pub fn at(boundary: u64) -> Self {
        Self {
            position: boundary,
            buffer: Vec::new(),
        }
    }

    /// Offset of the next message.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes on from another boundary.
    pub fn jump(&mut self, boundary: u64) {
        self.position = boundary;
    }

    /// Copies and walks one piece of the ring below `until`, handing out what is met. Returns whether it got
    /// on; it did not when the reader has reached `until` or head.
    ///
    /// # Errors
    /// When the ring's bytes can no longer be read.
    pub fn advance(
        &mut self,
        ring: &AttachedRing,
        until: u64,
        mut each: impl FnMut(Event<'_>) -> io::Result<()>,
    ) -> io::Result<bool> {
        let head = control(ring).producer_head;
        let until = until.min(head);
        if self.position >= until {
            // A head that fell behind us is a lie or a new ring: only a new boundary helps.
            if head < self.position {
                each(Event::Gap(Gap {
                    from: self.position,
                    to: head,
                    why: "head went back".into(),
                }))?;
                self.position = head;
                return Ok(true);
            }
            return Ok(false);
        }
        if head - self.position > ring.capacity() {
            self.skip(head, OVERRUN, &mut each)?;
            return Ok(true);
        }
        let capacity = ring.capacity();
        let lap_end = (self.position - self.position % capacity).saturating_add(capacity);
        // Both are boundaries: a walk that lands here was right all the way.
        let landing = until.min(lap_end);
        let mut end = landing.min(self.position.saturating_add(CHUNK));
        loop {
            self.buffer.clear();
            copy(ring, self.position, end, &mut self.buffer)?;
            let vouch = Vouch::read(ring);
            let start = self.position;
            if vouch.integrity(start) == Integrity::Torn {
                let first = (end == landing)
                    .then(|| first_clear(&self.buffer, start, end, &vouch))
                    .flatten();
                // Failing that, the head read after the copy is a boundary, whatever lies in between.
                self.skip(first.unwrap_or(vouch.head), OVERRUN, &mut each)?;
                if first.is_none() {
                    return Ok(true);
                }
            }
            let rest = usize::try_from(self.position - start).map_err(io::Error::other)?;
            let mut walk = Walk::new(&self.buffer[rest..], self.position, capacity);
            for step in walk.by_ref() {
                match step {
                    Ok(message) => {
                        self.position = message.offset + message.header.total_len();
                        each(Event::Message(message, vouch.integrity(message.offset)))?;
                    }
                    Err(corruption) => {
                        let why = format!("framing lost: {corruption}");
                        self.skip(vouch.head, &why, &mut each)?;
                        return Ok(true);
                    }
                }
            }
            if self.position > start {
                return Ok(true);
            }
            // Not one whole message in the piece: it is longer than a chunk, or says more than was committed.
            let header = self
                .buffer
                .first_chunk()
                .map(|bytes| MessageHeader::from_bytes(*bytes));
            end = match header.and_then(|header| start.checked_add(header.total_len())) {
                Some(whole) if whole <= landing => whole,
                _ => {
                    let why = "framing lost: a message is longer than what was committed";
                    self.skip(vouch.head.max(landing), why, &mut each)?;
                    return Ok(true);
                }
            };
        }
    }

    /// Goes on from a later boundary, and says so.
    fn skip(
        &mut self,
        boundary: u64,
        why: &str,
        each: &mut impl FnMut(Event<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        each(Event::Gap(Gap {
            from: self.position,
            to: boundary,
            why: why.to_owned(),
        }))?;
        self.position = boundary;
        Ok(())
    }
}

/// The first message in a copy that begins torn which is not torn itself, if the walk through all of it, torn
/// headers included, lands exactly on `end`, a known boundary: headers that were written over do not do that.
fn first_clear(copy: &[u8], start: u64, end: u64, vouch: &Vouch) -> Option<u64> {
    let mut walk = Walk::new(copy, start, vouch.capacity);
    let mut first = None;
    for step in walk.by_ref() {
        let offset = step.ok()?.offset;
        if first.is_none() && vouch.integrity(offset) != Integrity::Torn {
            first = Some(offset);
        }
    }
    (walk.position() == end).then_some(first).flatten()
}

/// Appends a copy of the logical bytes `[from, to)`, which lie within one lap, to `buffer`.
fn copy(ring: &AttachedRing, from: u64, to: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    let before = buffer.len();
    let length = usize::try_from(to - from).map_err(io::Error::other)?;
    buffer.resize(before + length, 0);
    ring.copy_out(from % ring.capacity(), &mut buffer[before..])
}

/// The oldest boundary that is known and whose bytes the ring may still hold: the start of head's lap, or a
/// consumer's tail before it.
#[must_use]
pub fn oldest_boundary(ring: &AttachedRing) -> u64 {
    let vouch = Vouch::read(ring);
    let lap = vouch.head - vouch.head % vouch.capacity;
    // At the very start of a lap, the lap before is whole unless it is being written over.
    let lap = if lap == vouch.head {
        lap.saturating_sub(vouch.capacity)
    } else {
        lap
    };
    vouch
        .min_tail
        .filter(|tail| vouch.head - tail <= vouch.capacity)
        .map_or(lap, |tail| tail.min(lap))
}

/// Where the messages in `[from, to)` begin, by their headers alone: none empty, at most `most`, and only if the last
/// of them ends exactly on `to`, a known boundary. Gives up early where messages are too short for that.
#[must_use]
pub fn boundaries(ring: &AttachedRing, from: u64, to: u64, most: usize) -> Option<Vec<u64>> {
    /// Hops after which the mean length tells whether the rest is within reach.
    const TRIAL: usize = 8;
    let capacity = ring.capacity();
    if from >= to || to - from > capacity {
        return None;
    }
    let mut all = Vec::new();
    let mut at = from;
    while at < to {
        let hopeless = || (at - from) / TRIAL as u64 * (most as u64) < to - from;
        if all.len() == most || (all.len() == TRIAL && hopeless()) {
            return None;
        }
        let position = at % capacity;
        let mut header = [0; HEADER_SIZE];
        if capacity - position < HEADER_SIZE as u64 {
            return None;
        }
        ring.copy_out(position, &mut header).ok()?;
        let length = MessageHeader::from_bytes(header).total_len();
        if length > capacity - position {
            return None;
        }
        all.push(at);
        at += length;
    }
    (at == to).then_some(all)
}

/// How many messages lie between each of `tails` and `head`, in one walk over at most `budget` bytes. Absent from the
/// answer: tails further back, tails that are no boundary, and all of them when the walk does not land on head or
/// its bytes may have been written over meanwhile.
#[must_use]
pub fn count_behind(
    ring: &AttachedRing,
    tails: &[u64],
    head: u64,
    budget: u64,
) -> HashMap<u64, u64> {
    let capacity = ring.capacity();
    let floor = head.saturating_sub(budget.min(capacity));
    let Some(&start) = tails
        .iter()
        .filter(|tail| (floor..=head).contains(tail))
        .min()
    else {
        return HashMap::new();
    };
    let mut bytes = Vec::new();
    let mut from = start;
    while from < head {
        let lap_end = (from - from % capacity).saturating_add(capacity);
        if copy(ring, from, head.min(lap_end), &mut bytes).is_err() {
            return HashMap::new();
        }
        from = head.min(lap_end);
    }
    let vouch = Vouch::read(ring);
    let mut walk = Walk::new(&bytes, start, capacity);
    let mut seen: HashMap<u64, u64> = HashMap::new();
    let mut messages = 0;
    for step in walk.by_ref() {
        let Ok(message) = step else { break };
        if tails.contains(&message.offset) {
            seen.insert(message.offset, messages);
        }
        messages += 1;
    }
    if walk.position() != head || vouch.integrity(start) == Integrity::Torn {
        // At head itself there is nothing to be wrong about.
        seen.clear();
        messages = 0;
    }
    seen.into_iter()
        .map(|(tail, before)| (tail, messages - before))
        .chain([(head, 0)])
        .collect()
}

impl From<(RawMessage<'_>, Integrity)> for Message {
    fn from((raw, integrity): (RawMessage<'_>, Integrity)) -> Self {
        Self {
            offset: raw.offset,
            header: raw.header,
            payload: raw.payload.to_vec(),
            integrity,
        }
    }
}
