//! What is never told, whatever a ring does: rings that no producer would make.

use proptest::prelude::*;

use super::super::*;
use super::{MS, TIMEOUT_MS, Watched, full, in_state, ring, with};
use crate::observe::model::EventKind as Kind;

fn any_consumer() -> impl Strategy<Value = ConsumerSnapshot> {
    use ConsumerState as State;
    let state = prop::sample::select(vec![
        State::Ok,
        State::Idle,
        State::Lagging,
        State::Stalled,
        State::Blocking,
        State::Overdue,
        State::Dead,
        State::Left,
        State::Evicted,
        State::Parked,
        State::Invalid,
    ]);
    // Few tails, so that it often stands still.
    let numbers = (1..4_u64, 0..3_u64, any::<bool>(), any::<bool>());
    (numbers, state, any::<Option<bool>>()).prop_map(|((inode, lag, held, named), state, due)| {
        with(in_state(inode, lag * 100, state), |one| {
            one.held = held && state != State::Evicted;
            one.evict_in_ns = due.map(|due| if due { 0 } else { TIMEOUT_MS * MS });
            if state == State::Parked {
                (one.tail_offset, one.lag_bytes) = (u64::MAX, None);
            }
            if !named {
                // The slot tells them apart here.
                (one.pid, one.command) = (None, None);
            }
        })
    })
}

fn any_ring() -> impl Strategy<Value = RingSnapshot> {
    let consumers = prop::collection::vec(any_consumer(), 0..4);
    // Falls, ends and truncations seldom, so that something comes before them.
    let numbers = (0..3_u64, 0..3_u64, 0..60_u8, any::<bool>());
    (consumers, numbers).prop_map(|(consumers, (step, attempts, rare, is_full))| {
        let mut unique: BTreeMap<u64, ConsumerSnapshot> = BTreeMap::new();
        for consumer in consumers {
            unique.entry(consumer.meta_inode).or_insert(consumer);
        }
        let consumers: Vec<ConsumerSnapshot> = unique.into_values().collect();
        let mut ring = if is_full {
            full(&consumers)
        } else {
            ring(&consumers)
        };
        // A step, until they are laid end to end.
        ring.control.producer_head = if rare == 0 { u64::MAX } else { step };
        if let Some(slots) = &mut ring.slots {
            slots.clog_attempts = attempts;
        }
        if rare == 1 {
            (ring.producer.alive, ring.state) = (false, RingState::ProducerGone);
        }
        if rare == 2 {
            ring.state = RingState::Truncated;
        }
        ring
    })
}

proptest! {
    #[test]
    fn nothing_is_told_twice_in_a_row(
        looks in prop::collection::vec((0..1500_u64, any_ring()), 1..120)
    ) {
        let mut watched = Watched::default();
        let mut head = 0;
        // By slot: the last told of its coming and going, and of its standing still.
        let mut lives: BTreeMap<u32, Kind> = BTreeMap::new();
        let mut stalls: BTreeMap<u32, Kind> = BTreeMap::new();
        let (mut clog, mut gone, mut first) = (None, false, true);
        for (ms, mut ring) in looks {
            head = if ring.control.producer_head == u64::MAX { 0 } else { head + ring.control.producer_head };
            ring.control.producer_head = head;
            let there = || -> BTreeMap<u32, Kind> {
                let held = ring.consumers.iter().filter(|one| one.held);
                held.filter_map(|one| Some((one.slot?, Kind::Joined))).collect()
            };
            let (truncated, there) = (ring.state == RingState::Truncated, there());
            let ended = !ring.producer.alive;
            watched.look(ms, ring);
            if truncated {
                prop_assert!(watched.told.is_empty());
                (stalls, clog, gone) = Default::default();
                first = true;
                continue;
            }
            if std::mem::take(&mut first) {
                prop_assert!(watched.told.is_empty());
                (lives, gone) = (there, ended);
                continue;
            }
            for event in &watched.told {
                let kind = event.kind;
                prop_assert!(!gone || kind == Kind::RingNew, "{kind:?} after the end");
                prop_assert!(event.monotonic_ns <= watched.at_ms * MS);
                match kind {
                    Kind::RingNew => {
                        (stalls, clog) = Default::default();
                        (lives, gone) = (there.clone(), ended);
                    }
                    Kind::ProducerGone | Kind::RingEnded => gone = true,
                    Kind::Clogged | Kind::Unclogged => {
                        prop_assert_ne!(clog.replace(kind), Some(kind));
                    }
                    Kind::Joined | Kind::Left | Kind::Evicted => {
                        let slot = event.slot.unwrap();
                        let before = lives.insert(slot, kind);
                        let was_there = before == Some(Kind::Joined);
                        prop_assert_eq!(was_there, kind != Kind::Joined, "{:?} after {:?}", kind, before);
                        stalls.remove(&slot);
                    }
                    Kind::Stalled | Kind::Recovered => {
                        let slot = event.slot.unwrap();
                        prop_assert_ne!(lives.get(&slot), Some(&Kind::Left));
                        prop_assert_ne!(stalls.insert(slot, kind), Some(kind));
                    }
                }
            }
        }
    }
}
