//! A ring at one instant, as plain data: what the dashboard draws and `--json` prints.
//!
//! Owns the names that programs rely on (`schema_version`). Knows nothing of how a value was come by: no
//! mapping, no `/proc`, no terminal. An unknown value is `None` (JSON `null`), never 0 and never left out; why it
//! is unknown stands in [`Attach::limits`] or beside it as a reason in words.

use serde::Serialize;

use super::event::Event;
use super::limitation::Limitation;
use crate::ring::{self, WakeupMode};

/// Raised when a name or a meaning in the JSON changes; additions leave it alone.
pub const SCHEMA_VERSION: u32 = 1;

/// The document that `--json` prints: one per sampling, whatever the number of rings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program that wrote it.
    pub zbqtop_version: &'static str,
    /// Wall clock at the (last) sample, RFC 3339, UTC.
    pub captured_at: String,
    /// `CLOCK_MONOTONIC` at the (last) sample, ns.
    pub monotonic_ns: u64,
    /// Time between the two samples that rates come from, ns; null with a single sample.
    pub interval_ns: Option<u64>,
    /// Every ring that was asked for.
    pub rings: Vec<RingSnapshot>,
}

/// One ring at one instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RingSnapshot {
    /// `<producer pid>/<ctrl fd>`, as seen from the watcher's pid namespace; of a ring whose producer was gone before it
    /// was attached `<pid>/map:<address>`, of a process that maps it.
    pub id: String,
    /// What the ring is doing.
    pub state: RingState,
    /// `state` in words, with the figures that led to it.
    pub reason: String,
    /// `CLOCK_MONOTONIC` when head was read, ns.
    pub sampled_ns: u64,
    /// How the watcher reaches the ring, and what it cannot see.
    pub attach: Attach,
    /// The process that writes.
    pub producer: ProducerInfo,
    /// The control region.
    pub control: ControlRegion,
    /// The producer's slot table; null when it was not read (see `attach.limits`).
    pub slots: Option<SlotCounts>,
    /// Bytes the producer can still write before it meets the gating tail; null when consumers are hidden.
    pub free_bytes: Option<u64>,
    /// Slot of the consumer whose tail is the smallest; null with no consumer or no slot table.
    pub gating_slot: Option<u32>,
    /// Process of the consumer whose tail is the smallest.
    pub gating_pid: Option<i32>,
    /// [`ConsumerSnapshot::meta_inode`] of the consumer whose tail is the smallest.
    pub gating_meta_inode: Option<u64>,
    /// Time until no room is left if head and the gating tail go on at their present rates, ns; null when
    /// the ring is not filling up or rates are not known.
    pub time_to_full_ns: Option<u64>,
    /// Production rates between the last two samples.
    pub rate: Rate,
    /// Consumers, in slot order where the slots are known, else in the order of their metadata fds.
    pub consumers: Vec<ConsumerSnapshot>,
    /// Consumers known to exist but not visible to the watcher; null when even their number is unknown.
    pub hidden_consumers: Option<u32>,
    /// What is wrong and what follows from it, worst first.
    pub findings: Vec<Finding>,
    /// What has happened since the last look, in the order in which it was noticed; with `--watch`, since the last line.
    pub events: Vec<Event>,
}

/// What a ring is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum RingState {
    /// Head moved between the last two samples.
    Flowing,
    /// Head did not move, and there is room.
    Idle,
    /// No room is left for the producer.
    Full,
    /// One sample only: nothing can be said of movement.
    Unknown,
    /// The producer is gone; the bytes are the last it wrote.
    ProducerGone,
    /// A memfd of the ring shrank under the watcher; what it held is lost.
    Truncated,
}

/// How the watcher reaches the ring.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Attach {
    /// How the mappings were come by.
    pub method: Method,
    /// Whether the producer's slot table is being read.
    pub slot_table: bool,
    /// The slot that joining took; null when the ring was mapped.
    pub joined: Option<JoinedSlot>,
    /// What cannot be seen, why, and what would help.
    pub limits: Vec<Limitation>,
}

/// The slot that watching by join has taken. It is parked and holds nothing up, but it is taken until the producer
/// scans, and while it is a push slot every commit makes a system call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JoinedSlot {
    /// Its index.
    pub slot: u32,
    /// The mode that the producer gave it.
    #[serde(rename = "wakeup_mode")]
    pub mode: WakeupMode,
    /// When this user joined the same ring before, RFC 3339: that slot may still be taken, too.
    pub earlier: Option<String>,
}

/// How the watcher came by its mappings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Method {
    /// Read-only, through the producer's `/proc/PID/fd`.
    Map,
    /// By joining as a passive consumer, parked at once.
    Join,
}

/// The process that writes into the ring.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProducerInfo {
    /// Pid as the watcher sees it; of one that was gone before as it stood in its own namespace, says the ring. It may be
    /// another process's by now.
    pub pid: i32,
    /// Pid inside the producer's own pid namespace, from `NSpid`.
    pub ns_pid: Option<i32>,
    /// Process name (`comm`), unescaped.
    pub command: Option<String>,
    /// Real uid.
    pub uid: Option<u32>,
    /// Whether the process still runs.
    pub alive: bool,
    /// Start of the process, RFC 3339, UTC.
    pub started_at: Option<String>,
    /// Unix sockets the process listens on: a path, or `@name` when abstract, unescaped.
    pub sockets: Vec<String>,
}

/// The control region (`zbq.h: struct zbq_control_region`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ControlRegion {
    /// Bytes ever committed.
    pub producer_head: u64,
    /// Wakes of push consumers so far, modulo 2³².
    pub broadcast_futex: u32,
    /// The producer's pid as it wrote it, in its own pid namespace.
    pub producer_pid: i32,
    /// Bytes in the ring.
    pub ring_capacity: u64,
    /// Failed reservations before a scan.
    pub clog_threshold: u64,
    /// Time without progress after which a scan evicts, ns.
    pub stall_timeout_ns: u64,
}

impl From<ring::Control> for ControlRegion {
    fn from(control: ring::Control) -> Self {
        let ring::Control {
            producer_head,
            broadcast_futex,
            producer_pid,
            ring_capacity,
            clog_threshold,
            stall_timeout_ns,
        } = control;
        Self {
            producer_head,
            broadcast_futex,
            producer_pid,
            ring_capacity,
            clog_threshold,
            stall_timeout_ns,
        }
    }
}

impl ControlRegion {
    /// Whole laps that head has completed.
    #[must_use]
    pub fn lap(&self) -> u64 {
        self.producer_head
            .checked_div(self.ring_capacity)
            .unwrap_or(0)
    }

    /// Head's position inside the ring, bytes from its physical start.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.producer_head
            .checked_rem(self.ring_capacity)
            .unwrap_or(0)
    }
}

/// The producer's slot table (`zbq.h: struct zbq_producer`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SlotCounts {
    /// Slots there are.
    pub max: u32,
    /// Slots taken.
    pub used: u32,
    /// Slots taken by push consumers: while not 0, every commit makes a system call.
    pub push: u32,
    /// Failed reservations since the last that succeeded.
    pub clog_attempts: u64,
    /// Sequence number the next message with descriptors will carry.
    pub next_seq_id: u64,
}

/// Production rates between the last two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rate {
    /// Exact: the difference of two heads over the time between them. Null with one sample.
    pub bytes_per_second: Option<f64>,
    /// Exact when every message in between was walked.
    pub messages_per_second: Estimate<f64>,
}

/// A value and whether it is exact. `value` null: unknown, whatever `exact` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Estimate<T> {
    /// The value; null when unknown.
    pub value: Option<T>,
    /// False for an estimate.
    pub exact: bool,
}

impl<T> Default for Estimate<T> {
    fn default() -> Self {
        Self {
            value: None,
            exact: false,
        }
    }
}

impl<T> Estimate<T> {
    /// A value counted, not estimated.
    pub fn exact(value: T) -> Self {
        Self {
            value: Some(value),
            exact: true,
        }
    }

    /// A value derived from samples.
    pub fn about(value: T) -> Self {
        Self {
            value: Some(value),
            exact: false,
        }
    }
}

/// One consumer of the ring.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// How long ago head was where this tail is, ns; null when the head history does not reach back that far.
    pub lag_time_ns: Option<u64>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum ConsumerState {
    /// It follows head.
    Ok,
    /// Caught up, and nothing new comes.
    Idle,
    /// Behind by more than a quarter of the ring, and moving.
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
}

impl ConsumerState {
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
            Self::Lagging => 3,
            Self::Left => 4,
            Self::Stalled => 5,
            Self::Evicted => 6,
            Self::Invalid => 7,
            Self::Dead => 8,
            Self::Overdue => 9,
            Self::Blocking => 10,
        }
    }
}

impl RingState {
    /// The word used on the screen; in JSON `producer gone` is `producer_gone`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Flowing => "flowing",
            Self::Idle => "idle",
            Self::Full => "full",
            Self::Unknown => "unknown",
            Self::ProducerGone => "producer gone",
            Self::Truncated => "truncated",
        }
    }
}

/// Where a consumer's wakeup mode is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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

/// Something wrong, or worth knowing, and what follows from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Stable name for scripts, kebab-case.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// In words.
    pub message: String,
    /// The slot it is about.
    pub slot: Option<u32>,
    /// The process it is about.
    pub pid: Option<i32>,
}

/// How bad a finding is; the worst sorts last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Will hurt if it goes on.
    Warning,
    /// Hurts now.
    Critical,
}
