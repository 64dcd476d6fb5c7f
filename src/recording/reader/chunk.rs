//! The records of one chunk, or of a run of records outside any, one by one.
//!
//! Everything in them is untrusted: lengths are compared with what there is before anything is taken in or made room for, checksums
//! before a record is handed out. Only records of the two kinds that are looked at are parsed.

use mcap::records::{ChunkHeader, MessageHeader, Record, op};
use mcap::sans_io::linear_reader::{LinearReadEvent, LinearReader, LinearReaderOptions};
use mcap::{McapError, parse_record};

use super::head::{RECORD_HEAD, RecordHead};

/// The longest chunk, packed or not: one with the longest message that is copied out of a ring in it.
pub(super) const LONGEST: usize = 272 << 20;
/// Bytes that the reader is given at a time.
const PIECE: usize = 256 << 10;
/// A byte that is packed is unpacked to no more than this: four of them make a block of 128 KiB.
const MOST_UNPACKED: u64 = 32 << 10;

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
    let mut rest = bytes;
    while !rest.is_empty() {
        let (record, after) = rest.split_at(length_of(rest)?);
        rest = after;
        let goes_on = match record[0] {
            op::CHUNK => unpacked(record, &mut each)?,
            opcode => one(opcode, &record[RECORD_HEAD as usize..], &mut each)?,
        };
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// The length of the record that `bytes` begin with, and which is there to its end.
fn length_of(bytes: &[u8]) -> Result<usize, McapError> {
    let head = RecordHead::parse(0, bytes).ok_or(McapError::UnexpectedEof)?;
    let there = bytes.len() as u64;
    let end = head.end().filter(|end| *end <= there);
    let end = end.and_then(|end| usize::try_from(end).ok());
    end.ok_or(McapError::UnexpectedEof)
}

/// Hands out the records in a chunk; tells whether to go on.
fn unpacked(
    chunk: &[u8],
    each: &mut impl FnMut(ChunkRecord<'_>) -> bool,
) -> Result<bool, McapError> {
    let Record::Chunk { header, data } = parse_record(op::CHUNK, &chunk[RECORD_HEAD as usize..])?
    else {
        return Err(McapError::BadIndex);
    };
    let most = data.len() as u64;
    let most = match header.compression.as_str() {
        "" => most,
        _ => most.saturating_mul(MOST_UNPACKED).min(LONGEST as u64),
    };
    let ChunkHeader {
        uncompressed_size, ..
    } = header;
    if uncompressed_size > most {
        return Err(McapError::ChunkTooLarge(uncompressed_size));
    }
    if header.compression.is_empty() {
        // The reader takes it for granted that the last record ends where the chunk does.
        let mut rest = &data[..];
        while !rest.is_empty() {
            rest = &rest[length_of(rest).map_err(|_| McapError::UnexpectedEoc)?..];
        }
    }
    // It makes room for a record before there is one.
    let limit = usize::try_from(uncompressed_size).unwrap_or(LONGEST);
    let options = LinearReaderOptions::default()
        .with_skip_start_magic(true)
        .with_skip_end_magic(true)
        .with_prevalidate_chunk_crcs(true)
        .with_record_length_limit(limit.max(chunk.len()));
    let mut reader = LinearReader::new_with_options(options);
    let mut rest = chunk;
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
                if !one(opcode, data, each)? {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}

/// Hands out a record, if it is of a kind that is looked at; tells whether to go on. Others are not parsed: not all of them can be
/// without a panic.
fn one(
    opcode: u8,
    data: &[u8],
    each: &mut impl FnMut(ChunkRecord<'_>) -> bool,
) -> Result<bool, McapError> {
    match opcode {
        op::CHANNEL | op::MESSAGE => {}
        // The format has none of these: a long run of zeros is no work.
        0 => return Err(McapError::PrivateRecordOpcodeIsReserved { opcode }),
        _ => return Ok(true),
    }
    Ok(match parse_record(opcode, data)? {
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
    })
}
