//! The numbers of an attached ring at one instant, and what the kernel tells of its consumers besides.

#[cfg(test)]
pub(crate) mod fixtures;
mod futex_waiters;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod numbers;
mod side_socket;
mod threads;

pub use futex_waiters::FutexWaiters;
pub use numbers::{Departed, MemberSample, Sample, control, take};
pub use side_socket::SideSockets;
