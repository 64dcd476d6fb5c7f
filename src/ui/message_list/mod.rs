//! Which messages are listed, and which one is read.
//!
//! As long as the newest is selected the list goes along with the ring. From any other on it lets nothing go: what the
//! user walks through stays, and what comes is put below while there is room. Beyond its ends, and for a match that it
//! does not have, it wants messages of another place in the ring. Knows nothing of how it is drawn.

mod fields;
mod searching;

use std::ops::Range;

pub(crate) use fields::Fields;

use super::cursor::Movement;
use super::hex_cursor::HexCursor;
use super::prompt::{Edit, Prompt};
use super::search::{self, MessageSearch};
use super::viewport::HexViewport;
use crate::decode::{DecodeSpec, Decoded};
use crate::observe::model::{LogRow, MessageLog, SearchProgress, StoredMessage};

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
    /// How far the search through the ring has come; `None`: there is none, or it has not begun.
    progress: Option<SearchProgress>,
    /// It has something to do.
    is_due: bool,
    /// Of what is looked for now.
    number: u64,
    /// What was asked for and is not known yet.
    awaits: Option<Awaited>,
    /// The offset around which messages are wanted, until the user wants something else.
    wanted: Option<u64>,
    /// Only what was found is listed.
    only: bool,
    prompt: Prompt<120>,
    /// What is wrong with what was typed.
    error: Option<String>,
    hex: HexCursor,
    /// Where in the selected message it is found, and which that is.
    places: (Option<u64>, Vec<Range<usize>>),
    /// What is in payloads.
    fields: Fields,
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
    /// Older ones were found, and are not kept.
    NotKept,
    /// None was found so far, and the search goes on.
    Searching,
}

/// What the list waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// The newest match.
    NewestMatch,
    /// Messages around the selected one, to move on from there.
    Beyond(Movement),
}

/// What the ring does not have any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lacking {
    /// Anything older than what is listed.
    Older,
    /// What surrounds a match: only what was found is listed.
    Neighbours,
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
    /// Forgets everything but what was looked for before.
    pub(super) fn renew(&mut self) {
        let mut prompt = std::mem::take(&mut self.prompt);
        prompt.edit(Edit::Clear);
        *self = Self {
            prompt,
            // A late reply is never taken for one of the next ring.
            number: self.number + 1,
            ..Self::default()
        };
    }

    /// Takes a sample in.
    pub(super) fn take(&mut self, newer: &MessageLog) {
        self.is_due |= self.search.is_some();
        let base = self.base(newer).clone();
        self.take_rows(&base);
        self.look();
    }

    fn take_rows(&mut self, newer: &MessageLog) {
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
    }

    /// Where the listed rows come from: what was found in the ring where only that is listed, else the newest messages.
    fn base<'a>(&'a self, newest: &'a MessageLog) -> &'a MessageLog {
        match &self.progress {
            Some(progress) if self.only => &progress.found,
            _ => newest,
        }
    }

    fn show(&mut self, log: &MessageLog) {
        let is_same = log.is_same(&self.log);
        self.log = log.clone();
        self.ended = false;
        if !is_same {
            self.fields.forget();
            self.search_anew();
        }
    }

    /// Lists the rows of `log` and stays at the same place in the ring.
    fn show_there(&mut self, log: &MessageLog) {
        let offset = self.selected().map(|row| row.offset());
        let is_same = log.is_same(&self.log);
        self.show(log);
        if !is_same && !self.follows() {
            // Its numbers are of another log.
            self.held = None;
            let row = offset.and_then(|offset| self.log.row_at(offset));
            if !self.log.is_empty() {
                self.stay(row.unwrap_or(self.log.first()));
            }
        }
    }

    /// Goes on with a search that was not over; true if there was one.
    pub(super) fn search_on(&mut self) -> bool {
        let search = self.search.as_ref();
        let busy = search.is_some_and(|search| search.is_busy(&self.log));
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
        let message = row.and_then(|row| self.log.message(row));
        self.fields.look(message.as_ref());
    }

    /// What is in payloads.
    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Decodes payloads this way from now on.
    ///
    /// # Errors
    /// When the decoder lacks something.
    pub(super) fn decode_by(&mut self, spec: Option<&DecodeSpec>) -> Result<(), String> {
        self.fields.decode_by(spec)
    }

    fn listed(&self) -> Option<&MessageSearch> {
        self.search.as_ref().filter(|_| self.only)
    }

    /// How many rows are listed.
    pub(crate) fn len(&self) -> usize {
        self.listed().map_or(self.log.len(), MessageSearch::rows)
    }

    /// The row that is listed in that place, oldest first.
    pub(crate) fn row(&self, place: usize) -> Option<LogRow<'_>> {
        self.log.row(self.number(place)?)
    }

    /// Its number.
    pub(crate) fn number(&self, place: usize) -> Option<u64> {
        match self.listed() {
            Some(search) => search.listed(place),
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
            Some(search) => search.rows_before(held.row + 1).saturating_sub(1),
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

    /// Whether it takes no more in: it is full, or stands elsewhere in the ring.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether the newest is selected, whichever that is.
    pub(crate) fn follows(&self) -> bool {
        self.held.is_none()
    }

    /// Rows that have come since the newest was left.
    pub(crate) fn news(&self) -> u64 {
        self.held.map_or(0, |held| held.news)
    }

    /// Selects the row that `step` leads to; `newest` is what there is to go on to. Returns the offset around which
    /// messages are wanted where the list ends.
    pub(super) fn step(&mut self, step: Movement, newest: &MessageLog) -> Option<u64> {
        let (Some(place), Some(last)) = (self.place(), self.len().checked_sub(1)) else {
            self.follow(newest);
            return None;
        };
        match step {
            Movement::Last => {
                self.follow(newest);
                return None;
            }
            Movement::Down(_) if place == last && self.ended => return self.want(step),
            Movement::Up(_) if place == 0 && !self.only => return self.want(step),
            _ => self.hold(step.from(place, last)),
        }
        self.look();
        None
    }

    /// Wants messages beyond the end of the list, around the last message there.
    fn want(&mut self, step: Movement) -> Option<u64> {
        let offset = |row| Some(self.log.message(row)?.offset);
        let mut rows = self.log.first()..self.log.end();
        let last = match step {
            Movement::Down(_) | Movement::Last => rows.rev().find_map(offset),
            Movement::Up(_) | Movement::First => rows.find_map(offset),
        };
        self.awaits = last.map(|_| Awaited::Beyond(step));
        self.wanted = last;
        last
    }

    /// Takes in the messages around the one at `offset`, which was wanted, or that the ring has it no longer. Returns what
    /// is lacking.
    pub(super) fn take_around(
        &mut self,
        offset: u64,
        around: Option<&MessageLog>,
        newest: &MessageLog,
    ) -> Option<Lacking> {
        if self.wanted != Some(offset) {
            return None;
        }
        self.wanted = None;
        let awaited = self.awaits.take();
        let there = |log: &MessageLog| {
            let row = log.row_at(offset)?;
            (log.row(row)?.offset() == offset).then_some(row)
        };
        let newest = &self.base(newest).clone();
        // To go further up from the oldest message at hand, more is needed than what is at hand.
        let goes_up = matches!(awaited, Some(Awaited::Beyond(Movement::Up(_))));
        let has_older = |row: &u64| (newest.first()..*row).any(|row| newest.message(row).is_some());
        let at_hand = there(newest).filter(|row| !goes_up || has_older(row));
        let before = self.selected().map(|row| row.offset());
        if let Some(row) = at_hand {
            self.show(newest);
            self.stay_anew(row);
        } else if let Some((log, row)) = around.and_then(|log| Some((log, there(log)?))) {
            self.show(log);
            self.ended = true;
            self.stay_anew(row);
        } else {
            return match (awaited, &self.progress) {
                (Some(Awaited::Beyond(Movement::Down(_))), _) => {
                    self.go_on(newest);
                    None
                }
                (None, Some(progress)) => {
                    let found = progress.found.clone();
                    let row = there(&found)?;
                    self.show(&found);
                    self.ended = true;
                    self.stay_anew(row);
                    self.look();
                    self.look_at_match();
                    Some(Lacking::Neighbours)
                }
                _ => Some(Lacking::Older),
            };
        }
        self.look();
        if let (Some(Awaited::Beyond(step)), Some(place)) = (awaited, self.place()) {
            self.hold(step.from(place, self.len().saturating_sub(1)));
            self.look();
            let is_there = self.selected().map(|row| row.offset()) == before;
            return (is_there && matches!(step, Movement::Up(_))).then_some(Lacking::Older);
        }
        self.look_at_match();
        None
    }

    fn stay_anew(&mut self, row: u64) {
        self.held = None;
        self.stay(row);
    }

    /// Goes along with the newest.
    pub(super) fn follow(&mut self, newest: &MessageLog) {
        self.held = None;
        (self.wanted, self.awaits) = (None, None);
        let base = self.base(newest).clone();
        self.show(&base);
        self.look();
    }

    /// Stays where it is, or goes along with the newest again.
    pub(super) fn toggle_follow(&mut self, newest: &MessageLog) {
        match self.selected_row() {
            Some(row) if self.follows() => self.stay(row),
            _ => self.follow(newest),
        }
    }

    /// Stays on the selected row, whatever comes.
    pub(super) fn hold_still(&mut self) {
        if let (true, Some(row)) = (self.follows(), self.selected_row()) {
            self.stay(row);
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
            Some(search) => search.rows_before(row),
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
            (self.held, self.wanted, self.awaits) = (None, None, None);
        } else if let Some(row) = self.number(place) {
            self.stay(row);
        }
    }

    fn stay(&mut self, row: u64) {
        (self.wanted, self.awaits) = (None, None);
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
            self.fields.follow_bytes();
        }
    }

    /// Looks at the byte beside.
    pub(super) fn step_aside(&mut self, right: bool, viewport: HexViewport) {
        if let Some(length) = self.message().map(|message| message.payload.len()) {
            self.hex.step_aside(right, length, viewport);
            self.fields.follow_bytes();
        }
    }

    /// Looks at the next field of the selected message or the one before; at the byte beside where it has none.
    pub(super) fn step_field(&mut self, forward: bool, viewport: HexViewport) {
        if !self.fields.is_on() || self.fields.decoded().map_or(true, Decoded::is_empty) {
            return self.step_aside(forward, viewport);
        }
        if let Some(length) = self.message().map(|message| message.payload.len())
            && let Some(byte) = self.fields.step(forward, self.byte(length))
        {
            self.hex.look_at(byte);
        }
    }
}
