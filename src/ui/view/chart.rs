//! A lag over time: a line of dots, with both axes named.
//!
//! Scales go in steps and dots are cut by the clock, so that a point once drawn keeps its shape while the picture moves
//! on. Knows nothing of whose lag it is.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::screen::cut;
use crate::observe::frame::LagPoint;
use crate::ui::format::{bytes, percent};
use crate::ui::text;
use crate::ui::theme::Role;

/// Room for the figures of the vertical axis.
const FIGURES: u16 = 9;
/// The smallest picture worth drawing: rows of the line, columns of all.
const LEAST: (u16, u16) = (2, 30);
/// Dots of a braille cell, across and down.
const DOTS: (usize, usize) = (2, 4);
const SECOND: u64 = 1_000_000_000;
/// Lengths of the horizontal axis, and how its left end reads.
const SPANS: [(u64, &str); 11] = [
    (10, "10 s ago"),
    (30, "30 s ago"),
    (60, "1 min ago"),
    (120, "2 min ago"),
    (300, "5 min ago"),
    (600, "10 min ago"),
    (1_800, "30 min ago"),
    (3_600, "1 h ago"),
    (7_200, "2 h ago"),
    (21_600, "6 h ago"),
    (86_400, "1 d ago"),
];

/// Where points come to stand.
struct Scale {
    /// Number of the dot column of the newest point, counted since the clock began.
    newest: u64,
    /// Time of a dot column, ns.
    step: u64,
    columns: usize,
    rows: usize,
    /// Bytes at the upper end.
    top: u64,
}

/// ```text
/// Lag over time, at most 412 KiB, 40 % of the ring
///  512 KiB│            ⢀⡠⠔⠊⠉⠒⠤⣀
///         │      ⢀⡠⠔⠊⠉⠁        ⠉⠒⠤
///      0 B│⣀⡠⠔⠊⠉⠁
///         └ 2 min ago ───────────── now
/// ```
pub(super) fn render(points: &[LagPoint], capacity: u64, canvas: &mut Canvas<'_>, mut area: Rect) {
    let heading = cut(&mut area, 1);
    if area.height < LEAST.0 + 1 || area.width < LEAST.1 {
        return;
    }
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return;
    };
    area.height -= 1;
    area.width -= 1;
    let plot = Rect {
        x: area.x + FIGURES + 1,
        width: area.width - FIGURES - 1,
        ..area
    };
    // A little more than the axis has room for falls off its left end: the axis must not change at every sample.
    let time = last.at_ns.saturating_sub(first.at_ns) / 5 * 4;
    let (seconds, ago) = SPANS
        .into_iter()
        .find(|(seconds, _)| seconds * SECOND >= time)
        .unwrap_or(SPANS[SPANS.len() - 1]);
    let columns = usize::from(plot.width) * DOTS.0;
    let step = seconds * SECOND / columns as u64;
    let mut scale = Scale {
        newest: last.at_ns / step,
        step,
        columns,
        rows: usize::from(plot.height) * DOTS.1,
        top: 0,
    };
    let in_sight = points.iter().filter(|point| scale.column(point).is_some());
    let most = in_sight.filter_map(|point| point.lag_bytes).max();
    scale.top = most
        .unwrap_or(0)
        .max(1024)
        .checked_next_power_of_two()
        .unwrap_or(u64::MAX);
    name(most, capacity, canvas, heading);
    if most.is_none() {
        return;
    }
    axes(scale.top, ago, canvas, area);
    let cells = scale.draw(points);
    for (row, y) in cells.chunks(plot.width.into()).zip(plot.top()..) {
        let braille = canvas.glyphs().braille;
        let line: String = row.iter().map(|dots| glyph(*dots, braille)).collect();
        canvas.put(plot.x, y, plot.width, &line, Role::Chart);
    }
}

fn name(most: Option<u64>, capacity: u64, canvas: &mut Canvas<'_>, area: Rect) {
    let width = area.width.saturating_sub(1);
    let x = canvas.put(area.x + 1, area.y, width, "Lag over time", Role::Label);
    let most = most.map_or_else(
        || ", unknown".to_owned(),
        |most| {
            #[expect(clippy::cast_precision_loss, reason = "percent for people")]
            let share = most as f64 * 100.0 / capacity.max(1) as f64;
            format!(
                ", at most {}, {} % of the ring",
                bytes(most),
                percent(share)
            )
        },
    );
    let width = area.right().saturating_sub(x);
    canvas.put(x, area.y, width, &most, Role::Plain);
}

fn axes(top: u64, ago: &str, canvas: &mut Canvas<'_>, plot: Rect) {
    let border = canvas.glyphs().border;
    let x = plot.x + FIGURES;
    let vertical = Rect {
        x,
        width: 1,
        ..plot
    };
    canvas.fill(vertical, border.vertical_left, Role::Border);
    let mut figures = vec![(plot.y, top), (plot.bottom() - 1, 0)];
    if plot.height >= 7 && plot.height % 2 == 1 {
        figures.push((plot.y + plot.height / 2, top / 2));
    }
    for (y, figure) in figures {
        canvas.put_right(plot.x, y, FIGURES, &bytes(figure), Role::Dim);
    }
    let bottom = Rect {
        x,
        y: plot.bottom(),
        width: plot.right() - x,
        height: 1,
    };
    canvas.fill(bottom, border.horizontal_bottom, Role::Border);
    canvas.put(x, bottom.y, 1, border.bottom_left, Role::Border);
    canvas.put(
        x + 2,
        bottom.y,
        bottom.width,
        &format!(" {ago} "),
        Role::Dim,
    );
    let now = " now";
    let left = bottom.right() - text::width(now);
    canvas.put(left, bottom.y, bottom.width, now, Role::Dim);
}

impl Scale {
    /// The dot column of a point; `None` left of the picture.
    fn column(&self, point: &LagPoint) -> Option<usize> {
        let back = usize::try_from(self.newest.checked_sub(point.at_ns / self.step)?).ok()?;
        (self.columns - 1).checked_sub(back)
    }

    /// The dot row of a lag, from the top.
    fn row(&self, lag: u64) -> usize {
        let last = self.rows - 1;
        let height = u128::from(lag) * last as u128 / u128::from(self.top);
        last - usize::try_from(height).map_or(last, |height| height.min(last))
    }

    /// The dots of every cell, row by row. Points are joined by a line; where a lag is not known the line has a gap.
    fn draw(&self, points: &[LagPoint]) -> Vec<u8> {
        let width = self.columns / DOTS.0;
        let mut cells = vec![0; width * (self.rows / DOTS.1)];
        let mut dot = |x: usize, y: usize| {
            cells[y / DOTS.1 * width + x / DOTS.0] |= bit(x % DOTS.0, y % DOTS.1);
        };
        let mut before: Option<(usize, usize)> = None;
        for point in points {
            let place = self.column(point).zip(point.lag_bytes);
            let place = place.map(|(x, lag)| (x, self.row(lag)));
            if let Some((x, y)) = place {
                let (from_x, from_y) = before.unwrap_or((x, y));
                let mut last_y = from_y;
                for step_x in from_x..=x {
                    let here = match x - from_x {
                        0 => y,
                        way => between(from_y, y, step_x - from_x, way),
                    };
                    // Beside the dot before, not from it: a line is one dot wide.
                    let from = if step_x == from_x || here == last_y {
                        last_y
                    } else {
                        between(last_y, here, 1, last_y.abs_diff(here))
                    };
                    for step_y in from.min(here)..=from.max(here) {
                        dot(step_x, step_y);
                    }
                    last_y = here;
                }
            }
            before = place;
        }
        cells
    }
}

/// The number `part` of `whole` on the way.
fn between(from: usize, to: usize, part: usize, whole: usize) -> usize {
    let way = from.abs_diff(to) * part / whole;
    if to > from { from + way } else { from - way }
}

/// Dots of a braille cell are numbered down its left side and down its right, but for the lowest two, which came later.
fn bit(x: usize, y: usize) -> u8 {
    const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    BITS[x][y]
}

fn glyph(dots: u8, braille: bool) -> char {
    match dots {
        0 => ' ',
        _ if !braille => '*',
        _ => char::from_u32(0x2800 + u32::from(dots)).unwrap_or('*'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale() -> Scale {
        Scale {
            newest: 9,
            step: 1,
            columns: 8,
            rows: 8,
            top: 70,
        }
    }

    fn picture(points: &[(u64, Option<u64>)]) -> Vec<String> {
        let point = |&(at_ns, lag_bytes): &_| LagPoint { at_ns, lag_bytes };
        let points: Vec<_> = points.iter().map(point).collect();
        let cells = scale().draw(&points);
        let rows = cells.chunks(4);
        rows.map(|row| row.iter().map(|dots| glyph(*dots, true)).collect())
            .collect()
    }

    #[test]
    fn points_are_joined_and_the_unknown_is_a_gap() {
        assert_eq!(picture(&[(2, Some(0)), (9, Some(70))]), ["  ⡠⠊", "⡠⠊  "]);
        assert_eq!(picture(&[(2, Some(70)), (9, Some(0))]), ["⠑⢄  ", "  ⠑⢄"]);
        assert_eq!(
            picture(&[(2, Some(0)), (5, None), (8, Some(0))]),
            ["    ", "⡀  ⡀"]
        );
        assert_eq!(picture(&[(9, Some(0)), (9, Some(70))]), ["   ⢸", "   ⢸"]);
        assert_eq!(
            picture(&[(0, Some(70)), (1, Some(70))]),
            ["    "; 2],
            "too old"
        );
        assert_eq!(picture(&[(9, Some(u64::MAX))]), ["   ⠈", "    "]);
    }
}
