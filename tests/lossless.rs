//! `tail --lossless`: a true consumer that misses nothing, says what it lost when it was evicted, and holds nothing
//! up once it is gone.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::program::{ring, ring_when, run, stderr, zbqtop};
use crate::support::{Peer, Place, contents, eventually, example, number};

fn lossless(place: &Place, arguments: &str) -> Child {
    let mut command = zbqtop();
    command
        .args(["tail", "--lossless", "--socket"])
        .arg(place.socket())
        .args(arguments.split_whitespace());
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("zbqtop starts")
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("our child");
}

/// Waits for its end, and returns what it said on stderr.
fn end(mut child: Child) -> String {
    let status = eventually("tail ends", || child.try_wait().expect("our child"));
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut said)
        .expect("text");
    assert_eq!(status.code(), Some(0), "{said}");
    said
}

#[test]
fn every_byte_of_many_laps_arrives() {
    const MESSAGES: u64 = 200_000;
    for (implementation, mode, stream) in [
        ("reference", "push", ""),
        ("reference", "pull", "--stream"),
        ("zbqtop", "push", "--stream"),
        ("zbqtop", "pull", ""),
    ] {
        let place = Place::new();
        let mut producer = Peer::producer(
            &place.socket(),
            &format!(
                "--impl {implementation} --mode {mode} {stream} --seed 5 --consumers 1 --hold --stall-timeout 600000"
            ),
        );
        let mut child = lossless(&place, "--format json");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        producer = producer.settled();
        producer.tell(&format!("send {MESSAGES}"));
        let mut next = 1;
        for line in lines {
            let message: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
            if message["flags"] == 0x80 {
                continue;
            }
            assert_eq!(message["seq_id"], next, "{message}");
            assert_eq!(message["integrity"], "intact");
            if next % 1000 == 1 {
                let expected = contents(5, 300, next);
                assert_eq!(message["payload_len"], expected.len());
                if let Some(text) = message["text"].as_str() {
                    assert_eq!(text.as_bytes(), expected);
                }
            }
            next += 1;
            if next > MESSAGES {
                break;
            }
        }
        producer.expect("done");
        // The reader of its output has gone: it parks and ends quietly.
        end(child);
        let ring = ring(producer.pid());
        assert_eq!(
            ring["consumers"][0]["tail_offset"],
            u64::MAX,
            "{implementation} {mode}"
        );
    }
}

#[test]
fn raw_is_exactly_what_was_sent() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --seed 9 --consumers 1 --hold --capacity 1048576",
    );
    let mut child = lossless(&place, "--format raw");
    producer = producer.settled();
    // Less than a lap: no message that only fills it.
    producer.ask("send 5000", "done");
    let expected: Vec<u8> = (1..=5000)
        .flat_map(|seq_id| contents(9, 300, seq_id))
        .collect();
    let mut found = vec![0; expected.len()];
    let mut output = child.stdout.take().expect("piped");
    output.read_exact(&mut found).expect("all of it");
    assert!(found == expected);
    producer.kill();
    let said = end(child);
    assert!(
        said.contains("holds ring space") && said.contains("the producer has ended"),
        "{said}"
    );
    assert!(said.contains("5000 messages"), "{said}");
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).expect("the rest");
    assert!(rest.is_empty());
}

#[test]
fn a_file_gets_exactly_what_was_sent_straight_from_the_ring() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --seed 9 --consumers 1 --hold --capacity 1048576",
    );
    let path = place.path().join("raw");
    let file = std::fs::File::create(&path).expect("room for a file");
    let mut command = zbqtop();
    command
        .args(["tail", "--lossless", "--format", "raw", "--socket"])
        .arg(place.socket());
    let child = command.stdout(file).stderr(Stdio::piped()).spawn();
    let child = child.expect("zbqtop starts");
    producer = producer.settled();
    let mut expected = Vec::new();
    for (asked, sent) in [("send 1", 1..=1), ("send 4999", 2..=5000)] {
        producer.ask(asked, "done");
        expected.extend(sent.flat_map(|seq_id| contents(9, 300, seq_id)));
        eventually("all of it is there", || {
            let written = std::fs::metadata(&path).expect("just made").len();
            (written == expected.len() as u64).then_some(())
        });
    }
    assert!(std::fs::read(&path).expect("it is there") == expected);
    producer.kill();
    let said = end(child);
    assert!(said.contains("5000 messages"), "{said}");
}

#[test]
fn what_was_lost_by_an_eviction_is_said() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --payload 48 --consumers 1 --hold --stall-timeout 200",
    );
    let mut child = lossless(&place, "--format json");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("more").expect("text")).expect("JSON")
    };
    producer = producer.settled();
    producer.ask("send 10", "done");
    for _ in 0..10 {
        assert_eq!(next()["payload_len"], 48);
    }
    signal(&child, Signal::STOP);
    // Two laps: the producer has to evict it to get on.
    producer.ask("send 2000", "done");
    signal(&child, Signal::CONT);
    let gap = next();
    assert_eq!(gap["from"], 640);
    assert_eq!(gap["to"], 2010 * 64);
    assert_eq!(gap["why"], "evicted by the producer");
    producer.ask("send 1", "done");
    assert_eq!(next()["offset"], 2010 * 64);
    signal(&child, Signal::TERM);
    let said = end(child);
    assert!(
        said.contains("joining again") && said.contains("in 1 gap"),
        "{said}"
    );
}

#[test]
fn it_parks_before_it_goes() {
    for ending in [Signal::INT, Signal::TERM, Signal::HUP] {
        let place = Place::new();
        let mut producer = Peer::producer(
            &place.socket(),
            "--impl reference --payload 48 --consumers 1 --hold --stall-timeout 600000",
        );
        let child = lossless(&place, "--format raw");
        producer = producer.settled();
        // Nobody reads its output: far more than a pipe holds, so that it is stuck in the middle of writing.
        producer.tell("send 4000");
        ring_when("a full ring", producer.pid(), |ring| {
            ring["free_bytes"] == 0
        });
        signal(&child, ending);
        end(child);
        // Parked, it holds nothing up: the producer gets on without a scan.
        producer.expect("done");
        let after = ring(producer.pid());
        assert_eq!(after["control"]["producer_head"], 4000 * 64);
        producer.ask("scan", "scanned");
        assert_eq!(
            ring(producer.pid())["consumers"].as_array().map(Vec::len),
            Some(0)
        );
    }
}

#[test]
fn it_parks_when_it_panics() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --payload 48 --consumers 1 --hold --stall-timeout 600000 --clog-threshold 1000000000",
    );
    let mut child = Command::new(example("panicking"))
        .args(["tail", "--lossless", "--socket"])
        .arg(place.socket())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    producer = producer.settled();
    producer.ask("send 1", "done");
    let status = eventually("it panics", || child.try_wait().expect("our child"));
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("piped");
    stderr.read_to_string(&mut said).expect("text");
    assert_eq!(status.code(), Some(101), "{said}");
    assert!(said.contains("are too many"), "{said}");
    let consumer = &ring(producer.pid())["consumers"][0];
    assert_eq!(consumer["tail_offset"], u64::MAX, "{consumer}");
    // It is gone without a word, and yet many laps pass it by before any scan.
    let sent = producer.ask("send 20000", "done");
    assert_eq!(number(&sent, "refused"), 0);
}

#[test]
fn descriptors_are_described_and_let_go() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --consumers 1 --hold --fds 3 --fds-every 2 --capacity 1048576",
    );
    let mut child = lossless(&place, "--format json --fds");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("more").expect("text")).expect("JSON")
    };
    producer = producer.settled();
    let descriptors = |pid: u32| {
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .expect("it lives")
            .count()
    };
    // The first message has none, and once it is here joining is over: what that took is closed.
    producer.ask("send 1", "done");
    assert_eq!(next()["seq_id"], 1);
    let before = descriptors(child.id());
    producer.ask("send 499", "done");
    for seq_id in 2..=500_u64 {
        let message = next();
        assert_eq!(message["seq_id"], seq_id);
        let fds = message["fds"].as_array().expect("an array");
        assert_eq!(fds.len(), if seq_id % 2 == 0 { 3 } else { 0 });
        for fd in fds {
            assert_eq!(fd["kind"], "file");
            assert!(
                fd["path"]
                    .as_str()
                    .is_some_and(|path| path.starts_with("/memfd:peer")),
                "{fd}"
            );
            assert_eq!(fd["access"], "read-write");
            assert!(fd["size"].as_u64().is_some_and(|size| size > 0));
        }
    }
    eventually("nothing is kept", || {
        (descriptors(child.id()) == before).then_some(())
    });
    signal(&child, Signal::TERM);
    end(child);
}

#[test]
fn a_ring_that_cannot_be_joined_is_told_why() {
    let place = Place::new();
    let path = place.socket();
    let path = path.to_str().expect("text");
    let _full = Peer::producer(
        &place.socket(),
        "--impl reference --consumers 1 --hold --max-consumers 1",
    );
    let _only = Peer::consumer(&place.socket(), "--impl reference --hold");
    let output = run(&["tail", "--lossless", "--socket", path]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(path) && said.contains("without an answer"),
        "{said}"
    );
    for wrong in [
        &["tail", "--lossless"][..],
        // What holds ring space has to join: it is not left out in silence.
        &["tail", "--lossless", "--pid", "1"],
        &["tail", "--fds", "--pid", "1"],
        &["tail", "--join", "--pid", "1"],
    ] {
        assert_eq!(run(wrong).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(
        run(&["tail", "--lossless", "--socket", path, "-n", "3"])
            .status
            .code(),
        Some(2)
    );
}
