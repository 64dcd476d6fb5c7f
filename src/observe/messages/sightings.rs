//! When which bytes were first seen to be committed: messages carry no time, so it is taken from the looks at head.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::ring::clock::monotonic_ns;

/// Now, ns since 1970.
#[must_use]
pub fn wall_ns() -> u64 {
    u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(0)
}

/// Looks that are remembered at once: of more, two become one.
const MOST: usize = 4096;

/// Looks at head, as long as what they saw has not been read.
#[derive(Debug, Default)]
pub struct Sightings {
    looks: VecDeque<Look>,
    /// The last look at head.
    last: Option<LookTime>,
    /// So many looks are remembered as one, as a power of two.
    doubled: u32,
}

/// A look that saw head further on than the one before.
#[derive(Clone, Copy, Debug)]
struct Look {
    head: u64,
    /// ns since 1970.
    at_ns: u64,
    /// By the clock that nobody sets, ns: when head was seen there, ...
    done_ns: u64,
    /// ... and when it was last seen to be less; `None`: it never was.
    before_ns: Option<u64>,
    /// How many it stands for.
    looks: u64,
}

impl Look {
    /// This one and a later one as one.
    fn with(self, later: Self) -> Self {
        Self {
            before_ns: self.before_ns,
            looks: self.looks.saturating_add(later.looks),
            ..later
        }
    }

    /// Time since head was last seen to be less, ns.
    fn since_ns(&self) -> Option<u64> {
        Some(self.done_ns.saturating_sub(self.before_ns?))
    }
}

/// When head was looked at: a thread may stand still between the clock and the load of head, before it and after it.
#[derive(Clone, Copy, Debug)]
struct LookTime {
    /// ns since 1970, behind the load.
    at_ns: u64,
    /// By a clock that nobody sets, ns: before the load, ...
    begun_ns: u64,
    /// ... and behind it.
    done_ns: u64,
}

/// When something was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighted {
    /// ns since 1970.
    pub at_ns: u64,
    /// How long before that it may have been committed, µs; `u32::MAX`: or any longer.
    pub uncertainty_us: u32,
}

impl Sighted {
    /// How old a message was when it was committed, if it was made at `made_ns`, ns since 1970: no less and no more than
    /// these, ns; `None` where nothing tells when it was committed. A time to come gives ages below zero.
    #[must_use]
    pub fn age_ns(self, made_ns: u64) -> Option<(i128, i128)> {
        let high = i128::from(self.at_ns) - i128::from(made_ns);
        let low = high - i128::from(self.uncertainty_us) * 1000;
        (self.uncertainty_us < u32::MAX).then_some((low, high))
    }
}

impl Sightings {
    /// Looks where head is.
    pub fn look(&mut self, head: impl FnOnce() -> u64) -> u64 {
        let begun_ns = monotonic_ns();
        let head = head();
        let time = LookTime {
            at_ns: wall_ns(),
            begun_ns,
            done_ns: monotonic_ns(),
        };
        self.take(head, time);
        head
    }

    /// Head was seen there, at a time in ns since 1970.
    pub fn note(&mut self, head: u64, at_ns: u64) {
        let time = LookTime {
            at_ns,
            begun_ns: at_ns,
            done_ns: at_ns,
        };
        self.take(head, time);
    }

    fn take(&mut self, head: u64, time: LookTime) {
        let last = self.last.replace(time);
        let mut look = Look {
            head,
            at_ns: time.at_ns,
            done_ns: time.done_ns,
            before_ns: last.map(|last| last.begun_ns),
            looks: 1,
        };
        match self.looks.back_mut() {
            // Head never falls. What was seen before says nothing of what comes now.
            Some(before) if head < before.head => {
                self.looks.clear();
                look.before_ns = None;
                self.looks.push_back(look);
            }
            Some(before) if head == before.head => {}
            Some(before) if before.before_ns.is_some() && before.looks < 1 << self.doubled => {
                *before = before.with(look);
            }
            _ => self.looks.push_back(look),
        }
        if self.looks.len() > MOST {
            self.thin_out();
        }
    }

    /// Makes of two looks one, of all but the first, before which nothing is known: times are then known half as exactly.
    fn thin_out(&mut self) {
        self.doubled = (self.doubled + 1).min(u64::BITS - 1);
        let mut looks = std::mem::take(&mut self.looks).into_iter();
        self.looks.extend(looks.next());
        while let Some(one) = looks.next() {
            let both = looks.next().map(|other| one.with(other));
            self.looks.push_back(both.unwrap_or(one));
        }
    }

    /// When a message that ends at `end` was first seen.
    #[must_use]
    pub fn of(&self, end: u64) -> Sighted {
        let place = self.looks.partition_point(|look| look.head < end);
        let look = self.looks.get(place);
        let since_ns = look.and_then(Look::since_ns);
        let since_us = since_ns.and_then(|since| u32::try_from(since.div_ceil(1000)).ok());
        Sighted {
            at_ns: look.map_or_else(|| self.last_ns(), |look| look.at_ns),
            uncertainty_us: since_us.unwrap_or(u32::MAX),
        }
    }

    /// The last look.
    #[must_use]
    pub fn now(&self) -> Sighted {
        Sighted {
            at_ns: self.last_ns(),
            uncertainty_us: 0,
        }
    }

    fn last_ns(&self) -> u64 {
        self.last.map_or(0, |last| last.at_ns)
    }

    /// All up to there is read.
    pub fn forget_below(&mut self, offset: u64) {
        // The last one says where head was, whatever was read.
        while self.looks.len() > 1 && self.looks[0].head <= offset {
            self.looks.pop_front();
        }
        if self.looks.len() == 1 {
            self.doubled = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighted(at_ns: u64, uncertainty_us: u32) -> Sighted {
        Sighted {
            at_ns,
            uncertainty_us,
        }
    }

    #[test]
    fn a_message_is_as_old_as_the_look_that_first_saw_it() {
        let mut sightings = Sightings::default();
        for (head, at_ns) in [
            (100, 1_000_000),
            (100, 2_000_000),
            (180, 2_500_000),
            (180, 3_000_000),
            (300, 9_000_000),
        ] {
            sightings.note(head, at_ns);
        }
        assert_eq!(
            sightings.of(64),
            sighted(1_000_000, u32::MAX),
            "there before"
        );
        assert_eq!(sightings.of(100), sighted(1_000_000, u32::MAX));
        assert_eq!(sightings.of(101), sighted(2_500_000, 500));
        assert_eq!(sightings.of(300), sighted(9_000_000, 6_000));
        sightings.forget_below(180);
        assert_eq!(sightings.of(300), sighted(9_000_000, 6_000));
        assert_eq!(sightings.of(301), sighted(9_000_000, u32::MAX), "unseen");
    }

    fn time(begun_ns: u64, done_ns: u64) -> LookTime {
        LookTime {
            at_ns: done_ns,
            begun_ns,
            done_ns,
        }
    }

    #[test]
    fn a_look_that_took_its_time_leaves_no_message_out() {
        let mut sightings = Sightings::default();
        sightings.take(100, time(1_000_000, 5_000_000));
        sightings.take(200, time(7_000_000, 8_000_000));
        // It may have been committed right behind the load of the first look.
        assert_eq!(sightings.of(200), sighted(8_000_000, 7_000));
        let age = sightings.of(200).age_ns(500_000);
        assert_eq!(age, Some((500_000, 7_500_000)));
        assert_eq!(sightings.of(100).age_ns(500_000), None);
    }

    #[test]
    fn a_clock_that_is_set_makes_nothing_more_certain() {
        let mut sightings = Sightings::default();
        sightings.take(100, time(1_000_000, 1_000_000));
        let set_back = LookTime {
            at_ns: 500,
            ..time(4_000_000, 4_000_000)
        };
        sightings.take(200, set_back);
        assert_eq!(sightings.of(200), sighted(500, 3_000));
    }

    #[test]
    fn a_head_that_goes_back_is_no_word_on_what_comes() {
        let mut sightings = Sightings::default();
        for (head, at_ns) in [(100, 1_000_000), (1 << 40, 2_000_000), (200, 3_000_000)] {
            sightings.note(head, at_ns);
        }
        assert_eq!(sightings.of(200), sighted(3_000_000, u32::MAX));
        sightings.note(300, 4_000_000);
        assert_eq!(sightings.of(300), sighted(4_000_000, 1_000));
    }

    #[test]
    fn where_there_is_no_room_for_all_looks_times_are_known_less_exactly() {
        let mut sightings = Sightings::default();
        for look in 0..10 * MOST as u64 {
            sightings.note(look * 10, look * 1_000_000);
            // It stands still for a while.
            sightings.note(look * 10, look * 1_000_000 + 600_000);
            assert!(sightings.looks.len() <= MOST);
        }
        for look in 1..10 * MOST as u64 {
            let Sighted {
                at_ns,
                uncertainty_us,
            } = sightings.of(look * 10);
            let [seen, before] = [at_ns, at_ns - u64::from(uncertainty_us) * 1_000];
            assert!(
                before < look * 1_000_000 && look * 1_000_000 <= seen,
                "{look}"
            );
            assert!(uncertainty_us <= 32_000, "{look}: {uncertainty_us}");
        }
        assert_eq!(sightings.of(0), sighted(0, u32::MAX));
    }
}
