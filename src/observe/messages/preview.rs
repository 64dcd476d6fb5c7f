//! The newest messages of a ring, within a fixed budget of bytes, memory and time for each look.
//!
//! A dashboard cannot read everything that a fast ring carries, and need not: it follows from one look to the
//! next while that is little, and otherwise leaps to the nearest boundary it can be sure of.

use std::time::{Duration, Instant};

use super::ages::Ages;
use super::backfill;
use super::boundaries::{boundaries, oldest_boundary};
use super::reader::{MessageReader, ReadEvent};
use super::tally::{IntervalTally, SizeTally};
use crate::decode::{Decoder, TimeField};
use crate::observe::attach::{AttachedRing, Member};
use crate::observe::model::{
    Gap, GapReason, Limitation, MessageFigures, MessageLog, MessageTotals,
};
use crate::observe::sample::control;
use crate::text;

/// Headers read at most on the way to head when the bytes are too many.
const HOPS: usize = 512;
/// Pieces of the ring read in one look at most: the budget in laps of the smallest ring, and as much again.
const STEPS: u32 = 8192;
/// How long a look waits for head to move, to have two heads with few bytes between them.
const PATIENCE: Duration = Duration::from_micros(300);

/// The newest messages and what they tell of sizes.
#[derive(Debug)]
pub struct Preview {
    /// Bytes walked at most in one look.
    budget: u64,
    /// Whether the first look shows what the ring still holds.
    reads_back: bool,
    reader: Option<MessageReader>,
    log: MessageLog,
    sizes: Sizes,
    note: Option<String>,
    /// The tail from which messages are shown, where no boundary nearer to head is known.
    gating: Option<u64>,
    /// Head at the last look.
    head: Option<u64>,
    totals: MessageTotals,
    lengths: SizeTally,
    intervals: IntervalTally,
    /// Fillers in the last look.
    fillers: u64,
    ages: Option<Ages>,
    /// How long a look may decode for them.
    decoding: Duration,
}

/// What the messages walked so far tell of sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sizes {
    /// Mean bytes of a message with its header, recent ones weighing more; 0 before the first.
    pub mean: f64,
    /// The longest of the messages kept, with its header.
    pub longest: u64,
}

/// The smallest tail of a consumer that holds a slot: a boundary whose bytes the producer keeps off.
fn gating(ring: &AttachedRing, head: u64) -> Option<u64> {
    let held = ring.members().iter().filter(|member| member.held);
    let tails = held.map(Member::tail);
    tails
        .filter(|tail| *tail < head && head - tail <= ring.capacity())
        .min()
}

fn far_from_head(bytes: u64) -> String {
    format!(
        "the nearest known message boundary is {} before head: these are the messages that the slowest consumer \
         reads next, not the newest",
        text::bytes(bytes)
    )
}

impl Preview {
    /// A preview that walks at most `budget` bytes in one look, and keeps about `history` bytes of messages. With
    /// `reads_back` its first look is at what the ring holds already, as far as that is kept.
    #[must_use]
    pub fn new(budget: u64, history: usize, reads_back: bool) -> Self {
        Self {
            budget,
            reads_back,
            reader: None,
            log: MessageLog::new(history),
            sizes: Sizes::default(),
            note: None,
            gating: None,
            head: None,
            totals: MessageTotals::default(),
            lengths: SizeTally::default(),
            intervals: IntervalTally::default(),
            fillers: 0,
            ages: None,
            decoding: Duration::ZERO,
        }
    }

    /// Tells how old messages are from now on, by `field` of what `decoder` finds, which a look may take so long for.
    pub fn tell_ages(&mut self, decoder: Decoder, field: TimeField, patience: Duration) {
        self.ages = Some(Ages::new(decoder, field));
        self.decoding = patience;
    }

    /// Whether it tells how old messages are: the more often head is looked at, the better that is known.
    #[must_use]
    pub fn tells_ages(&self) -> bool {
        self.ages.is_some()
    }

    /// Takes in where head is between two looks.
    pub fn note_head(&mut self, ring: &AttachedRing) {
        if self.ages.is_some() {
            self.head_of(ring);
        }
    }

    /// Head now: what is read up to there is then known to have been seen.
    fn head_of(&mut self, ring: &AttachedRing) -> u64 {
        let head = || control(ring).producer_head;
        match &mut self.ages {
            Some(ages) => ages.look(head),
            None => head(),
        }
    }

    /// Takes in what is new below `head`, which was read at `at_ns`, monotonic. Returns how many messages came since the last look if every one of
    /// them was walked.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn look(&mut self, ring: &AttachedRing, head: u64, at_ns: u64) -> Option<u64> {
        self.fillers = 0;
        self.note_head(ring);
        if let Some(ages) = &mut self.ages {
            ages.begin(self.decoding);
        }
        let count = self.read(ring, head);
        if let (Some(ages), Some(reader)) = (&mut self.ages, &self.reader) {
            ages.forget_below(reader.position());
        }
        let before = self.head.replace(head);
        if before.is_some() {
            let count = count.map(|count| count.saturating_sub(self.fillers));
            self.intervals.note(at_ns, count);
        }
        match (count, before) {
            (Some(count), _) => self.totals.counted += count,
            (None, Some(before)) if self.sizes.mean > 0.0 => {
                let bytes = head.saturating_sub(before) as f64;
                self.totals.estimated += bytes / self.sizes.mean;
            }
            _ => {}
        }
        count
    }

    fn read(&mut self, ring: &AttachedRing, head: u64) -> Option<u64> {
        let follows = self
            .reader
            .as_ref()
            .is_some_and(|reader| head.saturating_sub(reader.position()) <= self.budget);
        let mut exact = follows;
        let mut until = head;
        let (mut count, mut bytes) = (0, 0);
        self.note = None;
        if follows {
            self.gating = None;
        } else {
            let position = self.reader.as_ref().map(MessageReader::position);
            let retained = position.is_none().then(|| {
                self.reads_back
                    .then(|| backfill::begin(ring, head))
                    .flatten()
            });
            let from = if let Some(Some(from)) = retained {
                from
            } else {
                let known = position.unwrap_or_else(|| oldest_boundary(ring));
                let first = position.is_none();
                match boundaries(ring, known, head, HOPS) {
                    // Few and long messages: all are counted by their headers, and the last of them read.
                    Some(all) => {
                        let near = all.partition_point(|at| head - at > self.budget);
                        let passed = near.min(all.len() - 1);
                        exact = !first;
                        self.gating = None;
                        count = passed as u64;
                        bytes = all[passed] - known;
                        if passed > 0 {
                            self.lengths.miss();
                        }
                        all[passed]
                    }
                    None => {
                        let (mut from, mut to) = self.near(ring, head, first.then_some(known));
                        let stands = from == to && (first || self.gating.is_some());
                        let gating = stands.then(|| gating(ring, head)).flatten();
                        if let Some(tail) = gating {
                            if self.gating == Some(tail) {
                                self.note = Some(far_from_head(head - tail));
                                return None;
                            }
                            // What was read already is behind the reader, at a boundary.
                            from = tail.max(position.unwrap_or(0));
                            to = head.min(from.saturating_add(self.budget));
                        }
                        self.gating = gating;
                        until = to;
                        let fast = || {
                            format!(
                                "more than {} between two samples: only the newest are shown",
                                text::bytes(self.budget)
                            )
                        };
                        self.note = match gating {
                            Some(tail) => Some(far_from_head(head - tail)),
                            None => (!first).then(fast),
                        };
                        from
                    }
                }
            };
            if let Some(position) = position
                && from > position
            {
                let why = if exact {
                    GapReason::OnlyCounted
                } else {
                    GapReason::BeyondBudget
                };
                self.log.skip(Gap {
                    from: position,
                    to: from,
                    why,
                    torn: 0,
                });
            }
            self.reader
                .get_or_insert_with(|| MessageReader::at(from))
                .jump(from);
        }
        let mut reader = self.reader.take()?;
        // Far more than a look can need: a head that jumps to and fro must not keep us for ever.
        for _ in 0..STEPS {
            let moved = reader.advance(ring, until, |event| {
                match event {
                    ReadEvent::Message(message, integrity) => {
                        count += 1;
                        bytes += message.header.total_len();
                        if message.header.is_filler() {
                            self.fillers += 1;
                        } else {
                            self.lengths.note(message.header.payload_len.into());
                        }
                        if let Some(ages) = &mut self.ages {
                            ages.note(&message, integrity);
                        }
                        self.log.push(message, integrity);
                    }
                    ReadEvent::Gap(gap) => {
                        exact = false;
                        self.lengths.miss();
                        self.note = Some(format!(
                            "{} skipped: {}",
                            text::bytes(gap.to.saturating_sub(gap.from)),
                            gap.why
                        ));
                        self.log.skip(gap);
                    }
                }
                Ok(())
            });
            match moved {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    exact = false;
                    self.note = Some(error.to_string());
                    break;
                }
            }
        }
        self.reader = Some(reader);
        self.learn(count, bytes);
        // Before the first look nothing is passed over.
        if !exact && self.head.is_some() {
            self.lengths.miss();
        }
        exact.then_some(count)
    }

    /// What was read, as far as it is kept.
    #[must_use]
    pub fn log(&self) -> &MessageLog {
        &self.log
    }

    /// How many messages there were since the first look.
    #[must_use]
    pub fn totals(&self) -> MessageTotals {
        MessageTotals {
            ages: self.ages.as_ref().map(|ages| ages.tally().counts()),
            ..self.totals
        }
    }

    /// What the messages tell of sizes.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// What is known of the messages that were read.
    #[must_use]
    pub fn figures(&self) -> MessageFigures {
        MessageFigures {
            payload_bytes: self.lengths.distribution(),
            interval_ns: self.intervals.distribution(),
            age_ns: self.ages.as_ref().map(|ages| ages.tally().distribution()),
        }
    }

    /// What cannot be told of the messages.
    pub fn limits(&self) -> impl Iterator<Item = Limitation> {
        let limit = self.ages.as_ref().and_then(|ages| ages.tally().limit());
        limit.into_iter()
    }

    /// What to say beside the messages.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Two boundaries with at most the budget between them, as near to head as can be had.
    fn near(&mut self, ring: &AttachedRing, head: u64, oldest: Option<u64>) -> (u64, u64) {
        if let Some(oldest) = oldest
            && head.saturating_sub(oldest) <= self.budget
        {
            return (oldest, head);
        }
        let floor = head.saturating_sub(self.budget);
        let lap = head - head % ring.capacity();
        let tails = ring
            .members()
            .iter()
            .filter(|member| member.held)
            .map(|member| {
                // Any tail that a consumer had is a boundary; a lie shows as lost framing and is left behind.
                member.tail()
            });
        if let Some(boundary) = tails
            .chain([lap])
            .filter(|at| (floor..head).contains(at))
            .min()
        {
            return (boundary, head);
        }
        let deadline = Instant::now() + PATIENCE;
        let mut from = head;
        loop {
            let now = self.head_of(ring);
            if now > from {
                if now - from <= self.budget {
                    return (from, now);
                }
                from = now;
            }
            if Instant::now() > deadline {
                return (from, from);
            }
            std::hint::spin_loop();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn learn(&mut self, count: u64, bytes: u64) {
        if count == 0 {
            return;
        }
        let mean = bytes as f64 / count as f64;
        self.sizes.mean = if self.sizes.mean == 0.0 {
            mean
        } else {
            self.sizes.mean * 0.8 + mean * 0.2
        };
        self.sizes.longest = self.log.longest();
    }
}
