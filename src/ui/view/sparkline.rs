//! The last lags of a consumer in the cells of a table: a bar a second, its full height the whole ring.
//!
//! Bars are cut by the clock, not by the samples: once its second is over a bar stays as it is.

use std::time::Duration;

use crate::observe::model::{PastPoint, PastSeries};
use crate::ui::theme::Glyphs;

/// Bars drawn.
pub(super) const BARS: u16 = 12;
/// Time of a bar at the least, ns; where samples are fewer, one bar a sample.
const SECOND: u64 = 1_000_000_000;

/// One bar for each of the last values, the newest at the right, by the largest of them.
pub(super) fn steps(
    values: impl DoubleEndedIterator<Item = Option<u64>> + Clone,
    glyphs: &Glyphs,
) -> String {
    let most = values.clone().flatten().max().unwrap_or(0);
    let levels = levels(glyphs);
    let bars: Vec<&str> = values
        .rev()
        .take(BARS.into())
        .map(|value| value.map_or(glyphs.bar_cells[2], |value| levels[level(value, most)]))
        .collect();
    let missing = usize::from(BARS) - bars.len();
    let bars: String = bars.into_iter().rev().collect();
    " ".repeat(missing) + &bars
}

fn levels(glyphs: &Glyphs) -> [&'static str; 9] {
    let set = &glyphs.chart;
    [
        set.empty,
        set.one_eighth,
        set.one_quarter,
        set.three_eighths,
        set.half,
        set.five_eighths,
        set.three_quarters,
        set.seven_eighths,
        set.full,
    ]
}

/// The bars, the newest at the right: `period` is the time between two samples, and `now` that of the last.
pub(super) fn bars(
    past: &PastSeries,
    now: u64,
    period: Duration,
    capacity: u64,
    glyphs: &Glyphs,
) -> String {
    let unknown = glyphs.bar_cells[2];
    let levels = levels(glyphs);
    let length = u64::try_from(period.as_nanos())
        .unwrap_or(u64::MAX)
        .max(SECOND);
    let newest = now / length;
    let oldest = newest.saturating_sub(BARS.into()) * length;
    let points: Vec<&PastPoint> = past.since(oldest).collect();
    let largest = |bar: u64| {
        let newest_first = points.iter().rev();
        newest_first
            .skip_while(|point| point.at_ns / length > bar)
            .take_while(|point| point.at_ns / length == bar)
            .filter_map(|point| point.high())
            .max()
    };
    // Samples come a little early or late: a bar that none fell into is the one before it.
    let carried = |bar: u64| {
        let empty = points.iter().all(|point| point.at_ns / length != bar);
        let followed = points.last().is_some_and(|last| last.at_ns / length > bar);
        (empty && followed).then(|| largest(bar.checked_sub(1)?))?
    };
    let shown = |back: u64| {
        let bar = newest.checked_sub(back)?;
        let lag = largest(bar).or_else(|| carried(bar))?;
        Some(levels[level(lag, capacity)])
    };
    let backwards = (0..u64::from(BARS)).rev();
    backwards
        .map(|back| shown(back).unwrap_or(unknown))
        .collect()
}

/// Eighths of the ring, begun ones as whole.
fn level(lag: u64, capacity: u64) -> usize {
    let eighths = (u128::from(lag) * 8).div_ceil(u128::from(capacity.max(1)));
    usize::try_from(eighths).map_or(8, |eighths| eighths.min(8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::Theme;

    const MS: u64 = 1_000_000;

    fn drawn(points: &[(u64, Option<u64>)], now_ms: u64, period_ms: u64) -> String {
        let point = |&(at_ms, lag_bytes): &(u64, _)| PastPoint::at(at_ms * MS, lag_bytes);
        let past = points.iter().map(point).collect();
        let period = Duration::from_millis(period_ms);
        let glyphs = Theme::new(true, false).glyphs;
        bars(&past, now_ms * MS, period, 800, glyphs)
    }

    #[test]
    fn a_bar_is_the_worst_of_its_second() {
        let points = [
            (18_900, Some(800)),
            (19_100, Some(100)),
            (20_100, Some(400)),
            (20_900, Some(0)),
            (21_000, Some(0)),
        ];
        assert_eq!(drawn(&points, 21_000, 100), "········█▁▄ ");
        assert_eq!(drawn(&points[..4], 20_900, 100), "·········█▁▄");
        assert_eq!(drawn(&[(20_100, Some(1))], 20_100, 100), "···········▁");
        assert_eq!(
            drawn(&[(20_100, Some(u64::MAX))], 20_100, 100),
            "···········█"
        );
        assert_eq!(drawn(&[], 0, 100), "············");
    }

    #[test]
    fn the_unknown_is_no_lag_and_a_sample_that_came_late_leaves_no_hole() {
        let late = [(19_990, Some(100)), (21_010, Some(200)), (22_000, None)];
        assert_eq!(drawn(&late, 22_000, 1_000), "········▁▁▂·");
        // One sample in ten seconds is one bar.
        let seldom = [(10_000, Some(100)), (20_000, Some(200)), (30_000, Some(0))];
        assert_eq!(drawn(&seldom, 30_000, 10_000), "·········▁▂ ");
    }

    #[test]
    fn what_was_drawn_stays_while_its_second_lasts() {
        let mut points = Vec::new();
        let mut before = String::new();
        for at_ms in (30_000..40_000).step_by(100) {
            points.push((at_ms, Some(at_ms * 7919 % 800)));
            let now = drawn(&points, at_ms, 100);
            let past = |bars: &str| bars.chars().take(11).collect::<String>();
            if at_ms % 1000 > 0 {
                assert_eq!(past(&before), past(&now));
            }
            before = now;
        }
    }
}
