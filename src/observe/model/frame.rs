//! What the dashboard is fed with: one ring at one instant together with its recent past, and the list of rings.
//!
//! Plain data and one trait. It refuses to know how a ring is reached or how it is drawn.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::event::EventLog;
use super::export::Export;
use super::listing::Listing;
use super::message::Message;
use super::message_log::MessageLog;
use super::past_series::PastSeries;
use super::search::{SearchProgress, SearchRequest};
use super::snapshot::RingSnapshot;
use super::timeline::{Seek, Timeline};

/// One ring at one instant, with what the panels need of its recent past.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The ring.
    pub snapshot: RingSnapshot,
    /// Past bytes per second, oldest first, the present one last.
    pub rates: PastSeries,
    /// Past lags of every consumer of the snapshot, in bytes, oldest first, the present one last; unknown where its tail
    /// was above head, or could not be read, and between two memberships of its process. By
    /// [`ConsumerSnapshot::meta_inode`](super::ConsumerSnapshot::meta_inode).
    pub lags: HashMap<u64, PastSeries>,
    /// The messages that were read last, and the gaps between them.
    pub messages: MessageLog,
    /// Why there are fewer messages than there could be, or none; in words for the panel.
    pub messages_note: Option<String>,
    /// What has happened since the ring is watched.
    pub events: Arc<EventLog>,
    /// Where in a recording this is; `None`: it is now.
    pub timeline: Option<Timeline>,
    /// How a recording comes along that was begun from here, in words.
    pub recording: Option<String>,
    /// How far a dump has come that was begun from here, in words.
    pub dump: Option<String>,
    /// What came of something that was begun from here and has ended, in words.
    pub said: Option<String>,
}

/// What the dashboard can ask of where it gets its rings from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceAction {
    /// To go elsewhere in a recording.
    Seek(Seek),
    /// To write the attached ring into a file as it is.
    Dump,
    /// To begin to record the attached ring, or to end that.
    Record,
}

/// Where the dashboard gets its rings from.
pub trait RingSource {
    /// Looks for rings on this machine.
    fn list(&mut self) -> Listing;

    /// Goes over to the ring called `id` in the last listing.
    ///
    /// # Errors
    /// Why it cannot be watched, in words for the screen.
    fn attach(&mut self, id: &str) -> Result<(), String>;

    /// Samples the attached ring now; `None` while none is attached. A ring that dies is still sampled: its
    /// snapshot says so.
    fn sample(&mut self) -> Option<Frame>;

    /// Takes in between two samples where head is, if that is wanted; gives how soon it is wanted again.
    fn note_commits(&mut self) -> Option<Duration> {
        None
    }

    /// Does what is asked for, as far as it can; says what came of it, if that is worth a word.
    fn act(&mut self, _action: SourceAction) -> Option<String> {
        None
    }

    /// The whole payload of a message of which only the beginning was kept, if the attached ring still has it.
    fn payload(&mut self, _message: &Message) -> Option<Vec<u8>> {
        None
    }

    /// Writes messages into a file; says what came of it.
    fn export(&mut self, _export: &Export) -> String {
        "messages cannot be written from here".to_owned()
    }

    /// Begins a search through all that the attached ring retains, in the place of the one before, or ends that.
    fn search(&mut self, _request: Option<SearchRequest>) {}

    /// Searches on for so long at most; `None` where there is no search.
    fn search_on(&mut self, _patience: Duration) -> Option<SearchProgress> {
        None
    }

    /// The messages around the one at `offset`, if the attached ring still has it.
    fn around(&mut self, _offset: u64) -> Option<MessageLog> {
        None
    }
}
