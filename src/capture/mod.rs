//! Messages as other tools carry them: the record of 24 bytes before each of them, which recordings have too, and pcapng, which
//! Wireshark reads.
//!
//! Owns how bytes lie in a file. Knows no file, no clock and no mapping.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod pcapng;
mod read;
mod record;

pub(crate) use read::read_as_much;
pub use record::{MessageRecord, RECORD_SIZE, RecordKind, RecordedMessage};
