//! What keys do to the messages: search, filter, save.
//!
//! Decides; what has to be done outside is an effect.

use super::App;
use crate::observe::model::{
    Export, ExportedRow, LogRow, Message, MessageLog, SearchProgress, SearchRequest,
};
use crate::ui::action::{Action, Effect, FrontView, Pane, Screen};
use crate::ui::cursor::Movement;
use crate::ui::keys::Keymap;
use crate::ui::message_list::{Lacking, NotFound};
use crate::ui::viewport::{HexViewport, Viewport};

impl App {
    /// Whether the panes of the ring are in front, with something in them.
    fn has_panes(&self) -> bool {
        matches!(self.front_view(), FrontView::Ring | FrontView::Message)
            && self.frame.is_some()
            && self.help.is_none()
    }

    /// Whether keys go to the messages, in the list or in the dump.
    pub(super) fn reads(&self) -> bool {
        match self.front_view() {
            FrontView::Message => true,
            FrontView::Ring => matches!(self.focus(), Pane::Messages | Pane::Hex),
            FrontView::Waiting | FrontView::Rings | FrontView::Details => false,
        }
    }

    /// Does what only messages know.
    pub(super) fn read(&mut self, action: Action, viewport: Viewport) -> Option<Effect> {
        let Some(frame) = self.frame.as_ref().filter(|_| self.has_panes()) else {
            return (action == Action::Copy).then(|| self.copy()).flatten();
        };
        match action {
            Action::Next | Action::Previous => {
                let sought = self.message_list.seek(action == Action::Next);
                self.said = sought.err().map(|why| not_found(why, &self.keymap));
                if self.message_list.found().is_some() {
                    self.turn_to_messages();
                }
                return sought.ok().flatten().map(Effect::Around);
            }
            Action::Only => {
                let wanted = self.message_list.toggle_only(&frame.messages);
                self.turn_to_messages();
                return wanted.map(Effect::Around);
            }
            Action::Follow => self.message_list.toggle_follow(&frame.messages),
            Action::Left | Action::Right if self.reads_message => {
                let step = match action {
                    Action::Left => Movement::Up(1),
                    _ => Movement::Down(1),
                };
                let wanted = self.message_list.step(step, &frame.messages);
                self.message_list.hold_still();
                return wanted.map(Effect::Around);
            }
            Action::Left | Action::Right if self.focus() == Pane::Hex => {
                self.message_list
                    .step_aside(action == Action::Right, viewport.hex());
            }
            Action::Save | Action::SaveAll if !self.reads() => {
                self.said = Some("no message is selected here".to_owned());
            }
            Action::SaveAll if self.message_list.len() > 0 => {
                let ring = &frame.snapshot;
                let command = ring.producer.command.as_deref().unwrap_or("ring");
                let plain =
                    |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | '_' | '-');
                let command = command.replace(|one| !plain(one), "-");
                let (pid, head) = (ring.producer.pid, ring.control.producer_head);
                self.file_name
                    .begin_with(&format!("zbqtop-{command}-{pid}-{head}-messages.mcap"));
            }
            Action::SaveAll => self.said = Some("no message is listed".to_owned()),
            Action::Save => return self.save(),
            Action::Copy => return self.copy(),
            _ => {}
        }
        None
    }

    fn turn_to_messages(&mut self) {
        if !self.reads() {
            self.focus = Pane::Messages;
        }
    }

    /// What the ring is to be searched for, if for anything; a screen that stands still is searched up to what it shows.
    pub(crate) fn search_request(&self) -> Option<SearchRequest> {
        let frame = self.frame.as_ref().filter(|_| self.frozen);
        let shown = frame.map(|frame| frame.snapshot.control.producer_head);
        self.message_list.request(shown)
    }

    /// Whether the search through the ring has something to do.
    pub(crate) fn is_search_due(&self) -> bool {
        self.screen == Screen::Ring && self.frame.is_some() && self.message_list.is_due()
    }

    /// Takes in how far the search through the ring has come.
    pub(crate) fn take_progress(&mut self, progress: Option<SearchProgress>) -> Option<Effect> {
        let frame = self.frame.as_ref()?;
        let wanted = self.message_list.take_progress(progress, &frame.messages)?;
        self.said = None;
        Some(Effect::Around(wanted))
    }

    /// Takes in the messages around the one at `offset`.
    pub(crate) fn take_around(&mut self, offset: u64, around: Option<&MessageLog>) {
        let Some(frame) = &self.frame else {
            return;
        };
        let lacking = self
            .message_list
            .take_around(offset, around, &frame.messages);
        if self.reads_message {
            self.message_list.hold_still();
        }
        match lacking {
            None => self.said = None,
            Some(Lacking::Older) => self.say("nothing older can be read".to_owned()),
            Some(Lacking::Neighbours) => {
                self.say("it is no longer in the ring: only the matches are listed".to_owned());
            }
        }
    }

    /// Moves through the bytes of the selected message.
    pub(super) fn step_bytes(&mut self, step: Movement, hex: HexViewport) {
        self.message_list.step_bytes(step, hex);
    }

    /// The listed messages, for the file of that name.
    pub(crate) fn export(&self, name: String) -> Option<Export> {
        let list = &self.message_list;
        let rows = (0..list.len()).filter_map(|place| {
            Some(match list.row(place)? {
                LogRow::Message(message) => ExportedRow::Message(message.into()),
                LogRow::Gap(gap) => ExportedRow::Gap(gap.clone()),
            })
        });
        Some(Export {
            path: name.into(),
            rows: rows.collect(),
            ring: Box::new(self.frame.as_ref()?.snapshot.clone()),
        })
    }

    fn save(&mut self) -> Option<Effect> {
        let Some(message) = self.message_list.message() else {
            self.said = Some("no message is selected".to_owned());
            return None;
        };
        Some(Effect::Save(Box::new(Message::from(message))))
    }
}

fn not_found(why: NotFound, keymap: &Keymap) -> String {
    match (why, keymap.key(Action::Filter)) {
        (NotFound::NothingSought, Some(key)) => {
            format!("no search: press {key} in the messages pane to start one")
        }
        (NotFound::NothingSought, None) => "no search".to_owned(),
        (NotFound::NoNewer, _) => "no newer match".to_owned(),
        (NotFound::NoOlder, _) => "no older match".to_owned(),
        (NotFound::NotKept, _) => "older matches were found, but are not kept".to_owned(),
        (NotFound::Searching, _) => "none so far: the ring is still being searched".to_owned(),
    }
}
