//! Finding rings through `/proc`: which processes of this machine own which.
//!
//! A producer keeps the descriptors of its rings open. Of several processes that hold one control region the one counts that
//! is named in it; what could not be looked at is said. Opens nothing for writing.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use super::attached_ring::limit_of_descriptors;
use super::error::AttachError;
use super::pairing::{Found, FoundRing, read_control, rings_of};
use crate::observe::model::Limitation;
use crate::observe::procfs::{
    self, FileId, HeldRings, MemFdKind, Process, holds_ring, pids, unique,
};
use crate::text::counted;

/// All processes together are asked for no longer than this what they hold.
const PATIENCE: Duration = Duration::from_millis(700);

/// What was seen of some processes.
#[derive(Default)]
struct DescriptorSurvey {
    /// Control regions, each with a process that holds it and a ring.
    holders: Vec<(FileId, Process)>,
    /// Processes whose descriptors could be listed, and could not.
    seen: usize,
    denied: usize,
    /// The first of those that could not.
    first_denied: Option<i32>,
    /// Processes that have more descriptors than are looked at.
    crowded: Vec<i32>,
    /// Processes that could not be asked in time.
    left: usize,
}

fn survey(pids: &[i32], until: Instant) -> DescriptorSurvey {
    let mut survey = DescriptorSurvey::default();
    for (at, &pid) in pids.iter().enumerate() {
        if Instant::now() >= until {
            survey.left = pids.len() - at;
            break;
        }
        match holds_ring(pid) {
            Ok(HeldRings { any, is_crowded }) => {
                if is_crowded {
                    survey.crowded.push(pid);
                }
                if !any {
                    survey.seen += 1;
                    continue;
                }
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::PermissionDenied {
                    survey.denied += 1;
                    survey.first_denied = survey.first_denied.or(Some(pid));
                }
                continue;
            }
        }
        survey.seen += 1;
        let Ok(process) = Process::open(pid) else {
            continue;
        };
        for ctrl in unique(&process.memfds().unwrap_or_default(), MemFdKind::Ctrl) {
            survey.holders.push((ctrl.file, process.another()));
        }
    }
    survey
}

/// Looks at every process.
///
/// # Errors
/// When `/proc` cannot be listed.
pub fn discover() -> io::Result<Found> {
    let pids = pids()?;
    let until = Instant::now() + PATIENCE;
    // The time goes into the kernel's making of /proc entries, which two cores do twice as fast.
    let half = pids.len().div_ceil(2).max(1);
    let surveys: Vec<DescriptorSurvey> = std::thread::scope(|scope| {
        let parts: Vec<_> = pids
            .chunks(half)
            .map(|part| scope.spawn(move || survey(part, until)))
            .collect();
        parts
            .into_iter()
            .filter_map(|part| part.join().ok())
            .collect()
    });
    let mut holders: BTreeMap<FileId, Vec<Process>> = BTreeMap::new();
    let (mut denied, mut seen, mut first_denied) = (0, 0, None);
    let (mut crowded, mut left) = (Vec::new(), 0);
    for part in surveys {
        crowded.extend(part.crowded);
        left += part.left;
        denied += part.denied;
        first_denied = first_denied.or(part.first_denied);
        seen += part.seen;
        for (ctrl, process) in part.holders {
            holders.entry(ctrl).or_default().push(process);
        }
    }
    let mut owners: BTreeMap<i32, Process> = BTreeMap::new();
    for (ctrl, holders) in holders {
        if let Some(owner) = owner(ctrl, holders) {
            owners.entry(owner.pid()).or_insert(owner);
        }
    }
    let mut found = Found::default();
    // Those that hold the least come first: whoever holds very much does not cost others their place.
    let mut owners: Vec<(usize, Process)> = (owners.into_values())
        .map(|owner| (owner.memfds().map_or(0, |memfds| memfds.len()), owner))
        .collect();
    owners.sort_by_key(|(memfds, owner)| (*memfds, owner.pid()));
    let until = Instant::now() + PATIENCE;
    for (_, owner) in owners {
        if Instant::now() >= until {
            let what = format!("rings of pid {}", owner.pid());
            let why = "there was no time left to look at them";
            found.limits.push(Limitation::new(what, why));
            continue;
        }
        if let Ok(mut here) = rings_of(owner) {
            found.limits.append(&mut here.limits);
            found.rings.append(&mut here.rings);
            // What was inherited is listed under its owner; what is only kept has none.
            here.broken.retain(|error| {
                !matches!(
                    error,
                    AttachError::Inherited { .. } | AttachError::NotTheProducer { .. }
                )
            });
            found.broken.append(&mut here.broken);
        }
    }
    drop_inherited(&mut found.rings);
    if let Some(procfs::Refusal { why, remedy }) = procfs::hidepid() {
        found.limits.push(Limitation {
            what: "rings of other users".into(),
            why,
            remedy,
        });
    }
    found.limits.extend(limit_of_descriptors());
    if left > 0 {
        let what = format!("rings of {}", counted(left as u64, "process"));
        let why = "there are too many processes and descriptors to ask each in time";
        found.limits.push(Limitation::new(what, why));
    }
    for pid in crowded {
        let what = format!("rings of pid {pid} at its higher descriptors");
        let why = "it has more descriptors than are looked at";
        found.limits.push(Limitation::new(what, why));
    }
    if let Some(pid) = first_denied {
        // Why is told of one: to ask for each would take as long as to look.
        let hidden = Process::open(pid).map(|process| procfs::reason(&process));
        let (why, remedy) = hidden.map_or_else(
            |error| (error.to_string(), None),
            |hidden| (hidden.why, hidden.remedy),
        );
        found.limits.push(Limitation {
            what: format!("rings of {denied} of {} processes", seen + denied).into(),
            why: format!("the first of them is pid {pid}: {why}"),
            remedy,
        });
    }
    Ok(found)
}

/// Of the processes that hold one control region, the one that writes: the one whose pid, in its own namespace,
/// stands in it. A fork inherits descriptors, so there can be several; failing evidence the oldest is taken.
fn owner(ctrl: FileId, holders: Vec<Process>) -> Option<Process> {
    let written = |process: &Process| {
        let memfd = process
            .memfds()
            .ok()?
            .into_iter()
            .find(|memfd| memfd.file == ctrl)?;
        Some(read_control(process, &memfd).ok()?.producer_pid)
    };
    holders.into_iter().min_by_key(|process| {
        let itself = written(process).is_some_and(|pid| process.identity().ns_pid == Some(pid));
        let writes = || {
            process.maps().is_ok_and(|maps| {
                let mut mapped = maps.memfds.iter();
                mapped.any(|at| at.file == ctrl && at.writable)
            })
        };
        (
            !itself,
            !itself && !writes(),
            process.start_ticks().unwrap_or(u64::MAX),
            process.pid(),
        )
    })
}

/// Where a fork owns a ring of its own and has inherited another, the inherited one is listed once, under its owner.
fn drop_inherited(rings: &mut Vec<FoundRing>) {
    let itself =
        |ring: &FoundRing| ring.process.identity().ns_pid == Some(ring.control.producer_pid);
    let owned: Vec<FileId> = rings
        .iter()
        .filter(|ring| itself(ring))
        .map(|ring| ring.ctrl.file)
        .collect();
    let mut seen = Vec::new();
    rings.retain(|ring| {
        let file = ring.ctrl.file;
        let keep = !seen.contains(&file) && (itself(ring) || !owned.contains(&file));
        if keep {
            seen.push(file);
        }
        keep
    });
}
