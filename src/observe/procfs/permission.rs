//! Why the kernel hides a process from us, told by what it leaves to be seen: credentials in `/proc/PID/status`, which
//! everyone may read, the owner of that file, and how `/proc` is mounted. It owns the words and the remedies; what
//! was asked of the process, and what follows, it does not know.
//!
//! The order is the kernel's (`__ptrace_may_access`, `cap_ptrace_access_check`): uids and gids first, then whether
//! the process is dumpable, then its capabilities. CAP_SYS_PTRACE overrules all of them.

use std::io;

use super::process::{Process, field, numbers_are_ours};
use super::refusal::Refusal;
use crate::ring::open_pidfd;

/// Bit of CAP_SYS_PTRACE (`include/uapi/linux/capability.h`).
const SYS_PTRACE: u64 = 1 << 19;

/// Bits of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: either lets a directory of another user's be listed.
const DAC_READ: u64 = 1 << 1 | 1 << 2;

/// How a program comes by what it takes to look into the processes of others.
const GRANTED: &str = "with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (setcap cap_sys_ptrace,cap_dac_read_search=ep on the program, or \
                       AmbientCapabilities= in a systemd unit)";

/// Capabilities by bit (`include/uapi/linux/capability.h`).
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// Why `process`, which is there, may not be looked into.
pub fn reason(process: &Process) -> Refusal {
    let us = std::fs::read("/proc/self/status")
        .ok()
        .and_then(|status| Credentials::parse(&status));
    let status = process.text("status");
    let closed = matches!(&status, Err(error) if error.kind() == io::ErrorKind::PermissionDenied);
    let them = status.ok().and_then(|status| Credentials::parse(&status));
    // The owner of `/proc/PID` itself is the process's uid, dumpable or not (`task_dump_owner`): a file is asked.
    let owner = process.stat_at("status").ok();
    match (us, them) {
        (Some(us), Some(them)) => judge(&us, &them, owner.map(|stat| stat.st_uid)),
        _ => hidepid().filter(|_| closed).unwrap_or_else(|| Refusal {
            why: "the kernel refuses, and shows nothing that says why".into(),
            remedy: Some("run as root".into()),
        }),
    }
}

/// Why `/proc` does not show process `pid`, although the kernel knows it; `None` if there is no such process.
pub fn unseen(pid: i32) -> Option<Refusal> {
    let shown = Process::open(pid).is_ok_and(|process| process.text("stat").is_ok());
    if shown || open_pidfd(pid).is_err() {
        return None;
    }
    foreign_proc().or_else(hidepid)
}

/// That `/proc` is mounted so as to hide processes of others from us, if it is.
pub fn hidepid() -> Option<Refusal> {
    let status = std::fs::read("/proc/self/status").ok();
    let us = status.and_then(|status| Credentials::parse(&status));
    if us.is_some_and(|us| us.effective & SYS_PTRACE != 0) {
        return None;
    }
    hides(&std::fs::read_to_string("/proc/self/mountinfo").ok()?)
}

/// The same by the text of `mountinfo`.
pub(super) fn hides(mountinfo: &str) -> Option<Refusal> {
    // Of several mounts on one place, the last is the one that is seen.
    let options = mountinfo.lines().rev().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let at = mount.split(' ').nth(4)?;
        let mut source = source.split(' ');
        (at == "/proc" && source.next() == Some("proc")).then_some(source.nth(1)?)
    })?;
    let option = |name: &str| {
        options
            .split(',')
            .find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    };
    let mode = option("hidepid").filter(|mode| !matches!(*mode, "0" | "off"))?;
    let group = option("gid").map_or_else(String::new, |gid| {
        format!(", or as a member of group {gid}, which it exempts")
    });
    Some(Refusal::new(
        format!("/proc is mounted with hidepid={mode}, which hides processes of other users"),
        format!("run as the producer's user, or as root{group}"),
    ))
}

/// That the numbers in `/proc` are pids of another namespace than ours, if they are.
fn foreign_proc() -> Option<Refusal> {
    (!numbers_are_ours()).then(|| {
        Refusal::new(
            "/proc is that of another pid namespace than the one we run in",
            "mount a /proc of this one (unshare --mount-proc)",
        )
    })
}

/// What the kernel compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    /// Real, effective, saved and file system uid.
    pub(super) uids: [u32; 4],
    /// Gids in the same order.
    pub(super) gids: [u32; 4],
    pub(super) permitted: u64,
    pub(super) effective: u64,
}

impl Credentials {
    /// From the text of `/proc/PID/status`.
    pub(super) fn parse(status: &[u8]) -> Option<Self> {
        let ids = |name| -> Option<[u32; 4]> {
            let ids = field(status, name)?.split_whitespace();
            let ids: Vec<u32> = ids.map(str::parse).collect::<Result<_, _>>().ok()?;
            ids.try_into().ok()
        };
        let capabilities = |name| u64::from_str_radix(field(status, name)?, 16).ok();
        Some(Self {
            uids: ids("Uid:")?,
            gids: ids("Gid:")?,
            permitted: capabilities("CapPrm:")?,
            effective: capabilities("CapEff:")?,
        })
    }
}

/// Why `us` may not look into `them`, whose files in `/proc` belong to `owner`.
fn judge(us: &Credentials, them: &Credentials, owner: Option<u32>) -> Refusal {
    let ([.., our_uid], [.., our_gid]) = (us.uids, us.gids);
    if us.effective & SYS_PTRACE != 0
        && us.effective & DAC_READ == 0
        && let Some(owner) = owner.filter(|owner| *owner != our_uid)
    {
        // Mode 0500: its owner's, whatever may be traced.
        return Refusal::new(
            format!(
                "its /proc/PID/fd is uid {owner}'s alone to list; we are uid {our_uid}, and have CAP_SYS_PTRACE, but not \
                 CAP_DAC_READ_SEARCH"
            ),
            format!("run {GRANTED}, as uid {owner}, or as root"),
        );
    }
    if us.effective & SYS_PTRACE != 0 {
        return Refusal {
            why: "the kernel refuses although we have CAP_SYS_PTRACE: the process is in a user namespace above \
                  ours, or a security module forbids it"
                .into(),
            remedy: None,
        };
    }
    // A container's root often is root in name alone.
    let or_root = if our_uid == 0 {
        "with CAP_SYS_PTRACE, which our root lacks (a container's is given it by --cap-add SYS_PTRACE)"
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
        return Refusal::new(why, remedy);
    }
    if let Some(gid) = strange(them.gids, our_gid) {
        return Refusal::new(
            format!(
                "it has our uid {our_uid}, but gid {gid}; ours is {our_gid}, and we lack CAP_SYS_PTRACE"
            ),
            format!("run with gid {gid}, or {or_root}"),
        );
    }
    let [_, their_uid, ..] = them.uids;
    let mut reasons = Vec::new();
    if owner.is_some_and(|owner| owner != their_uid) {
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
        reasons.push((
            format!(
                "it has our uid {our_uid}, but holds capabilities that we lack: {}",
                names(lacking)
            ),
            "give zbqtop the same capabilities".to_owned(),
        ));
    }
    if reasons.is_empty() {
        // Root owns the files of root's processes either way.
        let unless = if their_uid == 0 {
            "it is not dumpable, or "
        } else {
            ""
        };
        return Refusal::new(
            format!(
                "it has our uid {our_uid} and no capability that we lack, so {unless}a security module or a user \
                 namespace forbids it"
            ),
            format!("run {or_root}"),
        );
    }
    let (why, remedies): (Vec<String>, Vec<String>) = reasons.into_iter().unzip();
    Refusal::new(
        why.join("; "),
        format!("run {or_root}, or {}", remedies.join(" and ")),
    )
}

/// The names of a set of capabilities, or how many there are when they are more than can be read at a glance.
fn names(set: u64) -> String {
    /// More than that is everything, as root has it.
    const FEW: u32 = 6;
    if set.count_ones() > FEW {
        return format!("{} of them (CapPrm {set:016x})", set.count_ones());
    }
    let of = |bit: u32| {
        CAPABILITIES
            .get(bit as usize)
            .map_or_else(|| format!("number {bit}"), |name| format!("CAP_{name}"))
    };
    let held = (0..u64::BITS).filter(|bit| set & (1 << bit) != 0);
    held.map(of).collect::<Vec<_>>().join(", ")
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
            let found = judge(&us, &them, Some(owner));
            assert!(found.why.contains(why), "{found:?}, expected {why}");
            let said = found.remedy.expect("there is one");
            assert!(said.contains(remedy), "{said}, expected {remedy}");
        }
        let both = judge(&of(7, 0), &of(7, 1 << 13), Some(0)).why;
        assert!(
            both.contains("not dumpable") && both.contains("CAP_NET_RAW"),
            "{both}"
        );
        let tracer = judge(&of(7, SYS_PTRACE), &of(8, 0), Some(8));
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
        let root = judge(&of(0, SYS_PTRACE | DAC_READ), &of(8, 0), Some(8));
        assert_eq!(root.remedy, None);
        assert!(
            root.why.contains("although we have CAP_SYS_PTRACE"),
            "{root:?}"
        );
    }

    #[test]
    fn hidepid_is_read_off_the_mount_that_is_seen() {
        let line = |options: &str| {
            format!("22 27 0:21 / /proc rw,relatime shared:5 - proc proc {options}\n")
        };
        let hidden = hides(&line("rw,gid=27,hidepid=invisible")).expect("it hides");
        assert!(hidden.why.contains("hidepid=invisible"), "{hidden:?}");
        assert!(hidden.remedy.is_some_and(|text| text.contains("group 27")));
        let over = line("rw,hidepid=2") + &line("rw");
        for open in [
            line("rw"),
            line("rw,hidepid=0"),
            line("rw,hidepid=off"),
            over,
        ] {
            assert_eq!(hides(&open), None, "{open}");
        }
        assert_eq!(hides("1 2 0:3 / /mnt rw - proc proc rw,hidepid=2\n"), None);
    }

    #[test]
    fn our_own_credentials_are_read() {
        let status = std::fs::read("/proc/self/status").expect("we exist");
        let us = Credentials::parse(&status).expect("the kernel's own text");
        assert_eq!(us.uids[1], rustix::process::geteuid().as_raw());
        assert_eq!(us.gids[1], rustix::process::getegid().as_raw());
        assert_eq!(us.effective & !us.permitted, 0);
    }
}
