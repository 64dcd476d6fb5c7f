//! What the numbers mean: states of consumers and of the ring, each with its reason in words.
//!
//! Pure functions of a sample and what was seen before it. Changes nothing, reads nothing.

use crate::observe::attach::Presence;
use crate::observe::model::{ConsumerState, RingState, Thresholds};
use crate::observe::sample::{MemberSample, Sample};
use crate::text::{bytes, duration};

/// What is known about one consumer besides its sample.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Head of the ring, read after the tail.
    pub head: u64,
    /// Head of the ring, read before the tail.
    pub head_before: u64,
    /// Its capacity.
    pub capacity: u64,
    /// Whether head moves; `None` with one sample.
    pub head_moves: Option<bool>,
    /// How long the tail has been seen not to move.
    pub still_ns: Option<u64>,
    /// How long ago head was where the tail is: it has been behind for no longer; `None` when that is not known.
    pub behind_ns: Option<u64>,
    /// Whether this consumer's tail is the smallest, and the producer has no room for one more message.
    pub holds_producer: bool,
    /// Time until a scan would evict it.
    pub evict_in_ns: Option<u64>,
    /// From where on it is not well.
    pub thresholds: Thresholds,
}

/// The state of a consumer, and why.
#[must_use]
pub fn consumer_state(member: &MemberSample, context: &Context) -> (ConsumerState, String) {
    use ConsumerState as State;
    let Context { head, capacity, .. } = *context;
    if member.truncated {
        return (
            State::Invalid,
            "its metadata page shrank under us: what it said is lost".into(),
        );
    }
    // Whoever parked reckons with being overwritten: what is lost with its slot is nothing to it.
    if !member.held && member.tail != u64::MAX {
        return (
            State::Evicted,
            "the producer has dropped it; what it still reads may be overwritten".into(),
        );
    }
    let absent = match member.presence {
        Presence::Gone => Some((
            State::Dead,
            "its process has ended; its slot is held until the next scan",
        )),
        Presence::Unmapped => Some((
            State::Left,
            "its process lives but has unmapped its page; its slot is held until a scan",
        )),
        Presence::Nobody => Some((
            State::Dead,
            "no process has its page mapped; its slot is held until a scan",
        )),
        Presence::Mapped | Presence::Unknown => None,
    };
    if let Some((state, reason)) = absent {
        let follows = if context.holds_producer {
            "; the producer has no room because of it"
        } else {
            ""
        };
        return (state, format!("{reason}{follows}"));
    }
    if member.tail == u64::MAX {
        let slot = if member.held {
            "the next scan frees its slot"
        } else {
            "its slot is free again"
        };
        return (
            State::Parked,
            format!("its tail is parked above head: it holds nothing up, and {slot}"),
        );
    }
    let Some(lag) = head.checked_sub(member.tail) else {
        let above = bytes(member.tail - head);
        return (
            State::Invalid,
            format!("its tail is {above} above head: the next scan evicts it"),
        );
    };
    if member.tail < member.highest_tail {
        let back = bytes(member.highest_tail - member.tail);
        let reason =
            format!("its tail has gone back by {back}, which the producer may have written over");
        return (State::Invalid, reason);
    }
    // Judged by the head before: what came between the two readings does not make a liar of it.
    if context.head_before.saturating_sub(member.tail) > capacity {
        let reason = format!(
            "its tail is {} behind head, more than the ring's {}",
            bytes(lag),
            bytes(capacity)
        );
        return (State::Invalid, reason);
    }
    if lag == 0 {
        return match context.head_moves {
            Some(true) => (State::Ok, "caught up".into()),
            Some(false) => (State::Idle, "caught up, nothing new comes".into()),
            None => (State::Idle, "caught up".into()),
        };
    }
    let percent = percent_of(lag, capacity);
    let behind = format!("{} behind ({percent:.0} %)", bytes(lag));
    // Its own clock tells of the time before we looked; what we saw ourselves bounds it when there is none.
    let still = match (member.silent_ns, context.still_ns) {
        (Some(silent), Some(seen)) if seen > 0 => Some(silent.max(seen)),
        (Some(silent), None) => Some(silent),
        (None, seen) => seen,
        // It was seen to move since the last sample.
        (Some(_), Some(_)) => None,
    };
    // Nor has it stood still behind head for longer than it has been behind: idle until now is not stalled.
    let still = still.map(|still| context.behind_ns.map_or(still, |behind| still.min(behind)));
    let stalled = still.is_some_and(|still| still >= context.thresholds.stalled_after_ns);
    let (state, reason) = if stalled {
        let still = duration(still.unwrap_or(0));
        (
            State::Stalled,
            format!("{behind}, and its tail has not moved for {still}"),
        )
    } else if percent >= context.thresholds.lagging_percent {
        (State::Lagging, behind)
    } else {
        (State::Ok, behind)
    };
    match state {
        State::Ok => (state, reason),
        _ if context.evict_in_ns == Some(0) => {
            (State::Overdue, format!("{reason}: the next scan evicts it"))
        }
        _ if context.holds_producer => (
            State::Blocking,
            format!("{reason}; the producer has no room because of it"),
        ),
        _ => (state, reason),
    }
}

/// The state of the ring, and why.
#[must_use]
pub fn ring_state(
    sample: &Sample,
    free: Option<u64>,
    needed: u64,
    rate: Option<f64>,
    moves: Option<bool>,
) -> (RingState, String) {
    if sample.truncated {
        return (
            RingState::Truncated,
            "zbq_ctrl shrank under us: what the ring said is lost".into(),
        );
    }
    if sample.cut_short {
        return (
            RingState::Truncated,
            "zbq_ring shrank under us: bytes of its messages are gone".into(),
        );
    }
    if !sample.producer_alive {
        return (
            RingState::ProducerGone,
            "the producer has ended; these are the last bytes it wrote".into(),
        );
    }
    match (free, moves) {
        (Some(free), Some(false) | None) if free < needed => (
            RingState::Full,
            if free == 0 {
                "no room is left".into()
            } else {
                let (free, needed) = (bytes(free), bytes(needed));
                format!("{free} free, too little for a message of {needed}, the longest of late")
            },
        ),
        (_, Some(true)) => {
            let rate = rate.map_or_else(String::new, |rate| {
                format!(" at {}", crate::text::bytes_per_second(rate))
            });
            (RingState::Flowing, format!("head moves{rate}"))
        }
        (_, Some(false)) => (RingState::Idle, "nothing was committed of late".into()),
        (_, None) => (
            RingState::Unknown,
            "one sample tells nothing of movement".into(),
        ),
    }
}

/// Share of the ring, in percent.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a percentage is for people")]
pub fn percent_of(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::sample::fixtures::{member, sample};
    use ConsumerState as State;

    const SECOND: u64 = 1_000_000_000;
    const CAPACITY: u64 = 1 << 16;
    const HEAD: u64 = 1 << 20;

    /// Head moves, and nothing else is known.
    fn context() -> Context {
        Context {
            head: HEAD,
            head_before: HEAD,
            capacity: CAPACITY,
            head_moves: Some(true),
            still_ns: None,
            behind_ns: None,
            holds_producer: false,
            evict_in_ns: None,
            thresholds: Thresholds::default(),
        }
    }

    #[test]
    fn what_a_consumer_is_comes_before_how_it_does() {
        type Change = fn(&mut MemberSample);
        let cases: [(Change, State, &str); 13] = [
            (|one| one.truncated = true, State::Invalid, "shrank"),
            (|one| one.held = false, State::Evicted, "overwritten"),
            (
                |one| (one.held, one.tail) = (false, u64::MAX),
                State::Parked,
                "free again",
            ),
            (
                |one| one.presence = Presence::Gone,
                State::Dead,
                "its process has ended",
            ),
            (
                |one| one.presence = Presence::Nobody,
                State::Dead,
                "no process",
            ),
            (
                |one| one.presence = Presence::Unmapped,
                State::Left,
                "unmapped",
            ),
            (|one| one.tail = u64::MAX, State::Parked, "holds nothing up"),
            (
                |one| one.tail = HEAD + 1024,
                State::Invalid,
                "1.0 KiB above head",
            ),
            (
                |one| one.tail = HEAD - CAPACITY - 1,
                State::Invalid,
                "more than the ring's",
            ),
            (|one| one.tail = HEAD - CAPACITY, State::Lagging, "(100 %)"),
            (
                |one| one.highest_tail = HEAD + 512,
                State::Invalid,
                "gone back by 512 B",
            ),
            (
                |one| one.presence = Presence::Unknown,
                State::Ok,
                "caught up",
            ),
            (|_| {}, State::Ok, "caught up"),
        ];
        for (change, expected, words) in cases {
            let mut one = member(1, HEAD);
            one.highest_tail = 0;
            change(&mut one);
            let (state, reason) = consumer_state(&one, &context());
            assert_eq!(state, expected, "{reason}");
            assert!(reason.contains(words), "{reason}");
        }
    }

    #[test]
    fn one_that_is_not_there_may_hold_the_producer_up() {
        for presence in [Presence::Gone, Presence::Nobody, Presence::Unmapped] {
            for holds_producer in [false, true] {
                let mut one = member(1, HEAD - CAPACITY);
                one.presence = presence;
                let context = Context {
                    holds_producer,
                    ..context()
                };
                let (state, reason) = consumer_state(&one, &context);
                assert!(matches!(state, State::Dead | State::Left), "{reason}");
                assert_eq!(reason.contains("no room because of it"), holds_producer);
            }
        }
    }

    #[test]
    fn stalled_is_behind_and_still_for_as_long_as_both_are_known() {
        // Its own clock's silence, how long we saw it still, how long it is known to be behind.
        for (silent_ns, still_ns, behind_ns, expected) in [
            (None, None, None, State::Ok),
            (Some(SECOND), None, None, State::Stalled),
            (Some(SECOND - 1), None, None, State::Ok),
            (None, Some(SECOND), None, State::Stalled),
            (Some(0), Some(SECOND), None, State::Stalled),
            // Before we looked, too.
            (Some(60 * SECOND), Some(SECOND / 10), None, State::Stalled),
            // Seen to move, whatever its clock says.
            (Some(60 * SECOND), Some(0), None, State::Ok),
            // It had nothing to do for an hour, and has had for 10 ms.
            (
                Some(3600 * SECOND),
                Some(100 * SECOND),
                Some(SECOND / 100),
                State::Ok,
            ),
            (Some(3600 * SECOND), None, Some(SECOND / 100), State::Ok),
            (
                Some(3600 * SECOND),
                Some(100 * SECOND),
                Some(2 * SECOND),
                State::Stalled,
            ),
        ] {
            let mut one = member(1, HEAD - 100);
            one.silent_ns = silent_ns;
            let context = Context {
                still_ns,
                behind_ns,
                ..context()
            };
            let (state, reason) = consumer_state(&one, &context);
            assert_eq!(
                state, expected,
                "{silent_ns:?} {still_ns:?} {behind_ns:?}: {reason}"
            );
            if let (State::Stalled, Some(behind)) = (state, behind_ns) {
                assert!(reason.ends_with(&duration(behind)), "{reason}");
            }
        }
    }

    #[test]
    fn trouble_goes_from_lagging_to_overdue() {
        let quarter = CAPACITY / 4;
        for (lag, head_moves, holds_producer, evict_in_ns, expected) in [
            (0, Some(false), true, Some(0), State::Idle),
            (0, None, false, None, State::Idle),
            (0, Some(true), false, None, State::Ok),
            (quarter - 1, Some(true), true, Some(0), State::Ok),
            (quarter, Some(true), false, Some(1), State::Lagging),
            (quarter, Some(true), true, Some(1), State::Blocking),
            (quarter, Some(true), true, Some(0), State::Overdue),
        ] {
            let context = Context {
                head_moves,
                holds_producer,
                evict_in_ns,
                ..context()
            };
            let (state, reason) = consumer_state(&member(1, HEAD - lag), &context);
            assert_eq!(state, expected, "{lag} behind: {reason}");
        }
        // One sample shows no movement, and so no lack of it.
        let context = Context {
            head_moves: None,
            ..context()
        };
        assert_eq!(consumer_state(&member(1, HEAD), &context).1, "caught up");
    }

    #[test]
    fn what_is_too_much_is_for_the_user_to_say() {
        let mut one = member(1, HEAD - CAPACITY / 2);
        one.silent_ns = Some(2 * SECOND);
        let mut context = context();
        assert_eq!(consumer_state(&one, &context).0, State::Stalled);
        context.thresholds.stalled_after_ns = 3 * SECOND;
        assert_eq!(consumer_state(&one, &context).0, State::Lagging);
        context.thresholds.lagging_percent = 50.5;
        assert_eq!(consumer_state(&one, &context).0, State::Ok);
    }

    #[test]
    fn a_head_that_ran_on_while_tails_were_read_makes_no_liar() {
        let context = Context {
            head: HEAD + 2 * CAPACITY,
            ..context()
        };
        assert_eq!(consumer_state(&member(1, HEAD), &context).0, State::Lagging);
    }

    #[test]
    fn the_ring_is_what_the_last_samples_say() {
        for (free, moves, truncated, alive, expected) in [
            (Some(4096), Some(true), false, true, RingState::Flowing),
            (Some(4096), Some(false), false, true, RingState::Idle),
            (Some(4096), None, false, true, RingState::Unknown),
            (Some(0), Some(false), false, true, RingState::Full),
            (Some(63), None, false, true, RingState::Full),
            (Some(64), Some(false), false, true, RingState::Idle),
            (Some(0), Some(true), false, true, RingState::Flowing),
            (None, Some(false), false, true, RingState::Idle),
            (Some(0), Some(false), false, false, RingState::ProducerGone),
            (Some(0), Some(false), true, false, RingState::Truncated),
        ] {
            let mut sample = sample(HEAD, Vec::new());
            (sample.truncated, sample.producer_alive) = (truncated, alive);
            let (state, reason) = ring_state(&sample, free, 64, Some(1024.0), moves);
            assert_eq!(state, expected, "free {free:?}, moves {moves:?}: {reason}");
            assert!(!reason.is_empty());
        }
    }
}
