//! Whether this process has run out of descriptors: what could not be asked for want of one is unknown, and not absent.
//!
//! Opens what `/proc` shows, and remembers whether that ever failed. Knows nothing of what is asked.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::path::Arg;
use rustix::process::{Resource, getrlimit};

use super::refusal::Refusal;
use crate::ring;

/// Nothing hangs on the order in which it is seen to be set: a limit that is said a look later is said.
static RAN_OUT: AtomicBool = AtomicBool::new(false);

fn noted<T>(outcome: Result<T, Errno>) -> Result<T, Errno> {
    if let Err(Errno::MFILE | Errno::NFILE) = outcome {
        note_shortage();
    }
    outcome
}

/// Something could not be asked for want of descriptors.
pub(super) fn note_shortage() {
    RAN_OUT.store(true, Ordering::Relaxed);
}

/// As `rustix::fs::openat`.
pub(super) fn openat(
    dir: impl AsFd,
    path: impl Arg,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, Errno> {
    noted(rustix::fs::openat(dir, path, flags, mode))
}

/// As [`ring::open_pidfd`].
pub(super) fn open_pidfd(pid: i32) -> Result<OwnedFd, Errno> {
    noted(ring::open_pidfd(pid))
}

/// A descriptor that spares work, and that one can do without: there are no more of them than a quarter of what is allowed.
#[derive(Debug)]
pub(super) struct SpareFd(OwnedFd);

/// How many there are. Nothing hangs on the order in which it changes.
static SPARE: AtomicUsize = AtomicUsize::new(0);

impl SpareFd {
    /// What `open` opens, if there is room for it.
    pub(super) fn keep(open: impl FnOnce() -> Result<OwnedFd, Errno>) -> Option<Self> {
        let allowed = getrlimit(Resource::Nofile).current;
        let room = allowed.map_or(usize::MAX, |allowed| {
            usize::try_from(allowed / 4).unwrap_or(usize::MAX)
        });
        if SPARE.load(Ordering::Relaxed) >= room {
            return None;
        }
        let opened = open().ok()?;
        SPARE.fetch_add(1, Ordering::Relaxed);
        Some(Self(opened))
    }
}

impl AsFd for SpareFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for SpareFd {
    fn drop(&mut self) {
        SPARE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A memfd of our own.
pub(super) fn memfd(name: &str) -> Result<OwnedFd, Errno> {
    noted(rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC))
}

/// How this process may be allowed more descriptors.
pub const MORE_DESCRIPTORS: &str = "allow it more (ulimit -Hn, or LimitNOFILE= in a systemd unit)";

/// That this process has run out of descriptors, and what would help; `None` as long as it has not.
#[must_use]
pub fn shortage() -> Option<Refusal> {
    RAN_OUT.load(Ordering::Relaxed).then(|| {
        let most = getrlimit(Resource::Nofile).maximum;
        let allowed =
            most.map_or_else(String::new, |most| format!(", of which it may have {most}"));
        Refusal {
            why: format!("this process has run out of file descriptors{allowed}"),
            remedy: Some(MORE_DESCRIPTORS.into()),
        }
    })
}
