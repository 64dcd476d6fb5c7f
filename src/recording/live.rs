//! Rings that are watched now, which can be written into files from the dashboard.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::dump::dump;
use super::recorder::{
    FilePlan, MessagePlan, Output, Progress, Recorder, RecordingPlan, RecordingStep, RingPlan,
    create,
};
use crate::observe::attach::AttachedRing;
use crate::observe::model::{
    Frame, Listing, Message, ProducerInfo, RingSource, SourceAction, Thresholds,
};
use crate::observe::rings::Rings;
use crate::text::{bytes, duration, escape, nanoseconds};

/// Time between two samples of a recording.
const INTERVAL: Duration = Duration::from_secs(1);
/// Messages a second of a recording.
const MESSAGES: u32 = 100;
/// Bytes of a recording at most.
const MOST: u64 = 1 << 30;
/// The end is thought of this often.
const PATIENCE: Duration = Duration::from_millis(100);

/// Rings as they are now.
#[derive(Debug)]
pub struct Live {
    rings: Rings,
    thresholds: Thresholds,
    recording: Option<Background>,
}

/// A recording that comes along by itself.
#[derive(Debug)]
struct Background {
    path: PathBuf,
    begun: Instant,
    ending: Arc<AtomicBool>,
    progress: Arc<Mutex<Progress>>,
    thread: JoinHandle<Result<(), String>>,
}

impl Live {
    /// Rings, which are recorded by these figures.
    #[must_use]
    pub fn new(rings: Rings, thresholds: Thresholds) -> Self {
        Self {
            rings,
            thresholds,
            recording: None,
        }
    }

    /// Writes the ring that is shown into a file in the current directory.
    fn dump(&mut self) -> String {
        let Some(watcher) = self.rings.watched() else {
            return "no ring is shown".into();
        };
        let seen = watcher.look();
        let path = file_name(&seen.producer, "dump");
        let interval = watcher.interval_ns();
        let written = create(&path).and_then(|file| {
            dump(watcher.ring(), seen, interval, file, |_, _| true).inspect_err(|_| {
                // Half of a ring is none.
                let _ = std::fs::remove_file(&path);
            })
        });
        match written {
            Ok(written) => format!("{} in {}", bytes(written.bytes), path.display()),
            Err(error) => format!("not written: {error}"),
        }
    }

    /// Begins to record the ring that is shown, or ends that.
    fn record(&mut self) -> String {
        if let Some(recording) = self.recording.take() {
            return recording.end();
        }
        let Some(watcher) = self.rings.watched() else {
            return "no ring is shown".into();
        };
        let producer = watcher.ring().producer();
        let id = watcher.ring().id().to_owned();
        if watcher.ring().joined().is_some() {
            return "a ring that was joined is recorded by `zbqtop record --join`: it would be joined once more".into();
        }
        match self.rings.open(&id) {
            Ok(ring) => {
                match Background::begin(ring, file_name(&producer, "recording"), self.thresholds) {
                    Ok(recording) => {
                        let said = format!("records into {}", recording.path.display());
                        self.recording = Some(recording);
                        said
                    }
                    Err(why) => format!("not recorded: {why}"),
                }
            }
            Err(why) => format!("not recorded: {}", escape(&why)),
        }
    }

    /// How the recording comes along; one that has ended by itself says why, once.
    fn recorded(&mut self) -> Option<String> {
        let recording = self.recording.as_ref()?;
        if recording.thread.is_finished() {
            return self.recording.take().map(Background::end);
        }
        let written = recording
            .progress
            .lock()
            .map_or(0, |progress| progress.bytes);
        let elapsed = duration(nanoseconds(recording.begun.elapsed()));
        Some(format!("{elapsed} {}", bytes(written)))
    }
}

impl Background {
    fn begin(ring: AttachedRing, path: PathBuf, thresholds: Thresholds) -> Result<Self, String> {
        let mut recorder = Recorder::new(RecordingPlan {
            ring: RingPlan {
                interval: INTERVAL,
                messages: MessagePlan::Some(MESSAGES),
                thresholds,
            },
            output: Output::File(path.clone()),
            files: FilePlan {
                max_size: Some(MOST),
                ..FilePlan::default()
            },
            trigger: None,
        })
        .map_err(|error| error.to_string())?;
        recorder
            .add(ring, None)
            .map_err(|error| error.to_string())?;
        let ending = Arc::new(AtomicBool::new(false));
        let progress = Arc::new(Mutex::new(Progress::default()));
        let (asked, told) = (Arc::clone(&ending), Arc::clone(&progress));
        let thread = std::thread::Builder::new()
            .name("recording".into())
            .spawn(move || -> Result<(), String> {
                while !asked.load(Ordering::Relaxed) && recorder.rings() > 0 {
                    let step = recorder
                        .go_on(PATIENCE)
                        .map_err(|error| error.to_string())?;
                    if let Ok(mut told) = told.lock() {
                        *told = recorder.progress();
                    }
                    if matches!(step, RecordingStep::Over(_)) {
                        break;
                    }
                }
                let done = recorder.end().map_err(|error| error.to_string())?;
                if let Ok(mut told) = told.lock() {
                    *told = done;
                }
                Ok(())
            })
            .map_err(|error| error.to_string())?;
        Ok(Self {
            path,
            begun: Instant::now(),
            ending,
            progress,
            thread,
        })
    }

    /// Ends it; says what came of it.
    fn end(self) -> String {
        self.ending.store(true, Ordering::Relaxed);
        let ended = self.thread.join();
        let written = self.progress.lock().map_or(0, |progress| progress.bytes);
        let path = self.path.display();
        match ended {
            Ok(Ok(())) => format!("{} recorded in {path}", bytes(written)),
            Ok(Err(why)) => why,
            Err(_) => format!("the recording failed; {path} may not be whole"),
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
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
        frame.recording = self.recorded();
        Some(frame)
    }

    fn act(&mut self, action: SourceAction) -> Option<String> {
        match action {
            SourceAction::Dump => Some(self.dump()),
            SourceAction::Record => Some(self.record()),
            SourceAction::Seek(_) => None,
        }
    }

    fn payload(&mut self, message: &Message) -> Option<Vec<u8>> {
        self.rings.payload(message)
    }
}
