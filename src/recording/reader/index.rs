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
    chunks: Vec<ChunkPlace>,
    /// Numbers of chunks with a ring's content, by the time at which they begin.
    by_content: BTreeMap<(RingName, Content), Vec<usize>>,
    notes: Vec<String>,
    /// The end of the recording was reached, and it is whole.
    pub(super) is_whole: bool,
}

impl Index {
    /// The chunk with that number.
    pub(super) fn chunk(&self, number: usize) -> Option<&ChunkPlace> {
        self.chunks.get(number)
    }

    /// The times of the first state, before which there is nothing to be shown, and of the last record.
    pub(super) fn span(&self) -> Option<(u64, u64)> {
        let states = |(_, content): &(RingName, Content)| *content == Content::State;
        let begins = self.span_of(states)?.0;
        Some((begins, self.span_of(|_| true)?.1))
    }

    fn span_of(&self, wanted: impl Fn(&(RingName, Content)) -> bool) -> Option<(u64, u64)> {
        let used = self.by_content.iter().filter(|(key, _)| wanted(key));
        let used = used.flat_map(|(_, numbers)| numbers);
        let times = used.filter_map(|number| Some(self.chunks.get(*number)?.times));
        times.reduce(|all, times| (all.0.min(times.0), all.1.max(times.1)))
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

    /// Forgets the oldest chunk of messages, or, where there is none, of states, but for the last one; gives where it was.
    pub(super) fn drop_oldest(&mut self) -> Option<ChunkPlace> {
        let bulk = |content: &Content| matches!(content, Content::Messages | Content::Pages);
        let oldest = |bulky: bool| {
            let lists = self.by_content.iter();
            let lists = lists.filter(|((_, content), numbers)| {
                bulk(content) == bulky && (bulky || numbers.len() > 1)
            });
            lists
                .filter_map(|(_, numbers)| numbers.first().copied())
                .min()
        };
        let number = oldest(true).or_else(|| oldest(false))?;
        for numbers in self.by_content.values_mut() {
            numbers.retain(|one| *one != number);
        }
        self.chunks.get(number).cloned()
    }

    /// Rings of which there is something, and what.
    pub(super) fn contents(&self) -> impl Iterator<Item = &(RingName, Content)> {
        self.by_content.keys()
    }

    /// Chunks with this content of a ring, by the time at which they begin.
    pub(super) fn of(&self, ring: &RingName, content: Content) -> &[usize] {
        let key = (ring.clone(), content);
        self.by_content.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Adds a chunk whose channels are known.
    pub(super) fn add(&mut self, mut place: ChunkPlace) {
        let (one, other) = place.times;
        place.times = (one.min(other), one.max(other));
        let number = self.chunks.len();
        let keys: BTreeSet<(RingName, Content)> = place
            .channels
            .iter()
            .filter_map(|channel| self.channels.get(channel))
            .map(|channel| (channel.ring.clone(), channel.content))
            .collect();
        for key in keys {
            let numbers = self.by_content.entry(key).or_default();
            let begins = place.times.0;
            // Nearly always at the end.
            let at = numbers
                .iter()
                .rposition(|before| self.chunks[*before].times.0 <= begins)
                .map_or(0, |before| before + 1);
            numbers.insert(at, number);
        }
        self.chunks.push(place);
    }

    /// Forgets the last chunk, if it begins there; gives its number.
    pub(super) fn drop_last(&mut self, at: u64) -> Option<usize> {
        self.chunks.pop_if(|last| last.at == at)?;
        let number = self.chunks.len();
        for numbers in self.by_content.values_mut() {
            numbers.retain(|one| *one != number);
        }
        Some(number)
    }

    /// Notes a channel.
    pub(super) fn add_channel(
        &mut self,
        number: u16,
        topic: &str,
        encoding: &str,
        metadata: &BTreeMap<String, String>,
    ) {
        let text = |key: &str| {
            let text = metadata.get(key).map(|text| escape(text).into_owned());
            text.unwrap_or_default()
        };
        match RingName::parse(topic, encoding) {
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
