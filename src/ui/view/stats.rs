//! The figures of the ring: where head is, how fast it moves, how much room is left.

use ratatui::layout::Rect;
use ratatui::widgets::{RenderDirection, Sparkline};

use super::canvas::{Canvas, cut};
use super::chart::step_above;
use super::time_columns::TimeColumns;
use crate::observe::model::{ConsumerState, Frame, PastPoint, RingSnapshot};
use crate::ui::app::App;
use crate::ui::format::{bytes, count, duration_in, grouped, percent, rate};
use crate::ui::theme::{ColorRole, Theme};

/// Columns between two figures.
const GAP: u16 = 3;
/// And where the ages of messages are to fit in 80 columns.
const NARROW_GAP: u16 = 2;
/// A chart shorter than this says nothing.
const SHORTEST_CHART: u16 = 8;

/// A figure with its name, in a fixed width.
struct Stat {
    label: &'static str,
    value: String,
    width: usize,
    role: ColorRole,
}

impl Stat {
    fn new(label: &'static str, value: Option<String>, width: usize, theme: &Theme) -> Self {
        let known = value.is_some();
        let value = value.unwrap_or_else(|| theme.glyphs.unknown.to_owned());
        Self {
            label,
            value,
            width,
            role: if known {
                ColorRole::Strong
            } else {
                ColorRole::Dim
            },
        }
    }
}

/// One row: rate, room and what else fits; where a picture shows the rate, head and room. Two rows: head and room
/// above, rate and its past below.
pub(super) fn render(
    frame: &Frame,
    app: &App,
    pictured: bool,
    canvas: &mut Canvas<'_>,
    area: Rect,
) {
    let theme = canvas.theme();
    let ring = &frame.snapshot;
    let [bytes_rate, message_rate] = rates(ring, theme);
    let mut room = room(ring, theme);
    let mut rest = area;
    let first = cut(&mut rest, 1);
    // Of a ring that is over, where it ended tells more than that nothing moves.
    if rest.is_empty() && !pictured && !ring.state.is_over() {
        let mut figures = vec![bytes_rate, room.remove(0), message_rate];
        figures.extend(room);
        figures.extend(ages(ring, theme));
        figures.extend(position(ring, theme));
        let end = flow(canvas, first, &figures);
        return sparkline(frame, app, canvas, from(first, end));
    }
    let mut figures: Vec<Stat> = position(ring, theme).into();
    figures.extend(room);
    if rest.is_empty() {
        figures.extend(ages(ring, theme));
    }
    figures.extend(limits(ring, theme));
    flow(canvas, first, &figures);
    if !rest.is_empty() {
        let mut figures = vec![bytes_rate, message_rate];
        figures.extend(ages(ring, theme));
        let gap = if figures.len() > 2 { NARROW_GAP } else { GAP };
        let end = flow_with(canvas, rest, &figures, gap);
        sparkline(frame, app, canvas, from(rest, end));
    }
}

/// The heading of the throughput's picture, in which `peak` is the highest.
pub(super) fn throughput(
    ring: &RingSnapshot,
    peak: Option<u64>,
    canvas: &mut Canvas<'_>,
    mut area: Rect,
) {
    let theme = canvas.theme();
    area.x = canvas.put(area.x, area.y, area.width, "Throughput", ColorRole::Label) + 1;
    area.width = area.width.saturating_sub(11);
    let [mut now, messages] = rates(ring, theme);
    now.label = "now";
    let peak = peak.map(|peak| rate(peak as f64));
    let peak = Stat {
        role: ColorRole::Plain,
        ..Stat::new("peak", peak, 10, theme)
    };
    flow(canvas, area, &[now, peak, messages]);
}

/// What is left of a row from column `x` on.
fn from(row: Rect, x: u16) -> Rect {
    Rect {
        x,
        width: row.right().saturating_sub(x),
        ..row
    }
}

fn rates(ring: &RingSnapshot, theme: &Theme) -> [Stat; 2] {
    let messages = ring.rate.messages_per_second;
    let per_second = messages.value.map(|value| {
        format!(
            "{}{} msg/s",
            if messages.exact { "" } else { "~" },
            count(value)
        )
    });
    [
        Stat::new("Rate", ring.rate.bytes_per_second.map(rate), 10, theme),
        Stat::new("", per_second, 13, theme),
    ]
}

/// How old messages were when they were committed, where they tell.
fn ages(ring: &RingSnapshot, theme: &Theme) -> Vec<Stat> {
    let Some(known) = &ring.messages.age_ns else {
        return Vec::new();
    };
    let figures = ["age p50", "p99", "max"].into_iter().zip(known.figures());
    let stats = figures.map(|(label, value)| Stat {
        role: ColorRole::Plain,
        ..Stat::new(label, value, 8, theme)
    });
    stats.collect()
}

fn position(ring: &RingSnapshot, theme: &Theme) -> [Stat; 2] {
    let known = ring.control.head();
    let head = grouped(ring.control.producer_head);
    // Head only grows: in steps of a group, so that what follows seldom moves.
    let width = head.len().max(13).next_multiple_of(4) + 1;
    [
        Stat::new("Head", known.map(|_| head), width, theme),
        Stat {
            role: ColorRole::Plain,
            ..Stat::new("lap", known.map(|_| grouped(ring.control.lap())), 7, theme)
        },
    ]
}

fn room(ring: &RingSnapshot, theme: &Theme) -> Vec<Stat> {
    let capacity = ring.control.ring_capacity.max(1);
    let share = ring
        .free_bytes
        .map(|free| free as f64 * 100.0 / capacity as f64);
    let mut free = Stat::new(
        "free",
        share.map(|share| format!("{} %", percent(share))),
        5,
        theme,
    );
    free.role = match share {
        None => ColorRole::Dim,
        Some(share) if share <= 0.0 => ColorRole::Bad,
        Some(share) if share < 10.0 => ColorRole::Warn,
        Some(_) => ColorRole::Strong,
    };
    let mut states = ring.consumers.iter().map(|consumer| consumer.state);
    let blocks = states.any(|state| state == ConsumerState::Blocking);
    let full = match ring.time_to_full_ns {
        _ if ring.free_bytes == Some(0) || blocks && !ring.state.is_over() => {
            Some("now".to_owned())
        }
        Some(..1_000_000) => Some("<1 ms".to_owned()),
        time => time.map(|time| duration_in(time, theme.glyphs.microseconds)),
    };
    vec![free, Stat::new("full in", full, 7, theme)]
}

/// What changes seldom: shown where there is room left.
fn limits(ring: &RingSnapshot, theme: &Theme) -> Vec<Stat> {
    let plain = |label, value: String, width| Stat {
        role: ColorRole::Plain,
        ..Stat::new(label, Some(value), width, theme)
    };
    let control = &ring.control;
    let capacity = Some(control.ring_capacity).filter(|capacity| *capacity > 0);
    let mut figures = vec![Stat {
        role: ColorRole::Plain,
        ..Stat::new("capacity", capacity.map(bytes), 8, theme)
    }];
    if let Some(slots) = &ring.slots {
        figures.push(plain(
            "slots",
            format!("{}/{} ({} push)", slots.used, slots.max, slots.push),
            13,
        ));
        figures.push(plain(
            "clog",
            format!("{}/{}", slots.clog_attempts, control.clog_threshold),
            11,
        ));
    }
    if !control.truncated {
        figures.push(plain(
            "stall timeout",
            duration_in(control.stall_timeout_ns, theme.glyphs.microseconds),
            7,
        ));
    }
    figures
}

/// As many figures as fit in the row; tells the column behind them.
fn flow(canvas: &mut Canvas<'_>, area: Rect, figures: &[Stat]) -> u16 {
    flow_with(canvas, area, figures, GAP)
}

/// As [`flow`], with so many columns between two figures.
fn flow_with(canvas: &mut Canvas<'_>, area: Rect, figures: &[Stat], gap: u16) -> u16 {
    let mut x = area.x + u16::from(area.width > 30);
    for (index, figure) in figures.iter().enumerate() {
        let label = if figure.label.is_empty() {
            0
        } else {
            figure.label.len() + 1
        };
        let width = u16::try_from(label + figure.width).unwrap_or(u16::MAX);
        if index > 0 && x.saturating_add(width) > area.right() {
            break;
        }
        canvas.put(x, area.y, width, figure.label, ColorRole::Label);
        let label = u16::try_from(label).unwrap_or(0);
        let value = width
            .min(area.right().saturating_sub(x))
            .saturating_sub(label);
        canvas.put_right(x + label, area.y, value, &figure.value, figure.role);
        x += width + gap;
    }
    x
}

/// The rate's past: a bar a point; once the user has chosen how far back charts reach, as far as that.
fn sparkline(frame: &Frame, app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let area = Rect {
        width: area.width.saturating_sub(1),
        ..area
    };
    let Some(last) = frame.rates.last().filter(|_| area.width >= SHORTEST_CHART) else {
        return;
    };
    let width = area.width.into();
    let (newest_first, most) = match app.chosen_span() {
        Some(span) => {
            let mut bars = TimeColumns::new(span, last.at_ns, width).largest(&frame.rates);
            bars.reverse();
            let most = bars.iter().copied().max().flatten();
            (bars, most)
        }
        None => {
            let newest_first = frame.rates.recent().rev().map(PastPoint::value);
            let most = frame.rates.recent().filter_map(PastPoint::value).max();
            (newest_first.take(width).collect(), most)
        }
    };
    canvas.draw(area, |theme| {
        Sparkline::default()
            .data(newest_first)
            .max(step_above(most.unwrap_or(0)))
            .direction(RenderDirection::RightToLeft)
            .bar_set(theme.glyphs.chart.clone())
            .absent_value_symbol(theme.glyphs.bar_cells[2])
            .style(theme.style(ColorRole::Chart))
    });
}
