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
        let Some(&start) = tails.range(floor..head).next() else {
            *self = Self::default();
            return LagCounts::default();
        };
        let first = self.marks.first().map(|(at, _)| *at);
        if first.is_none_or(|first| start < first) || !(start..=head).contains(&self.to) {
            self.begin(start);
        }
        if self.walk(ring, head, budget).is_none()
            || Validity::read(ring, start).integrity(start) == Integrity::Torn
        {
            *self = Self::default();
            return LagCounts::default();
        }
        // What lies below the smallest tail is never asked for again.
        let passed = self.marks.partition_point(|(at, _)| *at <= start);
        self.marks.drain(..passed.saturating_sub(1));
        let behind = tails.range(start..head).filter_map(|tail| {
            let before = self.before(ring, *tail)?;
            let counted = self.messages.checked_sub(before)?;
            Some((*tail, self.estimate(counted, head)))
        });
        LagCounts {
            behind: behind.collect(),
            progress: (self.to < head).then(|| (self.to - start, head - start)),
        }
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
        let mut bytes = Vec::new();
        copy(ring, at, tail, &mut bytes).ok()?;
        let counted = count(&bytes, at, ring.capacity(), &HashSet::from([at]))?;
        Some(before + counted.get(&at)?)
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn estimate(&self, counted: u64, head: u64) -> Estimate<u64> {
        let (first, before) = self.marks.first().copied().unwrap_or_default();
        if self.to == head {
            return Estimate::exact(counted);
        }
        let walked = (self.messages - before).max(1) as f64;
        let mean = (self.to - first).max(1) as f64 / walked;
        Estimate::about(counted + whole((head - self.to) as f64 / mean))
    }
}
