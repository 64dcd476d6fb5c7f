//! Plain data that everybody needs: what a ring is and does, its messages and its events. Imports nothing of `observe`.

mod event;
#[cfg(test)]
pub(crate) mod fixtures;
mod frame;
mod listing;
mod message;
mod message_log;
mod snapshot;
mod thresholds;

pub use event::{Event, EventKind, EventLog};
pub use frame::{Frame, PastPoint, Source};
pub use listing::{Listing, RingListing, WorstConsumer};
pub use message::{Gap, Integrity, Message};
pub use message_log::{Kept, Row, Trail};
pub use snapshot::{
    Attach, Consumer, ConsumerState, Control, Estimate, Finding, FutexWait, Joined, Limit, Method,
    Producer, Rate, Report, RingSnapshot, RingState, SCHEMA_VERSION, Severity, Slots, WakeupBasis,
    WakeupMode,
};
pub use thresholds::Thresholds;
