//! Events in the order in which they happened. Some are told later than they happened: whether something lasts, or whose it
//! is, has to be waited for. Knows no recording.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::observe::model::Event;

/// An event is told no later than this after it happened, and the time between a few looks at the ring, ns.
const TOLD_WITHIN_NS: u64 = 5_000_000_000;
/// Looks that may pass until then.
const LOOKS: u64 = 3;
/// So many are held at most.
const MOST: usize = 10_000;

/// An event of a ring.
#[derive(Debug)]
pub(super) struct Happened {
    /// The ring's id.
    pub ring: String,
    /// The producer's command.
    pub producer: Option<String>,
    pub event: Event,
}

/// Events that wait until no earlier one can come any more.
#[derive(Debug, Default)]
pub(super) struct InOrder {
    /// By time, ns since 1970, and in the order in which they came.
    held: BTreeMap<(u64, u64), Happened>,
    came: u64,
    window_ns: u64,
}

impl InOrder {
    /// Takes in one that was told at `told_ns`, in a recording whose looks are `interval_ns` apart. They come in the order in
    /// which they were told.
    pub(super) fn push(&mut self, told_ns: u64, interval_ns: Option<u64>, happened: Happened) {
        let looks = interval_ns.unwrap_or(0).saturating_mul(LOOKS);
        self.window_ns = self.window_ns.max(TOLD_WITHIN_NS.saturating_add(looks));
        // Nothing is told before it happens; of what says that it was, or makes no sense, that is not believed.
        let at: Option<Timestamp> = happened.event.at.parse().ok();
        let at = at.and_then(|at| u64::try_from(at.as_nanosecond()).ok());
        let at = at.filter(|at| *at <= told_ns).unwrap_or(told_ns);
        self.held.insert((at, self.came), happened);
        self.came += 1;
    }

    /// The next one, if what is told at `now_ns` or later cannot have happened before it.
    pub(super) fn due(&mut self, now_ns: u64) -> Option<Happened> {
        let ((at, _), _) = self.held.first_key_value()?;
        let is_due = at.saturating_add(self.window_ns) < now_ns || self.held.len() > MOST;
        is_due.then(|| self.next()).flatten()
    }

    /// The next one, where no more are to come for now.
    pub(super) fn next(&mut self) -> Option<Happened> {
        self.held.pop_first().map(|(_, happened)| happened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::{EventKind, Severity};

    const SECOND: u64 = 1_000_000_000;

    /// One that is told at a second, and says that it happened then.
    fn happened(at: &str) -> Happened {
        Happened {
            ring: "1/3".into(),
            producer: None,
            event: Event {
                kind: EventKind::Joined,
                severity: Severity::Info,
                at: at.into(),
                monotonic_ns: 0,
                slot: None,
                pid: None,
                command: None,
                message: at.into(),
            },
        }
    }

    fn all(mut next: impl FnMut() -> Option<Happened>) -> Vec<String> {
        std::iter::from_fn(|| next().map(|one| one.event.message)).collect()
    }

    #[test]
    fn what_is_told_late_comes_where_it_happened() {
        let mut order = InOrder::default();
        for (told, at) in [
            (2, "1970-01-01T00:00:02Z"),
            (5, "1970-01-01T00:00:05Z"),
            (6, "1970-01-01T00:00:03.5Z"),
            (6, "1970-01-01T00:00:06Z"),
            (7, "whenever"),
            (7, "1970-01-01T00:00:06Z"),
            // By nobody's clock.
            (8, "2970-01-01T00:00:00Z"),
        ] {
            order.push(told * SECOND, Some(SECOND / 10), happened(at));
        }
        assert!(order.due(7 * SECOND).is_none());
        assert_eq!(all(|| order.due(8 * SECOND)), ["1970-01-01T00:00:02Z"]);
        assert_eq!(
            all(|| order.next()),
            [
                "1970-01-01T00:00:03.5Z",
                "1970-01-01T00:00:05Z",
                "1970-01-01T00:00:06Z",
                "1970-01-01T00:00:06Z",
                "whenever",
                "2970-01-01T00:00:00Z"
            ]
        );
    }

    #[test]
    fn the_longer_between_looks_the_later_they_are_told_and_no_more_are_held_than_can_be() {
        let mut order = InOrder::default();
        order.push(
            60 * SECOND,
            Some(60 * SECOND),
            happened("1970-01-01T00:01:00Z"),
        );
        assert!(order.due(200 * SECOND).is_none());
        for _ in 0..2 * MOST {
            order.push(60 * SECOND, None, happened("1970-01-01T00:01:00Z"));
        }
        assert_eq!(all(|| order.due(0)).len(), MOST + 1);
    }
}
