//! Offsets, sizes and constants of everything that two zbq processes share. It owns numbers,
//! and how one is read out of bytes, and does no I/O.
//!
//! The numbers are those of `zbq.h`; the tests hold them against `zbq-sys` at compile time.

/// What the kernel calls the control region's memfd (`/memfd:zbq_ctrl`).
pub const CTRL_NAME: &str = "zbq_ctrl";
/// What the kernel calls the ring's memfd.
pub const RING_NAME: &str = "zbq_ring";
/// What the kernel calls each consumer's metadata memfd.
pub const META_NAME: &str = "zbq_meta";

/// Bytes in the control memfd. The struct inside takes [`CTRL_STRUCT_SIZE`]; the rest is zero.
pub const CTRL_SIZE: usize = 4096;
/// Bytes in `struct zbq_control_region`.
pub const CTRL_STRUCT_SIZE: usize = 256;
/// Bytes in a consumer's metadata memfd.
pub const META_SIZE: usize = 4096;
/// `ring_capacity` is a non-zero multiple of this.
pub const CAPACITY_UNIT: u64 = 4096;
/// Larger rings are taken for nonsense: no Linux address space of today holds two of them.
pub const CAPACITY_MAX: u64 = 1 << 46;
/// What [`is_capacity`] holds for, in words.
pub const CAPACITY_EXPECTED: &str = "a multiple of 4096 from 4096 to 2^46";

/// Whether a ring can have so many bytes.
pub const fn is_capacity(bytes: u64) -> bool {
    bytes != 0 && bytes.is_multiple_of(CAPACITY_UNIT) && bytes <= CAPACITY_MAX
}

/// The native-endian u64 at `at`; `None` where `bytes` end before it does.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_ne_bytes)
}

/// The native-endian u32 at `at`; `None` where `bytes` end before it does.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_ne_bytes)
}

/// The native-endian u16 at `at`; `None` where `bytes` end before it does.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_ne_bytes)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// u64: bytes ever committed, monotonic, not wrapped.
pub const CTRL_PRODUCER_HEAD: usize = 0;
/// u32: counts commits made while a push slot was active; push consumers sleep on it.
pub const CTRL_BROADCAST_FUTEX: usize = 64;
/// i32: the producer's pid in its own pid namespace.
pub const CTRL_PRODUCER_PID: usize = 128;
/// u64: bytes in the ring.
pub const CTRL_RING_CAPACITY: usize = 192;
/// u64: failed reservations before a scan.
pub const CTRL_CLOG_THRESHOLD: usize = 200;
/// u64: nanoseconds without progress, as scans see it, before a consumer is evicted.
pub const CTRL_STALL_TIMEOUT_NS: usize = 208;

/// u64: logical offset up to which this consumer has released the ring.
pub const META_TAIL_OFFSET: usize = 0;
/// A tail that is never below head: whoever has parked there holds nothing up, and the next scan frees its slot.
pub const PARKED_TAIL: u64 = u64::MAX;
/// u64: CPU ticks from `join_baseline` to the last publish; 0 = never published.
pub const META_PROGRESS_TIMESTAMP: usize = 8;
/// u64: the producer's CPU tick counter at the handshake.
pub const META_JOIN_BASELINE: usize = 16;

/// Bytes in a message header.
pub const HEADER_SIZE: usize = 16;
/// Offset in the header of `payload_len`, u32.
pub const HEADER_PAYLOAD_LEN: usize = 0;
/// Offset in the header of `fd_count`, u8.
pub const HEADER_FD_COUNT: usize = 4;
/// Offset in the header of `flags`, u8.
pub const HEADER_FLAGS: usize = 5;
/// Offset in the header of `reserved`, u16.
pub const HEADER_RESERVED: usize = 6;
/// Offset in the header of `seq_id`, u64.
pub const HEADER_SEQ_ID: usize = 8;

/// Most descriptors one message can carry (the kernel's `SCM_MAX_FD`).
pub const MAX_FDS: usize = 253;

/// Bytes a consumer sends to ask for a slot: i32 `consumer_pid`, u32 `wakeup_mode`.
pub const JOIN_REQUEST_SIZE: usize = 8;
/// Bytes the producer answers with, beside [`JOIN_FDS`] descriptors.
pub const JOIN_PAYLOAD_SIZE: usize = 64;
/// Descriptors in the answer: ctrl, ring, meta, the consumer's end of the side socket.
pub const JOIN_FDS: usize = 4;
/// Offset in the answer of `ring_capacity`, u64.
pub const JOIN_RING_CAPACITY: usize = 0;
/// Offset in the answer of `join_baseline`, u64.
pub const JOIN_BASELINE: usize = 8;
/// Offset in the answer of `initial_head`, u64.
pub const JOIN_INITIAL_HEAD: usize = 16;
/// Offset in the answer of `producer_pid`, i32.
pub const JOIN_PRODUCER_PID: usize = 24;
/// Offset in the answer of `slot_index`, u32.
pub const JOIN_SLOT_INDEX: usize = 28;
/// Offset in the answer of `wakeup_mode`, u32.
pub const JOIN_WAKEUP_MODE: usize = 32;

/// Bytes asked for each direction of a side socket.
pub const SIDE_SOCKET_BUFFER: usize = 262_144;

/// The reference's private `struct zbq_producer` and `struct zbq_producer_slot` on LP64, as an outside reader of
/// the producer's memory finds them. Ours keeps the same layout (see the `table` module), so one reader does for both.
pub mod table {
    /// u64: `params.ring_capacity`.
    pub const RING_CAPACITY: usize = 0;
    /// u64: `params.clog_threshold`.
    pub const CLOG_THRESHOLD: usize = 8;
    /// u64: `params.stall_timeout_ns`.
    pub const STALL_TIMEOUT_NS: usize = 16;
    /// u32: `params.max_consumers`.
    pub const MAX_CONSUMERS: usize = 24;
    /// Pointer: where ctrl is mapped.
    pub const CTRL: usize = 32;
    /// Pointer: where the ring is mapped.
    pub const RING_BASE: usize = 40;
    /// i32: descriptor of the control memfd.
    pub const CTRL_FD: usize = 48;
    /// i32: descriptor of the ring memfd.
    pub const RING_FD: usize = 52;
    /// u64: the producer's own copy of `producer_head`.
    pub const LOCAL_HEAD: usize = 56;
    /// u64: the next `seq_id` to be handed out.
    pub const NEXT_SEQ_ID: usize = 64;
    /// u64: failed reservations since the last one that went well.
    pub const CLOG_ATTEMPT_COUNTER: usize = 72;
    /// u32: active slots in push mode.
    pub const ACTIVE_PUSH_COUNT: usize = 80;
    /// Pointer: the first of `max_consumers` slots.
    pub const SLOTS: usize = 88;
    /// Pointer: base of the last reservation offered.
    pub const LAST_QUERY_BASE: usize = 96;
    /// u64: bytes of the last reservation offered; 0 once committed.
    pub const LAST_QUERY_MAX_BYTES: usize = 104;
    /// u64: logical offset of the last reservation offered.
    pub const LAST_QUERY_OFFSET: usize = 112;
    /// Bytes in the whole struct.
    pub const SIZE: usize = 120;

    /// i32: 1 while the slot is taken.
    pub const SLOT_ACTIVE: usize = 0;
    /// u32: [`WakeupMode`](crate::ring::WakeupMode).
    pub const SLOT_MODE: usize = 4;
    /// i32: pidfd of the consumer.
    pub const SLOT_PIDFD: usize = 8;
    /// i32: the producer's end of the side socket.
    pub const SLOT_SIDE_SOCKET_FD: usize = 12;
    /// u64: the tail at the last query or scan.
    pub const SLOT_LAST_SEEN_TAIL: usize = 16;
    /// u64: the tail at the last change that a scan saw.
    pub const SLOT_LAST_PROGRESS_TAIL: usize = 24;
    /// u64: CLOCK_MONOTONIC of that scan.
    pub const SLOT_LAST_PROGRESS_TIME_NS: usize = 32;
    /// Pointer: where the producer maps this consumer's metadata.
    pub const SLOT_META: usize = 40;
    /// i32: descriptor of that memfd.
    pub const SLOT_META_FD: usize = 48;
    /// Bytes from one slot to the next.
    pub const SLOT_SIZE: usize = 56;
}

// Ring offsets are u64 and mappings are usize: the two are the same size, or casts below would lose bits. The
// private tables above are those of LP64, too.
const _: () = assert!(size_of::<usize>() == size_of::<u64>());

/// The reference decides: a number above that differs from the C headers stops the tests from compiling.
#[cfg(test)]
mod against_the_reference {
    use super::*;
    use crate::ring::WakeupMode;
    use std::mem::offset_of;
    use zbq_sys::{
        zbq_consumer_metadata as Meta, zbq_control_region as Ctrl, zbq_join_payload as Join,
        zbq_msg_header as Header,
    };

    macro_rules! same {
        ($($ours:expr => $theirs:expr),+ $(,)?) => { $(const _: () = assert!($ours as u64 == $theirs as u64);)+ };
    }

    same! {
        CTRL_STRUCT_SIZE => size_of::<Ctrl>(),
        CTRL_PRODUCER_HEAD => offset_of!(Ctrl, producer_head),
        CTRL_BROADCAST_FUTEX => offset_of!(Ctrl, broadcast_futex),
        CTRL_PRODUCER_PID => offset_of!(Ctrl, producer_pid),
        CTRL_RING_CAPACITY => offset_of!(Ctrl, ring_capacity),
        CTRL_CLOG_THRESHOLD => offset_of!(Ctrl, clog_threshold),
        CTRL_STALL_TIMEOUT_NS => offset_of!(Ctrl, stall_timeout_ns),
        META_SIZE => size_of::<Meta>(),
        META_TAIL_OFFSET => offset_of!(Meta, tail_offset),
        META_PROGRESS_TIMESTAMP => offset_of!(Meta, progress_timestamp),
        META_JOIN_BASELINE => offset_of!(Meta, join_baseline),
        HEADER_SIZE => size_of::<Header>(),
        HEADER_PAYLOAD_LEN => offset_of!(Header, payload_len),
        HEADER_FD_COUNT => offset_of!(Header, fd_count),
        HEADER_FLAGS => offset_of!(Header, flags),
        HEADER_RESERVED => offset_of!(Header, reserved),
        HEADER_SEQ_ID => offset_of!(Header, seq_id),
        JOIN_PAYLOAD_SIZE => size_of::<Join>(),
        JOIN_RING_CAPACITY => offset_of!(Join, ring_capacity),
        JOIN_BASELINE => offset_of!(Join, join_baseline),
        JOIN_INITIAL_HEAD => offset_of!(Join, initial_head),
        JOIN_PRODUCER_PID => offset_of!(Join, producer_pid),
        JOIN_SLOT_INDEX => offset_of!(Join, slot_index),
        JOIN_WAKEUP_MODE => offset_of!(Join, wakeup_mode),
        MAX_FDS => zbq_sys::ZBQ_MAX_FD_PER_MSG,
        WakeupMode::Push.to_wire() => zbq_sys::zbq_wakeup_mode::ZBQ_WAKEUP_PUSH,
        WakeupMode::Pull.to_wire() => zbq_sys::zbq_wakeup_mode::ZBQ_WAKEUP_PULL,
    }

    #[test]
    fn modes_survive_the_wire() {
        for mode in [WakeupMode::Push, WakeupMode::Pull] {
            assert_eq!(WakeupMode::from_wire(mode.to_wire()), Some(mode));
        }
        assert_eq!(WakeupMode::from_wire(2), None);
    }
}
