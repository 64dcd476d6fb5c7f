//! What stands in the control region and in a consumer's page, field by field. Reads; what follows is decided
//! elsewhere.

use super::layout::{self, u32_at, u64_at};
use super::mapping::Mapping;

/// The control region at one instant, field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// Bytes ever committed.
    pub producer_head: u64,
    /// Commits made while a push slot was active.
    pub broadcast_futex: u32,
    /// The producer, in its own pid namespace.
    pub producer_pid: i32,
    /// Bytes in the ring.
    pub ring_capacity: u64,
    /// Failed reservations before a scan.
    pub clog_threshold: u64,
    /// Nanoseconds without progress before an eviction.
    pub stall_timeout_ns: u64,
}

impl Control {
    /// Reads a mapped control region.
    pub fn load<Access>(ctrl: &Mapping<Access>) -> Self {
        Self {
            // Acquire: pairs with the producer's store-release of head.
            producer_head: ctrl.load_u64_acquire(layout::CTRL_PRODUCER_HEAD),
            // The rest orders nothing: it was written before the ring was shared, or is only to be shown.
            broadcast_futex: ctrl.load_u32_relaxed(layout::CTRL_BROADCAST_FUTEX),
            producer_pid: ctrl
                .load_u32_relaxed(layout::CTRL_PRODUCER_PID)
                .cast_signed(),
            ring_capacity: ctrl.load_u64_relaxed(layout::CTRL_RING_CAPACITY),
            clog_threshold: ctrl.load_u64_relaxed(layout::CTRL_CLOG_THRESHOLD),
            stall_timeout_ns: ctrl.load_u64_relaxed(layout::CTRL_STALL_TIMEOUT_NS),
        }
    }

    /// Reads a copy of a control region, which begins with its struct; `None` when it is too short.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            producer_head: u64_at(bytes, layout::CTRL_PRODUCER_HEAD)?,
            broadcast_futex: u32_at(bytes, layout::CTRL_BROADCAST_FUTEX)?,
            producer_pid: u32_at(bytes, layout::CTRL_PRODUCER_PID)?.cast_signed(),
            ring_capacity: u64_at(bytes, layout::CTRL_RING_CAPACITY)?,
            clog_threshold: u64_at(bytes, layout::CTRL_CLOG_THRESHOLD)?,
            stall_timeout_ns: u64_at(bytes, layout::CTRL_STALL_TIMEOUT_NS)?,
        })
    }
}

/// A consumer's metadata page at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Logical offset up to which the consumer has released the ring.
    pub tail_offset: u64,
    /// CPU ticks from `join_baseline` to the last publish; 0 = never published.
    pub progress_timestamp: u64,
    /// The producer's CPU tick counter at the handshake.
    pub join_baseline: u64,
}

impl Metadata {
    /// Reads a mapped metadata page.
    pub fn load<Access>(meta: &Mapping<Access>) -> Self {
        Self {
            // Acquire: pairs with the consumer's store-release of its tail.
            tail_offset: meta.load_u64_acquire(layout::META_TAIL_OFFSET),
            // Acquire: pairs with the consumer's store-release, though nothing hangs on it.
            progress_timestamp: meta.load_u64_acquire(layout::META_PROGRESS_TIMESTAMP),
            join_baseline: meta.load_u64_relaxed(layout::META_JOIN_BASELINE),
        }
    }
}
