//! What is told of a ring, case by case.

mod lasting;
mod random;

use super::*;
use crate::observe::model::{EventKind as Kind, fixtures};
use crate::observe::sample::Departed;

pub(super) const MS: u64 = 1_000_000;
pub(super) const HEAD: u64 = 1 << 20;
/// The stall timeout of the rings here.
pub(super) const TIMEOUT_MS: u64 = 5_000;

/// A consumer by its inode, in the slot of that number, `lag` behind.
pub(super) fn one(inode: u64, lag: u64) -> ConsumerSnapshot {
    ConsumerSnapshot {
        meta_inode: inode,
        slot: u32::try_from(inode).ok(),
        pid: i32::try_from(inode + 100).ok(),
        evict_in_ns: Some(TIMEOUT_MS * MS),
        ..fixtures::consumer(lag)
    }
}

pub(super) fn with(
    consumer: ConsumerSnapshot,
    change: impl FnOnce(&mut ConsumerSnapshot),
) -> ConsumerSnapshot {
    let mut consumer = consumer;
    change(&mut consumer);
    consumer
}

pub(super) fn in_state(inode: u64, lag: u64, state: ConsumerState) -> ConsumerSnapshot {
    with(one(inode, lag), |one| {
        one.state = state;
        one.reason = format!("{} behind", bytes(lag));
    })
}

/// An attached ring that is looked at again and again.
#[derive(Default)]
pub(super) struct Watched {
    events: Events,
    /// What those who go leave behind.
    departed: Vec<Departed>,
    pub(super) at_ms: u64,
    pub(super) told: Vec<Event>,
}

impl Watched {
    /// Looks at it `ms` later; what has happened.
    pub(super) fn look(&mut self, ms: u64, ring: RingSnapshot) -> Vec<(Kind, Option<i32>)> {
        self.at_ms += ms;
        let ring = RingSnapshot {
            sampled_ns: self.at_ms * MS,
            ..ring
        };
        self.told = self
            .events
            .note(&ring, &self.departed, Timestamp::UNIX_EPOCH);
        self.told
            .iter()
            .map(|event| (event.kind, event.pid))
            .collect()
    }

    /// The words of the only event of the last look.
    pub(super) fn words(&self) -> &str {
        let [event] = &self.told[..] else {
            panic!("not one event: {:?}", self.told);
        };
        &event.message
    }
}

/// A ring with these consumers.
pub(super) fn ring(consumers: &[ConsumerSnapshot]) -> RingSnapshot {
    fixtures::ring(consumers.to_vec())
}

pub(super) fn full(consumers: &[ConsumerSnapshot]) -> RingSnapshot {
    RingSnapshot {
        state: RingState::Full,
        reason: "no room is left".into(),
        gating_meta_inode: consumers.first().map(|one| one.meta_inode),
        gating_slot: consumers.first().and_then(|one| one.slot),
        gating_pid: consumers.first().and_then(|one| one.pid),
        ..ring(consumers)
    }
}

pub(super) fn at_head(head: u64, mut ring: RingSnapshot) -> RingSnapshot {
    ring.control.producer_head = head;
    ring
}

#[test]
fn who_was_there_has_not_joined_and_who_comes_has() {
    let mut watched = Watched::default();
    assert_eq!(watched.look(0, ring(&[one(1, 0)])), []);
    assert_eq!(watched.look(100, ring(&[one(1, 0)])), []);
    let two = [one(1, 0), one(2, 64)];
    assert_eq!(watched.look(100, ring(&two)), [(Kind::Joined, Some(102))]);
    assert_eq!(
        watched.words(),
        "slot 2 risk (pid 102): a new consumer, 64 B behind"
    );
    assert_eq!(watched.told[0].slot, Some(2));
    assert_eq!(watched.told[0].monotonic_ns, 200 * MS);
    assert_eq!(watched.look(100, ring(&two)), []);
    // Another takes over slot and pid of the first in between: it is another all the same.
    let heir = with(one(3, 0), |heir| {
        (heir.slot, heir.pid) = (Some(1), Some(101))
    });
    assert_eq!(
        watched.look(100, ring(&[heir, one(2, 64)])),
        [(Kind::Left, Some(101)), (Kind::Joined, Some(101))]
    );
}

#[test]
fn a_newcomer_is_told_of_when_its_process_is_known() {
    let nameless = || with(one(1, 0), |one| (one.pid, one.command) = (None, None));
    let mut watched = Watched::default();
    watched.look(0, ring(&[]));
    assert_eq!(watched.look(100, ring(&[nameless()])), []);
    assert_eq!(
        watched.look(1000, ring(&[one(1, 0)])),
        [(Kind::Joined, Some(101))]
    );
    assert_eq!(watched.told[0].monotonic_ns, 100 * MS, "when it came");
    assert_eq!(watched.told[0].at, "1969-12-31T23:59:59Z");
    // It is not waited for longer than it takes to find one, nor past the next thing that is told of it.
    let mut watched = Watched::default();
    watched.look(0, ring(&[]));
    watched.look(100, ring(&[nameless()]));
    assert_eq!(
        watched.look(1500, ring(&[nameless()])),
        [(Kind::Joined, None)]
    );
    let mut watched = Watched::default();
    watched.look(0, ring(&[]));
    watched.look(100, ring(&[nameless()]));
    assert_eq!(
        watched.look(100, ring(&[])),
        [(Kind::Joined, None), (Kind::Left, None)]
    );
    // Names are not to be trusted.
    let hostile = with(one(2, 0), |one| one.command = Some("a\u{1b}[2Jb".into()));
    watched.look(100, ring(&[hostile]));
    assert!(
        watched.words().contains("a\\x1b[2Jb"),
        "{}",
        watched.words()
    );
    assert_eq!(watched.told[0].command.as_deref(), Some("a\u{1b}[2Jb"));
}

#[test]
fn who_loses_its_slot_has_left_or_was_evicted() {
    use ConsumerState as State;
    let gone = |state| in_state(1, 640, state);
    let held = |consumer: ConsumerSnapshot| with(consumer, |one| one.held = false);
    let overdue = with(gone(State::Overdue), |one| one.evict_in_ns = Some(0));
    let parked = with(gone(State::Parked), |one| {
        (one.tail_offset, one.lag_bytes) = (u64::MAX, None);
        one.evict_in_ns = Some(0);
    });
    // It noticed, and joined again at once.
    let again = with(one(2, 0), |again| again.pid = Some(101));
    let cases: [(ConsumerSnapshot, Option<ConsumerSnapshot>, Kind, &str); 14] = [
        (
            gone(State::Dead),
            None,
            Kind::Left,
            "its process had ended, with 640 B unread; its slot was held for 200 ms more",
        ),
        (
            gone(State::Left),
            None,
            Kind::Left,
            "it had unmapped its page, with 640 B unread",
        ),
        (
            gone(State::Ok),
            None,
            Kind::Left,
            "has ended or unmapped its page, with 640 B unread",
        ),
        (one(1, 0), None, Kind::Left, "nothing unread"),
        (gone(State::Stalled), None, Kind::Left, "ended or unmapped"),
        (parked.clone(), None, Kind::Left, "it had parked"),
        (
            parked.clone(),
            Some(held(parked.clone())),
            Kind::Left,
            "it had parked",
        ),
        // It parked and was freed since the last look.
        (
            gone(State::Ok),
            Some(held(parked)),
            Kind::Left,
            "it had parked",
        ),
        (
            overdue.clone(),
            None,
            Kind::Evicted,
            "640 B behind, and without progress for 300 ms; its process is gone",
        ),
        (
            overdue.clone(),
            Some(again),
            Kind::Evicted,
            "its process has rejoined in another slot",
        ),
        (
            gone(State::Invalid),
            None,
            Kind::Evicted,
            "640 B behind; its process is gone",
        ),
        (
            overdue.clone(),
            Some(held(gone(State::Evicted))),
            Kind::Evicted,
            "what it had yet to read may be overwritten",
        ),
        (
            with(one(1, 0), |one| one.evict_in_ns = Some(0)),
            Some(held(in_state(1, 0, State::Evicted))),
            Kind::Evicted,
            "caught up, and without progress for 200 ms; it is not notified",
        ),
        // Without a slot table: it could have been due, but has stood still for less than that.
        (
            with(gone(State::Stalled), |one| {
                (one.slot, one.evict_in_ns) = (None, None)
            }),
            None,
            Kind::Left,
            "ended or unmapped",
        ),
    ];
    for (before, after, kind, words) in cases {
        let mut watched = Watched::default();
        watched.look(0, ring(&[]));
        watched.look(100, ring(&[one(1, 640)]));
        watched.look(100, ring(std::slice::from_ref(&before)));
        watched.look(100, ring(std::slice::from_ref(&before)));
        let mut after: Vec<ConsumerSnapshot> = after.into_iter().collect();
        let told = watched.look(100, ring(&after));
        let comes = after.iter().filter(|one| one.meta_inode != 1).count();
        assert_eq!(told.len(), 1 + comes, "{before:?}: {told:?}");
        let said = &watched.told[0].message;
        assert_eq!(told[0].0, kind, "{said}");
        assert!(said.contains(words), "{said}");
        // And never again, whatever becomes of its process.
        assert_eq!(watched.look(100, ring(&after)), []);
        after.retain(|one| one.meta_inode != 1);
        assert_eq!(watched.look(100, ring(&after)), []);
    }
}

#[test]
fn with_the_producer_everything_ends() {
    let mut gone = full(&[in_state(1, 640, ConsumerState::Stalled), one(3, 0)]);
    (gone.producer.alive, gone.state) = (false, RingState::ProducerGone);
    // As its descriptors are closed no slot is held: that evicts nobody.
    gone.consumers[1].held = false;
    let mut watched = Watched::default();
    watched.look(0, ring(&[one(1, 640), one(3, 0)]));
    assert_eq!(
        watched.look(100, gone.clone()),
        [(Kind::ProducerGone, Some(7))]
    );
    assert_eq!(
        watched.words(),
        "quotes (pid 7): it has ended after 1048576 bytes; 1 consumer held a slot"
    );
    assert_eq!(watched.look(5000, gone.clone()), []);
    gone.consumers.clear();
    assert_eq!(watched.look(100, gone), []);
}

#[test]
fn another_ring_in_its_place_starts_afresh() {
    let mut watched = Watched::default();
    watched.look(0, ring(&[one(1, 0)]));
    let back = at_head(HEAD - 1, ring(&[one(1, 0), one(2, 0)]));
    assert_eq!(watched.look(100, back.clone()), [(Kind::RingNew, Some(7))]);
    assert_eq!(
        watched.words(),
        "head went back from 1048576 to 1048575: earlier observations no longer apply"
    );
    assert_eq!(watched.look(100, back.clone()), []);
    let mut larger = back;
    larger.ctrl_inode += 1;
    assert_eq!(watched.look(100, larger), [(Kind::RingNew, Some(7))]);
}

#[test]
fn of_a_truncated_ring_nothing_more_is_told() {
    let mut watched = Watched::default();
    watched.look(0, ring(&[one(1, 0)]));
    let mut truncated = at_head(0, ring(&[]));
    truncated.state = RingState::Truncated;
    assert_eq!(watched.look(100, truncated.clone()), []);
    truncated.producer.alive = false;
    assert_eq!(watched.look(100, truncated), []);
    assert_eq!(watched.look(100, ring(&[one(2, 0)])), []);
}

#[test]
fn what_the_gone_left_behind_tells_how_they_went() {
    const SECOND: u64 = 1_000_000_000;
    let overdue = with(in_state(1, 640, ConsumerState::Overdue), |one| {
        one.evict_in_ns = Some(0);
    });
    let left_behind = |lag: u64, silent_ns| Departed {
        meta_inode: 1,
        tail: HEAD - lag,
        silent_ns: Some(silent_ns),
    };
    for (words, moved, kind, said) in [
        // It has moved since, and not long ago: no scan has found it to stand still for too long.
        (left_behind(64, SECOND), 0, Kind::Left, "with 64 B unread"),
        (
            left_behind(0, 60 * SECOND),
            0,
            Kind::Left,
            "with nothing unread",
        ),
        (
            left_behind(640, 60 * SECOND),
            0,
            Kind::Evicted,
            "640 B behind, and without progress",
        ),
        // Head went on meanwhile: what was unread when it went is only bounded.
        (
            left_behind(0, SECOND),
            512,
            Kind::Left,
            "with up to 512 B unread",
        ),
        (
            Departed {
                tail: HEAD + 1024,
                ..left_behind(0, SECOND)
            },
            0,
            Kind::Evicted,
            "its tail is 1.0 KiB above head",
        ),
    ] {
        let mut watched = Watched::default();
        watched.look(0, ring(std::slice::from_ref(&overdue)));
        watched.look(100, ring(std::slice::from_ref(&overdue)));
        watched.departed = vec![words];
        let told = watched.look(10_000, at_head(HEAD + moved, ring(&[])));
        assert_eq!(told, [(kind, Some(101))], "{:?}", watched.told);
        assert!(watched.words().contains(said), "{}", watched.words());
    }
}
