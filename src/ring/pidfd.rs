//! Whether a process that a pidfd stands for still runs.
//!
//! Knows nothing of which process it is, nor of what follows from its end.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;

/// Whether the process behind a pidfd is gone. A poll that fails says nothing, as in the reference.
pub fn has_exited(pidfd: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(pidfd, PollFlags::IN)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents().contains(PollFlags::IN)
}
