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
use crate::capture::pcapng::CaptureReader;
use crate::cli::InputFormat;
use crate::recording::{Content, Playback, PlayedRing};
use crate::text::{counted, escape};

/// The longest message that is read, bytes: the protocol has no longer ones.
const LONGEST: u64 = u32::MAX as u64;
/// Bytes that are read at once.
const BUFFER: usize = 256 << 10;
/// How the files that are recognized begin.
const PCAPNG: &[u8] = b"\n\r\r\n";
const MCAP: &[u8] = b"\x89MCAP0\r\n";

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
    /// When it was seen, ns since 1970.
    pub(super) at_ns: Option<u64>,
}

/// Where messages come from.
pub(super) struct Input {
    /// What it is called.
    name: String,
    kind: Kind,
    /// Messages so far, for errors.
    read: u64,
}

enum Kind {
    /// It is recognized by its first bytes; the ring of a recording.
    Unknown(Option<Box<dyn BufRead + Send>>, Option<usize>),
    Lines(Box<dyn BufRead + Send>),
    LenPrefixed(Box<dyn BufRead + Send>),
    Json(Box<dyn BufRead + Send>),
    Base64(Box<dyn BufRead + Send>),
    Pcapng(Box<CaptureReader<Box<dyn BufRead + Send>>>),
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
            Some(format) => Kind::of(format, path, input, ring)?,
            None if streams => Kind::Unknown(Some(input), ring),
            None => recognized(path, input, ring)?,
        };
        Ok(Self {
            name,
            kind,
            read: 0,
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
        let (name, read) = (&self.name, self.read);
        let place = || format!("{name}, line {read}");
        let cannot = || format!("cannot read {name}");
        Ok(match &mut self.kind {
            Kind::Unknown(..) => None,
            Kind::Lines(input) => line(input)
                .with_context(cannot)?
                .map(|payload| message(payload).into()),
            Kind::Base64(input) => match line(input).with_context(cannot)? {
                None => None,
                Some(line) => {
                    let payload = STANDARD.decode(line.trim_ascii()).with_context(place)?;
                    Some(message(payload).into())
                }
            },
            Kind::Json(input) => loop {
                match line(input).with_context(cannot)? {
                    None => break None,
                    Some(line) if line.trim_ascii().is_empty() => {}
                    Some(line) => {
                        if let Some(item) = json(&line).with_context(place)? {
                            break Some(item);
                        }
                    }
                }
            },
            Kind::LenPrefixed(input) => {
                if input.fill_buf().with_context(cannot)?.is_empty() {
                    return Ok(None);
                }
                let cut = || format!("{name}: it ends in the middle of message {read}");
                let mut length = [0; 4];
                input.read_exact(&mut length).with_context(cut)?;
                let length = u32::from_le_bytes(length);
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
            Kind::Pcapng(capture) => match capture.next_record() {
                Ok(None) => None,
                Ok(Some(record)) => {
                    let parsed = RecordedMessage::parse(&record.bytes);
                    Some(item(
                        parsed.context("a packet that is no message")?,
                        record.at_ns,
                    ))
                }
                Err(error) => bail!("{name}: {error}"),
            },
            Kind::Mcap(recorded) => recorded.next(),
        })
    }

    /// What could not be taken over, in words.
    pub(super) fn notes(&self) -> Vec<String> {
        match &self.kind {
            Kind::Pcapng(capture) => {
                let mut notes = Vec::new();
                if capture.foreign() > 0 {
                    let packets = counted(capture.foreign(), "packet");
                    notes.push(format!(
                        "{}: {packets} of other protocols were left out",
                        self.name
                    ));
                }
                if capture.interfaces().len() > 1 {
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
    let format = if begin.starts_with(PCAPNG) {
        InputFormat::Pcapng
    } else if begin.starts_with(MCAP) {
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
        Ok(match format {
            InputFormat::Lines => Self::Lines(input),
            InputFormat::LenPrefixed => Self::LenPrefixed(input),
            InputFormat::Json => Self::Json(input),
            InputFormat::Base64 => Self::Base64(input),
            InputFormat::Pcapng => Self::Pcapng(Box::new(CaptureReader::new(input))),
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

/// The next line, without its newline.
fn line(input: &mut dyn BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = input.take(LONGEST).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if read as u64 == LONGEST {
        return Err(io::Error::other("a line of more than 4 GiB"));
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
        at_ns: observed.and_then(|at| u64::try_from(at.as_nanosecond()).ok()),
    })))
}

/// What was recorded; a message of which only the header was is a gap.
fn item(recorded: RecordedMessage<'_>, at_ns: u64) -> Item {
    match recorded {
        RecordedMessage::Message(raw, _) => Item::Message(InputMessage {
            payload: raw.payload.to_vec(),
            header: Some((raw.header.seq_id, raw.header.flags)),
            fds: raw.header.fd_count,
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
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::observe::messages::Sighted;
    use crate::observe::model::{Gap, GapReason, Integrity};
    use crate::output::packets::PacketStream;
    use crate::output::tail::{self, Format, Observed, TailMessage};
    use crate::ring::{MessageHeader, RawMessage};

    /// A message as it was: header, payload, when it was seen; and the bytes that were passed over before it.
    type Sent = (u64, u8, u8, Vec<u8>, u64, u64);

    fn sent() -> impl Strategy<Value = Sent> {
        let times = 0..u64::from(u32::MAX) * 1_000_000_000;
        (
            any::<u64>(),
            any::<u8>(),
            any::<u8>(),
            vec(any::<u8>(), 0..300),
            times,
            0..3_u64,
        )
    }

    /// What `write` makes of them, and what is expected to come back.
    fn written(
        all: &[Sent],
        mut write: impl FnMut(&mut Vec<u8>, &RawMessage<'_>, Sighted),
        mut skip: impl FnMut(&mut Vec<u8>, &Gap, Sighted),
    ) -> (Vec<u8>, Vec<Item>) {
        let (mut out, mut expected) = (Vec::new(), Vec::new());
        let mut offset = 0;
        for (seq_id, flags, fds, payload, at_ns, gap) in all {
            let sighted = Sighted {
                at_ns: *at_ns,
                uncertainty_us: 5,
            };
            if *gap > 0 {
                let gap = Gap {
                    from: offset,
                    to: offset + gap,
                    why: GapReason::Overrun,
                    torn: 0,
                };
                skip(&mut out, &gap, sighted);
                expected.push(Item::Gap(gap.to - gap.from));
                offset = gap.to;
            }
            let header = MessageHeader {
                payload_len: payload.len() as u32,
                fd_count: *fds,
                flags: *flags,
                reserved: 0,
                seq_id: *seq_id,
            };
            let raw = RawMessage {
                offset,
                header,
                payload,
            };
            write(&mut out, &raw, sighted);
            offset += header.total_len();
            expected.push(Item::Message(InputMessage {
                payload: payload.clone(),
                header: Some((*seq_id, *flags)),
                fds: *fds,
                at_ns: Some(*at_ns),
            }));
        }
        (out, expected)
    }

    fn read(bytes: Vec<u8>, format: InputFormat) -> Vec<Item> {
        let mut input = Input::of(bytes, format);
        std::iter::from_fn(|| input.next().expect("what was written can be read")).collect()
    }

    fn lines(format: Format) -> impl FnMut(&mut Vec<u8>, &RawMessage<'_>, Sighted) {
        move |out, raw, sighted| {
            let shown = TailMessage {
                raw: *raw,
                integrity: Integrity::Intact,
                observed: &Observed::from(sighted),
                fds: None,
                decoding: None,
            };
            tail::message(out, format, &shown).expect("a Vec");
        }
    }

    proptest! {
        #[test]
        fn what_tail_writes_comes_back(all in vec(sent(), 0..20)) {
            let gap = |out: &mut Vec<u8>, gap: &Gap, _| {
                tail::gap(out, Format::Json, gap).expect("a Vec");
            };
            let (bytes, expected) = written(&all, lines(Format::Json), gap);
            prop_assert_eq!(read(bytes, InputFormat::Json), expected);

            let stream = std::cell::RefCell::new(PacketStream::new(true));
            let mut begin = Vec::new();
            stream.borrow_mut().begin_ring(&mut begin, "1/2", "test", 0);
            let (bytes, expected) = written(
                &all,
                |out, raw, sighted| {
                    let done = stream.borrow_mut().message(out, raw, Integrity::Intact, sighted, |_| Ok(()));
                    done.expect("a Vec");
                },
                |out, gap, sighted| stream.borrow_mut().gap(out, gap, sighted),
            );
            prop_assert_eq!(read([begin, bytes].concat(), InputFormat::Pcapng), expected);

            // Those that have no place for anything else.
            for (format, input) in [(Format::Base64, InputFormat::Base64), (Format::LenPrefixed, InputFormat::LenPrefixed)] {
                let (bytes, _) = written(&all, lines(format), |_, _, _| {});
                let payloads = all.iter().map(|sent| message(sent.3.clone()).into());
                prop_assert_eq!(read(bytes, input), payloads.collect::<Vec<Item>>());
            }
        }

        #[test]
        fn any_bytes_are_read_to_their_end(bytes in vec(any::<u8>(), 0..400)) {
            for format in [InputFormat::Lines, InputFormat::LenPrefixed, InputFormat::Json, InputFormat::Base64, InputFormat::Pcapng] {
                let mut input = Input::of(bytes.clone(), format);
                let mut left = 1000;
                while left > 0 && matches!(input.next(), Ok(Some(_))) {
                    left -= 1;
                }
                prop_assert!(left > 0, "{format:?}");
            }
        }
    }

    #[test]
    fn lines_are_messages_and_what_is_wrong_is_said() {
        let payloads = |bytes: &[u8]| {
            let items = read(bytes.to_vec(), InputFormat::Lines).into_iter();
            items
                .map(|item| match item {
                    Item::Message(message) => message.payload,
                    Item::Gap(_) => panic!("no gap"),
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(payloads(b"a\n\nb"), [&b"a"[..], b"", b"b"]);
        assert!(payloads(b"").is_empty());
        for (format, bytes, words) in [
            (
                InputFormat::Json,
                &b"{}\n"[..],
                "test, line 1: found neither a text nor base64",
            ),
            (
                InputFormat::Json,
                b"{\"text\":\"a\"}\nno",
                "test, line 2: expected an object",
            ),
            (InputFormat::Base64, b"YQ==\n%", "test, line 2"),
            (
                InputFormat::LenPrefixed,
                b"\x05\0\0\0ab",
                "5 bytes were to come, found 2",
            ),
            (
                InputFormat::LenPrefixed,
                b"\x05\0",
                "in the middle of message 1",
            ),
            (InputFormat::Pcapng, b"no", "expected pcapng"),
        ] {
            let mut input = Input::of(bytes.to_vec(), format);
            let error = std::iter::from_fn(|| input.next().transpose()).find_map(Result::err);
            let error = format!("{:#}", error.expect("something is wrong"));
            assert!(error.contains(words), "{error}");
        }
    }
}
