//! What a check is made of: what was observed of a ring, the figures taken from it, and how a ring is.

use std::collections::HashMap;

use serde::Serialize;

use crate::observe::model::{Bounded, RingSnapshot};

/// How a ring is; the worst sorts last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Status {
    /// Nothing is wrong.
    Ok,
    /// It could not be found out.
    Unknown,
    /// Will hurt if it goes on.
    Warning,
    /// Hurts now.
    Critical,
}

impl Status {
    /// The word that monitoring plugins use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Unknown => "UNKNOWN",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }

    /// The exit status that monitoring plugins use.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

/// One ring, and what a check needs to know of it besides its snapshot.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The last of the looks.
    pub ring: RingSnapshot,
    /// Time between the first and the last look, ns; `None` with one.
    pub watched_ns: Option<u64>,
    /// How long ago consumers joined, ns, by [`crate::observe::model::ConsumerSnapshot::meta_inode`]; as far as known.
    pub joined_ago_ns: HashMap<u64, u64>,
    /// How long ago head moved, ns; `None` with one look.
    pub idle_ns: Option<Bounded<u64>>,
    /// Why there may be more evicted consumers that still read it than are in the snapshot; `None`: there are not.
    pub zombies_unseen: Option<String>,
}

/// Which figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Measure {
    /// Largest lag, bytes.
    LagBytes,
    /// Largest lag, messages.
    LagMessages,
    /// Largest lag, ns since head was where the tail is.
    LagTimeNs,
    /// Longest time behind without moving, ns.
    StallNs,
    /// Time since anything was committed, ns.
    IdleNs,
    /// Failed reservations since the last that succeeded.
    ClogAttempts,
    /// Consumers that live and hold a slot.
    Consumers,
    /// Processes that read the ring without a slot.
    Zombies,
    /// Bytes ever committed.
    ProducerHead,
    /// Bytes committed per second.
    BytesPerSecond,
}

/// A figure and its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Figure {
    /// Which, with its unit.
    pub name: Measure,
    /// The value; null when unknown.
    pub value: Option<u64>,
    /// False for an estimate.
    pub exact: bool,
    /// It is certainly no less.
    pub at_least: u64,
    /// It is certainly no more; null when nothing bounds it.
    pub at_most: Option<u64>,
    /// Past this level it is a warning: below it for `consumers`, above it for all others; null: no such level.
    pub warning: Option<u64>,
    /// Past this level it is critical.
    pub critical: Option<u64>,
    /// The most it can be; null when there is no such figure.
    pub max: Option<u64>,
}
