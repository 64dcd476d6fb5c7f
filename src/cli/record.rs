//! Options of `record` and `dump`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::tail::rule;
use super::target::{Configuration, Target};
use super::values::{duration, period, size};
use crate::decode::{DecodeRule, DecodeSpec, TimeField};
use crate::observe::model::Severity;
use crate::recording::MessagePlan;

/// Options of `record`.
#[derive(Args, Clone, Debug)]
pub struct RecordArgs {
    /// Which ring.
    #[command(flatten)]
    pub target: Target,
    /// Every ring on this machine, also those that appear later.
    #[arg(long, conflicts_with = "process")]
    pub all: bool,
    /// Write to FILE, which must not exist yet; `-` for stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Time between two samples.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = period)]
    pub interval: Duration,
    /// Which messages: all that can be read without harm to the producer, none, or at most RATE a second.
    #[arg(long, value_name = "all|none|RATE", default_value = "100", value_parser = messages)]
    pub messages: MessagePlan,
    /// Also record what is in the messages, decoded as `tail --decode` does, on a channel of its own.
    #[arg(long, value_name = "SPEC")]
    pub decode: Option<DecodeSpec>,
    /// The decoded value that tells when a message was made, as ns, us, ms or s since 1970, such as sent:us. Records with the
    /// state how old messages were when they were committed.
    #[arg(long, value_name = "NAME:ns|us|ms|s", requires = "decode")]
    pub time_field: Option<TimeField>,
    /// End when the file has reached this size, or, with --keep, go on with another one.
    #[arg(long, value_name = "SIZE", value_parser = file_size)]
    pub max_size: Option<u64>,
    /// End after this time, or, with --keep, go on with another file.
    #[arg(long, value_name = "TIME", value_parser = period)]
    pub max_time: Option<Duration>,
    /// Start another file whenever one reaches its limit, and keep the last N: of `-o night.mcap` night-0001.mcap,
    /// night-0002.mcap and so on. Those that are there already count.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: Option<u32>,
    /// Write only the time around findings and events of at least this severity, each to a file of its own: of
    /// `-o night.mcap` night-0001.mcap and so on.
    #[arg(long, value_name = "SEVERITY")]
    pub on_finding: Option<SeverityName>,
    /// With --on-finding: how much time before it is written.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration, requires = "on_finding")]
    pub before: Duration,
    /// With --on-finding: how much time after the last one is written.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration, requires = "on_finding")]
    pub after: Duration,
    /// Where the settings are.
    #[command(flatten)]
    pub configuration: Configuration,
}

impl RecordArgs {
    /// How messages are decoded, if they are.
    #[must_use]
    pub fn rule(&self) -> Option<DecodeRule> {
        rule(self.decode.as_ref(), self.time_field.as_ref())
    }

    /// Why it makes no sense, if it does not.
    #[must_use]
    pub fn misuse(&self) -> Option<&'static str> {
        let streams = self.output == Path::new("-");
        if streams && (self.keep.is_some() || self.on_finding.is_some()) {
            return Some(
                "-o -: a stream holds one recording: --keep and --on-finding need a file name",
            );
        }
        let begins_others =
            self.max_size.is_some() || self.max_time.is_some() || self.on_finding.is_some();
        if self.keep.is_some() && !begins_others {
            return Some(
                "--keep N: nothing would begin another file: add --max-size, --max-time or --on-finding",
            );
        }
        None
    }
}

/// Options of `dump`.
#[derive(Args, Clone, Debug)]
pub struct DumpArgs {
    /// Which ring.
    #[command(flatten)]
    pub target: Target,
    /// Write to FILE, which must not exist yet; `-` for stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Only the headers of messages, not what is in them.
    #[arg(long)]
    pub no_payload: bool,
    /// Where the settings are.
    #[command(flatten)]
    pub configuration: Configuration,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SeverityName {
    /// Worth knowing.
    Info,
    /// Becomes a problem if it goes on.
    Warning,
    /// Is a problem now.
    Critical,
}

impl From<SeverityName> for Severity {
    fn from(name: SeverityName) -> Self {
        match name {
            SeverityName::Info => Self::Info,
            SeverityName::Warning => Self::Warning,
            SeverityName::Critical => Self::Critical,
        }
    }
}

/// A file in which there is room for more than what each of them begins with.
fn file_size(text: &str) -> Result<u64, String> {
    const LEAST: u64 = 64 << 10;
    match size(text)? {
        bytes @ LEAST.. => Ok(bytes),
        bytes => Err(format!("{bytes} bytes, expected at least 64KiB")),
    }
}

fn messages(text: &str) -> Result<MessagePlan, String> {
    match text {
        "all" => Ok(MessagePlan::All),
        "none" => Ok(MessagePlan::None),
        rate => match rate.strip_suffix("/s").unwrap_or(rate).parse() {
            Ok(0) => Ok(MessagePlan::None),
            Ok(rate) => Ok(MessagePlan::Some(rate)),
            Err(_) => Err("expected `all`, `none`, or how many a second, as in 100".into()),
        },
    }
}
