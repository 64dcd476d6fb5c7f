//! Text from outside, made harmless: nothing from a ring, a process name or a path reaches the terminal as it came.
//!
//! Knows nothing of the screen but how wide text is on it.

use std::borrow::Cow;

use ratatui::text::Span;

use crate::text::{push_escaped, push_escaped_byte};

/// Columns that `text` takes.
pub(crate) fn width(text: &str) -> u16 {
    u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX)
}

/// `text` with whatever could act on the terminal, reorder the line or hide in it written out; at most about `longest`
/// characters of it.
pub(crate) fn escape(text: &str, longest: usize) -> Cow<'_, str> {
    let end = text
        .char_indices()
        .nth(longest)
        .map_or(text.len(), |(end, _)| end);
    crate::text::escape(&text[..end])
}

/// The beginning of a payload on one line: UTF-8 as text, everything else written out.
pub(crate) fn preview(payload: &[u8], longest: usize) -> String {
    // No character is longer than four bytes: more would not be seen.
    let payload = &payload[..payload.len().min(longest.saturating_mul(4))];
    let mut out = String::new();
    // A character may be cut in two at the end.
    let valid = match std::str::from_utf8(payload) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_some() => None,
        Err(error) => std::str::from_utf8(&payload[..error.valid_up_to()]).ok(),
    };
    match valid.filter(|text| !text.contains('\0')) {
        Some(text) => text
            .chars()
            .take(longest)
            .for_each(|character| push_escaped(&mut out, character)),
        // Binary: what looks like a letter of some script there is none.
        None => payload.iter().take(longest).for_each(|byte| match byte {
            0x80.. => push_escaped_byte(&mut out, *byte),
            _ => push_escaped(&mut out, char::from(*byte)),
        }),
    }
    out
}

/// `text` in lines of at most `width` columns, broken at spaces where there are any.
pub(crate) fn wrap(text: &str, width: u16) -> Vec<String> {
    let columns = usize::from(width.max(1));
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in escape(text, 4096).split_whitespace() {
        let wide = usize::from(self::width(word));
        if used > 0 && used + 1 + wide > columns {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        for character in word.chars() {
            let wide = usize::from(self::width(character.encode_utf8(&mut [0; 4])));
            if used > 0 && used + wide > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(character);
            used += wide;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_act_is_written_out() {
        assert_eq!(escape("quotes é 日本", 99), "quotes é 日本");
        assert_eq!(escape("\x1b[31m\u{9b}2J", 99), "\\x1b[31m\\u{9b}2J");
        assert_eq!(
            escape("a\u{202e}cba\u{2066}\u{200b}", 99),
            "a\\u{202e}cba\\u{2066}\\u{200b}"
        );
        assert_eq!(escape("\n\r\t\0\x7f", 99), "\\n\\r\\t\\0\\x7f");
        assert_eq!(escape("日本語", 2), "日本");
    }

    #[test]
    fn previews_are_text_where_they_can_be() {
        assert_eq!(preview(b"price=1.07", 40), "price=1.07");
        assert_eq!(
            preview(b"ok\xff\xfe\x00\xc3\xa9", 40),
            "ok\\xff\\xfe\\0\\xc3\\xa9"
        );
        assert_eq!(preview(&[b'a'; 1000], 5), "aaaaa");
        assert_eq!(preview("é日".as_bytes(), 40), "é日");
        assert_eq!(preview(&"日日".as_bytes()[..4], 1), "日");
    }

    #[test]
    fn lines_are_broken_at_spaces_and_never_too_wide() {
        assert_eq!(
            wrap("slot 2 gates the producer", 10),
            ["slot 2", "gates the", "producer"]
        );
        assert_eq!(wrap("aaaaaaa bb", 3), ["aaa", "aaa", "a", "bb"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert!(wrap("\x1b[2J", 80)[0].starts_with("\\x1b"));
        assert!(wrap("", 10).is_empty());
    }
}
