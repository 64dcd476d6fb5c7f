//! What the key that copies takes: the text of what is selected.
//!
//! Decides; that it goes into the clipboard is an effect.

use super::App;
use crate::observe::model::LogRow;
use crate::ui::action::{Effect, FrontView, Pane};
use crate::ui::clipboard::Clip;
use crate::ui::consumer_list::label;
use crate::ui::findings_rows::FindingsRow;

impl App {
    /// Has what is selected copied, or says that there is nothing.
    pub(super) fn copy(&mut self) -> Option<Effect> {
        let clip = match self.front_view() {
            FrontView::Rings => {
                let id = &self.listing.rings.get(self.selected_ring()?)?.id;
                Some(Clip::line(id, "the ring's id"))
            }
            FrontView::Ring | FrontView::Message if self.help.is_none() => self.selected_text(),
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
            Pane::Findings => match *self.finding_rows().get(self.selected_finding()?)? {
                FindingsRow::Event(number) => {
                    let newer = usize::try_from(frame.events.newest() - number).ok()?;
                    let event = frame.events.back(newer)?;
                    Some(Clip::line(
                        &format!("{} {}", event.at, event.message),
                        "the event",
                    ))
                }
                FindingsRow::Standing(row) => match row.checked_sub(ring.findings.len()) {
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
