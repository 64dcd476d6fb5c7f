//! The pictures of a ring, side by side above its panes: throughput, lags, the ring itself. As many as have room.

use ratatui::layout::Rect;

use super::canvas::{Canvas, cut};
use super::chart::{Chart, PER_SECOND};
use super::{lags, ring_circle, stats};
use crate::observe::model::Frame;
use crate::ui::app::App;

/// The least screen that has a chart: columns and rows.
const LEAST: (u16, u16) = (76, 36);
/// The least screen that has the ring as a circle, too.
const CIRCLE: (u16, u16) = (150, 46);
/// Rows of a chart alone.
const CHART: u16 = 8;
/// Rows at most: more show nothing more.
const HIGHEST: u16 = 32;
/// Columns in which both throughput and lags can be read beside the circle.
const BOTH: u16 = 110;
/// Columns between two pictures.
const GAP: u16 = 2;

/// Rows that the pictures take of a screen; none where it is small.
pub(super) fn rows(screen: Rect) -> u16 {
    if screen.width < LEAST.0 || screen.height < LEAST.1 {
        0
    } else if has_circle(screen) {
        (screen.height * 3 / 10).clamp(ring_circle::LEAST, HIGHEST)
    } else {
        CHART
    }
}

/// Whether the ring is drawn as a circle, and not as a bar.
pub(super) fn has_circle(screen: Rect) -> bool {
    screen.width >= CIRCLE.0 && screen.height >= CIRCLE.1
}

pub(super) fn render(
    frame: &Frame,
    app: &App,
    screen: Rect,
    canvas: &mut Canvas<'_>,
    mut area: Rect,
) {
    area.x += 1;
    area.width = area.width.saturating_sub(1);
    if has_circle(screen) {
        let width = ring_circle::width(area.height).min(area.width / 2);
        let circle = Rect {
            x: area.right() - width,
            width,
            ..area
        };
        ring_circle::render(&frame.snapshot, canvas, circle);
        area.width -= width + GAP;
        // Of several lags each wants room of its own; one figure over time does not.
        let width = area.width / 7 * 3;
        let rest = Rect {
            x: area.x + width + GAP,
            width: area.width - width - GAP,
            ..area
        };
        if !frame.snapshot.consumers.is_empty() && area.width >= BOTH {
            lags::render(frame, app, canvas, rest);
            area.width = width;
        }
    }
    throughput(frame, app, canvas, area);
}

/// ``` Throughput  now  846 MiB/s   peak  857 MiB/s   ~13.2 M msg/s ``` and the chart below it.
fn throughput(frame: &Frame, app: &App, canvas: &mut Canvas<'_>, mut area: Rect) {
    let heading = cut(&mut area, 1);
    let chart = Chart::new(&frame.rates, app.time_span(), &PER_SECOND, area);
    let peak = chart.as_ref().and_then(Chart::most);
    stats::throughput(&frame.snapshot, peak, canvas, heading);
    if let Some(mut chart) = chart {
        if !frame.snapshot.producer.alive {
            chart = chart.ended();
        }
        chart.render(canvas);
    }
}
