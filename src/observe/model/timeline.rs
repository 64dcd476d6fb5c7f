//! Where in a recording the screen stands, and where it can go. Of a ring that is watched now there is none.

use std::sync::Arc;

use super::finding::Severity;
use super::moment::Moment;

/// Time in a recording. Times are ns since 1970, UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Where the recording begins.
    pub begin_ns: u64,
    /// Where it ends, as far as it has come.
    pub end_ns: u64,
    /// What is shown.
    pub at_ns: u64,
    /// How many times as fast as it was it is played; `None` while it stands.
    pub speed: Option<u32>,
    /// It is still coming in, and what is shown is its end.
    pub is_live: bool,
    /// What was wrong, and when, by time.
    pub marks: Arc<Vec<Mark>>,
}

/// Something that was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When.
    pub at_ns: u64,
    /// How bad it was.
    pub severity: Severity,
}

/// Where to go in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// To play, or to stand still.
    Toggle,
    /// To play faster.
    Faster,
    /// To play slower.
    Slower,
    /// To the next sample.
    NextSample,
    /// To the sample before.
    PreviousSample,
    /// To the next event, or where the next finding begins.
    NextEvent,
    /// To the event, or the beginning of a finding, before.
    PreviousEvent,
    /// To a moment.
    To(Moment),
    /// To the end, and on with it as it comes.
    End,
}
