//! Samples for the tests of what is made from them.

use super::{MemberSample, Sample};
use crate::observe::attach::Presence;
use crate::observe::model::fixtures::control;

/// A ring of 64 KiB at `head` whose producer lives.
pub(crate) fn sample(head: u64, members: Vec<MemberSample>) -> Sample {
    Sample {
        at_ns: 0,
        head_before: head,
        control: control(head),
        cut_short: false,
        producer_alive: true,
        given_up: false,
        producer_state: None,
        table: None,
        hidden: Some(0),
        members,
        departed: Vec::new(),
    }
}

/// A consumer that is there and has never published.
pub(crate) fn member(meta_inode: u64, tail: u64) -> MemberSample {
    MemberSample {
        meta_inode,
        held: true,
        presence: Presence::Mapped,
        alive: Some(true),
        slot: None,
        joiner_ended: false,
        process_state: None,
        pid: None,
        start_ticks: None,
        command: None,
        command_line: None,
        uid: None,
        tail,
        highest_tail: tail,
        progress_timestamp: 0,
        join_baseline: 0,
        silent_ns: None,
        truncated: false,
    }
}
