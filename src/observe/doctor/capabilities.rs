//! The capabilities that zbqtop has a use for, and whether one that we lack is needed for what was found.

use super::proc::map_files_are_missed;
use super::subject::Subject;
use crate::observe::model::DoctorCheck;
use crate::observe::procfs::{
    CHECKPOINT_RESTORE, Cause, Credentials, DAC_READ, DAC_READ_SEARCH, GRANTED, Namespace,
    SYS_ADMIN, SYS_PTRACE, hidepid,
};

const NOT_NEEDED: &str = "not held, and nothing that was found needs it";

/// The answer for each of them.
pub(super) fn all(subject: &Subject, us: Option<&Credentials>) -> [DoctorCheck; 3] {
    const NAMES: [&str; 3] = ["cap_sys_ptrace", "cap_dac_read_search", "cap_sys_admin"];
    match us {
        Some(us) => [
            sys_ptrace(NAMES[0], subject, us),
            dac_read_search(NAMES[1], subject, us),
            sys_admin(NAMES[2], subject, us),
        ],
        None => NAMES.map(|name| {
            DoctorCheck::unknown(
                name,
                "our own capabilities cannot be read from /proc/self/status",
            )
        }),
    }
}

fn granted() -> String {
    format!("run {GRANTED}, or as root")
}

fn sys_ptrace(name: &'static str, subject: &Subject, us: &Credentials) -> DoctorCheck {
    if us.has(SYS_PTRACE) {
        return DoctorCheck::ok(name, "held");
    }
    let overruled = [
        Cause::Uid,
        Cause::Gid,
        Cause::NotDumpable,
        Cause::Capabilities,
        Cause::Hidepid,
        Cause::Untold,
    ];
    let missing = DoctorCheck::missing(name, "not held").with_remedy(granted());
    if subject.refused_for(&overruled).is_some() || hidepid().is_some() {
        return missing
            .so("processes of other users, and those that are not dumpable, may not be inspected");
    }
    if subject.shows_memory() == Some(false) {
        return missing.so("the producer's memory may not be read: its slot table is hidden");
    }
    DoctorCheck::ok(name, NOT_NEEDED)
}

fn dac_read_search(name: &'static str, subject: &Subject, us: &Credentials) -> DoctorCheck {
    if us.has(DAC_READ) {
        return DoctorCheck::ok(
            name,
            match us.has(DAC_READ_SEARCH) {
                true => "held",
                false => "not held; CAP_DAC_OVERRIDE serves as well",
            },
        );
    }
    // Where the directory is not ours to list.
    let causes = [Cause::Directory, Cause::Uid, Cause::NotDumpable];
    if subject.refused_for(&causes).is_some() {
        return DoctorCheck::missing(name, "not held")
            .so("/proc/PID/fd of processes of others may not be listed")
            .with_remedy(granted());
    }
    DoctorCheck::ok(name, NOT_NEEDED)
}

fn sys_admin(name: &'static str, subject: &Subject, us: &Credentials) -> DoctorCheck {
    if us.has(SYS_ADMIN) {
        return DoctorCheck::ok(name, "held");
    }
    let elsewhere = (subject.seen.iter())
        .any(|seen| Namespace::Network.is_shared_with(&seen.process) == Some(false));
    let as_root = "run as root".to_owned();
    if elsewhere {
        return DoctorCheck::missing(name, "not held")
            .so("sockets of another network namespace are told by their names alone")
            .with_remedy(as_root);
    }
    if us.has(CHECKPOINT_RESTORE) {
        return DoctorCheck::ok(name, "not held; CAP_CHECKPOINT_RESTORE serves as well");
    }
    if map_files_are_missed(subject) {
        return DoctorCheck::missing(name, "not held")
            .so("/proc/PID/map_files may not be opened")
            .with_remedy(as_root);
    }
    DoctorCheck::ok(name, NOT_NEEDED)
}
