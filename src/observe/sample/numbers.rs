//! One reading of an attached ring: the raw numbers, all taken within microseconds.
//!
//! Judges nothing and remembers nothing: rates, ages and states are made from samples elsewhere.

use crate::observe::attach::{AttachedRing, Member, MemberProcess, Presence, SlotView, TableView};
use crate::observe::model::{ControlRegion, ProcessState, SlotCounts};
use crate::ring::Control;
use crate::ring::clock::{TickClock, monotonic_ns, ticks};
use crate::ring::layout::{CTRL_PRODUCER_HEAD, META_JOIN_BASELINE, META_PROGRESS_TIMESTAMP};

/// Consumers that are asked at one look what their processes do.
const ASKED_AT_ONCE: usize = 64;

/// The numbers of a ring at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// `CLOCK_MONOTONIC` when head was read, ns.
    pub at_ns: u64,
    /// Head before any tail was read: no honest tail was more than the capacity behind this.
    pub head_before: u64,
    /// The control region; `ring_capacity` is the copy checked when attaching.
    pub control: ControlRegion,
    /// `zbq_ring` is no longer all behind its memfd: bytes of messages are gone.
    pub cut_short: bool,
    /// Whether the producer still runs, and the ring is still its own.
    pub producer_alive: bool,
    /// Whether it lives on without the ring.
    pub given_up: bool,
    /// What its process is doing.
    pub producer_state: Option<ProcessState>,
    /// The producer's slot table.
    pub table: Option<TableView>,
    /// Consumers that hold a slot, as far as the producer's descriptors tell, and are not among `members`; `None` when
    /// their number is unknown.
    pub hidden: Option<u32>,
    /// Its consumers.
    pub members: Vec<MemberSample>,
    /// Those that were in the sample before, and are no more.
    pub departed: Vec<Departed>,
}

/// What a consumer has left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departed {
    /// Inode of its metadata page.
    pub meta_inode: u64,
    /// Its last tail.
    pub tail: u64,
    /// Since its last publish, or since it joined if it never published, ns; `None` when its clock says the future.
    pub silent_ns: Option<u64>,
}

/// One consumer at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberSample {
    /// Inode of its metadata page.
    pub meta_inode: u64,
    /// Whether the producer holds its slot.
    pub held: bool,
    /// Whether its process has the page mapped.
    pub presence: Presence,
    /// Whether its process lives; `None` when that is not known.
    pub alive: Option<bool>,
    /// Its slot.
    pub slot: Option<SlotView>,
    /// Whether the process that joined is known to have ended, whoever has the page mapped.
    pub joiner_ended: bool,
    /// What its process is doing.
    pub process_state: Option<ProcessState>,
    /// Its process.
    pub pid: Option<i32>,
    /// When that was started, ticks since boot.
    pub start_ticks: Option<u64>,
    /// Its process's name, unescaped.
    pub command: Option<String>,
    /// Its arguments.
    pub command_line: Option<String>,
    /// Its real uid.
    pub uid: Option<u32>,
    /// Its tail, read before head.
    pub tail: u64,
    /// The highest its tail ever was, as far as the producer or we have seen: a tail never goes back.
    pub highest_tail: u64,
    /// CPU ticks from `join_baseline` to its last publish.
    pub progress_timestamp: u64,
    /// The producer's CPU ticks when it joined.
    pub join_baseline: u64,
    /// Since its last publish, or since it joined if it never published, ns; `None` when its clock says the future.
    pub silent_ns: Option<u64>,
    /// Its page shrank under the mapping: the numbers are zeroes, not its own.
    pub truncated: bool,
}

impl Sample {
    /// The consumer whose tail is the smallest of those that the producer minds.
    #[must_use]
    pub fn gating(&self) -> Option<&MemberSample> {
        let head = self.control.head()?;
        let minded =
            |member: &&MemberSample| member.held && !member.truncated && member.tail <= head;
        self.members
            .iter()
            .filter(minded)
            .min_by_key(|member| member.tail)
    }

    /// Consumers that the slot table counts and we do not see; failing a table, pages among the producer's descriptors,
    /// of which every slot has one, that could not be mapped. `None` when that is not known either.
    #[must_use]
    pub fn hidden_consumers(&self) -> Option<u32> {
        let seen = self.members.iter().filter(|member| member.held).count();
        match &self.table {
            Some(table) => u32::try_from(table.active.len().saturating_sub(seen)).ok(),
            None => self.hidden,
        }
    }

    /// What the slot table says of slots; `None` where it was not read.
    #[must_use]
    pub fn slot_counts(&self) -> Option<SlotCounts> {
        let table = self.table.as_ref()?;
        Some(SlotCounts {
            max: table.max,
            used: u32::try_from(table.active.len()).ok()?,
            push: table.push,
            clog_attempts: table.clog_attempts,
            next_seq_id: table.next_seq_id,
        })
    }

    /// Time until a scan would evict a consumer (`zbq.h: zbq_producer_scan`), ns: none left for one whose process, that which
    /// joined, has ended, or whose tail is above head or below what the producer has seen of it. `None` when its tail has moved since the last change that a scan saw, as the next scan then
    /// starts its clock anew.
    #[must_use]
    pub fn evict_in_ns(&self, member: &MemberSample) -> Option<u64> {
        let slot = member.slot.filter(|_| member.held)?;
        let head = self.control.head()?;
        if member.joiner_ended
            || member.presence == Presence::Gone
            || member.tail > head
            || member.tail < slot.last_seen_tail
        {
            return Some(0);
        }
        let due = Some(slot)
            .filter(|slot| slot.last_progress_tail == member.tail)?
            .last_progress_time_ns?
            .checked_add(self.control.stall_timeout_ns)?;
        Some(due.saturating_sub(self.at_ns))
    }
}

/// Reads `ring` now. Tails before head, each with acquire, so that an honest consumer's tail is never above head.
pub fn take(ring: &mut AttachedRing, clock: &TickClock) -> Sample {
    ring.note_ends();
    // Before the tails: what the producer has seen of a tail cannot be more than what it is.
    let table = ring.read_table();
    let before: Vec<u64> = ring.members().iter().map(Member::highest_tail).collect();
    let departed = ring.take_departed();
    let numbers = RawNumbers::read(ring);
    let silent_ns = |join_baseline: u64, progress_timestamp| {
        let ticks = numbers
            .ticks
            .checked_sub(join_baseline.wrapping_add(progress_timestamp));
        ticks.map(|ticks| clock.ticks_to_ns(ticks))
    };
    let turns = ring.members().len().div_ceil(ASKED_AT_ONCE).max(1);
    let looks = ring.looks();
    let turn = |number: usize| (looks + number).is_multiple_of(turns);
    let members = ring
        .members()
        .iter()
        .zip(&numbers.pages)
        .zip(before)
        .enumerate()
        .map(|(number, ((member, page), before))| {
            let [tail, progress_timestamp, join_baseline] = *page;
            let process = member.process.as_ref();
            MemberSample {
                meta_inode: member.file.ino,
                held: member.held,
                presence: member.presence,
                alive: member.alive(),
                slot: member.slot,
                joiner_ended: member.joiner_ended(),
                // Who stands still behind head is asked why; of very many, some at each look.
                process_state: member.process_state(
                    turn(number) && tail == before && numbers.control.producer_head > tail,
                ),
                pid: process.map(MemberProcess::pid),
                start_ticks: process.and_then(|process| process.process().start_ticks()),
                command: process.and_then(|process| process.command.clone()),
                command_line: process.and_then(|process| process.command_line.clone()),
                uid: process.and_then(|process| process.uid),
                tail,
                highest_tail: member
                    .highest_tail()
                    .max(member.slot.map_or(0, |slot| slot.last_seen_tail)),
                progress_timestamp,
                join_baseline,
                silent_ns: silent_ns(join_baseline, progress_timestamp),
                truncated: member.meta.is_truncated(),
            }
        });
    let departed = departed.into_iter().filter(|words| !words.truncated);
    let departed = departed.map(|words| Departed {
        meta_inode: words.meta_inode,
        tail: words.tail,
        silent_ns: silent_ns(words.join_baseline, words.progress_timestamp),
    });
    Sample {
        departed: departed.collect(),
        members: members.collect(),
        head_before: numbers.head_before,
        control: numbers.control,
        at_ns: numbers.at_ns,
        cut_short: ring.is_cut_short(),
        producer_alive: ring.producer_alive(),
        given_up: ring.is_given_up(),
        producer_state: ring.producer_state(),
        hidden: ring.hidden(),
        table,
    }
}

/// What changes all the time, read as close together as can be had.
struct RawNumbers {
    head_before: u64,
    /// Tail, progress timestamp and join baseline of every member.
    pages: Vec<[u64; 3]>,
    control: ControlRegion,
    at_ns: u64,
    ticks: u64,
}

impl RawNumbers {
    /// Reads them a few times if head runs away meanwhile, as it does when we are interrupted: then each tail would
    /// seem to be behind by what went through in between.
    fn read(ring: &AttachedRing) -> Self {
        const TRIES: u32 = 4;
        let near = ring.capacity() / 64;
        let mut best = Self::read_once(ring);
        for _ in 1..TRIES {
            if best.run() <= near {
                break;
            }
            let next = Self::read_once(ring);
            if next.run() <= best.run() {
                best = next;
            }
        }
        best
    }

    fn read_once(ring: &AttachedRing) -> Self {
        // Pairs with the producer's store-release in commit.
        let head_before = ring.ctrl().load_u64_acquire(CTRL_PRODUCER_HEAD);
        let pages = ring.members().iter().map(|member| {
            let tail = member.tail();
            let word = |at| member.meta.load_u64_relaxed(at);
            [
                tail,
                word(META_PROGRESS_TIMESTAMP),
                word(META_JOIN_BASELINE),
            ]
        });
        Self {
            pages: pages.collect(),
            head_before,
            control: control(ring),
            at_ns: monotonic_ns(),
            ticks: ticks(),
        }
    }

    /// How far head went between the two readings of it.
    fn run(&self) -> u64 {
        self.control.producer_head.wrapping_sub(self.head_before)
    }
}

/// The control region now; `ring_capacity` is the copy that was checked when attaching.
#[must_use]
pub fn control(ring: &AttachedRing) -> ControlRegion {
    let control = Control::load(ring.ctrl());
    ring.note_head(control.producer_head);
    ControlRegion {
        truncated: ring.ctrl().is_truncated(),
        ring_capacity: ring.capacity(),
        ..control.into()
    }
}
