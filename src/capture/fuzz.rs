//! Any bytes as a capture, and messages that are written as one: what is written comes back, and all else ends.

use super::RecordedMessage;
use super::pcapng::{self, CaptureReader};
use crate::fuzzing::input::Input;
use crate::observe::messages::Sighted;
use crate::observe::model::Integrity;
use crate::ring::{MessageHeader, RawMessage};

/// Reads to the end; returns the payloads, and whether nothing was wrong.
fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut reader = CaptureReader::new(bytes);
    let (mut payloads, mut taken) = (Vec::new(), 0);
    loop {
        match reader.next_record() {
            Ok(Some(record)) => {
                assert!(record.interface < reader.interfaces().len());
                taken += record.bytes.len();
                // Nothing is made up.
                assert!(taken <= bytes.len());
                match RecordedMessage::parse(&record.bytes) {
                    Some(RecordedMessage::Message(raw, _)) => payloads.push(raw.payload.to_vec()),
                    Some(RecordedMessage::Header(..) | RecordedMessage::Gap(_)) | None => {}
                }
            }
            Ok(None) => return (payloads, true),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return (payloads, false);
            }
        }
    }
}

/// Bytes as they are, or pieces as payloads of messages.
pub fn captures(data: &[u8]) {
    let Some((0, choices)) = data.split_first() else {
        read(data);
        return;
    };
    let mut input = Input::new(choices);
    let (mut out, mut expected) = (Vec::new(), Vec::new());
    pcapng::section(&mut out, "x", "");
    pcapng::interface(&mut out, "1/2", "");
    let mut offset = 0;
    while !input.is_empty() {
        let mut payload = input.piece().to_vec();
        if input.byte() > 250 {
            // Longer than a packet.
            payload.resize(pcapng::LONGEST_PACKET + usize::from(input.byte()), 7);
        }
        let header = MessageHeader {
            payload_len: payload.len() as u32,
            seq_id: input.number(),
            ..MessageHeader::default()
        };
        let raw = RawMessage {
            offset,
            header,
            payload: &payload,
        };
        let sighted = Sighted {
            at_ns: input.number(),
            uncertainty_us: 0,
        };
        let integrity = input.of(&[Integrity::Intact, Integrity::Likely, Integrity::Torn]);
        let done = pcapng::message(&mut out, 0, sighted, &raw, integrity, 0, |_| Ok(()));
        done.expect("memory takes everything");
        offset += header.total_len();
        expected.push(payload);
    }
    assert!(out.len().is_multiple_of(4));
    assert_eq!(read(&out), (expected, true));
}
