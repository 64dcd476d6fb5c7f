//! Recording rings: a thread for each finds what is to be written, and one place writes it.

mod feed;
mod files;
mod open_file;
mod ring_thread;
mod session;

pub use files::{FilePlan, Output, create};
pub use open_file::named;
pub use ring_thread::{MessagePlan, RingPlan};
pub use session::{Progress, Recorder, RecordingPlan, RecordingStep, Trigger};
