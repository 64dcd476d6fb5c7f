//! How figures were before a moment of a recording: for charts, and for the strip of what was wrong.
//!
//! States are looked up on two grids of time, a fine one for the last minutes and a coarse one for all of the recording, and of
//! each only a few figures are kept. What there is no time for at one look is looked up at the next.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::observe::model::{Mark, PastPoint, Severity};
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

/// What is kept of a state.
#[derive(Clone, Debug)]
struct Digest {
    /// The sampler's clock, ns.
    sampled_ns: u64,
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
}

/// How figures were, oldest first.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) rates: Vec<PastPoint>,
    pub(super) lags: HashMap<u64, Vec<PastPoint>>,
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
        let fine = (0..count).map(|back| last.saturating_sub(back * step));
        times.extend(fine.take_while(|time| *time >= first));
        let step = coarse_step(begin, end);
        let coarse = first - first % step;
        let coarse = (0..=2 * COARSE).map(|back| coarse.saturating_sub(back * step));
        times.extend(coarse.take_while(|time| *time + step > begin && *time > 0));
        // What was wrong is told of all of the recording.
        let after = (0..=2 * COARSE).map(|on| (at - at % step).saturating_add(on * step));
        let shown = times.len();
        times.extend(after.take_while(|time| *time < end));
        let mut found: Vec<u64> = Vec::new();
        for (place, time) in times.into_iter().enumerate() {
            let known = self.grid.get(&time).copied();
            // Something may still come before a time near the end.
            let state = match known.filter(|_| time + 2 * FINE.0 < end) {
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
        found.sort_unstable();
        found.dedup();
        let mut figures = Figures::default();
        for time in &found {
            let Some(digest) = self.digests.get(time) else {
                continue;
            };
            figures.rates.push(PastPoint {
                at_ns: digest.sampled_ns,
                value: digest.rate,
            });
            for (inode, lag) in &digest.lags {
                figures.lags.entry(*inode).or_default().push(PastPoint {
                    at_ns: digest.sampled_ns,
                    value: *lag,
                });
            }
        }
        self.forget();
        figures
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
    FINE.0 * least.div_ceil(FINE.0).next_power_of_two()
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
        rate,
        lags: ring
            .consumers
            .iter()
            .map(|consumer| (consumer.meta_inode, consumer.lag_bytes))
            .collect(),
        worst: ring.findings.iter().map(|finding| finding.severity).max(),
    }
}
