//! A command that is run for events: one at a time, for so long at the most, in a thread of its own.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::stderr::warn;
use crate::text::{counted, duration, nanoseconds};

/// Events that wait for their turn.
const WAITING: usize = 64;
/// How often it is looked whether the command has ended.
const PATIENCE: Duration = Duration::from_millis(5);
/// Once the program is to end, the command that runs may take so long.
const GRACE: Duration = Duration::from_secs(2);

/// The command, and who runs it. Dropped, it ends: the command that runs has a moment more, events that wait are missed.
pub(super) struct Hook {
    /// `None` once no more are to come.
    events: Option<SyncSender<Vec<u8>>>,
    ending: Arc<AtomicBool>,
    /// Gives how many were left.
    thread: Option<JoinHandle<u64>>,
    missed: u64,
    /// That some are missed was told, and nothing was handed over since.
    is_told: bool,
}

impl Hook {
    /// Runs `command` by the shell for each event, for `limit` at the longest.
    ///
    /// # Errors
    /// When no thread can be had.
    pub(super) fn start(command: &str, limit: Duration) -> io::Result<Self> {
        let (events, waiting) = sync_channel(WAITING);
        let ending = Arc::new(AtomicBool::new(false));
        let runner = Runner {
            command: command.to_owned(),
            limit,
            ending: Arc::clone(&ending),
        };
        let thread = std::thread::Builder::new()
            .name("hook".into())
            .spawn(move || runner.run_all(&waiting))?;
        Ok(Self {
            events: Some(events),
            ending,
            thread: Some(thread),
            missed: 0,
            is_told: false,
        })
    }

    /// Hands an event over; gives it back where too many wait already.
    pub(super) fn hand_over(&mut self, event: Vec<u8>) -> Option<Vec<u8>> {
        match self.events.as_ref()?.try_send(event) {
            Ok(()) => {
                self.is_told = false;
                None
            }
            Err(TrySendError::Full(event) | TrySendError::Disconnected(event)) => Some(event),
        }
    }

    /// The command was not run for an event.
    pub(super) fn miss(&mut self) {
        self.missed += 1;
        if !std::mem::replace(&mut self.is_told, true) {
            let waiting = counted(WAITING as u64, "event");
            warn(&format!(
                "--exec: the command is too slow: {waiting} are queued, and further ones are dropped until it has caught up"
            ));
        }
    }

    /// Ends it once the command was run for all events that wait.
    pub(super) fn finish(mut self) {
        self.join();
    }

    fn join(&mut self) {
        self.events = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        let missed = self.missed + thread.join().unwrap_or(0);
        if missed > 0 {
            warn(&format!(
                "--exec: the command was not run for {}",
                counted(missed, "event")
            ));
        }
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        self.join();
    }
}

/// The thread's own.
struct Runner {
    command: String,
    limit: Duration,
    ending: Arc<AtomicBool>,
}

impl Runner {
    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Runs it for each event; gives how many were left when the end was asked for.
    fn run_all(&self, waiting: &Receiver<Vec<u8>>) -> u64 {
        let mut left = 0;
        for event in waiting {
            if self.is_ending() {
                left += 1;
                continue;
            }
            match self.run(&event) {
                Ok(Some(status)) if status.success() => {}
                Ok(Some(status)) => warn(&format!("--exec: the command failed: {status}")),
                Ok(None) if self.is_ending() => {
                    warn("--exec: the command was stopped because zbqtop exits");
                }
                Ok(None) => warn(&format!(
                    "--exec: the command was stopped: it took longer than {}",
                    duration(nanoseconds(self.limit))
                )),
                Err(error) => warn(&format!("--exec: cannot run the command: {error}")),
            }
        }
        left
    }

    /// Runs it for an event; `None` when it had to be ended.
    fn run(&self, event: &[u8]) -> io::Result<Option<ExitStatus>> {
        let stderr = io::stderr().as_fd().try_clone_to_owned()?;
        // No pipe: whoever does not read it keeps nobody waiting.
        let mut stdin = File::from(memfd_create("zbqtop_event", MemfdFlags::CLOEXEC)?);
        stdin.write_all(event)?;
        stdin.write_all(b"\n")?;
        stdin.rewind()?;
        let mut child = Command::new("sh")
            .args(["-c", &self.command])
            .stdin(stdin)
            // Stdout is for events.
            .stdout(stderr)
            .process_group(0)
            .spawn()?;
        let mut until = Instant::now() + self.limit;
        let mut is_ending = false;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if !is_ending && self.is_ending() {
                is_ending = true;
                until = until.min(Instant::now() + GRACE);
            }
            if Instant::now() >= until {
                end(&mut child);
                return Ok(None);
            }
            std::thread::sleep(PATIENCE);
        }
    }
}

/// Ends a command and all that it has started.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}
