//! `tail`: messages as they come, or from what is retained.

mod batch;
mod decoding;
mod gap_reporter;
mod lossless;
mod merged;
mod passive;
mod recorded;
mod recorded_messages;
mod sink;

pub use lossless::lossless;
pub use passive::tail;
pub use recorded::recorded;
