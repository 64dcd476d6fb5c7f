//! A message once more, and all of it, if the ring still has it.
//!
//! For one that somebody asks for by hand; what is shown unasked is read by [`super::reader`].

use super::copy::copy;
use super::validity::Validity;
use super::walk::header_of;
use crate::observe::attach::AttachedRing;
use crate::observe::model::{Integrity, Message};
use crate::ring::layout::HEADER_SIZE;

/// Bytes copied at most.
const LONGEST: u64 = 64 << 20;

/// The whole payload of `message`, of which the beginning is known.
pub fn payload(ring: &AttachedRing, message: &Message) -> Option<Vec<u8>> {
    let length = message.header.total_len();
    let left = ring.capacity() - message.offset.checked_rem(ring.capacity())?;
    if length > left.min(LONGEST) {
        return None;
    }
    let mut bytes = Vec::new();
    copy(
        ring,
        message.offset,
        message.offset.checked_add(length)?,
        &mut bytes,
    )
    .ok()?;
    let validity = Validity::read(ring, message.offset);
    let is_there = validity.head >= message.offset + length
        && validity.integrity(message.offset) != Integrity::Torn
        && header_of(&bytes) == Some(message.header);
    bytes.drain(..HEADER_SIZE);
    (is_there && bytes.starts_with(&message.payload)).then_some(bytes)
}
