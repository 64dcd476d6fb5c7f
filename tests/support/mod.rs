//! Other processes for tests: `peer` (see `tests/peers/peer.rs`) as producer or consumer, killed when dropped, with a
//! limit on every wait. It owns no assertion about rings.
//!
//! The limits are far longer than anything takes: they turn a hang into a failure, and slowness into nothing.

pub(crate) mod liar;
pub(crate) mod program;
pub(crate) mod pty;
pub(crate) mod recordings;
pub(crate) mod verdict;
pub(crate) mod watch;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Longer than any test should ever wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where examples are taken from, if not from where they were built with this test.
pub(crate) const EXAMPLES: &str = "ZBQTOP_EXAMPLES";

/// An example's binary: cargo builds them for `cargo test`, next to the directory this test runs from.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let examples = || test.parent().unwrap().parent().unwrap().join("examples");
    let path = std::env::var_os(EXAMPLES)
        .map_or_else(examples, PathBuf::from)
        .join(name);
    assert!(
        path.exists(),
        "{} is not built: `cargo build --examples`",
        path.display()
    );
    path
}

/// A place for sockets, gone with the test.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.path().join("ring")
    }
}

/// A child process that speaks in lines. Dropped, it is killed, and nothing but it.
pub(crate) struct Peer {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Peer {
    /// Starts `peer ROLE --socket PATH`, with more arguments in one string.
    pub(crate) fn start(role: &str, socket: &Path, arguments: &str) -> Self {
        let mut command = Command::new(example("peer"));
        command
            .arg(role)
            .arg("--socket")
            .arg(socket)
            .args(arguments.split_whitespace());
        Self::spawn(&mut command)
    }

    /// Starts `holder` (see `tests/peers/holder.rs`), and waits until it holds what it was told to.
    pub(crate) fn holder(arguments: &str) -> Self {
        let mut command = Command::new(example("holder"));
        let mut peer = Self::spawn(command.args(arguments.split_whitespace()));
        peer.expect("ready");
        peer
    }

    /// Starts any command that speaks in lines.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A program that was copied a moment ago is busy for as long as a child of another test has yet to close what it
        // inherited.
        let mut child = eventually("it starts", || match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => None,
            child => Some(child.unwrap()),
        });
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        Self {
            child,
            lines,
            heard: Vec::new(),
        }
    }

    /// Starts a producer, and waits until it listens.
    pub(crate) fn producer(socket: &Path, arguments: &str) -> Self {
        let mut peer = Self::start("produce", socket, arguments);
        peer.expect("ready");
        peer
    }

    /// Starts a consumer, and waits until it has joined.
    pub(crate) fn consumer(socket: &Path, arguments: &str) -> Self {
        let mut peer = Self::start("consume", socket, arguments);
        peer.expect("joined");
        peer
    }

    /// Waits until it has done what its arguments asked for (nothing, with `--hold` alone), so that the next answer
    /// is to the next command. A producer gets there once the consumers that it waits for have joined.
    pub(crate) fn settled(mut self) -> Self {
        self.expect("done");
        self
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that begins with `word`, passing over others.
    pub(crate) fn expect(&mut self, word: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            match self
                .lines
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) if line.split_whitespace().next() == Some(word) => return line,
                Ok(line) => self.heard.push(line),
                Err(why) => panic!(
                    "no {word:?} from pid {} ({why}); it said {:?}",
                    self.pid(),
                    self.heard
                ),
            }
        }
    }

    /// Gives a command to a peer that holds.
    pub(crate) fn tell(&mut self, command: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{command}").unwrap();
    }

    /// Gives a command, and waits for the answer that begins with `word`.
    pub(crate) fn ask(&mut self, command: &str, word: &str) -> String {
        self.tell(command);
        self.expect(word)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Kills it, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the peer ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is an answer.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The payload that `peer` with this seed and `--max-payload` gives the message with this seq_id.
pub(crate) fn contents(seed: u64, max_payload: usize, seq_id: u64) -> Vec<u8> {
    let mix = |mut x: u64| {
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let key = mix(seed ^ seq_id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let len = (key % (max_payload as u64 + 1)) as usize;
    let words = (0..len.div_ceil(8) as u64).map(|word| mix(key.wrapping_add(word)));
    let mut payload: Vec<u8> = words.flat_map(u64::to_ne_bytes).collect();
    payload.truncate(len);
    payload
}

/// The number behind `name=` in a line of a peer.
pub(crate) fn number(line: &str, name: &str) -> u64 {
    let value = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("no {name} in {line:?}"))
}
