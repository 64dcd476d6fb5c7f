//! How figures were before a moment of a recording: for charts, and for the strip of what was wrong.
//!
//! States are looked up on two grids of time, a fine one for the last minutes and a coarse one for all of the recording, and of
//! each only a few figures are kept. What there is no time for at one look is looked up at the next.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::observe::model::{Mark, PastPoint, PastSeries, Severity};
use crate::recording::playback::{Playback, PlayedRing};
use crate::recording::state::RecordedState;

/// Between two points of the fine grid, ns, and how many there are.
const FINE: (u64, u64) = (250_000_000, 480);
/// Points of the coarse grid at least; at most twice as many.
const COARSE: u64 = 240;
/// Time for looking up states at one look.
const PATIENCE: Duration = Duration::from_millis(25);
/// Digests that are kept.
const KEPT: usize = 20_000;
/// Points after which figures are made anew.
const MOST: usize = 4000;
/// Between two states this far apart, and four times as far as is usual, nothing is known, ns.
const HOLE_NS: u64 = 1_500_000_000;

/// What is kept of a state.
#[derive(Clone, Debug)]
struct Digest {
    /// The sampler's clock, ns.
    sampled_ns: u64,
    /// Time between two samples, ns.
    interval_ns: u64,
    rate: Option<u64>,
    lags: Vec<(u64, Option<u64>)>,
    worst: Option<Severity>,
}

/// The past of one ring.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// By the time of the state, ns since 1970.
    digests: BTreeMap<u64, Digest>,
    /// The time of the last state at a time of a grid.
    grid: HashMap<u64, Option<u64>>,
    /// The figures that were made last, and of which states.
    figures: Figures,
    of: BTreeSet<u64>,
}

/// How figures were, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub(super) rates: PastSeries,
    pub(super) lags: HashMap<u64, PastSeries>,
}

impl Past {
    /// A state that was looked at.
    pub(super) fn note(&mut self, at_ns: u64, state: &RecordedState) {
        self.digests.entry(at_ns).or_insert_with(|| digest(state));
    }

    /// The figures before the moment at which `playback` stands.
    pub(super) fn figures(&mut self, playback: &mut Playback, ring: &PlayedRing) -> Figures {
        let (begin, end) = playback.span();
        let at = playback.at_ns();
        let until = Instant::now() + PATIENCE;
        let mut times: Vec<u64> = Vec::new();
        let (step, count) = FINE;
        let last = at - at % step;
        let first = last.saturating_sub(step * (count - 1)).max(begin);
        let fine = (0..count).map(|back| last.saturating_sub(step.saturating_mul(back)));
        times.extend(fine.take_while(|time| *time >= first));
        let step = coarse_step(begin, end);
        let coarse = first - first % step;
        let coarse = (0..=2 * COARSE).map(|back| coarse.saturating_sub(step.saturating_mul(back)));
        times.extend(coarse.take_while(|time| time.saturating_add(step) > begin && *time > 0));
        // What was wrong is told of all of the recording.
        let after =
            (0..=2 * COARSE).map(|on| (at - at % step).saturating_add(step.saturating_mul(on)));
        let shown = times.len();
        times.extend(after.take_while(|time| *time < end));
        let mut found: Vec<u64> = Vec::new();
        for (place, time) in times.into_iter().enumerate() {
            let known = self.grid.get(&time).copied();
            // Something may still come before a time near the end.
            let state = match known.filter(|_| time.saturating_add(2 * FINE.0) < end) {
                Some(state) => state,
                None if Instant::now() >= until => continue,
                None => {
                    let state = playback.state_time(ring, time);
                    self.grid.insert(time, state);
                    state
                }
            };
            let Some(state_time) = state else { continue };
            if !self.digests.contains_key(&state_time) {
                if Instant::now() >= until {
                    continue;
                }
                let Some((_, state)) = playback.state_at(ring, state_time) else {
                    continue;
                };
                self.note(state_time, &state);
            }
            if place < shown {
                found.push(state_time);
            }
        }
        let found: BTreeSet<u64> = found.into_iter().collect();
        self.draw(found, coarse_step(begin, end));
        self.forget();
        self.figures.clone()
    }

    /// Makes figures of these states: what came behind those that were made last is put there, anything else makes them anew.
    fn draw(&mut self, states: BTreeSet<u64>, step: u64) {
        let last = self.of.last().copied().unwrap_or(0);
        let goes_on = states.last().is_some_and(|newest| *newest >= last)
            && states.range(..=last).all(|time| self.of.contains(time))
            && self.of.len() < MOST;
        if !goes_on {
            self.figures = Figures::default();
            self.of.clear();
        }
        let newest = states.last().copied().unwrap_or(0);
        for time in states {
            if self.of.contains(&time) {
                continue;
            }
            // Where the grid is fine, states are as far apart as they were recorded.
            let is_fine = newest.saturating_sub(time) < FINE.0 * FINE.1;
            let step = if is_fine { 0 } else { step };
            let before = self.of.last().copied();
            self.add(time, before, step);
            self.of.insert(time);
        }
    }

    /// Adds a state that comes after all that are there, the last of them at `before`.
    fn add(&mut self, time: u64, before: Option<u64>, step: u64) {
        let Some(digest) = self.digests.get(&time) else {
            return;
        };
        let earlier = before.and_then(|before| Some((before, self.digests.get(&before)?)));
        // Between two states that are far apart nothing is known: a hole, no plateau.
        let hole = earlier.and_then(|(before, earlier)| {
            let usual = digest.interval_ns.max(step);
            let is_hole = time.saturating_sub(before) > HOLE_NS.max(usual.saturating_mul(4));
            is_hole.then_some(earlier.sampled_ns.saturating_add(1))
        });
        let put = |series: &mut PastSeries, value| {
            if let Some(hole) = hole.filter(|_| !series.is_empty()) {
                series.push(PastPoint::at(hole, None));
            }
            series.push(PastPoint::at(digest.sampled_ns, value));
        };
        put(&mut self.figures.rates, digest.rate);
        for (inode, lag) in &digest.lags {
            put(self.figures.lags.entry(*inode).or_default(), *lag);
        }
    }

    /// What was wrong, as far as it was looked up.
    pub(super) fn marks(&self) -> impl Iterator<Item = Mark> {
        let bad = self.digests.iter();
        bad.filter_map(|(at_ns, digest)| {
            let severity = digest.worst.filter(|worst| *worst > Severity::Info)?;
            Some(Mark {
                at_ns: *at_ns,
                severity,
            })
        })
    }

    /// Where something began to be wrong, as far as it was looked up.
    pub(super) fn beginnings(&self) -> impl DoubleEndedIterator<Item = Mark> {
        let is_bad = |digest: &Digest| digest.worst > Some(Severity::Info);
        let digests: Vec<_> = self.digests.iter().collect();
        let begin = digests.windows(2).filter_map(|pair| {
            let [(_, before), (at_ns, digest)] = pair else {
                return None;
            };
            let severity = digest.worst.filter(|_| is_bad(digest) && !is_bad(before))?;
            Some(Mark {
                at_ns: **at_ns,
                severity,
            })
        });
        let all: Vec<Mark> = begin.collect();
        all.into_iter()
    }

    fn forget(&mut self) {
        if self.digests.len() > KEPT {
            self.digests.clear();
        }
        if self.grid.len() > KEPT {
            self.grid.clear();
        }
    }
}

/// Between two points of the coarse grid, ns: a power of two seconds, or less, so that it stays while a recording grows.
fn coarse_step(begin: u64, end: u64) -> u64 {
    let least = (end.saturating_sub(begin) / (2 * COARSE)).max(FINE.0);
    let steps = least.div_ceil(FINE.0).min(1 << 40);
    FINE.0.saturating_mul(steps.next_power_of_two())
}

fn digest(state: &RecordedState) -> Digest {
    let ring = &state.ring;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for a chart: it saturates"
    )]
    let rate = ring.rate.bytes_per_second.map(|rate| rate as u64);
    Digest {
        sampled_ns: ring.sampled_ns,
        interval_ns: state.interval_ns.unwrap_or(0),
        rate,
        lags: ring
            .consumers
            .iter()
            .map(|consumer| (consumer.meta_inode, consumer.lag_bytes))
            .collect(),
        worst: ring.findings.iter().map(|finding| finding.severity).max(),
    }
}
