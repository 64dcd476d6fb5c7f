//! The first bytes of a recording, and of each record in it: what it is, and how long.

use crate::text::escape_bytes;

/// Bytes before a record.
pub(super) const RECORD_HEAD: u64 = 9;

/// A record that is there: where, what, and how long without its head.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordHead {
    pub(super) at: u64,
    pub(super) opcode: u8,
    pub(super) length: u64,
}

impl RecordHead {
    /// Reads it; `None` where it is none.
    pub(super) fn parse(at: u64, bytes: &[u8]) -> Option<Self> {
        let [opcode, length @ ..] = bytes.first_chunk::<{ RECORD_HEAD as usize }>()?;
        Some(Self {
            at,
            opcode: *opcode,
            length: u64::from_le_bytes(*length),
        })
    }

    /// Where the next one begins.
    pub(super) fn end(&self) -> Option<u64> {
        self.at.checked_add(RECORD_HEAD)?.checked_add(self.length)
    }
}

/// What was found where a recording should begin.
pub(super) fn found(bytes: &[u8]) -> String {
    match bytes {
        [] => "it is empty".into(),
        bytes => format!("it begins with `{}`", escape_bytes(bytes)),
    }
}
