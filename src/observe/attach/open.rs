//! From a pid to an attached ring: one that the process owns, or one that it maps and whose producer is gone.

use std::time::Duration;

use super::attached_ring::{Access, AttachedRing};
use super::discover::discover;
use super::error::{AttachError, CtrlPlace, unopened};
use super::membership::Membership;
use super::memory::Memory;
use super::orphans::{adopt, orphans};
use super::pairing::{FoundRing, rings_of};
use super::producer::ProducerProcess;
use super::select::RingSelector;
use crate::observe::procfs::{FileId, MappingSurvey, MemFdKind, Process};

/// For how long the memory of a process is searched for slot tables, at first.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);

/// Maps a ring that was found.
///
/// # Errors
/// When it is not permitted, or the ring has changed or gone since it was found.
pub fn map(found: FoundRing) -> Result<AttachedRing, AttachError> {
    let id = found.id();
    let memory = Memory::of_producer(
        &found.process,
        &found.ctrl,
        &found.ring,
        found.control.ring_capacity,
    )?;
    let mut ring = AttachedRing::new(
        id,
        Access::Mapped,
        ProducerProcess::seen(
            found.process,
            found.ctrl.fd,
            found.writes,
            found.may_be_elsewhere,
            found.sockets,
        ),
        memory,
        found.table,
        Membership::of_producer(found.shares_process),
        found.limits,
    );
    ring.search = found.search;
    ring.doubt = found.doubt;
    ring.refresh();
    Ok(ring)
}

/// Opens the ring of process `pid`: its only one, or the one chosen.
///
/// # Errors
/// Each way in which it cannot be had.
pub fn by_pid(pid: i32, choice: RingSelector) -> Result<AttachedRing, AttachError> {
    let process = Process::open(pid).map_err(|error| unopened(pid, error))?;
    let mut found = match rings_of(process, PATIENCE) {
        Err(error @ AttachError::NotARing { .. }) => {
            return by_consumer(pid, choice).unwrap_or_else(|| orphan_by_pid(pid, choice, error));
        }
        found => found?,
    };
    let kept = |error: &AttachError| matches!(error, AttachError::NotTheProducer { .. });
    if found.rings.is_empty() && found.broken.iter().all(kept) && !found.broken.is_empty() {
        return orphan_by_pid(pid, choice, found.broken.swap_remove(0));
    }
    let fds = found.rings.iter().map(|ring| ring.ctrl.fd);
    let index = choice.among(pid, fds.map(CtrlPlace::Fd).collect())?;
    match index {
        Some(index) => map(found.rings.swap_remove(index)),
        None => Err(found.broken.into_iter().next().unwrap_or_else(|| {
            let fds = found.rings.iter().map(|ring| ring.ctrl.fd);
            choice.misses(pid, fds.map(CtrlPlace::Fd).collect())
        })),
    }
}

/// Opens the ring that process `pid`, which owns none, consumes; `None` when it consumes none whose producer is there.
fn by_consumer(pid: i32, choice: RingSelector) -> Option<Result<AttachedRing, AttachError>> {
    let maps = Process::open(pid).ok()?.maps().ok()?;
    let consumed = |ctrl: FileId| {
        let mut at = maps.memfds.iter();
        at.find(|at| at.kind == MemFdKind::Ctrl && at.file == ctrl && !at.writable)
    };
    maps.memfds.iter().find(|at| consumed(at.file).is_some())?;
    let mut found = discover().ok()?.rings;
    found.retain(|ring| consumed(ring.ctrl.file).is_some());
    let places: Vec<CtrlPlace> = (found.iter())
        .filter_map(|ring| consumed(ring.ctrl.file))
        .map(|at| CtrlPlace::Mapped(at.address))
        .collect();
    if places.is_empty() {
        return None;
    }
    Some(match choice.among(pid, places.clone()) {
        Ok(Some(index)) => map(found.swap_remove(index)),
        Ok(None) => Err(choice.misses(pid, places)),
        Err(error) => Err(error),
    })
}

/// Opens the ring of process `pid`, which owns none, if it maps one whose producer is gone; else it is `otherwise`.
fn orphan_by_pid(
    pid: i32,
    choice: RingSelector,
    otherwise: AttachError,
) -> Result<AttachedRing, AttachError> {
    let maps = Process::open(pid).and_then(|process| process.maps());
    let reads = |kind| {
        maps.iter()
            .flat_map(|maps| &maps.memfds)
            .any(|at| at.kind == kind)
    };
    if !reads(MemFdKind::Ctrl) || !reads(MemFdKind::Ring) {
        return Err(otherwise);
    }
    let Ok(survey) = MappingSurvey::take() else {
        return Err(otherwise);
    };
    let mut found = orphans(&survey, Some(pid));
    if found.rings.is_empty() {
        return Err(found.broken.into_iter().next().unwrap_or(otherwise));
    }
    let places = || {
        let rings = found.rings.iter();
        rings
            .map(|ring| CtrlPlace::Mapped(ring.ctrl.address))
            .collect()
    };
    match choice.among(pid, places())? {
        Some(index) => Ok(adopt(found.rings.swap_remove(index), &survey)),
        None => Err(choice.misses(pid, places())),
    }
}
