//! Rings that are watched together, each in full: one that was chosen, or all of this machine as they come and go.

use std::time::{Duration, Instant};

use super::ring_list::RingList;
use super::watch::{Budget, Watcher};
use crate::decode::DecodeRules;
use crate::observe::attach::{AttachedRing, Succession};
use crate::observe::model::{Limitation, MessageTotals, RingSnapshot, Thresholds};

/// Rings that come and go are looked for this often, and no more than this share of the time.
const DISCOVERS_EVERY: Duration = Duration::from_secs(1);
const RESTS: u32 = 50;

/// Rings that are watched together.
#[derive(Debug)]
pub struct RingSet {
    rings: Rings,
    thresholds: Thresholds,
    limits: Vec<Limitation>,
}

#[derive(Debug)]
enum Rings {
    Chosen(Box<Watcher>),
    All {
        list: Box<RingList>,
        /// When they are looked for again; `None` before the first time.
        due: Option<Instant>,
    },
}

/// What one look at all of them has shown.
#[derive(Debug, Default)]
pub struct Looks {
    /// Those that are there, and their messages since they are watched.
    pub rings: Vec<(RingSnapshot, MessageTotals)>,
    /// The last of those that are no more.
    pub gone: Vec<RingSnapshot>,
    /// Things that could not be read.
    pub limits: usize,
    /// How long it took.
    pub took: Duration,
}

impl RingSet {
    /// All rings of this machine.
    #[must_use]
    pub fn all(budget: Budget, thresholds: Thresholds) -> Self {
        Self {
            rings: Rings::All {
                list: Box::new(RingList::with(budget)),
                due: None,
            },
            thresholds,
            limits: Vec::new(),
        }
    }

    /// This ring, and those that take its place.
    #[must_use]
    pub fn of(
        ring: AttachedRing,
        succession: Option<Succession>,
        budget: Budget,
        thresholds: Thresholds,
    ) -> Self {
        let watcher = Watcher::new(ring, budget).judging_by(thresholds);
        let watcher = match succession {
            Some(succession) => watcher.succeeded_by(succession),
            None => watcher,
        };
        Self {
            rings: Rings::Chosen(Box::new(watcher)),
            thresholds,
            limits: Vec::new(),
        }
    }

    /// Tells how old messages are, by these rules.
    #[must_use]
    pub fn decoding_by(mut self, rules: &DecodeRules) -> Self {
        self.rings = match self.rings {
            Rings::Chosen(watcher) => Rings::Chosen(Box::new(watcher.decoding_by(rules))),
            Rings::All { mut list, due } => {
                list.decoding = DecodeRules::clone(rules);
                Rings::All { list, due }
            }
        };
        self
    }

    /// Samples each of them now.
    pub fn look(&mut self) -> Looks {
        let begun = Instant::now();
        let (rings, gone) = match &mut self.rings {
            Rings::Chosen(watcher) => {
                let ring = watcher.look();
                (vec![(ring, watcher.message_totals())], Vec::new())
            }
            Rings::All { list, due } => {
                let mut gone = Vec::new();
                if due.is_none_or(|due| begun >= due) {
                    match list.discover(due.is_some(), self.thresholds) {
                        Ok((limits, over)) => (self.limits, gone) = (limits, over),
                        Err(limit) => self.limits = vec![limit],
                    }
                    let rests = DISCOVERS_EVERY.max(begun.elapsed() * RESTS);
                    *due = Some(begun + rests);
                }
                let rings = list.snapshots();
                let rings = rings.map(|(ring, watcher)| (ring, watcher.message_totals()));
                (rings.collect(), gone)
            }
        };
        Looks {
            rings,
            gone,
            limits: self.limits.len(),
            took: begun.elapsed(),
        }
    }

    /// Takes in between two looks where heads are, if messages tell when they were made; how soon that is to be done again.
    pub fn note_commits(&mut self) -> Option<Duration> {
        match &mut self.rings {
            Rings::Chosen(watcher) => watcher.note_commits(),
            Rings::All { list, .. } => list.note_commits(),
        }
    }

    /// What cannot be seen of rings that there may be.
    #[must_use]
    pub fn limits(&self) -> &[Limitation] {
        &self.limits
    }
}
