//! Values that are not exact: estimates, and values between bounds.

use serde::{Deserialize, Serialize};

use super::age_counts::AgeCounts;

/// A value and whether it is exact. `value` null: unknown, whatever `exact` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A value that lies between two bounds, both of which it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Bounded<T> {
    /// Where between them it probably is; null when nothing bounds it above.
    pub value: Option<T>,
    /// It is no less.
    pub low: T,
    /// It is no more; null when nothing bounds it.
    pub high: Option<T>,
}

/// Messages since a ring is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MessageTotals {
    /// Those that were walked.
    pub counted: u64,
    /// As many as the others probably were, by their bytes.
    pub estimated: f64,
    /// How old they were; `None` where nothing tells when they were made.
    pub ages: Option<AgeCounts>,
}

impl<T: Copy + PartialEq> Bounded<T> {
    /// A value that is known.
    pub fn exact(value: T) -> Self {
        Self {
            value: Some(value),
            low: value,
            high: Some(value),
        }
    }

    /// In words, given those for a number: `~` before one whose bounds read differently, `>` before one that is only known
    /// to be no less.
    pub fn words(&self, number: impl Fn(T) -> String) -> String {
        let low = number(self.low);
        match self.value.zip(self.high) {
            None => format!(">{low}"),
            Some((_, high)) if number(high) == low => low,
            Some((value, _)) => format!("~{}", number(value)),
        }
    }
}
