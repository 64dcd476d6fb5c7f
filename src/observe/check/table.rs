//! Everything that differs from measure to measure: a row each, in the order in which figures are told.
//!
//! Owns codes, units and words of measures, and says where to find their figures and their limits. Decides nothing.

use super::figures::{
    Bounds, Source, bytes_per_second, clog_attempts, consumers, idle, lag_bytes, lag_messages,
    lag_time, producer_head, stall, zombie_count, zombies,
};
use super::limits::Limits;
use super::measure::{Measure, Observed};
use crate::observe::health::who;
use crate::observe::model::{RingSnapshot, Threshold};
use crate::text::{self, bytes, duration_in, percent, percent_of};

/// All that is known of a measure.
pub(super) struct MeasureRow {
    /// Its name in figures.
    pub measure: Measure,
    /// A reason's code for a figure that is past its limit, or unknown.
    pub code: &'static str,
    /// How it is measured.
    pub source: Source,
    /// The levels that are set on it, for a ring of so many bytes.
    pub levels: fn(&Limits, u64) -> Threshold<u64>,
    /// The most it can be; `None` when there is no such figure.
    pub max: fn(&RingSnapshot) -> Option<u64>,
    /// Which side of a level is the wrong one.
    pub worse: Worse,
    /// Whether an estimate within the limit will do where the figure may be past it.
    pub trusts_estimates: bool,
    /// A number with its unit, of a ring of so many bytes.
    pub number: fn(u64, u64) -> String,
    /// A figure with what it is, given its number in words.
    pub show: fn(&Bounds, &str) -> String,
    /// Where there must be none at all: what follows from those that there are, which is told instead of a level.
    pub forbidden: Option<fn(&Observed) -> String>,
    /// Whether it is told of a ring that is well though no limit is set on it.
    pub always_told: bool,
}

/// Which side of a level is the wrong one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worse {
    /// The level is the most there may be.
    More,
    /// The level is the fewest there may be.
    Fewer,
}

/// The rows.
pub(super) static MEASURES: &[MeasureRow] = &[
    MeasureRow {
        measure: Measure::LagBytes,
        code: "lag-bytes",
        source: Source::WorstConsumer(lag_bytes),
        levels: Limits::lag_levels,
        // No honest consumer is further behind than the ring is long.
        max: |ring| Some(ring.control.ring_capacity),
        worse: Worse::More,
        trusts_estimates: true,
        number: |lag, capacity| {
            format!("{} ({} %)", bytes(lag), percent(percent_of(lag, capacity)))
        },
        show: |_, number| format!("lag {number}"),
        forbidden: None,
        always_told: true,
    },
    MeasureRow {
        measure: Measure::LagMessages,
        code: "lag-messages",
        source: Source::WorstConsumer(lag_messages),
        levels: |limits, _| limits.lag_messages,
        max: |_| None,
        worse: Worse::More,
        trusts_estimates: true,
        number: |messages, _| text::counted(messages, "message"),
        show: |_, number| format!("lag {number}"),
        forbidden: None,
        always_told: false,
    },
    MeasureRow {
        measure: Measure::LagTimeNs,
        code: "lag-time",
        source: Source::WorstConsumer(lag_time),
        levels: |limits, _| limits.lag_time_ns,
        max: |_| None,
        worse: Worse::More,
        trusts_estimates: false,
        number: |ns, _| duration_in(ns, "us"),
        show: |_, number| format!("lag in time {number}"),
        forbidden: None,
        always_told: false,
    },
    MeasureRow {
        measure: Measure::StallNs,
        code: "stall",
        source: Source::WorstConsumer(stall),
        levels: |limits, _| limits.stall_ns,
        max: |_| None,
        worse: Worse::More,
        trusts_estimates: false,
        number: |ns, _| duration_in(ns, "us"),
        show: |_, number| format!("stalled for {number}"),
        forbidden: None,
        always_told: false,
    },
    MeasureRow {
        measure: Measure::IdleNs,
        code: "idle",
        source: Source::Ring(idle),
        levels: |limits, _| limits.idle_ns,
        max: |_| None,
        worse: Worse::More,
        trusts_estimates: true,
        number: |ns, _| duration_in(ns, "us"),
        show: |_, number| format!("nothing committed for {number}"),
        forbidden: None,
        always_told: false,
    },
    MeasureRow {
        measure: Measure::ClogAttempts,
        code: "clog-attempts",
        source: Source::Ring(clog_attempts),
        levels: |limits, _| limits.clog_attempts,
        max: |_| None,
        worse: Worse::More,
        trusts_estimates: true,
        number: |attempts, _| attempts.to_string(),
        show: |_, number| format!("clog attempts {number}"),
        forbidden: None,
        always_told: false,
    },
    MeasureRow {
        measure: Measure::Consumers,
        code: "few-consumers",
        source: Source::Ring(consumers),
        levels: |limits, _| limits.min_consumers,
        max: |ring| ring.slots.map(|slots| slots.max.into()),
        worse: Worse::Fewer,
        trusts_estimates: true,
        number: |consumers, _| consumers.to_string(),
        show: |bounds, number| counted(bounds, number, "consumer"),
        forbidden: None,
        always_told: true,
    },
    MeasureRow {
        measure: Measure::Zombies,
        code: "zombies",
        source: Source::Ring(zombie_count),
        levels: |limits, _| Threshold {
            warning: None,
            critical: limits.no_zombies.then_some(0),
        },
        max: |_| None,
        worse: Worse::More,
        trusts_estimates: true,
        number: |zombies, _| zombies.to_string(),
        show: |bounds, number| counted(bounds, number, "zombie"),
        forbidden: Some(what_zombies_do),
        always_told: false,
    },
    MeasureRow {
        measure: Measure::ProducerHead,
        code: "producer-head",
        source: Source::Ring(producer_head),
        levels: |_, _| Threshold::default(),
        max: |_| None,
        worse: Worse::More,
        trusts_estimates: true,
        number: |head, _| bytes(head),
        show: |_, number| format!("head {number}"),
        forbidden: None,
        always_told: false,
    },
    MeasureRow {
        measure: Measure::BytesPerSecond,
        code: "bytes-per-second",
        source: Source::Ring(bytes_per_second),
        levels: |_, _| Threshold::default(),
        max: |_| None,
        worse: Worse::More,
        trusts_estimates: true,
        number: |rate, _| bytes(rate),
        show: |_, number| format!("{number}/s"),
        forbidden: None,
        always_told: false,
    },
];

/// So many of something, or that their number is unknown.
fn counted(bounds: &Bounds, number: &str, noun: &str) -> String {
    match bounds.value() {
        Some(1) => format!("1 {noun}"),
        None if bounds.low == 0 => format!("{noun}s unknown"),
        None if bounds.low == 1 => format!("{number} {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

fn what_zombies_do(seen: &Observed) -> String {
    let names: Vec<String> = zombies(seen)
        .map(|one| who(one.slot, one.pid, one.command.as_deref()))
        .collect();
    format!(
        "still reading after eviction, where data may be overwritten: {}",
        names.join(", ")
    )
}
