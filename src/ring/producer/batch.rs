//! Many messages, committed together: one store of head, and one wake.

use super::Producer;
use crate::ring::error::Result;

/// Messages that are written, and committed together when this is dropped. No consumer sees one of them before.
#[derive(Debug)]
#[must_use = "what is in a batch is committed when it is dropped"]
pub struct Batch<'a> {
    producer: &'a mut Producer,
}

impl Producer {
    /// Begins a batch.
    ///
    /// ```
    /// # use zbqtop::ring::{Error, Producer, ProducerParams};
    /// # let mut producer = Producer::create(ProducerParams::default())?;
    /// let mut batch = producer.batch();
    /// for payload in [&b"one"[..], b"two"] {
    ///     batch.push(payload)?;
    /// }
    /// batch.commit();
    /// assert_eq!(producer.head(), 2 * (16 + 3));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn batch(&mut self) -> Batch<'_> {
        Batch { producer: self }
    }
}

impl Batch<'_> {
    /// Writes one message behind the others; otherwise as [`Producer::send`].
    ///
    /// # Errors
    /// Those of [`Producer::send`]. What is in the batch already stays there: when there is no room, commit it, and let the
    /// consumers read.
    #[inline]
    pub fn push(&mut self, payload: &[u8]) -> Result<u64> {
        self.producer.write(payload, 0)
    }

    /// Bytes in the batch, headers and fillers among them.
    pub fn len(&self) -> u64 {
        self.producer.written - self.producer.head
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Commits it, as dropping does.
    pub fn commit(self) {}
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.producer.publish_any();
    }
}
