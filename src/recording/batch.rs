//! Messages on their way from a ring to a file: many in one piece of memory.

use crate::capture::{MessageRecord, RecordKind};
use crate::observe::messages::Sighted;
use crate::observe::model::{Gap, Integrity};
use crate::ring::RawMessage;

/// Messages and gaps, in order.
#[derive(Debug, Default)]
pub(super) struct MessageBatch {
    bytes: Vec<u8>,
    /// When each was first seen, ns since 1970, and where it ends.
    ends: Vec<(u64, usize)>,
}

impl MessageBatch {
    /// Adds a message.
    pub(super) fn push(&mut self, raw: &RawMessage<'_>, integrity: Integrity, sighted: Sighted) {
        let record = MessageRecord {
            kind: RecordKind::Message,
            integrity,
            uncertainty_us: sighted.uncertainty_us,
            offset: raw.offset,
            skipped_bytes: 0,
        };
        self.bytes.extend_from_slice(&record.to_bytes());
        self.bytes.extend_from_slice(&raw.header.to_bytes());
        self.bytes.extend_from_slice(raw.payload);
        self.ends.push((sighted.at_ns, self.bytes.len()));
    }

    /// Adds that bytes were passed over.
    pub(super) fn skip(&mut self, gap: &Gap, sighted: Sighted) {
        let skipped_bytes = gap.to.saturating_sub(gap.from);
        let record = MessageRecord {
            kind: RecordKind::Gap,
            integrity: Integrity::Intact,
            uncertainty_us: sighted.uncertainty_us,
            offset: gap.from,
            skipped_bytes,
        };
        self.bytes.extend_from_slice(&record.to_bytes());
        self.bytes.extend_from_slice(gap.why.to_string().as_bytes());
        self.ends.push((sighted.at_ns, self.bytes.len()));
    }

    /// Bytes that they take.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Each record, with its time in ns since 1970.
    pub(super) fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |(at_ns, end)| {
            let record = &self.bytes[start..*end];
            start = *end;
            (*at_ns, record)
        })
    }
}
