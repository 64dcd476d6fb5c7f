//! The search for slot tables in a producer's memory: one pass for all its rings, in as many slices as its callers like.
//!
//! A table is found by a run of 24 bytes that `/proc` already tells us: the addresses where control region and ring are mapped,
//! and their two descriptors. Pages that are not in memory are passed over, so that looking neither swaps them in nor grows the
//! process's page tables.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::slot_table::{Expected, PAGE, SlotTable, i32_at};
use crate::observe::procfs::{
    FileId, MappedMemFd, Maps, MemFd, PrivateMemory, Process, clock_ahead_ns,
};
use crate::ring::Control;
use crate::ring::layout::{table, u64_at};
use crate::text::{bytes, duration};

/// Read at a time while searching.
const CHUNK: u64 = 1 << 20;
/// A search goes on for no longer than this in all.
const LONGEST: Duration = Duration::from_secs(10);
/// One that goes on in slices takes no more than a twentieth of the time.
const RESTS: u32 = 20;
/// Places in a piece of memory that look like a table and are none: a heap full of them must not keep us.
const MOST_FALSE: usize = 64;
/// Mappings of one file that are tried.
const MOST_MAPPINGS: usize = 4;

/// A search that is under way, or has come to its end.
#[derive(Debug)]
pub(super) struct TableSearch {
    process: Process,
    memory: File,
    presence: File,
    /// Still to be searched, the last first.
    regions: Vec<PrivateMemory>,
    wanted: Wanted,
    found: HashMap<FileId, (SlotTable, MemFd)>,
    clock_ahead_ns: Option<i64>,
    progress: Progress,
    took: Duration,
    due: Instant,
}

/// How far a search has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// Bytes of memory that were looked through, or passed over.
    pub(super) searched: u64,
    /// Bytes there are.
    pub(super) total: u64,
}

impl TableSearch {
    /// Begins to look for the tables of the rings of `process` with these control regions, whose data is in one of `rings` each.
    ///
    /// # Errors
    /// `PermissionDenied` when the producer's memory may not be read; `NotFound` when nothing is known of what would lie
    /// there.
    pub(super) fn begin(
        process: &Process,
        maps: &Maps,
        ctrls: &[(MemFd, Control)],
        rings: &[MemFd],
    ) -> io::Result<Self> {
        let memory = File::from(process.memory()?);
        let presence = File::from(process.open_at("pagemap", rustix::fs::OFlags::RDONLY)?);
        let wanted = Wanted::of(maps, ctrls, rings);
        if wanted.ctrls.is_empty() || wanted.rings.is_empty() {
            return Err(no_table());
        }
        let mut regions = maps.private.clone();
        // The heap first, then what is small: what is very large is mostly empty.
        regions.sort_by_key(|region| std::cmp::Reverse((!region.heap, region.end - region.start)));
        Ok(Self {
            process: process.clone(),
            memory,
            presence,
            progress: Progress {
                searched: 0,
                total: regions.iter().map(|region| region.end - region.start).sum(),
            },
            regions,
            wanted,
            found: HashMap::new(),
            clock_ahead_ns: clock_ahead_ns(process),
            took: Duration::ZERO,
            due: Instant::now(),
        })
    }

    /// Goes on for `time`, if it has rested for long enough since the last slice.
    pub(super) fn advance(&mut self, time: Duration) {
        let begun = Instant::now();
        if begun < self.due {
            return;
        }
        let mut chunk = Vec::new();
        while !self.is_over() && begun.elapsed() < time {
            let Some(region) = self.regions.last_mut() else {
                break;
            };
            let start = region.start;
            let step = CHUNK.min(region.end - start);
            region.start += step;
            // One page more than the step, so that a table across two steps is seen whole.
            let end = region.end.min(start + step + PAGE);
            if region.start >= region.end {
                self.regions.pop();
            }
            self.progress.searched += step;
            self.look(start, end, &mut chunk);
        }
        self.took += begun.elapsed();
        self.due = Instant::now() + begun.elapsed() * RESTS;
    }

    /// Whether there is nothing more to be found, or no time left for it.
    pub(super) fn is_over(&self) -> bool {
        self.wanted.ctrls.is_empty() || self.regions.is_empty() || self.took >= LONGEST
    }

    /// Why a table was not found, once the search is over.
    pub(super) fn why_not(&self) -> io::Error {
        if self.regions.is_empty() || self.took < LONGEST {
            return no_table();
        }
        let Progress { searched, total } = self.progress;
        io::Error::new(
            io::ErrorKind::TimedOut,
            format!(
                "only {} of {} were searched in {}",
                bytes(searched),
                bytes(total),
                duration(LONGEST.as_nanos() as u64)
            ),
        )
    }

    /// How far it has come.
    pub(super) fn progress(&self) -> Progress {
        self.progress
    }

    /// The table of the ring whose control region is `ctrl`, and the ring that it names; handed out once.
    pub(super) fn take(&mut self, ctrl: FileId) -> Option<(SlotTable, MemFd)> {
        self.found.remove(&ctrl)
    }

    fn look(&mut self, start: u64, end: u64, chunk: &mut Vec<u8>) {
        for (start, end) in present(&self.presence, start, end).unwrap_or_default() {
            let Ok(wanted) = usize::try_from(end - start) else {
                continue;
            };
            chunk.resize(wanted, 0);
            // A region that was unmapped since it was listed is no error.
            let Ok(read) = self.memory.read_at(chunk, start) else {
                continue;
            };
            let mut false_ones = 0;
            for hit in self.wanted.hits(&chunk[..read], start) {
                if false_ones == MOST_FALSE {
                    break;
                }
                // One that was freed may lie before the one that lives, when a ring is given up and another made.
                let table = SlotTable::new(
                    self.process.clone(),
                    hit.address,
                    hit.expected,
                    self.clock_ahead_ns,
                );
                let is_it = table.read().is_some();
                // Of many tables each would hold a descriptor until it is read again.
                table.release();
                if is_it {
                    let ctrl = hit.ctrl;
                    self.wanted.ctrls.retain(|_, (memfd, _)| memfd.file != ctrl);
                    self.found.entry(ctrl).or_insert((table, hit.ring));
                } else {
                    false_ones += 1;
                }
            }
        }
    }
}

/// What is looked for: by the addresses at which control regions and rings are mapped.
#[derive(Debug)]
pub(super) struct Wanted {
    ctrls: HashMap<u64, (MemFd, Control)>,
    rings: HashMap<u64, MemFd>,
    /// The addresses of control regions lie in between.
    lowest: u64,
    highest: u64,
}

/// A place where a table may lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) address: u64,
    pub(super) expected: Expected,
    pub(super) ctrl: FileId,
    pub(super) ring: MemFd,
}

impl Wanted {
    fn of(maps: &Maps, ctrls: &[(MemFd, Control)], rings: &[MemFd]) -> Self {
        let mut mapped: HashMap<FileId, Vec<u64>> = HashMap::new();
        // The producer writes its rings; consumers in the same process do not.
        let (writable, others): (Vec<&MappedMemFd>, Vec<&MappedMemFd>) =
            maps.memfds.iter().partition(|at| at.writable);
        for at in writable.into_iter().chain(others) {
            // Whoever maps one file again and again is not to multiply what is looked for.
            let addresses = mapped.entry(at.file).or_default();
            if addresses.len() < MOST_MAPPINGS {
                addresses.push(at.address);
            }
        }
        let addresses = |file: FileId| mapped.get(&file).into_iter().flatten().copied();
        Self::at(
            (ctrls.iter())
                .flat_map(|ctrl| addresses(ctrl.0.file).map(|at| (at, *ctrl)))
                .collect(),
            (rings.iter())
                .flat_map(|ring| addresses(ring.file).map(|at| (at, *ring)))
                .collect(),
        )
    }

    /// By address.
    pub(super) fn at(ctrls: HashMap<u64, (MemFd, Control)>, rings: HashMap<u64, MemFd>) -> Self {
        Self {
            lowest: ctrls.keys().min().copied().unwrap_or(u64::MAX),
            highest: ctrls.keys().max().copied().unwrap_or(0),
            ctrls,
            rings,
        }
    }

    /// Where in `chunk`, which lies at `base` in the producer, tables may lie.
    pub(super) fn hits(&self, chunk: &[u8], base: u64) -> Vec<Hit> {
        /// Words that are passed over together.
        const BLOCK: usize = 64;
        let span = self.highest.wrapping_sub(self.lowest);
        let mut hits = Vec::new();
        for (number, block) in chunk.chunks(8 * BLOCK).enumerate() {
            let words = || {
                block
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .map(|word| u64::from_ne_bytes(*word))
            };
            let may_be = |word: u64| word.wrapping_sub(self.lowest) <= span;
            if !words().fold(false, |any, word| any | may_be(word)) {
                continue;
            }
            for (place, word) in words().enumerate() {
                if may_be(word) {
                    let at = 8 * (number * BLOCK + place);
                    hits.extend(self.hit(chunk, at, word, base));
                }
            }
        }
        hits
    }

    fn hit(&self, chunk: &[u8], at: usize, ctrl_address: u64, base: u64) -> Option<Hit> {
        let (ctrl, control) = self.ctrls.get(&ctrl_address)?;
        let run = chunk.get(at..at + 24)?;
        let ring_address = u64_at(run, 8)?;
        let ring = self.rings.get(&ring_address)?;
        let expected = Expected {
            ctrl_address,
            ring_address,
            ctrl_fd: ctrl.fd,
            ring_fd: ring.fd,
            ring_capacity: control.ring_capacity,
            clog_threshold: control.clog_threshold,
            stall_timeout_ns: control.stall_timeout_ns,
        };
        let is_it = ring.size == control.ring_capacity
            && i32_at(run, 16) == Some(ctrl.fd)
            && i32_at(run, 20) == Some(ring.fd);
        let address = base
            .checked_add(at as u64)?
            .checked_sub(table::CTRL as u64)?;
        (is_it && address.is_multiple_of(8)).then_some(Hit {
            address,
            expected,
            ctrl: ctrl.file,
            ring: *ring,
        })
    }
}

fn no_table() -> io::Error {
    let why = "no slot table in the producer's memory";
    io::Error::new(io::ErrorKind::NotFound, why)
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
