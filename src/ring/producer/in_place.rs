//! A message that is written where it is to lie, piece by piece: its header is made from what is known at the end.
//!
//! Knows nothing of what is in it.

use std::sync::atomic::Ordering::Relaxed;

use super::{HEADER, Producer};
use crate::ring::error::{Error, Result};
use crate::ring::message::MessageHeader;

/// Room for one message of a length that is known, at head. Dropped without a commit, it is none.
#[derive(Debug)]
#[must_use = "nothing is sent until it is committed"]
pub struct OpenMessage<'a> {
    producer: &'a mut Producer,
    payload_len: u32,
}

impl Producer {
    /// Makes room for a message with a payload of `payload_len` bytes, which are whatever was there before they are written.
    ///
    /// ```
    /// # use zbqtop::ring::{Error, Producer, ProducerParams};
    /// # let mut producer = Producer::create(ProducerParams::default())?;
    /// let mut message = producer.message(8)?;
    /// message.write_at(0, &42_u64.to_le_bytes())?;
    /// assert_eq!(message.commit()?, 0);
    /// assert_eq!(producer.head(), 24);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Producer::send`].
    #[inline]
    pub fn message(&mut self, payload_len: usize) -> Result<OpenMessage<'_>> {
        match self.claim(payload_len) {
            Ok(()) => Ok(OpenMessage {
                producer: self,
                // More has no room.
                payload_len: payload_len as u32,
            }),
            Err(error) => Err(self.unwritten(error)),
        }
    }
}

impl OpenMessage<'_> {
    /// Logical offset of its header.
    pub fn offset(&self) -> u64 {
        self.producer.head
    }

    /// The `seq_id` that it will have.
    pub fn seq_id(&self) -> u64 {
        self.producer.next_seq_id
    }

    /// Writes `bytes` of its payload, `at` bytes behind the first.
    ///
    /// # Errors
    /// If they would not be inside the payload.
    #[inline]
    pub fn write_at(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        let size = self.payload_len as usize;
        if size.checked_sub(bytes.len()).is_none_or(|last| at > last) {
            return Err(Error::OutOfRange {
                object: "message",
                offset: at as u64,
                len: bytes.len() as u64,
                size: size as u64,
            });
        }
        let payload = self.producer.position + HEADER;
        self.producer.ring.copy_in(payload + at as u64, bytes)
    }

    /// Commits it. Returns the logical offset of its header.
    ///
    /// # Errors
    /// None that can be helped: what was claimed is there.
    #[inline]
    pub fn commit(self) -> Result<u64> {
        let producer = &mut *self.producer;
        let seq_id = producer.next_seq_id();
        let header = MessageHeader {
            payload_len: self.payload_len,
            seq_id,
            ..MessageHeader::default()
        };
        producer
            .ring
            .copy_in(producer.position, &header.to_bytes())?;
        let offset = producer.written;
        producer.advance(HEADER + u64::from(self.payload_len));
        Ok(offset)
    }
}

impl Drop for OpenMessage<'_> {
    fn drop(&mut self) {
        let producer = &mut *self.producer;
        // No more is being written than has been.
        producer.table.local_head.store(producer.written, Relaxed);
        // That may be a filler alone.
        producer.publish_any();
    }
}
