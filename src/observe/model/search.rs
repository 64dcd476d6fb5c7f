//! A search through all that a ring retains: what is asked, and how far it has come.

use std::fmt;
use std::sync::Arc;

use super::message::Integrity;
use super::message_log::MessageLog;
use crate::ring::RawMessage;

/// Tells whether a message is one that is looked for, by what it is and how far the copy of it can be trusted.
pub type Matcher = Arc<dyn Fn(&RawMessage<'_>, Integrity) -> bool + Send + Sync>;

/// What is looked for, and where.
#[derive(Clone)]
pub struct SearchRequest {
    /// Tells it from the others of the one who asks.
    pub number: u64,
    /// Which messages.
    pub matcher: Matcher,
    /// Messages that the ring may hold no longer: they are searched, too.
    pub kept: MessageLog,
    /// The logical offset at which the search ends; without it, it goes on with what comes.
    pub until: Option<u64>,
}

impl fmt::Debug for SearchRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchRequest")
            .field("kept", &self.kept.len())
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// How far a search has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchProgress {
    /// Of the request.
    pub number: u64,
    /// The matches and, between them, what was not read; the newest of them, as far as they are kept.
    pub found: MessageLog,
    /// All matches, kept or not.
    pub matches: u64,
    /// Messages that were looked at.
    pub searched_messages: u64,
    /// Their bytes, with their headers.
    pub searched_bytes: u64,
    /// Bytes that were passed over.
    pub missed_bytes: u64,
    /// Bytes up to head that are still to be read.
    pub left_bytes: u64,
    /// How many they are is an estimate.
    pub is_left_estimated: bool,
    /// What the ring held when the search began has not been searched to its end.
    pub is_behind: bool,
    /// It would be searched on at once: the ring stands still, and reading costs its producer nothing.
    pub goes_on: bool,
}
