//! `tail`: messages as they come, or from what is retained.

mod batch;
mod gap_reporter;
mod lossless;
mod passive;
mod sink;
mod stdout;

pub use lossless::lossless;
pub use passive::tail;
pub use stdout::{Output, Stdout};
