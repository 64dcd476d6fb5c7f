//! The bytes of an attached ring as messages: as they come, and as far back as they can be told apart.

mod ages;
mod backfill;
mod boundaries;
mod copy;
mod copy_buffer;
mod filter;
mod follower;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod lag_counter;
mod preview;
mod reader;
mod recover;
mod reread;
mod ring_search;
mod sightings;
mod tally;
mod throttle;
mod validity;
mod waiter;
mod walk;

pub use ages::AgeTally;
pub use boundaries::{count_behind, near_boundary, older, oldest_boundary};
pub use filter::{Filter, hex_pattern, number, number_range};
pub use follower::{Follower, NextStep};
pub use lag_counter::{LagCounter, LagCounts};
pub use preview::Preview;
pub use reader::{MessageReader, ReadEvent};
pub use recover::{RetainedRegion, oldest};
pub use reread::payload;
pub use ring_search::{RingSearch, around};
pub use sightings::{Sighted, Sightings, wall_ns};
