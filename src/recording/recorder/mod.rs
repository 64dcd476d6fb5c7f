//! Recording rings: a thread for each finds what is to be written, and one place writes it.

mod feed;
mod files;
mod open_file;
mod recorder;
mod ring_thread;

pub use files::{FilePlan, Output, create};
pub use open_file::named;
pub use recorder::{Progress, Recorder, RecordingPlan, RecordingStep, Trigger};
pub use ring_thread::{MessagePlan, RingPlan};
