//! Options of `doctor`.

use clap::Args;

use super::target::{Configuration, Target};

/// Options of `doctor`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Without a target: every ring on this machine, and every process that may not be looked into. Nothing is joined, and no \
recording is opened.

Exit status: 0 nothing is missing, 1 something is missing, 2 something is broken (also: wrong usage). What cannot be told is \
no failure.")]
pub struct DoctorArgs {
    /// Which ring; none given: all there are.
    #[command(flatten)]
    pub target: Target,
    /// JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Where the settings are.
    #[command(flatten)]
    pub configuration: Configuration,
}

impl DoctorArgs {
    /// Why this target is none for `doctor`, if it is none.
    #[must_use]
    pub fn misuse(&self) -> Option<&'static str> {
        if !self.target.file.is_empty() {
            return Some(
                "--file: doctor asks what is permitted now, and a recording does not tell",
            );
        }
        if self.target.join {
            return Some("--join: doctor only looks, and joins nothing");
        }
        None
    }
}
