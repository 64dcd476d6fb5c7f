//! Colours for the messages that people read: bytes by their kind, matches, gaps.
//!
//! Without the escape sequences it is what [`super::tail`] writes, byte for byte. Knows nothing of terminals: whether
//! there are to be colours is the caller's.

use std::io;
use std::ops::Range;

use regex::bytes::Regex;

use super::hex;
use super::tail::{self, Format, TailMessage};
use crate::observe::model::{Gap, Integrity};
use crate::text;

/// Places marked in one payload at most.
const PLACES: usize = 4096;

/// A colour, as the numbers of an SGR sequence have it (ECMA-48, 8.3.117).
type Sgr = &'static str;
const NONE: Sgr = "0";
const HEADLINE: Sgr = "1";
const LABEL: Sgr = "36";
const GOOD: Sgr = "32";
const WARN: Sgr = "33";
const BAD: Sgr = "31";
const MATCH: Sgr = "1;31";
const NULL: Sgr = "90";
const SPACE: Sgr = "32";
const CONTROL: Sgr = "35";
const HIGH: Sgr = "33";

/// How messages are coloured.
#[derive(Debug)]
pub struct Colors {
    patterns: Vec<Regex>,
}

impl Colors {
    /// Marks what any of `patterns` finds.
    #[must_use]
    pub fn marking(patterns: Vec<Regex>) -> Self {
        Self { patterns }
    }

    /// As [`tail::message`], in colours where the format is read by people.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn message(
        &self,
        out: &mut Vec<u8>,
        format: Format,
        message: &TailMessage<'_>,
    ) -> io::Result<()> {
        match format {
            Format::Hex => {
                let mut plain = Vec::new();
                tail::message(&mut plain, format, message)?;
                self.dump(out, &plain, message.raw.payload, message.integrity);
                Ok(())
            }
            Format::Text if message.decoding.is_none() => {
                self.text(out, message.raw.payload);
                let mut rest = Vec::new();
                let mut empty = *message;
                empty.raw.payload = &[];
                tail::message(&mut rest, format, &empty)?;
                out.extend_from_slice(&rest);
                Ok(())
            }
            _ => tail::message(out, format, message),
        }
    }

    /// As [`tail::gap`], in colours.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn gap(&self, out: &mut Vec<u8>, format: Format, gap: &Gap) -> io::Result<bool> {
        if !matches!(format, Format::Hex | Format::Text) {
            return tail::gap(out, format, gap);
        }
        let mut plain = Vec::new();
        let is_told = tail::gap(&mut plain, format, gap)?;
        line(out, &plain, |_| WARN);
        Ok(is_told)
    }

    fn dump(&self, out: &mut Vec<u8>, plain: &[u8], payload: &[u8], integrity: Integrity) {
        let places = self.places(payload);
        let lines: Vec<&[u8]> = plain.split_inclusive(|byte| *byte == b'\n').collect();
        // Before the dump stand the headline and the descriptors.
        let before = lines.len() - payload.len().div_ceil(hex::WIDTH);
        let word = match integrity {
            Integrity::Intact => GOOD,
            Integrity::Likely => NONE,
            Integrity::Torn => BAD,
        };
        for (number, &text) in lines.iter().enumerate() {
            let Some(row) = number.checked_sub(before) else {
                let words = text
                    .len()
                    .saturating_sub(integrity.word().len() + " --\n".len());
                let style = |column| match number {
                    0 if column >= words => word,
                    0 => HEADLINE,
                    _ => LABEL,
                };
                line(out, text, style);
                continue;
            };
            let start = row * hex::WIDTH;
            let style = |column| {
                let Some(place) = hex::byte_at(column) else {
                    return if column < 8 { LABEL } else { NONE };
                };
                let at = start + place;
                let next = places.partition_point(|place| place.end <= at);
                match payload.get(at) {
                    None => NONE,
                    Some(_) if places.get(next).is_some_and(|place| place.contains(&at)) => MATCH,
                    Some(byte) => kind(*byte),
                }
            };
            line(out, text, style);
        }
    }

    fn text(&self, out: &mut Vec<u8>, payload: &[u8]) {
        let mut at = 0;
        for place in self.places(payload) {
            // No character is cut: what is escaped would be another. None is longer than four bytes.
            let begins = |at: &usize| payload.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
            if place.end <= at {
                continue;
            }
            let from = (at.max(place.start.saturating_sub(3))..=place.start)
                .rev()
                .find(begins)
                .unwrap_or(at.max(place.start));
            let last = (place.end + 3).min(payload.len());
            let to = (place.end..=last).find(begins).unwrap_or(place.end);
            if to <= at {
                continue;
            }
            text::push_escaped_bytes(out, &payload[at..from.max(at)]);
            sgr(out, MATCH);
            text::push_escaped_bytes(out, &payload[from.max(at)..to]);
            sgr(out, NONE);
            at = to;
        }
        text::push_escaped_bytes(out, &payload[at..]);
    }

    /// What is to be marked: in order, and none within another.
    fn places(&self, payload: &[u8]) -> Vec<Range<usize>> {
        let found = self
            .patterns
            .iter()
            .flat_map(|pattern| pattern.find_iter(payload));
        let found = found
            .map(|found| found.range())
            .filter(|place| !place.is_empty());
        let mut places: Vec<Range<usize>> = found.take(PLACES).collect();
        places.sort_by_key(|place| place.start);
        let mut merged: Vec<Range<usize>> = Vec::new();
        for place in places {
            match merged.last_mut() {
                Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
                _ => merged.push(place),
            }
        }
        merged
    }
}

/// The colour of a byte: nothing, text, space, control, above ASCII.
fn kind(byte: u8) -> Sgr {
    match byte {
        0 => NULL,
        b'!'..=b'~' => NONE,
        b' ' | b'\t'..=b'\r' => SPACE,
        0x80.. => HIGH,
        _ => CONTROL,
    }
}

/// Writes a line whose columns have the colours that `style` gives; its newline has none.
fn line(out: &mut Vec<u8>, text: &[u8], style: impl Fn(usize) -> Sgr) {
    let (text, end) = match text {
        [text @ .., b'\n'] => (text, &b"\n"[..]),
        text => (text, &b""[..]),
    };
    let mut current = NONE;
    for (column, &byte) in text.iter().enumerate() {
        // A blank looks the same in all of them.
        let wanted = if byte == b' ' { current } else { style(column) };
        if wanted != current {
            if current != NONE {
                sgr(out, NONE);
            }
            if wanted != NONE {
                sgr(out, wanted);
            }
            current = wanted;
        }
        out.push(byte);
    }
    if current != NONE {
        sgr(out, NONE);
    }
    out.extend_from_slice(end);
}

fn sgr(out: &mut Vec<u8>, color: Sgr) {
    out.extend_from_slice(b"\x1b[");
    out.extend_from_slice(color.as_bytes());
    out.push(b'm');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::observe::model::GapReason;
    use crate::output::tail::Observed;
    use crate::ring::{MessageHeader, RawMessage};

    fn colors(patterns: &[&str]) -> Colors {
        let regex = |pattern: &&str| Regex::new(pattern).unwrap();
        Colors::marking(patterns.iter().map(regex).collect())
    }

    fn seen() -> Observed {
        crate::observe::messages::Sighted {
            at_ns: 0,
            uncertainty_us: 0,
        }
        .into()
    }

    fn raw(payload: &[u8]) -> RawMessage<'_> {
        RawMessage {
            offset: 4096,
            header: MessageHeader {
                payload_len: u32::try_from(payload.len()).unwrap(),
                ..MessageHeader::default()
            },
            payload,
        }
    }

    fn shown<'a>(payload: &'a [u8], observed: &'a Observed) -> TailMessage<'a> {
        TailMessage {
            raw: raw(payload),
            integrity: Integrity::Torn,
            observed,
            fds: None,
            decoding: None,
            age: None,
        }
    }

    fn painted(format: Format, payload: &[u8], patterns: &[&str]) -> String {
        let mut out = Vec::new();
        colors(patterns)
            .message(&mut out, format, &shown(payload, &seen()))
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    fn stripped(text: &str) -> String {
        let sequence = Regex::new("\x1b\\[[0-9;]*m").unwrap();
        String::from_utf8(sequence.replace_all(text.as_bytes(), &b""[..]).into_owned()).unwrap()
    }

    #[test]
    fn bytes_matches_and_gaps_have_colours() {
        let text = painted(Format::Hex, b"id=7\0\n\xff\x01", &["id"]);
        for part in [
            "\x1b[1m-- offset 4096",
            "\x1b[31mtorn",
            "\x1b[36m00000000",
            "\x1b[1;31m69 64",
            "\x1b[90m00",
            "\x1b[32m0a",
            "\x1b[33mff",
            "\x1b[35m01",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
        let text = painted(
            Format::Text,
            "a\u{e9}b id".as_bytes(),
            &["id", r"(?-u)\xa9"],
        );
        assert_eq!(text, "a\x1b[1;31m\u{e9}\x1b[0mb \x1b[1;31mid\x1b[0m\n");
        let mut out = Vec::new();
        let gap = Gap {
            from: 0,
            to: 4096,
            why: GapReason::Overrun,
            torn: 0,
        };
        assert!(colors(&[]).gap(&mut out, Format::Text, &gap).unwrap());
        assert!(out.starts_with(b"\x1b[33m-- skipped") && out.ends_with(b"\x1b[0m\n"));
    }

    #[test]
    fn other_formats_have_none() {
        for format in [
            Format::Raw,
            Format::Json,
            Format::Base64,
            Format::LenPrefixed,
        ] {
            assert!(!painted(format, b"id=7", &["id"]).contains('\x1b'));
        }
    }

    proptest! {
        #[test]
        fn without_the_sequences_it_is_the_same(payload: Vec<u8>, text: String, which in 0..3_usize) {
            let patterns = [&["a", r"(?-u)[\x80-\xff]"][..], &[".", r"(?-u)\xc3"], &[]][which];
            for payload in [&payload[..], text.as_bytes()] {
                for format in [Format::Hex, Format::Text] {
                    let mut plain = Vec::new();
                    tail::message(&mut plain, format, &shown(payload, &seen())).unwrap();
                    let plain = String::from_utf8(plain).unwrap();
                    prop_assert_eq!(stripped(&painted(format, payload, patterns)), plain);
                }
            }
        }
    }
}
