//! Tables: columns that fit, rows around the selected one.
//!
//! Columns have fixed widths, so that nothing jumps between samples; where there is no room for all of them the least
//! important go first. Knows nothing of what stands in the cells.

use std::borrow::Cow;
use std::ops::Range;

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::ui::hit_map::Spot;
use crate::ui::text;
use crate::ui::theme::ColorRole;

/// Room before the first column for the mark of the selected row.
const GUTTER: u16 = 2;

/// A column, between `width` and `widest` columns of the screen wide.
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) width: u16,
    pub(super) widest: u16,
    /// Columns of a high rank are the first to go.
    pub(super) rank: u8,
    pub(super) right: bool,
    /// Text that is too long is cut in its middle.
    ends_tell: bool,
}

impl Column {
    /// Text, from the left.
    pub(super) const fn text(title: &'static str, width: u16, rank: u8) -> Self {
        Self {
            title,
            width,
            widest: width,
            rank,
            right: false,
            ends_tell: false,
        }
    }

    /// A number, from the right.
    pub(super) const fn number(title: &'static str, width: u16, rank: u8) -> Self {
        Self {
            title,
            width,
            widest: width,
            rank,
            right: true,
            ends_tell: false,
        }
    }

    /// What tells most stands at the end of the text, as in a path: the middle is left out where it is too long.
    pub(super) const fn ends_tell(mut self) -> Self {
        self.ends_tell = true;
        self
    }

    /// Takes room that is left over, up to `widest`.
    pub(super) const fn up_to(mut self, widest: u16) -> Self {
        self.widest = widest;
        self
    }
}

/// What stands in a cell.
pub(super) struct Cell {
    pub(super) text: Cow<'static, str>,
    pub(super) role: ColorRole,
    /// Columns of a text that match what is looked for.
    pub(super) found: Range<u16>,
}

impl Cell {
    pub(super) fn new(text: impl Into<Cow<'static, str>>, role: ColorRole) -> Self {
        Self {
            text: text.into(),
            role,
            found: 0..0,
        }
    }
}

/// A part of a table that can be pointed at.
pub(super) enum Part {
    /// The title of a column.
    Title(usize),
    /// A row.
    Row(usize),
}

/// A table with one row selected.
pub(super) struct DataTable<'a> {
    pub(super) columns: &'a [Column],
    pub(super) rows: usize,
    pub(super) selected: Option<usize>,
    pub(super) focused: bool,
    /// The column that rows are sorted by, and whether the largest stands first.
    pub(super) sorted: Option<(usize, bool)>,
}

impl DataTable<'_> {
    /// Draws the rows that have room, from `top` on as far as the selected one is then in sight; only their cells are
    /// asked for. `spot` says what the pointer finds there. Tells the first row that is shown.
    pub(super) fn render_from(
        &self,
        top: usize,
        canvas: &mut Canvas<'_>,
        area: Rect,
        cell: impl Fn(usize, usize) -> Cell,
        spot: impl Fn(Part) -> Option<Spot>,
    ) -> usize {
        self.render_with(top, canvas, area, cell, |_| None, spot)
    }

    /// Like [`Self::render_from`], with rows that are no rows of cells where `words` has something to say instead.
    pub(super) fn render_with(
        &self,
        top: usize,
        canvas: &mut Canvas<'_>,
        area: Rect,
        cell: impl Fn(usize, usize) -> Cell,
        words: impl Fn(usize) -> Option<Cell>,
        spot: impl Fn(Part) -> Option<Spot>,
    ) -> usize {
        if area.is_empty() {
            return top;
        }
        let places = fit(self.columns, area.width.saturating_sub(GUTTER));
        let mut y = area.y;
        if has_header(area, self.rows) {
            for &(column, x, width) in &places {
                let place = Rect::new(area.x + GUTTER + x, y, width, 1);
                self.title(canvas, column, place);
                if let Some(spot) = spot(Part::Title(column)) {
                    // With the gap before it, where the arrow of a number stands.
                    let around = Rect::new(place.x - 1, y, width + 1, 1);
                    canvas.spot(around, spot);
                }
            }
            y += 1;
        }
        let rows = window(self.rows, self.selected, rows_in(area, self.rows), top);
        for row in rows.clone() {
            if let Some(spot) = spot(Part::Row(row)) {
                canvas.spot(Rect::new(area.x, y, area.width, 1), spot);
            }
            let said = words(row);
            if let Some(Cell { text, role, .. }) = &said {
                let width = area.width.saturating_sub(GUTTER);
                canvas.put(area.x + GUTTER, y, width, text, *role);
            }
            for &(column, x, width) in places.iter().filter(|_| said.is_none()) {
                let Cell {
                    mut text,
                    role,
                    found,
                } = cell(row, column);
                if self.columns[column].ends_tell && width > 0 {
                    let ellipsis = canvas.glyphs().ellipsis;
                    text = text::without_middle(&text, width, ellipsis)
                        .into_owned()
                        .into();
                }
                let put = if self.columns[column].right {
                    Canvas::put_right
                } else {
                    Canvas::put
                };
                // What is dim could not be read on the bar of the selected row.
                let on_bar = self.selected == Some(row) && role == ColorRole::Dim;
                let role = if on_bar { ColorRole::Plain } else { role };
                put(canvas, area.x + GUTTER + x, y, width, &text, role);
                if !found.is_empty() && found.start < width {
                    let length = found.end.min(width) - found.start;
                    let start = area.x + GUTTER + x + found.start;
                    canvas.tint(Rect::new(start, y, length, 1), ColorRole::Match);
                }
            }
            if self.selected == Some(row) {
                canvas.put(area.x, y, 1, canvas.glyphs().selected, ColorRole::Strong);
                let role = if self.focused {
                    ColorRole::Selected
                } else {
                    ColorRole::Marked
                };
                canvas.tint(
                    Rect {
                        y,
                        height: 1,
                        ..area
                    },
                    role,
                );
                // Bars turned inside out would say something else.
                for &(column, x, width) in &places {
                    let Cell { text, role, .. } = cell(row, column);
                    if role == ColorRole::Chart {
                        canvas.put(area.x + GUTTER + x, y, width, &text, role);
                    }
                }
            }
            y += 1;
        }
        rows.start
    }
}

impl DataTable<'_> {
    /// A column's title; an arrow beside it where rows are sorted by the column.
    fn title(&self, canvas: &mut Canvas<'_>, column: usize, area: Rect) {
        let Rect { x, y, width, .. } = area;
        let Column { title, right, .. } = self.columns[column];
        let arrow = self.sorted.filter(|(sorted, _)| *sorted == column);
        let arrow = arrow.map(|(_, descending)| canvas.glyphs().sorted[usize::from(descending)]);
        let role = if arrow.is_some() {
            ColorRole::Focus
        } else {
            ColorRole::Label
        };
        let arrow_at = if right {
            // The gutter or the title's own column has room before it.
            canvas.put_right(x, y, width, title, role).saturating_sub(1)
        } else {
            canvas.put(x, y, width, title, role)
        };
        if let Some(arrow) = arrow {
            canvas.put(arrow_at, y, 1, arrow, role);
        }
    }
}

/// How many of `rows` a table has room for in `area`.
pub(super) fn rows_in(area: Rect, rows: usize) -> usize {
    usize::from(area.height - u16::from(has_header(area, rows)))
}

/// Whether every column has room in `area`.
pub(super) fn fits_all(columns: &[Column], area: Rect) -> bool {
    columns.iter().map(|column| column.width + 1).sum::<u16>()
        < area.width.saturating_sub(GUTTER) + 2
}

/// The column titles are given up before the last rows are.
fn has_header(area: Rect, rows: usize) -> bool {
    area.height >= 3 || (area.height == 2 && rows < 2)
}

/// The rows to show: those that were, from `top` on, as long as the selected one is among them, else as few rows
/// further as bring it into sight; and never beyond an end.
pub(super) fn window(
    rows: usize,
    selected: Option<usize>,
    room: usize,
    top: usize,
) -> Range<usize> {
    let mut first = top.min(rows.saturating_sub(room));
    if let Some(selected) = selected {
        first = first.clamp((selected + 1).saturating_sub(room).min(selected), selected);
    }
    first..rows.min(first + room)
}

/// The columns that fit into `room`: index, place and width of each.
fn fit(columns: &[Column], room: u16) -> Vec<(usize, u16, u16)> {
    let mut by_rank: Vec<usize> = (0..columns.len()).collect();
    by_rank.sort_by_key(|&column| columns[column].rank);
    let mut left = room.saturating_add(1);
    let mut chosen = Vec::with_capacity(columns.len());
    for column in by_rank {
        let taken = columns[column].width + 1;
        // The most important column is shown even where it has to be cut.
        if taken > left && !chosen.is_empty() {
            break;
        }
        left = left.saturating_sub(taken);
        chosen.push(column);
    }
    chosen.sort_unstable();
    let mut x = 0;
    let mut places = Vec::with_capacity(chosen.len());
    for column in chosen {
        let Column { width, widest, .. } = columns[column];
        let more = (widest - width).min(left);
        left -= more;
        places.push((column, x, (width + more).min(room)));
        x += width + more + 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_by_rank_and_the_rest_is_shared_out() {
        let columns = [
            Column::number("PID", 4, 1),
            Column::text("COMMAND", 4, 0).up_to(9),
            Column::text("STATE", 4, 2),
        ];
        assert_eq!(fit(&columns, 14), [(0, 0, 4), (1, 5, 4), (2, 10, 4)]);
        assert_eq!(fit(&columns, 30), [(0, 0, 4), (1, 5, 9), (2, 15, 4)]);
        assert_eq!(fit(&columns, 13), [(0, 0, 4), (1, 5, 8)]);
        assert_eq!(fit(&columns, 3), [(1, 0, 3)]);
        assert_eq!(fit(&columns, 0), [(1, 0, 0)]);
    }

    #[test]
    fn the_selected_row_is_always_in_sight() {
        for rows in 0..20 {
            for room in 0..20 {
                for (selected, top) in (0..rows).flat_map(|row| (0..25).map(move |top| (row, top)))
                {
                    let window = window(rows, Some(selected), room, top);
                    assert!(
                        room == 0 || window.contains(&selected),
                        "{rows} {selected} {room} {top}"
                    );
                    assert_eq!(window.len(), rows.min(room));
                }
            }
        }
    }

    #[test]
    fn rows_stay_where_they_are_while_the_selection_moves_among_them() {
        for selected in 5..15 {
            assert_eq!(window(100, Some(selected), 10, 5), 5..15);
        }
        assert_eq!(window(100, Some(15), 10, 5), 6..16, "one row further");
        assert_eq!(window(100, Some(4), 10, 5), 4..14, "one row back");
        assert_eq!(window(100, Some(99), 10, 5), 90..100);
        assert_eq!(window(8, Some(7), 10, 5), 0..8, "all have room");
        assert_eq!(window(100, None, 10, 95), 90..100);
    }
}
