//! One consumer as seen from outside: its page, mapped read-only, and its process.
//!
//! Knows how to ask them; which consumers there are is `membership`'s business.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::memory::{Copied, Page};
use super::slot_table::SlotView;
use crate::observe::model::ProcessState;
use crate::observe::procfs::{FileId, Maps, Process};
use crate::ring::clock::monotonic_ns;
use crate::ring::layout::{META_JOIN_BASELINE, META_PROGRESS_TIMESTAMP, META_TAIL_OFFSET};
use crate::ring::{Mapping, ReadOnly};

/// A consumer that has not mapped its page by then is not going to.
const SETTLES_IN: Duration = Duration::from_millis(500);

/// Whether a process has a consumer's page mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has.
    Mapped,
    /// It lives, but has not.
    Unmapped,
    /// It has ended.
    Gone,
    /// No process at all has it mapped: its own has ended, or has left.
    Nobody,
    /// It could not be found out.
    Unknown,
}

/// A consumer's page and the process behind it.
#[derive(Debug)]
pub struct Member {
    /// The metadata page.
    pub meta: Mapping<ReadOnly>,
    /// Where the page is copied from, where it could not be mapped.
    pub(super) copied: Option<Copied>,
    /// Its file: the consumer's identity.
    pub file: FileId,
    /// Its descriptor in the producer, if that has one, or had when it was first seen.
    pub meta_fd: Option<i32>,
    /// Its slot at the last reading of the table.
    pub slot: Option<SlotView>,
    /// Whether the producer still holds the page, that is, the slot.
    pub held: bool,
    /// Whether its process has it mapped.
    pub presence: Presence,
    /// Its process: that which has the page mapped.
    pub process: Option<MemberProcess>,
    /// The process that joined, by whose end the producer's scans judge; known by the pidfd in the slot.
    pub(super) joiner: Joiner,
    /// When it was first seen.
    pub(super) admitted: Instant,
    /// When its process was last asked whether it has the page mapped.
    pub(super) asked: Instant,
    /// Whether its process lived when ends were noticed last; `None` when it could not be asked.
    pub(super) lives: Option<bool>,
    /// What its process was doing when last asked.
    pub(super) process_state: Cell<Option<ProcessState>>,
    /// The highest tail ever read from it.
    pub(super) highest_tail: Cell<u64>,
    /// Whether its process has been looked for among all there are, which is dear and done once; and if so, whether
    /// every one of them could be asked.
    pub(super) sought: Option<bool>,
}

/// The numbers in a consumer's page when it was let go of: the page outlives its consumer for whoever maps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastWords {
    /// Inode of its metadata page.
    pub meta_inode: u64,
    /// Its tail.
    pub tail: u64,
    /// CPU ticks from `join_baseline` to its last publish.
    pub progress_timestamp: u64,
    /// The producer's CPU ticks when it joined.
    pub join_baseline: u64,
    /// Its page shrank: these are zeroes, not its own.
    pub truncated: bool,
}

/// The process that a slot's pidfd stands for.
#[derive(Debug)]
pub(super) enum Joiner {
    /// It has not been looked for, or cannot be seen.
    Unknown,
    /// That which has the page mapped.
    Reader,
    /// Another one.
    Other(Process),
    /// It has ended.
    Ended,
}

impl Member {
    /// Whether the process that joined is known to have ended: the next scan evicts the consumer, whoever maps its page.
    #[must_use]
    pub fn joiner_ended(&self) -> bool {
        match &self.joiner {
            Joiner::Unknown => false,
            Joiner::Reader => self.presence == Presence::Gone,
            Joiner::Other(process) => !process.runs(),
            Joiner::Ended => true,
        }
    }

    /// Looks who joined, in the slot that `producer` holds for it.
    pub(super) fn find_joiner(&mut self, producer: &Process) {
        let Some(slot) = self.slot.filter(|_| self.held) else {
            return;
        };
        if !matches!(self.joiner, Joiner::Unknown) {
            return;
        }
        match producer.pidfd_target(slot.pidfd) {
            Some(-1) => self.joiner = Joiner::Ended,
            Some(pid) if self.process.as_ref().map(MemberProcess::pid) == Some(pid) => {
                self.joiner = Joiner::Reader;
            }
            Some(pid) if pid > 0 => {
                let process = Process::open(pid).ok();
                // The pid may be another's by now: then the pidfd has no process any more.
                if let Some(process) = process
                    && producer.pidfd_target(slot.pidfd) == Some(pid)
                {
                    self.joiner = Joiner::Other(process);
                }
            }
            _ => {}
        }
    }

    /// Another process is known to read: whether it is who joined is to be found out anew.
    pub(super) fn forget_joiner(&mut self) {
        if matches!(self.joiner, Joiner::Reader) {
            self.joiner = Joiner::Unknown;
        }
    }

    /// A consumer of which nothing but its page is known yet.
    pub(super) fn new(meta: Mapping<ReadOnly>, file: FileId) -> Self {
        Self {
            meta,
            copied: None,
            file,
            meta_fd: None,
            slot: None,
            held: false,
            presence: Presence::Unknown,
            process: None,
            admitted: Instant::now(),
            asked: Instant::now(),
            lives: None,
            process_state: Cell::new(None),
            highest_tail: Cell::new(0),
            sought: None,
            joiner: Joiner::Unknown,
        }
    }

    /// A consumer whose page `process` maps, and that has no slot as far as is known.
    pub(super) fn without_slot(page: Page, file: FileId, process: Process) -> Self {
        Self {
            copied: page.copied,
            presence: Presence::Mapped,
            process: Some(MemberProcess::new(process)),
            lives: Some(true),
            ..Self::new(page.mapping, file)
        }
    }

    /// Whether nobody is known to have its page mapped: it is still looked for.
    pub(super) fn lacks_process(&self) -> bool {
        let process = self.process.as_ref();
        process.is_none_or(|process| process.provisional && self.presence != Presence::Mapped)
    }

    /// Its tail now.
    #[must_use]
    pub fn tail(&self) -> u64 {
        // Pairs with the consumer's store-release in publish.
        let tail = self.meta.load_u64_acquire(META_TAIL_OFFSET);
        self.highest_tail.set(self.highest_tail.get().max(tail));
        tail
    }

    /// Whether its process has the page mapped: asked now, unless it was less than `every` ago.
    pub(super) fn ask_presence(&mut self, every: Duration) -> Presence {
        if self.process.is_some() && self.asked.elapsed() >= every {
            self.look_for_page(Instant::now());
        }
        self.presence
    }

    /// Asks its process now whether it has the page mapped. One that may be about to map it is not said to have left.
    /// What was found out `then` or after is good enough.
    pub(super) fn look_for_page(&mut self, then: Instant) {
        self.asked = Instant::now();
        let found = presence(self.process.as_ref(), self.file, then, true);
        self.find(found);
    }

    /// As [`Self::look_for_page`], of one that has lost its slot before `then`: nothing that was found out earlier is good
    /// enough, as it may have lost the slot because it has ended or let go since.
    pub(super) fn look_again(&mut self, then: Instant) {
        self.asked = Instant::now();
        let found = presence(self.process.as_ref(), self.file, then, false);
        self.find(found);
    }

    fn find(&mut self, found: Presence) {
        self.presence = match found {
            Presence::Unmapped if !self.has_settled() => Presence::Unknown,
            found => found,
        };
    }

    /// What it leaves behind.
    pub(super) fn last_words(&self) -> LastWords {
        let word = |at| self.meta.load_u64_relaxed(at);
        LastWords {
            meta_inode: self.file.ino,
            tail: self.tail(),
            progress_timestamp: word(META_PROGRESS_TIMESTAMP),
            join_baseline: word(META_JOIN_BASELINE),
            truncated: self.meta.is_truncated(),
        }
    }

    /// Whether the process that reads with it, or else the one that joined, lives; `None` when neither is known.
    #[must_use]
    pub fn alive(&self) -> Option<bool> {
        if self.presence == Presence::Gone {
            return Some(false);
        }
        match (&self.process, &self.joiner) {
            (Some(_), _) => self.lives,
            (None, Joiner::Other(process)) => process.is_alive(),
            (None, Joiner::Ended) => Some(false),
            (None, Joiner::Unknown | Joiner::Reader) => None,
        }
    }

    /// What its process was doing when last asked; asks `now`, or only if it was never asked.
    pub fn process_state(&self, now: bool) -> Option<ProcessState> {
        if now || self.process_state.get().is_none() {
            let letter = self
                .process
                .as_ref()
                .and_then(|process| process.process().state_letter());
            self.process_state
                .set(letter.and_then(|letter| ProcessState::of(&letter)));
        }
        self.process_state.get()
    }

    /// The highest tail that was ever read from it: a tail never goes back, unless it lies.
    #[must_use]
    pub fn highest_tail(&self) -> u64 {
        self.highest_tail.get()
    }

    /// Whether it has had the time to map its page: a slot is taken a moment before its consumer maps anything.
    pub(super) fn has_settled(&self) -> bool {
        // Its clock is set when it takes the slot (zbq.h: zbq_producer_handshake), and only ever anew after that: a look
        // that is not repeated need not wait to know.
        let slot_age =
            |slot: SlotView| Some(monotonic_ns().saturating_sub(slot.last_progress_time_ns?));
        self.admitted.elapsed() >= SETTLES_IN
            || self.slot.and_then(slot_age) >= Some(SETTLES_IN.as_nanos() as u64)
    }
}

/// The process behind a consumer.
#[derive(Debug)]
pub struct MemberProcess {
    process: Process,
    /// `comm`, unescaped.
    pub command: Option<String>,
    /// Its arguments, unescaped.
    pub command_line: Option<String>,
    /// Its real uid.
    pub uid: Option<u32>,
    /// Mappings of the consumer's page there while it reads: the producer has one of its own.
    mappings: usize,
    /// It is who joined, says the pidfd in the slot; another may yet be found to map the page.
    provisional: bool,
}

impl MemberProcess {
    pub(super) fn new(process: Process) -> Self {
        let identity = process.identity();
        Self {
            command: identity.command,
            uid: identity.uid,
            command_line: process.command_line(),
            mappings: 1,
            provisional: false,
            process,
        }
    }

    /// That of a consumer in the producer's own process.
    pub(super) fn of_producer(process: Process) -> Self {
        Self {
            mappings: 2,
            ..Self::new(process)
        }
    }

    /// That which joined the ring of `producer`; `provisional`: another may yet be found to read there.
    pub(super) fn who_joined(process: Process, producer: &Process, provisional: bool) -> Self {
        let found = if process.pid() == producer.pid() {
            Self::of_producer(process)
        } else {
            Self::new(process)
        };
        Self {
            provisional,
            ..found
        }
    }

    /// Its pid as we see it.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Its handle in `/proc`.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Whether it is not known to have ended.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.is_alive() != Some(false)
    }

    /// Whether it has not ended; `None` when it cannot be asked.
    #[must_use]
    pub fn is_alive(&self) -> Option<bool> {
        self.process.is_alive_now()
    }
}

/// Whether the process behind a consumer has `file` mapped, as far as it can be told. That it has may have been so a moment
/// ago; that it has not is so after `then`.
fn presence(process: Option<&MemberProcess>, file: FileId, then: Instant, kept: bool) -> Presence {
    let Some(member) = process else {
        return Presence::Unknown;
    };
    if !member.runs() {
        return Presence::Gone;
    }
    let maps_it = |maps: &Maps| maps.count(file) >= member.mappings;
    if kept && member.process.maps().is_ok_and(|maps| maps_it(&maps)) {
        return Presence::Mapped;
    }
    match member.process.maps_since(then) {
        Ok(maps) if maps_it(&maps) => Presence::Mapped,
        Ok(_) => Presence::Unmapped,
        Err(_) if !member.runs() => Presence::Gone,
        Err(_) => Presence::Unknown,
    }
}

/// Descriptors that are polled together: there may be more of them than are allowed, as many can be the same.
const POLLED: usize = 128;

/// Notices processes that have ended: with few system calls for all those that there is a pidfd of.
pub(super) fn note_ends(members: &mut [Member]) {
    let process = |member: &Member| {
        member
            .process
            .as_ref()
            .map(|process| process.process.pidfd().is_some())
    };
    let mut fds: Vec<PollFd<'_>> = (members.iter())
        .filter_map(|member| member.process.as_ref()?.process.pidfd())
        .map(|pidfd| PollFd::from_borrowed_fd(pidfd, PollFlags::IN))
        .collect();
    // What cannot be asked has not been seen to end.
    for some in fds.chunks_mut(POLLED) {
        let _ = poll(some, Some(&Timespec::default()));
    }
    let ready: Vec<bool> = fds
        .iter()
        .map(|fd| fd.revents().contains(PollFlags::IN))
        .collect();
    let mut ready = ready.into_iter();
    for member in members {
        member.lives = match process(member) {
            Some(true) => Some(ready.next() != Some(true)),
            Some(false) => member.process.as_ref().and_then(MemberProcess::is_alive),
            None => None,
        };
        if member.lives == Some(false) {
            member.presence = Presence::Gone;
        }
    }
}
