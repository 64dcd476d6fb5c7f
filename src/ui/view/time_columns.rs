//! Time cut into columns by the clock: what was drawn once keeps its shape while the picture moves on.

use crate::observe::model::{PastPoint, PastSeries};
use crate::ui::time_span::TimeSpan;

/// The columns of a picture.
pub(super) struct TimeColumns {
    /// Number of the newest column, counted since the clock began.
    newest: u64,
    /// Time of a column, ns.
    step: u64,
    pub(super) count: usize,
}

impl TimeColumns {
    /// So many columns, of which the last one holds `now_ns`.
    pub(super) fn new(span: TimeSpan, now_ns: u64, count: usize) -> Self {
        let step = (span.nanoseconds() / count.max(1) as u64).max(1);
        Self {
            newest: now_ns / step,
            step,
            count,
        }
    }

    /// Columns of `step` ns, of which the last one has this number.
    #[cfg(test)]
    pub(super) fn of(newest: u64, step: u64, count: usize) -> Self {
        Self {
            newest,
            step,
            count,
        }
    }

    /// The column of a point; `None` left of the picture.
    pub(super) fn column(&self, point: &PastPoint) -> Option<usize> {
        let back = usize::try_from(self.newest.checked_sub(point.at_ns / self.step)?).ok()?;
        self.count.checked_sub(1)?.checked_sub(back)
    }

    /// What is in sight, and perhaps a little before it.
    pub(super) fn points<'a>(
        &self,
        past: &'a PastSeries,
    ) -> impl Iterator<Item = &'a PastPoint> + use<'a> {
        let oldest = (self.newest + 1).saturating_sub(self.count as u64);
        past.since(oldest.saturating_mul(self.step))
    }

    /// The largest figure in each column. Between two points that follow each other it is that of the later one.
    pub(super) fn largest(&self, past: &PastSeries) -> Vec<Option<u64>> {
        let mut largest = vec![None; self.count];
        let mut before: Option<usize> = None;
        for point in self.points(past) {
            let column = self.column(point);
            if let Some(at) = column {
                let first = before.map_or(at, |before| (before + 1).min(at));
                for most in &mut largest[first..=at] {
                    *most = point.high().max(*most);
                }
            }
            before = column.filter(|_| point.value().is_some());
        }
        largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_the_largest_in_it_and_lasts_until_the_next() {
        let largest = |points: &[(u64, Option<u64>)]| {
            let points = points
                .iter()
                .map(|&(at_ns, value)| PastPoint::at(at_ns, value));
            TimeColumns::of(9, 10, 6).largest(&points.collect())
        };
        // Columns from 40 to 99.
        assert_eq!(
            largest(&[
                (39, Some(9)),
                (41, Some(1)),
                (48, Some(3)),
                (71, Some(2)),
                (99, Some(4))
            ]),
            [Some(3), Some(2), Some(2), Some(2), Some(4), Some(4)]
        );
        assert_eq!(
            largest(&[(41, Some(1)), (42, None), (85, Some(5)), (86, None)]),
            [Some(1), None, None, None, Some(5), None]
        );
        assert_eq!(largest(&[]), [None; 6]);
    }

    #[test]
    fn columns_of_no_width_and_of_all_time_are_survived() {
        let span = TimeSpan::default();
        for (now_ns, count) in [(0, 0), (u64::MAX, 0), (0, 9), (u64::MAX, 100_000)] {
            let columns = TimeColumns::new(span, now_ns, count);
            for at_ns in [0, now_ns / 2, now_ns] {
                let past: PastSeries = [PastPoint::at(at_ns, Some(1))].into_iter().collect();
                assert_eq!(columns.largest(&past).len(), count);
            }
        }
    }
}
