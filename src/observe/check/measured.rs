//! A figure of one ring against its limits: whether it is past them, and how that is said.
//!
//! Pure functions. A figure of which only bounds are known is past a limit if the bounds say so, or if its estimate does;
//! where neither decides, that is what is said. Of times
//! an estimate may only say the worse. Knows no measure by name: what differs between them is in
//! [`super::table`].

use super::figures::{Bounds, Reading};
use super::limits::Limits;
use super::measure::{Figure, Observed, Status};
use super::table::{MEASURES, MeasureRow, Worse};
use crate::observe::health::who;
use crate::observe::model::{ConsumerSnapshot, Threshold};

/// A figure of one ring, and the levels that are set on it.
pub(super) struct Measured<'a> {
    row: &'static MeasureRow,
    seen: &'a Observed,
    reading: Reading<'a>,
    levels: Threshold<u64>,
}

/// Every figure that can be had of a ring, limited or not.
#[must_use]
pub(super) fn measure_all<'a>(seen: &'a Observed, limits: &Limits) -> Vec<Measured<'a>> {
    let ring = &seen.ring;
    let measured = |row: &'static MeasureRow| Measured {
        row,
        seen,
        reading: row.source.read(seen, (row.max)(ring)),
        levels: (row.levels)(limits, ring.control.ring_capacity),
    };
    MEASURES.iter().map(measured).collect()
}

impl<'a> Measured<'a> {
    /// A reason's code for it.
    pub(super) fn code(&self) -> &'static str {
        self.row.code
    }

    /// The consumer it is of; `None` when it is of the ring, or of nobody.
    pub(super) fn of(&self) -> Option<&'a ConsumerSnapshot> {
        self.reading.of
    }

    /// It as it is written down.
    pub(super) fn figure(&self) -> Figure {
        let Bounds { low, high, .. } = self.reading.bounds;
        Figure {
            name: self.row.measure,
            value: self.reading.bounds.value(),
            exact: self.reading.bounds.is_exact(),
            at_least: low,
            at_most: high,
            warning: self.levels.warning,
            critical: self.levels.critical,
            max: (self.row.max)(&self.seen.ring),
        }
    }

    /// Whether it is told of a ring that is well.
    pub(super) fn is_told(&self) -> bool {
        self.row.always_told || self.levels != Threshold::default()
    }

    /// What it makes of the verdict; `None` when it is within its limits, or has none.
    pub(super) fn status(&self) -> Option<Status> {
        let [warning, critical] = [self.levels.warning, self.levels.critical]
            .map(|level| level.map(|level| self.is_past(level)));
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

    /// Whether it is past a level; `None` when that cannot be told.
    fn is_past(&self, level: u64) -> Option<bool> {
        let Bounds { low, high, .. } = self.reading.bounds;
        let value = self.reading.bounds.value();
        match self.row.worse {
            Worse::Fewer if high.is_some_and(|most| most < level) => Some(true),
            Worse::Fewer if low >= level => Some(false),
            Worse::Fewer => value.map(|value| value < level),
            Worse::More if low > level => Some(true),
            Worse::More if high.is_some_and(|most| most <= level) => Some(false),
            Worse::More => value
                .map(|value| value > level)
                .filter(|past| *past || self.row.trusts_estimates),
        }
    }

    /// Why it is past its limit, or unknown: what made `status` of it.
    #[must_use]
    pub(super) fn words(&self, status: Status) -> String {
        let figure = self.show();
        let Some(level) = (match status {
            Status::Warning => self.levels.warning,
            _ => self.levels.critical.or(self.levels.warning),
        }) else {
            return figure;
        };
        let limit = self.number(level);
        let owner = self.of().map_or_else(String::new, |consumer| {
            let name = who(consumer.slot, consumer.pid, consumer.command.as_deref());
            format!("{name}: ")
        });
        if status == Status::Unknown {
            let why = match self.reading.why.as_str() {
                "" => String::new(),
                why => format!(": {why}"),
            };
            return match self.row.forbidden {
                Some(_) => format!("{figure}{why}"),
                None => format!("{owner}{figure}, limit {limit}{why}"),
            };
        }
        match (self.row.forbidden, self.row.worse) {
            (Some(what_they_do), _) => format!("{figure}: {}", what_they_do(self.seen)),
            (None, Worse::More) => format!("{owner}{figure}, over {limit}"),
            (None, Worse::Fewer) => format!("{owner}{figure}, expected at least {limit}"),
        }
    }

    /// It in words, with what it is; estimates are marked.
    #[must_use]
    pub(super) fn show(&self) -> String {
        let bounds = &self.reading.bounds;
        let number = match bounds.value() {
            Some(value) if bounds.is_exact() => self.number(value),
            Some(value) => format!("~{}", self.number(value)),
            None if bounds.low > 0 => format!("at least {}", self.number(bounds.low)),
            None => "unknown".into(),
        };
        (self.row.show)(bounds, &number)
    }

    /// A number of its kind, with its unit.
    fn number(&self, value: u64) -> String {
        (self.row.number)(value, self.seen.ring.control.ring_capacity)
    }
}
