//! Recordings as they are looked at: their rings, each at the same moment.
//!
//! Rings of several recordings stand side by side. States are shown as they were recorded; nothing is judged again.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::channel::{Content, RingName};
use super::reader::{Recording, RecordingError};
use super::restored::restored;
use super::state::RecordedState;
use crate::capture::{MessageRecord, RecordedMessage};
use crate::observe::attach::AttachedRing;
use crate::observe::messages::Sighted;
use crate::observe::model::{Event, Limitation, Method, Moment, Severity};
use crate::text::{counted, duration};

/// A state that is older than this, and than three times the time between two, is not that of the moment, ns.
const STALE_NS: u64 = 3_000_000_000;
/// Events that are shown.
const LAST_EVENTS: usize = 1000;

/// Recordings, at one moment.
#[derive(Debug)]
pub struct Playback {
    recordings: Vec<Recording>,
    rings: Vec<PlayedRing>,
    /// One ring was chosen: others that come are not shown.
    is_chosen: bool,
    at_ns: u64,
}

/// A ring in one of the recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayedRing {
    /// Number of its recording.
    recording: usize,
    /// What it is called there.
    name: RingName,
    /// Its id, with the name of the recording where that alone is not its own.
    pub id: String,
}

impl Playback {
    /// Opens recordings; `-` is what comes from `stdin`. With `whole`, all of them are read to their end first. They stand at
    /// their end.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn open(
        paths: &[PathBuf],
        mut stdin: Option<File>,
        whole: bool,
    ) -> Result<Self, RecordingError> {
        let open = |path: &PathBuf| match stdin.take_if(|_| path == Path::new("-")) {
            Some(stdin) => Recording::stream("stdin", stdin),
            None => Recording::open(path),
        };
        let recordings = paths.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of(recordings, whole))
    }

    /// Reads to its end what comes from `input`, which is called `name`.
    ///
    /// # Errors
    /// When it is no recording.
    pub fn stream(name: &str, input: impl Read + Send + 'static) -> Result<Self, RecordingError> {
        Ok(Self::of(vec![Recording::stream(name, input)?], true))
    }

    fn of(recordings: Vec<Recording>, whole: bool) -> Self {
        let mut playback = Self {
            recordings,
            rings: Vec::new(),
            is_chosen: false,
            at_ns: 0,
        };
        if whole {
            playback.recordings.iter_mut().for_each(Recording::finish);
        }
        playback.take_in();
        playback.at_ns = playback.span().1;
        playback
    }

    /// The one ring there is.
    ///
    /// # Errors
    /// When there is none, or there are several.
    pub fn only_ring(&self) -> Result<PlayedRing, RecordingError> {
        match &self.rings[..] {
            [ring] => Ok(ring.clone()),
            [] => Err(RecordingError::NotInIt(
                "there is no ring in the recording".into(),
            )),
            rings => {
                let ids = rings.iter().map(|ring| ring.id.clone());
                Err(RecordingError::Several(ids.collect()))
            }
        }
    }

    /// Takes in what has come since.
    pub fn take_in(&mut self) {
        for recording in &mut self.recordings {
            if recording.goes_on() {
                recording.go_on();
            }
        }
        if self.is_chosen {
            return;
        }
        let known: BTreeSet<(usize, RingName)> = self
            .rings
            .iter()
            .map(|ring| (ring.recording, ring.name.clone()))
            .collect();
        for (number, recording) in self.recordings.iter().enumerate() {
            for name in recording.rings() {
                if known.contains(&(number, name.clone())) || !recording.has(&name, Content::State)
                {
                    continue;
                }
                let id = recording.origin(&name).map_or("", |(id, _)| id);
                let id = if id.is_empty() { name.as_str() } else { id };
                let taken = self.rings.iter().any(|ring| ring.id == id);
                let id = if taken {
                    format!("{}:{id}", recording.name())
                } else {
                    id.to_owned()
                };
                self.rings.push(PlayedRing {
                    recording: number,
                    name,
                    id,
                });
            }
        }
    }

    /// The rings there are.
    #[must_use]
    pub fn rings(&self) -> &[PlayedRing] {
        &self.rings
    }

    /// Leaves only the ring with that number.
    ///
    /// # Errors
    /// When there is none.
    pub fn choose(&mut self, number: usize) -> Result<(), RecordingError> {
        if number >= self.rings.len() {
            let count = counted(self.rings.len() as u64, "ring");
            let why = format!("--ring {number}: the recording has {count}, numbered from 0");
            return Err(RecordingError::NotInIt(why));
        }
        self.rings = vec![self.rings.swap_remove(number)];
        self.is_chosen = true;
        Ok(())
    }

    /// Begin and end of all recordings together, ns since 1970.
    #[must_use]
    pub fn span(&self) -> (u64, u64) {
        let spans = self.recordings.iter().filter_map(Recording::span);
        spans
            .reduce(|all, span| (all.0.min(span.0), all.1.max(span.1)))
            .unwrap_or((0, 0))
    }

    /// Whether more may come.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.recordings.iter().any(Recording::goes_on)
    }

    /// The moment, ns since 1970.
    #[must_use]
    pub fn at_ns(&self) -> u64 {
        self.at_ns
    }

    /// Goes to a moment, ns since 1970.
    pub fn go_to(&mut self, at_ns: u64) {
        let (begin, end) = self.span();
        self.at_ns = at_ns.clamp(begin, end);
    }

    /// Goes to where a user wants it.
    ///
    /// # Errors
    /// When there is no such moment.
    pub fn go_to_moment(&mut self, moment: Moment) -> Result<(), RecordingError> {
        let (begin, end) = self.span();
        let none = |what: &str| RecordingError::NotInIt(format!("--at: the recording has {what}"));
        let at = match moment {
            Moment::Finding => self
                .first_finding()
                .ok_or_else(|| none("no warning in it"))?,
            Moment::Event => {
                let bad = |event: &Event| event.severity >= Severity::Warning;
                let event = self.first_event(bad);
                event.ok_or_else(|| none("no event in it that is a warning, or worse"))?
            }
            moment => moment.within(begin, end).unwrap_or(end),
        };
        if at < begin || at > end {
            let time = |ns| time(ns).to_string();
            return Err(RecordingError::NotInIt(format!(
                "--at: {} is not in the recording, which is from {} to {}",
                time(at),
                time(begin),
                time(end)
            )));
        }
        self.at_ns = at;
        Ok(())
    }

    fn first_finding(&mut self) -> Option<u64> {
        let mut first: Option<u64> = None;
        for ring in self.rings.clone() {
            let recording = &mut self.recordings[ring.recording];
            let mut at = 0;
            while let Some((found, state)) = recording.state_after(&ring.name, at) {
                let is_bad = state.ring.findings.iter();
                if is_bad.map(|one| one.severity).max() >= Some(Severity::Warning) {
                    first = Some(first.map_or(found, |first| first.min(found)));
                    break;
                }
                at = found;
            }
        }
        first
    }

    fn first_event(&mut self, wanted: impl Fn(&Event) -> bool) -> Option<u64> {
        let rings = self.rings.clone();
        let firsts = rings.iter().filter_map(|ring| {
            let recording = &mut self.recordings[ring.recording];
            let mut at = 0;
            loop {
                let (found, _) = recording.event_after(&ring.name, at)?;
                // Several may have been recorded at the same time.
                let together = recording.last_events(&ring.name, (found, found), LAST_EVENTS);
                if together.iter().any(|(_, event)| wanted(event)) {
                    return Some(found);
                }
                at = found;
            }
        });
        firsts.min()
    }

    /// The state of a ring at the moment, and its time; `None` before its first one.
    pub fn state(&mut self, ring: &PlayedRing) -> Option<(u64, RecordedState)> {
        self.state_at(ring, self.at_ns)
    }

    /// The state of a ring at another moment, and its time.
    pub fn state_at(&mut self, ring: &PlayedRing, at_ns: u64) -> Option<(u64, RecordedState)> {
        let (at, mut state) = self.recordings[ring.recording].state_at(&ring.name, at_ns)?;
        state.ring.attach.method = Method::File;
        if let Some(why) = self.staleness(at_ns, at, &state) {
            let limit = Limitation::new("the state of the ring at this time", why);
            state.ring.attach.limits.push(limit);
        }
        if state.ring.id != ring.id && self.rings.iter().any(|other| other.id == state.ring.id) {
            state.ring.id.clone_from(&ring.id);
        }
        Some((at, state))
    }

    /// Why a state that was recorded at `recorded_ns` does not tell what the ring is at `at_ns`: it is too old, and the ring was
    /// not over then.
    #[must_use]
    pub fn staleness(&self, at_ns: u64, recorded_ns: u64, state: &RecordedState) -> Option<String> {
        let interval = state.interval_ns.unwrap_or(0);
        let late = at_ns.min(self.span().1).saturating_sub(recorded_ns);
        let is_stale = late > STALE_NS.max(interval.saturating_mul(3));
        (is_stale && !state.ring.state.is_over())
            .then(|| format!("the last recorded state is {} older", duration(late)))
    }

    /// When the last state of a ring that is not later than `at_ns` was recorded.
    pub fn state_time(&mut self, ring: &PlayedRing, at_ns: u64) -> Option<u64> {
        self.recordings[ring.recording].state_time(&ring.name, at_ns)
    }

    /// When the first state of a ring that is later than `at_ns` was recorded.
    pub fn state_time_after(&mut self, ring: &PlayedRing, at_ns: u64) -> Option<u64> {
        self.recordings[ring.recording].state_time_after(&ring.name, at_ns)
    }

    /// The last event of a ring that is not later than `at_ns`, and when it was recorded.
    pub fn event_at(&mut self, ring: &PlayedRing, at_ns: u64) -> Option<(u64, Event)> {
        self.recordings[ring.recording].event_at(&ring.name, at_ns)
    }

    /// The first event of a ring that is later than `at_ns`, and when it was recorded.
    pub fn event_after(&mut self, ring: &PlayedRing, at_ns: u64) -> Option<(u64, Event)> {
        self.recordings[ring.recording].event_after(&ring.name, at_ns)
    }

    /// Events of a ring between two times, both included, with their times: the last of them.
    pub fn events(&mut self, ring: &PlayedRing, times: (u64, u64)) -> Vec<(u64, Event)> {
        self.recordings[ring.recording].last_events(&ring.name, times, LAST_EVENTS)
    }

    /// Whether there is something of this kind of a ring.
    #[must_use]
    pub fn has(&self, ring: &PlayedRing, content: Content) -> bool {
        self.recordings[ring.recording].has(&ring.name, content)
    }

    /// The ring itself, out of a dump: its memory put together again.
    ///
    /// # Errors
    /// When what is recorded is no ring, or there is no memory for it.
    pub fn restored(&mut self, ring: &PlayedRing) -> Result<AttachedRing, RecordingError> {
        restored(&mut self.recordings[ring.recording], &ring.name, &ring.id)
    }

    /// Numbers of the pieces of the recording that have messages of `ring` not later than the moment: in the order in which they
    /// were recorded, whatever became of the clock meanwhile.
    #[must_use]
    pub fn message_chunks(&self, ring: &PlayedRing) -> Cow<'_, [usize]> {
        let recording = &self.recordings[ring.recording];
        recording.chunks_of(&ring.name, Content::Messages, self.at_ns)
    }

    /// Hands out the messages of `ring` in one of them that are not later than the moment, until `each` is false.
    pub fn messages_in(
        &mut self,
        ring: &PlayedRing,
        chunk: usize,
        mut each: impl FnMut(Sighted, RecordedMessage<'_>) -> bool,
    ) {
        let until = self.at_ns;
        let recording = &mut self.recordings[ring.recording];
        let mut senseless = 0;
        // What cannot be read is in the notes.
        let _ = recording.read_chunk(chunk, &ring.name, Content::Messages, |at_ns, bytes| {
            match RecordedMessage::parse(bytes) {
                Some(message) => {
                    let uncertainty_us =
                        MessageRecord::parse(bytes).map(|(it, _)| it.uncertainty_us);
                    let sighted = Sighted {
                        at_ns,
                        uncertainty_us: uncertainty_us.unwrap_or(u32::MAX),
                    };
                    at_ns > until || each(sighted, message)
                }
                None => {
                    senseless += 1;
                    true
                }
            }
        });
        if senseless > 0 {
            let records = counted(senseless, "record");
            recording.note(format!("{records} of messages cannot be decoded"));
        }
    }

    /// What cannot be read, in words.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let notes = self.recordings.iter().flat_map(|recording| {
            let notes = recording.notes().iter();
            notes.map(|note| format!("{}: {note}", recording.name()))
        });
        notes.collect()
    }
}

/// A time in ns since 1970.
pub(super) fn time(ns: u64) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(ns.into()).unwrap_or(jiff::Timestamp::MAX)
}
