//! What is in a payload: a decoder that the user names takes it to pieces, each with a name, a value and its bytes.
//!
//! Depth, size, number and time are bounded. Knows no ring: bytes go in, [`Decoded`] comes out, or a [`DecodeError`].

mod cbor;
mod condition;
mod coprocess;
mod decoded;
mod decoder;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod json;
mod layout;
mod limits;
mod msgpack;
mod protobuf;
mod rule;
mod spec;
mod time_field;
mod word;

pub use condition::{Condition, conditions, path};
pub use decoded::{Decoded, Field, Value};
pub use decoder::Decoder;
pub use error::DecodeError;
pub use rule::{DecodeRule, DecodeRules, rule_for};
pub use spec::DecodeSpec;
pub use time_field::TimeField;
pub use word::{line, word};

#[cfg(test)]
mod tests;
