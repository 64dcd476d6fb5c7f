//! Which message is read, and from which of its bytes.
//!
//! A message that the user chose is kept as a copy: the ring goes on without it.

use super::cursor::Step;
use crate::observe::frame::Message;

/// The selected message and the scroll of its dump.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// `None` as long as the newest is selected, whichever that is.
    kept: Option<Message>,
    hex_row: usize,
}

impl Reading {
    /// The selected message.
    pub(super) fn selected<'a>(&'a self, messages: &'a [Message]) -> Option<&'a Message> {
        self.kept.as_ref().or_else(|| messages.last())
    }

    /// Whether the newest is selected.
    pub(super) fn follows(&self) -> bool {
        self.kept.is_none()
    }

    /// The selected message's place; `None` when it is no longer there.
    pub(super) fn row(&self, messages: &[Message]) -> Option<usize> {
        match &self.kept {
            None => messages.len().checked_sub(1),
            Some(kept) => messages
                .iter()
                .position(|message| message.offset == kept.offset),
        }
    }

    /// Selects the message that `step` leads to.
    pub(super) fn step(&mut self, step: Step, messages: &[Message]) {
        let Some(last) = messages.len().checked_sub(1) else {
            return;
        };
        let to = match (&self.kept, self.row(messages)) {
            // The kept message stands above the oldest one that there is.
            (Some(_), None) => match step {
                Step::Up(_) => return,
                Step::Down(rows) => step.from(0, last).min(rows - 1),
                Step::First | Step::Last => step.from(0, last),
            },
            (_, row) => step.from(row.unwrap_or(last), last),
        };
        self.keep(to, messages);
    }

    /// Selects the message at `offset`, if it is there.
    pub(super) fn select(&mut self, offset: u64, messages: &[Message]) {
        let mut places = messages.iter();
        if let Some(place) = places.position(|message| message.offset == offset) {
            self.keep(place, messages);
        }
    }

    fn keep(&mut self, place: usize, messages: &[Message]) {
        // On the newest, the selection goes along with what comes.
        self.kept = (place + 1 < messages.len()).then(|| messages[place].clone());
        self.hex_row = 0;
    }

    /// The first row of the dump that is shown, if there are that many.
    pub(super) fn hex_row(&self) -> usize {
        self.hex_row
    }

    /// Scrolls the dump; `last_top` is the last row that may come first.
    pub(super) fn scroll(&mut self, step: Step, last_top: usize) {
        self.hex_row = step.from(self.hex_row.min(last_top), last_top);
    }
}
