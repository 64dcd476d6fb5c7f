//! The commands, a file or a folder each.

pub mod bench;
pub mod check;
pub mod completions;
pub mod demo;
pub mod doctor;
pub mod dump;
pub mod events;
pub mod extcap;
pub mod man;
pub mod metrics;
pub mod publish;
pub mod record;
pub mod recorded;
pub mod snapshot;
pub mod tail;
pub mod wireshark;
