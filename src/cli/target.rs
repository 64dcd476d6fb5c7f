//! Which ring is meant, and where the settings are.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::values::period;
use crate::observe::model::Moment;

/// Which ring is meant; nothing: the only one there is.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// The ring of this process: its producer, or a consumer.
    #[arg(short, long, value_name = "PID", group = "process", value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: Option<i32>,
    /// The ring behind this unix socket (`@name` if abstract)
    ///
    /// No connection is made.
    #[arg(short, long, value_name = "PATH", group = "process", value_parser = NonEmptyStringValueParser::new())]
    pub socket: Option<String>,
    /// Join the ring as a passive consumer, for one that may not be inspected. This takes one of its slots, parked at once,
    /// until the producer's next scan, which may never come.
    #[arg(long, requires = "socket", conflicts_with = "pid")]
    pub join: bool,
    /// How long joining may take.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = period, requires = "socket", conflicts_with = "pid")]
    pub timeout: Duration,
    /// A recording or a dump; `-` for stdin; may be repeated.
    #[arg(long, value_name = "FILE", group = "process", conflicts_with_all = ["pid", "socket", "join"])]
    pub file: Vec<PathBuf>,
    /// The moment in a recording: a time (2026-11-26T06:08:10Z, or 06:08:10, UTC), an offset from its beginning (+5s) or its
    /// end (-5s), or the first `finding` or `event` of severity warning or worse [default: its end]
    #[arg(long, value_name = "TIME", requires = "file", value_parser = moment, allow_hyphen_values = true)]
    pub at: Option<Moment>,
    /// Which ring of the process or the recording, counted from 0.
    #[arg(long, value_name = "N", requires = "process", conflicts_with = "fd")]
    pub ring: Option<usize>,
    /// Which ring of the process, by the number of its zbq_ctrl descriptor.
    #[arg(long, value_name = "FD", requires = "process", conflicts_with = "file")]
    pub fd: Option<i32>,
}

/// Where the settings are.
#[derive(Args, Clone, Debug)]
pub struct Configuration {
    /// Read settings from FILE. Options override the environment (ZBQTOP_*, NO_COLOR), which overrides the settings
    /// [default: $XDG_CONFIG_HOME/zbqtop/config.toml, if it is there] [env: ZBQTOP_CONFIG]
    // Not by clap: it would take an empty variable for a value, and refuse a wrong one where nothing asks for it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

pub(super) fn moment(text: &str) -> Result<Moment, String> {
    text.parse()
}
