//! When a message was made, as one of its decoded values tells.

use std::str::FromStr;

use super::condition::path;
use super::decoded::{Decoded, Value};
use super::word::word;

/// The decoded value that tells when a message was made, as it is typed: `order.sent:us`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeField {
    path: Vec<String>,
    unit: TimeUnit,
}

/// What such a value counts since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeUnit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
}

/// As they are typed, with how many ns each is.
const UNITS: [(&str, TimeUnit, u64); 4] = [
    ("ns", TimeUnit::Nanoseconds, 1),
    ("us", TimeUnit::Microseconds, 1_000),
    ("ms", TimeUnit::Milliseconds, 1_000_000),
    ("s", TimeUnit::Seconds, 1_000_000_000),
];

/// Characters of a value that are shown where it is no time.
const MOST_SHOWN: usize = 40;

impl FromStr for TimeField {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            format!("found `{text}`, expected NAME:ns, NAME:us, NAME:ms or NAME:s, as in sent:us")
        };
        let (name, unit) = text.rsplit_once(':').ok_or_else(expected)?;
        let unit = UNITS.iter().find(|(word, ..)| *word == unit.trim());
        let (_, unit, _) = unit.ok_or_else(expected)?;
        let path = path(name.trim())?;
        Ok(Self { path, unit: *unit })
    }
}

impl TimeField {
    /// Where the value is.
    #[must_use]
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// When the message was made, ns since 1970: a whole number, one with a fraction, or a text that is one of these.
    ///
    /// # Errors
    /// Why it does not tell, in words.
    pub fn of(&self, decoded: &Decoded) -> Result<u64, String> {
        let name = || self.path.join(".");
        let Some(field) = decoded.find(&self.path) else {
            return Err(format!("there is no .{}", name()));
        };
        let time = match field.value() {
            Value::Unsigned(value) => self.whole(value.into()),
            Value::Signed(value) | Value::Named(value, _) => self.whole(value.into()),
            Value::Big(digits) => digits.parse().ok().and_then(|value| self.whole(value)),
            Value::Float(value) => self.fraction(value),
            Value::Text(text) => match text.parse() {
                Ok(value) => self.whole(value),
                Err(_) => text.parse().ok().and_then(|value| self.fraction(value)),
            },
            // One of 32 bits is too coarse for a time of today.
            _ => None,
        };
        let unit = UNITS.iter().find(|(_, unit, _)| *unit == self.unit);
        time.ok_or_else(|| {
            let found: String = word(field).chars().take(MOST_SHOWN).collect();
            format!(
                ".{} is {}, which is no time in {} since 1970",
                name(),
                found,
                unit.map_or("", |(word, ..)| *word)
            )
        })
    }

    fn scale(&self) -> u64 {
        let unit = UNITS.iter().find(|(_, unit, _)| *unit == self.unit);
        unit.map_or(1, |(.., scale)| *scale)
    }

    fn whole(&self, value: i128) -> Option<u64> {
        value
            .checked_mul(self.scale().into())
            .and_then(|time| u64::try_from(time).ok())
    }

    /// To the ns that 53 bits can tell.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "what is too much becomes the most, which is too much still"
    )]
    fn fraction(&self, value: f64) -> Option<u64> {
        let rest = value.fract() * self.scale() as f64;
        let time = self.whole(value.trunc() as i128)?;
        // The most that a product may come to is no time.
        time.checked_add_signed(rest.round() as i64)
            .filter(|_| value >= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(payload: &str, field: &str) -> Result<u64, String> {
        let mut decoder = "json".parse::<crate::decode::DecodeSpec>()?.open()?;
        let mut decoded = Decoded::default();
        let done = decoder.decode(payload.as_bytes(), &mut decoded);
        done.map_err(|error| error.to_string())?;
        field.parse::<TimeField>()?.of(&decoded)
    }

    #[test]
    fn a_time_is_read_in_its_unit() {
        for (payload, field, expected) in [
            (
                r#"{"t":1764000000000000001}"#,
                "t:ns",
                1_764_000_000_000_000_001,
            ),
            (
                r#"{"t":1764000000000000}"#,
                ".t:us",
                1_764_000_000_000_000_000,
            ),
            (
                r#"{"a":{"t":1764000000000}}"#,
                "a.t:ms",
                1_764_000_000_000_000_000,
            ),
            (
                r#"{"a":[5,1764000000]}"#,
                "a.1:s",
                1_764_000_000_000_000_000,
            ),
            (r#"{"t":1764000000.25}"#, "t:s", 1_764_000_000_250_000_000),
            (r#"{"t":"1764000000.5"}"#, "t:s", 1_764_000_000_500_000_000),
            (
                r#"{"t":"1764000000000000001"}"#,
                "t:ns",
                1_764_000_000_000_000_001,
            ),
            (r#"{"t":0}"#, "t:ns", 0),
        ] {
            assert_eq!(of(payload, field), Ok(expected), "{payload} {field}");
        }
    }

    #[test]
    fn what_is_no_time_is_told() {
        for (payload, field, expected) in [
            (r#"{"t":1}"#, "u:ns", "there is no .u"),
            (
                r#"{"t":-1}"#,
                "t:ns",
                ".t is -1, which is no time in ns since 1970",
            ),
            (
                r#"{"t":1e300}"#,
                "t:s",
                ".t is 1e300, which is no time in s since 1970",
            ),
            (
                r#"{"t":18446744073709551615}"#,
                "t:s",
                ".t is 18446744073709551615, which is no time in s since 1970",
            ),
            (
                r#"{"t":null}"#,
                "t:s",
                ".t is null, which is no time in s since 1970",
            ),
            (
                r#"{"t":"NaN"}"#,
                "t:s",
                ".t is \"NaN\", which is no time in s since 1970",
            ),
            (
                r#"{"t":[1]}"#,
                "t:s",
                ".t is [1], which is no time in s since 1970",
            ),
        ] {
            assert_eq!(of(payload, field), Err(expected.to_owned()), "{payload}");
        }
        for field in ["t", "t:", "t:h", ":ns", "a..b:ns", "t:NS", ""] {
            let error = field.parse::<TimeField>().unwrap_err();
            assert!(error.contains("expected"), "{field}: {error}");
        }
    }
}
