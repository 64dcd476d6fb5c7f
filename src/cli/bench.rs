//! Options of `bench`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{period, shown, size};
use crate::bench::{Load, MOST_CONSUMERS, Pin};
use crate::ring::{ProducerParams, WakeupMode};
use crate::text::{bytes, counted};

/// Messages a second at most: as many as a clock of nanoseconds can tell apart.
const FASTEST: u64 = 1_000_000_000;
/// What a message takes of a ring besides its payload, where one of any length always fits.
const BESIDES: u64 = 32;

/// Options of `bench`.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// Size of each message's payload.
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = size)]
    pub size: u64,
    /// Size of the ring.
    #[arg(long, value_name = "BYTES", default_value = "1MiB", value_parser = size)]
    pub capacity: u64,
    /// How many consumers; each receives every message.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_CONSUMERS)))]
    pub consumers: u32,
    /// How consumers learn of messages.
    #[arg(long, default_value = "push")]
    pub mode: ModeName,
    /// Measure one load only: messages a second, as in 100000/s or 100k/s, or `max` for as many as possible
    /// [default: max, then 100k/s, or half of what max reached if that is less]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub rate: Option<Load>,
    /// Measure round trips instead: one message at a time goes to another process on one ring, and comes back on a second one.
    #[arg(long, conflicts_with_all = ["rate", "consumers"])]
    pub ping_pong: bool,
    /// How long each measurement takes, after a warm-up of a tenth of it (500 ms at most).
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = period)]
    pub time: Duration,
    /// Bind each process to a CPU, the producer to the first, and begin again where there are not enough. CPUS is a list, as in
    /// 0,2 or 4-7; without it: all that may be used.
    #[arg(long, value_name = "CPUS", num_args = 0..=1, default_missing_value = "all", value_parser = cpus)]
    pub pin: Option<Pin>,
    /// JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// How consumers learn of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeName {
    /// They sleep until the producer wakes them.
    Push,
    /// They look again and again, and take a whole CPU each.
    Pull,
}

impl From<ModeName> for WakeupMode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Push => Self::Push,
            ModeName::Pull => Self::Pull,
        }
    }
}

impl BenchArgs {
    /// Why there is no such ring, if there is none.
    #[must_use]
    pub fn misuse(&self) -> Option<String> {
        let params = ProducerParams {
            ring_capacity: self.capacity,
            ..ProducerParams::default()
        };
        if params.validate().is_err() {
            return Some(format!(
                "--capacity: {} bytes, expected a multiple of 4096, and no 0",
                self.capacity
            ));
        }
        let most = (self.capacity - BESIDES).min(u64::from(u32::MAX) - BESIDES);
        (self.size > most).then(|| {
            format!(
                "--size: {} do not fit a ring of {}, expected at most {most}, or a larger --capacity",
                counted(self.size, "byte"),
                bytes(self.capacity)
            )
        })
    }
}

/// `max`, or messages a second: `100000/s`, `100k/s`, `2M`.
fn rate(text: &str) -> Result<Load, String> {
    if text == "max" {
        return Ok(Load::Most);
    }
    let number = text.strip_suffix("/s").unwrap_or(text);
    let (digits, factor) = match number.strip_suffix(['k', 'M']) {
        Some(digits) if number.ends_with('k') => (digits, 1_000),
        Some(digits) => (digits, 1_000_000),
        None => (number, 1),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|one| one.is_ascii_digit());
    if !is_number {
        return Err("expected `max`, or messages a second, as in 100000/s or 100k/s".into());
    }
    let rate = digits
        .parse()
        .ok()
        .and_then(|number: u64| number.checked_mul(factor));
    match rate {
        Some(rate @ 1..=FASTEST) => Ok(Load::PerSecond(rate)),
        _ => Err(format!(
            "`{}` is out of range, expected 1/s to {FASTEST}/s",
            shown(text)
        )),
    }
}

/// `all`, or CPU numbers: `0,2`, `4-7`.
fn cpus(text: &str) -> Result<Pin, String> {
    if text == "all" {
        return Ok(Pin::All);
    }
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (cpu(first)?, cpu(last)?) {
            (first, last) if first <= last => cpus.extend(first..=last),
            _ => return Err(format!("`{}` goes down, expected LOW-HIGH", shown(part))),
        }
    }
    if cpus.len() > Pin::LIMIT {
        return Err(format!(
            "{} CPUs, expected at most {}",
            cpus.len(),
            Pin::LIMIT
        ));
    }
    Ok(Pin::These(cpus))
}

fn cpu(text: &str) -> Result<usize, String> {
    let is_number = !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit());
    if !is_number {
        return Err("expected `all`, or numbers of CPUs, as in 0,2 or 4-7".into());
    }
    match text.parse() {
        Ok(cpu) if cpu < Pin::LIMIT => Ok(cpu),
        _ => Err(format!(
            "`{}` is no CPU, expected 0 to {}",
            shown(text),
            Pin::LIMIT - 1
        )),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn rates_are_read_as_they_are_written() {
        for (text, expected) in [
            ("max", Load::Most),
            ("100000/s", Load::PerSecond(100_000)),
            ("100k/s", Load::PerSecond(100_000)),
            ("2M", Load::PerSecond(2_000_000)),
            ("1", Load::PerSecond(1)),
            ("1000M/s", Load::PerSecond(FASTEST)),
        ] {
            assert_eq!(rate(text), Ok(expected), "{text}");
        }
        for (text, said) in [
            ("", "as in 100000/s"),
            ("/s", "as in 100000/s"),
            ("k", "as in 100000/s"),
            ("1.5M", "as in 100000/s"),
            ("+5", "as in 100000/s"),
            ("5/m", "as in 100000/s"),
            ("0/s", "`0/s` is out of range"),
            ("1001M", "out of range"),
            ("99999999999999999999", "out of range"),
        ] {
            let error = rate(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn cpus_are_read_as_they_are_written() {
        for (text, expected) in [
            ("all", Pin::All),
            ("3", Pin::These(vec![3])),
            ("4,0-2,0", Pin::These(vec![4, 0, 1, 2, 0])),
        ] {
            assert_eq!(cpus(text), Ok(expected), "{text}");
        }
        for (text, said) in [
            ("", "as in 0,2"),
            ("0,", "as in 0,2"),
            ("-1", "as in 0,2"),
            ("x", "as in 0,2"),
            ("2-1", "LOW-HIGH"),
            ("0-99999999999", "no CPU"),
            ("0-1000,0-1000", "at most"),
        ] {
            let error = cpus(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    fn options(line: &str) -> Result<BenchArgs, String> {
        let words = ["zbqtop", "bench"]
            .into_iter()
            .chain(line.split_whitespace());
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        match cli.command {
            Some(Command::Bench(options)) => Ok(options),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_fits_its_ring() {
        for (line, said) in [
            ("", None),
            ("--size 0", None),
            ("--size 1048544", None),
            ("--size 4KiB --capacity 8KiB", None),
            ("--size 1048545", Some("expected at most 1048544")),
            ("--size 1048545 --capacity 2MiB", None),
            (
                "--size 8GiB --capacity 16GiB",
                Some("expected at most 42949"),
            ),
            ("--capacity 5000", Some("multiple of 4096")),
            ("--capacity 0", Some("multiple of 4096")),
        ] {
            let misuse = options(line).expect(line).misuse();
            assert_eq!(misuse.is_some(), said.is_some(), "{line}: {misuse:?}");
            let words = misuse.unwrap_or_default();
            assert!(words.contains(said.unwrap_or_default()), "{line}: {words}");
        }
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        for line in [
            "--ping-pong --rate max",
            "--ping-pong --consumers 2",
            "--consumers 0",
            "--time 0",
            "--mode pull --mode push",
        ] {
            assert!(options(line).is_err(), "{line}");
        }
        assert_eq!(options("--pin --json").expect("good").pin, Some(Pin::All));
        assert_eq!(
            options("--pin 1,0").expect("good").pin,
            Some(Pin::These(vec![1, 0]))
        );
    }
}
