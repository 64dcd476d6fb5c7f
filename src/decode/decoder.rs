//! Takes payloads to pieces, in one of the ways there are.

use std::sync::Arc;

use prost_reflect::MessageDescriptor;

use super::coprocess::Coprocess;
use super::decoded::Decoded;
use super::error::DecodeError;
use super::layout::Layout;
use super::{cbor, json, msgpack, protobuf};

/// Takes payloads to pieces.
#[derive(Debug)]
pub struct Decoder(pub(super) Kind);

#[derive(Debug)]
pub(super) enum Kind {
    Layout(Arc<Layout>),
    Json,
    Msgpack,
    Cbor,
    Protobuf(MessageDescriptor),
    Exec(Box<Coprocess>),
}

impl Decoder {
    /// Puts into `out`, and nothing else, what is in a payload. On an error, what came before it is there.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(&mut self, payload: &[u8], out: &mut Decoded) -> Result<(), DecodeError> {
        out.clear();
        match &mut self.0 {
            Kind::Layout(layout) => layout.decode(payload, out),
            Kind::Json => json::decode(payload, out),
            Kind::Msgpack => msgpack::decode(payload, out),
            Kind::Cbor => cbor::decode(payload, out),
            Kind::Protobuf(message) => protobuf::decode(message, payload, out),
            Kind::Exec(coprocess) => coprocess.decode(payload, out),
        }
    }

    /// As [`Self::decode`], and says of each value where its bytes are, if that can be told at all: for one payload that is
    /// looked at.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode_with_places(
        &mut self,
        payload: &[u8],
        out: &mut Decoded,
    ) -> Result<(), DecodeError> {
        self.decode(payload, out)?;
        match &self.0 {
            Kind::Json => json::place(payload, out),
            Kind::Protobuf(message) => protobuf::place(message, payload, out),
            _ => {}
        }
        Ok(())
    }

    /// The same once more, for another thread.
    #[must_use]
    pub fn another(&self) -> Self {
        Self(match &self.0 {
            Kind::Layout(layout) => Kind::Layout(Arc::clone(layout)),
            Kind::Json => Kind::Json,
            Kind::Msgpack => Kind::Msgpack,
            Kind::Cbor => Kind::Cbor,
            Kind::Protobuf(message) => Kind::Protobuf(message.clone()),
            Kind::Exec(coprocess) => Kind::Exec(Box::new(coprocess.another())),
        })
    }

    /// How often a command had to be started again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        match &self.0 {
            Kind::Exec(coprocess) => coprocess.restarts(),
            _ => 0,
        }
    }
}
