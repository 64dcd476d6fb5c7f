//! Words and numbers for people: escaping of what must not reach a terminal raw, sizes, rates, durations.

use std::borrow::Cow;
use std::fmt::Write as _;

use humansize::{BINARY, FormatSizeOptions};

/// `text` with everything that could steer a terminal or reorder a line written as an escape: C0, DEL and C1
/// controls, and the Unicode marks that change direction or hide.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hostile(c) {
            safe.extend(c.escape_default())
        } else {
            safe.push(c)
        }
    }
    Cow::Owned(safe)
}

/// `bytes` as one line of text: valid UTF-8 kept as [`escape`] keeps it, every other byte as `\xNN`.
#[must_use]
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut safe = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        safe.push_str(&escape(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(safe, "\\x{byte:02x}");
        }
    }
    safe
}

/// Whether a terminal would act on `c`, or a reader be misled by it.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A size in binary units: `412 KiB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    let decimals = if count < 1024 { 0 } else { 1 };
    let options = FormatSizeOptions::from(BINARY)
        .decimal_places(decimals)
        .decimal_zeroes(decimals);
    humansize::format_size(count, options)
}

/// A rate in binary units: `846.0 MiB/s`.
#[must_use]
pub fn bytes_per_second(rate: f64) -> String {
    format!("{}/s", bytes(whole(rate)))
}

/// A count with metric units: `13.2 M`, `999`.
#[must_use]
pub fn count(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{:.1} G", v / 1e9),
        v if v >= 1e6 => format!("{:.1} M", v / 1e6),
        v if v >= 1e4 => format!("{:.1} k", v / 1e3),
        v => format!("{v:.0}"),
    }
}

/// A duration in its two most telling digits or fields: `340 µs`, `1.2 s`, `4m 12s`, `3d 04h`.
#[must_use]
pub fn duration(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} µs", ns / 1_000),
        1_000_000..1_000_000_000 => format!("{} ms", ns / 1_000_000),
        1_000_000_000..60_000_000_000 => {
            format!("{}.{} s", seconds, ns % 1_000_000_000 / 100_000_000)
        }
        _ if seconds < 3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ if seconds < 86_400 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
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

    #[test]
    fn nothing_that_steers_a_terminal_survives() {
        assert_eq!(escape("risk"), "risk");
        assert_eq!(escape("a\x1b[31mb"), "a\\u{1b}[31mb");
        assert_eq!(escape("\u{9b}31m\u{202e}x\n"), "\\u{9b}31m\\u{202e}x\\n");
        assert_eq!(
            escape_bytes(b"ok \xff\x1b \xe2\x82\xac"),
            "ok \\xff\\u{1b} €"
        );
    }

    #[test]
    fn figures_read_well() {
        assert_eq!(bytes(1000), "1000 B");
        assert_eq!(bytes(412 << 10), "412.0 KiB");
        assert_eq!(duration(999), "999 ns");
        assert_eq!(duration(1_234_567_890), "1.2 s");
        assert_eq!(duration(252_000_000_000), "4m 12s");
        assert_eq!(duration(u64::MAX), "213503d 23h");
        assert_eq!(count(13_200_000.0), "13.2 M");
        assert_eq!(whole(-1.0), 0);
        assert_eq!(whole(f64::NAN), 0);
    }
}
