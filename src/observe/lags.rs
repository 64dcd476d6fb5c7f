//! How far behind head a consumer was, for a chart: bounded in memory however fast and long it is sampled.

use std::collections::VecDeque;

use super::frame::LagPoint;

/// Points kept: two minutes at four or more samples a second, longer where samples are fewer.
const DEPTH: usize = 480;
/// Samples in the same part of a second, by the clock, are one point: no chart shows more, and what does not depend on
/// when the first sample was taken stays in its place.
const SLICE_NS: u64 = 250_000_000;

/// The past lags of one consumer.
#[derive(Debug, Default)]
pub(super) struct Lags {
    points: VecDeque<LagPoint>,
}

impl Lags {
    /// Remembers a sample; of several in one point the largest lag is kept.
    pub(super) fn push(&mut self, at_ns: u64, lag_bytes: Option<u64>) {
        match self.points.back_mut() {
            Some(last) if last.at_ns / SLICE_NS == at_ns / SLICE_NS => {
                last.at_ns = at_ns;
                last.lag_bytes = last.lag_bytes.max(lag_bytes);
            }
            _ => {
                if self.points.len() == DEPTH {
                    self.points.pop_front();
                }
                self.points.push_back(LagPoint { at_ns, lag_bytes });
            }
        }
    }

    /// All that is remembered, oldest first.
    pub(super) fn points(&self) -> Vec<LagPoint> {
        self.points.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn the_worst_of_a_moment_is_kept_and_the_unknown_is_no_lag() {
        let mut lags = Lags::default();
        for (at_ms, lag) in [
            (0, Some(5)),
            (100, Some(9)),
            (200, None),
            (249, Some(1)),
            (250, None),
            (1000, Some(0)),
        ] {
            lags.push(at_ms * MS, lag);
        }
        let point = |at_ms, lag_bytes| LagPoint {
            at_ns: at_ms * MS,
            lag_bytes,
        };
        assert_eq!(
            lags.points(),
            [point(249, Some(9)), point(250, None), point(1000, Some(0))]
        );
    }

    #[test]
    fn memory_is_bounded() {
        for step_ms in [1, 20, 100, 10_000] {
            let mut lags = Lags::default();
            for sample in 0..200_000 {
                lags.push(sample * step_ms * MS, Some(sample));
            }
            let points = lags.points();
            assert!(points.len() <= DEPTH);
            assert_eq!(points.last().and_then(|last| last.lag_bytes), Some(199_999));
        }
    }
}
