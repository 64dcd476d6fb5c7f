//! Snapshots for the tests of what is made from them.

use super::consumer::{ConsumerSnapshot, ConsumerState};
use super::estimate::Estimate;
use super::finding::Health;
use super::snapshot::{
    Attach, ControlRegion, Method, ProducerInfo, Rate, RingSnapshot, RingState, SlotCounts,
};

/// A control region at `head`.
pub(crate) fn control(head: u64) -> ControlRegion {
    ControlRegion {
        truncated: false,
        producer_head: head,
        broadcast_futex: 0,
        producer_pid: 1,
        ring_capacity: 1 << 16,
        clog_threshold: 100,
        stall_timeout_ns: 5_000_000_000,
    }
}

/// The snapshot of a ring of 64 KiB that flows, all of whose consumers are seen.
pub(crate) fn ring(consumers: Vec<ConsumerSnapshot>) -> RingSnapshot {
    RingSnapshot {
        id: "7/3".into(),
        ctrl_inode: 6388,
        state: RingState::Flowing,
        health: Health::Ok,
        reason: "head moves".into(),
        sampled_ns: 0,
        attach: Attach {
            method: Method::Map,
            slot_table: true,
            joined: None,
            limits: Vec::new(),
        },
        producer: ProducerInfo {
            pid: 7,
            ns_pid: Some(7),
            command: Some("quotes".into()),
            command_line: None,
            uid: Some(0),
            user: None,
            process_state: None,
            alive: true,
            started_at: None,
            sockets: Some(Vec::new()),
        },
        control: control(1 << 20),
        slots: Some(SlotCounts {
            max: 16,
            used: 1,
            push: 0,
            clog_attempts: 0,
            next_seq_id: 1,
        }),
        free_bytes: None,
        gating_slot: None,
        gating_pid: None,
        gating_meta_inode: None,
        time_to_full_ns: None,
        rate: Rate {
            bytes_per_second: Some(1e6),
            messages_per_second: Estimate::default(),
        },
        messages: crate::observe::model::MessageFigures::default(),
        consumers,
        hidden_consumers: Some(0),
        findings: Vec::new(),
        events: Vec::new(),
    }
}

/// A consumer that moves, `lag_bytes` behind, of which nothing else is known.
pub(crate) fn consumer(lag_bytes: u64) -> ConsumerSnapshot {
    ConsumerSnapshot {
        meta_inode: 1,
        slot: Some(0),
        pid: Some(8),
        command: Some("risk".into()),
        command_line: None,
        uid: None,
        user: None,
        joined_at: None,
        process_state: None,
        alive: Some(true),
        held: true,
        state: ConsumerState::Ok,
        reason: "caught up".into(),
        wakeup_mode: None,
        wakeup_basis: None,
        waits_on_futex: None,
        side_socket_unread_bytes: None,
        side_socket_capacity_bytes: None,
        side_socket_descriptors: None,
        side_socket_descriptors_limit: None,
        tail_offset: (1 << 20) - lag_bytes,
        lag_bytes: Some(lag_bytes),
        lag_percent: None,
        lag_messages: Estimate::default(),
        lag_time_ns: None,
        rate_bytes_per_second: Some(1e6),
        progress_timestamp: 0,
        join_baseline: 0,
        progress_age_ns: None,
        evict_in_ns: None,
    }
}
