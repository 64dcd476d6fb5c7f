//! Options of `doctor`.

use clap::Args;

use super::target::{Configuration, Target};

/// Options of `doctor`.
#[derive(Args, Clone, Debug)]
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
                "--file: doctor checks what is permitted now, which a recording cannot show",
            );
        }
        if self.target.join {
            return Some("--join: doctor never joins a ring");
        }
        None
    }
}
