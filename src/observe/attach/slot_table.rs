//! The producer's private slot table: found in its memory, read, and checked before a word of it is believed.
//!
//! The table lies in the producer's heap (`zbq.h: struct zbq_producer`), not in shared memory. It is found by a
//! run of 24 bytes that `/proc` already tells us: the addresses where control region and ring are mapped, and
//! their two descriptors. Reading goes through `/proc/PID/mem`, which asks for `PTRACE_MODE_ATTACH` but neither
//! attaches to the process nor stops it. Pages that are not in memory are passed over, so that looking neither
//! swaps them in nor grows the process's page tables.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use crate::observe::procfs::{Maps, MemFd, MemFdKind, PrivateMemory, Process, clock_ahead_ns};
use crate::ring::layout::{table, u32_at, u64_at};
use crate::ring::{Control, WakeupMode};

const PAGE: u64 = 4096;
/// Most of a producer's memory that is searched: the table is made early, so it lies near the heap's start.
const SEARCH_LIMIT: u64 = 64 << 20;
/// Read at a time while searching.
const CHUNK: u64 = 1 << 20;
/// More slots than this are not believed.
const MAX_SLOTS: u32 = 1 << 20;
/// Places in a chunk of memory that are tried: a heap full of false ones must not keep us.
const MOST_HITS: usize = 4096;
/// Mappings of one file that are tried, and pairs of them.
const MOST_MAPPINGS: usize = 4;
const MOST_CANDIDATES: usize = 4096;
/// For how long a table is looked for.
const PATIENCE: Duration = Duration::from_millis(300);
/// A table that makes no sense is read again, this often, ...
const TRIES: u32 = 3;
/// ... after as long as the producer may take to change it.
const CHANGE: Duration = Duration::from_micros(50);

/// Where a producer's slot table lies, and what must be true of it.
#[derive(Debug)]
pub struct SlotTable {
    memory: File,
    address: u64,
    expected: Expected,
    /// By how much the producer's clock is ahead of ours, ns.
    clock_ahead_ns: Option<i64>,
}

/// What must be true of a table, known from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expected {
    ctrl_address: u64,
    ring_address: u64,
    ctrl_fd: i32,
    ring_fd: i32,
    ring_capacity: u64,
    clog_threshold: u64,
    stall_timeout_ns: u64,
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
    /// Looks for the table of the ring whose control region is `ctrl`, and tells which of `rings` it names.
    ///
    /// # Errors
    /// `PermissionDenied` when the producer's memory may not be read; `NotFound` when it holds no such table.
    pub fn locate(
        process: &Process,
        maps: &Maps,
        ctrl: &MemFd,
        control: &Control,
        rings: &[MemFd],
    ) -> io::Result<(Self, MemFd)> {
        let memory = File::from(process.memory()?);
        let presence = File::from(process.open_at("pagemap", rustix::fs::OFlags::RDONLY)?);
        let addresses = |kind: MemFdKind, file| {
            maps.memfds
                .iter()
                .filter(move |at| at.kind == kind && at.file == file)
                .map(|at| at.address)
                // Whoever maps one file again and again is not to multiply what is looked for.
                .take(MOST_MAPPINGS)
        };
        let mut candidates = Vec::new();
        for ring in rings
            .iter()
            .filter(|ring| ring.size == control.ring_capacity)
        {
            for ctrl_address in addresses(MemFdKind::Ctrl, ctrl.file) {
                for ring_address in addresses(MemFdKind::Ring, ring.file) {
                    let expected = Expected {
                        ctrl_address,
                        ring_address,
                        ctrl_fd: ctrl.fd,
                        ring_fd: ring.fd,
                        ring_capacity: control.ring_capacity,
                        clog_threshold: control.clog_threshold,
                        stall_timeout_ns: control.stall_timeout_ns,
                    };
                    candidates.push((expected, *ring));
                }
            }
        }
        if candidates.is_empty() {
            // Nothing is known of what would lie there.
            return Err(no_table());
        }
        candidates.truncate(MOST_CANDIDATES);
        let wanted = Candidates::of(&candidates);
        let clock_ahead_ns = clock_ahead_ns(process);
        let until = Instant::now() + PATIENCE;
        let mut found = None;
        search(&memory, &presence, &maps.private, |chunk, base| {
            // One that was freed may lie before the one that lives, when a ring is given up and another made.
            found = wanted.hits(chunk, base).find_map(|(address, index)| {
                let (expected, ring) = candidates[index];
                let table = Self {
                    memory: memory.try_clone().ok()?,
                    address,
                    expected,
                    clock_ahead_ns,
                };
                table.read().map(|_| (table, ring))
            });
            found.is_some() || Instant::now() >= until
        })?;
        found.ok_or_else(no_table)
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
        self.memory.read_exact_at(&mut head, self.address).ok()?;
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
        self.memory.read_exact_at(&mut head, self.address).ok()?;
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
        self.memory.read_exact_at(&mut bytes, slots).ok()?;
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

fn no_table() -> io::Error {
    let why = "no slot table in the producer's memory";
    io::Error::new(io::ErrorKind::NotFound, why)
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
    /// The 24 known bytes.
    fn run(&self) -> [u8; 24] {
        let mut run = [0; 24];
        run[..8].copy_from_slice(&self.ctrl_address.to_ne_bytes());
        run[8..16].copy_from_slice(&self.ring_address.to_ne_bytes());
        run[16..20].copy_from_slice(&self.ctrl_fd.to_ne_bytes());
        run[20..].copy_from_slice(&self.ring_fd.to_ne_bytes());
        run
    }

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

/// What is looked for in a producer's memory: the known bytes of each candidate, which begin alike where they are of one
/// mapping of the control region.
struct Candidates {
    beginnings: Vec<[u8; 8]>,
    runs: HashMap<[u8; 24], usize>,
}

impl Candidates {
    fn of(candidates: &[(Expected, MemFd)]) -> Self {
        let runs: HashMap<[u8; 24], usize> = (candidates.iter().enumerate())
            .map(|(index, (expected, _))| (expected.run(), index))
            .collect();
        let mut beginnings: Vec<[u8; 8]> = candidates
            .iter()
            .map(|(expected, _)| expected.ctrl_address.to_ne_bytes())
            .collect();
        beginnings.sort_unstable();
        beginnings.dedup();
        Self { beginnings, runs }
    }

    /// Where in `chunk`, which lies at `base` in the producer, tables may lie, and of which candidates.
    fn hits(&self, chunk: &[u8], base: u64) -> impl Iterator<Item = (u64, usize)> {
        let found = self
            .beginnings
            .iter()
            .flat_map(move |beginning| memchr::memmem::find_iter(chunk, beginning).take(MOST_HITS));
        let hits: Vec<(u64, usize)> = found
            .filter_map(|at| {
                let run: [u8; 24] = chunk.get(at..at + 24)?.try_into().ok()?;
                let index = *self.runs.get(&run)?;
                let address = base
                    .checked_add(at as u64)?
                    .checked_sub(table::CTRL as u64)?;
                address.is_multiple_of(8).then_some((address, index))
            })
            .collect();
        hits.into_iter()
    }
}

/// Hands every present piece of `regions` to `look` until it says stop, within [`SEARCH_LIMIT`].
fn search(
    memory: &File,
    presence: &File,
    regions: &[PrivateMemory],
    mut look: impl FnMut(&[u8], u64) -> bool,
) -> io::Result<()> {
    let mut budget = SEARCH_LIMIT;
    let mut chunk = Vec::new();
    for region in regions {
        let mut at = region.start;
        while at < region.end && budget > 0 {
            let length = CHUNK.min(region.end - at).min(budget);
            budget -= length;
            // One page more than the step, so that a table across two steps is seen whole.
            for (start, end) in present(presence, at, region.end.min(at + length + PAGE))? {
                let Ok(wanted) = usize::try_from(end - start) else {
                    continue;
                };
                chunk.resize(wanted, 0);
                // A region that was unmapped since it was listed is no error.
                let Ok(read) = memory.read_at(&mut chunk, start) else {
                    continue;
                };
                if look(&chunk[..read], start) {
                    return Ok(());
                }
            }
            at += length;
        }
    }
    Ok(())
}

/// Runs of pages between two addresses that are in memory.
fn present(presence: &File, start: u64, end: u64) -> io::Result<Vec<(u64, u64)>> {
    /// Bit 63 of a pagemap entry: the page is in memory (`Documentation/admin-guide/mm/pagemap.rst`).
    const PRESENT: u64 = 1 << 63;
    let pages = usize::try_from((end - start) / PAGE).unwrap_or(0);
    let mut entries = vec![0; pages * 8];
    let read = presence.read_at(&mut entries, start / PAGE * 8)?;
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for (page, entry) in (0..).zip(entries[..read].chunks_exact(8)) {
        if u64_at(entry, 0).is_none_or(|entry| entry & PRESENT == 0) {
            continue;
        }
        let at = start + page * PAGE;
        match runs.last_mut() {
            Some((_, end)) if *end == at => *end += PAGE,
            _ => runs.push((at, at + PAGE)),
        }
    }
    Ok(runs)
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    u32_at(bytes, at).map(u32::cast_signed)
}
