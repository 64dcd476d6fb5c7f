//! What the state says to those who draw it.
//!
//! Changes nothing.

use std::time::Duration;

use jiff::Timestamp;

use super::App;
use crate::observe::model::{Frame, Listing};
use crate::ui::action::{FooterPlace, FrontView, Pane, Screen};
use crate::ui::consumer_list::ConsumerList;
use crate::ui::details::Details;
use crate::ui::findings_rows::{FindingsRow, findings_rows};
use crate::ui::keys::{FooterState, Keymap};
use crate::ui::message_list::MessageList;
use crate::ui::ring_list::RingList;
use crate::ui::time_span::TimeSpan;

/// A look rests so many times as long as it takes.
const RESTS: u32 = 40;

/// But no longer than this.
const LONGEST_REST: Duration = Duration::from_secs(2);

impl App {
    /// What is in front, whose keys the footer shows.
    pub(crate) fn front_view(&self) -> FrontView {
        match self.screen {
            Screen::Waiting => FrontView::Waiting,
            Screen::Rings => FrontView::Rings,
            Screen::Ring if self.details.is_some() => FrontView::Details,
            Screen::Ring if self.reads_message => FrontView::Message,
            Screen::Ring => FrontView::Ring,
        }
    }

    /// What the footer depends on.
    pub(crate) fn footer_state(&self) -> FooterState {
        FooterState {
            place: match self.front_view() {
                FrontView::Waiting => FooterPlace::Waiting,
                FrontView::Rings => FooterPlace::Rings,
                FrontView::Details => FooterPlace::Details,
                FrontView::Message => FooterPlace::Message,
                FrontView::Ring => FooterPlace::Pane(self.focus()),
            },
            is_recorded: self.is_recorded(),
            is_frozen: self.frozen,
            searches: !self.message_list.typed().is_empty(),
        }
    }

    /// Which key does what.
    pub(crate) fn keymap(&self) -> &Keymap {
        &self.keymap
    }

    /// Whether clicks and the wheel come here.
    pub(crate) fn mouse(&self) -> bool {
        self.mouse
    }

    /// What fills the terminal.
    pub(crate) fn screen(&self) -> Screen {
        self.screen
    }

    /// The pane that has the keys.
    pub(crate) fn focus(&self) -> Pane {
        self.focus
    }

    /// Whether the pane that has the keys has the room of all.
    pub(crate) fn is_zoomed(&self) -> bool {
        self.is_zoomed
    }

    /// The most consumers that the ring has had at once.
    pub(crate) fn most_consumers(&self) -> usize {
        self.most_consumers
    }

    /// Time between two samples: the interval, or as many times that as it takes for looks to rest forty times what they take.
    pub(crate) fn pace(&self) -> Duration {
        let mut pace = self.interval;
        while pace < (self.looks_take * RESTS).min(LONGEST_REST) {
            pace *= 2;
        }
        pace
    }

    /// How far back charts reach, if the user has said so.
    pub(crate) fn chosen_span(&self) -> Option<TimeSpan> {
        self.chosen_span
    }

    /// How far back charts reach.
    pub(crate) fn time_span(&self) -> TimeSpan {
        let frame = self.frame.as_ref();
        (self.chosen_span.or_else(|| frame.map(TimeSpan::of_recent))).unwrap_or_default()
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

    /// Whether rings come out of recordings.
    pub(crate) fn plays(&self) -> bool {
        self.plays
    }

    /// What went wrong last, in words.
    pub(crate) fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// What came of the last key, in words.
    pub(crate) fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }

    /// Has the screen say what came of an effect.
    pub(crate) fn say(&mut self, words: String) {
        self.said = Some(words);
    }

    /// The place in the listing of the ring that is selected.
    pub(crate) fn selected_ring(&self) -> Option<usize> {
        let rows = self.rings.rows(&self.listing);
        let row = self.rings.selected(&self.listing, &rows)?;
        rows.get(row).copied()
    }

    /// Order, filter and selection of the rings.
    pub(crate) fn ring_list(&self) -> &RingList {
        &self.rings
    }

    /// The row of the list of messages that was shown first.
    pub(crate) fn messages_top(&self) -> usize {
        self.messages_top
    }

    /// The row of findings, limits and events that was shown first.
    pub(crate) fn findings_top(&self) -> usize {
        self.findings.top
    }

    /// Order and filter of the consumers.
    pub(crate) fn consumer_list(&self) -> &ConsumerList {
        &self.consumers
    }

    /// Whether keys are taken for text.
    pub(crate) fn is_typing(&self) -> bool {
        self.prompt_is_lost
            || self.rings.is_typing()
            || self.consumers.is_typing()
            || self.message_list.is_typing()
            || self.findings_filter.is_typing()
            || self.file_name.is_typing()
            || self.moment.is_typing()
    }

    /// Whether what is being typed belongs to nothing any more.
    pub(crate) fn prompt_is_lost(&self) -> bool {
        self.prompt_is_lost
    }

    /// The name of a file for the listed messages as far as it is typed; `None` while it is not.
    pub(crate) fn file_name(&self) -> Option<&str> {
        self.file_name.is_typing().then(|| self.file_name.typed())
    }

    /// The time to go to as far as it is typed, and what is wrong with it; `None` while it is not being typed.
    pub(crate) fn moment(&self) -> Option<(&str, Option<&str>)> {
        let typed = self.moment.is_typing().then(|| self.moment.typed())?;
        Some((typed, self.moment_error.as_deref()))
    }

    /// The selected row of the table of consumers, which lists them as [`Self::consumer_list`] says.
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
        self.findings.row(self.finding_rows().into_iter(), 0)
    }

    /// The rows of findings, limits and events that are listed.
    pub(crate) fn finding_rows(&self) -> Vec<FindingsRow> {
        let frame = self.frame.as_ref();
        let rows = frame.map(|frame| findings_rows(frame, self.findings_filter.typed()));
        rows.unwrap_or_default()
    }

    /// What is looked for among findings, limits and events.
    pub(crate) fn findings_filter(&self) -> &str {
        self.findings_filter.typed()
    }

    /// Whether that is being typed.
    pub(crate) fn types_findings_filter(&self) -> bool {
        self.findings_filter.is_typing()
    }

    /// The messages that are listed, and the one that is read.
    pub(crate) fn message_list(&self) -> &MessageList {
        &self.message_list
    }
}
