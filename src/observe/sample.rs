//! One reading of an attached ring: the raw numbers, all taken within microseconds.
//!
//! Judges nothing and remembers nothing: rates, ages and states are made from samples elsewhere.

use super::attach::{AttachedRing, Presence};
use super::slots::{SlotView, TableView};
use super::snapshot::Control;
use crate::ring::clock::{TickClock, monotonic_ns, ticks};
use crate::ring::layout::{
    CTRL_BROADCAST_FUTEX, CTRL_CLOG_THRESHOLD, CTRL_PRODUCER_HEAD, CTRL_PRODUCER_PID,
    CTRL_STALL_TIMEOUT_NS, META_JOIN_BASELINE, META_PROGRESS_TIMESTAMP, META_TAIL_OFFSET,
};

/// The numbers of a ring at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// `CLOCK_MONOTONIC` when head was read, ns.
    pub at_ns: u64,
    /// The control region; `ring_capacity` is the copy checked when attaching.
    pub control: Control,
    /// The ring's pages are no longer behind the mapping: a memfd shrank.
    pub truncated: bool,
    /// Whether the producer still runs.
    pub producer_alive: bool,
    /// The producer's slot table.
    pub table: Option<TableView>,
    /// Whether the consumers could be listed.
    pub members_seen: bool,
    /// Its consumers.
    pub members: Vec<MemberSample>,
}

/// One consumer at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberSample {
    /// Inode of its metadata page.
    pub meta_inode: u64,
    /// Whether the producer holds its slot.
    pub held: bool,
    /// Whether its process has the page mapped.
    pub presence: Presence,
    /// Its slot.
    pub slot: Option<SlotView>,
    /// Its process.
    pub pid: Option<i32>,
    /// Its process's name, unescaped.
    pub command: Option<String>,
    /// Its tail, read before head.
    pub tail: u64,
    /// CPU ticks from `join_baseline` to its last publish.
    pub progress_timestamp: u64,
    /// The producer's CPU ticks when it joined.
    pub join_baseline: u64,
    /// Since its last publish, or since it joined if it never published, ns; `None` when its clock says the future.
    pub silent_ns: Option<u64>,
    /// Its page shrank under the mapping: the numbers are zeroes, not its own.
    pub truncated: bool,
}

/// Reads `ring` now. Tails before head, each with acquire, so that an honest consumer's tail is never above head.
pub fn take(ring: &mut AttachedRing, clock: &TickClock) -> Sample {
    ring.note_ends();
    let table = ring.read_table();
    let members = ring.members().iter().map(|member| {
        // Pairs with the consumer's store-release in publish.
        let tail = member.meta.load_u64_acquire(META_TAIL_OFFSET);
        let progress_timestamp = member.meta.load_u64_relaxed(META_PROGRESS_TIMESTAMP);
        let join_baseline = member.meta.load_u64_relaxed(META_JOIN_BASELINE);
        let silent_ticks = ticks().checked_sub(join_baseline.wrapping_add(progress_timestamp));
        MemberSample {
            meta_inode: member.file.ino,
            held: member.held,
            presence: member.presence,
            slot: member.slot,
            pid: member
                .process
                .as_ref()
                .map(super::attach::MemberProcess::pid),
            command: member
                .process
                .as_ref()
                .and_then(|process| process.command.clone()),
            tail,
            progress_timestamp,
            join_baseline,
            silent_ns: silent_ticks.map(|ticks| clock.ticks_to_ns(ticks)),
            truncated: member.meta.is_truncated(),
        }
    });
    let members = members.collect();
    Sample {
        control: control(ring),
        at_ns: monotonic_ns(),
        truncated: ring.ctrl().is_truncated(),
        producer_alive: ring.producer_alive(),
        table,
        members_seen: ring.sees_members(),
        members,
    }
}

/// The control region now.
#[must_use]
pub fn control(ring: &AttachedRing) -> Control {
    let page = ring.ctrl();
    Control {
        // Pairs with the producer's store-release in commit.
        producer_head: page.load_u64_acquire(CTRL_PRODUCER_HEAD),
        broadcast_futex: page.load_u32_relaxed(CTRL_BROADCAST_FUTEX),
        producer_pid: page.load_u32_relaxed(CTRL_PRODUCER_PID).cast_signed(),
        ring_capacity: ring.capacity(),
        clog_threshold: page.load_u64_relaxed(CTRL_CLOG_THRESHOLD),
        stall_timeout_ns: page.load_u64_relaxed(CTRL_STALL_TIMEOUT_NS),
    }
}
