//! The screen, taken and given back: raw mode, the alternate screen, the cursor and the mouse; and what panics do about
//! it.
//!
//! Refuses to know what is drawn, and never waits long for a terminal that takes nothing.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::io::{self, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, queue, style};

use super::diff;
use super::writer::TerminalWriter;

/// How long a terminal that takes nothing is waited for when it is given back.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// Presses and the wheel, not every movement (1000), in decimal numbers (1006). With Shift terminals keep the mouse to
/// themselves, to select text.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// What is remembered of panics at most, bytes.
const UNTOLD: usize = 16 << 10;

thread_local! {
    /// Whether this thread has the screen. By thread, because the panic hook runs on the thread that panics, and a
    /// panic elsewhere must not take the screen away from one that goes on drawing.
    static TAKEN: Cell<bool> = const { Cell::new(false) };
}

/// Whether any thread has it.
static HELD: AtomicBool = AtomicBool::new(false);

/// What other threads panicked with while the screen was taken: told when it has been given back.
static PANICS: Mutex<String> = Mutex::new(String::new());

/// Takes the screen; `out` is what has to be sent for it.
pub(super) fn take(out: &mut Vec<u8>, mouse: bool) -> io::Result<()> {
    TAKEN.set(true);
    HELD.store(true, Ordering::Relaxed);
    enable_raw_mode()
        .and_then(|()| {
            queue!(
                out,
                EnterAlternateScreen,
                cursor::Hide,
                style::Print(if mouse { MOUSE_ON } else { "" })
            )
        })
        .inspect_err(|_| {
            give_back(Instant::now() + PATIENCE);
        })
}

/// Gives the screen back, once per taking, whoever comes first. It does what it can: a step that fails must not keep
/// the next from being done. Tells whether the terminal can be written to.
pub(super) fn give_back(deadline: Instant) -> bool {
    if !TAKEN.replace(false) {
        return true;
    }
    let mut bytes = diff::END.to_vec();
    let _ = queue!(bytes, style::Print(MOUSE_OFF), style::ResetColor);
    let _ = queue!(bytes, LeaveAlternateScreen, cursor::Show);
    let writer = TerminalWriter::get();
    // A terminal that has taken nothing for a while has a queue in front of what would give it back: that is given up.
    let soon = Instant::now() + deadline.saturating_duration_since(Instant::now()) / 2;
    let taken = writer.write_by(&bytes, soon).and_then(|taken| {
        if taken {
            return Ok(true);
        }
        writer.discard();
        writer.write_by(&bytes, deadline)
    });
    let _ = disable_raw_mode();
    HELD.store(false, Ordering::Relaxed);
    let takes = taken.unwrap_or(false);
    let panics = std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner));
    if can_be_told(takes) {
        let _ = io::stderr().write_all(panics.as_bytes());
    }
    takes
}

/// A message to a terminal that takes nothing would keep us for ever.
fn can_be_told(terminal_takes: bool) -> bool {
    terminal_takes || !io::stderr().is_terminal()
}

/// One hook for the life of the process, however often the terminal is taken.
pub(super) fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if HELD.load(Ordering::Relaxed) && !TAKEN.get() {
                remember(info);
            } else if can_be_told(give_back(Instant::now() + PATIENCE)) {
                print(info);
            }
        }));
    });
}

/// A panic of a thread that has not the screen: told now, it would stand across what another one draws.
fn remember(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let trace = Backtrace::capture();
    let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    if panics.len() < UNTOLD {
        panics.push_str(&format!("\nthread '{name}' {info}\n"));
        if trace.status() == BacktraceStatus::Captured {
            panics.push_str(&format!("stack backtrace:\n{trace}"));
        }
    }
}
