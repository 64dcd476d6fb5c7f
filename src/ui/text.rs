//! Text from outside, made harmless: nothing from a ring, a process name or a path reaches the terminal as it came.
//!
//! Knows nothing of the screen but how wide text is on it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::Span;

use crate::text::{push_escaped, push_escaped_byte};

/// Whether a character is surely harmless and one column wide, whatever stands beside it: printable ASCII, or one of
/// the dashes, lines, blocks and dots that screens are made of.
pub(crate) fn is_narrow(character: char) -> bool {
    matches!(
        character,
        ' '..='~' | '\u{2010}'..='\u{2027}' | '\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}'
    )
}

/// Columns that `text` takes when it is put into cells, one character with its marks after the other: as a whole, two
/// letters that some fonts join count as one.
pub(crate) fn width(text: &str) -> u16 {
    let text = Span::raw(text);
    let cells = text.styled_graphemes(Style::new());
    let columns: usize = cells.map(|cell| Span::raw(cell.symbol).width()).sum();
    u16::try_from(columns).unwrap_or(u16::MAX)
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

/// `text` in `room` columns: what has no room is left out in the middle, and `ellipsis` stands there.
pub(crate) fn without_middle<'a>(text: &'a str, room: u16, ellipsis: &str) -> Cow<'a, str> {
    let whole = crate::text::escape(text);
    // A byte takes one column at most, and a character four bytes.
    let fits = whole.len() <= usize::from(room)
        || whole.len() <= 4 * usize::from(room) && width(&whole) <= room;
    if fits {
        return whole;
    }
    let left = room.saturating_sub(width(ellipsis));
    let (first, last) = (left / 3, left - left / 3);
    // How many bytes have room, of characters that come one after the other.
    let fitting = |characters: &mut dyn Iterator<Item = char>, room: u16| {
        let (mut bytes, mut columns) = (0, 0);
        for character in characters {
            columns += width(character.encode_utf8(&mut [0; 4]));
            if columns > room {
                break;
            }
            bytes += character.len_utf8();
        }
        bytes
    };
    let start = &whole[..fitting(&mut whole.chars(), first)];
    let end = &whole[whole.len() - fitting(&mut whole.chars().rev(), last)..];
    format!("{start}{ellipsis}{end}").into()
}

/// The beginning of a payload on one line, and the columns where the bytes of `found` stand in it: text, with
/// everything else written out; or hex pairs, where less than half of it is text.
pub(crate) fn preview(
    payload: &[u8],
    found: &Range<usize>,
    longest: usize,
) -> (String, Range<u16>) {
    // No character is longer than four bytes: more would not be seen.
    let payload = &payload[..payload.len().min(longest.saturating_mul(4))];
    // A character may be cut in two at the end.
    let valid = match std::str::from_utf8(payload) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_some() => None,
        Err(error) => std::str::from_utf8(&payload[..error.valid_up_to()]).ok(),
    };
    let mut line = TextLine::new(found);
    let text = valid.filter(|text| !text.contains('\0'));
    if let Some(text) = text.filter(|text| {
        let seen = || text.chars().take(longest);
        seen().filter(|character| character.is_control()).count() * 2 <= seen().count()
    }) {
        for (start, character) in text.char_indices().take(longest) {
            line.reach(start, character.len_utf8());
            push_escaped(&mut line.text, character);
        }
        return line.end();
    }
    let seen = &payload[..payload.len().min(longest)];
    let printable = seen.iter().filter(|byte| matches!(byte, b' '..=b'~'));
    let is_text = printable.count() * 2 >= seen.len();
    for (start, &byte) in seen.iter().enumerate() {
        if !is_text && start > 0 {
            // The blank after the last byte that was found is not part of it.
            if start >= found.end {
                line.reach(start, 1);
            }
            line.text.push(' ');
        }
        line.reach(start, 1);
        match byte {
            // Writing to a String cannot fail.
            _ if !is_text => drop(write!(line.text, "{byte:02x}")),
            // What looks like a letter of some script there is none.
            0x80.. => push_escaped_byte(&mut line.text, byte),
            _ => push_escaped(&mut line.text, char::from(byte)),
        }
        if line.text.len() > longest.saturating_mul(4) {
            break;
        }
    }
    line.end()
}

/// A line that is put together from bytes, and where some of them stand in it.
struct TextLine<'a> {
    text: String,
    found: &'a Range<usize>,
    columns: [Option<u16>; 2],
}

impl<'a> TextLine<'a> {
    fn new(found: &'a Range<usize>) -> Self {
        Self {
            text: String::new(),
            found,
            columns: [None; 2],
        }
    }

    /// What is put next stands for `length` bytes at `start`.
    fn reach(&mut self, start: usize, length: usize) {
        let [first, end] = self.columns;
        if first.is_none() && !self.found.is_empty() && start + length > self.found.start {
            self.columns[0] = Some(width(&self.text));
        }
        if first.is_some() && end.is_none() && start >= self.found.end {
            self.columns[1] = Some(width(&self.text));
        }
    }

    fn end(self) -> (String, Range<u16>) {
        let [first, end] = self.columns;
        let first = first.unwrap_or(u16::MAX);
        let end = end.unwrap_or_else(|| width(&self.text));
        let columns = if first < end { first..end } else { 0..0 };
        (self.text, columns)
    }
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
    fn the_ends_of_a_text_are_kept() {
        for (text, room, expected) in [
            ("/run/quotes.sock", 16, "/run/quotes.sock"),
            ("/run/quotes.sock", 12, "/ru~tes.sock"),
            ("/run/quotes.sock", 1, "~"),
            ("/run/quotes.sock", 0, "~"),
            ("日本語日本語", 7, "日~本語"),
            ("a\u{1b}b", 12, "a\\x1bb"),
            ("", 4, ""),
        ] {
            assert_eq!(without_middle(text, room, "~"), expected, "{text} in {room}");
        }
        let long = "x".repeat(1 << 20);
        assert_eq!(without_middle(&long, 5, "~").len(), 5);
    }

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
    fn text_is_as_wide_as_its_cells() {
        // Lam and alef are joined by some, and stand in two cells.
        for (text, columns) in [("", 0), ("a", 1), ("日本", 4), ("e\u{301}", 1), ("لا", 2)] {
            assert_eq!(width(text), columns, "{text}");
        }
    }

    #[test]
    fn previews_are_text_where_they_can_be() {
        let preview = |payload: &[u8], longest| super::preview(payload, &(0..0), longest).0;
        assert_eq!(preview(b"price=1.07", 40), "price=1.07");
        assert_eq!(
            preview(b"okay\xff\xfe\x00\xc3", 40),
            "okay\\xff\\xfe\\0\\xc3"
        );
        assert_eq!(
            preview(b"ok\xff\xfe\x00\xc3\xa9", 40),
            "6f 6b ff fe 00 c3 a9"
        );
        assert_eq!(preview(b"\x01\x02\x03a", 40), "01 02 03 61");
        assert_eq!(preview(b"line\nfeed", 40), "line\\nfeed");
        assert_eq!(preview(&[b'a'; 1000], 5), "aaaaa");
        assert_eq!(preview("é日".as_bytes(), 40), "é日");
        assert_eq!(preview(&"日日".as_bytes()[..4], 1), "日");
        assert_eq!(preview(b"", 9), "");
    }

    #[test]
    fn what_was_found_is_marked_where_it_stands() {
        for (payload, found, line, columns) in [
            ("price 日本 €".as_bytes(), 0..5, "price 日本 €", 0..5),
            ("price 日本 €".as_bytes(), 6..12, "price 日本 €", 6..10),
            ("日本x".as_bytes(), 6..7, "日本x", 4..5),
            ("a\nb c d".as_bytes(), 1..2, "a\\nb c d", 1..3),
            ("a  b".as_bytes(), 1..3, "a  b", 1..3),
            (b"ab\xff\0".as_slice(), 2..3, "ab\\xff\\0", 2..6),
            (b"\x01\x02\x03".as_slice(), 1..2, "01 02 03", 3..5),
            (b"\x01\x02\x03".as_slice(), 1..3, "01 02 03", 3..8),
            (b"\x01\x02\x03".as_slice(), 0..3, "01 02 03", 0..8),
            ("short".as_bytes(), 9..12, "short", 0..0),
            ("short".as_bytes(), 0..0, "short", 0..0),
        ] {
            let seen = preview(payload, &found, 40);
            assert_eq!(seen, (line.to_owned(), columns), "{found:?}");
        }
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
