//! Options of `wireshark`: what is done with its files, and where they are.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of `wireshark`.
#[derive(Args, Clone, Debug)]
pub struct WiresharkArgs {
    /// What to do with the two files.
    #[arg(value_enum)]
    pub action: WiresharkAction,
    /// Where the dissector goes [default: what `tshark -G folders` says]
    #[arg(long, value_name = "DIR")]
    pub plugins: Option<PathBuf>,
    /// Where the capture interface goes [default: what `tshark -G folders` says]
    #[arg(long, value_name = "DIR")]
    pub extcap: Option<PathBuf>,
}

/// What `wireshark` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WiresharkAction {
    /// Write both, replacing those of another version
    Install,
    /// Remove both
    Uninstall,
    /// Tell whether they are there
    Status,
}
