//! Reading and releasing as one thing: a message that is released by its own handle, and a run of messages that are released
//! together.
//!
//! Knows nothing of how a message is found.

use super::{Consumer, MessageView};
use crate::ring::error::Result;
use crate::ring::mapping::SharedBytes;
use crate::ring::message::MessageHeader;

/// A drain releases what it has handed out once it is so much of a lap: a producer that waits for room is not to wait for all
/// of it.
const SHARE: u64 = 16;

/// Messages, one after the other, released together when this is dropped; and now and then before, in long runs.
#[derive(Debug)]
#[must_use = "nothing is read until it is asked for its messages"]
pub struct Drain<'a> {
    consumer: &'a mut Consumer,
    /// The end of the message that was handed out last.
    end: u64,
    published: u64,
}

/// The next message, for as long as nothing else is done with the consumer. Dropped, it is still there to be read.
#[derive(Debug)]
#[must_use = "a message is there to be read until it is released"]
pub struct HeldMessage<'a> {
    consumer: &'a mut Consumer,
    header: MessageHeader,
}

impl Consumer {
    /// Begins to read what there is.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use zbqtop::ring::{Consumer, Error, WakeupMode};
    /// # let mut consumer = Consumer::connect("/run/quotes.sock", WakeupMode::Pull, Duration::from_secs(1))?;
    /// let mut drain = consumer.drain();
    /// while let Some(message) = drain.message()? {
    ///     let payload = message.payload.to_vec()?;
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    pub fn drain(&mut self) -> Drain<'_> {
        let tail = self.tail();
        Drain {
            consumer: self,
            end: tail,
            published: tail,
        }
    }

    /// The next message; `None` if there is none yet.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use zbqtop::ring::{Consumer, Error, WakeupMode};
    /// # let mut consumer = Consumer::connect("/run/quotes.sock", WakeupMode::Pull, Duration::from_secs(1))?;
    /// if let Some(message) = consumer.receive()? {
    ///     let payload = message.payload()?.to_vec()?;
    ///     message.release();
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Consumer::peek`].
    #[inline]
    pub fn receive(&mut self) -> Result<Option<HeldMessage<'_>>> {
        let Some(MessageView { header, .. }) = self.peek()? else {
            return Ok(None);
        };
        Ok(Some(HeldMessage {
            consumer: self,
            header,
        }))
    }
}

impl Drain<'_> {
    /// The next message; `None` if there is none now. The one before is read by then.
    ///
    /// # Errors
    /// Those of [`Consumer::peek`].
    #[inline(always)]
    pub fn message(&mut self) -> Result<Option<MessageView<'_>>> {
        self.consumer.advance(self.end);
        if self.end - self.published >= self.consumer.capacity / SHARE {
            self.release();
        }
        match self.consumer.peek() {
            Ok(Some(message)) => {
                self.end = message.end();
                Ok(Some(message))
            }
            nothing => nothing,
        }
    }

    #[cold]
    fn release(&mut self) {
        self.consumer.release(self.end);
        self.published = self.end;
    }
}

impl Drop for Drain<'_> {
    /// Releases all that was handed out, the last one too.
    fn drop(&mut self) {
        if self.end != self.published {
            self.consumer.publish(self.end);
        }
    }
}

impl HeldMessage<'_> {
    /// Its header.
    pub fn header(&self) -> MessageHeader {
        self.header
    }

    /// Logical offset of its header.
    pub fn offset(&self) -> u64 {
        self.consumer.tail
    }

    /// Its payload, still in the ring.
    ///
    /// # Errors
    /// If a memfd was truncated.
    #[inline]
    pub fn payload(&self) -> Result<SharedBytes<'_>> {
        Ok(self.consumer.view(self.header)?.payload)
    }

    /// Releases it to the producer.
    #[inline]
    pub fn release(self) {
        let end = self.consumer.tail + self.header.total_len();
        self.consumer.publish(end);
    }
}
