//! How a figure was over time, for a chart: bounded in memory however fast and long it is sampled.

use crate::observe::model::{PastPoint, PastSeries};

/// Samples in the same part of a second, by the clock, are one point: no chart shows more, and what does not depend on
/// when the first sample was taken stays in its place.
const SLICE_NS: u64 = 250_000_000;

/// Between two samples this far apart, and four times as far as those before, nothing is known: it is a hole, not a plateau.
const HOLE_NS: u64 = 1_500_000_000;

/// The past of one figure.
#[derive(Clone, Debug, Default)]
pub(super) struct TimeSeries {
    points: PastSeries,
}

impl TimeSeries {
    /// Remembers a sample; of several in one point the largest is kept.
    pub(super) fn push_largest(&mut self, at_ns: u64, value: Option<u64>) {
        let before = self.last_within(at_ns).and_then(PastPoint::value);
        self.put(at_ns, value.max(before));
    }

    /// Remembers a sample in the place of those in the same point.
    fn put(&mut self, at_ns: u64, value: Option<u64>) {
        let point = PastPoint::at(at_ns, value);
        if self.last_within(at_ns).is_some() {
            return self.points.replace_last(point);
        }
        if let Some(since) = self.hole_before(at_ns) {
            self.points.push(PastPoint::at(since + 1, None));
        }
        self.points.push(point);
    }

    /// What came before is the past of another series; between the two, however close they are, nothing is known.
    pub(super) fn go_on_from(&mut self, mut earlier: Self) {
        if let Some(last) = earlier.points.last() {
            let since = last.at_ns;
            earlier.points.push(PastPoint::at(since + 1, None));
        }
        for point in self.points.points() {
            earlier.points.push(*point);
        }
        *self = earlier;
    }

    /// Since when nothing was sampled, if that is a hole.
    fn hole_before(&self, at_ns: u64) -> Option<u64> {
        let mut points = self.points.recent().rev().map(|point| point.at_ns);
        let last = points.next()?;
        let usual = last.saturating_sub(points.next()?);
        (at_ns.saturating_sub(last) > HOLE_NS.max(4 * usual)).then_some(last)
    }

    /// The last point, if a sample at `at_ns` belongs to it.
    fn last_within(&self, at_ns: u64) -> Option<&PastPoint> {
        let last = self.points.last();
        last.filter(|last| last.at_ns / SLICE_NS == at_ns / SLICE_NS)
    }

    /// All that is remembered.
    pub(super) fn points(&self) -> &PastSeries {
        &self.points
    }
}

/// The past of a rate: every point is the mean over its part of a second, whatever the number of samples in it.
#[derive(Debug, Default)]
pub(super) struct PastRate {
    past: TimeSeries,
    /// Time and offset of the last sample before the present point, and of the last of all.
    base: Option<(u64, u64)>,
    last: Option<(u64, u64)>,
}

impl PastRate {
    /// Remembers where an offset stood.
    pub(super) fn push(&mut self, at_ns: u64, offset: u64) {
        if self.last.is_some_and(|(_, before)| offset < before) {
            // It never falls: what was before is another ring's, and the line has a gap.
            (self.base, self.last) = (None, None);
        }
        if self.past.hole_before(at_ns).is_some() {
            // The mean over it is not how it was at any time.
            (self.base, self.last) = (None, None);
        }
        if self.past.last_within(at_ns).is_none() || self.base.is_none() {
            self.base = self.last;
        }
        self.last = Some((at_ns, offset));
        self.past.put(at_ns, self.rate());
    }

    /// Bytes per second since the base.
    fn rate(&self) -> Option<u64> {
        let ((from, before), (to, now)) = (self.base?, self.last?);
        let elapsed = to.checked_sub(from).filter(|elapsed| *elapsed > 0)?;
        let bytes = u128::from(now.checked_sub(before)?);
        Some(u64::try_from(bytes * 1_000_000_000 / u128::from(elapsed)).unwrap_or(u64::MAX))
    }

    /// All that is remembered.
    pub(super) fn points(&self) -> &PastSeries {
        self.past.points()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn point(at_ms: u64, value: Option<u64>) -> PastPoint {
        PastPoint::at(at_ms * MS, value)
    }

    fn all(past: &PastSeries) -> Vec<PastPoint> {
        past.points().copied().collect()
    }

    #[test]
    fn the_worst_of_a_moment_is_kept_and_the_unknown_is_none() {
        let mut lags = TimeSeries::default();
        for (at_ms, lag) in [
            (0, Some(5)),
            (100, Some(9)),
            (200, None),
            (249, Some(1)),
            (250, None),
            (1000, Some(0)),
        ] {
            lags.push_largest(at_ms * MS, lag);
        }
        assert_eq!(
            all(lags.points()),
            [point(249, Some(9)), point(250, None), point(1000, Some(0))]
        );
    }

    #[test]
    fn a_rate_is_the_mean_of_its_moment_however_often_it_is_sampled() {
        for step_ms in [10, 50, 125, 250] {
            let mut rates = PastRate::default();
            // A burst of 100 bytes in the first tenth of every half second, and nothing else.
            for at_ms in (0..=2_000u64).step_by(step_ms) {
                rates.push(at_ms * MS, at_ms / 500 * 100 + (at_ms % 500).min(50) * 2);
            }
            let points = all(rates.points());
            assert_eq!(points.len(), 9, "at {step_ms} ms");
            let inside = &points[1..8];
            let mean = inside
                .iter()
                .map(|point| point.value().unwrap())
                .sum::<u64>()
                / 7;
            assert!((150..=250).contains(&mean), "{mean} at {step_ms} ms");
        }
        let mut seldom = PastRate::default();
        for (at_ms, head) in [
            (0, 0),
            (2_000, 500),
            (4_000, 500),
            (5_000, 100),
            (6_000, 200),
        ] {
            seldom.push(at_ms * MS, head);
        }
        let values: Vec<_> = all(seldom.points()).iter().map(PastPoint::value).collect();
        assert_eq!(
            values,
            [None, Some(250), Some(0), None, Some(100)],
            "head fell: a gap"
        );
    }

    #[test]
    fn what_no_ring_does_is_survived() {
        let mut rates = PastRate::default();
        for (at_ns, head) in [(0, 0), (1, u64::MAX), (1, u64::MAX), (0, 7), (u64::MAX, 9)] {
            rates.push(at_ns, head);
        }
        assert!(!rates.points().is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        for step_ms in [1, 20, 100, 10_000] {
            let (mut lags, mut rates) = (TimeSeries::default(), PastRate::default());
            for sample in 0..200_000 {
                lags.push_largest(sample * step_ms * MS, Some(sample));
                rates.push(sample * step_ms * MS, sample);
            }
            for past in [lags.points(), rates.points()] {
                assert!(past.points().count() <= 52 * 30, "at {step_ms} ms");
            }
            let last = lags.points().last();
            assert_eq!(last.and_then(PastPoint::value), Some(199_999));
        }
    }

    #[test]
    fn what_was_not_sampled_is_a_hole() {
        let mut rate = PastRate::default();
        let mut lag = TimeSeries::default();
        let times = [0, 1000, 2000, 3000, 60_000, 61_000];
        for (number, ms) in times.into_iter().enumerate() {
            rate.push(ms * MS, ms * 1000);
            lag.push_largest(ms * MS, Some(number as u64));
        }
        let values = |past: &PastSeries| -> Vec<_> {
            past.points()
                .map(|point| (point.at_ns / MS, point.value()))
                .collect()
        };
        let steady = Some(1_000_000);
        assert_eq!(
            values(rate.points()),
            [
                (0, None),
                (1000, steady),
                (2000, steady),
                (3000, steady),
                (3000, None),
                (60_000, None),
                (61_000, steady)
            ]
        );
        assert_eq!(
            values(lag.points()),
            [
                (0, Some(0)),
                (1000, Some(1)),
                (2000, Some(2)),
                (3000, Some(3)),
                (3000, None),
                (60_000, Some(4)),
                (61_000, Some(5))
            ]
        );
        // Who samples seldom has no holes.
        let mut seldom = TimeSeries::default();
        for second in [0, 10, 20, 30] {
            seldom.push_largest(second * 1000 * MS, Some(7));
        }
        assert!(
            values(seldom.points())
                .iter()
                .all(|point| point.1.is_some())
        );
    }

    #[test]
    fn a_mean_stays_one_however_old_it_grows() {
        let mut rates = PastRate::default();
        // Ten hours of 1,000 bytes a second, of which each tenth of a second gets what it will.
        let mut head = 0;
        for number in 0..36_000u64 * 10 {
            let at_ms = number * 100 + number * 7919 % 40;
            head = at_ms;
            rates.push(at_ms * MS, head);
        }
        let past = rates.points();
        assert!(past.points().count() > 600 && head > 0);
        let known = past.points().filter(|point| point.high().is_some());
        for point in known {
            let of = [point.low(), point.value(), point.high()];
            assert_eq!(of, [Some(1000); 3], "at {}", point.at_ns);
        }
        // A burst of a second every minute: no step is without its rest, and none of more than a minute without its burst.
        let mut rates = PastRate::default();
        for number in 0..36_000u64 * 3 {
            let at_ms = number * 100;
            rates.push(
                at_ms * MS,
                at_ms / 60_000 * 6_000 + (at_ms % 60_000).min(1_000) * 6,
            );
        }
        let oldest: Vec<_> = rates.points().points().skip(1).take(100).collect();
        for point in oldest {
            assert_eq!((point.low(), point.high()), (Some(0), Some(6000)));
        }
    }

    #[test]
    fn a_past_goes_on_from_another_behind_a_hole() {
        let mut earlier = TimeSeries::default();
        let mut later = TimeSeries::default();
        earlier.push_largest(100 * MS, Some(5));
        later.push_largest(200 * MS, Some(7));
        later.go_on_from(earlier);
        // Within the same part of a second as the last of the earlier one.
        later.push_largest(240 * MS, Some(3));
        let values: Vec<_> = all(later.points()).iter().map(PastPoint::value).collect();
        assert_eq!(values, [Some(5), None, Some(7)]);
        later.go_on_from(TimeSeries::default());
        assert_eq!(all(later.points()).len(), 3);
    }
}
