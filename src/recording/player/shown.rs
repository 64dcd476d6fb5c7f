//! What has gone through a ring, and what has happened to it, up to a moment of its recording.

use std::sync::Arc;

use super::recorded_search::piece_of;
use crate::capture::RecordedMessage;
use crate::observe::attach::AttachedRing;
use crate::observe::messages::{Preview, payload};
use crate::observe::model::{Event, EventLog, Message, MessageLog};
use crate::observe::sample::control;
use crate::observe::watch::Budget;
use crate::recording::channel::Content;
use crate::recording::playback::{Playback, PlayedRing};

/// Pieces of a recording that are read back from a moment for the messages before it.
const READ_BACK: usize = 4;
/// Events come in no later than this after what is later, ns, and so many of the last are compared.
const LATE_NS: u64 = 2_000_000_000;
const LATE: usize = 64;
/// A step forward over more pieces than this is a leap: what lies between is not read.
const LEAP: usize = 8;

/// Messages and events of one ring.
#[derive(Debug)]
pub(super) struct Shown {
    /// The moment that they are of.
    at_ns: Option<u64>,
    messages: MessageLog,
    note: Option<String>,
    /// Of a dump: the ring itself, or why it cannot be read.
    ring: Option<Result<AttachedRing, String>>,
    /// The last of the messages: where they go on.
    last: Option<(usize, u64)>,
    events: Arc<EventLog>,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            at_ns: None,
            messages: MessageLog::new(Budget::DASHBOARD.history),
            note: None,
            ring: None,
            last: None,
            events: Arc::default(),
        }
    }
}

impl Shown {
    /// Brings them to the moment at which `playback` stands.
    pub(super) fn follow(&mut self, playback: &mut Playback, ring: &PlayedRing) {
        let at = playback.at_ns();
        let before = self.at_ns.replace(at);
        if before == Some(at) && !playback.goes_on() {
            return;
        }
        self.follow_events(playback, ring, before);
        if playback.has(ring, Content::Pages) {
            return self.restore(playback, ring);
        }
        let chunks = playback.message_chunks(ring);
        if chunks.is_empty() {
            self.note = Some("no messages were recorded until then".into());
            self.messages = MessageLog::new(Budget::DASHBOARD.history);
            self.last = None;
            return;
        }
        self.note = None;
        let forward = before.is_some_and(|before| before <= at);
        let place = (self.last.filter(|_| forward))
            .and_then(|(chunk, _)| chunks.binary_search(&chunk).ok())
            .filter(|place| chunks.len() - place <= LEAP);
        let (from, after) = match (place, self.last) {
            (Some(place), Some((_, offset))) => (place, Some(offset)),
            _ => {
                self.messages = MessageLog::new(Budget::DASHBOARD.history);
                (chunks.len().saturating_sub(READ_BACK), None)
            }
        };
        let (log, mut last) = (&mut self.messages, after);
        let chunks = chunks[from..].to_vec();
        for chunk in &chunks {
            playback.messages_in(ring, *chunk, |_, message| {
                match message {
                    RecordedMessage::Message(raw, integrity)
                    | RecordedMessage::Header(raw, integrity) => {
                        if last.is_none_or(|last| raw.offset > last) {
                            log.push(raw, integrity);
                            last = Some(raw.offset);
                        }
                    }
                    RecordedMessage::Gap(gap) => {
                        if last.is_none_or(|last| gap.from > last) {
                            log.skip(gap);
                        }
                    }
                }
                true
            });
        }
        self.last = chunks.last().copied().zip(last);
    }

    fn follow_events(&mut self, playback: &mut Playback, ring: &PlayedRing, before: Option<u64>) {
        let at = playback.at_ns();
        match before {
            Some(before) if before <= at => {
                // An event may come in after a later state of another ring.
                let mut new = playback.events(ring, (before.saturating_sub(LATE_NS), at));
                let log = &self.events;
                let known = |event: &Event| (0..LATE).any(|back| log.back(back) == Some(event));
                new.retain(|(_, event)| !known(event));
                if !new.is_empty() {
                    let log = Arc::make_mut(&mut self.events);
                    new.into_iter().for_each(|(_, event)| log.push(event));
                }
            }
            _ => {
                let mut log = EventLog::default();
                let all = playback.events(ring, (0, at));
                all.into_iter().for_each(|(_, event)| log.push(event));
                self.events = Arc::new(log);
            }
        }
    }

    /// Puts the ring of a dump together, once, and reads what it holds.
    fn restore(&mut self, playback: &mut Playback, ring: &PlayedRing) {
        if self.ring.is_none() && playback.goes_on() {
            self.note = Some("the dump is still coming in".into());
        } else if self.ring.is_none() {
            let restored = playback.restored(ring).map_err(|error| error.to_string());
            match &restored {
                Ok(ring) => {
                    let budget = Budget::DASHBOARD;
                    let mut preview = Preview::new(budget.preview, budget.history, true);
                    preview.look(ring, control(ring).producer_head, 0);
                    self.messages = preview.log().clone();
                    self.note = preview.note().map(str::to_owned);
                }
                Err(why) => self.note = Some(why.clone()),
            }
            self.ring = Some(restored);
        }
    }

    /// The messages.
    pub(super) fn messages(&self) -> &MessageLog {
        &self.messages
    }

    /// The ring of a dump, if it could be put together.
    pub(super) fn restored(&self) -> Option<&AttachedRing> {
        self.ring.as_ref()?.as_ref().ok()
    }

    /// Why there are fewer of them than there could be.
    pub(super) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The events.
    pub(super) fn events(&self) -> &Arc<EventLog> {
        &self.events
    }

    /// The whole payload of a message.
    pub(super) fn payload(
        &self,
        playback: &mut Playback,
        ring: &PlayedRing,
        message: &Message,
    ) -> Option<Vec<u8>> {
        if let Some(Ok(restored)) = &self.ring {
            return payload(restored, message);
        }
        let mut found = None;
        let chunks = playback.message_chunks(ring).into_owned();
        let place = piece_of(playback, ring, &chunks, message.offset)?;
        // Those after it, too: where pieces are damaged it may be later than it looks.
        for &chunk in &chunks[place..] {
            playback.messages_in(ring, chunk, |_, recorded| {
                if let RecordedMessage::Message(raw, _) = recorded
                    && (raw.offset, raw.header) == (message.offset, message.header)
                {
                    found = Some(raw.payload.to_vec());
                }
                found.is_none()
            });
            if found.is_some() {
                break;
            }
        }
        found
    }
}
