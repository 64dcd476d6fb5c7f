//! Options of `pub`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use super::values::size;
use crate::ring::ProducerParams;

/// Options of `pub`.
#[derive(Args, Clone, Debug)]
pub struct PublishArgs {
    /// Where consumers join the ring: a path that does not exist yet, or `@name` for an abstract socket
    #[arg(short, long, value_name = "PATH", value_parser = NonEmptyStringValueParser::new())]
    pub socket: String,
    /// What is published; `-` for stdin
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// Bytes in the ring, a multiple of 4 KiB
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = size)]
    pub capacity: u64,
    /// What the input is [default: pcapng and mcap are recognized, all else is lines]
    #[arg(long, value_enum)]
    pub input: Option<InputFormat>,
    /// How fast: so many messages a second, at the times that were recorded, or as fast as it goes
    #[arg(long, value_name = "N/s|as-recorded|max", default_value = "max")]
    pub rate: PublishRate,
    /// Begin again at the end of FILE, until stopped
    #[arg(long = "loop")]
    pub repeats: bool,
    /// Begin when N consumers have joined
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=i64::from(ProducerParams::MAX_CONSUMERS)))]
    pub wait_consumers: u32,
    /// Drop messages while the ring is full, and count them, instead of waiting for room
    #[arg(long)]
    pub drop: bool,
    /// Which ring of a recording with several, counted from 0
    #[arg(long, value_name = "N")]
    pub ring: Option<usize>,
}

impl PublishArgs {
    /// Why it makes no sense, if it does not.
    #[must_use]
    pub fn misuse(&self) -> Option<&'static str> {
        let streams = self.file.as_os_str() == "-";
        (self.repeats && streams).then_some("--loop: stdin comes only once: name a FILE")
    }
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// A message a line, without its newline
    Lines,
    /// A little-endian u32 length before each payload, as `tail --format len-prefixed` writes it
    LenPrefixed,
    /// What `tail --format json` writes
    Json,
    /// A payload in base64 a line
    Base64,
    /// What `tail --format pcapng` writes
    Pcapng,
    /// What `record` writes
    Mcap,
}

/// How fast messages are published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PublishRate {
    /// As fast as it goes.
    Max,
    /// At the times that were recorded.
    AsRecorded,
    /// Messages per second.
    PerSecond(f64),
}

impl FromStr for PublishRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "max" => Ok(Self::Max),
            "as-recorded" => Ok(Self::AsRecorded),
            _ => {
                let number = text.strip_suffix("/s").unwrap_or(text);
                number
                    .parse()
                    .ok()
                    .filter(|rate: &f64| (1e-6..=1e9).contains(rate))
                    .map(Self::PerSecond)
                    .ok_or_else(|| {
                        "expected messages per second, as in 1000/s, `as-recorded` or `max`".into()
                    })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        assert_eq!("max".parse(), Ok(PublishRate::Max));
        assert_eq!("1000/s".parse(), Ok(PublishRate::PerSecond(1000.0)));
        assert_eq!("0.5".parse(), Ok(PublishRate::PerSecond(0.5)));
        for bad in ["", "0/s", "-1/s", "nan", "inf/s", "1000/m", "2e9"] {
            assert!(bad.parse::<PublishRate>().is_err(), "{bad}");
        }
    }
}
