//! What is looked for in messages, as it is typed: conditions on the header, then a pattern for the payload.
//!
//! ```text
//! len>100 seq:5..9 fds>0 price        conditions, then text: small letters find capitals, too
//! .px > 100 .sym == "ABC" price       conditions on decoded values, where payloads are decoded
//! re:^GET .*\.html$                   a regular expression on bytes
//! hex:de ad ?? ef                     bytes; ? is any digit
//! ```
//!
//! Judges one message at a time, and remembers none.

use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, Mutex, PoisonError};

use regex::bytes::{Regex, RegexBuilder};

use crate::decode::{self, Condition, Decoded, Decoder};
use crate::observe::messages::{Filter, hex_pattern, number, number_range};
use crate::observe::model::{Integrity, unreadable};
use crate::ring::RawMessage;

/// Bytes that a compiled expression and what it builds while it runs may take: what needs more is refused, or runs
/// slower, and a byte never costs much.
const LARGEST_PATTERN: usize = 256 << 10;
const LARGEST_CACHE: usize = 512 << 10;

/// What can be typed, for the prompt.
pub(crate) const HINT: &str = "text  re:regex  hex:dead??  len>9  seq:5..9  fds>0";

/// The same where payloads are decoded.
pub(crate) const DECODED_HINT: &str = "text  .field > 9  re:regex  hex:dead??  len>9  seq:5..9";

/// What is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    filter: Filter,
    fds: RangeInclusive<u64>,
    fields: Option<FieldQuery>,
    pattern: Option<Regex>,
}

/// Conditions on decoded values, all of which hold.
#[derive(Clone, Debug)]
struct FieldQuery {
    conditions: Vec<Condition>,
    /// Shared by all who look for the same.
    decoder: Arc<Mutex<(Decoder, Decoded)>>,
}

impl FieldQuery {
    fn holds(&self, message: &RawMessage<'_>, integrity: Integrity) -> bool {
        if unreadable(&message.header, message.payload.len(), integrity).is_some() {
            return false;
        }
        let mut decoder = self.decoder.lock().unwrap_or_else(PoisonError::into_inner);
        let (decoder, decoded) = &mut *decoder;
        let is_decoded = decoder.decode(message.payload, decoded).is_ok();
        is_decoded
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(decoded))
    }
}

impl Query {
    /// What `typed` asks for, where payloads are decoded, by `decoder`; `None` where it asks for nothing.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub(crate) fn parse(typed: &str, decoder: Option<Decoder>) -> Result<Option<Self>, String> {
        let mut query = Self {
            filter: Filter::default(),
            fds: 0..=u64::MAX,
            fields: None,
            pattern: None,
        };
        let mut rest = typed.trim_start();
        let mut conditions = 0;
        while let Some((name, operator)) = condition(rest) {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let range = range(&operator[..operator.len() - (rest.len() - end)])?;
            let kept = match name {
                "len" => &mut query.filter.lengths,
                "seq" => &mut query.filter.seqs,
                _ => &mut query.fds,
            };
            *kept = *kept.start().max(range.start())..=*kept.end().min(range.end());
            rest = rest[end..].trim_start();
            conditions += 1;
        }
        if let Some(decoder) = decoder {
            let (fields, behind) = decode::conditions(rest)?;
            rest = behind;
            conditions += fields.len();
            if !fields.is_empty() {
                query.fields = Some(FieldQuery {
                    conditions: fields,
                    decoder: Arc::new(Mutex::new((decoder, Decoded::default()))),
                });
            }
        }
        query.pattern = pattern(rest)?;
        Ok((conditions > 0 || query.pattern.is_some()).then_some(query))
    }

    /// Where in the payload it is first found, if the message is one that is looked for; nowhere in particular, and so
    /// at 0 with no length, where nothing is asked of the payload.
    pub(crate) fn find(
        &self,
        message: &RawMessage<'_>,
        integrity: Integrity,
    ) -> Option<Range<usize>> {
        if !self.filter.wants(message) || !self.fds.contains(&u64::from(message.header.fd_count)) {
            return None;
        }
        let fields = self.fields.as_ref();
        if fields.is_some_and(|fields| !fields.holds(message, integrity)) {
            return None;
        }
        match &self.pattern {
            None => Some(0..0),
            Some(pattern) => pattern.find(message.payload).map(|found| found.range()),
        }
    }

    /// All places in a payload where it is found, `most` at most.
    pub(crate) fn places(&self, payload: &[u8], most: usize) -> Vec<Range<usize>> {
        let pattern = self.pattern.iter();
        pattern
            .flat_map(|pattern| pattern.find_iter(payload))
            .map(|found| found.range())
            .filter(|range| !range.is_empty())
            .take(most)
            .collect()
    }
}

/// Name and the rest of a condition that `text` begins with.
fn condition(text: &str) -> Option<(&'static str, &str)> {
    ["len", "seq", "fds"].into_iter().find_map(|name| {
        let rest = text.strip_prefix(name)?;
        rest.starts_with(['<', '>', '=', ':'])
            .then_some((name, rest))
    })
}

/// `>5`, `>=5`, `<5`, `<=5`, `=5`, `:5`, `:5..9` with both ends, `:5..`, `:..9`.
fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    // A range from 1 to 0 has nothing in it.
    let none = RangeInclusive::new(1, 0);
    if let Some(rest) = text.strip_prefix(">=") {
        return Ok(number(rest)?..=u64::MAX);
    }
    if let Some(rest) = text.strip_prefix("<=") {
        return Ok(0..=number(rest)?);
    }
    if let Some(rest) = text.strip_prefix('>') {
        return Ok(number(rest)?
            .checked_add(1)
            .map_or(none, |from| from..=u64::MAX));
    }
    if let Some(rest) = text.strip_prefix('<') {
        return Ok(number(rest)?.checked_sub(1).map_or(none, |to| 0..=to));
    }
    number_range(&text[1..])
}

fn pattern(text: &str) -> Result<Option<Regex>, String> {
    if let Some(expression) = text.strip_prefix("re:") {
        return match expression {
            "" => Ok(None),
            _ => build(expression, false).map(Some),
        };
    }
    if let Some(bytes) = text.strip_prefix("hex:") {
        return match bytes.trim() {
            "" => Ok(None),
            bytes => hex_pattern(bytes).map(Some),
        };
    }
    if text.is_empty() {
        return Ok(None);
    }
    build(&regex::escape(text), !text.chars().any(char::is_uppercase)).map(Some)
}

fn build(expression: &str, any_case: bool) -> Result<Regex, String> {
    let built = RegexBuilder::new(expression)
        .case_insensitive(any_case)
        .size_limit(LARGEST_PATTERN)
        .dfa_size_limit(LARGEST_CACHE)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the expression is too large".to_owned(),
        error => {
            // The last line says what is wrong; the lines before it point at the place.
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::MessageHeader;

    fn find(typed: &str, payload: &[u8]) -> Option<Range<usize>> {
        find_in(typed, None, payload, Integrity::Intact)
    }

    fn find_in(
        typed: &str,
        spec: Option<&str>,
        payload: &[u8],
        integrity: Integrity,
    ) -> Option<Range<usize>> {
        let decoder = spec.map(|spec| {
            let spec: crate::decode::DecodeSpec = spec.parse().expect(spec);
            spec.open().expect("it needs nothing")
        });
        let query = Query::parse(typed, decoder).expect(typed).expect(typed);
        let message = RawMessage {
            offset: 0,
            header: MessageHeader {
                payload_len: u32::try_from(payload.len()).expect("short"),
                fd_count: 2,
                seq_id: 7,
                ..MessageHeader::default()
            },
            payload,
        };
        query.find(&message, integrity)
    }

    #[test]
    fn decoded_values_are_asked_for_where_payloads_are_decoded() {
        let find = |typed: &str, integrity| {
            find_in(typed, Some("px:u16 sym:char[3]"), b"\x65\0ABC", integrity)
        };
        for (typed, found) in [
            (".px > 100", Some(0..0)),
            (".px > 101", None),
            ("len>3 .px == 101 .sym == ABC bc", Some(3..5)),
            (".sym == \"ABC\" .px < 5", None),
            (". abc", None),
        ] {
            assert_eq!(find(typed, Integrity::Likely), found, "{typed}");
        }
        assert_eq!(find(".px > 100", Integrity::Torn), None);
        assert_eq!(
            find_in(".px > 100", Some("px:u64"), b"\x65\0", Integrity::Intact),
            None
        );
        // Elsewhere it is text.
        assert_eq!(
            find_in(".px > 100", None, b"a.px > 100", Integrity::Intact),
            Some(1..10)
        );
    }

    #[test]
    fn text_bytes_and_expressions_are_found_where_they_are() {
        let payload = b"GET /Index \xde\xad\n\xef";
        for (typed, found) in [
            ("index", Some(5..10)),
            ("Index", Some(5..10)),
            ("INDEX", None),
            ("get /", Some(0..5)),
            ("re:^g", None),
            ("re:/\\w+", Some(4..10)),
            ("re:(?-u)\\xad", Some(12..13)),
            ("hex:de ad ?? EF", Some(11..15)),
            ("hex:dead??ff", None),
            (".", None),
            ("len>=15", Some(0..0)),
            ("len>15", None),
            ("len>0xe len<=0xf", Some(0..0)),
            ("len<16 fds=2 seq:7 ndex", Some(6..10)),
            ("len<15 ndex", None),
            ("seq:5..6", None),
            ("seq:..7 seq:7..", Some(0..0)),
            ("seq:8..", None),
            ("fds>0", Some(0..0)),
            ("fds>2", None),
            ("fds<0", None),
            ("seq>18446744073709551615", None),
            // What only looks like a condition is text.
            ("length", None),
        ] {
            assert_eq!(find(typed, payload), found, "{typed}");
        }
        let places = |typed: &str, most| {
            let query = Query::parse(typed, None).expect(typed).expect(typed);
            query.places(b"aXaXa", most)
        };
        assert_eq!(places("x", 9), [1..2, 3..4]);
        assert_eq!(places("x", 1).first(), Some(&(1..2)));
        assert_eq!(places("x", 1).len(), 1);
        assert!(places("len>0", 9).is_empty() && places("re:b*", 9).is_empty());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (typed, words) in [
            ("re:(", "unclosed group"),
            ("re:[", "unclosed"),
            ("re:\\w{1000}{1000}", "too large"),
            ("hex:0x4", "`x`"),
            ("hex:abc", "3 digits"),
            ("len>x", "`x` is not a number"),
            ("len>", "`` is not a number"),
            ("seq:5..x", "`x`"),
            ("fds=18446744073709551616", "not a number"),
        ] {
            let error = Query::parse(typed, None).expect_err(typed);
            assert!(error.contains(words), "{typed}: {error}");
            assert!(!error.contains('\n'));
        }
        for nothing in ["", "  ", "re:", "hex: "] {
            assert!(Query::parse(nothing, None).expect(nothing).is_none());
        }
    }
}
