//! Options of `check`, and how its limits are written. Nothing is looked at here.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::target::{Configuration, Target};
use super::values::{duration, shown, size_unit};
use crate::observe::check::Limits;
use crate::observe::model::{LagLimit, LagUnit, Threshold};
use crate::text::whole;

fn max_lag_help() -> String {
    format!(
        "How far any consumer may be behind: `50%` of the ring, `1MiB`, `10000msg`, or a time, `2s`, since head was where \
         the consumer is now. May be given once for each of these four units; `off`: no limit [default: {}]",
        LagLimit::default()
    )
}

/// Options of `check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Which ring; none given: every ring that can be seen on this machine, in one verdict.
    #[command(flatten)]
    pub target: Target,
    /// How far any consumer may be behind, once at most for each unit.
    #[arg(long, value_name = "W:C", help = max_lag_help())]
    pub max_lag: Vec<LagLimit>,
    /// How long any consumer may be behind without moving, as in `2s:10s`.
    #[arg(long, value_name = "W:C", value_parser = times)]
    pub max_stall: Option<Threshold<u64>>,
    /// How long the producer may commit nothing, as in `30s:5m`.
    #[arg(long, value_name = "W:C", value_parser = times)]
    pub max_idle: Option<Threshold<u64>>,
    /// How many reservations may fail in a row (clog attempts), as in `10:100`.
    #[arg(long, value_name = "W:C", value_parser = most)]
    pub max_clog: Option<Threshold<u64>>,
    /// The fewest live consumers allowed, as in `3:1`.
    #[arg(long, value_name = "W:C", value_parser = fewest)]
    pub min_consumers: Option<Threshold<u64>>,
    /// Report UNKNOWN unless it is certain that no evicted consumer still reads the ring. Checks every process, like
    /// `--search`, for which most users need root. One that is found is CRITICAL in any case.
    #[arg(long)]
    pub no_zombies: bool,
    /// Search every process for evicted consumers, however long that takes. Without it the search ends after 20 ms, enough
    /// for a few hundred processes.
    #[arg(long)]
    pub search: bool,
    /// Where the settings are.
    #[command(flatten)]
    pub configuration: Configuration,
    /// JSON with every reason and figure instead of the line.
    #[arg(long)]
    pub json: bool,
    /// Time between the two samples that rates and movement come from; 0: one sample. A longer interval makes limits in
    /// time, such as `--max-lag 2s`, more certain. If a consumer does not move, a third sample is taken after a second:
    /// it may have had nothing to read until then.
    #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = duration)]
    pub interval: Duration,
}

impl CheckArgs {
    /// The limits that are set.
    ///
    /// `usual` is the limit on lags where none is given.
    ///
    /// # Errors
    /// When two of them contradict, in words.
    pub fn limits(&self, usual: LagLimit) -> Result<Limits, String> {
        let mut limits = Limits {
            stall_ns: self.max_stall.unwrap_or_default(),
            idle_ns: self.max_idle.unwrap_or_default(),
            clog_attempts: self.max_clog.unwrap_or_default(),
            min_consumers: self.min_consumers.unwrap_or_default(),
            no_zombies: self.no_zombies,
            ..Limits::default()
        };
        let off = self.max_lag.iter().any(|lag| lag.unit == LagUnit::Off);
        if off && self.max_lag.len() > 1 {
            return Err("--max-lag off beside another --max-lag; expected it alone".into());
        }
        let usual = [usual];
        let lags = match &self.max_lag[..] {
            [] => &usual,
            given => given,
        };
        for lag in lags {
            let levels = lag.levels;
            let before = match lag.unit {
                LagUnit::Bytes => std::mem::replace(&mut limits.lag_bytes, levels.map(whole)),
                LagUnit::Messages => std::mem::replace(&mut limits.lag_messages, levels.map(whole)),
                LagUnit::Nanoseconds => {
                    std::mem::replace(&mut limits.lag_time_ns, levels.map(whole))
                }
                LagUnit::Percent => std::mem::replace(&mut limits.lag_percent, levels).map(whole),
                LagUnit::Off => continue,
            };
            if before != Threshold::default() {
                let unit = lag.unit.name();
                return Err(format!(
                    "--max-lag is given twice in {unit}; expected once for each unit"
                ));
            }
        }
        Ok(limits)
    }
}

impl FromStr for LagLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::OFF);
        }
        let levels = split(text, lag)?;
        let [warning, critical] =
            [levels.warning, levels.critical].map(|level| level.map(|it| it.0));
        match (warning, critical) {
            (Some(one), Some(other)) if one != other => Err(format!(
                "the levels are in {} and in {}, expected one unit",
                one.name(),
                other.name()
            )),
            _ => Ok(Self {
                unit: warning.or(critical).unwrap_or(LagUnit::Off),
                levels: ascending(levels.map(|it| it.1))?,
            }),
        }
    }
}

/// One level of a lag.
fn lag(text: &str) -> Result<(LagUnit, f64), String> {
    let expected = || {
        format!(
            "`{}` is no lag, expected a number and a unit, as in 50%, 1MiB, 10000msg or 2s",
            shown(text)
        )
    };
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(at.ok_or_else(expected)?);
    // A time before bytes: 5m is five minutes.
    if let Ok(time) = duration(text) {
        return Ok((LagUnit::Nanoseconds, time.as_nanos() as f64));
    }
    let (unit, factor) = match unit {
        "%" => (LagUnit::Percent, 1),
        "msg" => (LagUnit::Messages, 1),
        unit => (LagUnit::Bytes, size_unit(unit).ok_or_else(expected)?),
    };
    let number: f64 = number.parse().map_err(|_| expected())?;
    if unit == LagUnit::Percent && number > 100.0 {
        return Err(format!(
            "`{}` is more than the ring, expected at most 100%",
            shown(text)
        ));
    }
    let number = number * f64::from(factor);
    // 2^64: no ring, and no number of messages, is as large.
    if number.is_finite() && number >= 18_446_744_073_709_551_616.0 {
        return Err(format!(
            "`{}` is out of range, expected less than 2^64",
            shown(text)
        ));
    }
    // Four hundred digits are a number to some, and no limit.
    (number.is_finite().then_some((unit, number))).ok_or_else(expected)
}

/// Two times, ns.
fn times(text: &str) -> Result<Threshold<u64>, String> {
    let time = |text: &str| {
        let time = duration(text).map_err(|why| format!("`{}` is no time: {why}", shown(text)))?;
        u64::try_from(time.as_nanos()).map_err(|_| format!("`{}` is too long", shown(text)))
    };
    ascending(split(text, time)?)
}

/// Two counts, of which there may be no more.
fn most(text: &str) -> Result<Threshold<u64>, String> {
    ascending(split(text, count)?)
}

/// Two counts, of which there may be no fewer.
fn fewest(text: &str) -> Result<Threshold<u64>, String> {
    let levels = split(text, count)?;
    match (levels.warning, levels.critical) {
        (Some(warning), Some(critical)) if warning < critical => Err(format!(
            "the warning level {warning} is below the critical level {critical}, expected W:C with W >= C"
        )),
        _ => Ok(levels),
    }
}

fn count(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("`{}` is not a whole number", shown(text)))
}

fn ascending<T: PartialOrd>(levels: Threshold<T>) -> Result<Threshold<T>, String> {
    if matches!(&levels, Threshold { warning: Some(warning), critical: Some(critical) } if warning > critical)
    {
        return Err(
            "the warning level is above the critical level, expected W:C with W <= C".into(),
        );
    }
    Ok(levels)
}

/// `W:C`, `W:` or `C`.
fn split<T>(text: &str, one: impl Fn(&str) -> Result<T, String>) -> Result<Threshold<T>, String> {
    let (warning, critical) = match text.split_once(':') {
        Some((warning, critical)) => (warning, critical),
        None => ("", text),
    };
    if (warning.is_empty() && critical.is_empty()) || critical.contains(':') {
        return Err("expected W:C, two levels; C, a critical one; or W:, one for a warning".into());
    }
    let level = |text: &str| (!text.is_empty()).then(|| one(text)).transpose();
    Ok(Threshold {
        warning: level(warning)?,
        critical: level(critical)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn levels<T>(warning: impl Into<Option<T>>, critical: impl Into<Option<T>>) -> Threshold<T> {
        Threshold {
            warning: warning.into(),
            critical: critical.into(),
        }
    }

    /// The limits of `zbqtop check` with these options.
    fn limits(options: &str) -> Result<Limits, String> {
        let words = ["zbqtop", "check"]
            .into_iter()
            .chain(options.split_whitespace());
        let cli = crate::cli::Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        match cli.command {
            Some(crate::cli::Command::Check(check)) => check.limits(LagLimit::default()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn limits_have_a_level_for_each_status() {
        for (text, unit, expected) in [
            ("50%:90%", LagUnit::Percent, levels(50.0, 90.0)),
            ("99.5%", LagUnit::Percent, levels(None, 99.5)),
            ("50%:", LagUnit::Percent, levels(50.0, None)),
            (":50%", LagUnit::Percent, levels(None, 50.0)),
            (
                "1MiB:1GiB",
                LagUnit::Bytes,
                levels(1_048_576.0, 1_073_741_824.0),
            ),
            ("512B:64KiB", LagUnit::Bytes, levels(512.0, 65_536.0)),
            ("1kB:2MB", LagUnit::Bytes, levels(1e3, 2e6)),
            ("1.5k:2g", LagUnit::Bytes, levels(1536.0, 2_147_483_648.0)),
            ("10000msg", LagUnit::Messages, levels(None, 10_000.0)),
            ("0msg:0msg", LagUnit::Messages, levels(0.0, 0.0)),
            ("250ms:2s", LagUnit::Nanoseconds, levels(250e6, 2e9)),
            ("5m", LagUnit::Nanoseconds, levels(None, 300e9)),
            // In seconds it is no such number.
            ("67ms", LagUnit::Nanoseconds, levels(None, 67e6)),
            ("off", LagUnit::Off, levels(None, None)),
        ] {
            let expected = LagLimit {
                unit,
                levels: expected,
            };
            assert_eq!(text.parse(), Ok(expected), "{text}");
            assert_eq!(expected.to_string().parse(), Ok(expected), "{expected}");
        }
        assert_eq!(times("2s:10s"), Ok(levels(2_000_000_000, 10_000_000_000)));
        assert_eq!(most("10:100"), Ok(levels(10, 100)));
        assert_eq!(fewest("3:1"), Ok(levels(3, 1)));
        assert_eq!(fewest("2"), Ok(levels(None, 2)));
    }

    #[test]
    fn a_limit_that_makes_no_sense_says_what_does() {
        type Parse = fn(&str) -> Option<String>;
        let lag: Parse = |text| text.parse::<LagLimit>().err();
        let time: Parse = |text| times(text).err();
        let few: Parse = |text| fewest(text).err();
        let endless = format!("{}msg", "9".repeat(400));
        for (parse, text, found, expected) in [
            (lag, "50", "`50`", "50%, 1MiB, 10000msg or 2s"),
            (lag, "5 parsecs", "`5 parsecs`", "2s"),
            (lag, "-5%", "`-5%`", "50%"),
            (lag, "1.2.3MiB", "`1.2.3MiB`", "1MiB"),
            (lag, &endless, "999...`", "1MiB"),
            (lag, "18446744073709551616B", "out of range", "2^64"),
            (lag, "99999999999GiB", "out of range", "2^64"),
            (lag, "99999999999999999999msg", "out of range", "2^64"),
            (lag, "7\u{1b}[2J", "`7\\x1b[2J`", "1MiB"),
            (lag, "101%", "`101%`", "at most 100%"),
            (lag, "50%:2s", "percent and in time", "one unit"),
            (lag, "90%:50%", "above", "W <= C"),
            (lag, "", "", "W:C"),
            (lag, ":", "", "W:C"),
            (lag, "1%:2%:3%", "", "W:C"),
            (time, "5", "`5`", "250ms"),
            (time, "2s:1s", "above", "W <= C"),
            (few, "1:3", "below", "W >= C"),
            (few, "many", "`many`", "whole number"),
            (few, "-1", "`-1`", "whole number"),
        ] {
            let said = parse(text).unwrap_or_else(|| panic!("{text} is accepted"));
            assert!(
                said.contains(found) && said.contains(expected),
                "{text}: {said}"
            );
        }
    }

    #[test]
    fn a_lag_is_limited_once_in_each_unit_and_by_default_in_percent() {
        let percent = |limits: Limits| limits.lag_percent;
        assert_eq!(limits("").map(percent), Ok(levels(80.0, 95.0)));
        assert_eq!(limits("--max-lag off").map(percent), Ok(levels(None, None)));
        assert_eq!(limits("--max-lag 1s").map(percent), Ok(levels(None, None)));
        let both = limits("--max-lag 1s --max-lag 10%:20%").expect("two units");
        assert_eq!(both.lag_time_ns, levels(None, 1_000_000_000));
        assert_eq!(both.lag_percent, levels(10.0, 20.0));
        for (options, said) in [
            ("--max-lag 1s --max-lag 2s", "twice in time"),
            ("--max-lag 10% --max-lag 20%", "twice in percent"),
            ("--max-lag off --max-lag 20%", "expected it alone"),
            ("--max-lag 7", "invalid value '7'"),
        ] {
            let error = limits(options).expect_err(options);
            assert!(error.contains(said), "{options}: {error}");
        }
    }
}
