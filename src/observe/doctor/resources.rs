//! What we may use up: descriptors, locked memory.

use rustix::process::{Resource, getrlimit};

use crate::observe::model::DoctorCheck;
use crate::observe::procfs::{MORE_DESCRIPTORS, Refusal, shortage};
use crate::text::bytes;

/// With fewer descriptors, a ring with many consumers, or a list of many rings, is not seen whole.
const ENOUGH: u64 = 256;

/// How many descriptors we may have.
pub(super) fn descriptors() -> DoctorCheck {
    let allowed = getrlimit(Resource::Nofile).current;
    let check = judge(allowed);
    match shortage() {
        Some(Refusal { why, remedy }) => DoctorCheck::missing(check.check, why)
            .so("what could not be checked is unknown")
            .with_remedy(remedy),
        None => check,
    }
}

fn judge(allowed: Option<u64>) -> DoctorCheck {
    const NAME: &str = "file_descriptors";
    match allowed {
        None => DoctorCheck::ok(NAME, "no limit"),
        Some(allowed) if allowed >= ENOUGH => DoctorCheck::ok(NAME, format!("{allowed} at most")),
        Some(allowed) => DoctorCheck::missing(
            NAME,
            format!("{allowed} at most, expected at least {ENOUGH}"),
        )
        .so("a ring takes about a dozen: with many rings or consumers, some cannot be watched")
        .with_remedy(MORE_DESCRIPTORS.to_owned()),
    }
}

/// How much memory we may lock: nothing that zbqtop does hangs on it.
pub(super) fn locked_memory() -> DoctorCheck {
    let allowed = getrlimit(Resource::Memlock).current;
    let allowed = allowed.map_or_else(
        || "no limit".into(),
        |most| format!("{} at most", bytes(most)),
    );
    DoctorCheck::ok("locked_memory", format!("{allowed}; zbqtop locks none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::DoctorStatus;

    #[test]
    fn few_descriptors_are_too_few() {
        use DoctorStatus::{Missing, Ok};
        for (allowed, expected) in [
            (None, Ok),
            (Some(1024), Ok),
            (Some(256), Ok),
            (Some(255), Missing),
            (Some(0), Missing),
        ] {
            assert_eq!(judge(allowed).status, expected, "{allowed:?}");
        }
    }
}
