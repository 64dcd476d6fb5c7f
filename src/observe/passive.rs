//! Joining a ring just to watch it, where its producer may not be looked into.
//!
//! The watcher asks for a pull slot, parks its tail at once and closes its side socket: from then on it holds nothing
//! up, and the producer's next scan frees the slot, while the mappings go on working. What parking cannot undo is
//! said by [`Joined`]. Where `/proc` does show the producer after all, the join is completed from there, so that
//! consumers and slots are seen too.

use std::time::Duration;

use super::attach::AttachedRing;
use super::discover::{refused, rings_of};
use super::error::AttachError;
use super::joins;
use super::proc::{self, FileId, Process};
use super::reach::RingBytes;
use super::snapshot::{Joined, Limit, Producer, WakeupMode};
use super::zombies::Evicted;
use crate::ring::{self, Consumer, Control, Parked};

impl AttachedRing {
    /// Joins through the rendezvous socket at `address` (a path, or `@name`) and parks. `timeout` bounds the handshake;
    /// once begun, it is carried through.
    ///
    /// # Errors
    /// When the ring cannot be joined; the error names what was found and what was expected.
    pub fn join(address: &str, timeout: Duration) -> Result<Self, AttachError> {
        let parked = Consumer::connect(address, ring::WakeupMode::Pull, timeout)
            .map_err(|source| AttachError::Join {
                address: address.into(),
                source,
            })?
            .park();
        let joined = Joined {
            slot: parked.slot.0,
            mode: match parked.mode {
                ring::WakeupMode::Push => WakeupMode::Push,
                ring::WakeupMode::Pull => WakeupMode::Pull,
            },
            earlier: joins::note(FileId::of(&parked.ctrl)),
        };
        let control = Control::load(&parked.ctrl);
        // Who listens is usually who produces; if not, the pid that the ring states is right within one pid namespace.
        let pids = [parked.peer, Some(control.producer_pid)];
        let mut why = None;
        for process in pids
            .into_iter()
            .flatten()
            .filter_map(|pid| Process::open(pid).ok())
        {
            match enriched(process, &parked) {
                Ok(Some(found)) => {
                    return Ok(Self {
                        joined: Some(joined),
                        _own_page: Some(parked.meta),
                        ..found
                    });
                }
                Ok(None) => {}
                Err(error) => why = why.or(Some(error)),
            }
        }
        Ok(Self::unseen(address, parked, &control, joined, why))
    }

    /// A joined ring whose producer shows nothing.
    fn unseen(
        address: &str,
        parked: Parked,
        control: &Control,
        joined: Joined,
        why: Option<AttachError>,
    ) -> Self {
        let pid = parked.peer.unwrap_or(control.producer_pid);
        let process = parked.peer.and_then(|pid| Process::open(pid).ok());
        let identity = process.as_ref().map(Process::identity).unwrap_or_default();
        let (why, remedy) = match why {
            Some(AttachError::NotPermitted { why, remedy, .. }) => (why, remedy),
            // The kernel has just named it, so it is there.
            Some(AttachError::NoSuchProcess(pid)) if parked.peer == Some(pid) => {
                unseen_why(parked.peer, false)
            }
            Some(other) => (other.to_string(), None),
            None => unseen_why(parked.peer, process.is_some()),
        };
        let limit = Limit {
            what: "consumers, their tails and lags, free space, the slot table".into(),
            why,
            remedy,
        };
        let started = process.as_ref().and_then(Process::start_ticks);
        Self {
            id: format!("{pid}/join"),
            pidfd: process.as_ref().and_then(|process| process.pidfd().ok()),
            process: None,
            producer: Producer {
                pid,
                ns_pid: identity.ns_pid,
                command: identity.command,
                uid: identity.uid,
                alive: true,
                started_at: started.and_then(proc::started_at),
                sockets: vec![address.into()],
            },
            capacity: control.ring_capacity,
            ctrl_file: FileId::of(&parked.ctrl),
            ctrl: parked.ctrl,
            bytes: RingBytes::Mapped(parked.ring),
            table: None,
            joined: Some(joined),
            _own_page: Some(parked.meta),
            shares_process: false,
            members: Vec::new(),
            writes: false,
            hidden: None,
            evicted: Evicted::Unsought,
            attach_limits: vec![limit],
            member_limits: Vec::new(),
        }
    }
}

/// Why no process in `/proc` owns the ring, by what the kernel says of who listens, and the remedy.
fn unseen_why(peer: Option<i32>, in_proc: bool) -> (String, Option<String>) {
    match peer {
        None => (
            "the kernel gives the listening process no pid in our pid namespace: it runs in another".into(),
            Some("run zbqtop in the producer's pid namespace".into()),
        ),
        Some(pid) if !in_proc => (
            format!("the kernel says that pid {pid} listens, but /proc does not show it: it is mounted with hidepid"),
            Some("run as the producer's user, as root, or as a member of the group that hidepid exempts".into()),
        ),
        Some(pid) => (
            format!("pid {pid}, which listens, does not own the ring, and who does is not known"),
            Some("give the producer's pid with --pid".into()),
        ),
    }
}

/// The same ring through the producer's `/proc`; `None` when this process does not own it.
fn enriched(process: Process, parked: &Parked) -> Result<Option<AttachedRing>, AttachError> {
    let here = Process::open(process.pid()).map_err(|error| refused(&process, error, "open it"))?;
    let found = match rings_of(here) {
        Ok(found) => found,
        Err(AttachError::NotARing { .. } | AttachError::Inherited { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let ours = FileId::of(&parked.ctrl);
    let ring = found.rings.into_iter().find(|ring| ring.ctrl.file == ours);
    ring.map(AttachedRing::map).transpose()
}
