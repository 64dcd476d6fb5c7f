//! Messages for people and pipes.
//!
//! - `hex`: a header line `-- offset 4096 seq 7 len 13 fds 0 flags 0x00 intact --`, then a canonical dump.
//! - `text`: one line a message; valid UTF-8 as it is, everything else and all controls escaped.
//! - `raw`: the payload's bytes and nothing else, not even a newline.
//! - `json`: one object a line, `{"offset", "seq_id", "payload_len", "fd_count", "flags", "integrity", "text" or
//!   "base64"}`; bytes passed over are `{"skipped_bytes", "from", "to", "why"}`.
//!
//! A gap is written in the stream by `hex`, `text` and `json`; with `raw` it belongs on stderr, which is the
//! caller's.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::hex;
use crate::observe::descriptor::Descriptor;
use crate::observe::frame::Integrity;
use crate::observe::messages::Gap;
use crate::ring::message::RawMessage;
use crate::text;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Canonical hex dump under a header line.
    Hex,
    /// Bytes only.
    Raw,
    /// One escaped line each.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Serialize)]
struct Record<'a> {
    offset: u64,
    seq_id: u64,
    payload_len: u32,
    fd_count: u8,
    flags: u8,
    integrity: Integrity,
    #[serde(skip_serializing_if = "Option::is_none")]
    fds: Option<&'a [Descriptor]>,
    #[serde(flatten)]
    payload: Payload<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Payload<'a> {
    Text(&'a str),
    Base64(String),
}

#[derive(Serialize)]
struct Skipped<'a> {
    skipped_bytes: u64,
    from: u64,
    to: u64,
    why: &'a str,
}

/// Writes one message, and what its descriptors are where they were received. `raw` has no place for those.
///
/// # Errors
/// Those of `out`.
pub fn message(
    out: &mut impl Write,
    format: Format,
    raw: &RawMessage<'_>,
    integrity: Integrity,
    fds: Option<&[Descriptor]>,
) -> io::Result<()> {
    let RawMessage {
        offset,
        header,
        payload,
    } = *raw;
    match format {
        Format::Raw => out.write_all(payload),
        Format::Text => {
            writeln!(out, "{}", text::escape_bytes(payload))?;
            descriptors(out, fds)
        }
        Format::Hex => {
            writeln!(
                out,
                "-- offset {offset} seq {} len {} fds {} flags {:#04x} {} --",
                header.seq_id,
                header.payload_len,
                header.fd_count,
                header.flags,
                integrity.word()
            )?;
            descriptors(out, fds)?;
            hex::dump(out, payload)
        }
        Format::Json => {
            let payload = match std::str::from_utf8(payload) {
                Ok(text) => Payload::Text(text),
                Err(_) => Payload::Base64(STANDARD.encode(payload)),
            };
            let record = Record {
                offset,
                seq_id: header.seq_id,
                payload_len: header.payload_len,
                fd_count: header.fd_count,
                flags: header.flags,
                integrity,
                fds,
                payload,
            };
            serde_json::to_writer(&mut *out, &record)?;
            out.write_all(b"\n")
        }
    }
}

/// One line for each descriptor.
fn descriptors(out: &mut impl Write, fds: Option<&[Descriptor]>) -> io::Result<()> {
    for (number, fd) in fds.into_iter().flatten().enumerate() {
        writeln!(out, "   fd {number}: {}", text::escape(&fd.line()))?;
    }
    Ok(())
}

/// Writes, in the stream, that bytes were passed over; tells whether the format has a place for that.
///
/// # Errors
/// Those of `out`.
pub fn gap(out: &mut impl Write, format: Format, gap: &Gap) -> io::Result<bool> {
    match format {
        Format::Raw => return Ok(false),
        Format::Hex | Format::Text => writeln!(out, "{}", gap_line(gap))?,
        Format::Json => {
            let Gap { from, to, ref why } = *gap;
            let skipped = Skipped {
                skipped_bytes: to.saturating_sub(from),
                from,
                to,
                why,
            };
            serde_json::to_writer(&mut *out, &skipped)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(true)
}

/// A gap in words: `-- skipped 3.1 MiB (head overran the reader) --`.
#[must_use]
pub fn gap_line(gap: &Gap) -> String {
    format!(
        "-- skipped {} ({}) --",
        text::bytes(gap.to.saturating_sub(gap.from)),
        gap.why
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::message::MessageHeader;

    fn written(format: Format, payload: &[u8]) -> String {
        let header = MessageHeader {
            payload_len: 3,
            seq_id: 9,
            ..MessageHeader::default()
        };
        let raw = RawMessage {
            offset: 4096,
            header,
            payload,
        };
        let mut out = Vec::new();
        message(&mut out, format, &raw, Integrity::Intact, None).expect("a Vec takes everything");
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn each_format_is_what_it_says() {
        assert_eq!(written(Format::Raw, b"a\nb"), "a\nb");
        assert_eq!(written(Format::Text, b"a\x1b\xff"), "a\\x1b\\xff\n");
        assert!(
            written(Format::Hex, b"abc")
                .starts_with("-- offset 4096 seq 9 len 3 fds 0 flags 0x00 intact --\n00000000  61")
        );
        let head = r#"{"offset":4096,"seq_id":9,"payload_len":3,"fd_count":0,"flags":0,"integrity":"intact""#;
        assert_eq!(
            written(Format::Json, b"abc"),
            format!("{head},\"text\":\"abc\"}}\n")
        );
        assert_eq!(
            written(Format::Json, b"\xff\xfe\xfd"),
            format!("{head},\"base64\":\"//79\"}}\n")
        );
    }

    #[test]
    fn a_gap_has_its_place_in_every_format_but_raw() {
        let skipped = Gap {
            from: 10,
            to: 1034,
            why: "head overran the reader".into(),
        };
        let mut out = Vec::new();
        assert!(!gap(&mut out, Format::Raw, &skipped).expect("a Vec takes everything"));
        assert!(out.is_empty());
        assert!(gap(&mut out, Format::Json, &skipped).expect("a Vec takes everything"));
        let expected =
            r#"{"skipped_bytes":1024,"from":10,"to":1034,"why":"head overran the reader"}"#;
        assert_eq!(String::from_utf8_lossy(&out).trim_end(), expected);
        assert_eq!(
            gap_line(&skipped),
            "-- skipped 1.0 KiB (head overran the reader) --"
        );
    }
}
