//! pcapng (draft-ietf-opsawg-pcapng): what Wireshark and its kin read and write.
//!
//! One interface a ring; times in nanoseconds. A packet is a [`MessageRecord`](super::MessageRecord) of 24 bytes, then the
//! message as it lay in the ring, header first; or, of a gap, why there is one, in words. A message that is longer than
//! Wireshark takes goes on in further packets, of the kind [`Continuation`](super::RecordKind::Continuation).

mod assembled;
mod reader;
mod writer;

pub use assembled::{CaptureReader, Captured};
pub use reader::{Interface, ReadError};
pub use writer::{Counts, LONGEST_PACKET, gap, interface, message, section, statistics};

/// The link type for what has none of its own: LINKTYPE_USER0.
const LINK_TYPE: u16 = 147;

/// Kinds of blocks.
mod kind {
    pub(super) const SECTION: u32 = 0x0a0d_0d0a;
    pub(super) const INTERFACE: u32 = 1;
    pub(super) const STATISTICS: u32 = 5;
    pub(super) const PACKET: u32 = 6;
}

/// Options; every list of them ends with 0.
mod option {
    pub(super) const END: u16 = 0;
    pub(super) const COMMENT: u16 = 1;
    pub(super) const SECTION_HARDWARE: u16 = 2;
    pub(super) const SECTION_SYSTEM: u16 = 3;
    pub(super) const SECTION_PROGRAM: u16 = 4;
    pub(super) const INTERFACE_NAME: u16 = 2;
    pub(super) const INTERFACE_DESCRIPTION: u16 = 3;
    pub(super) const INTERFACE_RESOLUTION: u16 = 9;
    pub(super) const INTERFACE_OFFSET: u16 = 14;
    pub(super) const PACKET_DROPPED: u16 = 4;
    pub(super) const STATISTICS_RECEIVED: u16 = 4;
    pub(super) const STATISTICS_DROPPED: u16 = 5;
}
