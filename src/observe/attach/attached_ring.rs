//! A ring that belongs to someone else, attached: mapped read-only, and asked.
//!
//! It is put together of its parts: how it is reached ([`Access`]), who writes it, its memory, its slot table, and who is in it.
//! But for a join (`passive_join`) it takes no slot and writes nothing; it judges nothing.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::member::{LastWords, Member, Presence};
use super::membership::Membership;
use super::memory::Memory;
use super::pairing::no_slot_table;
use super::producer::ProducerProcess;
use super::slot_table::{SlotTable, SlotView, TableView, Writing};
use super::table_search::{Progress, TableSearch};
use crate::observe::model::{JoinedSlot, Limitation, Method, ProcessState, ProducerInfo, Unseen};
use crate::observe::procfs::{FileId, MappingSurvey, Process, Refusal, shortage};
use crate::ring::{Mapping, ReadOnly, ReadWrite, WakeupMode};
use crate::text::bytes;

/// A ring that is being watched.
#[derive(Debug)]
pub struct AttachedRing {
    id: String,
    access: Access,
    producer: ProducerProcess,
    memory: Memory,
    table: Option<SlotTable>,
    /// The search for the table, as long as it is under way.
    pub(super) search: Option<Arc<Mutex<TableSearch>>>,
    /// Why another memfd might hold its bytes, where the table has yet to tell.
    pub(super) doubt: Option<Limitation>,
    membership: Membership,
    /// How often it was looked at.
    looks: usize,
    /// What else was not certain, or not to be seen, when it was attached.
    limits: Vec<Limitation>,
}

/// How a ring is reached.
#[derive(Debug)]
pub(super) enum Access {
    /// Through the producer's `/proc`.
    Mapped,
    /// As a passive consumer, parked at once.
    Joined {
        slot: JoinedSlot,
        /// Our own parked page, kept mapped so that others can see who holds the slot.
        page: Mapping<ReadWrite>,
    },
    /// Through a process that maps it: its producer is gone.
    Orphan,
    /// Not at all: its memory stands in a recording.
    Recorded {
        /// What the producer may have been writing.
        writing: Option<Writing>,
    },
}

impl AttachedRing {
    /// Puts the parts together.
    pub(super) fn new(
        id: String,
        access: Access,
        producer: ProducerProcess,
        memory: Memory,
        table: Option<SlotTable>,
        membership: Membership,
        limits: Vec<Limitation>,
    ) -> Self {
        Self {
            id,
            access,
            producer,
            memory,
            table,
            search: None,
            doubt: None,
            membership,
            looks: 0,
            limits,
        }
    }

    /// The same ring, which was joined besides.
    pub(super) fn joined_as(mut self, slot: JoinedSlot, page: Mapping<ReadWrite>) -> Self {
        self.access = Access::Joined { slot, page };
        self
    }

    /// What the ring is called: see `model::RingSnapshot::id`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether this is the ring whose control region is `ctrl`.
    #[must_use]
    pub fn watches(&self, ctrl: FileId) -> bool {
        self.ctrl_file() == ctrl
    }

    /// Which control region is this ring's.
    #[must_use]
    pub fn ctrl_file(&self) -> FileId {
        self.memory.ctrl_file()
    }

    /// Bytes in the ring: the copy that was checked when attaching.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.memory.capacity()
    }

    /// The control region's mapping.
    #[must_use]
    pub fn ctrl(&self) -> &Mapping<ReadOnly> {
        self.memory.ctrl()
    }

    /// Copies ring bytes from `position`, counted from the ring's physical start, into all of `buffer`.
    ///
    /// # Errors
    /// When the memfd has shrunk, or the range is not inside the ring.
    pub fn copy_out(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.memory.copy_out(position, buffer)
    }

    /// Whether the ring's memfd has shrunk.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        self.memory.is_cut_short()
    }

    /// How the mappings were come by.
    #[must_use]
    pub fn method(&self) -> Method {
        match self.access {
            Access::Joined { .. } => Method::Join,
            Access::Mapped | Access::Orphan => Method::Map,
            Access::Recorded { .. } => Method::File,
        }
    }

    /// The slot taken, when the ring was joined.
    #[must_use]
    pub fn joined(&self) -> Option<&JoinedSlot> {
        match &self.access {
            Access::Joined { slot, .. } => Some(slot),
            Access::Mapped | Access::Orphan | Access::Recorded { .. } => None,
        }
    }

    /// Our own metadata page, and the mode that the producer gave us, when the ring was joined.
    #[must_use]
    pub fn own_slot(&self) -> Option<(FileId, WakeupMode)> {
        match &self.access {
            Access::Joined { slot, page } => Some((FileId::of(page), slot.mode)),
            Access::Mapped | Access::Orphan | Access::Recorded { .. } => None,
        }
    }

    /// The producer, alive or not as of now.
    #[must_use]
    pub fn producer(&self) -> ProducerInfo {
        self.producer.facts()
    }

    /// The producer's pid.
    #[must_use]
    pub fn producer_pid(&self) -> i32 {
        self.producer.pid()
    }

    /// The producer in `/proc`, where its descriptors may be looked at.
    #[must_use]
    pub fn producer_process(&self) -> Option<&Process> {
        self.producer.process()
    }

    /// Takes in where head was seen to be.
    pub fn note_head(&self, head: u64) {
        self.producer.note_head(head);
    }

    /// Whether the producer's descriptor of the control region is there no more, though it was at the last [`Self::refresh`].
    #[must_use]
    pub fn has_let_go(&self) -> bool {
        self.producer.has_let_go(self.memory.ctrl_file())
    }

    /// Whether the producer has given the ring up and lives on, as of the last [`Self::refresh`].
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.producer.gave_up() && self.producer.runs()
    }

    /// What the producer's process is doing, where it can be seen.
    #[must_use]
    pub fn producer_state(&self) -> Option<ProcessState> {
        self.producer.state()
    }

    /// Whether the producer still runs, and the ring is still its own.
    #[must_use]
    pub fn producer_alive(&self) -> bool {
        self.producer.lives()
    }

    /// Its members as of the last [`Self::refresh`], by slot or by descriptor.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.membership.members
    }

    /// Whether the process of the member with this page has it mapped: asked now, unless it was less than `every` ago.
    pub fn ask_presence(&mut self, meta_inode: u64, every: Duration) -> Presence {
        let mut members = self.membership.members.iter_mut();
        members
            .find(|member| member.file.ino == meta_inode)
            .map_or(Presence::Unknown, |member| member.ask_presence(every))
    }

    /// Asks some of the members whether they still have their pages mapped, so that all are asked in turn, at next to no cost.
    pub fn ask_in_turn(&mut self) {
        self.membership.ask_in_turn();
    }

    /// Whether every member is there as it should be: nothing about them can change but what samples show.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.members()
            .iter()
            .all(|member| member.held && member.presence == Presence::Mapped)
    }

    /// Consumers that hold a slot, as far as the producer's descriptors tell, and could not be made members as of the
    /// last [`Self::refresh`]; `None` when their number is unknown.
    #[must_use]
    pub fn hidden(&self) -> Option<u32> {
        self.membership.hidden
    }

    /// Why there may be more evicted consumers that still read the ring than are members; `None`: there are not.
    #[must_use]
    pub fn zombies_unseen(&self) -> Option<String> {
        self.membership.evicted.unseen()
    }

    /// Whether the slot table is being read.
    #[must_use]
    pub fn reads_table(&self) -> bool {
        self.table.is_some()
    }

    /// What cannot be seen, and why.
    #[must_use]
    pub fn limits(&self) -> Vec<Limitation> {
        self.limits
            .iter()
            .cloned()
            .chain(self.doubt.clone())
            .chain(self.search.as_ref().map(|search| still_sought(search)))
            .chain(self.membership.limits())
            .chain(limit_of_descriptors())
            .collect()
    }

    /// Looks anew at who is in the ring and what their processes do. Costs a listing of the producer's
    /// descriptors and one `maps` for each consumer.
    pub fn refresh(&mut self) {
        self.refresh_from(false);
    }

    /// With `anew`, nothing that was found out before about the producer's descriptors is good enough.
    fn refresh_from(&mut self, anew: bool) {
        let ctrl = self.memory.ctrl_file();
        self.membership
            .refresh(&self.producer, ctrl, self.table.as_ref(), anew);
    }

    /// Whether the slot that a member had is another's by now: descriptors and addresses of one that has gone are given to
    /// the next, so the slot looks the same. It is asked for where what the producer has seen of the tail cannot be of this
    /// page, or its process has ended.
    fn is_replaced(&self, member: &Member, slot: &SlotView) -> bool {
        let before = member.slot.map_or(0, |known| known.last_seen_tail);
        let is_strange = slot.last_seen_tail > member.tail()
            || slot.last_seen_tail < before
            || member.alive() == Some(false);
        let process = self.producer.process();
        is_strange
            && process.is_some_and(|process| process.fd_file(slot.meta_fd) != Some(member.file))
    }

    /// Makes members of the consumers that were evicted before the ring was attached, as far as `survey` shows them.
    pub fn admit_evicted(&mut self, survey: &MappingSurvey) {
        let ctrl = self.memory.ctrl_file();
        self.membership
            .admit_evicted(&self.producer, ctrl, self.table.as_ref(), survey);
    }

    /// Notices processes that have ended since the last refresh, and brings pages that are copies up to date.
    pub fn note_ends(&mut self) {
        self.looks = self.looks.wrapping_add(1);
        self.membership.note_ends();
    }

    /// How often ends were noticed: once a look.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.looks
    }

    /// What consumers have left behind that were members, and are no more since this was asked last.
    pub fn take_departed(&mut self) -> Vec<LastWords> {
        self.membership.take_departed()
    }

    /// The slot table now; members learn their slots from it, and are looked for anew when it names others.
    pub fn read_table(&mut self) -> Option<TableView> {
        let view = self.table.as_ref()?.read()?;
        let now = |member: &Member| {
            let known = member.slot?;
            // The table is read in the order of its slots.
            let at = view
                .active
                .binary_search_by_key(&known.index, |slot| slot.index);
            view.active
                .get(at.ok()?)
                .filter(|slot| known.is_same_join(slot))
                .copied()
        };
        let held = || self.members().iter().filter(|member| member.held);
        let is_replaced =
            |member: &Member| now(member).is_some_and(|slot| self.is_replaced(member, &slot));
        let replaced = held().any(is_replaced);
        if replaced
            || held().count() != view.active.len()
            || !held().all(|member| now(member).is_some())
        {
            self.refresh_from(replaced);
        }
        for member in &mut self.membership.members {
            member.slot = now(member).or(member.slot);
        }
        Some(view)
    }

    /// Whether the slot table is still being searched for.
    #[must_use]
    pub fn seeks_table(&self) -> bool {
        self.search.is_some()
    }

    /// Goes on for `time` with the search for the slot table, where that is under way.
    pub fn search_table(&mut self, time: Duration) {
        let Some(mut search) = self.search.as_ref().and_then(|search| search.lock().ok()) else {
            return;
        };
        search.advance(time);
        let found = search.take(self.memory.ctrl_file());
        let why_not = search.is_over().then(|| search.why_not());
        drop(search);
        if let Some((table, ring)) = found {
            self.memory.read_from(&ring);
            self.table = Some(table);
            (self.search, self.doubt) = (None, None);
            self.refresh();
        } else if let Some(why_not) = why_not {
            self.search = None;
            self.limits.push(no_slot_table(&why_not));
        }
    }

    /// Holds as few descriptors as can be, until it is asked for more again.
    pub fn release(&self) {
        self.memory.release();
        if let Some(table) = &self.table {
            table.release();
        }
    }

    /// What the producer may be writing now beyond what it has committed; `None` where its table cannot be read.
    #[must_use]
    pub fn writing(&self) -> Option<Writing> {
        match &self.access {
            Access::Recorded { writing } => *writing,
            Access::Mapped | Access::Joined { .. } | Access::Orphan => {
                self.table.as_ref()?.writing()
            }
        }
    }

    /// Whether the producer still holds the slot of `member`, asked of the kernel now: a tail speaks for the ring's
    /// bytes only as long as the producer minds it.
    #[must_use]
    pub fn still_holds(&self, member: &Member) -> bool {
        match &self.access {
            Access::Recorded { .. } => member.held,
            Access::Mapped | Access::Joined { .. } | Access::Orphan => self.producer.holds(member),
        }
    }
}

/// That the slot table has not been found yet, and how far the search has come.
fn still_sought(search: &Mutex<TableSearch>) -> Limitation {
    let so_far = search.lock().map(|search| search.progress());
    let why = so_far.map_or_else(
        |_| "the search for it failed".into(),
        |Progress { searched, total }| {
            format!(
                "the producer's memory is being searched for it: {} of {} so far",
                bytes(searched),
                bytes(total)
            )
        },
    );
    Limitation {
        what: Unseen::SlotTable,
        why,
        remedy: None,
    }
}

/// What is missing for want of descriptors, if any was.
pub(super) fn limit_of_descriptors() -> Option<Limitation> {
    let Refusal { why, remedy } = shortage()?;
    Some(Limitation {
        what: "everything that could not be checked".into(),
        why,
        remedy,
    })
}
