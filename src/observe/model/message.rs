//! A message copied out of a ring, how far the copy can be trusted, and what was passed over.

use serde::Serialize;

use crate::ring::message::MessageHeader;

/// How far a copied message can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
    pub why: String,
    /// Messages known to lie there, which the producer may have written into while they were copied.
    pub torn: u64,
}
