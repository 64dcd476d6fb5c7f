//! Watching a ring that belongs to someone else.
pub mod frame;
pub mod snapshot;
