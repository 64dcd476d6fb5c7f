//! What keys do to the messages: search, filter, copy, save.
//!
//! Decides; what has to be done outside is an effect.

use super::App;
use crate::observe::model::{LogRow, Message};
use crate::ui::action::{Action, Effect, FrontView, Pane};
use crate::ui::clipboard::Clip;
use crate::ui::consumer_list::label;
use crate::ui::cursor::Movement;
use crate::ui::items::{Item, items};
use crate::ui::keys::Keymap;
use crate::ui::message_list::NotFound;
use crate::ui::viewport::{HexViewport, Viewport};

impl App {
    /// Whether the panes of the ring are in front, with something in them.
    fn has_panes(&self) -> bool {
        self.place() == FrontView::Ring && self.frame.is_some() && self.help.is_none()
    }

    /// Whether keys go to the messages, in the list or in the dump.
    pub(super) fn reads(&self) -> bool {
        self.place() == FrontView::Ring && matches!(self.focus(), Pane::Messages | Pane::Hex)
    }

    /// Does what only messages know.
    pub(super) fn read(&mut self, action: Action, room: Viewport) -> Option<Effect> {
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
                    .step_aside(action == Action::Right, room.hex());
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

    fn copy(&mut self) -> Option<Effect> {
        let clip = match self.place() {
            FrontView::Rings => {
                let id = &self.listing.rings.get(self.selected_ring()?)?.id;
                Some(Clip::line(id, "the ring's id"))
            }
            FrontView::Ring if self.help.is_none() => self.selected_text(),
            _ => None,
        };
        if clip.is_none() {
            self.said = Some("nothing to copy here".to_owned());
        }
        clip.map(Effect::Copy)
    }

    fn selected_text(&self) -> Option<Clip> {
        let frame = self.frame.as_ref()?;
        let ring = &frame.snapshot;
        match self.focus() {
            Pane::Consumers => {
                let place = self.selected_place()?;
                let consumer = ring.consumers.get(place)?;
                let mut line = format!("slot {}", label(consumer, place));
                line += &consumer
                    .command
                    .iter()
                    .map(|name| format!(" {name}"))
                    .collect::<String>();
                line += &consumer
                    .pid
                    .iter()
                    .map(|pid| format!(" (pid {pid})"))
                    .collect::<String>();
                line += &format!(": {}, {}", consumer.state.word(), consumer.reason);
                Some(Clip::line(&line, "the consumer"))
            }
            Pane::Findings => match items(frame).nth(self.selected_finding()?)? {
                Item::Event(number) => {
                    let newer = usize::try_from(frame.events.newest() - number).ok()?;
                    let event = frame.events.back(newer)?;
                    Some(Clip::line(
                        &format!("{} {}", event.at, event.message),
                        "the event",
                    ))
                }
                Item::Standing(row) => match row.checked_sub(ring.findings.len()) {
                    None => Some(Clip::line(&ring.findings[row].message, "the finding")),
                    Some(row) => {
                        let limit = ring.attach.limits.get(row)?;
                        Some(Clip::line(&limit.to_string(), "the limit"))
                    }
                },
            },
            Pane::Messages | Pane::Hex => match self.message_list.selected()? {
                LogRow::Message(message) => Some(Clip::payload(&message)),
                LogRow::Gap(gap) => Some(Clip::line(
                    &format!("{} to {}: {}", gap.from, gap.to, gap.why),
                    "the gap",
                )),
            },
        }
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
