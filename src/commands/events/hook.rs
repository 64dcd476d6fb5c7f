//! A command that is run for events: one at a time, for so long at the most, in a thread of its own.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::stderr::warn;
use crate::text::{counted, duration, nanoseconds};

/// Events that wait for their turn; those that find no place are counted.
const WAITING: usize = 64;
/// How often it is looked whether the command has ended.
const PATIENCE: Duration = Duration::from_millis(5);

/// The command, and who runs it.
pub(super) struct Hook {
    events: SyncSender<Vec<u8>>,
    ending: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
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
            events,
            ending,
            thread,
            missed: 0,
            is_told: false,
        })
    }

    /// Hands an event over; where too many wait already, it is missed.
    pub(super) fn hand_over(&mut self, event: Vec<u8>) {
        if self.events.try_send(event).is_ok() {
            self.is_told = false;
            return;
        }
        self.missed += 1;
        if !std::mem::replace(&mut self.is_told, true) {
            warn(&format!(
                "--exec: the command cannot keep up: {} wait for it, and it misses what happens now",
                counted(WAITING as u64, "event")
            ));
        }
    }

    /// Ends it: with `finish`, once it was run for all that wait; without, once it has ended. Tells how many it missed.
    pub(super) fn end(self, finish: bool) {
        self.ending.store(!finish, Ordering::Relaxed);
        drop(self.events);
        let left = self.thread.join().unwrap_or(0);
        let missed = self.missed + left;
        if missed > 0 {
            warn(&format!("--exec: {} missed", counted(missed, "event")));
        }
    }
}

/// The thread's own.
struct Runner {
    command: String,
    limit: Duration,
    ending: Arc<AtomicBool>,
}

impl Runner {
    /// Runs it for each event; gives how many were left when the end was asked for.
    fn run_all(&self, waiting: &Receiver<Vec<u8>>) -> u64 {
        let mut left = 0;
        for event in waiting {
            if self.ending.load(Ordering::Relaxed) {
                left += 1;
                continue;
            }
            match self.run(&event) {
                Ok(Some(status)) if status.success() => {}
                Ok(Some(status)) => warn(&format!("--exec: {status}")),
                Ok(None) => warn(&format!(
                    "--exec: ended: it took longer than {}",
                    duration(nanoseconds(self.limit))
                )),
                Err(error) => warn(&format!("--exec: {error}")),
            }
        }
        left
    }

    /// Runs it for an event; `None` when it had to be ended.
    fn run(&self, event: &[u8]) -> io::Result<Option<ExitStatus>> {
        let stderr = io::stderr().as_fd().try_clone_to_owned()?;
        let mut child = Command::new("sh")
            .args(["-c", &self.command])
            .stdin(Stdio::piped())
            // Stdout is for events.
            .stdout(stderr)
            .process_group(0)
            .spawn()?;
        let until = Instant::now() + self.limit;
        if let Some(mut stdin) = child.stdin.take() {
            // It fits into a pipe, so that this does not wait. Who does not read it need not.
            let _ = stdin.write_all(event).and_then(|()| stdin.write_all(b"\n"));
        }
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
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
