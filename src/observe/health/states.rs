//! What the numbers mean: states of consumers and of the ring, each with its reason in words.
//!
//! Pure functions of a sample and what was seen before it: tables of rules, of which the first that holds decides.
//! Changes nothing, reads nothing, and knows nothing of how bad a state is.

use crate::observe::attach::Presence;
use crate::observe::model::{Bounded, ConsumerState, ProcessState, RingState, Thresholds};
use crate::observe::sample::{MemberSample, Sample};
use crate::ring::layout::PARKED_TAIL;
use crate::text::{bytes, bytes_per_second, counted, duration, percent, percent_of};

/// What is known about one consumer besides its sample.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The control region was truncated: `head` and `head_before` are not its own.
    pub head_is_lost: bool,
    /// The producer has ended or given the ring up: nobody scans any more.
    pub is_over: bool,
    /// Head of the ring, read after the tail.
    pub head: u64,
    /// Head of the ring, read before the tail.
    pub head_before: u64,
    /// Its capacity.
    pub capacity: u64,
    /// Its stall timeout.
    pub stall_timeout_ns: u64,
    /// Whether head moves; `None` with one sample.
    pub head_moves: Option<bool>,
    /// How long the tail has been seen not to move.
    pub still_ns: Option<u64>,
    /// For how long it has been behind, ns.
    pub behind: Option<Bounded<u64>>,
    /// Whether this consumer's tail is the smallest, and the producer was refused for want of room.
    pub holds_producer: bool,
    /// Time until a scan would evict it.
    pub evict_in_ns: Option<u64>,
    /// From where on it is not well.
    pub thresholds: Thresholds,
}

/// A state, when something is in it, and why it is said to be.
struct StateRule<State, Sampled, Facts> {
    state: State,
    check: fn(&Sampled, &Facts) -> bool,
    format: fn(&Sampled, &Facts) -> String,
}

/// The first rule that holds, said.
fn first_that_holds<State: Copy, Sampled, Facts>(
    rules: &[StateRule<State, Sampled, Facts>],
    sampled: &Sampled,
    facts: &Facts,
) -> Option<(State, String)> {
    let rule = rules.iter().find(|rule| (rule.check)(sampled, facts))?;
    Some((rule.state, (rule.format)(sampled, facts)))
}

/// The state of a consumer, and why.
#[must_use]
pub fn consumer_state(member: &MemberSample, context: &Context) -> (ConsumerState, String) {
    let facts = ConsumerFacts::of(member, context);
    first_that_holds(CONSUMER_RULES, member, &facts)
        .unwrap_or_else(|| (ConsumerState::Ok, facts.behind()))
}

/// What the rules for consumers read.
struct ConsumerFacts {
    context: Context,
    /// Bytes behind head; 0 above it.
    lag: u64,
    /// The same in percent of the capacity.
    percent: f64,
    /// How long it has stood still behind head, ns, as far as that is known.
    still_ns: Option<u64>,
}

impl ConsumerFacts {
    fn of(member: &MemberSample, context: &Context) -> Self {
        let lag = context.head.saturating_sub(member.tail);
        // Its own clock tells of the time before we looked; what we saw ourselves bounds it when there is none.
        let still = match (member.silent_ns, context.still_ns) {
            (Some(silent), Some(seen)) if seen > 0 => Some(silent.max(seen)),
            (Some(silent), None) => Some(silent),
            (None, seen) => seen,
            // It was seen to move since the last sample.
            (Some(_), Some(_)) => None,
        };
        // Nor has it stood still behind head for longer than it has been behind: idle until now is not stalled.
        // Behind since before the first look it may have been for as long as it has stood still.
        let behind = context.behind.filter(|behind| behind.high.is_some());
        let still_ns = still.map(|still| behind.map_or(still, |behind| still.min(behind.low)));
        Self {
            context: *context,
            lag,
            percent: percent_of(lag, context.capacity),
            still_ns,
        }
    }

    fn is_caught_up(&self) -> bool {
        self.lag == 0
    }

    /// How long it has stood still, if that is too long.
    fn stalled_for_ns(&self) -> Option<u64> {
        let Context {
            thresholds,
            stall_timeout_ns,
            holds_producer,
            ..
        } = self.context;
        let enough = if holds_producer {
            1
        } else if self.is_lagging() {
            thresholds.stalled_in_trouble_after_ns()
        } else {
            thresholds.stalled_after_ns(stall_timeout_ns)
        };
        self.still_ns.filter(|still| *still >= enough)
    }

    fn is_stalled(&self) -> bool {
        self.stalled_for_ns().is_some()
    }

    fn is_lagging(&self) -> bool {
        self.percent >= self.context.thresholds.lagging_percent
    }

    /// Whether it is behind in a way that matters to the producer once that has no room.
    fn is_in_trouble(&self) -> bool {
        self.is_stalled() || self.is_lagging()
    }

    fn behind(&self) -> String {
        format!("{} behind ({} %)", bytes(self.lag), percent(self.percent))
    }

    /// How far it is behind and, if it has stalled, for how long it has not moved.
    fn trouble(&self) -> String {
        let behind = self.behind();
        match self.stalled_for_ns() {
            Some(still) => {
                let still = duration(still);
                format!("{behind}, and its tail has not moved for {still}")
            }
            None => behind,
        }
    }

    /// Why a consumer that nobody reads with is not there, and whether that matters.
    fn absent(&self, reason: &str, until: &str) -> String {
        let follows = if self.context.holds_producer {
            "; it blocks the producer"
        } else {
            ""
        };
        let held = if self.context.is_over {
            "its slot was never freed".into()
        } else {
            format!("its slot is held until {until}")
        };
        format!("{reason}; {held}{follows}")
    }

    /// What the next scan does, if there is one to come.
    fn then_scan(&self, does: &str) -> String {
        if self.context.is_over {
            String::new()
        } else {
            format!(": the next scan {does}")
        }
    }
}

/// What a consumer is comes before how it does. Where none of these holds, it is well.
static CONSUMER_RULES: &[StateRule<ConsumerState, MemberSample, ConsumerFacts>] = &[
    StateRule {
        state: ConsumerState::Invalid,
        check: |member, _| member.truncated,
        format: |_, _| "its metadata page was truncated: its tail and progress are lost".into(),
    },
    // Whoever parked reckons with being overwritten: what is lost with its slot is nothing to it.
    StateRule {
        state: ConsumerState::Evicted,
        check: |member, _| !member.held && !is_parked(member),
        format: |_, _| "the producer has evicted it; what it still reads may be overwritten".into(),
    },
    StateRule {
        state: ConsumerState::Dead,
        check: |member, _| member.presence == Presence::Gone,
        format: |_, facts| facts.absent("its process has ended", "the next scan"),
    },
    StateRule {
        state: ConsumerState::Left,
        check: |member, _| member.presence == Presence::Unmapped,
        format: |_, facts| {
            facts.absent(
                "its process is running but has unmapped its metadata page",
                "a scan",
            )
        },
    },
    StateRule {
        state: ConsumerState::Dead,
        check: |member, _| member.presence == Presence::Nobody,
        format: |_, facts| facts.absent("no process maps its metadata page", "a scan"),
    },
    StateRule {
        state: ConsumerState::Parked,
        check: |member, _| is_parked(member),
        format: |member, facts| {
            let slot = match (member.held, facts.context.is_over) {
                (true, false) => ", and the next scan frees its slot",
                (false, _) => ", and its slot is free again",
                (true, true) => "",
            };
            format!("its tail is parked above head: it holds nothing up{slot}")
        },
    },
    StateRule {
        state: ConsumerState::Unknown,
        check: |_, facts| facts.context.head_is_lost,
        format: |_, _| "zbq_ctrl was truncated: its lag is unknown".into(),
    },
    StateRule {
        state: ConsumerState::Invalid,
        check: |member, facts| member.tail > facts.context.head,
        format: |member, facts| {
            let above = bytes(member.tail - facts.context.head);
            let then = facts.then_scan("evicts it");
            format!("its tail is {above} above head{then}")
        },
    },
    StateRule {
        state: ConsumerState::Invalid,
        check: |member, _| member.tail < member.highest_tail,
        format: |member, _| {
            let back = bytes(member.highest_tail - member.tail);
            format!("its tail has gone back by {back}, which the producer may have written over")
        },
    },
    StateRule {
        state: ConsumerState::Invalid,
        // Judged by the head before: what came between the two readings does not make a liar of it.
        check: |member, facts| {
            let lag_before = facts.context.head_before.saturating_sub(member.tail);
            lag_before > facts.context.capacity
        },
        format: |_, facts| {
            format!(
                "its tail is {} behind head, more than the ring's {}",
                bytes(facts.lag),
                bytes(facts.context.capacity)
            )
        },
    },
    StateRule {
        state: ConsumerState::Overdue,
        check: |member, facts| member.joiner_ended && !facts.context.is_over,
        format: |member, _| match member.pid {
            Some(pid) => format!(
                "the process that joined has ended: the next scan evicts it, though pid {pid} has its page mapped"
            ),
            None => "the process that joined has ended: the next scan evicts it".into(),
        },
    },
    StateRule {
        state: ConsumerState::Ok,
        check: |_, facts| facts.is_caught_up() && facts.context.head_moves == Some(true),
        format: |_, _| "caught up".into(),
    },
    StateRule {
        state: ConsumerState::Idle,
        check: |_, facts| facts.is_caught_up() && facts.context.head_moves == Some(false),
        format: |_, _| "caught up; no new messages".into(),
    },
    // One sample shows no movement, and so no lack of it.
    StateRule {
        state: ConsumerState::Idle,
        check: |_, facts| facts.is_caught_up(),
        format: |_, _| "caught up".into(),
    },
    StateRule {
        state: ConsumerState::Overdue,
        check: |_, facts| facts.is_in_trouble() && facts.context.evict_in_ns == Some(0),
        format: |_, facts| format!("{}: the next scan evicts it", facts.trouble()),
    },
    StateRule {
        state: ConsumerState::Blocking,
        check: |_, facts| facts.is_in_trouble() && facts.context.holds_producer,
        format: |_, facts| format!("{}; it blocks the producer", facts.trouble()),
    },
    StateRule {
        state: ConsumerState::Stalled,
        check: |_, facts| facts.is_stalled(),
        format: |_, facts| facts.trouble(),
    },
    StateRule {
        state: ConsumerState::Lagging,
        check: |_, facts| facts.is_lagging(),
        format: |_, facts| facts.behind(),
    },
];

/// Whether it has put its tail out of everybody's way.
fn is_parked(member: &MemberSample) -> bool {
    member.tail == PARKED_TAIL
}

/// The state of the ring, and why. `free` and `needed` are bytes: what the producer can still write, and the longest
/// message of late; `rate` is in bytes per second, and `moves` says whether head does.
#[must_use]
pub fn ring_state(
    sample: &Sample,
    free: Option<u64>,
    needed: u64,
    rate: Option<f64>,
    moves: Option<bool>,
) -> (RingState, String) {
    let facts = RingFacts {
        free: free.unwrap_or(u64::MAX),
        needed,
        rate,
        moves,
    };
    first_that_holds(RING_RULES, sample, &facts).unwrap_or_else(|| {
        let why = "a single sample cannot show movement";
        (RingState::Unknown, why.into())
    })
}

/// How the producer's process is stopped, if it is.
fn stopped(sample: &Sample) -> Option<ProcessState> {
    sample.producer_state.filter(|state| state.is_stopped())
}

/// Whether the producer was refused for want of room when last it asked, as far as that can be seen, and has not got any since.
/// `free` and `needed` as for [`ring_state`].
#[must_use]
pub fn is_refused(sample: &Sample, free: u64, needed: u64) -> bool {
    match &sample.table {
        // zbq.h: zbq_producer_query counts failures, and forgets them at the first success.
        Some(table) => table.clog_attempts > 0 && free < needed,
        // Whether it asks for any cannot be seen.
        None => free == 0,
    }
}

/// What the rules for the ring read.
struct RingFacts {
    /// Bytes; more than any message needs where that is not known, as then nothing says that the ring is full.
    free: u64,
    needed: u64,
    rate: Option<f64>,
    moves: Option<bool>,
}

impl RingFacts {
    /// Whether the producer wants room, as far as it can be known, and there is none. A head that moves has found room since;
    /// so has a producer that was refused before the tails were read that make room now.
    fn is_refused(&self, sample: &Sample) -> bool {
        self.moves != Some(true) && is_refused(sample, self.free, self.needed)
    }

    /// Whether the producer was offered less than a message takes, and has not committed anything for a while.
    fn is_offered_too_little(&self, sample: &Sample) -> bool {
        let offered = sample.table.as_ref().and_then(|table| table.offered);
        self.moves == Some(false)
            && (1..self.needed).contains(&self.free)
            && offered.is_some_and(|offer| offer.offset == sample.control.producer_head)
    }
}

/// What has become of the ring comes before how it does.
static RING_RULES: &[StateRule<RingState, Sample, RingFacts>] = &[
    StateRule {
        state: RingState::Truncated,
        check: |sample, _| sample.control.truncated,
        format: |_, _| "zbq_ctrl was truncated: the state of the ring is lost".into(),
    },
    StateRule {
        state: RingState::Truncated,
        check: |sample, _| sample.cut_short,
        format: |_, _| "zbq_ring was truncated: messages are lost".into(),
    },
    StateRule {
        state: RingState::Ended,
        check: |sample, _| sample.given_up,
        format: |_, _| {
            "the producer has closed this ring but is still running; this is the last state of the ring"
                .into()
        },
    },
    StateRule {
        state: RingState::ProducerGone,
        check: |sample, _| !sample.producer_alive,
        format: |_, _| "the producer has ended; this is the last state of the ring".into(),
    },
    StateRule {
        state: RingState::Stopped,
        check: |sample, facts| stopped(sample).is_some() && facts.moves != Some(true),
        format: |sample, _| {
            let how = stopped(sample).map_or("", ProcessState::word);
            format!("the producer is {how}: nothing is written until it is continued")
        },
    },
    StateRule {
        state: RingState::Clogged,
        check: |sample, facts| {
            let attempts = sample.table.as_ref().map_or(0, |table| table.clog_attempts);
            facts.is_refused(sample) && attempts >= sample.control.clog_threshold.max(1)
        },
        format: |sample, _| {
            let attempts = sample.table.as_ref().map_or(0, |table| table.clog_attempts);
            format!(
                "the ring is full: {} failed in a row; every further failure triggers an eviction scan",
                counted(attempts, "reservation")
            )
        },
    },
    StateRule {
        state: RingState::Full,
        check: |sample, facts| facts.is_refused(sample),
        format: |sample, _| match &sample.table {
            Some(table) => format!(
                "the ring is full: {} failed in a row",
                counted(table.clog_attempts, "reservation")
            ),
            None => {
                "the ring is full; whether the producer is waiting for space cannot be seen".into()
            }
        },
    },
    StateRule {
        state: RingState::Full,
        check: |sample, facts| facts.is_offered_too_little(sample),
        format: |_, facts| {
            let (free, needed) = (bytes(facts.free), bytes(facts.needed));
            format!(
                "only {free} free: too little for a message of {needed}, the longest seen recently"
            )
        },
    },
    StateRule {
        state: RingState::Flowing,
        check: |_, facts| facts.moves == Some(true),
        format: |_, facts| {
            let rate = facts.rate.map(bytes_per_second);
            let rate = rate.map_or_else(String::new, |rate| format!(" at {rate}"));
            format!("head moves{rate}")
        },
    },
    StateRule {
        state: RingState::Idle,
        check: |_, facts| facts.moves == Some(false),
        format: |_, _| "nothing has been committed recently".into(),
    },
];

#[cfg(test)]
mod tests;
