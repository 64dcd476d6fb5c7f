//! What is in a recording at a time: states, events, and the records of chunks.
//!
//! Nothing is believed that the recording says of itself; what makes no sense is passed over and told.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::chunk::{ChunkRecord, LONGEST, records};
use super::index::{damaged, too_long};
use super::{Entry, Recording, bytes_of};
use crate::observe::model::Event;
use crate::recording::channel::{Content, RingName};
use crate::recording::state::RecordedState;
use crate::text::{bytes, escape};

/// Bytes of states and events that are kept as they were decoded.
const DECODED: usize = 32 << 20;
/// Bytes of states and events in one chunk at most: far more than a recorder writes.
const MOST_JSON: usize = 64 << 20;
/// A search passes over so many records that are not understood, and so many chunks without what is sought.
const PASSED_OVER: usize = 256;

impl Recording {
    /// The rings of which there is a state, or memory.
    #[must_use]
    pub fn rings(&self) -> Vec<RingName> {
        let all = self.index.contents().map(|(ring, _)| ring.clone());
        let all: BTreeSet<RingName> = all.collect();
        all.into_iter().collect()
    }

    /// Whether there is something of this kind of a ring.
    #[must_use]
    pub fn has(&self, ring: &RingName, content: Content) -> bool {
        !self.index.of(ring, content).is_empty()
    }

    /// The ring's id, and the machine that it was on.
    #[must_use]
    pub fn origin(&self, ring: &RingName) -> Option<(&str, &str)> {
        self.index.origin(ring)
    }

    /// The times of the first and the last record, ns since 1970; `None` when there is none.
    #[must_use]
    pub fn span(&self) -> Option<(u64, u64)> {
        self.index.span()
    }

    /// The last state of a ring that is not later than `at_ns`, and its time.
    pub fn state_at(&mut self, ring: &RingName, at_ns: u64) -> Option<(u64, RecordedState)> {
        self.before((ring, Content::State), at_ns, Self::parse_state)
    }

    /// The first state of a ring that is later than `at_ns`, and its time.
    pub fn state_after(&mut self, ring: &RingName, at_ns: u64) -> Option<(u64, RecordedState)> {
        self.after((ring, Content::State), at_ns, Self::parse_state)
    }

    /// When the last state of a ring that is not later than `at_ns` was recorded.
    pub fn state_time(&mut self, ring: &RingName, at_ns: u64) -> Option<u64> {
        self.before((ring, Content::State), at_ns, |_, entry| Some(entry.at_ns))
    }

    /// When the first state of a ring that is later than `at_ns` was recorded.
    pub fn state_time_after(&mut self, ring: &RingName, at_ns: u64) -> Option<u64> {
        self.after((ring, Content::State), at_ns, |_, entry| Some(entry.at_ns))
    }

    /// The last event of a ring that is not later than `at_ns`, and its time.
    pub fn event_at(&mut self, ring: &RingName, at_ns: u64) -> Option<(u64, Event)> {
        self.before((ring, Content::Events), at_ns, Self::parse_event)
    }

    /// The first event of a ring that is later than `at_ns`, and its time.
    pub fn event_after(&mut self, ring: &RingName, at_ns: u64) -> Option<(u64, Event)> {
        self.after((ring, Content::Events), at_ns, Self::parse_event)
    }

    /// What `take` makes of the last record with this content of a ring that is not later than `at_ns` and of which it makes something.
    fn before<T>(
        &mut self,
        (ring, content): (&RingName, Content),
        at_ns: u64,
        mut take: impl FnMut(&mut Self, &Entry) -> Option<T>,
    ) -> Option<T> {
        let numbers = self.index.of(ring, content);
        let mut behind = numbers.partition_point(|number| self.begins(*number) <= at_ns);
        let mut passed_over = 0;
        while behind > 0 && passed_over < PASSED_OVER {
            behind -= 1;
            passed_over += 1;
            let number = *self.index.of(ring, content).get(behind)?;
            let entries = self.entries(number);
            for entry in entries.iter().rev() {
                if entry.at_ns > at_ns || !self.index.is(entry.channel, ring, content) {
                    continue;
                }
                if let Some(found) = take(self, entry) {
                    return Some(found);
                }
                passed_over += 1;
                if passed_over > PASSED_OVER {
                    break;
                }
            }
        }
        None
    }

    /// What `take` makes of the first record with this content of a ring that is later than `at_ns` and of which it makes something.
    fn after<T>(
        &mut self,
        (ring, content): (&RingName, Content),
        at_ns: u64,
        mut take: impl FnMut(&mut Self, &Entry) -> Option<T>,
    ) -> Option<T> {
        let numbers = self.index.of(ring, content);
        let ends = |number: &usize| self.index.chunk(*number).map_or(0, |chunk| chunk.times.1);
        let mut next = numbers.partition_point(|number| ends(number) <= at_ns);
        let mut passed_over = 0;
        while let Some(number) = self.index.of(ring, content).get(next).copied()
            && passed_over < PASSED_OVER
        {
            next += 1;
            passed_over += 1;
            let entries = self.entries(number);
            for entry in entries.iter() {
                if entry.at_ns <= at_ns || !self.index.is(entry.channel, ring, content) {
                    continue;
                }
                if let Some(found) = take(self, entry) {
                    return Some(found);
                }
                passed_over += 1;
                if passed_over > PASSED_OVER {
                    break;
                }
            }
        }
        None
    }

    fn begins(&self, number: usize) -> u64 {
        self.index
            .chunk(number)
            .map_or(u64::MAX, |chunk| chunk.times.0)
    }

    fn parse_state(&mut self, entry: &Entry) -> Option<(u64, RecordedState)> {
        match RecordedState::parse(&entry.json) {
            Ok(state) => Some((entry.at_ns, state)),
            Err(error) => {
                self.index.note(unread(entry.at_ns, &error));
                None
            }
        }
    }

    fn parse_event(&mut self, entry: &Entry) -> Option<(u64, Event)> {
        match serde_json::from_slice::<Event>(&entry.json) {
            Ok(mut event) => {
                // It was made safe where it was made; a file may say anything.
                event.message = escape(&event.message).into_owned();
                Some((entry.at_ns, event))
            }
            Err(error) => {
                self.index.note(unread(entry.at_ns, &error));
                None
            }
        }
    }

    /// Events of a ring between two times, both included, in the order in which they were recorded: the last of them.
    pub fn last_events(
        &mut self,
        ring: &RingName,
        times: (u64, u64),
        most: usize,
    ) -> Vec<(u64, Event)> {
        let mut events = Vec::new();
        let numbers = self.index.of(ring, Content::Events);
        let mut behind = numbers.partition_point(|number| self.begins(*number) <= times.1);
        while behind > 0 && events.len() < most {
            behind -= 1;
            let Some(number) = self.index.of(ring, Content::Events).get(behind).copied() else {
                break;
            };
            let chunk = self.index.chunk(number);
            if chunk.is_none_or(|chunk| chunk.times.1 < times.0) {
                break;
            }
            for entry in self.entries(number).iter().rev() {
                if !self.index.is(entry.channel, ring, Content::Events)
                    || !(times.0..=times.1).contains(&entry.at_ns)
                {
                    continue;
                }
                events.extend(self.parse_event(entry));
            }
        }
        events.truncate(most);
        events.reverse();
        events
    }

    /// The states and events of a chunk.
    fn entries(&mut self, number: usize) -> Arc<Vec<Entry>> {
        if let Some(place) = self.decoded.iter().position(|(known, _)| *known == number)
            && let Some(found) = self.decoded.remove(place)
        {
            let entries = Arc::clone(&found.1);
            self.decoded.push_back(found);
            return entries;
        }
        let (mut entries, mut taken) = (Vec::new(), 0_usize);
        let channels = self.index.channels_of_states();
        self.decode(number, |channel, at_ns, data| {
            if channels.contains(&channel) {
                taken = taken.saturating_add(size_of::<Entry>() + data.len());
                if taken > MOST_JSON {
                    return false;
                }
                entries.push(Entry {
                    at_ns,
                    channel,
                    json: data.to_vec(),
                });
            }
            true
        });
        if taken > MOST_JSON {
            let at = self.index.chunk(number).map_or(0, |chunk| chunk.at);
            let most = bytes(MOST_JSON as u64);
            self.index.note(format!(
                "byte {at}: more than {most} of states in a chunk, the rest of them is passed over"
            ));
        }
        let entries = Arc::new(entries);
        self.decoded_bytes += bytes_of(&entries);
        self.decoded.push_back((number, Arc::clone(&entries)));
        while self.decoded_bytes > DECODED
            && self.decoded.len() > 1
            && let Some((_, oldest)) = self.decoded.pop_front()
        {
            self.decoded_bytes -= bytes_of(&oldest);
        }
        entries
    }

    /// Numbers of the chunks with this content of a ring that begin no later than `at_ns`, in the order in which they were
    /// recorded, whatever became of the clock meanwhile.
    pub(in crate::recording) fn chunks_of(
        &self,
        ring: &RingName,
        content: Content,
        at_ns: u64,
    ) -> Cow<'_, [usize]> {
        let numbers = self.index.of(ring, content);
        let until = numbers.partition_point(|number| self.begins(*number) <= at_ns);
        let numbers = &numbers[..until];
        if numbers.is_sorted() {
            return numbers.into();
        }
        let mut numbers = numbers.to_vec();
        numbers.sort_unstable();
        numbers.into()
    }

    /// Hands out each record with this content of a ring in a chunk, with its time, until `each` is false; tells whether all of
    /// them could be read, and notes why not.
    pub(in crate::recording) fn read_chunk(
        &mut self,
        number: usize,
        ring: &RingName,
        content: Content,
        mut each: impl FnMut(u64, &[u8]) -> bool,
    ) -> bool {
        let channels = self.index.channels_of(ring, content);
        self.decode(number, |channel, at_ns, data| {
            !channels.contains(&channel) || each(at_ns, data)
        })
    }

    /// Hands out the messages of a chunk until `each` is false; what is wrong with it is noted, and it tells whether nothing is.
    fn decode(&mut self, number: usize, mut each: impl FnMut(u16, u64, &[u8]) -> bool) -> bool {
        let Some(place) = self.index.chunk(number) else {
            return false;
        };
        let (at, length) = (place.at, place.length);
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        let wrong = if wanted > LONGEST {
            too_long(at, length)
        } else {
            match self.store.read(at, wanted) {
                Err(error) => format!("byte {at}: {error}"),
                Ok(bytes) => {
                    let outcome = records(&bytes, |record| match record {
                        ChunkRecord::Message {
                            channel,
                            at_ns,
                            data,
                        } => each(channel, at_ns, data),
                        ChunkRecord::Channel { .. } => true,
                    });
                    match outcome {
                        Ok(()) => return true,
                        Err(error) => damaged(at, &error),
                    }
                }
            }
        };
        self.index.note(wrong);
        false
    }
}

/// That a state or an event is not one that this version understands.
fn unread(at_ns: u64, error: &serde_json::Error) -> String {
    let at = jiff::Timestamp::from_nanosecond(at_ns.into());
    let at = at.map_or_else(|_| at_ns.to_string(), |at| at.to_string());
    format!(
        "what was recorded at {at} is not understood, a newer version may have written it: {}",
        escape(&error.to_string())
    )
}
