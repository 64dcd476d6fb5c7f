//! The file, or the stream, that is being written.
//!
//! States are much alike: many in one chunk take a third of what each takes in its own. A chunk can only be read once it is
//! complete; so those of a file that is not complete yet stand behind its end as they are, not packed, and are written over as more
//! of them come. Whoever reads the file, or what a killed process leaves, finds them there.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::ring_thread::Recorded;
use crate::recording::channel::Content;
use crate::recording::writer::{RecordingWriter, Written};
use crate::text::{bytes, escape};

/// So many states and events make a chunk ...
const FULL: usize = 64;
/// ... or so many bytes of them, ...
const FULL_BYTES: usize = 256 << 10;
/// ... or what is so old.
const LASTS: Duration = Duration::from_secs(30);

/// A state or an event that is not in a chunk yet.
#[derive(Debug)]
struct Loose {
    of: Recorded,
    content: Content,
    at_ns: u64,
    json: Vec<u8>,
}

/// What is being written.
pub(super) struct OpenFile {
    writer: RecordingWriter<Box<dyn Write + Send>>,
    /// Where it can be written over; `None` for a stream.
    file: Option<(File, PathBuf)>,
    /// Bytes up to which all is packed.
    packed: u64,
    loose: Vec<Loose>,
    loose_bytes: usize,
    loose_since: Instant,
    /// So many of them stand behind the end.
    shown: usize,
    begun: Instant,
    /// Since when something is collected.
    collected: Option<Instant>,
}

impl OpenFile {
    /// Begins a recording, in chunks of about so many bytes.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn begin(
        out: Box<dyn Write + Send>,
        file: Option<(File, PathBuf)>,
        chunk: u64,
    ) -> io::Result<Self> {
        let writer = RecordingWriter::with_chunks(out, chunk).map_err(|error| match &file {
            Some((_, path)) => {
                // It is no recording yet.
                let _ = std::fs::remove_file(path);
                named(&error, path)
            }
            None => error,
        })?;
        Ok(Self {
            packed: writer.written().bytes,
            writer,
            file,
            loose: Vec::new(),
            loose_bytes: 0,
            loose_since: Instant::now(),
            shown: 0,
            begun: Instant::now(),
            collected: None,
        })
    }

    /// Its name, if it is a file.
    pub(super) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|(_, path)| path.as_path())
    }

    /// How long it has been written.
    pub(super) fn lasts(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Since when something waits for [`Self::flush`].
    pub(super) fn collected(&self) -> Option<Instant> {
        self.collected
    }

    /// What was written.
    pub(super) fn written(&self) -> Written {
        let written = self.writer.written();
        Written {
            bytes: written.bytes + self.loose_bytes as u64,
            records: written.records + self.loose.len() as u64,
        }
    }

    /// Bytes that it would have if it ended now: about, and hardly less. Once all is packed ([`Self::settle`]) it is known well.
    pub(super) fn size_at_end(&self) -> u64 {
        self.writer.size_at_end() + self.loose_bytes as u64
    }

    /// Packs all there is.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.pack()?;
        self.flush()
    }

    /// Adds a state or an event.
    pub(super) fn put_one(
        &mut self,
        of: &Recorded,
        content: Content,
        at_ns: u64,
        json: &[u8],
    ) -> io::Result<()> {
        if self.file.is_none() || !self.writer.knows(&of.name, content) {
            // What comes first tells what its channel is.
            return self.put(of, content, [(at_ns, json)]);
        }
        if self.loose.is_empty() {
            self.loose_since = Instant::now();
        }
        self.collected.get_or_insert_with(Instant::now);
        self.loose_bytes += json.len();
        self.loose.push(Loose {
            of: of.clone(),
            content,
            at_ns,
            json: json.to_vec(),
        });
        Ok(())
    }

    /// Adds what makes chunks of its own.
    pub(super) fn put<'a>(
        &mut self,
        of: &Recorded,
        content: Content,
        records: impl IntoIterator<Item = (u64, &'a [u8])>,
    ) -> io::Result<()> {
        self.pack()?;
        self.collected.get_or_insert_with(Instant::now);
        self.writer.write(&of.name, &of.id, content, records)?;
        // Chunks go out whole, when they are full.
        self.packed = self.writer.written().bytes;
        Ok(())
    }

    /// Puts what is loose into chunks.
    fn pack(&mut self) -> io::Result<()> {
        if self.loose.is_empty() {
            return Ok(());
        }
        for one in &self.loose {
            let record = [(one.at_ns, &one.json[..])];
            (self.writer).write(&one.of.name, &one.of.id, one.content, record)?;
        }
        self.writer.flush()?;
        self.packed = self.writer.written().bytes;
        self.loose.clear();
        (self.loose_bytes, self.shown) = (0, 0);
        if let Some((file, _)) = &self.file {
            // Packed, it takes less room.
            file.set_len(self.packed)?;
        }
        Ok(())
    }

    /// Writes out what was collected: it can be read from now on.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.collected = None;
        let full = self.loose.len() >= FULL
            || self.loose_bytes >= FULL_BYTES
            || self.loose_since.elapsed() >= LASTS;
        if full {
            self.pack()?;
        }
        self.writer.flush()?;
        self.packed = self.writer.written().bytes;
        self.show(self.loose.len())
    }

    /// Has so many of what is loose stand behind the end.
    fn show(&mut self, count: usize) -> io::Result<()> {
        let Some((file, _)) = self.file.as_ref().filter(|_| count > 0) else {
            return Ok(());
        };
        let loose = self.loose.iter().take(count);
        let records = loose.map(|one| (&one.of.name, one.content, one.at_ns, &one.json[..]));
        file.write_all_at(&self.writer.unpacked(records), self.packed)?;
        self.shown = count;
        Ok(())
    }

    /// Ends it, with its index.
    pub(super) fn finish(mut self) -> io::Result<Written> {
        if let Err(error) = self.settle() {
            return Err(self.fail(error));
        }
        self.packed = self.writer.written().bytes;
        let (file, good) = (self.file.take(), self.packed);
        (self.writer.finish()).map_err(|error| cut(error, file.as_ref(), good))
    }

    /// It could not be written on: what can be read of it stays, and the error says which file it is.
    pub(super) fn fail(mut self, error: io::Error) -> io::Error {
        let mut good = self.packed;
        let shown = self.shown;
        // It may be written over in part; it was there before, so there is room for it.
        if self.show(shown).is_ok() && shown > 0 {
            let loose = self.loose.iter().take(shown);
            let records = loose.map(|one| (&one.of.name, one.content, one.at_ns, &one.json[..]));
            good += self.writer.unpacked(records).len() as u64;
        }
        cut(error, self.file.as_ref(), good)
    }
}

/// Takes away what cannot be read at the end of a file that could not be written on; says which file it is.
fn cut(error: io::Error, file: Option<&(File, PathBuf)>, good: u64) -> io::Error {
    let Some((file, path)) = file else {
        return error;
    };
    // What is left there can be passed over by a reader, too.
    let _ = file.set_len(good);
    let good = bytes(good);
    let why = format!("{error}; what was written until then, {good}, can be read");
    named(&io::Error::new(error.kind(), why), path)
}

/// An error, with the file that it is about.
pub fn named(error: &io::Error, path: &Path) -> io::Error {
    let name = path.display().to_string();
    io::Error::new(error.kind(), format!("{}: {error}", escape(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::fixtures::{consumer, ring};
    use crate::recording::writer::CHUNK;
    use crate::recording::{RecordedState, Recording, RingName, create};

    fn begun(path: &Path) -> OpenFile {
        let file = create(path).expect("a new file");
        let out = Box::new(file.try_clone().expect("a descriptor"));
        OpenFile::begin(out, Some((file, path.into())), CHUNK).expect("room")
    }

    fn recorded() -> (Recorded, Vec<u8>) {
        let seen = ring(vec![consumer(5)]);
        let of = Recorded {
            name: RingName::of(&seen),
            id: seen.id.clone(),
        };
        let json = RecordedState::now(seen, None).to_json().expect("JSON");
        (of, json)
    }

    /// Times of the states that can be read.
    fn times(path: &Path) -> Vec<u64> {
        let mut recording = Recording::open(path).expect("a recording");
        let name = recording.rings().swap_remove(0);
        let mut times = vec![0];
        while let Some(next) = recording.state_time_after(&name, times[times.len() - 1]) {
            times.push(next);
        }
        times.split_off(1)
    }

    #[test]
    fn what_was_flushed_can_be_read_at_once_and_takes_little_room_in_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("states.mcap");
        let (of, json) = recorded();
        let mut file = begun(&path);
        let mut growing = None;
        for time in 1..=200 {
            file.put_one(&of, Content::State, time, &json)
                .expect("room");
            file.flush().expect("room");
            if time % 7 == 0 || time < 5 {
                assert_eq!(times(&path), (1..=time).collect::<Vec<u64>>());
            }
            // Who reads it while it is written sees the same.
            let growing = growing.get_or_insert_with(|| Recording::open(&path).expect("one"));
            growing.go_on();
            assert_eq!(growing.state_time(&of.name, u64::MAX), Some(time));
            assert_eq!(growing.notes().len(), 1, "{:?}", growing.notes());
        }
        let loose = path.metadata().expect("there").len();
        file.finish().expect("room");
        assert!(loose < 200 * json.len() as u64 / 2, "{loose}");
        assert_eq!(times(&path), (1..=200).collect::<Vec<u64>>());
        assert!(Recording::open(&path).expect("one").is_whole());
    }

    #[test]
    fn what_was_flushed_outlives_a_failure() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("states.mcap");
        let (of, json) = recorded();
        let mut file = begun(&path);
        for time in 1..=10 {
            file.put_one(&of, Content::State, time, &json)
                .expect("room");
            file.flush().expect("room");
        }
        file.put_one(&of, Content::State, 11, &json).expect("room");
        let error = file.fail(io::ErrorKind::StorageFull.into());
        assert!(error.to_string().contains("states.mcap"), "{error}");
        assert_eq!(times(&path), (1..=10).collect::<Vec<u64>>());
    }
}
