//! Who is asleep in the futex of the control region: only push consumers are, and when the producer has ended nothing
//! wakes them.
//!
//! What a thread waits for stands in `/proc/PID/task/TID/syscall` (`PTRACE_MODE_ATTACH`; nothing is attached to, nothing
//! stops). Threads are asked only where there is something to learn: of consumers whose mode no slot table tells and
//! that were not caught yet, and, once the producer has ended, of all that live. Remembers who was caught, by metadata
//! page; makes nothing of who was not, as a push consumer that is busy looks like any other.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::{Duration, Instant};

use super::threads::Asleep;
use crate::observe::attach::{AttachedRing, Member, Presence};
use crate::observe::model::{FutexWait, Limitation};
use crate::observe::procfs::{self, Process};
use crate::ring::layout::CTRL_BROADCAST_FUTEX;

/// Looks at one ring are no closer together than this.
const EVERY: Duration = Duration::from_millis(500);
/// Most threads that are asked of one process. One costs about as much as opening and reading a small file.
const THREADS: usize = 256;
/// Most threads that are asked in one look. Processes for which that leaves nothing come first in the next.
const THREADS_IN_ALL: usize = 1024;

/// What was seen of a ring's consumers in its futex.
#[derive(Debug, Default)]
pub struct FutexWaiters {
    /// When was looked last, and whether the producer lived then.
    looked: Option<(Instant, bool)>,
    /// By inode of the metadata page.
    known: HashMap<u64, KnownWaiter>,
    /// By pid.
    addresses: HashMap<i32, Addresses>,
    /// Processes asked so far: where the next look begins.
    turn: usize,
    limits: Vec<Limitation>,
}

/// What is known of one consumer.
#[derive(Clone, Copy, Debug, Default)]
struct KnownWaiter {
    /// It has been seen in the futex.
    caught: bool,
    /// At the last look, if the producer had ended by then.
    stranded: Option<FutexWait>,
}

/// Where a process has the futex mapped.
#[derive(Debug)]
struct Addresses {
    /// Its members when that was found out; with other members there may be other mappings.
    pages: Vec<u64>,
    futexes: Vec<u64>,
}

/// Processes whose threads could not be asked.
#[derive(Debug, Default)]
struct Unasked {
    denied: Vec<i32>,
    why: Option<(String, Option<String>)>,
    crowded: Vec<i32>,
}

impl FutexWaiters {
    /// Asks who waits, if it is time to. `alive` is whether the producer lives.
    pub fn look(&mut self, ring: &AttachedRing, alive: bool) {
        let is_fresh = |(at, before): (Instant, bool)| before == alive && at.elapsed() < EVERY;
        if self.looked.is_some_and(is_fresh) {
            return;
        }
        self.looked = Some((Instant::now(), alive));
        let members = ring.members();
        self.known
            .retain(|page, _| members.iter().any(|member| member.file.ino == *page));
        for known in self.known.values_mut() {
            known.stranded = None;
        }
        let mut processes: BTreeMap<i32, Vec<&Member>> = BTreeMap::new();
        for member in members {
            if let Some(process) = &member.process {
                processes.entry(process.pid()).or_default().push(member);
            }
        }
        self.addresses.retain(|pid, _| processes.contains_key(pid));
        let own = ring.own_slot().map(|(page, _)| page);
        processes.retain(|_, members| {
            members
                .iter()
                .any(|member| Some(member.file) != own && self.has_to_tell(member, alive))
        });
        let mut unasked = Unasked::default();
        let mut left = THREADS_IN_ALL;
        let first = self.turn % processes.len().max(1);
        let turns = processes.iter().cycle().skip(first);
        for (&pid, members) in turns.take(processes.len()) {
            if left == 0 {
                unasked.crowded.push(pid);
                continue;
            }
            self.turn = self.turn.wrapping_add(1);
            left -= self.ask(ring, members, left, alive, &mut unasked);
        }
        self.limits = unasked.limits();
    }

    /// Whether the consumer with this metadata page was ever caught in the futex: its mode is push.
    #[must_use]
    pub fn caught(&self, page: u64) -> bool {
        self.known.get(&page).is_some_and(|known| known.caught)
    }

    /// Whether it waits for a producer that has ended; `None` while that lives, and where it cannot be told.
    #[must_use]
    pub fn stranded(&self, page: u64) -> Option<FutexWait> {
        self.known.get(&page)?.stranded
    }

    /// Whose threads could not be asked, and why.
    #[must_use]
    pub fn limits(&self) -> &[Limitation] {
        &self.limits
    }

    fn has_to_tell(&self, member: &Member, alive: bool) -> bool {
        let lives = matches!(member.presence, Presence::Mapped | Presence::Unknown);
        let unknown = member.slot.is_none() && !self.caught(member.file.ino);
        lives && (unknown || !alive)
    }

    /// Asks one process, which `members` belong to; gives the number of threads asked.
    fn ask(
        &mut self,
        ring: &AttachedRing,
        members: &[&Member],
        left: usize,
        alive: bool,
        unasked: &mut Unasked,
    ) -> usize {
        let Some(process) = members.iter().find_map(|member| member.process.as_ref()) else {
            return 0;
        };
        let (pid, process) = (process.pid(), process.process());
        let asleep = match Asleep::of(process, THREADS.min(left)) {
            Ok(asleep) => asleep,
            Err(error) if process.runs() => {
                unasked.refused(process, &error);
                return 1;
            }
            Err(_) => return 1,
        };
        if asleep.more {
            unasked.crowded.push(pid);
        }
        let wait = if asleep.futexes.is_empty() {
            Some(FutexWait::No)
        } else {
            self.futexes(ring, pid, process, members)
                .and_then(|addresses| judge(addresses, &asleep.futexes))
        };
        for member in members {
            let known = self.known.entry(member.file.ino).or_default();
            known.caught |= matches!(wait, Some(FutexWait::Timed | FutexWait::Endless));
            // Whoever was not asked may wait.
            let is_sure = wait != Some(FutexWait::No) || !asleep.more;
            known.stranded = wait.filter(|_| is_sure && !alive);
        }
        asleep.asked
    }

    /// The addresses at which a process has this ring's futex. Read from its `maps` once for the same members.
    fn futexes(
        &mut self,
        ring: &AttachedRing,
        pid: i32,
        process: &Process,
        members: &[&Member],
    ) -> Option<&[u64]> {
        let pages: Vec<u64> = members.iter().map(|member| member.file.ino).collect();
        let is_known = |known: &Addresses| known.pages == pages && !known.futexes.is_empty();
        if !self.addresses.get(&pid).is_some_and(is_known) {
            let maps = process.maps().ok()?;
            let ctrls = maps.memfds.iter().filter(|at| ring.watches(at.file));
            let futexes = ctrls
                .map(|at| at.address + CTRL_BROADCAST_FUTEX as u64)
                .collect();
            self.addresses.insert(pid, Addresses { pages, futexes });
        }
        Some(&self.addresses.get(&pid)?.futexes)
    }
}

/// Whether the consumers of a process wait, given where it has the futex and what its threads wait on. A process that
/// has joined several times has it several times, and which is whose is not known: `None` where that matters.
fn judge(addresses: &[u64], futexes: &[(u64, FutexWait)]) -> Option<FutexWait> {
    let wait_at = |address: &u64| {
        let here = futexes.iter().filter(|(at, _)| at == address);
        here.map(|(_, wait)| *wait).max()
    };
    let waits: Vec<Option<FutexWait>> = addresses.iter().map(wait_at).collect();
    if waits.iter().all(Option::is_none) {
        return Some(FutexWait::No);
    }
    let waits: Option<Vec<FutexWait>> = waits.into_iter().collect();
    waits?.into_iter().min()
}

impl Unasked {
    fn refused(&mut self, process: &Process, error: &io::Error) {
        self.denied.push(process.pid());
        if self.why.is_some() {
            return;
        }
        let privilege = "run as root, or with CAP_SYS_PTRACE";
        let yama = procfs::yama_scope().filter(|scope| *scope > 0);
        self.why = Some(if error.kind() != io::ErrorKind::PermissionDenied {
            (error.to_string(), None)
        } else if let (Some(scope), Ok(_)) = (yama, process.maps()) {
            let why = format!(
                "kernel.yama.ptrace_scope is {scope}: threads may be inspected by their ancestors only"
            );
            (why, Some(format!("{privilege}, or set it to 0")))
        } else {
            (procfs::reason(process).why, Some(privilege.into()))
        });
    }

    fn limits(self) -> Vec<Limitation> {
        let what = |pids: &[i32]| {
            let names: Vec<String> = pids.iter().take(5).map(i32::to_string).collect();
            let more = pids.len().saturating_sub(names.len());
            let more = (more > 0).then(|| format!(" and {more} more"));
            format!(
                "whether consumers wait in the ring's futex (pid {}{})",
                names.join(", "),
                more.unwrap_or_default()
            )
        };
        let denied = self.why.map(|(why, remedy)| Limitation {
            what: what(&self.denied).into(),
            why: format!("their threads may not be inspected (PTRACE_MODE_ATTACH): {why}"),
            remedy,
        });
        let crowded = (!self.crowded.is_empty()).then(|| Limitation {
            what: what(&self.crowded).into(),
            why: format!(
                "they have many threads, of which at most {THREADS} each and {THREADS_IN_ALL} in all are checked"
            ),
            remedy: None,
        });
        denied.into_iter().chain(crowded).collect()
    }
}

#[cfg(test)]
mod tests;
