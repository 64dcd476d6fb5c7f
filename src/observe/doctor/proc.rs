//! What restricts `/proc`: Yama, hidepid, security modules, and the way to what a process maps.

use std::io;

use super::subject::Subject;
use crate::observe::model::DoctorCheck;
use crate::observe::procfs::{
    self, Cause, Credentials, Refusal, SYS_PTRACE, is_first_user_namespace, pids, security_label,
    security_modules as modules, try_map_files, yama_scope,
};

/// How far Yama restricts tracing.
pub(super) fn yama(subject: &Subject, us: Option<&Credentials>) -> DoctorCheck {
    let traces = us.is_some_and(|us| us.has(SYS_PTRACE));
    judge_yama(yama_scope(), traces, subject.shows_memory())
}

/// The same, by the scope, whether we have CAP_SYS_PTRACE, and whether the memory of producers may be read.
fn judge_yama(scope: Option<u8>, traces: bool, shows_memory: Option<bool>) -> DoctorCheck {
    const NAME: &str = "yama";
    let Some(scope) = scope else {
        return DoctorCheck::ok(NAME, "this kernel has no Yama");
    };
    let found = format!("kernel.yama.ptrace_scope is {scope}");
    let overruled = traces && scope < 3;
    if scope == 0 || overruled || shows_memory == Some(true) {
        let why = match scope {
            0 => "",
            _ if overruled => ", which CAP_SYS_PTRACE overrules",
            _ => ", and we may read the producer's memory all the same",
        };
        return DoctorCheck::ok(NAME, found + why);
    }
    let remedy = if scope < 3 {
        "run as root, or with CAP_SYS_PTRACE, or set it to 0 (sysctl kernel.yama.ptrace_scope=0)"
    } else {
        "boot with another value: 3 cannot be undone"
    };
    DoctorCheck::missing(NAME, found)
        .so("memory and threads of producers may not be read: slots, wakeup modes and evictions are hidden")
        .with_remedy(remedy.to_owned())
}

/// Whether `/proc` is there, and shows all processes.
pub(super) fn hidepid() -> DoctorCheck {
    const NAME: &str = "hidepid";
    if let Err(error) = pids() {
        return DoctorCheck::broken(NAME, error.to_string())
            .so("no ring can be found")
            .with_remedy("mount it (mount -t proc proc /proc)".to_owned());
    }
    match procfs::hidepid() {
        Some(Refusal { why, remedy }) => DoctorCheck::missing(NAME, why)
            .so("rings of other users are not found")
            .with_remedy(remedy),
        None => DoctorCheck::ok(NAME, "/proc hides no process from us"),
    }
}

/// Whether `map_files` may not be opened, and memory, which would do, may not be read.
pub(super) fn map_files_are_missed(subject: &Subject) -> bool {
    let denied = try_map_files().is_err_and(|error| is_denied(&error));
    denied && subject.shows_memory() == Some(false)
}

fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// Whether what a process maps may be opened.
pub(super) fn map_files(subject: &Subject) -> DoctorCheck {
    const NAME: &str = "map_files";
    const WITHOUT: &str = "rings without a producer, and evicted consumers, can be read only while a process lives that maps them";
    match try_map_files() {
        Ok(()) => DoctorCheck::ok(NAME, "/proc/PID/map_files may be opened"),
        Err(error) if !is_denied(&error) => {
            let found = format!("/proc/PID/map_files cannot be tried: {error}");
            DoctorCheck::unknown(NAME, found)
        }
        Err(_) if map_files_are_missed(subject) => DoctorCheck::missing(
            NAME,
            "neither /proc/PID/map_files nor /proc/PID/mem may be opened",
        )
        .so("rings without a producer, and evicted consumers, cannot be read")
        .with_remedy("run as root".to_owned()),
        Err(_) => DoctorCheck::ok(
            NAME,
            "/proc/PID/map_files may not be opened; /proc/PID/mem serves where it may be read",
        )
        .so(WITHOUT)
        .with_remedy("run as root, or with CAP_CHECKPOINT_RESTORE".to_owned()),
    }
}

/// The security modules, where one may be the reason for a refusal.
pub(super) fn security_modules(subject: &Subject) -> DoctorCheck {
    const NAME: &str = "security_modules";
    let refused = subject.refused_for(&[Cause::NamespaceOrModule, Cause::Untold]);
    // Where our user namespace explains it, no module need be suspected.
    let suspected = refused.filter(|_| is_first_user_namespace() != Some(false));
    let label = security_label().map_or_else(String::new, |label| format!("; ours: {label}"));
    let list = modules();
    let found = list.as_deref().map_or_else(
        || "/sys/kernel/security/lsm is not there".to_owned(),
        str::to_owned,
    ) + &label;
    match (suspected, list) {
        (Some((_, words)), _) => DoctorCheck::missing(NAME, format!("{found}; {words}"))
            .so(subject.consequence())
            .with_remedy("see what the kernel denied (journalctl -k, ausearch -m avc)".to_owned()),
        (None, None) => DoctorCheck::unknown(NAME, found),
        (None, Some(_)) => DoctorCheck::ok(NAME, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::DoctorStatus;

    #[test]
    fn yama_matters_where_it_keeps_memory_from_us() {
        use DoctorStatus::{Missing, Ok};
        for (scope, traces, shows_memory, expected) in [
            (None, false, Some(false), Ok),
            (Some(0), false, None, Ok),
            (Some(1), false, None, Missing),
            (Some(1), false, Some(false), Missing),
            // An ancestor of the producer.
            (Some(1), false, Some(true), Ok),
            (Some(1), true, None, Ok),
            (Some(2), true, None, Ok),
            (Some(2), false, None, Missing),
            (Some(3), true, Some(false), Missing),
            (Some(3), true, None, Missing),
        ] {
            let found = judge_yama(scope, traces, shows_memory);
            assert_eq!(found.status, expected, "{scope:?} {found:?}");
            assert_eq!(found.remedy.is_some(), expected == Missing, "{found:?}");
        }
    }
}
