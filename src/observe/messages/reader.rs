//! Message bytes out of a live ring: copied, walked, labelled.
//!
//! Bytes are copied by `pread` and only the private copy is looked at, so nothing changes between check and use
//! and a ring that shrinks cannot fault. After the copy the tails are read, then head: they tell how far the copy
//! can be trusted. A walk starts at a known boundary only: the start of a lap, a value that head had, or a real
//! consumer's tail.

use std::io;
use std::time::Instant;

use super::copy::{PATIENCE, if_in_time, in_time};
use super::copy_buffer::CopyBuffer;
use super::validity::Validity;
use super::walk::{CHUNK, first_clear, header_of, lands};
use crate::observe::attach::AttachedRing;
use crate::observe::model::{Gap, GapReason, Integrity, Message};
use crate::observe::sample::control;
use crate::ring::{RawMessage, Walk};

/// The longest message that is copied: a header that lies, in a ring that is large but empty, must not cost us its
/// length in memory.
const LONGEST: u64 = 256 << 20;
/// Bytes copied at a time in a small ring.
const SMALL: u64 = 4 << 10;

/// Something met on the way through a ring.
#[derive(Debug)]
pub enum ReadEvent<'a> {
    /// A message, at a boundary that can be trusted.
    Message(RawMessage<'a>, Integrity),
    /// Bytes passed over.
    Gap(Gap),
}

/// Reads a ring forward from a known boundary.
#[derive(Debug)]
pub struct MessageReader {
    position: u64,
    buffer: CopyBuffer,
    /// The last jump went to a boundary found in bytes that may have been written over since: a second one in a row
    /// would lose to the producer again.
    searched: bool,
    /// Head went on so far during the last copy that there is no time to look for anything.
    racing: bool,
    shows_torn: bool,
    /// Where a walk through torn bytes ended, and head at that time: as long as neither changes, there is nothing new
    /// to be learned from another one.
    proven: Option<(u64, u64)>,
    /// Below this, boundaries were found in bytes: nothing but those tells that there were messages.
    found_until: u64,
}

impl MessageReader {
    /// A reader whose next message begins at `boundary`.
    #[must_use]
    pub fn at(boundary: u64) -> Self {
        Self {
            position: boundary,
            buffer: CopyBuffer::default(),
            searched: false,
            racing: false,
            shows_torn: false,
            proven: None,
            found_until: 0,
        }
    }

    /// A reader whose next message begins at `boundary`, which was found in the bytes before the known boundary `known`.
    #[must_use]
    pub fn at_found(boundary: u64, known: u64) -> Self {
        Self {
            found_until: known,
            ..Self::at(boundary)
        }
    }

    /// Hands out torn messages as well, where their headers lead to a known boundary.
    #[must_use]
    pub fn with_torn(self, shows_torn: bool) -> Self {
        Self { shows_torn, ..self }
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

    /// Gives back the memory of its last copy, which may be that of a very long message.
    pub fn release(&mut self) {
        self.buffer = CopyBuffer::default();
    }

    /// Goes on at head if the ring holds no more what comes next, and returns what was passed over.
    pub fn catch_up(&mut self, ring: &AttachedRing, why: GapReason) -> Option<Gap> {
        let head = control(ring).producer_head;
        if head.saturating_sub(self.position) <= ring.capacity() {
            return None;
        }
        let gap = Gap {
            from: self.position,
            to: head,
            why,
            torn: 0,
        };
        self.position = head;
        Some(gap)
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
        mut each: impl FnMut(ReadEvent<'_>) -> io::Result<()>,
    ) -> io::Result<bool> {
        let head = control(ring).producer_head;
        let until = until.min(head);
        if self.position >= until {
            // A head that fell behind us is a lie or a new ring: only a new boundary helps.
            if head < self.position {
                self.skip(head, GapReason::HeadWentBack, 0, &mut each)?;
                return Ok(true);
            }
            return Ok(false);
        }
        if head - self.position > ring.capacity() {
            self.overrun(head, ring.capacity(), GapReason::Overrun, &mut each)?;
            return Ok(true);
        }
        let capacity = ring.capacity();
        let lap_end = (self.position - self.position % capacity).saturating_add(capacity);
        // Both are boundaries: a walk that lands here was right all the way.
        let landing = until.min(lap_end);
        // On a ring that laps within microseconds a copy of more than a little is written over while it is made.
        let piece = (capacity / 16).clamp(SMALL, CHUNK);
        let mut end = landing.min(self.position.saturating_add(piece));
        loop {
            self.buffer
                .fill(ring, self.position % capacity, end - self.position)?;
            let start = self.position;
            let validity = Validity::read(ring, start);
            self.racing = validity.head.saturating_sub(head) > capacity / 8;
            let found_until = self.found_until;
            let integrity = |offset: u64| {
                if offset < found_until && !validity.is_settled(offset) {
                    return Integrity::Torn;
                }
                validity.integrity(offset)
            };
            let torn = integrity(start) == Integrity::Torn;
            if torn && !(self.shows_torn && self.is_sound(ring, landing, &validity)?) {
                let first = if self.searched || self.racing {
                    None
                } else {
                    let read = in_time(ring, Instant::now() + PATIENCE);
                    let clear = |offset| integrity(offset) != Integrity::Torn;
                    if_in_time(first_clear(start, landing, &validity, clear, read))?.flatten()
                };
                self.searched = first.is_some();
                match first {
                    Some((first, torn)) => {
                        self.skip(first, GapReason::NearProducer, torn, &mut each)?
                    }
                    None => {
                        // What is only doubtful on a ring that stands still was overrun by nobody.
                        let why = if validity.head == head {
                            GapReason::NearProducer
                        } else {
                            GapReason::Overrun
                        };
                        self.overrun(validity.head, capacity, why, &mut each)?;
                    }
                }
                return Ok(true);
            }
            let mut walk = Walk::new(self.buffer.bytes(), start, capacity);
            for step in walk.by_ref() {
                match step {
                    Ok(message) => {
                        self.position = message.offset + message.header.total_len();
                        self.searched = false;
                        each(ReadEvent::Message(message, integrity(message.offset)))?;
                    }
                    Err(corruption) => {
                        self.skip(landing, GapReason::Corrupt(corruption), 0, &mut each)?;
                        return Ok(true);
                    }
                }
            }
            if self.position > start {
                return Ok(true);
            }
            // Not one whole message in the piece: it is longer than a chunk, or says more than was committed.
            let whole =
                header_of(self.buffer.bytes()).map(|header| start.checked_add(header.total_len()));
            match whole.flatten().filter(|whole| *whole <= landing) {
                Some(whole) if whole - start <= LONGEST => end = whole,
                Some(whole) => {
                    let why = GapReason::TooLong {
                        length: whole - start,
                        limit: LONGEST,
                    };
                    self.skip(whole, why, 0, &mut each)?;
                    return Ok(true);
                }
                None => {
                    self.skip(landing, GapReason::LongerThanCommitted, 0, &mut each)?;
                    return Ok(true);
                }
            }
        }
    }

    /// Goes on from a boundary that is known whatever lies in between: where head's lap starts, or, if the last try was in
    /// vain or the producer is too fast for one, head itself.
    fn overrun(
        &mut self,
        head: u64,
        capacity: u64,
        why: GapReason,
        each: &mut impl FnMut(ReadEvent<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let lap_start = head - head % capacity;
        let boundary = if lap_start > self.position && !self.searched && !self.racing {
            self.searched = true;
            lap_start
        } else {
            head
        };
        self.skip(boundary, why, 0, each)
    }

    /// Whether the headers from here on lead to `landing`, although the bytes are torn.
    fn is_sound(
        &mut self,
        ring: &AttachedRing,
        landing: u64,
        validity: &Validity,
    ) -> io::Result<bool> {
        if validity.head.saturating_sub(self.position) > validity.capacity {
            return Ok(false);
        }
        let state = (landing, validity.head);
        if self.proven != Some(state) {
            let read = in_time(ring, Instant::now() + PATIENCE);
            let sound = lands(self.position, landing, validity.capacity, read, |_| {});
            self.proven = if_in_time(sound)?.unwrap_or(false).then_some(state);
        }
        Ok(self.proven.is_some())
    }

    /// Goes on from a later boundary, and says so.
    fn skip(
        &mut self,
        boundary: u64,
        why: GapReason,
        torn: u64,
        each: &mut impl FnMut(ReadEvent<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        each(ReadEvent::Gap(Gap {
            from: self.position,
            to: boundary,
            why,
            torn,
        }))?;
        self.position = boundary;
        Ok(())
    }
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
