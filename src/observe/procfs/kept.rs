//! Answers of `/proc` that took asking, kept for as long as asking anew would be dear.
//!
//! Many rings of one process, and many consumers in one, ask the same within a moment. What a small process holds is asked for
//! nearly every time; what a large one holds stands for twenty times as long as it took to list.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Asking takes no more than one twentieth of the time, ...
const RESTS: u32 = 20;
/// ... but nothing stands for longer than this.
const LONGEST: Duration = Duration::from_secs(2);

/// An answer, and when it was given.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<Option<Answer<T>>>);

#[derive(Debug)]
struct Answer<T> {
    asked: Instant,
    took: Duration,
    value: Arc<T>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Kept<T> {
    /// The answer that was given a moment ago, or else the one that `ask` gives.
    pub(super) fn get(&self, ask: impl FnOnce() -> io::Result<T>) -> io::Result<Arc<T>> {
        self.if_good(ask, |kept| {
            kept.asked.elapsed() < (kept.took * RESTS).min(LONGEST)
        })
    }

    /// The last answer, if `ask` was asked for it after `then`; or else the one that it gives.
    pub(super) fn since(
        &self,
        then: Instant,
        ask: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<Arc<T>> {
        self.if_good(ask, |kept| kept.asked >= then)
    }

    fn if_good(
        &self,
        ask: impl FnOnce() -> io::Result<T>,
        is_good: impl Fn(&Answer<T>) -> bool,
    ) -> io::Result<Arc<T>> {
        // Whoever panicked meanwhile has left nothing half done.
        let kept = || {
            self.0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        if let Some(answer) = kept().as_ref().filter(|answer| is_good(answer)) {
            return Ok(Arc::clone(&answer.value));
        }
        let asked = Instant::now();
        let value = Arc::new(ask()?);
        *kept() = Some(Answer {
            asked,
            took: asked.elapsed(),
            value: Arc::clone(&value),
        });
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_long_stands_for_longer() {
        let (kept, quick) = (Kept::default(), Kept::default());
        let slow = || {
            std::thread::sleep(Duration::from_millis(50));
            Ok(1)
        };
        assert_eq!(*kept.get(slow).expect("an answer"), 1);
        assert_eq!(*kept.get(|| Ok(2)).expect("an answer"), 1);
        assert_eq!(*quick.get(|| Ok(1)).expect("an answer"), 1);
        std::thread::sleep(Duration::from_millis(10));
        assert_eq!(*quick.get(|| Ok(2)).expect("an answer"), 2);
        // Unless it is to be newer than a moment that is told.
        let then = Instant::now();
        assert_eq!(*kept.since(then, || Ok(3)).expect("an answer"), 3);
        assert_eq!(*kept.since(then, || Ok(4)).expect("an answer"), 3);
        assert!(
            Kept::<u8>::default()
                .get(|| Err(io::ErrorKind::Other.into()))
                .is_err()
        );
    }
}
