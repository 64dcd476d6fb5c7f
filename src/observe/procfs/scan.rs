//! Every process of the machine, asked one question at a time as cheaply as can be: which there are, and whether one holds or
//! maps anything of a ring. A pid is all that is known of them; whoever wants more opens it.

use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags, RawDir, openat};

use super::memfd::MemFdKind;
use super::process::{DIRECTORY, MAX_TEXT, each_link};

/// Whether process `pid` holds a memfd that is named like a ring: asked of every process there is, so with as few
/// system calls as will do.
///
/// # Errors
/// As [`Process::each_link`].
pub fn holds_ring(pid: i32) -> io::Result<bool> {
    let path = format!("/proc/{pid}/fd");
    let dir = openat(rustix::fs::CWD, path, DIRECTORY, Mode::empty())?;
    let mut found = false;
    each_link(dir, |_, link| {
        found |= MemFdKind::of(link) == Some(MemFdKind::Ring)
    })?;
    Ok(found)
}

/// Reads what process `pid` has mapped into `text`, and tells whether anything of a ring is: asked of every process there
/// is, as [`holds_ring`].
///
/// # Errors
/// As [`Process::maps`].
pub(super) fn maps_ring(pid: i32, text: &mut Vec<u8>) -> io::Result<bool> {
    let path = format!("/proc/{pid}/maps");
    let maps = openat(
        rustix::fs::CWD,
        path,
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    text.clear();
    std::fs::File::from(maps).take(MAX_TEXT).read_to_end(text)?;
    Ok(memchr::memmem::find(text, b"/memfd:zbq_").is_some())
}

/// Every pid there is, in the order of `/proc`.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn pids() -> io::Result<Vec<i32>> {
    let dir = openat(
        rustix::fs::CWD,
        Path::new("/proc"),
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut pids = Vec::new();
    let mut entries = [std::mem::MaybeUninit::uninit(); 16384];
    let mut entries = RawDir::new(&dir, &mut entries);
    while let Some(entry) = entries.next() {
        if let Some(pid) = entry?
            .file_name()
            .to_str()
            .ok()
            .and_then(|name| name.parse().ok())
        {
            pids.push(pid);
        }
    }
    Ok(pids)
}
