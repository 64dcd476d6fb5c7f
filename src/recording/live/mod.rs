//! Rings that are watched now, which can be written into files from the dashboard.

mod background_dump;
mod background_recording;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use background_dump::BackgroundDump;
use background_recording::BackgroundRecording;

use crate::decode::DecodeRules;
use crate::observe::attach::AttachedRing;
use crate::observe::model::{
    Export, Frame, Listing, Message, MessageLog, ProducerInfo, RingSource, SearchProgress,
    SearchRequest, SourceAction, Thresholds,
};
use crate::observe::rings::Rings;
use crate::recording::export::export;
use crate::recording::recorder::create;
use crate::text::escape;

/// Rings as they are now.
#[derive(Debug)]
pub struct Live {
    rings: Rings,
    thresholds: Thresholds,
    decoding: DecodeRules,
    recording: Option<BackgroundRecording>,
    dump: Option<BackgroundDump>,
}

const NO_RING: &str = "no ring is shown";

impl Live {
    /// Rings, which are recorded by these figures, and by these rules where messages tell when they were made.
    #[must_use]
    pub fn new(rings: Rings, thresholds: Thresholds, decoding: DecodeRules) -> Self {
        Self {
            rings,
            thresholds,
            decoding,
            recording: None,
            dump: None,
        }
    }

    /// Begins to write the ring that is shown into a file in the current directory, or ends that.
    fn dump(&mut self) -> String {
        if let Some(dump) = self.dump.take() {
            return dump.end();
        }
        self.begin_dump()
            .unwrap_or_else(|why| format!("no dump: {why}"))
    }

    fn begin_dump(&mut self) -> Result<String, String> {
        let ring = self.once_more();
        let watcher = self.rings.watched().ok_or(NO_RING)?;
        let seen = watcher.look();
        let path = file_name(&seen.producer, "dump");
        let interval = watcher.interval_ns();
        match ring {
            Ok(ring) => {
                let dump = BackgroundDump::begin(ring, seen, interval, path)?;
                let name = dump.path().display().to_string();
                self.dump = Some(dump);
                Ok(format!("dumping the ring into {name}; d again cancels"))
            }
            // It can only be joined, as it is already.
            Err(_) if watcher.ring().joined().is_some() => {
                let out = create(&path).map_err(|error| error.to_string())?;
                background_dump::write(watcher.ring(), seen, interval, (out, &path), |_, _| true)
            }
            Err(why) => Err(why),
        }
    }

    /// Begins to record the ring that is shown, or ends that.
    fn record(&mut self) -> String {
        if let Some(recording) = self.recording.take() {
            return recording.end();
        }
        match self.begin_recording() {
            Ok(recording) => {
                let name = recording.path().display();
                let said = format!("recording into {name}; R again stops");
                self.recording = Some(recording);
                said
            }
            Err(why) => format!("not recorded: {why}"),
        }
    }

    fn begin_recording(&mut self) -> Result<BackgroundRecording, String> {
        let ring = self.once_more()?;
        let path = file_name(&ring.producer(), "recording");
        let decoding = DecodeRules::clone(&self.decoding);
        BackgroundRecording::begin(ring, path, self.thresholds, decoding)
    }

    /// The ring that is shown, attached once more for a thread of its own.
    fn once_more(&mut self) -> Result<AttachedRing, String> {
        let ring = self.rings.watched().ok_or(NO_RING)?.ring();
        let (id, is_joined) = (ring.id().to_owned(), ring.joined().is_some());
        self.rings.open(&id).map_err(|why| {
            if is_joined {
                "a joined ring would have to be joined once more: use `zbqtop record --join` instead".into()
            } else {
                escape(&why).into_owned()
            }
        })
    }

    /// What came of what has ended by itself.
    fn ended(&mut self) -> Option<String> {
        let dump = self.dump.take_if(|dump| dump.is_over());
        let recording = self.recording.take_if(|recording| recording.is_over());
        let ended = dump.map(BackgroundDump::end);
        match (ended, recording.map(BackgroundRecording::end)) {
            (Some(one), Some(other)) => Some(format!("{one}; {other}")),
            (one, other) => one.or(other),
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(dump) = self.dump.take() {
            dump.end();
        }
        if let Some(recording) = self.recording.take() {
            recording.end();
        }
    }
}

/// A name for a file: `zbqtop-quotes-6388-20261126T063423Z-dump.mcap`.
fn file_name(producer: &ProducerInfo, what: &str) -> PathBuf {
    let command = producer.command.as_deref().unwrap_or("ring");
    let plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | '_' | '-');
    let command = command.replace(|one| !plain(one), "-");
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    format!("zbqtop-{command}-{}-{now}-{what}.mcap", producer.pid).into()
}

impl RingSource for Live {
    fn list(&mut self) -> Listing {
        self.rings.list()
    }

    fn attach(&mut self, id: &str) -> Result<(), String> {
        self.rings.attach(id)
    }

    fn sample(&mut self) -> Option<Frame> {
        let mut frame = self.rings.sample()?;
        frame.said = self.ended();
        frame.recording = self.recording.as_ref().map(BackgroundRecording::words);
        frame.dump = self.dump.as_ref().map(BackgroundDump::words);
        Some(frame)
    }

    fn act(&mut self, action: SourceAction) -> Option<String> {
        match action {
            SourceAction::Dump => Some(self.dump()),
            SourceAction::Record => Some(self.record()),
            SourceAction::Seek(_) => None,
        }
    }

    fn note_commits(&mut self) -> Option<Duration> {
        self.rings.note_commits()
    }

    fn payload(&mut self, message: &Message) -> Option<Vec<u8>> {
        self.rings.payload(message)
    }

    fn export(&mut self, asked: &Export) -> String {
        export(asked, |message| self.rings.payload(message))
    }

    fn search(&mut self, request: Option<SearchRequest>) {
        self.rings.search(request);
    }

    fn search_on(&mut self, patience: Duration) -> Option<SearchProgress> {
        self.rings.search_on(patience)
    }

    fn around(&mut self, offset: u64) -> Option<MessageLog> {
        self.rings.around(offset)
    }
}
