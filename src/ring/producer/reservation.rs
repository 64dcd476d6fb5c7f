//! The reference's way to write, step by step: free bytes are offered, laid out by the application, and committed.
//!
//! Knows nothing of messages, nor of what becomes of the lap's end.

use std::sync::atomic::Ordering::Relaxed;

use rustix::fd::BorrowedFd;

use super::Producer;
use crate::ring::error::{Error, Result};
use crate::ring::layout::CTRL_BROADCAST_FUTEX;

/// What else a commit does (`zbq.h: enum zbq_commit_flags`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitFlags {
    /// Nothing.
    #[default]
    None,
    /// It scans.
    ForceScan,
}

impl Producer {
    /// Offers the run of free bytes at head, up to the lap's end; `None` if there are none, which counts towards
    /// the clog threshold and at it runs a scan (`zbq.h: zbq_producer_query`).
    pub fn reserve(&mut self) -> Option<Reservation<'_>> {
        let head = self.written;
        let free = self.read_tails();
        let max_bytes = free.min(self.params.ring_capacity - self.position);
        self.table.last_query_base.store(
            if free == 0 {
                0
            } else {
                self.ring.address() + self.position as usize
            },
            Relaxed,
        );
        self.table.last_query_max_bytes.store(max_bytes, Relaxed);
        self.table.last_query_offset.store(head, Relaxed);
        self.is_noted = true;
        if free == 0 {
            self.clogged();
            return None;
        }
        self.table.clog_attempt_counter.store(0, Relaxed);
        Some(Reservation {
            producer: self,
            max_bytes,
            offset: head,
        })
    }
}

impl Producer {
    /// Commits the first bytes of what was offered last, if it has not been committed since: for a C interface, in which a
    /// reservation is no value.
    ///
    /// # Errors
    /// Those of [`Reservation::commit`].
    #[doc(hidden)]
    #[inline]
    pub fn commit_offered(&mut self, written_bytes: u64, flags: CommitFlags) -> Result<()> {
        let reserved = self.table.last_query_max_bytes.load(Relaxed);
        if written_bytes > reserved {
            return Err(Error::CommitTooLarge {
                committed: written_bytes,
                reserved,
            });
        }
        self.advance(written_bytes);
        self.table.local_head.store(self.written, Relaxed);
        self.store_head();
        // That may be a part of a message, which consumers below head sleep over: they are woken whatever their tails are.
        if self.table.active_push_count.load(Relaxed) > 0 {
            self.bump();
            self.ctrl.futex_wake_all(CTRL_BROADCAST_FUTEX);
        }
        if flags == CommitFlags::ForceScan {
            self.scan();
        }
        Ok(())
    }
}

/// A run of free bytes at head, all in one lap. Dropped without a commit, it changes nothing.
#[derive(Debug)]
#[must_use = "nothing is written until it is committed"]
pub struct Reservation<'a> {
    producer: &'a mut Producer,
    max_bytes: u64,
    offset: u64,
}

impl Reservation<'_> {
    /// Bytes there are.
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Logical offset of the first.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the first is mapped: nobody reads there, or writes, but whoever has the reservation.
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        let base = self.producer.ring.as_ptr().cast_mut();
        base.wrapping_add(self.producer.position as usize)
    }

    /// Writes `bytes`, `at` bytes behind the first.
    ///
    /// # Errors
    /// If they would not be inside the reservation.
    #[inline]
    pub fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        let len = bytes.len() as u64;
        if self.max_bytes.checked_sub(len).is_none_or(|last| at > last) {
            return Err(Error::OutOfRange {
                object: "reservation",
                offset: at,
                len,
                size: self.max_bytes,
            });
        }
        self.producer
            .ring
            .copy_in(self.producer.position + at, bytes)
    }

    /// Hands out the next `seq_id`; see [`Producer::next_seq_id`].
    pub fn next_seq_id(&mut self) -> u64 {
        self.producer.next_seq_id()
    }

    /// Sends descriptors to every consumer; see [`Producer::broadcast_fds`]. To be done before the commit.
    ///
    /// # Errors
    /// If there are more than one message can carry.
    pub fn broadcast_fds(&mut self, seq_id: u64, fds: &[BorrowedFd<'_>]) -> Result<usize> {
        self.producer.broadcast_fds(seq_id, fds)
    }

    /// Commits the first `written_bytes`.
    ///
    /// # Errors
    /// If that is more than there are; then nothing is committed.
    #[inline]
    pub fn commit(self, written_bytes: u64, flags: CommitFlags) -> Result<()> {
        self.producer.commit_offered(written_bytes, flags)
    }
}
