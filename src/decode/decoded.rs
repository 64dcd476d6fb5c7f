//! What came out of a payload: values with names, in the order in which they lie there, each with its bytes.

use std::ops::Range;

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use super::error::DecodeError;
use super::limits::{DEEPEST, LARGEST, MOST_VALUES};

/// The values of one payload. Made anew for each, it takes no new memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    nodes: Vec<Node>,
    /// What names, texts and byte strings are made of.
    heap: Vec<u8>,
}

/// A place in the heap.
type Place = (u32, u32);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    name: Place,
    content: Content,
    /// Where it lies in the payload; nowhere: an empty range.
    bytes: (u32, u32),
    /// Values inside it, all levels together.
    below: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Content {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    /// In decimal digits.
    Big(Place),
    Single(f32),
    Float(f64),
    Text(Place),
    Bytes(Place),
    /// A number that stands for a name.
    Named(i64, Place),
    List,
    Record,
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Unsigned(u64),
    /// A whole number that may be negative.
    Signed(i64),
    /// A whole number of more than 64 bits, in decimal digits.
    Big(&'a str),
    /// A number of 32 bits or less.
    Single(f32),
    /// A number.
    Float(f64),
    /// Characters, not escaped.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A number that stands for a name.
    Named(i64, &'a str),
    /// Values that have no names.
    List,
    /// Values with names.
    Record,
}

/// One of the values.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    of: &'a Decoded,
    number: usize,
}

impl Decoded {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.heap.clear();
    }

    /// The value that all others are in; `None` when nothing was decoded.
    #[must_use]
    pub fn root(&self) -> Option<Field<'_>> {
        self.field(0)
    }

    /// A value by its number: 0 is the root, and what is inside a value comes behind it.
    #[must_use]
    pub fn field(&self, number: usize) -> Option<Field<'_>> {
        (number < self.nodes.len()).then_some(Field { of: self, number })
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The value at `path`, counted from the root: names of records and numbers in lists.
    #[must_use]
    pub fn find(&self, path: &[String]) -> Option<Field<'_>> {
        let root = self.root()?;
        path.iter().try_fold(root, |field, name| field.inside(name))
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<Place, DecodeError> {
        let start = self.heap.len();
        if start + bytes.len() > LARGEST {
            return Err(DecodeError::TooLarge);
        }
        self.heap.extend_from_slice(bytes);
        Ok((start as u32, bytes.len() as u32))
    }

    /// Adds a value; returns its number. What is inside it is added next, and then it is closed.
    pub(super) fn add(
        &mut self,
        name: &str,
        value: Value<'_>,
        bytes: Range<usize>,
    ) -> Result<usize, DecodeError> {
        if self.nodes.len() >= MOST_VALUES {
            return Err(DecodeError::TooMany);
        }
        let name = self.keep(name.as_bytes())?;
        let content = match value {
            Value::Null => Content::Null,
            Value::Bool(value) => Content::Bool(value),
            Value::Unsigned(value) => Content::Unsigned(value),
            Value::Signed(value) => Content::Signed(value),
            Value::Big(digits) => Content::Big(self.keep(digits.as_bytes())?),
            Value::Single(value) => Content::Single(value),
            Value::Float(value) => Content::Float(value),
            Value::Text(text) => Content::Text(self.keep(text.as_bytes())?),
            Value::Bytes(bytes) => Content::Bytes(self.keep(bytes)?),
            Value::Named(number, name) => Content::Named(number, self.keep(name.as_bytes())?),
            Value::List => Content::List,
            Value::Record => Content::Record,
        };
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.nodes.push(Node {
            name,
            content,
            bytes: (place(bytes.start), place(bytes.end)),
            below: 0,
        });
        Ok(self.nodes.len() - 1)
    }

    /// Adds a list or a record, inside so many others, which begins at `start` in the payload; returns its number.
    pub(super) fn open(
        &mut self,
        name: &str,
        kind: Value<'_>,
        start: usize,
        depth: usize,
    ) -> Result<usize, DecodeError> {
        if depth >= DEEPEST {
            return Err(DecodeError::TooDeep);
        }
        self.add(name, kind, start..start)
    }

    /// Adds a whole number of any width.
    pub(super) fn add_number(
        &mut self,
        name: &str,
        number: i128,
        bytes: Range<usize>,
    ) -> Result<usize, DecodeError> {
        if let Ok(number) = u64::try_from(number) {
            self.add(name, Value::Unsigned(number), bytes)
        } else if let Ok(number) = i64::try_from(number) {
            self.add(name, Value::Signed(number), bytes)
        } else {
            self.add(name, Value::Big(&number.to_string()), bytes)
        }
    }

    /// All that is inside value `number` was added; it ends at `end` in the payload, if it lies there.
    pub(super) fn close(&mut self, number: usize, end: Option<usize>) {
        let below = self.nodes.len() - number - 1;
        let node = &mut self.nodes[number];
        node.below = below as u32;
        if let Some(end) = end {
            node.bytes.1 = u32::try_from(end).unwrap_or(u32::MAX);
        }
    }

    /// How much there is, to go back to.
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.nodes.len(), self.heap.len())
    }

    /// Forgets what came after a mark.
    pub(super) fn reset(&mut self, (nodes, heap): (usize, usize)) {
        self.nodes.truncate(nodes);
        self.heap.truncate(heap);
    }

    /// Makes value `number` a whole number of more than 64 bits.
    pub(super) fn set_digits(&mut self, number: usize, digits: &str) -> Result<(), DecodeError> {
        let digits = self.keep(digits.as_bytes())?;
        if let Some(node) = self.nodes.get_mut(number) {
            node.content = Content::Big(digits);
        }
        Ok(())
    }

    /// Says where value `number` lies in the payload.
    pub(super) fn place(&mut self, number: usize, bytes: Range<usize>) {
        if let Some(node) = self.nodes.get_mut(number) {
            let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            node.bytes = (place(bytes.start), place(bytes.end));
        }
    }
}

impl<'a> Field<'a> {
    fn node(self) -> Node {
        self.of.nodes[self.number]
    }

    fn bytes_at(self, (start, length): Place) -> &'a [u8] {
        let start = start as usize;
        &self.of.heap[start..start + length as usize]
    }

    fn text_at(self, place: Place) -> &'a str {
        // Only text was put there.
        std::str::from_utf8(self.bytes_at(place)).unwrap_or_default()
    }

    /// Its number among all values.
    #[must_use]
    pub fn number(self) -> usize {
        self.number
    }

    /// Its name; empty in a list.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.text_at(self.node().name)
    }

    /// The value itself.
    #[must_use]
    pub fn value(self) -> Value<'a> {
        match self.node().content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(value),
            Content::Unsigned(value) => Value::Unsigned(value),
            Content::Signed(value) => Value::Signed(value),
            Content::Big(digits) => Value::Big(self.text_at(digits)),
            Content::Single(value) => Value::Single(value),
            Content::Float(value) => Value::Float(value),
            Content::Text(text) => Value::Text(self.text_at(text)),
            Content::Bytes(bytes) => Value::Bytes(self.bytes_at(bytes)),
            Content::Named(number, name) => Value::Named(number, self.text_at(name)),
            Content::List => Value::List,
            Content::Record => Value::Record,
        }
    }

    /// Where it lies in the payload; empty: nowhere that is known.
    #[must_use]
    pub fn bytes(self) -> Range<usize> {
        let (start, end) = self.node().bytes;
        start as usize..end as usize
    }

    /// How many values are inside it, all levels together.
    #[must_use]
    pub fn below(self) -> usize {
        self.node().below as usize
    }

    /// The values inside it, one level.
    pub fn children(self) -> impl Iterator<Item = Field<'a>> {
        let end = self.number + 1 + self.below();
        let mut next = self.number + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(Field {
                of: self.of,
                number: next,
            })?;
            next += 1 + child.below();
            Some(child)
        })
    }

    /// The value inside it with this name, of several the last, as most who read JSON take it; or in a list this number.
    #[must_use]
    pub fn inside(self, name: &str) -> Option<Field<'a>> {
        match self.value() {
            Value::List => self.children().nth(name.parse().ok()?),
            _ => self.children().filter(|child| child.name() == name).last(),
        }
    }
}

/// As JSON: byte strings are `{"base64": ...}`, numbers that JSON does not have are texts, named numbers their names.
impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        use base64::display::Base64Display;
        use base64::engine::general_purpose::STANDARD;
        match self.value() {
            Value::Null => out.serialize_unit(),
            Value::Bool(value) => out.serialize_bool(value),
            Value::Unsigned(value) => out.serialize_u64(value),
            Value::Signed(value) => out.serialize_i64(value),
            Value::Big(digits) => match digits.parse() {
                Ok(number) => out.serialize_i128(number),
                Err(_) => match digits.parse() {
                    Ok(number) => out.serialize_u128(number),
                    Err(_) => out.serialize_str(digits),
                },
            },
            Value::Single(value) if value.is_finite() => out.serialize_f32(value),
            Value::Single(value) => out.collect_str(&value),
            Value::Float(value) if value.is_finite() => out.serialize_f64(value),
            Value::Float(value) => out.collect_str(&value),
            Value::Text(text) => out.serialize_str(text),
            Value::Bytes(bytes) => {
                let mut map = out.serialize_map(Some(1))?;
                let bytes = Base64Display::new(bytes, &STANDARD).to_string();
                map.serialize_entry("base64", &bytes)?;
                map.end()
            }
            Value::Named(number, "") => out.serialize_i64(number),
            Value::Named(_, name) => out.serialize_str(name),
            Value::List => {
                let mut list = out.serialize_seq(None)?;
                for child in self.children() {
                    list.serialize_element(&child)?;
                }
                list.end()
            }
            Value::Record => {
                let mut map = out.serialize_map(None)?;
                for child in self.children() {
                    map.serialize_entry(child.name(), &child)?;
                }
                map.end()
            }
        }
    }
}
