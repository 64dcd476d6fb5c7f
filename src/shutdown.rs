//! Signals that end the program.
//!
//! Notices them; what ends, and how, is for others to know.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

/// Who sends the same signal again after so long insists. `timeout`, and a shell that ends its jobs, send one twice within a
/// millisecond.
const INSISTS: Duration = Duration::from_millis(500);

/// Notices that the user, or the system, wants the program to end.
#[derive(Debug, Clone)]
pub struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    /// Takes SIGINT, SIGTERM and SIGHUP over. Each asks; the same one again, [`INSISTS`] later, ends the process on the spot,
    /// in case it is stuck where it cannot be asked. (Different ones often come together: a terminal that goes away and a
    /// parent that dies.)
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn watch() -> io::Result<Self> {
        let taken = taken();
        let again = Signals::new(&taken)?;
        // Where no thread can be had, each can still ask.
        let _ = std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || end_at_insistence(again));
        Self::asked_by(&taken)
    }

    /// As [`Self::watch`] for those who are never stuck: each signal asks, however often it comes. (A parent that is
    /// killed sends its death signal once for each of its threads.)
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn watch_unhurried() -> io::Result<Self> {
        Self::asked_by(&taken())
    }

    fn asked_by(signals: &[i32]) -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in signals {
            signal_hook::flag::register(*signal, Arc::clone(&asked))?;
        }
        Ok(Self(asked))
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Ends the process once a signal comes again long enough after it came first.
fn end_at_insistence(mut signals: Signals) {
    let mut first: Vec<(i32, Instant)> = Vec::new();
    for signal in signals.forever() {
        match first.iter().find(|(known, _)| *known == signal) {
            None => first.push((signal, Instant::now())),
            Some((_, at)) if at.elapsed() >= INSISTS => low_level::exit(128 + signal),
            Some(_) => {}
        }
    }
}

/// The signals that are taken over: those that whoever started the program does not want ignored, as `nohup` does SIGHUP,
/// and a shell SIGINT for what runs in its background. SIGTERM is meant for this process alone, and always taken.
fn taken() -> Vec<i32> {
    // Without /proc none is known to be ignored.
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let signals = [SIGINT, SIGTERM, SIGHUP].into_iter();
    signals
        .filter(|signal| *signal == SIGTERM || !ignores(&status, *signal))
        .collect()
}

/// Whether a signal is ignored by the process of which this is the status (proc_pid_status(5): `SigIgn`, a mask in hex).
fn ignores(status: &str, signal: i32) -> bool {
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_status() {
        let status = "Name:\tx\nSigBlk:\t0000000000000003\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        assert!(ignores(status, SIGHUP));
        assert!(!ignores(status, SIGINT));
        for unknown in ["", "SigIgn:", "SigIgn:\tx"] {
            assert!(!ignores(unknown, SIGHUP), "{unknown:?}");
        }
    }
}
