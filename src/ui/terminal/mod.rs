//! The terminal: taken over and given back, read and written to.

mod diff;
mod guard;
mod input;
mod session;
mod writer;

#[cfg(any(test, fuzzing))]
pub(crate) use input::{Decoder, fuzz};
pub(crate) use session::{Terminal, WakeReason, is_gone};
