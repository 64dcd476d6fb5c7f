//! Joining a ring just to watch it, where its producer may not be looked into.
//!
//! The watcher asks for a pull slot, parks its tail at once and closes its side socket: from then on it holds nothing
//! up, and the producer's next scan frees the slot, while the mappings go on working. What parking cannot undo is
//! said by [`JoinedSlot`]. Where `/proc` does show the producer after all, the join is completed from there, so that
//! consumers and slots are seen too.

use std::io;
use std::time::Duration;

use super::attached_ring::{Access, AttachedRing};
use super::error::{AttachError, missing, refused};
use super::join_record;
use super::membership::Membership;
use super::memory::Memory;
use super::open::{PATIENCE, map};
use super::pairing::rings_of;
use super::producer::ProducerProcess;
use super::rendezvous::listener;
use crate::observe::model::{JoinedSlot, Limitation, Unseen};
use crate::observe::procfs::{FileId, Process, numbers_are_ours};
use crate::ring::{Consumer, Control, Parked, WakeupMode};

/// Joins through the rendezvous socket at `address` (a path, or `@name`), asking for a pull slot. `timeout` bounds the
/// handshake. Where the process that listens can be seen to be in another pid namespace, it is not disturbed.
///
/// # Errors
/// When the ring cannot be joined; the error names what was found and what was expected.
pub fn connect(address: &str, timeout: Duration) -> Result<Consumer, AttachError> {
    let depth = |process: io::Result<Process>| process.ok()?.depth();
    let listener = listener(address);
    if let Ok(listener) = &listener
        && let ours @ Some(_) = depth(Process::ourselves())
        && let theirs @ Some(_) = listener.process.depth()
        && ours != theirs
    {
        return Err(AttachError::OtherPidNamespace {
            address: address.into(),
            pid: listener.process.pid(),
        });
    }
    Consumer::connect(address, WakeupMode::Pull, timeout).map_err(|source| match listener {
        // Tried all the same: a path can be reached in other network namespaces, too.
        Err(nobody @ AttachError::NoListener { .. }) if source.is_no_listener() => nobody,
        _ => AttachError::Join {
            address: address.into(),
            source,
        },
    })
}

/// Joins through the rendezvous socket at `address` (a path, or `@name`) and parks. `timeout` bounds the handshake;
/// once begun, it is carried through.
///
/// # Errors
/// When the ring cannot be joined; the error names what was found and what was expected.
pub fn join(address: &str, timeout: Duration) -> Result<AttachedRing, AttachError> {
    let parked = connect(address, timeout)?.park();
    let joined = JoinedSlot {
        slot: parked.slot.0,
        mode: parked.mode,
        earlier: join_record::note(FileId::of(&parked.ctrl)),
    };
    let control = Control::load(&parked.ctrl);
    // Who listens is usually who produces; if not, the pid that the ring states is right within one pid namespace.
    let pids = if numbers_are_ours() {
        [parked.peer, Some(control.producer_pid)]
    } else {
        [None; 2]
    };
    let mut why = None;
    for process in pids
        .into_iter()
        .flatten()
        .filter_map(|pid| Process::open(pid).ok())
    {
        match enriched(process, &parked) {
            Ok(Some(found)) => {
                return Ok(found.joined_as(joined, parked.meta));
            }
            Ok(None) => {}
            Err(error) => why = why.or(Some(error)),
        }
    }
    Ok(unseen(address, parked, &control, joined, why))
}

/// A joined ring whose producer shows nothing.
fn unseen(
    address: &str,
    parked: Parked,
    control: &Control,
    joined: JoinedSlot,
    why: Option<AttachError>,
) -> AttachedRing {
    let pid = parked.peer.unwrap_or(control.producer_pid);
    let process = parked.peer.and_then(|pid| Process::open(pid).ok());
    let (why, remedy) = match why {
        Some(AttachError::NotPermitted { pid, why, remedy }) => {
            (format!("pid {pid}: {why}"), remedy)
        }
        Some(other) => (other.to_string(), None),
        None => match parked.peer.map(missing) {
            Some(AttachError::NotPermitted { why, remedy, .. }) => {
                (format!("pid {pid}: {why}"), remedy)
            }
            _ => (
                format!("pid {pid} listens there but does not own the ring; its owner is unknown"),
                Some("give the producer's pid with --pid".into()),
            ),
        },
    };
    let limit = Limitation {
        what: Unseen::ConsumersAndSlotTable,
        why,
        remedy,
    };
    AttachedRing::new(
        format!("{pid}/join"),
        Access::Joined {
            slot: joined,
            page: parked.meta,
        },
        ProducerProcess::unseen(pid, process.as_ref(), address),
        Memory::joined(parked.ctrl, parked.ring, control.ring_capacity),
        None,
        Membership::hidden(),
        vec![limit],
    )
}

/// The same ring through the producer's `/proc`; `None` when this process does not own it.
fn enriched(process: Process, parked: &Parked) -> Result<Option<AttachedRing>, AttachError> {
    let here = Process::open(process.pid()).map_err(|error| refused(&process, error, "open it"))?;
    let found = match rings_of(here, PATIENCE) {
        Ok(found) => found,
        Err(AttachError::NotARing { .. } | AttachError::Inherited { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let ours = FileId::of(&parked.ctrl);
    let ring = found.rings.into_iter().find(|ring| ring.ctrl.file == ours);
    ring.map(map).transpose()
}
