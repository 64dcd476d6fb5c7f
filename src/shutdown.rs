//! Signals that end the program.
//!
//! Notices them; what ends, and how, is for others to know.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Notices that the user, or the system, wants the program to end.
#[derive(Debug, Clone)]
pub struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    /// Takes SIGINT, SIGTERM and SIGHUP over. Each asks once; the same one again ends the process on the spot, in
    /// case it is stuck where it cannot be asked. (Different ones often come together: a terminal that goes away
    /// and a parent that dies.)
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn watch() -> std::io::Result<Self> {
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let again = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register_conditional_shutdown(
                signal,
                128 + signal,
                Arc::clone(&again),
            )?;
            signal_hook::flag::register(signal, again)?;
        }
        Self::watch_unhurried()
    }

    /// As [`Self::watch`] for those who are never stuck: each signal asks, however often it comes. (A parent that is
    /// killed sends its death signal once for each of its threads.)
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn watch_unhurried() -> std::io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Self(asked))
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
