//! The producing end.

use std::ffi::{c_int, c_void};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use zbqtop::ring::{CommitFlags, Producer, ProducerParams, WakeupMode};

use crate::code;
use crate::types::{ZBQ_MAX_FD_PER_MSG, zbq_contiguous_run, zbq_error, zbq_producer_params};

/// The producing end of a ring.
#[expect(non_camel_case_types, reason = "it is C's")]
pub struct zbq_producer(Producer);

const INVALID: c_int = zbq_error::ZBQ_ERROR_INVALID as c_int;
const OK: c_int = zbq_error::ZBQ_OK as c_int;

/// Makes a ring without consumers.
///
/// # Safety
/// `out` and `params` are NULL, or to be written and read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_producer_create(
    out: *mut *mut zbq_producer,
    params: *const zbq_producer_params,
) -> c_int {
    // SAFETY: as the header says, or NULL.
    let Some(params) = (unsafe { params.as_ref() }) else {
        return INVALID;
    };
    if out.is_null() {
        return INVALID;
    }
    let params = ProducerParams {
        ring_capacity: params.ring_capacity,
        clog_threshold: params.clog_threshold,
        stall_timeout: Duration::from_nanos(params.stall_timeout_ns),
        max_consumers: params.max_consumers,
    };
    match Producer::create(params) {
        Ok(producer) => {
            let handle = Box::into_raw(Box::new(zbq_producer(producer)));
            // SAFETY: it is not NULL, and to be written.
            unsafe { out.write(handle) };
            OK
        }
        Err(error) => code(&error),
    }
}

/// Evicts every consumer, and unmaps the ring.
///
/// # Safety
/// `prod` is NULL, or a handle that is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_producer_destroy(prod: *mut zbq_producer) {
    if !prod.is_null() {
        // SAFETY: it came from `zbq_producer_create`, and is given back once.
        drop(unsafe { Box::from_raw(prod) });
    }
}

/// Answers a consumer that has connected, and gives it a slot in `mode`. Waits for it as long as it takes.
///
/// # Safety
/// `prod` is NULL or a handle, `conn_fd` a socket, `out_slot_id` NULL or to be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_producer_handshake(
    prod: *mut zbq_producer,
    conn_fd: c_int,
    // Any number can come here.
    mode: c_int,
    out_slot_id: *mut u32,
) -> c_int {
    // SAFETY: a handle, or NULL.
    let producer = unsafe { prod.as_mut() };
    let mode = u32::try_from(mode).ok().and_then(WakeupMode::from_wire);
    let (Some(producer), Some(mode), 0.., false) = (producer, mode, conn_fd, out_slot_id.is_null())
    else {
        return INVALID;
    };
    // SAFETY: it is not -1, and stays open for the call.
    let conn = unsafe { BorrowedFd::borrow_raw(conn_fd) };
    match producer.0.handshake(conn, mode, Duration::MAX) {
        Ok(slot) => {
            // SAFETY: it is not NULL, and to be written.
            unsafe { out_slot_id.write(slot.0) };
            OK
        }
        Err(error) => code(&error),
    }
}

/// Offers the free bytes at head; none: NULL.
///
/// # Safety
/// `prod` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_producer_query(prod: *mut zbq_producer) -> zbq_contiguous_run {
    // SAFETY: a handle, or NULL.
    let producer = unsafe { prod.as_mut() };
    let (base, max_bytes, offset) = producer.map_or((std::ptr::null_mut(), 0, 0), |producer| {
        let head = producer.0.head();
        match producer.0.reserve() {
            Some(mut run) => (run.as_mut_ptr().cast::<c_void>(), run.max_bytes(), head),
            None => (std::ptr::null_mut(), 0, head),
        }
    });
    zbq_contiguous_run {
        base,
        max_bytes,
        offset,
    }
}

/// Commits the first bytes of what was offered last.
///
/// # Safety
/// `prod` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_producer_commit(
    prod: *mut zbq_producer,
    written_bytes: u64,
    // Flags, any of which may be set.
    flags: c_int,
) -> bool {
    // SAFETY: a handle, or NULL.
    let Some(producer) = (unsafe { prod.as_mut() }) else {
        return false;
    };
    let flags = if flags & 1 == 0 {
        CommitFlags::None
    } else {
        CommitFlags::ForceScan
    };
    producer.0.commit_offered(written_bytes, flags).is_ok()
}

/// Hands out the next `seq_id`.
///
/// # Safety
/// `prod` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_producer_next_seq_id(prod: *mut zbq_producer) -> u64 {
    // SAFETY: a handle, or NULL.
    unsafe { prod.as_mut() }.map_or(0, |producer| producer.0.next_seq_id())
}

/// Sends descriptors to every consumer; tells to how many.
///
/// # Safety
/// `prod` is NULL or a handle, `fds` NULL or so many descriptors, which are open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_producer_broadcast_fds(
    prod: *mut zbq_producer,
    seq_id: u64,
    fds: *const c_int,
    fd_count: u8,
) -> c_int {
    // SAFETY: a handle, or NULL.
    let producer = unsafe { prod.as_mut() };
    let (Some(producer), false, 1..=ZBQ_MAX_FD_PER_MSG) = (producer, fds.is_null(), fd_count)
    else {
        return INVALID;
    };
    // SAFETY: there are so many.
    let fds = unsafe { std::slice::from_raw_parts(fds, fd_count.into()) };
    if fds.contains(&-1) {
        // The kernel would refuse the record for each consumer.
        return 0;
    }
    let borrow = |fd: &c_int| {
        // SAFETY: it is not -1; one that is not open is refused by the kernel.
        unsafe { BorrowedFd::borrow_raw(*fd) }
    };
    let fds: Vec<BorrowedFd<'_>> = fds.iter().map(borrow).collect();
    match producer.0.broadcast_fds(seq_id, &fds) {
        Ok(reached) => c_int::try_from(reached).unwrap_or(c_int::MAX),
        Err(error) => code(&error),
    }
}

/// Evicts whose tail is impossible, who has ended, and who has not moved for too long.
///
/// # Safety
/// `prod` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_producer_scan(prod: *mut zbq_producer) -> c_int {
    // SAFETY: a handle, or NULL.
    match unsafe { prod.as_mut() } {
        Some(producer) => {
            producer.0.scan();
            OK
        }
        None => INVALID,
    }
}
