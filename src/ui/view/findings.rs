//! What is wrong, worst first, and what cannot be seen.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::observe::snapshot::{Limit, RingSnapshot, Severity};
use crate::ui::app::{App, Pane};
use crate::ui::text;
use crate::ui::theme::Role;

/// Room for the word in front of every item.
const WORD: u16 = 9;

/// An item: how bad in a word, how that looks, and the sentence.
type Item = (&'static str, Role, String);

pub(super) fn title(ring: &RingSnapshot) -> (String, String) {
    let (findings, limits) = (ring.findings.len(), ring.attach.limits.len());
    let limits = if limits == 0 {
        String::new()
    } else {
        format!(", limits {limits}")
    };
    (format!("Findings {findings}{limits}"), String::new())
}

/// Rows that all items take in `width` columns.
pub(super) fn rows(ring: &RingSnapshot, width: u16) -> usize {
    items(ring)
        .iter()
        .map(|item| lines(item, width).len())
        .sum()
}

pub(super) fn render(ring: &RingSnapshot, app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let items = items(ring);
    let focused = app.focus() == Pane::Findings;
    let selected = app.selected_finding().min(items.len().saturating_sub(1));
    render_items(&items, focused.then_some(selected), canvas, area);
}

/// Limits alone, for the screens that have no ring.
pub(super) fn render_limits(limits: &[Limit], canvas: &mut Canvas<'_>, area: Rect) {
    let items: Vec<Item> = limits.iter().map(limit).collect();
    render_items(&items, None, canvas, area);
}

/// Rows that `limits` take in `width` columns.
pub(super) fn limit_rows(limits: &[Limit], width: u16) -> usize {
    limits
        .iter()
        .map(|item| lines(&limit(item), width).len())
        .sum()
}

fn items(ring: &RingSnapshot) -> Vec<Item> {
    let findings = ring.findings.iter().map(|finding| {
        let word = match finding.severity {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        (word, finding.severity.into(), finding.message.clone())
    });
    findings
        .chain(ring.attach.limits.iter().map(limit))
        .collect()
}

fn limit(limit: &Limit) -> Item {
    let remedy = limit
        .remedy
        .as_ref()
        .map(|remedy| format!(" ({remedy})"))
        .unwrap_or_default();
    (
        "limit",
        Role::Dim,
        format!("{}: {}{remedy}", limit.what, limit.why),
    )
}

fn lines(item: &Item, width: u16) -> Vec<String> {
    text::wrap(&item.2, width.saturating_sub(WORD + 2))
}

fn render_items(items: &[Item], selected: Option<usize>, canvas: &mut Canvas<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    let wrapped: Vec<Vec<String>> = items.iter().map(|item| lines(item, area.width)).collect();
    // The selected item is shown whole, with as many before it as there is room for.
    let mut first = selected.unwrap_or(0);
    let mut used = wrapped.get(first).map_or(0, Vec::len);
    while let Some(before) = first.checked_sub(1)
        && used + wrapped[before].len() <= usize::from(area.height)
    {
        used += wrapped[before].len();
        first = before;
    }
    let mut y = area.y;
    for (index, ((word, role, _), lines)) in items.iter().zip(&wrapped).enumerate().skip(first) {
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
            if line == 0 {
                canvas.put(area.x + 1, y, WORD, word, *role);
            }
            canvas.put(
                area.x + 1 + WORD,
                y,
                area.width.saturating_sub(1 + WORD),
                text,
                Role::Plain,
            );
            if selected == Some(index) {
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
