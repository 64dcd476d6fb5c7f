//! The files that a recording goes to: one, or several of which the last are kept; or a stream.
//!
//! No file is ever written over another. One whose disk is full ends where it can be read to.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::open_file::{OpenFile, named};
use super::ring_thread::{Piece, Recorded, What};
use crate::recording::channel::{Content, RingName};
use crate::recording::writer::Written;
use crate::text::{bytes, duration, escape, nanoseconds};

/// What was collected is written out when it is this old.
const FLUSHED_AFTER: Duration = Duration::from_millis(500);

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
    number: u32,
    kept: VecDeque<PathBuf>,
    current: Option<OpenFile>,
    /// The last state of each ring: with it begins the next file.
    last_states: HashMap<RingName, (Recorded, u64, Vec<u8>)>,
    /// What the files before have taken.
    before: Written,
}

impl Files {
    /// None is begun yet. With `several`, names have numbers.
    pub(super) fn new(output: Output, plan: FilePlan, several: bool) -> Self {
        Self {
            numbered: several || plan.keep.is_some(),
            output,
            plan,
            number: 0,
            kept: VecDeque::new(),
            current: None,
            last_states: HashMap::new(),
            before: Written::default(),
        }
    }

    /// Begins a file.
    ///
    /// # Errors
    /// When it is there already, or cannot be made.
    pub(super) fn begin(&mut self) -> io::Result<()> {
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
                        // Of several, those of an earlier recording keep their names.
                        Err(error)
                            if self.numbered && error.kind() == io::ErrorKind::AlreadyExists => {}
                        made => break (made?, path),
                    }
                };
                (Box::new(file.try_clone()?), Some((file, path)))
            }
        };
        let made = file.as_ref().map(|(_, path)| path.clone());
        self.current = Some(OpenFile::begin(out, file)?);
        if let Some(path) = made {
            self.kept.push_back(path);
            let most = self.plan.keep.unwrap_or(usize::MAX);
            while self.kept.len() > most
                && let Some(oldest) = self.kept.pop_front()
            {
                // One that was moved away is no longer ours.
                let _ = std::fs::remove_file(oldest);
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
            What::Messages(batch) => {
                self.with_current(|current| current.put(of, Content::Messages, batch.records()))
            }
            What::Replaced | What::Ended(_) => {
                self.last_states.remove(&of.name);
                Ok(())
            }
        }
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
            return Ok(true);
        };
        let is_old = |at: Instant| at.elapsed() >= FLUSHED_AFTER;
        if current.collected().is_some_and(is_old) {
            self.flush()?;
        }
        let is_full = |current: &OpenFile| {
            let (size, plan) = (current.written().bytes, self.plan);
            plan.max_size.is_some_and(|most| size >= most)
                || plan.max_time.is_some_and(|most| current.lasts() >= most)
        };
        if !self.current.as_ref().is_some_and(is_full) {
            return Ok(true);
        }
        self.end()?;
        if self.plan.keep.is_none() {
            return Ok(false);
        }
        self.begin_next()?;
        Ok(true)
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

/// Makes a file for a recording, readable by its owner alone.
///
/// # Errors
/// When it is there already, or cannot be made.
pub fn create(path: &Path) -> io::Result<File> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            let name = path.display().to_string();
            let name = escape(&name);
            let why =
                format!("{name} already exists and is never overwritten: choose another name");
            io::Error::new(error.kind(), why)
        }
        _ => {
            let error = named(&error, path);
            io::Error::new(error.kind(), format!("cannot create {error}"))
        }
    })
}

/// `a/ring.mcap` as `a/ring-0001.mcap`.
fn numbered(name: &Path, number: u32) -> PathBuf {
    let mut file = name.file_stem().unwrap_or_default().to_owned();
    file.push(format!("-{number:04}"));
    if let Some(suffix) = name.extension() {
        file.push(".");
        file.push(suffix);
    }
    name.with_file_name(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_before_the_suffix() {
        for (name, expected) in [
            ("a/ring.mcap", "a/ring-0007.mcap"),
            ("ring", "ring-0007"),
            ("a.b/ring.x.mcap", "a.b/ring.x-0007.mcap"),
        ] {
            assert_eq!(numbered(Path::new(name), 7), Path::new(expected));
        }
    }
}
