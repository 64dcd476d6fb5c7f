//! Captures that somebody else has written, and may say anything: they are read as far as they make sense, and what is not known
//! of their rings is said to be unknown.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;
use zbqtop::capture::pcapng;
use zbqtop::observe::messages::Sighted;
use zbqtop::observe::model::{Gap, GapReason, Integrity};
use zbqtop::ring::{MessageHeader, RawMessage};

use crate::support::Place;
use crate::support::program::{run, stderr, stdout, zbqtop};

/// Names and reasons full of escape codes, offsets at the end of all offsets.
fn hostile() -> Vec<u8> {
    let mut out = Vec::new();
    pcapng::section(&mut out, "", "");
    pcapng::interface(&mut out, "\x1b]0;evil\x07", "de\x1b[31msc\u{202e}");
    let seen = Sighted {
        at_ns: 5_000_000_000,
        uncertainty_us: 0,
    };
    for (offset, payload) in [
        (0, &b"he\x1blo"[..]),
        (u64::MAX - 3, &[7; 600_000]),
        (u64::MAX - 3, b"last"),
    ] {
        let header = MessageHeader {
            payload_len: u32::try_from(payload.len()).expect("short"),
            seq_id: u64::MAX,
            ..MessageHeader::default()
        };
        let raw = RawMessage {
            offset,
            header,
            payload,
        };
        let done = pcapng::message(&mut out, 0, seen, &raw, Integrity::Likely, 0, |_| Ok(()));
        done.expect("memory takes everything");
    }
    let gap = Gap {
        from: 7,
        to: u64::MAX,
        why: GapReason::Told("why\x1b[2J".into()),
        torn: 0,
    };
    pcapng::gap(&mut out, 0, seen, &gap);
    out
}

#[test]
fn nothing_in_a_capture_acts_or_breaks() {
    let place = Place::new();
    let file = place.path().join("hostile.pcapng");
    std::fs::write(&file, hostile()).expect("room");
    let file = file.to_str().expect("text");
    for words in [
        "tail --from oldest",
        "tail --from oldest --format text",
        "tail --from oldest --format json",
        "tail --from oldest --format json --decode a:u8,rest:bytes",
        "ls",
        "snapshot",
        "snapshot --json",
        "metrics",
    ] {
        let words: Vec<&str> = words.split_whitespace().chain(["--file", file]).collect();
        let output = run(&words);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{words:?}: {}",
            stderr(&output)
        );
        for said in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(said);
            let acts = |one: char| one == '\x1b' || one == '\x07' || one == '\u{202e}';
            assert!(!text.contains(acts), "{words:?}: {text:?}");
        }
    }
    // As packets once more, it is the same again.
    let again = run(&[
        "tail", "--from", "oldest", "--format", "pcapng", "--file", file,
    ]);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    let copy = place.path().join("copy.pcapng");
    std::fs::write(&copy, &again.stdout).expect("room");
    let lines = |file: &str| {
        stdout(&[
            "tail", "--from", "oldest", "--format", "json", "--file", file,
        ])
    };
    assert_eq!(lines(copy.to_str().expect("text")), lines(file));
}

#[test]
fn what_a_capture_does_not_say_is_unknown() {
    let place = Place::new();
    let file = place.path().join("some.pcapng");
    std::fs::write(&file, hostile()).expect("room");
    let file = file.to_str().expect("text");
    let check = run(&["check", "--file", file]);
    assert_eq!(check.status.code(), Some(3), "{check:?}");
    let said = String::from_utf8_lossy(&check.stdout);
    assert!(said.contains("nothing but messages"), "{said}");
    let list: Value =
        serde_json::from_str(&stdout(&["ls", "--json", "--file", file])).expect("JSON");
    assert!(list["rings"][0]["ring_capacity"].is_null(), "{list}");
    assert_eq!(list["rings"][0]["health"], "unknown");
    let metrics = stdout(&["metrics", "--file", file]);
    assert!(!metrics.contains("\nzbq_ring_up{"), "{metrics}");
    assert!(stdout(&["snapshot", "--file", file]).contains("capacity  -"));
}

#[test]
fn a_capture_that_is_cut_says_so_wherever_it_comes_from() {
    let place = Place::new();
    let bytes = hostile();
    let cut = &bytes[..bytes.len() - 20];
    let file = place.path().join("cut.pcapng");
    std::fs::write(&file, cut).expect("room");
    let words = ["tail", "--from", "oldest", "--format", "base64", "--file"];
    let of_file = run(&[&words[..], &[file.to_str().expect("text")]].concat());
    let mut child = zbqtop()
        .args(words)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(cut)
        .expect("it reads");
    let of_stream = child.wait_with_output().expect("it ends");
    assert_eq!(of_stream.stdout, of_file.stdout);
    for output in [of_file, of_stream] {
        let said = stderr(&output);
        assert!(said.contains("it ends in the middle of a block"), "{said}");
    }
}
