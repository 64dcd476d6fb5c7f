//! What the user has done to the screen: which screen, which pane, which row, frozen or live.
//!
//! Owns no text, no colour and no terminal. [`App::apply`] changes the state and says what else is to be done; the loop
//! does it.

use std::time::Duration;

use jiff::Timestamp;

use super::cursor::{Cursor, Step};
use super::view::screen::Room;
use crate::observe::frame::{Frame, Listing, Message};
use crate::observe::snapshot::{Consumer, ConsumerState, RingSnapshot};

/// Sampling periods that `+` and `-` go through.
const PERIODS: [Duration; 9] = [
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// What a key asks for; the key table says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Quit,
    Help,
    NextPane,
    PreviousPane,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Live,
    Freeze,
    Faster,
    Slower,
    Open,
    List,
    Back,
    Suspend,
}

/// What the loop has to do because of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// End.
    Quit,
    /// Stop the process for a while.
    Suspend,
    /// Look for rings now.
    Look,
    /// Go over to this ring.
    Attach(String),
}

/// What fills the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    /// No ring yet.
    Waiting,
    /// The list of rings.
    Rings,
    /// One ring.
    Ring,
}

/// A part of the ring's screen that takes keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pane {
    /// The table of consumers.
    Consumers,
    /// Findings, limits and events.
    Findings,
    /// The newest messages.
    Messages,
    /// The bytes of the selected message.
    Hex,
}

/// The consumer to look at first: the one that holds the producer up if it is in any trouble. As long as all is well it
/// is the first row, since then the gate changes hands at every sample.
fn culprit(ring: &RingSnapshot) -> usize {
    let well = [
        ConsumerState::Ok,
        ConsumerState::Idle,
        ConsumerState::Parked,
    ];
    let gate = |consumer: &Consumer| {
        ring.gating_meta_inode == Some(consumer.meta_inode) && !well.contains(&consumer.state)
    };
    ring.consumers.iter().position(gate).unwrap_or(0)
}

/// What a row of the findings' pane is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    /// A finding or a limit, by its place: they come and go with what they are about.
    Standing(usize),
    /// An event, by its number: new ones come before it.
    Event(u64),
}

/// The rows of the findings' pane.
fn items(frame: &Frame) -> impl ExactSizeIterator<Item = Item> + Clone + use<> {
    let standing = frame.snapshot.findings.len() + frame.snapshot.attach.limits.len();
    let newest = frame.events.newest();
    (0..standing + frame.events.len()).map(move |row| match row.checked_sub(standing) {
        None => Item::Standing(row),
        Some(newer) => Item::Event(newest - newer as u64),
    })
}

/// The state of the dashboard.
pub(crate) struct App {
    screen: Screen,
    focus: Pane,
    interval: Duration,
    frozen: bool,
    help: Option<usize>,
    ring: Option<String>,
    frame: Option<Frame>,
    taken_at: Timestamp,
    listing: Listing,
    notice: Option<String>,
    rings: Cursor<String>,
    consumers: Cursor<u64>,
    findings: Cursor<Item>,
    message: Option<Message>,
    hex_row: usize,
}

impl App {
    /// With `ring`, that one is shown from the start; without, rings are looked for.
    pub(crate) fn new(interval: Duration, ring: Option<String>) -> Self {
        Self {
            screen: if ring.is_some() {
                Screen::Ring
            } else {
                Screen::Waiting
            },
            focus: Pane::Consumers,
            interval: interval.clamp(PERIODS[0], Duration::from_secs(3600)),
            frozen: false,
            help: None,
            ring,
            frame: None,
            taken_at: Timestamp::UNIX_EPOCH,
            listing: Listing::default(),
            notice: None,
            rings: Cursor::default(),
            consumers: Cursor::default(),
            findings: Cursor::default(),
            message: None,
            hex_row: 0,
        }
    }

    /// Takes a sample in; true when the screen has changed. A frozen screen does not.
    pub(crate) fn take_frame(&mut self, frame: Frame, at: Timestamp) -> bool {
        if self.frozen {
            return false;
        }
        self.frame = Some(frame);
        self.taken_at = at;
        true
    }

    /// Takes a list of rings in. Somebody who waits for a ring is shown the only one there is.
    pub(crate) fn take_listing(&mut self, listing: Listing) -> Option<Effect> {
        self.listing = listing;
        match (&self.listing.rings[..], self.screen) {
            ([], _) => self.screen = Screen::Waiting,
            ([only], Screen::Waiting) => return Some(Effect::Attach(only.id.clone())),
            _ => self.screen = Screen::Rings,
        }
        None
    }

    /// The source has gone over to the ring `id`.
    pub(crate) fn attached(&mut self, id: String) {
        if self.ring.as_ref() != Some(&id) {
            self.consumers = Cursor::default();
            self.findings = Cursor::default();
            self.message = None;
            self.hex_row = 0;
        }
        self.screen = Screen::Ring;
        self.frozen = false;
        self.frame = None;
        self.notice = None;
        self.ring = Some(id);
    }

    /// The source could not go over to the ring `id`.
    pub(crate) fn refused(&mut self, id: &str, why: &str) {
        self.screen = Screen::Rings;
        self.notice = Some(format!("{id}: {why}"));
    }

    /// The source has no ring any more; true when the screen has changed.
    pub(crate) fn detached(&mut self) -> bool {
        if self.frozen {
            return false;
        }
        self.ring = None;
        self.frame = None;
        self.screen = Screen::Waiting;
        true
    }

    /// Does what the user asked for, as far as it concerns the screen; the rest is returned.
    pub(crate) fn apply(&mut self, action: Action, room: Room) -> Option<Effect> {
        let page = room.rows.saturating_sub(1).max(1);
        match action {
            Action::Quit => return Some(Effect::Quit),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Help => self.help = if self.help.is_some() { None } else { Some(0) },
            Action::NextPane => self.turn(true),
            Action::PreviousPane => self.turn(false),
            Action::Up => self.step(Step::Up(1), room),
            Action::Down => self.step(Step::Down(1), room),
            Action::PageUp => self.step(Step::Up(page), room),
            Action::PageDown => self.step(Step::Down(page), room),
            Action::First => self.step(Step::First, room),
            Action::Last => self.step(Step::Last, room),
            Action::Live => {
                self.frozen = false;
                self.step(Step::Last, room);
            }
            Action::Freeze => {
                self.frozen = !self.frozen && self.screen == Screen::Ring && self.frame.is_some()
            }
            Action::Faster => self.change_period(true),
            Action::Slower => self.change_period(false),
            Action::Open => return self.open(),
            Action::List => return Some(self.list()),
            Action::Back => return self.back(),
        }
        None
    }

    fn open(&mut self) -> Option<Effect> {
        if self.screen != Screen::Rings || self.help.is_some() {
            return None;
        }
        let listing = &self.listing.rings[self.selected_ring()?];
        Some(Effect::Attach(listing.id.clone()))
    }

    fn list(&mut self) -> Effect {
        self.help = None;
        self.notice = None;
        self.rings = Cursor {
            key: self.ring.clone(),
            row: self.rings.row,
        };
        self.screen = Screen::Rings;
        Effect::Look
    }

    fn back(&mut self) -> Option<Effect> {
        if self.help.take().is_some() {
            return None;
        }
        if self.screen == Screen::Ring {
            return Some(self.list());
        }
        if self.ring.is_some() {
            self.screen = Screen::Ring;
            return Some(Effect::Look);
        }
        None
    }

    fn turn(&mut self, forward: bool) {
        let panes: &[Pane] = if self.has_findings() {
            &[Pane::Consumers, Pane::Findings, Pane::Messages, Pane::Hex]
        } else {
            &[Pane::Consumers, Pane::Messages, Pane::Hex]
        };
        let at = panes
            .iter()
            .position(|pane| *pane == self.focus())
            .unwrap_or(0);
        let by = if forward { 1 } else { panes.len() - 1 };
        self.focus = panes[(at + by) % panes.len()];
    }

    fn step(&mut self, step: Step, room: Room) {
        if let Some(row) = self.help {
            self.help = Some(step.from(row, room.last_top));
            return;
        }
        if self.screen == Screen::Rings {
            let keys = self.listing.rings.iter().map(|ring| ring.id.clone());
            self.rings.step(step, keys, 0);
        }
        let (Screen::Ring, Some(frame)) = (self.screen, &self.frame) else {
            return;
        };
        match self.focus() {
            Pane::Consumers => {
                let ring = &frame.snapshot;
                let keys = ring.consumers.iter().map(|consumer| consumer.meta_inode);
                self.consumers.step(step, keys, culprit(ring));
            }
            Pane::Findings => {
                self.findings.step(step, items(frame), 0);
            }
            Pane::Messages => self.step_message(step),
            Pane::Hex => self.hex_row = step.from(self.hex_row.min(room.last_top), room.last_top),
        }
    }

    fn step_message(&mut self, step: Step) {
        let Some(frame) = &self.frame else { return };
        let Some(last) = frame.messages.len().checked_sub(1) else {
            return;
        };
        let to = match (&self.message, self.message_row()) {
            // The kept message stands above the oldest one that there is.
            (Some(_), None) => match step {
                Step::Up(_) => return,
                Step::Down(rows) => step.from(0, last).min(rows - 1),
                Step::First | Step::Last => step.from(0, last),
            },
            (_, row) => step.from(row.unwrap_or(last), last),
        };
        // On the newest, the selection goes along with what comes.
        self.message = (to < last).then(|| frame.messages[to].clone());
        self.hex_row = 0;
    }

    fn change_period(&mut self, faster: bool) {
        let next = if faster {
            PERIODS.iter().rev().find(|period| **period < self.interval)
        } else {
            PERIODS.iter().find(|period| **period > self.interval)
        };
        self.interval = next.copied().unwrap_or(self.interval);
    }

    fn has_findings(&self) -> bool {
        self.frame.as_ref().is_some_and(|frame| {
            !frame.snapshot.findings.is_empty()
                || !frame.snapshot.attach.limits.is_empty()
                || !frame.events.is_empty()
        })
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

    /// The selected row of the table of consumers.
    pub(crate) fn selected_consumer(&self) -> Option<usize> {
        let ring = &self.frame.as_ref()?.snapshot;
        self.consumers.row(
            ring.consumers.iter().map(|consumer| consumer.meta_inode),
            culprit(ring),
        )
    }

    /// The selected row of findings, limits and events, the newest event first.
    pub(crate) fn selected_finding(&self) -> Option<usize> {
        self.findings.row(items(self.frame.as_ref()?), 0)
    }

    /// The selected message: a copy where the user chose one, else the newest.
    pub(crate) fn selected_message(&self) -> Option<&Message> {
        self.message
            .as_ref()
            .or_else(|| self.frame.as_ref()?.messages.last())
    }

    /// Whether the selected message is the newest, whichever that is.
    pub(crate) fn follows(&self) -> bool {
        self.message.is_none()
    }

    /// The selected message's place among the frame's; `None` when it is no longer there.
    pub(crate) fn message_row(&self) -> Option<usize> {
        let messages = &self.frame.as_ref()?.messages;
        match &self.message {
            None => messages.len().checked_sub(1),
            Some(kept) => messages
                .iter()
                .position(|message| message.offset == kept.offset),
        }
    }

    /// The first row of the hex dump that is shown, if there are that many.
    pub(crate) fn hex_row(&self) -> usize {
        self.hex_row
    }
}
