//! What was seen before: rates, how long a tail has stood still, and when head was where a tail is now.
//!
//! Bounded in memory whatever the length of the run.

use std::collections::{HashMap, VecDeque};

use super::time_series::{PastRate, TimeSeries};
use crate::observe::model::{Bounded, PastSeries};
use crate::observe::sample::Sample;

/// Samples remembered: a minute at ten a second.
const DEPTH: usize = 600;
/// Rates for people are taken over about this long, so that they can be read; the chart shows every quarter of one. A bit less
/// than a second: of samples taken once a second none comes before its time, and each is measured against the last.
const RATE_WINDOW_NS: u64 = 900_000_000;

/// The recent past of one ring.
#[derive(Debug, Default)]
pub struct History {
    heads: VecDeque<Point>,
    /// For each head, the messages between it and the one before, when all of them were walked.
    counts: VecDeque<Option<u64>>,
    rates: PastRate,
    tails: HashMap<u64, Track>,
    /// Where head was seen to stand, one behind the other.
    stands: VecDeque<Stand>,
    first_ns: Option<u64>,
}

/// Head at one place, from the first look that saw it there to the last.
#[derive(Clone, Copy, Debug)]
struct Stand {
    offset: u64,
    since_ns: u64,
    until_ns: u64,
}

/// An offset at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    at_ns: u64,
    offset: u64,
}

/// The recent past of one consumer's tail.
#[derive(Debug)]
struct Track {
    recent: VecDeque<Point>,
    moved: Point,
    lags: TimeSeries,
}

impl History {
    /// Remembers `sample`, and how many messages came since the one before if all of them were walked.
    pub fn push(&mut self, sample: &Sample, messages: Option<u64>) {
        let point = |offset| Point {
            at_ns: sample.at_ns,
            offset,
        };
        let head = point(sample.control.producer_head);
        let last = self.heads.back();
        if last.is_some_and(|last| head.offset < last.offset) {
            // Head never falls. What was seen before says nothing of what comes now.
            self.heads.clear();
            self.counts.clear();
        }
        self.note_head(head.at_ns, head.offset);
        self.first_ns.get_or_insert(head.at_ns);
        if sample.producer_alive {
            // What was before its end is not to leave the chart.
            self.rates.push(head.at_ns, head.offset);
        }
        keep(&mut self.heads, head, DEPTH);
        keep(&mut self.counts, messages, DEPTH);
        self.tails.retain(|inode, _| {
            sample
                .members
                .iter()
                .any(|member| member.meta_inode == *inode)
        });
        for member in &sample.members {
            let tail = point(member.tail);
            let track = self
                .tails
                .entry(member.meta_inode)
                .or_insert_with(|| Track {
                    recent: VecDeque::new(),
                    moved: tail,
                    lags: TimeSeries::default(),
                });
            if track.moved.offset != tail.offset {
                track.moved = tail;
            }
            let stale = |first: &Point| tail.at_ns - first.at_ns > RATE_WINDOW_NS;
            while track.recent.get(1).is_some_and(stale) {
                track.recent.pop_front();
            }
            keep(&mut track.recent, tail, DEPTH);
            let lag = head.offset.checked_sub(tail.offset);
            track
                .lags
                .push_largest(tail.at_ns, lag.filter(|_| !member.truncated));
        }
    }

    /// Time between the samples that rates come from, ns.
    #[must_use]
    pub fn interval_ns(&self) -> Option<u64> {
        Some(self.heads.back()?.at_ns - self.base()?.at_ns)
    }

    /// Time between the first and the last sample, ns; `None` with one.
    #[must_use]
    pub fn watched_ns(&self) -> Option<u64> {
        let watched = self.heads.back()?.at_ns - self.first_ns?;
        (self.heads.len() > 1).then_some(watched)
    }

    /// Bytes per second produced, over the last second or since the first sample.
    #[must_use]
    pub fn bytes_per_second(&self) -> Option<f64> {
        rate(self.base()?, *self.heads.back()?)
    }

    /// Messages per second produced, over the same time; `None` when some of them were not walked.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate is for people: 53 bits are plenty"
    )]
    pub fn messages_per_second(&self) -> Option<f64> {
        let base = self.base()?;
        let since = self
            .heads
            .iter()
            .zip(&self.counts)
            .filter(|(head, _)| head.at_ns > base.at_ns);
        let messages: u64 = since.map(|(_, count)| *count).sum::<Option<u64>>()?;
        Some(messages as f64 * 1e9 / self.interval_ns().filter(|interval| *interval > 0)? as f64)
    }

    /// Bytes per second released by one consumer.
    #[must_use]
    pub fn tail_rate(&self, meta_inode: u64) -> Option<f64> {
        let recent = &self.tails.get(&meta_inode)?.recent;
        rate(*recent.front()?, *recent.back()?)
    }

    /// How long a consumer's tail has been seen not to move, ns; `None` before its second sample.
    #[must_use]
    pub fn still_ns(&self, meta_inode: u64) -> Option<u64> {
        let track = self.tails.get(&meta_inode)?;
        (track.recent.len() > 1).then(|| {
            track
                .recent
                .back()
                .map_or(0, |last| last.at_ns - track.moved.at_ns)
        })
    }

    /// Takes in where head is, between two samples: what is known of the time that a tail is behind is known the better.
    pub fn note_head(&mut self, at_ns: u64, offset: u64) {
        match self.stands.back_mut() {
            Some(last) if last.offset == offset => last.until_ns = at_ns,
            // Head never falls. What was seen before says nothing of what comes now.
            Some(last) if last.offset > offset => self.stands.clear(),
            _ => {}
        }
        if self.stands.back().is_none_or(|last| last.offset != offset) {
            let stand = Stand {
                offset,
                since_ns: at_ns,
                until_ns: at_ns,
            };
            keep(&mut self.stands, stand, DEPTH);
        }
    }

    /// How long ago head went beyond `tail`, ns: between the look that last saw it there or below, if one is remembered,
    /// and the first that saw it above; `None` before the first look.
    #[must_use]
    pub fn lag_time_ns(&self, tail: u64) -> Option<Bounded<u64>> {
        let last = self.stands.back()?;
        if tail >= last.offset {
            return Some(Bounded::exact(0));
        }
        let after = self.stands.partition_point(|stand| stand.offset <= tail);
        let above = self.stands.get(after)?;
        let low = last.until_ns - above.since_ns;
        let Some(below) = after.checked_sub(1).and_then(|at| self.stands.get(at)) else {
            let (value, high) = (None, None);
            return Some(Bounded { value, low, high });
        };
        let [part, whole] = [tail - below.offset, above.offset - below.offset].map(u128::from);
        let span = u128::from(above.since_ns - below.until_ns);
        let later = u64::try_from(span * part / whole.max(1)).unwrap_or(0);
        let high = last.until_ns - below.until_ns;
        Some(Bounded {
            value: Some(high - later),
            low,
            high: Some(high),
        })
    }

    /// How long ago head came to where it is, ns: since the look that first saw it there at least, and since the last that
    /// did not at most; `None` with one sample.
    #[must_use]
    pub fn idle_ns(&self) -> Option<Bounded<u64>> {
        let (last, before) = (self.stands.back()?, self.stands.iter().rev().nth(1));
        if before.is_none() && self.heads.len() < 2 {
            return None;
        }
        let high = before.map(|before| last.until_ns - before.until_ns);
        Some(Bounded {
            value: high,
            low: last.until_ns - last.since_ns,
            high,
        })
    }

    /// Past bytes per second.
    #[must_use]
    pub fn rates(&self) -> PastSeries {
        self.rates.points().clone()
    }

    /// Past lags of every consumer in the last sample, by `meta_inode`.
    #[must_use]
    pub fn lags(&self) -> HashMap<u64, PastSeries> {
        let tails = self.tails.iter();
        tails
            .map(|(inode, track)| (*inode, track.lags.points().clone()))
            .collect()
    }

    /// Whether head has moved in the time that rates are taken over; `None` with one sample.
    #[must_use]
    pub fn head_moves(&self) -> Option<bool> {
        Some(self.heads.back()?.offset != self.base()?.offset)
    }

    /// The sample that rates are taken against.
    fn base(&self) -> Option<Point> {
        let last = self.heads.back()?;
        let mut base = None;
        for point in self.heads.iter().rev().skip(1) {
            base = Some(*point);
            if last.at_ns - point.at_ns >= RATE_WINDOW_NS {
                break;
            }
        }
        base
    }
}

/// Bytes per second from one point to a later one; `None` when no time passed or the offset fell.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate is for people: 53 bits are plenty"
)]
fn rate(from: Point, to: Point) -> Option<f64> {
    let elapsed = to
        .at_ns
        .checked_sub(from.at_ns)
        .filter(|elapsed| *elapsed > 0)?;
    Some(to.offset.checked_sub(from.offset)? as f64 * 1e9 / elapsed as f64)
}

fn keep<T>(values: &mut VecDeque<T>, value: T, depth: usize) {
    if values.len() == depth {
        values.pop_front();
    }
    values.push_back(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::PastPoint;
    use crate::observe::sample::fixtures::{member, sample};

    const MS: u64 = 1_000_000;

    /// A history of (time in ms, head, tails of consumers 1, 2, …, messages walked).
    fn history(points: &[(u64, u64, &[u64], Option<u64>)]) -> History {
        let mut history = History::default();
        for (at_ms, head, tails, messages) in points {
            let members = (1..).zip(*tails).map(|(inode, tail)| member(inode, *tail));
            let mut sample = sample(*head, members.collect());
            sample.at_ns = at_ms * MS;
            history.push(&sample, *messages);
        }
        history
    }

    #[test]
    fn rates_are_over_the_last_second_or_since_the_first_sample() {
        for (points, bytes, messages, interval_ms) in [
            (&[][..], None, None, None),
            (&[(0, 100, &[][..], None)], None, None, None),
            (
                &[(0, 100, &[], None), (500, 600, &[], Some(10))],
                Some(1000.0),
                Some(20.0),
                Some(500),
            ),
            // What came before that second does not count, nor that it was not walked.
            (
                &[
                    (0, 0, &[], None),
                    (100, 9000, &[], None),
                    (1100, 9500, &[], Some(5)),
                    (1200, 9600, &[], Some(1)),
                ],
                Some(545.0),
                Some(5.0),
                Some(1100),
            ),
            // One step that was not walked leaves the number of messages unknown.
            (
                &[
                    (0, 0, &[], None),
                    (500, 50, &[], None),
                    (1000, 100, &[], Some(1)),
                ],
                Some(100.0),
                None,
                Some(1000),
            ),
            // Two samples at one instant.
            (
                &[(7, 0, &[], None), (7, 50, &[], Some(1))],
                None,
                None,
                Some(0),
            ),
            // Head fell: what was before is another ring's.
            (
                &[(0, 900, &[], None), (500, 100, &[], None)],
                None,
                None,
                None,
            ),
            (
                &[
                    (0, 900, &[], None),
                    (500, 100, &[], None),
                    (1000, 200, &[], Some(2)),
                ],
                Some(200.0),
                Some(4.0),
                Some(500),
            ),
        ] {
            let history = history(points);
            let rounded = |rate: Option<f64>| rate.map(f64::round);
            assert_eq!(rounded(history.bytes_per_second()), bytes, "{points:?}");
            assert_eq!(
                rounded(history.messages_per_second()),
                messages,
                "{points:?}"
            );
            assert_eq!(
                history.interval_ns(),
                interval_ms.map(|ms| ms * MS),
                "{points:?}"
            );
        }
    }

    #[test]
    fn a_lag_in_time_lies_between_two_looks_or_began_before_the_first() {
        let points: &[(u64, u64, &[u64], _)] = &[
            (1000, 100, &[], None),
            (2000, 100, &[], None),
            (3000, 300, &[], None),
            (4000, 300, &[], None),
            (5000, 500, &[], None),
        ];
        let history = history(points);
        for (tail, value, low, high) in [
            (99, None, 4000, None),
            (100, Some(3000), 2000, Some(3000)),
            (200, Some(2500), 2000, Some(3000)),
            (299, Some(2005), 2000, Some(3000)),
            (300, Some(1000), 0, Some(1000)),
            (400, Some(500), 0, Some(1000)),
            (500, Some(0), 0, Some(0)),
            (u64::MAX, Some(0), 0, Some(0)),
        ] {
            let [value, high] = [value, high].map(|ms: Option<u64>| ms.map(|ms| ms * MS));
            let low = low * MS;
            let expected = Some(Bounded { value, low, high });
            assert_eq!(history.lag_time_ns(tail), expected, "{tail}");
        }
        assert_eq!(History::default().lag_time_ns(0), None);
    }

    #[test]
    fn each_tail_has_its_own_past() {
        let history = history(&[
            (0, 0, &[10, 10], None),
            (400, 0, &[10, 50], None),
            (500, 0, &[10, 60, 5], None),
        ]);
        assert_eq!(history.still_ns(1), Some(500 * MS));
        assert_eq!(history.still_ns(2), Some(0));
        assert_eq!(history.still_ns(3), None, "seen once");
        assert_eq!(history.still_ns(4), None, "never seen");
        assert_eq!(history.tail_rate(1), Some(0.0));
        assert_eq!(history.tail_rate(2), Some(100.0));
        assert_eq!(history.tail_rate(3), None);
        assert_eq!(history.head_moves(), Some(false));
    }

    #[test]
    fn lags_are_kept_by_consumer_and_a_parked_one_has_none() {
        let history = history(&[
            (0, 100, &[90, 500], None),
            (400, 300, &[90, 500], None),
            (500, 300, &[250], None),
        ]);
        let lags = history.lags();
        let of = |inode: u64| -> Vec<_> { lags[&inode].points().map(PastPoint::value).collect() };
        assert_eq!(of(1), [Some(10), Some(210), Some(50)]);
        assert_eq!(lags.len(), 1, "the other has left");
        let history = self::history(&[(0, 100, &[500], None)]);
        assert_eq!(history.lags()[&1].last(), Some(&PastPoint::at(0, None)));
    }

    #[test]
    fn who_left_is_forgotten_and_what_went_back_has_no_rate() {
        let history = history(&[
            (0, 100, &[50, 50], None),
            (100, 200, &[40], None),
            (200, 200, &[40], None),
        ]);
        assert_eq!(history.tail_rate(1), None);
        assert_eq!(history.still_ns(1), Some(100 * MS));
        assert_eq!(history.still_ns(2), None);
    }

    #[test]
    fn memory_is_bounded_however_fast_and_long_it_samples() {
        let mut history = History::default();
        for at_ns in 0..3 * DEPTH as u64 {
            let mut sample = sample(at_ns, vec![member(1, at_ns)]);
            sample.at_ns = at_ns;
            history.push(&sample, Some(1));
        }
        let kept = [
            history.heads.len(),
            history.counts.len(),
            history.tails[&1].recent.len(),
            history.stands.len(),
        ];
        assert!(kept.iter().all(|kept| *kept <= DEPTH), "{kept:?}");
        let last = history.rates().last().and_then(PastPoint::value);
        assert_eq!(last, Some(1_000_000_000));
    }
}
