//! A ring that belongs to someone else, attached: mapped read-only, its members kept up to date.
//!
//! Attaching takes no slot, writes nothing and sends no signal: control region and metadata pages are mapped
//! read-only, ring bytes are read by `pread`. Knows who is in the ring; judges nothing.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use super::discover::{self, FoundRing, consumers_of, refused, unique};
use super::error::AttachError;
use super::member::{Member, MemberProcess, Presence, ended, presence};
use super::proc::{FileId, Kind, MemFd, Process, pids};
use super::slots::{SlotTable, SlotView, TableView};
use super::snapshot::{Joined, Limit, Producer};
use super::{proc, sockets};
use crate::ring::layout::{CTRL_SIZE, META_SIZE};
use crate::ring::mapping::{Mapping, ReadOnly, ReadWrite};

/// The ring's bytes, by whatever way they are reached.
#[derive(Debug)]
pub(super) enum RingBytes {
    /// By `pread`, which cannot fault.
    File(File),
    /// Through the mapping that a join gave us, behind the SIGBUS guard.
    Mapped(Mapping<ReadOnly>),
}

/// A ring that is being watched.
#[derive(Debug)]
pub struct AttachedRing {
    pub(super) id: String,
    /// Its producer in `/proc`, as far as it can be seen there.
    pub(super) process: Option<Process>,
    pub(super) pidfd: Option<OwnedFd>,
    pub(super) producer: Producer,
    pub(super) ctrl: Mapping<ReadOnly>,
    pub(super) ctrl_file: FileId,
    pub(super) bytes: RingBytes,
    pub(super) capacity: u64,
    pub(super) table: Option<SlotTable>,
    pub(super) joined: Option<Joined>,
    /// Our own parked page, kept mapped so that others can see who holds the slot.
    pub(super) _own_page: Option<Mapping<ReadWrite>>,
    pub(super) shares_process: bool,
    pub(super) writes: bool,
    pub(super) members: Vec<Member>,
    /// Consumers that hold a slot, as far as descriptors tell, and are not among the members; `None`: unknown.
    pub(super) hidden: Option<u32>,
    pub(super) attach_limits: Vec<Limit>,
    pub(super) member_limits: Vec<Limit>,
}

impl AttachedRing {
    /// Maps a ring that was found.
    ///
    /// # Errors
    /// When it is not permitted, or the ring has changed or gone since it was found.
    pub fn map(found: FoundRing) -> Result<Self, AttachError> {
        let FoundRing {
            process,
            ctrl,
            ring,
            control,
            table,
            shares_process,
            writes,
            mut limits,
        } = found;
        let id = format!("{}/{}", process.pid(), ctrl.fd);
        let mapped = map_page(&process, &ctrl, CTRL_SIZE)?;
        let data = process
            .open_memfd(&ring)
            .map_err(|error| refused(&process, error, "open zbq_ring"))?;
        let identity = process.identity();
        let producer = Producer {
            pid: process.pid(),
            ns_pid: identity.ns_pid,
            command: identity.command,
            uid: identity.uid,
            alive: true,
            started_at: process.start_ticks().and_then(proc::started_at),
            sockets: sockets::listening(&process),
        };
        let table = table.map_err(|limit| limits.push(limit)).ok();
        let mut attached = Self {
            id,
            pidfd: process.pidfd().ok(),
            process: Some(process),
            producer,
            ctrl: mapped,
            ctrl_file: ctrl.file,
            bytes: RingBytes::File(File::from(data)),
            joined: None,
            _own_page: None,
            capacity: control.ring_capacity,
            table,
            shares_process,
            writes,
            members: Vec::new(),
            hidden: None,
            attach_limits: limits,
            member_limits: Vec::new(),
        };
        attached.refresh();
        Ok(attached)
    }

    /// Opens the ring of process `pid`: its only one, or the one chosen.
    ///
    /// # Errors
    /// Each way in which it cannot be had.
    pub fn by_pid(pid: i32, choice: Choice) -> Result<Self, AttachError> {
        let process = Process::open(pid).map_err(|_| discover::missing(pid))?;
        let mut found = discover::rings_of(process)?;
        let fds: Vec<i32> = found.rings.iter().map(|ring| ring.ctrl.fd).collect();
        let index = match choice {
            Choice::Only if found.rings.len() > 1 => {
                return Err(AttachError::SeveralHere { pid, fds });
            }
            Choice::Only => Some(0),
            Choice::Number(number) => Some(number),
            Choice::Fd(fd) => fds.iter().position(|other| *other == fd),
        };
        match index.filter(|index| *index < found.rings.len()) {
            Some(index) => Self::map(found.rings.swap_remove(index)),
            None => Err(found.broken.into_iter().next().unwrap_or_else(|| {
                let asked = match choice {
                    Choice::Fd(fd) => format!("at fd {fd}"),
                    Choice::Number(number) => format!("number {number}"),
                    Choice::Only => "at all".into(),
                };
                AttachError::NoSuchRing { pid, asked, fds }
            })),
        }
    }

    /// `<pid>/<ctrl fd>`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether this is the ring whose control region is `ctrl`.
    #[must_use]
    pub fn watches(&self, ctrl: FileId) -> bool {
        self.ctrl_file == ctrl
    }

    /// Bytes in the ring: the copy that was checked when attaching.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The control region's mapping.
    #[must_use]
    pub fn ctrl(&self) -> &Mapping<ReadOnly> {
        &self.ctrl
    }

    /// Copies ring bytes from `position`, counted from the ring's physical start, into all of `buffer`.
    ///
    /// # Errors
    /// When the memfd has shrunk, or the range is not inside the ring.
    pub fn copy_out(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        let copied = match &self.bytes {
            RingBytes::File(file) => file.read_exact_at(buffer, position),
            RingBytes::Mapped(ring) => ring.copy_out(position, buffer).map_err(io::Error::other),
        };
        copied.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), "zbq_ring was truncated: its bytes are gone")
            }
            _ => error,
        })
    }

    /// Whether the ring's memfd has shrunk.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        match &self.bytes {
            RingBytes::File(file) => file
                .metadata()
                .is_ok_and(|found| found.len() < self.capacity),
            // Found out by reading: to look for it would make pages that were not there.
            RingBytes::Mapped(ring) => ring.is_truncated(),
        }
    }

    /// The slot taken, when the ring was joined.
    #[must_use]
    pub fn joined(&self) -> Option<&Joined> {
        self.joined.as_ref()
    }

    /// Its members as of the last [`Self::refresh`], by slot or by descriptor.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The producer, alive or not as of now.
    #[must_use]
    pub fn producer(&self) -> Producer {
        Producer {
            alive: self.producer_alive(),
            ..self.producer.clone()
        }
    }

    /// Whether the producer still runs.
    #[must_use]
    pub fn producer_alive(&self) -> bool {
        match (&self.pidfd, &self.process) {
            (Some(pidfd), _) => !ended(pidfd),
            (None, Some(process)) => process.runs(),
            // It cannot be seen at all, which is said among the limits; nothing speaks for its end.
            (None, None) => true,
        }
    }

    /// Whether every member is there as it should be: nothing about them can change but what samples show.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.members
            .iter()
            .all(|member| member.held && member.presence == Presence::Mapped)
    }

    /// Consumers that hold a slot, as far as the producer's descriptors tell, and could not be made members as of the
    /// last [`Self::refresh`]; `None` when their number is unknown.
    #[must_use]
    pub fn hidden(&self) -> Option<u32> {
        self.hidden
    }

    /// Whether the slot table is being read.
    #[must_use]
    pub fn reads_table(&self) -> bool {
        self.table.is_some()
    }

    /// What cannot be seen, and why.
    #[must_use]
    pub fn limits(&self) -> Vec<Limit> {
        self.attach_limits
            .iter()
            .chain(&self.member_limits)
            .cloned()
            .collect()
    }

    /// The slot table now; members learn their slots from it, and are looked for anew when it names others.
    pub fn read_table(&mut self) -> Option<TableView> {
        let view = self.table.as_ref()?.read()?;
        let now = |member: &Member| {
            let known = member.slot?;
            // The table is read in the order of its slots.
            let at = view
                .active
                .binary_search_by_key(&known.index, |slot| slot.index);
            view.active
                .get(at.ok()?)
                .filter(|slot| known.is_same_join(slot))
                .copied()
        };
        let held = || self.members.iter().filter(|member| member.held);
        if held().count() != view.active.len() || !held().all(|member| now(member).is_some()) {
            self.refresh();
        }
        for member in &mut self.members {
            member.slot = now(member).or(member.slot);
        }
        Some(view)
    }

    /// Whether the producer still holds the slot of `member`, asked of the kernel now: a tail speaks for the ring's
    /// bytes only as long as the producer minds it.
    #[must_use]
    pub fn still_holds(&self, member: &Member) -> bool {
        // A process that is not known to be the producer has descriptors of its own, whatever the producer's are.
        let process = self.process.as_ref();
        self.writes
            && member.held
            && process.and_then(|process| process.fd_file(member.meta_fd)) == Some(member.file)
    }

    /// Looks anew at who is in the ring and what their processes do. Costs a listing of the producer's
    /// descriptors and one `maps` for each consumer.
    pub fn refresh(&mut self) {
        let alive = self.producer_alive();
        // Taken for the time being, so that it can be asked while the members change.
        if let Some(process) = self.process.take() {
            self.refresh_from(&process, alive);
            self.process = Some(process);
        }
    }

    fn refresh_from(&mut self, process: &Process, alive: bool) {
        if !alive {
            // Nothing can be asked of it any more: what it held last is what its consumers still map.
            for member in &mut self.members {
                member.presence = presence(member.process.as_ref(), member.file);
            }
            return;
        }
        self.member_limits.clear();
        let slots = self
            .table
            .as_ref()
            .and_then(SlotTable::read)
            .map(|view| view.active);
        self.hidden = Some(0);
        let pages = match process.memfds() {
            Ok(memfds) => self.held_pages(process, &memfds, slots.as_deref()),
            Err(error) => {
                self.hidden = None;
                self.member_limits.push(Limit {
                    what: "consumers".into(),
                    why: format!("the producer's descriptors can no longer be listed: {error}"),
                    remedy: None,
                });
                return;
            }
        };
        let held: HashSet<FileId> = pages.iter().map(|page| page.file).collect();
        for member in &mut self.members {
            member.held = held.contains(&member.file);
            member.presence = presence(member.process.as_ref(), member.file);
        }
        self.members
            .retain(|member| member.held || member.presence == Presence::Mapped);
        let known: HashSet<FileId> = self.members.iter().map(|member| member.file).collect();
        for page in pages.iter().filter(|page| !known.contains(&page.file)) {
            self.admit(process, page);
        }
        let slots: HashMap<i32, SlotView> = slots
            .into_iter()
            .flatten()
            .map(|slot| (slot.meta_fd, slot))
            .collect();
        for member in &mut self.members {
            // One that was evicted keeps the slot that it had.
            if member.held {
                member.slot = slots.get(&member.meta_fd).copied();
            }
        }
        self.find_processes(process);
        self.members.sort_by_key(|member| {
            (
                !member.held,
                member.slot.map(|slot| slot.index),
                member.meta_fd,
            )
        });
    }

    /// The metadata pages that stand for slots of this ring. Those of which that is not known are hidden consumers.
    fn held_pages(
        &mut self,
        process: &Process,
        memfds: &[MemFd],
        slots: Option<&[SlotView]>,
    ) -> Vec<MemFd> {
        if let Some(slots) = slots {
            let taken: HashSet<i32> = slots.iter().map(|slot| slot.meta_fd).collect();
            let named = |page: &&MemFd| page.kind == Kind::Meta && taken.contains(&page.fd);
            return memfds.iter().filter(named).copied().collect();
        }
        let mut pages = unique(memfds, Kind::Meta);
        if !self.shares_process {
            return pages;
        }
        // Several rings in one process and no slot table: a page belongs to the one ring that the process maps which
        // maps the page.
        let (mut ours, mut placed) = (HashSet::new(), HashSet::new());
        for consumer in consumers_of(process) {
            let Ok(maps) = consumer.maps() else { continue };
            let files = |kind: Kind| {
                let mapped = maps.memfds.iter().filter(move |at| at.kind == kind);
                mapped.map(|at| at.file).collect::<HashSet<FileId>>()
            };
            let ctrls = files(Kind::Ctrl);
            if ctrls.len() == 1 {
                placed.extend(files(Kind::Meta));
                if ctrls.contains(&self.ctrl_file) {
                    ours.extend(files(Kind::Meta));
                }
            }
        }
        let unplaced = pages
            .iter()
            .filter(|page| !placed.contains(&page.file))
            .count();
        if unplaced > 0 {
            self.hidden = None;
            self.member_limits.push(Limit {
                what: format!("{unplaced} consumers, which may be of this ring"),
                why: "the process has several rings, its slot table could not be read, and their metadata pages are \
                      mapped by no process that maps just one of them"
                    .into(),
                remedy: Some("run as root, or with CAP_SYS_PTRACE".into()),
            });
        }
        pages.retain(|page| ours.contains(&page.file));
        pages
    }

    /// Maps a new consumer's page.
    fn admit(&mut self, process: &Process, memfd: &MemFd) {
        match map_page(process, memfd, META_SIZE) {
            Ok(meta) => self.members.push(Member {
                meta,
                file: memfd.file,
                meta_fd: memfd.fd,
                slot: None,
                held: true,
                presence: Presence::Unknown,
                process: None,
                admitted: Instant::now(),
                highest_tail: Cell::new(0),
                sought: None,
            }),
            // Evicted since it was listed: it will not be listed again.
            Err(_) if process.fd_file(memfd.fd) != Some(memfd.file) => {}
            Err(error) => {
                self.hidden = self.hidden.map(|hidden| hidden.saturating_add(1));
                self.member_limits.push(Limit {
                    what: format!("the consumer at the producer's fd {}", memfd.fd),
                    why: error.to_string(),
                    remedy: None,
                });
            }
        }
    }

    /// Finds the process of every consumer that has none yet: first among those that the producer holds pidfds
    /// of, then, once for each, among all.
    fn find_processes(&mut self, process: &Process) {
        if !self.members.iter().any(|member| member.process.is_none()) {
            return;
        }
        let candidates = consumers_of(process)
            .into_iter()
            .map(|process| process.pid())
            .collect::<Vec<_>>();
        self.match_processes(&candidates);
        let lacks = |member: &&mut Member| member.process.is_none();
        if self
            .members
            .iter()
            .any(|member| member.process.is_none() && member.sought.is_none())
        {
            for member in self.members.iter_mut().filter(lacks) {
                // One that comes to map its page during the search may be missed.
                member.sought = member.has_settled().then_some(false);
            }
            if pids().is_ok_and(|pids| self.match_processes(&pids)) {
                for member in self.members.iter_mut().filter(lacks) {
                    member.sought = member.sought.map(|_| true);
                }
            }
        }
        for member in self.members.iter_mut().filter(lacks) {
            if member.presence == Presence::Unknown && member.sought == Some(true) {
                member.presence = Presence::Nobody;
            }
            let Some(slot) = member.slot else { continue };
            // The pidfd in its slot still tells who joined, or that it is gone.
            match process.pidfd_target(slot.pidfd) {
                Some(pid) if pid > 0 && member.has_settled() => {
                    let consumer = Process::open(pid)
                        .ok()
                        // The pid may be another's by now: then the pidfd has no process any more.
                        .filter(|_| process.pidfd_target(slot.pidfd) == Some(pid))
                        .map(MemberProcess::new);
                    member.presence = presence(consumer.as_ref(), member.file);
                    member.process = consumer;
                }
                Some(-1) => member.presence = Presence::Gone,
                _ => {}
            }
        }
    }

    /// Gives each of `pids` the members whose page it maps; tells whether all of them could be asked.
    fn match_processes(&mut self, pids: &[i32]) -> bool {
        let mut all_seen = true;
        for &pid in pids {
            let Ok(process) = Process::open(pid) else {
                continue;
            };
            let maps = match process.maps() {
                Ok(maps) => maps,
                Err(error) => {
                    all_seen &= error.kind() != std::io::ErrorKind::PermissionDenied;
                    continue;
                }
            };
            let writable =
                |file: FileId| maps.memfds.iter().any(|at| at.file == file && at.writable);
            // A consumer writes its own page and nothing else. Whoever can write the control region is the
            // producer or a fork of it; whoever maps a page read-only is a watcher.
            if writable(self.ctrl_file) {
                continue;
            }
            for member in self
                .members
                .iter_mut()
                .filter(|member| member.process.is_none())
            {
                if writable(member.file)
                    && let Ok(process) = process.try_clone()
                {
                    member.process = Some(MemberProcess::new(process));
                    member.presence = Presence::Mapped;
                }
            }
        }
        all_seen
    }

    /// Notices processes that have ended since the last refresh: one poll each.
    pub fn note_ends(&mut self) {
        for member in &mut self.members {
            if member
                .process
                .as_ref()
                .is_some_and(|process| !process.runs())
            {
                member.presence = Presence::Gone;
            }
        }
    }
}

impl SlotView {
    /// Whether two readings of a slot are of the same consumer.
    fn is_same_join(&self, other: &Self) -> bool {
        (self.index, self.meta_fd, self.pidfd, self.meta_address)
            == (other.index, other.meta_fd, other.pidfd, other.meta_address)
    }
}

/// Which of a process's rings is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The only one there is.
    Only,
    /// The n-th by control descriptor, from 0.
    Number(usize),
    /// The one whose control region is at this descriptor.
    Fd(i32),
}

/// Maps a control region or a metadata page of `process`.
fn map_page(
    process: &Process,
    memfd: &MemFd,
    size: usize,
) -> Result<Mapping<ReadOnly>, AttachError> {
    let fd = process
        .open_memfd(memfd)
        .map_err(|error| refused(process, error, "open a memfd of the ring"))?;
    Mapping::read_only(memfd.kind.name(), &fd, size).map_err(|error| AttachError::Vanished {
        pid: process.pid(),
        what: format!("fd {}: {}: {error}", memfd.fd, memfd.kind.name()),
    })
}
