//! A batch of messages that are held: copied, or noted where they lie. It knows nothing of where they go.

use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::observe::model::GapReason;
use crate::ring::layout::HEADER_SIZE;
use crate::ring::{Consumer, Error, MOST_RANGES, MessageHeader};

/// Payload bytes taken before they are written out and their space is given back.
const BYTES: usize = 256 << 10;

/// Messages taken, and not yet known to be ours.
#[derive(Default)]
pub(super) struct Batch {
    /// Payloads are not copied.
    pub(super) stays: bool,
    /// The payloads one behind the other, unless they stay where they lie.
    payloads: Vec<u8>,
    /// Offset, header and descriptors of each.
    pub(super) messages: Vec<(u64, MessageHeader, Vec<OwnedFd>)>,
    /// Why the bytes behind the last message are none.
    pub(super) broken: Option<GapReason>,
}

impl Batch {
    /// Nothing yet; payloads will be copied, unless the batch `stays` where it lies.
    pub(super) fn of(stays: bool) -> Self {
        Self {
            stays,
            ..Self::default()
        }
    }

    /// Takes what there is below `head`, up to a limit, and goes on behind it without giving it back.
    ///
    /// # Errors
    /// When the ring can no longer be read.
    pub(super) fn fill(&mut self, consumer: &mut Consumer, head: u64) -> Result<(), Error> {
        self.payloads.clear();
        self.messages.clear();
        self.broken = None;
        // The producer goes on meanwhile: it needs room.
        let most = BYTES.min(consumer.capacity() as usize / 8);
        let mut bytes = 0;
        while bytes < most && self.messages.len() < MOST_RANGES {
            let message = match consumer.peek() {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(Error::Corrupt(corruption)) => {
                    self.broken = Some(GapReason::Corrupt(corruption));
                    break;
                }
                Err(error) => return Err(error),
            };
            // What is committed since head was looked at is seen by the next look.
            if message.end() > head {
                break;
            }
            bytes += message.payload.len();
            if !self.stays {
                message.payload.append_to(&mut self.payloads)?;
            }
            let (offset, header, end) = (message.offset, message.header, message.end());
            // Received whether shown or not: what nobody takes stays on the producer's account. They were sent
            // before the message, so there is nothing to wait for.
            let fds = match header.fd_count {
                0 => Vec::new(),
                _ => consumer
                    .recv_fds(header.seq_id, Duration::ZERO)
                    .ok()
                    .flatten()
                    .unwrap_or_default(),
            };
            self.messages.push((offset, header, fds));
            consumer.advance(end);
        }
        Ok(())
    }

    /// Each message with its copied payload.
    pub(super) fn copies(&self) -> impl Iterator<Item = (u64, MessageHeader, &[u8], &[OwnedFd])> {
        let mut at = 0;
        self.messages.iter().map(move |(offset, header, fds)| {
            let end = at + header.payload_len as usize;
            let payload = self.payloads.get(at..end).unwrap_or_default();
            at = end;
            (*offset, *header, payload, &fds[..])
        })
    }

    /// Where each payload lies: its logical offset, and its length.
    pub(super) fn places(&self) -> Vec<(u64, usize)> {
        self.messages
            .iter()
            .map(|(offset, header, _)| (offset + HEADER_SIZE as u64, header.payload_len as usize))
            .collect()
    }
}
