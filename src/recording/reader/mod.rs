//! Reading recordings: found by an index, decoded chunk by chunk, with nothing believed that they say.

mod capture;
mod chunk;
mod head;
mod index;
mod look_up;
mod store;
mod stream;
mod summary;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcap::MAGIC;
use mcap::records::op;

use crate::capture::{pcapng, read_as_much};
use crate::text::{bytes, counted, escape};
use head::{RECORD_HEAD, RecordHead, found};
use index::{Index, Scan};
use store::Store;
use stream::{FromStream, Stream};
use summary::Summary;

/// Of a stream so many bytes are kept; of more, the oldest messages go first, then the oldest states.
const KEPT: u64 = 256 << 20;
/// A file that was not written on for so long is not being written any more.
const GROWS_WITHIN: Duration = Duration::from_secs(15);
/// What comes in a stream is taken in for so long at once.
const PATIENCE: Duration = Duration::from_millis(50);
/// What a record that is kept costs besides its bytes.
const KEPT_WITH_EACH: u64 = 256;

/// A recording that is being read.
#[derive(Debug)]
pub struct Recording {
    /// What it is called, for people.
    name: String,
    store: Store,
    index: Index,
    scan: Scan,
    /// How far a file was gone through, record by record; `None`: its summary told all.
    scanned: Option<u64>,
    /// Where the last chunk begins, if it may yet be written over.
    loose: Option<u64>,
    stream: Option<Stream>,
    /// Of a capture that comes: what could not be taken over.
    converted: Option<capture::Notes>,
    /// Of a stream: the bytes that are kept.
    kept_bytes: u64,
    /// Of a stream: some of it is kept no more.
    has_shed: bool,
    /// Chunks of states and events as they were decoded, the last one used at the end.
    decoded: VecDeque<(usize, Arc<Vec<Entry>>)>,
    decoded_bytes: usize,
}

/// A state or an event.
#[derive(Debug)]
struct Entry {
    at_ns: u64,
    channel: u16,
    json: Vec<u8>,
}

fn bytes_of(entries: &[Entry]) -> usize {
    let bytes = entries.iter();
    bytes
        .map(|entry| size_of::<Entry>() + entry.json.len())
        .sum()
}

/// Why a recording cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be read.
    #[error("cannot read {name}: {source}")]
    Unreadable {
        /// What it is called.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// It is none.
    #[error("{name}: {why}")]
    NotOne {
        /// What it is called.
        name: String,
        /// What was found, and what was expected.
        why: String,
    },
    /// What is asked for is not in it.
    #[error("{0}")]
    NotInIt(String),
    /// It has several rings, and it was not said which.
    #[error("the recording has several rings; choose one with --ring:{}", numbered(.0))]
    Several(Vec<String>),
}

/// Rings, a line each, as `--ring` counts them.
fn numbered(ids: &[String]) -> String {
    let rings = ids.iter().enumerate();
    rings
        .map(|(number, id)| format!("\n  --ring {number}: {id}"))
        .collect()
}

impl Recording {
    /// Opens a file, which may still be written on.
    ///
    /// # Errors
    /// When it cannot be read, or there is no ring in it.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let name = escape(&path.display().to_string()).into_owned();
        let unreadable = |source| RecordingError::Unreadable {
            name: name.clone(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        let kind = file.metadata().map_err(unreadable)?;
        if !kind.is_file() && !kind.is_dir() {
            return Self::stream(&name, file);
        }
        let mut magic = [0; MAGIC.len()];
        let there = file.read_at(&mut magic, 0).map_err(unreadable)?;
        if magic.starts_with(&pcapng::MAGIC) {
            let (file, notes) = capture::as_file(&file).map_err(unreadable)?;
            let size = file.metadata().map_err(unreadable)?.len();
            let mut recording = Self::new(name, Store::File(file));
            recording.read_summary(size);
            notes
                .into_iter()
                .for_each(|note| recording.index.note(note));
            recording.expect_rings()?;
            return Ok(recording);
        }
        if magic[..there] != *MAGIC {
            let found = found(&magic[..there]);
            let why = format!(
                "{found}, expected an MCAP file, as `zbqtop record` and `zbqtop dump` write them, or pcapng"
            );
            return Err(RecordingError::NotOne { name, why });
        }
        let mut recording = Self::new(name.clone(), Store::File(file));
        if !recording.read_summary(kind.len()) || !recording.reads_states() {
            recording.index = Index::default();
            recording.decoded.clear();
            recording.decoded_bytes = 0;
            recording.scanned = Some(MAGIC.len() as u64);
            recording.go_on();
            if !recording.index.is_whole {
                let at = recording.scanned.unwrap_or(0);
                recording.index.note(format!(
                    "it is incomplete (still being written, or cut off) and can be read up to byte {at}"
                ));
            }
        }
        recording.expect_rings()?;
        Ok(recording)
    }

    /// Reads what comes from `input`, which is called `name`; waits for the first ring.
    ///
    /// # Errors
    /// When it is no recording, or ends before there is a ring in it.
    pub fn stream(
        name: &str,
        mut input: impl Read + Send + 'static,
    ) -> Result<Self, RecordingError> {
        let mut recording = Self::new(name.into(), Store::Memory(Default::default()));
        let unreadable = |source| RecordingError::Unreadable {
            name: name.into(),
            source,
        };
        let mut begin = [0; pcapng::MAGIC.len()];
        let there = read_as_much(&mut input, &mut begin).map_err(unreadable)?;
        let input = io::Cursor::new(begin).take(there as u64).chain(input);
        let stream = if begin == pcapng::MAGIC {
            let (input, notes) = capture::as_stream(input).map_err(unreadable)?;
            recording.converted = Some(notes);
            Stream::begin(input)
        } else {
            Stream::begin(input)
        };
        let stream = stream.map_err(unreadable)?;
        recording.stream = Some(stream);
        while !recording.index.has_states() && recording.goes_on() {
            recording.take_stream(true);
        }
        recording.expect_rings()?;
        Ok(recording)
    }

    fn new(name: String, store: Store) -> Self {
        Self {
            name,
            store,
            index: Index::default(),
            scan: Scan::default(),
            scanned: None,
            loose: None,
            stream: None,
            converted: None,
            kept_bytes: 0,
            has_shed: false,
            decoded: VecDeque::new(),
            decoded_bytes: 0,
        }
    }

    /// Whether there is a state where the index says so.
    fn reads_states(&mut self) -> bool {
        let rings = self.rings();
        let mut times = rings.iter().map(|ring| self.state_time(ring, u64::MAX));
        times.any(|time| time.is_some())
    }

    fn expect_rings(&self) -> Result<(), RecordingError> {
        if self.index.has_states() {
            return Ok(());
        }
        let mut why = "it contains no ring".to_owned();
        if self.index.foreign() > 0 {
            let foreign = counted(self.index.foreign() as u64, "channel");
            why += &format!(": it has {foreign} of other programs");
        }
        for note in self.index.notes() {
            why += &format!("; {note}");
        }
        Err(RecordingError::NotOne {
            name: self.name.clone(),
            why,
        })
    }

    /// Makes the index of the summary; false if there is none that says where chunks are.
    fn read_summary(&mut self, size: u64) -> bool {
        let Some(Summary {
            channels, chunks, ..
        }) = summary::read(&self.store, size)
        else {
            return false;
        };
        for channel in &channels {
            let encoding = &channel.message_encoding;
            (self.index).add_channel(channel.id, &channel.topic, encoding, &channel.metadata);
        }
        chunks.into_iter().for_each(|chunk| self.index.add(chunk));
        self.index.settle();
        self.index.is_whole = true;
        true
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether more may come.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        match &self.stream {
            Some(stream) => stream.goes_on(),
            None => !self.index.is_whole && self.grew_lately(),
        }
    }

    /// Whether a file was written on a moment ago: who records writes at least once a second or two.
    fn grew_lately(&self) -> bool {
        let Store::File(file) = &self.store else {
            return false;
        };
        let changed = file.metadata().and_then(|file| file.modified());
        let since = changed.map(|changed| changed.elapsed().unwrap_or_default());
        since.is_ok_and(|since| since < GROWS_WITHIN)
    }

    /// Whether it is there from its beginning to its end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.index.is_whole && !self.has_shed
    }

    /// What cannot be read, in words.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        self.index.notes()
    }

    /// Takes in what has come since, of a stream or of a file that is still being written.
    pub fn go_on(&mut self) {
        self.take_stream(false);
        if let Some(at) = self.loose.take() {
            if let Some(number) = self.index.drop_last(at) {
                self.decoded.retain(|(known, _)| *known != number);
                let kept = self.decoded.iter().map(|(_, entries)| bytes_of(entries));
                self.decoded_bytes = kept.sum();
            }
            self.scanned = Some(at);
        }
        while let Some(at) = self.scanned
            && !self.index.is_whole
        {
            let head = self.store.read(at, RECORD_HEAD as usize);
            let head = head.ok().and_then(|bytes| RecordHead::parse(at, &bytes));
            let Some((head, end)) = head.and_then(|head| Some((head, head.end()?))) else {
                break;
            };
            // Its last byte is there: it is whole.
            if self.store.read(end.saturating_sub(1), 1).is_err() {
                break;
            }
            match self.scan.take(&mut self.index, head, &self.store) {
                Ok(true) => self.scanned = Some(end),
                Ok(false) => self.index.is_whole = true,
                Err(error) => {
                    self.index.note(format!("byte {at}: {error}"));
                    self.scanned = Some(end);
                }
            }
        }
        if self.scanned.is_some() {
            self.loose = self.scan.loose_at();
            self.close(false);
        }
    }

    /// What is open is taken in, and all stands in the order of time.
    fn close(&mut self, indexed: bool) {
        let closed = self.scan.close(&mut self.index, &self.store, indexed);
        self.index.settle();
        if let Err(error) = closed {
            self.index.note(error.to_string());
        }
    }

    /// Something in it cannot be read.
    pub(super) fn note(&mut self, what: String) {
        self.index.note(what);
    }

    /// Takes in all that comes until the end of a stream.
    pub fn finish(&mut self) {
        while self.stream.as_ref().is_some_and(Stream::goes_on) {
            self.take_stream(true);
        }
    }

    fn take_stream(&mut self, mut wait: bool) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until
            && let Some(next) = self.stream.as_mut().and_then(|stream| stream.next(wait))
        {
            wait = false;
            let (head, bytes) = match next {
                FromStream::Record(head, bytes) => (head, bytes),
                FromStream::End(why) => {
                    self.close(false);
                    let converted = self.converted.iter().flat_map(capture::take_notes);
                    why.into_iter()
                        .chain(converted)
                        .for_each(|why| self.index.note(why));
                    break;
                }
            };
            let is_kept = matches!(head.opcode, op::CHUNK | op::MESSAGE | op::CHANNEL);
            self.keep(head.at, Some(bytes));
            match self.scan.take(&mut self.index, head, &self.store) {
                Ok(goes_on) => self.index.is_whole |= !goes_on,
                Err(error) => self.index.note(format!("byte {}: {error}", head.at)),
            }
            if !is_kept {
                self.keep(head.at, None);
            }
            self.shed();
        }
        // Whoever writes it may wait for long before the next record.
        if self.stream.is_some() {
            self.close(false);
        }
    }

    fn keep(&mut self, at: u64, bytes: Option<Vec<u8>>) {
        if let Store::Memory(kept) = &mut self.store {
            match bytes {
                Some(bytes) => {
                    self.kept_bytes += KEPT_WITH_EACH + bytes.len() as u64;
                    kept.insert(at, bytes);
                }
                None => {
                    let gone = kept.remove(&at);
                    let gone = gone.map_or(0, |bytes| KEPT_WITH_EACH + bytes.len() as u64);
                    self.kept_bytes -= gone;
                }
            }
        }
    }

    /// Lets go of what there is no room for in memory.
    fn shed(&mut self) {
        while self.kept_bytes > KEPT
            && let Some(place) = self.index.drop_oldest()
        {
            self.has_shed = true;
            let kept = bytes(KEPT);
            (self.index).note(format!(
                "more came than is kept, {kept}: the oldest of it is gone"
            ));
            let end = place.at.saturating_add(place.length);
            if let Store::Memory(kept) = &mut self.store {
                let gone: Vec<u64> = kept.range(place.at..end).map(|(at, _)| *at).collect();
                gone.into_iter().for_each(|at| self.keep(at, None));
            }
        }
    }
}
