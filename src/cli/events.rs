//! Options of `events`.

use std::time::Duration;

use clap::Args;

use super::record::SeverityName;
use super::target::{Configuration, Target};
use super::values::period;

/// Options of `events`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Without a ring named: of every ring on this machine, also those that appear later. It goes on until it is ended, or until the ring \
that was named is over. Of a recording: what happened in it, and with -f what is still being recorded.

Examples:
  zbqtop events                                    what happens to any ring, line by line
  zbqtop events --pid 6388 --json                  one JSON object a line
  zbqtop events --severity critical --exec ./page  run a command for each that is critical
  zbqtop events --file night.mcap                  what happened last night")]
pub struct EventsArgs {
    /// Which ring.
    #[command(flatten)]
    pub target: Target,
    /// Go on with a recording that is still being written; what happens now is told as it happens in any case.
    #[arg(short, long)]
    pub follow: bool,
    /// One JSON object a line instead of words.
    #[arg(long)]
    pub json: bool,
    /// Only events that are at least this bad.
    #[arg(long, value_name = "SEVERITY", default_value = "info")]
    pub severity: SeverityName,
    /// Run a shell command for each event, with the event as JSON on its stdin: one at a time, in order. What it prints goes
    /// to stderr.
    #[arg(long, value_name = "COMMAND")]
    pub exec: Option<String>,
    /// With --exec: end a command that takes longer.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = period, requires = "exec")]
    pub exec_timeout: Duration,
    /// Where the settings are.
    #[command(flatten)]
    pub configuration: Configuration,
}
