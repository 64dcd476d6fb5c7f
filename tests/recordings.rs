//! `record` of live rings of the reference: what comes out of a recording is what went into the ring.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::program::{run, stderr, zbqtop};
use crate::support::recordings::{Recording, lines, numbers, tail, text, try_snapshot};
use crate::support::{Peer, Place, contents, eventually};

/// A producer that sends when it is told to.
fn producer(place: &Place, arguments: &str) -> Peer {
    let common = "--impl reference --hold --consumers 0";
    Peer::producer(&place.socket(), &format!("{common} {arguments}")).settled()
}

/// What `producer` with this seed sends.
fn sent(seed: u64, numbers: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    numbers
        .flat_map(|seq_id| contents(seed, 300, seq_id))
        .collect()
}

/// What `tail --format raw` prints of the messages that the producer sent, without those that fill laps.
fn raw(file: &str) -> Vec<u8> {
    let arguments = ["--from", "oldest", "--format", "raw", "--seq", "1.."];
    let output = run(&[&["tail", "--file", file][..], &arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    output.stdout
}

#[test]
fn every_message_is_recorded_once_and_in_order_over_laps() {
    let place = Place::new();
    let mut producer = producer(&place, "--seed 5 --capacity 1048576");
    let recording = Recording::of(&producer, place.path().join("a.mcap"), "--messages all");
    let file = text(&recording.path);
    // Half a ring at a time, so that a machine which stops us for long makes no gap.
    let mut last = 0;
    for _ in 0..4 {
        producer.ask("send 3000", "done");
        last += 3000;
        let newest = ["--file", &file, "-n", "1", "--seq", "1.."];
        eventually("they are in the file", || {
            let output = run(&[&["tail", "--format", "json"][..], &newest].concat());
            let lines = lines(&String::from_utf8(output.stdout).expect("text"));
            (numbers(&lines) == [last]).then_some(())
        });
    }
    let file = text(&recording.finish());
    let lines = tail(&["--file", &file, "--from", "oldest"]);
    assert_eq!(numbers(&lines), (1..=last).collect::<Vec<_>>());
    let mut offset = 0;
    for line in &lines {
        let at = line["observed_at"].as_str().expect("when it was seen");
        assert!(at.parse::<jiff::Timestamp>().is_ok(), "{line}");
        let uncertainty = &line["uncertainty_ns"];
        assert!(uncertainty.is_number() || uncertainty.is_null(), "{line}");
        assert_eq!(line["offset"], offset, "{line}");
        offset += 16 + line["payload_len"].as_u64().expect("a length");
    }
    assert!(offset > 1 << 20, "it has lapped");
    let ring = &try_snapshot(file.as_ref()).expect("a state")["rings"][0];
    assert_eq!(ring["control"]["producer_head"], offset);
    assert_eq!(raw(&file), sent(5, 1..=last));
    let tenth = tail(&["--file", &file, "--from", "oldest", "-c", "10"]);
    assert_eq!(tenth, lines[..10]);
}

#[test]
fn what_overran_the_recorder_is_counted() {
    let place = Place::new();
    let mut producer = producer(&place, "--payload 48");
    let recording = Recording::of(&producer, place.path().join("a.mcap"), "--messages all");
    recording.signal(Signal::STOP);
    // Five laps of a 64 KiB ring.
    producer.ask("send 5200", "done");
    recording.signal(Signal::CONT);
    let file = text(&recording.path);
    let lines = eventually("all of it is recorded", || {
        let lines = tail(&["--file", &file, "--from", "oldest"]);
        let last = lines.last().and_then(|line| line["seq_id"].as_u64());
        (last == Some(5200)).then_some(lines)
    });
    let mut next = 0;
    let mut gaps = 0;
    for line in &lines {
        match line["offset"].as_u64() {
            Some(offset) => {
                assert_eq!(offset, next, "{line}");
                next += 64;
            }
            None => {
                assert_eq!(line["from"], next, "{line}");
                let to = line["to"].as_u64().expect("an end");
                assert_eq!(line["skipped_bytes"], to - next);
                let why = line["why"].as_str().expect("text");
                assert!(why.contains("overran"), "{why}");
                next = to;
                gaps += 1;
            }
        }
    }
    assert_eq!((next, gaps), (5200 * 64, 1));
    let (code, said) = recording.end(Signal::INT);
    assert_eq!(code, Some(0));
    assert!(said.contains("skipped"), "{said}");
}

#[test]
fn none_are_recorded_or_some_as_was_asked_for() {
    let place = Place::new();
    let mut producer = producer(&place, "--payload 48 --capacity 1048576");
    let path = place.path().join("none.mcap");
    let recording = Recording::of(&producer, path, "--messages none");
    producer.ask("send 10", "done");
    eventually("a later state", || {
        let snapshot = try_snapshot(&recording.path)?;
        (snapshot["rings"][0]["control"]["producer_head"] == 640).then_some(())
    });
    let file = text(&recording.finish());
    let output = run(&["tail", "--file", &file]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("has no messages of it"), "{said}");

    // Five at each look, and how many were left out.
    let path = place.path().join("some.mcap");
    let recording = Recording::of(&producer, path, "--messages 50");
    producer.ask("send 500", "done");
    let file = text(&recording.path);
    let lines = eventually("the last of them", || {
        let lines = tail(&["--file", &file, "--from", "oldest"]);
        (numbers(&lines).last() == Some(&510)).then_some(lines)
    });
    let (mut next, mut recorded) = (0, 0);
    for line in &lines {
        next = match line["offset"].as_u64() {
            Some(offset) => {
                assert!(next == 0 || offset == next, "{line} after {next}");
                recorded += 1;
                offset + 64
            }
            None => {
                assert!(next == 0 || line["from"] == next, "{line} after {next}");
                line["to"].as_u64().expect("an end")
            }
        };
    }
    assert_eq!(next, 510 * 64);
    let looks = lines.iter().filter(|line| line["offset"].is_null()).count() + 1;
    assert!(recorded <= 5 * (looks + 1), "{recorded} of {looks} looks");
}

/// Two programs with a pipe from one to the other.
fn piped(producer: &Peer, record: &str, reader: &str) -> (Child, Child) {
    let pid = producer.pid().to_string();
    let mut first = zbqtop()
        .args(["record", "--pid", &pid, "-o", "-", "--interval", "100ms"])
        .args(record.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    let mut command: Command = zbqtop();
    let second = command
        .args(reader.split_whitespace())
        .stdin(first.stdout.take().expect("piped"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    (first, second)
}

fn ended(mut child: Child) -> (Option<i32>, String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_string(&mut out).expect("text");
    }
    let mut pipe = child.stderr.take().expect("piped");
    pipe.read_to_string(&mut err).expect("text");
    let status = eventually("it ends", || child.try_wait().expect("our child"));
    (status.code(), out, err)
}

fn signal(child: &Child, signal: Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal)
        .expect("our child");
}

#[test]
fn a_stream_is_followed_while_it_comes_and_ends_quietly() {
    let place = Place::new();
    let mut producer = producer(&place, "--seed 9");
    let reader = "tail --file - -f --from oldest --format json";
    let (recorder, mut reader) = piped(&producer, "--messages all", reader);
    let pipe = reader.stdout.take().expect("piped");
    // It reads the ring from some time on: messages are sent until one comes through.
    let (send, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let line: Value = serde_json::from_str(&line).expect("JSON");
            if send.send(line).is_err() {
                // Nobody reads any more.
                break;
            }
        }
    });
    let first = eventually("the first message", || {
        producer.ask("send 1", "done");
        heard.try_iter().find_map(|line| line["seq_id"].as_u64())
    });
    producer.ask("send 200", "done");
    let mut before = first;
    while before < first + 200 {
        let line = heard.recv_timeout(crate::support::PATIENCE).expect("more");
        if line["flags"] != 0x80 {
            assert_eq!(line["seq_id"], before + 1, "{line}");
            before += 1;
        }
    }
    // The reader goes: the recorder has nobody left to write to.
    signal(&reader, Signal::TERM);
    drop(heard);
    let status = eventually("tail ends", || reader.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
    drop(reader);
    let (code, _, said) = ended(recorder);
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

#[test]
fn a_stream_is_shown_when_it_has_ended() {
    let place = Place::new();
    let mut producer = producer(&place, "--payload 48");
    producer.ask("send 7", "done");
    let (recorder, reader) = piped(
        &producer,
        "--messages none --max-time 300ms",
        "snapshot --json --file -",
    );
    let (code, _, said) = ended(recorder);
    assert_eq!(code, Some(0), "{said}");
    let (code, shown, said) = ended(reader);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let report: Value = serde_json::from_str(&shown).expect("JSON");
    let ring = &report["rings"][0];
    assert_eq!(ring["control"]["producer_head"], 7 * 64);
    assert_eq!(ring["attach"]["method"], "file");
}
