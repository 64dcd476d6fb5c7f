//! Why the kernel hides a process from us, told by what it leaves to be seen: credentials in `/proc/PID/status`, which
//! everyone may read, the owner of that file, and how `/proc` is mounted. It owns the words and the remedies; what
//! was asked of the process, and what follows, it does not know.
//!
//! The order is the kernel's (`__ptrace_may_access`, `cap_ptrace_access_check`): uids and gids first, then whether
//! the process is dumpable, then its capabilities. CAP_SYS_PTRACE overrules all of them.

use std::io;

use super::capability::{DAC_READ, SYS_PTRACE, names};
use super::credentials::Credentials;
use super::hidepid::hidepid;
use super::process::{Process, numbers_are_ours};
use super::refusal::Refusal;
use crate::ring::open_pidfd;

/// How a program comes by what it takes to look into the processes of others.
pub const GRANTED: &str = "with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (setcap cap_sys_ptrace,cap_dac_read_search=ep on the program, or \
                       AmbientCapabilities= in a systemd unit)";

/// What a process is refused for, told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It belongs to another uid, and we lack CAP_SYS_PTRACE.
    Uid,
    /// It has our uid and another gid, and we lack CAP_SYS_PTRACE.
    Gid,
    /// It is not dumpable.
    NotDumpable,
    /// It holds capabilities that we lack.
    Capabilities,
    /// We have CAP_SYS_PTRACE, but not CAP_DAC_READ_SEARCH.
    Directory,
    /// We have CAP_SYS_PTRACE, which does not count: for a user namespace, or a security module.
    NamespaceOrModule,
    /// `/proc` is mounted with hidepid.
    Hidepid,
    /// Nothing that can be seen tells it.
    Untold,
}

/// Why a process may not be looked into, for code and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// All that stands in the way.
    pub causes: Vec<Cause>,
    /// The same in words.
    pub refusal: Refusal,
}

impl Explanation {
    fn new(cause: Cause, refusal: Refusal) -> Self {
        Self {
            causes: vec![cause],
            refusal,
        }
    }
}

/// Why `process`, which is there, may not be looked into.
pub fn reason(process: &Process) -> Refusal {
    explain(process).refusal
}

/// The same, with what stands in the way told apart.
#[must_use]
pub fn explain(process: &Process) -> Explanation {
    let status = process.text("status");
    let closed = matches!(&status, Err(error) if error.kind() == io::ErrorKind::PermissionDenied);
    let them = status.ok().and_then(|status| Credentials::parse(&status));
    match (Credentials::ours(), them) {
        (Some(us), Some(them)) => judge(&us, &them, owner(process)),
        _ => match hidepid().filter(|_| closed) {
            Some(refusal) => Explanation::new(Cause::Hidepid, refusal),
            None => Explanation::new(
                Cause::Untold,
                Refusal::new(
                    "the kernel refuses access and gives no reason",
                    "run as root",
                ),
            ),
        },
    }
}

/// Whose files those of `process` in `/proc` are: its own uid's as long as it is dumpable, root's otherwise.
///
/// The owner of `/proc/PID` itself is the process's uid, dumpable or not (`task_dump_owner`): a file is asked.
fn owner(process: &Process) -> Option<u32> {
    Some(process.stat_at("status").ok()?.st_uid)
}

/// Whether `process` is dumpable; `None` when that cannot be told, as of root's processes.
#[must_use]
pub fn is_dumpable(process: &Process) -> Option<bool> {
    let them = Credentials::of(process)?;
    let owner = owner(process)?;
    (!is_root_either_way(&them)).then_some(owner == them.euid())
}

/// Whether root owns the files of a process in `/proc`, dumpable or not.
fn is_root_either_way(them: &Credentials) -> bool {
    them.euid() == 0
}

/// Why `/proc` does not show process `pid`, although the kernel knows it; `None` if there is no such process.
pub fn unseen(pid: i32) -> Option<Refusal> {
    let shown = Process::open(pid).is_ok_and(|process| process.text("stat").is_ok());
    if shown || open_pidfd(pid).is_err() {
        return None;
    }
    foreign_proc().or_else(hidepid)
}

/// That the numbers in `/proc` are pids of another namespace than ours, if they are.
#[must_use]
pub fn foreign_proc() -> Option<Refusal> {
    (!numbers_are_ours()).then(|| {
        Refusal::new(
            "/proc is that of another pid namespace than the one we run in",
            "mount a /proc of this one (unshare --mount-proc)",
        )
    })
}

/// Why `us` may not look into `them`, whose files in `/proc` belong to `owner`.
fn judge(us: &Credentials, them: &Credentials, owner: Option<u32>) -> Explanation {
    let ([.., our_uid], [.., our_gid]) = (us.uids, us.gids);
    if us.has(SYS_PTRACE)
        && !us.has(DAC_READ)
        && let Some(owner) = owner.filter(|owner| *owner != our_uid)
    {
        // Mode 0500: its owner's, whatever may be traced.
        let why = format!(
            "only uid {owner} may list its /proc/PID/fd; we are uid {our_uid}, and have CAP_SYS_PTRACE, but not \
             CAP_DAC_READ_SEARCH"
        );
        let remedy = format!("run {GRANTED}, as uid {owner}, or as root");
        return Explanation::new(Cause::Directory, Refusal::new(why, remedy));
    }
    if us.has(SYS_PTRACE) {
        let refusal = Refusal {
            why: "the kernel refuses access although we have CAP_SYS_PTRACE: the process is in a parent user \
                  namespace, or a security module forbids it"
                .into(),
            remedy: None,
        };
        return Explanation::new(Cause::NamespaceOrModule, refusal);
    }
    // A container's root often is root in name alone.
    let or_root = if our_uid == 0 {
        "with CAP_SYS_PTRACE, which this root lacks (in a container: --cap-add SYS_PTRACE)"
    } else {
        "as root"
    };
    let strange = |ids: [u32; 4], ours: u32| {
        let [real, effective, saved, _] = ids;
        [effective, saved, real].into_iter().find(|id| *id != ours)
    };
    if let Some(uid) = strange(them.uids, our_uid) {
        let remedy = match uid {
            0 => "run as root".into(),
            _ => format!("run as uid {uid}, {GRANTED}, or {or_root}"),
        };
        let why = format!("it belongs to uid {uid}, we are uid {our_uid} and lack CAP_SYS_PTRACE");
        return Explanation::new(Cause::Uid, Refusal::new(why, remedy));
    }
    if let Some(gid) = strange(them.gids, our_gid) {
        let why = format!(
            "it has our uid {our_uid}, but gid {gid}; ours is {our_gid}, and we lack CAP_SYS_PTRACE"
        );
        let remedy = format!("run with gid {gid}, or {or_root}");
        return Explanation::new(Cause::Gid, Refusal::new(why, remedy));
    }
    let (mut causes, mut reasons) = (Vec::new(), Vec::new());
    if owner.is_some_and(|owner| owner != them.euid()) {
        causes.push(Cause::NotDumpable);
        reasons.push((
            format!(
                "it has our uid {our_uid}, but is not dumpable (uid {} owns its files in /proc)",
                owner.unwrap_or_default()
            ),
            "let the producer call prctl(PR_SET_DUMPABLE, 1)".to_owned(),
        ));
    }
    let lacking = them.permitted & !us.effective;
    if lacking != 0 {
        causes.push(Cause::Capabilities);
        reasons.push((
            format!(
                "it has our uid {our_uid}, but holds capabilities that we lack: {}",
                names(lacking)
            ),
            "give zbqtop the same capabilities".to_owned(),
        ));
    }
    if reasons.is_empty() {
        let unless = if is_root_either_way(them) {
            "it is not dumpable, or "
        } else {
            ""
        };
        let why = format!(
            "it has our uid {our_uid} and no capability that we lack, so {unless}a security module or a user namespace \
             forbids it"
        );
        return Explanation::new(Cause::Untold, Refusal::new(why, format!("run {or_root}")));
    }
    let (why, remedies): (Vec<String>, Vec<String>) = reasons.into_iter().unzip();
    let remedy = format!("run {or_root}, or {}", remedies.join(" and "));
    Explanation {
        causes,
        refusal: Refusal::new(why.join("; "), remedy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uid: u32, capabilities: u64) -> Credentials {
        Credentials {
            uids: [uid; 4],
            gids: [uid; 4],
            permitted: capabilities,
            effective: capabilities,
        }
    }

    #[test]
    fn each_cause_has_its_words_and_its_remedy() {
        let setuid = Credentials {
            uids: [7, 0, 0, 0],
            ..of(7, 0)
        };
        let setgid = Credentials {
            gids: [7, 5, 5, 5],
            ..of(7, 0)
        };
        let dropped = Credentials {
            permitted: SYS_PTRACE,
            ..of(7, 0)
        };
        let cases = [
            (
                of(7, 0),
                of(8, 0),
                8,
                "belongs to uid 8, we are uid 7 and lack CAP_SYS_PTRACE",
                "run as uid 8, with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (setcap ",
            ),
            (of(7, 0), of(0, !0), 0, "belongs to uid 0", "run as root"),
            (
                of(0, 1),
                of(8, 0),
                8,
                "we are uid 0 and lack CAP_SYS_PTRACE",
                "--cap-add SYS_PTRACE",
            ),
            (of(7, 0), setuid, 0, "belongs to uid 0", "run as root"),
            (
                of(7, 0),
                setgid,
                7,
                "but gid 5; ours is 7",
                "run with gid 5",
            ),
            (
                of(7, 0),
                of(7, 0),
                0,
                "not dumpable (uid 0 owns its files in /proc)",
                "PR_SET_DUMPABLE",
            ),
            (
                of(7, 0),
                of(7, 1 << 13),
                7,
                "capabilities that we lack: CAP_NET_RAW",
                "the same capabilities",
            ),
            (
                of(7, 0),
                of(7, 1 << 60),
                7,
                "capabilities that we lack: number 60",
                "the same capabilities",
            ),
            (
                of(0, 1),
                of(0, (1 << 41) - 1),
                0,
                "lack: 40 of them (CapPrm 000001fffffffffe)",
                "--cap-add",
            ),
            // What is permitted to us and not in effect does not help us.
            (
                dropped.clone(),
                of(7, SYS_PTRACE),
                7,
                "lack: CAP_SYS_PTRACE",
                "the same capabilities",
            ),
            (dropped, of(8, 0), 8, "belongs to uid 8", "as root"),
            (of(7, 0), of(7, 0), 7, "a security module", "run as root"),
            (
                of(0, 0),
                of(0, 0),
                0,
                "so it is not dumpable, or a security module",
                "CAP_SYS_PTRACE",
            ),
        ];
        for (us, them, owner, why, remedy) in cases {
            let found = judge(&us, &them, Some(owner)).refusal;
            assert!(found.why.contains(why), "{found:?}, expected {why}");
            let said = found.remedy.expect("there is one");
            assert!(said.contains(remedy), "{said}, expected {remedy}");
        }
        let both = judge(&of(7, 0), &of(7, 1 << 13), Some(0)).refusal.why;
        assert!(
            both.contains("not dumpable") && both.contains("CAP_NET_RAW"),
            "{both}"
        );
        let tracer = judge(&of(7, SYS_PTRACE), &of(8, 0), Some(8)).refusal;
        assert!(
            tracer.why.contains("but not CAP_DAC_READ_SEARCH"),
            "{tracer:?}"
        );
        let remedy = tracer.remedy.expect("there is one");
        assert!(
            remedy.starts_with("run with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"),
            "{remedy}"
        );
        assert!(remedy.ends_with("as uid 8, or as root"), "{remedy}");
        let root = judge(&of(0, SYS_PTRACE | DAC_READ), &of(8, 0), Some(8)).refusal;
        assert_eq!(root.remedy, None);
        assert!(
            root.why.contains("although we have CAP_SYS_PTRACE"),
            "{root:?}"
        );
    }

    #[test]
    fn causes_are_told_apart() {
        let setgid = Credentials {
            gids: [7, 5, 5, 5],
            ..of(7, 0)
        };
        for (us, them, owner, causes) in [
            (of(7, 0), of(8, 0), 8, &[Cause::Uid][..]),
            (of(7, 0), setgid, 7, &[Cause::Gid]),
            (of(7, 0), of(7, 0), 0, &[Cause::NotDumpable]),
            (of(7, 0), of(7, 1), 7, &[Cause::Capabilities]),
            (
                of(7, 0),
                of(7, 1),
                0,
                &[Cause::NotDumpable, Cause::Capabilities],
            ),
            (of(7, SYS_PTRACE), of(8, 0), 8, &[Cause::Directory]),
            (
                of(7, SYS_PTRACE | DAC_READ),
                of(8, 0),
                8,
                &[Cause::NamespaceOrModule],
            ),
            (of(7, 0), of(7, 0), 7, &[Cause::Untold]),
        ] {
            assert_eq!(judge(&us, &them, Some(owner)).causes, causes, "{us:?}");
        }
    }
}
