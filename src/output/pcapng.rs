//! Messages as packets: the blocks of pcapng that Wireshark and its kin read (draft-ietf-opsawg-pcapng).
//!
//! Little-endian, nanoseconds, one interface a ring. A packet is a record of 24 bytes ([`MessageRecord`]), then the message
//! as it lay in the ring, header first; or, of a gap, why there is one, in words. Knows nothing of rings: whoever writes
//! says what is on which interface.

use crate::observe::messages::Sighted;
use crate::recording::MessageRecord;

/// The link type for what has none of its own: LINKTYPE_USER0.
const LINK_TYPE: u16 = 147;

/// Blocks.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;

/// Options; every list ends with 0.
const COMMENT: u16 = 1;
const SECTION_HARDWARE: u16 = 2;
const SECTION_OS: u16 = 3;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_DESCRIPTION: u16 = 3;
const INTERFACE_RESOLUTION: u16 = 9;
const STATISTICS_RECEIVED: u16 = 4;
const STATISTICS_DROPPED: u16 = 5;

/// The longest text of an option, bytes.
const LONGEST: usize = 1024;

/// What an interface has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceCounts {
    /// Messages that were written.
    pub received: u64,
    /// Messages that were passed over, as far as they are known by number; bytes are in the gaps.
    pub dropped: u64,
}

/// Begins a file: what made it, and where.
pub fn section(out: &mut Vec<u8>, machine: &str, system: &str) {
    block(out, SECTION, |out| {
        out.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
        // Version 1.0, and a length that is not known.
        out.extend_from_slice(&1_u16.to_le_bytes());
        out.extend_from_slice(&0_u16.to_le_bytes());
        out.extend_from_slice(&u64::MAX.to_le_bytes());
        option(out, SECTION_HARDWARE, machine.as_bytes());
        option(out, SECTION_OS, system.as_bytes());
        option(
            out,
            SECTION_APPLICATION,
            concat!("zbqtop ", env!("CARGO_PKG_VERSION")).as_bytes(),
        );
        option(out, 0, b"");
    });
}

/// Adds an interface: the first has the number 0.
pub fn interface(out: &mut Vec<u8>, name: &str, description: &str) {
    block(out, INTERFACE, |out| {
        out.extend_from_slice(&LINK_TYPE.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        // Packets of any length.
        out.extend_from_slice(&0_u32.to_le_bytes());
        option(out, INTERFACE_NAME, name.as_bytes());
        option(out, INTERFACE_DESCRIPTION, description.as_bytes());
        option(out, INTERFACE_RESOLUTION, &[9]);
        option(out, 0, b"");
    });
}

/// Adds a packet: `record`, and then `parts`.
pub fn packet(
    out: &mut Vec<u8>,
    interface: u32,
    sighted: Sighted,
    record: MessageRecord,
    parts: &[&[u8]],
) {
    let record = record.to_bytes();
    let length = record.len() + parts.iter().map(|part| part.len()).sum::<usize>();
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    block(out, PACKET, |out| {
        let (high, low) = halves(sighted.at_ns);
        for number in [interface, high, low, length, length] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&record);
        for part in parts {
            out.extend_from_slice(part);
        }
        pad(out, length as usize);
    });
}

/// Adds what an interface has seen until then.
pub fn statistics(out: &mut Vec<u8>, interface: u32, at_ns: u64, counts: InterfaceCounts) {
    block(out, STATISTICS, |out| {
        let (high, low) = halves(at_ns);
        for number in [interface, high, low] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        option(out, STATISTICS_RECEIVED, &counts.received.to_le_bytes());
        option(out, STATISTICS_DROPPED, &counts.dropped.to_le_bytes());
        option(out, 0, b"");
    });
}

/// A block: its kind and its length stand before what it has in it, and its length behind that, too.
fn block(out: &mut Vec<u8>, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    fill(out);
    let length = u32::try_from(out.len() - start + 4).unwrap_or(u32::MAX);
    let length = length.to_le_bytes();
    out[start + 4..start + 8].copy_from_slice(&length);
    out.extend_from_slice(&length);
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(LONGEST)];
    let length = u16::try_from(value.len()).unwrap_or(0);
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(value);
    pad(out, value.len());
}

/// Everything ends on a multiple of four bytes.
fn pad(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&[0; 3][..(4 - length % 4) % 4]);
}

fn halves(number: u64) -> (u32, u32) {
    #[expect(clippy::cast_possible_truncation, reason = "each half is meant")]
    let halves = ((number >> 32) as u32, number as u32);
    halves
}
