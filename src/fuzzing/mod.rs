//! What fuzzers run: each body takes any bytes at all, and panics where what is promised of them does not hold.
//!
//! A body stands in the room that it tries, as `fuzz.rs`, for most of what it calls is private there; here is the list.
//! `fuzz/` makes programs of them. In tests each is run over its seeds, and over changes of them.

pub(crate) mod input;
#[cfg(all(test, feature = "cli"))]
mod tests;

#[cfg(feature = "tui")]
pub use crate::decode::fuzz::decoders;
#[cfg(feature = "observe")]
pub use crate::observe::{
    attach::fuzz::slot_table,
    messages::fuzz::{filters, recovery, walk},
    procfs::fuzz::{procfs_texts, sock_diag},
    sample::fuzz::thread_texts,
};
pub use crate::ring::fuzz::join_answer;
#[cfg(feature = "tui")]
pub use crate::ui::fuzz::{dashboard, escaping, input_decoder, query};
#[cfg(feature = "cli")]
pub use crate::{
    capture::fuzz::captures, cli::fuzz::arguments, output::fuzz::tail_formats,
    recording::fuzz::recording, settings::fuzz::settings,
};
