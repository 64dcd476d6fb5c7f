//! The processes of a measurement: started, listened to, and ended with this value. However the parent ends, the kernel ends
//! them, too.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};

use super::roles::BenchRole;
use super::words::{Order, Word, line, word};
use crate::text::escape;

/// How often the caller is asked for while nobody says anything: seldom, as what is measured runs meanwhile.
const TICK: Duration = Duration::from_millis(250);
/// Characters of what was found that an error shows.
const SHOWN: usize = 60;

/// Processes that were started, in this order. Dropped, they are ended.
#[derive(Debug)]
pub(super) struct Processes {
    all: Vec<Process>,
    heard: Receiver<(usize, Heard)>,
    tell: Sender<(usize, Heard)>,
}

#[derive(Debug)]
struct Process {
    name: String,
    child: Child,
    orders: Option<ChildStdin>,
}

/// What comes from a process.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Word(Word),
    /// A line that is none of its words.
    Garbage(String),
    /// It has closed its standard output: it has ended, or is about to.
    End,
}

impl Processes {
    /// None yet.
    pub(super) fn new() -> Self {
        let (tell, heard) = channel();
        Self {
            all: Vec::new(),
            heard,
            tell,
        }
    }

    /// Starts one, in `role`, on the ring at `address`; errors call it `name`. Returns its number.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(
        &mut self,
        role: BenchRole,
        name: String,
        address: &str,
    ) -> anyhow::Result<usize> {
        let word =
            clap::ValueEnum::to_possible_value(&role).map(|value| value.get_name().to_owned());
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("zbqtop")
            .arg("bench-role")
            .arg(word.unwrap_or_default())
            .arg(address)
            .arg(std::process::id().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("starting the bench's {name}"))?;
        let (orders, out) = (child.stdin.take(), child.stdout.take());
        let number = self.all.len();
        self.all.push(Process {
            name,
            child,
            orders,
        });
        let tell = self.tell.clone();
        std::thread::Builder::new()
            .name("reports".into())
            .spawn(move || listen(number, out, &tell))?;
        Ok(number)
    }

    /// Orders a process something. One that has ended is heard of when it is listened to.
    ///
    /// # Errors
    /// The order cannot be written down.
    pub(super) fn order(&mut self, number: usize, order: Order) -> anyhow::Result<()> {
        let line = line(&order)?;
        if let Some(orders) = self
            .all
            .get_mut(number)
            .and_then(|process| process.orders.as_mut())
        {
            let _ = orders.write_all(line.as_bytes());
        }
        Ok(())
    }

    /// The next word of any process, and whose it is. `meanwhile` is called now and then.
    ///
    /// # Errors
    /// Those of `meanwhile`; a process has ended, or says what is no word.
    pub(super) fn next(
        &mut self,
        meanwhile: &mut dyn FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<(usize, Word)> {
        let (number, heard) = loop {
            match self.heard.recv_timeout(TICK) {
                Ok(heard) => break heard,
                Err(RecvTimeoutError::Timeout) => meanwhile()?,
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the bench's processes cannot be heard")
                }
            }
        };
        match heard {
            Heard::Word(word) => Ok((number, word)),
            Heard::Garbage(line) => {
                let process = &self.all[number];
                let (name, pid) = (&process.name, process.child.id());
                bail!("the bench's {name} (pid {pid}) said `{line}`, expected its report")
            }
            Heard::End => Err(self.ended(number)),
        }
    }

    /// The error for process `number`, which has ended; or for the first that failed, as others may have failed for want of it.
    fn ended(&mut self, number: usize) -> anyhow::Error {
        let has_failed = |process: &mut Process| {
            let status = process.child.try_wait().ok().flatten();
            status.is_some_and(|status| !status.success())
        };
        let first = self.all.iter_mut().position(has_failed).unwrap_or(number);
        let Process { name, child, .. } = &mut self.all[first];
        let pid = child.id();
        match child.wait() {
            Ok(status) => anyhow!(
                "the bench's {name} (pid {pid}) ended too early ({status}), expected its report"
            ),
            Err(error) => anyhow!("waiting for the bench's {name} (pid {pid}): {error}"),
        }
    }

    /// That `number` says `expected` next, and nobody anything else.
    ///
    /// # Errors
    /// Those of [`Self::next`]; somebody says something else.
    pub(super) fn expect(
        &mut self,
        number: usize,
        expected: &Word,
        meanwhile: &mut dyn FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match self.next(meanwhile)? {
            (from, word) if from == number && word == *expected => Ok(()),
            (from, word) => self.unexpected(from, &word),
        }
    }

    /// The error for a word out of its turn.
    ///
    /// # Errors
    /// Always.
    pub(super) fn unexpected<T>(&self, number: usize, word: &Word) -> anyhow::Result<T> {
        let name = self
            .all
            .get(number)
            .map_or("process", |process| process.name.as_str());
        bail!("the bench's {name} said {word:?} out of turn")
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        // All are told before one is waited for. An error means that it has ended already.
        for process in &mut self.all {
            let _ = process.child.kill();
        }
        for process in &mut self.all {
            let _ = process.child.wait();
        }
    }
}

/// Passes on what a process says until it ends.
fn listen(number: usize, out: Option<ChildStdout>, tell: &Sender<(usize, Heard)>) {
    let lines = out
        .into_iter()
        .flat_map(|out| BufReader::new(out).split(b'\n'));
    for line in lines.map_while(Result::ok) {
        let heard = heard(&line);
        let is_last = matches!(heard, Heard::Word(Word::Done(_)));
        if tell.send((number, heard)).is_err() || is_last {
            return;
        }
    }
    // Nobody listens any more where the measurement has failed.
    let _ = tell.send((number, Heard::End));
}

fn heard(line: &[u8]) -> Heard {
    let text = String::from_utf8_lossy(line);
    match word(&text) {
        Some(word) => Heard::Word(word),
        None => Heard::Garbage(escape(&text.chars().take(SHOWN).collect::<String>()).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_shown_short_and_harmless() {
        assert_eq!(heard(b"\"ready\""), Heard::Word(Word::Ready));
        assert_eq!(
            heard(b"\x1b[2J\xff"),
            Heard::Garbage("\\x1b[2J\u{fffd}".into())
        );
        let Heard::Garbage(shown) = heard("x".repeat(5000).as_bytes()) else {
            panic!("it is no word")
        };
        assert_eq!(shown.len(), SHOWN);
    }
}
