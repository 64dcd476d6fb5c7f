//! Pidfds: from a pid that somebody else has told, and whether the process that one stands for still runs.
//!
//! Knows nothing of what follows from its end.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::Timespec;

/// A descriptor on the process `pid`, which may be any number: those below 1 are no processes.
///
/// # Errors
/// `ESRCH` when there is none, and the kernel's.
pub fn open_pidfd(pid: i32) -> rustix::io::Result<OwnedFd> {
    let pid = (pid > 0).then(|| Pid::from_raw(pid)).flatten();
    pidfd_open(pid.ok_or(Errno::SRCH)?, PidfdFlags::empty())
}

/// Whether the process behind a pidfd is gone. A poll that fails says nothing, as in the reference.
pub fn has_exited(pidfd: impl AsFd) -> bool {
    let mut polled = [PollFd::new(&pidfd, PollFlags::IN)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents().contains(PollFlags::IN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_can_be_asked_for() {
        for pid in [0, -1, i32::MIN, i32::MAX] {
            assert_eq!(open_pidfd(pid).err(), Some(Errno::SRCH), "{pid}");
        }
        let ours = i32::try_from(std::process::id()).expect("a pid");
        assert!(open_pidfd(ours).is_ok_and(|pidfd| !has_exited(&pidfd)));
    }
}
