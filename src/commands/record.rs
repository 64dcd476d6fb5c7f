//! `record`: what rings are and carry, into a file or a stream.

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::cli::RecordArgs;
use crate::decode::DecodeRules;
use crate::observe::attach::{AttachedRing, Succession};
use crate::observe::model::{RingSource as _, Thresholds};
use crate::observe::rings::Rings;
use crate::recording::{
    FilePlan, MessagePlan, Output, Progress, Recorder, RecordingPlan, RecordingStep, RingPlan,
    Trigger,
};
use crate::shutdown::StopSignal;
use crate::stderr::{self, warn};
use crate::stdout::{Output as _, Stdout};
use crate::text::{bytes, bytes_per_second, counted, duration, escape, nanoseconds};

/// The end is thought of this often.
const PATIENCE: Duration = Duration::from_millis(100);
/// With --all, new rings are looked for this often.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// Stdout, as long as the end is not asked for while nobody takes anything.
struct UntilAsked {
    stdout: Stdout,
    ending: StopSignal,
}

impl Write for UntilAsked {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.stdout.write(piece, &self.ending)? {
            return Ok(piece.len());
        }
        let why = "stopped while nobody read the recording from the output";
        Err(io::Error::new(io::ErrorKind::TimedOut, why))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where `path` says, `-` being stdout.
///
/// # Errors
/// When that is a terminal.
pub(super) fn output(path: &Path, ending: &StopSignal) -> anyhow::Result<Output> {
    if path != Path::new("-") {
        return Ok(Output::File(path.into()));
    }
    if io::stdout().is_terminal() {
        bail!(
            "-o -: a recording is binary, and stdout is a terminal: redirect it to a file or a pipe"
        );
    }
    Ok(Output::Stream(Box::new(UntilAsked {
        stdout: Stdout::now(),
        ending: ending.clone(),
    })))
}

/// Records `ring`, or every ring there is, until the end is asked for, a limit is reached, or no ring is left.
///
/// # Errors
/// When the file cannot be made or written on; [`io::ErrorKind::BrokenPipe`] when stdout's reader has gone.
pub fn record(
    ring: Option<(AttachedRing, Option<Succession>)>,
    options: &RecordArgs,
    thresholds: Thresholds,
    decoding: DecodeRules,
) -> anyhow::Result<()> {
    let ending = StopSignal::watch()?;
    let streams = options.output == Path::new("-");
    let mut recorder = Recorder::new(RecordingPlan {
        decode: options.decode.clone(),
        ring: RingPlan {
            interval: options.interval,
            messages: options.messages,
            thresholds,
            decoding,
        },
        output: output(&options.output, &ending)?,
        files: FilePlan {
            max_size: options.max_size,
            max_time: options.max_time,
            keep: options.keep.map(|keep| keep as usize),
        },
        trigger: options.on_finding.map(|severity| Trigger {
            severity: severity.into(),
            before: options.before,
            after: options.after,
        }),
    })?;
    let mut everything = ring.is_none().then(Everything::default);
    if let Some((ring, succession)) = ring {
        recorder.add(ring, succession)?;
    }
    let (begun, mut shown) = (Instant::now(), stderr::Progress::begin());
    let why = loop {
        if let Some(everything) = &mut everything {
            everything.add_new(&mut recorder)?;
        } else if recorder.rings() == 0 {
            break None;
        }
        match recorder.go_on(PATIENCE)? {
            RecordingStep::GoesOn => {}
            RecordingStep::Says(what) => {
                shown.clear();
                warn(&what);
            }
            RecordingStep::Over(why) => break Some(why),
        }
        if ending.asked() {
            break None;
        }
        if streams {
            // Who reads nothing any more is noticed although nothing is written.
            Stdout::now().sleep(Duration::ZERO)?;
        }
        // Who reads the stream may be a dashboard on the same terminal.
        if !streams {
            shown.tell(|| words(&recorder.progress(), begun.elapsed(), options.messages));
        }
    };
    let done = recorder.end()?;
    drop(shown);
    let done = words(&done, begun.elapsed(), options.messages);
    warn(&match why {
        Some(why) => format!("{why}; {done}"),
        None => done,
    });
    Ok(())
}

/// Every ring on the machine, as they come.
#[derive(Default)]
struct Everything {
    rings: Rings,
    /// Those that were seen, by id and head: a descriptor can come to stand for another ring.
    known: Vec<(String, u64)>,
    looked: Option<Instant>,
    told: bool,
}

impl Everything {
    fn add_new(&mut self, recorder: &mut Recorder) -> io::Result<()> {
        if self
            .looked
            .is_some_and(|looked| looked.elapsed() < LOOKS_EVERY)
        {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let listing = self.rings.list();
        if !self.told {
            self.told = true;
            listing.limits.iter().for_each(|limit| {
                warn(&format!("not recorded: {}", escape(&limit.to_string())));
            });
        }
        for ring in &listing.rings {
            if self.known.iter().any(|(id, _)| *id == ring.id) {
                continue;
            }
            match self.rings.open(&ring.id) {
                Ok(opened) => {
                    self.known.push((ring.id.clone(), opened.ctrl_file().ino));
                    recorder.add(opened, None)?;
                }
                Err(why) => warn(&format!("{}: {}", ring.id, escape(&why))),
            }
        }
        let is_there = |id: &str| listing.rings.iter().any(|ring| ring.id == id);
        self.known.retain(|(id, _)| is_there(id));
        Ok(())
    }
}

/// How far it has come.
fn words(progress: &Progress, elapsed: Duration, plan: MessagePlan) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = progress.bytes as f64 / elapsed.as_secs_f64().max(0.001);
    let mut words = format!(
        "{} recorded in {}, {}",
        bytes(progress.bytes),
        duration(nanoseconds(elapsed)),
        bytes_per_second(rate)
    );
    if plan != MessagePlan::None {
        words += &format!(
            ", {}, {} of the ring skipped",
            counted(progress.messages, "message"),
            bytes(progress.skipped_bytes)
        );
    }
    if progress.undecoded > 0 {
        let messages = counted(progress.undecoded, "message");
        words += &format!(", {messages} not decoded");
    }
    if progress.waits {
        words += "; waiting for a finding";
    }
    words
}
