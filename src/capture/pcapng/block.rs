//! What blocks of pcapng are known by.

/// How a capture begins, in either byte order.
pub const MAGIC: [u8; 4] = *b"\n\r\r\n";
/// The link type for what has none of its own: LINKTYPE_USER0.
pub(super) const LINK_TYPE: u16 = 147;

/// Kinds of blocks.
pub(super) mod kind {
    pub(crate) const SECTION: u32 = 0x0a0d_0d0a;
    pub(crate) const INTERFACE: u32 = 1;
    pub(crate) const STATISTICS: u32 = 5;
    pub(crate) const PACKET: u32 = 6;
}

/// Options; every list of them ends with 0.
pub(super) mod option {
    pub(crate) const END: u16 = 0;
    pub(crate) const COMMENT: u16 = 1;
    pub(crate) const SECTION_HARDWARE: u16 = 2;
    pub(crate) const SECTION_SYSTEM: u16 = 3;
    pub(crate) const SECTION_PROGRAM: u16 = 4;
    pub(crate) const INTERFACE_NAME: u16 = 2;
    pub(crate) const INTERFACE_DESCRIPTION: u16 = 3;
    pub(crate) const INTERFACE_RESOLUTION: u16 = 9;
    pub(crate) const INTERFACE_OFFSET: u16 = 14;
    pub(crate) const PACKET_DROPPED: u16 = 4;
    pub(crate) const STATISTICS_RECEIVED: u16 = 4;
    pub(crate) const STATISTICS_DROPPED: u16 = 5;
}
