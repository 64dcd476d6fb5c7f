//! The record before each message that is recorded or captured: 24 bytes that say where it lay in the ring, and how far it
//! can be trusted.

use crate::observe::model::{Gap, GapReason, Integrity};
use crate::ring::{MessageHeader, RawMessage};
use crate::text::escape_bytes;

/// Bytes of a record.
pub const RECORD_SIZE: usize = 24;
/// Bytes of a reason that are shown.
const LONGEST_REASON: usize = 1024;
/// The only layout there is.
const VERSION: u8 = 1;

/// What stands before a message, or in the place of one. Little-endian:
///
/// | bytes | |
/// |---|---|
/// | 0 | version, 1 |
/// | 1 | kind: 1 a message, 2 a gap, 3 more of the message before |
/// | 2 | integrity: 0 intact, 1 likely, 2 torn |
/// | 3 | zero |
/// | 4..8 | how long before it was seen the message may have been committed, µs; `u32::MAX` for that or more |
/// | 8..16 | logical offset of what follows |
/// | 16..24 | bytes passed over by a gap, else 0 |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// What follows.
    pub kind: RecordKind,
    /// How far the copy of it can be trusted; of a gap without meaning.
    pub integrity: Integrity,
    /// How long before it was seen it may have been committed, µs; saturating.
    pub uncertainty_us: u32,
    /// Logical offset of its header, of the first byte that was passed over, or of the first byte of what follows.
    pub offset: u64,
    /// Bytes passed over by a gap.
    pub skipped_bytes: u64,
}

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// A message.
    Message,
    /// Bytes that were passed over.
    Gap,
    /// More of the message before, where that is too long for one packet. Recordings have no such limit.
    Continuation,
}

impl MessageRecord {
    /// As it is written.
    #[must_use]
    pub fn to_bytes(self) -> [u8; RECORD_SIZE] {
        let mut bytes = [0; RECORD_SIZE];
        bytes[0] = VERSION;
        bytes[1] = match self.kind {
            RecordKind::Message => 1,
            RecordKind::Gap => 2,
            RecordKind::Continuation => 3,
        };
        bytes[2] = match self.integrity {
            Integrity::Intact => 0,
            Integrity::Likely => 1,
            Integrity::Torn => 2,
        };
        bytes[4..8].copy_from_slice(&self.uncertainty_us.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.offset.to_le_bytes());
        bytes[16..].copy_from_slice(&self.skipped_bytes.to_le_bytes());
        bytes
    }

    /// The record that `bytes` begin with, and what follows it; `None` where there is none that this version understands.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (record, rest) = bytes.split_first_chunk::<RECORD_SIZE>()?;
        let [VERSION, kind, integrity, _, u0, u1, u2, u3, numbers @ ..] = *record else {
            return None;
        };
        let (offset, skipped) = numbers.split_first_chunk::<8>()?;
        let record = Self {
            kind: match kind {
                1 => RecordKind::Message,
                2 => RecordKind::Gap,
                3 => RecordKind::Continuation,
                _ => return None,
            },
            integrity: match integrity {
                0 => Integrity::Intact,
                1 => Integrity::Likely,
                2 => Integrity::Torn,
                _ => return None,
            },
            uncertainty_us: u32::from_le_bytes([u0, u1, u2, u3]),
            offset: u64::from_le_bytes(*offset),
            skipped_bytes: u64::from_le_bytes(*skipped.first_chunk()?),
        };
        Some((record, rest))
    }
}

/// What was recorded of a ring's bytes.
#[derive(Debug)]
pub enum RecordedMessage<'a> {
    /// A message.
    Message(RawMessage<'a>, Integrity),
    /// A message of which only the header was recorded: its payload is empty, whatever the header says.
    Header(RawMessage<'a>, Integrity),
    /// Bytes that were passed over.
    Gap(Gap),
}

impl<'a> RecordedMessage<'a> {
    /// What a record says; `None` where it is none that makes sense.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (record, rest) = MessageRecord::parse(bytes)?;
        let offset = record.offset;
        match record.kind {
            RecordKind::Message => {
                let (header, payload) = rest.split_first_chunk()?;
                let header = MessageHeader::from_bytes(*header);
                let whole = payload.len() as u64 == u64::from(header.payload_len);
                let raw = RawMessage {
                    offset,
                    header,
                    payload,
                };
                match payload {
                    _ if whole => Some(Self::Message(raw, record.integrity)),
                    [] => Some(Self::Header(raw, record.integrity)),
                    _ => None,
                }
            }
            RecordKind::Gap => Some(Self::Gap(Gap {
                from: offset,
                to: offset.checked_add(record.skipped_bytes)?,
                why: GapReason::Told(escape_bytes(&rest[..rest.len().min(LONGEST_REASON)]).into()),
                torn: 0,
            })),
            RecordKind::Continuation => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lies_as_it_is_described() {
        let record = MessageRecord {
            kind: RecordKind::Gap,
            integrity: Integrity::Torn,
            uncertainty_us: 0x0403_0201,
            offset: 0x0c0b_0a09_0807_0605,
            skipped_bytes: 7,
        };
        let bytes = record.to_bytes();
        let expected = [
            1, 2, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 7, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(bytes, expected);
        let long = [&bytes[..], b"why"].concat();
        assert_eq!(MessageRecord::parse(&long), Some((record, &b"why"[..])));
    }

    #[test]
    fn a_reason_does_nothing_to_a_terminal() {
        let record = MessageRecord {
            kind: RecordKind::Gap,
            integrity: Integrity::Intact,
            uncertainty_us: 0,
            offset: 0,
            skipped_bytes: 7,
        };
        let bytes = [&record.to_bytes()[..], b"\x1b]52;c;x\x07\xff"].concat();
        let Some(RecordedMessage::Gap(gap)) = RecordedMessage::parse(&bytes) else {
            panic!("a gap");
        };
        assert_eq!(gap.why.to_string(), r"\x1b]52;c;x\x07\xff");
    }

    #[test]
    fn what_is_none_is_refused() {
        let good = MessageRecord {
            kind: RecordKind::Message,
            integrity: Integrity::Intact,
            uncertainty_us: 0,
            offset: 0,
            skipped_bytes: 0,
        }
        .to_bytes();
        assert!(MessageRecord::parse(&good).is_some());
        assert_eq!(MessageRecord::parse(&good[..RECORD_SIZE - 1]), None);
        for (at, byte) in [(0, 0), (0, 2), (1, 0), (1, 4), (2, 3)] {
            let mut bad = good;
            bad[at] = byte;
            assert_eq!(MessageRecord::parse(&bad), None, "{at}: {byte}");
        }
    }
}
