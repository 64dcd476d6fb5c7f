//! Which ring is meant, and where the settings are.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::period;
use crate::observe::model::Moment;

/// Which ring is meant; nothing: the only one there is.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// The process that writes the ring, or one that reads it.
    #[arg(short, long, value_name = "PID", group = "process", value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: Option<i32>,
    /// The ring whose consumers join through this unix socket; `@name` for an abstract one. It is watched as with --pid:
    /// no connection is made.
    #[arg(short, long, value_name = "PATH", group = "process")]
    pub socket: Option<String>,
    /// Join the ring as a passive consumer, where it may not be looked into. That takes one of its slots, parked at once,
    /// until the producer's next scan.
    #[arg(long, requires = "socket", conflicts_with = "pid")]
    pub join: bool,
    /// How long joining may take.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = period, requires = "socket", conflicts_with = "pid")]
    pub timeout: Duration,
    /// A recording or a dump, as `record` and `dump` write them, instead of what is now; `-`: from stdin. Several: the rings of
    /// all of them.
    #[arg(long, value_name = "FILE", group = "process", conflicts_with_all = ["pid", "socket", "join"])]
    pub file: Vec<PathBuf>,
    /// When in a recording: a time (2026-11-26T06:08:10Z, or 06:08:10, UTC), a time after its beginning (+5s) or before its end
    /// (-5s), or where the first `finding` or `event` is that is a warning, or worse [default: its end]
    #[arg(long, value_name = "TIME", requires = "file", value_parser = moment, allow_hyphen_values = true)]
    pub at: Option<Moment>,
    /// Which of that process's rings, or of those in a recording, from 0.
    #[arg(long, value_name = "N", requires = "process", conflicts_with = "fd")]
    pub ring: Option<usize>,
    /// Which of that process's rings, by its control region's descriptor there.
    #[arg(long, value_name = "FD", requires = "process", conflicts_with = "file")]
    pub fd: Option<i32>,
}

/// Where the settings are.
#[derive(Args, Clone, Debug)]
pub struct Configuration {
    /// Read the settings in FILE. What is typed comes before the environment (ZBQTOP_*, NO_COLOR), and that before them
    /// [default: $XDG_CONFIG_HOME/zbqtop/config.toml, if it is there] [env: ZBQTOP_CONFIG]
    // Not by clap: it would take an empty variable for a value, and refuse a wrong one where nothing asks for it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

pub(super) fn moment(text: &str) -> Result<Moment, String> {
    text.parse()
}
