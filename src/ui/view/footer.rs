//! The keys of what is in front, from the key table; or what is being typed, or what came of the last key.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::messages;
use crate::ui::action::{FooterPlace, Pane, Screen};
use crate::ui::app::App;
use crate::ui::hit_map::Spot;
use crate::ui::keys::PROMPT;
use crate::ui::query::{DECODED_HINT, HINT};
use crate::ui::text;
use crate::ui::theme::ColorRole;

/// What can be typed as a time in a recording.
const MOMENT: &str = "+5s  -5s  06:10:02  finding  event";

/// What the two keys of the prompt do to a filter, to a time, to the name of a file.
const FILTERS: [&str; 2] = ["keep", "clear"];
const GOES: [&str; 2] = ["go", "cancel"];
const WRITES: [&str; 2] = ["write", "cancel"];

/// What can be typed as the name of a file for messages.
const FILES: &str = "NAME.mcap  NAME.pcapng  NAME.bin (lengths and payloads)";

/// What can be typed to find events.
const EVENTS: &str = "a word of it: warning, evicted, slot 2, a command";

/// What is said when a line has lost its purpose while it was typed.
const LOST: &str = "The prompt was closed: its ring has changed. Enter goes on.";

/// ``` ? help  q quit  Tab pane  / filter  s sort  Space freeze ```
///
/// Without frames there is no title to tell of a filter: it stands here.
pub(super) fn render(app: &App, canvas: &mut Canvas<'_>, area: Rect, framed: bool) {
    let message_list = app.message_list();
    if app.prompt_is_lost() {
        return prompt("", FILTERS, "", Some(LOST), None, canvas, area);
    }
    if message_list.is_typing() {
        let sign = if message_list.lists_found() { "&" } else { "/" };
        return prompt(
            sign,
            FILTERS,
            message_list.typed(),
            message_list.error(),
            Some(match message_list.fields().is_on() {
                true => DECODED_HINT,
                false => HINT,
            }),
            canvas,
            area,
        );
    }
    if let Some(typed) = app.file_name() {
        return prompt("write to ", WRITES, typed, None, Some(FILES), canvas, area);
    }
    if let Some((typed, error)) = app.moment() {
        return prompt("time ", GOES, typed, error, Some(MOMENT), canvas, area);
    }
    if app.types_findings_filter() {
        return prompt(
            "/",
            FILTERS,
            app.findings_filter(),
            None,
            Some(EVENTS),
            canvas,
            area,
        );
    }
    let filter = if app.ring_list().is_typing() || app.screen() == Screen::Rings {
        app.ring_list().filter()
    } else {
        app.consumer_list().filter()
    };
    if app.is_typing() {
        return prompt("/", FILTERS, filter, None, None, canvas, area);
    }
    let room = area.width.saturating_sub(1);
    if let Some(said) = app.said() {
        canvas.put(area.x + 1, area.y, room, said, ColorRole::Strong);
        return;
    }
    if !framed && let Some(text) = filters(app) {
        canvas.put(area.x + 1, area.y, room, &text, ColorRole::Focus);
        return;
    }
    let mut x = area.x + 1;
    let state = app.footer_state();
    let reads = matches!(
        state.place,
        FooterPlace::Pane(Pane::Messages | Pane::Hex) | FooterPlace::Message
    );
    if reads && let Some(searched) = messages::searched(message_list) {
        x = canvas.put(x, area.y, room, &searched, ColorRole::Focus) + 2;
    }
    for item in app.keymap().footer(state) {
        let keys = item.keys();
        let end = x + width(&keys, item.word);
        if end > area.right() {
            return;
        }
        let mut at = x;
        // The word stands for the first of its keys.
        if let Some((_, action)) = item.keys.first() {
            canvas.spot(Rect::new(x, area.y, end - x, 1), Spot::Key(*action));
        }
        for (key, action) in &item.keys {
            let columns = text::width(key);
            canvas.spot(Rect::new(at, area.y, columns, 1), Spot::Key(*action));
            at += columns + 1;
        }
        x = put(canvas, area, x, &keys, item.word);
    }
}

/// What is looked for where the keys go.
fn filters(app: &App) -> Option<String> {
    let message_list = app.message_list();
    if app.screen() == Screen::Rings {
        let filter = app.ring_list().filter();
        return (!filter.is_empty()).then(|| format!("/{filter}"));
    }
    if matches!(app.focus(), Pane::Messages | Pane::Hex) && !message_list.typed().is_empty() {
        return messages::found(message_list);
    }
    let filter = if app.focus() == Pane::Findings {
        app.findings_filter()
    } else {
        app.consumer_list().filter()
    };
    (!filter.is_empty()).then(|| format!("/{filter}"))
}

/// ``` /arch█                                    Enter keep  Esc clear ```
///
/// At the right what is wrong with what was typed, if anything; and before anything is typed, what can be.
fn prompt(
    sign: &str,
    words: [&str; 2],
    typed: &str,
    error: Option<&str>,
    hint: Option<&str>,
    canvas: &mut Canvas<'_>,
    area: Rect,
) {
    let hints = PROMPT.into_iter().zip(words);
    let keys: u16 = (hints.clone())
        .map(|((key, _), word)| width(key, word) + 2)
        .sum();
    let mut room = area.width.saturating_sub(2 + text::width(sign));
    if let Some(error) = error {
        // What is wrong may take what the text leaves, and half of the room at least.
        let width = (text::width(error) + 2)
            .min((room / 2).max(room.saturating_sub(text::width(typed) + 2)));
        room -= width;
        canvas.put(area.right() - width, area.y, width, error, ColorRole::Bad);
    } else if room >= 24 + keys {
        room -= keys;
        let mut x = area.right() - keys;
        for ((key, edit), word) in hints {
            let place = Rect::new(x, area.y, width(key, word), 1);
            canvas.spot(place, Spot::Edit(edit));
            x = put(canvas, area, x, key, word);
        }
    }
    let x = canvas.put(area.x + 1, area.y, 9, sign, ColorRole::Focus);
    // Its end is where the typing goes on: what has no room is left out before it.
    let escaped = text::escape(typed, typed.len());
    let end = escaped
        .char_indices()
        .map(|(start, _)| &escaped[start..])
        .find(|end| text::width(end) < room)
        .unwrap_or_default();
    let x = canvas.put(x, area.y, room, end, ColorRole::Plain);
    canvas.put(x, area.y, 1, " ", ColorRole::Badge);
    if let Some(hint) = hint.filter(|_| typed.is_empty()) {
        canvas.put(x + 2, area.y, room.saturating_sub(3), hint, ColorRole::Dim);
    }
}

fn width(key: &str, word: &str) -> u16 {
    text::width(key) + 1 + text::width(word)
}

fn put(canvas: &mut Canvas<'_>, area: Rect, x: u16, key: &str, word: &str) -> u16 {
    let width = width(key, word);
    let x = canvas.put(x, area.y, width, key, ColorRole::Focus) + 1;
    canvas.put(x, area.y, width, word, ColorRole::Plain) + 2
}
