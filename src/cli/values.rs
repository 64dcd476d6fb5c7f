//! How single values are written on the command line: offsets, sizes, ranges, patterns.

use std::str::FromStr;
use std::time::Duration;

use regex::bytes::Regex;

use crate::observe::messages::number;
use crate::text::escape;

/// Characters of what was found that an error shows.
const SHOWN: usize = 40;

/// What was typed, or stands in a file of settings, as far as an error shows it.
pub(crate) fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let short: String = line.chars().take(SHOWN).collect();
    let cut = short.len() < text.len();
    format!("{}{}", escape(&short), if cut { "..." } else { "" })
}

/// A number of things.
pub(super) fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number".into())
}

/// A place in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingPosition {
    /// The oldest message that can be found.
    Oldest,
    /// Where the ring stands when the program starts.
    Head,
    /// Bytes ever committed.
    Offset(u64),
}

impl FromStr for RingPosition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "oldest" => Ok(Self::Oldest),
            "head" => Ok(Self::Head),
            _ => number(text)
                .map(Self::Offset)
                .map_err(|_| "expected `oldest`, `head`, or an offset in bytes".into()),
        }
    }
}

/// Where to end.
pub(super) fn end(text: &str) -> Result<RingPosition, String> {
    match text.parse() {
        Ok(RingPosition::Oldest) | Err(_) => Err("expected `head`, or an offset in bytes".into()),
        place => place,
    }
}

/// Units of bytes, spelt in any case.
const SIZE_UNITS: [(&str, u32); 7] = [
    ("B", 1),
    ("k", 1 << 10),
    ("KiB", 1 << 10),
    ("M", 1 << 20),
    ("MiB", 1 << 20),
    ("G", 1 << 30),
    ("GiB", 1 << 30),
];

/// Those of a thousand, spelt so and not otherwise.
const DECIMAL_SIZE_UNITS: [(&str, u32); 4] = [
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// The bytes in a unit.
pub(super) fn size_unit(unit: &str) -> Option<u32> {
    let mut decimal = DECIMAL_SIZE_UNITS.iter();
    let mut binary = SIZE_UNITS.iter();
    decimal
        .find(|(name, _)| *name == unit)
        .or_else(|| binary.find(|(name, _)| name.eq_ignore_ascii_case(unit)))
        .map(|(_, bytes)| *bytes)
}

/// Bytes: `4096`, `64KiB`, `1MiB`, `2k`, `1MB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let unit = match unit {
        "" => 1,
        unit => size_unit(unit).ok_or("expected bytes, or a number and KiB, MiB or GiB")?,
    };
    let number = match number(digits) {
        Err(why) if digits.is_empty() => return Err(why),
        // Digits that are no number are too many.
        number => number.ok(),
    };
    let bytes = number.and_then(|number| number.checked_mul(unit.into()));
    bytes.ok_or_else(|| {
        format!(
            "`{}` is out of range, expected less than 2^64 bytes",
            shown(text)
        )
    })
}

/// The longest time that can be asked for: ten years, which any clock can be added to.
pub(super) const LONGEST: Duration = Duration::from_secs(87_600 * 3600);

/// A duration with a unit: `250ms`, `5s`, `1m 30s`; a bare 0 needs none.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    let duration = parsed
        .map_err(|_| "expected a number and a unit, as in 250ms, 5s or 1m".to_owned())
        .and_then(|time| {
            Duration::try_from(time).map_err(|_| "expected a time that is not negative".into())
        })?;
    if duration > LONGEST {
        return Err(format!("expected at most {} h", LONGEST.as_secs() / 3600));
    }
    Ok(duration)
}

/// A duration that time passes in.
pub(crate) fn period(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        period if period < Duration::from_millis(1) => Err("expected at least 1ms".into()),
        period => Ok(period),
    }
}

/// A regular expression over bytes.
pub(crate) fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_written() {
        assert_eq!("oldest".parse(), Ok(RingPosition::Oldest));
        assert_eq!("4096".parse(), Ok(RingPosition::Offset(4096)));
        assert_eq!("0x10".parse(), Ok(RingPosition::Offset(16)));
        assert_eq!(size("0"), Ok(0));
        assert_eq!(size("64KiB"), Ok(64 << 10));
        assert_eq!(size("2m"), Ok(2 << 20));
        assert_eq!(size("3kB"), Ok(3000));
    }

    #[test]
    fn what_is_no_value_is_told() {
        for bad in ["", "tail", "-1", "1.5", "99999999999999999999"] {
            assert!(bad.parse::<RingPosition>().is_err(), "{bad}");
        }
        for bad in ["", "KiB", "1.5MiB", "3 parsecs", "99999999999GiB", "2mb"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        for large in [
            "18446744073709551616",
            "18446744073709551616B",
            "99999999999GiB",
        ] {
            let said = size(large).expect_err(large);
            assert!(said.contains("out of range"), "{said}");
        }
        assert!(pattern("(").is_err_and(|error| error.contains("unclosed group")));
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for bad in [
            "",
            "5",
            "s",
            "5 parsecs",
            "1.2.3s",
            "-1s",
            "1e400h",
            "3000000000000000000s",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
