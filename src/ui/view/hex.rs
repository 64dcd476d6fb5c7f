//! The bytes of the selected message.

use std::fmt::Write;

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::observe::frame::Message;
use crate::ui::app::App;
use crate::ui::theme::Role;

/// Columns that a frame needs for eight bytes a row.
pub(super) const NARROW: u16 = 41;
/// Columns that a frame needs for sixteen bytes a row.
pub(super) const WIDE: u16 = 79;

/// Title and note of the frame: which message.
pub(super) fn title(app: &App) -> (String, String) {
    let title = match app.selected_message() {
        Some(message) => format!("Hex {}", message.offset),
        None => "Hex".to_owned(),
    };
    (title, String::new())
}

/// What the header of a message says, in a line over its bytes.
fn header(message: &Message) -> String {
    let header = &message.header;
    let fds = if header.fd_count == 1 { "fd" } else { "fds" };
    let [count, len] = [u64::from(header.fd_count), header.payload_len.into()];
    let mut line = format!("seq {}  {len} B  {count} {fds}  ", header.seq_id);
    if header.flags > 0 {
        let _ = write!(line, "flags {:#04x}  ", header.flags);
    }
    line + message.integrity.word()
}

/// The room for the bytes: the line over them is given up before the last rows are.
fn dump(room: Rect) -> Rect {
    let line = u16::from(room.height >= 4);
    Rect {
        y: room.y + line,
        height: room.height - line,
        ..room
    }
}

/// Bytes in a row where the dump is `width` columns wide.
fn stride(width: u16) -> usize {
    // The same for every payload of a panel, or the columns would jump from message to message.
    if width >= WIDE - 2 { 16 } else { 8 }
}

/// The last row that may come first, in a dump of that room.
pub(super) fn last_top(message: &Message, room: Rect) -> usize {
    rows(message, room.width).saturating_sub(usize::from(dump(room).height))
}

fn rows(message: &Message, width: u16) -> usize {
    let cut = (message.payload.len() as u64) < u64::from(message.header.payload_len);
    message.payload.len().div_ceil(stride(width)) + usize::from(cut)
}

pub(super) fn render(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(message) = app.selected_message().filter(|_| !area.is_empty()) else {
        return;
    };
    let first = app.hex_row().min(last_top(message, area));
    let bytes = dump(area);
    if bytes != area {
        canvas.put(
            area.x,
            area.y,
            area.width,
            &header(message),
            message.integrity.into(),
        );
    }
    let area = bytes;
    let payload = &message.payload;
    if payload.is_empty() && message.header.payload_len == 0 {
        canvas.put(
            area.x + 1,
            area.y,
            area.width.saturating_sub(1),
            "No payload.",
            Role::Dim,
        );
        return;
    }
    let stride = stride(area.width);
    let digits = if stride == 16 || payload.len() > 0x1_0000 {
        8
    } else {
        4
    };
    let mut y = area.y;
    for (row, bytes) in payload
        .chunks(stride)
        .enumerate()
        .skip(first)
        .take(area.height.into())
    {
        line(
            canvas,
            Rect {
                y,
                height: 1,
                ..area
            },
            &format!("{:0digits$x}", row * stride),
            bytes,
        );
        y += 1;
    }
    if y < area.bottom() && rows(message, area.width) > payload.len().div_ceil(stride) {
        let text = format!(
            "{} the first {} bytes were kept",
            canvas.glyphs().ellipsis,
            payload.len()
        );
        canvas.put(area.x, y, area.width, &text, Role::Dim);
    }
}

/// ``` 0000  48 65 6c 6c 6f 20 7a 62  Hello zb ```
fn line(canvas: &mut Canvas<'_>, area: Rect, offset: &str, bytes: &[u8]) {
    let stride = stride(area.width);
    let right = area.right();
    let mut x = canvas.put(area.x, area.y, area.width, offset, Role::Label) + 1;
    let cell = |canvas: &mut Canvas<'_>, x: u16, text: &str, role| {
        canvas.put(x, area.y, right.saturating_sub(x), text, role);
    };
    let ascii = x + 2 + u16::try_from(stride * 3 + stride / 16).unwrap_or(0);
    for ((index, &byte), ascii) in bytes.iter().enumerate().zip(ascii..) {
        x += if index == 8 { 2 } else { 1 };
        let role = look(byte);
        let digits = [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
        cell(
            canvas,
            x,
            std::str::from_utf8(&digits).unwrap_or_default(),
            role,
        );
        x += 2;
        let printable = [if matches!(byte, 0x20..=0x7e) {
            byte
        } else {
            b'.'
        }];
        cell(
            canvas,
            ascii,
            std::str::from_utf8(&printable).unwrap_or_default(),
            role,
        );
    }
}

/// The class of a byte.
fn look(byte: u8) -> Role {
    match byte {
        0 => Role::ByteNull,
        b' ' | b'\t' | b'\n' | b'\r' => Role::ByteSpace,
        0x21..=0x7e => Role::ByteText,
        0x80.. => Role::ByteHigh,
        _ => Role::ByteControl,
    }
}
