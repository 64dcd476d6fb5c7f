//! When messages are due.

use std::time::{Duration, Instant};

use crate::cli::PublishRate;

/// A pace, from its first message on.
#[derive(Debug)]
pub(super) struct Pace {
    rate: PublishRate,
    begun: Instant,
    /// Messages so far.
    sent: u64,
    /// When the first message was seen, ns since 1970.
    first_ns: Option<u64>,
}

impl Pace {
    /// It begins now.
    pub(super) fn new(rate: PublishRate, now: Instant) -> Self {
        Self {
            rate,
            begun: now,
            sent: 0,
            first_ns: None,
        }
    }

    /// When the next message is due, which was seen then; `None`: at once.
    pub(super) fn next(&mut self, at_ns: Option<u64>) -> Option<Instant> {
        let number = self.sent;
        self.sent += 1;
        match self.rate {
            PublishRate::Max => None,
            #[expect(
                clippy::cast_precision_loss,
                reason = "a message in 2^53 is not missed"
            )]
            PublishRate::PerSecond(rate) => {
                let due = Duration::try_from_secs_f64(number as f64 / rate).ok()?;
                self.begun.checked_add(due)
            }
            PublishRate::AsRecorded => {
                let at_ns = at_ns?;
                let first = *self.first_ns.get_or_insert(at_ns);
                let due = Duration::from_nanos(at_ns.saturating_sub(first));
                self.begun.checked_add(due)
            }
        }
    }

    /// What was recorded begins again.
    pub(super) fn begin_again(&mut self, now: Instant) {
        if self.rate == PublishRate::AsRecorded {
            *self = Self::new(self.rate, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_due_by_their_number_or_their_time() {
        let now = Instant::now();
        let after = |due: Option<Instant>| due.map(|due| due - now);
        let mut pace = Pace::new(PublishRate::PerSecond(4.0), now);
        let due: Vec<_> = (0..3).map(|_| after(pace.next(None))).collect();
        let quarter = Duration::from_millis(250);
        assert_eq!(
            due,
            [Some(Duration::ZERO), Some(quarter), Some(2 * quarter)]
        );
        let mut pace = Pace::new(PublishRate::AsRecorded, now);
        let due = [Some(1000), Some(1700), None, Some(900)].map(|at| after(pace.next(at)));
        let ns = Duration::from_nanos;
        assert_eq!(due, [Some(ns(0)), Some(ns(700)), None, Some(ns(0))]);
        pace.begin_again(now);
        assert_eq!(after(pace.next(Some(5000))), Some(ns(0)));
        assert_eq!(Pace::new(PublishRate::Max, now).next(Some(1)), None);
    }
}
