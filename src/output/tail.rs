//! Messages for people and pipes. The formats are stable:
//!
//! - `hex`: a header line `-- offset 4096 seq 7 len 13 fds 0 flags 0x00 intact --`, then a canonical dump, 16 bytes a
//!   line, as `hexdump -C` writes it. Offsets in the header are the ring's, in bytes ever committed; those of the dump
//!   are the payload's.
//! - `text`: one line a message; valid UTF-8 as it is, everything else and all controls escaped (`\n`, `\xff`,
//!   `\u{202e}`). A backslash stays as it is: for what has to be read back there are the others. With `--decode` the decoded
//!   values, with `--time-field` the age behind them, and of what cannot be decoded why, then the payload.
//! - `raw`: the payload's bytes and nothing else, not even a newline.
//! - `json`: one object a line, `{"offset", "seq_id", "payload_len", "fd_count", "flags", "integrity", "observed_at",
//!   "uncertainty_ns", "text" or "base64"}`, with `--fds` also `"fds"`; messages carry no time: `observed_at` is when one was
//!   first seen to be committed, `uncertainty_ns` how long before that it may have been, null for any longer; with `--decode`
//!   also `"decoded"` or `"decode_error"`; with `--time-field` also `"age_ns"`: how long before `observed_at` the message was made
//!   (when it was committed it was up to `uncertainty_ns` younger), null where it does not tell or was there from the start; a payload that is not UTF-8 is in standard base64 with padding. Bytes
//!   passed over are `{"skipped_bytes", "from", "to", "why"}`. With `-F`, where another ring takes the place of the one before
//!   and offsets begin anew: `{"ring", "ring_capacity"}`.
//! - `base64`: the payload in standard base64 with padding, one line a message; an empty message is an empty line.
//! - `len-prefixed`: the payload's length in bytes as a little-endian u32, then the payload.
//!
//! A gap, and another ring, is written in the stream by `hex`, `text` and `json`; the others have no place for it, and it belongs on
//! stderr, which is the caller's.

use std::io::{self, Write};

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use jiff::Timestamp;
use serde::Serialize;

use super::{hex, line, safe_json};
use crate::decode::{self, Decoded, Field};
use crate::observe::messages::Sighted;
use crate::observe::model::{Gap, GapReason, Integrity};
use crate::observe::procfs::Descriptor;
use crate::ring::RawMessage;
use crate::text;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A header line (offset, seq, length, fds, flags, integrity) and a canonical hex dump.
    Hex,
    /// One line each; what is not printable UTF-8 is escaped.
    Text,
    /// The payload's bytes and nothing else, not even a newline.
    Raw,
    /// One JSON object a line; the payload as `text` if it is UTF-8, else as `base64`.
    Json,
    /// The payload in base64, one line each.
    Base64,
    /// The payload's length as a little-endian u32, then the payload.
    LenPrefixed,
}

impl Format {
    /// Whether what is written is not for a terminal: bytes as they are, which do to it what they like.
    #[must_use]
    pub fn is_binary(self) -> bool {
        match self {
            Self::Raw | Self::LenPrefixed => true,
            Self::Hex | Self::Text | Self::Json | Self::Base64 => false,
        }
    }
}

/// When a message was first seen to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// RFC 3339, UTC.
    at: String,
    uncertainty_ns: Option<u64>,
}

impl From<Sighted> for Observed {
    fn from(sighted: Sighted) -> Self {
        let at = Timestamp::from_nanosecond(sighted.at_ns.into()).unwrap_or_default();
        Self {
            at: at.to_string(),
            uncertainty_ns: (sighted.uncertainty_us < u32::MAX)
                .then(|| u64::from(sighted.uncertainty_us) * 1000),
        }
    }
}

/// What became of a payload that was to be decoded.
#[derive(Clone, Copy, Debug)]
pub enum Decoding<'a> {
    /// What is in it.
    Done(&'a Decoded),
    /// What is in it, of which only the values with these names are shown in `text`.
    Columns(&'a Decoded, &'a [Vec<String>]),
    /// Why it could not be decoded.
    Failed(&'a str),
}

/// A message that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct TailMessage<'a> {
    /// As it lies in the ring.
    pub raw: RawMessage<'a>,
    /// How far the copy of it can be trusted.
    pub integrity: Integrity,
    /// When it was seen.
    pub observed: &'a Observed,
    /// What its descriptors are, where they were received: only `hex`, `text` and `json` have a place for those.
    pub fds: Option<&'a [Descriptor]>,
    /// What is in it, where that was asked for: the same formats have a place for that.
    pub decoding: Option<Decoding<'a>>,
    /// How old it was, where that was asked for.
    pub age: Option<Age>,
}

/// How old a message was when it was first seen to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// ns, and how much of that it may have been less when it was committed; below zero where it was made at a time to come.
    Known(i128, u64),
    /// It does not tell, or nothing tells when it was committed.
    Unknown,
}

impl Age {
    /// ns, if that is known.
    fn ns(self) -> Option<i64> {
        match self {
            Self::Known(ns, _) => Some(ns.clamp(i64::MIN.into(), i64::MAX.into()) as i64),
            Self::Unknown => None,
        }
    }

    /// In words: `<` before one that may have been next to nothing.
    fn words(self) -> String {
        let (Some(ns), Self::Known(_, less)) = (self.ns(), self) else {
            return "unknown".to_owned();
        };
        let size = text::precise_duration(ns.unsigned_abs());
        match ns {
            ..0 => format!("-{size}"),
            0 => size,
            _ if ns.unsigned_abs() <= less => format!("<{size}"),
            _ => size,
        }
    }
}

#[derive(Serialize)]
struct Record<'a> {
    offset: u64,
    seq_id: u64,
    payload_len: u32,
    fd_count: u8,
    flags: u8,
    integrity: Integrity,
    observed_at: &'a str,
    uncertainty_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ns: Option<Option<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fds: Option<&'a [Descriptor]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decoded: Option<Field<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decode_error: Option<&'a str>,
    #[serde(flatten)]
    payload: Payload<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Payload<'a> {
    Text(Option<&'a str>),
    Base64(String),
}

#[derive(Serialize)]
struct Skipped<'a> {
    skipped_bytes: u64,
    from: u64,
    to: u64,
    why: &'a GapReason,
}

/// Writes one message.
///
/// # Errors
/// Those of `out`.
pub fn message(out: &mut Vec<u8>, format: Format, message: &TailMessage<'_>) -> io::Result<()> {
    let TailMessage { raw, fds, .. } = message;
    let payload = raw.payload;
    match format {
        Format::Raw => out.write_all(payload),
        Format::LenPrefixed => {
            out.write_all(&raw.header.payload_len.to_le_bytes())?;
            out.write_all(payload)
        }
        Format::Base64 => writeln!(out, "{}", Base64Display::new(payload, &STANDARD)),
        Format::Text => {
            if !decoded_line(out, message)? {
                text::push_escaped_bytes(out, payload);
            }
            out.push(b'\n');
            descriptors(out, *fds)
        }
        Format::Hex => {
            headline(out, raw, message.integrity);
            if fds.is_some() {
                descriptors(out, *fds)?;
            }
            match message.decoding {
                None => {}
                Some(Decoding::Done(decoded) | Decoding::Columns(decoded, _)) => {
                    writeln!(out, "   {}", decode::line(decoded))?;
                }
                Some(Decoding::Failed(why)) => {
                    writeln!(out, "   not decoded: {}", text::escape(why))?;
                }
            }
            if let Some(age) = message.age {
                writeln!(out, "   age {}", age.words())?;
            }
            hex::dump(out, payload);
            Ok(())
        }
        Format::Json => json(out, message),
    }
}

/// Writes what was decoded in one line, or why it was not; tells whether all is said.
fn decoded_line(out: &mut Vec<u8>, message: &TailMessage<'_>) -> io::Result<bool> {
    match message.decoding {
        None => return Ok(false),
        Some(Decoding::Done(decoded)) => {
            write!(out, "{}", decode::line(decoded))?;
            if let Some(age) = message.age {
                write!(out, " -- age {} --", age.words())?;
            }
        }
        Some(Decoding::Columns(decoded, columns)) => {
            for (number, column) in columns.iter().enumerate() {
                if number > 0 {
                    out.push(b'\t');
                }
                match decoded.find(column) {
                    Some(field) => write!(out, "{}", decode::word(field))?,
                    None => out.push(b'-'),
                }
            }
            match message.age.map(Age::ns) {
                None => {}
                Some(None) => out.extend_from_slice(b"\t-"),
                Some(Some(ns)) => write!(out, "\t{ns}")?,
            }
        }
        Some(Decoding::Failed(why)) => {
            write!(out, "-- not decoded: {} -- ", text::escape(why))?;
            return Ok(false);
        }
    }
    Ok(true)
}

fn json(out: &mut Vec<u8>, message: &TailMessage<'_>) -> io::Result<()> {
    let RawMessage {
        offset,
        header,
        payload,
    } = message.raw;
    let payload = match std::str::from_utf8(payload) {
        // Only its header is known.
        _ if payload.len() as u64 != u64::from(header.payload_len) => Payload::Text(None),
        Ok(text) => Payload::Text(Some(text)),
        Err(_) => Payload::Base64(STANDARD.encode(payload)),
    };
    let (decoded, decode_error) = match message.decoding {
        None => (None, None),
        Some(Decoding::Done(decoded) | Decoding::Columns(decoded, _)) => (decoded.root(), None),
        Some(Decoding::Failed(why)) => (None, Some(why)),
    };
    let record = Record {
        offset,
        seq_id: header.seq_id,
        payload_len: header.payload_len,
        fd_count: header.fd_count,
        flags: header.flags,
        integrity: message.integrity,
        observed_at: &message.observed.at,
        uncertainty_ns: message.observed.uncertainty_ns,
        age_ns: message.age.map(Age::ns),
        fds: message.fds,
        decoded,
        decode_error,
        payload,
    };
    safe_json::compact(&mut *out, &record)?;
    out.write_all(b"\n")
}

/// Payloads up to this long are written in one go.
pub const PIECE: usize = 192 << 10;

/// As [`message`], of any length: what is written is handed to `emit` piece by piece, so that no more than a piece of it is
/// in memory.
///
/// # Errors
/// Those of `emit`.
pub fn message_in_pieces(
    out: &mut Vec<u8>,
    format: Format,
    whole: &TailMessage<'_>,
    mut emit: impl FnMut(&mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    let payload = whole.raw.payload;
    if payload.len() <= PIECE {
        return message(out, format, whole);
    }
    let mut empty = *whole;
    empty.raw.payload = &[];
    match format {
        Format::Raw | Format::LenPrefixed => {
            message(out, format, &empty)?;
            for piece in payload.chunks(PIECE) {
                out.extend_from_slice(piece);
                emit(out)?;
            }
        }
        Format::Base64 => {
            base64_pieces(out, payload, &mut emit)?;
            out.push(b'\n');
        }
        Format::Text => {
            if !decoded_line(out, whole)? {
                for piece in characters(payload) {
                    text::push_escaped_bytes(out, piece);
                    emit(out)?;
                }
            }
            out.push(b'\n');
            descriptors(out, whole.fds)?;
        }
        Format::Hex => {
            message(out, format, &empty)?;
            for (number, piece) in (0..).zip(payload.chunks(PIECE)) {
                hex::dump_from(out, number * PIECE as u32, piece);
                emit(out)?;
            }
        }
        Format::Json => {
            let valid = std::str::from_utf8(payload).is_ok();
            message(out, format, &empty)?;
            // It ends in `"text":null}` and a newline.
            out.truncate(out.len() - "text\":null}\n".len());
            if valid {
                out.extend_from_slice(b"text\":\"");
                for piece in characters(payload) {
                    let piece = std::str::from_utf8(piece).unwrap_or_default();
                    let start = out.len();
                    safe_json::compact(&mut *out, &piece)?;
                    // Without its quotes.
                    out.pop();
                    out.remove(start);
                    emit(out)?;
                }
            } else {
                out.extend_from_slice(b"base64\":\"");
                base64_pieces(out, payload, &mut emit)?;
            }
            out.extend_from_slice(b"\"}\n");
        }
    }
    emit(out)
}

fn base64_pieces(
    out: &mut Vec<u8>,
    payload: &[u8],
    emit: &mut impl FnMut(&mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    // A multiple of three: only the last piece is padded.
    for piece in payload.chunks(PIECE) {
        write!(out, "{}", Base64Display::new(piece, &STANDARD))?;
        emit(out)?;
    }
    Ok(())
}

/// The payload in pieces that cut no character.
fn characters(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        let mut end = rest.len().min(PIECE);
        let begins = |at: usize| rest.get(at).is_none_or(|byte| byte & 0xc0 != 0x80);
        // No character is longer than four bytes: what goes on for longer is none.
        if let Some(back) = (0..4.min(end)).find(|back| begins(end - back)) {
            end -= back;
        }
        let (piece, more) = rest.split_at(end);
        rest = more;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The line above a dump.
fn headline(out: &mut Vec<u8>, raw: &RawMessage<'_>, integrity: Integrity) {
    let RawMessage { offset, header, .. } = *raw;
    line::append(out, |line| {
        line.words(b"-- offset ");
        line.number(offset);
        line.words(b" seq ");
        line.number(header.seq_id);
        line.words(b" len ");
        line.number(header.payload_len.into());
        line.words(b" fds ");
        line.number(header.fd_count.into());
        line.words(b" flags 0x");
        line.words(&hex::digits(header.flags));
        match integrity {
            Integrity::Intact => line.words(b" intact --\n"),
            Integrity::Likely => line.words(b" likely --\n"),
            Integrity::Torn => line.words(b" torn --\n"),
        }
    });
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
        Format::Raw | Format::Base64 | Format::LenPrefixed => return Ok(false),
        Format::Hex | Format::Text => writeln!(out, "{}", gap_line(gap))?,
        Format::Json => {
            let Gap { from, to, .. } = *gap;
            let skipped = Skipped {
                skipped_bytes: to.saturating_sub(from),
                from,
                to,
                why: &gap.why,
            };
            safe_json::compact(&mut *out, &skipped)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(true)
}

#[derive(Serialize)]
struct RingBegins<'a> {
    ring: &'a str,
    ring_capacity: u64,
}

/// Writes, in the stream, that what follows is of another ring; nothing where the format has no place for that.
///
/// # Errors
/// Those of `out`.
pub fn ring_begins(
    out: &mut impl Write,
    format: Format,
    id: &str,
    ring_capacity: u64,
) -> io::Result<()> {
    match format {
        Format::Raw | Format::Base64 | Format::LenPrefixed => Ok(()),
        Format::Hex | Format::Text => {
            writeln!(out, "-- ring {id} of {} --", text::bytes(ring_capacity))
        }
        Format::Json => {
            let ring = id;
            safe_json::compact(
                &mut *out,
                &RingBegins {
                    ring,
                    ring_capacity,
                },
            )?;
            out.write_all(b"\n")
        }
    }
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
    use crate::ring::MessageHeader;

    fn seen() -> Observed {
        Sighted {
            at_ns: 1_764_137_290_000_000_005,
            uncertainty_us: 100,
        }
        .into()
    }

    #[test]
    fn what_may_be_any_older_has_no_bound() {
        let sighted = Sighted {
            at_ns: 0,
            uncertainty_us: u32::MAX,
        };
        let observed = Observed::from(sighted);
        assert_eq!(observed.at, "1970-01-01T00:00:00Z");
        assert_eq!(observed.uncertainty_ns, None);
    }

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
        let shown = TailMessage {
            raw,
            integrity: Integrity::Intact,
            observed: &seen(),
            fds: None,
            decoding: None,
            age: None,
        };
        message(&mut out, format, &shown).expect("a Vec takes everything");
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn each_format_is_what_it_says() {
        assert_eq!(written(Format::Raw, b"a\nb"), "a\nb");
        assert_eq!(written(Format::LenPrefixed, b"a\nb"), "\x03\0\0\0a\nb");
        assert_eq!(written(Format::Base64, b"a\nb!"), "YQpiIQ==\n");
        assert_eq!(written(Format::Base64, b""), "\n");
        assert_eq!(written(Format::Text, b"a\x1b\xff"), "a\\x1b\\xff\n");
        assert!(
            written(Format::Hex, b"abc")
                .starts_with("-- offset 4096 seq 9 len 3 fds 0 flags 0x00 intact --\n00000000  61")
        );
        let head = r#"{"offset":4096,"seq_id":9,"payload_len":3,"fd_count":0,"flags":0,"integrity":"intact","observed_at":"2025-11-26T06:08:10.000000005Z","uncertainty_ns":100000"#;
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
    fn a_long_payload_in_pieces_is_the_same() {
        let text = "é日 text\n\u{202e}".repeat(60_000).into_bytes();
        let binary: Vec<u8> = (0..700_001_u32)
            .map(|at| (at.wrapping_mul(at) >> 3) as u8)
            .collect();
        for payload in [&text[..], &text[1..], &binary, &[0x80; 400_000]] {
            for format in Format::value_variants() {
                let raw = RawMessage {
                    offset: 4096,
                    header: MessageHeader {
                        payload_len: payload.len() as u32,
                        ..MessageHeader::default()
                    },
                    payload,
                };
                let (mut whole, mut out, mut pieces) = (Vec::new(), Vec::new(), Vec::new());
                let shown = TailMessage {
                    raw,
                    integrity: Integrity::Intact,
                    observed: &seen(),
                    fds: Some(&[]),
                    decoding: None,
                    age: None,
                };
                message(&mut whole, *format, &shown).expect("a Vec takes everything");
                let mut longest = 0;
                let emit = |piece: &mut Vec<u8>| {
                    longest = longest.max(piece.len());
                    pieces.append(piece);
                    Ok(())
                };
                message_in_pieces(&mut out, *format, &shown, emit).expect("a Vec takes everything");
                pieces.append(&mut out);
                assert!(pieces == whole, "{format:?}");
                assert!(longest <= 6 * PIECE, "{format:?}: {longest}");
            }
        }
    }

    #[test]
    fn the_longest_header_has_its_line() {
        let header = MessageHeader {
            payload_len: u32::MAX,
            fd_count: 255,
            flags: 255,
            reserved: 0,
            seq_id: u64::MAX,
        };
        let raw = RawMessage {
            offset: u64::MAX,
            header,
            payload: &[],
        };
        let mut out = Vec::new();
        let shown = TailMessage {
            raw,
            integrity: Integrity::Likely,
            observed: &seen(),
            fds: None,
            decoding: None,
            age: None,
        };
        message(&mut out, Format::Hex, &shown).expect("it fits");
        assert_eq!(
            String::from_utf8_lossy(&out),
            format!(
                "-- offset {0} seq {0} len {1} fds 255 flags 0xff likely --\n",
                u64::MAX,
                u32::MAX
            )
        );
    }

    #[test]
    fn a_gap_has_its_place_in_every_format_for_eyes_and_json() {
        let skipped = Gap {
            from: 10,
            to: 1034,
            why: GapReason::Overrun,
            torn: 0,
        };
        let mut out = Vec::new();
        for format in [Format::Raw, Format::Base64, Format::LenPrefixed] {
            assert!(!gap(&mut out, format, &skipped).expect("a Vec takes everything"));
        }
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

    #[test]
    fn ages_have_a_sign() {
        for (age, ns, words) in [
            (Age::Known(1_500, 10), Some(1_500), "1.50 µs"),
            (Age::Known(1_500, 1_500), Some(1_500), "<1.50 µs"),
            (Age::Known(0, 10), Some(0), "0 ns"),
            (Age::Known(-1_500, 10), Some(-1_500), "-1.50 µs"),
            (Age::Known(i128::MAX, 0), Some(i64::MAX), "106751 d"),
            (Age::Known(i128::MIN, 0), Some(i64::MIN), "-106751 d"),
            (Age::Unknown, None, "unknown"),
        ] {
            assert_eq!((age.ns(), age.words().as_str()), (ns, words));
        }
    }
}
