//! The table of consumers.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::table::{self, Cell, Column, Table};
use crate::observe::snapshot::{Consumer, ConsumerState, RingSnapshot, WakeupBasis, WakeupMode};
use crate::ui::app::{App, Pane};
use crate::ui::format::{bytes, duration, grouped, percent, whole};
use crate::ui::theme::{Role, Theme};

/// Order on the screen; [`text`] names them by the same order.
const COLUMNS: [Column; 13] = [
    Column::number("SLOT", 4, 1),
    Column::number("PID", 7, 4),
    Column::text("COMMAND", 8, 3).up_to(20),
    Column::text("MODE", 5, 9),
    Column::number("TAIL", 19, 11),
    Column::number("LAG", 8, 2),
    Column::number("%", 3, 5),
    Column::number("TIME", 7, 6),
    Column::number("RATE/s", 8, 7),
    Column::number("PROGRESS", 8, 8),
    Column::number("EVICT IN", 8, 10),
    Column::text("STATE", 8, 0),
    Column::text("WHY", 30, 12).up_to(200),
];

/// What a consumer is called in a bar or a column: its slot, or without the slot table its row.
pub(super) fn label(consumer: &Consumer, row: usize) -> String {
    consumer
        .slot
        .map_or_else(|| row.to_string(), |slot| slot.to_string())
}

/// The same in words.
pub(super) fn name(consumer: &Consumer, row: usize) -> String {
    format!(
        "{} {}",
        if consumer.slot.is_some() { "slot" } else { "#" },
        label(consumer, row)
    )
}

/// Title and note of the frame: how many there are, and why the selected one is in its state.
pub(super) fn title(ring: &RingSnapshot, app: &App, room: Rect) -> (String, String) {
    let hidden = match ring.hidden_consumers {
        Some(0) => String::new(),
        Some(hidden) => format!(" + {hidden} hidden"),
        None => " + hidden".to_owned(),
    };
    // Where the reasons have a column of their own, the title need not say them.
    let selected = app
        .selected_consumer()
        .filter(|_| !table::fits_all(&COLUMNS, room));
    let note = selected.map(|row| {
        let consumer = &ring.consumers[row];
        format!("{}: {}", name(consumer, row), consumer.reason)
    });
    (
        format!("Consumers {}{hidden}", ring.consumers.len()),
        note.unwrap_or_default(),
    )
}

pub(super) fn render(ring: &RingSnapshot, app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if ring.consumers.is_empty() {
        let text = match ring.hidden_consumers {
            Some(0) => "No consumers: nobody reads this ring, and nothing holds the producer up.",
            _ => "Consumers cannot be seen; the limits say why.",
        };
        let room = Rect {
            x: area.x + 1,
            width: area.width.saturating_sub(2),
            ..area
        };
        canvas.put_wrapped(room, text, Role::Dim);
        return;
    }
    let theme = canvas.theme();
    let mut columns = COLUMNS;
    if ring.slots.is_none() {
        columns[0].title = "#";
    }
    let selected = app.selected_consumer();
    let table = Table {
        columns: &columns,
        rows: ring.consumers.len(),
        selected,
        focused: app.focus() == Pane::Consumers,
    };
    table.render(canvas, area, |row, column| {
        let consumer = &ring.consumers[row];
        let role = match column {
            11 => consumer.state.into(),
            12 => Role::Dim,
            _ => Role::Plain,
        };
        match text(consumer, row, column, theme) {
            Some(text) => Cell::new(text, role),
            None => Cell::new(theme.glyphs.unknown, Role::Dim),
        }
    });
}

/// The mark behind a wakeup mode for where it is known from; the help explains them.
fn basis(basis: Option<WakeupBasis>) -> &'static str {
    match basis {
        Some(WakeupBasis::FutexWait) => "*",
        Some(WakeupBasis::Join) => "+",
        Some(WakeupBasis::SlotTable) | None => "",
    }
}

fn text(consumer: &Consumer, row: usize, column: usize, theme: &Theme) -> Option<String> {
    let time = |nanoseconds| duration(nanoseconds, theme.glyphs.microseconds);
    match column {
        0 => Some(label(consumer, row)),
        1 => consumer.pid.map(|pid| pid.to_string()),
        2 => consumer.command.clone(),
        3 => consumer.wakeup_mode.map(|mode| {
            let mode = match mode {
                WakeupMode::Push => "push",
                WakeupMode::Pull => "pull",
            };
            format!("{mode}{}", basis(consumer.wakeup_basis))
        }),
        // Parked on purpose, at the largest number there is: the digits would say nothing.
        4 if consumer.state == ConsumerState::Parked => None,
        4 => Some(grouped(consumer.tail_offset)),
        5 => consumer.lag_bytes.map(bytes),
        6 => consumer.lag_percent.map(percent),
        7 => consumer.lag_time_ns.map(time),
        8 => consumer
            .rate_bytes_per_second
            .map(|rate| bytes(whole(rate))),
        9 => consumer.progress_age_ns.map(time),
        10 => consumer.evict_in_ns.map(time),
        11 => Some(consumer.state.word().to_owned()),
        12 => Some(consumer.reason.clone()),
        _ => None,
    }
}
