//! Recording rings: a thread for each finds what is to be written, and one place writes it.

mod batch;
mod feed;
mod files;
mod recorder;
mod ring_thread;
mod sightings;

pub use files::{FilePlan, Output};
pub use recorder::{Progress, Recorder, RecordingPlan, RecordingStep, Trigger};
pub use ring_thread::{MessagePlan, RingPlan};
