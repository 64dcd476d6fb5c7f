//! What the processes of this machine map of rings: who writes one, who reads one, and which pages have no slot.
//!
//! Nothing of a producer's names a consumer that it evicted, and nothing at all names the ring of a producer that is
//! gone; what processes map does. Reads `/proc/PID/maps` of one process after the other, in as many pieces as its
//! caller likes, and opens nothing.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use super::memfd::{FileId, MappedMemFd, MemFdKind};
use super::permission;
use super::process::{Process, has_vanished};
use super::scan::{maps_ring, pids};

/// A whole survey ends after this long, whatever the number of processes.
const LONGEST: Duration = Duration::from_secs(2);

/// A process that maps memfds of a ring.
#[derive(Debug)]
pub struct MappingProcess {
    /// The process.
    pub process: Process,
    /// What it maps.
    pub memfds: Vec<MappedMemFd>,
}

/// What processes map, as far as they have been asked.
#[derive(Debug, Default)]
pub struct MappingSurvey {
    /// Those that map anything of a ring, in the order of their pids; never this process.
    pub readers: Vec<MappingProcess>,
    /// Those that may not be asked.
    pub denied: Vec<i32>,
    /// Those still to be asked.
    pending: Vec<i32>,
}

/// Pages of a process that stand for joins to a ring, but for no slot that a producer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotlessPages {
    /// These.
    Known(Vec<MappedMemFd>),
    /// Some, but which cannot be told: the process has lost slots of several rings.
    Doubtful,
}

impl MappingSurvey {
    /// A survey that has asked nobody yet.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn begin() -> io::Result<Self> {
        let own = Process::ourselves().map(|process| process.pid()).ok();
        let mut pending = pids()?;
        pending.retain(|pid| Some(*pid) != own);
        Ok(Self {
            pending,
            ..Self::default()
        })
    }

    /// Asks every process, or as many as can be within two seconds.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn take() -> io::Result<Self> {
        let mut survey = Self::begin()?;
        // The time goes into the kernel's making of /proc entries, which two cores do twice as fast.
        let mut other = Self {
            pending: survey.pending.split_off(survey.pending.len() / 2),
            ..Self::default()
        };
        std::thread::scope(|scope| {
            scope.spawn(|| other.advance(LONGEST));
            survey.advance(LONGEST);
        });
        survey.readers.append(&mut other.readers);
        survey.denied.append(&mut other.denied);
        survey.pending.append(&mut other.pending);
        survey.readers.sort_by_key(|reader| reader.process.pid());
        Ok(survey)
    }

    /// Asks on for `time`, or until all are asked; tells whether they are.
    pub fn advance(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut text = Vec::new();
        while let Some(pid) = self.pending.pop() {
            match maps_ring(pid, &mut text) {
                Ok(false) => {}
                Ok(true) => self.note(pid),
                // It has ended.
                Err(error) if has_vanished(&error) => {}
                Err(_) => self.denied.push(pid),
            }
            if Instant::now() >= until {
                break;
            }
        }
        self.pending.is_empty()
    }

    /// How many are still to be asked.
    #[must_use]
    pub fn left(&self) -> usize {
        self.pending.len()
    }

    fn note(&mut self, pid: i32) {
        // Read once more through the handle that is kept: the pid may have become another process's.
        if let Ok(process) = Process::open(pid)
            && let Ok(maps) = process.maps()
            && !maps.memfds.is_empty()
        {
            let memfds = maps.memfds.clone();
            self.readers.push(MappingProcess { process, memfds });
        }
    }

    /// Those that map a control region for writing: its producer, and forks of it.
    pub fn writers(&self, ctrl: FileId) -> impl Iterator<Item = &MappingProcess> {
        self.readers
            .iter()
            .filter(move |reader| reader.writes(ctrl))
    }

    /// A process that could not be asked and whose pid is `ns_pid` in its own namespace, or may be.
    #[must_use]
    pub fn denied_as(&self, ns_pid: i32) -> Option<i32> {
        let may_be = |pid: &i32| {
            // Some mounts of /proc show of others' processes that they are there, and nothing else.
            let shown = Process::open(*pid)
                .ok()
                .map(|process| process.identity().ns_pid);
            shown.is_some_and(|shown| shown.unwrap_or(*pid) == ns_pid)
        };
        let not_shown = || (ns_pid > 0 && permission::unseen(ns_pid).is_some()).then_some(ns_pid);
        self.denied.iter().copied().find(may_be).or_else(not_shown)
    }

    /// The pages of `reader` that stand for joins to `ctrl` and for no slot. `holds` says which pages are known to
    /// stand for slots of that ring, `known` which are known to have lost theirs.
    ///
    /// A process may read several rings at once. Each join maps a control region once and a page once; so where no slot
    /// of another ring is lost, all pages without a slot are of this one.
    pub fn slotless_pages(
        &self,
        reader: &MappingProcess,
        ctrl: FileId,
        holds: impl Fn(FileId) -> bool,
        known: impl Fn(FileId) -> bool,
    ) -> SlotlessPages {
        let pages = reader.pages();
        let held_by = |ctrl: FileId, page: FileId| {
            self.writers(ctrl)
                .any(|writer| writer.maps(MemFdKind::Meta, page))
        };
        let slots = pages.iter().filter(|page| holds(page.file)).count();
        let mut slotless_pages = pages.clone();
        slotless_pages.retain(|page| !holds(page.file) && !known(page.file));
        let others = reader.rings_read();
        for other in others.iter().filter(|other| **other != ctrl) {
            slotless_pages.retain(|page| !held_by(*other, page.file));
        }
        if reader.joins(ctrl) <= slots || slotless_pages.is_empty() {
            return SlotlessPages::Known(Vec::new());
        }
        let lost = |other: &FileId| {
            let slots = pages.iter().filter(|page| held_by(*other, page.file));
            reader.joins(*other) > slots.count()
        };
        if others.iter().any(|other| *other != ctrl && lost(other)) {
            SlotlessPages::Doubtful
        } else {
            SlotlessPages::Known(slotless_pages)
        }
    }
}

impl MappingProcess {
    fn maps(&self, kind: MemFdKind, file: FileId) -> bool {
        self.memfds
            .iter()
            .any(|at| at.kind == kind && at.file == file)
    }

    /// Whether it maps a control region for writing.
    #[must_use]
    pub fn writes(&self, ctrl: FileId) -> bool {
        self.memfds
            .iter()
            .any(|at| at.kind == MemFdKind::Ctrl && at.file == ctrl && at.writable)
    }

    /// Whether it writes any ring.
    #[must_use]
    pub fn is_producer(&self) -> bool {
        self.memfds
            .iter()
            .any(|at| at.kind == MemFdKind::Ctrl && at.writable)
    }

    /// How often it has joined the ring of a control region, as far as mappings tell.
    #[must_use]
    pub fn joins(&self, ctrl: FileId) -> usize {
        let reads = |at: &&MappedMemFd| at.file == ctrl && is_start(at) && !at.writable;
        self.memfds.iter().filter(reads).count()
    }

    /// The control regions that it only reads, each once, by address.
    #[must_use]
    pub fn rings_read(&self) -> Vec<FileId> {
        let ctrls = self.unique(|at| at.kind == MemFdKind::Ctrl && !self.writes(at.file));
        ctrls.into_iter().map(|at| at.file).collect()
    }

    /// Its own pages, as nobody but the producer and the consumer maps one for writing.
    #[must_use]
    pub fn pages(&self) -> Vec<MappedMemFd> {
        self.unique(|at| at.kind == MemFdKind::Meta && at.writable)
    }

    /// The first mapping of each file of those `wanted`, by address.
    pub fn unique(&self, wanted: impl Fn(&MappedMemFd) -> bool) -> Vec<MappedMemFd> {
        let mut seen = HashSet::new();
        self.memfds
            .iter()
            .filter(|at| is_start(at) && wanted(at) && seen.insert(at.file))
            .copied()
            .collect()
    }
}

fn is_start(at: &MappedMemFd) -> bool {
    at.offset == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(ino: u64) -> FileId {
        FileId { dev: 1, ino }
    }

    /// A reader of (kind, inode, writable).
    fn reader(mapped: &[(MemFdKind, u64, bool)]) -> MappingProcess {
        let process = Process::open(std::process::id().cast_signed()).expect("we exist");
        let at = |(address, (kind, ino, writable)): (u64, &(MemFdKind, u64, bool))| MappedMemFd {
            address,
            end: address + 1,
            offset: 0,
            kind: *kind,
            file: file(*ino),
            writable: *writable,
        };
        MappingProcess {
            process,
            memfds: (0..).zip(mapped).map(at).collect(),
        }
    }

    /// The inodes of the pages of a consumer that have lost the slot in the ring of inode 1; slots of it are held by the
    /// producers given.
    fn slotless_pages(
        producers: &[&[(MemFdKind, u64, bool)]],
        consumer: &[(MemFdKind, u64, bool)],
    ) -> Option<Vec<u64>> {
        let mut readers: Vec<MappingProcess> = producers.iter().map(|one| reader(one)).collect();
        let holds: Vec<FileId> = producers
            .iter()
            .filter(|one| one.contains(&(MemFdKind::Ctrl, 1, true)))
            .flat_map(|one| reader(one).pages())
            .map(|page| page.file)
            .collect();
        readers.push(reader(consumer));
        let survey = MappingSurvey {
            readers,
            ..MappingSurvey::default()
        };
        let consumer = survey.readers.last().expect("just put there");
        match survey.slotless_pages(consumer, file(1), |page| holds.contains(&page), |_| false) {
            SlotlessPages::Known(pages) => Some(pages.iter().map(|page| page.file.ino).collect()),
            SlotlessPages::Doubtful => None,
        }
    }

    #[test]
    fn a_page_without_a_slot_is_told_from_those_with_one() {
        use MemFdKind::{Ctrl, Meta};
        let first = [(Ctrl, 1, true), (Meta, 11, true)];
        let second = [(Ctrl, 2, true), (Meta, 21, true)];
        let one = |page| [(Ctrl, 1, false), (Meta, page, true)];
        let both = |a, b| {
            [
                (Ctrl, 1, false),
                (Meta, a, true),
                (Ctrl, 2, false),
                (Meta, b, true),
            ]
        };
        for (producers, consumer, expected) in [
            (&[&first[..]][..], &one(11)[..], Some(vec![])),
            (&[&first], &one(12), Some(vec![12])),
            // Read-only it is a watcher's.
            (
                &[&first],
                &[(Ctrl, 1, false), (Meta, 11, false)],
                Some(vec![]),
            ),
            (&[&first], &[(Ctrl, 1, false)], Some(vec![])),
            // Evicted, and joined again.
            (&[&first], &[one(11), one(12)].concat(), Some(vec![12])),
            // Of two rings: in both, out of either, out of both.
            (&[&first, &second], &both(11, 21), Some(vec![])),
            (&[&first, &second], &both(12, 21), Some(vec![12])),
            (&[&first, &second], &both(11, 22), Some(vec![])),
            (&[&first, &second], &both(12, 22), None),
            // The other ring's producer is gone.
            (&[&first], &both(11, 21), Some(vec![])),
            (&[&first], &both(12, 21), None),
        ] {
            assert_eq!(
                slotless_pages(producers, consumer),
                expected,
                "{consumer:?}"
            );
        }
    }

    #[test]
    fn a_survey_in_pieces_asks_everybody_in_the_end() {
        let mut survey = MappingSurvey::begin().expect("/proc");
        let all = survey.left();
        assert!(!survey.advance(Duration::ZERO), "not in no time");
        assert_eq!(survey.left(), all - 1, "but it gets on");
        while !survey.advance(Duration::from_millis(1)) {}
        assert_eq!(survey.left(), 0);
    }
}
