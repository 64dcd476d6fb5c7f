//! The terminal: drawn on, waited on, suspended.
//!
//! Owns the signals and what is read of keys and mouse. Refuses to know what is drawn. It never waits for a terminal
//! that takes no output: a frame is begun when the one before has gone out, and what has not gone out when the end
//! comes is given up after a moment. The screen is given back on drop, in the panic hook and before the process stops
//! (`guard`).

use std::io::{self, IsTerminal};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crossterm::event::Event;
use crossterm::style;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Signal, getpgrp, getppid, getsid, kill_current_process_group};
use rustix::termios::{tcgetpgrp, tcgetwinsize};
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGTRAP,
    SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH, SIGXCPU, SIGXFSZ,
};
use signal_hook::flag;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use super::diff::FrameDiff;
use super::guard;
use super::input::{Decoder, TerminalReply};
use super::writer::{Outbox, TerminalWriter};

/// Signals that end a process, and that nobody sends to end this one in good order: the screen is given back first. Those
/// that stand for a fault of the program itself are not among them.
const FATAL: &[i32] = &[
    SIGQUIT, SIGABRT, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ, SIGUSR1, SIGUSR2, SIGIO,
    SIGSYS, SIGTRAP,
];

/// Columns and rows drawn at most: a terminal can claim to be larger than memory.
const LARGEST: (u16, u16) = (1000, 500);

/// How long the rest of an escape sequence may take before an escape counts as the key; ssh may cut one in two.
const SEQUENCE_PATIENCE: Duration = Duration::from_millis(40);

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WakeReason {
    /// The time is up, or what else was waited for has come.
    Due,
    /// There are keys, or the mouse did something.
    Input,
    /// The size changed, or the process was continued: everything has to be drawn again.
    Redraw,
    /// Somebody asked the process to stop for a while.
    Suspend,
    /// Somebody asked the process to end, or the terminal is gone.
    Quit,
}

/// The terminal while the dashboard has it.
pub(crate) struct Terminal {
    outbox: Outbox,
    diff: FrameDiff,
    signals: SignalDelivery<UnixStream, SignalOnly>,
    decoder: Decoder,
    events: Vec<Event>,
    area: Rect,
    mouse: bool,
    /// We have suspended ourselves, and the SIGCONT that ended it is still to be read.
    continued_by_us: bool,
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Standard input or output is not a terminal, or it refuses.
    pub(crate) fn enter(color: bool, mouse: bool) -> io::Result<Self> {
        for (is_terminal, name) in [
            (io::stdin().is_terminal(), "standard input"),
            (io::stdout().is_terminal(), "standard output"),
        ] {
            if !is_terminal {
                let message =
                    format!("{name} is not a terminal; `zbqtop snapshot` prints without one");
                return Err(io::Error::new(io::ErrorKind::Unsupported, message));
            }
        }
        guard::give_back_on_panic();
        let (read, write) = UnixStream::pair()?;
        let signals = [SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH];
        let signals = signals.iter().chain(FATAL);
        let signals = SignalDelivery::with_pipe(read, write, SignalOnly, signals)?;
        // Otherwise crossterm would look at NO_COLOR by itself, over `--color always`.
        style::force_color_output(color);
        let mut terminal = Self {
            outbox: Outbox::default(),
            diff: FrameDiff::default(),
            signals,
            decoder: Decoder::default(),
            events: Vec::new(),
            area: Rect::ZERO,
            mouse,
            continued_by_us: false,
        };
        terminal.take()?;
        Ok(terminal)
    }

    /// Asks the terminal for its background: red, green, blue, of 255. `None` when it does not say in time.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(crate) fn background(&mut self, patience: Duration) -> io::Result<Option<[u8; 3]>> {
        // A terminal that knows nothing of colours answers the second question at once.
        self.tell("\x1b]11;?\x07\x1b[c")?;
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let stdin = rustix::stdio::stdin();
            let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
            let time = Timespec::try_from(left).ok();
            match rustix::event::poll(&mut fds, time.as_ref()) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(Errno::INTR) if !left.is_zero() => continue,
                Err(Errno::INTR) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            if self.read()? == WakeReason::Quit {
                return Ok(None);
            }
            match self.decoder.take_reply() {
                Some(TerminalReply::Background(color)) => return Ok(Some(color)),
                Some(TerminalReply::Attributes) => return Ok(None),
                None => {}
            }
        }
    }

    /// What can be drawn on.
    pub(crate) fn area(&self) -> Rect {
        self.area
    }

    /// Whether the last frame has gone out whole: until then the next would have nothing to be compared with.
    pub(crate) fn is_ready(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Draws what has changed since the last time, on a terminal that is ready.
    pub(crate) fn draw(&mut self, render: impl FnOnce(Rect, &mut Buffer)) -> io::Result<()> {
        self.diff.frame(self.outbox.back(), render)?;
        self.outbox.send()
    }

    /// Tells the terminal something that is not to be seen.
    pub(crate) fn tell(&mut self, sequence: &str) -> io::Result<()> {
        self.outbox.back().extend_from_slice(sequence.as_bytes());
        self.outbox.send()
    }

    /// Takes the present size over and forgets what is on the screen: the next draw draws everything.
    pub(crate) fn redraw(&mut self) -> io::Result<()> {
        let size = tcgetwinsize(rustix::stdio::stdout())?;
        self.area = Rect::new(0, 0, size.ws_col.min(LARGEST.0), size.ws_row.min(LARGEST.1));
        self.diff.renew(self.area);
        Ok(())
    }

    /// Sleeps until something happens, `timeout` at the longest, or `other` can be read.
    pub(crate) fn wait(
        &mut self,
        timeout: Duration,
        other: BorrowedFd<'_>,
    ) -> io::Result<WakeReason> {
        if !self.events.is_empty() {
            return Ok(WakeReason::Input);
        }
        let timeout = if self.decoder.is_pending() {
            timeout.min(SEQUENCE_PATIENCE)
        } else {
            timeout
        };
        // A time without end is none.
        let time = Timespec::try_from(timeout).ok();
        let stdin = rustix::stdio::stdin();
        let writer = TerminalWriter::get();
        let mut fds = [
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::new(self.signals.get_read(), PollFlags::IN),
            PollFd::from_borrowed_fd(other, PollFlags::IN),
            PollFd::new(writer, PollFlags::OUT),
        ];
        let waits_for_room = !self.outbox.is_empty();
        let fds = &mut fds[..if waits_for_room { 4 } else { 3 }];
        match rustix::event::poll(fds, time.as_ref()) {
            // The handler that interrupted it has written to the pipe: the next poll sees it.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [input, signalled] = [fds[0].revents(), fds[1].revents()];
        let room = fds
            .get(3)
            .is_some_and(|writer| !writer.revents().is_empty());
        if room {
            self.outbox.send()?;
        }
        if !signalled.is_empty()
            && let Some(wake) = self.signalled()?
        {
            return Ok(wake);
        }
        if input.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Ok(WakeReason::Quit);
        }
        if input.contains(PollFlags::IN) {
            return self.read();
        }
        if self.decoder.is_pending()
            && let Some(event) = self.decoder.settle()
        {
            self.events.push(event);
            return Ok(WakeReason::Input);
        }
        Ok(WakeReason::Due)
    }

    /// The keys and the mouse's deeds that [`WakeReason::Input`] told of.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Gives the terminal back, stops the process, and takes the terminal again when it is continued. Where no shell
    /// would get control (the parent is in another session: nobody could continue us) it does nothing.
    ///
    /// Answers whether to go on: a shell that ends a suspended job sends the signal first and continues it then.
    pub(crate) fn suspend(&mut self) -> io::Result<bool> {
        let session = getsid(None)?;
        if !getppid().is_some_and(|parent| getsid(Some(parent)) == Ok(session)) {
            return Ok(true);
        }
        self.give_back();
        // The whole job, as the kernel's Ctrl-Z does it, or a wrapper in front of us would keep the shell waiting.
        // SIGSTOP, because our own handler stands in for the default action of SIGTSTP.
        loop {
            kill_current_process_group(Signal::STOP)?;
            // Continued: the signal that tells so has nothing to add.
            self.continued_by_us = true;
            let mut ends = false;
            for signal in self.signals.pending() {
                match signal {
                    SIGTERM | SIGINT | SIGHUP => ends = true,
                    // That was it: the next comes from outside.
                    SIGCONT => self.continued_by_us = false,
                    signal if FATAL.contains(&signal) => die_of(signal),
                    _ => {}
                }
            }
            if ends {
                return Ok(false);
            }
            // In the background (`bg`) the terminal is not ours to take: wait for the foreground.
            if tcgetpgrp(rustix::stdio::stdin()).is_ok_and(|group| group == getpgrp()) {
                break;
            }
        }
        self.take()?;
        Ok(true)
    }

    fn take(&mut self) -> io::Result<()> {
        guard::take(self.outbox.back(), self.mouse)?;
        self.redraw()?;
        self.outbox.send()
    }

    fn give_back(&mut self) {
        let begun = Instant::now();
        // Half of the time for what is on its way, and half for giving back in any case.
        let _ = self.outbox.flush(begun + guard::PATIENCE / 2);
        guard::give_back(begun + guard::PATIENCE);
    }

    fn signalled(&mut self) -> io::Result<Option<WakeReason>> {
        let mut wake = None;
        let mut continued = false;
        for signal in self.signals.pending() {
            match signal {
                SIGTERM | SIGINT | SIGHUP => return Ok(Some(WakeReason::Quit)),
                SIGTSTP => wake = Some(WakeReason::Suspend),
                SIGCONT => continued = true,
                SIGWINCH => wake = wake.or(Some(WakeReason::Redraw)),
                signal if FATAL.contains(&signal) => {
                    self.give_back();
                    die_of(signal);
                }
                _ => {}
            }
        }
        let known = continued && std::mem::take(&mut self.continued_by_us);
        if continued && !known && wake != Some(WakeReason::Suspend) {
            // After a SIGSTOP from outside the shell has set the terminal to its own liking.
            self.give_back();
            self.take()?;
            wake = Some(WakeReason::Redraw);
        }
        Ok(wake)
    }

    fn read(&mut self) -> io::Result<WakeReason> {
        let mut buffer = [0; 1024];
        match rustix::io::read(rustix::stdio::stdin(), &mut buffer) {
            Ok(0) => Ok(WakeReason::Quit),
            Ok(count) => {
                self.decoder.feed(&buffer[..count]);
                self.events.extend(self.decoder.by_ref());
                Ok(WakeReason::Input)
            }
            Err(Errno::INTR | Errno::AGAIN) => Ok(WakeReason::Input),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.give_back();
        // Behind us nobody looks at signals: the same one again ends what the caller may hang in. Not before, or the
        // second of two would cut short what the first has begun; and not the first, which may have come with a hangup.
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            let again = Arc::new(AtomicBool::new(false));
            let _ = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again));
            let _ = flag::register(signal, again);
        }
    }
}

/// Ends as the signal would have ended the process without us.
fn die_of(signal: i32) {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    // It has no other course than to end.
    std::process::exit(128 + signal);
}

/// Whether `error` says that the terminal is no longer there.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    let gone = [
        Errno::IO,
        Errno::PIPE,
        Errno::NXIO,
        Errno::BADF,
        Errno::NOTTY,
    ];
    Errno::from_io_error(error).is_some_and(|errno| gone.contains(&errno))
}
