//! A ring out of its recorded memory: read as if it were there.
//!
//! Nothing of it goes on, nobody is in it, and nothing can be asked but what was written down.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{MemfdFlags, memfd_create};

use super::attached_ring::{Access, AttachedRing};
use super::member::Member;
use super::membership::Membership;
use super::memory::{Memory, RingBytes};
use super::producer::ProducerProcess;
use super::slot_table::Writing;
use crate::observe::procfs::FileId;
use crate::ring::layout::{CTRL_SIZE, META_SIZE};
use crate::ring::{Control, Mapping, ReadOnly};

/// What was written down of a ring.
#[derive(Debug)]
pub struct RecordedRing {
    /// Its id.
    pub id: String,
    /// The control region.
    pub ctrl: Vec<u8>,
    /// The ring's bytes, as many as the control region says.
    pub bytes: File,
    /// Metadata pages of consumers.
    pub pages: Vec<RecordedPage>,
    /// What the producer may have been writing while it was copied; `None` where that was not known.
    pub writing: Option<Writing>,
}

/// A consumer's metadata page.
#[derive(Debug)]
pub struct RecordedPage {
    /// Inode of the page.
    pub inode: u64,
    /// Whether the producer held it.
    pub held: bool,
    /// What was in it.
    pub bytes: Vec<u8>,
}

/// Attaches it.
///
/// # Errors
/// When there is no memory to be had.
pub fn restore(recorded: RecordedRing) -> io::Result<AttachedRing> {
    let RecordedRing {
        id,
        ctrl,
        bytes,
        pages,
        writing,
    } = recorded;
    let ctrl = page("zbq_ctrl", &ctrl, CTRL_SIZE)?;
    let control = Control::load(&ctrl);
    let members: io::Result<Vec<Member>> = pages
        .iter()
        .map(|recorded| {
            let meta = page("zbq_meta", &recorded.bytes, META_SIZE)?;
            let file = FileId {
                dev: 0,
                ino: recorded.inode,
            };
            Ok(Member {
                held: recorded.held,
                ..Member::new(meta, file)
            })
        })
        .collect();
    let file = FileId::of(&ctrl);
    let memory = Memory::of_reader(ctrl, file, RingBytes::File(bytes), control.ring_capacity);
    Ok(AttachedRing::new(
        id,
        Access::Recorded { writing },
        ProducerProcess::gone(control.producer_pid),
        memory,
        None,
        Membership::survivors(members?),
        Vec::new(),
    ))
}

/// Memory of our own with these bytes in it, mapped.
fn page(name: &'static str, bytes: &[u8], size: usize) -> io::Result<Mapping<ReadOnly>> {
    let fd: OwnedFd = memfd_create("zbqtop_copy", MemfdFlags::CLOEXEC)?;
    let file = File::from(fd);
    file.set_len(size as u64)?;
    file.write_all_at(&bytes[..bytes.len().min(size)], 0)?;
    Mapping::read_only(name, &file, size).map_err(io::Error::other)
}
