//! `dump` of rings of the reference that stand still: what is read out of a dump is what is read out of the ring.

use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::program::{ring_when, run, stderr, stdout, zbqtop};
use crate::support::recordings::{dump, numbers, tail, text, try_snapshot};
use crate::support::{Peer, Place};

const FORMATS: [&str; 4] = ["hex", "text", "json", "raw"];

fn producer(place: &Place, arguments: &str) -> Peer {
    let common = "--impl reference --hold --seed 11";
    Peer::producer(&place.socket(), &format!("{common} {arguments}"))
}

/// What `tail` prints of a target in a format. Of JSON without the times at which the messages were seen.
fn printed(target: &[&str], format: &str, from: &[&str]) -> Vec<u8> {
    let words = [&["tail", "--format", format][..], target, from].concat();
    let output = run(&words);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    if format != "json" {
        return output.stdout;
    }
    let lines = crate::support::recordings::lines(&String::from_utf8(output.stdout).expect("text"));
    let lines = lines.into_iter().map(|mut line| {
        for name in ["observed_at", "uncertainty_ns"] {
            if let Some(field) = line.get_mut(name) {
                field.take();
            }
        }
        line.to_string() + "\n"
    });
    lines.collect::<String>().into_bytes()
}

/// The ring as JSON, without what is not the same of a recording: how it was reached, and what is counted from now.
fn state(target: &[&str]) -> Value {
    let report = stdout(&[&["snapshot", "--json"][..], target].concat());
    let mut report: Value = serde_json::from_str(&report).expect("JSON");
    let mut ring = report["rings"][0].take();
    ring["attach"]["method"].take();
    ring["sampled_ns"].take();
    for consumer in ring["consumers"].as_array_mut().expect("an array") {
        // The last one in words with an age in them.
        let ages = ["progress_age_ns", "evict_in_ns", "lag_time_ns", "joined_at"];
        for age in ages.into_iter().chain(["reason"]) {
            consumer[age].take();
        }
    }
    for finding in ring["findings"].as_array_mut().expect("an array") {
        finding["message"].take();
    }
    ring["reason"].take();
    ring
}

/// What is read of the ring of a producer that stands still, and of its dump.
fn is_the_same(name: &str, producer: &Peer, place: &Place) -> String {
    producer.signal(Signal::STOP);
    let file = dump(producer, place, &[]);
    let pid = producer.pid().to_string();
    let (live, dumped) = (["--pid", &pid], ["--file", &file]);
    for format in FORMATS {
        for from in [&["--from", "oldest"][..], &["-n", "20"]] {
            let there = printed(&live, format, from);
            let here = printed(&dumped, format, from);
            assert!(
                there == here && !there.is_empty(),
                "{name}, {format} {from:?}: live\n{}\ndumped\n{}",
                String::from_utf8_lossy(&there),
                String::from_utf8_lossy(&here)
            );
        }
    }
    assert_eq!(state(&live), state(&dumped), "{name}");
    file
}

#[test]
fn a_ring_that_stands_still_is_the_same_in_its_dump() {
    for (name, arguments, commands) in [
        ("not lapped", "--consumers 0", &["send 100"][..]),
        ("lapped", "--consumers 0", &["send 1000"]),
        ("no table", "--consumers 0 --hidden_table", &["send 1000"]),
        ("written over", "--consumers 0", &["send 1000", "fill"]),
    ] {
        let place = Place::new();
        let arguments = arguments.replace('_', "-");
        let mut producer = producer(&place, &arguments).settled();
        for command in commands {
            let answer = if command.starts_with("send") {
                "done"
            } else {
                "filled"
            };
            producer.ask(command, answer);
        }
        let file = is_the_same(name, &producer, &place);
        let whole = numbers(&tail(&["--file", &file, "--from", "oldest"]));
        assert!(whole.ends_with(&[999, 1000]) || whole.ends_with(&[99, 100]));
    }
}

#[test]
fn consumers_that_stand_still_are_the_same_in_a_dump() {
    let place = Place::new();
    let producer = producer(&place, "--consumers 2 --stall-timeout 600000");
    let common = "--impl reference --hold --seed 11";
    let mut consumers: Vec<Peer> = (0..2)
        .map(|_| Peer::consumer(&place.socket(), common).settled())
        .collect();
    let mut producer = producer.settled();
    for _ in 0..8 {
        producer.ask("send 100", "done");
        for consumer in &mut consumers {
            consumer.ask("take 100", "done");
        }
    }
    // They stand at different places, and one of them holds a lap's last messages.
    producer.ask("send 200", "done");
    consumers[0].ask("take 150", "done");
    for peer in consumers.iter().chain([&producer]) {
        peer.signal(Signal::STOP);
    }
    // What is judged by the time that something lasts is judged the same from some time on.
    ring_when("they stand", producer.pid(), |ring| {
        let states = ring["consumers"].as_array().expect("an array").iter();
        let mut states = states.map(|consumer| &consumer["state"]);
        states.any(|state| state == "stalled")
    });
    let file = is_the_same("consumers", &producer, &place);
    let ring = &try_snapshot(file.as_ref()).expect("a state")["rings"][0];
    let tails: Vec<&Value> = ring["consumers"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|consumer| &consumer["tail_offset"])
        .collect();
    assert_eq!(tails.len(), 2, "{ring}");
    assert!(tails[0] != tails[1], "{tails:?}");
}

#[test]
fn a_ring_that_flows_is_judged_in_its_dump_as_if_it_were_there() {
    let place = Place::new();
    let producer = producer(
        &place,
        "--consumers 0 --capacity 1048576 --messages 1000000000000 --rate 200000",
    );
    let file = dump(&producer, &place, &[]);
    let mut known = 0;
    for line in tail(&["--file", &file, "--from", "oldest"]) {
        if line["flags"] == 0x80 || line["offset"].is_null() || line["integrity"] == "torn" {
            continue;
        }
        let seq_id = line["seq_id"].as_u64().expect("a number");
        let payload = crate::support::contents(11, 300, seq_id);
        assert_eq!(line["payload_len"], payload.len(), "{line}");
        match line["text"].as_str() {
            Some(text) => assert_eq!(text.as_bytes(), payload, "{line}"),
            None => assert!(std::str::from_utf8(&payload).is_err(), "{line}"),
        }
        assert!(seq_id > known, "{line} after {known}");
        known = seq_id;
    }
    assert!(known > 0);
}

#[test]
fn a_dump_is_for_its_owner_and_never_over_a_file_and_can_be_piped() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let mut producer = producer(&place, "--consumers 0").settled();
    producer.ask("send 50", "done");
    let file = dump(&producer, &place, &[]);
    let mode = std::fs::metadata(&file).expect("there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let before = std::fs::read(&file).expect("ours");
    let pid = producer.pid().to_string();
    let output = run(&["dump", "--pid", &pid, "-o", &file]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("already exists") && said.contains(&file),
        "{said}"
    );
    assert_eq!(std::fs::read(&file).expect("ours"), before);

    let piped = run(&["dump", "--pid", &pid, "-o", "-"]);
    assert_eq!(piped.status.code(), Some(0));
    for follow in [&[][..], &["-f"]] {
        let mut reader = zbqtop();
        reader.args(["tail", "--file", "-", "--from", "oldest", "--format", "raw"]);
        let output = fed(reader.args(follow), &piped.stdout);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(
            output.stdout,
            printed(&["--pid", &pid], "raw", &["--from", "oldest"])
        );
    }
    // No file of a dump that was not written to its end stays behind.
    let words = format!(
        "trap '' XFSZ; ulimit -f 1; exec '{}' dump --pid {pid} -o cut.mcap",
        env!("CARGO_BIN_EXE_zbqtop")
    );
    let mut shell = Command::new("sh");
    let output = shell
        .args(["-c", &words])
        .current_dir(place.path())
        .output()
        .expect("a shell");
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("cut.mcap"), "{said}");
    assert!(!place.path().join("cut.mcap").exists());
}

/// Runs a command that reads these bytes.
fn fed(command: &mut Command, bytes: &[u8]) -> std::process::Output {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut pipe = child.stdin.take().expect("piped");
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || pipe.write_all(&bytes));
    let output = child.wait_with_output().expect("it ends");
    // It may have read enough before the end.
    let _ = writer.join().expect("no panic");
    output
}

#[test]
fn a_dump_without_payloads_has_the_headers_and_nothing_else() {
    let place = Place::new();
    let mut producer = producer(&place, "--consumers 0").settled();
    producer.ask("send 100", "done");
    let file = dump(&producer, &place, &["--no-payload"]);
    let pid = producer.pid().to_string();
    let (live, dumped) = (
        tail(&["--pid", &pid, "--from", "oldest"]),
        tail(&["--file", &file, "--from", "oldest"]),
    );
    assert_eq!(numbers(&dumped), (1..=100).collect::<Vec<_>>());
    for (live, dumped) in live.iter().zip(&dumped) {
        for name in ["offset", "seq_id", "payload_len", "flags"] {
            assert_eq!(live[name], dumped[name], "{dumped}");
        }
        let length = live["payload_len"].as_u64().expect("a length");
        let payload = dumped["text"].as_str().or(dumped["base64"].as_str());
        assert!(length == 0 || payload.is_none(), "{dumped}");
    }
    let output = run(&[
        "tail", "--file", &file, "--from", "oldest", "--format", "raw",
    ]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_ring_that_was_joined_is_dumped() {
    let place = Place::new();
    let mut producer = producer(&place, "--consumers 0").settled();
    producer.ask("send 100", "done");
    let socket = text(&place.socket());
    let file = text(&place.path().join("joined.mcap"));
    let mut command = zbqtop();
    command
        .env("XDG_RUNTIME_DIR", place.path())
        .args(["dump", "--socket", &socket, "--join", "-o", &file]);
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let pid = producer.pid().to_string();
    assert_eq!(
        printed(&["--file", &file], "raw", &["--from", "oldest"]),
        printed(&["--pid", &pid], "raw", &["--from", "oldest"])
    );
}

#[test]
fn a_ring_whose_producer_is_dead_is_dumped() {
    let place = Place::new();
    let producer = producer(&place, "--consumers 1");
    let common = "--impl reference --hold --seed 11";
    let consumer = Peer::consumer(&place.socket(), common).settled();
    let mut producer = producer.settled();
    producer.ask("send 100", "done");
    producer.kill();
    let pid = consumer.pid().to_string();
    let output = run(&["tail", "--pid", &pid, "--format", "raw"]);
    if output.status.code() == Some(4) {
        // What others map may not be opened here: so says the program itself.
        return;
    }
    is_the_same("orphan", &consumer, &place);
}

#[test]
fn a_large_ring_costs_what_was_written() {
    let place = Place::new();
    let mut producer = producer(
        &place,
        "--consumers 0 --capacity 8589934592 --max-payload 4000",
    )
    .settled();
    // 10 MiB, which zstd cannot make smaller.
    producer.ask("send 5200", "done");
    let file = dump(&producer, &place, &[]);
    let size = std::fs::metadata(&file).expect("there").len();
    assert!((9 << 20..12 << 20).contains(&size), "{size} bytes");
    let newest = numbers(&tail(&["--file", &file, "-n", "3"]));
    assert_eq!(newest, [5198, 5199, 5200]);
}
