//! What the pointer does, on the screen that was drawn last.

use std::time::{Duration, Instant};

use super::App;
use crate::ui::action::{FrontView, Screen};
use crate::ui::findings_rows::findings_rows;
use crate::ui::hit_map::{HitMap, List, Spot};

/// Two clicks on the same thing within this time are one double click.
const DOUBLE_CLICK: Duration = Duration::from_millis(400);

impl App {
    /// Takes over from what row on each list was shown: a selection then moves inside of what is in sight.
    pub(crate) fn drawn(&mut self, hit_map: &HitMap) {
        for &(list, top) in hit_map.tops() {
            match list {
                List::Rings => self.rings.shown_from(top),
                List::Consumers => self.consumers.shown_from(top),
                List::Findings => self.findings.top = top,
                List::Messages => self.messages_top = top,
            }
        }
    }

    /// Whether a click on `spot` at this time is the second one there.
    pub(crate) fn is_double_click(&mut self, spot: &Spot, at: Instant) -> bool {
        let before = self.clicked.take();
        let is_second = before.is_some_and(|(other, before)| {
            other == *spot && at.saturating_duration_since(before) < DOUBLE_CLICK
        });
        self.clicked = (!is_second).then(|| (spot.clone(), at));
        is_second
    }

    /// Does what a click on `spot` asks for.
    pub(crate) fn click(&mut self, spot: &Spot) {
        if self.help.is_some() {
            return;
        }
        if self.screen == Screen::Rings {
            match spot {
                Spot::Ring(id) => self.rings.select(id.clone(), &self.listing),
                Spot::RingTitle(field) => {
                    self.rings.sort_by(*field);
                    self.rings.follow(&self.listing);
                }
                _ => {}
            }
        }
        let (FrontView::Ring, Some(frame)) = (self.front_view(), &self.frame) else {
            return;
        };
        match spot {
            Spot::Consumer(inode) => self.consumers.select(*inode, &frame.snapshot),
            Spot::Title(field) => self.arrange(|consumers| consumers.sort_by(*field)),
            Spot::Finding(item) => {
                let rows = findings_rows(frame, self.findings_filter.typed());
                self.findings.select(*item, rows.into_iter());
            }
            Spot::Message(row) => self.message_list.select(*row),
            Spot::Pane(_)
            | Spot::Ring(_)
            | Spot::RingTitle(_)
            | Spot::Front
            | Spot::Key(_)
            | Spot::Edit(_) => {}
        }
        self.focus = spot.pane().unwrap_or(self.focus);
    }
}
