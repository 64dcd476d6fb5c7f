//! Which messages are wanted: by what they contain, how long they are, and which they are. A pure predicate over a
//! copied message; it has never seen a ring.

use std::ops::RangeInclusive;

use regex::bytes::{Regex, RegexBuilder};

use crate::ring::RawMessage;

/// Conditions, all of which a wanted message meets.
#[derive(Clone, Debug)]
pub struct Filter {
    /// At least one of these is found in the payload; none given: any payload will do.
    pub include: Vec<Regex>,
    /// At least one of these, too, is found in the payload; none given: any payload will do.
    pub bytes: Vec<Regex>,
    /// None of these is found in the payload.
    pub exclude: Vec<Regex>,
    /// Payload bytes.
    pub lengths: RangeInclusive<u64>,
    /// Sequence ids.
    pub seqs: RangeInclusive<u64>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            bytes: Vec::new(),
            exclude: Vec::new(),
            lengths: 0..=u64::MAX,
            seqs: 0..=u64::MAX,
        }
    }
}

impl Filter {
    /// Whether every message is wanted.
    #[must_use]
    pub fn takes_all(&self) -> bool {
        let patterns = [&self.include, &self.bytes, &self.exclude];
        patterns.iter().all(|patterns| patterns.is_empty())
            && self.lengths == (0..=u64::MAX)
            && self.seqs == (0..=u64::MAX)
    }

    /// Whether `message` is wanted.
    #[must_use]
    pub fn wants(&self, message: &RawMessage<'_>) -> bool {
        let found = |pattern: &Regex| pattern.is_match(message.payload);
        let any = |patterns: &[Regex]| patterns.is_empty() || patterns.iter().any(found);
        self.lengths
            .contains(&u64::from(message.header.payload_len))
            && self.seqs.contains(&message.header.seq_id)
            && any(&self.include)
            && any(&self.bytes)
            && !self.exclude.iter().any(found)
    }
}

/// A pattern of bytes in hex, as `de ad ?? ef` or `dead??ef`: `?` stands for any digit, so `??` for any byte and `4?`
/// for 0x40 to 0x4f.
///
/// # Errors
/// What is wrong with it, in words.
pub fn hex_pattern(text: &str) -> Result<Regex, String> {
    let digits: Vec<Option<u32>> = text
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| match character {
            '?' => Ok(None),
            _ => character
                .to_digit(16)
                .map(Some)
                .ok_or_else(|| format!("`{character}` is neither a hex digit nor `?`")),
        })
        .collect::<Result<_, _>>()?;
    let (bytes, odd) = digits.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(format!(
            "expected two digits for each byte, found {} digits",
            digits.len()
        ));
    }
    if bytes.is_empty() {
        return Err("expected bytes, as in `de ad ?? ef`".into());
    }
    let pattern: String = bytes
        .iter()
        .map(|byte| match byte {
            [Some(high), Some(low)] => format!("\\x{high:x}{low:x}"),
            [Some(high), None] => format!("[\\x{high:x}0-\\x{high:x}f]"),
            [None, Some(low)] => {
                let all: String = (0..16).map(|high| format!("\\x{high:x}{low:x}")).collect();
                format!("[{all}]")
            }
            [None, None] => ".".into(),
        })
        .collect();
    RegexBuilder::new(&pattern)
        .unicode(false)
        .dot_matches_new_line(true)
        .build()
        .map_err(|error| error.to_string())
}

/// A whole number as people write it: decimal, or hex as `0x10`.
///
/// # Errors
/// That it is none, in words.
pub fn number(text: &str) -> Result<u64, String> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(hex) => (hex, 16),
        None => (text, 10),
    };
    // The standard library takes a sign, too, even in `0x+10`.
    let signed = digits.starts_with('+');
    let parsed = u64::from_str_radix(digits, radix).ok();
    parsed
        .filter(|_| !signed)
        .ok_or_else(|| format!("`{text}` is not a number"))
}

/// Numbers in the one way that ranges are written: `5..9` has both ends in it, `5..` and `..9` are open, `7` is one number.
/// Each is a [`number`].
///
/// # Errors
/// What is wrong with it, in words.
pub fn number_range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let Some((first, last)) = text.split_once("..") else {
        return number(text).map(|only| only..=only);
    };
    let end = |digits: &str, open| match digits {
        "" => Ok(open),
        digits => number(digits),
    };
    let (first, last) = (end(first, 0)?, end(last, u64::MAX)?);
    if first > last {
        return Err(format!("`{text}` is empty, expected A..B with A <= B"));
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::MessageHeader;

    fn wants(filter: &Filter, seq_id: u64, payload: &[u8]) -> bool {
        let header = MessageHeader {
            payload_len: u32::try_from(payload.len()).expect("short"),
            seq_id,
            ..MessageHeader::default()
        };
        filter.wants(&RawMessage {
            offset: 0,
            header,
            payload,
        })
    }

    #[test]
    fn every_condition_counts() {
        let all = Filter::default();
        assert!(wants(&all, 0, b"") && wants(&all, u64::MAX, b"\xff"));
        let pattern = |text| Regex::new(text).expect("a pattern");
        let filter = Filter {
            include: vec![pattern("^GET "), pattern("(?-u)\\xff$")],
            bytes: Vec::new(),
            exclude: vec![pattern("favicon")],
            lengths: 5..=20,
            seqs: 3..=4,
        };
        assert!(wants(&filter, 3, b"GET /index"));
        assert!(wants(&filter, 4, b"12345\xff"));
        assert!(!wants(&filter, 5, b"GET /index"), "another seq");
        assert!(!wants(&filter, 3, b"GET "), "too short");
        assert!(!wants(&filter, 3, b"GET /a/very/long/path"), "too long");
        assert!(!wants(&filter, 3, b"GET /favicon"), "excluded");
        assert!(!wants(&filter, 3, b"PUT /index"), "nothing included");
        let both = Filter {
            bytes: vec![hex_pattern("2f 69").expect("a pattern")],
            ..filter
        };
        assert!(wants(&both, 3, b"GET /index") && !wants(&both, 3, b"GET /other"));
    }

    #[test]
    fn a_hex_pattern_is_found_where_its_bytes_are() {
        let found =
            |pattern: &str, bytes: &[u8]| hex_pattern(pattern).expect(pattern).is_match(bytes);
        assert!(found("de ad ?? ef", b"..\xde\xad\n\xef.."));
        assert!(found("DEAD??EF", b"\xde\xad\xff\xef"));
        assert!(!found("de ad ?? ef", b"\xde\xad\xef"));
        assert!(
            found("4? ?a", b"\x4f\x3a") && !found("4?", b"\x50\x3f") && !found("?a", b"\x4f\xab")
        );
        // Bytes, not characters.
        assert!(found("c3", "ä".as_bytes()) && found("a4 ??", "ää".as_bytes()));
        for (bad, words) in [
            ("", "expected bytes"),
            ("abc", "3 digits"),
            ("0x41", "`x`"),
            ("é", "`é`"),
        ] {
            let error = hex_pattern(bad).expect_err(bad);
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_range_has_both_its_ends_in_it() {
        for (text, expected) in [
            ("5..10", 5..=10),
            ("5..5", 5..=5),
            ("5..", 5..=u64::MAX),
            ("..5", 0..=5),
            ("..0", 0..=0),
            ("..", 0..=u64::MAX),
            ("7", 7..=7),
            ("0x10..0x1f", 16..=31),
        ] {
            assert_eq!(number_range(text), Ok(expected), "{text}");
        }
        for bad in [
            "", "a..b", "9..3", "1...3", "5..=9", "-1", "1.5", "+5", "0x+10",
        ] {
            let said = number_range(bad).expect_err(bad);
            assert!(said.contains('`'), "{said}");
        }
    }
}
