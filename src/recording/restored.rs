//! A ring out of a dump: its memory put together again, to be read as that of a ring that is there.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{MemfdFlags, memfd_create};

use super::channel::{Content, RingName};
use super::dump::free_memory;
use super::page::{Page, Part};
use super::reader::{Recording, RecordingError};
use crate::observe::attach::{AttachedRing, Offer, RecordedPage, RecordedRing, Writing, restore};
use crate::ring::layout::{CTRL_RING_CAPACITY, CTRL_SIZE, META_SIZE, is_capacity, u64_at};
use crate::text::bytes;

/// Consumers of one ring that are restored; each takes a mapping.
const MOST_CONSUMERS: usize = 1024;
/// Of a ring without a table that went on while it was copied, as much as this part may have been written over.
const KEPT_CLEAR: u64 = 8;

/// Puts the ring called `name` together; its id is `id`.
///
/// # Errors
/// When what is recorded is no ring, or there is no memory for it.
pub(super) fn restored(
    recording: &mut Recording,
    name: &RingName,
    id: &str,
) -> Result<AttachedRing, RecordingError> {
    let called = recording.name().to_owned();
    let not_one = |why: String| RecordingError::NotOne {
        name: called.clone(),
        why: format!("ring {id}: {why}"),
    };
    let unreadable = |source| RecordingError::Unreadable {
        name: called.clone(),
        source,
    };
    if !recording.is_whole() {
        let why = "the dump is not whole: bytes of the ring may be missing";
        return Err(not_one(why.into()));
    }
    let memory = memfd_create("zbqtop_copy", MemfdFlags::CLOEXEC);
    let memory = memory.map_err(|error| unreadable(error.into()))?;
    let mut found = Found::new(File::from(memory));
    let chunks = recording.chunks_of(name, Content::Pages, u64::MAX);
    for chunk in chunks.into_owned() {
        let mut outcome = Ok(());
        let is_whole = recording.read_chunk(chunk, name, Content::Pages, |_, bytes| {
            outcome = found.take(bytes);
            outcome.is_ok()
        });
        outcome.map_err(|why| match why {
            Wrong::Told(why) => not_one(why),
            Wrong::Io(error) => unreadable(error),
        })?;
        if !is_whole {
            let why = recording.notes().last().cloned().unwrap_or_default();
            return Err(not_one(format!("bytes of the ring are missing: {why}")));
        }
    }
    let Found {
        ctrl,
        memory,
        pages,
        writing,
        heads,
        ..
    } = found;
    let Some((ctrl, capacity)) = ctrl else {
        return Err(not_one("its control region is not there".into()));
    };
    let (head, after) = heads;
    let went_on = after > head;
    let writing = writing.or_else(|| {
        went_on.then(|| Writing {
            head: after.saturating_add(capacity / KEPT_CLEAR),
            offer: None,
        })
    });
    let ring = restore(RecordedRing {
        id: id.to_owned(),
        ctrl,
        bytes: memory,
        pages,
        writing,
    });
    ring.map_err(unreadable)
}

/// What was found of a ring.
struct Found {
    /// The control region, and the capacity that it states.
    ctrl: Option<(Vec<u8>, u64)>,
    memory: File,
    pages: Vec<RecordedPage>,
    writing: Option<Writing>,
    heads: (u64, u64),
    /// Bytes of memory that may still be taken.
    room: u64,
}

/// Why a piece cannot be taken.
enum Wrong {
    /// It is not what it should be.
    Told(String),
    /// There is no memory.
    Io(io::Error),
}

impl Found {
    fn new(memory: File) -> Self {
        Self {
            ctrl: None,
            memory,
            pages: Vec::new(),
            writing: None,
            heads: (0, 0),
            room: free_memory().map_or(u64::MAX, |free| free / 2),
        }
    }

    fn take(&mut self, recorded: &[u8]) -> Result<(), Wrong> {
        let told = |why: String| Err(Wrong::Told(why));
        let Some(page) = Page::parse(recorded) else {
            return told("a piece of its memory that this version does not understand".into());
        };
        match page.part {
            Part::Control => {
                let capacity = u64_at(page.bytes, CTRL_RING_CAPACITY);
                let Some(capacity) = capacity.filter(|_| page.bytes.len() == CTRL_SIZE) else {
                    let found = page.bytes.len();
                    return told(format!(
                        "its control region is {found} bytes, expected {CTRL_SIZE}"
                    ));
                };
                if !is_capacity(capacity) {
                    return told(format!(
                        "its control region says ring_capacity = {capacity}"
                    ));
                }
                self.memory.set_len(capacity).map_err(Wrong::Io)?;
                self.heads = page.heads;
                self.ctrl = Some((page.bytes.to_vec(), capacity));
            }
            Part::Consumer { inode, held, .. } => {
                if page.bytes.len() != META_SIZE {
                    let found = page.bytes.len();
                    return told(format!(
                        "a metadata page is {found} bytes, expected {META_SIZE}"
                    ));
                }
                if self.pages.len() < MOST_CONSUMERS {
                    self.pages.push(RecordedPage {
                        inode,
                        held,
                        bytes: page.bytes.to_vec(),
                    });
                }
            }
            Part::Ring => {
                let Some((_, capacity)) = self.ctrl else {
                    return told("its bytes come before its control region".into());
                };
                let end = page.offset.checked_add(page.bytes.len() as u64);
                if end.is_none_or(|end| end > capacity) {
                    return told(format!(
                        "bytes at {}, beyond its capacity of {}",
                        page.offset,
                        bytes(capacity)
                    ));
                }
                let length = page.bytes.len() as u64;
                let Some(room) = self.room.checked_sub(length) else {
                    return Err(Wrong::Io(io::ErrorKind::OutOfMemory.into()));
                };
                self.room = room;
                let written = self.memory.write_all_at(page.bytes, page.offset);
                written.map_err(Wrong::Io)?;
            }
            Part::Offer { bytes } => {
                let Some(head) = page.bytes.first_chunk() else {
                    return told("what the producer was writing is not there".into());
                };
                let offset = page.offset;
                self.writing = Some(Writing {
                    head: u64::from_le_bytes(*head),
                    offer: (bytes > 0).then_some(Offer { offset, bytes }),
                });
            }
        }
        Ok(())
    }
}
