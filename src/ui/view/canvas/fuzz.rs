//! Any text put into any room: it stays there, and is as wide as is told.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;

use super::Canvas;
use crate::ui::text;
use crate::ui::theme::{ColorRole, Theme};

/// What was drawn there before.
const BEFORE: &str = "#";

/// Puts `words` at (3, 1) of a screen of 40 columns, in `width` of them at most, or against the right end of that room;
/// hands back what stands there.
pub(crate) fn put(words: &str, width: u16, right: bool) -> String {
    let theme = Theme::new(false, false);
    let screen = Rect::new(0, 0, 40, 3);
    let mut buffer = Buffer::filled(screen, Cell::new(BEFORE));
    let mut canvas = Canvas::new(&theme, screen, &mut buffer);
    let room = 3..3 + width;
    assert!(room.end <= screen.right());
    let (from, end) = if right {
        let from = canvas.put_right(room.start, 1, width, words, ColorRole::Plain);
        (from, room.end)
    } else {
        let end = canvas.put(room.start, 1, width, words, ColorRole::Plain);
        (room.start, end)
    };
    assert!(
        room.start <= from && from <= end && end <= room.end,
        "{words:?} from {from} to {end}"
    );
    let mut seen = String::new();
    let mut column = from;
    while column < end {
        let symbol = buffer[(column, 1)].symbol();
        seen.push_str(symbol);
        column += text::width(symbol).max(1);
    }
    assert_eq!(column, end, "{seen:?} of {words:?}");
    for position in screen.positions() {
        let inside = position.y == 1 && (from..end).contains(&position.x);
        assert!(
            inside || buffer[position].symbol() == BEFORE,
            "{words:?} at {position}"
        );
    }
    seen
}
