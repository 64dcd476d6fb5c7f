//! The producer's slot table, kept in memory exactly as the reference keeps it. It owns the two structs and their
//! layout; what the numbers mean is the producer's business.
//!
//! zbq has no shared list of consumers: a watcher that may read the producer's memory finds this struct there and
//! shows what it says. By keeping the same layout, ours can be watched like the reference. So these structs are
//! where the numbers live, not a copy of them, and each field is an atomic: relaxed loads and stores cost nothing,
//! and the compiler may not keep them in registers where nobody outside would see them. No ordering is promised to
//! that reader; the reference promises none either.
use std::mem::offset_of;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, AtomicUsize};

use super::layout::table as at;

/// `zbq.h: struct zbq_producer`.
#[repr(C)]
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) ring_capacity: AtomicU64,
    pub(super) clog_threshold: AtomicU64,
    pub(super) stall_timeout_ns: AtomicU64,
    pub(super) max_consumers: AtomicU32,
    pub(super) ctrl: AtomicUsize,
    pub(super) ring_base: AtomicUsize,
    pub(super) ctrl_fd: AtomicI32,
    pub(super) ring_fd: AtomicI32,
    pub(super) local_head: AtomicU64,
    pub(super) next_seq_id: AtomicU64,
    pub(super) clog_attempt_counter: AtomicU64,
    pub(super) active_push_count: AtomicU32,
    pub(super) slots: AtomicUsize,
    pub(super) last_query_base: AtomicUsize,
    pub(super) last_query_max_bytes: AtomicU64,
    pub(super) last_query_offset: AtomicU64,
}

/// `zbq.h: struct zbq_producer_slot`.
#[repr(C)]
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) active: AtomicI32,
    pub(super) mode: AtomicU32,
    pub(super) pidfd: AtomicI32,
    pub(super) side_socket_fd: AtomicI32,
    pub(super) last_seen_tail: AtomicU64,
    pub(super) last_progress_tail: AtomicU64,
    pub(super) last_progress_time_ns: AtomicU64,
    pub(super) meta: AtomicUsize,
    pub(super) meta_fd: AtomicI32,
}

macro_rules! lies_at {
    ($of:ty: $($field:ident => $offset:expr),+ $(,)?) => { $(const _: () = assert!(offset_of!($of, $field) == $offset);)+ };
}

lies_at! { Table:
    ring_capacity => at::RING_CAPACITY,
    clog_threshold => at::CLOG_THRESHOLD,
    stall_timeout_ns => at::STALL_TIMEOUT_NS,
    max_consumers => at::MAX_CONSUMERS,
    ctrl => at::CTRL,
    ring_base => at::RING_BASE,
    ctrl_fd => at::CTRL_FD,
    ring_fd => at::RING_FD,
    local_head => at::LOCAL_HEAD,
    next_seq_id => at::NEXT_SEQ_ID,
    clog_attempt_counter => at::CLOG_ATTEMPT_COUNTER,
    active_push_count => at::ACTIVE_PUSH_COUNT,
    slots => at::SLOTS,
    last_query_base => at::LAST_QUERY_BASE,
    last_query_max_bytes => at::LAST_QUERY_MAX_BYTES,
    last_query_offset => at::LAST_QUERY_OFFSET,
}

lies_at! { Slot:
    active => at::SLOT_ACTIVE,
    mode => at::SLOT_MODE,
    pidfd => at::SLOT_PIDFD,
    side_socket_fd => at::SLOT_SIDE_SOCKET_FD,
    last_seen_tail => at::SLOT_LAST_SEEN_TAIL,
    last_progress_tail => at::SLOT_LAST_PROGRESS_TAIL,
    last_progress_time_ns => at::SLOT_LAST_PROGRESS_TIME_NS,
    meta => at::SLOT_META,
    meta_fd => at::SLOT_META_FD,
}

const _: () = assert!(size_of::<Table>() == at::SIZE);
const _: () = assert!(size_of::<Slot>() == at::SLOT_SIZE);
