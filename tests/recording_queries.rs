//! What is asked of recordings: which moment, which ring, and what is wrong with a file that is none.

use std::path::PathBuf;
use std::process::Output;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::program::{run, stderr, stdout};
use crate::support::recordings::{Recording, dump, text, try_snapshot};
use crate::support::{Peer, Place, eventually};
use zbqtop::recording::{Content, RecordingWriter};

/// A recording of a ring whose consumer is stopped after a while.
fn stalled(place: &Place) -> (Peer, PathBuf) {
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --rate 5000 --payload 48 --messages 1000000000000 --stall-timeout 600000",
    );
    let consumer = Peer::consumer(
        &place.socket(),
        "--impl reference --payload 48 --messages 1000000000000",
    );
    let recording = Recording::of(&producer, place.path().join("stalled.mcap"), "");
    consumer.signal(Signal::STOP);
    eventually("it is critical", || {
        let report = try_snapshot(&recording.path)?;
        (report["rings"][0]["health"] != "ok").then_some(())
    });
    (producer, recording.finish())
}

fn at(file: &str, moment: &str) -> Value {
    let words = ["snapshot", "--json", "--file", file, "--at", moment];
    let mut report: Value = serde_json::from_str(&stdout(&words)).expect("JSON");
    assert_eq!(report["rings"].as_array().map(Vec::len), Some(1));
    let ring = report["rings"][0].take();
    assert_eq!(ring["attach"]["method"], "file");
    report["ring"] = ring;
    report
}

fn fails(words: &[&str], code: i32, about: &str) {
    let Output { status, stdout, .. } = run(words);
    let said = stderr(&run(words));
    assert_eq!(status.code(), Some(code), "{words:?}: {said}");
    assert!(said.contains(about), "{words:?}: {said}");
    assert!(said.starts_with("zbqtop: ") || code == 2, "{said}");
    assert!(stdout.is_empty(), "{words:?}");
}

#[test]
fn a_moment_is_named_in_every_form() {
    let place = Place::new();
    let (_producer, path) = stalled(&place);
    let file = text(&path);
    let begin = at(&file, "+0s");
    assert_eq!(begin["ring"]["health"], "ok");
    let end = at(&file, "-0s");
    assert_ne!(end["ring"]["health"], "ok");
    let finding = at(&file, "finding");
    assert_ne!(finding["ring"]["findings"], serde_json::json!([]));
    let time = finding["captured_at"].as_str().expect("a time");
    // A state is asked for at its own time, in full or by its time of day.
    let of_day = time.split_once('T').expect("a date").1;
    let of_day = of_day.strip_suffix('Z').expect("UTC");
    let head = |report: &Value| report["ring"]["control"]["producer_head"].clone();
    // The record may bear a time a little after the sample.
    let just_after = |time: &str| time.to_owned();
    for moment in [just_after(time), just_after(of_day)] {
        let there = at(&file, &moment);
        assert!(head(&there).as_u64() <= head(&finding).as_u64(), "{moment}");
        assert!(head(&there).as_u64() >= head(&begin).as_u64(), "{moment}");
    }
    // Time goes on from one to the other.
    let heads = [begin, at(&file, "+100ms"), at(&file, "-10ms"), end];
    let heads: Vec<Option<u64>> = heads.iter().map(|report| head(report).as_u64()).collect();
    assert!(heads.is_sorted() && heads[0] < heads[3], "{heads:?}");
    for (moment, code, about) in [
        ("+1000h", 3, "is not in the recording"),
        ("-1000h", 3, "is not in the recording"),
        ("2001-01-01T00:00:00Z", 3, "is not in the recording"),
        ("yesterday", 2, "expected a time"),
    ] {
        for command in ["snapshot", "tail", "ls"] {
            fails(&[command, "--file", &file, "--at", moment], code, about);
        }
    }
    fails(&["snapshot", "--at", "+1s"], 2, "--file");
    fails(
        &["snapshot", "--file", &file, "--watch", "1s"],
        2,
        "--watch",
    );
}

#[test]
fn rings_of_a_recording_are_listed_and_judged() {
    let place = Place::new();
    let (producer, path) = stalled(&place);
    let file = text(&path);
    let listing: Value =
        serde_json::from_str(&stdout(&["ls", "--json", "--file", &file])).expect("JSON");
    assert_eq!(listing["rings"][0]["pid"], producer.pid());
    let table = stdout(&["ls", "--file", &file]);
    assert!(table.contains(&producer.pid().to_string()), "{table}");
    let verdict = |moment: &str| {
        let output = run(&["check", "--file", &file, "--at", moment]);
        let said = String::from_utf8(output.stdout).expect("text");
        (output.status.code(), said)
    };
    let (code, said) = verdict("-0s");
    assert!(matches!(code, Some(1 | 2)), "{code:?}: {said}");
    let (code, said) = verdict("+0s");
    assert!(matches!(code, Some(0 | 3)), "{code:?}: {said}");
    // A wrong moment is no verdict on a ring.
    let (code, said) = verdict("+1000h");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("UNKNOWN"), "{said}");
}

#[test]
fn what_a_ring_was_long_ago_is_no_verdict_on_what_it_is() {
    let place = Place::new();
    let producer = Peer::producer(&place.socket(), "--impl reference --hold --consumers 0");
    let seed = Recording::of(&producer, place.path().join("seed.mcap"), "").finish();
    let mut seed = zbqtop::recording::Recording::open(&seed).expect("a recording");
    let name = seed.rings().swap_remove(0);
    let (begin, state) = seed.state_after(&name, 0).expect("a state");
    let json = state.to_json().expect("JSON");
    // Two recordings, of which one goes on for a minute more.
    let write = |file: &str, seconds: u64| {
        let path = place.path().join(file);
        let out = std::fs::File::create(&path).expect("ours");
        let mut writer = RecordingWriter::new(out).expect("ours");
        for second in 0..=seconds {
            let at = begin + second * 1_000_000_000;
            let states = [(at, &json[..])];
            writer
                .write(&name, &state.ring.id, Content::State, states)
                .expect("ours");
        }
        writer.finish().expect("ours");
        text(&path)
    };
    let (short, long) = (write("short.mcap", 10), write("long.mcap", 70));
    for (at, code) in [("+10s", 0), ("+12s", 0), ("-0s", 3)] {
        let output = run(&["check", "--file", &short, "--file", &long, "--at", at]);
        let said = String::from_utf8(output.stdout).expect("text");
        assert_eq!(output.status.code(), Some(code), "{at}: {said}");
        assert_eq!(said.contains("1m 00s older"), code == 3, "{at}: {said}");
    }
}

#[test]
fn one_of_several_rings_is_chosen() {
    let places = [Place::new(), Place::new()];
    let mut files = Vec::new();
    let mut pids = Vec::new();
    let mut peers = Vec::new();
    for place in &places {
        let arguments = "--impl reference --hold --consumers 0 --payload 48";
        let mut producer = Peer::producer(&place.socket(), arguments).settled();
        producer.ask("send 5", "done");
        files.push(dump(&producer, place, &[]));
        pids.push(producer.pid());
        peers.push(producer);
    }
    let both = ["--file", &files[0], "--file", &files[1]];
    let with = |words: &[&'static str]| -> Vec<String> {
        let words = words.iter().chain(&both).map(|word| (*word).to_owned());
        words.collect()
    };
    let report = |words: Vec<String>| -> Value {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        serde_json::from_str(&stdout(&words)).expect("JSON")
    };
    let all = report(with(&["snapshot", "--json"]));
    let found: Vec<&Value> = all["rings"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|ring| &ring["producer"]["pid"])
        .collect();
    assert_eq!(found, [pids[0], pids[1]]);
    let second = report(with(&["snapshot", "--json", "--ring", "1"]));
    assert_eq!(second["rings"].as_array().map(Vec::len), Some(1));
    assert_eq!(second["rings"][0]["producer"]["pid"], pids[1]);
    let [a, b, c, d] = both;
    fails(&["tail", a, b, c, d], 2, "--ring 1: ");
    fails(&["snapshot", a, b, "--ring", "5"], 3, "--ring 5");
    let tail = [
        "tail", a, b, c, d, "--ring", "1", "--format", "raw", "-n", "1",
    ];
    assert_eq!(stdout(&tail), "z".repeat(48));
    for command in ["record", "dump"] {
        let output = text(&places[0].path().join("never.mcap"));
        fails(&[command, a, b, "-o", &output], 2, "--file");
        assert!(!PathBuf::from(&output).exists());
    }
}

#[test]
fn what_is_no_recording_is_told_from_what_cannot_be_read() {
    let place = Place::new();
    let write = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        std::fs::write(&path, bytes).expect("ours");
        text(&path)
    };
    let magic = b"\x89MCAP0\r\n";
    let files = [
        (write("empty", b""), 5, "it is empty"),
        (
            write("text", b"not a recording"),
            5,
            "expected an MCAP file",
        ),
        (write("bare", magic), 5, "it contains no ring"),
        (write("cut", &magic[..5]), 5, "expected an MCAP file"),
        (text(&place.path().join("absent")), 1, "No such file"),
        (text(place.path()), 1, "directory"),
    ];
    for (file, code, about) in &files {
        for command in ["snapshot", "ls", "tail"] {
            fails(&[command, "--file", file], *code, about);
        }
        let output = run(&["check", "--file", file]);
        assert_eq!(output.status.code(), Some(3), "{file}");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("UNKNOWN") && said.contains(about), "{said}");
    }
    fails(&["snapshot", "--file", "-"], 5, "it is empty");
}
