//! Writes the blocks of pcapng, little-endian.

use std::io;

use super::block::{LINK_TYPE, kind, option};
use crate::capture::{MessageRecord, RECORD_SIZE, RecordKind};
use crate::observe::messages::Sighted;
use crate::observe::model::{Gap, Integrity};
use crate::ring::RawMessage;
use crate::ring::layout::HEADER_SIZE;

/// The longest packet, bytes: Wireshark refuses a file with a longer one (`WTAP_MAX_PACKET_SIZE_STANDARD`).
pub const LONGEST_PACKET: usize = 262_144;
/// The longest text of an option, bytes.
const LONGEST_TEXT: usize = 1024;

/// What an interface has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that were written.
    pub received: u64,
    /// Messages in gaps, by the sequence ids on both sides.
    pub dropped: u64,
}

/// Begins a file: what made it, and where.
pub fn section(out: &mut Vec<u8>, hardware: &str, system: &str) {
    block(out, kind::SECTION, |out| {
        out.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
        // Version 1.0, and a length that is not known.
        out.extend_from_slice(&1_u16.to_le_bytes());
        out.extend_from_slice(&0_u16.to_le_bytes());
        out.extend_from_slice(&u64::MAX.to_le_bytes());
        let program = concat!("zbqtop ", env!("CARGO_PKG_VERSION"));
        text(out, option::SECTION_HARDWARE, hardware);
        text(out, option::SECTION_SYSTEM, system);
        text(out, option::SECTION_PROGRAM, program);
        end_options(out);
    });
}

/// Adds an interface; the first one has the number 0.
pub fn interface(out: &mut Vec<u8>, name: &str, description: &str) {
    block(out, kind::INTERFACE, |out| {
        out.extend_from_slice(&LINK_TYPE.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        // Packets of any length.
        out.extend_from_slice(&0_u32.to_le_bytes());
        text(out, option::INTERFACE_NAME, name);
        text(out, option::INTERFACE_DESCRIPTION, description);
        // Times count in 10^-9 s.
        add_option(out, option::INTERFACE_RESOLUTION, &[9]);
        end_options(out);
    });
}

/// Adds a message, of which `dropped` others before it were lost: one packet, or several if it is too long for one. `emit`
/// takes what is written from time to time, so that never more than two packets are in memory.
///
/// # Errors
/// Those of `emit`.
pub fn message(
    out: &mut Vec<u8>,
    interface: u32,
    sighted: Sighted,
    raw: &RawMessage<'_>,
    integrity: Integrity,
    dropped: u64,
    mut emit: impl FnMut(&mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    const HEAD: usize = RECORD_SIZE + HEADER_SIZE;
    let mut record = MessageRecord {
        kind: RecordKind::Message,
        integrity,
        uncertainty_us: sighted.uncertainty_us,
        offset: raw.offset,
        skipped_bytes: 0,
    };
    let (mut payload, mut rest) = raw
        .payload
        .split_at(raw.payload.len().min(LONGEST_PACKET - HEAD));
    let whole = u64::from(raw.header.payload_len) + HEAD as u64;
    let header = raw.header.to_bytes();
    let parts = [&record.to_bytes()[..], &header, payload];
    packet(out, interface, sighted.at_ns, &parts, whole, dropped);
    record.kind = RecordKind::Continuation;
    // A file that is read may say anything.
    record.offset = record.offset.wrapping_add(HEADER_SIZE as u64);
    while !rest.is_empty() {
        emit(out)?;
        record.offset = record.offset.wrapping_add(payload.len() as u64);
        (payload, rest) = rest.split_at(rest.len().min(LONGEST_PACKET - RECORD_SIZE));
        let whole = (payload.len() + RECORD_SIZE) as u64;
        let parts = [&record.to_bytes()[..], payload];
        packet(out, interface, sighted.at_ns, &parts, whole, 0);
    }
    Ok(())
}

/// Adds that bytes were passed over.
pub fn gap(out: &mut Vec<u8>, interface: u32, sighted: Sighted, gap: &Gap) {
    let record = MessageRecord {
        kind: RecordKind::Gap,
        integrity: Integrity::Intact,
        uncertainty_us: sighted.uncertainty_us,
        offset: gap.from,
        skipped_bytes: gap.to.saturating_sub(gap.from),
    };
    let why = gap.why.to_string();
    let why = &why.as_bytes()[..why.len().min(LONGEST_TEXT)];
    let whole = (why.len() + RECORD_SIZE) as u64;
    let parts = [&record.to_bytes()[..], why];
    packet(out, interface, sighted.at_ns, &parts, whole, 0);
}

/// Adds what an interface has seen until then, ns since 1970, as far as that is known, with a remark.
pub fn statistics(
    out: &mut Vec<u8>,
    interface: u32,
    at_ns: u64,
    counts: Option<Counts>,
    remark: &str,
) {
    block(out, kind::STATISTICS, |out| {
        let (high, low) = halves(at_ns);
        for number in [interface, high, low] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        text(out, option::COMMENT, remark);
        if let Some(Counts { received, dropped }) = counts {
            let received = received.to_le_bytes();
            add_option(out, option::STATISTICS_RECEIVED, &received);
            let dropped = dropped.to_le_bytes();
            add_option(out, option::STATISTICS_DROPPED, &dropped);
        }
        end_options(out);
    });
}

/// Adds a packet of `parts`, of originally `whole` bytes.
fn packet(
    out: &mut Vec<u8>,
    interface: u32,
    at_ns: u64,
    parts: &[&[u8]],
    whole: u64,
    dropped: u64,
) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let captured = u32::try_from(length).unwrap_or(u32::MAX);
    let whole = u32::try_from(whole).unwrap_or(u32::MAX).max(captured);
    block(out, kind::PACKET, |out| {
        let (high, low) = halves(at_ns);
        for number in [interface, high, low, captured, whole] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for part in parts {
            out.extend_from_slice(part);
        }
        pad(out, length);
        if dropped > 0 {
            add_option(out, option::PACKET_DROPPED, &dropped.to_le_bytes());
            end_options(out);
        }
    });
}

/// A block: its kind and its length stand before what is in it, its length behind it once more.
fn block(out: &mut Vec<u8>, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    fill(out);
    // At most that of a packet and its options.
    let length = u32::try_from(out.len() - start + 4).unwrap_or(u32::MAX);
    let length = length.to_le_bytes();
    out[start + 4..start + 8].copy_from_slice(&length);
    out.extend_from_slice(&length);
}

/// Adds a text, cut at the end of a character; nothing if it is empty.
fn text(out: &mut Vec<u8>, code: u16, text: &str) {
    let end = (0..=text.len().min(LONGEST_TEXT))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    let text = &text.as_bytes()[..end.unwrap_or(0)];
    if !text.is_empty() {
        add_option(out, code, text);
    }
}

fn add_option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(0);
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(value);
    pad(out, value.len());
}

fn end_options(out: &mut Vec<u8>) {
    add_option(out, option::END, b"");
}

/// Everything ends on a multiple of four bytes.
fn pad(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&[0; 3][..(4 - length % 4) % 4]);
}

/// The upper and the lower half of a time.
fn halves(time: u64) -> (u32, u32) {
    #[expect(clippy::cast_possible_truncation, reason = "each half is meant")]
    let halves = ((time >> 32) as u32, time as u32);
    halves
}
