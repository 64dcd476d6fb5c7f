//! What Enter does: a ring is shown, a consumer looked at closely; a finding or an event leads to whom it is about.

use jiff::Timestamp;

use super::App;
use crate::observe::model::{Moment, Seek};
use crate::ui::action::{Effect, FrontView, Pane, Screen};
use crate::ui::details::Details;
use crate::ui::findings_rows::FindingsRow;

impl App {
    /// Opens what is selected.
    pub(super) fn open(&mut self) -> Option<Effect> {
        if self.help.is_some() {
            return None;
        }
        if self.front_view() == FrontView::Ring && self.focus() == Pane::Findings {
            return self.open_finding();
        }
        if self.front_view() == FrontView::Ring && self.focus() == Pane::Consumers {
            self.details = self.selected_place().and_then(|place| {
                let frame = self.frame.as_ref()?;
                Details::of(frame, place, self.taken_at)
            });
        }
        if self.reads() && self.message_list.selected().is_some() {
            self.reads_message = true;
            self.message_list.hold_still();
        }
        if self.screen != Screen::Rings {
            return None;
        }
        let place = self.selected_ring()?;
        Some(Effect::Attach(self.listing.rings[place].id.clone()))
    }

    /// Goes to the consumer that the selected finding or event is about, and in a recording to the time of the event.
    fn open_finding(&mut self) -> Option<Effect> {
        let frame = self.frame.as_ref()?;
        let row = *self.finding_rows().get(self.selected_finding()?)?;
        let (slot, pid, at) = match row {
            FindingsRow::Standing(place) => {
                let finding = frame.snapshot.findings.get(place)?;
                (finding.slot, finding.pid, None)
            }
            FindingsRow::Event(number) => {
                let newer = usize::try_from(frame.events.newest() - number).ok()?;
                let event = frame.events.back(newer)?;
                (event.slot, event.pid, event.at.parse::<Timestamp>().ok())
            }
        };
        let consumers = || frame.snapshot.consumers.iter();
        let in_slot = consumers().find(|one| slot.is_some() && one.slot == slot);
        let of_pid = || consumers().find(|one| pid.is_some() && one.pid == pid);
        if let Some(consumer) = in_slot.or_else(of_pid) {
            self.consumers.select(consumer.meta_inode, &frame.snapshot);
            self.focus = Pane::Consumers;
        }
        let at = at.and_then(|at| u64::try_from(at.as_nanosecond()).ok());
        self.seek(Seek::To(Moment::At(at?)))
    }
}
