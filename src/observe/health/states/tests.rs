//! States and their reasons, case by case.

use super::*;
use crate::observe::attach::{Offer, TableView};
use crate::observe::model::Bounded;
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
        stall_timeout_ns: 0,
        head_moves: Some(true),
        still_ns: None,
        behind: None,
        head_is_lost: false,
        is_over: false,
        holds_producer: false,
        evict_in_ns: None,
        thresholds: Thresholds::default(),
    }
}

#[test]
fn what_a_consumer_is_comes_before_how_it_does() {
    type Change = fn(&mut MemberSample);
    let cases: [(Change, State, &str); 13] = [
        (|one| one.truncated = true, State::Invalid, "truncated"),
        (|one| one.held = false, State::Evicted, "overwritten"),
        (
            |one| (one.held, one.tail) = (false, PARKED_TAIL),
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
        (
            |one| one.tail = PARKED_TAIL,
            State::Parked,
            "holds nothing up",
        ),
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
            assert_eq!(reason.contains("it blocks the producer"), holds_producer);
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
            behind: behind_ns.map(Bounded::exact),
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
    context.thresholds.stalled_after_ns = Some(3 * SECOND);
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
        (Some(0), None, false, true, RingState::Full),
        (Some(63), Some(false), false, true, RingState::Idle),
        (Some(0), Some(true), false, true, RingState::Flowing),
        (None, Some(false), false, true, RingState::Idle),
        (Some(0), Some(false), false, false, RingState::ProducerGone),
        (Some(0), Some(false), true, false, RingState::Truncated),
    ] {
        let mut sample = sample(HEAD, Vec::new());
        (sample.control.truncated, sample.producer_alive) = (truncated, alive);
        let (state, reason) = ring_state(&sample, free, 64, Some(1024.0), moves);
        assert_eq!(state, expected, "free {free:?}, moves {moves:?}: {reason}");
        assert!(!reason.is_empty());
    }
}

#[test]
fn only_a_refusal_makes_a_ring_full() {
    let offer = |offset| Some(Offer { offset, bytes: 63 });
    for (free, attempts, offered, moves, expected) in [
        // Nothing is free, but the producer has not asked.
        (0, 0, None, Some(false), RingState::Idle),
        (0, 1, None, Some(false), RingState::Full),
        (0, 99, None, Some(false), RingState::Full),
        (0, 100, None, Some(false), RingState::Clogged),
        (0, 100, None, None, RingState::Clogged),
        // It was refused before the tails were read that have made room since.
        (64, 100, None, Some(false), RingState::Idle),
        (0, 100, None, Some(true), RingState::Flowing),
        // It has less than a message takes, has been offered that, and makes nothing of it.
        (63, 0, offer(HEAD), Some(false), RingState::Full),
        (63, 0, offer(HEAD), None, RingState::Unknown),
        (63, 0, offer(HEAD - 64), Some(false), RingState::Idle),
        (63, 0, None, Some(false), RingState::Idle),
        (64, 0, offer(HEAD), Some(false), RingState::Idle),
    ] {
        let mut sample = sample(HEAD, Vec::new());
        sample.table = Some(TableView {
            clog_attempts: attempts,
            offered,
            ..TableView::default()
        });
        let (state, reason) = ring_state(&sample, Some(free), 64, None, moves);
        assert_eq!(
            state, expected,
            "free {free}, {attempts} attempts, {offered:?}, {moves:?}: {reason}"
        );
    }
}

#[test]
fn half_of_a_long_timeout_is_waited_for_unless_it_hurts() {
    // How long it stands, its lag, whether it gates a producer that was refused, the ring's timeout.
    for (still, lag, holds, timeout, expected) in [
        (SECOND, 100, false, 2 * SECOND, State::Stalled),
        (SECOND, 100, false, 5 * SECOND, State::Ok),
        (2 * SECOND, 100, false, 5 * SECOND, State::Ok),
        (3 * SECOND, 100, false, 5 * SECOND, State::Stalled),
        (SECOND, CAPACITY / 4, false, 60 * SECOND, State::Stalled),
        (SECOND / 2, CAPACITY / 4, false, 60 * SECOND, State::Lagging),
        (1_000_000, 100, true, 60 * SECOND, State::Blocking),
    ] {
        let mut one = member(1, HEAD - lag);
        one.silent_ns = Some(still);
        let context = Context {
            still_ns: Some(still),
            stall_timeout_ns: timeout,
            holds_producer: holds,
            ..context()
        };
        let (state, reason) = consumer_state(&one, &context);
        assert_eq!(state, expected, "{still} {lag} {holds} {timeout}: {reason}");
    }
}

#[test]
fn whoever_joined_and_has_ended_is_overdue_though_its_child_reads() {
    let mut one = member(1, HEAD);
    (one.joiner_ended, one.pid) = (true, Some(9));
    let (state, reason) = consumer_state(&one, &context());
    assert_eq!(state, State::Overdue);
    assert!(reason.contains("pid 9 has its page mapped"), "{reason}");
}

#[test]
fn once_the_producer_has_ended_no_scan_is_spoken_of() {
    let over = Context {
        is_over: true,
        ..context()
    };
    let changes: [fn(&mut MemberSample); 6] = [
        |one| one.presence = Presence::Gone,
        |one| one.presence = Presence::Unmapped,
        |one| one.presence = Presence::Nobody,
        |one| one.tail = PARKED_TAIL,
        |one| one.tail = HEAD + 64,
        |one| one.joiner_ended = true,
    ];
    for change in changes {
        let mut one = member(1, HEAD - 64);
        change(&mut one);
        let (_, before) = consumer_state(&one, &context());
        assert!(before.contains("scan"), "{before}");
        let (_, after) = consumer_state(&one, &over);
        assert!(!after.contains("scan"), "{after}");
    }
}
