//! Samples for the tests of what is made from them.

use super::member::Presence;
use super::sample::{MemberSample, Sample};
use super::snapshot::Control;

/// A ring of 64 KiB at `head` whose producer lives.
pub(super) fn sample(head: u64, members: Vec<MemberSample>) -> Sample {
    Sample {
        at_ns: 0,
        head_before: head,
        control: Control {
            producer_head: head,
            broadcast_futex: 0,
            producer_pid: 1,
            ring_capacity: 1 << 16,
            clog_threshold: 100,
            stall_timeout_ns: 5_000_000_000,
        },
        truncated: false,
        cut_short: false,
        producer_alive: true,
        table: None,
        hidden: Some(0),
        members,
    }
}

/// A consumer that is there and has never published.
pub(super) fn member(meta_inode: u64, tail: u64) -> MemberSample {
    MemberSample {
        meta_inode,
        held: true,
        presence: Presence::Mapped,
        slot: None,
        pid: None,
        command: None,
        tail,
        highest_tail: tail,
        progress_timestamp: 0,
        join_baseline: 0,
        silent_ns: None,
        truncated: false,
    }
}
