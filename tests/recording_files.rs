//! The files that `record` writes: how they begin and end, whatever ends them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::program::{can, run, stderr, stdout};
use crate::support::recordings::{Recording, numbers, tail, text, try_snapshot};
use crate::support::{Peer, Place, eventually};

/// It is said of a recording that was cut off.
const NO_END: &str = "it is incomplete";

fn producer(place: &Place, arguments: &str) -> Peer {
    let common = "--impl reference --hold --consumers 0";
    Peer::producer(&place.socket(), &format!("{common} {arguments}"))
}

/// One that flows, more than fast enough to fill files.
fn flowing(place: &Place) -> Peer {
    let endless = "--rate 20000 --messages 1000000000000 --capacity 1048576";
    producer(place, endless)
}

fn files(place: &Place) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place.path()).expect("ours");
    let paths = entries.map(|entry| entry.expect("ours").path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "mcap"))
        .collect();
    files.sort();
    files
}

/// What is complained of when it is read.
fn notes(file: &Path) -> String {
    let output = run(&["snapshot", "--file", &text(file)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stderr(&output)
}

#[test]
fn an_asked_for_end_leaves_a_whole_file_for_its_owner() {
    let place = Place::new();
    let mut producer = producer(&place, "").settled();
    for signal in [Signal::TERM, Signal::INT] {
        let path = place.path().join(format!("{signal:?}.mcap"));
        let recording = Recording::of(&producer, path.clone(), "--messages all");
        producer.ask("send 20", "done");
        let (code, said) = recording.end(signal);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("recorded in"), "{said}");
        assert_eq!(notes(&path), "");
        let mode = std::fs::metadata(&path).expect("there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        // What was committed when the end was asked for is in it, or is said to have come later.
        assert!(try_snapshot(&path).is_some());
    }
}

#[test]
fn a_killed_recorder_leaves_what_could_be_read_already() {
    let place = Place::new();
    let mut producer = producer(&place, "--capacity 1048576").settled();
    let path = place.path().join("a.mcap");
    let file = text(&path);
    let recording = Recording::of(&producer, path.clone(), "--messages all");
    producer.ask("send 2000", "done");
    let all = ["--file", &file, "--from", "oldest"];
    eventually("they are in the file while it is being written", || {
        (numbers(&tail(&all)).len() == 2000).then_some(())
    });
    producer.ask("send 10", "done");
    let (code, _) = recording.end(Signal::KILL);
    assert_eq!(code, None);
    let left = numbers(&tail(&all));
    assert!(left.len() >= 2000, "{}", left.len());
    assert_eq!(left, (1..=left.len() as u64).collect::<Vec<_>>());
    let said = notes(&path);
    assert!(said.contains(NO_END), "{said}");
}

#[test]
fn the_end_of_the_ring_ends_the_file() {
    let place = Place::new();
    let mut producer = producer(&place, "").settled();
    let recording = Recording::of(&producer, place.path().join("a.mcap"), "--messages all");
    producer.ask("send 30", "done");
    producer.kill();
    let path = recording.path.clone();
    let (code, said) = recording.wait();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(notes(&path), "");
    let lines = tail(&["--file", &text(&path), "--from", "oldest"]);
    assert_eq!(numbers(&lines), (1..=30).collect::<Vec<_>>());
    let ring = &try_snapshot(&path).expect("a state")["rings"][0];
    assert_eq!(ring["state"], "producer_gone");
}

#[test]
fn a_file_that_is_there_is_left_alone() {
    let place = Place::new();
    let producer = producer(&place, "").settled();
    let path = place.path().join("mine.mcap");
    std::fs::write(&path, "mine").expect("ours");
    let pid = producer.pid().to_string();
    let (code, said) = Recording::start(&["--pid", &pid], path.clone(), "").wait();
    assert_eq!(code, Some(1));
    assert!(
        said.contains("mine.mcap already exists"),
        "it is named: {said}"
    );
    assert_eq!(std::fs::read(&path).expect("ours"), b"mine");
}

/// Runs `record` where a file may have at most so many blocks.
fn limited(place: &Place, producer: &Peer, blocks: u32) -> std::process::Output {
    let words = format!(
        "trap '' XFSZ; ulimit -f {blocks}; exec '{}' record --pid {} --messages all -o full.mcap",
        env!("CARGO_BIN_EXE_zbqtop"),
        producer.pid()
    );
    Command::new("sh")
        .args(["-c", &words])
        .current_dir(place.path())
        .output()
        .expect("a shell")
}

#[test]
fn where_there_is_no_room_it_ends_with_an_error_and_a_readable_file() {
    let place = Place::new();
    let producer = flowing(&place);
    let output = limited(&place, &producer, 6000);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("full.mcap: ") && said.contains("can be read"),
        "{said}"
    );
    let path = place.path().join("full.mcap");
    assert!(notes(&path).contains(NO_END));
    let lines = tail(&["--file", &text(&path), "--from", "oldest"]);
    let recorded = numbers(&lines);
    assert!(recorded.len() > 10);
    assert!(recorded.is_sorted());

    // Not even for its beginning: no file is left that is none.
    std::fs::remove_file(&path).expect("ours");
    let output = limited(&place, &producer, 0);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("full.mcap: "), "{said}");
    assert!(!path.exists());
}

/// Runs `record` onto a disk of its own with 3 MiB, and takes what is there from it.
fn on_small_disk(place: &Place, producer: &Peer) -> std::process::Output {
    let words = format!(
        "mkdir disk && mount -t tmpfs -o size=3m none disk && cd disk || exit 99
         '{}' record --pid {} --messages all -o full.mcap; code=$?; cp full.mcap ..; exit $code",
        env!("CARGO_BIN_EXE_zbqtop"),
        producer.pid()
    );
    Command::new("unshare")
        .args(["--mount", "sh", "-c", &words])
        .current_dir(place.path())
        .output()
        .expect("unshare starts")
}

#[test]
fn a_disk_that_is_full_ends_it_with_an_error_and_a_readable_file() {
    if !can("unshare", &["--mount"]) {
        return;
    }
    let place = Place::new();
    let producer = flowing(&place);
    let output = on_small_disk(&place, &producer);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("full.mcap: ") && said.contains("can be read") && said.contains("No space"),
        "{said}"
    );
    let path = place.path().join("full.mcap");
    assert!(notes(&path).contains(NO_END));
    let lines = tail(&["--file", &text(&path), "--from", "oldest"]);
    assert!(numbers(&lines).len() > 10);
}

#[test]
fn a_limit_ends_the_recording_or_with_keep_the_file() {
    let place = Place::new();
    let producer = flowing(&place);
    let pid = producer.pid().to_string();
    let target = ["--pid", &pid];
    for (limit, words) in [
        ("--max-size 1MiB", "1.0 MiB is reached"),
        ("--max-time 300ms", "300 ms is reached"),
    ] {
        let path = place.path().join("one.mcap");
        let arguments = format!("--messages all {limit}");
        let (code, said) = Recording::start(&target, path.clone(), &arguments).wait();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(words), "{said}");
        assert_eq!(notes(&path), "", "{limit}");
        std::fs::remove_file(path).expect("ours");
    }
    let path = place.path().join("some.mcap");
    for limits in ["--keep 2", "--keep 0 --max-time 1s"] {
        let (code, said) = Recording::start(&target, path.clone(), limits).wait();
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("--keep"), "{said}");
    }
    // It begins after the last of an earlier one, whose files count.
    let of_an_earlier_one = place.path().join("some-0002.mcap");
    std::fs::write(&of_an_earlier_one, "earlier").expect("ours");
    let mine = place.path().join("some-2.mcap");
    std::fs::write(&mine, "mine").expect("ours");
    let recording = Recording::start(&target, path, "--messages all --max-time 150ms --keep 2");
    let fifth = place.path().join("some-0005.mcap");
    eventually("the fifth file", || fifth.exists().then_some(()));
    let (code, said) = recording.end(Signal::TERM);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(std::fs::read(&mine).expect("ours"), b"mine");
    std::fs::remove_file(mine).expect("ours");
    assert!(!place.path().join("some-0001.mcap").exists());
    let kept = files(&place);
    assert_eq!(kept.len(), 2, "{kept:?}");
    let mut last = 0;
    for path in &kept {
        assert_eq!(notes(path), "");
        // Each begins with a state, so that it can be understood alone.
        let at_begin = run(&["snapshot", "--json", "--file", &text(path), "--at", "+0s"]);
        let report: Value = serde_json::from_slice(&at_begin.stdout).expect("JSON");
        assert!(report["rings"][0]["control"]["producer_head"].is_u64());
        let lines = tail(&["--file", &text(path), "--from", "oldest"]);
        let recorded = numbers(&lines);
        assert!(recorded.first() > Some(&last), "each message once");
        last = *recorded.last().expect("messages");
    }
}

/// How often a thread of that name has given up the processor, so far; `None`: there is none.
fn rests(child: u32, name: &str) -> Option<u64> {
    let tasks = std::fs::read_dir(format!("/proc/{child}/task")).ok()?;
    let mut statuses = tasks.filter_map(|task| {
        let path = task.ok()?.path();
        let is_it = std::fs::read_to_string(path.join("comm")).ok()?.trim() == name;
        is_it.then(|| std::fs::read_to_string(path.join("status")).ok())?
    });
    let status = statuses.next()?;
    let mut lines = status.lines();
    let rests = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    rests.trim().parse().ok()
}

#[test]
fn only_what_happens_around_a_finding_is_written() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --rate 2000 --payload 48 --messages 1000000000000 --stall-timeout 600000",
    );
    let consumer = Peer::consumer(
        &place.socket(),
        "--impl reference --payload 48 --messages 1000000000000",
    );
    let pid = producer.pid().to_string();
    let mut command = crate::support::program::zbqtop();
    command.args(["record", "--pid", &pid, "--interval", "50ms", "-o"]);
    command.arg(place.path().join("a.mcap"));
    command.args([
        "--on-finding",
        "warning",
        "--before",
        "10m",
        "--after",
        "200ms",
    ]);
    let mut recorder: Child = command
        .stderr(Stdio::null())
        .spawn()
        .expect("zbqtop starts");
    // It has looked at the ring often.
    eventually("it has looked", || {
        rests(recorder.id(), "recorder").filter(|rests| *rests > 30)
    });
    assert_eq!(files(&place), [] as [PathBuf; 0]);
    let first = place.path().join("a-0001.mcap");
    consumer.signal(Signal::STOP);
    eventually("a finding is recorded", || try_snapshot(&first));
    consumer.signal(Signal::CONT);
    eventually("it is over, and the file complete", || {
        notes(&first).is_empty().then_some(())
    });
    let recorder_pid = rustix::process::Pid::from_child(&recorder);
    rustix::process::kill_process(recorder_pid, Signal::TERM).expect("our child");
    let status = eventually("it ends", || recorder.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
    let at = |moment: &str| -> Value {
        let words = [
            "snapshot",
            "--json",
            "--file",
            &text(&first),
            "--at",
            moment,
        ];
        let report: Value = serde_json::from_str(&stdout(&words)).expect("JSON");
        report["rings"][0].clone()
    };
    // What was before is there, and what it was all about.
    assert_eq!(at("+0s")["health"], "ok");
    assert_ne!(at("finding")["findings"], serde_json::json!([]));
    assert_eq!(at("-0s")["health"], "ok");
}

#[test]
fn rings_that_appear_later_are_recorded_too() {
    let place = Place::new();
    let path = place.path().join("all.mcap");
    let recording = Recording::start(&["--all"], path, "--messages none");
    let file = text(&recording.path);
    eventually("a file", || recording.path.exists().then_some(()));
    let producer = producer(&place, "").settled();
    eventually("the ring is in it", || {
        let output = run(&["ls", "--json", "--file", &file]);
        let listing: Value = serde_json::from_slice(&output.stdout).ok()?;
        let rings = listing["rings"].as_array()?;
        let ours = rings.iter().find(|ring| ring["pid"] == producer.pid());
        ours.map(|_| ())
    });
    let (code, said) = recording.end(Signal::TERM);
    assert_eq!(code, Some(0), "{said}");
}
