//! What the user has done to the screen: which screen, which pane, which row, frozen or live.
//!
//! Owns no text, no colour and no terminal. [`App::apply`] changes the state and says what else is to be done; the loop
//! does it.

mod copy;
mod leaving;
mod message_keys;
mod moving;
mod opening;
mod pointer;
mod queries;
mod typing;

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::action::{Action, Effect, FrontView, Pane, Screen};
use super::consumer_field::ConsumerField;
use super::consumer_list::ConsumerList;
use super::cursor::{Cursor, Movement};
use super::details::Details;
use super::findings_rows::FindingsRow;
use super::hit_map::Spot;
use super::interval;
use super::keys::Keymap;
use super::message_list::MessageList;
use super::prompt::{Edit, Prompt};
use super::ring_list::RingList;
use super::time_span::TimeSpan;
use super::viewport::Viewport;
use crate::decode::{DecodeRules, rule_for};
use crate::observe::model::{Frame, Listing, Seek, SourceAction};

/// The state of the dashboard.
pub(crate) struct App {
    screen: Screen,
    focus: Pane,
    interval: Duration,
    /// How far back charts reach, if the user has said so.
    chosen_span: Option<TimeSpan>,
    frozen: bool,
    help: Option<usize>,
    ring: Option<String>,
    frame: Option<Frame>,
    taken_at: Timestamp,
    listing: Listing,
    notice: Option<String>,
    /// How long a look takes, of late.
    looks_take: Duration,
    /// The source has been looking for so long that it has to be told.
    looks_long: bool,
    /// It has looked for rings and not found the one to show.
    has_looked: bool,
    /// What came of the last key, until the next.
    said: Option<String>,
    rings: RingList,
    consumers: ConsumerList,
    details: Option<Details>,
    findings: Cursor<FindingsRow>,
    /// What is looked for among findings, limits and events.
    findings_filter: Prompt<40>,
    message_list: MessageList,
    /// The first message that is shown.
    messages_top: usize,
    /// The selected message has the whole screen.
    reads_message: bool,
    /// The pane that has the keys has the room of all.
    is_zoomed: bool,
    /// The most consumers that the ring has had at once: their pane does not shrink.
    most_consumers: usize,
    /// The name of a file for the listed messages, while it is being typed.
    file_name: Prompt<200>,
    /// The time to go to, while it is being typed.
    moment: Prompt<40>,
    /// What is wrong with it.
    moment_error: Option<String>,
    /// Something was being typed when what it was for went.
    prompt_is_lost: bool,
    /// The last key would have quit, and it was said what that gives up.
    is_warned: bool,
    /// The last key would have left the ring for the list.
    asks_to_leave: bool,
    /// Inode of the control region of the ring that was shown last: its identity.
    ctrl_inode: Option<u64>,
    /// What was clicked last, and when.
    clicked: Option<(Spot, Instant)>,
    keymap: Keymap,
    mouse: bool,
    /// Rings come out of recordings.
    plays: bool,
    /// How payloads are decoded.
    decoding: DecodeRules,
}

/// What counts of a look that took longer.
const LONGEST_LOOK: Duration = Duration::from_millis(100);

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
            interval: interval::within_reason(interval),
            chosen_span: None,
            frozen: false,
            help: None,
            ring,
            frame: None,
            taken_at: Timestamp::UNIX_EPOCH,
            listing: Listing::default(),
            notice: None,
            looks_take: Duration::ZERO,
            looks_long: false,
            has_looked: false,
            said: None,
            rings: RingList::default(),
            consumers: ConsumerList::default(),
            details: None,
            findings: Cursor::default(),
            findings_filter: Prompt::default(),
            message_list: MessageList::default(),
            messages_top: 0,
            reads_message: false,
            is_zoomed: false,
            most_consumers: 0,
            file_name: Prompt::default(),
            moment: Prompt::default(),
            moment_error: None,
            prompt_is_lost: false,
            is_warned: false,
            asks_to_leave: false,
            ctrl_inode: None,
            clicked: None,
            keymap: Keymap::default(),
            mouse: true,
            plays: false,
            decoding: DecodeRules::default(),
        }
    }

    /// With the keys and the columns that the user wants, and with a mouse or without.
    pub(crate) fn wanting(
        mut self,
        keymap: Keymap,
        columns: Vec<ConsumerField>,
        mouse: bool,
    ) -> Self {
        self.keymap = keymap;
        self.consumers = ConsumerList::with_columns(columns);
        self.mouse = mouse;
        self
    }

    /// Payloads are decoded by these rules.
    pub(crate) fn decoding(mut self, rules: DecodeRules) -> Self {
        self.decoding = rules;
        self
    }

    /// Rings come out of recordings.
    pub(crate) fn of_recordings(mut self) -> Self {
        self.plays = true;
        self
    }

    /// Takes a sample in; true when the screen has changed. A frozen screen does not.
    pub(crate) fn take_frame(&mut self, frame: Frame, at: Timestamp) -> bool {
        if self.frozen {
            // How far files have come that are written meanwhile is not what stands still.
            if let Some(shown) = &mut self.frame {
                (shown.dump, shown.recording) = (frame.dump, frame.recording);
            }
            self.message_list.look_on();
            return self.message_list.search_on();
        }
        let before = self.ctrl_inode.replace(frame.snapshot.ctrl_inode);
        if before.is_some_and(|before| before != frame.snapshot.ctrl_inode) {
            self.begin_anew();
            self.ring = Some(frame.snapshot.id.clone());
        }
        self.consumers.follow(&frame.snapshot);
        self.most_consumers = self.most_consumers.max(frame.snapshot.consumers.len());
        let producer = &frame.snapshot.producer;
        let sockets = producer.sockets.as_deref().unwrap_or_default();
        let rule = rule_for(&self.decoding, producer.command.as_deref(), sockets);
        if let Err(why) = self.message_list.decode_by(rule.map(|rule| &rule.spec)) {
            self.said = Some(format!("payloads are not decoded: {why}"));
        }
        self.message_list.take(&frame.messages);
        // Of a recording it was taken when it was recorded.
        let recorded = frame.timeline.as_ref().map(|timeline| timeline.at_ns);
        let recorded = recorded.and_then(|at| Timestamp::from_nanosecond(at.into()).ok());
        self.taken_at = recorded.unwrap_or(at);
        if let Some(details) = &mut self.details {
            details.take_frame(&frame, self.taken_at);
        }
        self.frame = Some(frame);
        true
    }

    /// Takes in whether the source takes long; true when the screen has changed.
    pub(crate) fn look_lasts(&mut self, long: bool) -> bool {
        std::mem::replace(&mut self.looks_long, long) != long
    }

    /// Takes in how long a look at the ring took.
    pub(crate) fn look_took(&mut self, took: Duration) {
        // What was held up, or stopped, says nothing of what the next one takes.
        self.looks_take = (self.looks_take * 7 + took.min(LONGEST_LOOK)) / 8;
    }

    /// Takes a list of rings in. Somebody who waits for a ring is shown the only one there is.
    pub(crate) fn take_listing(&mut self, listing: Listing) -> Option<Effect> {
        // The same once more is no other sample.
        if self.listing != listing {
            self.rings.note_rates(&listing);
        }
        self.listing = listing;
        self.rings.follow(&self.listing);
        match (&self.listing.rings[..], self.screen) {
            // Who came from a ring can go back to it.
            ([], _) if self.ring.is_none() => {
                self.screen = Screen::Waiting;
            }
            // What has ended is listed; it is not what somebody waits for.
            ([only], Screen::Waiting) if only.through.is_none() => {
                return Some(Effect::Attach(only.id.clone()));
            }
            _ => self.screen = Screen::Rings,
        }
        self.has_looked = true;
        None
    }

    /// The source has gone over to the ring `id`.
    pub(crate) fn attached(&mut self, id: String) {
        if self.ring.as_ref() != Some(&id) {
            self.begin_anew();
            self.ctrl_inode = None;
        }
        self.lose_prompt();
        self.screen = Screen::Ring;
        self.frozen = false;
        self.frame = None;
        self.notice = None;
        self.ring = Some(id);
    }

    /// Another ring is shown from now on.
    fn begin_anew(&mut self) {
        self.lose_prompt();
        self.consumers.renew();
        self.details = None;
        self.reads_message = false;
        self.most_consumers = 0;
        self.is_warned = false;
        self.findings = Cursor::default();
        self.findings_filter.edit(Edit::Clear);
        self.message_list.renew();
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
        self.lose_prompt();
        self.details = None;
        self.reads_message = false;
        self.ring = None;
        self.frame = None;
        self.screen = Screen::Waiting;
        true
    }

    /// Does what the user asked for, as far as it concerns the screen; the rest is returned.
    pub(crate) fn apply(&mut self, action: Action, viewport: Viewport) -> Option<Effect> {
        let page = viewport.rows.saturating_sub(1).max(1);
        self.said = None;
        let was_asked = std::mem::take(&mut self.asks_to_leave);
        let was_warned = std::mem::take(&mut self.is_warned);
        match action {
            Action::Quit => return self.quit(was_warned),
            Action::Redraw => return Some(Effect::Redraw),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Help => self.help = if self.help.is_some() { None } else { Some(0) },
            Action::NextPane if self.reads_message => {
                self.message_list.step_field(true, viewport.hex());
            }
            Action::PreviousPane if self.reads_message => {
                self.message_list.step_field(false, viewport.hex());
            }
            Action::NextPane => self.turn(true),
            Action::PreviousPane => self.turn(false),
            Action::Zoom => self.is_zoomed = !self.is_zoomed,
            Action::Pane(pane) => self.turn_to(pane),
            Action::Up => return self.step(Movement::Up(1), viewport),
            Action::Down => return self.step(Movement::Down(1), viewport),
            Action::PageUp => return self.step(Movement::Up(page), viewport),
            Action::PageDown => return self.step(Movement::Down(page), viewport),
            Action::HalfUp => return self.step(Movement::Up(page.div_ceil(2)), viewport),
            Action::HalfDown => return self.step(Movement::Down(page.div_ceil(2)), viewport),
            Action::First => return self.step(Movement::First, viewport),
            Action::Last => return self.step(Movement::Last, viewport),
            Action::Live => {
                let searches = self.go_live();
                let _ = self.step(Movement::Last, viewport);
                return self.seek(Seek::End).or(searches);
            }
            Action::Freeze if self.is_recorded() => return self.seek(Seek::Toggle),
            Action::NextSample => return self.seek(Seek::NextSample),
            Action::PreviousSample => return self.seek(Seek::PreviousSample),
            Action::NextEvent => return self.seek(Seek::NextEvent),
            Action::PreviousEvent => return self.seek(Seek::PreviousEvent),
            Action::PlayFaster => return self.seek(Seek::Faster),
            Action::PlaySlower => return self.seek(Seek::Slower),
            Action::GoTo if self.is_recorded() => self.moment.begin(),
            Action::GoTo => {}
            Action::Dump => return self.ask_source(SourceAction::Dump),
            Action::Record => return self.ask_source(SourceAction::Record),
            Action::Freeze if self.frozen => return self.go_live(),
            Action::Freeze => self.frozen = self.screen == Screen::Ring && self.frame.is_some(),
            Action::Faster => self.interval = interval::faster(self.interval),
            Action::Slower => self.interval = interval::slower(self.interval),
            Action::ShorterTime => self.choose_span(TimeSpan::shorter),
            Action::LongerTime => self.choose_span(TimeSpan::longer),
            Action::Sort => self.arrange_rows(
                |rings| rings.sort_by_next(true),
                |consumers| consumers.sort_by_next(true),
            ),
            Action::SortBack => self.arrange_rows(
                |rings| rings.sort_by_next(false),
                |consumers| consumers.sort_by_next(false),
            ),
            Action::Reverse => self.arrange_rows(RingList::reverse, ConsumerList::reverse),
            Action::Filter => self.begin_filter(),
            Action::Only
            | Action::Next
            | Action::Previous
            | Action::Follow
            | Action::Left
            | Action::Right
            | Action::Save
            | Action::SaveAll
            | Action::Copy => return self.read(action, viewport),
            Action::Open => return self.open(),
            Action::List => return Some(self.list()),
            Action::Back => return self.back(was_asked),
        }
        None
    }

    /// The screen stands still no more. A search that ended where it stood goes on.
    fn go_live(&mut self) -> Option<Effect> {
        let was_frozen = std::mem::take(&mut self.frozen);
        (was_frozen && self.message_list.ask_again()).then_some(Effect::Search)
    }

    /// Changes how far back charts reach. What they would show of themselves is no choice: they go on to choose by
    /// themselves.
    fn choose_span(&mut self, step: impl Fn(TimeSpan) -> TimeSpan) {
        let Some(frame) = &self.frame else {
            return;
        };
        if self.screen != Screen::Ring || self.help.is_some() {
            return;
        }
        let automatic = TimeSpan::of_recent(frame);
        let span = step(self.chosen_span.unwrap_or(automatic));
        self.chosen_span = (span != automatic).then_some(span);
        self.say(match self.chosen_span {
            Some(span) => format!("time axis: {}", span.word()),
            None => format!("time axis: automatic, up to {}", span.word()),
        });
    }

    /// Changes order or filter of the consumers; the selection stays on its consumer.
    fn arrange(&mut self, change: impl FnOnce(&mut ConsumerList)) {
        if let (FrontView::Ring, Some(frame)) = (self.front_view(), &self.frame) {
            change(&mut self.consumers);
            self.consumers.follow(&frame.snapshot);
        }
    }

    /// Changes order or filter of the list that is in front.
    fn arrange_rows(
        &mut self,
        rings: impl FnOnce(&mut RingList),
        consumers: impl FnOnce(&mut ConsumerList),
    ) {
        if self.front_view() == FrontView::Rings && self.help.is_none() {
            rings(&mut self.rings);
            self.rings.follow(&self.listing);
        } else {
            self.arrange(consumers);
        }
    }

    /// Whether what is shown is a recording.
    pub(crate) fn is_recorded(&self) -> bool {
        let frame = self.frame.as_ref();
        self.screen == Screen::Ring && frame.is_some_and(|frame| frame.timeline.is_some())
    }

    /// Goes elsewhere in a recording; of a ring that is watched now nothing is to be done.
    fn seek(&mut self, seek: Seek) -> Option<Effect> {
        if !self.is_recorded() {
            return None;
        }
        self.frozen = false;
        Some(Effect::Act(SourceAction::Seek(seek)))
    }

    fn ask_source(&mut self, action: SourceAction) -> Option<Effect> {
        let shown = self.screen == Screen::Ring && self.frame.is_some();
        shown.then_some(Effect::Act(action))
    }
}
