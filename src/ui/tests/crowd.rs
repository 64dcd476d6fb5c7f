//! Consumers for the tests of their pane: many of them, one of which little is known, and what they lagged before.

use std::collections::HashMap;

use super::fixtures::{MS, consumer, flowing, gone};
use crate::observe::frame::{Frame, PastPoint};
use crate::observe::snapshot::*;

/// A ring with seventeen consumers in all kinds of trouble.
pub(super) fn crowded() -> Frame {
    let names = [
        "risk",
        "archive",
        "web-gateway-eu",
        "Web-gateway-us",
        "audit",
    ];
    let states = [
        (ConsumerState::Ok, "follows head"),
        (ConsumerState::Lagging, "behind, and moving"),
        (ConsumerState::Idle, "caught up, and nothing new comes"),
        (
            ConsumerState::Stalled,
            "behind, and has not moved for 2.0 s",
        ),
    ];
    let mut frame = flowing();
    frame.snapshot.consumers = (0..17u32)
        .map(|slot| {
            let nth = slot as usize;
            let (state, reason) = states[nth * 7 % 4];
            let lag = match state {
                ConsumerState::Idle => 0,
                _ => u64::from(slot * 5 % 17) * 48_271 + 1_000,
            };
            let pid = 6390 + (slot * 3 % 17).cast_signed();
            let mut consumer = consumer(slot, pid, names[nth % 5], lag, state, reason);
            consumer.wakeup_mode = Some([WakeupMode::Push, WakeupMode::Pull][nth % 2]);
            consumer.rate_bytes_per_second = Some(846e6 + f64::from(slot) * 50.0);
            consumer.progress_age_ns = (slot != 4).then_some(u64::from(slot * 11 % 17) * 37 * MS);
            consumer.evict_in_ns = (state == ConsumerState::Stalled).then_some(3_000 * MS);
            consumer
        })
        .collect();
    frame.lags = past(&frame.snapshot);
    frame.snapshot.gating_slot = Some(13);
    frame.snapshot.gating_meta_inode = Some(113);
    frame
}

/// A ring of which only the tail of a parked consumer can be seen, and that it is none of the producer's any more.
pub(super) fn unknown() -> Frame {
    let mut frame = gone();
    let parked = Consumer {
        slot: None,
        pid: None,
        command: None,
        alive: None,
        held: false,
        wakeup_mode: None,
        wakeup_basis: None,
        tail_offset: u64::MAX,
        lag_bytes: None,
        lag_percent: None,
        lag_messages: Estimate::default(),
        lag_time_ns: None,
        rate_bytes_per_second: None,
        progress_timestamp: 0,
        progress_age_ns: None,
        evict_in_ns: None,
        ..consumer(0, 0, "", 0, ConsumerState::Parked, "its tail is above head")
    };
    frame.snapshot.consumers = vec![parked];
    frame.lags = past(&frame.snapshot);
    for point in frame.lags.values_mut().flatten() {
        point.value = None;
    }
    frame
}

/// Two minutes of every consumer's lag: waves that come to rest at what it is now.
pub(super) fn past(ring: &RingSnapshot) -> HashMap<u64, Vec<PastPoint>> {
    let of = |consumer: &Consumer| {
        let lag = consumer.lag_bytes.unwrap_or(0);
        (0..480u64)
            .map(|step| {
                let wave = 120 - (step + consumer.meta_inode * 17) % 120;
                PastPoint {
                    at_ns: ring.sampled_ns - (479 - step) * 250 * MS,
                    value: Some(lag * (480 - wave * (479 - step) / 120) / 480),
                }
            })
            .collect()
    };
    let consumers = ring.consumers.iter();
    consumers
        .map(|consumer| (consumer.meta_inode, of(consumer)))
        .collect()
}
