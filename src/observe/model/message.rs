//! A message copied out of a ring, how far the copy can be trusted, and what was passed over.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ring::{Corruption, MessageHeader};
use crate::text::bytes;

/// How far a copied message can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Integrity {
    /// It lies in the lap of a head read after the copy, where the producer writes above head alone; or a consumer's
    /// tail read after the copy vouches for it: the producer had not been let in. That rests on the consumer's word:
    /// one whose tail goes back unseen between two looks can make it false.
    Intact,
    /// It is of the lap before and no tail vouches for it, but head has stayed well clear.
    Likely,
    /// The producer may have written into it while it was copied.
    Torn,
}

impl Integrity {
    /// The word used on the screen and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Likely => "likely",
            Self::Torn => "torn",
        }
    }
}

/// Why a payload of so many bytes is nothing to be read, if that is so: it may not be what was sent.
#[must_use]
pub fn unreadable(
    header: &MessageHeader,
    payload_bytes: usize,
    integrity: Integrity,
) -> Option<&'static str> {
    if header.is_filler() {
        Some("it is a filler, the unused end of a lap")
    } else if integrity == Integrity::Torn {
        Some("it is torn")
    } else if payload_bytes as u64 != u64::from(header.payload_len) {
        Some("its payload is not whole")
    } else {
        None
    }
}

/// A message copied out of a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Logical offset of its header.
    pub offset: u64,
    /// Its header, as found.
    pub header: MessageHeader,
    /// Its payload; shorter than `header.payload_len` when the reader was told to keep only the beginning.
    pub payload: Vec<u8>,
    /// How far the copy can be trusted.
    pub integrity: Integrity,
}

/// Bytes passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// First offset not shown.
    pub from: u64,
    /// Offset where reading goes on.
    pub to: u64,
    /// Why.
    pub why: GapReason,
    /// Messages known to lie there, which the producer may have written into while they were copied.
    pub torn: u64,
}

/// Why bytes were passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GapReason {
    /// The ring is too fast for its reader.
    Overrun,
    /// They are the oldest in the ring, and may be being written over.
    NearProducer,
    /// Head is less than it was: a lie, or a new ring.
    HeadWentBack,
    /// No header can stand where one should.
    Corrupt(Corruption),
    /// A header states a length beyond head, or beyond the lap.
    LongerThanCommitted,
    /// A message that is longer than what is copied at once, bytes.
    TooLong {
        /// Of the message.
        length: u64,
        /// What is copied at most.
        limit: u64,
    },
    /// They are written over.
    NoLongerHeld,
    /// Nothing tells where a message begins.
    NoBoundary,
    /// There was no time to look for messages there.
    NotSearched,
    /// A look of the dashboard reads only so much.
    BeyondBudget,
    /// Bytes in some places in between were not read, the others were.
    NotRead {
        /// Bytes, all places together.
        bytes: u64,
        /// Places, two at least.
        places: u64,
    },
    /// Only headers were read.
    OnlyCounted,
    /// Reading them would have slowed the producer down.
    Spared,
    /// The consumer that read them had lost its slot.
    Evicted,
    /// They were written before this consumer joined.
    BeforeJoin,
    /// Only so many messages were to be recorded.
    NotRecorded,
    /// A message of which only the header was recorded.
    NoPayload,
    /// As whoever read the ring has put it.
    Told(Arc<str>),
}

impl Serialize for GapReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overrun => f.write_str("head overran the reader"),
            Self::NearProducer => f.write_str("too close to what the producer may be overwriting"),
            Self::HeadWentBack => f.write_str("head went back"),
            Self::Corrupt(corruption) => write!(f, "framing lost: {corruption}"),
            Self::LongerThanCommitted => {
                f.write_str("framing lost: a message is longer than what was committed")
            }
            Self::TooLong { length, limit } => write!(
                f,
                "a message of {}, more than the {} that are copied at once",
                bytes(*length),
                bytes(*limit)
            ),
            Self::NoLongerHeld => f.write_str("no longer in the ring"),
            Self::NoBoundary => f.write_str("no message boundary is known there"),
            Self::BeyondBudget => f.write_str("more than one sample may read"),
            Self::NotRead {
                bytes: length,
                places,
            } => write!(
                f,
                "{} in {places} places there were not read",
                bytes(*length)
            ),
            Self::OnlyCounted => f.write_str("counted by their headers, not read"),
            Self::Spared => f.write_str("left out to spare the producer"),
            Self::Evicted => f.write_str("evicted by the producer"),
            Self::NotSearched => f.write_str("there was no time to look for messages there"),
            Self::BeforeJoin => f.write_str("written before this consumer joined"),
            Self::NotRecorded => f.write_str("not recorded: above the requested message rate"),
            Self::NoPayload => f.write_str("a message whose payload was not recorded"),
            Self::Told(why) => f.write_str(why),
        }
    }
}
