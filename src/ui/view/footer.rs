//! The keys of the screen, from the key table.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::ui::app::App;
use crate::ui::keys::BINDINGS;
use crate::ui::text;
use crate::ui::theme::Role;

/// ``` ? help  q quit  Tab pane  Space freeze  +/- rate  L list ```
pub(super) fn render(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let mut x = area.x + 1;
    for binding in BINDINGS {
        let Some((key, word)) = binding.footer else {
            continue;
        };
        if binding.screen.is_some_and(|screen| screen != app.screen()) {
            continue;
        }
        let width = text::width(key) + 1 + text::width(word);
        if x + width > area.right() {
            return;
        }
        x = canvas.put(x, area.y, width, key, Role::Focus) + 1;
        x = canvas.put(x, area.y, width, word, Role::Plain) + 2;
    }
}
