//! Protocol Buffers, by a descriptor set as `protoc --include_imports --descriptor_set_out` writes it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    Value,
};

use super::decoded::{Decoded, Value as New};
use super::error::DecodeError;
use super::limits::LARGEST;
use crate::text::{escape, few};

/// The largest file that is read, bytes.
const LARGEST_FILE: u64 = 64 << 20;
/// What is known of fields that the descriptor does not have.
const UNKNOWN: &str = "_unknown";

/// Reads the descriptor of a message.
///
/// # Errors
/// When the file cannot be read or is none, or has no such message.
pub(super) fn open(path: &Path, name: &str) -> Result<MessageDescriptor, String> {
    let file = escape(&path.display().to_string()).into_owned();
    let cannot = |error: std::io::Error| format!("cannot read {file}: {error}");
    let opened = File::open(path).map_err(cannot)?;
    if !opened.metadata().map_err(cannot)?.is_file() {
        return Err(format!("{file}: expected a file"));
    }
    let mut bytes = Vec::new();
    let read = opened.take(LARGEST_FILE + 1).read_to_end(&mut bytes);
    if read.map_err(cannot)? as u64 > LARGEST_FILE {
        return Err(format!("{file}: expected at most {LARGEST_FILE} bytes"));
    }
    let pool = DescriptorPool::decode(&bytes[..]).map_err(|error| {
        format!(
            "{file}: {error}; expected a descriptor set: protoc --include_imports --descriptor_set_out={file} FILE.proto"
        )
    })?;
    pool.get_message_by_name(name).ok_or_else(|| {
        let known = pool.all_messages().map(|it| it.full_name().to_owned());
        let known: Vec<String> = known.filter(|name| !name.starts_with("google.")).collect();
        format!(
            "{file}: no message `{}`, there are {}",
            escape(name),
            few(&known, ", ")
        )
    })
}

/// Takes it to pieces.
///
/// # Errors
/// When it is no such message, or too much.
pub(super) fn decode(
    descriptor: &MessageDescriptor,
    payload: &[u8],
    out: &mut Decoded,
) -> Result<(), DecodeError> {
    // It is all in memory before it is counted.
    if payload.len() > LARGEST {
        return Err(DecodeError::TooLarge);
    }
    let message =
        DynamicMessage::decode(descriptor.clone(), payload).map_err(DecodeError::malformed)?;
    add_message("", &message, 0, out)
}

fn add_message(
    name: &str,
    message: &DynamicMessage,
    depth: usize,
    out: &mut Decoded,
) -> Result<(), DecodeError> {
    let record = out.open(name, New::Record, 0, depth)?;
    for (field, value) in message.fields() {
        add(field.name(), &field.kind(), value, depth + 1, out)?;
    }
    for (extension, value) in message.extensions() {
        let name = format!("[{}]", extension.full_name());
        add(&name, &extension.kind(), value, depth + 1, out)?;
    }
    let mut unknown = message.unknown_fields().peekable();
    if unknown.peek().is_some() {
        let list = out.open(UNKNOWN, New::List, 0, depth + 1)?;
        for field in unknown {
            out.add("", New::Unsigned(field.number().into()), 0..0)?;
        }
        out.close(list, None);
    }
    out.close(record, None);
    Ok(())
}

fn add(
    name: &str,
    kind: &Kind,
    value: &Value,
    depth: usize,
    out: &mut Decoded,
) -> Result<(), DecodeError> {
    let leaf = match value {
        Value::Bool(value) => New::Bool(*value),
        Value::I32(value) => New::Signed((*value).into()),
        Value::I64(value) => New::Signed(*value),
        Value::U32(value) => New::Unsigned((*value).into()),
        Value::U64(value) => New::Unsigned(*value),
        Value::F32(value) => New::Single(*value),
        Value::F64(value) => New::Float(*value),
        Value::String(text) => New::Text(text),
        Value::Bytes(bytes) => New::Bytes(bytes),
        Value::EnumNumber(number) => {
            let word = kind
                .as_enum()
                .and_then(|it| it.get_value(*number))
                .map(|value| value.name().to_owned());
            let word = word.unwrap_or_default();
            out.add(name, New::Named((*number).into(), &word), 0..0)?;
            return Ok(());
        }
        Value::Message(message) => return add_message(name, message, depth, out),
        Value::List(values) => {
            let list = out.open(name, New::List, 0, depth)?;
            for value in values {
                add("", kind, value, depth + 1, out)?;
            }
            out.close(list, None);
            return Ok(());
        }
        Value::Map(values) => {
            let inside = kind
                .as_message()
                .map(|entry| entry.map_entry_value_field().kind());
            let record = out.open(name, New::Record, 0, depth)?;
            // In an order that is always the same.
            let ordered: BTreeMap<&MapKey, &Value> = values.iter().collect();
            for (key, value) in ordered {
                let key = match key {
                    MapKey::Bool(key) => key.to_string(),
                    MapKey::I32(key) => key.to_string(),
                    MapKey::I64(key) => key.to_string(),
                    MapKey::U32(key) => key.to_string(),
                    MapKey::U64(key) => key.to_string(),
                    MapKey::String(key) => key.clone(),
                };
                let inside = inside.as_ref().unwrap_or(kind);
                add(&key, inside, value, depth + 1, out)?;
            }
            out.close(record, None);
            return Ok(());
        }
    };
    out.add(name, leaf, 0..0)?;
    Ok(())
}

/// Says where each field lies, in a payload that was decoded: what is set several times, where it was set last; the values
/// of a list each, unless they are packed into one piece.
pub(super) fn place(descriptor: &MessageDescriptor, payload: &[u8], out: &mut Decoded) {
    place_message(descriptor, payload, 0..payload.len(), 0, out);
}

fn place_message(
    descriptor: &MessageDescriptor,
    payload: &[u8],
    range: Range<usize>,
    number: usize,
    out: &mut Decoded,
) {
    out.place(number, range.clone());
    let pieces = pieces(payload, range);
    let children: Vec<(usize, String, usize)> = out
        .field(number)
        .into_iter()
        .flat_map(|record| record.children())
        .map(|child| {
            (
                child.number(),
                child.name().to_owned(),
                child.children().count(),
            )
        })
        .collect();
    for (child, name, inside) in children {
        let Some(field) = descriptor.get_field_by_name(&name) else {
            continue;
        };
        let Some(pieces) = pieces.get(&field.number()) else {
            continue;
        };
        let whole = |pieces: &[Piece]| match pieces {
            [] => 0..0,
            [first, .., last] => first.whole.start..last.whole.end,
            [only] => only.whole.clone(),
        };
        if field.cardinality() != Cardinality::Repeated {
            if let Some(last) = pieces.last() {
                place_value(&field, payload, last, child, out);
            }
        } else {
            out.place(child, whole(pieces));
            if field.is_list() && pieces.len() == inside {
                let values: Vec<usize> = out
                    .field(child)
                    .into_iter()
                    .flat_map(|list| list.children())
                    .map(|value| value.number())
                    .collect();
                for (value, piece) in values.into_iter().zip(pieces) {
                    place_value(&field, payload, piece, value, out);
                }
            }
        }
    }
}

fn place_value(
    field: &FieldDescriptor,
    payload: &[u8],
    piece: &Piece,
    number: usize,
    out: &mut Decoded,
) {
    match field.kind() {
        Kind::Message(inner) => place_message(&inner, payload, piece.inside.clone(), number, out),
        _ => out.place(number, piece.whole.clone()),
    }
}

/// A field as it lies there, with and without what says which it is and how long.
struct Piece {
    whole: Range<usize>,
    inside: Range<usize>,
}

/// The fields of a message by their numbers (Protocol Buffers, "Encoding").
fn pieces(payload: &[u8], range: Range<usize>) -> BTreeMap<u32, Vec<Piece>> {
    let mut all: BTreeMap<u32, Vec<Piece>> = BTreeMap::new();
    let mut at = range.start;
    while at < range.end {
        let start = at;
        let Some((tag, behind)) = varint(payload, at) else {
            break;
        };
        let Some(inside) = value(payload, tag, behind) else {
            break;
        };
        at = inside.end;
        if at > range.end {
            break;
        }
        let number = u32::try_from(tag >> 3).unwrap_or(0);
        all.entry(number).or_default().push(Piece {
            whole: start..at,
            inside,
        });
    }
    all
}

/// Where the value behind a tag is; none for groups, which are no longer used.
fn value(payload: &[u8], tag: u64, at: usize) -> Option<Range<usize>> {
    let (start, end) = match tag & 7 {
        0 => (at, varint(payload, at)?.1),
        1 => (at, at + 8),
        2 => {
            let (length, start) = varint(payload, at)?;
            (start, start.checked_add(usize::try_from(length).ok()?)?)
        }
        5 => (at, at + 4),
        _ => return None,
    };
    (end <= payload.len()).then_some(start..end)
}

/// A number and where it ends.
fn varint(payload: &[u8], at: usize) -> Option<(u64, usize)> {
    let bytes = payload.get(at..)?;
    let length = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    let value = bytes[..length].iter().rev();
    let value = value.fold(0_u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, at + length))
}
