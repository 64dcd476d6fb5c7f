//! How many messages lie behind head from far-off tails, counted once: each look goes on where the last one ended.
//!
//! What one look may read is soon too little for a large ring that stands full. So the walk from the smallest tail to head is
//! remembered, with a mark every few pages, and a tail in between is a short walk from the mark before it.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::copy::copy;
use super::validity::Validity;
use super::walk::{count, header_of};
use crate::observe::attach::AttachedRing;
use crate::observe::model::{Estimate, Integrity};
use crate::ring::Walk;
use crate::text::whole;

/// Bytes between two marks.
const STEP: u64 = 16 << 10;
/// Bytes copied at a time.
const PIECE: u64 = 256 << 10;

/// A walk from the smallest tail towards head.
#[derive(Debug, Default)]
pub struct LagCounter {
    /// Boundaries, each with the messages from the first of them on.
    marks: Vec<(u64, u64)>,
    /// How far it has come: a boundary, and the messages from the first mark to it.
    to: u64,
    messages: u64,
    /// Tails from which no walk led on: they lie.
    astray: BTreeSet<u64>,
    piece: Vec<u8>,
}

/// What is known of lags in messages.
#[derive(Debug, Default)]
pub struct LagCounts {
    /// By tail: exact once head is reached, before that with an estimate for the rest.
    pub behind: HashMap<u64, Estimate<u64>>,
    /// Bytes that were walked, and bytes from the smallest tail to head, while there are more to walk.
    pub progress: Option<(u64, u64)>,
}

impl LagCounter {
    /// Goes on for `budget` bytes, and tells what is known of `tails`.
    pub fn look(
        &mut self,
        ring: &AttachedRing,
        tails: &BTreeSet<u64>,
        head: u64,
        budget: u64,
    ) -> LagCounts {
        let floor = head.saturating_sub(ring.capacity());
        // Who stands where the producer may be writing is not asked for, nor one from whose tail no walk leads on.
        let validity = Validity::read(ring, floor);
        let can_be = |tail: &&u64| {
            validity.integrity(**tail) != Integrity::Torn && !self.astray.contains(*tail)
        };
        let Some(&start) = tails.range(floor..head).find(can_be) else {
            self.forget();
            return LagCounts::default();
        };
        let first = self.marks.first().map(|(at, _)| *at);
        if first.is_none_or(|first| start < first) || !(start..=head).contains(&self.to) {
            self.begin(start);
        }
        if self.walk(ring, head, budget).is_none() {
            self.astray.insert(start);
            self.astray.retain(|tail| tails.contains(tail));
            self.forget();
            return LagCounts::default();
        }
        if Validity::read(ring, start).integrity(start) == Integrity::Torn {
            self.forget();
            return LagCounts::default();
        }
        // What lies below the smallest tail is never asked for again.
        let passed = self.marks.partition_point(|(at, _)| *at <= start);
        self.marks.drain(..passed.saturating_sub(1));
        let behind = tails.range(start..head).filter_map(|tail| {
            if *tail > self.to {
                return Some((*tail, Estimate::about(self.estimated(*tail, head)?)));
            }
            let before = self.before(ring, *tail)?;
            let counted = self.messages.checked_sub(before)?;
            Some((*tail, self.estimate(counted, head)))
        });
        LagCounts {
            behind: behind.collect(),
            progress: (self.to < head).then(|| (self.to - start, head - start)),
        }
    }

    fn forget(&mut self) {
        self.marks.clear();
        (self.to, self.messages) = (0, 0);
    }

    fn begin(&mut self, start: u64) {
        self.marks.clear();
        self.marks.push((start, 0));
        (self.to, self.messages) = (start, 0);
    }

    /// Walks on towards `head`; `None` when that does not end where it must.
    fn walk(&mut self, ring: &AttachedRing, head: u64, budget: u64) -> Option<()> {
        let capacity = ring.capacity();
        let until = head.min(self.to.saturating_add(budget));
        while self.to < until {
            // A mark where a lap begins, and behind each long message: from a tail there is never far to one.
            let last = self.marks.last().map_or(0, |(at, _)| *at);
            let is_far = self.to - last >= STEP || self.to.is_multiple_of(capacity);
            if self.to > last && is_far {
                self.marks.push((self.to, self.messages));
            }
            let lap_end = (self.to - self.to % capacity).checked_add(capacity)?;
            let landing = head.min(lap_end);
            self.piece.clear();
            let end = landing.min(self.to.saturating_add(PIECE));
            copy(ring, self.to, end, &mut self.piece).ok()?;
            let mut walk = Walk::new(&self.piece, self.to, capacity);
            for step in walk.by_ref() {
                let message = step.ok()?;
                let last = self.marks.last().map_or(0, |(at, _)| *at);
                if message.offset - last >= STEP {
                    self.marks.push((message.offset, self.messages));
                }
                self.messages += 1;
            }
            let mut at = walk.position();
            if at == self.to {
                // Longer than a piece: its header says where the next one is.
                at = at.checked_add(header_of(&self.piece)?.total_len())?;
                self.messages += 1;
            }
            if at > landing {
                return None;
            }
            self.to = at;
        }
        Some(())
    }

    /// Messages from the first mark to `tail`; `None` when that is no boundary.
    fn before(&self, ring: &AttachedRing, tail: u64) -> Option<u64> {
        let after = self.marks.partition_point(|(at, _)| *at <= tail);
        let (at, before) = *self.marks.get(after.checked_sub(1)?)?;
        if at == tail {
            return Some(before);
        }
        if tail - at > STEP + PIECE {
            return None;
        }
        let mut bytes = Vec::new();
        copy(ring, at, tail, &mut bytes).ok()?;
        let counted = count(&bytes, at, ring.capacity(), &HashSet::from([at]))?;
        Some(before + counted.get(&at)?)
    }

    fn estimate(&self, counted: u64, head: u64) -> Estimate<u64> {
        match self.estimated(self.to, head) {
            Some(rest) if self.to < head => Estimate::about(counted.saturating_add(rest)),
            _ => Estimate::exact(counted),
        }
    }

    /// Messages between two offsets that were not walked, by the mean length of those that were.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn estimated(&self, from: u64, to: u64) -> Option<u64> {
        let (first, before) = *self.marks.first()?;
        let walked = self.messages.saturating_sub(before).max(1) as f64;
        let mean = self.to.saturating_sub(first).max(1) as f64 / walked;
        Some(whole(to.saturating_sub(from) as f64 / mean))
    }
}
