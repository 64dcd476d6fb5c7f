//! Numbers as people read them, short enough for a column.
//!
//! Columns are laid out by how long each can get. Knows nothing of where they stand; what is also printed stands in
//! [`crate::text`].

pub(crate) use crate::text::{bytes, bytes_per_second as rate, count, duration_in, percent, whole};

/// All digits, in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A time since something began: `04:12:09`, `3d 04:12`.
pub(crate) fn uptime(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    if days > 0 {
        format!("{days}d {hours:02}:{minutes:02}")
    } else {
        format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
    }
}

/// The time of day of a moment as RFC 3339 has it: `06:08:10`.
pub(crate) fn time_of_day(at: &str) -> &str {
    at.get(11..19).unwrap_or(at)
}

/// Day and time of a moment as RFC 3339 has it: `11-26 06:08:10`.
pub(crate) fn day_and_time(at: &str) -> String {
    match (at.get(5..10), at.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => at.to_owned(),
    }
}

/// How long ago something was, 8 columns at most: `now`, `12s ago`, `59m ago`, `3d ago`.
pub(crate) fn ago(nanoseconds: u64) -> String {
    match nanoseconds / 1_000_000_000 {
        0 => "now".to_owned(),
        seconds @ 1..=59 => format!("{seconds}s ago"),
        seconds @ 60..=3_599 => format!("{}m ago", seconds / 60),
        seconds @ 3_600..=86_399 => format!("{}h ago", seconds / 3_600),
        seconds => format!("{}d ago", (seconds / 86_400).min(999)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_they_should() {
        for (value, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (421_888, "412 KiB"),
            (102_390, "100 KiB"),
            (1_048_575, "1024 KiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(value), text);
        }
        for (value, text) in [
            (0.0, "0"),
            (999.4, "999"),
            (999.6, "1.0 k"),
            (13_240_000.0, "13.2 M"),
            (4.2e8, "420 M"),
            (f64::NAN, "0"),
        ] {
            assert_eq!(count(value), text);
        }
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1 000"),
            (1_234_567_890, "1 234 567 890"),
        ] {
            assert_eq!(grouped(value), text);
        }
    }

    #[test]
    fn times_read_as_they_should() {
        const SECOND: u64 = 1_000_000_000;
        for (value, text) in [
            (850_000, "850 µs"),
            (2_400_000, "2 ms"),
            (1_290_000_000, "1.2 s"),
            (245 * SECOND, "4m 05s"),
            (11_045 * SECOND, "3h 04m"),
            (273_900 * SECOND, "3d 04h"),
            (400 * 86_400 * SECOND, "400 d"),
        ] {
            assert_eq!(duration_in(value, "µs"), text);
        }
        for (value, text) in [
            (999_999_999, "now"),
            (12 * SECOND, "12s ago"),
            (119 * SECOND, "1m ago"),
            (7_200 * SECOND, "2h ago"),
            (u64::MAX, "999d ago"),
        ] {
            assert_eq!(ago(value), text);
        }
        assert_eq!(uptime(15_129), "04:12:09");
        assert_eq!(uptime(274_320), "3d 04:12");
    }

    #[test]
    fn nothing_outgrows_its_column() {
        for shift in 0..64 {
            for value in [
                1u64 << shift,
                (1u64 << shift) - 1,
                u64::MAX >> shift,
                (u64::MAX >> shift) / 1000 * 999,
            ] {
                assert!(bytes(value).len() <= 8, "{}", bytes(value));
                assert!(count(value as f64).len() <= 6, "{}", count(value as f64));
                assert!(
                    duration_in(value, "us").len() <= 8,
                    "{}",
                    duration_in(value, "us")
                );
            }
        }
    }
}
