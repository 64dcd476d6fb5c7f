//! `tail` on live rings of the reference: exact bytes, in order, and nothing passed over in silence.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::program::{run, stderr, stdout, zbqtop};
use crate::support::{Peer, Place, eventually};

/// Starts `tail` with its output piped.
fn tail(producer: &Peer, arguments: &str) -> Child {
    let pid = producer.pid().to_string();
    let mut command = zbqtop();
    command
        .arg("tail")
        .args(["--pid", &pid])
        .args(arguments.split_whitespace());
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("zbqtop starts")
}

/// Tells a child to end, and returns what it still says on stderr.
fn end(mut child: Child) -> String {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("our child");
    let status = eventually("tail ends", || child.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut said)
        .expect("text");
    said
}

#[test]
fn the_last_messages_are_the_ones_that_were_sent() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --max-payload 500 --seed 7",
    )
    .settled();
    producer.ask("send 100", "done");
    let pid = producer.pid().to_string();
    let lines = stdout(&["tail", "--pid", &pid, "-n", "100", "--format", "json"]);
    let messages: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(messages.len(), 100);
    let mut offset = 0;
    for (message, seq_id) in messages.iter().zip(1..) {
        assert_eq!(message["seq_id"], seq_id);
        assert_eq!(message["offset"], offset);
        assert!(message["integrity"] == "intact" || message["integrity"] == "likely");
        let payload = crate::support::contents(7, 500, seq_id);
        assert_eq!(message["payload_len"], payload.len());
        offset += 16 + payload.len();
        match (&message["text"], &message["base64"]) {
            (Value::String(text), Value::Null) => assert_eq!(text.as_bytes(), payload),
            (Value::Null, Value::String(_)) => assert!(std::str::from_utf8(&payload).is_err()),
            other => panic!("text or base64: {other:?}"),
        }
    }
    // raw is the bytes and nothing else.
    let output = run(&["tail", "--pid", &pid, "-n", "40", "--format", "raw"]);
    let expected: Vec<u8> = (61..=100)
        .flat_map(|seq_id| crate::support::contents(7, 500, seq_id))
        .collect();
    assert_eq!(output.stdout, expected);
    assert!(
        stderr(&output).contains("40 messages"),
        "{}",
        stderr(&output)
    );
    let hex = stdout(&["tail", "--pid", &pid, "-n", "1"]);
    assert!(
        hex.starts_with("-- offset ") && hex.contains(" seq 100 ") && hex.contains("00000000  "),
        "{hex}"
    );
}

#[test]
fn following_gives_every_message_over_many_laps() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --seed 3 --capacity 262144",
    )
    .settled();
    producer.ask("send 1", "done");
    let mut child = tail(&producer, "-f -n 1 --format json");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    // Half a ring at a time, so that a machine which stops us for long makes no gap.
    let (mut next, mut sent) = (1, 1);
    for line in lines {
        let message: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
        if message["flags"] == 0x80 {
            continue;
        }
        assert_eq!(message["seq_id"], next, "{message}");
        let expected = crate::support::contents(3, 300, next);
        assert_eq!(message["payload_len"], expected.len());
        next += 1;
        if next > sent {
            if sent > 10_000 {
                break;
            }
            producer.ask("send 800", "done");
            sent += 800;
        }
    }
    assert_eq!(next, 10_402);
    drop(child.stdout.take());
    let status = eventually("tail ends", || child.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
}

#[test]
fn what_was_overrun_is_counted_and_said() {
    use rustix::process::{Pid, Signal, kill_process};
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48",
    )
    .settled();
    producer.ask("send 10", "done");
    let mut child = tail(&producer, "-f -n 10 --format json");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("more").expect("text")).expect("JSON")
    };
    for _ in 0..10 {
        assert_eq!(next()["payload_len"], 48);
    }
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::STOP).expect("our child");
    // Five laps of a 64 KiB ring.
    producer.ask("send 5000", "done");
    kill_process(pid, Signal::CONT).expect("our child");
    let gap = next();
    // To where head's lap starts.
    let lap_start = 4 * 65_536;
    assert_eq!(gap["from"], 640);
    assert_eq!(gap["to"], lap_start);
    assert_eq!(gap["skipped_bytes"], lap_start - 640);
    assert!(
        gap["why"]
            .as_str()
            .is_some_and(|why| why.contains("overran")),
        "{gap}"
    );
    for offset in (lap_start..5010 * 64).step_by(64) {
        assert_eq!(next()["offset"], offset);
    }
    producer.ask("send 1", "done");
    assert_eq!(next()["offset"], 5010 * 64);
    let said = end(child);
    assert!(
        said.contains("925 messages") && said.contains("in 1 gap"),
        "{said}"
    );
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48",
    )
    .settled();
    producer.ask("send 10", "done");
    for arguments in ["-f", "-n 10"] {
        let mut child = tail(&producer, arguments);
        let mut first = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        output.read_line(&mut first).expect("text");
        drop(output);
        // No message comes: it notices all the same.
        let status = eventually("tail ends", || child.try_wait().expect("our child"));
        assert_eq!(status.code(), Some(0));
        let mut said = String::new();
        child
            .stderr
            .take()
            .expect("piped")
            .read_to_string(&mut said)
            .expect("text");
        assert!(!said.contains("roken pipe"), "{said}");
    }
}

#[test]
fn following_ends_with_the_producer() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48",
    )
    .settled();
    producer.ask("send 10", "done");
    let mut child = tail(&producer, "-f -n 3 --format text");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    for _ in 0..3 {
        assert_eq!(lines.next().expect("more").expect("text"), "z".repeat(48));
    }
    producer.kill();
    let status = eventually("tail ends", || child.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut said)
        .expect("text");
    assert!(said.contains("the producer has ended"), "{said}");
}

#[test]
fn a_length_that_lies_is_reported_and_left_behind() {
    // Zeroes are messages of no length; this is one of them, and half a one.
    let mut holder = Peer::holder("false 4096 65536 ring_capacity=65536 producer_head=24");
    let mut child = tail(&holder, "-f --format json");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("more").expect("text")).expect("JSON")
    };
    assert_eq!(next()["payload_len"], 0);
    assert!(
        next()["why"]
            .as_str()
            .is_some_and(|why| why.contains("framing lost"))
    );
    holder.ask("head 40", "done");
    assert_eq!(next()["offset"], 24);
    // Less than a header at the lap's end.
    holder.ask("head 65530", "done");
    while next().get("skipped_bytes").is_none() {}
    holder.ask("head 65552", "done");
    assert!(
        next()["why"]
            .as_str()
            .is_some_and(|why| why.contains("framing lost") && why.contains("65530"))
    );
    // The next lap starts with a message, whatever became of the last.
    assert_eq!(next()["offset"], 65_536);
    // And back: only a new ring, or a lie, does that.
    holder.ask("head 16", "done");
    assert!(
        next()["why"]
            .as_str()
            .is_some_and(|why| why.contains("went back"))
    );
    end(child);
}

#[test]
fn a_large_ring_near_its_laps_end_still_shows_its_last_messages() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 4080 --capacity 16777216",
    )
    .settled();
    // 15.6 of 16 MiB: the start of the lap is within the eighth that may be being written over.
    producer.ask("send 4000", "done");
    let pid = producer.pid().to_string();
    let lines = stdout(&["tail", "--pid", &pid, "-n", "3", "--format", "json"]);
    let offsets: Vec<u64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|message| message["offset"].as_u64().expect("a message, no gap"))
        .collect();
    assert_eq!(offsets, [3997 * 4096, 3998 * 4096, 3999 * 4096]);
}

#[test]
fn a_length_beyond_reason_is_passed_over() {
    // A ring of 1 GiB costs its owner nothing while nobody writes to it.
    let mut holder = Peer::holder("false 4096 1073741824 ring_capacity=1073741824");
    holder.ask(&format!("length 0 {}", 300 << 20), "done");
    holder.ask(&format!("head {}", (300 << 20) + 48), "done");
    let pid = holder.pid().to_string();
    let lines = stdout(&["tail", "--pid", &pid, "--format", "json"]);
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines[0]["skipped_bytes"], (300 << 20) + 16);
    let why = lines[0]["why"].as_str().expect("text");
    assert!(why.contains("a message of 300 MiB"), "{why}");
    let offsets: Vec<_> = lines[1..].iter().map(|line| &line["offset"]).collect();
    assert_eq!(offsets, [(300 << 20) + 16, (300 << 20) + 32]);
}

#[test]
fn a_ring_that_overruns_every_reader_still_shows_its_last_messages() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48",
    )
    .settled();
    // Flat out, 64 KiB of ring.
    producer.tell("send 2000000000");
    crate::support::program::ring_when("laps", producer.pid(), |ring| {
        ring["control"]["producer_head"].as_u64() > Some(1 << 20)
    });
    let pid = producer.pid().to_string();
    // How often that takes more than one run is the machine's business; what is printed is not.
    eventually("three messages", || {
        let output = run(&["tail", "--pid", &pid, "-n", "3", "--format", "raw"]);
        assert_eq!(output.status.code(), Some(0));
        let whole = b"z".repeat(3 * 48);
        assert!(whole.starts_with(&output.stdout), "{}", stderr(&output));
        (output.stdout == whole).then_some(())
    });
}

/// What `tail` says comes in order, and no byte of the ring twice; with `seams`, without a seam either. Returns its gaps.
fn in_order(arguments: &[&str], seams: bool) -> usize {
    let output = zbqtop().args(arguments).output().expect("it runs");
    let (mut before, mut gaps) = (None, 0);
    for line in String::from_utf8_lossy(&output.stdout).split_terminator('\n') {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let number = |name: &str| event[name].as_u64();
        let (from, to) = match number("offset") {
            Some(offset) => {
                let length = number("payload_len").expect("a length");
                (offset, offset + 16 + length)
            }
            None => {
                gaps += 1;
                let (from, to) = (number("from"), number("to"));
                (from.expect("a gap"), to.expect("its end"))
            }
        };
        assert!(
            from < to && before.is_none_or(|before| from >= before),
            "{arguments:?}: {line} after {before:?}"
        );
        assert!(
            !seams || before.is_none_or(|before| from == before),
            "{arguments:?}: {line} after {before:?}"
        );
        before = Some(to);
    }
    assert!(before.is_some(), "{arguments:?}");
    gaps
}

/// Offsets come once and in order whatever overruns the reader, and without a filter messages and gaps join without a seam.
#[test]
fn offsets_come_once_and_in_order_under_a_producer_that_overruns() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --consumers 0 --payload 48 --capacity 65536 --messages 1000000000000",
    );
    let pid = producer.pid().to_string();
    let mut gaps = 0;
    for round in 0..24 {
        let (last, count) = ((round * 37 % 900 + 1).to_string(), "30000");
        let mut arguments = vec!["tail", "--format", "json", "--pid", &pid];
        let filtered = round % 3 == 0;
        match round % 2 {
            0 => arguments.extend(["-n", &last]),
            _ => arguments.extend(["-f", "--from", "oldest", "-c", count]),
        }
        if filtered {
            arguments.extend(["--include", "z", "--min-len", "48"]);
        }
        gaps += in_order(&arguments, round % 2 == 1 && !filtered);
    }
    assert!(gaps > 50, "{gaps} overruns");
}

/// The same where a filter that takes little has older messages looked for, and what was read already goes on meanwhile.
#[test]
fn offsets_come_once_where_older_ones_are_looked_for_under_a_fast_producer() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --consumers 0 --seed 7 --max-payload 60 --capacity 4194304 --rate 1000000 --messages 1000000000000",
    );
    let pid = producer.pid().to_string();
    // It laps the ring several times before anything is told of it.
    crate::support::program::ring_when("a few laps", producer.pid(), |ring| {
        ring["control"]["producer_head"].as_u64() > Some(16 << 20)
    });
    for _ in 0..200 {
        let filter = ["-n", "3000", "--hex-match", "00 1?"];
        let mut arguments = vec!["tail", "--format", "json", "--pid", &pid];
        arguments.extend(filter);
        in_order(&arguments, false);
    }
}

/// Messages carry no time: they have that of the look which first saw them, and how much older they may be.
#[test]
fn messages_are_as_old_as_when_they_were_first_seen() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48 --messages 3",
    )
    .settled();
    let arguments = ["--from", "oldest", "-f", "-c", "5", "--format", "json"];
    let mut tail = zbqtop()
        .args(["tail", "--pid", &producer.pid().to_string()])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(tail.stdout.take().expect("piped")).lines();
    let mut next = || -> (jiff::Timestamp, Option<u64>) {
        let line = lines.next().expect("a line").expect("text");
        let line: Value = serde_json::from_str(&line).expect("JSON");
        let at = line["observed_at"].as_str().expect("a time");
        (
            at.parse().expect("RFC 3339"),
            line["uncertainty_ns"].as_u64(),
        )
    };
    let first: Vec<_> = (0..3).map(|_| next()).collect();
    assert!(
        first.iter().all(|seen| *seen == (first[0].0, None)),
        "{first:?}"
    );
    let before = jiff::Timestamp::now();
    producer.ask("send 2", "done");
    for _ in 0..2 {
        let (at, uncertainty) = next();
        let uncertainty = uncertainty.expect("the ring was looked at before");
        let latest = jiff::Timestamp::now();
        assert!(before <= at && at <= latest, "{before} {at} {latest}");
        // It was not there when the look before that was taken, which was after the others were seen.
        let oldest = at.as_nanosecond() - i128::from(uncertainty);
        assert!(oldest >= first[0].0.as_nanosecond(), "{at} {uncertainty}");
    }
    assert!(tail.wait().expect("it ends").success());
}
