//! pcapng (draft-ietf-opsawg-pcapng): what Wireshark and its kin read and write.
//!
//! One interface a ring; times in nanoseconds. A packet is a [`MessageRecord`](super::MessageRecord) of 24 bytes, then the
//! message as it lay in the ring, header first; or, of a gap, why there is one, in words. A message that is longer than
//! Wireshark takes goes on in further packets, of the kind [`Continuation`](super::RecordKind::Continuation).

mod assembled;
mod block;
mod reader;
mod writer;

pub use assembled::{CaptureReader, Captured};
pub use block::MAGIC;
pub use reader::{Interface, ReadError};
pub use writer::{Counts, LONGEST_PACKET, gap, interface, message, section, statistics};
