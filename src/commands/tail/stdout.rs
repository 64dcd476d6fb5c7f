//! Where messages go, for a program that must not get stuck there: what is written can be given up when the end is
//! asked for, and a reader that has gone is noticed although nothing is written. Knows nothing of what is written.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::BorrowedFd;
use rustix::fs::{FileType, fstat};
use rustix::stdio::stdout;

use crate::shutdown::StopSignal;

/// What can be written to a pipe or a terminal without waiting, once it is ready (`PIPE_BUF`).
const ATOMIC: usize = 4096;
/// How often the end is thought of while the reader is not ready.
const PATIENCE: Duration = Duration::from_millis(100);

/// A place to write messages to.
pub trait Output {
    /// Writes all of `bytes`, unless the end is asked for while the reader is not ready: then `false`.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] when the reader has gone, and those of writing.
    fn write(&self, bytes: &[u8], ending: &StopSignal) -> io::Result<bool>;

    /// Sleeps, and notices meanwhile that the reader has gone.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`].
    fn sleep(&self, time: Duration) -> io::Result<()>;

    /// The descriptor, if it takes whatever is written there at once: no reader can keep us waiting.
    fn at_once(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// Standard output.
#[derive(Debug)]
pub struct Stdout {
    /// Bytes written at a time.
    piece: usize,
}

impl Stdout {
    /// Standard output as it is now.
    #[must_use]
    pub fn now() -> Self {
        let waits = fstat(stdout()).is_ok_and(|stat| {
            !matches!(
                FileType::from_raw_mode(stat.st_mode),
                FileType::RegularFile | FileType::CharacterDevice
            )
        });
        let is_terminal = std::io::IsTerminal::is_terminal(&io::stdout());
        Self {
            piece: if waits || is_terminal {
                ATOMIC
            } else {
                usize::MAX
            },
        }
    }
}

impl Output for Stdout {
    fn write(&self, mut bytes: &[u8], ending: &StopSignal) -> io::Result<bool> {
        while !bytes.is_empty() {
            if !wait(PollFlags::OUT, PATIENCE)? {
                if ending.asked() {
                    return Ok(false);
                }
                continue;
            }
            let piece = &bytes[..bytes.len().min(self.piece)];
            match rustix::io::write(stdout(), piece) {
                Ok(written) => bytes = &bytes[written..],
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn sleep(&self, time: Duration) -> io::Result<()> {
        wait(PollFlags::empty(), time).map(|_| ())
    }

    fn at_once(&self) -> Option<BorrowedFd<'_>> {
        (self.piece == usize::MAX).then(stdout)
    }
}

/// Waits until standard output is ready for `events`, `time` at the longest; tells whether it is.
fn wait(events: PollFlags, time: Duration) -> io::Result<bool> {
    let stdout = stdout();
    let mut fds = [PollFd::new(&stdout, events)];
    let timeout = Timespec::try_from(time).map_err(io::Error::other)?;
    match poll(&mut fds, Some(&timeout)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(false),
        Ok(_) if fds[0].revents().contains(PollFlags::ERR) => Err(io::ErrorKind::BrokenPipe.into()),
        // A terminal that hung up is always ready: SIGHUP is on its way.
        Ok(_) if fds[0].revents().contains(PollFlags::HUP) => {
            std::thread::sleep(time);
            Ok(false)
        }
        Ok(_) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
