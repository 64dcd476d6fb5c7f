//! What of the ring is held, and by whom: what its pictures have in common.
//!
//! Measures from head, never by place in the ring: at a thousand laps a second places are noise, distances are not.

use super::consumers;
use crate::observe::model::{ConsumerSnapshot, ConsumerState, RingSnapshot};
use crate::ui::consumer_list::label;
use crate::ui::format::bytes;

/// What lies behind head, up to the tail that is furthest back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeldSpace {
    /// Bytes.
    pub(super) bytes: u64,
    /// Whether that is all: what is beyond is free. Else what can be seen is held, and whether more is cannot be seen.
    pub(super) all: bool,
}

pub(super) fn held(ring: &RingSnapshot) -> HeldSpace {
    match ring.free_bytes {
        Some(free) => HeldSpace {
            bytes: ring.control.ring_capacity.saturating_sub(free),
            all: true,
        },
        None => HeldSpace {
            bytes: tails(ring).last().map_or(0, |tail| tail.lag),
            all: false,
        },
    }
}

/// A tail behind head.
pub(super) struct TailMark {
    /// How far, bytes.
    pub(super) lag: u64,
    /// What it is called: the slot's number, in parentheses where it gates the producer.
    pub(super) label: String,
    /// Where the number begins in the label.
    pub(super) number_at: u16,
}

/// Every tail that stands for bytes to be read, the nearest to head first.
pub(super) fn tails(ring: &RingSnapshot) -> Vec<TailMark> {
    let read = |consumer: &&ConsumerSnapshot| {
        !matches!(
            consumer.state,
            ConsumerState::Evicted | ConsumerState::Parked
        )
    };
    let mut tails: Vec<(u64, usize)> = (0..)
        .zip(&ring.consumers)
        .filter(|(_, consumer)| read(consumer))
        .filter_map(|(place, consumer)| Some((consumer.lag_bytes?, place)))
        .collect();
    tails.sort_unstable();
    let tail = |(lag, place): (u64, usize)| {
        let consumer = &ring.consumers[place];
        let number = label(consumer, place);
        // Where all are at head, the gate changes hands at every sample and holds nothing.
        let gates = lag > 0 && ring.gating_meta_inode == Some(consumer.meta_inode);
        TailMark {
            lag,
            label: if gates { format!("({number})") } else { number },
            number_at: u16::from(gates),
        }
    };
    tails.into_iter().map(tail).collect()
}

/// Who holds the producer up, in words.
pub(super) fn gate(ring: &RingSnapshot) -> String {
    let gate = ring.gating_meta_inode.and_then(|inode| {
        let mut consumers = ring.consumers.iter().enumerate();
        consumers.find(|(_, consumer)| consumer.meta_inode == inode)
    });
    match gate {
        Some((_, consumer)) if consumer.lag_bytes == Some(0) => "all caught up".to_owned(),
        Some((place, consumer)) => {
            let lag = consumer.lag_bytes.map(bytes);
            let lag = lag.unwrap_or_else(|| "unknown".to_owned());
            let gates = if ring.state.is_over() {
                "was last"
            } else {
                "gates"
            };
            format!("{} {gates}, {lag} behind", consumers::name(consumer, place))
        }
        None if ring.free_bytes.is_none() => "not all tails can be seen".to_owned(),
        None if ring.consumers.is_empty() => "no consumers, nothing held".to_owned(),
        None => "nothing held".to_owned(),
    }
}
