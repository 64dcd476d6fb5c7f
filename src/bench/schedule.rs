//! When each message is due. Arithmetic alone: no clock is read here.

use super::plan::Window;

const SECOND_NS: u64 = 1_000_000_000;

/// A number of messages a second, evenly spaced; the first, number 0, is due at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    start_ns: u64,
    /// Messages a second.
    rate: u64,
}

impl Schedule {
    /// `rate` messages a second, one at least, from `start_ns` on.
    pub(super) fn new(start_ns: u64, rate: u64) -> Self {
        Self {
            start_ns,
            rate: rate.max(1),
        }
    }

    /// When message `number` is due, ns: never late by a rounding that adds up.
    #[inline]
    pub(super) fn due(&self, number: u64) -> u64 {
        let since = match number.checked_mul(SECOND_NS) {
            Some(product) => product / self.rate,
            None => {
                let exact = u128::from(number) * u128::from(SECOND_NS) / u128::from(self.rate);
                u64::try_from(exact).unwrap_or(u64::MAX)
            }
        };
        self.start_ns.saturating_add(since)
    }

    /// How many messages are due before `ns`.
    pub(super) fn due_before(&self, ns: u64) -> u64 {
        let since = u128::from(ns.saturating_sub(self.start_ns));
        let count = (since * u128::from(self.rate)).div_ceil(u128::from(SECOND_NS));
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// The numbers of the messages that count: those due in the window behind its warm-up.
    pub(super) fn counted(&self, window: Window) -> std::ops::Range<u64> {
        self.due_before(window.counted_from_ns)..self.due_before(window.end_ns)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_are_due_at_even_intervals() {
        let schedule = Schedule::new(500, 3);
        let due = [0, 1, 2, 3, 6].map(|number| schedule.due(number));
        assert_eq!(
            due,
            [500, 333_333_833, 666_667_166, 1_000_000_500, 2_000_000_500]
        );
        // Where a product no longer fits 64 bits.
        let long = Schedule::new(0, 1_000_000);
        assert_eq!(long.due(40_000_000_000), 40_000 * SECOND_NS);
        assert_eq!(Schedule::new(9, 1).due(u64::MAX), u64::MAX);
        assert_eq!(Schedule::new(0, 0).due(2), 2 * SECOND_NS);
    }

    #[test]
    fn what_counts_is_due_behind_the_warm_up_and_before_the_end() {
        let window = Window {
            start_ns: 1000,
            counted_from_ns: 1000 + SECOND_NS / 10,
            end_ns: 1000 + SECOND_NS,
            given_up_ns: u64::MAX,
        };
        assert_eq!(Schedule::new(1000, 100).counted(window), 10..100);
        assert_eq!(Schedule::new(1000, 1).counted(window), 1..1);
        assert_eq!(Schedule::new(1000, 100).due_before(0), 0);
    }

    proptest! {
        #[test]
        fn a_message_is_due_before_a_time_exactly_if_its_number_is_below_the_count(
            start in 0_u64..1 << 50, rate in 1_u64..=1_000_000_000, number in 0_u64..1 << 40, later in 0_u64..1 << 50
        ) {
            let schedule = Schedule::new(start, rate);
            let count = schedule.due_before(start + later);
            prop_assert_eq!(schedule.due(number) < start + later, number < count);
            prop_assert!(schedule.due(number) <= schedule.due(number + 1));
        }
    }
}
