//! One consumer of a ring at one instant.

use serde::{Deserialize, Serialize};

use super::estimate::{Bounded, Estimate};
use super::process_state::ProcessState;
use crate::ring::WakeupMode;

/// One consumer of the ring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ConsumerSnapshot {
    /// Inode of its metadata page: its identity for as long as it is joined.
    pub meta_inode: u64,
    /// Slot index; null without the slot table.
    pub slot: Option<u32>,
    /// Its process; null when none could be found.
    pub pid: Option<i32>,
    /// Process name (`comm`), unescaped.
    pub command: Option<String>,
    /// Its arguments, with blanks between them, as far as they were read; null when there are none.
    pub command_line: Option<String>,
    /// Real uid of its process.
    pub uid: Option<u32>,
    /// The name of that user, from `/etc/passwd`; null when that does not tell.
    pub user: Option<String>,
    /// What the process is doing; null when it could not be found out.
    pub process_state: Option<ProcessState>,
    /// When it joined, RFC 3339, UTC; null when its page does not tell.
    pub joined_at: Option<String>,
    /// Whether the process still runs; null when it could not be found out.
    pub alive: Option<bool>,
    /// Whether the producer holds a slot for it; not for one that was evicted, or whose parked slot was freed.
    pub held: bool,
    /// What it is doing.
    pub state: ConsumerState,
    /// `state` in words, with the figures that led to it.
    pub reason: String,
    /// How it is woken.
    pub wakeup_mode: Option<WakeupMode>,
    /// Where `wakeup_mode` is known from.
    pub wakeup_basis: Option<WakeupBasis>,
    /// Whether it waits in the ring's futex though the producer has ended; null while that lives, and where the
    /// consumer's threads cannot be looked at (see `attach.limits`).
    pub waits_on_futex: Option<FutexWait>,
    /// Bytes of its side socket's buffer that records it has not read take, as the kernel counts: most of it overhead.
    /// Null without the slot table, or where the socket cannot be asked (see `attach.limits`).
    pub side_socket_unread_bytes: Option<u64>,
    /// Bytes at which that buffer is full: further descriptors are lost silently.
    pub side_socket_capacity_bytes: Option<u64>,
    /// Descriptors in those records; null where the consumer's end of the socket cannot be looked at.
    pub side_socket_descriptors: Option<u64>,
    /// Descriptors that the producer's user may have in flight in all sockets together (the producer's
    /// `RLIMIT_NOFILE`), unless privileged; null when none of these is in flight.
    pub side_socket_descriptors_limit: Option<u64>,
    /// Logical offset up to which it has released the ring.
    pub tail_offset: u64,
    /// `producer_head - tail_offset`; null when the tail is above head.
    pub lag_bytes: Option<u64>,
    /// `lag_bytes` in percent of the capacity.
    pub lag_percent: Option<f64>,
    /// `lag_bytes` in messages.
    pub lag_messages: Estimate<u64>,
    /// How long ago head went beyond this tail, ns: between the looks before and after, or since before the first; 0 at head;
    /// null when `lag_bytes` is.
    pub lag_time_ns: Option<Bounded<u64>>,
    /// How fast its tail moves; null with one sample.
    pub rate_bytes_per_second: Option<f64>,
    /// CPU ticks from `join_baseline` to its last publish; 0: never published.
    pub progress_timestamp: u64,
    /// The producer's CPU ticks when it joined.
    pub join_baseline: u64,
    /// Time since its last publish, ns; null when it never published or its clock says the future.
    pub progress_age_ns: Option<u64>,
    /// Time until a scan would evict it, ns; null without the slot table.
    pub evict_in_ns: Option<u64>,
}

/// What a consumer is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum ConsumerState {
    /// It follows head.
    Ok,
    /// Caught up, and nothing new comes.
    Idle,
    /// Behind by more of the ring than the threshold for lagging says, and moving.
    Lagging,
    /// Behind and not moving.
    Stalled,
    /// Lagging or stalled, and it gates a producer that has no room.
    Blocking,
    /// The next scan evicts it.
    Overdue,
    /// Its process is gone; its slot is still held.
    Dead,
    /// Its process lives but has unmapped its metadata page; its slot is still held.
    Left,
    /// No longer in the producer's table, but it still has the ring mapped: what it reads may be overwritten.
    Evicted,
    /// Its tail is above head on purpose: it holds nothing up.
    Parked,
    /// An impossible tail.
    Invalid,
    /// Where head is cannot be told any more, and so not how far this one is.
    Unknown,
}

impl ConsumerState {
    /// All there are.
    pub const ALL: [Self; 12] = [
        Self::Ok,
        Self::Idle,
        Self::Lagging,
        Self::Stalled,
        Self::Blocking,
        Self::Overdue,
        Self::Dead,
        Self::Left,
        Self::Evicted,
        Self::Parked,
        Self::Invalid,
        Self::Unknown,
    ];

    /// The word used on the screen and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Idle => "idle",
            Self::Lagging => "lagging",
            Self::Stalled => "stalled",
            Self::Blocking => "blocking",
            Self::Overdue => "overdue",
            Self::Dead => "dead",
            Self::Left => "left",
            Self::Evicted => "evicted",
            Self::Parked => "parked",
            Self::Invalid => "invalid",
            Self::Unknown => "unknown",
        }
    }
}

impl ConsumerState {
    /// How much it asks to be looked at: the larger, the more.
    #[must_use]
    pub fn badness(self) -> u64 {
        match self {
            Self::Parked => 0,
            Self::Idle => 1,
            Self::Ok => 2,
            Self::Unknown => 3,
            Self::Lagging => 4,
            Self::Left => 5,
            Self::Stalled => 6,
            Self::Evicted => 7,
            Self::Invalid => 8,
            Self::Dead => 9,
            Self::Overdue => 10,
            Self::Blocking => 11,
        }
    }
}

/// Where a consumer's wakeup mode is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum WakeupBasis {
    /// The producer's slot table.
    SlotTable,
    /// The producer's answer to a join.
    Join,
    /// It was seen waiting on the ring's futex.
    FutexWait,
}

/// Whether a consumer waits in the ring's futex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum FutexWait {
    /// It does not.
    No,
    /// It does, with a time limit.
    Timed,
    /// It does, without one.
    Endless,
}
