//! A ring that belongs to someone else, attached: mapped read-only, its members kept up to date.
//!
//! Attaching takes no slot, writes nothing and sends no signal: control region and metadata pages are mapped
//! read-only, ring bytes are read by `pread`. Knows who is in the ring; judges nothing.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::discover::{self, FoundRing, consumers_of, is_sound_meta, refused, unique};
use super::error::AttachError;
use super::proc::{FileId, Kind, MemFd, Process, pids};
use super::slots::{SlotTable, SlotView, TableView};
use super::snapshot::{Joined, Limit, Producer};
use super::{proc, sockets};
use crate::ring::layout::{CTRL_SIZE, META_SIZE};
use crate::ring::mapping::{Mapping, ReadOnly, ReadWrite};

/// A consumer that has not mapped its page by then is not going to.
const SETTLES_IN: Duration = Duration::from_millis(500);

/// Whether a process has a consumer's page mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has.
    Mapped,
    /// It lives, but has not.
    Unmapped,
    /// It has ended.
    Gone,
    /// No process at all has it mapped: its own has ended, or has left.
    Nobody,
    /// It could not be found out.
    Unknown,
}

/// A consumer's page and the process behind it.
#[derive(Debug)]
pub struct Member {
    /// The metadata page.
    pub meta: Mapping<ReadOnly>,
    /// Its file: the consumer's identity.
    pub file: FileId,
    /// Its descriptor in the producer.
    pub meta_fd: i32,
    /// Its slot at the last reading of the table.
    pub slot: Option<SlotView>,
    /// Whether the producer still holds the page, that is, the slot.
    pub held: bool,
    /// Whether its process has it mapped.
    pub presence: Presence,
    /// Its process.
    pub process: Option<MemberProcess>,
    /// When it was first seen.
    admitted: Instant,
}

impl Member {
    /// Whether it has had the time to map its page: a slot is taken a moment before its consumer maps anything.
    fn has_settled(&self) -> bool {
        self.admitted.elapsed() >= SETTLES_IN
    }
}

/// The process behind a consumer.
#[derive(Debug)]
pub struct MemberProcess {
    process: Process,
    pidfd: Option<OwnedFd>,
    /// `comm`, unescaped.
    pub command: Option<String>,
}

impl MemberProcess {
    fn new(process: Process) -> Self {
        let (pidfd, command) = (process.pidfd().ok(), process.identity().command);
        Self {
            process,
            pidfd,
            command,
        }
    }

    /// Its pid as we see it.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    fn runs(&self) -> bool {
        self.pidfd
            .as_ref()
            .map_or_else(|| self.process.runs(), |pidfd| !ended(pidfd))
    }
}

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
    pub(super) members: Vec<Member>,
    pub(super) members_seen: bool,
    pub(super) attach_limits: Vec<Limit>,
    pub(super) member_limits: Vec<Limit>,
    /// Consumers whose process has been looked for among all processes: done once for each, as it is dear.
    pub(super) searched: Vec<FileId>,
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
            capacity: control.ring_capacity,
            table,
            joined: None,
            _own_page: None,
            shares_process,
            members: Vec::new(),
            members_seen: false,
            attach_limits: limits,
            member_limits: Vec::new(),
            searched: Vec::new(),
        };
        attached.refresh();
        Ok(attached)
    }

    /// Opens the ring of process `pid`: its only one, or the one chosen.
    ///
    /// # Errors
    /// Each way in which it cannot be had.
    pub fn by_pid(pid: i32, choice: Choice) -> Result<Self, AttachError> {
        let process = Process::open(pid).map_err(|_| AttachError::NoSuchProcess(pid))?;
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

    /// The slot taken, when the ring was joined.
    #[must_use]
    pub fn joined(&self) -> Option<&Joined> {
        self.joined.as_ref()
    }

    /// Whether the producer's consumers could be listed at the last [`Self::refresh`].
    #[must_use]
    pub fn sees_members(&self) -> bool {
        self.members_seen
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
        let known = |members: &[Member]| {
            members.iter().filter(|member| member.held).count() == view.active.len()
                && view.active.iter().all(|slot| {
                    members.iter().any(|member| {
                        member.held && member.slot.is_some_and(|known| known.is_same_join(slot))
                    })
                })
        };
        if !known(&self.members) {
            self.refresh();
        }
        for member in &mut self.members {
            let now = member
                .slot
                .and_then(|known| view.active.iter().find(|slot| known.is_same_join(slot)));
            if let Some(slot) = now {
                member.slot = Some(*slot);
            }
        }
        Some(view)
    }

    /// Whether the producer still holds the slots of `members`, asked of the kernel now: a tail speaks for the
    /// ring's bytes only as long as the producer minds it.
    #[must_use]
    pub fn still_holds(&self, member: &Member) -> bool {
        let process = self.process.as_ref();
        member.held
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
        let held = self.held_pages(process, slots.as_deref());
        self.members_seen = held.is_ok();
        let held = match held {
            Ok(held) => held,
            Err(limit) => {
                self.member_limits.push(limit);
                return;
            }
        };
        for member in &mut self.members {
            member.held = held.iter().any(|memfd| memfd.file == member.file);
            member.presence = presence(member.process.as_ref(), member.file);
        }
        self.members
            .retain(|member| member.held || member.presence == Presence::Mapped);
        for memfd in &held {
            if !self.members.iter().any(|member| member.file == memfd.file) {
                self.admit(process, memfd);
            }
        }
        for member in &mut self.members {
            member.slot = slots
                .iter()
                .flatten()
                .find(|slot| member.held && slot.meta_fd == member.meta_fd)
                .copied()
                .or(member.slot.filter(|_| !member.held));
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

    /// The metadata pages that stand for slots of this ring.
    fn held_pages(
        &self,
        process: &Process,
        slots: Option<&[SlotView]>,
    ) -> Result<Vec<MemFd>, Limit> {
        let memfds = process.memfds().map_err(|error| Limit {
            what: "consumers".into(),
            why: format!("the producer's descriptors can no longer be listed: {error}"),
            remedy: None,
        })?;
        let mut pages = unique(&memfds, Kind::Meta);
        pages.retain(is_sound_meta);
        if let Some(slots) = slots {
            pages.retain(|page| slots.iter().any(|slot| slot.meta_fd == page.fd));
            return Ok(pages);
        }
        if !self.shares_process {
            return Ok(pages);
        }
        // Several rings in one process and no slot table: a page belongs here if the process that maps it maps
        // this control region and no other.
        let mut ours = Vec::new();
        for consumer in consumers_of(process) {
            let Ok(maps) = consumer.maps() else { continue };
            let mut ctrls: Vec<FileId> = maps
                .memfds
                .iter()
                .filter(|at| at.kind == Kind::Ctrl)
                .map(|at| at.file)
                .collect();
            ctrls.dedup();
            if ctrls[..] == [self.ctrl_file] {
                ours.extend(
                    maps.memfds
                        .iter()
                        .filter(|at| at.kind == Kind::Meta)
                        .map(|at| at.file),
                );
            }
        }
        pages.retain(|page| ours.contains(&page.file));
        Ok(pages)
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
            }),
            // Evicted since it was listed: it will not be listed again.
            Err(AttachError::Vanished { .. } | AttachError::NoSuchProcess(_)) => {}
            Err(error) => self.member_limits.push(Limit {
                what: format!("the consumer at the producer's fd {}", memfd.fd),
                why: error.to_string(),
                remedy: None,
            }),
        }
    }

    /// Finds the process of every consumer that has none yet: first among those that the producer holds pidfds
    /// of, then, once for each, among all.
    fn find_processes(&mut self, process: &Process) {
        let lacking = |members: &[Member]| members.iter().any(|member| member.process.is_none());
        if !lacking(&self.members) {
            return;
        }
        let candidates = consumers_of(process)
            .into_iter()
            .map(|process| process.pid())
            .collect::<Vec<_>>();
        let mut all_seen = self.match_processes(&candidates);
        let searched = &mut self.searched;
        let fresh = |member: &Member| member.process.is_none() && !searched.contains(&member.file);
        if self.members.iter().any(fresh) {
            let settled = self.members.iter().filter(|member| member.has_settled());
            searched.extend(settled.map(|member| member.file));
            all_seen = pids().is_ok_and(|pids| self.match_processes(&pids));
        }
        for member in self
            .members
            .iter_mut()
            .filter(|member| member.process.is_none())
        {
            if member.presence == Presence::Unknown && all_seen && member.has_settled() {
                member.presence = Presence::Nobody;
            }
            // The pidfd in its slot still tells who joined, or that it is gone.
            match member
                .slot
                .and_then(|slot| process.pidfd_target(slot.pidfd))
            {
                Some(pid) if pid > 0 && member.has_settled() => {
                    let process = Process::open(pid).ok().map(MemberProcess::new);
                    member.presence = presence(process.as_ref(), member.file);
                    member.process = process;
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
                    && let Ok(process) = Process::open(pid)
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

fn presence(process: Option<&MemberProcess>, file: FileId) -> Presence {
    let Some(member) = process else {
        return Presence::Unknown;
    };
    if !member.runs() {
        return Presence::Gone;
    }
    match member.process.maps() {
        Ok(maps) if maps.maps(file) => Presence::Mapped,
        Ok(_) => Presence::Unmapped,
        Err(_) if !member.runs() => Presence::Gone,
        Err(_) => Presence::Unknown,
    }
}

/// Whether the process behind a pidfd has ended.
fn ended(pidfd: &OwnedFd) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN)];
    matches!(poll(&mut fds, Some(&Timespec::default())), Ok(ready) if ready > 0)
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
