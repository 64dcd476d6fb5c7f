//! `events`: what happens to rings, as it happens or as it was recorded.

mod hook;
mod in_order;
mod journal;
mod live;
mod recorded;
mod told;

pub use live::live;
pub use recorded::recorded;
