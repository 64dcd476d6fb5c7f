//! The rings of this machine, kept from look to look: what is known is only sampled.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::watch::{Budget, Watcher};
use crate::decode::DecodeRules;
use crate::observe::attach::{AttachError, Discovery, Found, map, no_time_for};
use crate::observe::model::{
    ConsumerSnapshot, ConsumerState, Limitation, Listing, RingListing, RingSnapshot, Thresholds,
    WorstConsumer,
};
use crate::observe::procfs::FileId;
use crate::text::counted;

/// Rings that are new to a list are attached for no longer than this at once.
const PATIENCE: Duration = Duration::from_millis(700);
/// Rings that cannot be watched are tried again this often.
const TRIES_AGAIN: Duration = Duration::from_secs(5);
/// Time for the search for slot tables that have not been found yet, at one look, for all rings together.
const SEARCH: Duration = Duration::from_millis(8);

/// Rings that are watched, and what is known of the others.
#[derive(Debug)]
pub(super) struct RingList {
    /// How much each look at a ring may read.
    budget: Budget,
    /// How messages are decoded that tell when they were made.
    pub(super) decoding: DecodeRules,
    discovery: Discovery,
    listed: BTreeMap<String, Watcher>,
    /// By pid of the process that owns them.
    owners: BTreeMap<i32, Looked>,
    /// There was no time to attach all at the last look.
    is_behind: bool,
    /// The ring whose search goes on at the next look.
    turn: usize,
}

/// What was found when the rings of a process were looked at.
#[derive(Debug)]
struct Looked {
    at: Instant,
    /// The control regions that it had.
    ctrls: Vec<FileId>,
    broken: Vec<AttachError>,
    limits: Vec<Limitation>,
    /// Rings there was no time to attach.
    left: u64,
}

impl Default for RingList {
    fn default() -> Self {
        Self::with(Budget::GLANCE)
    }
}

impl RingList {
    /// Rings that are watched with `budget` each.
    pub(super) fn with(budget: Budget) -> Self {
        Self {
            budget,
            decoding: DecodeRules::default(),
            discovery: Discovery::default(),
            listed: BTreeMap::new(),
            owners: BTreeMap::new(),
            is_behind: false,
            turn: 0,
        }
    }

    /// The rings now. With `again`, the list goes on from the one before at little cost; otherwise it is made whole.
    pub(super) fn look(&mut self, again: bool, thresholds: Thresholds) -> Listing {
        match self.discover(again, thresholds) {
            Err(limit) => Listing {
                rings: Vec::new(),
                limits: vec![limit],
            },
            Ok((limits, _)) => {
                let rings = self.snapshots().map(|(ring, watcher)| RingListing {
                    last_event: watcher.last_event().cloned(),
                    ..RingListing::from(ring)
                });
                let mut rings: Vec<RingListing> = rings.collect();
                rings.sort_by(|a, b| (a.pid, a.id.len(), &a.id).cmp(&(b.pid, b.id.len(), &b.id)));
                Listing { rings, limits }
            }
        }
    }

    /// Finds the rings there are, as for [`Self::look`]; gives what cannot be seen, and the last of those that are no more.
    ///
    /// # Errors
    /// When no ring can be found.
    pub(super) fn discover(
        &mut self,
        again: bool,
        thresholds: Thresholds,
    ) -> Result<(Vec<Limitation>, Vec<RingSnapshot>), Limitation> {
        let discovered = if again {
            self.discovery.go_on()
        } else {
            Discovery::once().map(|discovery| self.discovery = discovery)
        };
        discovered.map_err(|error| Limitation::new("every ring", error.to_string()))?;
        let (mut limits, gone) = self.attach_new(thresholds);
        self.search_tables();
        limits.extend(self.discovery.limits());
        Ok((limits, gone))
    }

    /// Samples each ring that was found; gives who watches it, too.
    pub(super) fn snapshots(&mut self) -> impl Iterator<Item = (RingSnapshot, &Watcher)> {
        let releases = self.budget == Budget::GLANCE;
        self.listed.values_mut().map(move |watcher| {
            let snapshot = watcher.look();
            if releases {
                watcher.ring().release();
            }
            (snapshot, &*watcher)
        })
    }

    /// Takes in where the heads are of rings whose messages tell when they were made; how soon that is to be done again.
    pub(super) fn note_commits(&mut self) -> Option<Duration> {
        let mut soon = None;
        for watcher in self.listed.values_mut() {
            soon = watcher.note_commits().or(soon);
        }
        soon
    }

    /// Whether there are rings, or may be, that there was no time for yet.
    pub(super) fn is_catching_up(&self) -> bool {
        self.is_behind || self.discovery.has_unasked()
    }

    /// The ring that is called `id` in the list.
    pub(super) fn get(&self, id: &str) -> Option<&Watcher> {
        self.listed.get(id)
    }

    /// The rings that are listed.
    pub(super) fn watchers(&self) -> impl Iterator<Item = &Watcher> {
        self.listed.values()
    }

    /// Attaches the rings that are not listed yet, and forgets those that are no more; tells what could not be had, and what
    /// became of those.
    fn attach_new(&mut self, thresholds: Thresholds) -> (Vec<Limitation>, Vec<RingSnapshot>) {
        let until = Instant::now() + PATIENCE;
        let (mut limits, mut unseen, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        let mut there = BTreeSet::new();
        let mut pids = BTreeSet::new();
        for owner in self.discovery.owners() {
            let pid = owner.process.pid();
            pids.insert(pid);
            there.extend(owner.ctrls.iter().map(|ctrl| (pid, *ctrl)));
            let is_known = |looked: &Looked| {
                looked.ctrls == owner.ctrls
                    && looked.left == 0
                    && (looked.broken.is_empty() || looked.at.elapsed() < TRIES_AGAIN)
            };
            if self.owners.get(&pid).is_some_and(is_known) {
                continue;
            }
            if Instant::now() >= until {
                unseen.push(pid);
                continue;
            }
            let found = match owner.rings() {
                Ok(found) => found,
                Err(AttachError::NotARing { .. } | AttachError::Ended { .. }) => continue,
                Err(error) => Found {
                    broken: vec![error],
                    ..Found::default()
                },
            };
            let mut looked = Looked {
                at: Instant::now(),
                ctrls: owner.ctrls,
                broken: found.broken,
                limits: found.limits,
                left: 0,
            };
            for ring in found.rings {
                let id = ring.id();
                // A descriptor number can come to stand for another ring.
                let known = self.listed.get(&id);
                if known.is_some_and(|known| known.ring().watches(ring.ctrl.file)) {
                    continue;
                }
                if Instant::now() >= until {
                    looked.left += 1;
                    continue;
                }
                match map(ring) {
                    Ok(ring) => {
                        ring.release();
                        let watcher = Watcher::new(ring, self.budget).judging_by(thresholds);
                        let watcher = watcher.decoding_by(&self.decoding);
                        let before = self.listed.insert(id, watcher);
                        gone.extend(before.map(|mut before| before.look()));
                    }
                    Err(error) => looked.broken.push(error),
                }
            }
            self.owners.insert(pid, looked);
        }
        self.is_behind = !unseen.is_empty() || self.owners.values().any(|looked| looked.left > 0);
        limits.extend(no_time_for(&unseen));
        self.owners.retain(|pid, _| pids.contains(pid));
        self.listed.retain(|_, watcher| {
            let ring = watcher.ring();
            let is_there = there.contains(&(ring.producer_pid(), ring.ctrl_file()));
            if !is_there {
                gone.push(watcher.look());
            }
            is_there
        });
        for looked in self.owners.values() {
            limits.extend(looked.limits.iter().cloned());
            limits.extend(looked.broken.iter().map(broken_ring));
        }
        let left = self.owners.values().map(|looked| looked.left).sum();
        if left > 0 {
            let why = "too many to attach in time; the next update continues";
            limits.push(Limitation::new(counted(left, "ring"), why));
        }
        (limits, gone)
    }

    /// Goes on with the search for slot tables, one ring after the other.
    fn search_tables(&mut self) {
        let until = Instant::now() + SEARCH;
        let mut sought = self
            .listed
            .values_mut()
            .filter(|watcher| watcher.seeks_table());
        let count = sought.by_ref().count();
        if count == 0 {
            return;
        }
        let first = self.turn % count;
        let sought = self
            .listed
            .values_mut()
            .filter(|watcher| watcher.seeks_table());
        let mut sought: Vec<&mut Watcher> = sought.collect();
        sought.rotate_left(first);
        for watcher in sought {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            watcher.search_table(left);
            self.turn = self.turn.wrapping_add(1);
        }
    }
}

/// A ring that is there and cannot be watched.
pub(super) fn broken_ring(error: &AttachError) -> Limitation {
    Limitation::new("a ring", error.to_string())
}

impl From<RingSnapshot> for RingListing {
    fn from(ring: RingSnapshot) -> Self {
        let seen = ring
            .consumers
            .iter()
            .filter(|consumer| consumer.state != ConsumerState::Evicted);
        let held = match (ring.slots, ring.hidden_consumers) {
            (Some(slots), _) => Some(slots.used),
            (None, Some(hidden)) => u32::try_from(seen.count())
                .ok()
                .and_then(|seen| seen.checked_add(hidden)),
            (None, None) => None,
        };
        Self {
            id: ring.id,
            pid: ring.producer.pid,
            command: ring.producer.command,
            ring_capacity: Some(ring.control.ring_capacity).filter(|capacity| *capacity > 0),
            producer_head: ring.control.head(),
            consumers: held,
            free_bytes: ring.free_bytes,
            bytes_per_second: ring.rate.bytes_per_second,
            state: ring.state,
            health: ring.health,
            reason: ring.reason,
            worst_finding: ring.findings.into_iter().next(),
            worst_consumer: worst_consumer(ring.consumers),
            last_event: ring.events.into_iter().next_back(),
            sockets: ring.producer.sockets,
            through: None,
        }
    }
}

fn worst_consumer(consumers: Vec<ConsumerSnapshot>) -> Option<WorstConsumer> {
    let badness = |consumer: &ConsumerSnapshot| (consumer.state.badness(), consumer.lag_bytes);
    // Of equals the first: it does not change from look to look.
    let worst = consumers.into_iter().rev().max_by_key(badness)?;
    Some(WorstConsumer {
        slot: worst.slot,
        pid: worst.pid,
        command: worst.command,
        state: worst.state,
        lag_bytes: worst.lag_bytes,
    })
}
