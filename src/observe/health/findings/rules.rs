//! What may be wrong with a ring or with one of its consumers, a row each: whether it is, apart from how it is said.
//!
//! Owns codes, severities, conditions and words. Makes no finding of a state of a consumer, which speaks for itself
//! ([`super::consumer_states`]), nor of what becomes of a finding.

use super::side_socket::SideSocket;
use crate::observe::health::who::who;
use crate::observe::model::{
    ConsumerSnapshot, ConsumerState, Finding, FutexWait, RingSnapshot, RingState, Severity,
    Thresholds,
};
use crate::ring::WakeupMode;
use crate::ring::layout::HEADER_SIZE;
use crate::text::{bytes, counted};

/// What a rule may look at besides the one that it judges.
pub(super) struct RuleContext<'a> {
    /// The whole ring.
    pub ring: &'a RingSnapshot,
    /// From where on something is too much.
    pub thresholds: &'a Thresholds,
}

/// One thing that may be wrong with `Judged`: a ring or a consumer.
struct Rule<Judged, Evidence> {
    /// Stable name for scripts, kebab-case. Rules that differ in how bad the same thing is share it.
    code: &'static str,
    severity: Severity,
    /// The slot and the process that it is about.
    about: fn(&Judged) -> About,
    /// What was found, if the rule holds: what the words need besides what is there for all to read.
    check: fn(&Judged, &RuleContext<'_>) -> Option<Evidence>,
    /// What was found, in words.
    format: fn(&Judged, Evidence) -> String,
}

/// A rule, whatever its evidence is made of.
pub(super) trait AnyRule<Judged>: Sync {
    /// The finding, if the rule holds.
    fn finding(&self, judged: &Judged, context: &RuleContext<'_>) -> Option<Finding>;
}

impl<Judged, Evidence> AnyRule<Judged> for Rule<Judged, Evidence> {
    fn finding(&self, judged: &Judged, context: &RuleContext<'_>) -> Option<Finding> {
        let evidence = (self.check)(judged, context)?;
        let About { slot, pid } = (self.about)(judged);
        Some(Finding {
            code: self.code.into(),
            severity: self.severity,
            message: (self.format)(judged, evidence),
            slot,
            pid,
        })
    }
}

type RingRule<Evidence> = Rule<RingSnapshot, Evidence>;
type ConsumerRule<Evidence> = Rule<ConsumerSnapshot, Evidence>;

/// Rules about the ring as a whole. Of those that are equally bad, the first here is told first.
pub(super) static RING_RULES: &[&dyn AnyRule<RingSnapshot>] = &[
    &RingRule {
        code: "ring-truncated",
        severity: Severity::Critical,
        about: nobody,
        check: |ring, _| (ring.state == RingState::Truncated).then_some(()),
        format: |ring, ()| ring.reason.clone(),
    },
    &RingRule {
        code: "producer-gone",
        severity: Severity::Critical,
        about: producer,
        check: |ring, _| {
            let alive = |one: &&ConsumerSnapshot| one.alive == Some(true);
            (ring.state == RingState::ProducerGone)
                .then(|| ring.consumers.iter().filter(alive).count())
        },
        format: |_, left| {
            let (verb, left) = (
                if left == 1 { "has" } else { "have" },
                counted(left as u64, "consumer"),
            );
            format!("the producer has ended; {left} still {verb} the ring mapped")
        },
    },
    &RingRule {
        code: "ring-ended",
        severity: Severity::Critical,
        about: producer,
        check: |ring, _| (ring.state == RingState::Ended).then_some(()),
        format: |ring, ()| ring.reason.clone(),
    },
    &RingRule {
        code: "producer-stopped",
        severity: Severity::Warning,
        about: producer,
        check: |ring, _| (ring.state == RingState::Stopped).then_some(()),
        format: |ring, ()| ring.reason.clone(),
    },
    &RingRule {
        code: "lap-end-too-short",
        severity: Severity::Critical,
        about: nobody,
        check: |ring, _| {
            let end = ring.control.ring_capacity - ring.control.position();
            (end < HEADER_SIZE as u64).then_some(end)
        },
        format: |_, end| {
            format!(
                "{end} bytes are left in this lap, less than a header: consumers fail here for good, and no message \
                 can be committed"
            )
        },
    },
    &RingRule {
        code: "stuck-without-scan",
        severity: Severity::Critical,
        about: gating_consumer,
        // zbq.h: zbq_producer_query counts a failure only when nothing at all is free.
        check: |ring, _| {
            let uncounted = ring.slots.is_some_and(|slots| slots.clog_attempts == 0);
            ring.free_bytes
                .filter(|free| ring.state.has_no_room() && *free > 0 && uncounted)
        },
        format: |_, free| {
            format!(
                "{} free: too little for a message, but not zero, so the reference producer counts no failed \
                 reservation, and no scan will evict the consumer that blocks it",
                bytes(free)
            )
        },
    },
    &RingRule {
        code: "watcher-slot",
        severity: Severity::Info,
        about: own_slot,
        check: |ring, _| Some(ring.attach.joined.as_ref()?.slot),
        format: |_, slot| {
            format!(
                "zbqtop has joined: it occupies slot {slot}, parked, until the producer's next scan, which a ring that \
                 never clogs may never run"
            )
        },
    },
    &RingRule {
        code: "watcher-earlier-slot",
        severity: Severity::Warning,
        about: nobody,
        check: |ring, _| {
            let earlier = ring.attach.joined.as_ref()?.earlier.clone();
            earlier.filter(|_| may_have_parked_before(ring))
        },
        format: |_, earlier| {
            format!(
                "you joined this ring before, at {earlier}: the slot taken then may still be taken"
            )
        },
    },
    &RingRule {
        code: "watcher-push",
        severity: Severity::Warning,
        about: own_slot,
        check: |ring, _| {
            let joined = ring.attach.joined.as_ref()?;
            (joined.mode == WakeupMode::Push).then_some(joined.slot)
        },
        format: |_, slot| {
            format!(
                "zbqtop was given push slot {slot}: until a scan frees it, every commit by the producer makes a system call"
            )
        },
    },
    &RingRule {
        code: "scan-evicts-healthy",
        severity: Severity::Warning,
        about: nobody,
        // The scans have begun: whoever is caught up is not going to move before its time is up.
        check: |ring, _| {
            let scans = ring.state.has_no_room();
            scans
                .then(|| healthy_evicted_within(ring, u64::MAX))
                .flatten()
        },
        format: |_, slots| {
            format!(
                "the scans that evict the blocking consumer will also evict healthy ones that are caught up and so show \
                 no progress (slot {slots})"
            )
        },
    },
    &RingRule {
        code: "scan-evicts-healthy",
        severity: Severity::Info,
        about: nobody,
        check: |ring, _| {
            let may_scan = !ring.state.has_no_room() && !ring.state.is_over();
            may_scan.then(|| healthy_evicted_within(ring, 0)).flatten()
        },
        format: |_, slots| {
            format!(
                "a scan would evict healthy consumers that have been caught up for longer than the stall timeout (slot {slots})"
            )
        },
    },
];

/// Rules about each consumer, whatever its state. Of what is equally bad, all of one consumer's is told before the next's.
pub(super) static CONSUMER_RULES: &[&dyn AnyRule<ConsumerSnapshot>] = &[
    &ConsumerRule {
        code: "consumer-stopped",
        severity: Severity::Warning,
        about: consumer,
        check: |one, _| {
            one.process_state
                .filter(|state| state.is_stopped() && one.held)
        },
        format: |one, state| {
            format!(
                "{}: its process is {}, and reads nothing until it is continued",
                name(one),
                state.word()
            )
        },
    },
    &ConsumerRule {
        code: "asleep-on-dead-futex",
        severity: Severity::Critical,
        about: consumer,
        check: |one, context| {
            let stranded = !context.ring.producer.alive && one.alive == Some(true);
            (stranded && one.waits_on_futex == Some(FutexWait::Endless)).then_some(())
        },
        format: |one, ()| {
            format!(
                "{}: waits without a timeout on the futex of a producer that has ended: nothing will ever wake it; \
                 restart it (a wait needs a timeout, and then a check that the producer is alive)",
                name(one)
            )
        },
    },
    &ConsumerRule {
        code: "descriptors-pile-up",
        severity: Severity::Critical,
        about: consumer,
        check: |one, context| piled_up(one, context).filter(SideSocket::loses_descriptors),
        format: pile_in_words,
    },
    &ConsumerRule {
        code: "descriptors-pile-up",
        severity: Severity::Warning,
        about: consumer,
        check: |one, context| piled_up(one, context).filter(|socket| !socket.loses_descriptors()),
        format: pile_in_words,
    },
];

/// The slot and the process that a finding is about, as far as there are any.
#[derive(Default)]
struct About {
    slot: Option<u32>,
    pid: Option<i32>,
}

fn nobody(_: &RingSnapshot) -> About {
    About::default()
}

fn producer(ring: &RingSnapshot) -> About {
    About {
        slot: None,
        pid: Some(ring.producer.pid),
    }
}

/// Whose tail the producer meets first.
fn gating_consumer(ring: &RingSnapshot) -> About {
    About {
        slot: ring.gating_slot,
        pid: ring.gating_pid,
    }
}

/// The slot that the watcher took by joining.
fn own_slot(ring: &RingSnapshot) -> About {
    About {
        slot: ring.attach.joined.as_ref().map(|joined| joined.slot),
        pid: None,
    }
}

fn consumer(one: &ConsumerSnapshot) -> About {
    About {
        slot: one.slot,
        pid: one.pid,
    }
}

/// What a consumer is called in a message.
pub(super) fn name(one: &ConsumerSnapshot) -> String {
    who(one.slot, one.pid, one.command.as_deref())
}

/// Whether a slot other than the watcher's own may be one that this user left parked. Where the consumers are seen, it
/// is known whether anyone else is.
fn may_have_parked_before(ring: &RingSnapshot) -> bool {
    let parked = |one: &&ConsumerSnapshot| one.state == ConsumerState::Parked;
    ring.hidden_consumers != Some(0) || ring.consumers.iter().filter(parked).count() > 1
}

/// The slots of consumers that are well and that a scan in so much time would evict all the same; `None` if there are
/// none.
///
/// Caught up on a ring where nothing moves, they do not move either, and a scan cannot tell them from the hung
/// (zbq.h: zbq_producer_scan).
fn healthy_evicted_within(ring: &RingSnapshot, within_ns: u64) -> Option<String> {
    let slots: Vec<String> = ring
        .consumers
        .iter()
        .filter(|one| matches!(one.state, ConsumerState::Ok | ConsumerState::Idle))
        .filter(|one| one.evict_in_ns.is_some_and(|left| left <= within_ns))
        .filter_map(|one| Some(one.slot?.to_string()))
        .collect();
    (!slots.is_empty()).then(|| slots.join(", "))
}

/// A consumer's side socket, if it holds more than it should.
fn piled_up(one: &ConsumerSnapshot, context: &RuleContext<'_>) -> Option<SideSocket> {
    let percent = context.thresholds.pile_percent;
    SideSocket::of(one).filter(|socket| socket.is_piled_up(percent))
}

fn pile_in_words(one: &ConsumerSnapshot, socket: SideSocket) -> String {
    format!("{}: {}", name(one), socket.words())
}
