//! How far back charts reach: the steps of the time axis, which all charts on the screen share.
//!
//! Knows no chart and no key.

use crate::observe::model::{Frame, PastSeries};

const SECOND: u64 = 1_000_000_000;

/// Lengths of the axis in seconds, and how they read.
const SPANS: [(u64, &str); 11] = [
    (10, "10 s"),
    (30, "30 s"),
    (60, "1 min"),
    (120, "2 min"),
    (300, "5 min"),
    (600, "10 min"),
    (1_800, "30 min"),
    (3_600, "1 h"),
    (7_200, "2 h"),
    (21_600, "6 h"),
    (86_400, "1 d"),
];

/// One of the lengths of the axis; unless there is a reason for another, the shortest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeSpan(usize);

impl TimeSpan {
    /// The shortest that has room for so much time, or the longest there is.
    fn holding(time_ns: u64) -> Self {
        let holds = |(seconds, _): &(u64, &str)| seconds * SECOND >= time_ns;
        Self(SPANS.iter().position(holds).unwrap_or(SPANS.len() - 1))
    }

    /// What the newest points of a frame take: as they came they reach back two minutes, longer where samples are fewer.
    pub(crate) fn of_recent(frame: &Frame) -> Self {
        let length = |past: &PastSeries| {
            let (first, last) = (past.recent().next()?, past.last()?);
            Some(last.at_ns.saturating_sub(first.at_ns))
        };
        // A ring that was found without a producer has no rates.
        let length = length(&frame.rates).or_else(|| frame.lags.values().filter_map(length).max());
        // A little more than the axis has room for falls off its left end: the axis must not change at every sample.
        Self::holding(length.unwrap_or(0) / 5 * 4)
    }

    /// The next shorter one; the same where there is none.
    pub(crate) fn shorter(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The next longer one; the same where there is none.
    pub(crate) fn longer(self) -> Self {
        Self((self.0 + 1).min(SPANS.len() - 1))
    }

    pub(crate) fn nanoseconds(self) -> u64 {
        SPANS[self.0].0 * SECOND
    }

    /// How it reads.
    pub(crate) fn word(self) -> &'static str {
        SPANS[self.0].1
    }
}
