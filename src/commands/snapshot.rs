//! `snapshot`, `--json` and `ls`: state, printed once or again and again.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use crate::cli::Sampling;
use crate::decode::DecodeRules;
use crate::observe::attach::{AttachedRing, Succession};
use crate::observe::model::{Report, RingSource as _, SCHEMA_VERSION, Thresholds};
use crate::observe::rings::Rings;
use crate::observe::watch::{Budget, Watcher, sleep_noting};
use crate::output::json::{self, Layout};
use crate::output::table;
use crate::ring::clock::monotonic_ns;
use crate::stderr::warn;
use crate::stdout::Printer;
use crate::text::duration;

/// Between the two samples of a single snapshot, when nothing else was asked for.
const INTERVAL: Duration = Duration::from_millis(200);

/// After so many samples in a row that come late it is said that they do.
const LATE: u32 = 5;

/// For finding evicted consumers, where nobody waits for anything else meanwhile: what is left over is said.
const SURVEY_ONCE: Duration = Duration::from_millis(8);

/// Between two looks the ring's head is taken in this often, and one in the place of a ring that is over is looked for.
const NOTES_EVERY: Duration = Duration::from_millis(100);

/// Prints the state of one ring; repeated, that of the ring that takes its place, too.
///
/// # Errors
/// Those of `out`.
pub fn snapshot(
    ring: AttachedRing,
    succession: Option<Succession>,
    as_json: bool,
    sampling: Sampling,
    judged_by: (Thresholds, &DecodeRules),
    out: &mut Printer,
) -> io::Result<()> {
    let interval = sampling.interval.unwrap_or(INTERVAL);
    let once = interval.is_zero() && sampling.watch.is_none();
    let budget = Budget {
        survey: if once {
            SURVEY_ONCE
        } else {
            Budget::ONCE.survey
        },
        ..Budget::ONCE
    };
    let (thresholds, decoding) = judged_by;
    let watcher = Watcher::new(ring, budget).judging_by(thresholds);
    let mut watcher = watcher.decoding_by(decoding);
    if let Some(succession) = succession.filter(|_| sampling.watch.is_some()) {
        watcher = watcher.succeeded_by(succession);
    }
    let (mut due, mut late) = (Instant::now(), 0_u32);
    if !interval.is_zero() {
        watcher.look();
        due = Instant::now() + interval;
    }
    loop {
        while !watcher.find_successor() {
            let rest = due.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                break;
            }
            let noted = Instant::now() + rest.min(NOTES_EVERY);
            let sleep = |time| out.get_ref().sleep(time);
            sleep_noting(noted, || watcher.note_commits(), sleep)?;
            watcher.note_head();
        }
        let mut ring = watcher.look();
        if sampling.watch.is_none() {
            // A state is asked for, and no line came before it.
            ring.events.clear();
        }
        let report = Report {
            schema_version: SCHEMA_VERSION,
            zbqtop_version: env!("CARGO_PKG_VERSION"),
            captured_at: jiff::Timestamp::now().to_string(),
            monotonic_ns: monotonic_ns(),
            interval_ns: watcher.interval_ns(),
            rings: vec![ring],
        };
        match (as_json, sampling.watch) {
            (true, None) => json::write(out, &report, Layout::Pretty)?,
            (true, Some(_)) => json::write(out, &report, Layout::Lines)?,
            (false, None) => table::report(out, &report)?,
            (false, Some(_)) => {
                writeln!(out, "{}", report.captured_at)?;
                table::report(out, &report)?;
                writeln!(out)?;
            }
        }
        out.flush()?;
        let Some(period) = sampling.watch else {
            return Ok(());
        };
        // A look that took longer than the period does not make the next ones come in a heap.
        let now = Instant::now();
        late = if due + period < now { late + 1 } else { 0 };
        if late == LATE {
            let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
            let every = watcher.interval_ns().unwrap_or(period);
            warn(&format!(
                "--watch {} is too short: taking and printing a sample takes about {}",
                duration(period),
                duration(every)
            ));
        }
        due = (due + period).max(now);
    }
}

/// Prints the rings of this machine.
///
/// # Errors
/// Those of `out`.
pub fn list(
    mut rings: Rings,
    as_json: bool,
    interval: Duration,
    out: &mut Printer,
) -> io::Result<()> {
    let mut listing = rings.list();
    if !interval.is_zero() {
        out.get_ref().sleep(interval)?;
        listing = rings.list();
    }
    if as_json {
        json::write(out, &listing, Layout::Pretty)?
    } else {
        table::listing(out, &listing)?
    }
    out.flush()
}
