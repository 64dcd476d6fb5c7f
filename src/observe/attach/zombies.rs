//! Zombies: consumers that the producer has evicted and that read the ring all the same, so that what they read may be
//! overwritten under them.
//!
//! Those evicted under our eyes stay members by themselves. Those evicted before are found by what processes map: the
//! control region, and a page of their own that no slot stands behind. Reads; how bad it is, is said elsewhere.

use super::error::AttachError;
use super::evicted::Evicted;
use super::member::Member;
use super::membership::Membership;
use super::memory::{NEEDS, page};
use super::producer::ProducerProcess;
use super::slot_table::SlotTable;
use crate::observe::procfs::{
    FileId, MappedMemFd, MappingProcess, MappingSurvey, Process, SlotlessPages,
};
use crate::ring::layout::{META_SIZE, META_TAIL_OFFSET, PARKED_TAIL};

impl Membership {
    /// Makes members of the consumers that have lost their slots in the ring of control region `ctrl`, as far as `survey`
    /// shows them.
    pub(super) fn admit_evicted(
        &mut self,
        producer: &ProducerProcess,
        ctrl: FileId,
        table: Option<&SlotTable>,
        survey: &MappingSurvey,
    ) {
        if !producer.lives() {
            return;
        }
        if survey.left() > 0 {
            // What an earlier search has found still stands.
            if !matches!(self.evicted, Evicted::Found { .. }) {
                self.evicted = Evicted::Searching(survey.left());
            }
            return;
        }
        if !self.candidates(survey, ctrl).is_empty() {
            // Whoever had a page when it was asked, and has no slot after that, has lost it.
            self.refresh(producer, ctrl, table, false);
        }
        if producer.process().is_none() || !producer.writes() || self.hidden != Some(0) {
            self.evicted = Evicted::Hidden;
            return;
        }
        let mut unread = Vec::new();
        for (reader, slotless_pages) in self.candidates(survey, ctrl) {
            match slotless_pages {
                SlotlessPages::Known(pages) => {
                    for at in pages {
                        if let Err(why) = self.admit_page(&reader.process, &at) {
                            unread.push((reader.process.pid(), why));
                        }
                    }
                }
                SlotlessPages::Doubtful => unread.push((
                    reader.process.pid(),
                    "it has lost slots of several rings, and which metadata page belongs to which is unknown"
                        .into(),
                )),
            }
        }
        let denied = survey.denied.len();
        self.evicted = Evicted::Found { unread, denied };
    }

    /// The processes that map the ring, with their pages that no slot stands behind.
    fn candidates<'a>(
        &self,
        survey: &'a MappingSurvey,
        ctrl: FileId,
    ) -> Vec<(&'a MappingProcess, SlotlessPages)> {
        let is = |held: bool| {
            let members = self
                .members
                .iter()
                .filter(move |member| member.held == held);
            members.map(|member| member.file).collect::<Vec<FileId>>()
        };
        let (held, lost) = (is(true), is(false));
        let readers = survey.readers.iter().filter(|one| one.joins(ctrl) > 0);
        readers
            .map(|reader| {
                let holds = |page| held.contains(&page);
                (
                    reader,
                    survey.slotless_pages(reader, ctrl, holds, |page| lost.contains(&page)),
                )
            })
            .filter(|(_, slotless_pages)| *slotless_pages != SlotlessPages::Known(Vec::new()))
            .collect()
    }

    /// Makes a member of a page without a slot.
    fn admit_page(&mut self, process: &Process, at: &MappedMemFd) -> Result<(), String> {
        let still = |process: &Process| {
            process.runs() && process.maps().is_ok_and(|maps| maps.maps(at.file))
        };
        let page = match page(process, at, META_SIZE) {
            Ok(page) => page,
            // It has ended, or left, since it was asked.
            Err(_) if !still(process) => return Ok(()),
            Err(AttachError::NotPermitted { .. }) => return Err(NEEDS.into()),
            Err(error) => return Err(error.to_string()),
        };
        // A watcher that parked reckons with being overwritten. Pairs with the consumer's store-release in publish.
        let parked = page.mapping.load_u64_acquire(META_TAIL_OFFSET) == PARKED_TAIL;
        if !parked {
            self.members
                .push(Member::without_slot(page, at.file, process.clone()));
        }
        Ok(())
    }
}
