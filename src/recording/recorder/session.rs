//! The one place that all rings of a recording go through: what is found is written, kept for later, or let go.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::decoding::MessageDecoding;
use super::files::{FilePlan, Files, Output};
use super::ring_thread::{self, Piece, RingPlan, What};
use crate::decode::DecodeSpec;
use crate::observe::attach::{AttachedRing, Succession};
use crate::observe::model::Severity;
use crate::text::escape;

/// Pieces under way between a ring's thread and the file.
const UNDER_WAY: usize = 8;
/// What is kept for the time before a finding takes no more than this, bytes.
const MOST_KEPT: usize = 256 << 20;
/// Rings that were asked to end may take so long.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// What is recorded, and where.
pub struct RecordingPlan {
    /// How each ring is recorded.
    pub ring: RingPlan,
    /// Where to.
    pub output: Output,
    /// When a file is at its end.
    pub files: FilePlan,
    /// Only around findings.
    pub trigger: Option<Trigger>,
    /// What is in messages is recorded, too.
    pub decode: Option<DecodeSpec>,
}

/// A recording of nothing but what happens around findings.
#[derive(Clone, Copy, Debug)]
pub struct Trigger {
    /// Findings that are at least this bad.
    pub severity: Severity,
    /// Time that is kept from before.
    pub before: Duration,
    /// Time that is recorded after the last of them.
    pub after: Duration,
}

/// How far a recording has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes written.
    pub bytes: u64,
    /// States, events, messages and gaps written.
    pub records: u64,
    /// Messages that were written.
    pub messages: u64,
    /// Bytes of rings that were passed over.
    pub skipped_bytes: u64,
    /// Messages that could not be decoded, where they were to be.
    pub undecoded: u64,
    /// Rings that are being recorded.
    pub rings: usize,
    /// The file that is being written, if it is one.
    pub path: Option<PathBuf>,
    /// Whether it waits for a finding.
    pub waits: bool,
}

/// What a recording has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingStep {
    /// It goes on.
    GoesOn,
    /// This has happened, in words.
    Says(String),
    /// It is over: why, in words.
    Over(String),
}

/// Records rings.
pub struct Recorder {
    plan: RingPlan,
    trigger: Option<Trigger>,
    files: Files,
    sender: SyncSender<Piece>,
    pieces: Receiver<Piece>,
    ending: Arc<AtomicBool>,
    rings: usize,
    kept: VecDeque<(Instant, Piece)>,
    kept_bytes: usize,
    /// A finding is being recorded, until then unless there is another one.
    until: Option<Instant>,
}

impl Recorder {
    /// Begins a recording, of no ring yet.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn new(plan: RecordingPlan) -> io::Result<Self> {
        let (sender, pieces) = sync_channel(UNDER_WAY);
        let decoding = plan.decode.as_ref().map(MessageDecoding::open).transpose();
        let decoding = decoding.map_err(|why| io::Error::other(format!("--decode: {why}")))?;
        let files = Files::new(plan.output, plan.files, plan.trigger.is_some());
        let mut files = files.decoding(decoding);
        if plan.trigger.is_none() {
            files.begin()?;
        }
        Ok(Self {
            plan: plan.ring,
            trigger: plan.trigger,
            files,
            sender,
            pieces,
            ending: Arc::new(AtomicBool::new(false)),
            rings: 0,
            kept: VecDeque::new(),
            kept_bytes: 0,
            until: None,
        })
    }

    /// Records this ring, too, and with `succession` those that take its place.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn add(&mut self, ring: AttachedRing, succession: Option<Succession>) -> io::Result<()> {
        let (out, ending) = (self.sender.clone(), Arc::clone(&self.ending));
        ring_thread::start(ring, succession, self.plan.clone(), out, ending)?;
        self.rings += 1;
        Ok(())
    }

    /// Rings that are being recorded.
    #[must_use]
    pub fn rings(&self) -> usize {
        self.rings
    }

    /// Goes on for `time` at the longest.
    ///
    /// # Errors
    /// When the file cannot be written on; it can be read to where it ends.
    pub fn go_on(&mut self, time: Duration) -> io::Result<RecordingStep> {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let said = match self.pieces.recv_timeout(left) {
                Ok(piece) => self.take(piece)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
            };
            if !self.files.tend()? {
                let limits = self.files.limits();
                return Ok(RecordingStep::Over(format!(
                    "the limit of {limits} is reached"
                )));
            }
            if let Some(said) = said {
                return Ok(RecordingStep::Says(said));
            }
            if let Some(said) = self.calm_down()? {
                return Ok(RecordingStep::Says(said));
            }
            if left.is_zero() {
                return Ok(RecordingStep::GoesOn);
            }
        }
    }

    /// Ends the recording: what is under way is written.
    ///
    /// # Errors
    /// As [`Self::go_on`].
    pub fn end(mut self) -> io::Result<Progress> {
        self.ending.store(true, Ordering::Relaxed);
        // Ours is the last sender once all threads have ended.
        let (sender, _) = sync_channel(1);
        self.sender = sender;
        let deadline = Instant::now() + ENDS_WITHIN;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left) {
                Ok(piece) => {
                    self.take(piece)?;
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        self.files.end()?;
        Ok(self.progress())
    }

    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let (written, counted) = (self.files.written(), self.files.counted());
        Progress {
            bytes: written.bytes,
            records: written.records,
            messages: counted.messages,
            skipped_bytes: counted.skipped_bytes,
            undecoded: counted.undecoded,
            rings: self.rings,
            path: self.files.path().map(Into::into),
            waits: self.trigger.is_some() && self.until.is_none(),
        }
    }

    /// Takes a piece in; gives what is to be said of it.
    fn take(&mut self, piece: Piece) -> io::Result<Option<String>> {
        let mut said = None;
        if let What::Ended(why) = &piece.what {
            self.rings = self.rings.saturating_sub(1);
            said = Some(format!("{}: {why}", piece.of.id));
        }
        let Some(trigger) = self.trigger else {
            self.files.write(&piece)?;
            return Ok(said);
        };
        let told = match &piece.what {
            What::State { worst, .. } => worst
                .as_ref()
                .filter(|worst| worst.severity >= trigger.severity)
                .map(|worst| worst.message.clone()),
            What::Event {
                severity, message, ..
            } if *severity >= trigger.severity => Some(message.clone()),
            _ => None,
        };
        if let Some(told) = told {
            self.until = Some(Instant::now() + trigger.after);
            if !self.files.is_open() {
                self.files.begin()?;
                let path = self.files.path();
                let path = path.map(|path| escape(&path.display().to_string()).into_owned());
                said = Some(format!(
                    "{}: {told}: recording to {}",
                    piece.of.id,
                    path.unwrap_or_else(|| "the stream".into())
                ));
                self.kept_bytes = 0;
                for (_, kept) in std::mem::take(&mut self.kept) {
                    self.files.write(&kept)?;
                }
            }
        }
        // That a ring is over is heard at once, and once more behind what is kept of it.
        let is_over = matches!(piece.what, What::Replaced | What::Ended(_));
        if self.files.is_open() || is_over {
            self.files.write(&piece)?;
        }
        if !self.files.is_open() {
            self.keep(piece, trigger.before);
        }
        Ok(said)
    }

    /// Keeps a piece for as long as it may be wanted.
    fn keep(&mut self, piece: Piece, before: Duration) {
        self.kept_bytes += size(&piece);
        self.kept.push_back((Instant::now(), piece));
        while let Some((at, oldest)) = self.kept.front()
            && (at.elapsed() > before || self.kept_bytes > MOST_KEPT)
        {
            self.kept_bytes -= size(oldest);
            self.kept.pop_front();
        }
    }

    /// Ends the file around a finding that is over.
    fn calm_down(&mut self) -> io::Result<Option<String>> {
        if self.until.is_none_or(|until| Instant::now() < until) {
            return Ok(None);
        }
        self.until = None;
        let path = self.files.path();
        let path = path.map(|path| escape(&path.display().to_string()).into_owned());
        self.files.end()?;
        Ok(path.map(|path| format!("{path} is complete")))
    }
}

fn size(piece: &Piece) -> usize {
    match &piece.what {
        What::State { json, .. } | What::Event { json, .. } => json.len(),
        What::Messages(batch) => batch.len(),
        What::Ended(why) => why.len(),
        What::Replaced => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::DecodeRules;
    use crate::observe::model::Finding;
    use crate::observe::model::Thresholds;
    use crate::observe::model::fixtures::ring;
    use crate::recording::channel::RingName;
    use crate::recording::reader::Recording;
    use crate::recording::recorder::ring_thread::{MessagePlan, Recorded};

    #[test]
    fn a_ring_that_was_over_before_a_file_began_is_not_in_the_next_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ring.mcap");
        let named = |id: &str| {
            let mut seen = ring(Vec::new());
            id.clone_into(&mut seen.id);
            Recorded {
                name: RingName::of(&seen),
                id: seen.id,
            }
        };
        let (gone, here) = (named("gone"), named("here"));
        let mut recorder = Recorder::new(RecordingPlan {
            decode: None,
            ring: RingPlan {
                interval: Duration::from_secs(1),
                messages: MessagePlan::None,
                thresholds: Thresholds::default(),
                decoding: DecodeRules::default(),
            },
            output: Output::File(path),
            files: FilePlan {
                max_size: Some(1),
                max_time: None,
                keep: Some(9),
            },
            trigger: Some(Trigger {
                severity: Severity::Warning,
                before: Duration::from_secs(60),
                after: Duration::from_secs(60),
            }),
        })
        .expect("no file is begun");
        let state = |worst| What::State {
            at_ns: 1,
            json: b"{}".to_vec(),
            worst,
        };
        let found = Finding {
            code: "stalled".into(),
            severity: Severity::Warning,
            message: "it stands".into(),
            slot: None,
            pid: None,
        };
        for (of, what) in [
            (&gone, state(None)),
            (&gone, What::Ended("it is over".into())),
            (&here, state(Some(found))),
        ] {
            let of = of.clone();
            recorder.take(Piece { of, what }).expect("it is taken");
        }
        recorder.go_on(Duration::ZERO).expect("the next one begins");
        recorder.end().expect("it ends");
        let rings = |number: u32| {
            let path = folder.path().join(format!("ring-{number:04}.mcap"));
            Recording::open(&path).expect("a recording").rings()
        };
        assert_eq!(rings(1), [gone.name, here.name.clone()]);
        assert_eq!(rings(2), [here.name]);
    }
}
