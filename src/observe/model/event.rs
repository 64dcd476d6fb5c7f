//! What happened to a ring, as plain data: single events, and a log of the last of them.
//!
//! Owns the names that programs rely on. Refuses to know how an event is noticed ([`crate::observe::health`]) or drawn.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::finding::Severity;

/// Events that a log keeps.
pub(super) const KEPT: usize = 1000;

/// Something that happened to a ring or to one of its consumers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// How bad it is.
    pub severity: Severity,
    /// When it was seen to happen, RFC 3339, UTC. What has to be waited for is told later than that: whether it lasts
    /// (`recovered`, `unclogged`), or whose it is (`joined`).
    pub at: String,
    /// The same by `CLOCK_MONOTONIC`, ns.
    pub monotonic_ns: u64,
    /// The slot it is about; for `clogged`, that of the consumer which gates the producer.
    pub slot: Option<u32>,
    /// The process it is about.
    pub pid: Option<i32>,
    /// Its name (`comm`), unescaped.
    pub command: Option<String>,
    /// In words, safe on a terminal.
    pub message: String,
}

/// What can happen to a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum EventKind {
    /// A consumer took a slot.
    Joined,
    /// A consumer's slot is free again: its process had ended or unmapped its page, or it had parked.
    Left,
    /// The producer dropped a consumer that lived and had not left.
    Evicted,
    /// A consumer stands still behind head.
    Stalled,
    /// A consumer that was stalled moves again or has caught up, and went on doing so for two seconds.
    Recovered,
    /// The producer has no room.
    Clogged,
    /// The producer has room again, and had for two seconds.
    Unclogged,
    /// The producer has ended.
    ProducerGone,
    /// The producer has given the ring up, and lives on.
    RingEnded,
    /// Another ring stands where the one before stood.
    RingNew,
}

impl EventKind {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::Joined,
        Self::Left,
        Self::Evicted,
        Self::Stalled,
        Self::Recovered,
        Self::Clogged,
        Self::Unclogged,
        Self::ProducerGone,
        Self::RingEnded,
        Self::RingNew,
    ];

    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Joined | Self::Left | Self::Recovered | Self::Unclogged | Self::RingNew => {
                Severity::Info
            }
            Self::Stalled | Self::Clogged => Severity::Warning,
            Self::Evicted | Self::ProducerGone | Self::RingEnded => Severity::Critical,
        }
    }

    /// The word used on the screen; in JSON `producer gone` is `producer_gone`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Evicted => "evicted",
            Self::Stalled => "stalled",
            Self::Recovered => "recovered",
            Self::Clogged => "clogged",
            Self::Unclogged => "unclogged",
            Self::ProducerGone => "producer gone",
            Self::RingEnded => "ring ended",
            Self::RingNew => "ring new",
        }
    }
}

/// The last events of a ring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLog {
    told: u64,
    kept: VecDeque<Event>,
}

impl EventLog {
    /// Adds the newest.
    pub fn push(&mut self, event: Event) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(event);
        self.told += 1;
    }

    /// Events that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing has happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The event that has `newer` ones after it; `None` when it is not kept.
    #[must_use]
    pub fn back(&self, newer: usize) -> Option<&Event> {
        self.kept.iter().rev().nth(newer)
    }

    /// The number of the newest, counted from 1 and kept for life; 0 when nothing has happened.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_the_newest() {
        let mut log = EventLog::default();
        assert!(log.is_empty() && log.back(0).is_none());
        for monotonic_ns in 1..=KEPT as u64 + 7 {
            log.push(Event {
                kind: EventKind::Joined,
                severity: Severity::Info,
                at: String::new(),
                monotonic_ns,
                slot: None,
                pid: None,
                command: None,
                message: String::new(),
            });
        }
        assert_eq!((log.len(), log.newest()), (KEPT, KEPT as u64 + 7));
        let at = |newer| log.back(newer).map(|event| event.monotonic_ns);
        assert_eq!(at(0), Some(KEPT as u64 + 7));
        assert_eq!(at(KEPT - 1), Some(8));
        assert_eq!(at(KEPT), None);
    }
}
