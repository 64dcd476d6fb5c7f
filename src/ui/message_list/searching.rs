//! What is looked for: typed, found in the list and in the ring, and gone to.

use std::ops::Range;
use std::sync::Arc;

use super::{Awaited, MessageList, NotFound};
use crate::observe::model::{LogRow, MessageLog, SearchProgress, SearchRequest};
use crate::ui::prompt::Edit;
use crate::ui::query::Query;
use crate::ui::search::{Hit, MessageSearch};

impl MessageList {
    /// What is looked for, as it was typed.
    pub(crate) fn typed(&self) -> &str {
        self.prompt.typed()
    }

    /// Whether it is being typed.
    pub(crate) fn is_typing(&self) -> bool {
        self.prompt.is_typing()
    }

    /// What is wrong with what was typed.
    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Whether only what was found is listed.
    pub(crate) fn lists_found(&self) -> bool {
        self.only
    }

    /// How many were found, and whether there is more to be looked at; `None` when nothing is looked for.
    pub(crate) fn found(&self) -> Option<(usize, bool)> {
        let search = self.search.as_ref()?;
        match &self.progress {
            Some(progress) if !progress.is_behind => {
                let matches = usize::try_from(progress.matches).unwrap_or(usize::MAX);
                Some((matches, false))
            }
            Some(progress) => {
                let matches = usize::try_from(progress.matches).unwrap_or(usize::MAX);
                Some((matches.max(search.len()), true))
            }
            None => Some((search.len(), search.is_busy(&self.log))),
        }
    }

    /// How far the search through the ring has come, if there is one.
    pub(crate) fn progress(&self) -> Option<&SearchProgress> {
        self.progress.as_ref()
    }

    /// Where a listed row was found.
    pub(crate) fn hit(&self, row: u64) -> Option<&Hit> {
        self.search.as_ref()?.hit(row)
    }

    /// All places in the selected message where it was found.
    pub(crate) fn places(&self) -> &[Range<usize>] {
        &self.places.1
    }

    /// Lets be typed what is looked for.
    pub(crate) fn begin_typing(&mut self) {
        self.prompt.begin();
    }

    /// Ends the typing; what was typed stays.
    pub(crate) fn end_typing(&mut self) {
        self.prompt.end();
    }

    /// Lists only what was found, or everything; without anything to look for, that is asked first. Returns the offset
    /// around which messages are wanted.
    pub(crate) fn toggle_only(&mut self, newest: &MessageLog) -> Option<u64> {
        let selected = self.message().map(|message| message.offset);
        let selected = selected.filter(|_| self.only && !self.follows());
        self.only = !self.only;
        self.wanted = None;
        self.awaits = None;
        if self.only && self.search.is_none() {
            self.begin_typing();
        }
        let base = self.base(newest).clone();
        self.show_there(&base);
        self.look();
        // A match that the list does not have is shown with what surrounds it.
        let shown = self.message().map(|message| message.offset);
        self.wanted = selected.filter(|selected| shown != Some(*selected));
        self.wanted
    }

    /// Changes what is looked for; tells whether it is another thing now. What cannot be understood changes nothing but
    /// what is said of it.
    pub(crate) fn edit(&mut self, edit: Edit, newest: &MessageLog) -> bool {
        if edit == Edit::Clear {
            self.only = false;
        }
        let before = self.prompt.typed().to_owned();
        self.prompt.edit(edit);
        if self.prompt.typed() == before && edit != Edit::Clear {
            return false;
        }
        match Query::parse(self.prompt.typed(), self.fields.decoder()) {
            Ok(query) => {
                self.error = None;
                let lists_found = (self.progress.as_ref())
                    .is_some_and(|progress| progress.found.is_same(&self.log));
                self.progress = None;
                self.awaits = None;
                self.wanted = None;
                self.number += 1;
                if lists_found {
                    self.show_there(newest);
                }
                self.is_due = query.is_some();
                self.search = query.map(|query| MessageSearch::new(query, &self.log));
            }
            Err(error) => self.error = Some(error),
        }
        self.places.0 = None;
        self.look();
        self.error.is_none()
    }

    /// What the ring is to be asked to search for, up to an offset; `None`: nothing.
    pub(crate) fn request(&self, until: Option<u64>) -> Option<SearchRequest> {
        let query = self.search.as_ref()?.query.clone();
        Some(SearchRequest {
            number: self.number,
            matcher: Arc::new(move |message, integrity| query.find(message, integrity).is_some()),
            kept: self.log.clone(),
            until,
        })
    }

    /// Asks the ring once more, for what comes as well; what was found stays until it answers. Tells whether anything is
    /// looked for.
    pub(crate) fn ask_again(&mut self) -> bool {
        self.number += u64::from(self.search.is_some());
        self.search.is_some()
    }

    /// The search through the ring goes on where the list stands still.
    pub(crate) fn look_on(&mut self) {
        let progress = self.progress.as_ref();
        let is_behind = progress.is_none_or(|progress| progress.is_behind);
        self.is_due |= self.search.is_some() && is_behind;
    }

    /// Whether the search through the ring has something to do.
    pub(crate) fn is_due(&self) -> bool {
        self.is_due
    }

    /// Takes in how far the search through the ring has come. Returns the offset around which messages are wanted.
    pub(crate) fn take_progress(
        &mut self,
        progress: Option<SearchProgress>,
        newest: &MessageLog,
    ) -> Option<u64> {
        self.is_due = false;
        let progress = progress.filter(|progress| progress.number == self.number)?;
        self.is_due = progress.goes_on;
        let is_behind = progress.is_behind;
        self.progress = Some(progress);
        if self.only {
            let base = self.base(newest).clone();
            if base.is_same(&self.log) {
                self.take_rows(&base);
            } else {
                self.show_there(&base);
            }
            self.look();
        }
        if self.awaits != Some(Awaited::NewestMatch) || is_behind {
            return None;
        }
        self.awaits = None;
        self.wanted = self.nearest_match(u64::MAX, false);
        self.wanted
    }

    /// The offset of the next match in the ring, newer or older than `offset`.
    fn nearest_match(&self, offset: u64, newer: bool) -> Option<u64> {
        let found = &self.progress.as_ref().filter(|_| !self.only)?.found;
        let at = found.row_at(offset);
        let matches = |row| Some(found.message(row)?.offset);
        if newer {
            let from = at.unwrap_or(found.first());
            (from..found.end())
                .filter_map(matches)
                .find(|at| *at > offset)
        } else {
            let mut rows = found.first()..at? + 1;
            rows.rfind(|row| matches(*row).is_some_and(|at| at < offset))
                .and_then(matches)
        }
    }

    /// Ends the typing of what can be understood, and goes to what was found. Returns the offset around which messages
    /// are wanted.
    pub(crate) fn keep(&mut self) -> Option<u64> {
        if self.error.is_some() {
            return None;
        }
        self.prompt.edit(Edit::Keep);
        self.only &= self.search.is_some();
        let (search, row) = (self.search.as_ref()?, self.selected_row()?);
        // A list of what was found goes along with what is found next.
        if self.only {
            return None;
        }
        let before = search.before(row + 1).checked_sub(1);
        let hit = before.map_or_else(|| search.nth(0), |place| search.nth(place));
        if let Some(hit) = hit.cloned() {
            self.go_to(&hit);
            return None;
        }
        if self
            .progress
            .as_ref()
            .is_none_or(|progress| progress.is_behind)
        {
            self.awaits = Some(Awaited::NewestMatch);
            return None;
        }
        self.wanted = self.nearest_match(u64::MAX, false);
        self.wanted
    }

    fn go_to(&mut self, hit: &Hit) {
        self.stay(hit.row);
        self.look();
        self.look_at_match();
    }

    /// Looks at the first byte that was found in the selected message.
    pub(super) fn look_at_match(&mut self) {
        let search = self.search.as_ref();
        let message = self.message();
        let place = search
            .zip(message)
            .and_then(|(search, message)| search.query.find(&message.raw(), message.integrity));
        if let Some(place) = place.filter(|place| !place.is_empty()) {
            self.hex.look_at(place.start);
        }
    }

    /// Begins the search through the list anew, whose rows are other ones now.
    pub(super) fn search_anew(&mut self) {
        let progress = self.progress.as_ref();
        let is_found = progress.is_some_and(|progress| progress.found.is_same(&self.log));
        if let Some(search) = &mut self.search {
            let query = search.query.clone();
            *search = if is_found {
                MessageSearch::of_found(query, &self.log)
            } else {
                MessageSearch::new(query, &self.log)
            };
        }
    }

    /// Selects the next older or newer message that was found. Returns the offset around which messages are wanted where
    /// the list does not have it.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn seek(&mut self, newer: bool) -> Result<Option<u64>, NotFound> {
        let (Some(search), Some(row)) = (&self.search, self.selected_row()) else {
            return Err(NotFound::NothingSought);
        };
        let offset = self.log.row(row).map_or(0, |row| row.offset());
        let (place, none) = if newer {
            (Some(search.before(row + 1)), NotFound::NoNewer)
        } else {
            (search.before(row).checked_sub(1), NotFound::NoOlder)
        };
        let listed = place.and_then(|place| search.nth(place)).cloned();
        let elsewhere = self.nearest_match(offset, newer);
        let at = |hit: &Hit| self.log.row(hit.row).map_or(0, |row| LogRow::offset(&row));
        match (listed, elsewhere) {
            (Some(hit), other)
                if other.is_none_or(|other| {
                    if newer {
                        at(&hit) <= other
                    } else {
                        at(&hit) >= other
                    }
                }) =>
            {
                self.go_to(&hit);
                Ok(None)
            }
            (_, Some(other)) => {
                (self.wanted, self.awaits) = (Some(other), None);
                Ok(self.wanted)
            }
            _ if self.is_searching() => Err(NotFound::Searching),
            _ if !newer && self.has_lost_matches() => Err(NotFound::NotKept),
            _ => Err(none),
        }
    }

    /// Whether more matches were found than are kept.
    fn has_lost_matches(&self) -> bool {
        self.progress.as_ref().is_some_and(|progress| {
            let found = &progress.found;
            let kept = (found.first()..found.end()).filter(|row| found.message(*row).is_some());
            (kept.count() as u64) < progress.matches
        })
    }

    fn is_searching(&self) -> bool {
        self.progress
            .as_ref()
            .is_some_and(|progress| progress.is_behind)
    }
}
