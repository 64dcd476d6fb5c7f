//! The columns of the list of rings: what each tells, what it is called, and how it is sorted by.
//!
//! Knows nothing of how wide a column is.

use super::format::{bytes, percent, rate, whole};
use crate::observe::model::{ConsumerState, RingListing, WorstConsumer};
use crate::text::{few, percent_of};

/// What a column of the list of rings tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RingField {
    Health,
    Id,
    Command,
    State,
    Rate,
    History,
    Percent,
    Free,
    Capacity,
    Consumers,
    Worst,
    Event,
    Socket,
}

impl RingField {
    /// All of them, in the order of the columns.
    pub(crate) const ALL: [Self; 13] = [
        Self::Health,
        Self::Id,
        Self::Command,
        Self::State,
        Self::Rate,
        Self::History,
        Self::Percent,
        Self::Free,
        Self::Capacity,
        Self::Consumers,
        Self::Worst,
        Self::Event,
        Self::Socket,
    ];

    /// What stands over the column.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Health => "HEALTH",
            Self::Id => "PID/FD",
            Self::Command => "COMMAND",
            Self::State => "STATE",
            Self::Rate => "RATE",
            Self::History => "HISTORY",
            Self::Percent => "LAG %",
            Self::Free => "FREE",
            Self::Capacity => "CAPACITY",
            Self::Consumers => "CONSUMERS",
            Self::Worst => "WORST CONSUMER",
            Self::Event => "LAST EVENT",
            Self::Socket => "SOCKET",
        }
    }

    /// Whether the largest stands first until the user reverses it.
    pub(super) fn begins_descending(self) -> bool {
        !matches!(
            self,
            Self::Id | Self::Command | Self::Free | Self::Socket | Self::State
        )
    }

    /// What it tells of a ring; `None` where that is not known.
    pub(crate) fn text(self, ring: &RingListing) -> Option<String> {
        match self {
            Self::Health => Some(health(ring).to_owned()),
            // Its producer has gone: it is known by who still maps it.
            Self::Id => Some(match ring.through {
                Some(through) => format!("via {through}"),
                None => ring.id.clone(),
            }),
            Self::Command => ring.command.clone(),
            Self::State => Some(ring.state.word().to_owned()),
            // What it was before is not in a listing.
            Self::Rate | Self::History => ring.bytes_per_second.map(rate),
            Self::Percent => lag_percent(ring).map(percent),
            Self::Free => ring.free_bytes.map(bytes),
            Self::Capacity => ring.ring_capacity.map(bytes),
            Self::Consumers => ring.consumers.map(|consumers| consumers.to_string()),
            Self::Worst => ring.worst_consumer.as_ref().map(worst),
            Self::Event => ring
                .last_event
                .as_ref()
                .map(|event| event.kind.word().to_owned()),
            Self::Socket => (ring.sockets.as_deref())
                .filter(|sockets| !sockets.is_empty())
                .map(|sockets| few(sockets, " ")),
        }
    }

    /// What a ring is sorted by: a number, and how it reads.
    pub(super) fn figure(self, ring: &RingListing) -> Option<(u64, String)> {
        let number = match self {
            Self::Health => ring
                .worst_finding
                .as_ref()
                .map_or(0, |finding| finding.severity as u64 + 1),
            Self::Id => {
                // The descriptor's number stands behind the pid.
                let fd = ring.id.rsplit('/').next().and_then(|fd| fd.parse().ok());
                let fd: u32 = fd.unwrap_or(u32::MAX);
                let number = u64::from(ring.pid.unsigned_abs()) << 32 | u64::from(fd);
                return Some((number, ring.id.clone()));
            }
            Self::Rate | Self::History => whole(ring.bytes_per_second?),
            Self::Percent => whole(lag_percent(ring)? * 100.0),
            Self::Free => ring.free_bytes?,
            Self::Capacity => ring.ring_capacity.unwrap_or(0),
            Self::Consumers => ring.consumers?.into(),
            Self::Worst => ring.worst_consumer.as_ref()?.state.badness(),
            // By its time: those of one kind are not all the same.
            Self::Event => {
                let at = ring.last_event.as_ref()?.monotonic_ns;
                return Some((at, at.to_string()));
            }
            Self::Command | Self::State | Self::Socket => {
                return Some((0, self.text(ring)?.to_lowercase()));
            }
        };
        Some((number, self.text(ring)?))
    }
}

/// How the ring is, by what was found wrong.
pub(crate) fn health(ring: &RingListing) -> &'static str {
    let worst = ring.worst_finding.as_ref();
    worst.map_or("ok", |finding| finding.severity.word())
}

/// How far the worst consumer is behind, in percent of the ring.
fn lag_percent(ring: &RingListing) -> Option<f64> {
    let lag = ring.worst_consumer.as_ref()?.lag_bytes?;
    Some(percent_of(lag, ring.ring_capacity?))
}

/// ``` stalled  slot 3 archive ```; `ok` where there is no trouble.
fn worst(consumer: &WorstConsumer) -> String {
    let who = match (consumer.slot, consumer.pid) {
        (Some(slot), _) => format!("slot {slot}"),
        (None, Some(pid)) => format!("pid {pid}"),
        (None, None) => String::new(),
    };
    let command = consumer.command.as_deref().unwrap_or_default();
    let state = consumer.state;
    if matches!(
        state,
        ConsumerState::Ok | ConsumerState::Idle | ConsumerState::Parked
    ) {
        // None is worse than the others: which of them it is changes from look to look.
        return state.word().to_owned();
    }
    format!("{:<8} {who} {command}", state.word())
}
