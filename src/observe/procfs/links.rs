//! The links in `/proc/PID/fd`, read in the order of their numbers as far as there are not too many.

use std::io;

use rustix::fd::OwnedFd;
use rustix::fs::{OFlags, RawDir, readlinkat_raw};
use rustix::io::Errno;

use super::memfd::MemFd;

/// What matters of a process's descriptors.
#[derive(Debug, Default)]
pub struct Links {
    /// Its zbq memfds, by descriptor number.
    pub memfds: Vec<MemFd>,
    /// Its pidfds.
    pub pidfds: Vec<i32>,
    /// Its sockets: descriptor, and inode in digits.
    pub sockets: Vec<(i32, Vec<u8>)>,
}

pub(super) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// Descriptors of one process that are looked at, the lowest: those of a ring were opened early.
pub(super) const MOST_LINKS: usize = 1 << 15;

pub(super) fn each_link(dir: OwnedFd, mut each: impl FnMut(i32, &[u8])) -> io::Result<bool> {
    let mut seen = 0;
    let mut entries = [std::mem::MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(&dir, &mut entries);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        let Some(fd) = name.to_str().ok().and_then(|text| text.parse().ok()) else {
            continue;
        };
        seen += 1;
        if seen > MOST_LINKS {
            return Ok(false);
        }
        let mut link = [std::mem::MaybeUninit::uninit(); 128];
        match readlinkat_raw(&dir, name, &mut link) {
            Ok((link, _)) => each(fd, link),
            // The owner's uid may list the numbers; what they stand for takes more.
            Err(error @ (Errno::ACCESS | Errno::PERM)) => return Err(error.into()),
            // A descriptor that was closed since the directory was read is not an error.
            Err(_) => {}
        }
    }
    Ok(true)
}
