//! A ring that belongs to someone else, attached: mapped read-only, and asked.
//!
//! Attaching takes no slot, writes nothing and sends no signal: control region and metadata pages are mapped
//! read-only, ring bytes are read by `pread`. Who is in the ring is kept up to date by [`super::members`]; judges nothing.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use super::discover::{self, FoundRing, refused};
use super::error::{AttachError, Place};
use super::member::{Member, Presence, ended};
use super::proc::{FileId, MemFd, Process};
use super::reach::RingBytes;
use super::slots::{SlotTable, SlotView, TableView};
use super::snapshot::{Joined, Limit, Producer};
use super::zombies::Evicted;
use super::{orphans, proc, sockets};
use crate::ring::layout::CTRL_SIZE;
use crate::ring::mapping::{Mapping, ReadOnly, ReadWrite};

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
    pub(super) own_page: Option<Mapping<ReadWrite>>,
    pub(super) shares_process: bool,
    pub(super) writes: bool,
    pub(super) members: Vec<Member>,
    /// Consumers that hold a slot, as far as descriptors tell, and are not among the members; `None`: unknown.
    pub(super) hidden: Option<u32>,
    /// What is known of consumers that were evicted before the ring was attached.
    pub(super) evicted: Evicted,
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
            own_page: None,
            capacity: control.ring_capacity,
            table,
            shares_process,
            writes,
            members: Vec::new(),
            hidden: None,
            evicted: Evicted::Unsought,
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
        let mut found = match discover::rings_of(process) {
            Err(error @ AttachError::NotARing { .. }) => {
                return orphans::by_pid(pid, choice, error);
            }
            found => found?,
        };
        let fds = found.rings.iter().map(|ring| ring.ctrl.fd);
        let index = choice.among(pid, fds.map(Place::Fd).collect())?;
        match index {
            Some(index) => Self::map(found.rings.swap_remove(index)),
            None => Err(found.broken.into_iter().next().unwrap_or_else(|| {
                let fds = found.rings.iter().map(|ring| ring.ctrl.fd);
                choice.misses(pid, fds.map(Place::Fd).collect())
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

    /// Which control region is this ring's.
    #[must_use]
    pub fn ctrl_file(&self) -> FileId {
        self.ctrl_file
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
        self.bytes.copy_out(position, buffer, self.capacity)
    }

    /// Whether the ring's memfd has shrunk.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        self.bytes.is_cut_short(self.capacity)
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
            // It cannot be seen: nothing speaks for its end, unless it had ended before we came.
            (None, None) => self.producer.alive,
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
            .chain(self.evicted.limit())
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
            && process
                .zip(member.meta_fd)
                .and_then(|(process, fd)| process.fd_file(fd))
                == Some(member.file)
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

impl Choice {
    /// Which of the rings of process `pid` that are at these places it is, if it is one of them.
    ///
    /// # Errors
    /// [`AttachError::SeveralHere`] when it was not said which.
    pub(super) fn among(self, pid: i32, places: Vec<Place>) -> Result<Option<usize>, AttachError> {
        let index = match self {
            Self::Only if places.len() > 1 => return Err(AttachError::SeveralHere { pid, places }),
            Self::Only => Some(0),
            Self::Number(number) => Some(number),
            Self::Fd(fd) => places.iter().position(|place| *place == Place::Fd(fd)),
        };
        Ok(index.filter(|index| *index < places.len()))
    }

    /// That it is none of them.
    pub(super) fn misses(self, pid: i32, places: Vec<Place>) -> AttachError {
        let asked = match self {
            Self::Fd(fd) => format!("at fd {fd}"),
            Self::Number(number) => format!("number {number}"),
            Self::Only => "at all".into(),
        };
        AttachError::NoSuchRing { pid, asked, places }
    }
}

/// Maps a control region or a metadata page of `process`.
pub(super) fn map_page(
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
