//! The figures of the ring: where head is, how fast it moves, how much room is left.

use ratatui::layout::Rect;
use ratatui::widgets::{RenderDirection, Sparkline};

use super::canvas::Canvas;
use crate::observe::frame::Frame;
use crate::observe::snapshot::RingSnapshot;
use crate::ui::format::{bytes, count, duration, grouped, percent, rate};
use crate::ui::theme::{Role, Theme};

/// Columns between two figures.
const GAP: u16 = 3;
/// A chart shorter than this says nothing.
const SHORTEST_CHART: u16 = 8;

/// A figure with its name, in a fixed width.
struct Figure {
    label: &'static str,
    value: String,
    width: usize,
    role: Role,
}

impl Figure {
    fn new(label: &'static str, value: Option<String>, width: usize, theme: &Theme) -> Self {
        let known = value.is_some();
        let value = value.unwrap_or_else(|| theme.glyphs.unknown.to_owned());
        Self {
            label,
            value,
            width,
            role: if known { Role::Strong } else { Role::Dim },
        }
    }
}

/// One row: rate, room and what else fits. Two rows: head and room above, rate and its past below. More rows: a chart.
pub(super) fn render(frame: &Frame, canvas: &mut Canvas<'_>, area: Rect) {
    let theme = canvas.theme();
    let ring = &frame.snapshot;
    let [bytes_rate, message_rate] = rates(ring, theme);
    let mut room = room(ring, theme);
    let first = Rect {
        height: area.height.min(1),
        ..area
    };
    let rest = Rect {
        y: area.y + first.height,
        height: area.height - first.height,
        ..area
    };
    if rest.is_empty() {
        let mut figures = vec![bytes_rate, room.remove(0), message_rate];
        figures.extend(room);
        figures.extend(position(ring, theme));
        let end = flow(canvas, first, &figures);
        chart(
            frame,
            canvas,
            Rect {
                x: end,
                width: first.right().saturating_sub(end),
                ..first
            },
        );
        return;
    }
    let mut figures: Vec<Figure> = position(ring, theme).into();
    figures.extend(room);
    figures.extend(limits(ring, theme));
    flow(canvas, first, &figures);
    let end = if rest.height == 1 {
        flow(canvas, rest, &[bytes_rate, message_rate])
    } else {
        let row = |index| Rect {
            y: rest.y + index,
            height: 1,
            ..rest
        };
        let peak = frame.rates.iter().max().map(|peak| rate(*peak as f64));
        let peak = Figure {
            role: Role::Plain,
            ..Figure::new("Peak", peak, 10, theme)
        };
        let ends = [(0, bytes_rate), (1, message_rate), (2, peak)]
            .map(|(index, figure)| flow(canvas, row(index), &[figure]));
        ends.into_iter().max().unwrap_or(rest.x)
    };
    chart(
        frame,
        canvas,
        Rect {
            x: end,
            width: rest.right().saturating_sub(end),
            ..rest
        },
    );
}

fn rates(ring: &RingSnapshot, theme: &Theme) -> [Figure; 2] {
    let messages = ring.rate.messages_per_second;
    let per_second = messages.value.map(|value| {
        format!(
            "{}{} msg/s",
            if messages.exact { "" } else { "~" },
            count(value)
        )
    });
    [
        Figure::new("Rate", ring.rate.bytes_per_second.map(rate), 10, theme),
        Figure::new("", per_second, 13, theme),
    ]
}

fn position(ring: &RingSnapshot, theme: &Theme) -> [Figure; 2] {
    let head = grouped(ring.control.producer_head);
    // Head only grows: in steps of a group, so that what follows seldom moves.
    let width = head.len().max(13).next_multiple_of(4) + 1;
    [
        Figure::new("Head", Some(head), width, theme),
        Figure {
            role: Role::Plain,
            ..Figure::new("lap", Some(grouped(ring.control.lap())), 7, theme)
        },
    ]
}

fn room(ring: &RingSnapshot, theme: &Theme) -> Vec<Figure> {
    let capacity = ring.control.ring_capacity.max(1);
    let share = ring
        .free_bytes
        .map(|free| free as f64 * 100.0 / capacity as f64);
    let mut free = Figure::new(
        "free",
        share.map(|share| format!("{} %", percent(share))),
        5,
        theme,
    );
    free.role = match share {
        None => Role::Dim,
        Some(share) if share <= 0.0 => Role::Bad,
        Some(share) if share < 10.0 => Role::Warn,
        Some(_) => Role::Strong,
    };
    let full = if ring.free_bytes == Some(0) {
        Some("now".to_owned())
    } else {
        ring.time_to_full_ns
            .map(|time| duration(time, theme.glyphs.microseconds))
    };
    vec![free, Figure::new("full in", full, 7, theme)]
}

/// What changes seldom: shown where there is room left.
fn limits(ring: &RingSnapshot, theme: &Theme) -> Vec<Figure> {
    let plain = |label, value: String, width| Figure {
        role: Role::Plain,
        ..Figure::new(label, Some(value), width, theme)
    };
    let control = &ring.control;
    let mut figures = vec![plain("capacity", bytes(control.ring_capacity), 8)];
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
    figures.push(plain(
        "stall timeout",
        duration(control.stall_timeout_ns, theme.glyphs.microseconds),
        7,
    ));
    figures
}

/// As many figures as fit in the row; tells the column behind them.
fn flow(canvas: &mut Canvas<'_>, area: Rect, figures: &[Figure]) -> u16 {
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
        canvas.put(x, area.y, width, figure.label, Role::Label);
        let label = u16::try_from(label).unwrap_or(0);
        let value = width
            .min(area.right().saturating_sub(x))
            .saturating_sub(label);
        canvas.put_right(x + label, area.y, value, &figure.value, figure.role);
        x += width + GAP;
    }
    x
}

fn chart(frame: &Frame, canvas: &mut Canvas<'_>, area: Rect) {
    let area = Rect {
        width: area.width.saturating_sub(1),
        ..area
    };
    if area.width < SHORTEST_CHART || frame.rates.is_empty() {
        return;
    }
    canvas.draw(area, |theme| {
        Sparkline::default()
            .data(frame.rates.iter().rev().take(area.width.into()).copied())
            .max(frame.rates.iter().copied().max().unwrap_or(0))
            .direction(RenderDirection::RightToLeft)
            .bar_set(theme.glyphs.chart.clone())
            .style(theme.style(Role::Chart))
    });
}
