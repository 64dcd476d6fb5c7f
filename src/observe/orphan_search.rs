//! Rings whose producer is gone, looked for little by little while a list is on a screen.
//!
//! What every process maps has to be asked for, which is dear: a few milliseconds at a look, and seldom anew.

use std::time::{Duration, Instant};

use super::watch::{Budget, Watcher};
use crate::observe::attach::{AttachError, Orphan, adopt, orphans};
use crate::observe::model::Thresholds;
use crate::observe::procfs::MappingSurvey;

/// Time for asking, of one look.
const SLICE: Duration = Duration::from_millis(8);
/// Time from one search's end to the next.
const EVERY: Duration = Duration::from_secs(5);

/// A ring without a producer, and what its listing says besides.
#[derive(Debug)]
pub(super) struct OrphanWatch {
    pub(super) watcher: Watcher,
    /// The process through which it is reached.
    pub(super) through: i32,
    /// Processes that map it; `None` where some may not be asked.
    pub(super) readers: Option<u32>,
}

/// The search, and what the last one has found.
#[derive(Debug, Default)]
pub(super) struct OrphanSearch {
    survey: Option<MappingSurvey>,
    due: Option<Instant>,
    pub(super) found: Vec<OrphanWatch>,
    pub(super) broken: Vec<AttachError>,
}

impl OrphanSearch {
    /// Goes on with the search, or begins another one when it is time.
    pub(super) fn advance(&mut self, thresholds: Thresholds) {
        if self.survey.is_none() && self.due.is_none_or(|due| Instant::now() >= due) {
            self.survey = MappingSurvey::begin().ok();
        }
        let Some(survey) = &mut self.survey else {
            return;
        };
        if !survey.advance(SLICE) {
            return;
        }
        survey.readers.sort_by_key(|reader| reader.process.pid());
        let (found, broken) = watch_orphans(survey, thresholds);
        // One that was known keeps its watcher, and so its rates.
        let mut known = std::mem::take(&mut self.found);
        self.found = found
            .into_iter()
            .map(|new| {
                let key = |orphan: &OrphanWatch| {
                    let ring = orphan.watcher.ring();
                    (ring.id().to_owned(), ring.ctrl_file())
                };
                let same = |old: &OrphanWatch| key(old) == key(&new);
                match known.iter().position(same) {
                    Some(place) => OrphanWatch {
                        watcher: known.swap_remove(place).watcher,
                        ..new
                    },
                    None => new,
                }
            })
            .collect();
        self.broken = broken;
        self.survey = None;
        self.due = Some(Instant::now() + EVERY);
    }
}

/// The rings without a producer that `survey` shows.
pub(super) fn watch_orphans(
    survey: &MappingSurvey,
    thresholds: Thresholds,
) -> (Vec<OrphanWatch>, Vec<AttachError>) {
    let found = orphans(survey, None);
    let watch = |orphan: Orphan| {
        let (through, readers) = (orphan.process.pid(), orphan.readers);
        OrphanWatch {
            watcher: Watcher::new(adopt(orphan, survey), Budget::GLANCE).judging_by(thresholds),
            through,
            readers: survey.denied.is_empty().then_some(readers),
        }
    };
    (found.rings.into_iter().map(watch).collect(), found.broken)
}
