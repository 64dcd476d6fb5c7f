//! `snapshot`, `ls` and `check` of recordings: what was, as it was recorded.

use std::io::{self, Write as _};

use jiff::Timestamp;

use crate::observe::check::{Limits, Observed, Verdict, judge_all};
use crate::observe::model::{Bounded, Limitation, Listing, Report, RingListing, SCHEMA_VERSION};
use crate::output::json::{self, Layout};
use crate::output::table;
use crate::recording::{Playback, PlayedRing, RecordedState};
use crate::stdout::Printer;

/// States that are looked back on to see since when nothing was committed.
const LOOKED_BACK: usize = 3600;

/// The rings at the moment, those that were there.
fn states(playback: &mut Playback) -> Vec<(PlayedRing, u64, RecordedState)> {
    let rings = playback.rings().to_vec();
    let states = rings.into_iter().filter_map(|ring| {
        let (at, state) = playback.state(&ring)?;
        Some((ring, at, state))
    });
    states.collect()
}

/// Prints the state of all rings.
///
/// # Errors
/// Those of `out`.
pub fn snapshot(playback: &mut Playback, as_json: bool, out: &mut Printer) -> io::Result<()> {
    let states = states(playback);
    let last = states.iter().max_by_key(|(_, at, _)| *at);
    let report = Report {
        schema_version: SCHEMA_VERSION,
        zbqtop_version: env!("CARGO_PKG_VERSION"),
        captured_at: last.map_or_else(
            || Timestamp::now().to_string(),
            |(_, _, state)| state.captured_at.clone(),
        ),
        monotonic_ns: last.map_or(0, |(_, _, state)| state.ring.sampled_ns),
        interval_ns: last.and_then(|(_, _, state)| state.interval_ns),
        rings: states
            .into_iter()
            .map(|(_, _, state)| {
                let mut ring = state.ring;
                // A state is asked for, and no line came before it.
                ring.events.clear();
                ring
            })
            .collect(),
    };
    if as_json {
        json::write(out, &report, Layout::Pretty)?;
    } else {
        table::report(out, &report)?;
    }
    out.flush()
}

/// Prints the rings.
///
/// # Errors
/// Those of `out`.
pub fn list(playback: &mut Playback, as_json: bool, out: &mut Printer) -> io::Result<()> {
    let rings = states(playback).into_iter();
    let limits = playback.notes().into_iter();
    let listing = Listing {
        rings: rings
            .map(|(ring, _, state)| RingListing {
                id: ring.id,
                ..state.ring.into()
            })
            .collect(),
        limits: limits
            .map(|note| Limitation::new("a part of the recording", note))
            .collect(),
    };
    if as_json {
        json::write(out, &listing, Layout::Pretty)?;
    } else {
        table::listing(out, &listing)?;
    }
    out.flush()
}

/// The verdict on all rings.
#[must_use]
pub fn check(playback: &mut Playback, limits: &Limits) -> Verdict {
    let states = states(playback);
    let mut unknown = playback.notes();
    unknown.extend(states.iter().filter_map(|(ring, at, state)| {
        let why = playback.staleness(playback.at_ns(), *at, state)?;
        Some(format!("{}: its state at this time: {why}", ring.id))
    }));
    let seen: Vec<Observed> = states
        .into_iter()
        .map(|(ring, at, state)| observed(playback, &ring, at, state))
        .collect();
    judge_all(&seen, &unknown, &[], limits)
}

fn observed(playback: &mut Playback, ring: &PlayedRing, at: u64, state: RecordedState) -> Observed {
    let since = |time: &str| {
        let time: Timestamp = time.parse().ok()?;
        at.checked_sub(u64::try_from(time.as_nanosecond()).ok()?)
    };
    let consumers = state.ring.consumers.iter();
    let joined_ago_ns = consumers
        .filter_map(|one| Some((one.meta_inode, since(one.joined_at.as_deref()?)?)))
        .collect();
    let (mut stands, mut moved) = (at, None);
    for _ in 0..LOOKED_BACK {
        let before = stands.checked_sub(1);
        let Some((time, earlier)) = before.and_then(|time| playback.state_at(ring, time)) else {
            break;
        };
        if earlier.ring.control.head() != state.ring.control.head() {
            moved = Some(time);
            break;
        }
        stands = time;
    }
    let low = at - stands;
    let high = moved.map(|moved| at - moved);
    Observed {
        watched_ns: Some(low.max(high.unwrap_or(0))).filter(|watched| *watched > 0),
        joined_ago_ns,
        idle_ns: Some(Bounded {
            value: high.map(|high| low.midpoint(high)),
            low,
            high,
        })
        .filter(|_| low > 0 || high.is_some()),
        zombies_unseen: None,
        ring: state.ring,
    }
}
