//! Words and numbers for people: escaping of what must not reach a terminal raw, sizes, rates, durations.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use humansize::BINARY;

/// Whether the reader's locale knows no characters but those of ASCII, as that of the C library is for a whole process.
static ASCII_ONLY: AtomicBool = AtomicBool::new(false);

/// Everything else is written out from now on, or not.
pub fn only_ascii(only: bool) {
    ASCII_ONLY.store(only, Ordering::Relaxed);
}

fn is_ascii_only() -> bool {
    ASCII_ONLY.load(Ordering::Relaxed)
}

/// `text` with whatever could act on a terminal, reorder the line or hide in it written out.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    text.chars()
        .for_each(|character| push_escaped(&mut safe, character));
    Cow::Owned(safe)
}

/// `bytes` as one line of text: valid UTF-8 kept as [`escape`] keeps it, every other byte as `\xNN`.
#[must_use]
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut safe = Vec::with_capacity(bytes.len() + 16);
    push_escaped_bytes(&mut safe, bytes);
    String::from_utf8(safe).unwrap_or_default()
}

/// Appends `bytes` as [`escape_bytes`] has them, fast enough for a ring's payloads.
pub fn push_escaped_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    /// So many plain characters in a row are copied as they are, ...
    const RUN: usize = 16;
    /// ... and so many others are written out one by one between two looks for them.
    const BLOCK: usize = 64;
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~');
    let mut rest = bytes;
    while !rest.is_empty() {
        if rest.get(..RUN).is_some_and(|run| run.iter().all(is_plain)) {
            let run = rest.iter().position(|byte| !is_plain(byte));
            let (run, after) = rest.split_at(run.unwrap_or(rest.len()));
            out.extend_from_slice(run);
            rest = after;
        }
        // With the byte behind it, or a blank.
        let mut block = [b' '; BLOCK + 1];
        let length = rest.len().min(BLOCK);
        let seen = rest.len().min(BLOCK + 1);
        block[..seen].copy_from_slice(&rest[..seen]);
        let start = out.len();
        // Filled in place, four bytes at a time, however many of them count.
        out.resize(start + 4 * BLOCK, 0);
        let place = &mut out[start..];
        let (mut passed, mut filled) = (0, 0);
        for pair in block[..=length].windows(2) {
            // Both are asked without a branch: random bytes are no pattern that a processor could learn.
            let begins = matches!(pair[0], 0xc2..=0xf4) & matches!(pair[1], 0x80..=0xbf);
            if begins {
                break;
            }
            let (written, count) = BYTES[usize::from(pair[0])];
            place[filled..filled + 4].copy_from_slice(&written);
            filled += usize::from(count);
            passed += 1;
        }
        out.truncate(start + filled);
        rest = &rest[passed..];
        if passed < length {
            rest = push_longer(out, rest);
        }
    }
}

/// Appends what `bytes` begin with, a character of several bytes or a piece of one; gives what is left.
fn push_longer<'a>(out: &mut Vec<u8>, bytes: &'a [u8]) -> &'a [u8] {
    // A character of two or three bytes that nothing has to be done about: nearly all text.
    let number = match *bytes {
        [first @ 0xc2..=0xdf, second @ 0x80..=0xbf, ..] => Some((2, wide(&[first & 0x1f, second]))),
        [
            first @ 0xe0..=0xef,
            second @ 0x80..=0xbf,
            third @ 0x80..=0xbf,
            ..,
        ] => Some((3, wide(&[first & 0x0f, second, third]))).filter(|(_, number)| *number >= 0x800),
        _ => None,
    };
    if let Some((length, number)) = number
        && !is_ascii_only()
        && SAFE.get(number) == Some(&true)
    {
        let (character, rest) = bytes.split_at(length);
        out.extend_from_slice(character);
        return rest;
    }
    let longest = &bytes[..bytes.len().min(4)];
    let Some(chunk) = longest.utf8_chunks().next() else {
        return &[];
    };
    let character = chunk.valid().chars().next();
    let length = character.map_or(chunk.invalid().len(), char::len_utf8);
    let (piece, rest) = bytes.split_at(length);
    match character {
        Some(character) => push_valid(out, character.encode_utf8(&mut [0; 4])),
        None => piece.iter().for_each(|byte| {
            let (written, length) = BYTES[usize::from(*byte)];
            out.extend_from_slice(&written[..usize::from(length)]);
        }),
    }
    rest
}

/// The number of a character, from the bits in each of its bytes.
fn wide(bytes: &[u8]) -> usize {
    (bytes.iter()).fold(0, |number, byte| number << 6 | usize::from(byte & 0x3f))
}

/// Each byte as it is written where it is no part of a longer character, and how many bytes that takes.
static BYTES: [([u8; 4], u8); 256] = {
    let digits = b"0123456789abcdef";
    let mut all = [([0; 4], 0); 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        all[at] = match byte {
            b'\n' => (*b"\\n  ", 2),
            b'\r' => (*b"\\r  ", 2),
            b'\t' => (*b"\\t  ", 2),
            0 => (*b"\\0  ", 2),
            b' '..=b'~' => ([byte, 0, 0, 0], 1),
            _ => ([b'\\', b'x', digits[at >> 4], digits[at & 15]], 4),
        };
        at += 1;
    }
    all
};

/// Which characters of two and three bytes are safe.
static SAFE: LazyLock<Vec<bool>> = LazyLock::new(|| {
    let is_safe = |number| char::from_u32(number).is_some_and(|one| !is_unsafe_anywhere(one));
    (0..0x1_0000).map(is_safe).collect()
});

fn push_valid(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(escape(text).as_bytes());
}

/// Appends `character`, written out if it is unsafe.
pub fn push_escaped(out: &mut String, character: char) {
    // Writing to a String cannot fail.
    let _ = match character {
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\0' => out.write_str("\\0"),
        '\x01'..='\x1f' | '\x7f' => write!(out, "\\x{:02x}", u32::from(character)),
        _ if is_unsafe(character) => write!(out, "\\u{{{:x}}}", u32::from(character)),
        _ => out.write_char(character),
    };
}

/// Appends a byte that is no text.
pub fn push_escaped_byte(out: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\x{byte:02x}");
}

/// Controls of either kind, unassigned characters, line and paragraph separators, and what is invisible or changes the
/// direction or the width of its neighbours.
fn is_unsafe(character: char) -> bool {
    if matches!(character, ' '..='~') {
        return false;
    }
    is_ascii_only() || is_unsafe_anywhere(character)
}

/// The same, whatever the locale knows.
fn is_unsafe_anywhere(character: char) -> bool {
    // Nearly all there is: the tables of std take longer than the rest of a draw's text.
    if is_plain(character) {
        return false;
    }
    // What std would not print as it is, unassigned and private characters among it: terminals disagree on their width,
    // and random bytes hit them all the time.
    (character.escape_debug().len() > 1 && !matches!(character, '"' | '\'' | '\\'))
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Blocks of Unicode without a gap or a trap in them: Latin-1, dashes and dots, arrows,
/// lines and shapes, braille.
fn is_plain(character: char) -> bool {
    matches!(character,
        '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{ff}' | '\u{2010}'..='\u{2027}' | '\u{2190}'..='\u{21ff}'
        | '\u{2500}'..='\u{25ff}' | '\u{2800}'..='\u{28ff}')
}

/// Bytes in binary units, 8 columns at most: `1023 KiB`, `99.9 MiB`, `512 B`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three figures are shown")]
pub fn bytes(bytes: u64) -> String {
    let unit = 1u64 << (bytes.max(1).ilog2() / 10 * 10);
    // Three figures: what changes faster than it can be read is not shown.
    let decimals = usize::from(unit > 1 && (bytes as f64 / unit as f64) < 99.95);
    humansize::format_size(
        bytes,
        BINARY.decimal_places(decimals).decimal_zeroes(decimals),
    )
}

/// Bytes per second, 10 columns at most.
#[must_use]
pub fn bytes_per_second(rate: f64) -> String {
    format!("{}/s", bytes(whole(rate)))
}

/// So many of something, all digits: `1 consumer`, `3 processes`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    let ending = match count {
        1 => "",
        _ if noun.ends_with('s') => "es",
        _ => "s",
    };
    format!("{count} {noun}{ending}")
}

/// A number of things in thousands, 6 columns at most: `13.2 M`, `999`.
#[must_use]
pub fn count(count: f64) -> String {
    let count = if count.is_finite() {
        count.max(0.0)
    } else {
        0.0
    };
    let mut value = count;
    for unit in ["", " k", " M", " G", " T", " P"] {
        if value < 999.5 {
            let decimals = usize::from(!unit.is_empty() && value < 99.95);
            return format!("{value:.decimals$}{unit}");
        }
        value /= 1000.0;
    }
    format!("{count:.0e}")
}

/// Share of the ring, in percent.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a percentage is for people")]
pub fn percent_of(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}

/// Percent without decimals, rounded down. Only what is really all reads 100, and a little reads `<1`, not 0. Less than
/// a twentieth is not missed: 90 % of so many whole bytes may be 89.9994 %.
#[must_use]
pub fn percent(percent: f64) -> String {
    match percent {
        _ if !percent.is_finite() || percent <= 0.0 => "0".to_owned(),
        _ if percent < 1.0 => "<1".to_owned(),
        _ if percent >= 1000.0 => ">1k".to_owned(),
        _ if (99.0..100.0).contains(&percent) => "99".to_owned(),
        _ => format!("{percent:.0}", percent = (percent + 0.05).floor()),
    }
}

/// A duration in its two most telling digits or fields: `340 ns`, and from a microsecond on as [`duration_in`].
#[must_use]
pub fn duration(ns: u64) -> String {
    if (1..1_000).contains(&ns) {
        format!("{ns} ns")
    } else {
        duration_in(ns, if is_ascii_only() { "us" } else { "µs" })
    }
}

/// The same in three figures, 7 columns at most below a thousand seconds: `840 ns`, `1.23 µs`, `45.6 ms`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three figures are shown")]
pub fn precise_duration(ns: u64) -> String {
    let micro = if is_ascii_only() { "us" } else { "µs" };
    let mut value = ns as f64;
    if ns < 1_000 {
        return format!("{ns} ns");
    }
    for unit in [micro, "ms", "s"] {
        value /= 1000.0;
        if value < 999.5 {
            return format!("{} {unit}", three_figures(value));
        }
    }
    duration(ns)
}

/// A number of things in three figures: `1.23 M`, `45.6 k`; below a thousand whole.
#[must_use]
pub fn precise_count(count: f64) -> String {
    let mut value = count / 1000.0;
    if count < 999.5 {
        return whole(count).to_string();
    }
    for unit in ["k", "M", "G"] {
        if value < 999.5 {
            return format!("{} {unit}", three_figures(value));
        }
        value /= 1000.0;
    }
    self::count(count)
}

fn three_figures(value: f64) -> String {
    let decimals = match value {
        _ if value < 9.995 => 2,
        _ if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// A time in nanoseconds, as far as they can say it.
#[must_use]
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A time, 7 columns at most this side of 273 years: `850 µs`, `2 ms`, `1.2 s`, `4m 05s`, `3h 04m`, `3d 04h`, `400 d`.
#[must_use]
pub fn duration_in(nanoseconds: u64, microseconds: &str) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    match seconds {
        0 if nanoseconds == 0 => "0 s".to_owned(),
        0 if nanoseconds < 1_000 => format!("<1 {microseconds}"),
        0 if nanoseconds < 1_000_000 => format!("{} {microseconds}", nanoseconds / 1_000),
        0 => format!("{} ms", nanoseconds / 1_000_000),
        1..=59 => format!("{seconds}.{} s", nanoseconds / 100_000_000 % 10),
        60..=3_599 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..=86_399 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        86_400..=8_639_999 => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The first few of a list, and how many more there are: `a, b, c and 4 more`.
#[must_use]
pub fn few(list: &[String], separator: &str) -> String {
    const FEW: usize = 3;
    let mut text = list[..list.len().min(FEW)].join(separator);
    if let Some(more) = list.len().checked_sub(FEW).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// A non-negative float as an integer; what does not fit is clamped.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` from float saturates, and NaN is 0"
)]
pub fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::Strategy as _;

    #[test]
    fn three_figures_are_three_in_every_unit() {
        for (ns, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (9_994, "9.99 µs"),
            (9_996, "10.0 µs"),
            (123_456, "123 µs"),
            (999_600, "1.00 ms"),
            (45_640_000, "45.6 ms"),
            (7_000_000_000, "7.00 s"),
            (3_600_000_000_000, "1h 00m"),
        ] {
            assert_eq!(precise_duration(ns), expected);
        }
        for (number, expected) in [
            (0.0, "0"),
            (999.4, "999"),
            (999.6, "1.00 k"),
            (12_340.0, "12.3 k"),
            (2_460_000.0, "2.46 M"),
            (1.5e9, "1.50 G"),
            (2e12, "2.0 T"),
        ] {
            assert_eq!(precise_count(number), expected);
        }
    }

    #[test]
    fn what_is_plain_at_a_glance_is_so_by_the_tables() {
        let plain = ('\0'..='\u{ffff}').filter(|character| is_plain(*character));
        for character in plain {
            let quoted = matches!(character, '"' | '\'' | '\\');
            assert!(
                quoted || character.escape_debug().len() == 1,
                "{character:?}"
            );
        }
    }

    /// As [`escape_bytes`] is described, piece by piece.
    fn escaped_by_the_book(bytes: &[u8]) -> String {
        let mut safe = String::new();
        for chunk in bytes.utf8_chunks() {
            (chunk.valid().chars()).for_each(|one| push_escaped(&mut safe, one));
            (chunk.invalid().iter()).for_each(|byte| push_escaped_byte(&mut safe, *byte));
        }
        safe
    }

    #[test]
    fn every_character_is_escaped_as_by_the_book() {
        for character in '\0'..=char::MAX {
            let text = format!("{character}x");
            let by_the_book = escaped_by_the_book(text.as_bytes());
            assert_eq!(escape_bytes(text.as_bytes()), by_the_book, "{character:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_escaped_as_by_the_book(
            pieces in proptest::collection::vec(proptest::prop_oneof![
                proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
                proptest::collection::vec(proptest::sample::select(&[
                    0xc2_u8, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0x80, 0x9f, 0xa0, 0xbf, 0,
                ][..]), 0..20),
                ".{0,40}".prop_map(String::into_bytes),
            ], 0..6)
        ) {
            let bytes = pieces.concat();
            proptest::prop_assert_eq!(escape_bytes(&bytes), escaped_by_the_book(&bytes));
        }
    }

    #[test]
    fn nothing_that_steers_a_terminal_survives() {
        assert_eq!(escape("risk"), "risk");
        // What hides: a blank that is a letter, a variation selector, a tag.
        assert_eq!(
            escape("\u{3164}\u{fe0f}\u{e0041}"),
            "\\u{3164}\\u{fe0f}\\u{e0041}"
        );
        assert_eq!(escape("a\x1b[31mb"), "a\\x1b[31mb");
        assert_eq!(escape("\u{9b}31m\u{202e}x\n"), "\\u{9b}31m\\u{202e}x\\n");
        assert_eq!(escape_bytes(b"ok \xff\x1b \xe2\x82\xac"), "ok \\xff\\x1b €");
    }

    #[test]
    fn figures_read_well() {
        assert_eq!(bytes(1000), "1000 B");
        assert_eq!(bytes(412 << 10), "412 KiB");
        assert_eq!(duration(999), "999 ns");
        assert_eq!(duration(1_234_567_890), "1.2 s");
        assert_eq!(duration(252_000_000_000), "4m 12s");
        assert_eq!(duration(u64::MAX), "213503 d");
        assert_eq!(count(13_200_000.0), "13.2 M");
        assert_eq!(counted(0, "ring"), "0 rings");
        assert_eq!(counted(1, "process"), "1 process");
        assert_eq!(counted(2, "process"), "2 processes");
        for (value, text) in [
            (0.0, "0"),
            (0.4, "<1"),
            (99.9, "99"),
            (100.0, "100"),
            (f64::NAN, "0"),
            (89.9994, "90"),
            (99.6, "99"),
            (1e9, ">1k"),
        ] {
            assert_eq!(percent(value), text);
        }
        assert_eq!(whole(-1.0), 0);
        assert_eq!(whole(f64::NAN), 0);
    }
}
