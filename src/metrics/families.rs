//! The table of families: what is told of rings and of their consumers, and how that is called.

use std::time::Duration;

use super::exposition::{Exposition, Kind};
use super::histogram::ages;
use super::labels::Labels;
use super::series::{ConsumerSeries, RingSeries, lag_ratio};
use super::store::Metrics;
use crate::observe::model::{
    ConsumerSnapshot, ConsumerState, EventKind, Health, RingSnapshot, RingState,
};

/// A family of metrics.
pub(super) struct Family {
    /// Without the suffix of its kind.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// One line.
    pub(super) help: &'static str,
    /// It is counted from sample to sample: nothing is known of it with one.
    pub(super) is_counted: bool,
    /// Writes its samples.
    pub(super) samples: fn(&Metrics, &mut Exposition),
}

/// A figure of each ring that is there; `None` where it is not known.
macro_rules! of_rings {
    ($figure:expr) => {
        |metrics, out| {
            for (series, ring) in rings(metrics) {
                let figure: fn(&RingSnapshot) -> Option<_> = $figure;
                if let Some(figure) = figure(ring) {
                    out.sample(&series.labels, figure);
                }
            }
        }
    };
}

/// A figure of each consumer that holds a slot; `None` where it is not known.
macro_rules! of_consumers {
    ($figure:expr) => {
        |metrics, out| {
            for (series, consumer) in consumers(metrics) {
                let figure: fn(&ConsumerSnapshot) -> Option<_> = $figure;
                if let Some(figure) = figure(consumer) {
                    out.sample(&series.labels, figure);
                }
            }
        }
    };
}

/// All families, in the order in which they are written.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "zbqtop_build",
        kind: Kind::Info,
        help: "The version of zbqtop.",
        is_counted: false,
        samples: |_, out| {
            let labels = Labels::NONE.with("version", env!("CARGO_PKG_VERSION"));
            out.sample(&labels, 1);
        },
    },
    Family {
        name: "zbqtop_limits",
        kind: Kind::Gauge,
        help: "Things on this machine that could not be read: zbqtop ls says which, and why.",
        is_counted: false,
        samples: |metrics, out| out.sample(&Labels::NONE, metrics.limits),
    },
    Family {
        name: "zbqtop_sample_duration_seconds",
        kind: Kind::Gauge,
        help: "How long the last round of samples took, of all rings together.",
        is_counted: true,
        samples: |metrics, out| out.sample(&Labels::NONE, metrics.sampled_in.as_secs_f64()),
    },
    Family {
        name: "zbq_ring_up",
        kind: Kind::Gauge,
        help: "Whether the ring is there, and its producer with it. One that is gone stays listed with 0 for 15 minutes.",
        is_counted: false,
        samples: |metrics, out| {
            for series in metrics.rings() {
                // Of a ring of which nothing but messages is known, that is not known, either.
                let is_unknown = |ring: &RingSnapshot| {
                    ring.state == RingState::Unknown && ring.control.head().is_none()
                };
                if !series.now.as_ref().is_some_and(is_unknown) {
                    out.sample(&series.labels, u8::from(series.now.is_some()));
                }
            }
        },
    },
    Family {
        name: "zbq_ring",
        kind: Kind::Info,
        help: "What the ring is: its id and its producer's process, its size, and how it is watched.",
        is_counted: false,
        samples: |metrics, out| {
            for (series, ring) in rings(metrics) {
                let labels = series
                    .labels
                    .with("id", &ring.id)
                    .with("pid", &ring.producer.pid.to_string())
                    .with(
                        "command",
                        ring.producer.command.as_deref().unwrap_or_default(),
                    )
                    .with("capacity", &ring.control.ring_capacity.to_string())
                    .with("method", ring.attach.method.word());
                out.sample(&labels, 1);
            }
        },
    },
    Family {
        name: "zbq_ring_state",
        kind: Kind::Gauge,
        help: "1 for what the ring is doing, 0 for everything else.",
        is_counted: false,
        samples: |metrics, out| {
            for (series, ring) in rings(metrics) {
                for state in RingState::ALL {
                    let is = u8::from(state == ring.state);
                    out.labelled(&series.labels, "state", &value(state.word()), is);
                }
            }
        },
    },
    Family {
        name: "zbq_ring_health",
        kind: Kind::Gauge,
        help: "1 for how the ring is by its worst finding, 0 for everything else.",
        is_counted: false,
        samples: |metrics, out| {
            for (series, ring) in rings(metrics) {
                for health in Health::ALL {
                    let is = u8::from(health == ring.health);
                    out.labelled(&series.labels, "health", health.word(), is);
                }
            }
        },
    },
    Family {
        name: "zbq_ring_capacity_bytes",
        kind: Kind::Gauge,
        help: "Bytes in the ring.",
        is_counted: false,
        samples: of_rings!(|ring| (!ring.control.truncated).then_some(ring.control.ring_capacity)),
    },
    Family {
        name: "zbq_ring_free_bytes",
        kind: Kind::Gauge,
        help: "Bytes that the producer can still write before it meets the slowest consumer.",
        is_counted: false,
        samples: of_rings!(|ring| ring.free_bytes),
    },
    Family {
        name: "zbq_ring_written_bytes",
        kind: Kind::Counter,
        help: "Bytes ever committed.",
        is_counted: false,
        samples: of_rings!(|ring| ring.control.head()),
    },
    Family {
        name: "zbq_ring_messages",
        kind: Kind::Counter,
        help: "Messages since watching began, of which zbq_ring_messages_estimated_total are an estimate.",
        is_counted: true,
        samples: |metrics, out| {
            for (series, _) in rings(metrics) {
                #[expect(clippy::cast_precision_loss, reason = "a metric has 53 bits")]
                let all = series.messages.counted as f64 + series.messages.estimated.round();
                out.sample(&series.labels, all);
            }
        },
    },
    Family {
        name: "zbq_ring_messages_estimated",
        kind: Kind::Counter,
        help: "How many of the messages were not read, and are estimated by their bytes.",
        is_counted: true,
        samples: |metrics, out| {
            for (series, _) in rings(metrics) {
                out.sample(&series.labels, series.messages.estimated.round());
            }
        },
    },
    Family {
        name: "zbq_message_age_seconds",
        kind: Kind::Histogram,
        help: "How old messages were when they were first seen to be committed, by the time they carry. Head is looked at every millisecond, so that is about a millisecond more at most than when they were committed, while the machine is not busy. Only with --time-field, of the messages that were read.",
        is_counted: true,
        samples: |metrics, out| {
            for series in metrics.rings() {
                if let Some(counts) = &series.messages.ages {
                    let sum = counts.sum_ns as f64 / 1e9;
                    out.histogram(&series.labels, ages(counts), sum);
                }
            }
        },
    },
    Family {
        name: "zbq_message_age_unknown",
        kind: Kind::Counter,
        help: "Messages that were read and whose age could not be told: they carry no such time, could not be decoded, or not in time.",
        is_counted: true,
        samples: |metrics, out| {
            for series in metrics.rings() {
                if let Some(counts) = &series.messages.ages {
                    out.sample(&series.labels, counts.untimed);
                }
            }
        },
    },
    Family {
        name: "zbq_ring_slots",
        kind: Kind::Gauge,
        help: "Slots for consumers: free ones, and those of pull and of push consumers.",
        is_counted: false,
        samples: |metrics, out| {
            for (series, ring) in rings(metrics) {
                let Some(slots) = ring.slots else { continue };
                for (state, count) in [
                    ("free", slots.max.saturating_sub(slots.used)),
                    ("pull", slots.used.saturating_sub(slots.push)),
                    ("push", slots.push),
                ] {
                    out.labelled(&series.labels, "state", state, count);
                }
            }
        },
    },
    Family {
        name: "zbq_ring_clog_attempts",
        kind: Kind::Gauge,
        help: "Reservations that failed since the last one that succeeded.",
        is_counted: false,
        samples: of_rings!(|ring| ring.slots.map(|slots| slots.clog_attempts)),
    },
    Family {
        name: "zbq_ring_clog_threshold",
        kind: Kind::Gauge,
        help: "Reservations that fail before the producer looks for consumers to evict.",
        is_counted: false,
        samples: of_rings!(|ring| (!ring.control.truncated).then_some(ring.control.clog_threshold)),
    },
    Family {
        name: "zbq_hidden_consumers",
        kind: Kind::Gauge,
        help: "Consumers that exist but cannot be seen.",
        is_counted: false,
        samples: of_rings!(|ring| ring.hidden_consumers),
    },
    Family {
        name: "zbq_consumers",
        kind: Kind::Gauge,
        help: "Consumers by what they are doing. Those that were evicted and still read are among them.",
        is_counted: false,
        samples: |metrics, out| {
            for (series, ring) in rings(metrics) {
                for state in ConsumerState::ALL {
                    let consumers = ring.consumers.iter();
                    let count = consumers.filter(|one| one.state == state).count();
                    out.labelled(&series.labels, "state", state.word(), count);
                }
            }
        },
    },
    Family {
        name: "zbq_consumer",
        kind: Kind::Info,
        help: "What the consumer is: its process, and how it is woken.",
        is_counted: false,
        samples: |metrics, out| {
            for (series, consumer) in consumers(metrics) {
                let pid = consumer.pid.map(|pid| pid.to_string());
                let mode = consumer.wakeup_mode.map(|mode| mode.word());
                let labels = series
                    .labels
                    .with("pid", &pid.unwrap_or_default())
                    .with("wakeup_mode", mode.unwrap_or_default());
                out.sample(&labels, 1);
            }
        },
    },
    Family {
        name: "zbq_consumer_state",
        kind: Kind::Gauge,
        help: "1 for what the consumer is doing, 0 for everything else.",
        is_counted: false,
        samples: |metrics, out| {
            for (series, consumer) in consumers(metrics) {
                for state in ConsumerState::ALL {
                    let is = u8::from(state == consumer.state);
                    out.labelled(&series.labels, "state", state.word(), is);
                }
            }
        },
    },
    Family {
        name: "zbq_consumer_lag_bytes",
        kind: Kind::Gauge,
        help: "Bytes that are committed and that the consumer has not released.",
        is_counted: false,
        samples: of_consumers!(|consumer| consumer.lag_bytes),
    },
    Family {
        name: "zbq_consumer_lag_ratio",
        kind: Kind::Gauge,
        help: "The same as a part of the ring: at 1 the ring is full.",
        is_counted: false,
        samples: of_consumers!(lag_ratio),
    },
    Family {
        name: "zbq_consumer_lag_ratio_sampled",
        kind: Kind::Histogram,
        help: "The same as it was at each sample, ten times a second unless --rate says otherwise, so that what happens between two scrapes is seen.",
        is_counted: true,
        samples: |metrics, out| {
            for series in metrics.rings().flat_map(|ring| &ring.consumers) {
                let lags = &series.lags;
                out.histogram(&series.labels, lags.cumulative(), lags.sum());
            }
        },
    },
    Family {
        name: "zbq_consumer_lag_messages",
        kind: Kind::Gauge,
        help: "Messages that the consumer has not released: an estimate where zbq_consumer_lag_messages_exact is 0.",
        is_counted: false,
        samples: of_consumers!(|consumer| consumer.lag_messages.value),
    },
    Family {
        name: "zbq_consumer_lag_messages_exact",
        kind: Kind::Gauge,
        help: "Whether all messages of the lag were counted.",
        is_counted: false,
        samples: of_consumers!(|consumer| {
            let lag = consumer.lag_messages;
            lag.value.map(|_| u8::from(lag.exact))
        }),
    },
    Family {
        name: "zbq_consumer_lag_seconds",
        kind: Kind::Gauge,
        help: "How long ago the oldest byte was committed that the consumer has not released; at least so long where that was before the ring was watched.",
        is_counted: false,
        samples: of_consumers!(|consumer| {
            let lag = consumer.lag_time_ns?;
            Some(seconds(lag.value.unwrap_or(lag.low)))
        }),
    },
    Family {
        name: "zbq_consumer_read_bytes",
        kind: Kind::Counter,
        help: "Bytes that the consumer has released since watching began.",
        is_counted: true,
        samples: |metrics, out| {
            for (series, consumer) in consumers(metrics) {
                // A tail above head says nothing of what was read.
                if consumer.lag_bytes.is_some() {
                    let read = consumer.tail_offset.saturating_sub(series.first_tail);
                    out.sample(&series.labels, read);
                }
            }
        },
    },
    Family {
        name: "zbq_consumer_progress_age_seconds",
        kind: Kind::Gauge,
        help: "How long ago the consumer last said that it makes progress.",
        is_counted: false,
        samples: of_consumers!(|consumer| consumer.progress_age_ns.map(seconds)),
    },
    Family {
        name: "zbq_events",
        kind: Kind::Counter,
        help: "Events since watching began.",
        is_counted: true,
        samples: |metrics, out| {
            for series in metrics.rings() {
                for (kind, count) in EventKind::ALL.iter().zip(series.events) {
                    out.labelled(&series.labels, "kind", &value(kind.word()), count);
                }
            }
        },
    },
    Family {
        name: "zbq_findings",
        kind: Kind::Gauge,
        help: "What is wrong now, by its code; 0 for what was wrong before.",
        is_counted: false,
        samples: |metrics, out| {
            for (series, ring) in rings(metrics) {
                for (code, severity) in &series.findings {
                    let findings = ring.findings.iter();
                    let count = findings
                        .filter(|one| one.code == *code && one.severity.word() == *severity)
                        .count();
                    let labels = series.labels.with("code", code);
                    out.labelled(&labels, "severity", severity, count);
                }
            }
        },
    },
    Family {
        name: "zbqtop_scrape_duration_seconds",
        kind: Kind::Gauge,
        help: "How long it took to produce this response.",
        is_counted: false,
        samples: |metrics, out| {
            let elapsed = metrics.begun.map(|begun| begun.elapsed());
            let elapsed: Duration = elapsed.unwrap_or_default();
            out.sample(&Labels::NONE, elapsed.as_secs_f64());
        },
    },
];

/// The rings that are there.
fn rings(metrics: &Metrics) -> impl Iterator<Item = (&RingSeries, &RingSnapshot)> {
    let rings = metrics.rings();
    rings.filter_map(|series| Some((series, series.now.as_ref()?)))
}

/// The consumers that hold slots of them.
fn consumers(metrics: &Metrics) -> impl Iterator<Item = (&ConsumerSeries, &ConsumerSnapshot)> {
    rings(metrics).flat_map(|(series, ring)| {
        let consumers = series.consumers.iter();
        consumers.filter_map(|one| Some((one, ring.consumers.get(one.place)?)))
    })
}

/// A word as it is in the JSON.
fn value(word: &str) -> String {
    word.replace(' ', "_")
}

#[expect(clippy::cast_precision_loss, reason = "a metric has 53 bits")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
