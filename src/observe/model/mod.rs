//! Plain data that everybody needs: what a ring is and does, its messages and its events. Imports nothing of `observe`.

mod age_counts;
mod bench;
mod consumer;
mod distribution;
mod doctor;
mod estimate;
mod event;
mod export;
mod finding;
#[cfg(test)]
pub(crate) mod fixtures;
mod frame;
mod lag_limit;
mod limitation;
mod listing;
mod message;
mod message_log;
mod moment;
mod past_point;
mod past_series;
mod process_state;
mod search;
mod snapshot;
mod thresholds;
mod timeline;

pub use age_counts::AgeCounts;
pub use bench::{
    BenchConsumer, BenchKind, BenchMachine, BenchPhase, BenchProducer, BenchReport, BenchSettings,
    Delivery, Latency, LatencyBucket,
};
pub use consumer::{ConsumerSnapshot, ConsumerState, FutexWait, WakeupBasis};
pub use distribution::{AgeDistribution, Distribution, MessageFigures};
pub use doctor::{DoctorCheck, DoctorReport, DoctorStatus};
pub use estimate::{Bounded, Estimate, MessageTotals};
pub use event::{Event, EventKind, EventLog};
pub use export::{Export, ExportedRow};
pub use finding::{Finding, Health, Severity};
pub use frame::{Frame, RingSource, SourceAction};
pub use lag_limit::{LagLimit, LagUnit, Threshold};
pub use limitation::{Limitation, Unseen};
pub use listing::{Listing, RingListing, WorstConsumer};
pub use message::{Gap, GapReason, Integrity, Message, unreadable};
pub use message_log::{LogRow, MessageLog, StoredMessage};
pub use moment::Moment;
pub use past_point::PastPoint;
pub use past_series::PastSeries;
pub use process_state::ProcessState;
pub use search::{Matcher, SearchProgress, SearchRequest};
pub use snapshot::{
    Attach, ControlRegion, JoinedSlot, Method, ProducerInfo, Rate, Report, RingSnapshot, RingState,
    SCHEMA_VERSION, SlotCounts,
};
pub use thresholds::Thresholds;
pub use timeline::{Mark, Seek, Timeline};
