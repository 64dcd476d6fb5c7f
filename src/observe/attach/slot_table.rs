//! The producer's private slot table: read, and checked before a word of it is believed.
//!
//! The table lies in the producer's heap (`zbq.h: struct zbq_producer`), not in shared memory; `table_search` finds it. Reading
//! goes through `/proc/PID/mem`, which asks for `PTRACE_MODE_ATTACH` but neither attaches to the process nor stops it.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use crate::observe::procfs::Process;
use crate::ring::WakeupMode;
use crate::ring::layout::{table, u32_at, u64_at};

pub(super) const PAGE: u64 = 4096;
/// More slots than this are not believed.
const MAX_SLOTS: u32 = 1 << 20;
/// A table that makes no sense is read again, this often, ...
const TRIES: u32 = 3;
/// ... after as long as the producer may take to change it.
const CHANGE: Duration = Duration::from_micros(50);

/// Where a producer's slot table lies, and what must be true of it.
#[derive(Debug)]
pub struct SlotTable {
    process: Process,
    /// The producer's memory, where it is held open.
    memory: RefCell<Option<File>>,
    address: u64,
    expected: Expected,
    /// By how much the producer's clock is ahead of ours, ns.
    clock_ahead_ns: Option<i64>,
}

/// What must be true of a table, known from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) ctrl_address: u64,
    pub(super) ring_address: u64,
    pub(super) ctrl_fd: i32,
    pub(super) ring_fd: i32,
    pub(super) ring_capacity: u64,
    pub(super) clog_threshold: u64,
    pub(super) stall_timeout_ns: u64,
}

/// The slot table at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableView {
    /// Slots there are.
    pub max: u32,
    /// Slots taken by push consumers.
    pub push: u32,
    /// Failed reservations since the last that succeeded.
    pub clog_attempts: u64,
    /// Sequence number the next message with descriptors will carry.
    pub next_seq_id: u64,
    /// The last reservation that was offered, until something of it is committed.
    pub offered: Option<Offer>,
    /// The slots taken.
    pub active: Vec<SlotView>,
}

/// Room that the producer was offered and may be writing into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Logical offset of its first byte.
    pub offset: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Where a producer writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writing {
    /// Bytes committed, as the producer knows it.
    pub head: u64,
    /// Room that it was offered, and has not committed anything of.
    pub offer: Option<Offer>,
}

/// One slot that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotView {
    /// Its index.
    pub index: u32,
    /// How its consumer is woken.
    pub mode: WakeupMode,
    /// The producer's pidfd on the consumer.
    pub pidfd: i32,
    /// The producer's end of the side socket.
    pub side_socket_fd: i32,
    /// The producer's descriptor of the consumer's metadata page.
    pub meta_fd: i32,
    /// Where the producer has that page mapped.
    pub meta_address: u64,
    /// Tail the last time the producer minded it.
    pub last_seen_tail: u64,
    /// Tail at the last change that a scan saw.
    pub last_progress_tail: u64,
    /// Our `CLOCK_MONOTONIC` at that scan, ns; `None` where the producer's clock is another and cannot be compared with it.
    pub last_progress_time_ns: Option<u64>,
}

impl SlotTable {
    /// One that may lie at `address` in the memory of `process`.
    pub(super) fn new(
        process: Process,
        address: u64,
        expected: Expected,
        clock_ahead_ns: Option<i64>,
    ) -> Self {
        Self {
            process,
            memory: RefCell::new(None),
            address,
            expected,
            clock_ahead_ns,
        }
    }

    /// Holds no descriptor until it is read again.
    pub(super) fn release(&self) {
        self.memory.take();
    }

    fn read_memory(&self, bytes: &mut [u8], address: u64) -> Option<()> {
        let mut held = self.memory.borrow_mut();
        let memory = match &mut *held {
            Some(memory) => memory,
            none => none.insert(File::from(self.process.memory().ok()?)),
        };
        memory.read_exact_at(bytes, address).ok()
    }

    /// Reads the table now. `None` when what lies there does not agree with what is known of the ring: the
    /// producer is gone, or has freed the table.
    #[must_use]
    pub fn read(&self) -> Option<TableView> {
        // A producer in the middle of an eviction has a slot that is active and has no descriptors any more, for
        // as long as a few calls of close take.
        (0..TRIES).find_map(|attempt| {
            if attempt > 0 {
                std::thread::sleep(CHANGE);
            }
            self.read_once()
        })
    }

    /// What the producer may be writing now, beyond what it has committed: the one question that is asked of the table for
    /// each copy that is made of the ring.
    #[must_use]
    pub fn writing(&self) -> Option<Writing> {
        let mut head = [0; table::SIZE];
        self.read_memory(&mut head, self.address)?;
        if !self.expected.agrees(&head) {
            return None;
        }
        Some(Writing {
            head: u64_at(&head, table::LOCAL_HEAD)?,
            offer: offer(&head),
        })
    }

    fn read_once(&self) -> Option<TableView> {
        let mut head = [0; table::SIZE];
        self.read_memory(&mut head, self.address)?;
        if !self.expected.agrees(&head) {
            return None;
        }
        let max = u32_at(&head, table::MAX_CONSUMERS)?;
        let push = u32_at(&head, table::ACTIVE_PUSH_COUNT)?;
        let slots = u64_at(&head, table::SLOTS)?;
        if max == 0 || max > MAX_SLOTS || push > max || slots == 0 || !slots.is_multiple_of(8) {
            return None;
        }
        let mut bytes = vec![0; table::SLOT_SIZE * usize::try_from(max).ok()?];
        self.read_memory(&mut bytes, slots)?;
        let mut active = Vec::new();
        for (index, bytes) in (0..).zip(bytes.chunks_exact(table::SLOT_SIZE)) {
            match i32_at(bytes, table::SLOT_ACTIVE)? {
                0 => {}
                1 => active.push(SlotView::parse(index, bytes, self.clock_ahead_ns)?),
                _ => return None,
            }
        }
        Some(TableView {
            max,
            push,
            clog_attempts: u64_at(&head, table::CLOG_ATTEMPT_COUNTER)?,
            next_seq_id: u64_at(&head, table::NEXT_SEQ_ID)?,
            offered: offer(&head),
            active,
        })
    }
}

/// The reservation that a table tells of.
fn offer(head: &[u8]) -> Option<Offer> {
    let offer = Offer {
        offset: u64_at(head, table::LAST_QUERY_OFFSET)?,
        bytes: u64_at(head, table::LAST_QUERY_MAX_BYTES)?,
    };
    (offer.bytes > 0).then_some(offer)
}

impl SlotView {
    /// Whether two readings of a slot are of the same consumer.
    pub(super) fn is_same_join(&self, other: &Self) -> bool {
        (self.index, self.meta_fd, self.pidfd, self.meta_address)
            == (other.index, other.meta_fd, other.pidfd, other.meta_address)
    }

    fn parse(index: u32, bytes: &[u8], clock_ahead_ns: Option<i64>) -> Option<Self> {
        let scanned = u64_at(bytes, table::SLOT_LAST_PROGRESS_TIME_NS)?;
        let view = Self {
            index,
            mode: WakeupMode::from_wire(u32_at(bytes, table::SLOT_MODE)?)?,
            pidfd: i32_at(bytes, table::SLOT_PIDFD)?,
            side_socket_fd: i32_at(bytes, table::SLOT_SIDE_SOCKET_FD)?,
            meta_fd: i32_at(bytes, table::SLOT_META_FD)?,
            meta_address: u64_at(bytes, table::SLOT_META)?,
            last_seen_tail: u64_at(bytes, table::SLOT_LAST_SEEN_TAIL)?,
            last_progress_tail: u64_at(bytes, table::SLOT_LAST_PROGRESS_TAIL)?,
            last_progress_time_ns: clock_ahead_ns.map(|ahead| match ahead {
                0.. => scanned.saturating_sub(ahead.unsigned_abs()),
                _ => scanned.saturating_add(ahead.unsigned_abs()),
            }),
        };
        (view.pidfd >= 0 && view.meta_fd >= 0 && view.meta_address.is_multiple_of(PAGE))
            .then_some(view)
    }
}

impl Expected {
    fn agrees(&self, head: &[u8]) -> bool {
        u64_at(head, table::RING_CAPACITY) == Some(self.ring_capacity)
            && u64_at(head, table::CLOG_THRESHOLD) == Some(self.clog_threshold)
            && u64_at(head, table::STALL_TIMEOUT_NS) == Some(self.stall_timeout_ns)
            && u64_at(head, table::CTRL) == Some(self.ctrl_address)
            && u64_at(head, table::RING_BASE) == Some(self.ring_address)
            && i32_at(head, table::CTRL_FD) == Some(self.ctrl_fd)
            && i32_at(head, table::RING_FD) == Some(self.ring_fd)
    }
}

pub(super) fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    u32_at(bytes, at).map(u32::cast_signed)
}
