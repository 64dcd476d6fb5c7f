//! The rings of one process: which control region, ring and slot table belong together.
//!
//! Taken from the best evidence there is: the producer's own slot table; else sizes, where only one ring has the capacity
//! that the control region states; else what a consumer maps. What is left undecided is said, not guessed. Opens control
//! regions just long enough to read them, and nothing for writing.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::error::{AttachError, refused};
use super::own_sockets::OwnSockets;
use super::slot_table::SlotTable;
use super::table_search::TableSearch;
use crate::observe::model::{Limitation, Unseen};
use crate::observe::procfs::{
    FileId, MappedMemFd, Maps, MemFd, MemFdKind, Process, has_vanished, unique, unseen,
};
use crate::ring::Control;
use crate::ring::layout::{CAPACITY_EXPECTED, CTRL_SIZE, CTRL_STRUCT_SIZE, is_capacity};

/// A ring in a process's descriptor table.
#[derive(Debug)]
pub struct FoundRing {
    /// The process that holds it.
    pub process: Process,
    /// Its control region.
    pub ctrl: MemFd,
    /// Its data.
    pub ring: MemFd,
    /// What the control region said.
    pub control: Control,
    /// The producer's slot table, when it was found.
    pub table: Option<SlotTable>,
    /// The search for it, when that is not over: one for all rings of the process.
    pub(super) search: Option<Arc<Mutex<TableSearch>>>,
    /// Whether this process has other rings: metadata pages then need evidence of where they belong.
    pub shares_process: bool,
    /// Whether this is the process that the control region names as the producer.
    pub writes: bool,
    /// Whether the process that it names may live where we cannot look.
    pub may_be_elsewhere: bool,
    /// The sockets that lead to it: a path, or `@name` when abstract; `None` when that cannot be told.
    pub sockets: Option<Vec<String>>,
    /// Why another ring might be meant, where the slot table has yet to tell.
    pub doubt: Option<Limitation>,
    /// What else is not certain about the finding.
    pub limits: Vec<Limitation>,
}

impl FoundRing {
    /// `<pid>/<ctrl fd>`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.process.pid(), self.ctrl.fd)
    }
}

/// What looking at one process, or at all, has found.
#[derive(Debug, Default)]
pub struct Found {
    /// Rings, by pid and control descriptor.
    pub rings: Vec<FoundRing>,
    /// Control regions that cannot be watched, each with its reason.
    pub broken: Vec<AttachError>,
    /// What could not be looked at.
    pub limits: Vec<Limitation>,
}

/// The rings that `process` holds. Its memory is searched for their slot tables for `patience`; what is left is gone on with later.
///
/// # Errors
/// Not permitted, gone, or no ring there; a single broken ring among others is in [`Found::broken`].
pub(super) fn rings_of(process: Process, patience: Duration) -> Result<Found, AttachError> {
    if process.is_unreaped() {
        let (pid, command) = (process.pid(), process.identity().command);
        return Err(AttachError::Ended {
            pid,
            command: command.unwrap_or_else(|| "?".into()),
        });
    }
    // What is found stands for as long as the rings are watched.
    let now = Instant::now();
    let links = process
        .links_since(now)
        .map_err(|error| refused(&process, error, "list its descriptors"))?;
    let memfds = &links.memfds;
    let ctrls = unique(memfds, MemFdKind::Ctrl);
    let rings = unique(memfds, MemFdKind::Ring);
    if ctrls.is_empty() || rings.is_empty() {
        return Err(not_a_ring(&process, memfds));
    }
    let maps = process
        .maps_since(now)
        .map_err(|error| refused(&process, error, "read its mappings"))?;
    let own = OwnSockets::of(&process);
    let mut found = Found::default();
    found.limits.extend(own.how_told().map(|why| {
        let what = format!("which sockets lead to which rings of pid {}", process.pid());
        Limitation::new(what, why)
    }));
    let mut controls = Vec::new();
    for ctrl in &ctrls {
        match control_of(&process, &maps, ctrl) {
            Ok((control, limit)) => controls.push((*ctrl, control, limit)),
            Err(error) => found.broken.push(error),
        }
    }
    let known: Vec<(MemFd, Control)> = (controls.iter())
        .map(|(ctrl, control, _)| (*ctrl, *control))
        .collect();
    let mut search = TableSearch::begin(&process, &maps, &known, &rings);
    if let Ok(search) = &mut search {
        search.advance(patience);
    }
    let search = search.map(|search| Arc::new(Mutex::new(search)));
    for (ctrl, control, limit) in controls {
        match pair(&process, &search, &ctrl, control, &rings) {
            Ok(mut ring) => {
                ring.limits.extend(limit);
                ring.shares_process = ctrls.len() > 1;
                let (sockets, limit) = own.leading_to(ctrl.file);
                ring.sockets = sockets;
                ring.limits.extend(limit);
                found.rings.push(ring);
            }
            Err(error) => found.broken.push(error),
        }
    }
    Ok(found)
}

/// What a control region says, if `process` may be its producer; with it, what is not certain about that.
fn control_of(
    process: &Process,
    maps: &Maps,
    ctrl: &MemFd,
) -> Result<(Control, Option<Limitation>), AttachError> {
    let pid = process.pid();
    if ctrl.size != CTRL_SIZE as u64 {
        return Err(AttachError::WrongSize {
            pid,
            memfd: *ctrl,
            expected: CTRL_SIZE.to_string(),
        });
    }
    let control =
        read_control(process, ctrl).map_err(|error| refused(process, error, "read zbq_ctrl"))?;
    let capacity = control.ring_capacity;
    if !is_capacity(capacity) {
        return Err(AttachError::WrongControl {
            pid,
            fd: ctrl.fd,
            field: "ring_capacity",
            found: capacity,
            expected: CAPACITY_EXPECTED.into(),
        });
    }
    let ns_pid = process.identity().ns_pid;
    if ns_pid == Some(control.producer_pid) {
        return Ok((control, None));
    }
    if let Some(writer) = writer_of(process, ctrl, control.producer_pid) {
        let fd = ctrl.fd;
        return Err(AttachError::Inherited { pid, fd, writer });
    }
    let maps_for_writing =
        |at: &MappedMemFd| at.kind == MemFdKind::Ctrl && at.file == ctrl.file && at.writable;
    if !maps.memfds.iter().any(maps_for_writing) {
        // Who cannot write it is not its producer, whatever descriptors it keeps.
        return Err(AttachError::NotTheProducer {
            pid,
            fd: ctrl.fd,
            named: control.producer_pid,
        });
    }
    let limit = Limitation {
        what: "who writes this ring, and whose slots are really held".into(),
        why: format!(
            "zbq_ctrl names pid {} in the producer's namespace, which is not seen to hold it; this process, pid {} \
                 there, maps it for writing: it may be a helper that the producer forked, or have taken over. It counts as \
                 the producer once head is seen to move",
            control.producer_pid,
            ns_pid.map_or_else(|| "unknown".into(), |pid| pid.to_string())
        ),
        remedy: None,
    };
    Ok((control, Some(limit)))
}

/// Finds what belongs to one control region.
fn pair(
    process: &Process,
    search: &io::Result<Arc<Mutex<TableSearch>>>,
    ctrl: &MemFd,
    control: Control,
    rings: &[MemFd],
) -> Result<FoundRing, AttachError> {
    let pid = process.pid();
    let capacity = control.ring_capacity;
    let (mut limits, mut doubt) = (Vec::new(), None);
    let located = match search {
        Ok(search) => take_table(search, ctrl.file),
        Err(error) => {
            limits.push(no_slot_table(error));
            None
        }
    };
    let (table, ring) = match located {
        Some((table, ring)) => (Some(table), ring),
        None => {
            let fitting: Vec<MemFd> = rings
                .iter()
                .filter(|ring| ring.size == capacity)
                .copied()
                .collect();
            let ring = match fitting[..] {
                [] => {
                    let memfd = *rings.first().ok_or_else(|| not_a_ring(process, rings))?;
                    let expected =
                        format!("{capacity}, the ring_capacity in zbq_ctrl (fd {})", ctrl.fd);
                    return Err(AttachError::WrongSize {
                        pid,
                        memfd,
                        expected,
                    });
                }
                [ring] => ring,
                _ => match by_consumer(process, ctrl, &fitting) {
                    Some(ring) => ring,
                    None => {
                        let (ring, limit) = by_order(ctrl, &fitting);
                        doubt = Some(limit);
                        ring
                    }
                },
            };
            (None, ring)
        }
    };
    let ns_pid = process.identity().ns_pid;
    let writes = ns_pid == Some(control.producer_pid);
    let search = search.as_ref().ok().filter(|_| table.is_none());
    let why_not = search.and_then(|search| {
        let search = search.lock().ok()?;
        search.is_over().then(|| search.why_not())
    });
    limits.extend(why_not.as_ref().map(no_slot_table));
    Ok(FoundRing {
        process: process.clone(),
        ctrl: *ctrl,
        ring,
        control,
        search: search.filter(|_| why_not.is_none()).cloned(),
        table,
        shares_process: false,
        writes,
        // Who cannot be asked may well be the one.
        may_be_elsewhere: !writes && (ns_pid.is_none() || may_be_elsewhere(control.producer_pid)),
        sockets: None,
        doubt,
        limits,
    })
}

/// Whether a process with this pid is there, or may be, of which we cannot see what it holds.
fn may_be_elsewhere(producer_pid: i32) -> bool {
    match Process::open(producer_pid) {
        Ok(process) => process.memfds().is_err_and(|error| !has_vanished(&error)),
        Err(error) => !has_vanished(&error) || unseen(producer_pid).is_some(),
    }
}

/// The process that a control region names as its producer, if it can be seen to hold it: `process` then is a fork,
/// whose descriptors and memory tell what was so when it was made.
fn writer_of(process: &Process, ctrl: &MemFd, producer_pid: i32) -> Option<i32> {
    let ancestors =
        std::iter::successors(process.parent(), |pid| Process::open(*pid).ok()?.parent());
    std::iter::once(producer_pid)
        .chain(ancestors)
        .take_while(|pid| *pid > 0)
        .filter(|pid| *pid != process.pid())
        .find(|pid| {
            Process::open(*pid).is_ok_and(|other| {
                other.identity().ns_pid == Some(producer_pid)
                    && other
                        .memfds()
                        .is_ok_and(|held| held.iter().any(|memfd| memfd.file == ctrl.file))
            })
        })
}

/// The ring that a consumer maps together with this control region, and with no other.
fn by_consumer(process: &Process, ctrl: &MemFd, rings: &[MemFd]) -> Option<MemFd> {
    consumers_of(process).iter().find_map(|consumer| {
        let maps = consumer.maps().ok()?;
        let mapped = |kind: MemFdKind| {
            let mut files: Vec<FileId> = maps
                .memfds
                .iter()
                .filter(|at| at.kind == kind)
                .map(|at| at.file)
                .collect();
            files.dedup();
            files
        };
        match (&mapped(MemFdKind::Ctrl)[..], &mapped(MemFdKind::Ring)[..]) {
            ([one], [ring]) if *one == ctrl.file => {
                rings.iter().find(|fd| fd.file == *ring).copied()
            }
            _ => None,
        }
    })
}

/// The reference makes a control region and its ring one after the other: the last resort, and said to be one.
fn by_order(ctrl: &MemFd, rings: &[MemFd]) -> (MemFd, Limitation) {
    let after = rings
        .iter()
        .filter(|ring| ring.fd > ctrl.fd)
        .min_by_key(|ring| ring.fd);
    let ring = *after.unwrap_or(&rings[0]);
    let limit = Limitation {
        what: format!("which zbq_ring belongs to zbq_ctrl fd {}", ctrl.fd).into(),
        why: format!(
            "{} rings of this process have the same capacity, its slot tables could not be read and no consumer \
             maps just one of them: fd {} was taken because it was made next",
            rings.len(),
            ring.fd
        ),
        remedy: Some("run as root, or with CAP_SYS_PTRACE".into()),
    };
    (ring, limit)
}

/// Processes that a producer's pidfds refer to: its consumers, and whatever else it watches.
#[must_use]
pub(super) fn consumers_of(process: &Process) -> Vec<Process> {
    let Ok(links) = process.links() else {
        return Vec::new();
    };
    let mut pids: Vec<i32> = (links.pidfds.iter())
        .filter_map(|fd| process.pidfd_target(*fd))
        .filter(|pid| *pid > 0)
        .collect();
    pids.sort_unstable();
    pids.dedup();
    pids.into_iter()
        .filter_map(|pid| Process::open(pid).ok())
        .collect()
}

/// Copies the control region out by `pread`, which cannot fault.
pub(super) fn read_control(process: &Process, ctrl: &MemFd) -> io::Result<Control> {
    let file = std::fs::File::from(process.open_memfd(ctrl)?);
    let mut bytes = [0; CTRL_STRUCT_SIZE];
    file.read_exact_at(&mut bytes, 0)?;
    Control::parse(&bytes).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// The table of the ring with that control region, and the ring that it names, as far as the search has come.
pub(super) fn take_table(search: &Mutex<TableSearch>, ctrl: FileId) -> Option<(SlotTable, MemFd)> {
    search.lock().ok()?.take(ctrl)
}

/// That the slot table is not to be had, and why.
pub(super) fn no_slot_table(error: &io::Error) -> Limitation {
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    Limitation {
        what: Unseen::SlotTable,
        why: if denied {
            "the producer's memory may not be read (PTRACE_MODE_ATTACH)".into()
        } else {
            format!("not found in the producer's memory: {error}")
        },
        remedy: denied.then(|| "run as the producer's user with ptrace allowed, or as root".into()),
    }
}

/// Says why `process` holds nothing to watch, and where to look instead.
fn not_a_ring(process: &Process, memfds: &[MemFd]) -> AttachError {
    let maps = process.maps().unwrap_or_default();
    let held = |kind: MemFdKind| memfds.iter().filter(|memfd| memfd.kind == kind).count();
    let found = if memfds.is_empty()
        && maps
            .memfds
            .iter()
            .any(|at| at.kind == MemFdKind::Ctrl && !at.writable)
    {
        "is a consumer: it maps a zbq ring but does not own one; give its producer's pid (zbqtop ls shows it)".into()
    } else if memfds.is_empty() {
        "owns no zbq ring: none of its descriptors is a zbq_ctrl memfd; zbqtop ls shows who owns one".into()
    } else {
        format!(
            "owns no whole zbq ring: it holds {} zbq_ctrl, {} zbq_ring and {} zbq_meta, expected at least one \
             zbq_ctrl and one zbq_ring",
            held(MemFdKind::Ctrl),
            held(MemFdKind::Ring),
            held(MemFdKind::Meta)
        )
    };
    let command = process.identity().command.unwrap_or_else(|| "?".into());
    AttachError::NotARing {
        pid: process.pid(),
        command,
        found,
    }
}
