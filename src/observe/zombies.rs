//! Zombies: processes that read a ring though the producer has evicted them, so that what they read may be overwritten
//! under them.
//!
//! Nothing of the producer's names them any more. They are found by what processes map: a control region, and a
//! metadata page of their own that no slot stands behind. Reads `/proc`, and judges nothing.

use std::io;
use std::os::unix::fs::FileExt as _;

use serde::Serialize;

use super::attach::AttachedRing;
use super::maps::{MappedMemFd, Maps};
use super::proc::{Kind, Process, pids};
use crate::ring::layout::META_TAIL_OFFSET;

/// What the processes of this machine map, read before a ring is attached: then whoever had a page by the time of the
/// survey, and has no slot by the time of attaching, has lost it.
#[derive(Debug, Default)]
pub struct Survey {
    readers: Vec<(Process, Maps)>,
    /// Processes that could not be asked.
    denied: usize,
}

/// The zombies of one ring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zombies {
    /// Those found.
    pub found: Vec<Zombie>,
    /// Why there may be more; `None` when there are not.
    pub unseen: Option<String>,
}

/// A process that reads a ring without a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Zombie {
    /// Its pid as we see it.
    pub pid: i32,
    /// Its name (`comm`), unescaped.
    pub command: Option<String>,
}

impl Survey {
    /// Reads the mappings of every process but this one.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn take() -> io::Result<Self> {
        let mut survey = Self::default();
        let own = std::process::id().cast_signed();
        for pid in pids()?.into_iter().filter(|pid| *pid != own) {
            let Ok(process) = Process::open(pid) else {
                continue;
            };
            match process.maps() {
                Ok(maps) if maps.memfds.iter().any(is_own_page) => {
                    survey.readers.push((process, maps));
                }
                Ok(_) => {}
                Err(error) => {
                    survey.denied += usize::from(error.kind() == io::ErrorKind::PermissionDenied);
                }
            }
        }
        Ok(survey)
    }

    /// Those that read `ring` without a slot. `ring` was attached after the survey was taken.
    #[must_use]
    pub fn zombies(&self, ring: &AttachedRing) -> Zombies {
        let unseen = |why: &str| Zombies {
            found: Vec::new(),
            unseen: Some(why.into()),
        };
        if ring.process.is_none() || !ring.writes || ring.hidden() != Some(0) {
            return unseen("which slots are held cannot be seen");
        }
        let mut zombies = Zombies::default();
        let mut unread = 0;
        for (process, maps) in &self.readers {
            let joins = |at: &&MappedMemFd| at.file == ring.ctrl_file && !at.writable;
            let held = |at: &MappedMemFd| {
                let mut members = ring.members().iter();
                members.any(|member| member.held && member.file == at.file)
            };
            let (slots, pages): (Vec<_>, Vec<_>) = maps
                .memfds
                .iter()
                .filter(|at| is_own_page(at))
                .partition(|at| held(at));
            // Each join maps the control region once; a page without a slot may be of a join to another ring.
            let joins = maps.memfds.iter().filter(joins).count();
            let lost = joins.saturating_sub(slots.len());
            let (mut reads, mut may_read) = (0, 0);
            for page in pages {
                match tail(process, page) {
                    // A watcher that parked: it reckons with being overwritten.
                    Some(u64::MAX) => {}
                    Some(_) => reads += 1,
                    None => may_read += 1,
                }
            }
            if lost > 0 && reads > 0 && process.runs() {
                zombies.found.push(Zombie {
                    pid: process.pid(),
                    command: process.identity().command,
                });
            } else if lost > 0 && may_read > 0 && process.runs() {
                unread += 1;
            }
        }
        zombies.unseen = match (self.denied, unread) {
            (0, 0) => None,
            (0, _) => Some(format!(
                "processes that map the ring without a slot, and may only be watching it: {unread}; run as root"
            )),
            (denied, _) => Some(format!(
                "processes that may not be looked into: {denied}; run as root, or with CAP_SYS_PTRACE"
            )),
        };
        zombies
    }
}

/// Whether this is a consumer's own page: nobody else maps one writable but the producer.
fn is_own_page(at: &MappedMemFd) -> bool {
    at.kind == Kind::Meta && at.writable
}

/// The tail on a process's own page.
fn tail(process: &Process, page: &MappedMemFd) -> Option<u64> {
    let memory = std::fs::File::from(process.memory().ok()?);
    let mut bytes = [0; 8];
    memory
        .read_exact_at(&mut bytes, page.address + META_TAIL_OFFSET as u64)
        .ok()?;
    Some(u64::from_ne_bytes(bytes))
}
