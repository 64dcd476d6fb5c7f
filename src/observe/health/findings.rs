//! What is wrong with a ring and what follows from it: the short list that people read first.
//!
//! A pure function of a snapshot whose states are judged already ([`super::states`]). Reads nothing, remembers nothing.

use super::states::percent_of;
use crate::observe::model::{
    ConsumerSnapshot, ConsumerState, Finding, FutexWait, RingSnapshot, RingState, Severity,
    Thresholds,
};
use crate::ring::WakeupMode;
use crate::ring::layout::HEADER_SIZE;
use crate::text::{bytes, escape};

/// What is wrong with a ring and what follows from it, worst first.
#[must_use]
pub fn findings(ring: &RingSnapshot, thresholds: &Thresholds) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |code, severity, message: String, slot, pid| {
        findings.push(Finding {
            code,
            severity,
            message,
            slot,
            pid,
        });
    };
    match ring.state {
        RingState::Truncated => add(
            "ring-truncated",
            Severity::Critical,
            ring.reason.clone(),
            None,
            None,
        ),
        RingState::ProducerGone => {
            let left = ring
                .consumers
                .iter()
                .filter(|consumer| consumer.alive == Some(true))
                .count();
            let message =
                format!("the producer has ended; {left} consumers still have the ring mapped");
            add(
                "producer-gone",
                Severity::Critical,
                message,
                None,
                Some(ring.producer.pid),
            );
        }
        _ => {}
    }
    let end = ring.control.ring_capacity - ring.control.position();
    if end < HEADER_SIZE as u64 {
        let message = format!(
            "{end} bytes are left in this lap, less than a header: consumers fail here for good, and no message can be committed"
        );
        add("lap-end-too-short", Severity::Critical, message, None, None);
    }
    if ring.state == RingState::Full
        && ring.free_bytes > Some(0)
        && ring.slots.is_some_and(|slots| slots.clog_attempts == 0)
    {
        // zbq.h: zbq_producer_query counts a failure only when nothing at all is free.
        let message = format!(
            "{} are free: too little for a message, but not nothing, so the reference producer counts no failed \
             reservation and no scan will evict whoever holds it up",
            bytes(ring.free_bytes.unwrap_or(0))
        );
        add(
            "stuck-without-scan",
            Severity::Critical,
            message,
            ring.gating_slot,
            ring.gating_pid,
        );
    }
    if let Some(joined) = &ring.attach.joined {
        let slot = joined.slot;
        let message = format!(
            "this watcher joined: slot {slot} is taken, parked, until the producer's next scan, which a ring that \
             never clogs may never run"
        );
        add("watcher-slot", Severity::Info, message, Some(slot), None);
        // Where the consumers are seen, it is known whether anyone else is parked.
        let parked = ring
            .consumers
            .iter()
            .filter(|consumer| consumer.state == ConsumerState::Parked)
            .count();
        if let Some(earlier) = joined
            .earlier
            .as_ref()
            .filter(|_| ring.hidden_consumers != Some(0) || parked > 1)
        {
            let message = format!(
                "you joined this ring before, at {earlier}: the slot taken then may still be taken"
            );
            add(
                "watcher-earlier-slot",
                Severity::Warning,
                message,
                None,
                None,
            );
        }
        if joined.mode == WakeupMode::Push {
            let message = format!(
                "this watcher was given push slot {slot}: until a scan frees it, every commit makes a system call"
            );
            add("watcher-push", Severity::Warning, message, Some(slot), None);
        }
    }
    // Caught up on a ring where nothing moves, they do not move either, and a scan cannot tell them from the hung
    // (zbq.h: zbq_producer_scan).
    let waits = |consumer: &&ConsumerSnapshot| {
        let due = if ring.state == RingState::Full {
            u64::MAX
        } else {
            0
        };
        matches!(consumer.state, ConsumerState::Ok | ConsumerState::Idle)
            && consumer.evict_in_ns.is_some_and(|left| left <= due)
    };
    let waiting: Vec<String> = ring
        .consumers
        .iter()
        .filter(waits)
        .filter_map(|one| Some(one.slot?.to_string()))
        .collect();
    if !waiting.is_empty() && ring.state != RingState::ProducerGone {
        let slots = waiting.join(", ");
        let (severity, message) = if ring.state == RingState::Full {
            (
                Severity::Warning,
                format!(
                    "healthy, but caught up and so without progress: the scans that evict who blocks will evict slot {slots}, too"
                ),
            )
        } else {
            (
                Severity::Info,
                format!(
                    "healthy, but caught up for longer than the stall timeout: a scan would evict slot {slots}"
                ),
            )
        };
        add("scan-evicts-healthy", severity, message, None, None);
    }
    for consumer in &ring.consumers {
        let stranded = !ring.producer.alive && consumer.alive == Some(true);
        if stranded && consumer.waits_on_futex == Some(FutexWait::Endless) {
            let message = format!(
                "{}: asleep in the futex of a producer that has ended, without a time limit: nothing will ever wake \
                 it; restart it (such a wait needs a time limit, and then a look whether the producer lives)",
                name(consumer)
            );
            let code = "asleep-on-dead-futex";
            add(
                code,
                Severity::Critical,
                message,
                consumer.slot,
                consumer.pid,
            );
        }
        if let Some((severity, message)) = pile(consumer, thresholds.pile_percent) {
            let code = "descriptors-pile-up";
            add(code, severity, message, consumer.slot, consumer.pid);
        }
    }
    for consumer in &ring.consumers {
        use ConsumerState as State;
        // A producer that has ended scans no more, and waits for nobody.
        if ring.state == RingState::ProducerGone && consumer.state != State::Evicted {
            continue;
        }
        // Nobody is there to make room: only a scan does, which may never come.
        let in_the_way =
            ring.state == RingState::Full && ring.gating_meta_inode == Some(consumer.meta_inode);
        let absent = if in_the_way {
            Severity::Critical
        } else {
            Severity::Warning
        };
        let (code, severity) = match consumer.state {
            // One that moves sets the pace: that may be how the ring is meant to work.
            State::Blocking if consumer.rate_bytes_per_second > Some(0.0) => {
                ("consumer-blocking", Severity::Warning)
            }
            State::Blocking => ("consumer-blocking", Severity::Critical),
            State::Overdue => ("consumer-overdue", Severity::Critical),
            State::Invalid => ("consumer-invalid", Severity::Critical),
            State::Evicted => ("consumer-evicted", Severity::Critical),
            State::Stalled => ("consumer-stalled", Severity::Warning),
            State::Dead => ("consumer-dead", absent),
            State::Left => ("consumer-left", absent),
            State::Lagging => ("consumer-lagging", Severity::Info),
            State::Parked => ("consumer-parked", Severity::Info),
            State::Ok | State::Idle => continue,
        };
        add(
            code,
            severity,
            format!("{}: {}", name(consumer), consumer.reason),
            consumer.slot,
            consumer.pid,
        );
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// What is wrong with a consumer that does not read its side socket, if much is waiting there: `percent` of what the
/// socket, or the producer's user, can hold.
fn pile(consumer: &ConsumerSnapshot, percent: f64) -> Option<(Severity, String)> {
    let (unread, capacity) = (
        consumer.side_socket_unread_bytes?,
        consumer.side_socket_capacity_bytes?,
    );
    let (descriptors, limit) = (
        consumer.side_socket_descriptors,
        consumer.side_socket_descriptors_limit,
    );
    let reaches = |percent: f64| {
        descriptors
            .zip(limit)
            .is_some_and(|(some, limit)| some > 0 && percent_of(some, limit.max(1)) >= percent)
    };
    let is_full = unread >= capacity;
    if unread == 0 || (!is_full && percent_of(unread, capacity) < percent && !reaches(percent)) {
        return None;
    }
    let taken = format!("{} of {} taken", bytes(unread), bytes(capacity));
    let held = descriptors.map_or_else(
        || "descriptors".into(),
        |descriptors| format!("{descriptors} descriptors"),
    );
    let state = if is_full {
        format!("its side socket is full ({taken}): further descriptors are lost silently")
    } else {
        format!(
            "does not read its side socket ({taken}): once it is full, descriptors are lost silently"
        )
    };
    let share = limit.map_or_else(String::new, |limit| format!(" ({limit})"));
    let count = if reaches(100.0) {
        format!(
            "the {held} in flight are as many as RLIMIT_NOFILE allows the producer's user{share}: unless it is \
             privileged, no more can be sent to anyone"
        )
    } else {
        format!("the {held} in flight count against the producer's user's RLIMIT_NOFILE{share}")
    };
    let severity = if is_full || reaches(100.0) {
        Severity::Critical
    } else {
        Severity::Warning
    };
    Some((severity, format!("{}: {state}; {count}", name(consumer))))
}

fn name(consumer: &ConsumerSnapshot) -> String {
    who(consumer.slot, consumer.pid, consumer.command.as_deref())
}

/// A consumer's slot and process, as far as they are known, in words that are safe on a terminal.
pub fn who(slot: Option<u32>, pid: Option<i32>, command: Option<&str>) -> String {
    let slot = slot.map(|slot| format!("slot {slot}"));
    let pid = pid.map(|pid| format!("pid {pid}"));
    let process = match (pid, command) {
        (Some(pid), Some(command)) => Some(format!("{} ({pid})", escape(command))),
        (pid, _) => pid,
    };
    let parts: Vec<String> = [slot, process].into_iter().flatten().collect();
    if parts.is_empty() {
        "a consumer".into()
    } else {
        parts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::fixtures::{consumer, ring};

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
                assert!(message.contains("restart it") && message.contains("time limit"));
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
                Some((Warning, "the descriptors in flight")),
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
                Some((Critical, "no more can be sent")),
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

    #[test]
    fn nobody_is_named_by_what_could_steer_a_terminal() {
        assert_eq!(
            who(Some(2), Some(7), Some("a\u{1b}b")),
            format!("slot 2 {} (pid 7)", escape("a\u{1b}b"))
        );
        assert_eq!(who(Some(2), None, Some("a")), "slot 2");
        assert_eq!(who(None, Some(7), None), "pid 7");
        assert_eq!(who(None, None, None), "a consumer");
    }
}
