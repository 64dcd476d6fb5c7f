//! How far a consumer may be behind before that is a warning, or critical.

use std::fmt;

use super::consumer::ConsumerSnapshot;
use super::finding::Severity;

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

/// A limit on a lag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LagLimit {
    /// What it counts.
    pub unit: LagUnit,
    /// How many of them.
    pub levels: Threshold<f64>,
}

impl Default for LagLimit {
    /// What a check asks for where nobody has said otherwise.
    fn default() -> Self {
        Self {
            unit: LagUnit::Percent,
            levels: Threshold {
                warning: Some(80.0),
                critical: Some(95.0),
            },
        }
    }
}

/// What a lag is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LagUnit {
    /// Bytes.
    Bytes,
    /// Percent of the capacity.
    Percent,
    /// Messages.
    Messages,
    /// Time, ns.
    Nanoseconds,
    /// Not at all: there is no limit.
    Off,
}

impl LagUnit {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Percent => "percent",
            Self::Messages => "messages",
            Self::Nanoseconds => "time",
            Self::Off => "nothing",
        }
    }
}

impl fmt::Display for LagLimit {
    /// As it is written on the command line.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            LagUnit::Off => return out.write_str("off"),
            LagUnit::Bytes => "B",
            LagUnit::Percent => "%",
            LagUnit::Messages => "msg",
            LagUnit::Nanoseconds => "ns",
        };
        if let Some(warning) = self.levels.warning {
            write!(out, "{warning}{unit}:")?;
        }
        if let Some(critical) = self.levels.critical {
            write!(out, "{critical}{unit}")?;
        }
        Ok(())
    }
}

impl LagLimit {
    /// However far.
    pub const OFF: Self = Self {
        unit: LagUnit::Off,
        levels: Threshold {
            warning: None,
            critical: None,
        },
    };

    /// How bad it is how far a consumer is behind; `None` where it is within the limit, or that is not known.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a limit for people")]
    pub fn severity(&self, one: &ConsumerSnapshot) -> Option<Severity> {
        let lag = match self.unit {
            LagUnit::Bytes => one.lag_bytes? as f64,
            LagUnit::Percent => one.lag_percent?,
            LagUnit::Messages => one.lag_messages.value? as f64,
            // Where it may be more, the limit may be passed.
            LagUnit::Nanoseconds => {
                let time = one.lag_time_ns?;
                time.high.unwrap_or(time.low) as f64
            }
            LagUnit::Off => return None,
        };
        let past = |level: Option<f64>| level.is_some_and(|level| lag > level);
        if past(self.levels.critical) {
            Some(Severity::Critical)
        } else if past(self.levels.warning) {
            Some(Severity::Warning)
        } else {
            None
        }
    }
}
