//! From pane to pane and from row to row.

use super::App;
use crate::ui::action::{Effect, Pane, Screen};
use crate::ui::cursor::Movement;
use crate::ui::findings_rows::findings_rows;
use crate::ui::viewport::Viewport;

impl App {
    pub(super) fn turn(&mut self, forward: bool) {
        if self.details.is_some() {
            return;
        }
        let panes = Pane::ALL;
        let at = panes
            .iter()
            .position(|pane| *pane == self.focus())
            .unwrap_or(0);
        let by = if forward { 1 } else { panes.len() - 1 };
        self.focus = panes[(at + by) % panes.len()];
    }

    pub(super) fn turn_to(&mut self, pane: Pane) {
        if self.screen == Screen::Ring && self.help.is_none() {
            self.details = None;
            self.reads_message = false;
            self.focus = pane;
        }
    }

    pub(super) fn step(&mut self, step: Movement, viewport: Viewport) -> Option<Effect> {
        if let Some(row) = self.help {
            self.help = Some(step.from(row, viewport.last_top));
            return None;
        }
        if self.screen == Screen::Rings {
            self.rings.step(step, &self.listing);
        }
        let (Screen::Ring, Some(frame)) = (self.screen, &self.frame) else {
            return None;
        };
        if let Some(details) = &mut self.details {
            details.scroll(step, viewport.last_top);
            return None;
        }
        if self.reads_message {
            self.step_bytes(step, viewport.hex());
            return None;
        }
        match self.focus() {
            Pane::Consumers => self.consumers.step(step, &frame.snapshot),
            Pane::Findings => {
                let rows = findings_rows(frame, self.findings_filter.typed());
                self.findings.step(step, rows.into_iter(), 0);
            }
            Pane::Messages => {
                let wanted = self.message_list.step(step, &frame.messages);
                return wanted.map(Effect::Around);
            }
            Pane::Hex => self.step_bytes(step, viewport.hex()),
        }
        None
    }
}
