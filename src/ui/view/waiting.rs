//! No ring yet: what is being done about it, and what to try.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::findings;
use crate::observe::frame::Listing;
use crate::ui::text;
use crate::ui::theme::Role;

const NONE: &str = "No zbq ring on this machine.";
/// Where some processes could not be looked into.
const NONE_SEEN: &str = "No zbq ring that we may see.";

const LINES: [(&str, Role); 5] = [
    (NONE, Role::Strong),
    ("Looking again every second.", Role::Plain),
    ("", Role::Plain),
    ("To see one at work:", Role::Plain),
    ("zbqtop demo", Role::Focus),
];

/// Before the first look has ended: nothing is known yet.
const NOT_YET: &str = "Looking for zbq rings.";

/// `looked`: whether all there is has been looked at.
pub(super) fn render(listing: &Listing, looked: bool, canvas: &mut Canvas<'_>, area: Rect) {
    let lines = u16::try_from(LINES.len()).unwrap_or(0);
    let wanted =
        u16::try_from(findings::limit_rows(&listing.limits, area.width)).unwrap_or(u16::MAX);
    let limits = wanted.min(area.height.saturating_sub(lines));
    let room = Rect {
        height: area.height - limits,
        ..area
    };
    let top = room.y + room.height.saturating_sub(lines) / 2;
    for ((line, role), y) in LINES.into_iter().zip(top..) {
        let line = match line {
            NONE if !looked => NOT_YET,
            NONE if !listing.limits.is_empty() => NONE_SEEN,
            line => line,
        };
        if y < room.bottom() {
            let width = text::width(line).min(room.width);
            canvas.put(room.x + (room.width - width) / 2, y, width, line, role);
        }
    }
    findings::render_limits(
        &listing.limits,
        canvas,
        Rect {
            y: room.bottom(),
            height: limits,
            ..area
        },
    );
}
