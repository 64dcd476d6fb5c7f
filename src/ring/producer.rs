//! The producing end: makes the ring, lets consumers in, writes messages. It owns the memfds of the ring and
//! where its head is; who sits in which slot is kept by its neighbour, `slots`. It decides nothing about what is in a
//! message, and does not listen: the application accepts connections and hands them to [`Producer::handshake`].
//!
//! Three ways to write. [`Producer::send`] writes one message, commits it, and minds the lap's end. [`Producer::batch`] does so
//! for many, which are committed together. [`Producer::reserve`] is the reference's query and commit, step by step, for those
//! who lay out a lap themselves. The first two read the consumers' tails only when the room they last saw has run out.

pub(super) mod batch;
pub(super) mod in_place;
mod params;
pub(super) mod reservation;

use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use std::sync::atomic::{compiler_fence, fence};
use std::time::Duration;

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::process::getpid;

use super::clock::{monotonic_ns, ticks};
use super::deadline::Deadline;
use super::error::{Error, Result};
use super::join::{self, JoinPayload};
use super::layout::{self, HEADER_SIZE, MAX_FDS};
use super::mapping::{Mapping, ReadWrite};
use super::message::{FLAG_FILLER, MessageHeader};
use super::patience::{Patience, Worth};
use super::pidfd::open_pidfd;
use super::slot::{SlotIndex, WakeupMode};
use super::slots::{Occupant, SlotInfo, Slots, side_sockets};
use super::table::Table;

pub use params::ProducerParams;

/// Bytes in a header, as ring arithmetic has it.
const HEADER: u64 = HEADER_SIZE as u64;

/// So much of a lap is room to go on with.
const MUCH: u64 = 16;

/// A message that was sent with descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Logical offset of its header.
    pub offset: u64,
    /// The `seq_id` that ties it to its descriptors.
    pub seq_id: u64,
    /// Consumers that the descriptors were sent to. One whose side socket is full gets none.
    pub consumers: usize,
}

/// The producing end of a ring.
///
/// It may go from thread to thread (`Send`), and is used by one at a time: it is not `Sync`.
///
/// ```compile_fail
/// fn is_sync<T: Sync>() {}
/// is_sync::<zbqtop::ring::Producer>();
/// ```
///
/// A process that forks has it twice. One of the two may write; in the other it is best forgotten (`std::mem::forget`), as
/// dropping it evicts every consumer of the ring that both see.
///
/// ```
/// use zbqtop::ring::{Error, Producer, ProducerParams};
///
/// let mut producer = Producer::create(ProducerParams::default())?;
/// match producer.send(b"hello") {
///     Ok(offset) => assert_eq!(offset, 0),
///     // The slowest consumer has yet to release some: later, or not at all.
///     Err(Error::Full { .. }) => {}
///     Err(error) => return Err(error),
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Producer {
    /// Where the numbers live, in the reference's layout; see the module it comes from.
    table: Box<Table>,
    slots: Slots,
    ctrl: Mapping<ReadWrite>,
    ring: Mapping<ReadWrite>,
    ctrl_fd: OwnedFd,
    ring_fd: OwnedFd,
    params: ProducerParams,
    /// Bytes ever written: those ever committed, and those of a batch that is under way.
    written: u64,
    /// Bytes ever committed.
    head: u64,
    /// `written % ring_capacity`, kept to save the division.
    position: u64,
    /// Up to where bytes may be written by the tails last read: the lowest, and a lap. Tails only grow, and new slots start at
    /// head, so what was read once is a bound for good; unless a consumer takes bytes back that it had released.
    limit: u64,
    /// Before they are read again.
    patience: Patience,
    next_seq_id: u64,
    /// The table tells of a reservation, or counts failed ones: the next commit ends that.
    is_noted: bool,
}

impl Producer {
    /// Makes a ring with no consumers.
    ///
    /// # Errors
    /// If no ring can be like this, or the kernel refuses.
    pub fn create(params: ProducerParams) -> Result<Self> {
        params.validate()?;
        let ctrl_fd = memfd(layout::CTRL_NAME, layout::CTRL_SIZE as u64)?;
        let ring_fd = memfd(layout::RING_NAME, params.ring_capacity)?;
        let ctrl = Mapping::read_write(layout::CTRL_NAME, &ctrl_fd, layout::CTRL_SIZE)?;
        let ring = Mapping::read_write(layout::RING_NAME, &ring_fd, params.ring_capacity as usize)?;
        // A new memfd is zeros. Nobody else has this one yet, and they get it through a socket: no order is needed.
        ctrl.store_u64_relaxed(layout::CTRL_RING_CAPACITY, params.ring_capacity);
        ctrl.store_u64_relaxed(layout::CTRL_CLOG_THRESHOLD, params.clog_threshold);
        ctrl.store_u64_relaxed(layout::CTRL_STALL_TIMEOUT_NS, params.stall_timeout_ns());
        ctrl.store_u32_relaxed(layout::CTRL_PRODUCER_PID, own_pid().cast_unsigned());
        let slots = Slots::new(params.max_consumers);
        let table = Box::new(Table {
            ring_capacity: params.ring_capacity.into(),
            clog_threshold: params.clog_threshold.into(),
            stall_timeout_ns: params.stall_timeout_ns().into(),
            max_consumers: params.max_consumers.into(),
            ctrl: ctrl.address().into(),
            ring_base: ring.address().into(),
            ctrl_fd: ctrl_fd.as_raw_fd().into(),
            ring_fd: ring_fd.as_raw_fd().into(),
            next_seq_id: 1.into(),
            slots: slots.address().into(),
            ..Table::default()
        });
        Ok(Self {
            table,
            slots,
            ctrl,
            ring,
            ctrl_fd,
            ring_fd,
            params,
            written: 0,
            head: 0,
            position: 0,
            limit: params.ring_capacity,
            patience: Patience::default(),
            next_seq_id: 1,
            is_noted: false,
        })
    }

    /// What the ring was made of.
    pub fn params(&self) -> ProducerParams {
        self.params
    }

    /// Bytes ever committed.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The taken slots.
    pub fn slots(&self) -> impl Iterator<Item = SlotInfo> {
        self.slots.infos()
    }

    /// Answers a consumer that connected, and gives it a slot in `mode`, which need not be the mode it wished for.
    /// `conn` stays the caller's to close; closing it is the only answer a consumer gets to an error.
    ///
    /// # Errors
    /// If no slot is free, the consumer does not keep to the protocol or to `timeout`, or the kernel refuses; the
    /// consumer's pid means nothing to it, for instance, in another pid namespace.
    pub fn handshake(
        &mut self,
        conn: impl AsFd,
        mode: WakeupMode,
        timeout: Duration,
    ) -> Result<SlotIndex> {
        self.handshake_with(conn, |_| mode, timeout)
    }

    /// As [`Producer::handshake`], in the mode that `choose` makes of the one wished for; `None` is a wish that the
    /// protocol does not know.
    ///
    /// # Errors
    /// Those of [`Producer::handshake`].
    pub fn handshake_with(
        &mut self,
        conn: impl AsFd,
        choose: impl FnOnce(Option<WakeupMode>) -> WakeupMode,
        timeout: Duration,
    ) -> Result<SlotIndex> {
        let deadline = Deadline::after(timeout);
        let request = join::receive_request(conn.as_fd(), deadline)?;
        let mode = choose(WakeupMode::from_wire(request.wakeup_mode));
        let Some(slot) = self.slots.first_free() else {
            return Err(Error::NoFreeSlot {
                slots: self.params.max_consumers,
            });
        };
        let pid = request.consumer_pid;
        if pid <= 0 {
            return Err(Error::protocol(
                "join request: consumer_pid",
                pid,
                "a process",
            ));
        }
        let meta_fd = memfd(layout::META_NAME, layout::META_SIZE as u64)?;
        let meta = Mapping::read_write(layout::META_NAME, &meta_fd, layout::META_SIZE)?;
        let (side, theirs) = side_sockets()?;
        let pidfd = open_pidfd(pid).map_err(Error::io("pidfd_open of the consumer"))?;
        let (baseline, now) = (ticks(), monotonic_ns());
        let head = self.head;
        // The consumer gets the page through a socket, which orders these; release is what later stores of the tail
        // use, and costs nothing.
        meta.store_u64_release(layout::META_TAIL_OFFSET, head);
        meta.store_u64_relaxed(layout::META_JOIN_BASELINE, baseline);
        let payload = JoinPayload {
            ring_capacity: self.params.ring_capacity,
            join_baseline: baseline,
            initial_head: head,
            producer_pid: own_pid(),
            slot,
            mode,
        };
        let fds = [
            self.ctrl_fd.as_fd(),
            self.ring_fd.as_fd(),
            meta_fd.as_fd(),
            theirs.as_fd(),
        ];
        join::send_answer(conn.as_fd(), payload, fds, deadline)?;

        let occupant = Occupant {
            side,
            pidfd,
            meta,
            meta_fd,
            pid,
        };
        self.slots
            .occupy(&self.table, slot, mode, head, now, occupant);
        Ok(slot)
    }

    /// Writes one message with the next `seq_id` and commits it. Returns the logical offset of its header.
    ///
    /// When the message does not fit before the lap's end, one filler message ([`FLAG_FILLER`], `seq_id` 0, its
    /// payload whatever was there) takes the rest of the lap; it may be committed although there was no room for the message.
    /// What a message leaves of a lap is nothing, or at least a header's room.
    ///
    /// # Errors
    /// [`Error::Full`] if there is no room now, which counts towards the clog threshold like a failed reservation, even if
    /// some room was left: a consumer that stops just short of making enough must not hold the ring for good. If no lap can
    /// hold the message, or raw commits have left less than a header's room in this lap.
    #[inline]
    pub fn send(&mut self, payload: &[u8]) -> Result<u64> {
        match self.write(payload, 0) {
            Ok(offset) => {
                self.publish();
                Ok(offset)
            }
            Err(error) => Err(self.unwritten(error)),
        }
    }

    /// A filler may have been written although the message was not.
    #[cold]
    fn unwritten(&mut self, error: Error) -> Error {
        self.publish_any();
        error
    }

    /// Writes one message and sends descriptors with it, to every consumer; otherwise as [`Producer::send`].
    ///
    /// # Errors
    /// Also if there are more descriptors than one message can carry.
    pub fn send_with_fds(&mut self, payload: &[u8], fds: &[BorrowedFd<'_>]) -> Result<Sent> {
        let fd_count = u8::try_from(fds.len())
            .ok()
            .filter(|&count| usize::from(count) <= MAX_FDS);
        let fd_count = fd_count.ok_or(Error::TooManyFds { found: fds.len() })?;
        let seq_id = self.next_seq_id;
        // Before the commit: a consumer that sees the message finds its descriptors there.
        let sent = self.write(payload, fd_count).and_then(|offset| {
            Ok(Sent {
                offset,
                seq_id,
                consumers: self.broadcast_fds(seq_id, fds)?,
            })
        });
        self.publish_any();
        sent
    }

    /// Hands out the next `seq_id`; the first is 1.
    #[inline]
    pub fn next_seq_id(&mut self) -> u64 {
        let seq_id = self.next_seq_id;
        self.next_seq_id = seq_id.wrapping_add(1);
        self.table.next_seq_id.store(self.next_seq_id, Relaxed);
        seq_id
    }

    /// Sends descriptors to every consumer, push and pull, as one record under `seq_id`. Never waits: a consumer
    /// whose side socket is full loses the record. Returns how many consumers it was sent to. No descriptors: no
    /// record.
    ///
    /// # Errors
    /// If there are more than one message can carry.
    pub fn broadcast_fds(&mut self, seq_id: u64, fds: &[BorrowedFd<'_>]) -> Result<usize> {
        if fds.len() > MAX_FDS {
            return Err(Error::TooManyFds { found: fds.len() });
        }
        if fds.is_empty() {
            return Ok(0);
        }
        Ok(self.slots.send(&seq_id.to_ne_bytes(), fds))
    }

    /// Evicts every consumer whose tail is impossible (above head, or lower than it was), whose process is gone, or
    /// whose tail has not moved between two scans that are more than the stall timeout apart. The last is the
    /// reference's rule: a healthy consumer that is caught up on a quiet ring meets it, too.
    /// (`zbq.h: zbq_producer_scan`)
    pub fn scan(&mut self) {
        self.slots.scan(&self.table, self.head);
    }

    /// Free bytes at head, by the tails read now. A tail a lap or more behind head, which cannot be, frees none.
    fn read_tails(&mut self) -> u64 {
        let min_tail = self.slots.read_tails(self.written);
        self.limit = min_tail.saturating_add(self.params.ring_capacity);
        self.limit.saturating_sub(self.written)
    }

    /// That `needed` bytes at head are free. Reads the tails only if it takes newer ones to say so.
    fn need_room(&mut self, needed: u64) -> Result<()> {
        if self.limit.saturating_sub(self.written) >= needed {
            return Ok(());
        }
        self.patience.wait();
        let free = self.read_tails();
        self.patience
            .learn(if free >= self.params.ring_capacity / MUCH {
                Worth::Much
            } else {
                // To be told again and again that there is no room helps nobody either.
                Worth::Little
            });
        if free >= needed {
            return Ok(());
        }
        self.clogged();
        Err(Error::Full { needed, free })
    }

    fn clogged(&mut self) {
        let attempts = self
            .table
            .clog_attempt_counter
            .load(Relaxed)
            .saturating_add(1);
        self.table.clog_attempt_counter.store(attempts, Relaxed);
        self.is_noted = true;
        if attempts >= self.params.clog_threshold {
            self.scan();
        }
    }

    /// Brings head to where a message of `payload_len` can be written, if need be behind a filler.
    #[cold]
    fn make_room(&mut self, payload_len: usize) -> Result<()> {
        let capacity = self.params.ring_capacity;
        let total = HEADER + payload_len as u64;
        let to_end = capacity - self.position;
        // A filler is at most 15 bytes longer than the message, and its length has to fit, too.
        let max = (capacity - 2 * HEADER).min(u64::from(u32::MAX) - HEADER);
        if payload_len as u64 > max && (total != capacity || payload_len > u32::MAX as usize) {
            return Err(Error::MessageTooLong {
                payload_len,
                capacity,
                max,
            });
        }
        if total != to_end && total + HEADER > to_end {
            if to_end < HEADER {
                return Err(Error::LapSpoiled {
                    offset: self.written,
                    left: to_end,
                });
            }
            self.need_room(to_end)?;
            let filler = MessageHeader {
                payload_len: (to_end - HEADER) as u32,
                flags: FLAG_FILLER,
                ..MessageHeader::default()
            };
            self.note_written(to_end);
            self.ring.copy_in(self.position, &filler.to_bytes())?;
            self.advance(to_end);
        }
        self.need_room(total)
    }

    /// Notes in the table up to where bytes are about to be written: so much may be in doubt for whoever reads the ring's
    /// older bytes.
    #[inline]
    fn note_written(&self, len: u64) {
        self.table.local_head.store(self.written + len, Relaxed);
        // Before the bytes themselves: pairs with nothing in this program, but with whoever looks into it.
        fence(Release);
    }

    /// Brings head to where a message of `payload_len` can be written now.
    #[inline]
    fn claim(&mut self, payload_len: usize) -> Result<()> {
        let total = HEADER + payload_len as u64;
        // What is left of the lap behind it is at least a header's room; where nothing is, the other way finds out.
        let is_tight = self.position + total + HEADER > self.params.ring_capacity
            || self.written + total > self.limit
            || payload_len > u32::MAX as usize;
        if is_tight {
            self.make_room(payload_len)?;
        }
        self.note_written(total);
        Ok(())
    }

    /// Writes a message at head, if there is room, and moves head behind it; it is not committed yet. Returns its offset.
    #[inline]
    fn write(&mut self, payload: &[u8], fd_count: u8) -> Result<u64> {
        self.claim(payload.len())?;
        let seq_id = self.next_seq_id();
        let header = MessageHeader {
            payload_len: payload.len() as u32,
            fd_count,
            flags: 0,
            reserved: 0,
            seq_id,
        };
        self.ring
            .copy_in_two(self.position, header.to_bytes(), payload)?;
        let offset = self.written;
        self.advance(HEADER + payload.len() as u64);
        Ok(offset)
    }

    /// Moves head on by `len`, which does not cross the lap's end.
    #[inline]
    fn advance(&mut self, len: u64) {
        self.written += len;
        self.position += len;
        if self.position == self.params.ring_capacity {
            self.position = 0;
        }
    }

    /// Commits what is written and is not committed yet, if anything is.
    fn publish_any(&mut self) {
        if self.written != self.head {
            self.publish();
        }
    }

    /// Commits whole messages: all that is written.
    #[inline]
    fn publish(&mut self) {
        let before = self.head;
        self.store_head();
        if self.table.active_push_count.load(Relaxed) > 0 {
            self.bump();
            if self.slots.may_sleep(before) {
                self.ctrl.futex_wake_all(layout::CTRL_BROADCAST_FUTEX);
            }
        }
    }

    #[inline]
    fn store_head(&mut self) {
        // Release: pairs with the consumers' acquire load of head, so they see the bytes below it.
        self.ctrl
            .store_u64_release(layout::CTRL_PRODUCER_HEAD, self.written);
        self.head = self.written;
        if self.is_noted {
            self.table.clog_attempt_counter.store(0, Relaxed);
            self.table.last_query_max_bytes.store(0, Relaxed);
            self.is_noted = false;
        }
    }

    /// Changes the word that sleepers compare, and lets nothing after that be done before.
    ///
    /// A consumer sleeps only once its published tail is at the head that it has seen, and the kernel compares the word after
    /// that. So of two things one: it finds the word changed, and does not sleep; or this thread, behind the fence, finds its
    /// tail, and wakes it.
    #[inline]
    fn bump(&self) {
        // Release, where the reference is relaxed: pairs with our consumers' acquire load of the token, so that
        // whoever holds the new token has seen the new head, and does not sleep on it.
        self.ctrl
            .fetch_add_u32_release(layout::CTRL_BROADCAST_FUTEX, 1);
        // Pairs with the barrier of the kernel's futex_wait (kernel/futex/waitwake.c), behind the consumer's tail. On x86-64
        // the addition is one itself (Intel SDM 3A, 9.2.3.9: locked instructions have a total order), and only the compiler has
        // to be kept from taking the loads behind it before.
        if cfg!(target_arch = "x86_64") {
            compiler_fence(SeqCst);
        } else {
            fence(SeqCst);
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.slots.evict_all(&self.table);
    }
}

fn own_pid() -> i32 {
    getpid().as_raw_nonzero().get()
}

/// A memfd of `size` zeros. Close-on-exec and unsealable, as the reference makes them.
fn memfd(name: &'static str, size: u64) -> Result<OwnedFd> {
    let fd = memfd_create(name, MemfdFlags::CLOEXEC).map_err(Error::io("memfd_create"))?;
    ftruncate(&fd, size).map_err(Error::io("ftruncate of a new memfd"))?;
    Ok(fd)
}
