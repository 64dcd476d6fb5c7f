//! `zbqtop record` and `zbqtop dump` as children, and what can be read in their files.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::program::{run, stderr, stdout, zbqtop};
use super::{Peer, Place, eventually};

/// A recording that is being made. Dropped, it is killed.
pub(crate) struct Recording {
    child: Child,
    pub(crate) path: PathBuf,
}

impl Recording {
    /// Records the only ring of `producer`, ten times a second; returns once there is a state in the file.
    pub(crate) fn of(producer: &Peer, path: PathBuf, arguments: &str) -> Self {
        let pid = producer.pid().to_string();
        let recording = Self::start(&["--pid", &pid], path, arguments);
        eventually("a state is recorded", || try_snapshot(&recording.path));
        recording
    }

    /// Records any target.
    pub(crate) fn start(target: &[&str], path: PathBuf, arguments: &str) -> Self {
        let mut command = zbqtop();
        command.arg("record").args(target).arg("-o").arg(&path);
        command.args(["--interval", "100ms"]);
        let child = command
            .args(arguments.split_whitespace())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("zbqtop starts");
        Self { child, path }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("our child");
    }

    /// Sends it a signal, and waits for its end: exit status, stderr.
    pub(crate) fn end(self, signal: Signal) -> (Option<i32>, String) {
        self.signal(signal);
        self.wait()
    }

    /// Waits until it ends: exit status, stderr.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let status = eventually("it ends", || self.child.try_wait().expect("our child"));
        let mut said = String::new();
        let mut pipe = self.child.stderr.take().expect("piped");
        pipe.read_to_string(&mut said).expect("text");
        (status.code(), said)
    }

    /// Ends it as a user would.
    pub(crate) fn finish(self) -> PathBuf {
        let path = self.path.clone();
        let (code, said) = self.end(Signal::TERM);
        assert_eq!(code, Some(0), "{said}");
        path
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a dump of the only ring of `producer`.
pub(crate) fn dump(producer: &Peer, place: &Place, arguments: &[&str]) -> String {
    let path = text(&place.path().join("dump.mcap"));
    let pid = producer.pid().to_string();
    let mut words = vec!["dump", "--pid", &pid, "-o", &path];
    words.extend(arguments);
    let output = run(&words);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    path
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> String {
    path.to_str().expect("text").to_owned()
}

/// The snapshot that is in a recording at its end, if it can be read yet.
pub(crate) fn try_snapshot(path: &Path) -> Option<Value> {
    let output = run(&["snapshot", "--json", "--file", &text(path)]);
    (output.status.code() == Some(0))
        .then(|| serde_json::from_slice(&output.stdout).expect("it prints JSON"))
}

/// What `tail --format json` prints, line by line.
pub(crate) fn tail(arguments: &[&str]) -> Vec<Value> {
    let mut words = vec!["tail", "--format", "json"];
    words.extend(arguments);
    lines(&stdout(&words))
}

/// JSON, line by line.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// The `seq_id`s among them, without fillers'.
pub(crate) fn numbers(lines: &[Value]) -> Vec<u64> {
    let messages = lines.iter().filter(|line| line["flags"] != 0x80);
    messages
        .filter_map(|line| line["seq_id"].as_u64())
        .collect()
}
