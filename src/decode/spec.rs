//! How payloads are to be decoded, as it is typed.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::coprocess::Coprocess;
use super::decoder::{Decoder, Kind};
use super::layout::Layout;
use super::protobuf;
use crate::text::few;

/// A command has so much time for a payload, ...
const PATIENCE: Duration = Duration::from_secs(1);
/// ... or so much where a screen waits for it.
const SCREEN_PATIENCE: Duration = Duration::from_millis(100);

/// How payloads are to be decoded, as it is typed.
#[derive(Clone, Debug, PartialEq)]
pub enum DecodeSpec {
    /// By a layout.
    Layout(Arc<Layout>),
    /// JSON.
    Json,
    /// MessagePack.
    Msgpack,
    /// CBOR (RFC 8949).
    Cbor,
    /// Protocol Buffers: the file with the descriptor set, and the full name of the message.
    Protobuf(PathBuf, String),
    /// A command that is fed payloads and answers with lines of JSON.
    Exec(String),
}

/// What can be named, for errors.
const EXPECTED: &str = "expected json, msgpack, cbor, protobuf:FILE:TYPE, exec:COMMAND or a layout such as 'px:f64 qty:u32 sym:char[8]'";

impl FromStr for DecodeSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "json" => return Ok(Self::Json),
            "msgpack" => return Ok(Self::Msgpack),
            "cbor" => return Ok(Self::Cbor),
            _ => {}
        }
        if let Some(rest) = text.strip_prefix("protobuf:") {
            return match rest.rsplit_once(':') {
                Some((file, name)) if !file.is_empty() && !name.is_empty() => {
                    Ok(Self::Protobuf(file.into(), name.to_owned()))
                }
                _ => Err(format!(
                    "found `{text}`, expected protobuf:FILE:TYPE, as in protobuf:quotes.desc:pkg.Quote"
                )),
            };
        }
        if let Some(command) = text.strip_prefix("exec:") {
            return match command.trim() {
                "" => Err("exec: without a command".to_owned()),
                command => Ok(Self::Exec(command.to_owned())),
            };
        }
        if !text.contains(':') && !text.trim_start().starts_with('@') {
            return Err(format!("found `{text}`, {EXPECTED}"));
        }
        text.parse().map(|layout| Self::Layout(Arc::new(layout)))
    }
}

impl DecodeSpec {
    /// Why no payload has a value at `path`, if that is known before one is seen.
    #[must_use]
    pub fn lacks(&self, path: &[String]) -> Option<String> {
        match self {
            Self::Layout(layout) if !layout.may_have(path) => Some(format!(
                "the layout has no .{}; it has {}",
                path.join("."),
                few(&layout.names(), ", ")
            )),
            _ => None,
        }
    }

    /// Gets it ready: reads what has to be read.
    ///
    /// # Errors
    /// When a file cannot be read, or has no such message in it.
    pub fn open(&self) -> Result<Decoder, String> {
        self.open_as(PATIENCE, false)
    }

    /// As [`Self::open`], for a screen, which does not wait long for a command.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub fn open_hurried(&self) -> Result<Decoder, String> {
        self.open_as(SCREEN_PATIENCE, true)
    }

    fn open_as(&self, patience: Duration, quiet: bool) -> Result<Decoder, String> {
        Ok(Decoder(match self {
            Self::Layout(layout) => Kind::Layout(Arc::clone(layout)),
            Self::Json => Kind::Json,
            Self::Msgpack => Kind::Msgpack,
            Self::Cbor => Kind::Cbor,
            Self::Protobuf(file, name) => Kind::Protobuf(protobuf::open(file, name)?),
            Self::Exec(command) => Kind::Exec(Box::new(Coprocess::new(command, patience, quiet))),
        }))
    }
}
