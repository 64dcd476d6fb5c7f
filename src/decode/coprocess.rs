//! A command that decodes: it is fed the length of a payload as a little-endian u32, then the payload, and answers each with a
//! line of JSON.
//!
//! It is started once, and again when it ends, answers too late or with too much.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, Signal, kill_process_group};

use super::decoded::Decoded;
use super::error::DecodeError;
use super::json;
use crate::text::{duration, nanoseconds};

/// An answer is not longer, bytes.
const LONGEST: usize = 4 << 20;
/// After so many failures in a row ...
const PATIENT: u32 = 3;
/// ... it is started again only after this time, twice as long each time, ...
const RESTS: Duration = Duration::from_secs(1);
/// ... up to this.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// One that has closed its output has ended within this time, or lives on.
const ENDS_WITHIN: Duration = Duration::from_millis(20);

/// The command, which runs or does not.
#[derive(Debug)]
pub(super) struct Coprocess {
    command: String,
    /// An answer comes within this time.
    patience: Duration,
    quiet: bool,
    running: Option<Child>,
    starts: u64,
    failures: u32,
    failed_at: Option<Instant>,
    /// What came of the next answer.
    answer: Vec<u8>,
}

impl Coprocess {
    /// With `quiet`, what it writes to its standard error goes nowhere.
    pub(super) fn new(command: &str, patience: Duration, quiet: bool) -> Self {
        Self {
            command: command.to_owned(),
            patience,
            quiet,
            running: None,
            starts: 0,
            failures: 0,
            failed_at: None,
            answer: Vec::new(),
        }
    }

    /// The same command once more, as a process of its own.
    pub(super) fn another(&self) -> Self {
        Self::new(&self.command, self.patience, self.quiet)
    }

    /// Times that it was started again.
    pub(super) fn restarts(&self) -> u64 {
        self.starts.saturating_sub(1)
    }

    /// Asks it.
    ///
    /// # Errors
    /// When it does not answer, or not with JSON.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut Decoded) -> Result<(), DecodeError> {
        if let Some(more) = self.failures.checked_sub(PATIENT) {
            let rest = (RESTS * 2_u32.pow(more.min(6))).min(LONGEST_REST);
            if self.failed_at.is_some_and(|failed| failed.elapsed() < rest) {
                return Err(DecodeError::Command(format!(
                    "failed {} times; it is started again within {}",
                    self.failures,
                    duration(nanoseconds(rest))
                )));
            }
        }
        match self.ask(payload) {
            Ok(()) => {
                let done = json::decode(&self.answer, out);
                match done {
                    Ok(()) => self.failures = 0,
                    // Who answers anything else may not be where it is thought to be.
                    Err(_) => self.fail(),
                }
                done
            }
            Err(why) => {
                self.fail();
                Err(DecodeError::Command(why))
            }
        }
    }

    fn fail(&mut self) {
        self.end();
        self.failures = self.failures.saturating_add(1);
        self.failed_at = Some(Instant::now());
    }

    fn start(&mut self) -> Result<&mut Child, String> {
        if let Some(child) = &mut self.running
            && !matches!(child.try_wait(), Ok(None))
        {
            self.end();
        }
        if self.running.is_none() {
            let child = Command::new("sh")
                .arg("-c")
                .arg(&self.command)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(if self.quiet {
                    Stdio::null()
                } else {
                    Stdio::inherit()
                })
                // Whatever it starts ends with it.
                .process_group(0)
                .spawn()
                .map_err(|error| format!("cannot be started: {error}"))?;
            self.starts += 1;
            let (stdin, stdout) = (child.stdin.as_ref(), child.stdout.as_ref());
            let ends = [stdin.map(AsFd::as_fd), stdout.map(AsFd::as_fd)];
            for end in ends.into_iter().flatten() {
                ioctl_fionbio(end, true).map_err(|error| error.to_string())?;
            }
            self.running = Some(child);
        }
        self.running.as_mut().ok_or_else(|| "is gone".to_owned())
    }

    /// Leaves its answer in `answer`.
    fn ask(&mut self, payload: &[u8]) -> Result<(), String> {
        let length = u32::try_from(payload.len()).map_err(|_| "takes no more than 4 GiB")?;
        let question = [&length.to_le_bytes()[..], payload].concat();
        let mut answer = std::mem::take(&mut self.answer);
        answer.clear();
        let patience = self.patience;
        let child = self.start()?;
        let (Some(stdin), Some(stdout)) = (&child.stdin, &child.stdout) else {
            return Err("has no pipes".into());
        };
        // An answer to nothing would be taken for the next one.
        if !matches!(rustix::io::read(stdout, &mut [0; 1]), Err(Errno::AGAIN)) {
            return Err(match child.try_wait() {
                Ok(Some(status)) => format!("has ended: {status}"),
                _ => "answers more than it is asked".into(),
            });
        }
        let deadline = Instant::now() + patience;
        let mut left = &question[..];
        loop {
            if !left.is_empty() {
                match rustix::io::write(stdin, left) {
                    Ok(written) => left = &left[written..],
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    Err(error) => return Err(format!("takes nothing: {error}")),
                }
            }
            let mut piece = [0; 4096];
            match rustix::io::read(stdout, &mut piece) {
                Ok(0) => return Err(ending(child)),
                Ok(read) => {
                    let piece = &piece[..read];
                    if let Some(end) = memchr::memchr(b'\n', piece) {
                        answer.extend_from_slice(&piece[..end]);
                        if end + 1 < read || !left.is_empty() {
                            return Err("answers more than it is asked".into());
                        }
                        self.answer = answer;
                        return Ok(());
                    }
                    answer.extend_from_slice(piece);
                    if answer.len() > LONGEST {
                        return Err(format!("answers with more than {} MiB", LONGEST >> 20));
                    }
                    continue;
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(format!("cannot be read: {error}")),
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Err(format!(
                    "did not answer within {}",
                    duration(nanoseconds(patience))
                ));
            }
            let writes = match left {
                [] => PollFlags::empty(),
                _ => PollFlags::OUT,
            };
            let mut ends = [
                PollFd::new(stdout, PollFlags::IN),
                PollFd::new(stdin, writes),
            ];
            let timeout = Timespec::try_from(rest).map_err(|error| error.to_string())?;
            // Where nothing has come, the clock tells.
            match poll(
                &mut ends[..if left.is_empty() { 1 } else { 2 }],
                Some(&timeout),
            ) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).to_string()),
            }
        }
    }

    fn end(&mut self) {
        if let Some(mut child) = self.running.take() {
            // It may have ended by itself.
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
            let _ = child.wait();
        }
    }
}

/// That it has ended, and how; or that it has closed its output and lives on.
fn ending(child: &mut Child) -> String {
    // Its output is closed a moment before it has ended.
    let deadline = Instant::now() + ENDS_WITHIN;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return format!("has ended: {status}"),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            _ => return "has closed its output".to_owned(),
        }
    }
}

impl Drop for Coprocess {
    fn drop(&mut self) {
        self.end();
    }
}
