//! The limits of a check: what is set.
//!
//! Plain data. Knows no figure, and not what becomes of one that is past its limit.

use std::time::Duration;

use crate::observe::model::Threshold;
use crate::text::whole;

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
    /// Longest time that nothing may be committed, ns.
    pub idle_ns: Threshold<u64>,
    /// Most failed reservations in a row.
    pub clog_attempts: Threshold<u64>,
    /// Fewest consumers.
    pub min_consumers: Threshold<u64>,
    /// No process may read a ring that has evicted it.
    pub no_zombies: bool,
}

impl Limits {
    /// The highest level that is set on a time which may reach back to before the first look.
    #[must_use]
    pub fn longest_time(&self) -> Option<Duration> {
        let levels =
            [self.lag_time_ns, self.idle_ns].map(|limit| limit.warning.max(limit.critical));
        levels.into_iter().flatten().max().map(Duration::from_nanos)
    }

    /// The levels for a lag in bytes in a ring of `capacity`: the stricter of both, each for itself.
    #[must_use]
    pub(super) fn lag_levels(&self, capacity: u64) -> Threshold<u64> {
        let share = |percent: Option<f64>| percent.map(|percent| part(capacity, percent));
        let strict = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
        Threshold {
            warning: strict(self.lag_bytes.warning, share(self.lag_percent.warning)),
            critical: strict(self.lag_bytes.critical, share(self.lag_percent.critical)),
        }
    }
}

/// So many percent of `capacity`, rounded down: a whole number is above it just if it is above the exact share.
#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn part(capacity: u64, percent: f64) -> u64 {
    whole((capacity as f64 * percent / 100.0).floor())
}
