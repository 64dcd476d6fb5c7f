//! Which messages `tail` writes, and how: filters, ranges, counts and formats, on live rings of the reference.

use std::io::Read as _;
use std::process::{Command, Output, Stdio};

use regex::bytes::Regex;
use serde_json::Value;

use crate::support::program::{run, stderr, zbqtop};
use crate::support::{Peer, Place, contents, eventually};

const SEED: u64 = 11;
const LONGEST: usize = 400;
const SENT: u64 = 200;

/// A ring in which [`SENT`] messages of random bytes lie from offset 0 on.
fn filled(place: &Place) -> Peer {
    let mut producer = Peer::producer(
        &place.socket(),
        &format!("--impl reference --hold --consumers 0 --max-payload {LONGEST} --seed {SEED} --capacity 262144"),
    )
    .settled();
    producer.ask(&format!("send {SENT}"), "done");
    producer
}

/// What was sent: offset, sequence id, payload.
fn sent() -> Vec<(u64, u64, Vec<u8>)> {
    let mut offset = 0;
    (1..=SENT)
        .map(|seq_id| {
            let payload = contents(SEED, LONGEST, seq_id);
            let message = (offset, seq_id, payload);
            offset += 16 + message.2.len() as u64;
            message
        })
        .collect()
}

fn tail(producer: &Peer, arguments: &[&str]) -> Output {
    let pid = producer.pid().to_string();
    let output = run(&[&["tail", "--pid", &pid], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    output
}

/// The sequence ids of what is written.
fn seqs(producer: &Peer, arguments: &[&str]) -> Vec<u64> {
    let output = tail(producer, &[&["--format", "json"], arguments].concat());
    let lines = String::from_utf8(output.stdout).expect("text");
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|message| message["seq_id"].as_u64().expect("a message"))
        .collect()
}

/// Where nothing is wanted, nothing is missing.
#[test]
fn who_wants_nothing_is_not_told_what_was_not_read() {
    let place = Place::new();
    let arguments = "--impl reference --hold --consumers 0 --max-payload 2000 --seed 7";
    let mut producer = Peer::producer(&place.socket(), arguments).settled();
    // Some laps of 64 KiB: where the oldest message begins that is left of the one before cannot be known.
    producer.ask("send 200", "done");
    for arguments in [&["-c", "0"], &["--until", "0"]] {
        let output = tail(&producer, arguments);
        let said = stderr(&output);
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!said.contains("not read"), "{arguments:?}: {said}");
    }
}

#[test]
fn filters_choose_by_bytes_length_and_sequence() {
    let place = Place::new();
    let producer = filled(&place);
    let chosen = |wanted: &dyn Fn(u64, &[u8]) -> bool| -> Vec<u64> {
        let all = sent();
        let wanted = all.iter().filter(|(_, seq, payload)| wanted(*seq, payload));
        wanted.map(|(_, seq, _)| *seq).collect()
    };
    let all = |arguments: &[&str]| seqs(&producer, &[&["--from", "oldest"], arguments].concat());
    let found =
        |pattern: &str, payload: &[u8]| Regex::new(pattern).expect("sound").is_match(payload);

    assert_eq!(all(&[]), chosen(&|_, _| true));
    let ab = chosen(&|_, payload| found("(?i)ab", payload));
    assert!(!ab.is_empty() && ab.len() < 100, "{}", ab.len());
    assert_eq!(all(&["--include", "(?i)ab"]), ab);
    assert_eq!(
        all(&["--include", "(?i)ab", "--include", "(?-u)\\xff\\x00"]),
        chosen(&|_, payload| found("(?i)ab", payload) || found("(?-u)\\xff\\x00", payload))
    );
    assert_eq!(
        all(&["--exclude", "(?i)ab", "--exclude", "7"]),
        chosen(&|_, payload| !found("(?i)ab|7", payload))
    );
    let bytes = contents(SEED, LONGEST, 42)[10..13].to_vec();
    let pattern = format!("{:02x} ?? {:02X}", bytes[0], bytes[2]);
    let hex = chosen(&|_, payload| {
        payload
            .windows(3)
            .any(|w| w[0] == bytes[0] && w[2] == bytes[2])
    });
    assert!(hex.contains(&42));
    assert_eq!(all(&["--hex-match", &pattern]), hex);
    assert_eq!(
        all(&["--seq", "10..20", "--min-len", "100", "--max-len", "300"]),
        chosen(&|seq, payload| (10..20).contains(&seq) && (100..=300).contains(&payload.len()))
    );
    // With a number: the last of those that are wanted.
    let long = chosen(&|_, payload| payload.len() >= 100);
    assert_eq!(
        seqs(&producer, &["-n", "3", "--min-len", "100"]),
        long[long.len() - 3..]
    );
    assert_eq!(all(&["-c", "4", "--min-len", "100"]), long[..4]);
    let output = tail(
        &producer,
        &[
            "--from",
            "oldest",
            "--min-len",
            "100",
            "-n",
            "3",
            "--format",
            "raw",
        ],
    );
    let said = stderr(&output);
    let counts = "3 messages, ";
    let scanned = format!(
        "{SENT} scanned, {} matched, 0 torn; skipped 0 B",
        long.len()
    );
    assert!(said.contains(counts) && said.contains(&scanned), "{said}");
}

#[test]
fn a_range_begins_and_ends_with_whole_messages() {
    let place = Place::new();
    let producer = filled(&place);
    let all = sent();
    let (from, until) = (all[50].0, all[60].0);
    let range = |from: u64, until: u64| {
        seqs(
            &producer,
            &["--from", &from.to_string(), "--until", &until.to_string()],
        )
    };
    let expected: Vec<u64> = (51..=60).collect();
    assert_eq!(range(from, until), expected);
    // In the middle of a message: from the next one, and up to and with the one it is in.
    assert_eq!(range(from - 1, until - 1), expected);
    assert_eq!(range(from + 1, until + 1), (52..=61).collect::<Vec<u64>>());
    assert!(range(until, from).is_empty());
    assert!(seqs(&producer, &["--from", "head"]).is_empty());
    assert_eq!(
        seqs(&producer, &["--until", &until.to_string(), "-n", "2"]),
        [59, 60]
    );
    assert_eq!(
        seqs(
            &producer,
            &["--from", &from.to_string(), "--until", "head", "-n", "1"]
        ),
        [SENT]
    );
    assert!(seqs(&producer, &["-n", "0"]).is_empty());

    let pid = producer.pid().to_string();
    let output = run(&["tail", "--pid", &pid, "--from", "999999"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("--from 999999: beyond head, which is at"),
        "{}",
        stderr(&output)
    );
    for (option, value, words) in [
        ("--from", "tail", "expected `oldest`, `head`, or an offset"),
        ("--until", "oldest", "expected `head`, or an offset"),
        ("--include", "(", "unclosed group"),
        ("--hex-match", "de a", "3 digits"),
        ("--seq", "9..3", "is empty, expected A..B"),
        ("--min-len", "4 parsecs", "expected bytes"),
    ] {
        let output = run(&["tail", "--pid", &pid, option, value]);
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(
            stderr(&output).contains(words),
            "{option}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn what_is_written_can_be_read_back() {
    let place = Place::new();
    let producer = filled(&place);
    let all = sent();
    let from = all[3].0.to_string();
    let written = |format: &str| tail(&producer, &["--from", &from, "--format", format]).stdout;
    let payloads = || all[3..].iter().map(|(_, _, payload)| payload);
    let raw: Vec<u8> = payloads().flatten().copied().collect();
    assert!(written("raw") == raw);
    let prefixed = payloads().flat_map(|payload| {
        let length = u32::try_from(payload.len()).expect("short");
        [&length.to_le_bytes()[..], payload].concat()
    });
    assert!(written("len-prefixed") == prefixed.collect::<Vec<u8>>());
    // By the tool that others have.
    let lines = String::from_utf8(written("base64")).expect("text");
    assert_eq!(lines.lines().count(), all.len() - 3);
    let (line, payload) = (lines.lines().nth(7).expect("there"), &all[10].2);
    let decoded = Command::new("base64")
        .arg("-d")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            use std::io::Write as _;
            child
                .stdin
                .take()
                .expect("piped")
                .write_all(line.as_bytes())?;
            child.wait_with_output()
        })
        .expect("coreutils");
    assert!(decoded.stdout == *payload);
    // A line for each 16 bytes, and one for each message.
    let hex = String::from_utf8(written("hex")).expect("text");
    let rows: usize = payloads().map(|payload| payload.len().div_ceil(16)).sum();
    assert_eq!(hex.lines().count(), rows + all.len() - 3);
}

#[test]
fn following_ends_when_enough_has_come_or_nothing_comes() {
    let place = Place::new();
    let mut producer = filled(&place);
    let pid = producer.pid().to_string();
    let head = {
        let last = sent().pop().expect("some");
        last.0 + 16 + last.2.len() as u64
    };
    let until = (head + 1).to_string();
    let start = |arguments: &[&str]| {
        let mut child = zbqtop()
            .args(["tail", "-f", "--format", "raw", "--pid", &pid])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("zbqtop starts");
        let mut out = child.stdout.take().expect("piped");
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            out.read_to_end(&mut bytes).expect("what it wrote");
            bytes
        });
        (child, reader)
    };
    let last: Vec<u8> = contents(SEED, LONGEST, SENT);
    let next: Vec<u8> = contents(SEED, LONGEST, SENT + 1);
    let cases = [
        (
            start(&["-n", "1", "-c", "2"]),
            [&last[..], &next[..]].concat(),
        ),
        (start(&["--from", "head", "--until", &until]), next.clone()),
        (
            start(&["--from", &until, "-c", "1"]),
            contents(SEED, LONGEST, SENT + 2),
        ),
    ];
    // None of them has had all it wants yet.
    let idle = run(&[
        "tail",
        "-f",
        "-n",
        "1",
        "--idle-timeout",
        "200ms",
        "--format",
        "raw",
        "--pid",
        &pid,
    ]);
    assert_eq!(idle.status.code(), Some(0));
    assert!(idle.stdout == last);
    producer.ask("send 2", "done");
    for ((mut child, reader), expected) in cases {
        let status = eventually("tail ends", || child.try_wait().expect("our child"));
        assert_eq!(status.code(), Some(0));
        assert!(reader.join().expect("no panic") == expected);
    }
}

#[test]
fn a_true_consumer_chooses_just_as_well() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        &format!("--impl reference --consumers 1 --hold --max-payload {LONGEST} --seed {SEED}"),
    );
    let socket = place.socket();
    let child = zbqtop()
        .args([
            "tail",
            "--lossless",
            "--format",
            "len-prefixed",
            "--min-len",
            "200",
            "-c",
            "30",
        ])
        .arg("--socket")
        .arg(&socket)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    producer = producer.settled();
    // Several laps of a ring that it has to make room in.
    producer.ask("send 2000", "done");
    let output = child.wait_with_output().expect("our child");
    assert_eq!(output.status.code(), Some(0));
    let expected: Vec<u8> = (1..=2000)
        .map(|seq_id| contents(SEED, LONGEST, seq_id))
        .filter(|payload| payload.len() >= 200)
        .take(30)
        .flat_map(|payload| {
            let length = u32::try_from(payload.len()).expect("short");
            [&length.to_le_bytes()[..], &payload].concat()
        })
        .collect();
    assert!(output.stdout == expected);
    assert!(
        stderr(&output).contains("30 messages"),
        "{}",
        stderr(&output)
    );
}
