//! The memfds of a ring as `/proc` shows them: by descriptor, and by mapping.

use std::collections::HashSet;

use crate::ring::Mapping;
use crate::ring::layout::{CTRL_NAME, META_NAME, RING_NAME};

/// A file's identity: the same through a descriptor and in `/proc/PID/maps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// `st_dev`.
    pub dev: u64,
    /// `st_ino`.
    pub ino: u64,
}

impl FileId {
    /// Of the file behind a mapping.
    #[must_use]
    pub fn of<Access>(mapping: &Mapping<Access>) -> Self {
        let (dev, ino) = mapping.file();
        Self { dev, ino }
    }
}

/// Which of the three kinds of memfd a name says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemFdKind {
    /// The control region.
    Ctrl,
    /// The data ring.
    Ring,
    /// A consumer's metadata page.
    Meta,
}

impl MemFdKind {
    /// From a link or a path as `/proc` shows it: `/memfd:zbq_ctrl (deleted)`.
    pub fn of(path: &[u8]) -> Option<Self> {
        let name = path.strip_prefix(b"/memfd:")?.strip_suffix(b" (deleted)")?;
        [
            (CTRL_NAME, Self::Ctrl),
            (RING_NAME, Self::Ring),
            (META_NAME, Self::Meta),
        ]
        .into_iter()
        .find_map(|(known, kind)| (known.as_bytes() == name).then_some(kind))
    }

    /// The memfd's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ctrl => CTRL_NAME,
            Self::Ring => RING_NAME,
            Self::Meta => META_NAME,
        }
    }
}

/// A zbq memfd in a process's descriptor table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemFd {
    /// Descriptor number in that process.
    pub fd: i32,
    /// What its name says it is.
    pub kind: MemFdKind,
    /// The file behind it.
    pub file: FileId,
    /// Its size when looked at, bytes.
    pub size: u64,
}

/// One descriptor for each file of `kind`: the lowest.
#[must_use]
pub fn unique(memfds: &[MemFd], kind: MemFdKind) -> Vec<MemFd> {
    let mut seen = HashSet::new();
    memfds
        .iter()
        .filter(|memfd| memfd.kind == kind && seen.insert(memfd.file))
        .copied()
        .collect()
}

/// A mapping of a zbq memfd in a process's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedMemFd {
    /// First address.
    pub address: u64,
    /// Past the last address.
    pub end: u64,
    /// Where in the file the first address is, bytes.
    pub offset: u64,
    /// What its name says it is.
    pub kind: MemFdKind,
    /// The file behind it.
    pub file: FileId,
    /// Mapped for writing.
    pub writable: bool,
}
