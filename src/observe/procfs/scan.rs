//! Every process of the machine, asked one question at a time as cheaply as can be: which there are, and whether one holds or
//! maps anything of a ring. A pid is all that is known of them; whoever wants more opens it.

use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, statat};

use super::links::{DIRECTORY, each_link};
use super::memfd::MemFdKind;
use super::process::{MAX_TEXT, Process};
use super::shortage::openat;

/// What was seen of a process's descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldRings {
    /// One is named like a ring.
    pub any: bool,
    /// It has so many that not all were looked at.
    pub is_crowded: bool,
}

/// Whether process `pid` holds a memfd that is named like a ring: asked of every process there is, so with as few
/// system calls as will do.
///
/// # Errors
/// As [`Process::each_link`].
pub fn holds_ring(pid: i32) -> io::Result<HeldRings> {
    let holds = |path: String| {
        let dir = openat(rustix::fs::CWD, path, DIRECTORY, Mode::empty())?;
        let (mut found, mut any) = (false, false);
        let all = each_link(dir, |_, link| {
            any = true;
            found |= MemFdKind::of(link) == Some(MemFdKind::Ring);
        })?;
        io::Result::Ok((found, any, all))
    };
    let (found, any, all) = holds(format!("/proc/{pid}/fd"))?;
    let held = |any, all: bool| HeldRings {
        any,
        is_crowded: !all,
    };
    if any || !has_threads(pid) {
        return Ok(held(found, all));
    }
    // Its main thread may have ended: what the process holds is shown by those that live on.
    let mut found = false;
    let all = Process::open(pid)?.each_link(|_, link| {
        found |= MemFdKind::of(link) == Some(MemFdKind::Ring);
    })?;
    Ok(held(found, all))
}

/// Whether a process has more than one thread: one question instead of a look at each, as kernel threads hold and map nothing
/// either, and are many.
fn has_threads(pid: i32) -> bool {
    // A directory has a link from itself, from its parent, and from each directory in it.
    statat(
        rustix::fs::CWD,
        format!("/proc/{pid}/task"),
        AtFlags::empty(),
    )
    .is_ok_and(|stat| stat.st_nlink > 3)
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
    if text.is_empty() && has_threads(pid) {
        return Ok(!Process::open(pid)?.maps()?.memfds.is_empty());
    }
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
    // A directory of that name is always there; what shows processes may not be.
    if rustix::fs::readlink("/proc/self", Vec::new()).is_err() {
        let why = "/proc shows no processes: it is not mounted (mount -t proc proc /proc)";
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
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
