//! Whether `/proc` is mounted so as to hide processes from us, by `/proc/self/mountinfo`. It owns the words and the remedies;
//! what is hidden, it does not know.

use super::capability::SYS_PTRACE;
use super::credentials::Credentials;
use super::process::field;
use super::refusal::Refusal;

/// That `/proc` is mounted so as to hide processes of others from us, if it is.
pub fn hidepid() -> Option<Refusal> {
    if Credentials::ours().is_some_and(|us| us.has(SYS_PTRACE)) {
        return None;
    }
    let mountinfo = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let status = std::fs::read("/proc/self/status").ok()?;
    let groups = field(&status, "Groups:").unwrap_or_default();
    hides(&mountinfo).filter(|_| !exempts(&mountinfo, groups))
}

/// Whether the group that hidepid exempts is one of `groups`, gids with blanks between them.
fn exempts(mountinfo: &str, groups: &str) -> bool {
    let by_trace = proc_option(mountinfo, "hidepid");
    // ptraceable exempts nobody (`has_pid_permissions`).
    !matches!(by_trace, Some("4" | "ptraceable"))
        && proc_option(mountinfo, "gid")
            .is_some_and(|gid| groups.split_whitespace().any(|one| one == gid))
}

/// What an option of the mount at `/proc` says, by the text of `mountinfo`.
fn proc_option<'a>(mountinfo: &'a str, name: &str) -> Option<&'a str> {
    // Of several mounts on one place, the last is the one that is seen.
    let options = mountinfo.lines().rev().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let at = mount.split(' ').nth(4)?;
        let mut source = source.split(' ');
        (at == "/proc" && source.next() == Some("proc")).then_some(source.nth(1)?)
    })?;
    options
        .split(',')
        .find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
}

/// That `/proc` hides processes, by the text of `mountinfo`.
pub(super) fn hides(mountinfo: &str) -> Option<Refusal> {
    let mode = proc_option(mountinfo, "hidepid").filter(|mode| !matches!(*mode, "0" | "off"))?;
    let group = proc_option(mountinfo, "gid").map_or_else(String::new, |gid| {
        format!(", or as a member of group {gid}, which it exempts")
    });
    Some(Refusal::new(
        format!("/proc is mounted with hidepid={mode}, which hides processes of other users"),
        format!("run as the producer's user, or as root{group}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_group_is_exempt_but_from_being_traceable() {
        let line = |options: &str| format!("22 27 0:21 / /proc rw - proc proc {options}\n");
        for (options, groups, expected) in [
            ("rw,gid=27,hidepid=invisible", "4 27 100", true),
            ("rw,gid=27,hidepid=1", "27", true),
            ("rw,gid=27,hidepid=2", "4 270", false),
            ("rw,gid=27,hidepid=ptraceable", "27", false),
            ("rw,hidepid=2", "27", false),
        ] {
            assert_eq!(exempts(&line(options), groups), expected, "{options}");
        }
    }
}
