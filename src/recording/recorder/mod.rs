//! Recording rings: a thread for each finds what is to be written, and one place writes it.

mod decoding;
mod feed;
mod file_names;
mod files;
mod open_file;
mod ring_thread;
mod session;

pub use file_names::create;
pub use files::{FilePlan, Output};
pub use open_file::named;
pub use ring_thread::{MessagePlan, RingPlan};
pub use session::{Progress, Recorder, RecordingPlan, RecordingStep, Trigger};
