//! What the numbers mean: states of consumers and of the ring, and findings, each with its reason in words.
//!
//! Pure functions of a sample and what was seen before it. Changes nothing, reads nothing.

use super::member::Presence;
use super::sample::{MemberSample, Sample};
use super::snapshot::{
    Consumer, ConsumerState, Finding, RingSnapshot, RingState, Severity, WakeupMode,
};
use crate::ring::layout::HEADER_SIZE;
use crate::text::{bytes, duration, escape};

/// Behind and without progress for this long is stalled.
const STALLED_AFTER_NS: u64 = 1_000_000_000;
/// Behind by this share of the ring is lagging.
const LAGGING_PERCENT: f64 = 25.0;

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
    if !member.held {
        return (
            State::Evicted,
            "the producer has dropped it; what it still reads may be overwritten".into(),
        );
    }
    match member.presence {
        Presence::Gone => {
            return (
                State::Dead,
                "its process has ended; its slot is held until the next scan".into(),
            );
        }
        Presence::Unmapped => {
            return (
                State::Left,
                "its process lives but has unmapped its page; its slot is held until a scan".into(),
            );
        }
        Presence::Nobody => {
            return (
                State::Dead,
                "no process has its page mapped; its slot is held until a scan".into(),
            );
        }
        Presence::Mapped | Presence::Unknown => {}
    }
    if member.tail == u64::MAX {
        return (
            State::Parked,
            "its tail is parked above head: it holds nothing up, and the next scan frees its slot"
                .into(),
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
    let stalled = still.is_some_and(|still| still >= STALLED_AFTER_NS);
    let (state, reason) = if stalled {
        let still = duration(still.unwrap_or(0));
        (
            State::Stalled,
            format!("{behind}, and its tail has not moved for {still}"),
        )
    } else if percent >= LAGGING_PERCENT {
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

/// What is wrong with a ring and what follows from it, worst first.
#[must_use]
pub fn findings(ring: &RingSnapshot) -> Vec<Finding> {
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
    let waits = |consumer: &&Consumer| {
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
        use ConsumerState as State;
        // A producer that has ended scans no more, and waits for nobody.
        if ring.state == RingState::ProducerGone && consumer.state != State::Evicted {
            continue;
        }
        let (code, severity) = match consumer.state {
            State::Blocking => ("consumer-blocking", Severity::Critical),
            State::Overdue => ("consumer-overdue", Severity::Critical),
            State::Invalid => ("consumer-invalid", Severity::Critical),
            State::Evicted => ("consumer-evicted", Severity::Critical),
            State::Stalled => ("consumer-stalled", Severity::Warning),
            State::Dead => ("consumer-dead", Severity::Warning),
            State::Left => ("consumer-left", Severity::Warning),
            State::Lagging => ("consumer-lagging", Severity::Info),
            State::Parked => ("consumer-parked", Severity::Info),
            State::Ok | State::Idle => continue,
        };
        let who = who(consumer.slot, consumer.pid, consumer.command.as_deref());
        add(
            code,
            severity,
            format!("{who}: {}", consumer.reason),
            consumer.slot,
            consumer.pid,
        );
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn who(slot: Option<u32>, pid: Option<i32>, command: Option<&str>) -> String {
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
    use crate::observe::fixtures::{member, sample};
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
        }
    }

    #[test]
    fn what_a_consumer_is_comes_before_how_it_does() {
        type Change = fn(&mut MemberSample);
        let cases: [(Change, State, &str); 12] = [
            (|one| one.truncated = true, State::Invalid, "shrank"),
            (|one| one.held = false, State::Evicted, "overwritten"),
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
