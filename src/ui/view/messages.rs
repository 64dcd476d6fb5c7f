//! The newest messages.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::table::{Cell, Column, Part, Table, rows_in};
use crate::observe::frame::{Frame, Message};
use crate::ui::action::Pane;
use crate::ui::app::App;
use crate::ui::spots::Spot;
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// Order on the screen; [`cell`] names them by the same order.
const COLUMNS: [Column; 7] = [
    Column::number("OFFSET", 12, 0),
    Column::number("SEQ", 8, 5).up_to(20),
    Column::number("LEN", 7, 2),
    Column::number("FDS", 3, 4),
    Column::text("", 1, 1),
    Column::text("COPY", 6, 6),
    Column::text("PREVIEW", 12, 3).up_to(u16::MAX),
];

/// Title and note of the frame: whether the selection goes along, and what the list is short of.
pub(super) fn title(frame: &Frame, app: &App) -> (String, String) {
    let mode = match (app.follows(), app.message_row()) {
        (true, _) => "newest",
        (false, Some(_)) => "held",
        (false, None) => "held copy",
    };
    // With nothing to list, the note stands in the panel.
    let note = frame
        .messages_note
        .as_ref()
        .filter(|_| !frame.messages.is_empty());
    (
        format!("Messages, {mode}"),
        note.cloned().unwrap_or_default(),
    )
}

pub(super) fn render(frame: &Frame, app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let focused = app.focus() == Pane::Messages;
    let Some(selected) = app.selected_message() else {
        let none = match frame.snapshot.control.producer_head {
            0 => "No messages yet.",
            _ => "No message that could be told apart for certain; the next to come will be shown.",
        };
        let note = frame.messages_note.as_deref().unwrap_or(none);
        let room = Rect {
            x: area.x + 1,
            width: area.width.saturating_sub(2),
            ..area
        };
        canvas.put_wrapped(room, note, Role::Dim);
        return;
    };
    let theme = canvas.theme();
    let mut columns = COLUMNS;
    let digits = frame.snapshot.control.producer_head.max(1).ilog10() + 1;
    columns[0].width = u16::try_from(digits + 1).unwrap_or(20).max(12);
    columns[0].widest = columns[0].width;
    // What a message says is worth more than its last details.
    columns[6].width = (area.width / 3).max(columns[6].width);
    let row = app.message_row();
    if row.is_some() {
        let table = Table {
            columns: &columns,
            rows: frame.messages.len(),
            selected: row,
            focused,
            sorted: None,
        };
        let cell = |row: usize, column| {
            let before = row.checked_sub(1).map(|row| &frame.messages[row]);
            cell(&frame.messages[row], before, column, area.width, theme)
        };
        table.render(canvas, area, cell, |part| {
            spot(part, |row| &frame.messages[row])
        });
        return;
    }
    // It has left the list: the copy stands on top, and under it the newest go on.
    let newest = frame
        .messages
        .len()
        .min(rows_in(area, frame.messages.len()).saturating_sub(1));
    let messages = &frame.messages[frame.messages.len() - newest..];
    let table = Table {
        columns: &columns,
        rows: newest + 1,
        selected: Some(0),
        focused,
        sorted: None,
    };
    let shown = |row: usize| row.checked_sub(1).map_or(selected, |row| &messages[row]);
    let cell = |row: usize, column| {
        let before = row.checked_sub(1).map(shown);
        cell(shown(row), before, column, area.width, theme)
    };
    table.render(canvas, area, cell, |part| spot(part, shown));
}

fn spot<'a>(part: Part, shown: impl Fn(usize) -> &'a Message) -> Option<Spot> {
    match part {
        Part::Row(row) => Some(Spot::Message(shown(row).offset)),
        Part::Title(_) => None,
    }
}

/// `before` is the message in the row above.
fn cell(
    message: &Message,
    before: Option<&Message>,
    column: usize,
    width: u16,
    theme: &Theme,
) -> Cell {
    let header = &message.header;
    let joins = before.is_none_or(|before| {
        before.offset.wrapping_add(before.header.total_len()) == message.offset
    });
    match column {
        // Bytes between this row and the one above are not shown.
        0 if !joins => Cell::new(
            format!("{}{}", theme.glyphs.ellipsis, message.offset),
            Role::Label,
        ),
        0 => Cell::new(message.offset.to_string(), Role::Plain),
        1 => Cell::new(header.seq_id.to_string(), Role::Plain),
        2 => Cell::new(header.payload_len.to_string(), Role::Plain),
        3 => Cell::new(
            header.fd_count.to_string(),
            if header.fd_count > 0 {
                Role::Strong
            } else {
                Role::Dim
            },
        ),
        4 => Cell::new(theme.integrity(message.integrity), message.integrity.into()),
        5 => Cell::new(message.integrity.word(), message.integrity.into()),
        _ => Cell::new(text::preview(&message.payload, width.into()), Role::Plain),
    }
}
