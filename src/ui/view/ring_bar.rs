//! The ring as a bar: head at the right end, and to the left of it how far behind each consumer is.
//!
//! Drawn relative to head, not by place in the ring: at a thousand laps a second places are noise, distances are not.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::consumers;
use crate::observe::snapshot::{ConsumerState, RingSnapshot};
use crate::ui::format::bytes;
use crate::ui::roster::label;
use crate::ui::theme::Role;

const LABEL: &str = "Ring ";
/// Room for the words behind the bar.
const WORDS: u16 = 34;
/// How far a mark may be moved to stand beside one that is already there; further would be a wrong answer.
const NUDGE: u16 = 6;

/// ``` Ring ├░░░░░░░░░░░░░░░░░░░░░2████████████1██0▶┤  slot 2 gates, 412 KiB behind ```
pub(super) fn render(ring: &RingSnapshot, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = canvas.glyphs();
    let words = if area.width >= 76 { WORDS } else { 0 };
    let mut x = area.x;
    if area.width > 30 {
        x = canvas.put(x + 1, area.y, area.width, LABEL, Role::Label);
    }
    let width = area
        .right()
        .saturating_sub(x + words)
        .saturating_sub(u16::from(area.width > 30));
    if width < 4 {
        return;
    }
    canvas.put(x, area.y, 1, glyphs.bar_ends[0], Role::Plain);
    canvas.put(x + width - 1, area.y, 1, glyphs.bar_ends[1], Role::Plain);
    canvas.put(x + width - 2, area.y, 1, glyphs.head, Role::Strong);
    let cells = Rect {
        x: x + 1,
        width: width - 3,
        height: 1,
        ..area
    };
    fill(ring, canvas, cells);
    mark(ring, canvas, cells);
    if words > 0 {
        canvas.put(x + width + 2, area.y, words - 3, &gate(ring), Role::Plain);
    }
}

/// Cells that `bytes` take, counted from head.
fn cells_of(bytes: u64, ring: &RingSnapshot, cells: Rect) -> u16 {
    let capacity = u128::from(ring.control.ring_capacity.max(1));
    let count = (u128::from(bytes) * u128::from(cells.width)).div_ceil(capacity);
    u16::try_from(count).unwrap_or(u16::MAX).min(cells.width)
}

fn fill(ring: &RingSnapshot, canvas: &mut Canvas<'_>, cells: Rect) {
    let [held, free, unknown] = canvas.glyphs().bar_cells;
    let (behind, rest) = match ring.free_bytes {
        Some(left) => (ring.control.ring_capacity.saturating_sub(left), free),
        // What can be seen is held; whether more is held cannot be seen.
        None => (
            ring.consumers
                .iter()
                .filter_map(|consumer| consumer.lag_bytes)
                .max()
                .unwrap_or(0),
            unknown,
        ),
    };
    let count = cells_of(behind, ring, cells);
    let role = if ring.free_bytes == Some(0) {
        Role::Bad
    } else {
        Role::Chart
    };
    canvas.fill(cells, rest, Role::Dim);
    let cells = Rect {
        x: cells.right() - count,
        width: count,
        ..cells
    };
    canvas.fill(cells, held, role);
}

/// Marks every tail that holds something, the nearest to head first: those further behind give way to the left.
fn mark(ring: &RingSnapshot, canvas: &mut Canvas<'_>, cells: Rect) {
    let mut tails: Vec<(u64, usize)> = ring
        .consumers
        .iter()
        .enumerate()
        .filter(|(_, consumer)| {
            !matches!(
                consumer.state,
                ConsumerState::Evicted | ConsumerState::Parked
            )
        })
        .filter_map(|(row, consumer)| Some((consumer.lag_bytes?, row)))
        .collect();
    tails.sort_unstable();
    let mut taken = cells.right();
    for (lag, row) in tails {
        let consumer = &ring.consumers[row];
        let label = label(consumer, row);
        let width = u16::try_from(label.len()).unwrap_or(u16::MAX);
        // The mark begins in the cell of its tail, which is the last that a tail at head has.
        let wanted = cells.right() - cells_of(lag, ring, cells).max(width).min(cells.width);
        let Some(x) = taken.checked_sub(width).map(|x| x.min(wanted)) else {
            break;
        };
        if x < cells.x || wanted - x > NUDGE {
            continue;
        }
        canvas.put(x, cells.y, width, &label, Role::Badge);
        // Numbers of two digits need a cell between them to be read apart.
        taken = x - u16::from(width > 1 && x > 0);
    }
}

fn gate(ring: &RingSnapshot) -> String {
    let gate = ring.gating_meta_inode.and_then(|inode| {
        ring.consumers
            .iter()
            .enumerate()
            .find(|(_, consumer)| consumer.meta_inode == inode)
    });
    match gate {
        Some((row, consumer)) => {
            if consumer.lag_bytes == Some(0) {
                return "all caught up".to_owned();
            }
            let lag = consumer
                .lag_bytes
                .map_or_else(|| "unknown".to_owned(), bytes);
            format!("{} gates, {lag} behind", consumers::name(consumer, row))
        }
        None if ring.free_bytes.is_none() => "not all tails can be seen".to_owned(),
        None if ring.consumers.is_empty() => "no consumers, nothing held".to_owned(),
        None => "nothing held".to_owned(),
    }
}
