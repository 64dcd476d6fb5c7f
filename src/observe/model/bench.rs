//! What a benchmark of rings found: the machine, what was measured, and the figures. Plain data.

use serde::{Deserialize, Serialize};

use super::snapshot::SCHEMA_VERSION;
use crate::ring::WakeupMode;

/// A benchmark, from beginning to end.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BenchReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program that was measured and wrote this.
    pub zbqtop_version: &'static str,
    /// When it began: RFC 3339, UTC.
    pub captured_at: String,
    /// What it ran on.
    pub machine: BenchMachine,
    /// What was measured.
    pub settings: BenchSettings,
    /// What was found, in the order of the measurements.
    pub phases: Vec<BenchPhase>,
}

impl BenchReport {
    /// A report without figures yet.
    #[must_use]
    pub fn new(captured_at: String, machine: BenchMachine, settings: BenchSettings) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            zbqtop_version: env!("CARGO_PKG_VERSION"),
            captured_at,
            machine,
            settings,
            phases: Vec::new(),
        }
    }
}

/// What makes two benchmarks comparable, or not.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BenchMachine {
    /// The model of the CPU, unescaped; null where the kernel names none.
    pub cpu_model: Option<String>,
    /// CPUs that this process may use.
    pub cpus: usize,
    /// The release of Linux.
    pub kernel: String,
    /// How the frequency of the CPUs is governed; null where that is not shown.
    pub governor: Option<String>,
    /// The load average over the minute before the benchmark; null where that is not shown.
    pub load_average_1m: Option<f64>,
    /// The clock that every process reads: `CLOCK_MONOTONIC`.
    pub clock: &'static str,
    /// What the kernel counts its time by; null where that is not shown.
    pub clock_source: Option<String>,
    /// Whether zbqtop was built without optimization for a release.
    pub debug_build: bool,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BenchSettings {
    /// Bytes of payload in each message.
    pub size_bytes: u64,
    /// Bytes in each ring.
    pub capacity_bytes: u64,
    /// How many consumers.
    pub consumers: u32,
    /// How they learn of messages.
    pub wakeup_mode: WakeupMode,
    /// For how long each measurement counts.
    pub time_ns: u64,
    /// How long each runs before it counts.
    pub warm_up_ns: u64,
    /// Whether each process was bound to a CPU.
    pub pinned: bool,
    /// Whether there were more processes than CPUs for them, so that they waited for each other.
    pub cpus_shared: bool,
}

/// Which measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BenchKind {
    /// Messages as fast as the ring takes them.
    Throughput,
    /// Messages by a schedule that waits for nobody.
    Latency,
    /// One message there and back at a time, on two rings.
    PingPong,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BenchPhase {
    /// Which.
    pub kind: BenchKind,
    /// Messages a second by the schedule; null where there is none.
    pub rate_per_second: Option<u64>,
    /// Messages, or round trips, of the slowest consumer, warm-up not included.
    pub messages: u64,
    /// The same a second; null if there are none.
    pub messages_per_second: Option<f64>,
    /// Payload alone; null if there are none.
    pub bytes_per_second: Option<f64>,
    /// Over all consumers; of a ping-pong, of round trips. Null where nothing was due at a time.
    pub latency: Option<Latency>,
    /// The same latencies, counted, from the shortest to the longest without a hole.
    pub histogram: Vec<LatencyBucket>,
    /// Who sent.
    pub producer: BenchProducer,
    /// Who received; of a ping-pong, the one that answers.
    pub consumers: Vec<BenchConsumer>,
    /// What went wrong on the way, over all consumers.
    pub delivery: Delivery,
}

/// How long messages took, from when each was due to when a consumer had copied it out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Latency {
    /// How many messages.
    pub count: u64,
    /// The shortest.
    pub min_ns: u64,
    /// The mean.
    pub mean_ns: f64,
    /// Half of them took no longer; all of these within a thousandth.
    pub p50_ns: u64,
    /// 90 % took no longer.
    pub p90_ns: u64,
    /// 99 % took no longer.
    pub p99_ns: u64,
    /// 99.9 % took no longer.
    pub p99_9_ns: u64,
    /// 99.99 % took no longer.
    pub p99_99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// How many messages took so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LatencyBucket {
    /// This long at least.
    pub from_ns: u64,
    /// Less than this.
    pub to_ns: u64,
    /// How many.
    pub count: u64,
}

/// The producer of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BenchProducer {
    /// The CPU that it was bound to; null if to none.
    pub pinned_cpu: Option<usize>,
    /// Messages that it sent behind the warm-up.
    pub messages: u64,
    /// Those that found the ring full at first.
    pub blocked_messages: u64,
    /// How long they waited for room, together.
    pub blocked_ns: u64,
    /// Those sent when the next one was due already; null without a schedule.
    pub late_messages: Option<u64>,
    /// The latest after it was due; null without a schedule.
    pub latest_ns: Option<u64>,
    /// Those due before the end and not sent a second behind it; null without a schedule.
    pub unsent_messages: Option<u64>,
}

/// One consumer of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BenchConsumer {
    /// The CPU that it was bound to; null if to none.
    pub pinned_cpu: Option<usize>,
    /// Messages that it received behind the warm-up; with a schedule, those due behind it.
    pub messages: u64,
    /// The same a second; null if there are none.
    pub messages_per_second: Option<f64>,
    /// How long they took; null where nothing was due at a time.
    pub latency: Option<Latency>,
    /// What went wrong.
    pub delivery: Delivery,
}

/// What arrived other than it was sent, warm-up included: all are 0 if the ring works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Delivery {
    /// Messages that never arrived.
    pub lost_messages: u64,
    /// Messages that arrived behind a later one, or twice.
    pub disordered_messages: u64,
    /// Messages of another length.
    pub wrong_length_messages: u64,
    /// Messages of that length with other bytes.
    pub wrong_content_messages: u64,
}

impl Delivery {
    /// Whether every message arrived once, in order and whole.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        *self == Self::default()
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            lost_messages: self.lost_messages + other.lost_messages,
            disordered_messages: self.disordered_messages + other.disordered_messages,
            wrong_length_messages: self.wrong_length_messages + other.wrong_length_messages,
            wrong_content_messages: self.wrong_content_messages + other.wrong_content_messages,
        }
    }
}
