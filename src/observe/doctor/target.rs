//! The ring that is meant, or all there are: whether they can be watched, and whose they are.

use std::time::Duration;

use super::subject::Subject;
use crate::observe::attach::{AttachError, AttachedRing, Discovery};
use crate::observe::model::{DoctorCheck, Limitation};
use crate::observe::procfs::{Process, Refusal};
use crate::text::{counted, few};

/// For so long the memory of the producer is searched for its slot table.
const SEARCH: Duration = Duration::from_secs(1);

/// What became of attaching the ring that was named.
#[must_use]
pub fn attached(outcome: Result<AttachedRing, AttachError>) -> (DoctorCheck, Subject) {
    const NAME: &str = "target";
    match outcome {
        Ok(mut ring) => {
            ring.search_table(SEARCH);
            let subject =
                (ring.producer_process().cloned()).map_or_else(Subject::nobody, Subject::named);
            (watched(NAME, &ring), subject)
        }
        Err(error) => {
            // Some errors list what there is to choose from, a line each.
            let words = error.to_string();
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            let check = match Failing::of(&error) {
                Failing::Missing => DoctorCheck::missing(NAME, words),
                Failing::Broken => DoctorCheck::broken(NAME, words),
                Failing::Unchosen => DoctorCheck::unknown(NAME, words),
            };
            (check.so("the ring cannot be watched"), named_by(error))
        }
    }
}

fn watched(name: &'static str, ring: &AttachedRing) -> DoctorCheck {
    let producer = ring.producer();
    let command = producer.command.unwrap_or_else(|| "?".into());
    let found = format!("ring {} of pid {} ({command})", ring.id(), producer.pid);
    if !ring.producer_alive() {
        return DoctorCheck::missing(name, format!("{found}, which is gone"))
            .so("nothing is written any more; the last state can be read");
    }
    of_limits(name, found, &ring.limits())
}

/// An answer by what is not seen.
fn of_limits(name: &'static str, found: String, limits: &[Limitation]) -> DoctorCheck {
    if limits.is_empty() {
        return DoctorCheck::ok(name, found);
    }
    let words: Vec<String> = (limits.iter())
        .map(|limit| format!("{}: {}", limit.what, limit.why))
        .collect();
    let remedy = limits.iter().find_map(|limit| limit.remedy.clone());
    DoctorCheck::missing(name, found)
        .so(format!("not seen: {}", few(&words, "; ")))
        .with_remedy(remedy)
}

/// What an error makes of the answer.
enum Failing {
    /// The ring, or the permission, is not there.
    Missing,
    /// What is there is no ring as it should be.
    Broken,
    /// There are several, and it was not said which.
    Unchosen,
}

impl Failing {
    fn of(error: &AttachError) -> Self {
        match error {
            AttachError::WrongSize { .. }
            | AttachError::WrongControl { .. }
            | AttachError::WrongMapping { .. }
            | AttachError::Vanished { .. }
            | AttachError::Io { .. } => Self::Broken,
            AttachError::Several(_) | AttachError::SeveralHere { .. } => Self::Unchosen,
            _ => Self::Missing,
        }
    }
}

/// The process that an error is about.
fn named_by(error: AttachError) -> Subject {
    let open = |pid| Process::open(pid).map_or_else(|_| Subject::nobody(), Subject::named);
    match error {
        AttachError::OnlyByJoining(error) => named_by(*error),
        AttachError::NotPermitted { pid, why, remedy } => match Process::open(pid) {
            Ok(process) => Subject::named(process),
            Err(_) => Subject::not_shown(pid, Refusal { why, remedy }),
        },
        AttachError::SeveralHere { pid, .. }
        | AttachError::NoSuchRing { pid, .. }
        | AttachError::NotARing { pid, .. }
        | AttachError::WrongSize { pid, .. }
        | AttachError::WrongControl { pid, .. }
        | AttachError::WrongMapping { pid, .. }
        | AttachError::OtherPidNamespace { pid, .. }
        | AttachError::Inherited { writer: pid, .. } => open(pid),
        _ => Subject::nobody(),
    }
}

/// Every ring that is found, and what could not be looked at.
#[must_use]
pub fn every_ring() -> (DoctorCheck, Subject) {
    const NAME: &str = "rings";
    let mut discovery = match Discovery::once() {
        Ok(discovery) => discovery,
        Err(error) => {
            let check = DoctorCheck::broken(NAME, error.to_string()).so("no ring can be found");
            return (check, Subject::default());
        }
    };
    let owners = discovery.owners();
    let (mut rings, mut broken) = (0, Vec::new());
    for owner in &owners {
        match owner.rings() {
            Ok(found) => {
                rings += found.rings.len() as u64;
                broken.extend(found.broken.iter().map(ToString::to_string));
            }
            Err(AttachError::NotARing { .. } | AttachError::Ended { .. }) => {}
            Err(error) => broken.push(error.to_string()),
        }
    }
    let limits = discovery.limits();
    let producers = owners.into_iter().map(|owner| owner.process);
    let subject = Subject::found(producers, discovery.refused());
    let found = match rings {
        0 => "no ring is found".to_owned(),
        _ => format!("{} found", counted(rings, "ring")),
    };
    let check = if broken.is_empty() {
        of_limits(NAME, found, &limits)
    } else {
        DoctorCheck::broken(NAME, format!("{found}; {}", few(&broken, "; ")))
            .so("what is named there cannot be watched")
    };
    (check, subject)
}
