//! Options of `events`.

use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::record::SeverityName;
use super::target::{Configuration, Target};
use super::values::period;

/// Options of `events`.
#[derive(Args, Clone, Debug)]
pub struct EventsArgs {
    /// Which ring.
    #[command(flatten)]
    pub target: Target,
    /// Follow a recording that is still being written. Live rings are always followed.
    #[arg(short, long)]
    pub follow: bool,
    /// One JSON object a line instead of text.
    #[arg(long)]
    pub json: bool,
    /// Only events of at least this severity.
    #[arg(long, value_name = "SEVERITY", default_value = "info")]
    pub severity: SeverityName,
    /// Run a shell command for each event, with the event as JSON on its stdin: one at a time, in order. What it prints goes
    /// to stderr.
    #[arg(long, value_name = "COMMAND", value_parser = NonEmptyStringValueParser::new())]
    pub exec: Option<String>,
    /// With --exec: end a command that takes longer.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = period, requires = "exec")]
    pub exec_timeout: Duration,
    /// Where the settings are.
    #[command(flatten)]
    pub configuration: Configuration,
}
