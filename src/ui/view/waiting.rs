//! No ring yet: what is being done about it, and what to try.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::findings;
use crate::ui::action::Action;
use crate::ui::app::App;
use crate::ui::text;
use crate::ui::theme::ColorRole;

const NONE: &str = "No zbq ring on this machine.";
/// Where some processes could not be looked into.
const NONE_SEEN: &str = "No zbq ring that this user may see.";

/// Before the first look has ended: nothing is known yet.
const NOT_YET: &str = "Looking for zbq rings.";

pub(super) fn render(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let limits = &app.listing().limits;
    let lines = lines(app);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let wanted = u16::try_from(findings::limit_rows(limits, area.width)).unwrap_or(u16::MAX);
    let below = wanted.min(area.height.saturating_sub(height));
    let room = Rect {
        height: area.height - below,
        ..area
    };
    let top = room.y + room.height.saturating_sub(height) / 2;
    for ((line, role), y) in lines.iter().zip(top..room.bottom()) {
        let width = text::width(line).min(room.width);
        let x = room.x + (room.width - width) / 2;
        canvas.put(x, y, width, line, *role);
    }
    let below = Rect {
        y: room.bottom(),
        height: below,
        ..area
    };
    findings::render_limits(limits, canvas, below);
}

fn lines(app: &App) -> Vec<(String, ColorRole)> {
    let none = match app.listing().limits.is_empty() {
        _ if !app.has_looked() => NOT_YET,
        true => NONE,
        false => NONE_SEEN,
    };
    let line = |text: &str, role| (text.to_owned(), role);
    let mut lines = vec![
        line(none, ColorRole::Strong),
        line("Looking again every second.", ColorRole::Plain),
        line("", ColorRole::Plain),
        line("To see one at work:", ColorRole::Plain),
        line("zbqtop demo", ColorRole::Focus),
    ];
    // Who looks at the list because a ring has ended is shown the way back to what is left of it.
    let ring = app.frame().map(|frame| &frame.snapshot);
    if let (Some(ring), Some(key)) = (ring, app.keymap().key(Action::Back)) {
        let command = ring.producer.command.as_deref().unwrap_or_default();
        let back = format!("{key}: back to {command} (pid {})", ring.producer.pid);
        lines.extend([line("", ColorRole::Plain), (back, ColorRole::Plain)]);
    }
    lines
}
