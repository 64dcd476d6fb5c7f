//! Records into a file, or a stream that cannot seek: in chunks, each of which can be read as soon as it is written.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mcap::records::{MessageHeader, op};
use mcap::write::NoSeek;
use mcap::{Compression, McapError, WriteOptions};

use super::channel::{Content, RingName};
use crate::observe::model::SCHEMA_VERSION;

/// The profile of our files.
pub(super) const PROFILE: &str = "zbqtop";
/// Bytes of a chunk, about, before it is compressed.
pub(super) const CHUNK: u64 = 1 << 20;
/// Messages come fast: what a higher level saves in space is not worth its time.
const LEVEL: u32 = 1;

/// Bytes before a message in its record, and before the records in a chunk whose compression has no name (MCAP's
/// specification, `Message` and `Chunk`).
const MESSAGE_HEAD: u64 = 22;
const CHUNK_HEAD: u64 = 40;
/// What else a record costs: what stands before any record, and its place in the index of its chunk (`MessageIndex`).
const PER_MESSAGE: u64 = 9 + 16;
/// What a channel, a schema or a chunk costs at the end of the file besides what is written in it, no less
/// (`Channel`, `Schema`, `ChunkIndex`, `Statistics`), and what stands there anyway.
const PER_INDEXED: u64 = 128;
const END: u64 = 512;

/// What the channels carry, as JSON schemas.
const STATE_SCHEMA: &str = include_str!("../../assets/state.schema.json");
const EVENT_SCHEMA: &str = include_str!("../../assets/event.schema.json");

/// Writes a recording.
pub struct RecordingWriter<W: Write> {
    /// There until the end.
    mcap: Option<mcap::Writer<NoSeek<Counted<W>>>>,
    channels: HashMap<(RingName, Content), u16>,
    host: String,
    /// Whether the chunk that is open is of bulk: messages or memory.
    open: Option<bool>,
    /// Records so far.
    records: u64,
    written: Arc<AtomicU64>,
    /// Bytes in the chunk that is open, as they are before they are compressed.
    pending: u64,
    /// Bytes that the index at the end will have, about, and no less.
    index: u64,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes.
    pub bytes: u64,
    /// Records of all kinds.
    pub records: u64,
}

/// Counts what goes through.
struct Counted<W> {
    out: W,
    written: Arc<AtomicU64>,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.written.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> RecordingWriter<W> {
    /// Begins a recording.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: W) -> io::Result<Self> {
        Self::with_chunks(out, CHUNK)
    }

    /// The same, in chunks of about so many bytes before they are compressed.
    pub(super) fn with_chunks(out: W, chunk: u64) -> io::Result<Self> {
        let written = Arc::new(AtomicU64::new(0));
        let options = WriteOptions::new()
            .profile(PROFILE)
            .library(concat!("zbqtop ", env!("CARGO_PKG_VERSION")))
            .compression(Some(Compression::Zstd))
            .compression_level(LEVEL)
            .compression_threads(0)
            .chunk_size(Some(chunk))
            // Chunks go out whole: a pipe takes them, and a file that ends before its time ends with one.
            .disable_seeking(true);
        let out = Counted {
            out,
            written: Arc::clone(&written),
        };
        let host = rustix::system::uname().nodename().to_string_lossy().into();
        Ok(Self {
            mcap: Some(options.create(NoSeek::new(out)).map_err(failure)?),
            channels: HashMap::new(),
            host,
            open: None,
            records: 0,
            written,
            pending: 0,
            index: END,
        })
    }

    /// Adds records of the ring called `name`, whose id is `id`, each with its time in ns since 1970.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write<'a>(
        &mut self,
        name: &RingName,
        id: &str,
        content: Content,
        records: impl IntoIterator<Item = (u64, &'a [u8])>,
    ) -> io::Result<()> {
        let bulk = content.is_bulk();
        if self.open.is_some_and(|open| open != bulk) {
            self.flush()?;
        }
        self.open = Some(bulk);
        let channel_id = match self.channels.get(&(name.clone(), content)) {
            Some(channel) => *channel,
            None => self.begin_channel(name, id, content)?,
        };
        for (at_ns, data) in records {
            let header = MessageHeader {
                channel_id,
                // Wraps, as others' do.
                sequence: self.records as u32,
                log_time: at_ns,
                publish_time: at_ns,
            };
            self.records += 1;
            let before = self.written.load(Ordering::Relaxed);
            self.mcap()?
                .write_to_known_channel(&header, data)
                .map_err(failure)?;
            if self.written.load(Ordering::Relaxed) != before {
                self.note_chunk();
            }
            self.pending += PER_MESSAGE + MESSAGE_HEAD + data.len() as u64;
        }
        Ok(())
    }

    /// A chunk went out.
    fn note_chunk(&mut self) {
        self.pending = 0;
        self.index += PER_INDEXED;
    }

    fn begin_channel(&mut self, name: &RingName, id: &str, content: Content) -> io::Result<u16> {
        let schema = match content {
            Content::State => ("zbqtop.State", STATE_SCHEMA),
            Content::Events => ("zbqtop.Event", EVENT_SCHEMA),
            Content::Messages | Content::Pages | Content::Decoded => ("", ""),
        };
        let schema = match schema {
            ("", _) => 0,
            (schema, text) => {
                // Each file has it, unpacked: without what makes it pleasant to read it takes two thirds.
                let plain: serde_json::Value = serde_json::from_str(text)?;
                let plain = serde_json::to_vec(&plain)?;
                if !self.channels.keys().any(|(_, other)| *other == content) {
                    // Here, packed with what follows, and once more at the end.
                    self.note_indexed(schema.len() + plain.len());
                }
                self.mcap()?
                    .add_schema(schema, "jsonschema", &plain)
                    .map_err(failure)?
            }
        };
        let metadata = BTreeMap::from(
            [
                ("id", id),
                ("host", &self.host),
                ("schema_version", &SCHEMA_VERSION.to_string()),
                ("zbqtop_version", env!("CARGO_PKG_VERSION")),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        let topic = name.topic(content);
        let words = metadata.iter().map(|(key, value)| key.len() + value.len());
        self.note_indexed(topic.len() + words.sum::<usize>());
        let channel = self
            .mcap()?
            .add_channel(schema, &topic, content.encoding(), &metadata)
            .map_err(failure)?;
        self.channels.insert((name.clone(), content), channel);
        Ok(channel)
    }

    /// What stands in a chunk, and in the index, too.
    fn note_indexed(&mut self, bytes: usize) {
        self.pending += bytes as u64;
        self.index += PER_INDEXED + bytes as u64;
    }

    /// Whether the channel with this content of a ring has begun.
    #[must_use]
    pub fn knows(&self, name: &RingName, content: Content) -> bool {
        self.channels.contains_key(&(name.clone(), content))
    }

    /// Records of channels that have begun as they would lie in a file: one chunk, not packed, without an index and a checksum.
    #[must_use]
    pub fn unpacked<'a>(
        &self,
        records: impl IntoIterator<Item = (&'a RingName, Content, u64, &'a [u8])>,
    ) -> Vec<u8> {
        let (mut inside, mut times) = (Vec::new(), (u64::MAX, 0));
        for (name, content, at_ns, data) in records {
            let Some(channel) = self.channels.get(&(name.clone(), content)) else {
                continue;
            };
            times = (times.0.min(at_ns), times.1.max(at_ns));
            let length = MESSAGE_HEAD + data.len() as u64;
            inside.push(op::MESSAGE);
            inside.extend_from_slice(&length.to_le_bytes());
            inside.extend_from_slice(&channel.to_le_bytes());
            inside.extend_from_slice(&0_u32.to_le_bytes());
            inside.extend_from_slice(&at_ns.to_le_bytes());
            inside.extend_from_slice(&at_ns.to_le_bytes());
            inside.extend_from_slice(data);
        }
        let size = inside.len() as u64;
        let mut chunk = vec![op::CHUNK];
        for number in [CHUNK_HEAD + size, times.0, times.1, size] {
            chunk.extend_from_slice(&number.to_le_bytes());
        }
        // No checksum, and no name of a compression.
        chunk.extend_from_slice(&[0; 8]);
        chunk.extend_from_slice(&size.to_le_bytes());
        chunk.extend_from_slice(&inside);
        chunk
    }

    /// Writes out what was collected: it can be read from now on.
    ///
    /// # Errors
    /// Those of the output.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.open.take().is_some() {
            self.mcap()?.flush().map_err(failure)?;
            self.note_chunk();
        }
        Ok(())
    }

    /// Bytes that there would be if the recording ended now: about, and hardly less.
    pub(super) fn size_at_end(&self) -> u64 {
        self.written().bytes + self.pending + self.index
    }

    /// What was written so far, without what was only collected.
    #[must_use]
    pub fn written(&self) -> Written {
        Written {
            bytes: self.written.load(Ordering::Relaxed),
            records: self.records,
        }
    }

    fn mcap(&mut self) -> io::Result<&mut mcap::Writer<NoSeek<Counted<W>>>> {
        (self.mcap.as_mut()).ok_or_else(|| io::Error::other("the recording has ended"))
    }

    /// Ends the recording with its index.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<Written> {
        self.mcap()?.finish().map_err(failure)?;
        Ok(self.written())
    }
}

/// What has not come to its end has none: it is not to be taken for whole.
impl<W: Write> Drop for RecordingWriter<W> {
    fn drop(&mut self) {
        // An end that was written is not written again.
        if let Some(mcap) = self.mcap.take() {
            drop(mcap.into_inner());
        }
    }
}

fn failure(error: McapError) -> io::Error {
    match error {
        McapError::Io(error) => error,
        error => io::Error::other(error),
    }
}
