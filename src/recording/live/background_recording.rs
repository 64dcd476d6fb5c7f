//! A recording of a ring that comes along by itself.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::decode::DecodeRules;
use crate::observe::attach::AttachedRing;
use crate::observe::model::Thresholds;
use crate::recording::recorder::{
    FilePlan, MessagePlan, Output, Progress, Recorder, RecordingPlan, RecordingStep, RingPlan,
};
use crate::text::{bytes, duration, nanoseconds};

/// Time between two samples.
const INTERVAL: Duration = Duration::from_secs(1);
/// Messages a second.
const MESSAGES: u32 = 100;
/// Bytes at most.
const MOST: u64 = 1 << 30;
/// The end is thought of this often.
const PATIENCE: Duration = Duration::from_millis(100);

/// A recording that comes along by itself.
#[derive(Debug)]
pub(super) struct BackgroundRecording {
    path: PathBuf,
    begun: Instant,
    ending: Arc<AtomicBool>,
    progress: Arc<Mutex<Progress>>,
    thread: JoinHandle<Result<(), String>>,
}

impl BackgroundRecording {
    /// Begins it.
    ///
    /// # Errors
    /// When the file cannot be made, or no thread can be had; in words.
    pub(super) fn begin(
        ring: AttachedRing,
        path: PathBuf,
        thresholds: Thresholds,
        decoding: DecodeRules,
    ) -> Result<Self, String> {
        let mut recorder = Recorder::new(RecordingPlan {
            decode: None,
            ring: RingPlan {
                interval: INTERVAL,
                messages: MessagePlan::Some(MESSAGES),
                thresholds,
                decoding,
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

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has ended by itself.
    pub(super) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// How it comes along.
    pub(super) fn words(&self) -> String {
        let elapsed = duration(nanoseconds(self.begun.elapsed()));
        format!("{elapsed} {}", bytes(written(&self.progress)))
    }

    /// Ends it; says what came of it.
    pub(super) fn end(self) -> String {
        self.ending.store(true, Ordering::Relaxed);
        let ended = self.thread.join();
        let written = written(&self.progress);
        let path = self.path.display();
        match ended {
            Ok(Ok(())) => format!("{} recorded in {path}", bytes(written)),
            Ok(Err(why)) => format!("{path}: {why}; what it has so far can be read"),
            Err(_) => format!("the recording failed; {path} may not be whole"),
        }
    }
}

fn written(progress: &Mutex<Progress>) -> u64 {
    progress.lock().map_or(0, |progress| progress.bytes)
}
