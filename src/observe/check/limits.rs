//! The limits of a check: what is set, whether a figure is past it, and how that is said.
//!
//! Pure functions. A figure of which only bounds are known is past a limit if the bounds say so, or if its estimate does;
//! where neither decides, that is what is said.

use super::figures::{Measured, zombies};
use super::measure::{Measure, Observed, Status};
use crate::observe::health::{percent_of, who};
use crate::text::{bytes, duration_in, whole};

/// A limit's two levels, each of which may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold<T> {
    /// Past this: WARNING.
    pub warning: Option<T>,
    /// Past this: CRITICAL.
    pub critical: Option<T>,
}

impl<T> Threshold<T> {
    /// The same levels, counted otherwise.
    pub fn map<U>(self, each: impl Fn(T) -> U) -> Threshold<U> {
        Threshold {
            warning: self.warning.map(&each),
            critical: self.critical.map(&each),
        }
    }
}

impl<T> Default for Threshold<T> {
    fn default() -> Self {
        Self {
            warning: None,
            critical: None,
        }
    }
}

/// What is asked of every ring; by default nothing but that no finding is a warning or worse.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// Most bytes that a consumer may be behind.
    pub lag_bytes: Threshold<u64>,
    /// The same in percent of the capacity.
    pub lag_percent: Threshold<f64>,
    /// The same in messages.
    pub lag_messages: Threshold<u64>,
    /// The same in time, ns.
    pub lag_time_ns: Threshold<u64>,
    /// Longest time that a consumer may be behind without moving, ns.
    pub stall_ns: Threshold<u64>,
    /// Most failed reservations in a row.
    pub clog_attempts: Threshold<u64>,
    /// Fewest consumers.
    pub min_consumers: Threshold<u64>,
    /// No process may read a ring that has evicted it.
    pub no_zombies: bool,
}

impl Limits {
    /// The levels for one figure of a ring of `capacity` bytes.
    #[must_use]
    pub fn of(&self, measure: Measure, capacity: u64) -> Threshold<u64> {
        match measure {
            Measure::LagBytes => {
                let share = |percent: Option<f64>| percent.map(|percent| part(capacity, percent));
                let strict = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
                Threshold {
                    warning: strict(self.lag_bytes.warning, share(self.lag_percent.warning)),
                    critical: strict(self.lag_bytes.critical, share(self.lag_percent.critical)),
                }
            }
            Measure::LagMessages => self.lag_messages,
            Measure::LagTimeNs => self.lag_time_ns,
            Measure::StallNs => self.stall_ns,
            Measure::ClogAttempts => self.clog_attempts,
            Measure::Consumers => self.min_consumers,
            Measure::Zombies => Threshold {
                warning: None,
                critical: self.no_zombies.then_some(0),
            },
            Measure::ProducerHead | Measure::BytesPerSecond => Threshold::default(),
        }
    }
}

/// So many percent of `capacity`, rounded down: a whole number is above it just if it is above the exact share.
#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn part(capacity: u64, percent: f64) -> u64 {
    whole((capacity as f64 * percent / 100.0).floor())
}

/// A reason's code for a figure that is past its limit, or unknown.
#[must_use]
pub(super) fn code(measure: Measure) -> &'static str {
    match measure {
        Measure::LagBytes => "lag-bytes",
        Measure::LagMessages => "lag-messages",
        Measure::LagTimeNs => "lag-time",
        Measure::StallNs => "stall",
        Measure::ClogAttempts => "clog-attempts",
        Measure::Consumers => "few-consumers",
        Measure::Zombies => "zombies",
        Measure::ProducerHead => "producer-head",
        Measure::BytesPerSecond => "bytes-per-second",
    }
}

/// What a figure makes of the verdict; `None` when it is within its limits, or has none.
#[must_use]
pub(super) fn against(measured: &Measured<'_>, levels: Threshold<u64>) -> Option<Status> {
    let [warning, critical] =
        [levels.warning, levels.critical].map(|level| level.map(|level| is_past(measured, level)));
    if critical == Some(Some(true)) {
        Some(Status::Critical)
    } else if warning == Some(Some(true)) {
        Some(Status::Warning)
    } else if critical == Some(None) || warning == Some(None) {
        Some(Status::Unknown)
    } else {
        None
    }
}

/// Whether a figure is past a level; `None` when that cannot be told.
fn is_past(measured: &Measured<'_>, level: u64) -> Option<bool> {
    let bounds = measured.bounds;
    let value = bounds.value();
    match measured.measure {
        Measure::Consumers if bounds.high.is_some_and(|most| most < level) => Some(true),
        Measure::Consumers if bounds.low >= level => Some(false),
        Measure::Consumers => value.map(|value| value < level),
        _ if bounds.low > level => Some(true),
        _ if bounds.high.is_some_and(|most| most <= level) => Some(false),
        _ => value.map(|value| value > level),
    }
}

/// Why a figure is past its limit, or unknown.
#[must_use]
pub(super) fn words(
    measured: &Measured<'_>,
    severity: Status,
    levels: Threshold<u64>,
    seen: &Observed,
) -> String {
    let capacity = seen.ring.control.ring_capacity;
    let figure = show(measured, capacity);
    let measure = measured.measure;
    let Some(level) = (match severity {
        Status::Warning => levels.warning,
        _ => levels.critical.or(levels.warning),
    }) else {
        return figure;
    };
    let limit = amount(measure, level, capacity);
    let owner = measured.of.map_or_else(String::new, |consumer| {
        let name = who(consumer.slot, consumer.pid, consumer.command.as_deref());
        format!("{name}: ")
    });
    if severity == Status::Unknown {
        let why = match measured.why.as_str() {
            "" => String::new(),
            why => format!(": {why}"),
        };
        return match measure {
            Measure::Zombies => format!("{figure}{why}"),
            _ => format!("{owner}{figure}, limit {limit}{why}"),
        };
    }
    match measure {
        Measure::Consumers => format!("{figure}, expected at least {limit}"),
        Measure::Zombies => {
            let names: Vec<String> = zombies(seen)
                .map(|one| who(one.slot, one.pid, one.command.as_deref()))
                .collect();
            format!(
                "{figure}: {} still reads the ring but has lost its slot, what it reads may be overwritten",
                names.join(", ")
            )
        }
        _ => format!("{owner}{figure}, over {limit}"),
    }
}

/// A figure in words, with what it is; estimates are marked.
#[must_use]
pub(super) fn show(measured: &Measured<'_>, capacity: u64) -> String {
    let measure = measured.measure;
    let bounds = measured.bounds;
    let number = match bounds.value() {
        Some(value) if bounds.is_exact() => amount(measure, value, capacity),
        Some(value) => format!("~{}", amount(measure, value, capacity)),
        None if bounds.low > 0 => format!("at least {}", amount(measure, bounds.low, capacity)),
        None => "unknown".into(),
    };
    let one = bounds.value() == Some(1);
    match measure {
        Measure::LagBytes | Measure::LagMessages => format!("lag {number}"),
        Measure::LagTimeNs => format!("lag in time {number}"),
        Measure::StallNs => format!("stalled for {number}"),
        Measure::ClogAttempts => format!("clog attempts {number}"),
        Measure::Consumers if one => "1 consumer".into(),
        Measure::Consumers => match bounds.value().or((bounds.low > 0).then_some(0)) {
            Some(_) => format!("{number} consumers"),
            None => "consumers unknown".into(),
        },
        Measure::Zombies if one => "1 zombie".into(),
        Measure::Zombies if bounds.value().is_none() && bounds.low == 0 => "zombies unknown".into(),
        Measure::Zombies => format!("{number} zombies"),
        Measure::ProducerHead => format!("head {number}"),
        Measure::BytesPerSecond => format!("{number}/s"),
    }
}

/// A number with its unit.
fn amount(measure: Measure, value: u64, capacity: u64) -> String {
    match measure {
        Measure::LagBytes => {
            format!("{} ({:.0} %)", bytes(value), percent_of(value, capacity))
        }
        Measure::LagMessages if value == 1 => "1 message".into(),
        Measure::LagMessages => format!("{value} messages"),
        Measure::LagTimeNs | Measure::StallNs => duration_in(value, "us"),
        Measure::ClogAttempts | Measure::Consumers | Measure::Zombies => value.to_string(),
        Measure::ProducerHead | Measure::BytesPerSecond => bytes(value),
    }
}
