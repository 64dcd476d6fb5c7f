//! What was seen before: rates, how long a tail has stood still, and when head was where a tail is now.
//!
//! Bounded in memory whatever the length of the run.

use std::collections::{HashMap, HashSet, VecDeque};

use super::departed_pasts::{DepartedPasts, ProcessIdentity};
use super::time_series::{PastRate, TimeSeries};
use crate::observe::model::{Bounded, PastSeries};
use crate::observe::sample::{MemberSample, Sample};

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
    departed: DepartedPasts,
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
    /// Whether the producer holds its slot, and whether its process is not known to have ended.
    held: bool,
    may_return: bool,
    /// Its process, once that is known.
    process: Option<ProcessIdentity>,
    /// Whether its lags are those of an earlier membership, too.
    goes_on: bool,
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
        self.note_departed(sample);
        for member in &sample.members {
            self.note_tail(member, point(member.tail), head.offset);
        }
    }

    /// Lets go of those who are there no more, before anybody new is taken in: whoever held a slot may be back already.
    fn note_departed(&mut self, sample: &Sample) {
        for member in &sample.members {
            let inode = member.meta_inode;
            let Some(track) = self.tails.get_mut(&inode) else {
                continue;
            };
            track.may_return = member.alive != Some(false);
            match (track.held, member.held, &track.process) {
                // Its page may stay for long, and its process join anew meanwhile.
                (true, false, Some(process)) if track.may_return => {
                    let lags = track.lags.clone();
                    (self.departed).keep(inode, process.clone(), sample.at_ns, lags);
                }
                (false, true, _) => self.departed.forget(inode),
                _ => {}
            }
            track.held = member.held;
        }
        let members = sample.members.iter();
        let here: HashSet<u64> = members.map(|member| member.meta_inode).collect();
        let gone = self.tails.extract_if(|inode, _| !here.contains(inode));
        let mut gone: Vec<_> = gone
            .filter(|(_, track)| track.held && track.may_return)
            .collect();
        gone.sort_unstable_by_key(|(inode, _)| *inode);
        for (inode, track) in gone {
            if let Some(process) = track.process {
                self.departed.keep(inode, process, sample.at_ns, track.lags);
            }
        }
    }

    fn note_tail(&mut self, member: &MemberSample, tail: Point, head: u64) {
        let inode = member.meta_inode;
        let track = self.tails.entry(inode).or_insert_with(|| Track {
            recent: VecDeque::new(),
            moved: tail,
            lags: TimeSeries::default(),
            held: member.held,
            may_return: member.alive != Some(false),
            process: None,
            goes_on: false,
        });
        if track.moved.offset != tail.offset {
            track.moved = tail;
        }
        let stale = |first: &Point| tail.at_ns - first.at_ns > RATE_WINDOW_NS;
        while track.recent.get(1).is_some_and(stale) {
            track.recent.pop_front();
        }
        keep(&mut track.recent, tail, DEPTH);
        let lag = head.checked_sub(tail.offset);
        (track.lags).push_largest(tail.at_ns, lag.filter(|_| !member.truncated));
        if !(track.process.as_ref()).is_some_and(|process| process.is_of(member)) {
            track.process = ProcessIdentity::of(member);
            if track.held
                && !track.goes_on
                && let Some(earlier) = self.departed.take(member)
            {
                track.lags.go_on_from(earlier);
                track.goes_on = true;
            }
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
mod tests;
