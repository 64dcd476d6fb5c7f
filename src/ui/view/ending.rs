//! The line that says that a ring has come to its end, what is left of it, and where to go from here.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::observe::model::{RingSnapshot, RingState};
use crate::ui::action::Action;
use crate::ui::app::App;
use crate::ui::text;
use crate::ui::theme::ColorRole;

/// Where the key leads that leads on.
const ONWARD: &str = "list of rings";

/// Whether the ring has ended.
pub(super) fn has(ring: &RingSnapshot) -> bool {
    words(ring.state).is_some()
}

/// What has happened: in a word, and what follows from it, the shorter for small screens.
fn words(state: RingState) -> Option<(&'static str, [&'static str; 2])> {
    match state {
        RingState::ProducerGone => Some((
            "ENDED",
            [
                "producer gone; the last bytes can still be read",
                "the last bytes stay",
            ],
        )),
        RingState::Ended => Some((
            "ENDED",
            [
                "its producer closed it; the last bytes can still be read",
                "the last bytes stay",
            ],
        )),
        RingState::Truncated => Some((
            "TRUNCATED",
            [
                "its memory was truncated; what was read stays",
                "what was read stays",
            ],
        )),
        RingState::Flowing
        | RingState::Idle
        | RingState::Full
        | RingState::Clogged
        | RingState::Stopped
        | RingState::Unknown => None,
    }
}

/// ```  ENDED  producer gone; the last bytes can still be read        L list of rings ```
pub(super) fn render(ring: &RingSnapshot, app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let Some((word, sentences)) = words(ring.state) else {
        return;
    };
    let left = area.x + u16::from(area.width > 30);
    let x = canvas.put(
        left,
        area.y,
        area.width,
        &format!(" {word} "),
        ColorRole::Badge,
    ) + 1;
    let mut end = area.right().saturating_sub(1);
    if let Some(key) = app.keymap().key(Action::List) {
        let width = text::width(&key) + 1 + text::width(ONWARD);
        if x + width > end {
            let key = format!("{key} list");
            let room = area.right().saturating_sub(x);
            canvas.put(x, area.y, room, &key, ColorRole::Focus);
            return;
        }
        end -= width;
        let x = canvas.put(end, area.y, width, &key, ColorRole::Focus) + 1;
        canvas.put(x, area.y, width, ONWARD, ColorRole::Strong);
    }
    let room = end.saturating_sub(x + 1);
    let fits = sentences.into_iter().find(|text| text::width(text) <= room);
    canvas.put(x, area.y, room, fits.unwrap_or_default(), ColorRole::Strong);
}
