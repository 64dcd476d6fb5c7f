//! Decoded values in words, for people: `px=101.5 side=buy tags=[1 2]`. Everything is escaped.

use super::decoded::{Decoded, Field, Value};
use crate::text::{escape, push_escaped};

/// Bytes of a byte string that are shown.
const MOST_BYTES: usize = 32;

/// All values in one line; those of the outermost record without its braces.
#[must_use]
pub fn line(decoded: &Decoded) -> String {
    let mut text = String::new();
    if let Some(root) = decoded.root() {
        match root.value() {
            Value::Record => push_members(&mut text, root),
            _ => push(&mut text, root),
        }
    }
    text
}

/// One value, with all that is inside it.
#[must_use]
pub fn word(field: Field<'_>) -> String {
    let mut text = String::new();
    push(&mut text, field);
    text
}

/// A value as the name of another: a text as it is.
pub(super) fn key(decoded: &Decoded) -> String {
    match decoded.root() {
        Some(root) => match root.value() {
            Value::Text(text) => text.to_owned(),
            _ => word(root),
        },
        None => String::new(),
    }
}

fn push_members(text: &mut String, record: Field<'_>) {
    for (number, child) in record.children().enumerate() {
        if number > 0 {
            text.push(' ');
        }
        text.push_str(&escape(child.name()));
        text.push('=');
        push(text, child);
    }
}

/// Whether a number is read without an exponent: beyond, it would be mostly zeros.
fn is_handy(value: f64) -> bool {
    let size = value.abs();
    !value.is_finite() || size == 0.0 || (1e-5..1e16).contains(&size)
}

fn push(text: &mut String, field: Field<'_>) {
    match field.value() {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if value { "true" } else { "false" }),
        Value::Unsigned(value) => text.push_str(&value.to_string()),
        Value::Signed(value) => text.push_str(&value.to_string()),
        Value::Big(digits) => text.push_str(digits),
        Value::Single(value) if is_handy(value.into()) => text.push_str(&value.to_string()),
        Value::Single(value) => text.push_str(&format!("{value:e}")),
        Value::Float(value) if is_handy(value) => text.push_str(&value.to_string()),
        Value::Float(value) => text.push_str(&format!("{value:e}")),
        Value::Named(number, "") => text.push_str(&number.to_string()),
        Value::Named(_, name) => text.push_str(&escape(name)),
        Value::Text(value) => {
            text.push('"');
            for character in value.chars() {
                if matches!(character, '"' | '\\') {
                    text.push('\\');
                }
                push_escaped(text, character);
            }
            text.push('"');
        }
        Value::Bytes(bytes) => {
            text.push_str("0x");
            for byte in &bytes[..bytes.len().min(MOST_BYTES)] {
                text.push_str(&format!("{byte:02x}"));
            }
            if bytes.len() > MOST_BYTES {
                text.push_str(&format!("...({} bytes)", bytes.len()));
            }
        }
        Value::List => {
            text.push('[');
            for (number, child) in field.children().enumerate() {
                if number > 0 {
                    text.push(' ');
                }
                push(text, child);
            }
            text.push(']');
        }
        Value::Record => {
            text.push('{');
            push_members(text, field);
            text.push('}');
        }
    }
}
