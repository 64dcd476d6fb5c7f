//! What is known of one ring: its last sample, and what is counted from sample to sample.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use super::histogram::Histogram;
use super::labels::Labels;
use crate::observe::model::{ConsumerSnapshot, Event, EventKind, MessageTotals, RingSnapshot};

/// A ring: another inode, another ring, though the id be the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RingKey {
    id: String,
    ctrl_inode: u64,
}

impl RingKey {
    /// That of a ring.
    pub(super) fn of(ring: &RingSnapshot) -> Self {
        Self {
            id: ring.id.clone(),
            ctrl_inode: ring.ctrl_inode,
        }
    }
}

/// The series of one ring.
#[derive(Debug)]
pub(super) struct RingSeries {
    /// The ring that they are of now.
    pub(super) key: RingKey,
    pub(super) labels: Labels,
    /// The last sample; `None` once the ring is gone.
    pub(super) now: Option<RingSnapshot>,
    /// Since when it is.
    pub(super) gone: Option<Instant>,
    /// Consumers that hold a slot, in the order of the last sample.
    pub(super) consumers: Vec<ConsumerSeries>,
    /// How often each of [`EventKind::ALL`] happened.
    pub(super) events: [u64; EventKind::ALL.len()],
    /// Of this ring and those that it took the place of.
    pub(super) messages: MessageTotals,
    /// What of that is this ring's.
    messages_of_ring: MessageTotals,
    /// The number that the next consumer without a slot gets.
    unnumbered: u32,
    /// Codes and severities of findings that there ever were.
    pub(super) findings: BTreeSet<(String, &'static str)>,
}

/// The series of one consumer.
#[derive(Debug)]
pub(super) struct ConsumerSeries {
    /// Its place in the last sample.
    pub(super) place: usize,
    pub(super) labels: Labels,
    pub(super) lags: Histogram,
    /// Its tail when it was seen first.
    pub(super) first_tail: u64,
    meta_inode: u64,
    /// What its labels are made of.
    slot: Option<u32>,
    command: Option<String>,
    /// What tells it from others whose slot is not to be seen.
    number: Option<u32>,
}

impl RingSeries {
    /// Those of a ring that is called `name`.
    pub(super) fn new(key: RingKey, name: &str) -> Self {
        Self {
            key,
            labels: Labels::NONE.with("ring", name),
            now: None,
            gone: None,
            consumers: Vec::new(),
            events: [0; EventKind::ALL.len()],
            messages: MessageTotals::default(),
            messages_of_ring: MessageTotals::default(),
            unnumbered: 0,
            findings: BTreeSet::new(),
        }
    }

    /// Goes on with the ring that takes the place of the one that is gone.
    pub(super) fn go_on_with(&mut self, key: RingKey) {
        self.key = key;
        self.messages_of_ring = MessageTotals::default();
    }

    /// Takes a sample in.
    pub(super) fn take(&mut self, ring: RingSnapshot, messages: MessageTotals, at: Instant) {
        let MessageTotals {
            counted,
            estimated,
            ages,
        } = self.messages_of_ring;
        self.messages.counted += messages.counted.saturating_sub(counted);
        self.messages.estimated += (messages.estimated - estimated).max(0.0);
        if let Some(now) = &messages.ages {
            let sum = self.messages.ages.get_or_insert_default();
            sum.add_growth(&ages.unwrap_or_default(), now);
        }
        self.messages_of_ring = messages;
        self.count(&ring.events);
        for finding in &ring.findings {
            let known = (finding.code.to_string(), finding.severity.word());
            self.findings.insert(known);
        }
        if ring.state.is_over() {
            return self.end(at);
        }
        let before = self.consumers.drain(..);
        let mut before: HashMap<u64, ConsumerSeries> =
            before.map(|one| (one.meta_inode, one)).collect();
        let held = ring.consumers.iter().enumerate();
        for (place, consumer) in held.filter(|(_, consumer)| consumer.held) {
            let known = before.remove(&consumer.meta_inode);
            let mut series = match known {
                Some(known) if known.slot == consumer.slot && known.command == consumer.command => {
                    known
                }
                known => {
                    let number = known.as_ref().and_then(|known| known.number);
                    let number = match (consumer.slot, number) {
                        (Some(_), number) => number,
                        (None, Some(number)) => Some(number),
                        (None, None) => {
                            self.unnumbered += 1;
                            Some(self.unnumbered - 1)
                        }
                    };
                    let slot = match (consumer.slot, number) {
                        (Some(slot), _) => slot.to_string(),
                        (None, number) => format!("?{}", number.unwrap_or_default()),
                    };
                    let command = consumer.command.as_deref().unwrap_or_default();
                    ConsumerSeries {
                        place,
                        labels: self.labels.with("slot", &slot).with("command", command),
                        lags: known.as_ref().map(|known| known.lags).unwrap_or_default(),
                        first_tail: known.map_or(consumer.tail_offset, |known| known.first_tail),
                        meta_inode: consumer.meta_inode,
                        slot: consumer.slot,
                        command: consumer.command.clone(),
                        number,
                    }
                }
            };
            series.place = place;
            if let Some(ratio) = lag_ratio(consumer) {
                series.lags.observe(ratio);
            }
            self.consumers.push(series);
        }
        self.now = Some(ring);
        self.gone = None;
    }

    /// The ring is no more; these events told of it last.
    pub(super) fn count(&mut self, events: &[Event]) {
        for event in events {
            let place = EventKind::ALL.iter().position(|kind| *kind == event.kind);
            if let Some(place) = place {
                self.events[place] += 1;
            }
        }
    }

    /// The ring is no more.
    pub(super) fn end(&mut self, at: Instant) {
        self.now = None;
        self.consumers.clear();
        self.gone.get_or_insert(at);
    }
}

/// A consumer's lag as a part of the ring; `None` where it is not known.
pub(super) fn lag_ratio(consumer: &ConsumerSnapshot) -> Option<f64> {
    Some(consumer.lag_percent? / 100.0)
}
