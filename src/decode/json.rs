//! JSON.

use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::decoded::{Decoded, Value};
use super::error::DecodeError;

/// Takes it to pieces.
///
/// # Errors
/// When it is none, or too much.
pub(super) fn decode(payload: &[u8], out: &mut Decoded) -> Result<(), DecodeError> {
    let mut json = serde_json::Deserializer::from_slice(payload);
    let mut noted = Noted::default();
    let root = Node {
        out,
        name: "",
        depth: 0,
        noted: &mut noted,
    };
    let done = root.deserialize(&mut json).and_then(|()| json.end());
    match (done, noted.failure) {
        (_, Some(failure)) => Err(failure),
        (Err(error), None) => Err(DecodeError::malformed(error)),
        (Ok(()), None) if noted.has_large => restore_digits(payload, out),
        (Ok(()), None) => Ok(()),
    }
}

/// Whole numbers of more than 64 bits come as floats, rounded: puts their own digits in the place of those.
fn restore_digits(payload: &[u8], out: &mut Decoded) -> Result<(), DecodeError> {
    let mut done = Ok(());
    each_place(payload, |number, place| {
        let value = out.field(number).map(|field| field.value());
        let is_large = matches!(value, Some(Value::Float(value)) if value.abs() >= LARGE);
        let digits = payload.get(place).filter(|_| is_large);
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let is_whole = |word: &&str| {
            let digits = word.strip_prefix('-').unwrap_or(word);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if let (Some(digits), Ok(())) = (digits.filter(is_whole), &done) {
            done = out.set_digits(number, digits);
        }
    });
    done
}

/// Whole numbers that are less fit in 64 bits.
const LARGE: f64 = 9.2e18;

/// What is noted while values come.
#[derive(Default)]
struct Noted {
    /// What was too much.
    failure: Option<DecodeError>,
    /// There is a float that may have been a whole number.
    has_large: bool,
}

/// A value that is to come.
struct Node<'a> {
    out: &'a mut Decoded,
    name: &'a str,
    depth: usize,
    noted: &'a mut Noted,
}

impl Node<'_> {
    fn add<E: Error>(self, value: Value<'_>) -> Result<(), E> {
        match self.out.add(self.name, value, 0..0) {
            Ok(_) => Ok(()),
            Err(error) => Err(refuse(self.noted, error)),
        }
    }

    /// A list or a record; returns its number.
    fn open<E: Error>(&mut self, kind: Value<'_>) -> Result<usize, E> {
        let added = self.out.open(self.name, kind, 0, self.depth);
        added.map_err(|error| refuse(self.noted, error))
    }
}

fn refuse<E: Error>(noted: &mut Noted, error: DecodeError) -> E {
    let said = E::custom(&error);
    noted.failure = Some(error);
    said
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.add(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.add(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.add(Value::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.add(Value::Signed(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.noted.has_large |= value.abs() >= LARGE;
        self.add(Value::Float(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.add(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let number = self.open(Value::List)?;
        while let Some(()) = list.next_element_seed(Node {
            out: &mut *self.out,
            name: "",
            depth: self.depth + 1,
            noted: &mut *self.noted,
        })? {}
        self.out.close(number, None);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let number = self.open(Value::Record)?;
        let mut name = String::new();
        while let Some(()) = map.next_key_seed(Key(&mut name))? {
            map.next_value_seed(Node {
                out: &mut *self.out,
                name: &name,
                depth: self.depth + 1,
                noted: &mut *self.noted,
            })?;
        }
        self.out.close(number, None);
        Ok(())
    }
}

/// A name that is to come.
struct Key<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        self.0.clear();
        self.0.push_str(name);
        Ok(())
    }
}

/// Says where each value lies, in JSON that was decoded and so is known to be well-formed.
pub(super) fn place(payload: &[u8], out: &mut Decoded) {
    each_place(payload, |number, bytes| out.place(number, bytes));
}

/// Gives the number of each value and where it lies, in JSON that is known to be well-formed.
fn each_place(payload: &[u8], mut take: impl FnMut(usize, Range<usize>)) {
    let mut next = 0;
    let mut at = 0;
    let mut open: Vec<(usize, usize)> = Vec::new();
    while let Some(byte) = payload.get(at) {
        match byte {
            b'{' | b'[' => {
                open.push((next, at));
                next += 1;
                at += 1;
            }
            b'}' | b']' => {
                at += 1;
                if let Some((number, start)) = open.pop() {
                    take(number, start..at);
                }
            }
            b'"' => {
                let end = end_of_string(payload, at);
                let behind = payload[end..]
                    .iter()
                    .find(|byte| !byte.is_ascii_whitespace());
                // A name has a colon behind it.
                if behind != Some(&b':') {
                    take(next, at..end);
                    next += 1;
                }
                at = end;
            }
            b',' | b':' => at += 1,
            byte if byte.is_ascii_whitespace() => at += 1,
            _ => {
                let word = word_at(payload, at);
                at = word.end;
                take(next, word);
                next += 1;
            }
        }
    }
}

fn end_of_string(payload: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = payload.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    payload.len()
}

fn word_at(payload: &[u8], start: usize) -> Range<usize> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}');
    let length = payload[start..].iter().position(ends);
    start..length.map_or(payload.len(), |length| start + length.max(1))
}
