//! How long messages are, and how long after each other they come.
//!
//! Counts values themselves as long as there are few different ones, which is what rings mostly have; of many, to a
//! sixty-fourth.

use std::collections::BTreeMap;

use crate::observe::model::Distribution;

/// Different values that are counted.
const MOST: usize = 2048;
/// Bits of a value that are kept beyond that: it is known to a sixty-fourth.
const BITS: u32 = 7;

/// Values, counted.
#[derive(Debug)]
pub(super) struct Tally {
    counts: BTreeMap<u64, u64>,
    count: u64,
    max: u64,
    is_coarse: bool,
    rounding: Rounding,
    /// Bits of a value that are kept then.
    bits: u32,
}

impl Default for Tally {
    fn default() -> Self {
        Self::rounding(Rounding::Up, BITS)
    }
}

/// To which side values are rounded where there are many.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rounding {
    Up,
    Down,
}

impl Tally {
    /// Rounds to this side, and keeps so many bits.
    pub(super) fn rounding(rounding: Rounding, bits: u32) -> Self {
        Self {
            counts: BTreeMap::new(),
            count: 0,
            max: 0,
            is_coarse: false,
            rounding,
            bits,
        }
    }

    pub(super) fn note(&mut self, value: u64) {
        self.count += 1;
        self.max = self.max.max(value);
        let kept = match self.is_coarse {
            true => self.rounding.of(value, self.bits),
            false => value,
        };
        *self.counts.entry(kept).or_default() += 1;
        if self.counts.len() > MOST && !self.is_coarse {
            self.is_coarse = true;
            let fine = std::mem::take(&mut self.counts);
            for (value, count) in fine {
                let kept = self.rounding.of(value, self.bits);
                *self.counts.entry(kept).or_default() += count;
            }
        }
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The largest.
    pub(super) fn max(&self) -> u64 {
        self.max
    }

    /// The least value that so many of a hundred do not exceed.
    pub(super) fn percentile(&self, percent: u64) -> u64 {
        let rank = u128::from(self.count) * u128::from(percent);
        let mut seen = 0;
        let value = self.counts.iter().find_map(|(value, count)| {
            seen += u128::from(*count) * 100;
            (seen >= rank).then_some(*value)
        });
        value.unwrap_or(self.max).min(self.max)
    }

    fn distribution(&self, exact: bool) -> Option<Distribution> {
        (self.count > 0).then(|| Distribution {
            count: self.count,
            p50: self.percentile(50),
            p99: self.percentile(99),
            max: self.max,
            exact: exact && !self.is_coarse,
        })
    }
}

impl Rounding {
    /// The next value that is kept.
    fn of(self, value: u64, bits: u32) -> u64 {
        let shift = (u64::BITS - value.leading_zeros()).saturating_sub(bits);
        let step = 1_u64 << shift;
        match self {
            Self::Up => value.checked_next_multiple_of(step).unwrap_or(u64::MAX),
            Self::Down => value - value % step,
        }
    }
}

/// How long payloads are.
#[derive(Debug, Default)]
pub(super) struct SizeTally {
    tally: Tally,
    misses: bool,
}

impl SizeTally {
    /// A message with so many bytes of payload.
    pub(super) fn note(&mut self, payload: u64) {
        self.tally.note(payload);
    }

    /// Messages were passed over.
    pub(super) fn miss(&mut self) {
        self.misses |= self.tally.count > 0;
    }

    /// What is known.
    pub(super) fn distribution(&self) -> Option<Distribution> {
        self.tally.distribution(!self.misses)
    }
}

/// How long after each other messages come.
#[derive(Debug, Default)]
pub(super) struct IntervalTally {
    tally: Tally,
    last_ns: Option<u64>,
    /// Several came between two samples: what is between them cannot be told.
    is_fast: bool,
}

impl IntervalTally {
    /// So many have come since the sample before; `None`: unknown.
    pub(super) fn note(&mut self, at_ns: u64, messages: Option<u64>) {
        match messages {
            Some(0) => {}
            Some(1) => {
                if let Some(last) = self.last_ns.replace(at_ns) {
                    self.tally.note(at_ns.saturating_sub(last));
                }
            }
            _ => self.is_fast = true,
        }
    }

    /// What is known; a time is that of the sample, and so never exact.
    pub(super) fn distribution(&self) -> Option<Distribution> {
        if self.is_fast {
            return None;
        }
        self.tally.distribution(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_values_are_counted_themselves() {
        let mut sizes = SizeTally::default();
        sizes.miss();
        (0..98).for_each(|_| sizes.note(64));
        sizes.note(100);
        sizes.note(7000);
        let expected = Distribution {
            count: 100,
            p50: 64,
            p99: 100,
            max: 7000,
            exact: true,
        };
        assert_eq!(sizes.distribution(), Some(expected));
        sizes.miss();
        assert!(sizes.distribution().is_some_and(|it| !it.exact));
        assert_eq!(SizeTally::default().distribution(), None);
    }

    #[test]
    fn intervals_are_known_where_messages_come_one_by_one() {
        let mut intervals = IntervalTally::default();
        for (at, came) in [(10, 1), (20, 0), (30, 1), (70, 1)] {
            intervals.note(at, Some(came));
        }
        let known = intervals.distribution().expect("two of them");
        assert_eq!(
            (known.count, known.p50, known.max, known.exact),
            (2, 20, 40, false)
        );
        intervals.note(80, Some(2));
        assert_eq!(intervals.distribution(), None);
    }

    proptest! {
        #[test]
        fn many_values_are_known_to_a_sixty_fourth(values in proptest::collection::vec(any::<u32>(), 3000..4000)) {
            let mut sizes = SizeTally::default();
            values.iter().for_each(|value| sizes.note(u64::from(*value)));
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let known = sizes.distribution().expect("many");
            prop_assert!(!known.exact);
            prop_assert_eq!(known.max, u64::from(sorted[sorted.len() - 1]));
            for (is, percent) in [(known.p50, 50), (known.p99, 99)] {
                let at = (sorted.len() * percent).div_ceil(100) - 1;
                let expected = u64::from(sorted[at]);
                prop_assert!(is >= expected && is <= expected + expected / 63 + 1, "{} {}", is, expected);
            }
        }
    }
}
