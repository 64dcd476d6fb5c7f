//! What blocks of pcapng are known by.

/// The link type for what has none of its own: LINKTYPE_USER0.
pub(super) const LINK_TYPE: u16 = 147;

/// Kinds of blocks.
pub(super) mod kind {
    pub(in super::super) const SECTION: u32 = 0x0a0d_0d0a;
    pub(in super::super) const INTERFACE: u32 = 1;
    pub(in super::super) const STATISTICS: u32 = 5;
    pub(in super::super) const PACKET: u32 = 6;
}

/// Options; every list of them ends with 0.
pub(super) mod option {
    pub(in super::super) const END: u16 = 0;
    pub(in super::super) const COMMENT: u16 = 1;
    pub(in super::super) const SECTION_HARDWARE: u16 = 2;
    pub(in super::super) const SECTION_SYSTEM: u16 = 3;
    pub(in super::super) const SECTION_PROGRAM: u16 = 4;
    pub(in super::super) const INTERFACE_NAME: u16 = 2;
    pub(in super::super) const INTERFACE_DESCRIPTION: u16 = 3;
    pub(in super::super) const INTERFACE_RESOLUTION: u16 = 9;
    pub(in super::super) const INTERFACE_OFFSET: u16 = 14;
    pub(in super::super) const PACKET_DROPPED: u16 = 4;
    pub(in super::super) const STATISTICS_RECEIVED: u16 = 4;
    pub(in super::super) const STATISTICS_DROPPED: u16 = 5;
}
