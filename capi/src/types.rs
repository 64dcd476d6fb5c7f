//! The reference's constants, enums and structs (`zbq.h`), by its names.
#![expect(non_camel_case_types, reason = "they are C's")]

use std::ffi::c_void;

/// Most descriptors that one message can carry.
pub const ZBQ_MAX_FD_PER_MSG: u8 = 253;
/// What messages of the reference's own programs are aligned to.
pub const ZBQ_MSG_ALIGN: usize = 16;

/// What a function answers.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum zbq_error {
    ZBQ_OK = 0,
    ZBQ_ERROR_INVALID = -1,
    ZBQ_ERROR_NOMEM = -2,
    ZBQ_ERROR_AGAIN = -3,
    ZBQ_ERROR_IO = -4,
    ZBQ_ERROR_PROTOCOL = -5,
    ZBQ_ERROR_OVERFLOW = -6,
    ZBQ_ERROR_NOENT = -7,
}

/// How a consumer learns of new messages.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum zbq_wakeup_mode {
    ZBQ_WAKEUP_PUSH = 0,
    ZBQ_WAKEUP_PULL = 1,
}

/// What else a commit does.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum zbq_commit_flags {
    ZBQ_COMMIT_NONE = 0,
    ZBQ_COMMIT_FORCE_SCAN = 1,
}

/// The control region, shared by all.
#[repr(C, align(64))]
pub struct zbq_control_region {
    pub producer_head: u64,
    pub _pad0: [u8; 56],
    pub broadcast_futex: u32,
    pub _pad1: [u8; 60],
    pub producer_pid: i32,
    pub _pad2: [u8; 60],
    pub ring_capacity: u64,
    pub clog_threshold: u64,
    pub stall_timeout_ns: u64,
    pub reserved: [u8; 40],
}

/// A consumer's page, shared by it and the producer.
#[repr(C, align(4096))]
pub struct zbq_consumer_metadata {
    pub tail_offset: u64,
    pub progress_timestamp: u64,
    pub join_baseline: u64,
    pub reserved: [u8; 4072],
}

/// What stands before each payload.
#[repr(C, align(16))]
pub struct zbq_msg_header {
    pub payload_len: u32,
    pub fd_count: u8,
    pub flags: u8,
    pub reserved: u16,
    pub seq_id: u64,
}

/// What a ring is made of.
#[repr(C)]
pub struct zbq_producer_params {
    pub ring_capacity: u64,
    pub clog_threshold: u64,
    pub stall_timeout_ns: u64,
    pub max_consumers: u32,
}

/// Free bytes at head.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct zbq_contiguous_run {
    pub base: *mut c_void,
    pub max_bytes: u64,
    pub offset: u64,
}

/// The message at the tail, where it lies.
#[repr(C)]
pub struct zbq_msg_view {
    pub header: *const zbq_msg_header,
    pub payload: *const c_void,
    pub payload_len: u64,
    pub logical_offset: u64,
    pub total_len: u64,
}

/// What a producer answers a consumer that joins.
#[repr(C)]
pub struct zbq_join_payload {
    pub ring_capacity: u64,
    pub join_baseline: u64,
    pub initial_head: u64,
    pub producer_pid: i32,
    pub slot_index: u32,
    pub wakeup_mode: u32,
    pub reserved: [u8; 28],
}
