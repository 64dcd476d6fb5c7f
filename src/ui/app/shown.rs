//! What the state says to those who draw it.
//!
//! Changes nothing.

use std::time::Duration;

use jiff::Timestamp;

use super::App;
use crate::observe::frame::{Frame, Listing, Message};
use crate::ui::action::{Pane, Place, Screen};
use crate::ui::details::Details;
use crate::ui::items::items;
use crate::ui::roster::Roster;

impl App {
    /// What is in front, whose keys the footer shows.
    pub(crate) fn place(&self) -> Place {
        match self.screen {
            Screen::Waiting => Place::Waiting,
            Screen::Rings => Place::Rings,
            Screen::Ring if self.details.is_some() => Place::Details,
            Screen::Ring => Place::Ring,
        }
    }

    /// What fills the terminal.
    pub(crate) fn screen(&self) -> Screen {
        self.screen
    }

    /// The pane that has the keys.
    pub(crate) fn focus(&self) -> Pane {
        if self.focus == Pane::Findings && !self.has_findings() {
            Pane::Consumers
        } else {
            self.focus
        }
    }

    /// Time between two samples.
    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether the screen stands still.
    pub(crate) fn frozen(&self) -> bool {
        self.frozen
    }

    /// The first row of the help that is shown; `None` while there is no help.
    pub(crate) fn help(&self) -> Option<usize> {
        self.help
    }

    /// Id of the attached ring.
    pub(crate) fn ring(&self) -> Option<&str> {
        self.ring.as_deref()
    }

    /// The sample on the screen.
    pub(crate) fn frame(&self) -> Option<&Frame> {
        self.frame.as_ref()
    }

    /// Whether there is nothing to show yet: no ring, and none looked for; or a ring that was not sampled.
    pub(crate) fn is_blank(&self) -> bool {
        match self.screen {
            Screen::Waiting => !self.has_looked,
            Screen::Rings => false,
            Screen::Ring => self.frame.is_none(),
        }
    }

    /// Whether rings were looked for and the one to show was not among them.
    pub(crate) fn has_looked(&self) -> bool {
        self.has_looked
    }

    /// Whether the source has been looking for so long that it has to be told.
    pub(crate) fn looks_long(&self) -> bool {
        self.looks_long
    }

    /// Wall clock when [`Self::frame`] was taken.
    pub(crate) fn taken_at(&self) -> Timestamp {
        self.taken_at
    }

    /// The rings found last.
    pub(crate) fn listing(&self) -> &Listing {
        &self.listing
    }

    /// What went wrong last, in words.
    pub(crate) fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// The selected row of the list of rings.
    pub(crate) fn selected_ring(&self) -> Option<usize> {
        let keys = self.listing.rings.iter().map(|ring| ring.id.clone());
        self.rings.row(keys, 0)
    }

    /// Order and filter of the consumers.
    pub(crate) fn roster(&self) -> &Roster {
        &self.consumers
    }

    /// Whether keys are taken for text.
    pub(crate) fn is_typing(&self) -> bool {
        self.consumers.is_typing()
    }

    /// The selected row of the table of consumers, which lists them as [`Self::roster`] says.
    pub(crate) fn selected_consumer(&self) -> Option<usize> {
        let ring = &self.frame.as_ref()?.snapshot;
        self.consumers.selected(ring, &self.consumers.rows(ring))
    }

    /// The selected consumer's place in the snapshot.
    pub(super) fn selected_place(&self) -> Option<usize> {
        let ring = &self.frame.as_ref()?.snapshot;
        let rows = self.consumers.rows(ring);
        rows.get(self.consumers.selected(ring, &rows)?).copied()
    }

    /// The consumer that is looked at closely.
    pub(crate) fn details(&self) -> Option<&Details> {
        self.details.as_ref()
    }

    /// The selected row of findings, limits and events, the newest event first.
    pub(crate) fn selected_finding(&self) -> Option<usize> {
        self.findings.row(items(self.frame.as_ref()?), 0)
    }

    /// The selected message: a copy where the user chose one, else the newest.
    pub(crate) fn selected_message(&self) -> Option<&Message> {
        self.reading.selected(self.messages())
    }

    /// Whether the selected message is the newest, whichever that is.
    pub(crate) fn follows(&self) -> bool {
        self.reading.follows()
    }

    /// The selected message's place among the frame's; `None` when it is no longer there.
    pub(crate) fn message_row(&self) -> Option<usize> {
        self.reading.row(self.messages())
    }

    /// The first row of the hex dump that is shown, if there are that many.
    pub(crate) fn hex_row(&self) -> usize {
        self.reading.hex_row()
    }

    fn messages(&self) -> &[Message] {
        self.frame.as_ref().map_or(&[], |frame| &frame.messages)
    }
}
