//! The terminal: taken, waited on, and always given back.
//!
//! Owns raw mode, the alternate screen, the cursor, the mouse, the signals and what is read of keys and mouse. Refuses to know
//! what is drawn. The screen is given back on drop, in the panic hook and before the process stops.

use std::cell::Cell;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::mem::ManuallyDrop;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};
use std::time::Duration;

use crossterm::event::Event;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, queue, style};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Frame, TerminalOptions, Viewport};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Signal, getpgrp, getppid, getsid, kill_current_process_group};
use rustix::termios::{tcgetpgrp, tcgetwinsize};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::flag;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use super::input::Decoder;

/// A whole screen goes out in one write, so that it does not tear.
const BUFFER: usize = 64 * 1024;
/// Columns and rows drawn at most: a terminal can claim to be larger than memory.
const LARGEST: (u16, u16) = (1000, 500);

/// How long the rest of an escape sequence may take before an escape counts as the key; ssh may cut one in two.
const SEQUENCE_PATIENCE: Duration = Duration::from_millis(40);

thread_local! {
    /// Whether this thread has the screen. By thread, because the panic hook runs on the thread that panics, and a panic
    /// elsewhere must not take the screen away from one that goes on drawing.
    static TAKEN: Cell<bool> = const { Cell::new(false) };
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// The time is up.
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
    /// Never dropped: ratatui would show the cursor again and, when the terminal is gone, panic in telling that it could not.
    /// [`give_back`] shows it.
    screen: ManuallyDrop<ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
    signals: SignalDelivery<UnixStream, SignalOnly>,
    decoder: Decoder,
    events: Vec<Event>,
    area: Rect,
    /// We have suspended ourselves, and the SIGCONT that ended it is still to be read.
    continued_by_us: bool,
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Standard input or output is not a terminal, or it refuses.
    pub(crate) fn enter(color: bool) -> io::Result<Self> {
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
        give_back_on_panic();
        let (read, write) = UnixStream::pair()?;
        let signals = [SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH];
        let signals = SignalDelivery::with_pipe(read, write, SignalOnly, signals)?;
        // A terminal that takes no output keeps us in a write, where a signal asks in vain: the same again ends us.
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            let again = Arc::new(AtomicBool::new(false));
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))?;
            flag::register(signal, again)?;
        }
        // Otherwise crossterm would look at NO_COLOR by itself, over `--color always`.
        style::force_color_output(color);
        // A fixed viewport: ratatui then never asks for the size by itself, which on a terminal of size 0 starts `tput`.
        let backend = CrosstermBackend::new(BufWriter::with_capacity(BUFFER, io::stdout()));
        let options = TerminalOptions {
            viewport: Viewport::Fixed(Rect::ZERO),
        };
        let screen = ManuallyDrop::new(ratatui::Terminal::with_options(backend, options)?);
        let mut terminal = Self {
            screen,
            signals,
            decoder: Decoder::default(),
            events: Vec::new(),
            area: Rect::ZERO,
            continued_by_us: false,
        };
        take()?;
        terminal.redraw()?;
        Ok(terminal)
    }

    /// What can be drawn on.
    pub(crate) fn area(&self) -> Rect {
        self.area
    }

    /// Draws what has changed since the last time.
    pub(crate) fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        if self.area.is_empty() {
            return Ok(());
        }
        self.screen.draw(render)?;
        Ok(())
    }

    /// Tells the terminal something that is not to be seen.
    pub(crate) fn tell(&mut self, sequence: &str) -> io::Result<()> {
        let out = self.screen.backend_mut();
        out.write_all(sequence.as_bytes())?;
        Write::flush(out)
    }

    /// Takes the present size over and forgets what is on the screen: the next draw draws everything.
    pub(crate) fn redraw(&mut self) -> io::Result<()> {
        let size = tcgetwinsize(rustix::stdio::stdout())?;
        self.area = Rect::new(0, 0, size.ws_col.min(LARGEST.0), size.ws_row.min(LARGEST.1));
        if !self.area.is_empty() {
            self.screen.resize(self.area)?;
        }
        Ok(())
    }

    /// Sleeps until something happens, `timeout` at the longest.
    pub(crate) fn wait(&mut self, timeout: Duration) -> io::Result<Wake> {
        let timeout = if self.decoder.is_pending() {
            timeout.min(SEQUENCE_PATIENCE)
        } else {
            timeout
        };
        let time = Timespec::try_from(timeout).ok();
        let stdin = rustix::stdio::stdin();
        let mut fds = [
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::new(self.signals.get_read(), PollFlags::IN),
        ];
        match rustix::event::poll(&mut fds, time.as_ref()) {
            // The handler that interrupted it has written to the pipe: the next poll sees it.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [input, signalled] = [fds[0].revents(), fds[1].revents()];
        if !signalled.is_empty()
            && let Some(wake) = self.signalled()?
        {
            return Ok(wake);
        }
        if input.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Ok(Wake::Quit);
        }
        if input.contains(PollFlags::IN) {
            return self.read();
        }
        if self.decoder.is_pending()
            && let Some(event) = self.decoder.settle()
        {
            self.events.push(event);
            return Ok(Wake::Input);
        }
        Ok(Wake::Due)
    }

    /// The keys and the mouse's deeds that [`Wake::Input`] told of.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Gives the terminal back, stops the process, and takes the terminal again when it is continued. Where no shell would
    /// get control (the parent is in another session: nobody could continue us) it does nothing.
    ///
    /// Answers whether to go on: a shell that ends a suspended job sends the signal first and continues it then.
    pub(crate) fn suspend(&mut self) -> io::Result<bool> {
        let session = getsid(None)?;
        if !getppid().is_some_and(|parent| getsid(Some(parent)) == Ok(session)) {
            return Ok(true);
        }
        give_back();
        // The whole job, as the kernel's Ctrl-Z does it, or a wrapper in front of us would keep the shell waiting.
        // SIGSTOP, because our own handler stands in for the default action of SIGTSTP.
        loop {
            kill_current_process_group(Signal::STOP)?;
            // Continued: the signal that tells so has nothing to add.
            self.continued_by_us = true;
            let ending = |signal| matches!(signal, SIGTERM | SIGINT | SIGHUP);
            if self.signals.pending().any(ending) {
                return Ok(false);
            }
            // In the background (`bg`) the terminal is not ours to take: wait for the foreground.
            if tcgetpgrp(rustix::stdio::stdin()).is_ok_and(|group| group == getpgrp()) {
                break;
            }
        }
        take()?;
        self.redraw()?;
        Ok(true)
    }

    fn signalled(&mut self) -> io::Result<Option<Wake>> {
        let mut wake = None;
        let mut continued = false;
        for signal in self.signals.pending() {
            match signal {
                SIGTERM | SIGINT | SIGHUP => return Ok(Some(Wake::Quit)),
                SIGTSTP => wake = Some(Wake::Suspend),
                SIGCONT => continued = true,
                SIGWINCH => wake = wake.or(Some(Wake::Redraw)),
                _ => {}
            }
        }
        let known = continued && std::mem::take(&mut self.continued_by_us);
        if continued && !known && wake != Some(Wake::Suspend) {
            // After a SIGSTOP from outside the shell has set the terminal to its own liking.
            give_back();
            take()?;
            wake = Some(Wake::Redraw);
        }
        Ok(wake)
    }

    fn read(&mut self) -> io::Result<Wake> {
        let mut buffer = [0; 1024];
        match rustix::io::read(rustix::stdio::stdin(), &mut buffer) {
            Ok(0) => Ok(Wake::Quit),
            Ok(count) => {
                self.decoder.feed(&buffer[..count]);
                self.events.extend(self.decoder.by_ref());
                Ok(Wake::Input)
            }
            Err(Errno::INTR | Errno::AGAIN) => Ok(Wake::Input),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
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

/// Presses and the wheel, not every movement (1000), in decimal numbers (1006). With Shift terminals keep the mouse to
/// themselves, to select text.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

fn take() -> io::Result<()> {
    TAKEN.set(true);
    let mut out = io::stdout();
    enable_raw_mode()
        .and_then(|()| {
            queue!(
                out,
                EnterAlternateScreen,
                cursor::Hide,
                style::Print(MOUSE_ON)
            )
        })
        .and_then(|()| out.flush())
        .inspect_err(|_| give_back())
}

/// Once per taking, whoever comes first. It does what it can: a step that fails must not keep the next from being done.
fn give_back() {
    if TAKEN.replace(false) {
        let mut out = io::stdout();
        let _ = queue!(out, style::Print(MOUSE_OFF));
        let _ = queue!(out, style::ResetColor, LeaveAlternateScreen, cursor::Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

/// One hook for the life of the process, however often the terminal is taken.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            print(info);
        }));
    });
}
