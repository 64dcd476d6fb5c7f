//! The keys in full, from the key table, and what marks on the screen mean.

use ratatui::layout::{Margin, Rect};

use super::canvas::Canvas;
use crate::ui::keys::BINDINGS;
use crate::ui::spots::Spot;
use crate::ui::theme::Role;

/// Room for the names of the keys.
const NAMES: u16 = 12;
/// Marks behind a consumer's wakeup mode: where it is known from.
const MARKS: [(&str, &str); 3] = [
    ("MODE push", "so the producer's slot table says"),
    ("MODE push*", "it was seen waiting in the ring's futex"),
    ("MODE push+", "so the producer answered when we joined"),
];
/// Columns of the whole window, frame included.
const WIDTH: u16 = 56;

/// Every line of the help: names and what they mean.
fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    let keys = BINDINGS.iter().map(|binding| (binding.names, binding.help));
    keys.chain(MARKS)
}

/// Where the help lies on the screen.
fn place(screen: Rect) -> Rect {
    let height = u16::try_from(lines().count())
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
pub(super) fn rows(screen: Rect) -> usize {
    usize::from(place(screen).height.saturating_sub(2))
}

/// The last row that may come first.
pub(super) fn last_top(screen: Rect) -> usize {
    lines().count().saturating_sub(rows(screen))
}

pub(super) fn render(top: usize, canvas: &mut Canvas<'_>, screen: Rect) {
    let area = place(screen);
    canvas.clear(area);
    canvas.spot(screen, Spot::Front);
    canvas.frame(area, true);
    canvas.title(area, "Keys", "Esc closes", true);
    let room = area.inner(Margin::new(1, 1));
    let top = top.min(last_top(screen));
    for ((names, help), y) in lines().skip(top).zip(room.top()..room.bottom()) {
        let x = canvas.put(
            room.x + 1,
            y,
            NAMES.min(room.width.saturating_sub(1)),
            names,
            Role::Strong,
        );
        let x = x.max(room.x + 1 + NAMES);
        canvas.put(x, y, room.right().saturating_sub(x), help, Role::Plain);
    }
}
