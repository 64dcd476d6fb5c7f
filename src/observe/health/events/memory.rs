//! What is remembered of a ring and its consumers between two looks, and what follows from it. Tells nothing.

use crate::ring::layout::PARKED_TAIL;
use std::collections::BTreeMap;

use crate::observe::health::episode::{Episode, Since};
use crate::observe::model::{ConsumerSnapshot, ConsumerState, RingSnapshot};
use crate::observe::sample::Departed;
use crate::text::bytes;

/// A ring as it was at the look before.
#[derive(Debug)]
pub(super) struct PastLook {
    pub(super) ctrl_inode: u64,
    pub(super) head: u64,
    pub(super) head_moved: Since,
    pub(super) sampled_ns: u64,
    pub(super) clog_attempts: Option<u64>,
    pub(super) clog: Option<Episode>,
    /// The producer has ended: its ring changes no more.
    pub(super) gone: bool,
    /// By metadata inode: slots and pids are used again.
    pub(super) consumers: BTreeMap<u64, KnownConsumer>,
}

/// A consumer as it was when last seen.
#[derive(Debug)]
pub(super) struct KnownConsumer {
    pub(super) last: ConsumerSnapshot,
    pub(super) seen_ns: u64,
    /// Whether its coming was told, or needs no telling.
    pub(super) told: bool,
    /// Without a slot, for good: all there was to tell of it is told.
    pub(super) dropped: bool,
    pub(super) moved: Since,
    pub(super) behind: Since,
    /// First seen with its process ended or its page unmapped.
    pub(super) absent: Option<Since>,
    pub(super) stall: Option<Episode>,
    /// Bytes that it had yet to read when last seen; or, of one that is gone, between so many and so many.
    pub(super) unread: Option<(u64, u64)>,
    /// For how long it had been silent when it was found to be gone, by what it left behind.
    pub(super) silent_ns: Option<u64>,
}

impl PastLook {
    /// As it is at the first look.
    pub(super) fn of(ring: &RingSnapshot, stalled_after_ns: u64) -> Self {
        let now = ring.sampled_ns;
        let known = |consumer: &ConsumerSnapshot| {
            let mut known = KnownConsumer::first(consumer, now);
            known.told = true;
            known.behind = Since::before(now);
            known.moved = consumer.progress_age_ns.map_or(Since::before(now), |age| {
                Since::exactly(now.saturating_sub(age))
            });
            known.absent = known.absent.map(|_| Since::before(now));
            if known.stands(now, stalled_after_ns) {
                known.stall = Some(Episode::found(known.still_since()));
            }
            (consumer.meta_inode, known)
        };
        Self {
            ctrl_inode: ring.ctrl_inode,
            head: ring.control.producer_head,
            head_moved: Since::before(now),
            sampled_ns: now,
            clog_attempts: ring.slots.map(|slots| slots.clog_attempts),
            clog: ring
                .state
                .has_no_room()
                .then(|| Episode::found(Since::before(now))),
            gone: !ring.producer.alive,
            consumers: ring.consumers.iter().map(known).collect(),
        }
    }

    pub(super) fn is_of(&self, ring: &RingSnapshot) -> bool {
        // Head never falls (protocol).
        self.ctrl_inode == ring.ctrl_inode && self.head <= ring.control.producer_head
    }
}

impl KnownConsumer {
    pub(super) fn first(consumer: &ConsumerSnapshot, now: u64) -> Self {
        let mut known = Self {
            last: consumer.clone(),
            seen_ns: now,
            // One that is found without a slot came before we knew of it.
            told: !consumer.held,
            dropped: !consumer.held,
            moved: Since::exactly(now),
            behind: Since::exactly(now),
            absent: None,
            stall: None,
            unread: None,
            silent_ns: None,
        };
        known.see(consumer, now);
        known
    }

    pub(super) fn see(&mut self, consumer: &ConsumerSnapshot, now: u64) {
        if consumer.tail_offset != self.last.tail_offset {
            self.moved = Since::exactly(now);
        }
        if consumer.lag_bytes == Some(0) {
            self.behind = Since::exactly(now);
        }
        if matches!(consumer.state, ConsumerState::Dead | ConsumerState::Left) {
            self.absent.get_or_insert(Since::exactly(now));
        }
        self.unread = consumer.lag_bytes.map(|lag| (lag, lag));
        self.last.clone_from(consumer);
    }

    /// Takes in what it left behind, now that it is gone. When it went, head was somewhere from `head_before` to `head`.
    pub(super) fn take(
        &mut self,
        last_words: Option<&Departed>,
        head_before: u64,
        head: u64,
        now: u64,
    ) {
        let Some(words) = last_words else { return };
        self.silent_ns = words.silent_ns;
        if words.tail != self.last.tail_offset {
            self.last.tail_offset = words.tail;
            self.moved = Since::exactly(now.saturating_sub(words.silent_ns.unwrap_or(0)));
        }
        if words.tail == PARKED_TAIL {
            return;
        }
        if words.tail > head {
            self.last.state = ConsumerState::Invalid;
            self.last.reason = format!("its tail is {} above head", bytes(words.tail - head));
            return;
        }
        let unread = |head: u64| head.saturating_sub(words.tail);
        self.unread = Some((unread(head_before), unread(head)));
    }

    /// Whether it stands still behind head. One that blocks or is overdue may do so, too, or may only lag.
    pub(super) fn stands(&self, now: u64, stalled_after_ns: u64) -> bool {
        match self.last.state {
            ConsumerState::Stalled => true,
            ConsumerState::Blocking | ConsumerState::Overdue => {
                now.saturating_sub(self.still_since().ns) >= stalled_after_ns
            }
            _ => false,
        }
    }

    /// Since when its tail has not moved though there was something to read.
    pub(super) fn still_since(&self) -> Since {
        self.moved.max(self.behind)
    }

    /// Whether a scan since the last look could have dropped it although it lived and had not left.
    pub(super) fn evictable(&self, now: u64, elapsed: u64, stall_timeout: u64) -> bool {
        let last = &self.last;
        if self.absent.is_some() || last.tail_offset == PARKED_TAIL {
            return false;
        }
        if last.state == ConsumerState::Invalid {
            return true;
        }
        // A scan that finds a tail to stand still for too long finds it so: it has not moved since.
        if self.silent_ns.is_some_and(|silent| silent < stall_timeout) {
            return false;
        }
        // Whoever has read everything and is gone ended by itself, as far as can be told.
        if self.silent_ns.is_some() && self.unread == Some((0, 0)) {
            return false;
        }
        match (last.slot, last.evict_in_ns) {
            (_, Some(left)) => left <= elapsed,
            // It has moved since the last scan: the next one starts its clock anew.
            (Some(_), None) => elapsed >= stall_timeout,
            (None, None) => now.saturating_sub(self.moved.ns) >= stall_timeout,
        }
    }
}
