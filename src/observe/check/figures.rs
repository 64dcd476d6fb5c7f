//! The figures that limits are set on, each with what is certain of it: at least so much, at most so much, and an
//! estimate in between.
//!
//! Pure functions of what was observed. Knows no limit and no verdict.

use super::measure::Observed;
use crate::observe::model::{ConsumerSnapshot, ConsumerState, Limitation, RingState, Unseen};
use crate::ring::layout::HEADER_SIZE;
use crate::text::{counted, duration_in, whole};

/// What is certain of a figure, and what is likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// It is no less.
    pub low: u64,
    /// It is no more; `None` when nothing bounds it.
    pub high: Option<u64>,
    /// What it probably is.
    pub guess: Option<u64>,
}

impl Bounds {
    /// Nothing is known but that it is not negative.
    const UNKNOWN: Self = Self {
        low: 0,
        high: None,
        guess: None,
    };

    /// A figure that is known.
    #[must_use]
    fn exact(value: u64) -> Self {
        Self {
            low: value,
            high: Some(value),
            guess: Some(value),
        }
    }

    /// A figure that is known, or of which nothing is.
    #[must_use]
    fn if_known(value: Option<u64>) -> Self {
        value.map_or(Self::UNKNOWN, Self::exact)
    }

    /// Whether nothing is left to guess.
    #[must_use]
    pub(super) fn is_exact(&self) -> bool {
        self.high == Some(self.low)
    }

    /// The figure, or what it probably is; `None` when there is not even an estimate.
    #[must_use]
    pub(super) fn value(&self) -> Option<u64> {
        if self.is_exact() {
            return Some(self.low);
        }
        let guess = self.guess?.max(self.low);
        Some(self.high.map_or(guess, |high| guess.min(high)))
    }
}

/// What is known of a figure of one ring, whose it is, and why it is not exact.
#[derive(Clone, Debug)]
pub(super) struct Reading<'a> {
    /// What is known of it.
    pub bounds: Bounds,
    /// The consumer it is of; `None` when it is of the ring, or of nobody.
    pub of: Option<&'a ConsumerSnapshot>,
    /// Why it is an estimate, or unknown, if it is; may be empty.
    pub why: String,
}

/// How a figure is come by. Each function tells what is known of it and why that is not exact.
pub(super) enum Source {
    /// It is the largest of any consumer that the producer minds.
    WorstConsumer(fn(&Observed, &ConsumerSnapshot) -> (Bounds, String)),
    /// It is the ring's as a whole.
    Ring(fn(&Observed) -> (Bounds, String)),
}

impl Source {
    /// The figure of one ring, which is `most` at most if that is known.
    #[must_use]
    pub(super) fn read<'a>(&self, seen: &'a Observed, most: Option<u64>) -> Reading<'a> {
        match self {
            Self::WorstConsumer(of) => worst(seen, most, of),
            Self::Ring(of) => {
                let (bounds, why) = of(seen);
                let of = None;
                Reading { bounds, of, why }
            }
        }
    }
}

/// The consumers that read a ring which has evicted them.
pub(super) fn zombies(seen: &Observed) -> impl Iterator<Item = &ConsumerSnapshot> {
    let consumers = seen.ring.consumers.iter();
    consumers.filter(|one| one.state == ConsumerState::Evicted && one.alive != Some(false))
}

/// The largest figure of any consumer that the producer minds; that of a hidden one is no more than `most`.
fn worst(
    seen: &Observed,
    most: Option<u64>,
    of: impl Fn(&Observed, &ConsumerSnapshot) -> (Bounds, String),
) -> Reading<'_> {
    let mut worst = Reading {
        bounds: Bounds::exact(0),
        of: None,
        why: String::new(),
    };
    // Of a capture nothing is known but its messages.
    if seen.ring.state == RingState::Truncated || seen.ring.control.head().is_none() {
        worst.bounds = Bounds::UNKNOWN;
        worst.why.clone_from(&seen.ring.reason);
        return worst;
    }
    let mut largest = 0;
    for consumer in seen.ring.consumers.iter().filter(|one| is_minded(one)) {
        let (bounds, why) = of(seen, consumer);
        let all = worst.bounds;
        worst.bounds = Bounds {
            low: all.low.max(bounds.low),
            high: all.high.zip(bounds.high).map(|(a, b)| a.max(b)),
            guess: all.value().zip(bounds.value()).map(|(a, b)| a.max(b)),
        };
        let size = bounds.value().unwrap_or(bounds.low);
        if worst.of.is_none() || size > largest || (bounds.value().is_none() && size == largest) {
            (worst.of, largest) = (Some(consumer), size);
        }
        if worst.why.is_empty() {
            worst.why = why;
        }
    }
    if seen.ring.hidden_consumers != Some(0) {
        worst.bounds.high = worst.bounds.high.and(most);
        worst.bounds.guess = None;
        worst.why = hidden(seen);
    }
    worst
}

/// Whether a consumer holds its slot and can hold the producer up; what its tail says otherwise is no lag.
fn is_minded(consumer: &ConsumerSnapshot) -> bool {
    use ConsumerState as State;
    !matches!(
        consumer.state,
        State::Evicted | State::Parked | State::Invalid
    ) && consumer.lag_bytes.is_some()
}

/// How far it is behind, bytes.
pub(super) fn lag_bytes(_: &Observed, consumer: &ConsumerSnapshot) -> (Bounds, String) {
    let lag = consumer.lag_bytes.unwrap_or(0);
    (Bounds::exact(lag), String::new())
}

/// How far it is behind, messages.
pub(super) fn lag_messages(_: &Observed, consumer: &ConsumerSnapshot) -> (Bounds, String) {
    let lag = consumer.lag_bytes.unwrap_or(0);
    let messages = consumer.lag_messages;
    let bounds = match messages.value {
        _ if lag == 0 => return (Bounds::exact(0), String::new()),
        Some(value) if messages.exact => return (Bounds::exact(value), String::new()),
        guess => Bounds {
            low: 1,
            high: Some((lag / HEADER_SIZE as u64).max(1)),
            guess,
        },
    };
    (bounds, "not all messages could be counted".into())
}

/// How long ago head was where the tail is.
pub(super) fn lag_time(seen: &Observed, consumer: &ConsumerSnapshot) -> (Bounds, String) {
    if consumer.lag_bytes == Some(0) {
        return (Bounds::exact(0), String::new());
    }
    let Some(time) = consumer.lag_time_ns else {
        return (Bounds::UNKNOWN, before(seen));
    };
    if time.high.is_some() {
        // Between two looks: the longest that it can be is what is said.
        let (low, high) = (time.low, time.high);
        let why = "head passed the tail between two samples".into();
        return (
            Bounds {
                low,
                high,
                guess: high,
            },
            why,
        );
    }
    let moves = |rate: Option<f64>| rate.filter(|rate| *rate > 0.0);
    // Head's rate speaks for the time before we looked as long as the ring flows: behind a tail that stands, any
    // time may have passed.
    let rate = moves(seen.ring.rate.bytes_per_second)
        .filter(|_| moves(consumer.rate_bytes_per_second).is_some());
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let guess = rate
        .zip(consumer.lag_bytes)
        .map(|(rate, lag)| whole(lag as f64 * 1e9 / rate));
    let bounds = Bounds {
        low: time.low,
        high: None,
        guess,
    };
    (bounds, before(seen))
}

/// How long it has been behind without its tail moving.
pub(super) fn stall(seen: &Observed, consumer: &ConsumerSnapshot) -> (Bounds, String) {
    if consumer.lag_bytes == Some(0) {
        return (Bounds::exact(0), String::new());
    }
    // By its own clock; or since it joined, if it never published.
    let silent = consumer
        .progress_age_ns
        .or_else(|| seen.joined_ago_ns.get(&consumer.meta_inode).copied());
    let behind = consumer.lag_time_ns.filter(|behind| behind.high.is_some());
    let watched = seen.watched_ns.unwrap_or(0);
    let least = |a: Option<u64>, b: Option<u64>| [a, b].into_iter().flatten().min();
    let (low, high, why) = match (consumer.rate_bytes_per_second, behind) {
        (None, _) => (
            0,
            least(silent, behind.and_then(|behind| behind.high)),
            "a single sample cannot show movement".into(),
        ),
        (Some(rate), _) if rate > 0.0 => {
            let high = silent.map_or(watched, |silent| silent.min(watched));
            (0, Some(high), "its tail is moving".into())
        }
        // Still for all the time we looked, and behind for a part of it.
        (Some(_), Some(behind)) => (
            behind.low,
            behind.high,
            "it fell behind between two samples".into(),
        ),
        (Some(_), None) => (
            watched,
            silent.map(|silent| silent.max(watched)),
            before(seen),
        ),
    };
    let guess = high.filter(|_| consumer.rate_bytes_per_second.is_some());
    (Bounds { low, high, guess }, why)
}

/// How long ago anything was committed.
pub(super) fn idle(seen: &Observed) -> (Bounds, String) {
    let ring = &seen.ring;
    if ring.state == RingState::Truncated {
        return (Bounds::UNKNOWN, ring.reason.clone());
    }
    // Whoever is at head and published so long ago has read by then what was committed last.
    let read_by_then = |one: &ConsumerSnapshot| {
        let published = one.progress_age_ns.filter(|_| one.progress_timestamp > 0);
        published.filter(|_| one.lag_bytes == Some(0))
    };
    let read = ring.consumers.iter().filter_map(read_by_then).max();
    let Some(idle) = seen.idle_ns else {
        let bounds = Bounds {
            low: read.unwrap_or(0),
            high: None,
            guess: read,
        };
        return (bounds, "a single sample cannot show movement".into());
    };
    let bounds = Bounds {
        low: idle.low.max(read.unwrap_or(0)),
        high: idle.high,
        guess: idle.value.or(read),
    };
    let why = match idle.high {
        Some(_) => "head moved between two samples".into(),
        None => format!(
            "nothing has been committed since before the first sample, {} ago; a longer --interval shows more",
            duration_in(idle.low, "us")
        ),
    };
    (bounds, why)
}

fn before(seen: &Observed) -> String {
    match seen.watched_ns {
        Some(watched) => format!(
            "it has been behind since before the first sample, {} ago; a longer --interval shows more",
            duration_in(watched, "us")
        ),
        None => "a single sample cannot be compared: set an --interval above 0".into(),
    }
}

/// Failed reservations since the last that succeeded.
pub(super) fn clog_attempts(seen: &Observed) -> (Bounds, String) {
    let attempts = seen.ring.slots.map(|slots| slots.clog_attempts);
    let why = limit(&seen.ring.attach.limits, Unseen::hides_slot_table);
    (Bounds::if_known(attempts), why)
}

/// Consumers that live and hold a slot.
pub(super) fn consumers(seen: &Observed) -> (Bounds, String) {
    use ConsumerState as State;
    let ring = &seen.ring;
    let there = ring.consumers.iter().filter(|consumer| {
        !matches!(
            consumer.state,
            State::Evicted | State::Dead | State::Left | State::Parked | State::Invalid
        )
    });
    let (alive, doubtful): (Vec<_>, Vec<_>) =
        there.partition(|consumer| consumer.alive == Some(true));
    let low = alive.len() as u64;
    let most = low + doubtful.len() as u64;
    let bounds = Bounds {
        low,
        high: ring.hidden_consumers.map(|hidden| most + u64::from(hidden)),
        guess: None,
    };
    let why = if ring.hidden_consumers == Some(0) {
        "whether all of them are still running is unknown".into()
    } else {
        hidden(seen)
    };
    (bounds, why)
}

/// Consumers that read a ring which has evicted them.
pub(super) fn zombie_count(seen: &Observed) -> (Bounds, String) {
    if seen.ring.control.head().is_none() && seen.ring.state == RingState::Unknown {
        return (Bounds::UNKNOWN, seen.ring.reason.clone());
    }
    let many = zombies(seen).count() as u64;
    let bounds = Bounds {
        low: many,
        high: seen.zombies_unseen.is_none().then_some(many),
        guess: None,
    };
    (bounds, seen.zombies_unseen.clone().unwrap_or_default())
}

/// Bytes ever committed.
pub(super) fn producer_head(seen: &Observed) -> (Bounds, String) {
    let ring = &seen.ring;
    let head = ring.control.head();
    let head = head.filter(|_| ring.state != RingState::Truncated);
    (Bounds::if_known(head), String::new())
}

/// Bytes committed per second.
pub(super) fn bytes_per_second(seen: &Observed) -> (Bounds, String) {
    let rate = seen.ring.rate.bytes_per_second.map(whole);
    (Bounds::if_known(rate), String::new())
}

/// Why consumers are hidden.
fn hidden(seen: &Observed) -> String {
    let many = match seen.ring.hidden_consumers {
        Some(1) => "a consumer is hidden".into(),
        Some(many) => format!("{} are hidden", counted(many.into(), "consumer")),
        None => "consumers are hidden".to_owned(),
    };
    let why = limit(&seen.ring.attach.limits, Unseen::hides_consumers);
    if why.is_empty() {
        many
    } else {
        format!("{many}: {why}")
    }
}

/// Why something cannot be seen, and what would help.
fn limit(limits: &[Limitation], hides: impl Fn(&Unseen) -> bool) -> String {
    let about = limits.iter().find(|limit| hides(&limit.what));
    about.map_or_else(String::new, Limitation::reason)
}
