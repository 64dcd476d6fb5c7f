//! What is published, as it is read: one message after the other, in each of the formats that `tail` and `record` write.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::capture::RecordedMessage;
use crate::capture::pcapng::{self, CaptureReader};
use crate::cli::InputFormat;
use crate::observe::model::Integrity;
use crate::recording::{Content, Playback, PlayedRing};
use crate::ring::layout::HEADER_SIZE;
use crate::text::{counted, escape};

/// What a line of JSON has besides its payload, bytes, and how much longer that is in JSON at most.
const JSON_HEAD: u64 = 64 << 10;
const JSON_GROWTH: u64 = 6;
/// Bytes that are read at once.
const BUFFER: usize = 256 << 10;
/// What comes next.
#[derive(Debug, PartialEq)]
pub(super) enum Item {
    /// A message.
    Message(InputMessage),
    /// So many bytes were passed over when it was written.
    Gap(u64),
}

/// A message, with what is known of it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct InputMessage {
    pub(super) payload: Vec<u8>,
    /// Sequence id and flags of its header, if those are known.
    pub(super) header: Option<(u64, u8)>,
    /// Descriptors that came with it, and did not come along.
    pub(super) fds: u8,
    /// It may have been overwritten while it was copied.
    pub(super) torn: bool,
    /// When it was seen, ns since 1970.
    pub(super) at_ns: Option<u64>,
}

/// Where messages come from.
pub(super) struct Input {
    /// What it is called.
    name: String,
    kind: Kind,
    /// Messages or lines so far, for errors.
    read: u64,
    /// Bytes of the longest message that can be sent.
    longest: u64,
}

enum Kind {
    /// It is recognized by its first bytes; the ring of a recording.
    Unknown(Option<Box<dyn BufRead + Send>>, Option<usize>),
    Lines(Box<dyn BufRead + Send>),
    LenPrefixed(Box<dyn BufRead + Send>),
    Json(Box<dyn BufRead + Send>),
    Base64(Box<dyn BufRead + Send>),
    /// All rings of a capture, or the one with this number.
    Pcapng(Box<CaptureReader<Box<dyn BufRead + Send>>>, Option<usize>),
    Mcap(Box<Recorded>),
}

/// The messages of a ring in a recording, a chunk at a time.
struct Recorded {
    playback: Playback,
    ring: PlayedRing,
    chunks: VecDeque<usize>,
    ready: VecDeque<Item>,
}

/// A line of `tail --format json`.
#[derive(Deserialize)]
struct Line {
    text: Option<String>,
    base64: Option<String>,
    seq_id: Option<u64>,
    #[serde(default)]
    flags: u8,
    #[serde(default)]
    fd_count: u8,
    payload_len: Option<u64>,
    integrity: Option<Integrity>,
    observed_at: Option<String>,
    skipped_bytes: Option<u64>,
    ring: Option<String>,
}

impl Input {
    /// Opens a file, or stdin if it is called `-`: of that the first bytes are waited for only when they are asked for.
    ///
    /// # Errors
    /// When it cannot be read, or is not what it should be.
    pub(super) fn open(
        path: &Path,
        format: Option<InputFormat>,
        ring: Option<usize>,
        longest: u64,
    ) -> anyhow::Result<Self> {
        let streams = path == Path::new("-");
        let name = match streams {
            true => "stdin".to_owned(),
            false => escape(&path.display().to_string()).into_owned(),
        };
        let open = || -> io::Result<File> {
            if streams {
                return Ok(rustix::io::dup(rustix::stdio::stdin())?.into());
            }
            File::open(path)
        };
        let file = open().with_context(|| format!("cannot read {name}"))?;
        let input: Box<dyn BufRead + Send> = Box::new(BufReader::with_capacity(BUFFER, file));
        let kind = match format {
            Some(format) => Kind::of(format, path, input, ring)
                .with_context(|| format!("cannot read {name}"))?,
            None if streams => Kind::Unknown(Some(input), ring),
            None => recognized(path, input, ring).with_context(|| format!("cannot read {name}"))?,
        };
        Ok(Self {
            name,
            kind,
            read: 0,
            longest,
        })
    }

    /// The next message or gap; `None` at the end.
    ///
    /// # Errors
    /// When it cannot be read, or is not what it should be.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Item>> {
        if let Kind::Unknown(input, ring) = &mut self.kind
            && let Some(input) = input.take()
        {
            self.kind = recognized(Path::new("-"), input, *ring)
                .with_context(|| format!("cannot read {}", self.name))?;
        }
        self.read += 1;
        let (name, read, longest) = (&self.name, self.read, self.longest);
        let long = longest
            .saturating_mul(JSON_GROWTH)
            .saturating_add(JSON_HEAD);
        let at_line = |line: u64| move || format!("{name}, line {line}");
        let place = at_line(read);
        let cannot = || format!("cannot read {name}");
        Ok(match &mut self.kind {
            Kind::Unknown(..) => None,
            Kind::Lines(input) => line(input, longest)
                .with_context(place)?
                .map(|payload| message(payload).into()),
            Kind::Base64(input) => match line(input, long).with_context(place)? {
                None => None,
                Some(line) => {
                    let payload = STANDARD.decode(line.trim_ascii());
                    let payload = payload.map_err(|why| {
                        anyhow::anyhow!("{}: expected base64, with padding: {why}", place())
                    })?;
                    Some(message(payload).into())
                }
            },
            Kind::Json(input) => loop {
                let place = at_line(self.read);
                match line(input, long).with_context(place)? {
                    None => break None,
                    Some(line) if line.trim_ascii().is_empty() => {}
                    Some(line) => {
                        if let Some(item) = json(&line).with_context(place)? {
                            break Some(item);
                        }
                    }
                }
                self.read += 1;
            },
            Kind::LenPrefixed(input) => {
                if input.fill_buf().with_context(cannot)?.is_empty() {
                    return Ok(None);
                }
                let cut = || format!("{name}: it ends in the middle of message {read}");
                let mut length = [0; 4];
                input.read_exact(&mut length).with_context(cut)?;
                let length = u32::from_le_bytes(length);
                if u64::from(length) > longest {
                    bail!(
                        "{name}: message {read} has {length} bytes, more than the ring ({longest})"
                    );
                }
                let mut payload = Vec::new();
                // It grows with what is there, whatever the length says.
                let got = input.take(length.into()).read_to_end(&mut payload);
                if got.with_context(cannot)? as u64 != u64::from(length) {
                    bail!(
                        "{}: {length} bytes were to come, found {}",
                        cut(),
                        payload.len()
                    );
                }
                Some(message(payload).into())
            }
            Kind::Pcapng(capture, ring) => loop {
                match capture.next_record() {
                    Ok(None) => {
                        let there = capture.interfaces().len();
                        if let Some(ring) = ring.filter(|ring| *ring >= there) {
                            let rings = counted(there as u64, "ring");
                            bail!(
                                "{name}: --ring {ring}: the capture has {rings}, numbered from 0"
                            );
                        }
                        break None;
                    }
                    Ok(Some(record)) if ring.is_some_and(|ring| ring != record.interface) => {}
                    Ok(Some(record)) => {
                        let parsed = RecordedMessage::parse(&record.bytes);
                        break Some(item(
                            parsed.context("a packet that is no message")?,
                            record.at_ns,
                        ));
                    }
                    Err(error) => bail!("{name}: {error}"),
                }
            },
            Kind::Mcap(recorded) => recorded.next(),
        })
    }

    /// What could not be taken over, in words.
    pub(super) fn notes(&self) -> Vec<String> {
        match &self.kind {
            Kind::Pcapng(capture, ring) => {
                let mut notes = Vec::new();
                if capture.foreign() > 0 {
                    let packets = counted(capture.foreign(), "packet");
                    notes.push(format!(
                        "{}: {packets} of other protocols were left out",
                        self.name
                    ));
                }
                if capture.interfaces().len() > 1 && ring.is_none() {
                    let rings = counted(capture.interfaces().len() as u64, "ring");
                    notes.push(format!("{}: messages of {rings} went into one", self.name));
                }
                notes
            }
            Kind::Mcap(recorded) => recorded.playback.notes(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
impl Input {
    /// What is in these bytes.
    fn of(bytes: Vec<u8>, format: InputFormat) -> Self {
        let input = Box::new(io::Cursor::new(bytes));
        Self {
            name: "test".to_owned(),
            kind: Kind::of(format, Path::new("-"), input, None).expect("it opens"),
            read: 0,
            longest: 1 << 20,
        }
    }
}

/// What begins like this.
fn recognized(
    path: &Path,
    mut input: Box<dyn BufRead + Send>,
    ring: Option<usize>,
) -> anyhow::Result<Kind> {
    let begin = input.fill_buf()?;
    let format = if begin.starts_with(&pcapng::MAGIC) {
        InputFormat::Pcapng
    } else if begin.starts_with(mcap::MAGIC) {
        InputFormat::Mcap
    } else {
        InputFormat::Lines
    };
    Kind::of(format, path, input, ring)
}

impl Kind {
    fn of(
        format: InputFormat,
        path: &Path,
        input: Box<dyn BufRead + Send>,
        ring: Option<usize>,
    ) -> anyhow::Result<Self> {
        let has_rings = matches!(format, InputFormat::Pcapng | InputFormat::Mcap);
        if let Some(ring) = ring.filter(|_| !has_rings) {
            bail!("--ring {ring}: only recordings and captures have rings to choose from");
        }
        Ok(match format {
            InputFormat::Lines => Self::Lines(input),
            InputFormat::LenPrefixed => Self::LenPrefixed(input),
            InputFormat::Json => Self::Json(input),
            InputFormat::Base64 => Self::Base64(input),
            InputFormat::Pcapng => Self::Pcapng(Box::new(CaptureReader::new(input)), ring),
            InputFormat::Mcap => Self::Mcap(Box::new(Recorded::of(path, input, ring)?)),
        })
    }
}

impl From<InputMessage> for Item {
    fn from(message: InputMessage) -> Self {
        Self::Message(message)
    }
}

fn message(payload: Vec<u8>) -> InputMessage {
    InputMessage {
        payload,
        ..InputMessage::default()
    }
}

/// The next line, without its newline, of at most `longest` bytes.
fn line(input: &mut dyn BufRead, longest: u64) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = input
        .take(longest.saturating_add(1))
        .read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if read as u64 > longest {
        let why = format!("it is longer than {longest} bytes, more than the ring takes");
        return Err(io::Error::other(why));
    }
    Ok((read > 0).then_some(line))
}

/// What a line of JSON says; `None`: that another ring begins.
fn json(line: &[u8]) -> anyhow::Result<Option<Item>> {
    let line: Line = serde_json::from_slice(line)
        .context("expected an object as `tail --format json` writes it")?;
    if let Some(bytes) = line.skipped_bytes {
        return Ok(Some(Item::Gap(bytes)));
    }
    let payload = match (line.text, line.base64) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(base64)) => STANDARD.decode(base64).context("base64")?,
        _ if line.ring.is_some() => return Ok(None),
        // Only its header was recorded.
        (None, None) if line.payload_len.is_some() => {
            let length = line.payload_len.unwrap_or(0);
            return Ok(Some(Item::Gap(length.saturating_add(HEADER_SIZE as u64))));
        }
        _ => bail!(
            "found neither a text nor base64, expected an object as `tail --format json` writes it"
        ),
    };
    let observed = line.observed_at.map(|at| at.parse::<jiff::Timestamp>());
    let observed = observed.transpose().context("observed_at")?;
    Ok(Some(Item::Message(InputMessage {
        payload,
        header: line.seq_id.map(|seq_id| (seq_id, line.flags)),
        fds: line.fd_count,
        torn: line.integrity == Some(Integrity::Torn),
        at_ns: observed.and_then(|at| u64::try_from(at.as_nanosecond()).ok()),
    })))
}

/// What was recorded; a message of which only the header was is a gap.
fn item(recorded: RecordedMessage<'_>, at_ns: u64) -> Item {
    match recorded {
        RecordedMessage::Message(raw, integrity) => Item::Message(InputMessage {
            payload: raw.payload.to_vec(),
            header: Some((raw.header.seq_id, raw.header.flags)),
            fds: raw.header.fd_count,
            torn: integrity == Integrity::Torn,
            at_ns: Some(at_ns),
        }),
        RecordedMessage::Header(raw, _) => Item::Gap(raw.header.total_len()),
        RecordedMessage::Gap(gap) => Item::Gap(gap.to.saturating_sub(gap.from)),
    }
}

impl Recorded {
    fn of(
        path: &Path,
        input: Box<dyn BufRead + Send>,
        ring: Option<usize>,
    ) -> anyhow::Result<Self> {
        let mut playback = if path == Path::new("-") {
            Playback::stream("stdin", input)?
        } else {
            Playback::open(&[path.to_owned()], None, true)?
        };
        if let Some(number) = ring {
            playback.choose(number)?;
        }
        let ring = playback.only_ring()?;
        if !playback.has(&ring, Content::Messages) {
            bail!(
                "ring {}: the recording has no messages of it (`record --messages all` stores messages)",
                ring.id
            );
        }
        let chunks = playback.message_chunks(&ring).into_owned().into();
        Ok(Self {
            playback,
            ring,
            chunks,
            ready: VecDeque::new(),
        })
    }

    fn next(&mut self) -> Option<Item> {
        while self.ready.is_empty() {
            let chunk = self.chunks.pop_front()?;
            let ready = &mut self.ready;
            self.playback
                .messages_in(&self.ring, chunk, |sighted, recorded| {
                    ready.push_back(item(recorded, sighted.at_ns));
                    true
                });
        }
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests;
