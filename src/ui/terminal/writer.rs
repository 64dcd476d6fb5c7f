//! The way to the terminal: bytes go out as it takes them, and nobody waits for it longer than is said.
//!
//! Owns the description that is written to. Refuses to know what the bytes mean.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::tcgetpgrp;

/// Bytes that a terminal which has room at all takes at once: as many as may be in its buffer when it says so.
const PIECE: usize = 256;

/// Ends an escape sequence that was cut short, whatever it was (CAN).
const CANCEL: &[u8] = b"\x18";

/// The process's terminal, for writing. There is one, so that a panic can give it back without being handed it.
#[derive(Debug)]
pub(super) struct TerminalWriter {
    /// `None`: standard output itself has to do.
    own: Option<OwnedFd>,
    /// What was begun has not been written to its end.
    cut: AtomicBool,
}

impl TerminalWriter {
    pub(super) fn get() -> &'static Self {
        static WRITER: OnceLock<TerminalWriter> = OnceLock::new();
        WRITER.get_or_init(|| Self {
            own: reopened(),
            cut: AtomicBool::new(false),
        })
    }

    /// Writes as much of `bytes` as the terminal takes now; 0 when it takes nothing.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            let rest = &bytes[written..];
            let piece = match &self.own {
                Some(_) => rest,
                None if !self.takes(Some(&Timespec::default()))? => break,
                None => &rest[..rest.len().min(PIECE)],
            };
            match rustix::io::write(self, piece) {
                Ok(0) | Err(Errno::AGAIN) => break,
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.cut.store(written < bytes.len(), Ordering::Relaxed);
        Ok(written)
    }

    /// Writes `bytes` as far as the terminal takes them before `deadline`; tells whether that was all of them. What was
    /// cut short before is ended first.
    pub(super) fn write_by(&self, bytes: &[u8], deadline: Instant) -> io::Result<bool> {
        let mut rest = bytes.to_vec();
        if self.cut.load(Ordering::Relaxed) {
            rest.splice(..0, CANCEL.iter().copied());
        }
        loop {
            rest.drain(..self.write(&rest)?);
            let left = deadline.saturating_duration_since(Instant::now());
            if rest.is_empty() || left.is_zero() {
                return Ok(rest.is_empty());
            }
            self.takes(Timespec::try_from(left).ok().as_ref())?;
        }
    }

    /// Gives up what was written and has not gone out yet.
    pub(super) fn discard(&self) {
        let _ = rustix::termios::tcflush(self, rustix::termios::QueueSelector::OFlush);
        self.cut.store(true, Ordering::Relaxed);
    }

    /// Whether the terminal takes anything, within `time`.
    fn takes(&self, time: Option<&Timespec>) -> io::Result<bool> {
        let mut fds = [PollFd::new(self, PollFlags::OUT)];
        match rustix::event::poll(&mut fds, time) {
            // A terminal that is gone says so when it is written to.
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for TerminalWriter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.own {
            Some(own) => own.as_fd(),
            None => rustix::stdio::stdout(),
        }
    }
}

/// The terminal behind standard output once more, to be written to without waiting. That is said of a description, and
/// standard output's is the shell's, too, which would find its terminal changed.
///
/// The terminal may be another user's (`su`): then it opens as the one that controls us, if it is that one.
fn reopened() -> Option<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = |path: &str| rustix::fs::open(path, flags, Mode::empty()).ok();
    let controls = || tcgetpgrp(rustix::stdio::stdout()).is_ok();
    open("/proc/self/fd/1").or_else(|| controls().then(|| open("/dev/tty"))?)
}

/// What is on its way to the terminal.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    /// Whether everything has gone out.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Where to put what goes out next.
    pub(super) fn back(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Sends what the terminal takes now.
    pub(super) fn send(&mut self) -> io::Result<()> {
        self.sent += TerminalWriter::get().write(&self.bytes[self.sent..])?;
        if self.sent == self.bytes.len() {
            self.clear();
        }
        Ok(())
    }

    /// Sends the rest, if the terminal takes it before `deadline`, and forgets it otherwise.
    pub(super) fn flush(&mut self, deadline: Instant) -> io::Result<()> {
        let writer = TerminalWriter::get();
        while !self.is_empty() {
            self.send()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !self.is_empty()
                && (left.is_zero() || !writer.takes(Timespec::try_from(left).ok().as_ref())?)
            {
                self.clear();
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }
}
