//! The list of messages.

use std::fmt::Write as _;

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::table::{Cell, Column, Part, Table};
use crate::observe::model::{Frame, Gap, Kept, Row};
use crate::ui::action::Pane;
use crate::ui::app::App;
use crate::ui::format::{bytes, count, grouped};
use crate::ui::hit_map::{List, Spot};
use crate::ui::message_list::Reading;
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// Order on the screen; [`cell`] names them by the same order.
const COLUMNS: [Column; 8] = [
    Column::number("OFFSET", 12, 0),
    Column::number("SEQ", 8, 5).up_to(20),
    Column::number("LEN", 7, 3),
    Column::number("FDS", 3, 4),
    Column::number("FLAGS", 5, 7),
    Column::text("", 1, 1),
    Column::text("COPY", 6, 6),
    Column::text("PREVIEW", 12, 2).up_to(u16::MAX),
];
const PREVIEW: usize = COLUMNS.len() - 1;
/// With fewer columns than these, there is room for what messages say and for nothing else.
const NARROW: u16 = 30;

/// Title and note of the frame: where the list stands, what is looked for, and what it is short of.
pub(super) fn title(frame: &Frame, app: &App) -> (String, String) {
    let reading = app.reading();
    let mut title = "Messages".to_owned();
    let _ = match (reading.follows(), reading.place()) {
        (false, Some(place)) => write!(
            title,
            " {}/{}",
            grouped(place as u64 + 1),
            grouped(reading.len() as u64)
        ),
        _ => write!(title, ", newest"),
    };
    if reading.lists_found() && !reading.follows() {
        let _ = write!(title, " match &{}", reading.typed());
    } else if let Some(found) = found(reading) {
        let _ = write!(title, ", {found}");
    }
    let mut note = String::new();
    if !reading.follows() {
        note = match reading.news() {
            0 => "nothing new below".to_owned(),
            news => format!("{} new below", figure(news)),
        };
    } else if reading.len() > 0 {
        // With nothing to list, it stands in the panel.
        note = frame.messages_note.clone().unwrap_or_default();
    }
    (title, note)
}

/// ``` 17 match /price ```: how many match what is looked for, and what that is.
pub(super) fn found(reading: &Reading) -> Option<String> {
    let sign = if reading.lists_found() { '&' } else { '/' };
    let typed = reading.typed();
    // What does not parse looks for nothing; what was looked for before it is not what is read there.
    let (found, busy) = reading.found().filter(|_| reading.error().is_none())?;
    let more = if busy { "+" } else { "" };
    Some(format!(
        "{}{more} match {sign}{typed}",
        figure(found as u64)
    ))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "what is large is rounded anyway"
)]
fn figure(number: u64) -> String {
    count(number as f64)
}

/// Why the list is empty.
fn none(frame: &Frame, reading: &Reading) -> String {
    match (
        reading.found().filter(|_| reading.lists_found()),
        &frame.messages_note,
    ) {
        (Some((_, true)), _) => "Searching ...".to_owned(),
        (Some(_), _) => {
            "No message matches; & lists all, Esc clears what is looked for.".to_owned()
        }
        (None, Some(note)) => note.clone(),
        (None, None) if frame.snapshot.control.producer_head == 0 => "No messages yet.".to_owned(),
        (None, None) => {
            "No message that could be told apart for certain; the next to come will be shown."
                .to_owned()
        }
    }
}

pub(super) fn render(frame: &Frame, app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let reading = app.reading();
    if reading.len() == 0 {
        let room = Rect {
            x: area.x + 1,
            width: area.width.saturating_sub(2),
            ..area
        };
        canvas.put_wrapped(room, &none(frame, reading), Role::Dim);
        return;
    }
    let theme = canvas.theme();
    let mut columns = COLUMNS;
    let digits = frame.snapshot.control.producer_head.max(1).ilog10() + 1;
    columns[0].width = u16::try_from(digits).unwrap_or(20).max(12);
    columns[0].widest = columns[0].width;
    // What a message says is worth more than its details, and in the end more than where it stands.
    columns[PREVIEW].width = (area.width * 2 / 5).max(columns[PREVIEW].width);
    if area.width < NARROW {
        columns[0].rank = u8::MAX;
    }
    let table = Table {
        columns: &columns,
        rows: reading.len(),
        selected: reading.place(),
        focused: app.focus() == Pane::Messages,
        sorted: None,
    };
    let cell = |place: usize, column| match reading.row(place) {
        Some(Row::Message(message)) => cell(&message, reading, column, area.width, theme),
        _ => Cell::new("", Role::Plain),
    };
    let words = |place: usize| match reading.row(place)? {
        Row::Gap(gap) => Some(Cell::new(skipped(gap), Role::Warn)),
        Row::Message(_) => None,
    };
    let top = app.messages_top();
    let top = table.render_with(top, canvas, area, cell, words, |part| match part {
        Part::Row(place) => reading.number(place).map(Spot::Message),
        Part::Title(_) => None,
    });
    canvas.begin(List::Messages, top);
}

/// ``` -- skipped 3.1 MiB: head overran the reader -- ```
fn skipped(gap: &Gap) -> String {
    let length = bytes(gap.to.saturating_sub(gap.from));
    let torn = match gap.torn {
        0 => String::new(),
        torn => format!(", {} torn", figure(torn)),
    };
    format!("-- skipped {length}{torn}: {} --", gap.why)
}

fn cell(message: &Kept<'_>, reading: &Reading, column: usize, width: u16, theme: &Theme) -> Cell {
    let header = &message.header;
    let unless_zero = |number: u8, text: String| {
        let role = if number > 0 { Role::Strong } else { Role::Dim };
        Cell::new(text, role)
    };
    match column {
        0 => Cell::new(message.offset.to_string(), Role::Plain),
        1 => Cell::new(header.seq_id.to_string(), Role::Plain),
        2 => Cell::new(header.payload_len.to_string(), Role::Plain),
        3 => unless_zero(header.fd_count, header.fd_count.to_string()),
        4 => unless_zero(header.flags, format!("{:#04x}", header.flags)),
        5 => Cell::new(theme.integrity(message.integrity), message.integrity.into()),
        6 => Cell::new(message.integrity.word(), message.integrity.into()),
        _ => {
            let place = reading
                .hit(message.row)
                .map_or(0..0, |hit| hit.place.clone());
            let (text, found) = text::preview(message.payload, &place, width.into());
            Cell {
                found,
                ..Cell::new(text, Role::Plain)
            }
        }
    }
}
