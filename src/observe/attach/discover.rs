//! Finding rings through `/proc`: which processes of this machine own which.
//!
//! A producer keeps the descriptors of its rings open. Of several processes that hold one control region the one counts that
//! is named in it; what could not be looked at is said. Who looks again and again asks new processes first, and of those that
//! are known as many as cost next to nothing. Opens nothing for writing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::time::{Duration, Instant};

use super::attached_ring::limit_of_descriptors;
use super::error::AttachError;
use super::pairing::{Found, read_control, rings_of};
use crate::observe::model::Limitation;
use crate::observe::procfs::{
    self, FileId, HeldRings, MemFdKind, Process, Refusal, has_vanished, holds_ring, pids, unique,
};
use crate::text::counted;

/// All processes together are asked for no longer than this what they hold, when that is asked once.
const PATIENCE: Duration = Duration::from_millis(700);

/// When it is asked again and again: for this long at once, ...
const SLICE: Duration = Duration::from_millis(15);
/// ... and not before so many times that has passed.
const RESTS: u32 = 60;

/// As long as there are processes that were never asked: longer, and sooner again.
const SLICE_OF_NEW: Duration = Duration::from_millis(100);
const RESTS_FROM_NEW: u32 = 10;

/// The memory of each process is searched for slot tables for no longer than this at once.
const SEARCH: Duration = Duration::from_millis(50);

/// What the processes of this machine hold, as far as they were asked.
#[derive(Debug, Default)]
pub struct Discovery {
    known: BTreeMap<i32, Asked>,
    /// Those that have not been asked yet.
    new: Vec<i32>,
    /// Of control regions that several hold: the holders, and which of them is the owner.
    owners: HashMap<FileId, (Vec<i32>, i32)>,
    /// Why the first of those that may not be asked may not.
    refused: Option<(i32, Refusal)>,
    /// When known processes are asked again.
    due: Option<Instant>,
}

/// What was seen of a process when it was asked last.
#[derive(Debug)]
struct Asked {
    at: Instant,
    held: Held,
    /// It has more descriptors than are looked at.
    is_crowded: bool,
}

#[derive(Debug)]
enum Held {
    /// Nothing of a ring.
    Nothing,
    /// It is not ours to know.
    Denied,
    /// Something of a ring, but there are no descriptors left for it.
    NoRoom,
    /// These control regions.
    Ctrls(Process, Vec<FileId>),
}

/// A process and the control regions that it owns.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The process.
    pub process: Process,
    /// Its control regions, by descriptor.
    pub ctrls: Vec<FileId>,
}

impl Discovery {
    /// Asks every process once, as far as there is time.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn once() -> io::Result<Self> {
        Self::once_within(PATIENCE)
    }

    /// As [`Self::once`], for no longer than `patience`.
    pub(super) fn once_within(patience: Duration) -> io::Result<Self> {
        let mut discovery = Self::default();
        discovery.note_pids()?;
        let new = std::mem::take(&mut discovery.new);
        let until = Instant::now() + patience;
        // The time goes into the kernel's making of /proc entries, which two cores do twice as fast.
        let half = new.len().div_ceil(2).max(1);
        let asked: Vec<Vec<(i32, Asked)>> = std::thread::scope(|scope| {
            let ask_all = |pids: &[i32]| {
                let in_time = |_: &&i32| Instant::now() < until;
                let asked = pids.iter().take_while(in_time);
                asked.filter_map(|pid| Some((*pid, ask(*pid)?))).collect()
            };
            let parts: Vec<_> = (new.chunks(half))
                .map(|part| (part, scope.spawn(move || ask_all(part))))
                .collect();
            parts
                .into_iter()
                .filter_map(|(_, part)| part.join().ok())
                .collect()
        });
        discovery.known.extend(asked.into_iter().flatten());
        if Instant::now() >= until {
            let known = &discovery.known;
            discovery.new = new
                .into_iter()
                .filter(|pid| !known.contains_key(pid))
                .collect();
        }
        Ok(discovery)
    }

    /// Asks on: new processes, and then those that are known, from those on that were asked longest ago, as far as that
    /// costs next to nothing.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn go_on(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        if self.due.is_some_and(|due| begun < due) {
            return Ok(());
        }
        self.note_pids()?;
        let mut again: Vec<(Instant, i32)> = self
            .known
            .iter()
            .map(|(pid, asked)| (asked.at, *pid))
            .collect();
        again.sort_unstable();
        let new = std::mem::take(&mut self.new);
        let again = again.into_iter().map(|(_, pid)| pid);
        let mut pids = new.iter().copied().chain(again);
        // As much as it took to list them, where that is more. What has never been asked may cost more than next to nothing.
        let slice = if new.is_empty() { SLICE } else { SLICE_OF_NEW };
        let until = Instant::now() + slice.max(begun.elapsed());
        let mut count = 0;
        while Instant::now() < until
            && let Some(pid) = pids.next()
        {
            count += 1;
            match (ask(pid), self.known.get_mut(&pid)) {
                // What it held stands as long as it cannot be asked.
                (Some(asked), Some(known)) if matches!(asked.held, Held::NoRoom) => {
                    known.at = asked.at;
                }
                (Some(asked), _) => {
                    self.known.insert(pid, asked);
                }
                (None, _) => {
                    self.known.remove(&pid);
                }
            }
        }
        self.new = new.get(count..).unwrap_or_default().to_vec();
        let rests = if self.new.is_empty() {
            RESTS
        } else {
            RESTS_FROM_NEW
        };
        self.due = Some(begun + begun.elapsed() * rests);
        Ok(())
    }

    /// Whether there are processes that were never asked.
    #[must_use]
    pub fn has_unasked(&self) -> bool {
        !self.new.is_empty()
    }

    /// Processes that may not be asked, by pid.
    pub fn refused(&self) -> impl Iterator<Item = i32> {
        let denied = |asked: &Asked| matches!(asked.held, Held::Denied);
        let refused = self.known.iter().filter(move |(_, asked)| denied(asked));
        refused.map(|(pid, _)| *pid)
    }

    /// Looks which processes there are.
    fn note_pids(&mut self) -> io::Result<()> {
        let pids = pids()?;
        let there: HashSet<i32> = pids.iter().copied().collect();
        self.known.retain(|pid, _| there.contains(pid));
        self.new = pids;
        self.new.retain(|pid| !self.known.contains_key(pid));
        Ok(())
    }

    /// Who owns which control regions. Those that hold the least come first: whoever holds very much does not cost others
    /// their place.
    pub fn owners(&mut self) -> Vec<Owner> {
        let mut holders: BTreeMap<FileId, Vec<&Process>> = BTreeMap::new();
        for asked in self.known.values() {
            if let Held::Ctrls(process, ctrls) = &asked.held
                && process.is_alive_now() != Some(false)
            {
                for ctrl in ctrls {
                    holders.entry(*ctrl).or_default().push(process);
                }
            }
        }
        self.owners.retain(|ctrl, _| holders.contains_key(ctrl));
        let mut owned: BTreeMap<i32, Owner> = BTreeMap::new();
        for (ctrl, holders) in holders {
            let process = match holders[..] {
                [only] => only,
                _ => {
                    let pids: Vec<i32> = holders.iter().map(|process| process.pid()).collect();
                    let known = self.owners.get(&ctrl).filter(|(among, _)| *among == pids);
                    let known = known.map(|(_, owner)| *owner);
                    let known = holders.iter().copied().find(|one| Some(one.pid()) == known);
                    let Some(found) = known.or_else(|| owner(ctrl, &holders)) else {
                        continue;
                    };
                    self.owners.insert(ctrl, (pids, found.pid()));
                    found
                }
            };
            let owner = owned.entry(process.pid()).or_insert_with(|| Owner {
                process: process.clone(),
                ctrls: Vec::new(),
            });
            owner.ctrls.push(ctrl);
        }
        let mut owned: Vec<Owner> = owned.into_values().collect();
        owned.sort_by_key(|owner| owner.ctrls.len());
        owned
    }

    /// What could not be looked at.
    pub fn limits(&mut self) -> Vec<Limitation> {
        let mut limits = Vec::new();
        if let Some(Refusal { why, remedy }) = procfs::hidepid() {
            limits.push(Limitation {
                what: "rings of other users".into(),
                why,
                remedy,
            });
        }
        limits.extend(limit_of_descriptors());
        if !self.new.is_empty() {
            let what = format!("rings of {}", counted(self.new.len() as u64, "process"));
            let why = "too many processes and descriptors to check in time";
            limits.push(Limitation::new(what, why));
        }
        let no_room = |asked: &&Asked| matches!(asked.held, Held::NoRoom);
        let no_room = self.known.values().filter(no_room).count();
        if no_room > 0 {
            let what = format!("rings of {}", counted(no_room as u64, "process"));
            let why = "there are not enough file descriptors for all of them";
            limits.push(Limitation::new(what, why));
        }
        let crowded = self.known.iter().filter(|(_, asked)| asked.is_crowded);
        limits.extend(crowded.map(|(pid, _)| {
            let what = format!("rings of pid {pid} at its higher descriptors");
            Limitation::new(what, "it has more descriptors than zbqtop checks")
        }));
        let mut refused = self.refused();
        let Some(pid) = refused.next() else {
            return limits;
        };
        let refused = 1 + refused.count();
        // Why is told of one: to ask for each would take as long as to look.
        if self
            .refused
            .as_ref()
            .is_none_or(|(before, _)| *before != pid)
        {
            let why = match Process::open(pid) {
                Ok(process) => procfs::reason(&process),
                Err(error) => Refusal {
                    why: error.to_string(),
                    remedy: None,
                },
            };
            self.refused = Some((pid, why));
        }
        if let Some((pid, Refusal { why, remedy })) = &self.refused {
            limits.push(Limitation {
                what: format!(
                    "rings of {refused} of {}",
                    counted(self.known.len() as u64, "process")
                )
                .into(),
                why: format!("for example pid {pid}: {why}"),
                remedy: remedy.clone(),
            });
        }
        limits
    }
}

impl Owner {
    /// Its rings, as far as they can be watched.
    ///
    /// # Errors
    /// As for one process: it has ended, has no ring any more, or may not be looked into.
    pub fn rings(&self) -> Result<Found, AttachError> {
        let mut found = rings_of(self.process.clone(), SEARCH)?;
        // What was inherited is listed under its owner; what is only kept has none.
        found
            .rings
            .retain(|ring| self.ctrls.contains(&ring.ctrl.file));
        found.broken.retain(|error| {
            !matches!(
                error,
                AttachError::Inherited { .. } | AttachError::NotTheProducer { .. }
            )
        });
        Ok(found)
    }
}

/// What process `pid` holds; `None` when there is no such process.
fn ask(pid: i32) -> Option<Asked> {
    let asked = |held, is_crowded| Asked {
        at: Instant::now(),
        held,
        is_crowded,
    };
    let is_crowded = match holds_ring(pid) {
        Ok(HeldRings {
            any: true,
            is_crowded,
        }) => is_crowded,
        Ok(HeldRings { is_crowded, .. }) => return Some(asked(Held::Nothing, is_crowded)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Some(asked(Held::Denied, false));
        }
        Err(error) if has_vanished(&error) => return None,
        Err(_) => return Some(asked(Held::NoRoom, false)),
    };
    if !Process::is_held(pid) && Process::are_many_held() {
        return Some(asked(Held::NoRoom, is_crowded));
    }
    let now = Instant::now();
    let opened = Process::open(pid).and_then(|process| Ok((process.links_since(now)?, process)));
    let (links, process) = match opened {
        Ok(opened) => opened,
        Err(error) if has_vanished(&error) => return None,
        Err(_) => return Some(asked(Held::NoRoom, is_crowded)),
    };
    let ctrls = unique(&links.memfds, MemFdKind::Ctrl);
    let ctrls = ctrls.into_iter().map(|ctrl| ctrl.file).collect();
    Some(asked(Held::Ctrls(process, ctrls), is_crowded))
}

/// Every ring of this machine, as far as there is time to look.
///
/// # Errors
/// When `/proc` cannot be listed.
pub fn discover() -> io::Result<Found> {
    let mut discovery = Discovery::once()?;
    let mut found = Found::default();
    let until = Instant::now() + PATIENCE;
    let mut left = Vec::new();
    for owner in discovery.owners() {
        if Instant::now() >= until {
            left.push(owner.process.pid());
        } else if let Ok(mut here) = owner.rings() {
            found.limits.append(&mut here.limits);
            found.rings.append(&mut here.rings);
            found.broken.append(&mut here.broken);
        }
    }
    found.limits.extend(no_time_for(&left));
    found.limits.append(&mut discovery.limits());
    Ok(found)
}

/// That the rings of some processes have not been looked at.
#[must_use]
pub fn no_time_for(pids: &[i32]) -> Option<Limitation> {
    let what = match pids {
        [] => return None,
        [pid] => format!("rings of pid {pid}"),
        _ => format!("rings of {}", counted(pids.len() as u64, "process")),
    };
    let why = "there was no time left to check them";
    Some(Limitation::new(what, why))
}

/// Of the processes that hold one control region, the one that writes: the one whose pid, in its own namespace,
/// stands in it. A fork inherits descriptors, so there can be several; failing evidence the oldest is taken.
fn owner<'a>(ctrl: FileId, holders: &[&'a Process]) -> Option<&'a Process> {
    let written = |process: &Process| {
        let memfd = process
            .memfds()
            .ok()?
            .into_iter()
            .find(|memfd| memfd.file == ctrl)?;
        Some(read_control(process, &memfd).ok()?.producer_pid)
    };
    holders.iter().copied().min_by_key(|process| {
        let itself = written(process).is_some_and(|pid| process.identity().ns_pid == Some(pid));
        let writes = || {
            process.maps().is_ok_and(|maps| {
                let mut mapped = maps.memfds.iter();
                mapped.any(|at| at.file == ctrl && at.writable)
            })
        };
        (
            !itself,
            !itself && !writes(),
            process.start_ticks().unwrap_or(u64::MAX),
            process.pid(),
        )
    })
}
