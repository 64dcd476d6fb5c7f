//! The lags of several consumers over time: a small chart for each, all on the same scales, so that they can be
//! compared and none is told from another by its colour.

use ratatui::layout::Rect;

use super::canvas::{Canvas, cut};
use super::chart::{BYTES, Chart};
use super::consumers::name;
use crate::observe::model::Frame;
use crate::ui::app::App;
use crate::ui::format::bytes;
use crate::ui::theme::ColorRole;

/// The least that a chart is readable in, its heading included.
const LEAST: (u16, u16) = (34, 5);
/// More columns than this for one chart say nothing more.
const WIDEST: u16 = 70;
/// Columns between two charts.
const GAP: u16 = 2;

/// ```text
/// Lag over time, consumers 1 to 4 of 17 as listed
///  slot 0 risk, 1.2 KiB                ▸slot 1 archive, 412 KiB
///  512 KiB│                             512 KiB│   ⢀⡠⠔⠊⠉⠒⠤
///      0 B│⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀                 0 B│⡠⠔⠁
///         └ 2 min ago ─── now                  └ 2 min ago ─── now
/// ```
pub(super) fn render(frame: &Frame, app: &App, canvas: &mut Canvas<'_>, mut area: Rect) {
    let heading = cut(&mut area, 1);
    let ring = &frame.snapshot;
    let rows = app.consumer_list().rows(ring);
    if rows.is_empty() || area.height < LEAST.1 || area.width < LEAST.0 {
        return;
    }
    let (across, down) = grid(rows.len(), area);
    let cells = usize::from(across * down);
    // The page of the list that the selected row is on: it turns, it does not slide. The last one is full, too.
    let selected = app.selected_consumer().unwrap_or(0);
    let first = (selected / cells * cells).min(rows.len().saturating_sub(cells));
    let shown = &rows[first..rows.len().min(first + cells)];
    title(first, shown.len(), rows.len(), canvas, heading);

    let span = app.time_span();
    let (width, height) = (area.width / across, area.height / down);
    let mut charts = Vec::new();
    for (&place, nth) in shown.iter().zip(0u16..) {
        let mut cell = Rect {
            x: area.x + nth % across * width,
            y: area.y + nth / across * height,
            width: width - GAP,
            height,
        };
        let consumer = &ring.consumers[place];
        let heading = cut(&mut cell, 1);
        let is_selected = first + usize::from(nth) == selected;
        let lag = consumer.lag_bytes.map(bytes);
        let text = format!(
            "{}{} {}, {}",
            if is_selected {
                canvas.glyphs().selected
            } else {
                " "
            },
            name(consumer, place),
            consumer.command.as_deref().unwrap_or_default(),
            lag.as_deref().unwrap_or(canvas.glyphs().unknown)
        );
        let role = if is_selected {
            ColorRole::Strong
        } else {
            ColorRole::Plain
        };
        canvas.put(heading.x, heading.y, heading.width, &text, role);
        let past = frame.lags.get(&consumer.meta_inode);
        charts.extend(past.and_then(|past| Chart::new(past, span, &BYTES, cell)));
    }
    let most = charts.iter().filter_map(Chart::most).max().unwrap_or(0);
    for chart in charts {
        chart.up_to(most).render(canvas);
    }
}

fn title(first: usize, shown: usize, of: usize, canvas: &mut Canvas<'_>, area: Rect) {
    let x = canvas.put(
        area.x,
        area.y,
        area.width,
        "Lag over time",
        ColorRole::Label,
    );
    let rest = match (first, shown) {
        (0, _) if shown == of => String::new(),
        (_, 1) => format!(", consumer {} of {of} as listed", first + 1),
        _ => format!(
            ", consumers {} to {} of {of} as listed",
            first + 1,
            first + shown
        ),
    };
    canvas.put(x, area.y, area.right() - x, &rest, ColorRole::Plain);
}

/// Charts across and down: as few as hold all of them, each as large as that leaves.
fn grid(charts: usize, area: Rect) -> (u16, u16) {
    let charts = u16::try_from(charts).unwrap_or(u16::MAX);
    let most_across = (area.width / LEAST.0).max(1);
    let most_down = (area.height / LEAST.1).max(1);
    let least_across = (area.width / WIDEST).clamp(1, most_across);
    let across = charts
        .div_ceil(most_down)
        .clamp(least_across, most_across)
        .min(charts);
    (across, charts.div_ceil(across).clamp(1, most_down))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_are_as_large_as_their_number_leaves() {
        let grid = |charts, width, height| grid(charts, Rect::new(0, 0, width, height));
        assert_eq!(grid(1, 80, 14), (1, 1));
        assert_eq!(grid(2, 80, 14), (1, 2));
        assert_eq!(grid(4, 80, 14), (2, 2));
        assert_eq!(grid(9, 80, 14), (2, 2));
        assert_eq!(grid(3, 140, 14), (2, 2));
        assert_eq!(grid(17, 140, 30), (3, 6));
        assert_eq!(grid(2, 140, 30), (2, 1));
    }
}
