//! Consumers for the tests of their pane: many of them, one of which little is known, and what they lagged before.

use super::fixtures::{MS, changed, consumer, flowing, gone, past};
use crate::observe::model::{Frame, *};
use crate::ring::WakeupMode;

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
    let parked = ConsumerSnapshot {
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
    for past in frame.lags.values_mut() {
        *past = changed(past, |_, _| None);
    }
    frame
}

/// A ring of another user's, joined: neither its slot table nor the other consumers may be seen.
pub(super) fn hidden() -> Frame {
    let mut frame = flowing();
    let ring = &mut frame.snapshot;
    ring.attach.method = Method::Join;
    ring.attach.slot_table = false;
    ring.slots = None;
    ring.consumers.truncate(1);
    ring.hidden_consumers = None;
    ring.free_bytes = None;
    ring.gating_meta_inode = None;
    ring.gating_slot = None;
    ring.time_to_full_ns = None;
    ring.attach.limits = [
        "the other consumers",
        "the producer: uid, start",
        "the slot table",
    ]
    .into_iter()
    .zip(["run as root", "run as uid 1000", "have CAP_SYS_PTRACE"])
    .map(|(what, remedy)| Limitation {
        what: what.into(),
        why: "pid 6388 runs as uid 1000, we as uid 65534: /proc/6388/fd may not be read".to_owned(),
        remedy: Some(remedy.to_owned()),
    })
    .collect();
    frame
}

/// A ring whose control region has shrunk under the watcher.
pub(super) fn truncated() -> Frame {
    let mut frame = flowing();
    let ring = &mut frame.snapshot;
    ring.state = RingState::Truncated;
    ring.reason = "zbq_ctrl has shrunk under the watcher; what it held is lost".to_owned();
    ring.findings = vec![Finding {
        code: "ring-truncated".into(),
        severity: Severity::Critical,
        message: ring.reason.clone(),
        slot: None,
        pid: None,
    }];
    ring.control.producer_head = 0;
    ring.free_bytes = None;
    ring.rate = Rate::default();
    ring.time_to_full_ns = None;
    for consumer in &mut ring.consumers {
        consumer.lag_bytes = None;
        consumer.lag_percent = None;
        consumer.lag_time_ns = None;
        consumer.lag_messages = Estimate::default();
    }
    frame
}
