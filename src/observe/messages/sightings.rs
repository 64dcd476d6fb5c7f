//! When which bytes were first seen to be committed: messages carry no time, so it is taken from the looks at head.

use std::collections::VecDeque;

use jiff::Timestamp;

/// Now, ns since 1970.
#[must_use]
pub fn wall_ns() -> u64 {
    u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(0)
}

/// Looks that are remembered: a reader that is further behind knows its messages' times less exactly.
const MOST: usize = 4096;

/// Looks at head, as long as what they saw has not been read.
#[derive(Debug, Default)]
pub struct Sightings {
    looks: VecDeque<Look>,
    /// The last look at head.
    last: Option<LookTime>,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    head: u64,
    at_ns: u64,
    /// When head was last seen to be less.
    before_ns: Option<u64>,
}

/// When head was looked at, ns since 1970: the clock is read before and after, as a thread may stand still between the two.
#[derive(Clone, Copy, Debug)]
struct LookTime {
    begun_ns: u64,
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
        let begun_ns = wall_ns();
        let head = head();
        let done_ns = wall_ns();
        self.take(head, LookTime { begun_ns, done_ns });
        head
    }

    /// Head was seen there, at a time in ns since 1970.
    pub fn note(&mut self, head: u64, at_ns: u64) {
        let (begun_ns, done_ns) = (at_ns, at_ns);
        self.take(head, LookTime { begun_ns, done_ns });
    }

    fn take(&mut self, head: u64, time: LookTime) {
        if self.looks.back().is_none_or(|last| head > last.head) {
            self.looks.push_back(Look {
                head,
                at_ns: time.done_ns,
                before_ns: self.last.map(|last| last.begun_ns),
            });
        }
        self.last = Some(time);
        if self.looks.len() > MOST
            && let Some(oldest) = self.looks.pop_front()
            && let Some(next) = self.looks.front_mut()
        {
            next.before_ns = oldest.before_ns;
        }
    }

    /// When a message that ends at `end` was first seen.
    #[must_use]
    pub fn of(&self, end: u64) -> Sighted {
        let place = self.looks.partition_point(|look| look.head < end);
        let look = self.looks.get(place);
        let at_ns = look.map_or_else(|| self.last_ns(), |look| look.at_ns);
        let before = look.and_then(|look| look.before_ns);
        Sighted {
            at_ns,
            uncertainty_us: before.map_or(u32::MAX, |before| {
                u32::try_from(at_ns.saturating_sub(before).div_ceil(1000)).unwrap_or(u32::MAX)
            }),
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
        self.last.map_or(0, |last| last.done_ns)
    }

    /// All up to there is read.
    pub fn forget_below(&mut self, offset: u64) {
        // The last one says where head was, whatever was read.
        while self.looks.len() > 1 && self.looks[0].head <= offset {
            self.looks.pop_front();
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

    #[test]
    fn a_look_that_took_its_time_leaves_no_message_out() {
        let mut sightings = Sightings::default();
        let time = |begun_ns, done_ns| LookTime { begun_ns, done_ns };
        sightings.take(100, time(1_000_000, 5_000_000));
        sightings.take(200, time(7_000_000, 8_000_000));
        // It may have been committed right behind the load of the first look.
        assert_eq!(sightings.of(200), sighted(8_000_000, 7_000));
        let age = sightings.of(200).age_ns(500_000);
        assert_eq!(age, Some((500_000, 7_500_000)));
        assert_eq!(sightings.of(100).age_ns(500_000), None);
    }

    #[test]
    fn what_is_forgotten_for_want_of_room_makes_the_rest_less_certain() {
        let mut sightings = Sightings::default();
        for look in 0..=MOST as u64 {
            sightings.note(look * 10, look * 1_000_000);
        }
        assert_eq!(sightings.looks.len(), MOST);
        assert_eq!(sightings.of(10), sighted(1_000_000, u32::MAX));
        assert_eq!(sightings.of(20), sighted(2_000_000, 1_000));
    }
}
