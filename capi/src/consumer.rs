//! The consuming end.

use std::ffi::c_int;
use std::os::fd::{BorrowedFd, IntoRawFd as _};
use std::time::Duration;

use zbqtop::ring::layout::HEADER_SIZE;
use zbqtop::ring::{Consumer, Error, MessageHeader, Wake, WakeupMode};

use crate::code;
use crate::types::{zbq_consumer_metadata, zbq_control_region, zbq_error, zbq_msg_view};

/// The consuming end of a ring.
#[expect(non_camel_case_types, reason = "it is C's")]
pub struct zbq_consumer(Consumer);

const INVALID: c_int = zbq_error::ZBQ_ERROR_INVALID as c_int;
const AGAIN: c_int = zbq_error::ZBQ_ERROR_AGAIN as c_int;
const OK: c_int = zbq_error::ZBQ_OK as c_int;

/// Joins a ring over a connected rendezvous socket. Waits for the answer as long as it takes.
///
/// # Safety
/// `rendezvous_fd` is a socket, `out` NULL or to be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_consumer_join(
    rendezvous_fd: c_int,
    // Any number can come here.
    mode: c_int,
    out: *mut *mut zbq_consumer,
) -> c_int {
    let mode = u32::try_from(mode).ok().and_then(WakeupMode::from_wire);
    let (Some(mode), 0.., false) = (mode, rendezvous_fd, out.is_null()) else {
        return INVALID;
    };
    // SAFETY: it is not -1, and stays open for the call.
    let conn = unsafe { BorrowedFd::borrow_raw(rendezvous_fd) };
    match Consumer::join(conn, mode, Duration::MAX) {
        Ok(consumer) => {
            let handle = Box::into_raw(Box::new(zbq_consumer(consumer)));
            // SAFETY: it is not NULL, and to be written.
            unsafe { out.write(handle) };
            OK
        }
        Err(error) => code(&error),
    }
}

/// Unmaps the ring. The producer is not told.
///
/// # Safety
/// `cons` is NULL, or a handle that is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_consumer_destroy(cons: *mut zbq_consumer) {
    if !cons.is_null() {
        // SAFETY: it came from `zbq_consumer_join`, and is given back once.
        drop(unsafe { Box::from_raw(cons) });
    }
}

/// Whether the producer's process is there.
///
/// # Safety
/// `cons` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_consumer_is_producer_alive(cons: *mut zbq_consumer) -> bool {
    // SAFETY: a handle, or NULL.
    unsafe { cons.as_ref() }.is_some_and(|consumer| consumer.0.is_producer_alive())
}

/// Bytes ever committed.
///
/// # Safety
/// `cons` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_consumer_acquire_head(cons: *const zbq_consumer) -> u64 {
    // SAFETY: a handle, or NULL.
    unsafe { cons.as_ref() }.map_or(0, |consumer| consumer.0.acquire_head())
}

/// Looks at the message at the tail, where it lies.
///
/// # Safety
/// `cons` is NULL or a handle, `out` NULL or to be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_consumer_peek(
    cons: *mut zbq_consumer,
    out: *mut zbq_msg_view,
) -> c_int {
    // SAFETY: a handle, or NULL.
    let consumer = unsafe { cons.as_ref() };
    let (Some(consumer), false) = (consumer, out.is_null()) else {
        return INVALID;
    };
    match consumer.0.peek() {
        Ok(Some(message)) => {
            let payload = message.payload.as_ptr();
            let view = zbq_msg_view {
                // It lies before its payload, in the same mapping.
                header: payload.wrapping_sub(HEADER_SIZE).cast(),
                payload: payload.cast(),
                payload_len: message.payload.len() as u64,
                logical_offset: message.offset,
                total_len: message.total_len,
            };
            // SAFETY: it is not NULL, and to be written.
            unsafe { out.write(view) };
            OK
        }
        Ok(None) => AGAIN,
        Err(error) => unreadable(&consumer.0, &error),
    }
}

/// The reference asks first whether a message ends below head: one that does not may become whole.
#[cold]
fn unreadable(consumer: &Consumer, error: &Error) -> c_int {
    if let Error::Corrupt(corruption) = error {
        let committed = consumer.acquire_head().saturating_sub(consumer.tail());
        let total = MessageHeader::from_bytes(corruption.header).total_len();
        if corruption.lap_left >= HEADER_SIZE as u64 && total > committed {
            return AGAIN;
        }
    }
    code(error)
}

/// Takes the descriptors of a message.
///
/// # Safety
/// `cons` is NULL or a handle, `out_fds` NULL or room for 253 of them, `out_fd_count` NULL or to be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_consumer_recv_fds(
    cons: *mut zbq_consumer,
    expected_seq_id: u64,
    out_fds: *mut c_int,
    out_fd_count: *mut u8,
) -> c_int {
    // SAFETY: a handle, or NULL.
    let consumer = unsafe { cons.as_ref() };
    let (Some(consumer), false, false) = (consumer, out_fds.is_null(), out_fd_count.is_null())
    else {
        return INVALID;
    };
    let fds = match consumer.0.recv_fds(expected_seq_id, Duration::MAX) {
        Ok(Some(fds)) => fds,
        // They were lost on the way.
        Ok(None) => return zbq_error::ZBQ_ERROR_PROTOCOL as c_int,
        Err(error) => return code(&error),
    };
    // SAFETY: to be written; at most 253 were taken.
    unsafe { out_fd_count.write(u8::try_from(fds.len()).unwrap_or(u8::MAX)) };
    for (at, fd) in fds.into_iter().enumerate() {
        // SAFETY: below 253, for which there is room.
        unsafe { out_fds.add(at).write(fd.into_raw_fd()) };
    }
    OK
}

/// Releases everything below `new_tail`.
///
/// # Safety
/// `cons` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_consumer_publish(cons: *mut zbq_consumer, new_tail: u64) {
    // SAFETY: a handle, or NULL.
    if let Some(consumer) = unsafe { cons.as_mut() } {
        consumer.0.publish(new_tail);
    }
}

/// To be taken before looking for messages, and handed to `zbq_consumer_wait_broadcast` if there are none.
///
/// # Safety
/// `cons` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_consumer_get_futex_token(cons: *const zbq_consumer) -> u32 {
    // SAFETY: a handle, or NULL.
    unsafe { cons.as_ref() }.map_or(0, |consumer| consumer.0.futex_token())
}

/// Sleeps until the producer commits, if it has not since `token` was taken.
///
/// # Safety
/// `cons` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_consumer_wait_broadcast(cons: *mut zbq_consumer, token: u32) -> c_int {
    // SAFETY: a handle, or NULL.
    let Some(consumer) = (unsafe { cons.as_ref() }) else {
        return INVALID;
    };
    match consumer.0.wait_broadcast(token, Duration::MAX) {
        Ok(Wake::Woken) => OK,
        Ok(Wake::Changed | Wake::TimedOut) => AGAIN,
        Err(error) => code(&error),
    }
}

/// Logical offset up to which this consumer has released the ring.
///
/// # Safety
/// `cons` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_consumer_tail(cons: *const zbq_consumer) -> u64 {
    // SAFETY: a handle, or NULL.
    unsafe { cons.as_ref() }.map_or(0, |consumer| consumer.0.tail())
}

/// The control region, mapped for reading.
///
/// # Safety
/// `cons` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_consumer_ctrl(cons: *const zbq_consumer) -> *const zbq_control_region {
    // SAFETY: a handle, or NULL.
    let consumer = unsafe { cons.as_ref() };
    consumer.map_or(std::ptr::null(), |consumer| consumer.0.ctrl_ptr().cast())
}

/// This consumer's own page, mapped for writing.
///
/// # Safety
/// `cons` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zbq_consumer_meta(cons: *mut zbq_consumer) -> *mut zbq_consumer_metadata {
    // SAFETY: a handle, or NULL.
    let consumer = unsafe { cons.as_ref() };
    consumer.map_or(std::ptr::null_mut(), |consumer| {
        consumer.0.meta_ptr().cast_mut().cast()
    })
}
