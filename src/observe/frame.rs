//! What the dashboard is fed with: one ring at one instant together with its recent past, and the list of rings.
//!
//! Plain data and one trait. It refuses to know how a ring is reached or how it is drawn.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::event::EventLog;
use super::snapshot::{ConsumerState, Finding, Limit, RingSnapshot, RingState};
use super::trail::Trail;
use crate::ring::message::MessageHeader;

/// How far a copied message can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Integrity {
    /// It lies in the lap of a head read after the copy, where the producer writes above head alone; or a consumer's
    /// tail read after the copy vouches for it: the producer had not been let in. That rests on the consumer's word:
    /// one whose tail goes back unseen between two looks can make it false.
    Intact,
    /// It is of the lap before and no tail vouches for it, but head has stayed well clear.
    Likely,
    /// The producer may have written into it while it was copied.
    Torn,
}

impl Integrity {
    /// The word used on the screen and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Likely => "likely",
            Self::Torn => "torn",
        }
    }
}

/// A message copied out of a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Logical offset of its header.
    pub offset: u64,
    /// Its header, as found.
    pub header: MessageHeader,
    /// Its payload; shorter than `header.payload_len` when the reader was told to keep only the beginning.
    pub payload: Vec<u8>,
    /// How far the copy can be trusted.
    pub integrity: Integrity,
}

/// What a figure was at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastPoint {
    /// `CLOCK_MONOTONIC`, ns.
    pub at_ns: u64,
    /// Bytes, or bytes per second; `None` where it was not known.
    pub value: Option<u64>,
}

/// One ring at one instant, with what the panels need of its recent past.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The ring.
    pub snapshot: RingSnapshot,
    /// Past bytes per second, oldest first, the present one last.
    pub rates: Vec<PastPoint>,
    /// Past lags of every consumer of the snapshot, in bytes, oldest first, the present one last; unknown where its tail
    /// was above head, or could not be read. By
    /// [`Consumer::meta_inode`](super::snapshot::Consumer::meta_inode).
    pub lags: HashMap<u64, Vec<PastPoint>>,
    /// The messages that were read last, and the gaps between them.
    pub messages: Trail,
    /// Why there are fewer messages than there could be, or none; in words for the panel.
    pub messages_note: Option<String>,
    /// What has happened since the ring is watched.
    pub events: Arc<EventLog>,
}

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
    /// Bytes in the ring.
    pub ring_capacity: u64,
    /// Bytes ever committed.
    pub producer_head: u64,
    /// Consumers that hold a slot; of a ring whose producer is gone, processes that map it. Null when they could not be
    /// counted.
    pub consumers: Option<u32>,
    /// Bytes per second between two looks; null with one.
    pub bytes_per_second: Option<f64>,
    /// What the ring is doing.
    pub state: RingState,
    /// `state` in words.
    pub reason: String,
    /// The worst of what a brief look found wrong; null where that is nothing. Looking at the ring itself may find more.
    pub worst_finding: Option<Finding>,
    /// The consumer in the worst state, of those that can be seen, and of several the one furthest behind; null where
    /// none can be.
    pub worst_consumer: Option<WorstConsumer>,
    /// Unix sockets the producer listens on: a path, or `@name` when abstract, unescaped.
    pub sockets: Vec<String>,
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
    pub limits: Vec<Limit>,
}

/// Where the dashboard gets its rings from.
pub trait Source {
    /// Looks for rings on this machine.
    fn list(&mut self) -> Listing;

    /// Goes over to the ring called `id` in the last listing.
    ///
    /// # Errors
    /// Why it cannot be watched, in words for the screen.
    fn attach(&mut self, id: &str) -> Result<(), String>;

    /// Samples the attached ring now; `None` while none is attached. A ring that dies is still sampled: its
    /// snapshot says so.
    fn sample(&mut self) -> Option<Frame>;

    /// The whole payload of a message of which only the beginning was kept, if the attached ring still has it.
    fn payload(&mut self, _message: &Message) -> Option<Vec<u8>> {
        None
    }
}
