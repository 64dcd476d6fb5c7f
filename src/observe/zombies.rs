//! Zombies: consumers that the producer has evicted and that read the ring all the same, so that what they read may be
//! overwritten under them.
//!
//! Those evicted under our eyes stay members by themselves. Those evicted before are found by what processes map: the
//! control region, and a page of their own that no slot stands behind. Reads; how bad it is, is said elsewhere.

use std::cell::Cell;
use std::time::Instant;

use super::attach::AttachedRing;
use super::maps::MappedMemFd;
use super::member::{Member, MemberProcess, Presence};
use super::proc::{FileId, Process};
use super::reach::{NEEDS, Page, page};
use super::snapshot::Limit;
use super::survey::{Loose, Reader, Survey};
use crate::ring::layout::{META_SIZE, META_TAIL_OFFSET};

/// What is known of the consumers that were evicted before a ring was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evicted {
    /// They have not been looked for.
    Unsought,
    /// So many processes are still to be asked.
    Searching(usize),
    /// Which slots are held cannot be seen, so neither can who has lost one.
    Hidden,
    /// They are members, but for what is counted here.
    Found {
        /// Processes that map the ring and a page without a slot that could not be made a member, each with why.
        unread: Vec<(i32, String)>,
        /// Processes that may not be asked what they map.
        denied: usize,
    },
}

impl Evicted {
    /// Why there may be more than are members; `None` when there are not.
    #[must_use]
    pub fn unseen(&self) -> Option<String> {
        match self {
            Self::Found { unread, denied: 0 } if unread.is_empty() => None,
            Self::Found { unread, denied: 0 } => Some(format!(
                "processes that map the ring without a slot, and may only be watching it: {}; run as root",
                unread.len()
            )),
            Self::Found { denied, .. } => Some(format!(
                "processes that may not be looked into: {denied}; run as root, or with CAP_SYS_PTRACE"
            )),
            Self::Hidden => Some("which slots are held cannot be seen".into()),
            Self::Searching(left) => Some(format!("processes that were not asked in time: {left}")),
            Self::Unsought => Some("they were not looked for".into()),
        }
    }

    /// What is missing from a ring's members for it.
    pub(super) fn limit(&self) -> Option<Limit> {
        let limit = |what: String, why: &str, remedy: &str| {
            Some(Limit {
                what,
                why: why.into(),
                remedy: Some(remedy.into()),
            })
        };
        match self {
            Self::Searching(left) => limit(
                "evicted consumers that still read the ring".into(),
                &format!("{left} processes have not been asked yet what they map"),
                "give it time: an --interval, or --watch",
            ),
            Self::Found { unread, .. } => {
                let (_, why) = unread.first()?;
                let pids: Vec<String> = unread.iter().map(|(pid, _)| pid.to_string()).collect();
                let what = format!(
                    "what pid {} reads: it maps the ring without a slot, so it was evicted or only watches",
                    pids.join(", ")
                );
                limit(what, why, "run as root")
            }
            Self::Unsought | Self::Hidden => None,
        }
    }
}

impl AttachedRing {
    /// What is known of consumers that were evicted before the ring was attached.
    #[must_use]
    pub fn evicted(&self) -> &Evicted {
        &self.evicted
    }

    /// Makes members of the consumers that have lost their slots, as far as `survey` shows them.
    pub fn admit_evicted(&mut self, survey: &Survey) {
        if !self.producer_alive() {
            return;
        }
        if survey.left() > 0 {
            // What an earlier search has found still stands.
            if !matches!(self.evicted, Evicted::Found { .. }) {
                self.evicted = Evicted::Searching(survey.left());
            }
            return;
        }
        if !self.candidates(survey).is_empty() {
            // Whoever had a page when it was asked, and has no slot after that, has lost it.
            self.refresh();
        }
        if self.process.is_none() || !self.writes || self.hidden() != Some(0) {
            self.evicted = Evicted::Hidden;
            return;
        }
        let mut unread = Vec::new();
        for (reader, loose) in self.candidates(survey) {
            match loose {
                Loose::Known(pages) => {
                    for at in pages {
                        if let Err(why) = self.admit_page(&reader.process, &at) {
                            unread.push((reader.process.pid(), why));
                        }
                    }
                }
                Loose::Doubtful => unread.push((
                    reader.process.pid(),
                    "it has lost slots of several rings, and which page is of which cannot be told"
                        .into(),
                )),
            }
        }
        let denied = survey.denied.len();
        self.evicted = Evicted::Found { unread, denied };
    }

    /// The processes that map the ring, with their pages that no slot stands behind.
    fn candidates<'a>(&self, survey: &'a Survey) -> Vec<(&'a Reader, Loose)> {
        let is = |held: bool| {
            let members = self
                .members
                .iter()
                .filter(move |member| member.held == held);
            members.map(|member| member.file).collect::<Vec<FileId>>()
        };
        let (held, lost) = (is(true), is(false));
        let ctrl = self.ctrl_file;
        let readers = survey.readers.iter().filter(|one| one.joins(ctrl) > 0);
        readers
            .map(|reader| {
                let holds = |page| held.contains(&page);
                (
                    reader,
                    survey.loose(reader, ctrl, holds, |page| lost.contains(&page)),
                )
            })
            .filter(|(_, loose)| *loose != Loose::Known(Vec::new()))
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
            Err(super::error::AttachError::NotPermitted { .. }) => return Err(NEEDS.into()),
            Err(error) => return Err(error.to_string()),
        };
        // A watcher that parked reckons with being overwritten. Pairs with the consumer's store-release in publish.
        let parked = page.mapping.load_u64_acquire(META_TAIL_OFFSET) == u64::MAX;
        if !parked && let Ok(process) = process.try_clone() {
            self.members
                .push(Member::without_slot(page, at.file, process));
        }
        Ok(())
    }
}

impl Member {
    /// A consumer whose page `process` maps, and that has no slot as far as is known.
    pub(super) fn without_slot(page: Page, file: FileId, process: Process) -> Self {
        Self {
            meta: page.mapping,
            copied: page.copied,
            file,
            meta_fd: None,
            slot: None,
            held: false,
            presence: Presence::Mapped,
            process: Some(MemberProcess::new(process)),
            admitted: Instant::now(),
            highest_tail: Cell::new(0),
            sought: None,
        }
    }
}
