//! The title line: whose ring it is, how it is watched, what it is doing.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::observe::model::{Health, RingSnapshot};
use crate::text::counted;
use crate::ui::action::Screen;
use crate::ui::app::App;
use crate::ui::format;
use crate::ui::theme::ColorRole;

/// What the less important words at the right may not take from the name at the left.
const NAME: u16 = 8;

/// ``` zbqtop  quotes (pid 6388)  map+slots  10/s                 ● flowing   up 3d 04:12 ```
pub(super) fn render(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let left = area.x + u16::from(area.width > 30);
    let mut end = area.right().saturating_sub(1);
    let mut right = |canvas: &mut Canvas<'_>, text: &str, role| {
        let width = crate::ui::text::width(text);
        let name = if role == ColorRole::Plain { NAME } else { 0 };
        if width > 0 && width + name < end.saturating_sub(left) {
            end = canvas
                .put_right(end - width, area.y, width, text, role)
                .saturating_sub(2);
        }
    };
    if app.looks_long() {
        let looking = format!("looking{}", canvas.glyphs().goes_on);
        right(canvas, &looking, ColorRole::Strong);
    }
    let ring = app
        .frame()
        .filter(|_| app.screen() == Screen::Ring)
        .map(|frame| &frame.snapshot);
    if let Some(ring) = ring {
        // What counts most asks for room first, and so stands outermost.
        if app.frozen() {
            right(canvas, " FROZEN ", ColorRole::Badge);
        }
        // The state says what it does, its health whether that is well.
        let (health, role) = match ring.health {
            Health::Critical => (" critical", ColorRole::Bad),
            Health::Warning => (" warning", ColorRole::Warn),
            Health::Unknown => ("", ColorRole::Dim),
            Health::Ok => ("", ColorRole::Good),
        };
        let state = format!("{} {}{health}", canvas.glyphs().state, ring.state.word());
        if area.width >= 60 {
            right(canvas, &uptime(app, ring), ColorRole::Plain);
        }
        right(canvas, &state, role);
    }

    let mut x = left;
    let mut put = |canvas: &mut Canvas<'_>, text: &str, role| {
        if x < end {
            x = canvas.put(x, area.y, end - x, text, role) + 2;
        }
    };
    if area.width >= 60 || ring.is_none() {
        put(canvas, "zbqtop", ColorRole::Focus);
    }
    let Some(ring) = ring else {
        let what = match app.screen() {
            Screen::Waiting => "waiting for a ring".to_owned(),
            Screen::Rings => counted(app.listing().rings.len() as u64, "ring"),
            Screen::Ring => app.ring().unwrap_or_default().to_owned(),
        };
        put(canvas, &what, ColorRole::Strong);
        return;
    };
    let producer = &ring.producer;
    let command = producer
        .command
        .as_deref()
        .unwrap_or(canvas.glyphs().unknown);
    put(
        canvas,
        &format!("{command} (pid {})", producer.pid),
        ColorRole::Strong,
    );
    put(canvas, &method(ring), ColorRole::Plain);
    if app.is_recorded() {
        return;
    }
    put(canvas, &rate(app), ColorRole::Plain);
    let recording = app.frame().and_then(|frame| frame.recording.as_deref());
    if let Some(recording) = recording {
        put(canvas, &format!("REC {recording}"), ColorRole::Bad);
    }
    if let Some(dump) = app.frame().and_then(|frame| frame.dump.as_deref()) {
        put(canvas, &format!("dump {dump}"), ColorRole::Bad);
    }
}

fn method(ring: &RingSnapshot) -> String {
    let slots = if ring.attach.slot_table {
        "+slots"
    } else {
        ", no slots"
    };
    format!("{}{slots}", ring.attach.method.word())
}

fn rate(app: &App) -> String {
    let seconds = app.pace().as_secs_f64();
    if seconds > 1.0 {
        format!("every {seconds} s")
    } else {
        format!("{:.0}/s", 1.0 / seconds)
    }
}

fn uptime(app: &App, ring: &RingSnapshot) -> String {
    if !ring.producer.alive || ring.state.is_over() {
        return String::new();
    }
    let started = ring
        .producer
        .started_at
        .as_deref()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let seconds = started
        .and_then(|started| u64::try_from(app.taken_at().as_second() - started.as_second()).ok());
    seconds
        .map(|seconds| format!("up {}", format::uptime(seconds)))
        .unwrap_or_default()
}
