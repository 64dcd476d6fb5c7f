//! `check`: looks, has the verdict made, and ends with the status that monitoring plugins have for it.
//!
//! Whatever happens, there is a verdict on stdout: what cannot be looked at is UNKNOWN.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::recorded;
use crate::cli::{CheckArgs, Target};
use crate::observe::attach::{AttachError, AttachedRing, discover, map};
use crate::observe::check::{Limits, Observed, Status, Verdict, is_undecided, judge, judge_all};
use crate::observe::model::{ConsumerSnapshot, ConsumerState, LagLimit, RingSnapshot, Thresholds};
use crate::observe::procfs::MappingSurvey;
use crate::observe::watch::{Budget, Watcher};
use crate::output::check::{Labels, line};
use crate::output::json::{self, Layout};
use crate::recording::{Playback, RecordingError};
use crate::settings::Settings;

/// How long a consumer that has been silent for long must be seen not to move, if that is not longer than what counts
/// as stalled.
const SEEN_TO_STAND: Duration = Duration::from_secs(1);

/// For how long processes are asked what they map, in search of evicted consumers, where nothing hangs on it.
const SEARCH: Duration = Duration::from_millis(20);

/// Between two looks the heads are taken in this often.
const NOTES_EVERY: Duration = Duration::from_millis(100);

/// What began before the first look, a lag or that nothing is committed, is found out by watching on until it ends, or until
/// it has lasted for too long; for no longer than this.
const UNTIL_DECIDED: Duration = Duration::from_secs(5);

/// Judges the ring that is meant, which `attach` finds, or all there are.
pub fn check(
    options: &CheckArgs,
    settings: &Settings,
    attach: impl FnOnce(&Target) -> Result<AttachedRing, AttachError>,
    played: impl FnOnce(&Target) -> Result<Option<Playback>, RecordingError>,
    out: &mut impl Write,
) -> ExitCode {
    let target = &options.target;
    // How far behind is too far is said once, with the figure.
    let thresholds = Thresholds {
        max_lag: LagLimit::OFF,
        ..settings.thresholds
    };
    let everything = target.pid.is_none() && target.socket.is_none();
    let verdict = options.limits(settings.thresholds.max_lag).map_or_else(
        |why| Verdict::unknown("usage", &why),
        |limits| {
            if !target.file.is_empty() {
                return match played(target) {
                    Ok(Some(mut playback)) => recorded::check(&mut playback, &limits),
                    Ok(None) => Verdict::unknown("no-ring", "no recording was named"),
                    Err(error) => Verdict::unknown("cannot-read", &error.to_string()),
                };
            }
            if everything {
                all(options, thresholds, &limits)
            } else {
                one(options, thresholds, &limits, attach)
            }
        },
    );
    let labels = if everything {
        Labels::ByRing
    } else {
        Labels::Plain
    };
    let said = if options.json {
        json::write(out, &verdict, Layout::Pretty)
    } else {
        line(out, &verdict, labels)
    };
    ended(verdict.status, said.and_then(|()| out.flush()))
}

/// Ends a `check` whose command line is wrong; `why` is all that there is to say of it, the first paragraph the gist.
pub fn misused(why: &str, out: &mut impl Write) -> ExitCode {
    let gist = why.split("\n\n").next().unwrap_or_default();
    let gist = gist.strip_prefix("error: ").unwrap_or(gist);
    let verdict = Verdict::unknown("usage", &format!("usage: {gist}"));
    ended(verdict.status, line(out, &verdict, Labels::Plain))
}

/// The status stands whether or not anyone reads why; but one whose reasons were lost is none.
fn ended(status: Status, said: io::Result<()>) -> ExitCode {
    match said {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "zbqtop: {error}");
            ExitCode::from(Status::Unknown.code())
        }
        _ => ExitCode::from(status.code()),
    }
}

fn one(
    options: &CheckArgs,
    thresholds: Thresholds,
    limits: &Limits,
    attach: impl FnOnce(&Target) -> Result<AttachedRing, AttachError>,
) -> Verdict {
    match attach(&options.target) {
        Ok(ring) => {
            let seen = observe(vec![ring], options, thresholds, limits);
            seen.first().map_or_else(
                || Verdict::unknown("cannot-attach", "the ring vanished"),
                |seen| judge(seen, limits),
            )
        }
        Err(error) => Verdict::unknown("cannot-attach", &error.to_string()),
    }
}

fn all(options: &CheckArgs, thresholds: Thresholds, limits: &Limits) -> Verdict {
    let found = match discover() {
        Ok(found) => found,
        Err(error) => {
            return Verdict::unknown("no-ring", &error.to_string());
        }
    };
    let mut broken: Vec<String> = found.broken.iter().map(ToString::to_string).collect();
    let mut rings = Vec::new();
    for ring in found.rings {
        match map(ring) {
            Ok(ring) => {
                ring.release();
                rings.push(ring);
            }
            // It has ended since, and its ring with it.
            Err(AttachError::NoSuchProcess(_)) => {}
            Err(error) => broken.push(error.to_string()),
        }
    }
    let seen = observe(rings, options, thresholds, limits);
    judge_all(&seen, &broken, &found.limits, limits)
}

/// Looks at all of them twice, or once if no time is to pass in between; a third time where a consumer stands still, and
/// again and again for a while where since when one is behind decides.
fn observe(
    mut rings: Vec<AttachedRing>,
    options: &CheckArgs,
    thresholds: Thresholds,
    limits: &Limits,
) -> Vec<Observed> {
    let (interval, search) = (options.interval, options.search || options.no_zombies);
    // One for all of them; where it cannot be had, evicted consumers were not looked for, and that is said.
    let survey = if search {
        MappingSurvey::take()
    } else {
        MappingSurvey::begin().map(|mut survey| {
            survey.advance(SEARCH);
            survey
        })
    };
    if let Ok(survey) = survey {
        for ring in &mut rings {
            ring.admit_evicted(&survey);
        }
    }
    let budget = Budget {
        survey: Duration::ZERO,
        ..Budget::ONCE
    };
    let mut watched: Vec<Watcher> = rings
        .into_iter()
        .map(|ring| Watcher::new(ring, budget).judging_by(thresholds))
        .collect();
    if !interval.is_zero() {
        for watcher in &mut watched {
            look(watcher);
        }
        watch_for(interval, &mut watched);
    }
    let mut looks: Vec<RingSnapshot> = watched.iter_mut().map(look).collect();
    // That a consumer is behind and has been silent for long is all that its own clock tells. It may have had nothing
    // to take until a moment ago: to have stood still behind head, it must be seen to.
    let rest = Duration::from_nanos(thresholds.stalled_in_trouble_after_ns())
        .min(SEEN_TO_STAND)
        .saturating_sub(interval);
    if !interval.is_zero() && !rest.is_zero() && looks.iter().any(has_one_that_stands) {
        watch_for(rest, &mut watched);
        looks = watched.iter_mut().map(look).collect();
    }
    let mut seen: Vec<Observed> = watched.iter().zip(looks).map(observed).collect();
    let Some(longest) = limits.longest_time().filter(|_| !interval.is_zero()) else {
        return seen;
    };
    let end = Instant::now() + longest.min(UNTIL_DECIDED);
    while Instant::now() < end && seen.iter().any(|seen| is_undecided(seen, limits)) {
        watch_for(NOTES_EVERY, &mut watched);
        let looks: Vec<RingSnapshot> = watched.iter_mut().map(look).collect();
        seen = watched.iter().zip(looks).map(observed).collect();
    }
    seen
}

/// A look, after which the ring holds no descriptor: there may be hundreds of them.
fn look(watcher: &mut Watcher) -> RingSnapshot {
    let seen = watcher.look();
    watcher.ring().release();
    seen
}

fn observed((watcher, ring): (&Watcher, RingSnapshot)) -> Observed {
    let joined_ago = ring.consumers.iter().filter_map(|consumer| {
        Some((consumer.meta_inode, watcher.age_ns(consumer.join_baseline)?))
    });
    Observed {
        joined_ago_ns: joined_ago.collect(),
        watched_ns: watcher.watched_ns(),
        idle_ns: watcher.idle_ns(),
        zombies_unseen: watcher.ring().zombies_unseen(),
        ring,
    }
}

/// Lets time pass, and takes in meanwhile where the heads are.
fn watch_for(time: Duration, watched: &mut [Watcher]) {
    let end = Instant::now() + time;
    loop {
        let rest = end.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return;
        }
        std::thread::sleep(rest.min(NOTES_EVERY));
        watched.iter_mut().for_each(Watcher::note_head);
    }
}

fn has_one_that_stands(ring: &RingSnapshot) -> bool {
    use ConsumerState as State;
    let stands = |one: &ConsumerSnapshot| {
        matches!(one.state, State::Stalled | State::Blocking | State::Overdue)
    };
    ring.consumers.iter().any(stands)
}
