//! The files that a recording goes to: one, or several of which the last are kept; or a stream.
//!
//! No file is ever written over another. One whose disk is full ends where it can be read to.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::decoding::MessageDecoding;
use super::file_names::{create, numbered, remove, there_already};
use super::open_file::OpenFile;
use super::ring_thread::{Piece, Recorded, What};
use crate::capture::{MessageRecord, RecordKind};
use crate::recording::batch::MessageBatch;
use crate::recording::channel::{Content, RingName};
use crate::recording::writer::{CHUNK, Written};
use crate::text::{bytes, duration, nanoseconds};

/// What was collected is written out when it is this old.
const FLUSHED_AFTER: Duration = Duration::from_millis(500);

/// A file of limited size has so many chunks at least, ...
const CHUNKS: u64 = 16;
/// ... unless they would be smaller than this, bytes.
const LEAST_CHUNK: u64 = 4 << 10;

/// Where a recording goes to.
pub enum Output {
    /// A file, or several, whose names are made from this one.
    File(PathBuf),
    /// A stream.
    Stream(Box<dyn Write + Send>),
}

/// When a file is at its end.
#[derive(Clone, Copy, Debug, Default)]
pub struct FilePlan {
    /// Bytes, about.
    pub max_size: Option<u64>,
    /// Time.
    pub max_time: Option<Duration>,
    /// Another one is begun then, and so many are kept; without it, the recording ends.
    pub keep: Option<usize>,
}

/// The files of a recording.
pub(super) struct Files {
    output: Output,
    plan: FilePlan,
    /// Names have numbers: there may be several.
    numbered: bool,
    /// That of the last file.
    number: u32,
    /// Those that are there, the oldest first: also those that a recording of the same name has left before.
    kept: VecDeque<PathBuf>,
    current: Option<OpenFile>,
    /// The last state of each ring: with it begins the next file.
    last_states: HashMap<RingName, (Recorded, u64, Vec<u8>)>,
    /// What the files before have taken.
    before: Written,
    counted: Counted,
    decoding: Option<MessageDecoding>,
    /// The last file has reached its limit.
    is_over: bool,
}

/// What was written of messages, in all files.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub messages: u64,
    /// Bytes of rings that were passed over.
    pub skipped_bytes: u64,
    /// Messages that could not be decoded, where they were to be.
    pub undecoded: u64,
}

impl Files {
    /// None is begun yet. With `several`, names have numbers.
    pub(super) fn new(output: Output, plan: FilePlan, several: bool) -> Self {
        let numbered = several || plan.keep.is_some();
        let earlier = match &output {
            Output::File(name) if numbered => there_already(name),
            _ => Vec::new(),
        };
        Self {
            numbered,
            output,
            plan,
            number: earlier.last().map_or(0, |(number, _)| *number),
            kept: earlier.into_iter().map(|(_, path)| path).collect(),
            current: None,
            last_states: HashMap::new(),
            before: Written::default(),
            counted: Counted::default(),
            decoding: None,
            is_over: false,
        }
    }

    /// What is in messages is written, too.
    pub(super) fn decoding(mut self, decoding: Option<MessageDecoding>) -> Self {
        self.decoding = decoding;
        self
    }

    /// Bytes of a chunk: what goes into one at once is little beside the limit.
    fn chunk(&self) -> u64 {
        let most = self.plan.max_size;
        most.map_or(CHUNK, |most| (most / CHUNKS).clamp(LEAST_CHUNK, CHUNK))
    }

    /// Begins a file, unless the last one has ended.
    ///
    /// # Errors
    /// When it is there already, or cannot be made.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        if self.is_over {
            return Ok(());
        }
        let (out, file): (Box<dyn Write + Send>, _) = match &mut self.output {
            Output::Stream(stream) => (std::mem::replace(stream, Box::new(io::sink())), None),
            Output::File(name) => {
                let (file, path) = loop {
                    self.number += 1;
                    let path = if self.numbered {
                        numbered(name, self.number)
                    } else {
                        name.clone()
                    };
                    match create(&path) {
                        // What came there meanwhile, or is no file, keeps its name.
                        Err(error)
                            if self.numbered && error.kind() == io::ErrorKind::AlreadyExists => {}
                        made => break (made?, path),
                    }
                };
                (Box::new(file.try_clone()?), Some((file, path)))
            }
        };
        let made = file.as_ref().map(|(_, path)| path.clone());
        self.current = Some(OpenFile::begin(out, file, self.chunk())?);
        if let Some(path) = made {
            self.kept.push_back(path);
            let most = self.plan.keep.unwrap_or(usize::MAX);
            while self.kept.len() > most
                && let Some(oldest) = self.kept.pop_front()
            {
                remove(&oldest);
            }
        }
        Ok(())
    }

    /// Begins another file with what is known of each ring.
    fn begin_next(&mut self) -> io::Result<()> {
        self.begin()?;
        let states: Vec<_> = self.last_states.values().cloned().collect();
        for (of, at_ns, json) in states {
            self.put_one(&of, Content::State, at_ns, &json)?;
        }
        Ok(())
    }

    /// Whether a file is being written.
    pub(super) fn is_open(&self) -> bool {
        self.current.is_some()
    }

    /// The file that is being written.
    pub(super) fn path(&self) -> Option<&Path> {
        self.current.as_ref()?.path()
    }

    /// What was written of messages, in all files.
    pub(super) fn counted(&self) -> Counted {
        self.counted
    }

    /// What was written, in all files.
    pub(super) fn written(&self) -> Written {
        let now = self.current.as_ref().map(OpenFile::written);
        let now = now.unwrap_or_default();
        Written {
            bytes: self.before.bytes + now.bytes,
            records: self.before.records + now.records,
        }
    }

    /// Writes a piece into the file that is open.
    ///
    /// # Errors
    /// Those of the file, which ends then where it can be read to.
    pub(super) fn write(&mut self, piece: &Piece) -> io::Result<()> {
        let of = &piece.of;
        match &piece.what {
            What::State { at_ns, json, .. } => {
                self.put_one(of, Content::State, *at_ns, json)?;
                let last = (of.clone(), *at_ns, json.clone());
                self.last_states.insert(of.name.clone(), last);
                if matches!(self.output, Output::Stream(_)) {
                    // Somebody may be looking on.
                    self.flush()?;
                }
                Ok(())
            }
            What::Event { at_ns, json, .. } => self.put_one(of, Content::Events, *at_ns, json),
            What::Messages(batch) => self.put_messages(of, batch),
            What::Replaced | What::Ended(_) => {
                self.last_states.remove(&of.name);
                Ok(())
            }
        }
    }

    /// Writes messages a chunk at a time, as the file may be full in between.
    fn put_messages(&mut self, of: &Recorded, batch: &MessageBatch) -> io::Result<()> {
        let mut records = batch.records().peekable();
        while self.is_open() && records.peek().is_some() {
            let (mut part, mut size) = (Vec::new(), 0);
            while size < self.chunk()
                && let Some(record) = records.next()
            {
                size += record.1.len() as u64;
                part.push(record);
            }
            self.with_current(|current| current.put(of, Content::Messages, part.iter().copied()))?;
            if let Some(decoding) = &mut self.decoding {
                let lines = decoding.of(&part);
                let failed = decoding.failed();
                let lines = lines.iter().map(|(at_ns, line)| (*at_ns, &line[..]));
                self.with_current(|current| current.put(of, Content::Decoded, lines))?;
                self.counted.undecoded = failed;
            }
            for (record, _) in part
                .iter()
                .filter_map(|(_, data)| MessageRecord::parse(data))
            {
                self.counted.messages += u64::from(record.kind == RecordKind::Message);
                let skipped = self.counted.skipped_bytes;
                self.counted.skipped_bytes = skipped.saturating_add(record.skipped_bytes);
            }
            if records.peek().is_some() {
                self.tend()?;
            }
        }
        Ok(())
    }

    fn put_one(
        &mut self,
        of: &Recorded,
        content: Content,
        at_ns: u64,
        json: &[u8],
    ) -> io::Result<()> {
        self.with_current(|current| current.put_one(of, content, at_ns, json))
    }

    /// Does something with the file that is open, if one is; where that fails, the file is at its end.
    fn with_current(
        &mut self,
        work: impl FnOnce(&mut OpenFile) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(mut current) = self.current.take() else {
            return Ok(());
        };
        if let Err(error) = work(&mut current) {
            return Err(current.fail(error));
        }
        self.current = Some(current);
        Ok(())
    }

    /// Writes out what was collected, if it is old enough, and begins the next file if this one is at its end. False: there is to
    /// be no next one.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(super) fn tend(&mut self) -> io::Result<bool> {
        let Some(current) = &self.current else {
            return Ok(!self.is_over);
        };
        let is_old = |at: Instant| at.elapsed() >= FLUSHED_AFTER;
        if current.collected().is_some_and(is_old) {
            self.flush()?;
        }
        if !self.is_full()? {
            return Ok(true);
        }
        self.end()?;
        if self.plan.keep.is_none() {
            self.is_over = true;
            return Ok(false);
        }
        self.begin_next()?;
        Ok(true)
    }

    /// Whether the file that is open is at its end. What it takes is known once it is packed: that is done where it matters.
    fn is_full(&mut self) -> io::Result<bool> {
        let plan = self.plan;
        let is_large = |current: &OpenFile| {
            let size = current.size_at_end();
            plan.max_size.is_some_and(|most| size >= most)
        };
        if self.current.as_ref().is_some_and(is_large) {
            self.with_current(OpenFile::settle)?;
        }
        Ok(self.current.as_ref().is_some_and(|current| {
            is_large(current) || plan.max_time.is_some_and(|most| current.lasts() >= most)
        }))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with_current(OpenFile::flush)
    }

    /// Ends the file that is open, with its index.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(super) fn end(&mut self) -> io::Result<()> {
        let Some(current) = self.current.take() else {
            return Ok(());
        };
        let written = current.finish()?;
        self.before.bytes += written.bytes;
        self.before.records += written.records;
        Ok(())
    }

    /// What a file may take, in words; empty where there is no limit.
    pub(super) fn limits(&self) -> String {
        let size = self.plan.max_size.map(bytes);
        let time = self.plan.max_time.map(|time| duration(nanoseconds(time)));
        let limits: Vec<String> = size.into_iter().chain(time).collect();
        limits.join(" or ")
    }
}

#[cfg(test)]
mod tests;
