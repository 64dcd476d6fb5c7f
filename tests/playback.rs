//! The dashboard on recordings, in a real pseudo-terminal: of real rings, from a file and as it comes.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::screen::assert_given_back;
use crate::support::program::{stdout, zbqtop};
use crate::support::pty::Terminal;
use crate::support::{Peer, Place};

fn end(mut child: Child) {
    let id = Pid::from_child(&child);
    kill_process(id, Signal::TERM).expect("our child");
    assert!(child.wait().expect("it ends").success());
}

/// Waits until a file has something in it.
fn begun(path: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::fs::metadata(path).map_or(0, |file| file.len()) < 20_000 {
        assert!(Instant::now() < deadline, "nothing was recorded");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The line under the title.
fn strip(text: &str) -> &str {
    text.lines().nth(1).unwrap_or_default()
}

#[test]
fn a_recording_is_played_and_gone_through() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 1 --payload 48 --rate 500",
    );
    let _consumer = Peer::consumer(&place.socket(), "--impl reference --hold");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ring.mcap");
    let mut command = zbqtop();
    command
        .args([
            "record",
            "--messages",
            "all",
            "--interval",
            "100ms",
            "--pid",
        ])
        .arg(producer.pid().to_string())
        .arg("-o")
        .arg(&path)
        .stderr(Stdio::null());
    let recorder = command.spawn().expect("zbqtop starts");
    begun(&path);
    producer.tell("send 1000");
    std::thread::sleep(Duration::from_millis(2500));
    end(recorder);
    drop(producer);

    let mut command = zbqtop();
    command.arg("--file").arg(&path);
    let mut terminal = Terminal::start(&mut command, 30, 120);
    // The footer is the last that is drawn.
    terminal.wait("its end, all of it", |text| {
        text.contains("file+slots")
            && strip(text).contains("paused")
            && text.contains("zzzz")
            && text.contains("Space play")
    });
    // The beginning: nothing had been sent.
    terminal.keys("t+0s\r");
    let begin = terminal.wait("its beginning", |text| {
        strip(text).contains("+0.0 s") && !text.contains("zzzz")
    });
    terminal.keys(".");
    let step = terminal.wait("the next sample", |text| strip(text) != strip(&begin));
    terminal.keys(".");
    let next = terminal.wait("another one", |text| strip(text) != strip(&step));
    terminal.keys(",");
    terminal.wait("the one before", |text| strip(text) != strip(&next));
    terminal.keys("ppp ");
    terminal.wait("that it plays", |text| strip(text).contains("10 x"));
    terminal.wait("the end again", |text| {
        strip(text).contains("paused") && text.contains("zzzz")
    });
    terminal.keys("tnonsense\r");
    terminal.wait("what is wrong", |text| text.contains("expected a time"));
    terminal.keys("\x1b");
    terminal.wait("the keys", |text| text.contains("Space play"));
    terminal.keys("q");
    assert!(terminal.ended().success());
    assert_given_back(&terminal);
}

#[test]
fn what_comes_in_a_pipe_is_shown_as_it_comes() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48 --rate 500",
    );
    let program = zbqtop();
    let program = program.get_program().to_str().expect("text").to_owned();
    let pid = producer.pid();
    let line = format!(
        "'{program}' record --pid {pid} -o - --messages all --interval 200ms 2>/dev/null | '{program}' --file -"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]);
    let mut terminal = Terminal::start(&mut command, 30, 120);
    terminal.wait("what is now", |text| strip(text).contains("live"));
    producer.tell("send 100000");
    terminal.wait("what is sent", |text| {
        text.contains("zzzz") && text.contains("flowing")
    });
    // It stands still when it is told to, and catches up.
    terminal.keys(" ");
    let paused = terminal.wait("a pause", |text| strip(text).contains("paused"));
    let shown = |text: &str| strip(text).split_whitespace().nth(1).map(str::to_owned);
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(shown(&terminal.text()), shown(&paused));
    terminal.keys("\x1b[F");
    terminal.wait("what is now", |text| {
        strip(text).contains("live") && shown(text) != shown(&paused)
    });
    terminal.keys("q");
    assert!(terminal.ended().success());
}

#[test]
fn a_ring_is_dumped_and_recorded_from_the_dashboard() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48 --rate 500",
    );
    producer.tell("send 100000");
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = zbqtop();
    command
        .args(["--pid", &producer.pid().to_string()])
        .current_dir(folder.path());
    let mut terminal = Terminal::start(&mut command, 30, 120);
    terminal.wait("the dashboard", |text| text.contains("flowing"));
    terminal.keys("R");
    terminal.wait("that it records", |text| text.contains("REC "));
    terminal.keys("d");
    terminal.wait("a dump", |text| {
        text.contains("-dump.mcap") && !text.contains("dumping the ring")
    });
    terminal.keys("R");
    terminal.wait("the end of it", |text| {
        text.contains("-recording.mcap") && !text.contains("REC ")
    });
    terminal.keys("q");
    assert!(terminal.ended().success());
    let mut kinds = Vec::new();
    for entry in folder.path().read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        let path = path.to_str().expect("text");
        let listed = stdout(&["ls", "--json", "--file", path]);
        assert!(
            listed.contains(&format!("\"pid\": {}", producer.pid())),
            "{listed}"
        );
        kinds.push(path.rsplit('-').next().map(str::to_owned));
    }
    kinds.sort();
    let expected = ["dump.mcap", "recording.mcap"].map(|kind| Some(kind.to_owned()));
    assert_eq!(kinds, expected);
}
