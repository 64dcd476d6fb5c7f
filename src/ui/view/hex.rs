//! The bytes of the selected message, the one that is looked at, and what it and those behind it could mean.

use std::fmt::Write;
use std::ops::Range;

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::inspector;
use crate::observe::model::{LogRow, StoredMessage};
use crate::ui::action::Pane;
use crate::ui::app::App;
use crate::ui::message_list::MessageList;
use crate::ui::theme::ColorRole;
use crate::ui::viewport::HexViewport;

/// Columns that a frame needs for eight bytes a row.
pub(super) const NARROW: u16 = 41;
/// Columns that a frame needs for sixteen bytes a row.
pub(super) const WIDE: u16 = 79;

/// Title and note of the frame: which message.
pub(super) fn title(app: &App) -> (String, String) {
    let title = match app.message_list().message() {
        Some(message) => format!("Hex {}", message.offset),
        None => "Hex".to_owned(),
    };
    (title, String::new())
}

/// What the header of a message says, in a line over its bytes.
fn header(message: &StoredMessage<'_>) -> String {
    let header = &message.header;
    let fds = if header.fd_count == 1 { "fd" } else { "fds" };
    let [count, len] = [u64::from(header.fd_count), header.payload_len.into()];
    let cut = match message.is_cut() {
        true => format!(", first {} kept", message.payload.len()),
        false => String::new(),
    };
    let mut line = format!("seq {}  {len} B{cut}  {count} {fds}  ", header.seq_id);
    if header.flags > 0 {
        let _ = write!(line, "flags {:#04x}  ", header.flags);
    }
    line + message.integrity.word()
}

/// Rows of the dump that what the bytes mean leaves it.
const LEAST_DUMP: u16 = 5;

/// What stands where: a line over the bytes, the bytes, and below them what they could mean.
struct HexColumns {
    header: Rect,
    dump: Rect,
    inspector: Rect,
}

/// The line over the bytes is given up before the last rows are. While the keys go to the bytes, what they mean takes
/// all but a few rows, and else only what is to spare. It depends on nothing but the room: nothing jumps from
/// message to message.
fn places(room: Rect, focused: bool) -> HexColumns {
    let header = u16::from(room.height >= 4);
    let rest = room.height - header;
    let all = inspector::rows(room.width);
    let below = if rest >= 2 * all {
        all
    } else if focused && rest >= 6 {
        all.min(rest - LEAST_DUMP.min(rest / 2))
    } else {
        0
    };
    let part = |y, height| Rect {
        y: room.y + y,
        height,
        ..room
    };
    HexColumns {
        header: part(0, header),
        dump: part(header, rest - below),
        inspector: part(room.height - below, below),
    }
}

/// How many bytes are seen in that room.
pub(super) fn viewport(room: Rect, focused: bool) -> HexViewport {
    HexViewport {
        rows: places(room, focused).dump.height.into(),
        stride: stride(room.width),
    }
}

/// Bytes in a row where the dump is `width` columns wide.
pub(super) fn stride(width: u16) -> usize {
    // The same for every payload of a panel, or the columns would jump from message to message.
    if width >= WIDE - 2 { 16 } else { 8 }
}

pub(super) fn render(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    let message_list = app.message_list();
    let indented = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    };
    let message = match message_list.selected() {
        None => return,
        Some(LogRow::Message(message)) => message,
        Some(LogRow::Gap(gap)) => {
            let words = format!("No bytes from {} to {}: {}.", gap.from, gap.to, gap.why);
            canvas.put_wrapped(indented, &words, ColorRole::Dim);
            return;
        }
    };
    let focused = app.focus() == Pane::Hex;
    let HexColumns {
        header: top,
        dump,
        inspector: below,
    } = places(area, focused);
    let length = message.payload.len();
    let at = message_list.byte(length);
    let says_place = focused && below.is_empty() && length > 0;
    let line = if says_place {
        inspector::place(&message, at)
    } else {
        header(&message)
    };
    if !top.is_empty() {
        canvas.put(top.x, top.y, top.width, &line, message.integrity.into());
    }
    if length == 0 && message.header.payload_len == 0 {
        let width = dump.width.saturating_sub(1);
        canvas.put(dump.x + 1, dump.y, width, "No payload.", ColorRole::Dim);
        return;
    }
    let viewport = viewport(area, focused);
    let cursor = (focused || !below.is_empty()).then_some((at, focused));
    let field = cursor.map_or(0..0, |_| message_list.fields().bytes(at));
    rows(
        &message,
        message_list,
        viewport,
        cursor,
        &field,
        canvas,
        dump,
    );
    let meanings = inspector::lines(&message, at, below.width, canvas.glyphs().unknown);
    for ((row, line), y) in meanings.iter().enumerate().zip(below.top()..below.bottom()) {
        let role = if row == 0 {
            ColorRole::Label
        } else {
            ColorRole::Plain
        };
        canvas.put(below.x, y, below.width, line, role);
    }
}

/// The rows of the dump that are in sight, with the byte that is looked at and the field that it is in.
pub(super) fn rows(
    message: &StoredMessage<'_>,
    message_list: &MessageList,
    viewport: HexViewport,
    cursor: Option<(usize, bool)>,
    field: &Range<usize>,
    canvas: &mut Canvas<'_>,
    area: Rect,
) {
    let payload = message.payload;
    let wide = viewport.stride == 16 || payload.len() > 0x1_0000;
    let digits = if wide { 8 } else { 4 };
    let first = message_list.top(payload.len(), viewport);
    let all = payload.chunks(viewport.stride).enumerate().skip(first);
    for ((row, bytes), y) in all.zip(area.top()..area.bottom()) {
        let start = row * viewport.stride;
        let place = Rect {
            y,
            height: 1,
            ..area
        };
        let found = |at: usize| {
            let places = message_list.places();
            let next = places.partition_point(|place| place.end <= start + at);
            places
                .get(next)
                .is_some_and(|place| place.contains(&(start + at)))
        };
        let cursor = cursor.and_then(|(at, focused)| Some((at.checked_sub(start)?, focused)));
        line(
            canvas,
            place,
            &format!("{start:0digits$x}"),
            bytes,
            cursor,
            |index| field.contains(&(start + index)),
            found,
        );
    }
}

/// ``` 0000  48 65 6c 6c 6f 20 7a 62  Hello zb ```
fn line(
    canvas: &mut Canvas<'_>,
    area: Rect,
    offset: &str,
    bytes: &[u8],
    cursor: Option<(usize, bool)>,
    in_field: impl Fn(usize) -> bool,
    found: impl Fn(usize) -> bool,
) {
    let stride = stride(area.width);
    let right = area.right();
    let mut x = canvas.put(area.x, area.y, area.width, offset, ColorRole::Label) + 1;
    let cell = |canvas: &mut Canvas<'_>, index: usize, x: u16, text: &[u8], role| {
        let room = right.saturating_sub(x);
        canvas.put(
            x,
            area.y,
            room,
            std::str::from_utf8(text).unwrap_or_default(),
            role,
        );
        let width = u16::try_from(text.len()).unwrap_or(0).min(room);
        let place = Rect::new(x, area.y, width, 1);
        if found(index) {
            canvas.tint(place, ColorRole::Match);
        }
        match cursor {
            Some((at, true)) if at == index => canvas.tint(place, ColorRole::Selected),
            Some((at, false)) if at == index => canvas.tint(place, ColorRole::Pointed),
            _ if in_field(index) => canvas.tint(place, ColorRole::Pointed),
            _ => {}
        }
    };
    let ascii = x + 2 + u16::try_from(stride * 3 + stride / 16).unwrap_or(0);
    for ((index, &byte), ascii) in bytes.iter().enumerate().zip(ascii..) {
        x += if index == 8 { 2 } else { 1 };
        let role = ColorRole::byte(byte);
        let digits = [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
        cell(canvas, index, x, &digits, role);
        x += 2;
        let printable = matches!(byte, b' '..=b'~');
        cell(
            canvas,
            index,
            ascii,
            &[if printable { byte } else { b'.' }],
            role,
        );
    }
}
