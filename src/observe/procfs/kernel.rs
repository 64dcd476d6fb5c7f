//! What the kernel says of itself and of us: how far it restricts tracing, its security modules, its clock, and whether it lets
//! `/proc/PID/map_files` be opened.

use std::io::{self, Read as _};

use rustix::fs::OFlags;

use super::process::Process;

/// Bytes of such a text at most.
const MOST: u64 = 4096;

/// How far Yama restricts who may trace whom (`kernel.yama.ptrace_scope`): 0 as ever, 1 ancestors, 2 CAP_SYS_PTRACE, 3 nobody;
/// `None` where there is no Yama.
#[must_use]
pub fn yama_scope() -> Option<u8> {
    short_text("/proc/sys/kernel/yama/ptrace_scope")?
        .parse()
        .ok()
}

/// The security modules that are in force, with commas between them; `None` where that is not shown.
#[must_use]
pub fn security_modules() -> Option<String> {
    short_text("/sys/kernel/security/lsm")
}

/// What a security module calls us, as AppArmor's profile: untrusted text; `None` where none does.
#[must_use]
pub fn security_label() -> Option<String> {
    short_text("/proc/self/attr/current").filter(|label| !label.is_empty())
}

/// The clock that the kernel counts time by; `None` where that is not shown.
#[must_use]
pub fn clock_source() -> Option<String> {
    short_text("/sys/devices/system/clocksource/clocksource0/current_clocksource")
}

/// The version of the kernel, as `uname -r` prints it.
#[must_use]
pub fn kernel_release() -> String {
    rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned()
}

/// Opens a file that we map ourselves through `map_files`, which takes CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE in the first user
/// namespace.
///
/// # Errors
/// `PermissionDenied` without; `NotFound` where the kernel has no such directory.
pub fn try_map_files() -> io::Result<()> {
    let ours = Process::ourselves()?;
    let maps = ours.text("maps")?;
    let range = first_file(&String::from_utf8_lossy(&maps)).ok_or(io::ErrorKind::NotFound)?;
    ours.open_at(&format!("map_files/{range}"), OFlags::PATH)?;
    Ok(())
}

/// The range of the first file in a text of `maps`, as `map_files` names it.
fn first_file(maps: &str) -> Option<String> {
    let line = maps
        .lines()
        .find(|line| line.contains(" /") && !line.ends_with(" (deleted)"))?;
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some(format!("{:x}-{:x}", number(start)?, number(end)?))
}

/// The text of a small file, trimmed.
pub(super) fn short_text(path: &str) -> Option<String> {
    let mut text = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(MOST).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text);
    Some(text.trim_matches(['\0', '\n', ' ']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_is_named_as_map_files_names_it() {
        for (maps, expected) in [
            (
                "7ffd0-7ffe0 rw-p 0 00:00 0  [stack]\n00400000-0045a000 r-xp 0 fe:00 7    /bin/x y\n",
                Some("400000-45a000"),
            ),
            ("00400000-0045a000 r-xp 0 fe:00 7 /bin/x (deleted)\n", None),
            ("x-y r-xp 0 fe:00 7 /bin/x\n", None),
            ("", None),
        ] {
            assert_eq!(first_file(maps).as_deref(), expected, "{maps}");
        }
    }

    #[test]
    fn the_kernel_has_a_version() {
        assert!(kernel_release().contains('.'));
    }
}
