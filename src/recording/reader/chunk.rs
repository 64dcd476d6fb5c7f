//! The records of one chunk, or of a run of records outside any, one by one.
//!
//! Everything in them is untrusted: lengths are limited, checksums compared before a record is handed out.

use mcap::records::{MessageHeader, Record};
use mcap::sans_io::linear_reader::{LinearReadEvent, LinearReader, LinearReaderOptions};
use mcap::{McapError, parse_record};

/// The longest chunk, packed or not: one with the longest message that is copied out of a ring in it.
pub(super) const LONGEST: usize = 272 << 20;
/// Bytes that the reader is given at a time.
const PIECE: usize = 256 << 10;

/// A record that is looked at.
pub(super) enum ChunkRecord<'a> {
    /// A channel.
    Channel {
        id: u16,
        topic: &'a str,
        encoding: &'a str,
        metadata: &'a std::collections::BTreeMap<String, String>,
    },
    /// A message of a channel.
    Message {
        channel: u16,
        at_ns: u64,
        data: &'a [u8],
    },
}

/// Hands out the records in `bytes`, which begin with one, until `each` is false.
///
/// # Errors
/// When they are damaged: what came before was handed out.
pub(super) fn records(
    bytes: &[u8],
    mut each: impl FnMut(ChunkRecord<'_>) -> bool,
) -> Result<(), McapError> {
    let options = LinearReaderOptions::default()
        .with_skip_start_magic(true)
        .with_skip_end_magic(true)
        .with_prevalidate_chunk_crcs(true)
        .with_record_length_limit(LONGEST);
    let mut reader = LinearReader::new_with_options(options);
    let mut rest = bytes;
    while let Some(event) = reader.next_event() {
        match event? {
            LinearReadEvent::ReadRequest(wanted) => {
                let length = wanted.max(PIECE).min(rest.len());
                let (piece, after) = rest.split_at(length);
                reader.insert(length).copy_from_slice(piece);
                reader.notify_read(length);
                rest = after;
            }
            LinearReadEvent::Record { opcode, data } => {
                let goes_on = match parse_record(opcode, data)? {
                    Record::Channel(channel) => each(ChunkRecord::Channel {
                        id: channel.id,
                        topic: &channel.topic,
                        encoding: &channel.message_encoding,
                        metadata: &channel.metadata,
                    }),
                    Record::Message {
                        header:
                            MessageHeader {
                                channel_id,
                                log_time,
                                ..
                            },
                        data,
                    } => each(ChunkRecord::Message {
                        channel: channel_id,
                        at_ns: log_time,
                        data: &data,
                    }),
                    _ => true,
                };
                if !goes_on {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
