//! What is told of things that last, and that come and go: stalls and clogs.

use super::super::*;
use super::{HEAD, MS, Watched, at_head, full, in_state, one, ring, with};
use crate::observe::model::EventKind as Kind;

#[test]
fn who_stands_still_has_stalled_once_until_it_has_run_for_a_while() {
    use ConsumerState as State;
    let mut watched = Watched::default();
    watched.look(0, ring(&[one(1, 640)]));
    let still = |state| ring(&[in_state(1, 640, state)]);
    assert_eq!(watched.look(500, still(State::Ok)), []);
    assert_eq!(
        watched.look(500, still(State::Stalled)),
        [(Kind::Stalled, Some(101))]
    );
    assert_eq!(watched.words(), "slot 1 risk (pid 101): 640 B behind");
    // It blocks, and the next scan would evict it: that is the same stall.
    assert_eq!(watched.look(500, still(State::Blocking)), []);
    assert_eq!(watched.look(500, still(State::Overdue)), []);
    // A move every 1.5 s: it is as stalled as before.
    for step in 1..20 {
        let lag = 640 - step;
        assert_eq!(watched.look(500, ring(&[one(1, lag)])), [], "{step}");
        assert_eq!(watched.look(500, ring(&[one(1, lag)])), [], "{step}");
        let stalled = in_state(1, lag, State::Stalled);
        assert_eq!(watched.look(500, ring(&[stalled])), [], "{step}");
    }
    assert_eq!(watched.look(500, ring(&[one(1, 64)])), []);
    assert_eq!(watched.look(1000, ring(&[one(1, 32)])), []);
    assert_eq!(
        watched.look(1000, ring(&[one(1, 0)])),
        [(Kind::Recovered, Some(101))]
    );
    // From the look before it stood still to when it moved.
    assert_eq!(
        watched.words(),
        "slot 1 risk (pid 101): has caught up; it had stood still for at least 31.0 s"
    );
    assert_eq!(watched.told[0].monotonic_ns, 31_000 * MS);
    assert_eq!(watched.look(5000, ring(&[one(1, 0)])), []);
    // Known from its beginning this time: it was at head until then.
    let again = ring(&[in_state(1, 64, State::Stalled)]);
    assert_eq!(watched.look(1100, again), [(Kind::Stalled, Some(101))]);
    watched.look(100, ring(&[one(1, 60)]));
    // What is over when it leaves is told before that.
    assert_eq!(
        watched.look(100, ring(&[])),
        [(Kind::Recovered, Some(101)), (Kind::Left, Some(101))]
    );
}

#[test]
fn blocking_and_overdue_are_stalls_only_of_those_that_stand_still() {
    use ConsumerState as State;
    for state in [State::Blocking, State::Overdue] {
        let mut watched = Watched::default();
        watched.look(0, ring(&[one(1, 0)]));
        // It moves, too slowly.
        for step in 0..30 {
            let told = watched.look(100, ring(&[in_state(1, 30_000 - step, state)]));
            assert_eq!(told, [], "{step}");
        }
        for _ in 0..9 {
            assert_eq!(watched.look(100, ring(&[in_state(1, 29_971, state)])), []);
        }
        let told = watched.look(100, ring(&[in_state(1, 29_971, state)]));
        assert_eq!(told, [(Kind::Stalled, Some(101))]);
        // Dead is not recovered, nor is it a second stall when that is all there is to see.
        let dead = ring(&[in_state(1, 29_971, State::Dead)]);
        assert_eq!(watched.look(5000, dead.clone()), []);
        assert_eq!(watched.look(5000, dead), []);
        assert_eq!(watched.look(100, ring(&[])), [(Kind::Left, Some(101))]);
    }
}

#[test]
fn what_was_so_at_the_first_look_ends_but_does_not_begin() {
    let stalled = || in_state(1, 640, ConsumerState::Stalled);
    let mut watched = Watched::default();
    assert_eq!(watched.look(0, full(&[stalled()])), []);
    assert_eq!(watched.look(100, full(&[stalled()])), []);
    assert_eq!(watched.look(100, ring(&[one(1, 0)])), []);
    assert_eq!(
        watched.look(2000, ring(&[one(1, 0)])),
        [(Kind::Recovered, Some(101)), (Kind::Unclogged, None)]
    );
    assert_eq!(
        watched.told[1].message,
        "the ring has free space again; head had not moved for at least 200 ms"
    );
    // One look alone is not certain: it may have been at head until just then.
    let mut watched = Watched::default();
    watched.look(0, full(&[stalled()]));
    watched.look(100, ring(&[one(1, 0)]));
    assert_eq!(watched.look(5000, ring(&[one(1, 0)])), []);
    // Nor is there anything to tell of who is evicted or gone already.
    let mut watched = Watched::default();
    let zombie = with(in_state(1, 640, ConsumerState::Evicted), |one| {
        one.held = false
    });
    watched.look(0, ring(std::slice::from_ref(&zombie)));
    assert_eq!(watched.look(100, ring(&[zombie])), []);
    assert_eq!(watched.look(100, ring(&[])), []);
    let mut watched = Watched::default();
    let mut gone = ring(&[one(1, 0)]);
    (gone.producer.alive, gone.state) = (false, RingState::ProducerGone);
    watched.look(0, gone.clone());
    assert_eq!(watched.look(100, gone), []);
}

#[test]
fn the_producer_is_clogged_once_until_it_has_run_for_a_while() {
    let attempts = |attempts, mut ring: RingSnapshot| {
        ring.slots = ring.slots.map(|slots| crate::observe::model::SlotCounts {
            clog_attempts: attempts,
            ..slots
        });
        ring.free_bytes = Some(0);
        ring
    };
    let flowing = || ring(&[one(1, 640)]);
    let mut watched = Watched::default();
    watched.look(0, at_head(HEAD - 64, flowing()));
    // A failed reservation now and then, or head standing still, is no clog; both together are.
    assert_eq!(watched.look(100, attempts(5, flowing())), []);
    assert_eq!(watched.look(100, attempts(5, flowing())), []);
    assert_eq!(
        watched.look(100, attempts(9, flowing())),
        [(Kind::Clogged, None)]
    );
    assert_eq!(
        watched.words(),
        "no reservation has succeeded for 200 ms; 9 failed reservations"
    );
    assert_eq!(
        watched.look(1000, attempts(99, full(&[one(1, 65_536)]))),
        []
    );
    // It comes through with a message now and then.
    for step in 1..10 {
        assert_eq!(watched.look(900, at_head(HEAD + step, flowing())), []);
        let still = attempts(7, at_head(HEAD + step, flowing()));
        assert_eq!(watched.look(900, still), []);
    }
    assert_eq!(watched.look(900, at_head(HEAD + 64, flowing())), []);
    assert_eq!(
        watched.look(2000, at_head(HEAD + 64, flowing())),
        [(Kind::Unclogged, None)]
    );
    assert_eq!(watched.told[0].monotonic_ns, (1300 + 9 * 1800 + 900) * MS);
    // Full, and who it is that fills it.
    assert_eq!(
        watched.look(1000, at_head(HEAD + 64, full(&[one(1, 65_536)]))),
        [(Kind::Clogged, Some(101))]
    );
    assert_eq!(
        watched.words(),
        "no room is left; head has not moved for 3.0 s; blocked by slot 1 risk (pid 101), 64.0 KiB behind"
    );
    assert_eq!(watched.told[0].slot, Some(1));
}
