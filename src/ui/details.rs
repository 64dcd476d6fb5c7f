//! The consumer that is looked at closely, as it was last seen.
//!
//! Kept as a copy: what is read does not go when the consumer does.

use jiff::Timestamp;

use super::cursor::Movement;
use crate::observe::model::{ConsumerSnapshot, Frame, PastSeries};

/// A consumer and its past.
#[derive(Debug)]
pub(crate) struct Details {
    /// As it was last seen.
    pub(crate) consumer: ConsumerSnapshot,
    /// Its place in the snapshot's list then.
    pub(crate) place: usize,
    /// Its lag until then.
    pub(crate) lags: PastSeries,
    /// When that was.
    pub(crate) seen_at: Timestamp,
    /// Whether the ring no longer has it.
    pub(crate) gone: bool,
    top: usize,
}

impl Details {
    /// The consumer at `place` in the frame's list.
    pub(super) fn of(frame: &Frame, place: usize, seen_at: Timestamp) -> Option<Self> {
        let consumer = frame.snapshot.consumers.get(place)?.clone();
        Some(Self {
            lags: past(frame, &consumer),
            consumer,
            place,
            seen_at,
            gone: false,
            top: 0,
        })
    }

    /// Takes over what a later sample says.
    pub(super) fn take_frame(&mut self, frame: &Frame, at: Timestamp) {
        let inode = self.consumer.meta_inode;
        let mut consumers = frame.snapshot.consumers.iter();
        let place = consumers.position(|consumer| consumer.meta_inode == inode);
        match place.and_then(|place| Self::of(frame, place, at)) {
            Some(seen) => {
                *self = Self {
                    top: self.top,
                    ..seen
                }
            }
            None => self.gone = true,
        }
    }

    /// The first line of text that is shown, if there are that many.
    pub(crate) fn top(&self) -> usize {
        self.top
    }

    /// Scrolls the text; `last_top` is the last line that may come first.
    pub(super) fn scroll(&mut self, step: Movement, last_top: usize) {
        self.top = step.from(self.top.min(last_top), last_top);
    }
}

fn past(frame: &Frame, consumer: &ConsumerSnapshot) -> PastSeries {
    frame
        .lags
        .get(&consumer.meta_inode)
        .cloned()
        .unwrap_or_default()
}
