//! What was seen before: rates, how long a tail has stood still, and when head was where a tail is now.
//!
//! Bounded in memory whatever the length of the run.

use std::collections::{HashMap, VecDeque};

use super::sample::Sample;

/// Samples remembered: a minute at ten a second.
const DEPTH: usize = 600;
/// Rates for people are taken over about this long, so that they can be read; the chart shows every sample. A bit less
/// than a second: of samples taken once a second none comes before its time, and each is measured against the last.
const RATE_WINDOW_NS: u64 = 900_000_000;

/// The recent past of one ring.
#[derive(Debug, Default)]
pub struct History {
    heads: VecDeque<Point>,
    /// For each head, the messages between it and the one before, when all of them were walked.
    counts: VecDeque<Option<u64>>,
    rates: VecDeque<u64>,
    tails: HashMap<u64, Track>,
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
}

impl History {
    /// Remembers `sample`, and how many messages came since the one before if all of them were walked.
    pub fn push(&mut self, sample: &Sample, messages: Option<u64>) {
        let point = |offset| Point {
            at_ns: sample.at_ns,
            offset,
        };
        let head = point(sample.control.producer_head);
        if let Some(last) = self.heads.back() {
            keep(
                &mut self.rates,
                rate(*last, head).map_or(0, crate::text::whole),
                DEPTH,
            );
            if head.offset < last.offset {
                // Head never falls. What was seen before says nothing of what comes now.
                self.heads.clear();
                self.counts.clear();
            }
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
                });
            if track.moved.offset != tail.offset {
                track.moved = tail;
            }
            let stale = |first: &Point| tail.at_ns - first.at_ns > RATE_WINDOW_NS;
            while track.recent.get(1).is_some_and(stale) {
                track.recent.pop_front();
            }
            track.recent.push_back(tail);
        }
    }

    /// Time between the samples that rates come from, ns.
    #[must_use]
    pub fn interval_ns(&self) -> Option<u64> {
        Some(self.heads.back()?.at_ns - self.base()?.at_ns)
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

    /// How long ago head was at `tail`, ns, between two samples by proportion; `None` when that was before the
    /// first sample remembered.
    #[must_use]
    pub fn lag_time_ns(&self, tail: u64) -> Option<u64> {
        let last = self.heads.back()?;
        if tail >= last.offset {
            return Some(0);
        }
        let after = self.heads.partition_point(|point| point.offset <= tail);
        let (before, after) = (
            self.heads.get(after.checked_sub(1)?)?,
            self.heads.get(after)?,
        );
        let [part, whole] = [tail - before.offset, after.offset - before.offset].map(u128::from);
        let span = u128::from(after.at_ns - before.at_ns);
        let reached = before.at_ns + u64::try_from(span * part / whole.max(1)).unwrap_or(0);
        Some(last.at_ns - reached)
    }

    /// Bytes per second of past samples, oldest first.
    #[must_use]
    pub fn rates(&self) -> Vec<u64> {
        self.rates.iter().copied().collect()
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
