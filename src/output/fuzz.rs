//! Messages of any kind in every format of `tail`: what is there to be read back comes back, byte for byte, and what is there
//! for eyes does nothing to a terminal.

use serde_json::Value;

use super::hex;
use super::tail::{Format, TailMessage, gap, gap_line, message};
use crate::fuzzing::input::Input;
use crate::observe::messages::Sighted;
use crate::observe::model::{Gap, GapReason, Integrity};
use crate::observe::procfs::Descriptor;
use crate::ring::{MessageHeader, RawMessage};

/// One message, with what its payload came with.
struct Sent {
    offset: u64,
    header: MessageHeader,
    payload: Vec<u8>,
    integrity: Integrity,
    fds: Option<Vec<Descriptor>>,
}

fn descriptor(input: &mut Input<'_>) -> Descriptor {
    let word = |input: &mut Input<'_>| String::from_utf8_lossy(input.piece()).into_owned();
    Descriptor {
        kind: word(input),
        path: input.flag().then(|| word(input)),
        size: input.flag().then(|| input.number()),
        access: input.flag().then_some("read-write"),
    }
}

impl Sent {
    fn of(input: &mut Input<'_>) -> Self {
        let mut payload = input.piece().to_vec();
        // Some are longer than one piece.
        for _ in 0..input.below(8).saturating_sub(5) {
            payload.extend_from_within(..);
        }
        Self {
            offset: input.number(),
            header: MessageHeader {
                payload_len: payload.len() as u32,
                fd_count: input.byte(),
                flags: input.byte(),
                reserved: 0,
                seq_id: input.number(),
            },
            payload,
            integrity: input.of(&[Integrity::Intact, Integrity::Likely, Integrity::Torn]),
            fds: (input.below(4) == 3)
                .then(|| (0..input.below(3)).map(|_| descriptor(input)).collect()),
        }
    }

    fn write(&self, out: &mut Vec<u8>, format: Format) {
        let raw = RawMessage {
            offset: self.offset,
            header: self.header,
            payload: &self.payload,
        };
        let sighted = Sighted {
            at_ns: 0,
            uncertainty_us: u32::MAX,
        };
        let shown = TailMessage {
            raw,
            integrity: self.integrity,
            observed: &sighted.into(),
            fds: self.fds.as_deref(),
            decoding: None,
            age: None,
        };
        message(out, format, &shown).expect("memory takes everything");
    }
}

/// A dump as `hexdump -C` and `xxd` have it, by the book, byte by byte.
pub(super) fn dump_by_the_book(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (row, chunk) in bytes.chunks(16).enumerate() {
        let (left, right) = chunk.split_at(chunk.len().min(8));
        let hex = |half: &[u8]| {
            let all: Vec<String> = half.iter().map(|byte| format!("{byte:02x}")).collect();
            all.join(" ")
        };
        let shown: String = chunk
            .iter()
            .map(|byte| match byte {
                0x20..=0x7e => char::from(*byte),
                _ => '.',
            })
            .collect();
        let hex = format!("{:<23}  {:<23}", hex(left), hex(right));
        text += &format!("{:08x}  {hex}  |{shown}|\n", row * 16);
    }
    text
}

/// Standard base64 with padding, by the book: six bits a character.
fn decoded(text: &[u8]) -> Vec<u8> {
    assert!(text.len().is_multiple_of(4), "{text:?} is not padded");
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let six = |byte: &u8| alphabet.iter().position(|one| one == byte).expect("base64");
    let mut bytes = Vec::new();
    for four in text.chunks(4) {
        let padding = four.iter().rev().take_while(|byte| **byte == b'=').count();
        assert!(padding <= 2);
        let digits = four[..4 - padding].iter().map(six);
        let number = digits.fold(0, |number, six| number << 6 | six) << (6 * padding);
        bytes.extend(&(number as u32).to_be_bytes()[1..4 - padding]);
    }
    bytes
}

/// No control but the newlines between lines, nothing that changes the direction of text or ends a line unseen.
fn is_harmless(text: &str) -> bool {
    !text.chars().any(|one| {
        (one.is_control() && one != '\n')
            || matches!(one, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

fn text(bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert!(is_harmless(&text), "{text:?}");
    text
}

/// One object a line, and all that was in the message.
fn json(sent: &[Sent], written: Vec<u8>) {
    let written = text(written);
    assert!(written.is_empty() || written.ends_with('\n'));
    assert_eq!(written.lines().count(), sent.len());
    for (line, sent) in written.lines().zip(sent) {
        let read: Value = serde_json::from_str(line).expect("JSON");
        let header = sent.header;
        assert_eq!(read["offset"], sent.offset);
        assert_eq!(read["seq_id"], header.seq_id);
        assert_eq!(read["payload_len"], header.payload_len);
        assert_eq!(read["fd_count"], header.fd_count);
        assert_eq!(read["flags"], header.flags);
        let payload = match (read["text"].as_str(), read["base64"].as_str()) {
            (Some(text), None) => text.as_bytes().to_vec(),
            (None, Some(base64)) => decoded(base64.as_bytes()),
            both => panic!("{both:?}"),
        };
        assert_eq!(payload, sent.payload);
        let fds = read["fds"].as_array().map(Vec::as_slice);
        assert_eq!(fds.map(<[_]>::len), sent.fds.as_ref().map(Vec::len));
        for (read, sent) in fds.into_iter().flatten().zip(sent.fds.iter().flatten()) {
            assert_eq!(read["kind"], *sent.kind);
            assert_eq!(read["path"].as_str(), sent.path.as_deref());
            assert_eq!(read["size"].as_u64(), sent.size);
        }
    }
}

/// A line above each dump, lines of descriptors, and the dump.
fn dumps(sent: &[Sent], written: Vec<u8>) {
    let written = text(written);
    let mut rest = written.as_str();
    for sent in sent {
        let MessageHeader {
            payload_len,
            fd_count,
            flags,
            seq_id,
            ..
        } = sent.header;
        let word = match sent.integrity {
            Integrity::Intact => "intact",
            Integrity::Likely => "likely",
            Integrity::Torn => "torn",
        };
        let headline = format!(
            "-- offset {} seq {seq_id} len {payload_len} fds {fd_count} flags {flags:#04x} {word} --\n",
            sent.offset
        );
        rest = rest
            .strip_prefix(&headline)
            .unwrap_or_else(|| panic!("{headline} is not in {rest}"));
        for number in 0..sent.fds.as_ref().map_or(0, Vec::len) {
            let (line, behind) = rest.split_once('\n').expect("a line of its own");
            assert!(line.starts_with(&format!("   fd {number}: ")), "{line}");
            rest = behind;
        }
        let expected = dump_by_the_book(&sent.payload);
        rest = rest
            .strip_prefix(&expected)
            .unwrap_or_else(|| panic!("{expected} is not in {rest}"));
    }
    assert_eq!(rest, "");
}

/// Every format, read back.
pub fn tail_formats(data: &[u8]) {
    let mut input = Input::new(data);
    let sent: Vec<Sent> = (0..=input.below(5)).map(|_| Sent::of(&mut input)).collect();
    let written = |format| {
        let mut out = Vec::new();
        sent.iter().for_each(|sent| sent.write(&mut out, format));
        out
    };
    let payloads: Vec<&[u8]> = sent.iter().map(|sent| sent.payload.as_slice()).collect();
    assert_eq!(written(Format::Raw), payloads.concat());

    let prefixed = written(Format::LenPrefixed);
    let mut rest = prefixed.as_slice();
    for payload in &payloads {
        let (length, behind) = rest.split_first_chunk().expect("a length");
        let (read, behind) = behind.split_at(u32::from_le_bytes(*length) as usize);
        assert_eq!(read, *payload);
        rest = behind;
    }
    assert!(rest.is_empty());

    let lines = text(written(Format::Base64));
    assert_eq!(lines.matches('\n').count(), payloads.len());
    for (line, payload) in lines.split('\n').zip(&payloads) {
        assert_eq!(decoded(line.as_bytes()), *payload);
    }

    let fds = sent
        .iter()
        .flat_map(|sent| &sent.fds)
        .map(Vec::len)
        .sum::<usize>();
    assert_eq!(
        text(written(Format::Text)).matches('\n').count(),
        sent.len() + fds
    );
    json(&sent, written(Format::Json));
    dumps(&sent, written(Format::Hex));

    let skipped = Gap {
        from: input.number(),
        to: input.number(),
        why: GapReason::Overrun,
        torn: 0,
    };
    let mut out = Vec::new();
    assert!(gap(&mut out, Format::Json, &skipped).expect("memory takes everything"));
    let read: Value = serde_json::from_str(&text(out)).expect("JSON");
    assert_eq!(
        read["skipped_bytes"],
        skipped.to.saturating_sub(skipped.from)
    );
    assert!(is_harmless(&gap_line(&skipped)));
    let mut out = Vec::new();
    hex::dump(&mut out, data);
    assert_eq!(text(out), dump_by_the_book(data));
}
