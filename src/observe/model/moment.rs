//! Moments of a recording, as users name them.

use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::text::nanoseconds;

/// When in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// At that time, ns since 1970.
    At(u64),
    /// At that time of the first day of the recording on which it is in it, ns since midnight, UTC.
    TimeOfDay(u64),
    /// So long after the beginning.
    AfterBegin(Duration),
    /// So long before the end.
    BeforeEnd(Duration),
    /// At the first finding that is a warning, or worse.
    Finding,
    /// At the first event that is a warning, or worse.
    Event,
}

/// What is expected where a moment should be.
const EXPECTED: &str = "expected a time of day (06:08:10, UTC), a time (2026-11-26T06:08:10Z), +5s from the beginning, -5s from \
                        the end, `finding` or `event`";
/// A day, ns.
const DAY: u64 = 86_400_000_000_000;

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || EXPECTED.to_owned();
        match text {
            "finding" => return Ok(Self::Finding),
            "event" => return Ok(Self::Event),
            "" => return Err(expected()),
            _ => {}
        }
        if let Some(time) = text.strip_prefix('+') {
            return Ok(Self::AfterBegin(length(time).ok_or_else(expected)?));
        }
        if let Some(time) = text.strip_prefix('-') {
            return Ok(Self::BeforeEnd(length(time).ok_or_else(expected)?));
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            let ns = u64::try_from(time.as_nanosecond());
            return ns.map(Self::At).map_err(|_| expected());
        }
        let time: jiff::civil::Time = text.parse().map_err(|_| expected())?;
        let since_midnight = time.duration_since(jiff::civil::Time::midnight());
        let since_midnight = Duration::try_from(since_midnight).map_err(|_| expected())?;
        Ok(Self::TimeOfDay(nanoseconds(since_midnight)))
    }
}

/// A length of time, as in `5s`.
fn length(text: &str) -> Option<Duration> {
    if text.starts_with(['+', '-']) {
        return None;
    }
    let time: SignedDuration = text.parse().ok()?;
    Duration::try_from(time).ok()
}

impl Moment {
    /// When that is in a recording from `begin` to `end`, ns since 1970; `None` where what is in it decides.
    #[must_use]
    pub fn within(self, begin: u64, end: u64) -> Option<u64> {
        match self {
            Self::At(at) => Some(at),
            Self::AfterBegin(time) => Some(begin.saturating_add(nanoseconds(time))),
            Self::BeforeEnd(time) => Some(end.saturating_sub(nanoseconds(time))),
            Self::TimeOfDay(time) => {
                let that_day = begin - begin % DAY + time;
                let next = if that_day < begin { DAY } else { 0 };
                Some(that_day.saturating_add(next))
            }
            Self::Finding | Self::Event => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_understood_or_refused() {
        let second = 1_000_000_000;
        let begin = 20_000 * DAY + 6 * 3600 * second;
        let end = begin + 100 * second;
        for (text, expected) in [
            ("+5s", Some(begin + 5 * second)),
            ("-1m", Some(begin + 40 * second)),
            ("2024-10-04T06:00:07Z", Some(begin + 7 * second)),
            ("2024-10-04T08:00:07+02:00", Some(begin + 7 * second)),
            ("06:01:00", Some(begin + 60 * second)),
            ("05:59:59", Some(begin + DAY - second)),
            ("finding", None),
            ("event", None),
        ] {
            let moment: Moment = text.parse().expect(text);
            assert_eq!(moment.within(begin, end), expected, "{text}");
        }
        for text in [
            "",
            "+",
            "-",
            "5",
            "+-5s",
            "later",
            "25:00:00",
            "1899-01-01T00:00:00Z",
        ] {
            let error = text.parse::<Moment>().expect_err(text);
            assert!(error.starts_with("expected"), "{error}");
        }
        // No arithmetic goes wrong.
        let long: Moment = "+1000000h".parse().expect("long");
        assert!(long.within(u64::MAX, u64::MAX).is_some());
    }
}
