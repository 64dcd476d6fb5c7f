//! What the numbers mean: states of consumers and of the ring, and findings, each with its reason in words.
//!
//! Pure functions of a sample and what was seen before it. Changes nothing, reads nothing.

use super::attach::Presence;
use super::sample::{MemberSample, Sample};
use super::snapshot::{ConsumerState, Finding, RingSnapshot, RingState, Severity, WakeupMode};
use crate::ring::layout::HEADER_SIZE;
use crate::text::{bytes, duration, escape};

/// Behind and without progress for this long is stalled.
const STALLED_AFTER_NS: u64 = 1_000_000_000;
/// Behind by this share of the ring is lagging.
const LAGGING_PERCENT: f64 = 25.0;

/// What is known about one consumer besides its sample.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Head of the ring.
    pub head: u64,
    /// Its capacity.
    pub capacity: u64,
    /// Whether head moves; `None` with one sample.
    pub head_moves: Option<bool>,
    /// How long the tail has been seen not to move.
    pub still_ns: Option<u64>,
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
    if lag > capacity {
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
            _ => (State::Idle, "caught up, nothing new comes".into()),
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
    if !sample.producer_alive {
        return (
            RingState::ProducerGone,
            "the producer has ended; these are the last bytes it wrote".into(),
        );
    }
    match (free, moves) {
        (Some(free), Some(false) | None) if free < needed => (
            RingState::Full,
            format!("{} free, too little for one more message", bytes(free)),
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
            "{end} bytes are left in this lap, less than a header: consumers fail here for good"
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
    for consumer in &ring.consumers {
        use ConsumerState as State;
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
