//! Memory of a ring, by whatever way it is reached: a memfd, a mapping of our own, or another process's memory.
//!
//! What a process maps is opened through `/proc/PID/map_files`, which needs a capability; failing that its memory is
//! read through `/proc/PID/mem`, and a page becomes a copy of our own. Knows nothing of producers and consumers.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{MemfdFlags, memfd_create};

use super::error::{AttachError, refused};
use crate::observe::procfs::{FileId, MappedMemFd, MemFd, Process};
use crate::ring::layout::CTRL_SIZE;
use crate::ring::{Mapping, ReadOnly};

/// What a ring is made of: its control region and its bytes.
#[derive(Debug)]
pub(super) struct Memory {
    ctrl: Mapping<ReadOnly>,
    ctrl_file: FileId,
    bytes: RingBytes,
    capacity: u64,
}

impl Memory {
    /// Opened through the producer's `/proc`: the memfds at its descriptors `ctrl` and `ring`.
    pub(super) fn of_producer(
        process: &Process,
        ctrl: &MemFd,
        ring: &MemFd,
        capacity: u64,
    ) -> Result<Self, AttachError> {
        let mapped = map_page(process, ctrl, CTRL_SIZE)?;
        let data = process
            .open_memfd(ring)
            .map_err(|error| refused(process, error, "open zbq_ring"))?;
        Ok(Self {
            ctrl: mapped,
            ctrl_file: ctrl.file,
            bytes: RingBytes::Held {
                process: process.clone(),
                memfd: *ring,
                file: RefCell::new(Some(File::from(data))),
            },
            capacity,
        })
    }

    /// Received by joining.
    pub(super) fn joined(ctrl: Mapping<ReadOnly>, ring: Mapping<ReadOnly>, capacity: u64) -> Self {
        Self {
            ctrl_file: FileId::of(&ctrl),
            ctrl,
            bytes: RingBytes::Mapped(ring),
            capacity,
        }
    }

    /// Reached through a process that maps it: the control region is the file `ctrl`.
    pub(super) fn of_reader(
        page: Mapping<ReadOnly>,
        ctrl: FileId,
        bytes: RingBytes,
        capacity: u64,
    ) -> Self {
        Self {
            ctrl: page,
            ctrl_file: ctrl,
            bytes,
            capacity,
        }
    }

    /// The control region.
    pub(super) fn ctrl(&self) -> &Mapping<ReadOnly> {
        &self.ctrl
    }

    /// Which file the control region is.
    pub(super) fn ctrl_file(&self) -> FileId {
        self.ctrl_file
    }

    /// Bytes in the ring: the copy that was checked when attaching.
    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Copies ring bytes from `position`, counted from the ring's physical start, into all of `buffer`.
    pub(super) fn copy_out(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.bytes.copy_out(position, buffer, self.capacity)
    }

    /// Whether the ring's memfd has shrunk.
    pub(super) fn is_cut_short(&self) -> bool {
        self.bytes.is_cut_short(self.capacity)
    }

    /// The ring's bytes are those of this memfd of the producer.
    pub(super) fn read_from(&mut self, ring: &MemFd) {
        if let RingBytes::Held { memfd, file, .. } = &mut self.bytes
            && memfd.file != ring.file
        {
            *memfd = *ring;
            file.take();
        }
    }

    /// Holds no descriptor that can be had again.
    pub(super) fn release(&self) {
        if let RingBytes::Held { file, .. } = &self.bytes {
            file.take();
        }
    }
}

/// Maps a control region or a metadata page of `process`, through its descriptor.
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

/// The ring's bytes.
#[derive(Debug)]
pub(super) enum RingBytes {
    /// By `pread`, which cannot fault, through a descriptor of the producer; ours is opened when it is needed.
    Held {
        process: Process,
        memfd: MemFd,
        file: RefCell<Option<File>>,
    },
    /// By `pread`.
    File(File),
    /// Through the mapping that a join gave us, behind the SIGBUS guard.
    Mapped(Mapping<ReadOnly>),
    /// Out of a process's memory, from this address on.
    Memory(File, u64),
}

impl RingBytes {
    /// Copies bytes from `position`, counted from the ring's physical start, into all of `buffer`; `capacity` is the
    /// ring's length.
    pub(super) fn copy_out(
        &self,
        position: u64,
        buffer: &mut [u8],
        capacity: u64,
    ) -> io::Result<()> {
        let gone = |error: io::Error, why: &str| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), why),
            _ => error,
        };
        const TRUNCATED: &str = "zbq_ring was truncated: its bytes are gone";
        match self {
            Self::Held {
                process,
                memfd,
                file,
            } => {
                let mut held = file.borrow_mut();
                let file = match &mut *held {
                    Some(file) => file,
                    none => none.insert(File::from(process.open_memfd(memfd)?)),
                };
                file.read_exact_at(buffer, position)
                    .map_err(|error| gone(error, TRUNCATED))
            }
            Self::File(file) => file
                .read_exact_at(buffer, position)
                .map_err(|error| gone(error, TRUNCATED)),
            Self::Mapped(ring) => ring.copy_out(position, buffer).map_err(io::Error::other),
            Self::Memory(memory, address) => {
                let end = position.checked_add(buffer.len() as u64);
                if end.is_none_or(|end| end > capacity) {
                    return Err(io::Error::other("not inside the ring"));
                }
                memory
                    .read_exact_at(buffer, address + position)
                    .map_err(|error| {
                        gone(error, "the process that mapped zbq_ring for us has ended")
                    })
            }
        }
    }

    /// Whether the ring's memfd has shrunk.
    pub(super) fn is_cut_short(&self, capacity: u64) -> bool {
        match self {
            Self::Held {
                process,
                memfd,
                file,
            } => match &*file.borrow() {
                Some(file) => file.metadata().is_ok_and(|found| found.len() < capacity),
                None => process
                    .memfd_size(memfd)
                    .is_some_and(|size| size < capacity),
            },
            Self::File(file) => file.metadata().is_ok_and(|found| found.len() < capacity),
            // Found out by reading: to look for it would make pages that were not there.
            Self::Mapped(ring) => ring.is_truncated(),
            // Its end is that of the process, which is said of that.
            Self::Memory(..) => false,
        }
    }
}

/// A page of the protocol that was reached through a process which maps it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) mapping: Mapping<ReadOnly>,
    /// How to bring it up to date, if it is a copy.
    pub(super) copied: Option<Copied>,
}

/// Where a copied page comes from.
#[derive(Debug)]
pub(super) struct Copied {
    memory: File,
    address: u64,
    copy: File,
    size: usize,
}

impl Copied {
    /// Copies the page anew; of a process that has ended the last copy stays.
    pub(super) fn renew(&self) {
        let _ = self.copy();
    }

    fn copy(&self) -> io::Result<()> {
        let mut bytes = vec![0; self.size];
        self.memory.read_exact_at(&mut bytes, self.address)?;
        self.copy.write_all_at(&bytes, 0)
    }
}

/// Why it cannot be had by either way.
pub(super) const NEEDS: &str = "/proc/PID/map_files needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE, and /proc/PID/mem may not be read \
     (PTRACE_MODE_ATTACH)";

/// Maps a page of `size` bytes that `process` maps, or a copy of it.
pub(super) fn page(process: &Process, at: &MappedMemFd, size: usize) -> Result<Page, AttachError> {
    let wrong = |why: String| wrong(process, at, why);
    let name = at.kind.name();
    if let Ok(fd) = process.open_mapped(at) {
        let mapping = Mapping::read_only(name, &fd, size);
        return Ok(Page {
            mapping: mapping.map_err(|error| wrong(error.to_string()))?,
            copied: None,
        });
    }
    let memory = memory(process, at, size as u64)?;
    let copy = || -> io::Result<Copied> {
        // Not named like the ring's: nobody is to take us for one who maps it.
        let copy = File::from(memfd_create("zbqtop_copy", MemfdFlags::CLOEXEC)?);
        copy.set_len(size as u64)?;
        let copied = Copied {
            memory,
            address: at.address,
            copy,
            size,
        };
        copied.copy()?;
        Ok(copied)
    };
    let copied = copy().map_err(|error| wrong(format!("{name} cannot be copied: {error}")))?;
    let mapping = Mapping::read_only(name, &copied.copy, size);
    Ok(Page {
        mapping: mapping.map_err(|error| wrong(error.to_string()))?,
        copied: Some(copied),
    })
}

/// The bytes of a ring of `capacity` that `process` maps.
pub(super) fn bytes(
    process: &Process,
    at: &MappedMemFd,
    capacity: u64,
) -> Result<RingBytes, AttachError> {
    match process.open_mapped(at) {
        Ok(fd) => Ok(RingBytes::File(File::from(fd))),
        Err(_) => Ok(RingBytes::Memory(
            memory(process, at, capacity)?,
            at.address,
        )),
    }
}

/// Bytes of the memfd that `process` maps; of its mapping where the memfd may not be opened.
pub(super) fn size(process: &Process, at: &MappedMemFd) -> u64 {
    let stat = process
        .open_mapped(at)
        .and_then(|fd| Ok(rustix::fs::fstat(&fd)?));
    stat.ok()
        .and_then(|stat| u64::try_from(stat.st_size).ok())
        .unwrap_or(at.end - at.address)
}

/// The memory of `process`, of which `size` bytes are mapped there.
fn memory(process: &Process, at: &MappedMemFd, size: u64) -> Result<File, AttachError> {
    if at.end - at.address < size {
        let found = at.end - at.address;
        let why = format!(
            "{} is mapped for {found} bytes, expected {size}",
            at.kind.name()
        );
        return Err(wrong(process, at, why));
    }
    let pid = process.pid();
    let memory = process.memory().map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => AttachError::NotPermitted {
            pid,
            why: NEEDS.into(),
            remedy: Some("run as root".into()),
        },
        _ => refused(process, error, "open its memory"),
    })?;
    Ok(File::from(memory))
}

/// What is mapped is not what its name says.
pub(super) fn wrong(process: &Process, at: &MappedMemFd, why: String) -> AttachError {
    AttachError::WrongMapping {
        pid: process.pid(),
        address: at.address,
        why,
    }
}
