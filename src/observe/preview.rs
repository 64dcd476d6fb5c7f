//! The newest messages of a ring, within a fixed budget of bytes, memory and time for each look.
//!
//! A dashboard cannot read everything that a fast ring carries, and need not: it follows from one look to the
//! next while that is little, and otherwise leaps to the nearest boundary it can be sure of.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::attach::AttachedRing;
use super::boundaries::{boundaries, oldest_boundary};
use super::frame::{Integrity, Message};
use super::messages::{Event, Reader};
use super::sample::control;
use crate::ring::message::{MessageHeader, RawMessage};
use crate::text;

/// Messages kept.
const KEPT: usize = 128;
/// Bytes kept of each payload: with [`KEPT`], 2 MiB.
const KEPT_BYTES: usize = 16 << 10;
/// Headers read at most on the way to head when the bytes are too many.
const HOPS: usize = 512;
/// Pieces of the ring read in one look at most: the budget in laps of the smallest ring, and as much again.
const STEPS: u32 = 8192;
/// How long a look waits for head to move, to have two heads with few bytes between them.
const PATIENCE: Duration = Duration::from_micros(300);

/// The newest messages and what they tell of sizes.
#[derive(Debug)]
pub struct Preview {
    /// Bytes walked at most in one look.
    budget: u64,
    reader: Option<Reader>,
    messages: VecDeque<Message>,
    sizes: Sizes,
    note: Option<String>,
}

/// What the messages walked so far tell of sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sizes {
    /// Mean bytes of a message with its header, recent ones weighing more; 0 before the first.
    pub mean: f64,
    /// The longest of the messages kept, with its header.
    pub longest: u64,
}

impl Preview {
    /// A preview that walks at most `budget` bytes in one look.
    #[must_use]
    pub fn new(budget: u64) -> Self {
        let (messages, sizes) = (VecDeque::new(), Sizes::default());
        Self {
            budget,
            reader: None,
            messages,
            sizes,
            note: None,
        }
    }

    /// Takes in what is new below `head`. Returns how many messages came since the last look if every one of
    /// them was walked.
    pub fn look(&mut self, ring: &AttachedRing, head: u64) -> Option<u64> {
        let follows = self
            .reader
            .as_ref()
            .is_some_and(|reader| head.saturating_sub(reader.position()) <= self.budget);
        let mut exact = follows;
        let mut until = head;
        let (mut count, mut bytes) = (0, 0);
        self.note = None;
        if !follows {
            let first = self.reader.is_none();
            let known = self
                .reader
                .as_ref()
                .map_or_else(|| oldest_boundary(ring), Reader::position);
            let from = match boundaries(ring, known, head, HOPS) {
                // Few and long messages: all are counted by their headers, and the last of them read.
                Some(all) => {
                    let near = all.partition_point(|at| head - at > self.budget);
                    let passed = near.min(all.len() - 1);
                    exact = !first;
                    count = passed as u64;
                    bytes = all[passed] - known;
                    all[passed]
                }
                None => {
                    let (from, to) = self.near(ring, head, first);
                    until = to;
                    let fast = || {
                        format!(
                            "more than {} between two looks: only the newest are shown",
                            text::bytes(self.budget)
                        )
                    };
                    self.note = (!first).then(fast);
                    from
                }
            };
            self.reader
                .get_or_insert_with(|| Reader::at(from))
                .jump(from);
        }
        let mut reader = self.reader.take()?;
        // Far more than a look can need: a head that jumps to and fro must not keep us for ever.
        for _ in 0..STEPS {
            let moved = reader.advance(ring, until, |event| {
                match event {
                    Event::Message(message, integrity) => {
                        count += 1;
                        bytes += message.header.total_len();
                        self.keep(message, integrity);
                    }
                    Event::Gap(gap) => {
                        exact = false;
                        self.note = Some(format!(
                            "{} skipped: {}",
                            text::bytes(gap.to.saturating_sub(gap.from)),
                            gap.why
                        ));
                    }
                }
                Ok(())
            });
            match moved {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    exact = false;
                    self.note = Some(error.to_string());
                    break;
                }
            }
        }
        self.reader = Some(reader);
        self.learn(count, bytes);
        exact.then_some(count)
    }

    /// The newest messages, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.messages.iter().cloned().collect()
    }

    /// What the messages tell of sizes.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// What to say beside the messages.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Two boundaries with at most the budget between them, as near to head as can be had.
    fn near(&self, ring: &AttachedRing, head: u64, first: bool) -> (u64, u64) {
        if first {
            let oldest = oldest_boundary(ring);
            if head.saturating_sub(oldest) <= self.budget {
                return (oldest, head);
            }
        }
        let floor = head.saturating_sub(self.budget);
        let lap = head - head % ring.capacity();
        let tails = ring
            .members()
            .iter()
            .filter(|member| member.held)
            .map(|member| {
                // Any tail that a consumer had is a boundary; a lie shows as lost framing and is left behind.
                member.tail()
            });
        if let Some(boundary) = tails
            .chain([lap])
            .filter(|at| (floor..head).contains(at))
            .min()
        {
            return (boundary, head);
        }
        let deadline = Instant::now() + PATIENCE;
        let mut from = head;
        loop {
            let now = control(ring).producer_head;
            if now > from {
                if now - from <= self.budget {
                    return (from, now);
                }
                from = now;
            }
            if Instant::now() > deadline {
                return (from, from);
            }
            std::hint::spin_loop();
        }
    }

    /// Keeps a message, in the memory of the one that drops out.
    fn keep(&mut self, raw: RawMessage<'_>, integrity: Integrity) {
        let spare = if self.messages.len() == KEPT {
            self.messages.pop_front()
        } else {
            None
        };
        let mut message = spare.unwrap_or_else(|| Message {
            offset: 0,
            header: MessageHeader::default(),
            payload: Vec::new(),
            integrity,
        });
        message.offset = raw.offset;
        message.header = raw.header;
        message.integrity = integrity;
        message.payload.clear();
        message
            .payload
            .extend_from_slice(&raw.payload[..raw.payload.len().min(KEPT_BYTES)]);
        self.messages.push_back(message);
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn learn(&mut self, count: u64, bytes: u64) {
        if count == 0 {
            return;
        }
        let mean = bytes as f64 / count as f64;
        self.sizes.mean = if self.sizes.mean == 0.0 {
            mean
        } else {
            self.sizes.mean * 0.8 + mean * 0.2
        };
        self.sizes.longest = self
            .messages
            .iter()
            .map(|message| message.header.total_len())
            .max()
            .unwrap_or(0);
    }
}
