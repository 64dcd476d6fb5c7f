//! The rings that were found on a machine, in brief.

use serde::Serialize;

use super::consumer::ConsumerState;
use super::event::Event;
use super::finding::{Finding, Health};
use super::limitation::Limitation;
use super::snapshot::RingState;

/// A ring found on this machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RingListing {
    /// `<producer pid>/<ctrl fd>`; of a ring whose producer is gone `<through>/map:<address>`, the address at which that
    /// process maps the control region.
    pub id: String,
    /// Pid of the producer as the watcher sees it; of one that is gone as it stood in its own namespace, says the ring.
    /// It may be another process's by now.
    pub pid: i32,
    /// The producer's process name, unescaped.
    pub command: Option<String>,
    /// Bytes in the ring; null where only its messages are known.
    pub ring_capacity: Option<u64>,
    /// Bytes ever committed; null where the control region was truncated.
    pub producer_head: Option<u64>,
    /// Consumers that hold a slot; of a ring whose producer is gone, processes that map it. Null when they could not be
    /// counted.
    pub consumers: Option<u32>,
    /// Bytes the producer can still write before it meets the slowest consumer; null when consumers are hidden.
    pub free_bytes: Option<u64>,
    /// Bytes per second between two looks; null with one.
    pub bytes_per_second: Option<f64>,
    /// What the ring is doing.
    pub state: RingState,
    /// How the ring is, as far as a brief look tells.
    pub health: Health,
    /// `state` in words.
    pub reason: String,
    /// The worst of what a brief look found wrong; null where that is nothing. Looking at the ring itself may find more.
    pub worst_finding: Option<Finding>,
    /// The consumer in the worst state, of those that can be seen, and of several the one furthest behind; null where
    /// none can be.
    pub worst_consumer: Option<WorstConsumer>,
    /// What happened last since it is listed; null where nothing has.
    pub last_event: Option<Event>,
    /// Unix sockets through which the ring is joined: a path, or `@name` when abstract, unescaped; null when it cannot be
    /// told which of its process's sockets they are.
    pub sockets: Option<Vec<String>>,
    /// Process that maps the ring, through which it was found: `--pid` with it opens the ring. Null where the producer
    /// has it.
    pub through: Option<i32>,
}

/// The consumer of a ring that asks most to be looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WorstConsumer {
    /// Slot index; null without the slot table.
    pub slot: Option<u32>,
    /// Its process; null when none could be found.
    pub pid: Option<i32>,
    /// Process name (`comm`), unescaped.
    pub command: Option<String>,
    /// What it is doing.
    pub state: ConsumerState,
    /// How far behind head it is; null when its tail is above head.
    pub lag_bytes: Option<u64>,
}

/// All rings found on this machine, and what could not be looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Listing {
    /// The rings, by pid and fd.
    pub rings: Vec<RingListing>,
    /// What could not be read, and why.
    pub limits: Vec<Limitation>,
}
