//! Standard output, for a program that loses nothing there and does not get stuck: a reader that is slow is waited for, though
//! the descriptor be non-blocking; one that has gone is noticed although nothing is written. Knows nothing of what is
//! written.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::BorrowedFd;
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
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

/// Whether the program was started without a standard output. Set before anything else happens; nothing hangs on the order.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Notes that the program was started without a standard output: to be called before the standard library opens
/// `/dev/null` in its place.
pub fn note_closed() {
    CLOSED.store(true, Ordering::Relaxed);
}

/// Standard output.
#[derive(Debug)]
pub struct Stdout {
    /// Bytes written at a time.
    piece: usize,
    /// It is a socket: where that hangs up, its reader has gone.
    is_socket: bool,
}

/// What commands print to.
pub type Printer = io::BufWriter<Stdout>;

impl Stdout {
    /// Standard output as it is now.
    #[must_use]
    pub fn now() -> Self {
        let kind = fstat(stdout()).map(|stat| FileType::from_raw_mode(stat.st_mode));
        let at_once = matches!(
            kind,
            Ok(FileType::RegularFile | FileType::CharacterDevice) | Err(_)
        );
        Self {
            piece: if at_once && !io::stdout().is_terminal() {
                usize::MAX
            } else {
                ATOMIC
            },
            is_socket: kind == Ok(FileType::Socket),
        }
    }

    /// The same, collecting what is written.
    #[must_use]
    pub fn printer() -> Printer {
        io::BufWriter::new(Self::now())
    }

    /// Sleeps, and notices meanwhile that the reader has gone.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`].
    pub fn sleep(&self, time: Duration) -> io::Result<()> {
        self.wait(PollFlags::empty(), time).map(|_| ())
    }

    /// Writes a piece, once it can be taken.
    fn write_piece(&self, bytes: &[u8]) -> io::Result<usize> {
        if CLOSED.load(Ordering::Relaxed) {
            return Err(io::Error::other("standard output is closed"));
        }
        let piece = &bytes[..bytes.len().min(self.piece)];
        match rustix::io::write(stdout(), piece) {
            Ok(written) => Ok(written),
            Err(Errno::INTR | Errno::AGAIN) => Ok(0),
            Err(Errno::PIPE) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(error) => {
                let error = io::Error::from(error);
                let named = format!("standard output: {error}");
                Err(io::Error::new(error.kind(), named))
            }
        }
    }

    /// Waits until it is ready for `events`, `time` at the longest; tells whether it is.
    fn wait(&self, events: PollFlags, time: Duration) -> io::Result<bool> {
        let stdout = stdout();
        let mut fds = [PollFd::new(&stdout, events)];
        let timeout = Timespec::try_from(time).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => Ok(false),
            Ok(_) if fds[0].revents().contains(PollFlags::ERR) => {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            Ok(_) if self.is_socket && fds[0].revents().contains(PollFlags::HUP) => {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            // A terminal that hung up is always ready: SIGHUP is on its way.
            Ok(_) if fds[0].revents().contains(PollFlags::HUP) => {
                std::thread::sleep(time);
                Ok(false)
            }
            Ok(_) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

impl io::Write for Stdout {
    /// Waits for as long as it takes: a signal that ends the program ends that, too.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            // To ask whether what takes everything at once is ready would only cost time.
            let ready = self.piece == usize::MAX || self.wait(PollFlags::OUT, PATIENCE)?;
            if ready {
                let written = self.write_piece(bytes)?;
                if written > 0 {
                    return Ok(written);
                }
                self.wait(PollFlags::OUT, PATIENCE)?;
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for Stdout {
    fn write(&self, mut bytes: &[u8], ending: &StopSignal) -> io::Result<bool> {
        while !bytes.is_empty() {
            if !self.wait(PollFlags::OUT, PATIENCE)? {
                if ending.asked() {
                    return Ok(false);
                }
                continue;
            }
            bytes = &bytes[self.write_piece(bytes)?..];
        }
        Ok(true)
    }

    fn sleep(&self, time: Duration) -> io::Result<()> {
        self.sleep(time)
    }

    fn at_once(&self) -> Option<BorrowedFd<'_>> {
        (self.piece == usize::MAX).then(stdout)
    }
}
