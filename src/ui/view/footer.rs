//! The keys of what is in front, from the key table; or the filter while it is typed.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::ui::app::App;
use crate::ui::keys::PROMPT;
use crate::ui::text;
use crate::ui::theme::Role;

/// ``` ? help  q quit  Tab pane  / filter  s sort  Space freeze ```
///
/// Without frames there is no title to tell of a filter: it stands here.
pub(super) fn render(app: &App, canvas: &mut Canvas<'_>, area: Rect, framed: bool) {
    let filter = app.roster().filter();
    if app.is_typing() {
        return prompt(filter, canvas, area);
    }
    if !framed && !filter.is_empty() {
        let text = format!("/{filter}");
        canvas.put(
            area.x + 1,
            area.y,
            area.width.saturating_sub(1),
            &text,
            Role::Focus,
        );
        return;
    }
    let mut x = area.x + 1;
    for (key, word) in app.keymap().footer(app.place()) {
        if x + width(&key, word) > area.right() {
            return;
        }
        x = put(canvas, area, x, &key, word);
    }
}

/// ``` /arch█                                    Enter keep  Esc clear ```
fn prompt(typed: &str, canvas: &mut Canvas<'_>, area: Rect) {
    let keys: u16 = PROMPT.iter().map(|(key, word)| width(key, word) + 2).sum();
    let mut room = area.width.saturating_sub(3);
    if room >= 24 + keys {
        room -= keys;
        let mut x = area.right() - keys;
        for (key, word) in PROMPT {
            x = put(canvas, area, x, key, word);
        }
    }
    let x = canvas.put(area.x + 1, area.y, 1, "/", Role::Focus);
    // Its end is where the typing goes on: what has no room is left out before it.
    let escaped = text::escape(typed, typed.len());
    let end = escaped
        .char_indices()
        .map(|(start, _)| &escaped[start..])
        .find(|end| text::width(end) < room)
        .unwrap_or_default();
    let x = canvas.put(x, area.y, room, end, Role::Plain);
    canvas.put(x, area.y, 1, " ", Role::Badge);
}

fn width(key: &str, word: &str) -> u16 {
    text::width(key) + 1 + text::width(word)
}

fn put(canvas: &mut Canvas<'_>, area: Rect, x: u16, key: &str, word: &str) -> u16 {
    let width = width(key, word);
    let x = canvas.put(x, area.y, width, key, Role::Focus) + 1;
    canvas.put(x, area.y, width, word, Role::Plain) + 2
}
