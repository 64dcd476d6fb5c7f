//! The ring as a bar: head at the right end, and to the left of it how far behind each consumer is.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::holding::{gate, held, tails};
use crate::observe::model::RingSnapshot;
use crate::ui::theme::ColorRole;

const LABEL: &str = "Ring ";
/// Room for the words behind the bar.
const WORDS: u16 = 34;
/// How far a mark may be moved to stand beside one that is already there; further would be a wrong answer.
const NUDGE: u16 = 6;

/// ``` Ring ├░░░░░░░░░░░░░░░░░░░░(2)███████████1██0▶┤  slot 2 gates, 412 KiB behind ```
pub(super) fn render(ring: &RingSnapshot, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = canvas.glyphs();
    let words = if area.width >= 76 { WORDS } else { 0 };
    let mut x = area.x;
    if area.width > 30 {
        x = canvas.put(x + 1, area.y, area.width, LABEL, ColorRole::Label);
    }
    let width = area
        .right()
        .saturating_sub(x + words)
        .saturating_sub(u16::from(area.width > 30));
    if width < 4 {
        return;
    }
    canvas.put(x, area.y, 1, glyphs.bar_ends[0], ColorRole::Plain);
    canvas.put(
        x + width - 1,
        area.y,
        1,
        glyphs.bar_ends[1],
        ColorRole::Plain,
    );
    canvas.put(x + width - 2, area.y, 1, glyphs.head, ColorRole::Strong);
    let cells = Rect {
        x: x + 1,
        width: width - 3,
        height: 1,
        ..area
    };
    fill(ring, canvas, cells);
    mark(ring, canvas, cells);
    if words > 0 {
        canvas.put(
            x + width + 2,
            area.y,
            words - 3,
            &gate(ring),
            ColorRole::Plain,
        );
    }
}

/// Cells that `bytes` take, counted from head.
fn cells_of(bytes: u64, ring: &RingSnapshot, cells: Rect) -> u16 {
    let capacity = u128::from(ring.control.ring_capacity.max(1));
    let count = (u128::from(bytes) * u128::from(cells.width)).div_ceil(capacity);
    u16::try_from(count).unwrap_or(u16::MAX).min(cells.width)
}

fn fill(ring: &RingSnapshot, canvas: &mut Canvas<'_>, cells: Rect) {
    let [taken, free, unknown] = canvas.glyphs().bar_cells;
    let held = held(ring);
    let count = cells_of(held.bytes, ring, cells);
    let role = if ring.free_bytes == Some(0) {
        ColorRole::Bad
    } else {
        ColorRole::Chart
    };
    let rest = if held.all { free } else { unknown };
    canvas.fill(cells, rest, ColorRole::Dim);
    let cells = Rect {
        x: cells.right() - count,
        width: count,
        ..cells
    };
    canvas.fill(cells, taken, role);
}

/// Marks every tail that holds something, the nearest to head first: those further behind give way to the left.
fn mark(ring: &RingSnapshot, canvas: &mut Canvas<'_>, cells: Rect) {
    let mut taken = cells.right();
    for tail in tails(ring) {
        let width = u16::try_from(tail.label.len()).unwrap_or(u16::MAX);
        // The number begins in the cell of its tail, which is the last that a tail at head has.
        let behind = cells_of(tail.lag, ring, cells) + tail.number_at;
        let wanted = cells.right() - behind.max(width).min(cells.width);
        let Some(x) = taken.checked_sub(width).map(|x| x.min(wanted)) else {
            break;
        };
        if x < cells.x || wanted - x > NUDGE {
            continue;
        }
        canvas.put(x, cells.y, width, &tail.label, ColorRole::Badge);
        // Numbers need a cell between them to be read apart.
        taken = x.saturating_sub(1);
    }
}
