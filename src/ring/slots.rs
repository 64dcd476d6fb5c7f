//! The producer's slots: who sits in which, and who has to go. It owns each consumer's descriptors and metadata page,
//! and the numbers in their [`Slot`]s, which outsiders may read; it knows neither the ring's bytes nor its head,
//! except as a number it is told.

use std::sync::atomic::Ordering::Relaxed;

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::ancillary::send_with_fds;
use super::clock::monotonic_ns;
use super::error::{Error, Result};
use super::layout;
use super::mapping::{Mapping, ReadWrite};
use super::pidfd::has_exited;
use super::slot::{SlotIndex, WakeupMode};
use super::table::{Slot, Table};

/// What is known of a taken slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// Which slot.
    pub slot: SlotIndex,
    /// The mode it was given.
    pub mode: WakeupMode,
    /// Its consumer's pid, as the consumer said.
    pub pid: i32,
    /// Its tail, now.
    pub tail_offset: u64,
    /// Its tail, the last time it mattered.
    pub last_seen_tail: u64,
}

/// What is owned for a taken slot, closed in the reference's order.
#[derive(Debug)]
pub(super) struct Occupant {
    pub(super) side: OwnedFd,
    pub(super) pidfd: OwnedFd,
    pub(super) meta: Mapping<ReadWrite>,
    /// Kept open while the slot lives, as the reference does: watchers find the page by it.
    pub(super) meta_fd: OwnedFd,
    pub(super) pid: i32,
}

/// All slots, taken and free.
#[derive(Debug)]
pub(super) struct Slots {
    /// The numbers, in the reference's layout.
    entries: Box<[Slot]>,
    /// One for each of `entries`: there is an occupant exactly while the slot is active.
    occupants: Box<[Option<Occupant>]>,
    /// Which are taken, and which of these by push consumers: free ones are not to cost anything.
    taken: Vec<usize>,
    push: Vec<usize>,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self {
            entries: (0..count).map(|_| Slot::default()).collect(),
            occupants: (0..count).map(|_| None).collect(),
            taken: Vec::new(),
            push: Vec::new(),
        }
    }

    /// Where the first slot lies in memory: for the table, and for outsiders who follow it.
    pub(super) fn address(&self) -> usize {
        self.entries.as_ptr().addr()
    }

    pub(super) fn first_free(&self) -> Option<SlotIndex> {
        let index = self.occupants.iter().position(Option::is_none)?;
        Some(SlotIndex(index as u32))
    }

    pub(super) fn infos(&self) -> impl Iterator<Item = SlotInfo> {
        let slots = self.entries.iter().zip(&self.occupants).zip(0..);
        slots.filter_map(|((slot, occupant), index)| {
            let occupant = occupant.as_ref()?;
            Some(SlotInfo {
                slot: SlotIndex(index),
                mode: WakeupMode::from_wire(slot.mode.load(Relaxed))?,
                pid: occupant.pid,
                // Acquire: pairs with the consumer's store-release of its tail.
                tail_offset: occupant.meta.load_u64_acquire(layout::META_TAIL_OFFSET),
                last_seen_tail: slot.last_seen_tail.load(Relaxed),
            })
        })
    }

    /// Seats a consumer that starts at `head`, `now`.
    pub(super) fn occupy(
        &mut self,
        table: &Table,
        slot: SlotIndex,
        mode: WakeupMode,
        head: u64,
        now: u64,
        occupant: Occupant,
    ) {
        let index = slot.0 as usize;
        let slot = &self.entries[index];
        slot.mode.store(mode.to_wire(), Relaxed);
        slot.pidfd.store(occupant.pidfd.as_raw_fd(), Relaxed);
        slot.side_socket_fd
            .store(occupant.side.as_raw_fd(), Relaxed);
        slot.last_seen_tail.store(head, Relaxed);
        slot.last_progress_tail.store(head, Relaxed);
        slot.last_progress_time_ns.store(now, Relaxed);
        slot.meta.store(occupant.meta.address(), Relaxed);
        slot.meta_fd.store(occupant.meta_fd.as_raw_fd(), Relaxed);
        slot.active.store(1, Relaxed);
        if mode == WakeupMode::Push {
            add(&table.active_push_count, 1);
        }
        self.occupants[index] = Some(occupant);
        self.list_taken();
    }

    fn list_taken(&mut self) {
        let taken = (0..self.occupants.len()).filter(|&index| self.occupants[index].is_some());
        self.taken = taken.collect();
        let is_push =
            |index: &usize| self.entries[*index].mode.load(Relaxed) == WakeupMode::Push.to_wire();
        self.push = self.taken.iter().copied().filter(is_push).collect();
    }

    fn tail(&self, index: usize) -> Option<u64> {
        let occupant = self.occupants[index].as_ref()?;
        // Acquire: pairs with the consumer's store-release of its tail, so it is done with the bytes below.
        Some(occupant.meta.load_u64_acquire(layout::META_TAIL_OFFSET))
    }

    /// Whether a push consumer may sleep that has read everything below `before`.
    #[inline]
    pub(super) fn may_sleep(&self, before: u64) -> bool {
        let mut push = self.push.iter();
        push.any(|index| self.tail(*index).is_some_and(|tail| tail >= before))
    }

    /// The smallest tail, or head if that is smaller: a tail above head never lowers it.
    pub(super) fn read_tails(&self, head: u64) -> u64 {
        let mut min_tail = head;
        for index in &self.taken {
            let Some(tail) = self.tail(*index) else {
                continue;
            };
            min_tail = min_tail.min(tail);
            self.entries[*index].last_seen_tail.store(tail, Relaxed);
        }
        min_tail
    }

    /// Sends one record with descriptors to everyone, and counts whom it reached.
    pub(super) fn send(&self, record: &[u8], fds: &[BorrowedFd<'_>]) -> usize {
        let reached =
            |occupant: &&Occupant| send_with_fds(occupant.side.as_fd(), record, fds).is_ok();
        self.occupants.iter().flatten().filter(reached).count()
    }

    /// `zbq.h: zbq_producer_scan`, in its order: the lies first, then the dead, then the stalled.
    pub(super) fn scan(&mut self, table: &Table, head: u64) {
        let now = monotonic_ns();
        let stall_timeout_ns = table.stall_timeout_ns.load(Relaxed);
        for index in 0..self.occupants.len() {
            let Some(occupant) = &self.occupants[index] else {
                continue;
            };
            let slot = &self.entries[index];
            // Acquire: pairs with the consumer's store-release of its tail.
            let tail = occupant.meta.load_u64_acquire(layout::META_TAIL_OFFSET);
            if tail > head || tail < slot.last_seen_tail.load(Relaxed) {
                self.evict(table, index);
                continue;
            }
            slot.last_seen_tail.store(tail, Relaxed);
            if has_exited(&occupant.pidfd) {
                self.evict(table, index);
            } else if tail != slot.last_progress_tail.load(Relaxed) {
                slot.last_progress_tail.store(tail, Relaxed);
                slot.last_progress_time_ns.store(now, Relaxed);
            } else if now.wrapping_sub(slot.last_progress_time_ns.load(Relaxed)) > stall_timeout_ns
            {
                self.evict(table, index);
            }
        }
    }

    /// Takes the slot back. The consumer is not told; it can see its side socket hang up.
    fn evict(&mut self, table: &Table, index: usize) {
        let Some(occupant) = self.occupants[index].take() else {
            return;
        };
        let slot = &self.entries[index];
        if slot.mode.load(Relaxed) == WakeupMode::Push.to_wire() {
            add(&table.active_push_count, -1);
        }
        slot.active.store(0, Relaxed);
        slot.side_socket_fd.store(-1, Relaxed);
        slot.pidfd.store(-1, Relaxed);
        slot.meta.store(0, Relaxed);
        slot.meta_fd.store(-1, Relaxed);
        drop(occupant);
        self.list_taken();
    }

    pub(super) fn evict_all(&mut self, table: &Table) {
        for index in 0..self.occupants.len() {
            self.evict(table, index);
        }
    }
}

/// Both ends of a side socket.
pub(super) fn side_sockets() -> Result<(OwnedFd, OwnedFd)> {
    let pair = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(Error::io("socketpair"))?;
    for end in [&pair.0, &pair.1] {
        set_socket_send_buffer_size(end, layout::SIDE_SOCKET_BUFFER)
            .map_err(Error::io("side socket: SO_SNDBUF"))?;
        set_socket_recv_buffer_size(end, layout::SIDE_SOCKET_BUFFER)
            .map_err(Error::io("side socket: SO_RCVBUF"))?;
    }
    Ok(pair)
}

/// Adds without the cost of an atomic addition: the producer alone writes its table.
fn add(count: &std::sync::atomic::AtomicU32, by: i32) {
    count.store(count.load(Relaxed).saturating_add_signed(by), Relaxed);
}
