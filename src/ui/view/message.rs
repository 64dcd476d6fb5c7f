//! One message on the whole screen: its header, its bytes, what those at the cursor could mean, and its text, or where payloads
//! are decoded the fields in it.
//!
//! ```text
//! ┌ Message 1234567844 ──────────────────────────────────────────── 64 of 64 ─┐
//! │offset 1 234 567 844  seq 64  30 B  1 descriptor  intact                   │
//! │00000000  71 75 6f 74 65 20 30 36  33 20 45 55 52 55 53 44  quote 063 EURUSD│
//! │quote 063 EURUSD 1.2331\0\0\0*                                              │
//! │byte 10 of 30  offset 1234567870                                            │
//! │u16 le 21829                    be 17749                                    │
//! └────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Where what stands depends on the room alone: nothing jumps from message to message.

use std::fmt::Write as _;

use ratatui::layout::Rect;

use super::canvas::{Canvas, cut};
use super::{hex, inspector};
use crate::observe::model::{LogRow, StoredMessage};
use crate::text::counted;
use crate::ui::app::App;
use crate::ui::format::grouped;
use crate::ui::text;
use crate::ui::theme::ColorRole;
use crate::ui::viewport::HexViewport;

/// From this width on, what the bytes mean stands beside them.
const BESIDE: u16 = hex::WIDE + 36;
struct Places {
    header: Rect,
    dump: Rect,
    text: Rect,
    values: Rect,
}

/// Fields are worth more than what single bytes could mean: where there are any, they have the whole side, or the half below.
fn places(mut room: Rect, has_fields: bool) -> Places {
    let has_header = room.height >= 4;
    let header = cut(&mut room, has_header.into());
    if room.width >= BESIDE && has_fields {
        let mut dump = Rect {
            width: hex::WIDE,
            ..room
        };
        let text = Rect {
            x: room.x + hex::WIDE,
            width: room.width - hex::WIDE,
            ..room
        };
        let values = inspector::rows(dump.width).min(room.height / 2);
        let above = cut(&mut dump, room.height - values);
        return Places {
            header,
            dump: above,
            text,
            values: dump,
        };
    }
    if room.width >= BESIDE {
        let dump = Rect {
            width: hex::WIDE,
            ..room
        };
        let mut rest = Rect {
            x: room.x + hex::WIDE,
            width: room.width - hex::WIDE,
            ..room
        };
        let rows = inspector::rows(rest.width).min(rest.height);
        let values = cut(&mut rest, rows);
        cut(&mut rest, 1);
        return Places {
            header,
            dump,
            text: rest,
            values,
        };
    }
    let values = inspector::rows(room.width).min(match room.height {
        ..4 => 0,
        height if has_fields => height / 4,
        height => height.div_ceil(2),
    });
    let above = room.height - values;
    let text = match above {
        ..6 => 0,
        above if has_fields => above.div_ceil(2),
        above => above / 3,
    };
    let dump = cut(&mut room, above - text);
    let text = cut(&mut room, text);
    Places {
        header,
        dump,
        text,
        values: room,
    }
}

/// How many bytes are seen in that room.
pub(super) fn viewport(app: &App, room: Rect) -> HexViewport {
    let dump = places(room, app.message_list().fields().is_on()).dump;
    HexViewport {
        rows: dump.height.into(),
        stride: hex::stride(dump.width),
    }
}

/// Title and note of the frame: which message, and where it is listed.
pub(super) fn title(app: &App) -> (String, String) {
    let list = app.message_list();
    let title = match list.selected() {
        Some(LogRow::Message(message)) => format!("Message {}", message.offset),
        Some(LogRow::Gap(_)) => "Gap".to_owned(),
        None => "Message".to_owned(),
    };
    let note = list.place().map(|place| {
        let [place, rows] = [place as u64 + 1, list.len() as u64].map(grouped);
        format!("{place} of {rows}")
    });
    (title, note.unwrap_or_default())
}

fn header(message: &StoredMessage<'_>) -> String {
    let header = &message.header;
    let mut parts = vec![
        format!("offset {}", grouped(message.offset)),
        format!("seq {}", header.seq_id),
        format!("{} B", grouped(header.payload_len.into())),
    ];
    if message.is_cut() {
        parts.push(format!(
            "first {} B kept",
            grouped(message.payload.len() as u64)
        ));
    }
    parts.push(counted(header.fd_count.into(), "descriptor"));
    if header.flags > 0 {
        parts.push(format!("flags {:#04x}", header.flags));
    }
    parts.push(message.integrity.word().to_owned());
    parts.join("  ")
}

/// A payload as text, in so many lines of `width` columns at most: its own lines, and those too long broken anywhere.
fn folded(payload: &[u8], width: u16, rows: usize) -> Vec<String> {
    let mut lines = Vec::new();
    // A character takes a column and four bytes at most, but for those of no width.
    let seen = payload.len().min(rows * usize::from(width) * 4);
    for line in payload[..seen].split(|byte| *byte == b'\n') {
        let mut text = String::new();
        for chunk in line.utf8_chunks() {
            text += &text::escape(chunk.valid(), seen);
            for byte in chunk.invalid() {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
        let (mut part, mut used) = (String::new(), 0);
        for character in text.chars() {
            let wide = text::width(character.encode_utf8(&mut [0; 4]));
            if used + wide > width && used > 0 {
                lines.push(std::mem::take(&mut part));
                used = 0;
                if lines.len() == rows {
                    return lines;
                }
            }
            part.push(character);
            used += wide;
        }
        lines.push(part);
        if lines.len() >= rows {
            break;
        }
    }
    lines
}

pub(super) fn render(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let list = app.message_list();
    let message = match list.selected() {
        Some(LogRow::Message(message)) => message,
        Some(LogRow::Gap(gap)) => {
            let words = format!("No bytes from {} to {}: {}.", gap.from, gap.to, gap.why);
            return canvas.put_wrapped(area, &words, ColorRole::Dim);
        }
        None => return canvas.put_wrapped(area, "No message.", ColorRole::Dim),
    };
    let Places {
        header: top,
        dump,
        text: below,
        values,
    } = places(area, list.fields().is_on());
    if !top.is_empty() {
        canvas.put(
            top.x,
            top.y,
            top.width,
            &header(&message),
            message.integrity.into(),
        );
    }
    let payload = message.payload;
    if payload.is_empty() {
        let words = match message.header.payload_len {
            0 => "No payload.",
            _ => "Its payload was not kept.",
        };
        canvas.put(dump.x, dump.y, dump.width, words, ColorRole::Dim);
        return;
    }
    let at = list.byte(payload.len());
    let fields = list.fields();
    hex::rows(
        &message,
        list,
        viewport(app, area),
        Some((at, true)),
        &fields.bytes(at),
        canvas,
        dump,
    );
    if fields.is_on() {
        super::fields::render(fields, at, canvas, below);
    } else {
        let lines = folded(payload, below.width, below.height.into());
        for (line, y) in lines.iter().zip(below.top()..below.bottom()) {
            canvas.put(below.x, y, below.width, line, ColorRole::Plain);
        }
    }
    let meanings = inspector::lines(&message, at, values.width, canvas.glyphs().unknown);
    for ((row, line), y) in meanings
        .iter()
        .enumerate()
        .zip(values.top()..values.bottom())
    {
        let role = if row == 0 {
            ColorRole::Label
        } else {
            ColorRole::Plain
        };
        canvas.put(values.x, y, values.width, line, role);
    }
}
