//! Findings, case by case.

use super::*;
use crate::observe::model::fixtures::{consumer, ring};
use crate::observe::model::{ConsumerState, FutexWait, RingState, Severity};

fn found(ring: &RingSnapshot, code: &str) -> Option<(Severity, String)> {
    let finding = findings(ring, &Thresholds::default())
        .into_iter()
        .find(|one| one.code == code)?;
    assert_eq!((finding.slot, finding.pid), (Some(0), Some(8)));
    assert!(
        finding.message.starts_with("slot 0 risk (pid 8): "),
        "{}",
        finding.message
    );
    Some((finding.severity, finding.message))
}

#[test]
fn only_a_wait_that_nothing_ends_is_for_ever() {
    for (producer_lives, lives, wait, expected) in [
        (false, Some(true), Some(FutexWait::Endless), true),
        (false, Some(true), Some(FutexWait::Timed), false),
        (false, Some(true), Some(FutexWait::No), false),
        (false, Some(true), None, false),
        (false, Some(false), Some(FutexWait::Endless), false),
        (true, Some(true), Some(FutexWait::Endless), false),
    ] {
        let mut one = consumer(0);
        (one.alive, one.waits_on_futex) = (lives, wait);
        let mut ring = ring(vec![one]);
        ring.producer.alive = producer_lives;
        let found = found(&ring, "asleep-on-dead-futex");
        assert_eq!(
            found.is_some(),
            expected,
            "{producer_lives} {lives:?} {wait:?}"
        );
        if let Some((severity, message)) = found {
            assert_eq!(severity, Severity::Critical);
            assert!(message.contains("restart it") && message.contains("timeout"));
        }
    }
}

#[test]
fn descriptors_pile_up_by_bytes_or_by_number() {
    use Severity::{Critical, Warning};
    const FULL: u64 = 524_288;
    for (unread, descriptors, limit, expected) in [
        (Some(FULL / 4 - 1), Some(10), Some(1024), None),
        (
            Some(FULL / 4),
            Some(10),
            Some(1024),
            Some((Warning, "once it is full")),
        ),
        (
            Some(FULL / 4),
            None,
            None,
            Some((Warning, "in flight: some descriptors")),
        ),
        (
            Some(FULL - 1),
            Some(1),
            Some(1024),
            Some((Warning, "(1024)")),
        ),
        (
            Some(FULL),
            Some(1),
            Some(1024),
            Some((Critical, "socket is full")),
        ),
        (Some(FULL), None, None, Some((Critical, "lost silently"))),
        // Few records of many descriptors each.
        (Some(3840), Some(255), Some(1024), None),
        (
            Some(3840),
            Some(256),
            Some(1024),
            Some((Warning, "256 descriptors")),
        ),
        (
            Some(3840),
            Some(1024),
            Some(1024),
            Some((Critical, "it can send no more")),
        ),
        (Some(3840), Some(5000), None, None),
        (Some(3840), None, Some(1024), None),
        (Some(0), Some(0), Some(0), None),
        (None, None, None, None),
    ] {
        let mut one = consumer(0);
        one.side_socket_unread_bytes = unread;
        one.side_socket_capacity_bytes = unread.map(|_| FULL);
        (
            one.side_socket_descriptors,
            one.side_socket_descriptors_limit,
        ) = (descriptors, limit);
        let found = found(&ring(vec![one]), "descriptors-pile-up");
        let severity = found.as_ref().map(|found| found.0);
        assert_eq!(
            severity,
            expected.map(|expected| expected.0),
            "{unread:?} {descriptors:?} {limit:?}"
        );
        if let (Some((_, message)), Some((_, words))) = (found, expected) {
            assert!(message.contains(words), "{message}");
        }
    }
}

#[test]
fn a_slot_without_a_process_is_critical_when_it_fills_the_ring() {
    use RingState::{Flowing, Full, Idle};
    for (state, gates, expected) in [
        (Full, true, Severity::Critical),
        (Full, false, Severity::Warning),
        (Flowing, true, Severity::Warning),
        (Idle, true, Severity::Warning),
    ] {
        for gone in [ConsumerState::Dead, ConsumerState::Left] {
            let mut one = consumer(1 << 16);
            one.state = gone;
            let mut ring = ring(vec![one]);
            ring.state = state;
            ring.gating_meta_inode = Some(if gates { 1 } else { 2 });
            let found = findings(&ring, &Thresholds::default());
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].severity, expected, "{gone:?} in {state:?}");
        }
    }
}
