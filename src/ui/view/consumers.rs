//! The table of consumers.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::sparkline::{self, BARS};
use super::table::{self, Cell, Column, DataTable, Part};
use crate::observe::model::{
    ConsumerSnapshot, ConsumerState, Frame, PastSeries, RingSnapshot, WakeupBasis,
};
use crate::ui::action::{Action, Pane};
use crate::ui::app::App;
use crate::ui::consumer_field::ConsumerField;
use crate::ui::consumer_list::{label, user};
use crate::ui::format::{bytes, day_and_time, duration_in, grouped, percent, whole};
use crate::ui::hit_map::{List, Spot};
use crate::ui::theme::{ColorRole, Theme};

/// The rank of the column that rows are sorted by: it is shown wherever state and slot are.
const SORTED: u8 = 2;

/// How a field is shown. Every title leaves room for the arrow of the sorted one.
const fn column(field: ConsumerField) -> Column {
    let title = field.title();
    match field {
        ConsumerField::Slot => Column::number(title, 4, 1),
        ConsumerField::Pid => Column::number(title, 7, 5),
        ConsumerField::Command => Column::text(title, 8, 4).up_to(20),
        ConsumerField::Mode => Column::text(title, 5, 10),
        ConsumerField::Tail => Column::number(title, 19, 13),
        ConsumerField::Lag => Column::number(title, 8, 3),
        ConsumerField::Percent => Column::number(title, 3, 6),
        ConsumerField::Time => Column::number(title, 7, 7),
        ConsumerField::History => Column::text(title, BARS, 12),
        ConsumerField::Rate => Column::number(title, 8, 8),
        ConsumerField::Progress => Column::number(title, 9, 9),
        ConsumerField::EvictIn => Column::number(title, 9, 11),
        ConsumerField::State => Column::text(title, 8, 0),
        ConsumerField::Why => Column::text(title, 30, 14).up_to(200),
        ConsumerField::User => Column::text(title, 8, 6).up_to(16),
        ConsumerField::Doing => Column::text(title, 9, 9).up_to(21),
        ConsumerField::Joined => Column::text(title, 14, 9),
        ConsumerField::CommandLine => Column::text(title, 16, 5).up_to(200),
    }
}

/// What a consumer is called in words.
pub(super) fn name(consumer: &ConsumerSnapshot, place: usize) -> String {
    format!(
        "{} {}",
        if consumer.slot.is_some() { "slot" } else { "#" },
        label(consumer, place)
    )
}

/// The columns as they are now.
fn columns(ring: &RingSnapshot, app: &App) -> Vec<Column> {
    let as_now = |field: &ConsumerField| {
        let mut column = column(*field);
        if *field == ConsumerField::Slot && ring.slots.is_none() {
            column.title = "#";
        }
        if *field == app.consumer_list().sort().field {
            column.rank = column.rank.min(SORTED);
        }
        column
    };
    app.consumer_list().columns().iter().map(as_now).collect()
}

/// Title and note of the frame: how many there are, what they are filtered by, and why the selected one is in its
/// state.
pub(super) fn title(ring: &RingSnapshot, app: &App, room: Rect) -> (String, String) {
    let rows = app.consumer_list().rows(ring);
    let hidden = match ring.hidden_consumers {
        Some(0) => String::new(),
        Some(hidden) => format!(" + {hidden} hidden"),
        None => " + hidden".to_owned(),
    };
    let count = ring.consumers.len();
    let title = match app.consumer_list().filter() {
        "" => format!("Consumers {count}{hidden}"),
        filter => format!("Consumers {} of {count}{hidden}, /{filter}", rows.len()),
    };
    // Where the reasons have a column of their own, the title need not say them.
    let selected = app.selected_consumer().filter(|_| {
        let columns = columns(ring, app);
        !app.consumer_list().columns().contains(&ConsumerField::Why)
            || !table::fits_all(&columns, room)
    });
    let note = selected.map(|row| {
        let place = rows[row];
        let consumer = &ring.consumers[place];
        format!("{}: {}", name(consumer, place), consumer.reason)
    });
    (title, note.unwrap_or_default())
}

pub(super) fn render(frame: &Frame, app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let ring = &frame.snapshot;
    let rows = app.consumer_list().rows(ring);
    if rows.is_empty() {
        let clears = app.keymap().key(Action::Back);
        let clears = clears.map_or_else(String::new, |key| format!("; {key} clears it"));
        let text = match ring.hidden_consumers {
            _ if !ring.consumers.is_empty() => &format!("No consumer matches the filter{clears}."),
            Some(0) => "No consumers: nobody reads this ring, and nothing holds the producer up.",
            _ => "Consumers cannot be seen; the limits say why.",
        };
        let room = Rect {
            x: area.x + 1,
            width: area.width.saturating_sub(2),
            ..area
        };
        canvas.put_wrapped(room, text, ColorRole::Dim);
        return;
    }
    let theme = canvas.theme();
    let sort = app.consumer_list().sort();
    let fields = app.consumer_list().columns();
    let sorted = fields.iter().position(|field| *field == sort.field);
    let table = DataTable {
        columns: &columns(ring, app),
        rows: rows.len(),
        selected: app.selected_consumer(),
        focused: app.focus() == Pane::Consumers,
        sorted: sorted.map(|column| (column, sort.descending)),
    };
    let cell = |row: usize, column: usize| {
        let place = rows[row];
        let consumer = &ring.consumers[place];
        let field = fields[column];
        let role = match field {
            ConsumerField::State => consumer.state.into(),
            ConsumerField::Why => ColorRole::Dim,
            ConsumerField::History => ColorRole::Chart,
            _ => ColorRole::Plain,
        };
        let text = match field {
            ConsumerField::History => Some(history(frame, consumer, app, theme)),
            _ => text(consumer, place, field, theme),
        };
        match text {
            Some(text) => Cell::new(text, role),
            None => Cell::new(theme.glyphs.unknown, ColorRole::Dim),
        }
    };
    let top = app.consumer_list().top();
    let top = table.render_from(top, canvas, area, cell, |part| {
        Some(match part {
            Part::Title(column) => Spot::Title(fields[column]),
            Part::Row(row) => Spot::Consumer(ring.consumers[rows[row]].meta_inode),
        })
    });
    canvas.begin(List::Consumers, top);
}

/// The mark behind a wakeup mode for where it is known from; the help explains them.
fn basis(basis: Option<WakeupBasis>) -> &'static str {
    match basis {
        Some(WakeupBasis::FutexWait) => "*",
        Some(WakeupBasis::Join) => "+",
        Some(WakeupBasis::SlotTable) | None => "",
    }
}

fn history(frame: &Frame, consumer: &ConsumerSnapshot, app: &App, theme: &Theme) -> String {
    let unknown = PastSeries::default();
    sparkline::bars(
        frame.lags.get(&consumer.meta_inode).unwrap_or(&unknown),
        frame.snapshot.sampled_ns,
        app.pace(),
        frame.snapshot.control.ring_capacity,
        theme.glyphs,
    )
}

fn text(
    consumer: &ConsumerSnapshot,
    place: usize,
    field: ConsumerField,
    theme: &Theme,
) -> Option<String> {
    let time = |nanoseconds| duration_in(nanoseconds, theme.glyphs.microseconds);
    match field {
        ConsumerField::Slot => Some(label(consumer, place)),
        ConsumerField::Pid => consumer.pid.map(|pid| pid.to_string()),
        ConsumerField::Command => consumer.command.clone(),
        ConsumerField::Mode => consumer
            .wakeup_mode
            .map(|mode| format!("{mode}{}", basis(consumer.wakeup_basis))),
        // Parked on purpose, at the largest number there is: the digits would say nothing.
        ConsumerField::Tail if consumer.state == ConsumerState::Parked => None,
        ConsumerField::Tail => Some(grouped(consumer.tail_offset)),
        ConsumerField::Lag => consumer.lag_bytes.map(bytes),
        ConsumerField::Percent => consumer.lag_percent.map(percent),
        ConsumerField::Time => consumer.lag_time_ns.map(|behind| behind.words(time)),
        ConsumerField::Rate => consumer
            .rate_bytes_per_second
            .map(|rate| bytes(whole(rate))),
        ConsumerField::Progress => consumer.progress_age_ns.map(time),
        ConsumerField::EvictIn => consumer.evict_in_ns.map(time),
        ConsumerField::State => Some(consumer.state.word().to_owned()),
        ConsumerField::Why => Some(consumer.reason.clone()),
        ConsumerField::User => user(consumer),
        ConsumerField::Doing => consumer.process_state.map(|state| state.word().to_owned()),
        ConsumerField::Joined => consumer.joined_at.as_deref().map(day_and_time),
        ConsumerField::CommandLine => consumer.command_line.clone(),
        ConsumerField::History => None,
    }
}
