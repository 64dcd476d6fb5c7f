//! What is in the packets of rings: messages in one piece, gaps.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;

use super::reader::{Interface, PacketReader, ReadError};
use crate::capture::{MessageRecord, RECORD_SIZE, RecordKind, RecordedMessage};
use crate::ring::MessageHeader;
use crate::ring::layout::HEADER_SIZE;

/// Bytes before the payload.
const HEAD: usize = RECORD_SIZE + HEADER_SIZE;

/// Reads the records of a capture, in its order.
#[derive(Debug)]
pub struct CaptureReader<R> {
    packets: PacketReader<R>,
    /// By interface: messages of which there may be more.
    open: BTreeMap<usize, Captured>,
    ready: VecDeque<Captured>,
    failure: Option<ReadError>,
    senseless: u64,
}

/// A record as recordings have it: [`RecordedMessage::parse`](crate::capture::RecordedMessage::parse) says what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Number of its interface.
    pub interface: usize,
    /// When it was first seen, ns since 1970.
    pub at_ns: u64,
    /// The record of 24 bytes, and what follows it. Of a message that was cut short the payload is left out.
    pub bytes: Vec<u8>,
}

impl<R: Read> CaptureReader<R> {
    /// What is in `input`.
    pub fn new(input: R) -> Self {
        Self {
            packets: PacketReader::new(input),
            open: BTreeMap::new(),
            ready: VecDeque::new(),
            failure: None,
            senseless: 0,
        }
    }

    /// Where packets are read from.
    pub fn get_ref(&self) -> &R {
        self.packets.get_ref()
    }

    /// The interfaces that were met.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        self.packets.interfaces()
    }

    /// Packets that are not of rings, by their link type or by what is in them.
    #[must_use]
    pub fn foreign(&self) -> u64 {
        self.packets.foreign() + self.senseless
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// See [`ReadError`]; what came before is handed out first.
    pub fn next_record(&mut self) -> Result<Option<Captured>, ReadError> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return Ok(Some(next));
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            let packet = match self.packets.next_packet() {
                Ok(Some(packet)) => packet,
                end => {
                    self.failure = end.err();
                    if self.open.is_empty() && self.failure.is_none() {
                        return Ok(None);
                    }
                    let open = std::mem::take(&mut self.open);
                    self.ready.extend(open.into_values().map(cut));
                    continue;
                }
            };
            let record = match MessageRecord::parse(packet.data) {
                Some((record, rest)) => {
                    let open = self.open.remove(&packet.interface);
                    if record.kind == RecordKind::Continuation {
                        match open.filter(|open| open.goes_on_at(record.offset)) {
                            Some(mut open) => {
                                open.bytes.extend_from_slice(rest);
                                open
                            }
                            None => {
                                self.senseless += 1;
                                continue;
                            }
                        }
                    } else {
                        self.ready.extend(open.map(cut));
                        Captured {
                            interface: packet.interface,
                            at_ns: packet.at_ns,
                            bytes: packet.data.to_vec(),
                        }
                    }
                }
                None => {
                    self.senseless += 1;
                    continue;
                }
            };
            match record.missing() {
                Some(0) if RecordedMessage::parse(&record.bytes).is_some() => {
                    self.ready.push_back(record);
                }
                Some(1..) => {
                    self.open.insert(record.interface, record);
                }
                Some(0) | None => self.senseless += 1,
            }
        }
    }
}

impl Captured {
    /// Bytes of payload that it lacks; 0 of a gap, and where only the header was kept; `None` where it makes no sense.
    fn missing(&self) -> Option<u64> {
        let (record, rest) = MessageRecord::parse(&self.bytes)?;
        if record.kind == RecordKind::Gap {
            return Some(0);
        }
        let (header, payload) = rest.split_first_chunk::<HEADER_SIZE>()?;
        if payload.is_empty() {
            return Some(0);
        }
        let length = u64::from(MessageHeader::from_bytes(*header).payload_len);
        length.checked_sub(payload.len() as u64)
    }

    /// Whether the byte at this logical offset is the next one of it.
    fn goes_on_at(&self, offset: u64) -> bool {
        let behind = (self.bytes.len() - RECORD_SIZE) as u64;
        let begin = MessageRecord::parse(&self.bytes).map(|(record, _)| record.offset);
        begin.map(|begin| begin.wrapping_add(behind)) == Some(offset)
    }
}

/// A message of which no more comes.
fn cut(mut record: Captured) -> Captured {
    record.bytes.truncate(HEAD);
    record
}

#[cfg(test)]
mod tests {
    use super::super::{LONGEST_PACKET, gap, interface, message, section};
    use super::*;
    use crate::observe::messages::Sighted;
    use crate::observe::model::{Gap, GapReason, Integrity};
    use crate::ring::RawMessage;

    const SEEN: Sighted = Sighted {
        at_ns: 1_764_137_290_000_000_005,
        uncertainty_us: 7,
    };

    fn add(out: &mut Vec<u8>, number: u32, offset: u64, payload: &[u8]) {
        let raw = RawMessage {
            offset,
            header: MessageHeader {
                payload_len: payload.len() as u32,
                seq_id: offset,
                ..MessageHeader::default()
            },
            payload,
        };
        message(out, number, SEEN, &raw, Integrity::Likely, 0, |_| Ok(())).expect("a Vec");
    }

    fn read(bytes: &[u8]) -> (Vec<Captured>, Option<ReadError>) {
        let mut reader = CaptureReader::new(bytes);
        let mut all = Vec::new();
        loop {
            match reader.next_record() {
                Ok(Some(record)) => all.push(record),
                Ok(None) => return (all, None),
                Err(error) => return (all, Some(error)),
            }
        }
    }

    #[test]
    fn what_is_written_comes_back_of_any_length() {
        let mut out = Vec::new();
        section(&mut out, "x86_64", "Linux");
        interface(&mut out, "1/2", "one");
        interface(&mut out, "3/4", "another");
        let lengths = [
            0,
            1,
            LONGEST_PACKET - HEAD,
            LONGEST_PACKET - HEAD + 1,
            3 * LONGEST_PACKET,
        ];
        for (number, length) in (0..).zip(lengths) {
            let payload: Vec<u8> = (0..length).map(|at| (at * 7 + number) as u8).collect();
            add(&mut out, number as u32 % 2, 64 * number as u64, &payload);
        }
        let skipped = Gap {
            from: 512,
            to: 1024,
            why: GapReason::Overrun,
            torn: 0,
        };
        gap(&mut out, 1, SEEN, &skipped);
        let (records, error) = read(&out);
        assert!(error.is_none());
        assert_eq!(records.len(), lengths.len() + 1);
        for (number, (record, length)) in records.iter().zip(lengths).enumerate() {
            assert_eq!((record.interface, record.at_ns), (number % 2, SEEN.at_ns));
            let Some(RecordedMessage::Message(raw, Integrity::Likely)) =
                RecordedMessage::parse(&record.bytes)
            else {
                panic!("message {number}: {length}");
            };
            assert_eq!(raw.offset, 64 * number as u64);
            assert_eq!(raw.payload.len(), length);
            assert!((0..length).all(|at| raw.payload[at] == (at * 7 + number) as u8));
        }
        let Some(RecordedMessage::Gap(gap)) = RecordedMessage::parse(&records[5].bytes) else {
            panic!("a gap");
        };
        assert_eq!((gap.from, gap.to), (512, 1024));
        assert_eq!(gap.why.to_string(), skipped.why.to_string());
        // However it is cut off, what came before is there.
        for end in (0..out.len()).step_by(991) {
            let (some, error) = read(&out[..end]);
            assert!(error.is_some() || end == 0 || out.len() - end < 4, "{end}");
            let whole = some.iter().zip(&records).take_while(|(a, b)| a == b);
            assert!(whole.count() + 1 >= some.len(), "{end}");
        }
    }

    #[test]
    fn a_long_message_that_is_interrupted_has_only_its_header() {
        let mut long = Vec::new();
        add(&mut long, 0, 64, &vec![7; 2 * LONGEST_PACKET]);
        let first = u32::from_le_bytes(long[4..8].try_into().expect("4")) as usize;
        let mut out = Vec::new();
        section(&mut out, "", "");
        interface(&mut out, "1/2", "");
        out.extend_from_slice(&long[..first]);
        add(&mut out, 0, 8, b"next");
        // The rest of nothing.
        out.extend_from_slice(&long[first..]);
        let (records, error) = read(&out);
        assert!(error.is_none());
        let parsed = records.iter().map(|it| RecordedMessage::parse(&it.bytes));
        let parsed: Vec<_> = parsed.collect();
        assert!(
            matches!(
                &parsed[..],
                [
                    Some(RecordedMessage::Header(long, _)),
                    Some(RecordedMessage::Message(next, _))
                ] if long.offset == 64 && next.payload == b"next"
            ),
            "{parsed:?}"
        );
    }

    #[test]
    fn offsets_that_cannot_be_are_borne() {
        let mut out = Vec::new();
        section(&mut out, "", "");
        interface(&mut out, "1/2", "");
        add(&mut out, 0, u64::MAX - 3, &vec![7; 2 * LONGEST_PACKET]);
        let skipped = Gap {
            from: u64::MAX - 9,
            to: u64::MAX,
            why: GapReason::Overrun,
            torn: 0,
        };
        gap(&mut out, 0, SEEN, &skipped);
        // It goes on beyond the last offset there can be.
        let skips = 9_u64.to_le_bytes();
        let at = out.windows(8).rposition(|bytes| bytes == skips);
        out[at.expect("its length")..][..8].copy_from_slice(&u64::MAX.to_le_bytes());
        let mut reader = CaptureReader::new(&out[..]);
        let long = reader.next_record().expect("pcapng").expect("a message");
        assert!(long.bytes.len() > 2 * LONGEST_PACKET);
        assert_eq!(reader.next_record().expect("pcapng"), None);
        assert_eq!(reader.foreign(), 1);
    }

    #[test]
    fn other_byte_orders_and_clocks_are_understood() {
        // Big-endian; microseconds; one packet with a gap of no length.
        let mut out = Vec::new();
        let mut block = |kind: u32, body: &[u8]| {
            let length = (body.len() as u32 + 12).to_be_bytes();
            out.extend_from_slice(&kind.to_be_bytes());
            out.extend_from_slice(&length);
            out.extend_from_slice(body);
            out.extend_from_slice(&length);
        };
        block(
            0x0a0d_0d0a,
            b"\x1a\x2b\x3c\x4d\0\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        );
        block(1, b"\0\x01\0\0\0\0\0\0");
        block(1, b"\0\x93\0\0\0\0\0\0\0\x02\0\x03abc\0\0\0\0\0");
        block(6, b"\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01x\0\0\0");
        let mut packet = b"\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0\x18\0\0\0\x18".to_vec();
        packet.extend_from_slice(&[1, 2]);
        packet.extend_from_slice(&[0; 22]);
        block(6, &packet);
        let mut reader = CaptureReader::new(&out[..]);
        let record = reader.next_record().expect("pcapng").expect("a packet");
        assert_eq!(
            (record.interface, record.at_ns),
            (1, ((1 << 32) + 2) * 1000)
        );
        assert_eq!(reader.next_record().expect("pcapng"), None);
        assert_eq!(reader.foreign(), 1);
        assert_eq!(reader.interfaces()[1].name, "abc");
    }

    #[test]
    fn what_is_none_is_refused_by_name() {
        for (bytes, expected) in [
            (
                &b"\x89MCAP0\r\n"[..],
                "found \"\\x89MCAP0\\r\\n\", expected pcapng",
            ),
            (b"{}", "found \"{}\""),
            (b"\n\r\r\n\x1c\0\0\0\x01\x02\x03\x04", "byte order"),
        ] {
            let (_, error) = read(bytes);
            let error = error.expect("none").to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(read(b"").1.is_none());
    }
}
