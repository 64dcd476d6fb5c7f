//! What is wrong, worst first, what cannot be seen, and what has happened, the newest first.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::screen::cut;
use crate::observe::event::EventKind;
use crate::observe::frame::Frame;
use crate::observe::snapshot::{Limit, RingSnapshot, Severity};
use crate::ui::action::Pane;
use crate::ui::app::App;
use crate::ui::format::ago;
use crate::ui::items::items;
use crate::ui::spots::Spot;
use crate::ui::text;
use crate::ui::theme::Role;

/// Room for the word in front of every item.
const WORD: u16 = 9;

/// An item: the word in front of it, how that looks, and the sentence.
struct Item {
    word: String,
    role: Role,
    text: String,
    /// On one line unless it is selected: there are many.
    brief: bool,
}

pub(super) fn title(frame: &Frame) -> (String, String) {
    let ring = &frame.snapshot;
    let count = |name: &str, count: usize| match count {
        0 => String::new(),
        count => format!(", {name} {count}"),
    };
    let title = format!(
        "Findings {}{}{}",
        ring.findings.len(),
        count("limits", ring.attach.limits.len()),
        count("events", frame.events.len())
    );
    (title, String::new())
}

/// Rows that findings and limits take in `width` columns; each event takes one more.
pub(super) fn rows(ring: &RingSnapshot, width: u16) -> usize {
    (0..)
        .map_while(|row| standing(ring, row))
        .map(|item| lines(&item, width, false).len())
        .sum()
}

pub(super) fn render(frame: &Frame, app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let ring = &frame.snapshot;
    let item = |row: usize| {
        let fixed = ring.findings.len() + ring.attach.limits.len();
        match row.checked_sub(fixed) {
            None => standing(ring, row),
            Some(newer) => event(frame, newer),
        }
    };
    let all = items(frame);
    let spot = |row: usize| all.clone().nth(row).map(Spot::Finding);
    if app.focus() == Pane::Findings {
        return render_items(item, spot, app.selected_finding(), canvas, area);
    }
    // Where not all has room, limits, which stay as they are, give way to the newest events.
    let rows_of = |items: usize| -> usize {
        (0..items)
            .filter_map(|row| standing(ring, row))
            .map(|item| lines(&item, area.width, false).len())
            .sum()
    };
    let kept = frame.events.len().min(usize::from(area.height / 3).max(1));
    let above = rows_of(ring.findings.len())
        .max(usize::from(area.height).saturating_sub(kept))
        .min(rows(ring, area.width));
    let mut below = area;
    let above = cut(&mut below, u16::try_from(above).unwrap_or(u16::MAX));
    let fixed = ring.findings.len() + ring.attach.limits.len();
    render_items(|row| standing(ring, row), spot, None, canvas, above);
    let spot = |row: usize| spot(fixed + row);
    render_items(|row| event(frame, row), spot, None, canvas, below);
}

/// Limits alone, for the screens that have no ring.
pub(super) fn render_limits(limits: &[Limit], canvas: &mut Canvas<'_>, area: Rect) {
    render_items(
        |row| limits.get(row).map(limit),
        |_| None,
        None,
        canvas,
        area,
    );
}

/// Rows that `limits` take in `width` columns.
pub(super) fn limit_rows(limits: &[Limit], width: u16) -> usize {
    limits
        .iter()
        .map(|item| lines(&limit(item), width, false).len())
        .sum()
}

/// A finding or, below them, a limit.
fn standing(ring: &RingSnapshot, row: usize) -> Option<Item> {
    let Some(finding) = ring.findings.get(row) else {
        let limits = &ring.attach.limits;
        return limits.get(row - ring.findings.len()).map(limit);
    };
    let word = match finding.severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    Some(Item {
        word: word.to_owned(),
        role: finding.severity.into(),
        text: finding.message.clone(),
        brief: false,
    })
}

fn limit(limit: &Limit) -> Item {
    let remedy = limit
        .remedy
        .as_ref()
        .map(|remedy| format!(" ({remedy})"))
        .unwrap_or_default();
    Item {
        word: "limit".to_owned(),
        role: Role::Dim,
        text: format!("{}: {}{remedy}", limit.what, limit.why),
        brief: false,
    }
}

/// The event that has `newer` ones above it.
fn event(frame: &Frame, newer: usize) -> Option<Item> {
    let event = frame.events.back(newer)?;
    let role = match event.kind {
        EventKind::Evicted | EventKind::ProducerGone => Role::Bad,
        EventKind::Stalled | EventKind::Clogged | EventKind::RingNew => Role::Warn,
        EventKind::Recovered | EventKind::Unclogged => Role::Good,
        EventKind::Joined | EventKind::Left => Role::Dim,
    };
    // By the ring's clock, which stands still when the screen does.
    let age = frame.snapshot.sampled_ns.saturating_sub(event.monotonic_ns);
    Some(Item {
        word: ago(age),
        role,
        text: format!("{} {}", event.kind.word(), event.message),
        brief: true,
    })
}

fn lines(item: &Item, width: u16, selected: bool) -> Vec<String> {
    if item.brief && !selected {
        return vec![item.text.clone()];
    }
    text::wrap(&item.text, width.saturating_sub(WORD + 2))
}

/// Draws the items that `item` gives for the rows from 0 up; `spot` says what the pointer finds there.
fn render_items(
    item: impl Fn(usize) -> Option<Item>,
    spot: impl Fn(usize) -> Option<Spot>,
    selected: Option<usize>,
    canvas: &mut Canvas<'_>,
    area: Rect,
) {
    if area.is_empty() {
        return;
    }
    let wrapped = |row: usize| {
        let item = item(row)?;
        let lines = lines(&item, area.width, selected == Some(row));
        Some((item, lines))
    };
    // The selected item is shown whole, with as many before it as there is room for.
    let mut first = selected.unwrap_or(0);
    let mut used = wrapped(first).map_or(0, |(_, lines)| lines.len());
    while let Some(before) = first.checked_sub(1) {
        used += wrapped(before).map_or(0, |(_, lines)| lines.len());
        if used > usize::from(area.height) {
            break;
        }
        first = before;
    }
    let mut y = area.y;
    for (row, (item, lines)) in (first..).map_while(|row| Some((row, wrapped(row)?))) {
        for (line, text) in lines.iter().enumerate() {
            if y >= area.bottom() {
                // More than there is room for.
                canvas.put(
                    area.right() - 1,
                    y - 1,
                    1,
                    canvas.glyphs().ellipsis,
                    Role::Strong,
                );
                return;
            }
            if let Some(spot) = spot(row) {
                canvas.spot(
                    Rect {
                        y,
                        height: 1,
                        ..area
                    },
                    spot,
                );
            }
            if line == 0 {
                canvas.put(area.x + 1, y, WORD, &item.word, item.role);
            }
            canvas.put(
                area.x + 1 + WORD,
                y,
                area.width.saturating_sub(2 + WORD),
                text,
                Role::Plain,
            );
            if selected == Some(row) {
                canvas.put(area.x, y, 1, canvas.glyphs().selected, Role::Strong);
                canvas.tint(
                    Rect {
                        y,
                        height: 1,
                        ..area
                    },
                    Role::Selected,
                );
            }
            y += 1;
        }
    }
}
