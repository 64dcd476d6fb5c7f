//! `tail`: messages as they lie in the ring, and as they come.

use std::collections::VecDeque;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Ending;
use crate::cli;
use crate::observe::attach::AttachedRing;
use crate::observe::frame::Message;
use crate::observe::messages::{Event, Gap, Reader, oldest_boundary};
use crate::observe::sample::control;
use crate::output::tail::{Format, gap, gap_line, message};
use crate::ring::message::RawMessage;
use crate::text::bytes;

/// Who is in the ring, and so who vouches for its bytes, is looked up this often.
const REFRESH_EVERY: Duration = Duration::from_secs(1);
/// Shortest and longest wait for something new: the wait doubles while nothing comes.
const WAIT: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(10));

/// How long the last messages are tried for on a ring that overruns every try.
const OVERTAKEN_FOR: Duration = Duration::from_millis(300);

/// What went through.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) skipped: u64,
    pub(super) gaps: u64,
}

/// Writes to stdout what the ring holds, and with `-f` what comes.
///
/// # Errors
/// Those of stdout; [`io::ErrorKind::BrokenPipe`] when its reader has gone.
pub fn tail(mut ring: AttachedRing, options: &cli::Tail) -> io::Result<()> {
    let ending = Ending::watch()?;
    let mut printer = Printer {
        out: BufWriter::with_capacity(1 << 16, io::stdout().lock()),
        format: options.format.into(),
        summary: Summary::default(),
    };
    let head = control(&ring).producer_head;
    let mut reader = if options.last == 0 {
        Reader::at(head)
    } else {
        printer.retained(&ring, head, options.last, &ending)?
    };
    if options.follow {
        printer.follow(&mut ring, &mut reader, &ending)?;
    }
    printer.out.flush()?;
    printer.summary.print();
    Ok(())
}

struct Printer<'a> {
    out: BufWriter<StdoutLock<'a>>,
    format: Format,
    summary: Summary,
}

impl Printer<'_> {
    /// Prints the last messages below `head`.
    fn retained(
        &mut self,
        ring: &AttachedRing,
        head: u64,
        last: usize,
        ending: &Ending,
    ) -> io::Result<Reader> {
        let oldest = oldest_boundary(ring);
        let mut reader = Reader::at(oldest);
        let mut kept: VecDeque<Result<Message, Gap>> = VecDeque::new();
        let mut messages = 0;
        // On a ring that is too fast to be read whole, what comes next will do as well.
        let (mut until, deadline) = (head, Instant::now() + OVERTAKEN_FOR);
        while !ending.asked() {
            let mut overrun = false;
            let moved = reader.advance(ring, until, |event| {
                match event {
                    Event::Message(raw, integrity) => {
                        messages += 1;
                        kept.push_back(Ok(Message::from((raw, integrity))));
                    }
                    Event::Gap(gap) => {
                        overrun = true;
                        kept.push_back(Err(gap));
                    }
                }
                while messages > last {
                    messages -= usize::from(kept.pop_front().is_some_and(|event| event.is_ok()));
                }
                Ok(())
            })?;
            if overrun {
                until = u64::MAX;
            }
            let done = if until == head {
                !moved
            } else {
                messages >= last && reader.position() >= head || Instant::now() >= deadline
            };
            if done {
                break;
            }
        }
        if messages < last && oldest > 0 {
            let retained = head.saturating_sub(ring.capacity());
            let unread = oldest.saturating_sub(retained);
            if unread > 0 {
                note(&format!(
                    "the {} before offset {oldest} were not read: no message boundary is known there",
                    bytes(unread)
                ));
            }
        }
        for event in kept {
            match event {
                Ok(kept) => {
                    let raw = RawMessage {
                        offset: kept.offset,
                        header: kept.header,
                        payload: &kept.payload,
                    };
                    self.event(Event::Message(raw, kept.integrity))?;
                }
                Err(gap) => self.event(Event::Gap(gap))?,
            }
        }
        Ok(reader)
    }

    /// Prints messages as they come, until the end is asked for or the producer has ended and all is read.
    fn follow(
        &mut self,
        ring: &mut AttachedRing,
        reader: &mut Reader,
        ending: &Ending,
    ) -> io::Result<()> {
        let mut refreshed = Instant::now();
        let mut wait = WAIT.0;
        while !ending.asked() {
            // Asked before reading: what is committed before the producer ends is seen by the read that follows.
            let alive = ring.producer_alive();
            if refreshed.elapsed() >= REFRESH_EVERY {
                ring.refresh();
                refreshed = Instant::now();
            }
            if ring.ctrl().is_truncated() {
                return Err(io::Error::other(
                    "zbq_ctrl was truncated: the ring's head is lost",
                ));
            }
            if reader.advance(ring, u64::MAX, |event| self.event(event))? {
                wait = WAIT.0;
                continue;
            }
            self.out.flush()?;
            if !alive {
                note("the producer has ended");
                return Ok(());
            }
            self.sleep(wait)?;
            wait = (wait * 2).min(WAIT.1);
        }
        Ok(())
    }

    /// Waits, and notices meanwhile that nobody reads our output any more.
    fn sleep(&self, wait: Duration) -> io::Result<()> {
        let stdout = io::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        let timeout = Timespec::try_from(wait).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => Ok(()),
            Ok(_) if fds[0].revents().contains(PollFlags::ERR) => {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            // A terminal that hung up: SIGHUP is on its way.
            Ok(_) => {
                std::thread::sleep(wait);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn event(&mut self, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Message(raw, integrity) => {
                self.summary.messages += 1;
                self.summary.bytes += raw.payload.len() as u64;
                message(&mut self.out, self.format, &raw, integrity, None)
            }
            Event::Gap(skipped) => {
                self.summary.skipped += skipped.to.saturating_sub(skipped.from);
                self.summary.gaps += 1;
                if !gap(&mut self.out, self.format, &skipped)? {
                    note(&gap_line(&skipped));
                }
                Ok(())
            }
        }
    }
}

impl Summary {
    pub(super) fn print(&self) {
        let Self {
            messages,
            bytes: payload,
            skipped,
            gaps,
        } = self;
        note(&format!(
            "{messages} messages, {} of payload; skipped {} in {gaps} gaps",
            bytes(*payload),
            bytes(*skipped)
        ));
    }
}

pub(crate) fn note(text: &str) {
    // Where nobody can be told, there is nothing to be done about it.
    let _ = writeln!(io::stderr(), "zbqtop: {text}");
}

impl From<cli::Format> for Format {
    fn from(format: cli::Format) -> Self {
        match format {
            cli::Format::Hex => Self::Hex,
            cli::Format::Raw => Self::Raw,
            cli::Format::Text => Self::Text,
            cli::Format::Json => Self::Json,
        }
    }
}
