//! From where on a ring is not well: the figures that health is judged by and that a user may see otherwise.
//!
//! What follows from them is decided in `health`.

use super::lag_limit::LagLimit;

/// The figures, with defaults that suit most rings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// A consumer that is behind by this share of the ring is lagging, percent.
    pub lagging_percent: f64,
    /// A consumer that is behind and has made no progress for this long is stalled, ns; `None`: for half of the ring's own
    /// stall timeout, but a second at least.
    pub stalled_after_ns: Option<u64>,
    /// Descriptors pile up in a side socket that is this full, or where so many of those that the producer's user may
    /// have in flight are, percent.
    pub pile_percent: f64,
    /// How far a consumer may be behind.
    pub max_lag: LagLimit,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            lagging_percent: 25.0,
            stalled_after_ns: None,
            pile_percent: 25.0,
            max_lag: LagLimit::default(),
        }
    }
}

/// Whoever stands still for less is not told from one that is about to go on, ns.
const STALL_LEAST_NS: u64 = 1_000_000_000;

impl Thresholds {
    /// After how long without progress a consumer that is behind is stalled, in a ring with this stall timeout, ns: a ring
    /// that waits long for its consumers has such as take their time.
    #[must_use]
    pub fn stalled_after_ns(&self, stall_timeout_ns: u64) -> u64 {
        self.stalled_after_ns
            .unwrap_or(STALL_LEAST_NS.max(stall_timeout_ns / 2))
    }

    /// The same for one that lags or holds the producer up, which is not waited for.
    #[must_use]
    pub fn stalled_in_trouble_after_ns(&self) -> u64 {
        self.stalled_after_ns.unwrap_or(STALL_LEAST_NS)
    }
}
