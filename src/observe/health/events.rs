//! What has happened between two looks at a ring: who came, who went and why, who stood still, and when the producer had
//! no room.
//!
//! A function of one snapshot after the other and of what it remembers of those before: it reads nothing. Each thing is
//! told once. What was so at the first look is no event; that it ends is one.

mod memory;
mod wording;

use crate::ring::layout::PARKED_TAIL;
use std::collections::BTreeMap;

use jiff::Timestamp;
use memory::{KnownConsumer, PastLook};
use wording::{AfterEviction, EventBuilder};

use super::episode::{Episode, Since, Transition};
use crate::observe::model::{
    ConsumerSnapshot, ConsumerState, Event, EventKind, RingSnapshot, RingState, Thresholds,
};
use crate::observe::sample::Departed;
use crate::text::bytes;

/// A slot is taken a moment before its consumer maps anything, and until then its process is not known. That is waited
/// for, this long: consumers are looked for once a second.
const NAMED_WITHIN_NS: u64 = 1_500_000_000;

/// What is remembered of a ring so that nothing is told twice.
#[derive(Debug, Default)]
pub struct Events {
    past: Option<PastLook>,
    thresholds: Thresholds,
}

impl Events {
    /// Remembers nothing yet.
    #[must_use]
    pub fn judged_by(thresholds: Thresholds) -> Self {
        Self {
            past: None,
            thresholds,
        }
    }

    /// What has happened since the snapshot before `ring`, which was taken at `wall` by the clock on the wall; `departed` are
    /// those that were in that one and are no more.
    pub fn note(
        &mut self,
        ring: &RingSnapshot,
        departed: &[Departed],
        wall: Timestamp,
    ) -> Vec<Event> {
        if ring.state == RingState::Truncated {
            // Zeroes where the ring's numbers stood: nothing follows from them, now or when they come back.
            self.past = None;
            return Vec::new();
        }
        let stalled_after_ns = self.thresholds.stalled_in_trouble_after_ns();
        let mut told = EventBuilder {
            now: ring.sampled_ns,
            wall,
            stalled_after_ns,
            events: Vec::new(),
        };
        match &mut self.past {
            Some(past) if past.is_of(ring) => past.follow(ring, departed, &mut told),
            Some(past) => {
                told.another_ring(past, ring);
                self.past = Some(PastLook::of(ring, stalled_after_ns));
            }
            None => self.past = Some(PastLook::of(ring, stalled_after_ns)),
        }
        told.events
    }
}

impl PastLook {
    fn follow(&mut self, ring: &RingSnapshot, departed: &[Departed], told: &mut EventBuilder) {
        if self.gone {
            return;
        }
        if ring.producer.alive {
            self.follow_consumers(ring, departed, told);
            self.follow_clog(ring, told);
        } else {
            // With its end the producer's descriptors are closed, too, which evicts nobody.
            self.gone = true;
            for known in self.consumers.values_mut() {
                known.settle(told);
            }
            told.room(Episode::finish(&mut self.clog));
            told.producer_gone(ring);
        }
        let head = ring.control.producer_head;
        if head != self.head {
            (self.head, self.head_moved) = (head, Since::exactly(told.now));
        }
        self.sampled_ns = told.now;
        self.clog_attempts = ring.slots.map(|slots| slots.clog_attempts);
    }

    fn follow_consumers(
        &mut self,
        ring: &RingSnapshot,
        departed: &[Departed],
        told: &mut EventBuilder,
    ) {
        let elapsed = told.now.saturating_sub(self.sampled_ns);
        let stall_timeout = ring.control.stall_timeout_ns;
        let now: BTreeMap<u64, &ConsumerSnapshot> = ring
            .consumers
            .iter()
            .map(|consumer| (consumer.meta_inode, consumer))
            .collect();
        // Who has gone comes before who came: one may have taken the other's slot.
        self.consumers.retain(|inode, known| {
            let Some(next) = now.get(inode) else {
                if !known.dropped {
                    known.settle(told);
                    let last_words = departed.iter().find(|one| one.meta_inode == *inode);
                    known.take(last_words, self.head, ring.control.producer_head, told.now);
                    if known.evictable(told.now, elapsed, stall_timeout) {
                        let again = known.last.pid.is_some()
                            && ring.consumers.iter().any(|one| one.pid == known.last.pid);
                        let after = if again {
                            AfterEviction::Again
                        } else {
                            AfterEviction::Gone
                        };
                        told.evicted(known, after);
                    } else {
                        told.left(known);
                    }
                }
                return false;
            };
            if !known.dropped && !next.held {
                known.dropped = true;
                known.settle(told);
                if next.tail_offset == PARKED_TAIL {
                    known.last.tail_offset = PARKED_TAIL;
                    told.left(known);
                } else {
                    told.evicted(known, AfterEviction::Stays);
                }
            }
            true
        });
        for consumer in &ring.consumers {
            let known = self
                .consumers
                .entry(consumer.meta_inode)
                .or_insert_with(|| KnownConsumer::first(consumer, told.now));
            known.follow(consumer, told);
        }
    }

    fn follow_clog(&mut self, ring: &RingSnapshot, told: &mut EventBuilder) {
        let attempts = ring.slots.map(|slots| slots.clog_attempts);
        // Refused again and again without a commit in between.
        let refused = attempts > self.clog_attempts
            && self.clog_attempts.is_some()
            && ring.free_bytes == Some(0)
            && ring.control.producer_head == self.head;
        let holds = refused || ring.state.has_no_room();
        match Episode::follow(&mut self.clog, holds, self.head_moved, told.now) {
            Some(Transition::Began) => told.clogged(ring, self.head_moved),
            turn => told.room(turn),
        }
    }
}

impl KnownConsumer {
    fn follow(&mut self, consumer: &ConsumerSnapshot, told: &mut EventBuilder) {
        use ConsumerState as State;
        if self.dropped {
            return;
        }
        self.see(consumer, told.now);
        let named = consumer.pid.is_some();
        if named || told.now.saturating_sub(self.seen_ns) >= NAMED_WITHIN_NS {
            self.introduce(told);
        }
        // Whoever is dead, gone or parked, or lies, has neither stalled nor recovered.
        if !matches!(
            consumer.state,
            State::Ok
                | State::Idle
                | State::Lagging
                | State::Stalled
                | State::Blocking
                | State::Overdue
        ) {
            return;
        }
        let (holds, since) = (
            self.stands(told.now, told.stalled_after_ns),
            self.still_since(),
        );
        match Episode::follow(&mut self.stall, holds, since, told.now) {
            Some(Transition::Began) => {
                self.introduce(told);
                told.of(self, EventKind::Stalled, told.now, &consumer.reason);
            }
            turn => self.recovered(turn, told),
        }
    }

    /// Tells what is still to be told of it before anything else is.
    fn settle(&mut self, told: &mut EventBuilder) {
        self.introduce(told);
        let turn = Episode::finish(&mut self.stall);
        self.recovered(turn, told);
    }

    fn introduce(&mut self, told: &mut EventBuilder) {
        if !std::mem::replace(&mut self.told, true) {
            let place = match self.last.lag_bytes {
                Some(0) => "at head".into(),
                Some(lag) => format!("{} behind", bytes(lag)),
                None => "above head".into(),
            };
            told.of(
                self,
                EventKind::Joined,
                self.seen_ns,
                &format!("a new consumer, {place}"),
            );
        }
    }

    fn recovered(&self, turn: Option<Transition>, told: &mut EventBuilder) {
        if let Some(Transition::Ended { since, over_ns }) = turn {
            let still = since.ago(over_ns);
            let now = match self.last.lag_bytes {
                Some(0) => "has caught up".into(),
                Some(lag) => format!("moves again, {} behind", bytes(lag)),
                None => "moves again".into(),
            };
            let words = format!("{now}; it had stood still for {still}");
            told.of(self, EventKind::Recovered, over_ns, &words);
        }
    }
}

#[cfg(test)]
mod tests;
