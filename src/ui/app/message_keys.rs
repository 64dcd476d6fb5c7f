//! What keys do to the messages: search, filter, save.
//!
//! Decides; what has to be done outside is an effect.

use super::App;
use crate::observe::model::Message;
use crate::ui::action::{Action, Effect, FrontView, Pane};
use crate::ui::cursor::Movement;
use crate::ui::keys::Keymap;
use crate::ui::message_list::NotFound;
use crate::ui::viewport::{HexViewport, Viewport};

impl App {
    /// Whether the panes of the ring are in front, with something in them.
    fn has_panes(&self) -> bool {
        self.front_view() == FrontView::Ring && self.frame.is_some() && self.help.is_none()
    }

    /// Whether keys go to the messages, in the list or in the dump.
    pub(super) fn reads(&self) -> bool {
        self.front_view() == FrontView::Ring && matches!(self.focus(), Pane::Messages | Pane::Hex)
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
            }
            Action::Only => {
                self.message_list.toggle_only();
                self.turn_to_messages();
            }
            Action::Follow => self.message_list.toggle_follow(&frame.messages),
            Action::Left | Action::Right if self.focus() == Pane::Hex => {
                self.message_list
                    .step_aside(action == Action::Right, viewport.hex());
            }
            Action::Save if !self.reads() => {
                self.said = Some("no message is selected here".to_owned());
            }
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

    /// Moves through the bytes of the selected message.
    pub(super) fn step_bytes(&mut self, step: Movement, hex: HexViewport) {
        self.message_list.step_bytes(step, hex);
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
            format!("nothing is looked for: {key} in the messages' pane begins")
        }
        (NotFound::NothingSought, None) => "nothing is looked for".to_owned(),
        (NotFound::NoNewer, _) => "no newer match".to_owned(),
        (NotFound::NoOlder, _) => "no older match".to_owned(),
    }
}
