//! The summary at the end of a recording: its channels, and where its chunks are.
//!
//! It is taken only if it is without contradictions; whoever finds none goes from record to record.

use std::collections::BTreeSet;

use mcap::records::{Channel, Footer, Record, op};
use mcap::{MAGIC, parse_record};

use super::head::{RECORD_HEAD, RecordHead};
use super::index::ChunkPlace;
use super::store::Store;

/// A summary is no longer than this, bytes.
const LONGEST: u64 = 256 << 20;
/// Bytes of the footer, which stands before the last magic ones.
const FOOTER: u64 = 20;
/// Bytes from where the footer begins.
const END: u64 = RECORD_HEAD + FOOTER + MAGIC.len() as u64;

/// What it says.
pub(super) struct Summary {
    pub(super) channels: Vec<Channel>,
    /// In the order in which they lie in the file.
    pub(super) chunks: Vec<ChunkPlace>,
    /// How many chunks there are, if that is said.
    expected: Option<u32>,
}

/// The summary of a file of `size` bytes; `None` where there is none that says all of what is needed.
pub(super) fn read(store: &Store, size: u64) -> Option<Summary> {
    let footer_at = size.checked_sub(END)?;
    let end = store.read(footer_at, usize::try_from(END).ok()?).ok()?;
    let (head, rest) = end.split_at(usize::try_from(RECORD_HEAD).ok()?);
    let (footer, magic) = rest.split_at(usize::try_from(FOOTER).ok()?);
    let head = RecordHead::parse(footer_at, head)?;
    if head.opcode != op::FOOTER || head.length != FOOTER || magic != MAGIC {
        return None;
    }
    let Ok(Record::Footer(Footer { summary_start, .. })) = parse_record(op::FOOTER, footer) else {
        return None;
    };
    let length = footer_at.checked_sub(summary_start)?;
    if summary_start < MAGIC.len() as u64 || length > LONGEST {
        return None;
    }
    let bytes = store
        .read(summary_start, usize::try_from(length).ok()?)
        .ok()?;
    let mut summary = Summary {
        channels: Vec::new(),
        chunks: Vec::new(),
        expected: None,
    };
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let head = RecordHead::parse(0, rest)?;
        let (record, after) = rest.split_at_checked(usize::try_from(head.end()?).ok()?)?;
        summary.take(
            head.opcode,
            record.get(usize::try_from(RECORD_HEAD).ok()?..)?,
        )?;
        rest = after;
    }
    summary.chunks.sort_by_key(|chunk| chunk.at);
    summary.is_sound(summary_start).then_some(summary)
}

impl Summary {
    fn take(&mut self, opcode: u8, data: &[u8]) -> Option<()> {
        if opcode == op::STATISTICS {
            // How many chunks there are stands behind the numbers of messages, schemas, channels, attachments and metadata.
            self.expected = Some(u32::from_le_bytes(*data.get(22..)?.first_chunk()?));
            return Some(());
        }
        // Others are not parsed: not all of them can be without a panic.
        if !matches!(opcode, op::CHANNEL | op::CHUNK_INDEX) {
            return Some(());
        }
        match parse_record(opcode, data).ok()? {
            Record::Channel(channel) => self.channels.push(channel),
            Record::ChunkIndex(chunk) => self.chunks.push(ChunkPlace {
                at: chunk.chunk_start_offset,
                length: chunk.chunk_length,
                times: (chunk.message_start_time, chunk.message_end_time),
                channels: chunk.message_index_offsets.keys().copied().collect(),
            }),
            _ => {}
        }
        Some(())
    }

    /// Whether there are chunks, which lie behind each other, below `end`, and say of which channels they are.
    fn is_sound(&self, end: u64) -> bool {
        let known: BTreeSet<u16> = self.channels.iter().map(|channel| channel.id).collect();
        let mut next = MAGIC.len() as u64;
        let count = u32::try_from(self.chunks.len()).ok();
        (self.expected.is_none() || self.expected == count)
            && !self.chunks.is_empty()
            && self.chunks.iter().all(|chunk| {
                let before = std::mem::replace(&mut next, chunk.at.saturating_add(chunk.length));
                chunk.at >= before
                    && next <= end
                    && !chunk.channels.is_empty()
                    && chunk.channels.is_subset(&known)
            })
    }
}
