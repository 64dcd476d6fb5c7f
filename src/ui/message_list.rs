//! Which messages are listed, and which one is read.
//!
//! As long as the newest is selected the list goes along with the ring. From any other on it lets nothing go: what the
//! user walks through stays, and what comes is put below while there is room. Knows nothing of how it is drawn.

use std::ops::Range;

use super::cursor::Movement;
use super::hex_cursor::HexCursor;
use super::prompt::{Edit, Prompt};
use super::query::Query;
use super::search::{self, Hit, MessageSearch};
use super::viewport::HexViewport;
use crate::observe::model::{LogRow, MessageLog, StoredMessage};

/// Bytes of a list that lets nothing go: what was there, and half as much again.
const HELD_BYTES: usize = 4608 << 10;
/// Places marked in one payload.
const PLACES: usize = 4096;

/// The list of messages, the selected one, and what is looked for.
#[derive(Debug, Default)]
pub(crate) struct MessageList {
    log: MessageLog,
    /// `None` as long as the newest is selected, whichever that is.
    held: Option<Anchor>,
    /// The list takes no more in: it is full, or rows in between have gone.
    ended: bool,
    search: Option<MessageSearch>,
    /// Only what was found is listed.
    only: bool,
    prompt: Prompt<120>,
    /// What is wrong with what was typed.
    error: Option<String>,
    hex: HexCursor,
    /// Where in the selected message it is found, and which that is.
    places: (Option<u64>, Vec<Range<usize>>),
}

/// Why no other message was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotFound {
    /// Nothing is looked for.
    NothingSought,
    /// No newer message matches.
    NoNewer,
    /// No older message matches.
    NoOlder,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    row: u64,
    /// The row that was to come when the newest was left.
    since: u64,
    /// Rows that have come since then.
    news: u64,
}

impl MessageList {
    /// Takes a sample in.
    pub(super) fn take(&mut self, newer: &MessageLog) {
        match &mut self.held {
            None => self.show(newer),
            Some(held) => {
                held.news = if newer.is_same(&self.log) {
                    newer.end().saturating_sub(held.since)
                } else {
                    newer.len() as u64
                };
                self.ended = self.ended || !self.log.extend(newer, HELD_BYTES);
            }
        }
        self.look();
    }

    fn show(&mut self, log: &MessageLog) {
        if !log.is_same(&self.log)
            && let Some(search) = &mut self.search
        {
            *search = MessageSearch::new(search.query.clone(), log);
        }
        self.log = log.clone();
        self.ended = false;
    }

    /// Goes on with a search that was not over; true if there was one.
    pub(super) fn search_on(&mut self) -> bool {
        let busy = self.found().is_some_and(|(_, busy)| busy);
        if busy {
            self.look();
        }
        busy
    }

    /// Goes on with the search, and finds what is looked for in the selected message.
    fn look(&mut self) {
        if let Some(search) = &mut self.search {
            search.advance(&self.log, search::PATIENCE);
        }
        let row = self.selected_row();
        if self.places.0 != row {
            let payload = self.message().map(|message| message.payload);
            let places = match (&self.search, payload) {
                (Some(search), Some(payload)) => search.query.places(payload, PLACES),
                _ => Vec::new(),
            };
            self.places = (row, places);
        }
    }

    fn listed(&self) -> Option<&MessageSearch> {
        self.search.as_ref().filter(|_| self.only)
    }

    /// How many rows are listed.
    pub(crate) fn len(&self) -> usize {
        self.listed().map_or(self.log.len(), MessageSearch::len)
    }

    /// The row that is listed in that place, oldest first.
    pub(crate) fn row(&self, place: usize) -> Option<LogRow<'_>> {
        self.log.row(self.number(place)?)
    }

    /// Its number.
    pub(crate) fn number(&self, place: usize) -> Option<u64> {
        match self.listed() {
            Some(search) => search.nth(place).map(|hit| hit.row),
            None => (place < self.log.len()).then(|| self.log.first() + place as u64),
        }
    }

    /// Where the selected row is listed.
    pub(crate) fn place(&self) -> Option<usize> {
        let last = self.len().checked_sub(1)?;
        let Some(held) = self.held else {
            return Some(last);
        };
        let place = match self.listed() {
            // Where the row itself is not listed, the one before it is meant.
            Some(search) => search.before(held.row + 1).saturating_sub(1),
            None => usize::try_from(held.row.saturating_sub(self.log.first())).unwrap_or(last),
        };
        Some(place.min(last))
    }

    fn selected_row(&self) -> Option<u64> {
        self.number(self.place()?)
    }

    /// The selected row.
    pub(crate) fn selected(&self) -> Option<LogRow<'_>> {
        self.log.row(self.selected_row()?)
    }

    /// The selected message, if it is not a gap that is selected.
    pub(crate) fn message(&self) -> Option<StoredMessage<'_>> {
        self.log.message(self.selected_row()?)
    }

    /// Whether the newest is selected, whichever that is.
    pub(crate) fn follows(&self) -> bool {
        self.held.is_none()
    }

    /// Rows that have come since the newest was left.
    pub(crate) fn news(&self) -> u64 {
        self.held.map_or(0, |held| held.news)
    }

    /// Selects the row that `step` leads to; `newest` is what there is to go on to.
    pub(super) fn step(&mut self, step: Movement, newest: &MessageLog) {
        let (Some(place), Some(last)) = (self.place(), self.len().checked_sub(1)) else {
            return self.follow(newest);
        };
        match step {
            Movement::Last => return self.follow(newest),
            Movement::Down(_) if place == last && self.ended => return self.go_on(newest),
            _ => self.hold(step.from(place, last)),
        }
        self.look();
    }

    /// Goes along with the newest.
    pub(super) fn follow(&mut self, newest: &MessageLog) {
        self.held = None;
        self.show(newest);
        self.look();
    }

    /// Stays where it is, or goes along with the newest again.
    pub(super) fn toggle_follow(&mut self, newest: &MessageLog) {
        match self.selected_row() {
            Some(row) if self.follows() => self.stay(row),
            _ => self.follow(newest),
        }
    }

    /// From the end of a list that takes no more in, to the oldest row after it.
    fn go_on(&mut self, newest: &MessageLog) {
        let after = self.log.end();
        let same = newest.is_same(&self.log);
        self.show(newest);
        let row = if same {
            after.max(newest.first())
        } else {
            newest.first()
        };
        self.held = None;
        if row + 1 < newest.end() {
            self.stay(row);
        }
        self.look();
    }

    /// Selects the row with that number, if it is listed.
    pub(super) fn select(&mut self, row: u64) {
        let place = match self.listed() {
            Some(search) => search.before(row),
            None => usize::try_from(row.saturating_sub(self.log.first())).unwrap_or(usize::MAX),
        };
        if self.number(place) == Some(row) {
            self.hold(place);
            self.look();
        }
    }

    fn hold(&mut self, place: usize) {
        // On the newest, the selection goes along with what comes.
        if place + 1 == self.len() && !self.ended {
            self.held = None;
        } else if let Some(row) = self.number(place) {
            self.stay(row);
        }
    }

    fn stay(&mut self, row: u64) {
        let left = Anchor {
            row,
            since: self.log.end(),
            news: 0,
        };
        self.held = Some(Anchor {
            row,
            ..self.held.unwrap_or(left)
        });
    }

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
        Some((search.len(), search.is_busy(&self.log)))
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
    pub(super) fn begin_typing(&mut self) {
        self.prompt.begin();
    }

    /// Ends the typing; what was typed stays.
    pub(super) fn end_typing(&mut self) {
        self.prompt.end();
    }

    /// Lists only what was found, or everything; without anything to look for, that is asked first.
    pub(super) fn toggle_only(&mut self) {
        self.only = !self.only;
        if self.only && self.search.is_none() {
            self.begin_typing();
        }
        self.look();
    }

    /// Changes what is looked for. What cannot be understood changes nothing but what is said of it.
    pub(super) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Keep => return self.keep(),
            Edit::Clear => self.only = false,
            Edit::Insert(_) | Edit::Erase | Edit::EraseAll => {}
        }
        self.prompt.edit(edit);
        match Query::parse(self.prompt.typed()) {
            Ok(query) => {
                self.error = None;
                self.search = query.map(|query| MessageSearch::new(query, &self.log));
            }
            Err(error) => self.error = Some(error),
        }
        self.places.0 = None;
        self.look();
    }

    /// Ends the typing of what can be understood, and goes to what was found.
    fn keep(&mut self) {
        if self.error.is_some() {
            return;
        }
        self.prompt.end();
        self.only &= self.search.is_some();
        // A list of what was found goes along with what is found next.
        if !self.only
            && let (Some(search), Some(row)) = (&self.search, self.selected_row())
            && let Some(hit) = (search.before(row + 1).checked_sub(1))
                .map_or_else(|| search.nth(0), |place| search.nth(place))
        {
            let hit = hit.clone();
            self.go_to(&hit);
        }
    }

    fn go_to(&mut self, hit: &Hit) {
        self.stay(hit.row);
        if !hit.place.is_empty() {
            self.hex.look_at(hit.place.start);
        }
        self.look();
    }

    /// Selects the next older or newer message that was found.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn seek(&mut self, newer: bool) -> Result<(), NotFound> {
        let (Some(search), Some(row)) = (&self.search, self.selected_row()) else {
            return Err(NotFound::NothingSought);
        };
        let (place, none) = if newer {
            (Some(search.before(row + 1)), NotFound::NoNewer)
        } else {
            (search.before(row).checked_sub(1), NotFound::NoOlder)
        };
        let hit = place.and_then(|place| search.nth(place)).cloned();
        self.go_to(&hit.ok_or(none)?);
        Ok(())
    }

    /// The byte that is looked at, in a payload that is as long as that.
    pub(crate) fn byte(&self, length: usize) -> usize {
        self.hex.byte(length)
    }

    /// The first row of the dump that is shown.
    pub(crate) fn top(&self, length: usize, viewport: HexViewport) -> usize {
        self.hex.top(length, viewport)
    }

    /// Looks at another byte of the selected message: rows on, or to its first or last.
    pub(super) fn step_bytes(&mut self, step: Movement, viewport: HexViewport) {
        if let Some(length) = self.message().map(|message| message.payload.len()) {
            self.hex.step(step, length, viewport);
        }
    }

    /// Looks at the byte beside.
    pub(super) fn step_aside(&mut self, right: bool, viewport: HexViewport) {
        if let Some(length) = self.message().map(|message| message.payload.len()) {
            self.hex.step_aside(right, length, viewport);
        }
    }
}
