//! The keys in full, from the key table, and below them what marks and columns mean.

use ratatui::layout::{Margin, Rect};

use super::canvas::Canvas;
use crate::ui::action::Action;
use crate::ui::app::App;
use crate::ui::hit_map::Spot;
use crate::ui::keys::BINDINGS;
use crate::ui::theme::{ColorRole, Glyphs};

/// Room for the names of keys and marks, and a gap.
const NAMES: u16 = 16;
/// Columns of the whole window, frame included.
const WIDTH: u16 = 68;
/// Marks and columns that are explained.
const LEGEND: usize = 21;
/// Those of them that are about the mouse, the first.
const OF_MOUSE: usize = 2;

/// What is seen, and what it means.
fn legend(glyphs: &Glyphs) -> [(String, &'static str); LEGEND] {
    let [up, down] = glyphs.sorted;
    let word = |word: &str| word.to_owned();
    [
        (
            word("Mouse"),
            "click: select, or sort by a column; wheel: move",
        ),
        (word("Shift+mouse"), "select text with the terminal"),
        (word("~"), "before a number: an estimate"),
        (
            word(glyphs.unknown),
            "unknown; the limits or the details say why",
        ),
        (
            format!("{up} {down}"),
            "sorted by this column, smallest or largest first",
        ),
        (
            format!("{} ? {}", glyphs.intact, glyphs.torn),
            "copy of a message: intact, likely, torn",
        ),
        (word("-- skipped"), "bytes that were not read, and why"),
        (
            word("/price"),
            "messages with this text; lowercase ignores case",
        ),
        (
            word("/re: /hex:"),
            "a regex on bytes; hex:de ad ?? ef, ? any digit",
        ),
        (
            word("/len>9"),
            "or seq:5..9, fds>0; alone, or before a text",
        ),
        (
            word("/.px > 100"),
            "a decoded value, where payloads are decoded",
        ),
        (
            word("Ring (2) 1 0"),
            "how far behind head each slot is; (2) gates",
        ),
        (
            word("map  join"),
            "read through /proc, or through a slot of its own",
        ),
        (word("+slots"), "the producer's slot table is read, too"),
        (word("MODE push"), "according to the producer's slot table"),
        (
            word("MODE push*"),
            "it was seen waiting in the ring's futex",
        ),
        (
            word("MODE push+"),
            "according to the producer's join answer",
        ),
        (word("TIME"), "how long ago head was where the tail is"),
        (
            word("HISTORY"),
            "lag, a bar a second, scaled to the whole ring",
        ),
        (word("PROGRESS"), "time since the consumer last published"),
        (
            word("EVICT IN"),
            "when a scan may evict it, unless its tail moves",
        ),
    ]
}

/// Lines of the legend that are left out where the terminal keeps the mouse to itself.
fn left_out(app: &App) -> usize {
    if app.mouse() { 0 } else { OF_MOUSE }
}

/// Keys, an empty line, marks.
fn lines(app: &App) -> usize {
    BINDINGS.len() + 1 + LEGEND - left_out(app)
}

/// Where the help lies on the screen.
fn place(app: &App, screen: Rect) -> Rect {
    let height = u16::try_from(lines(app))
        .unwrap_or(u16::MAX)
        .saturating_add(2)
        .min(screen.height);
    let width = WIDTH.min(screen.width);
    let [x, y] = [
        screen.x + (screen.width - width) / 2,
        screen.y + (screen.height - height) / 2,
    ];
    Rect {
        x,
        y,
        width,
        height,
    }
}

/// Rows that a page of the help has.
pub(super) fn rows(app: &App, screen: Rect) -> usize {
    usize::from(place(app, screen).height.saturating_sub(2))
}

/// The last row that may come first.
pub(super) fn last_top(app: &App, screen: Rect) -> usize {
    lines(app).saturating_sub(rows(app, screen))
}

pub(super) fn render(top: usize, app: &App, canvas: &mut Canvas<'_>, screen: Rect) {
    let area = place(app, screen);
    let top = top.min(last_top(app, screen));
    canvas.clear(area);
    canvas.spot(screen, Spot::Front);
    canvas.frame(area, true);
    let closes = [Action::Back, Action::Help].map(|action| app.keymap().key(action));
    let closes = closes.into_iter().flatten().next();
    let closes = closes.map(|key| format!("{key} closes"));
    let more = (top < last_top(app, screen)).then(|| "more below".to_owned());
    let note: Vec<String> = more.into_iter().chain(closes).collect();
    canvas.title(area, "Keys and marks", &note.join(", "), true);
    let room = area.inner(Margin::new(1, 1));
    let glyphs = canvas.glyphs();
    let keys = app.keymap().help().map(|(keys, meaning)| match keys {
        none if none.is_empty() => (glyphs.unknown.to_owned(), meaning),
        keys => (keys, meaning),
    });
    let marks = legend(glyphs).into_iter().skip(left_out(app));
    let lines = keys.chain([(String::new(), "")]).chain(marks);
    for ((name, meaning), y) in lines.skip(top).zip(room.top()..room.bottom()) {
        let width = room.width.saturating_sub(1);
        let x = canvas.put(
            room.x + 1,
            y,
            (NAMES - 1).min(width),
            &name,
            ColorRole::Strong,
        );
        let x = x.max(room.x + 1 + NAMES);
        let width = room.right().saturating_sub(x);
        canvas.put(x, y, width, meaning, ColorRole::Plain);
    }
}
