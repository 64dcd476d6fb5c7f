//! What a process holds: its memfds, listed, looked at and opened.
//!
//! Anybody can name a file like one of a ring's, and give it to a server that never answers: only what lies where memfds lie is
//! touched.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use rustix::fs::{AtFlags, Mode, OFlags, Stat, StatxFlags, makedev, statat, statx};
use rustix::io::Errno;

use super::links::{DIRECTORY, Links, each_link};
use super::maps::Maps;
use super::memfd::{FileId, MappedMemFd, MemFd, MemFdKind};
use super::process::{Process, has_vanished, text_at};
use super::shortage::{memfd, openat};

impl Process {
    /// Calls `each` with every descriptor number and the text of its link; tells whether there are no more than are looked
    /// at.
    ///
    /// # Errors
    /// `PermissionDenied` when the descriptors of this process are not ours to see.
    pub fn each_link(&self, each: impl FnMut(i32, &[u8])) -> io::Result<bool> {
        let mut each = each;
        let (_, all) = self.of_the_living(
            |dir| {
                let mut any = false;
                let links = openat(dir, "fd", DIRECTORY, Mode::empty())?;
                let all = each_link(links, |fd, link| {
                    any = true;
                    each(fd, link);
                })?;
                Ok((any, all))
            },
            |(any, _)| !any,
        )?;
        Ok(all)
    }

    /// Its zbq memfds, by descriptor number.
    ///
    /// # Errors
    /// As [`Self::each_link`].
    pub fn memfds(&self) -> io::Result<Vec<MemFd>> {
        Ok(self.links()?.memfds.clone())
    }

    /// What matters of its descriptors, now or a moment ago.
    ///
    /// # Errors
    /// As [`Self::each_link`].
    pub fn links(&self) -> io::Result<Arc<Links>> {
        self.shared.links.get(|| self.list_links())
    }

    /// What matters of its descriptors, asked for after `then`.
    ///
    /// # Errors
    /// As [`Self::each_link`].
    pub fn links_since(&self, then: Instant) -> io::Result<Arc<Links>> {
        self.shared.links.since(then, || self.list_links())
    }

    /// What it has mapped, as far as it matters here, now or a moment ago.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn maps(&self) -> io::Result<Arc<Maps>> {
        self.shared.maps.get(|| self.list_maps())
    }

    /// What it has mapped, asked for after `then`.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn maps_since(&self, then: Instant) -> io::Result<Arc<Maps>> {
        self.shared.maps.since(then, || self.list_maps())
    }

    fn list_maps(&self) -> io::Result<Maps> {
        let text = |dir: BorrowedFd<'_>| text_at(dir, "maps");
        let text = self.of_the_living(text, Vec::is_empty)?;
        let (major, minor) = memfd_device()?;
        // Any file can have such a name.
        Ok(Maps::parse(&text).on_device(makedev(major, minor)))
    }

    fn list_links(&self) -> io::Result<Links> {
        let (mut found, mut failed) = (Links::default(), None);
        self.each_link(|fd, link| {
            if link == b"anon_inode:[pidfd]" || link.starts_with(b"pidfd:") {
                found.pidfds.push(fd);
            }
            if let Some(rest) = link.strip_prefix(b"socket:[")
                && let Some(inode) = rest.strip_suffix(b"]")
            {
                found.sockets.push((fd, inode.to_owned()));
            }
            let Some(kind) = MemFdKind::of(link) else {
                return;
            };
            match self.fd_stat(fd) {
                Ok(stat) => found.memfds.push(MemFd {
                    fd,
                    kind,
                    file: FileId {
                        dev: stat.st_dev,
                        ino: stat.st_ino,
                    },
                    size: u64::try_from(stat.st_size).unwrap_or(0),
                }),
                // Closed since, or no memfd.
                Err(error) if has_vanished(&error) => {}
                Err(error) => failed = Some(error),
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        found.memfds.sort_by_key(|memfd| memfd.fd);
        Ok(found)
    }

    /// The file behind descriptor `fd` of this process, if it is still open there.
    #[must_use]
    pub fn fd_file(&self, fd: i32) -> Option<FileId> {
        let stat = self.fd_stat(fd).ok()?;
        Some(FileId {
            dev: stat.st_dev,
            ino: stat.st_ino,
        })
    }

    /// The size of a memfd that it still holds at that descriptor, bytes.
    #[must_use]
    pub fn memfd_size(&self, memfd: &MemFd) -> Option<u64> {
        let stat = self.fd_stat(memfd.fd).ok()?;
        let is_it = (stat.st_dev, stat.st_ino) == (memfd.file.dev, memfd.file.ino);
        is_it.then(|| u64::try_from(stat.st_size).ok())?
    }

    fn fd_stat(&self, fd: i32) -> io::Result<Stat> {
        let stat = |dir: BorrowedFd<'_>| {
            let link = format!("fd/{fd}");
            if !is_memfd(dir, &link)? {
                return Err(Errno::NOENT.into());
            }
            Ok(statat(dir, link, AtFlags::empty())?)
        };
        self.of_the_living(stat, |_| false)
    }

    /// Opens a memfd of this process read-only, as a description of our own.
    ///
    /// The link is first taken hold of without opening it (`O_PATH`), so that a descriptor that has become a
    /// FIFO, a terminal or a device since it was listed is noticed and never opened.
    ///
    /// # Errors
    /// `PermissionDenied`; `NotFound` when the descriptor is closed or is no longer `expected`.
    pub fn open_memfd(&self, expected: &MemFd) -> io::Result<OwnedFd> {
        self.open_link(&format!("fd/{}", expected.fd), expected.kind, expected.file)
    }

    /// Opens a memfd that this process has mapped read-only, as a description of our own; otherwise as
    /// [`Self::open_memfd`].
    ///
    /// # Errors
    /// `PermissionDenied`, also without CAP_SYS_ADMIN and CAP_CHECKPOINT_RESTORE; `NotFound` when it is no longer
    /// mapped there.
    pub fn open_mapped(&self, expected: &MappedMemFd) -> io::Result<OwnedFd> {
        let MappedMemFd { address, end, .. } = expected;
        self.open_link(
            &format!("map_files/{address:x}-{end:x}"),
            expected.kind,
            expected.file,
        )
    }

    fn open_link(&self, link: &str, kind: MemFdKind, file: FileId) -> io::Result<OwnedFd> {
        let gone = || {
            let what = format!("{link} is no longer {}", kind.name());
            io::Error::new(io::ErrorKind::NotFound, what)
        };
        let path = self.open_at(link, OFlags::PATH)?;
        if !is_memfd(path.as_fd(), "")? {
            return Err(gone());
        }
        let stat = rustix::fs::fstat(&path)?;
        let found = FileId {
            dev: stat.st_dev,
            ino: stat.st_ino,
        };
        let regular = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
        let own = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&path));
        // The name once more: kind and file were looked up one after the other when it was listed.
        let named = rustix::fs::readlink(&own, Vec::new())
            .is_ok_and(|link| MemFdKind::of(link.as_bytes()) == Some(kind));
        if found != file || !regular || !named {
            return Err(gone());
        }
        let file = openat(
            rustix::fs::CWD,
            own,
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
            Mode::empty(),
        )?;
        // Only what memfd_create makes, and files of tmpfs, can be sealed.
        rustix::fs::fcntl_get_seals(&file).map_err(|_| gone())?;
        Ok(file)
    }
}

/// Whether what `link` leads to lies where memfds lie: anybody can name a file like one, and give it to a server that never
/// answers. Asks nothing of the file itself (`AT_STATX_DONT_SYNC`, and no attribute).
fn is_memfd(dir: BorrowedFd<'_>, link: &str) -> io::Result<bool> {
    Ok(device(dir, link)? == memfd_device()?)
}

/// The device that memfds are on, major and minor: that of one of our own.
fn memfd_device() -> io::Result<(u32, u32)> {
    static DEVICE: OnceLock<(u32, u32)> = OnceLock::new();
    if let Some(known) = DEVICE.get() {
        return Ok(*known);
    }
    let own = memfd("zbqtop_device")?;
    let found = device(own.as_fd(), "")?;
    Ok(*DEVICE.get_or_init(|| found))
}

fn device(dir: BorrowedFd<'_>, link: &str) -> io::Result<(u32, u32)> {
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::EMPTY_PATH;
    let stat = statx(dir, link, flags, StatxFlags::empty())?;
    Ok((stat.stx_dev_major, stat.stx_dev_minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_memfd_names_are_zbq() {
        assert_eq!(
            MemFdKind::of(b"/memfd:zbq_meta (deleted)"),
            Some(MemFdKind::Meta)
        );
        assert_eq!(MemFdKind::of(b"/memfd:zbq_meta2 (deleted)"), None);
        assert_eq!(MemFdKind::of(b"/home/x/memfd:zbq_ctrl (deleted)"), None);
    }

    #[test]
    fn only_the_memfd_that_was_listed_is_opened() {
        use std::os::fd::AsRawFd as _;
        let process = Process::open(std::process::id().cast_signed()).expect("we exist");
        let named = |name| {
            rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC).expect("a memfd")
        };
        for (fd, kind, opens) in [
            (named("zbq_ctrl"), MemFdKind::Ctrl, true),
            (named("zbq_ctrl"), MemFdKind::Meta, false),
            (named("other"), MemFdKind::Ctrl, false),
        ] {
            let number = fd.as_raw_fd();
            let file = process.fd_file(number).expect("it is open");
            let memfd = MemFd {
                fd: number,
                kind,
                file,
                size: 0,
            };
            assert_eq!(process.open_memfd(&memfd).is_ok(), opens, "{kind:?} {fd:?}");
            // And no other file, once it has been closed.
            drop(fd);
            assert!(process.open_memfd(&memfd).is_err());
        }
    }
}
