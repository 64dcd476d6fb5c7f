//! How long a socket is waited for.
//!
//! Every wait has a deadline, whatever the socket's own flags say: each call is `MSG_DONTWAIT` behind a `poll`. Knows
//! nothing of what is sent.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use rustix::time::Timespec;

use super::error::{Error, Result};

/// When to stop waiting, and what to say then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    limit: Duration,
    /// `None` if the limit is beyond what the clock can count to: never.
    at: Option<Instant>,
}

impl Deadline {
    pub(super) fn after(limit: Duration) -> Self {
        Self {
            limit,
            at: Instant::now().checked_add(limit),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.at.is_some_and(|at| at <= Instant::now())
    }

    /// Time that is left.
    pub(super) fn left(&self) -> Duration {
        self.at.map_or(Duration::MAX, |at| {
            at.saturating_duration_since(Instant::now())
        })
    }

    /// Waits until `fd` is ready for `events`, or has hung up.
    pub(super) fn wait(
        &self,
        op: &'static str,
        fd: BorrowedFd<'_>,
        events: PollFlags,
    ) -> Result<()> {
        loop {
            // A socket can be ready again and again, and yet never give anything.
            if self.is_over() {
                return Err(Error::Timeout {
                    op,
                    limit: self.limit,
                });
            }
            // One that does not fit is as good as none.
            let left = Timespec::try_from(self.left()).ok();
            match poll(&mut [PollFd::from_borrowed_fd(fd, events)], left.as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(Error::io("poll")(errno)),
            }
        }
    }

    /// Tries until the call would not block, or the time is over.
    pub(super) fn retry<T>(
        &self,
        op: &'static str,
        fd: BorrowedFd<'_>,
        events: PollFlags,
        mut call: impl FnMut() -> rustix::io::Result<T>,
    ) -> Result<rustix::io::Result<T>> {
        loop {
            match call() {
                Err(Errno::AGAIN) => self.wait(op, fd, events)?,
                Err(Errno::INTR) => {}
                outcome => return Ok(outcome),
            }
        }
    }
}
