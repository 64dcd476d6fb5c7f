//! Who is in a ring that is attached: its members, kept up to date.
//!
//! Finds the pages that stand for slots among the producer's descriptors, and the process behind each. Of consumers
//! that have no slot any more only those stay whose page was mapped while they had one; the others are found by
//! `zombies` and, once the producer is gone, by `orphans`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::evicted::Evicted;
use super::member::{LastWords, Member, MemberProcess, Presence, note_ends};
use super::memory::map_page;
use super::pairing::consumers_of;
use super::producer::{ProducerProcess, has_given_up};
use super::slot_table::{SlotTable, SlotView};
use crate::observe::model::{Limitation, Unseen};
use crate::observe::procfs::{
    FileId, Links, MemFd, MemFdKind, Process, has_vanished, pids, unique,
};
use crate::ring::layout::META_SIZE;

/// Whoever has its page mapped is asked anew after this long, ...
const ASKED_EVERY: Duration = Duration::from_millis(900);
/// ... but no more are asked at once than this takes.
const TURN_LASTS: Duration = Duration::from_micros(300);

/// Members of which a refresh asks what their processes do; of more, some at each.
const ASKED_AT_ONCE: usize = 64;

/// Whoever had its page mapped is not asked anew by a refresh before so long.
const STANDS: Duration = Duration::from_millis(4500);

/// A process that has closed its descriptors in order to end has ended by then.
const ENDS_IN: Duration = Duration::from_millis(50);

/// Consumers of one ring that are looked at: each takes a mapping that is guarded, of which there are only so many for all.
const MOST_MEMBERS: usize = 1024;
/// Of so many that are members no more it is kept what they left behind, until it is asked for.
const MOST_DEPARTED: usize = 1024;

/// Who is in a ring, as of the last look.
#[derive(Debug)]
pub(super) struct Membership {
    /// By slot, or by descriptor.
    pub(super) members: Vec<Member>,
    /// Consumers that hold a slot, as far as descriptors tell, and are not among the members; `None`: unknown.
    pub(super) hidden: Option<u32>,
    /// What is known of consumers that were evicted before the ring was attached.
    pub(super) evicted: Evicted,
    /// Whether the producer's process has other rings: pages then need evidence of where they belong.
    shares_process: bool,
    /// What could not be seen.
    limits: Vec<Limitation>,
    /// What those have left behind that are members no more.
    departed: VecDeque<LastWords>,
    /// How often that was looked up.
    refreshes: usize,
    /// When members are next asked in turn.
    turn_due: Instant,
}

impl Membership {
    /// Nobody yet: they are found among the producer's descriptors by [`Self::refresh`].
    pub(super) fn of_producer(shares_process: bool) -> Self {
        Self {
            members: Vec::new(),
            hidden: None,
            evicted: Evicted::Unsought,
            shares_process,
            limits: Vec::new(),
            departed: VecDeque::new(),
            refreshes: 0,
            turn_due: Instant::now(),
        }
    }

    /// Those who still map a ring whose producer is gone.
    pub(super) fn survivors(members: Vec<Member>) -> Self {
        Self {
            members,
            // Whoever ended with its slot held has left nothing that could be found.
            evicted: Evicted::Hidden,
            ..Self::of_producer(false)
        }
    }

    /// Nobody that could be seen, of an unknown number.
    pub(super) fn hidden() -> Self {
        Self {
            hidden: None,
            ..Self::of_producer(false)
        }
    }

    /// What cannot be seen of them, and why.
    pub(super) fn limits(&self) -> impl Iterator<Item = Limitation> {
        self.limits.iter().cloned().chain(self.evicted.limit())
    }

    /// Looks anew at who is in the ring and what their processes do.
    pub(super) fn refresh(
        &mut self,
        producer: &ProducerProcess,
        ctrl: FileId,
        table: Option<&SlotTable>,
        anew: bool,
    ) {
        let then = Instant::now();
        if !producer.runs() || producer.gave_up() {
            // Nothing can be asked of it any more: what it held last is what its consumers still map.
            for member in &mut self.members {
                member.look_for_page(then);
            }
            return;
        }
        let Some(process) = producer.process() else {
            return;
        };
        self.limits.clear();
        let slots = table.and_then(SlotTable::read).map(|view| view.active);
        // A fork of the producer knows of those only that had joined when it was made.
        self.hidden = producer.lives().then_some(0);
        let pages = match links(process, slots.as_deref(), then, anew) {
            // A process that ends closes its descriptors first: that is no word on who held a slot.
            Ok(links)
                if !links.memfds.iter().any(|at| at.file == ctrl)
                    && has_given_up(process, ctrl).unwrap_or(false) =>
            {
                if !self.ends(producer) {
                    producer.note_gave_up();
                }
                return;
            }
            Ok(links) => self.held_pages(process, ctrl, &links.memfds, slots.as_deref()),
            Err(error) => {
                self.hidden = None;
                self.limits.push(Limitation {
                    what: Unseen::Consumers,
                    why: format!("the producer's descriptors can no longer be listed: {error}"),
                    remedy: None,
                });
                return;
            }
        };
        let held: HashSet<FileId> = pages.iter().map(|page| page.file).collect();
        let seen = Instant::now();
        self.refreshes = self.refreshes.wrapping_add(1);
        let turns = self.members.len().div_ceil(ASKED_AT_ONCE).max(1);
        for (number, member) in self.members.iter_mut().enumerate() {
            if (self.refreshes + number).is_multiple_of(turns) {
                member.process_state(true);
            }
            let lost = std::mem::replace(&mut member.held, held.contains(&member.file));
            if lost && !member.held {
                // It may have ended after it was asked last, and before it lost its slot for that.
                member.look_again(seen);
            } else if member.presence != Presence::Mapped || member.asked.elapsed() >= STANDS {
                // Those who are there are asked in turn, too.
                member.look_for_page(then);
            }
        }
        for gone in self.members.extract_if(.., |member| {
            !member.held && member.presence != Presence::Mapped
        }) {
            self.departed.push_back(gone.last_words());
        }
        let over = self.departed.len().saturating_sub(MOST_DEPARTED);
        self.departed.drain(..over);
        let known: HashSet<FileId> = self.members.iter().map(|member| member.file).collect();
        let mut new = pages.iter().filter(|page| !known.contains(&page.file));
        let room = MOST_MEMBERS.saturating_sub(self.members.len());
        for page in new.by_ref().take(room) {
            self.admit(process, page);
        }
        let left = new.count();
        if left > 0 {
            let more = u32::try_from(left).unwrap_or(u32::MAX);
            self.hidden = self.hidden.map(|hidden| hidden.saturating_add(more));
            self.limits.push(Limitation {
                what: Unseen::SomeConsumers(left),
                why: format!("at most {MOST_MEMBERS} of a ring are watched"),
                remedy: None,
            });
        }
        let slots: HashMap<Option<i32>, SlotView> = slots
            .into_iter()
            .flatten()
            .map(|slot| (Some(slot.meta_fd), slot))
            .collect();
        for member in &mut self.members {
            // One that was evicted keeps the slot that it had.
            if member.held {
                member.slot = slots.get(&member.meta_fd).copied();
            }
        }
        self.find_processes(process, ctrl);
        for member in &mut self.members {
            member.find_joiner(process);
        }
        self.members.sort_by_key(|member| {
            (
                !member.held,
                member.slot.map(|slot| slot.index),
                member.meta_fd,
            )
        });
    }

    /// Whether the producer ends within a moment. Asked once it holds the ring no more.
    fn ends(&self, producer: &ProducerProcess) -> bool {
        let deadline = Instant::now() + ENDS_IN;
        while producer.lives() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// The metadata pages that stand for slots of this ring. Those of which that is not known are hidden consumers.
    fn held_pages(
        &mut self,
        process: &Process,
        ctrl: FileId,
        memfds: &[MemFd],
        slots: Option<&[SlotView]>,
    ) -> Vec<MemFd> {
        if let Some(slots) = slots {
            let named = slots
                .iter()
                .filter_map(|slot| page_at(memfds, slot.meta_fd));
            return named.copied().collect();
        }
        let mut pages = unique(memfds, MemFdKind::Meta);
        if !self.shares_process {
            return pages;
        }
        // Several rings in one process and no slot table: a page belongs to the one ring that the process maps which
        // maps the page.
        let (mut ours, mut placed) = (HashSet::new(), HashSet::new());
        for consumer in consumers_of(process) {
            let Ok(maps) = consumer.maps() else { continue };
            let files = |kind: MemFdKind| {
                let mapped = maps.memfds.iter().filter(move |at| at.kind == kind);
                mapped.map(|at| at.file).collect::<HashSet<FileId>>()
            };
            let ctrls = files(MemFdKind::Ctrl);
            if ctrls.len() == 1 {
                placed.extend(files(MemFdKind::Meta));
                if ctrls.contains(&ctrl) {
                    ours.extend(files(MemFdKind::Meta));
                }
            }
        }
        let unplaced = pages
            .iter()
            .filter(|page| !placed.contains(&page.file))
            .count();
        if unplaced > 0 {
            self.hidden = None;
            self.limits.push(Limitation {
                what: Unseen::SomeConsumers(unplaced),
                why: "the process has several rings, its slot table could not be read, and their metadata pages are \
                      mapped by no process that maps just one of them"
                    .into(),
                remedy: Some("run as root, or with CAP_SYS_PTRACE".into()),
            });
        }
        pages.retain(|page| ours.contains(&page.file));
        pages
    }

    /// Maps a new consumer's page.
    fn admit(&mut self, process: &Process, memfd: &MemFd) {
        match map_page(process, memfd, META_SIZE) {
            Ok(meta) => self.members.push(Member {
                meta_fd: Some(memfd.fd),
                held: true,
                ..Member::new(meta, memfd.file)
            }),
            // Evicted since it was listed: it will not be listed again.
            Err(_) if process.fd_file(memfd.fd) != Some(memfd.file) => {}
            Err(error) => {
                self.hidden = self.hidden.map(|hidden| hidden.saturating_add(1));
                self.limits.push(Limitation {
                    what: Unseen::ConsumerAt(memfd.fd),
                    why: error.to_string(),
                    remedy: None,
                });
            }
        }
    }

    /// Finds the process of every consumer that has none yet: first among those that the producer holds pidfds
    /// of, then, once for each, among all.
    fn find_processes(&mut self, process: &Process, ctrl: FileId) {
        if !self.members.iter().any(Member::lacks_process) {
            return;
        }
        // Who joined is told by the slot, and is nearly always who reads.
        let joined = self.members.iter().filter(|one| one.lacks_process());
        let mut joined: Vec<i32> = joined
            .filter_map(|one| process.pidfd_target(one.slot?.pidfd))
            .filter(|pid| *pid > 0)
            .collect();
        joined.sort_unstable();
        joined.dedup();
        self.match_processes(&joined, process.pid(), ctrl);
        if !self.members.iter().any(Member::lacks_process) {
            return;
        }
        let mut others: Vec<i32> = consumers_of(process)
            .into_iter()
            .map(|process| process.pid())
            .collect();
        others.retain(|pid| joined.binary_search(pid).is_err());
        self.match_processes(&others, process.pid(), ctrl);
        let lacks = |member: &&mut Member| member.lacks_process();
        if self
            .members
            .iter()
            .any(|member| member.lacks_process() && member.sought.is_none())
        {
            for member in self.members.iter_mut().filter(lacks) {
                // One that comes to map its page during the search may be missed.
                member.sought = member.has_settled().then_some(false);
            }
            if pids().is_ok_and(|pids| self.match_processes(&pids, process.pid(), ctrl)) {
                for member in self.members.iter_mut().filter(lacks) {
                    member.sought = member.sought.map(|_| true);
                }
            }
        }
        for member in self.members.iter_mut().filter(lacks) {
            if member.presence == Presence::Unknown && member.sought == Some(true) {
                member.presence = Presence::Nobody;
            }
            let Some(slot) = member.slot else { continue };
            // The pidfd in its slot still tells who joined, or that it is gone.
            match process.pidfd_target(slot.pidfd) {
                Some(pid) if pid > 0 => {
                    let settled = member.has_settled();
                    member.forget_joiner();
                    member.process = Process::open(pid)
                        .ok()
                        // The pid may be another's by now: then the pidfd has no process any more.
                        .filter(|_| process.pidfd_target(slot.pidfd) == Some(pid))
                        .map(|joined| MemberProcess::who_joined(joined, process, !settled));
                    member.lives = member.process.as_ref().and_then(MemberProcess::is_alive);
                    member.look_for_page(Instant::now());
                }
                Some(-1) => member.presence = Presence::Gone,
                _ => {}
            }
        }
    }

    /// Gives each of `pids` the members whose page it maps; tells whether all of them could be asked.
    fn match_processes(&mut self, pids: &[i32], producer: i32, ctrl: FileId) -> bool {
        let mut all_seen = true;
        for &pid in pids {
            let asked = Process::open(pid).and_then(|process| Ok((process.maps()?, process)));
            let (maps, process) = match asked {
                Ok(asked) => asked,
                Err(error) => {
                    all_seen &= has_vanished(&error);
                    continue;
                }
            };
            let writable: HashSet<FileId> = (maps.memfds.iter())
                .filter(|at| at.writable)
                .map(|at| at.file)
                .collect();
            // A consumer writes its own page and nothing else. Whoever can write the control region is the
            // producer or a fork of it; whoever maps a page read-only is a watcher.
            if writable.contains(&ctrl) && pid != producer {
                continue;
            }
            for member in self
                .members
                .iter_mut()
                .filter(|member| member.lacks_process())
            {
                let process = process.clone();
                let found = if pid == producer {
                    (maps.count(member.file) > 1).then(|| MemberProcess::of_producer(process))
                } else {
                    let reads = writable.contains(&member.file);
                    reads.then(|| MemberProcess::new(process))
                };
                if found.is_some() {
                    member.process = found;
                    member.lives = Some(true);
                    member.forget_joiner();
                    member.presence = Presence::Mapped;
                }
            }
        }
        all_seen
    }

    /// Asks on whether members still have their pages mapped, those first that were asked longest ago: each about once a
    /// second where that costs next to nothing, and all together in no more than a hundredth of the time.
    pub(super) fn ask_in_turn(&mut self) {
        let begun = Instant::now();
        if begun < self.turn_due {
            return;
        }
        while begun.elapsed() < TURN_LASTS {
            let there = |member: &&mut Member| member.presence == Presence::Mapped;
            let members = self.members.iter_mut().filter(there);
            let Some(next) = members
                .min_by_key(|member| member.asked)
                .filter(|next| next.asked.elapsed() >= ASKED_EVERY)
            else {
                break;
            };
            next.look_for_page(begun);
        }
        self.turn_due = Instant::now() + begun.elapsed() * 100;
    }

    /// What those have left behind that were members when last asked, and are no more.
    pub(super) fn take_departed(&mut self) -> Vec<LastWords> {
        std::mem::take(&mut self.departed).into()
    }

    /// Notices processes that have ended since the last refresh, and brings pages that are copies up to date.
    pub(super) fn note_ends(&mut self) {
        for copied in self
            .members
            .iter()
            .filter_map(|member| member.copied.as_ref())
        {
            copied.renew();
        }
        note_ends(&mut self.members);
    }
}

/// What a producer holds: now, where a moment ago it did not hold all that its slots name, or `anew` is asked for.
fn links(
    process: &Process,
    slots: Option<&[SlotView]>,
    then: Instant,
    anew: bool,
) -> io::Result<Arc<Links>> {
    if anew {
        return process.links_since(then);
    }
    let links = process.links()?;
    let named = |slot: &SlotView| page_at(&links.memfds, slot.meta_fd).is_some();
    let named = slots.is_none_or(|slots| slots.iter().all(named));
    if named {
        Ok(links)
    } else {
        process.links_since(then)
    }
}

/// The metadata page at descriptor `fd`, of `memfds` in the order of descriptors.
fn page_at(memfds: &[MemFd], fd: i32) -> Option<&MemFd> {
    let at = memfds.binary_search_by_key(&fd, |memfd| memfd.fd).ok()?;
    memfds.get(at).filter(|page| page.kind == MemFdKind::Meta)
}
