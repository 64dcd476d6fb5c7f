//! A figure over time: a line of dots, with both axes named.
//!
//! Scales go in steps and dots are cut by the clock, so that a point once drawn keeps its shape while the picture moves
//! on. Knows nothing of what the figure is but how it reads.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::time_columns::TimeColumns;
use crate::observe::model::PastSeries;
use crate::ui::format::{bytes, rate};
use crate::ui::text;
use crate::ui::theme::ColorRole;
use crate::ui::time_span::TimeSpan;

/// The smallest picture worth drawing: rows of the line, and its columns.
const LEAST: (u16, u16) = (2, 20);
/// Dots of a braille cell, across and down.
const DOTS: (usize, usize) = (2, 4);
/// What is measured, and how it is drawn.
pub(super) struct AxisUnit {
    /// How a figure on the vertical axis reads.
    text: fn(u64) -> String,
    /// Room for it.
    width: u16,
    /// Whether what is below the line is filled: it is an amount, not a distance.
    filled: bool,
}

/// Bytes that somebody is behind.
pub(super) static BYTES: AxisUnit = AxisUnit {
    text: bytes,
    width: 8,
    filled: false,
};

/// Bytes per second.
pub(super) static PER_SECOND: AxisUnit = AxisUnit {
    text: |figure| {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let figure = figure as f64;
        rate(figure)
    },
    width: 10,
    filled: true,
};

/// ```text
///  512 KiB│            ⢀⡠⠔⠊⠉⠒⠤⣀
///         │      ⢀⡠⠔⠊⠉⠁        ⠉⠒⠤
///      0 B│⣀⡠⠔⠊⠉⠁
///         └ 2 min ago ───────────── now
/// ```
pub(super) struct Chart<'a> {
    past: &'a PastSeries,
    unit: &'static AxisUnit,
    scale: Scale,
    span: TimeSpan,
    /// The largest figure in sight.
    most: Option<u64>,
    /// How its right end reads.
    end: &'static str,
    area: Rect,
    plot: Rect,
}

/// Where points come to stand.
struct Scale {
    /// Dot columns, the newest point in the last.
    columns: TimeColumns,
    /// Dot rows.
    rows: usize,
    /// The figure at the upper end.
    top: u64,
}

impl<'a> Chart<'a> {
    /// A chart of the last `span`; `None` where there is nothing to draw, or no room.
    pub(super) fn new(
        past: &'a PastSeries,
        span: TimeSpan,
        unit: &'static AxisUnit,
        area: Rect,
    ) -> Option<Self> {
        let last = past.last()?;
        // A column at the right stays free: "now" is not to touch what stands beside it.
        let plot = Rect {
            x: area.x.saturating_add(unit.width + 1),
            width: area.width.saturating_sub(unit.width + 2),
            height: area.height.saturating_sub(1),
            ..area
        };
        if plot.height < LEAST.0 || plot.width < LEAST.1 {
            return None;
        }
        let columns = TimeColumns::new(span, last.at_ns, usize::from(plot.width) * DOTS.0);
        let in_sight = (columns.points(past)).filter(|point| columns.column(point).is_some());
        let most = in_sight.filter_map(|point| point.high()).max();
        let scale = Scale {
            columns,
            rows: usize::from(plot.height) * DOTS.1,
            top: step_above(most.unwrap_or(0)),
        };
        Some(Self {
            past,
            unit,
            scale,
            span,
            most,
            end: " now",
            area,
            plot,
        })
    }

    /// The largest figure in sight; `None` where none is known.
    pub(super) fn most(&self) -> Option<u64> {
        self.most
    }

    /// With a scale that has room for `most`, so that charts beside each other can be compared.
    pub(super) fn up_to(mut self, most: u64) -> Self {
        self.scale.top = step_above(most);
        self
    }

    /// Of what has come to an end, and that is where the picture ends, too.
    pub(super) fn ended(mut self) -> Self {
        self.end = " the end";
        self
    }

    /// Draws it.
    pub(super) fn render(&self, canvas: &mut Canvas<'_>) {
        if self.most.is_none() {
            return;
        }
        self.axes(canvas);
        let cells = self.scale.draw(self.past, self.unit.filled);
        let braille = canvas.glyphs().braille;
        for (row, y) in cells.chunks(self.plot.width.into()).zip(self.plot.top()..) {
            let line: String = row.iter().map(|dots| glyph(*dots, braille)).collect();
            canvas.put(self.plot.x, y, self.plot.width, &line, ColorRole::Chart);
        }
    }

    fn axes(&self, canvas: &mut Canvas<'_>) {
        let (plot, top) = (self.plot, self.scale.top);
        let border = canvas.glyphs().border;
        let x = plot.x - 1;
        let vertical = Rect {
            x,
            width: 1,
            ..plot
        };
        canvas.fill(vertical, border.vertical_left, ColorRole::Border);
        let mut figures = vec![(plot.y, top), (plot.bottom() - 1, 0)];
        if plot.height >= 7 && plot.height % 2 == 1 {
            figures.push((plot.y + plot.height / 2, top / 2));
        }
        for (y, figure) in figures {
            let figure = (self.unit.text)(figure);
            canvas.put_right(self.area.x, y, self.unit.width, &figure, ColorRole::Dim);
        }
        let bottom = Rect {
            x,
            y: plot.bottom(),
            width: plot.width + 1,
            height: 1,
        };
        canvas.fill(bottom, border.horizontal_bottom, ColorRole::Border);
        canvas.put(x, bottom.y, 1, border.bottom_left, ColorRole::Border);
        let ago = format!(" {} ago ", self.span.word());
        canvas.put(x + 2, bottom.y, bottom.width - 2, &ago, ColorRole::Dim);
        let left = bottom.right() - text::width(self.end);
        canvas.put(left, bottom.y, bottom.width, self.end, ColorRole::Dim);
    }
}

/// The next step of the vertical axis that has room for `most`: 1.0 and 1.5 KiB, 2, 3, 4, 6 and so on.
pub(super) fn step_above(most: u64) -> u64 {
    let whole = most.max(1024).checked_next_power_of_two();
    let Some(whole) = whole else {
        return u64::MAX;
    };
    let between = whole / 4 * 3;
    if most <= between && most > 1024 {
        between
    } else {
        whole
    }
}

impl Scale {
    /// The dot row of a figure, from the top.
    fn row(&self, figure: u64) -> usize {
        let last = self.rows - 1;
        let height = u128::from(figure) * last as u128 / u128::from(self.top);
        last - usize::try_from(height).map_or(last, |height| height.min(last))
    }

    /// The dots of every cell, row by row. Points are joined by a line, steps of time are bands from their least to their
    /// largest; where a figure is not known the line has a gap.
    fn draw(&self, past: &PastSeries, filled: bool) -> Vec<u8> {
        let mut dots = Dots {
            cells: vec![0; self.columns.count / DOTS.0 * (self.rows / DOTS.1)],
            width: self.columns.count / DOTS.0,
            floor: filled.then_some(self.rows - 1),
        };
        let mut before: Option<(usize, usize)> = None;
        for point in self.columns.points(past) {
            let range = point.high().zip(point.low());
            let range = range.map(|(high, low)| (self.row(high), self.row(low)));
            let Some((x, (top, bottom))) = self.columns.column(point).zip(range) else {
                before = None;
                continue;
            };
            if top == bottom {
                dots.line(before.unwrap_or((x, top)), (x, top));
            } else {
                dots.band(before, x, (top, bottom));
            }
            before = point.value().map(|last| (x, self.row(last)));
        }
        dots.cells
    }
}

/// Dots in cells of braille.
struct Dots {
    /// Row by row.
    cells: Vec<u8>,
    /// Cells of a row.
    width: usize,
    /// The lowest row, where everything is filled down to it.
    floor: Option<usize>,
}

impl Dots {
    fn vertical(&mut self, x: usize, from: usize, to: usize) {
        for y in from..=self.floor.unwrap_or(to) {
            self.cells[y / DOTS.1 * self.width + x / DOTS.0] |= bit(x % DOTS.0, y % DOTS.1);
        }
    }

    /// A line to the point at `x` and `y`.
    fn line(&mut self, (from_x, from_y): (usize, usize), (x, y): (usize, usize)) {
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
            self.vertical(step_x, from.min(here), from.max(here));
            last_y = here;
        }
    }

    /// A step of time that ends at `x`: it was somewhere between `top` and `bottom` since the one before, which it touches.
    fn band(&mut self, before: Option<(usize, usize)>, x: usize, (top, bottom): (usize, usize)) {
        let first = before.map_or(x, |(before, _)| (before + 1).min(x));
        for step_x in first..=x {
            let beside = before.filter(|_| step_x == first).map(|(_, y)| y);
            let from = beside.map_or(top, |y| top.min(y));
            self.vertical(step_x, from, beside.map_or(bottom, |y| bottom.max(y)));
        }
    }
}

/// The number `part` of `whole` on the way.
fn between(from: usize, to: usize, part: usize, whole: usize) -> usize {
    let way = from.abs_diff(to) * part / whole;
    if to > from { from + way } else { from - way }
}

/// Dots of a braille cell are numbered down its left side and down its right, but for the lowest two, which came later.
pub(super) fn bit(x: usize, y: usize) -> u8 {
    const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    BITS[x][y]
}

pub(super) fn glyph(dots: u8, braille: bool) -> char {
    match dots {
        0 => ' ',
        _ if !braille => '*',
        _ => char::from_u32(0x2800 + u32::from(dots)).unwrap_or('*'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::PastPoint;

    fn scale() -> Scale {
        Scale {
            columns: TimeColumns::of(9, 1, 8),
            rows: 8,
            top: 70,
        }
    }

    fn picture(points: &[(u64, Option<u64>)]) -> Vec<String> {
        drawn(points, false)
    }

    fn drawn(points: &[(u64, Option<u64>)], filled: bool) -> Vec<String> {
        let points = points
            .iter()
            .map(|&(at_ns, value)| PastPoint::at(at_ns, value));
        braille(&points.collect(), filled)
    }

    fn braille(past: &PastSeries, filled: bool) -> Vec<String> {
        let cells = scale().draw(past, filled);
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

    /// Steps of time: when they end, and what was seen in them.
    fn steps(steps: &[(u64, &[Option<u64>])], filled: bool) -> Vec<String> {
        let step = |&(at_ns, values): &(u64, &[Option<u64>])| {
            let points = values.iter().map(|value| PastPoint::at(at_ns, *value));
            points.reduce(PastPoint::followed_by).unwrap()
        };
        braille(&steps.iter().map(step).collect(), filled)
    }

    #[test]
    fn a_step_of_time_is_a_band_from_its_least_to_its_largest() {
        let (low, high, both) = ([Some(0)], [Some(70)], [Some(0), Some(70), Some(0)]);
        // It ends at its last figure, from where the line goes on.
        assert_eq!(
            steps(&[(2, &low), (5, &both), (9, &low)], false),
            ["⢸⣿  ", "⣸⣿⣀⣀"]
        );
        assert_eq!(steps(&[(5, &both)], false), [" ⢸  ", " ⢸  "]);
        assert_eq!(
            steps(&[(2, &high), (5, &both), (9, &low)], true),
            ["⣿⣿  ", "⣿⣿⣀⣀"]
        );
        // Of a step that ended without a figure there is what was seen, and no line from it.
        let ends = [Some(70), Some(30), None];
        assert_eq!(steps(&[(3, &ends), (9, &high)], false), ["⢸  ⠈", "⠈   "]);
    }

    #[test]
    fn an_amount_is_filled_down_to_the_axis() {
        assert_eq!(
            drawn(&[(2, Some(0)), (6, Some(70)), (9, Some(70))], true),
            [" ⢠⣿⣿", "⣠⣿⣿⣿"]
        );
    }

    #[test]
    fn scales_go_in_steps_that_have_room() {
        for (most, top) in [
            (0, 1024),
            (1024, 1024),
            (1025, 1536),
            (1536, 1536),
            (1537, 2048),
            (421_888, 512 << 10),
            (300_000, 384 << 10),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(step_above(most), top, "{most}");
        }
        for shift in 0..64 {
            let most = u64::MAX >> shift;
            assert!(step_above(most) >= most);
            let read = bytes(step_above(most));
            assert!(read.len() <= usize::from(BYTES.width), "{read}");
            let read = (PER_SECOND.text)(step_above(most));
            assert!(read.len() <= usize::from(PER_SECOND.width), "{read}");
        }
    }
}
