//! Where in a recording what is to be found: its channels, and its chunks with their times.
//!
//! Made from the summary at the end of a file, or, where there is none, by going from record to record: that reads no more than
//! the first bytes of each, and is how a stream, and a file that is still being written, is taken in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use mcap::records::op;

use super::chunk::{ChunkRecord, LONGEST, records};
use super::head::{RECORD_HEAD, RecordHead};
use super::store::Store;
use crate::recording::channel::{Content, RingName};
use crate::text::escape;

/// Bytes of a chunk's record up to the length of its compression's name, and where checksum and length stand.
const CHUNK_HEAD: usize = 32;
const CHUNK_CHECK: std::ops::Range<usize> = 24..32;
/// Records outside any chunk are taken together up to so many bytes.
const RUN: u64 = 1 << 20;
/// Bytes of a channel's name, and of what is said of it, at most.
const LONGEST_NAME: usize = 1024;
/// What is wrong is told up to so many times.
const NOTES: usize = 16;

/// A channel of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Channel {
    pub(super) ring: RingName,
    pub(super) content: Content,
    /// The ring's id where it was recorded.
    pub(super) id: String,
    /// The name of the machine.
    pub(super) host: String,
}

/// A chunk, or a run of records outside any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChunkPlace {
    /// Where it begins, and how long it is.
    pub(super) at: u64,
    pub(super) length: u64,
    /// The times of its first and last message, ns since 1970.
    pub(super) times: (u64, u64),
    /// The channels that have messages in it.
    pub(super) channels: BTreeSet<u16>,
}

/// What is known of a recording.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By number; several may be the same.
    pub(super) channels: HashMap<u16, Channel>,
    /// Numbers of foreign channels.
    foreign: BTreeSet<u16>,
    /// By number, in the order in which they stand in the recording.
    chunks: BTreeMap<usize, ChunkPlace>,
    /// The number that the next one gets.
    next: usize,
    by_content: BTreeMap<(RingName, Content), ChunkList>,
    notes: Vec<String>,
    /// The end of the recording was reached, and it is whole.
    pub(super) is_whole: bool,
}

/// The chunks with one content of a ring.
#[derive(Debug, Default)]
struct ChunkList {
    /// Their numbers, once they are settled by the time at which they begin.
    numbers: Vec<usize>,
    /// The earliest and the latest time that there ever was.
    span: Option<(u64, u64)>,
    /// When the last one that was added begins.
    last_begins: u64,
    /// Some have yet to be put in order.
    is_unsettled: bool,
}

impl ChunkList {
    fn remove(&mut self, number: usize) {
        // It is the last one, or the first, nearly always.
        let is_last = self.numbers.last() == Some(&number);
        let place = if is_last {
            Some(self.numbers.len() - 1)
        } else {
            self.numbers.iter().position(|one| *one == number)
        };
        if let Some(place) = place {
            self.numbers.remove(place);
        }
    }
}

impl Index {
    /// The chunk with that number.
    pub(super) fn chunk(&self, number: usize) -> Option<&ChunkPlace> {
        self.chunks.get(&number)
    }

    /// The times of the first state, before which there is nothing to be shown, and of the last record.
    pub(super) fn span(&self) -> Option<(u64, u64)> {
        let states = |(_, content): &(RingName, Content)| *content == Content::State;
        let begins = self.span_of(states)?.0;
        Some((begins, self.span_of(|_| true)?.1))
    }

    fn span_of(&self, wanted: impl Fn(&(RingName, Content)) -> bool) -> Option<(u64, u64)> {
        let lists = self.by_content.iter().filter(|(key, _)| wanted(key));
        let spans = lists.filter_map(|(_, list)| list.span);
        spans.reduce(|all, span| (all.0.min(span.0), all.1.max(span.1)))
    }

    /// Whether there is a state of a ring.
    pub(super) fn has_states(&self) -> bool {
        let mut contents = self.by_content.keys();
        contents.any(|(_, content)| *content == Content::State)
    }

    /// A ring's id, and the machine that it was on.
    pub(super) fn origin(&self, ring: &RingName) -> Option<(&str, &str)> {
        let mut channels = self.channels.values();
        let channel = channels.find(|channel| channel.ring == *ring)?;
        Some((&channel.id, &channel.host))
    }

    /// Whether a channel is that one.
    pub(super) fn is(&self, channel: u16, ring: &RingName, content: Content) -> bool {
        let channel = self.channels.get(&channel);
        channel.is_some_and(|one| one.content == content && one.ring == *ring)
    }

    /// Numbers of the channels with this content of a ring.
    pub(super) fn channels_of(&self, ring: &RingName, content: Content) -> BTreeSet<u16> {
        let numbers = self.channels.keys().copied();
        numbers
            .filter(|number| self.is(*number, ring, content))
            .collect()
    }

    /// Numbers of the channels of states and events.
    pub(super) fn channels_of_states(&self) -> BTreeSet<u16> {
        let ours = |channel: &Channel| matches!(channel.content, Content::State | Content::Events);
        let channels = self.channels.iter();
        channels
            .filter(|(_, channel)| ours(channel))
            .map(|(number, _)| *number)
            .collect()
    }

    /// Forgets the oldest chunk of messages, or, where there is none, of states, but for the last one of each ring, or else that;
    /// gives where it was.
    pub(super) fn drop_oldest(&mut self) -> Option<ChunkPlace> {
        let oldest = |bulky: bool, least: usize| {
            let lists = self.by_content.iter();
            let lists = lists.filter(|((_, content), list)| {
                content.is_bulk() == bulky && list.numbers.len() >= least
            });
            lists
                .filter_map(|(_, list)| list.numbers.first().copied())
                .min()
        };
        let number = oldest(true, 1).or_else(|| oldest(false, 2));
        let number = number.or_else(|| oldest(false, 1).filter(|_| self.chunks.len() > 1))?;
        self.remove(number)
    }

    /// Forgets a chunk; gives where it was.
    fn remove(&mut self, number: usize) -> Option<ChunkPlace> {
        let place = self.chunks.remove(&number)?;
        for key in self.keys_of(&place) {
            if let Some(list) = self.by_content.get_mut(&key) {
                list.remove(number);
                // Its first one begins when all that is left begins.
                let first = list.numbers.first().and_then(|one| self.chunks.get(one));
                if let (Some(span), Some(first)) = (&mut list.span, first) {
                    span.0 = first.times.0;
                }
                if list.numbers.is_empty() {
                    self.by_content.remove(&key);
                }
            }
        }
        Some(place)
    }

    fn keys_of(&self, place: &ChunkPlace) -> BTreeSet<(RingName, Content)> {
        let channels = place.channels.iter();
        let channels = channels.filter_map(|channel| self.channels.get(channel));
        channels
            .map(|channel| (channel.ring.clone(), channel.content))
            .collect()
    }

    /// Rings of which there is something, and what.
    pub(super) fn contents(&self) -> impl Iterator<Item = &(RingName, Content)> {
        self.by_content.keys()
    }

    /// Chunks with this content of a ring, by the time at which they begin.
    pub(super) fn of(&self, ring: &RingName, content: Content) -> &[usize] {
        let key = (ring.clone(), content);
        let list = self.by_content.get(&key);
        list.map_or(&[], |list| list.numbers.as_slice())
    }

    /// Adds a chunk whose channels are known; [`Self::settle`] puts it in its place.
    pub(super) fn add(&mut self, mut place: ChunkPlace) {
        let (one, other) = place.times;
        place.times = (one.min(other), one.max(other));
        let times = place.times;
        let number = self.next;
        self.next += 1;
        for key in self.keys_of(&place) {
            let list = self.by_content.entry(key).or_default();
            list.is_unsettled |= times.0 < list.last_begins;
            list.last_begins = times.0;
            let (begin, end) = list.span.unwrap_or(times);
            list.span = Some((begin.min(times.0), end.max(times.1)));
            list.numbers.push(number);
        }
        self.chunks.insert(number, place);
    }

    /// Puts what was added in the order of time.
    pub(super) fn settle(&mut self) {
        let chunks = &self.chunks;
        let begins = |number: &usize| chunks.get(number).map_or(0, |chunk| chunk.times.0);
        for list in self.by_content.values_mut() {
            if std::mem::take(&mut list.is_unsettled) {
                list.numbers.sort_by_key(begins);
                list.last_begins = list.numbers.last().map_or(0, begins);
                let first = list.numbers.first().map(begins);
                if let (Some(span), Some(first)) = (&mut list.span, first) {
                    span.0 = first;
                }
            }
        }
    }

    /// Forgets the last chunk, if it begins there; gives its number.
    pub(super) fn drop_last(&mut self, at: u64) -> Option<usize> {
        let (number, _) = self
            .chunks
            .last_key_value()
            .filter(|(_, last)| last.at == at)?;
        self.next = *number;
        self.remove(self.next)?;
        Some(self.next)
    }

    /// Notes a channel; what is said of it a second time is not heard.
    pub(super) fn add_channel(
        &mut self,
        number: u16,
        topic: &str,
        encoding: &str,
        metadata: &BTreeMap<String, String>,
    ) {
        if self.knows(number) {
            return;
        }
        let text = |key: &str| {
            let text = metadata.get(key).filter(|text| text.len() <= LONGEST_NAME);
            text.map_or_else(String::new, |text| escape(text).into_owned())
        };
        let name = Some(topic).filter(|topic| topic.len() <= LONGEST_NAME);
        match name.and_then(|topic| RingName::parse(topic, encoding)) {
            Some((ring, content)) => {
                let channel = Channel {
                    ring,
                    content,
                    id: text("id"),
                    host: text("host"),
                };
                self.channels.insert(number, channel);
            }
            None => {
                self.foreign.insert(number);
            }
        }
    }

    /// Whether there is a channel with that number.
    pub(super) fn knows(&self, channel: u16) -> bool {
        self.channels.contains_key(&channel) || self.foreign.contains(&channel)
    }

    /// Channels that are not ours.
    pub(super) fn foreign(&self) -> usize {
        self.foreign.len()
    }

    /// Something cannot be read.
    pub(super) fn note(&mut self, what: String) {
        if self.notes.len() < NOTES && !self.notes.contains(&what) {
            self.notes.push(what);
        }
    }

    /// What cannot be read.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// Goes from record to record.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// A chunk whose indexes may be to come, or a run of records outside any.
    open: Option<ChunkPlace>,
    /// The open one may yet be written over: it is not packed, and the last one.
    is_loose: bool,
    /// The open one is a chunk.
    is_chunk: bool,
}

impl Scan {
    /// Takes in a record that lies in `store`. False: it is the last one.
    ///
    /// # Errors
    /// Those of `store`.
    pub(super) fn take(
        &mut self,
        index: &mut Index,
        head: RecordHead,
        store: &Store,
    ) -> io::Result<bool> {
        let RecordHead { at, opcode, length } = head;
        match opcode {
            op::MESSAGE_INDEX if self.is_chunk => {
                let number = store.read(at.saturating_add(RECORD_HEAD), 2)?;
                if let (Some(open), Some(number)) = (&mut self.open, number.first_chunk()) {
                    open.channels.insert(u16::from_le_bytes(*number));
                }
            }
            op::CHUNK => {
                self.close(index, store, true)?;
                let there = usize::try_from(length).unwrap_or(usize::MAX);
                let start = store.read(at.saturating_add(RECORD_HEAD), there.min(CHUNK_HEAD))?;
                let number = |at: usize| {
                    let bytes = start.get(at..)?.first_chunk()?;
                    Some(u64::from_le_bytes(*bytes))
                };
                if let (Some(from), Some(to)) = (number(0), number(8)) {
                    self.is_chunk = true;
                    self.is_loose = start.get(CHUNK_CHECK) == Some(&[0; 8]);
                    self.open = Some(ChunkPlace {
                        at,
                        length: length.saturating_add(RECORD_HEAD),
                        times: (from, to),
                        channels: BTreeSet::new(),
                    });
                } else {
                    index.note(format!(
                        "byte {at}: a chunk of {length} bytes, expected a header"
                    ));
                }
            }
            op::MESSAGE | op::CHANNEL => {
                let fits = |open: &ChunkPlace| {
                    open.at.saturating_add(open.length) == at && open.length < RUN
                };
                if self.is_chunk || !self.open.as_ref().is_some_and(fits) {
                    self.close(index, store, true)?;
                    self.open = Some(ChunkPlace {
                        at,
                        length: 0,
                        times: (u64::MAX, 0),
                        channels: BTreeSet::new(),
                    });
                }
                if let Some(open) = &mut self.open {
                    open.length = open
                        .length
                        .saturating_add(length)
                        .saturating_add(RECORD_HEAD);
                }
            }
            op::DATA_END | op::FOOTER => {
                self.close(index, store, true)?;
                return Ok(false);
            }
            _ => {
                self.close(index, store, true)?;
            }
        }
        Ok(true)
    }

    /// Where the last chunk begins, if it may yet be written over.
    pub(super) fn loose_at(&self) -> Option<u64> {
        let open = self.open.as_ref()?;
        (self.is_chunk && self.is_loose).then_some(open.at)
    }

    /// What is open is complete, or is not to be waited for any longer; with `indexed`, all of its indexes have been seen.
    ///
    /// # Errors
    /// Those of `store`.
    pub(super) fn close(
        &mut self,
        index: &mut Index,
        store: &Store,
        indexed: bool,
    ) -> io::Result<()> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        let is_chunk = std::mem::take(&mut self.is_chunk);
        let known = indexed
            && !open.channels.is_empty()
            && open.channels.iter().all(|one| index.knows(*one));
        if !known {
            // What is in it says what it is of.
            let length = usize::try_from(open.length).unwrap_or(usize::MAX);
            if length > LONGEST {
                index.note(too_long(open.at, open.length));
                return Ok(());
            }
            let bytes = store.read(open.at, length)?;
            let (mut channels, mut times) = (BTreeSet::new(), (u64::MAX, 0));
            let outcome = records(&bytes, |record| {
                match record {
                    ChunkRecord::Channel {
                        id,
                        topic,
                        encoding,
                        metadata,
                    } => index.add_channel(id, topic, encoding, metadata),
                    ChunkRecord::Message { channel, at_ns, .. } => {
                        channels.insert(channel);
                        times = (times.0.min(at_ns), times.1.max(at_ns));
                    }
                }
                true
            });
            if let Err(error) = outcome {
                index.note(damaged(open.at, &error));
            }
            open.channels = channels;
            if !is_chunk {
                open.times = times;
            }
        }
        if !open.channels.is_empty() {
            index.add(open);
        }
        Ok(())
    }
}

/// That a chunk is longer than any that is read.
pub(super) fn too_long(at: u64, length: u64) -> String {
    format!("byte {at}: a chunk of {length} bytes, expected at most {LONGEST}")
}

/// That a chunk cannot be read.
pub(super) fn damaged(at: u64, error: &mcap::McapError) -> String {
    format!(
        "byte {at}: what is recorded there is damaged: {}",
        escape(&error.to_string())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An index with a channel of states and one of messages, 1 and 2, of a ring.
    fn index() -> (Index, RingName) {
        let mut index = Index::default();
        let nothing = BTreeMap::new();
        index.add_channel(1, "zbq/it/state", "json", &nothing);
        index.add_channel(2, "zbq/it/messages", "zbq", &nothing);
        let (ring, _) = RingName::parse("zbq/it/state", "json").expect("a name");
        (index, ring)
    }

    fn chunk(at: u64, times: (u64, u64), channel: u16) -> ChunkPlace {
        ChunkPlace {
            at,
            length: 1,
            times,
            channels: BTreeSet::from([channel]),
        }
    }

    #[test]
    fn chunks_are_found_by_time_in_whatever_order_they_came() {
        let (mut index, ring) = index();
        for (at, begin) in [(0, 30), (1, 10), (2, 20), (3, 40)] {
            index.add(chunk(at, (begin, begin + 5), 1));
        }
        index.settle();
        assert_eq!(index.of(&ring, Content::State), [1, 2, 0, 3]);
        assert_eq!(index.span(), Some((10, 45)));
        // The last one is put in its place again and again.
        assert_eq!(index.drop_last(2), None);
        assert_eq!(index.drop_last(3), Some(3));
        index.add(chunk(3, (25, 26), 1));
        index.settle();
        assert_eq!(index.of(&ring, Content::State), [1, 2, 3, 0]);
    }

    #[test]
    fn messages_go_first_and_of_what_is_gone_nothing_is_kept() {
        let (mut index, ring) = index();
        for second in 0..3 {
            index.add(chunk(2 * second, (second, second), 1));
            index.add(chunk(2 * second + 1, (second, second), 2));
        }
        let gone = std::iter::from_fn(|| index.drop_oldest()).map(|place| place.at);
        assert_eq!(gone.collect::<Vec<_>>(), [1, 3, 5, 0, 2]);
        assert_eq!(index.chunks.len(), 1);
        assert_eq!(index.by_content.len(), 1);
        assert_eq!(index.of(&ring, Content::State), [4]);
        assert_eq!(index.span(), Some((2, 2)));
    }

    #[test]
    fn a_channel_stays_what_it_was_first_and_names_have_an_end() {
        let (mut index, ring) = index();
        let long = "x".repeat(LONGEST_NAME);
        let said = BTreeMap::from([("id".to_owned(), "y".repeat(LONGEST_NAME + 1))]);
        index.add_channel(1, "zbq/other/state", "json", &said);
        index.add_channel(3, &format!("zbq/{long}/state"), "json", &said);
        index.add_channel(4, "zbq/more/state", "json", &said);
        assert!(index.is(1, &ring, Content::State));
        assert_eq!(index.foreign(), 1);
        assert_eq!(index.channels[&4].id, "");
    }
}
