//! Messages that somebody wants to have in a file.

use std::path::PathBuf;

use super::message::{Gap, Message};
use super::snapshot::RingSnapshot;

/// What is to be written, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// The file, which must not exist; its suffix says in which format.
    pub path: PathBuf,
    /// Messages and gaps, in order.
    pub rows: Vec<ExportedRow>,
    /// The ring that they are of.
    pub ring: Box<RingSnapshot>,
}

/// A message or a gap.
#[derive(Clone, Debug, PartialEq)]
pub enum ExportedRow {
    /// A message, or the beginning of it.
    Message(Message),
    /// Bytes that were passed over.
    Gap(Gap),
}
