//! A value that may be an estimate.

use serde::Serialize;

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
