//! The 16-byte message header.

/// A message header (`zbq.h: struct zbq_msg_header`), as a private copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageHeader {
    /// Bytes of payload behind the header.
    pub payload_len: u32,
    /// Descriptors that travel with the message, 0 to 253.
    pub fd_count: u8,
    /// Ignored by the reference; see [`FLAG_FILLER`].
    pub flags: u8,
    /// Unused.
    pub reserved: u16,
    /// Ties the message to its descriptors; otherwise whatever the application writes.
    pub seq_id: u64,
}

/// Set by our producer on a message that only fills the rest of a lap. The reference ignores it.
pub const FLAG_FILLER: u8 = 0x80;
