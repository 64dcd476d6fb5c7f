//! Signals that end a command: asked once or twice, insisted on, or ignored by whoever started it.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::program::{run, stderr, zbqtop};
use crate::support::recordings::{Recording, text, try_snapshot};
use crate::support::{Peer, Place, eventually};

/// As long as the program takes for one who does not insist.
const INSISTS: Duration = Duration::from_millis(500);

fn producer(place: &Place) -> Peer {
    let arguments = "--impl reference --payload 48 --hold --consumers 0";
    Peer::producer(&place.socket(), arguments).settled()
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("our child");
}

/// Whether a signal waits to be delivered (proc_pid_status(5)).
fn is_pending(pid: u32, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let masks = status.lines().filter_map(|line| {
        let mask = line
            .strip_prefix("SigPnd:")
            .or(line.strip_prefix("ShdPnd:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    });
    masks.fold(0, |all, mask| all | mask) >> (signal.as_raw() - 1) & 1 == 1
}

/// What is complained of when it is read.
fn notes(file: &Path) -> String {
    stderr(&run(&["snapshot", "--file", &text(file)]))
}

#[test]
fn a_signal_that_comes_twice_at_once_asks_once() {
    let place = Place::new();
    let producer = producer(&place);
    for attempt in 0.. {
        let path = place.path().join(format!("{attempt}.mcap"));
        let recording = Recording::of(&producer, path.clone(), "--messages all");
        let begun = Instant::now();
        recording.signal(Signal::TERM);
        // Two that wait are one.
        eventually("it is delivered", || {
            (!is_pending(recording.pid(), Signal::TERM)).then_some(())
        });
        recording.signal(Signal::TERM);
        let (code, said) = recording.wait();
        // Where all this took long, somebody insisted.
        if code == Some(128 + 15) && begun.elapsed() >= INSISTS && attempt < 20 {
            continue;
        }
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(notes(&path), "");
        break;
    }
}

#[test]
fn who_insists_ends_it_where_it_is_stuck() {
    let place = Place::new();
    let producer = producer(&place);
    let recording = Recording::of(&producer, place.path().join("a.mcap"), "--messages none");
    let _consumers =
        [(); 6].map(|()| Peer::consumer(&place.socket(), "--impl reference --payload 48 --hold"));
    let file = text(&recording.path);
    let joined = || {
        let output = run(&["events", "--json", "--file", &file]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (said.matches("\"joined\"").count() == 6).then_some(said)
    };
    let said = eventually("they are recorded", joined);
    drop(recording);
    // More than is collected before it is written, to somebody who takes a page of it.
    let times = (16 << 10) / said.len() + 1;
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
    fcntl_setpipe_size(&writer, 4096).expect("a small pipe");
    let mut command = zbqtop();
    command
        .args(["events", "--json"])
        .args(["--file", &file].repeat(times));
    let mut child = command
        .stdout(writer)
        .stderr(Stdio::null())
        .spawn()
        .expect("zbqtop starts");
    drop(command);
    eventually("it writes", || {
        let there = rustix::io::ioctl_fionread(&reader).expect("a pipe");
        (there > 0).then_some(())
    });
    let begun = Instant::now();
    let status: ExitStatus = eventually("it ends", || {
        signal(&child, Signal::TERM);
        child.try_wait().expect("our child")
    });
    assert_eq!(status.code(), Some(128 + 15));
    assert!(begun.elapsed() >= INSISTS);
}

#[test]
fn what_is_ignored_stays_ignored() {
    let place = Place::new();
    let producer = producer(&place);
    let path = place.path().join("a.mcap");
    let words = format!(
        "trap '' HUP INT; exec '{}' record --pid {} --interval 100ms -o '{}'",
        env!("CARGO_BIN_EXE_zbqtop"),
        producer.pid(),
        path.display()
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &words])
        .env("XDG_CONFIG_HOME", "/dev/null");
    let mut child = command.stderr(Stdio::null()).spawn().expect("a shell");
    let captured = || -> Option<jiff::Timestamp> {
        let snapshot: Value = try_snapshot(&path)?;
        snapshot["captured_at"].as_str()?.parse().ok()
    };
    eventually("a state is recorded", captured);
    signal(&child, Signal::HUP);
    signal(&child, Signal::INT);
    let asked = jiff::Timestamp::now() + Duration::from_secs(1);
    eventually("it goes on", || {
        let ended = child.try_wait().expect("our child");
        assert_eq!(ended, None, "it has ended");
        captured().filter(|captured| *captured > asked)
    });
    signal(&child, Signal::TERM);
    let status = eventually("it ends", || child.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
    assert_eq!(notes(&path), "");
}
