//! The list of messages.

use std::fmt::Write as _;

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::table::{Cell, Column, DataTable, Part};
use crate::observe::model::{Frame, Gap, GapReason, LogRow, StoredMessage};
use crate::ui::action::{Action, Pane};
use crate::ui::app::App;
use crate::ui::format::{bytes, count, grouped};
use crate::ui::hit_map::{List, Spot};
use crate::ui::message_list::MessageList;
use crate::ui::text;
use crate::ui::theme::{ColorRole, Theme};

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
    let message_list = app.message_list();
    let mut title = "Messages".to_owned();
    let _ = match (message_list.follows(), message_list.place()) {
        (false, Some(place)) => write!(
            title,
            " {}/{}",
            grouped(place as u64 + 1),
            grouped(message_list.len() as u64)
        ),
        _ => write!(title, ", newest"),
    };
    if message_list.lists_found() && !message_list.follows() {
        let _ = write!(title, " match &{}", message_list.typed());
    } else if let Some(found) = found(message_list) {
        let _ = write!(title, ", {found}");
    }
    let mut note = String::new();
    if message_list.is_ended() {
        note = match app.keymap().key(Action::Last) {
            Some(key) => format!("not following; {key} newest"),
            None => "not following".to_owned(),
        };
    } else if !message_list.follows() {
        note = match message_list.news() {
            0 => "nothing new below".to_owned(),
            news => format!("{} new below", figure(news)),
        };
    } else if message_list.len() > 0 {
        // With nothing to list, it stands in the panel.
        note = frame.messages_note.clone().unwrap_or_default();
    }
    (title, note)
}

/// ``` 17 match /price ```: how many match what is looked for, and what that is.
pub(super) fn found(message_list: &MessageList) -> Option<String> {
    let sign = if message_list.lists_found() { '&' } else { '/' };
    let typed = message_list.typed();
    // What does not parse looks for nothing; what was looked for before it is not what is read there.
    let (found, busy) = message_list
        .found()
        .filter(|_| message_list.error().is_none())?;
    let more = if busy { "+" } else { "" };
    Some(format!(
        "{}{more} match {sign}{typed}",
        figure(found as u64)
    ))
}

/// ``` searched 61 MiB of 64 MiB, 1.1 MiB not read ```: how far the search has come.
pub(super) fn searched(message_list: &MessageList) -> Option<String> {
    let (found, busy) = message_list
        .found()
        .filter(|_| message_list.error().is_none())?;
    let matches = counted_matches(found as u64);
    let Some(progress) = message_list.progress() else {
        let more = if busy { "..." } else { "" };
        return Some(format!("{matches} in the list{more}"));
    };
    let missed = progress.missed_bytes;
    let all = progress
        .searched_bytes
        .saturating_add(missed)
        .saturating_add(progress.left_bytes);
    let about = if progress.is_left_estimated { "~" } else { "" };
    let searched = bytes(progress.searched_bytes);
    Some(if missed == 0 && progress.left_bytes == 0 {
        format!("{matches}, searched all {searched}")
    } else {
        let unread = match missed {
            0 => String::new(),
            missed => format!(", {} not read", bytes(missed)),
        };
        format!(
            "{matches}, searched {searched} of {about}{}{unread}",
            bytes(all)
        )
    })
}

fn counted_matches(found: u64) -> String {
    match found {
        1 => "1 match".to_owned(),
        found => format!("{} matches", grouped(found)),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "what is large is rounded anyway"
)]
fn figure(number: u64) -> String {
    count(number as f64)
}

/// Why the list is empty.
fn none(frame: &Frame, app: &App) -> String {
    let message_list = app.message_list();
    match (
        message_list.found().filter(|_| message_list.lists_found()),
        &frame.messages_note,
    ) {
        (Some((_, true)), _) => "Searching ...".to_owned(),
        (Some(_), _) => {
            let ways = [
                (Action::Only, "lists all"),
                (Action::Back, "clears the search"),
            ];
            let ways = ways.into_iter().filter_map(|(action, does)| {
                let key = app.keymap().key(action)?;
                Some(format!("{key} {does}"))
            });
            let ways: Vec<String> = ways.collect();
            let then = if ways.is_empty() { "" } else { "; " };
            format!("No message matches{then}{}.", ways.join(", "))
        }
        (None, Some(note)) => note.clone(),
        (None, None) if frame.snapshot.control.head() == Some(0) => "No messages yet.".to_owned(),
        (None, None) => {
            "No message boundary is known for certain yet; new messages will be shown.".to_owned()
        }
    }
}

pub(super) fn render(frame: &Frame, app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let message_list = app.message_list();
    if message_list.len() == 0 {
        let room = Rect {
            x: area.x + 1,
            width: area.width.saturating_sub(2),
            ..area
        };
        canvas.put_wrapped(room, &none(frame, app), ColorRole::Dim);
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
    let table = DataTable {
        columns: &columns,
        rows: message_list.len(),
        selected: message_list.place(),
        focused: app.focus() == Pane::Messages,
        sorted: None,
    };
    let cell = |place: usize, column| match message_list.row(place) {
        Some(LogRow::Message(message)) => cell(&message, message_list, column, area.width, theme),
        _ => Cell::new("", ColorRole::Plain),
    };
    let words = |place: usize| match message_list.row(place)? {
        LogRow::Gap(gap) => Some(Cell::new(skipped(gap), ColorRole::Warn)),
        LogRow::Message(_) => None,
    };
    let top = app.messages_top();
    let top = table.render_with(top, canvas, area, cell, words, |part| match part {
        Part::Row(place) => message_list.number(place).map(Spot::Message),
        Part::Title(_) => None,
    });
    canvas.begin(List::Messages, top);
}

/// ``` -- skipped 3.1 MiB: head overran the reader -- ```
fn skipped(gap: &Gap) -> String {
    if let GapReason::NotRead {
        bytes: length,
        places,
    } = &gap.why
    {
        return format!("-- not read: {} in {places} places --", bytes(*length));
    }
    let length = bytes(gap.to.saturating_sub(gap.from));
    let torn = match gap.torn {
        0 => String::new(),
        torn => format!(", {} torn", figure(torn)),
    };
    format!("-- skipped {length}{torn}: {} --", gap.why)
}

fn cell(
    message: &StoredMessage<'_>,
    message_list: &MessageList,
    column: usize,
    width: u16,
    theme: &Theme,
) -> Cell {
    let header = &message.header;
    let unless_zero = |number: u8, text: String| {
        let role = if number > 0 {
            ColorRole::Strong
        } else {
            ColorRole::Dim
        };
        Cell::new(text, role)
    };
    match column {
        0 => Cell::new(message.offset.to_string(), ColorRole::Plain),
        1 => Cell::new(header.seq_id.to_string(), ColorRole::Plain),
        2 => Cell::new(header.payload_len.to_string(), ColorRole::Plain),
        3 => unless_zero(header.fd_count, header.fd_count.to_string()),
        4 => unless_zero(header.flags, format!("{:#04x}", header.flags)),
        5 => Cell::new(theme.integrity(message.integrity), message.integrity.into()),
        6 => Cell::new(message.integrity.word(), message.integrity.into()),
        _ => {
            match message_list.fields().line(message) {
                Some(Ok(line)) => return Cell::new(line, ColorRole::Plain),
                Some(Err(why)) => {
                    let words = format!("-- not decoded: {} --", crate::text::escape(&why));
                    return Cell::new(words, ColorRole::Dim);
                }
                None => {}
            }
            let place = message_list
                .hit(message.row)
                .map_or(0..0, |hit| hit.place.clone());
            let (text, found) = text::preview(message.payload, &place, width.into());
            Cell {
                found,
                ..Cell::new(text, ColorRole::Plain)
            }
        }
    }
}
