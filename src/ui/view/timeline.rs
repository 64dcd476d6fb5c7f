//! Time in a recording: where it begins and ends, what is shown, and what was wrong when.

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::observe::model::{Severity, Timeline};
use crate::ui::format::duration_in;
use crate::ui::text;
use crate::ui::theme::ColorRole;

/// A strip narrower than this says nothing.
const LEAST: u16 = 10;

/// ```  paused 06:10:02.5 +1m 57s   06:08:05 ─────!────────●──────!!─── 06:12:41 ```
pub(super) fn render(timeline: &Timeline, canvas: &mut Canvas<'_>, area: Rect) {
    let (badge, role) = match (timeline.is_live, timeline.speed) {
        (true, _) => ("live".to_owned(), ColorRole::Good),
        (false, Some(1)) => ("plays".to_owned(), ColorRole::Good),
        (false, Some(speed)) => (format!("{speed} x"), ColorRole::Good),
        (false, None) => ("paused".to_owned(), ColorRole::Strong),
    };
    let left = area.x + u16::from(area.width > 30);
    let end = area.right().saturating_sub(1);
    canvas.put(left, area.y, 6, &badge, role);
    let mut x = left + 7;
    let now = clock(timeline.at_ns, true);
    x = canvas.put(x, area.y, end.saturating_sub(x), &now, ColorRole::Focus) + 1;
    let since = timeline.at_ns.saturating_sub(timeline.begin_ns);
    let since = match since / 100_000_000 {
        tenths @ ..600 => format!("+{}.{} s", tenths / 10, tenths % 10),
        _ => format!("+{}", duration_in(since, "us")),
    };
    if area.width >= 60 {
        canvas.put(x, area.y, 9, &since, ColorRole::Plain);
        x += 10;
    }
    let (begin, last) = (
        clock(timeline.begin_ns, false),
        clock(timeline.end_ns, false),
    );
    let sides = text::width(&begin) + text::width(&last) + 2;
    if end.saturating_sub(x) < sides + LEAST {
        return strip(timeline, canvas, area.y, x, end);
    }
    x = canvas.put(x, area.y, end - x, &begin, ColorRole::Dim) + 1;
    let right = end - text::width(&last);
    canvas.put(right, area.y, end - right, &last, ColorRole::Dim);
    strip(timeline, canvas, area.y, x, right - 1);
}

/// The whole recording, from `x` to `end`.
fn strip(timeline: &Timeline, canvas: &mut Canvas<'_>, y: u16, x: u16, end: u16) {
    let width = end.saturating_sub(x);
    if width < LEAST {
        return;
    }
    let length = timeline.end_ns.saturating_sub(timeline.begin_ns).max(1);
    let column = |at_ns: u64| {
        let since = at_ns.saturating_sub(timeline.begin_ns).min(length);
        let place = u128::from(since) * u128::from(width - 1) / u128::from(length);
        x + u16::try_from(place).unwrap_or(0).min(width - 1)
    };
    let line = canvas.glyphs().border.horizontal_top;
    let all = line.repeat(width.into());
    canvas.put(x, y, width, &all, ColorRole::Dim);
    // The worst in a column is the last to be put there.
    for severity in [Severity::Warning, Severity::Critical] {
        let marks = timeline
            .marks
            .iter()
            .filter(|mark| mark.severity == severity);
        let mut columns: Vec<u16> = marks.map(|mark| column(mark.at_ns)).collect();
        columns.dedup();
        for column in columns {
            canvas.put(column, y, 1, "!", severity.into());
        }
    }
    let here = canvas.glyphs().state;
    canvas.put(column(timeline.at_ns), y, 1, here, ColorRole::Focus);
}

/// The time of day, UTC.
fn clock(ns: u64, tenths: bool) -> String {
    let Ok(time) = Timestamp::from_nanosecond(ns.into()) else {
        return String::new();
    };
    if tenths {
        time.strftime("%H:%M:%S%.1f").to_string()
    } else {
        time.strftime("%H:%M:%S").to_string()
    }
}
