//! Rings measured on this machine: both ends of each are processes of their own, on our own implementation.
//!
//! What is measured is open loop: a schedule says when each message is due, and waits for nobody. A latency is the time from
//! when a message was *due* until a consumer has copied it out of the ring, by `CLOCK_MONOTONIC`, which all processes share. So
//! a message that was sent late, because the ring was full or the producer was not running, counts with all the time that its
//! receiver had to wait (no coordinated omission). Every message is checked by every consumer: that it comes once, in order, with
//! its length and its bytes.
//!
//! The parent owns the processes, gives each its task, and puts together what they report; however it ends, the
//! kernel ends them. Nothing is printed here.

mod contents;
mod figures;
mod measure;
mod pinning;
mod plan;
mod processes;
mod receive;
pub mod roles;
mod schedule;
mod send;
mod words;

pub use measure::measure;
pub use pinning::{Pin, PinError};
pub use plan::{Load, MOST_CONSUMERS, Plan};
