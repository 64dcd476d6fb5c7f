//! A ring at one instant, as plain data: what the dashboard draws and `--json` prints.
//!
//! Owns the names that programs rely on (`schema_version`). Knows nothing of how a value was come by: no
//! mapping, no `/proc`, no terminal. An unknown value is `None` (JSON `null`), never 0 and never left out; why it
//! is unknown stands in [`Attach::limits`] or beside it as a reason in words.

use serde::{Deserialize, Serialize};

use super::consumer::ConsumerSnapshot;
use super::distribution::MessageFigures;
use super::estimate::Estimate;
use super::event::Event;
use super::finding::{Finding, Health};
use super::limitation::Limitation;
use super::process_state::ProcessState;
use crate::ring::{self, WakeupMode};

/// Raised when a name or a meaning in the JSON changes; additions leave it alone.
pub const SCHEMA_VERSION: u32 = 2;

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RingSnapshot {
    /// `<producer pid>/<ctrl fd>`, as seen from the watcher's pid namespace; of a joined ring whose producer shows nothing
    /// `<pid>/join`; of a ring whose producer was gone before it
    /// was attached `<pid>/map:<address>`, of a process that maps it.
    pub id: String,
    /// Inode of its control region: another one, another ring, though the id be the same.
    pub ctrl_inode: u64,
    /// What the ring is doing.
    pub state: RingState,
    /// How the ring is: by the worst of `findings`.
    pub health: Health,
    /// `state` in words, with the figures that led to it.
    pub reason: String,
    /// `CLOCK_MONOTONIC` when head was read, ns.
    pub sampled_ns: u64,
    /// How the watcher reaches the ring, and what it cannot see.
    pub attach: Attach,
    /// The process that writes.
    pub producer: ProducerInfo,
    /// The control region.
    #[cfg_attr(test, schemars(with = "ControlFields"))]
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
    /// What is known of the messages that were seen.
    #[serde(default)]
    pub messages: MessageFigures,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum RingState {
    /// Head moved between the last two samples.
    Flowing,
    /// Head did not move, and there is room.
    Idle,
    /// No room is left for the producer, which was refused.
    Full,
    /// It was refused so often that every further refusal scans.
    Clogged,
    /// One sample only: nothing can be said of movement.
    Unknown,
    /// The producer's process is stopped: by a signal, or by a debugger.
    Stopped,
    /// The producer has given the ring up; its process lives.
    Ended,
    /// The producer is gone; the bytes are the last it wrote.
    ProducerGone,
    /// A memfd of the ring shrank under the watcher; what it held is lost.
    Truncated,
}

/// How the watcher reaches the ring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Method {
    /// Read-only, through the producer's `/proc/PID/fd`, or, once that is gone, through a process that still maps it.
    Map,
    /// By joining as a passive consumer, parked at once.
    Join,
    /// Not at all: it stands in a recording.
    File,
}

impl Method {
    /// The word for it, as in the JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Join => "join",
            Self::File => "file",
        }
    }
}

/// The process that writes into the ring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProducerInfo {
    /// Pid as the watcher sees it; of one that was gone before as it stood in its own namespace, says the ring. It may be
    /// another process's by now.
    pub pid: i32,
    /// Pid inside the producer's own pid namespace, from `NSpid`.
    pub ns_pid: Option<i32>,
    /// Process name (`comm`), unescaped.
    pub command: Option<String>,
    /// Its arguments, with blanks between them, as far as they were read; null when there are none.
    pub command_line: Option<String>,
    /// Real uid.
    pub uid: Option<u32>,
    /// The name of that user, from `/etc/passwd`; null when that does not tell.
    pub user: Option<String>,
    /// What the process is doing; null when it could not be found out.
    pub process_state: Option<ProcessState>,
    /// Whether the process still runs, and the ring is still its own.
    pub alive: bool,
    /// Start of the process, RFC 3339, UTC.
    pub started_at: Option<String>,
    /// Unix sockets through which the ring is joined: a path, or `@name` when abstract, unescaped; null when it cannot be
    /// told which of the process's sockets they are.
    pub sockets: Option<Vec<String>>,
}

/// The control region (`zbq.h: struct zbq_control_region`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "ControlFields", from = "ControlFields")]
pub struct ControlRegion {
    /// Its page is no longer behind the mapping: the numbers are zeroes, but for the capacity, not its own.
    pub truncated: bool,
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
            truncated: false,
        }
    }
}

/// What [`ControlRegion`] is in JSON: each null when the region was truncated.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ControlFields {
    /// Bytes ever committed.
    producer_head: Option<u64>,
    /// Wakes of push consumers so far, modulo 2³².
    broadcast_futex: Option<u32>,
    /// The producer's pid as it wrote it, in its own pid namespace.
    producer_pid: Option<i32>,
    /// Bytes in the ring.
    ring_capacity: Option<u64>,
    /// Failed reservations before a scan.
    clog_threshold: Option<u64>,
    /// Time without progress after which a scan evicts, ns.
    stall_timeout_ns: Option<u64>,
}

impl From<ControlRegion> for ControlFields {
    fn from(control: ControlRegion) -> Self {
        let there = !control.truncated;
        Self {
            producer_head: there.then_some(control.producer_head),
            broadcast_futex: there.then_some(control.broadcast_futex),
            producer_pid: there.then_some(control.producer_pid),
            ring_capacity: there.then_some(control.ring_capacity),
            clog_threshold: there.then_some(control.clog_threshold),
            stall_timeout_ns: there.then_some(control.stall_timeout_ns),
        }
    }
}

impl From<ControlFields> for ControlRegion {
    fn from(fields: ControlFields) -> Self {
        Self {
            truncated: fields.producer_head.is_none(),
            producer_head: fields.producer_head.unwrap_or(0),
            broadcast_futex: fields.broadcast_futex.unwrap_or(0),
            producer_pid: fields.producer_pid.unwrap_or(0),
            ring_capacity: fields.ring_capacity.unwrap_or(0),
            clog_threshold: fields.clog_threshold.unwrap_or(0),
            stall_timeout_ns: fields.stall_timeout_ns.unwrap_or(0),
        }
    }
}

impl ControlRegion {
    /// Bytes ever committed, if that can be told.
    #[must_use]
    pub fn head(&self) -> Option<u64> {
        (!self.truncated).then_some(self.producer_head)
    }

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rate {
    /// Exact: the difference of two heads over the time between them. Null with one sample.
    pub bytes_per_second: Option<f64>,
    /// Exact when every message in between was walked.
    pub messages_per_second: Estimate<f64>,
}

impl RingState {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::Flowing,
        Self::Idle,
        Self::Full,
        Self::Clogged,
        Self::Unknown,
        Self::Stopped,
        Self::Ended,
        Self::ProducerGone,
        Self::Truncated,
    ];

    /// Whether nothing more will be written.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::ProducerGone)
    }

    /// Whether the producer wants room and there is none.
    #[must_use]
    pub fn has_no_room(self) -> bool {
        matches!(self, Self::Full | Self::Clogged)
    }

    /// The word used on the screen; in JSON `producer gone` is `producer_gone`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Flowing => "flowing",
            Self::Idle => "idle",
            Self::Full => "full",
            Self::Clogged => "clogged",
            Self::Unknown => "unknown",
            Self::Stopped => "stopped",
            Self::Ended => "ended",
            Self::ProducerGone => "producer gone",
            Self::Truncated => "truncated",
        }
    }
}
