//! What the messages that are sure tell of those that are not: how this producer numbers, flags and sizes its
//! messages, and whether its payloads hold anything that could be taken for a header.
//!
//! Knows headers one by one; it has never seen where they lie.

use crate::ring::MessageHeader;

/// Combinations of flags and reserved bits that are remembered: past these, an application's use of them is no mark of
/// a header any more.
const TAGS: usize = 8;
/// Of the messages that are sure, one in so many makes a way of numbering usual.
const USUAL: u64 = 64;
/// Of the messages that are sure, one in so many must be one below the next for numbers to prove anything.
const COUNTED: u64 = 4;

/// How a message's number relates to the one above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// It has none.
    Zero,
    /// One less.
    Next,
    /// The same.
    Same,
    /// Neither.
    Other,
}

impl Link {
    pub(super) fn between(seq_id: u64, above: u64) -> Self {
        if seq_id == 0 {
            Self::Zero
        } else if seq_id.checked_add(1) == Some(above) {
            Self::Next
        } else if seq_id == above {
            Self::Same
        } else {
            Self::Other
        }
    }
}

/// The habits of a ring's producer.
#[derive(Debug)]
pub(super) struct Habits {
    /// Messages that are sure.
    pub(super) messages: u64,
    /// The longest of them, with its header.
    pub(super) longest: u64,
    /// Something like a header was seen in a payload.
    pub(super) littered: bool,
    /// A payload was seen to end in records that are numbered as the messages before it.
    pub(super) echoes: bool,
    links: [u64; 4],
    fd_counts: [bool; 256],
    tags: Vec<(u8, u16)>,
}

impl Habits {
    pub(super) fn new() -> Self {
        let mut fd_counts = [false; 256];
        fd_counts[0] = true;
        Self {
            messages: 0,
            longest: 0,
            littered: false,
            echoes: false,
            links: [0; 4],
            fd_counts,
            tags: vec![(0, 0)],
        }
    }

    /// Learns from a message that is sure, and the number of the one above it.
    pub(super) fn learn(&mut self, header: MessageHeader, above: Option<u64>) {
        self.messages += 1;
        self.longest = self.longest.max(header.total_len());
        self.fd_counts[usize::from(header.fd_count)] = true;
        let tag = (header.flags, header.reserved);
        if !self.tags.contains(&tag) && self.tags.len() < TAGS {
            self.tags.push(tag);
        }
        if let Some(above) = above {
            self.links[Link::between(header.seq_id, above) as usize] += 1;
        }
    }

    /// Flags and reserved bits that headers of this ring have.
    pub(super) fn tags(&self) -> &[(u8, u16)] {
        &self.tags
    }

    /// Whether a header looks like those that are sure, as far as there are any.
    pub(super) fn is_usual(&self, header: MessageHeader, above: Option<u64>) -> bool {
        self.fd_counts[usize::from(header.fd_count)]
            && above.is_none_or(|above| self.is_usual_link(Link::between(header.seq_id, above)))
    }

    /// Whether messages are numbered one after the other, as far as it is known.
    pub(super) fn counts(&self) -> bool {
        self.links[Link::Next as usize] * COUNTED >= self.links.iter().sum()
    }

    /// Whether a message may be numbered so. Numbers without an order may follow one another by chance.
    pub(super) fn may_link(&self, seq_id: u64, above: Option<u64>) -> bool {
        above.is_none_or(|above| {
            self.is_usual_link(Link::between(seq_id, above)) || self.is_usual_link(Link::Other)
        })
    }

    fn is_usual_link(&self, link: Link) -> bool {
        self.links[link as usize] * USUAL >= self.links.iter().sum()
    }
}
