//! What is wrong, worst first, what cannot be seen, and what has happened, the newest first.

use ratatui::layout::Rect;

use super::canvas::{Canvas, cut};
use crate::observe::model::{EventKind, Frame, Limitation, RingSnapshot};
use crate::ui::action::Pane;
use crate::ui::app::App;
use crate::ui::findings_rows::FindingsRow;
use crate::ui::format::{ago, time_of_day};
use crate::ui::hit_map::{List, Spot};
use crate::ui::text;
use crate::ui::theme::ColorRole;

/// Room for the word in front of every item.
const WORD: u16 = 9;
/// Room for the time of day before that, where there is room for it.
const TIME: u16 = 10;
/// From this width on there is.
const WIDE: u16 = 60;

/// What is said where there is nothing to say.
const NOTHING: &str = "No finding, no event.";
/// What is said where nothing passes the filter.
const NONE_MATCHES: &str = "Nothing matches the filter.";

/// An item: the word in front of it, how that looks, and the sentence.
struct FindingRow {
    /// When it was, of an event.
    time: Option<String>,
    word: String,
    role: ColorRole,
    text: String,
    /// On one line unless it is selected: there are many.
    brief: bool,
}

pub(super) fn title(frame: &Frame, app: &App) -> (String, String) {
    let focused = app.focus() == Pane::Findings;
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
    let title = match app.findings_filter() {
        "" => title,
        filter => format!("{title}: {} match /{filter}", app.finding_rows().len()),
    };
    let digit = Pane::Findings.digit();
    let note = if ring.attach.limits.is_empty() || focused {
        String::new()
    } else {
        format!("{digit} shows limits in full")
    };
    (title, note)
}

/// Rows that findings take in `width` columns, and limits, which take one all together; each event takes one more.
pub(super) fn rows(ring: &RingSnapshot, width: u16) -> usize {
    at_rest(ring)
        .map(|item| lines(&item, width, false).len())
        .sum()
}

/// Findings, and one row for all limits: what cannot be seen is said, and not in the way.
fn at_rest(ring: &RingSnapshot) -> impl Iterator<Item = FindingRow> {
    let findings = (0..ring.findings.len()).filter_map(|row| standing(ring, row));
    findings.chain(limits_in_brief(&ring.attach.limits))
}

fn limits_in_brief(limits: &[Limitation]) -> Option<FindingRow> {
    let [first, others @ ..] = limits else {
        return None;
    };
    if others.is_empty() {
        return Some(FindingRow {
            brief: true,
            ..limit(first)
        });
    }
    let what: Vec<String> = limits.iter().map(|limit| limit.what.to_string()).collect();
    Some(FindingRow {
        time: None,
        word: format!("{} limits", limits.len().min(99)),
        role: ColorRole::Dim,
        text: format!("not seen: {}", what.join("; ")),
        brief: true,
    })
}

pub(super) fn render(frame: &Frame, app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let ring = &frame.snapshot;
    let all = app.finding_rows();
    if all.is_empty() {
        let width = area.width.saturating_sub(2);
        let nothing = match app.findings_filter() {
            "" => NOTHING,
            _ => NONE_MATCHES,
        };
        canvas.put(area.x + 1, area.y, width, nothing, ColorRole::Dim);
        return;
    }
    let newest = frame.events.newest();
    let item = |row: usize| match *all.get(row)? {
        FindingsRow::Standing(place) => standing(ring, place),
        FindingsRow::Event(number) => event(frame, usize::try_from(newest - number).ok()?),
    };
    let spot = |row: usize| all.get(row).copied().map(Spot::Finding);
    let focused = app.focus() == Pane::Findings;
    if focused || !app.findings_filter().is_empty() {
        let selected = app.selected_finding().filter(|_| focused);
        let selected = selected.map(|row| (row, app.findings_top()));
        let top = render_items(item, spot, selected, canvas, area);
        return canvas.begin(List::Findings, top);
    }
    // Where not all has room, limits, which stay as they are, give way to the newest events.
    let findings = (0..ring.findings.len()).filter_map(|row| standing(ring, row));
    let findings: usize = findings
        .map(|item| lines(&item, area.width, false).len())
        .sum();
    let kept = frame.events.len().min(usize::from(area.height / 3).max(1));
    let above = findings
        .max(usize::from(area.height).saturating_sub(kept))
        .min(rows(ring, area.width));
    let mut below = area;
    let above = cut(&mut below, u16::try_from(above).unwrap_or(u16::MAX));
    let fixed = ring.findings.len() + ring.attach.limits.len();
    render_items(|row| at_rest(ring).nth(row), spot, None, canvas, above);
    let spot = |row: usize| spot(fixed + row);
    render_items(|row| event(frame, row), spot, None, canvas, below);
}

/// Limits alone, for the screens that have no ring.
pub(super) fn render_limits(limits: &[Limitation], canvas: &mut Canvas<'_>, area: Rect) {
    render_items(
        |row| limits.get(row).map(limit),
        |_| None,
        None,
        canvas,
        area,
    );
}

/// Rows that `limits` take in `width` columns.
pub(super) fn limit_rows(limits: &[Limitation], width: u16) -> usize {
    limits
        .iter()
        .map(|item| lines(&limit(item), width, false).len())
        .sum()
}

/// A finding or, below them, a limit.
fn standing(ring: &RingSnapshot, row: usize) -> Option<FindingRow> {
    let Some(finding) = ring.findings.get(row) else {
        let limits = &ring.attach.limits;
        return limits.get(row - ring.findings.len()).map(limit);
    };
    Some(FindingRow {
        time: None,
        word: finding.severity.word().to_owned(),
        role: finding.severity.into(),
        text: finding.message.clone(),
        brief: false,
    })
}

fn limit(limit: &Limitation) -> FindingRow {
    FindingRow {
        time: None,
        word: "limit".to_owned(),
        role: ColorRole::Dim,
        text: limit.to_string(),
        brief: false,
    }
}

/// The event that has `newer` ones above it.
fn event(frame: &Frame, newer: usize) -> Option<FindingRow> {
    let event = frame.events.back(newer)?;
    let role = match event.kind {
        EventKind::Evicted | EventKind::ProducerGone | EventKind::RingEnded => ColorRole::Bad,
        EventKind::Stalled | EventKind::Clogged | EventKind::RingNew => ColorRole::Warn,
        EventKind::Recovered | EventKind::Unclogged => ColorRole::Good,
        EventKind::Joined | EventKind::Left => ColorRole::Dim,
    };
    // By the ring's clock, which stands still when the screen does.
    let age = frame.snapshot.sampled_ns.saturating_sub(event.monotonic_ns);
    Some(FindingRow {
        time: Some(time_of_day(&event.at).to_owned()),
        word: ago(age),
        role,
        text: format!("{} {}", event.kind.word(), event.message),
        brief: true,
    })
}

fn lines(item: &FindingRow, width: u16, selected: bool) -> Vec<String> {
    if item.brief && !selected {
        return vec![item.text.clone()];
    }
    let time = if item.time.is_some() && width >= WIDE {
        TIME
    } else {
        0
    };
    text::wrap(&item.text, width.saturating_sub(WORD + time + 2))
}

/// Draws the items that `item` gives for the rows from 0 up; `spot` says what the pointer finds there. With one
/// selected it is shown whole, and as long as it is in sight the row that came first does so again; tells which that
/// is.
fn render_items(
    item: impl Fn(usize) -> Option<FindingRow>,
    spot: impl Fn(usize) -> Option<Spot>,
    selected: Option<(usize, usize)>,
    canvas: &mut Canvas<'_>,
    area: Rect,
) -> usize {
    let (selected, top) = selected.unzip();
    let top = top.unwrap_or(0);
    if area.is_empty() {
        return top;
    }
    let wrapped = |row: usize| {
        let item = item(row)?;
        let lines = lines(&item, area.width, selected == Some(row));
        Some((item, lines))
    };
    let item_at = |row: usize| item(row).is_some();
    let taken = |row: usize| wrapped(row).map_or(0, |(_, lines)| lines.len());
    let room = usize::from(area.height);
    // As many before the selected item as have room with it; of those, from the top on.
    let selected_row = selected.unwrap_or(0);
    let mut first = selected_row;
    let mut used = taken(first);
    while first > 0 {
        used += taken(first - 1);
        if used > room || first <= top {
            break;
        }
        first -= 1;
    }
    // No empty rows below the last item while there are items above.
    let mut below: usize = 0;
    let mut row = first;
    while below <= room && item(row).is_some() {
        below += taken(row);
        row += 1;
    }
    while first > 0 && below + taken(first - 1) <= room {
        first -= 1;
        below += taken(first);
    }
    let mut y = area.y;
    for (row, (item, lines)) in (first..).map_while(|row| Some((row, wrapped(row)?))) {
        for (line, text) in lines.iter().enumerate() {
            if y >= area.bottom() {
                // More than there is room for.
                let more = (row..).take_while(|row| item_at(*row)).count();
                let more = format!("{} {more} more", canvas.glyphs().ellipsis);
                canvas.put_right(area.x, y - 1, area.width, &more, ColorRole::Strong);
                return first;
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
            let mut x = area.x + 1;
            if line == 0 {
                canvas.put(x, y, WORD, &item.word, item.role);
            }
            x += WORD;
            if let Some(time) = item.time.as_ref().filter(|_| area.width >= WIDE) {
                if line == 0 {
                    canvas.put(x, y, TIME, time, ColorRole::Label);
                }
                x += TIME;
            }
            let width = area.right().saturating_sub(x + 1);
            canvas.put(x, y, width, text, ColorRole::Plain);
            if selected == Some(row) {
                canvas.put(area.x, y, 1, canvas.glyphs().selected, ColorRole::Strong);
                canvas.tint(
                    Rect {
                        y,
                        height: 1,
                        ..area
                    },
                    ColorRole::Selected,
                );
            }
            y += 1;
        }
    }
    first
}
