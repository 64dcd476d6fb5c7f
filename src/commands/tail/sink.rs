//! What becomes of the messages of `tail`: those that are wanted are written out, and all are counted.

use std::io;
use std::time::Duration;

use anyhow::Context as _;

use super::decoding::Decoding;
use super::gap_reporter::GapReporter;
use crate::cli::{self, RingPosition, TailFormat};
use crate::observe::messages::{Filter, Sighted, Sightings, wall_ns};
use crate::observe::model::{Gap, Integrity};
use crate::observe::procfs::Descriptor;
use crate::output::colored::Colors;
use crate::output::packets::PacketStream;
use crate::output::tail::{
    Format, Observed, PIECE, TailMessage, gap, message_in_pieces, ring_begins,
};
use crate::ring::{Consumer, Error, RawMessage};
use crate::shutdown::StopSignal;
use crate::stderr::warn;
use crate::stdout::Output;
use crate::text::{bytes, counted, escape};

/// What is collected before it is written.
const BATCH: usize = 128 << 10;

/// Head is looked at this often where ages are told: that is how exact they are.
const LOOKS_EVERY: Duration = Duration::from_millis(1);

/// Time until a file that takes nothing now is asked again.
const AGAIN: Duration = Duration::from_millis(1);

/// What went through.
#[derive(Debug, Default)]
struct Summary {
    messages: u64,
    bytes: u64,
    scanned: u64,
    matched: u64,
    skipped: u64,
    gaps: u64,
    torn: u64,
}

/// How messages are written.
enum Form {
    Messages(Format, Option<Colors>),
    Packets(PacketStream),
}

/// An output, and what is wanted there.
pub(super) struct Sink<O> {
    output: O,
    form: Form,
    filter: Filter,
    decoding: Option<Decoding>,
    /// Offsets: messages outside are not looked at.
    range: (u64, u64),
    /// Messages after which all is said.
    count: u64,
    batch: Vec<u8>,
    summary: Summary,
    gaps: GapReporter,
    /// When head was seen where.
    sightings: Sightings,
    /// The time that it is, if that is not now.
    at_ns: Option<u64>,
    /// The time that was written out last.
    observed: Option<(Sighted, Observed)>,
    ending: StopSignal,
    /// A message at the end of the range was met.
    past: bool,
    /// As many as were wanted are written, or nobody takes them.
    done: bool,
}

impl<O: Output> Sink<O> {
    /// What `options` ask for, on a ring whose head is at `head`.
    ///
    /// # Errors
    /// When signals cannot be watched.
    pub(super) fn new(options: &cli::TailArgs, head: u64, output: O) -> io::Result<Self> {
        let place = |place| match place {
            RingPosition::Oldest => 0,
            RingPosition::Head => head,
            RingPosition::Offset(offset) => offset,
        };
        let from = options.from.map_or(0, place);
        let until = options.until.map_or(u64::MAX, place);
        let count = options.count.unwrap_or(u64::MAX);
        let filter = filter(&options.wanted);
        let mut batch = Vec::with_capacity(BATCH);
        let decoding = Decoding::of(&options.decoding).map_err(io::Error::other)?;
        if let Some(decoding) = &decoding {
            decoding.head(&mut batch);
        }
        let takes_all = filter.takes_all() && !decoding.as_ref().is_some_and(Decoding::filters);
        let form = match options.format() {
            TailFormat::Pcapng => Form::Packets(PacketStream::new(takes_all)),
            TailFormat::Messages(format) => Form::Messages(
                format,
                options.is_colored().then(|| {
                    let wanted = &options.wanted;
                    Colors::marking([&wanted.include[..], &wanted.hex_match[..]].concat())
                }),
            ),
        };
        Ok(Self {
            output,
            form,
            filter,
            decoding,
            range: (from, until),
            count,
            batch,
            summary: Summary::default(),
            gaps: GapReporter::default(),
            sightings: Sightings::default(),
            at_ns: None,
            observed: None,
            ending: StopSignal::watch()?,
            past: false,
            done: count == 0,
        })
    }

    /// To be told which ring it is, before anything is written.
    pub(super) fn open_ring(&mut self, id: &str, description: &str) {
        if let Form::Packets(packets) = &mut self.form {
            packets.begin_ring(&mut self.batch, id, description);
        }
    }

    /// Takes messages at any offset: those of several rings come, each of which has its own.
    pub(super) fn take_all_offsets(&mut self) {
        self.range = (0, u64::MAX);
    }

    /// How soon head is to be looked at again where nothing comes, if ages are to be told; otherwise as it suits the ring.
    pub(super) fn looks_every(&self) -> Option<Duration> {
        let tells = self.decoding.as_ref().is_some_and(Decoding::tells_ages);
        tells.then_some(LOOKS_EVERY)
    }

    /// What is written next is of the ring that was opened as this one: several are open where they are written as packets.
    pub(super) fn select_ring(&mut self, number: usize) {
        if let Form::Packets(packets) = &mut self.form {
            packets.select(number);
        }
    }

    /// ns since 1970.
    fn now(&self) -> u64 {
        self.at_ns.unwrap_or_else(wall_ns)
    }

    /// To look where head is, each time before messages are read.
    pub(super) fn look(&mut self, head: impl FnOnce() -> u64) -> u64 {
        match self.at_ns {
            None => self.sightings.look(head),
            Some(at_ns) => {
                let head = head();
                self.sightings.note(head, at_ns);
                head
            }
        }
    }

    /// The ring is seen as it was then, ns since 1970.
    pub(super) fn set_time(&mut self, at_ns: Option<u64>) {
        self.at_ns = at_ns;
    }

    /// Whether there is nothing more to be done: all that was wanted is written, or the end was asked for.
    pub(super) fn is_done(&self) -> bool {
        self.done || self.past || self.ending.asked()
    }

    /// Whether as many as were wanted are written, or nobody takes them.
    pub(super) fn is_full(&self) -> bool {
        self.done
    }

    /// Whether the user, or the system, wants the program to end.
    pub(super) fn is_asked_to_end(&self) -> bool {
        self.ending.asked()
    }

    /// To be told that older messages come next.
    pub(super) fn rewind(&mut self) {
        self.past = false;
    }

    /// Offset at which to end.
    pub(super) fn until(&self) -> u64 {
        self.range.1
    }

    /// Takes a look at a message: whether it is to be written.
    pub(super) fn admit(&mut self, message: &RawMessage<'_>, integrity: Integrity) -> bool {
        self.past |= message.offset >= self.range.1;
        if self.done || self.past || message.offset < self.range.0 {
            return false;
        }
        self.summary.scanned += 1;
        self.summary.torn += u64::from(integrity == Integrity::Torn);
        let wanted = self.filter.wants(message)
            && match &mut self.decoding {
                Some(decoding) => decoding.wants(message, integrity),
                None => true,
            };
        self.summary.matched += u64::from(wanted);
        wanted
    }

    /// Writes a message that is wanted.
    ///
    /// # Errors
    /// Those of the output.
    pub(super) fn write(
        &mut self,
        raw: &RawMessage<'_>,
        integrity: Integrity,
        fds: Option<&[Descriptor]>,
    ) -> io::Result<()> {
        let end = raw.offset.saturating_add(raw.header.total_len());
        let sighted = self.sightings.of(end);
        self.sightings.forget_below(raw.offset);
        self.write_seen(raw, integrity, sighted, fds)
    }

    /// Writes a message that is wanted, and that was first seen then.
    ///
    /// # Errors
    /// Those of the output.
    pub(super) fn write_seen(
        &mut self,
        raw: &RawMessage<'_>,
        integrity: Integrity,
        sighted: Sighted,
        fds: Option<&[Descriptor]>,
    ) -> io::Result<()> {
        if self.done {
            return Ok(());
        }
        let (output, ending, done) = (&mut self.output, &self.ending, &mut self.done);
        let emit = |piece: &mut Vec<u8>| {
            if !*done {
                *done = !output.write(piece, ending)?;
            }
            piece.clear();
            Ok(())
        };
        let batch = &mut self.batch;
        match &mut self.form {
            Form::Packets(packets) => packets.message(batch, raw, integrity, sighted, emit)?,
            Form::Messages(format, colors) => {
                // Those of one look have one time, which takes time to write out.
                let (_, observed) = match self.observed.take_if(|(of, _)| *of == sighted) {
                    Some(known) => self.observed.insert(known),
                    None => self.observed.insert((sighted, sighted.into())),
                };
                let mut decoding = match format {
                    Format::Hex | Format::Text | Format::Json => self.decoding.as_mut(),
                    Format::Raw | Format::Base64 | Format::LenPrefixed => None,
                };
                let age =
                    (decoding.as_mut()).and_then(|decoding| decoding.age(raw, integrity, sighted));
                let message = TailMessage {
                    raw: *raw,
                    integrity,
                    observed,
                    fds,
                    decoding: decoding.map(|decoding| decoding.of_message(raw, integrity)),
                    age,
                };
                match colors {
                    Some(colors) if raw.payload.len() <= PIECE => {
                        colors.message(batch, *format, &message)?;
                    }
                    _ => message_in_pieces(batch, *format, &message, emit)?,
                }
            }
        }
        self.summary.messages += 1;
        self.summary.bytes += raw.payload.len() as u64;
        self.done |= self.summary.messages >= self.count;
        if self.batch.len() >= BATCH {
            self.flush()?;
        }
        Ok(())
    }

    /// Whether the format says of a message what its header does.
    pub(super) fn shows_headers(&self) -> bool {
        match self.form {
            Form::Messages(format, _) => matches!(format, Format::Hex | Format::Json),
            Form::Packets(_) => true,
        }
    }

    /// Whether every message is wanted.
    pub(super) fn takes_all(&self) -> bool {
        let filters = self.decoding.as_ref().is_some_and(Decoding::filters);
        self.filter.takes_all() && !filters && self.range == (0, u64::MAX)
    }

    /// Whether everything goes out as it is, to where it is taken at once: then it need not be copied first.
    pub(super) fn takes_ring_memory(&self) -> bool {
        self.output.at_once().is_some()
            && matches!(self.form, Form::Messages(Format::Raw, _))
            && self.takes_all()
            && self.count == u64::MAX
    }

    /// Writes what the ring holds at these places, logical offsets and lengths. Returns how many bytes that was.
    ///
    /// # Errors
    /// Those of the ring, and of the output.
    pub(super) fn write_held(
        &mut self,
        consumer: &Consumer,
        mut places: Vec<(u64, usize)>,
    ) -> anyhow::Result<u64> {
        let fd = self.output.at_once().context("an output that waits")?;
        let mut written = 0;
        while !places.is_empty() {
            let mut taken = match consumer.write_out(fd, &places) {
                Ok(0) if places.iter().any(|(_, length)| *length > 0) => {
                    return Err(io::Error::from(io::ErrorKind::WriteZero).into());
                }
                Ok(taken) => taken,
                Err(Error::Io { source, .. }) if is_passing(&source) => {
                    if self.ending.asked() {
                        break;
                    }
                    self.output.sleep(AGAIN)?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            written += taken as u64;
            let whole = places.iter().take_while(|(_, length)| {
                let whole = *length <= taken;
                taken -= if whole { *length } else { 0 };
                whole
            });
            let whole = whole.count();
            places.drain(..whole);
            if let Some((offset, length)) = places.first_mut() {
                *offset += taken as u64;
                *length -= taken;
            }
        }
        Ok(written)
    }

    /// To be told of messages that were written by [`Self::write_held`], with so many bytes of payload.
    pub(super) fn passed(&mut self, messages: u64, bytes: u64, torn: bool) {
        self.summary.scanned += messages;
        self.summary.matched += messages;
        self.summary.messages += messages;
        self.summary.bytes += bytes;
        self.summary.torn += if torn { messages } else { 0 };
    }

    /// Says that bytes were passed over: in the stream, or, where the format has no place for that, on stderr.
    ///
    /// # Errors
    /// Those of the output.
    pub(super) fn gap(&mut self, skipped: &Gap) -> io::Result<()> {
        self.gap_seen(skipped, self.sightings.now())
    }

    /// As [`Self::gap`], of a gap that was met then.
    ///
    /// # Errors
    /// Those of the output.
    pub(super) fn gap_seen(&mut self, skipped: &Gap, sighted: Sighted) -> io::Result<()> {
        if self.done {
            return Ok(());
        }
        let length = skipped.to.saturating_sub(skipped.from);
        self.summary.skipped = self.summary.skipped.saturating_add(length);
        self.summary.gaps += 1;
        self.summary.torn += skipped.torn;
        let batch = &mut self.batch;
        let is_told = match &mut self.form {
            Form::Messages(format, Some(colors)) => colors.gap(batch, *format, skipped)?,
            Form::Messages(format, None) => gap(batch, *format, skipped)?,
            Form::Packets(packets) => {
                packets.gap(batch, skipped, sighted);
                true
            }
        };
        if !is_told {
            self.gaps.take(skipped);
        }
        Ok(())
    }

    /// Says that what follows is of another ring, whose offsets begin anew: on stderr, and in the stream where the format has
    /// a place for that.
    ///
    /// # Errors
    /// Those of the output.
    pub(super) fn begin_ring(
        &mut self,
        id: &str,
        description: &str,
        capacity: u64,
    ) -> io::Result<()> {
        self.flush()?;
        self.gaps.say();
        self.range = (0, u64::MAX);
        self.past = false;
        self.sightings = Sightings::default();
        if let Some(decoding) = &mut self.decoding {
            decoding.forget();
        }
        warn(&format!("goes on with ring {id} of {}", bytes(capacity)));
        let now = self.now();
        match &mut self.form {
            Form::Messages(format, _) => ring_begins(&mut self.batch, *format, id, capacity)?,
            Form::Packets(packets) => {
                packets.end(&mut self.batch, now);
                self.open_ring(id, description);
            }
        }
        Ok(())
    }

    /// Writes out what was collected, and says what went through.
    ///
    /// # Errors
    /// Those of the output.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let now = self.now();
        if let Form::Packets(packets) = &mut self.form {
            packets.end(&mut self.batch, now);
        }
        self.flush()?;
        self.summary();
        Ok(())
    }

    /// Writes out what was collected, unless the end is asked for while nobody takes it.
    ///
    /// # Errors
    /// Those of the output.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.gaps.say_if_due();
        self.done |= !self.output.write(&self.batch, &self.ending)?;
        self.batch.clear();
        Ok(())
    }

    /// Sleeps, and notices meanwhile that nobody reads the output any more.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`].
    pub(super) fn sleep(&self, time: Duration) -> io::Result<()> {
        self.output.sleep(time)
    }

    /// Says what went through.
    fn summary(&mut self) {
        self.gaps.say();
        let Summary {
            messages,
            bytes: payload,
            scanned,
            matched,
            skipped,
            gaps,
            torn,
        } = self.summary;
        warn(&format!(
            "{}, {} of payload; {scanned} scanned, {matched} matched, {torn} torn; skipped {} in {}",
            counted(messages, "message"),
            bytes(payload),
            bytes(skipped),
            counted(gaps, "gap"),
        ));
        if let Some(decoding) = &self.decoding {
            decoding.summary();
        }
    }
}

/// A ring, for people: `md-gateway, 4.0 MiB, /run/quotes.sock`.
pub(super) fn describe(command: Option<&str>, sockets: &[String], capacity: Option<u64>) -> String {
    let command = command.map(|command| escape(command).into_owned());
    let sockets = sockets.iter().map(|socket| escape(socket).into_owned());
    let parts = command
        .into_iter()
        .chain(capacity.map(bytes))
        .chain(sockets);
    parts.collect::<Vec<_>>().join(", ")
}

/// Whether to try again, a moment later, is all that has to be done.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
    )
}

fn filter(wanted: &cli::FilterArgs) -> Filter {
    Filter {
        include: wanted.include.clone(),
        bytes: wanted.hex_match.clone(),
        exclude: wanted.exclude.clone(),
        lengths: wanted.min_len.unwrap_or(0)..=wanted.max_len.unwrap_or(u64::MAX),
        seqs: wanted.seq.clone().unwrap_or(0..=u64::MAX),
    }
}
