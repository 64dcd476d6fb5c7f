//! What is said on stderr, at any time: what the user is to know and the output has no place for.
//!
//! Knows nothing of what it is about.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Says something on stderr.
pub(crate) fn warn(text: &str) {
    // Where nobody can be told, there is nothing to be done about it.
    let _ = writeln!(std::io::stderr(), "zbqtop: {text}");
}

/// After so long it is told how far something has come, ...
const LONG: Duration = Duration::from_secs(1);
/// ... and so often.
const EVERY: Duration = Duration::from_millis(200);

/// How far something has come, on one line of a terminal that goes when it is done.
pub(crate) struct Progress {
    begun: Instant,
    told: Option<Instant>,
    /// It is read by somebody who looks on.
    shows: bool,
}

impl Progress {
    /// Of what begins now.
    pub(crate) fn begin() -> Self {
        Self {
            begun: Instant::now(),
            told: None,
            shows: std::io::stderr().is_terminal(),
        }
    }

    /// Tells it, if it has taken long and it is time to.
    pub(crate) fn tell(&mut self, text: impl FnOnce() -> String) {
        let is_due = |at: Instant| at.elapsed() >= EVERY;
        if self.shows && self.begun.elapsed() >= LONG && self.told.is_none_or(is_due) {
            self.told = Some(Instant::now());
            let _ = write!(std::io::stderr(), "\r\x1b[Kzbqtop: {}", text());
        }
    }
}

impl Progress {
    /// Takes it away until it is told again.
    pub(crate) fn clear(&mut self) {
        if self.told.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
