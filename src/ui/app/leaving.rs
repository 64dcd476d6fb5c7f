//! Going back: out of what is in front, from the ring to the list, and out of the program. What would be lost is said first.

use super::App;
use crate::observe::model::{Method, RingState};
use crate::ui::action::{Action, Effect, Pane, Screen};
use crate::ui::prompt::Edit;

impl App {
    /// Ends, unless there is something to be said first.
    pub(super) fn quit(&mut self, was_warned: bool) -> Option<Effect> {
        let key = |action| self.keymap.key(action).unwrap_or_default();
        let [quit, dump] = [Action::Quit, Action::Dump].map(key);
        let lost = if was_warned {
            None
        } else if self.writes_dump() {
            Some(format!("a dump is being written: {quit} again gives it up"))
        } else {
            self.holds_last_bytes().then(|| {
                format!(
                    "nobody else holds the bytes of this ring: {quit} again gives them up, {dump} dumps them first"
                )
            })
        };
        let Some(lost) = lost else {
            return Some(Effect::Quit);
        };
        self.is_warned = true;
        self.say(lost);
        None
    }

    fn writes_dump(&self) -> bool {
        let frame = self.frame.as_ref();
        frame.is_some_and(|frame| frame.dump.is_some())
    }

    /// Whether the memory of a ring that is over goes with the dashboard.
    fn holds_last_bytes(&self) -> bool {
        let ring = self.frame.as_ref().map(|frame| &frame.snapshot);
        ring.is_some_and(|ring| {
            let mut consumers = ring.consumers.iter();
            ring.attach.method != Method::File
                && matches!(ring.state, RingState::ProducerGone | RingState::Ended)
                && consumers.all(|consumer| consumer.alive == Some(false))
        })
    }

    pub(super) fn list(&mut self) -> Effect {
        self.help = None;
        self.notice = None;
        self.rings.prefer(self.ring.as_deref());
        self.screen = Screen::Rings;
        Effect::Look
    }

    /// Closes what is in front. The ring is left for the list only once that `was_asked`.
    pub(super) fn back(&mut self, was_asked: bool) -> Option<Effect> {
        if self.help.take().is_some() {
            return None;
        }
        if self.screen == Screen::Ring {
            if self.details.take().is_some()
                || std::mem::take(&mut self.reads_message)
                || std::mem::take(&mut self.is_zoomed)
            {
                return None;
            }
            if self.reads() && !self.message_list.typed().is_empty() {
                let newest = self.frame.as_ref().map(|frame| &frame.messages);
                let newest = newest.cloned().unwrap_or_default();
                self.message_list.edit(Edit::Clear, &newest);
                return Some(Effect::Search);
            }
            if self.focus() == Pane::Findings && !self.findings_filter.typed().is_empty() {
                self.findings_filter.edit(Edit::Clear);
                return None;
            }
            if self.consumers.filter().is_empty() {
                // Who waits for a ring that does not answer has nothing to lose.
                if was_asked || self.frame.is_none() {
                    return Some(self.list());
                }
                self.asks_to_leave = true;
                let key = self.keymap.key(Action::Back).unwrap_or_default();
                self.say(format!("press {key} again for the list of rings"));
                return None;
            }
            self.arrange(|consumers| consumers.edit(Edit::Clear));
            return None;
        }
        if !self.rings.filter().is_empty() {
            self.rings.edit(Edit::Clear);
            return None;
        }
        if self.ring.is_some() {
            self.screen = Screen::Ring;
            return Some(Effect::Look);
        }
        None
    }
}
