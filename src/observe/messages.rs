//! Message bytes out of a live ring: copied, walked, labelled.
//!
//! Bytes are copied by `pread` and only the private copy is looked at, so nothing changes between check and use
//! and a ring that shrinks cannot fault. After the copy the tails are read, then head: they tell how far the copy
//! can be trusted. A walk starts at a known boundary only: the start of a lap, a value that head had, or a real
//! consumer's tail.

use std::collections::{HashMap, HashSet};
use std::io;

use super::attach::AttachedRing;
use super::frame::{Integrity, Message};
use super::sample::control;
use super::vouch::Vouch;
use super::walks::{CHUNK, count, first_clear, header_of, lands};
use crate::ring::layout::HEADER_SIZE;
use crate::ring::message::{MessageHeader, RawMessage, Walk};
use crate::text;

/// The longest message that is copied: a header that lies, in a ring that is large but empty, must not cost us its
/// length in memory.
const LONGEST: u64 = 256 << 20;
/// Why a reader lost its place on a ring that is too fast for it.
const OVERRUN: &str = "head overran the reader";
/// Why a reader leaves out the oldest bytes of a ring.
const DOUBTFUL: &str = "too near to what the producer may be writing over";

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
    /// The last jump went to a boundary found in bytes that may have been written over since: a second one in a row
    /// would lose to the producer again.
    searched: bool,
}

impl Reader {
    /// A reader whose next message begins at `boundary`.
    #[must_use]
    pub fn at(boundary: u64) -> Self {
        Self {
            position: boundary,
            buffer: Vec::new(),
            searched: false,
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
        self.buffer.clear();
        self.buffer.shrink_to(2 * CHUNK as usize);
        loop {
            self.buffer.clear();
            copy(ring, self.position, end, &mut self.buffer)?;
            let vouch = Vouch::read(ring);
            let start = self.position;
            if vouch.integrity(start) == Integrity::Torn {
                let first = if self.searched {
                    None
                } else {
                    let read = |from, to, bytes: &mut Vec<u8>| copy(ring, from, to, bytes);
                    first_clear(start, landing, &vouch, read)?
                };
                self.searched = first.is_some();
                match first {
                    Some(first) => self.skip(first, DOUBTFUL, &mut each)?,
                    // The head read after the copy is a boundary, whatever lies in between.
                    None => self.skip(vouch.head, OVERRUN, &mut each)?,
                }
                return Ok(true);
            }
            let mut walk = Walk::new(&self.buffer, start, capacity);
            for step in walk.by_ref() {
                match step {
                    Ok(message) => {
                        self.position = message.offset + message.header.total_len();
                        self.searched = false;
                        each(Event::Message(message, vouch.integrity(message.offset)))?;
                    }
                    Err(corruption) => {
                        let why = format!("framing lost: {corruption}");
                        self.skip(landing, &why, &mut each)?;
                        return Ok(true);
                    }
                }
            }
            if self.position > start {
                return Ok(true);
            }
            // Not one whole message in the piece: it is longer than a chunk, or says more than was committed.
            let whole = header_of(&self.buffer).map(|header| start.checked_add(header.total_len()));
            match whole.flatten().filter(|whole| *whole <= landing) {
                Some(whole) if whole - start <= LONGEST => end = whole,
                Some(whole) => {
                    let why = format!(
                        "a message of {}, more than the {} that are copied at once",
                        text::bytes(whole - start),
                        text::bytes(LONGEST)
                    );
                    self.skip(whole, &why, &mut each)?;
                    return Ok(true);
                }
                None => {
                    let why = "framing lost: a message is longer than what was committed";
                    self.skip(landing, why, &mut each)?;
                    return Ok(true);
                }
            }
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

/// Appends a copy of the logical bytes `[from, to)`, which lie within one lap, to `buffer`.
fn copy(ring: &AttachedRing, from: u64, to: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    let before = buffer.len();
    let length = usize::try_from(to - from).map_err(io::Error::other)?;
    buffer.resize(before + length, 0);
    ring.copy_out(from % ring.capacity(), &mut buffer[before..])
}

/// The oldest boundary that is known and whose bytes the ring may still hold: the start of head's lap, or the
/// smallest tail, if that is before it and the walk from there ends where the lap begins. A tail that lies does not.
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
    let read = |from, to, bytes: &mut Vec<u8>| copy(ring, from, to, bytes);
    vouch
        .min_tail
        .filter(|tail| *tail < lap)
        .filter(|tail| lands(*tail, lap, vouch.capacity, read, |_| {}).unwrap_or(false))
        .unwrap_or(lap)
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
    let tails: HashSet<u64> = tails
        .iter()
        .copied()
        .filter(|tail| (floor..head).contains(tail))
        .collect();
    // At head itself there is nothing to be wrong about.
    let mut counted = HashMap::from([(head, 0)]);
    let Some(&start) = tails.iter().min() else {
        return counted;
    };
    let mut bytes = Vec::new();
    let mut from = start;
    while from < head {
        let lap_end = (from - from % capacity).saturating_add(capacity);
        if copy(ring, from, head.min(lap_end), &mut bytes).is_err() {
            return counted;
        }
        from = head.min(lap_end);
    }
    if Vouch::read(ring).integrity(start) != Integrity::Torn {
        counted.extend(count(&bytes, start, capacity, &tails).into_iter().flatten());
    }
    counted
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
