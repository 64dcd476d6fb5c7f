//! Boundaries found again in live rings of the reference, next to where the messages really are.
#![expect(clippy::print_stdout, reason = "a share is a figure to be read")]

use std::process::Command;

use serde_json::Value;

use crate::support::program::stdout;
use crate::support::{Peer, Place, example};
use zbqtop::observe::attach::{RingSelector, by_pid};
use zbqtop::observe::messages::{RetainedRegion, oldest};

/// A message that was sent: its offset, its payload's length, its number.
type Sent = (u64, u64, u64);

/// A reference producer that has sent what `arguments` say, the messages it sent, and its head.
fn mixed(arguments: &str) -> (Peer, Vec<Sent>, u64) {
    let mut command = Command::new(example("mixed"));
    let mut producer = Peer::spawn(command.args(arguments.split_whitespace()));
    let done = producer.expect("done");
    let messages = (0..field(&done, 2)).map(|_| {
        let line = producer.expect("message");
        (field(&line, 1), field(&line, 2), field(&line, 3))
    });
    let messages = messages.collect();
    (producer, messages, field(&done, 1))
}

fn field(line: &str, index: usize) -> u64 {
    let word = line.split_whitespace().nth(index).expect("a field");
    word.parse().expect("a number")
}

/// Messages found and messages whole in the old lap of such a ring. None is found that was not sent.
fn found_of(arguments: &str) -> (usize, usize) {
    let (producer, sent, head) = mixed(arguments);
    let ring = by_pid(producer.pid().cast_signed(), RingSelector::Only).expect("ours");
    let capacity = ring.capacity();
    let region = RetainedRegion {
        floor: head - capacity,
        end: head - head % capacity,
        known: head,
        capacity,
    };
    let found = oldest(region, usize::MAX, |from, to, bytes| {
        let before = bytes.len();
        bytes.resize(before + usize::try_from(to - from).expect("small"), 0);
        ring.copy_out(from % capacity, &mut bytes[before..])
    })
    .expect("the ring can be read");
    let whole: Vec<u64> = sent
        .into_iter()
        .map(|(offset, ..)| offset)
        .filter(|offset| (region.floor..region.end).contains(offset))
        .collect();
    let first = whole.len().checked_sub(found.messages);
    let boundary = first.map(|first| whole.get(first).copied().unwrap_or(region.end));
    assert_eq!(
        boundary,
        Some(found.boundary),
        "{found:?} of {}: {arguments}",
        whole.len()
    );
    (found.messages, whole.len())
}

#[test]
fn messages_of_the_lap_before_are_found_where_they_are() {
    let (mut found, mut all) = (0, 0);
    for (seed, capacity) in [64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20]
        .into_iter()
        .cycle()
        .take(30)
        .enumerate()
    {
        let numbers = ["running", "zero", "arbitrary"][seed % 3];
        let aligned = ["", "--aligned"][seed % 2];
        let max_payload = [200, 4 << 10, 64 << 10][seed / 5 % 3].min(capacity / 4);
        let laps = 2050 + seed * 61 % 900;
        let (some, whole) = found_of(&format!(
            "--seed {seed} --capacity {capacity} --laps {laps} --numbers {numbers} --max-payload {max_payload} {aligned}"
        ));
        found += some;
        all += whole;
    }
    println!("{found} of {all}");
    assert!(found * 100 >= all * 99, "{found} of {all}");
}

/// What `tail` writes of a ring: messages, and how far each can be trusted.
fn tail(producer: &Peer, arguments: &str) -> Vec<(Sent, String)> {
    let pid = producer.pid().to_string();
    let mut all = vec!["tail", "--format", "json", "--pid", &pid];
    all.extend(arguments.split_whitespace());
    let lines = stdout(&all);
    let lines = lines
        .lines()
        .map(|line| -> Value { serde_json::from_str(line).expect("JSON") });
    let number = |line: &Value, name: &str| line[name].as_u64().expect("a number");
    lines
        .filter(|line| line.get("skipped_bytes").is_none())
        .map(|line| {
            let message = (
                number(&line, "offset"),
                number(&line, "payload_len"),
                number(&line, "seq_id"),
            );
            (
                message,
                line["integrity"].as_str().expect("text").to_owned(),
            )
        })
        .collect()
}

#[test]
fn tail_reads_back_into_the_lap_before() {
    for (seed, capacity, laps) in [
        (1, 1 << 20, 2500),
        (2, 256 << 10, 3100),
        (3, 64 << 10, 2700),
    ] {
        let (producer, sent, head) = mixed(&format!(
            "--seed {seed} --capacity {capacity} --laps {laps} --max-payload {}",
            capacity / 32
        ));
        let floor = head - capacity;
        let whole: Vec<Sent> = sent
            .into_iter()
            .filter(|(offset, ..)| *offset >= floor)
            .collect();
        let torn = tail(&producer, "--from oldest --torn");
        assert_eq!(
            torn.iter().map(|(message, _)| *message).collect::<Vec<_>>(),
            whole
        );
        // It has committed all that it was given: it is writing over nothing.
        for ((offset, ..), integrity) in &torn {
            let expected = if *offset >= head - head % capacity {
                "intact"
            } else {
                "likely"
            };
            assert_eq!(integrity, expected, "{offset} of {head}");
        }
        let clear: Vec<_> = torn
            .into_iter()
            .filter(|(_, integrity)| integrity != "torn")
            .collect();
        assert!(clear.iter().any(|(_, integrity)| integrity == "likely"));
        assert_eq!(tail(&producer, "--from oldest"), clear);
        assert_eq!(tail(&producer, "-n 1000000"), clear);
        // A few more than there are in this lap.
        let likely = clear
            .iter()
            .filter(|(_, integrity)| integrity == "likely")
            .count();
        let last = &clear[likely - 3..];
        assert_eq!(tail(&producer, &format!("-n {}", last.len())), last);
        let lengths = |from: &[(Sent, String)]| -> Vec<Sent> {
            from.iter()
                .map(|(message, _)| *message)
                .filter(|(_, length, _)| *length >= 100)
                .collect()
        };
        let long = tail(&producer, "-n 1000000 --min-len 100");
        assert_eq!(
            long.into_iter()
                .map(|(message, _)| message)
                .collect::<Vec<_>>(),
            lengths(&clear)
        );
        // From the middle of an old message, and up to a place in the old lap.
        let (from, until) = (clear[1].0.0, clear[3].0.0);
        let some = tail(
            &producer,
            &format!("--from {} --until {}", from + 1, until + 1),
        );
        assert_eq!(some, clear[2..4]);
        let some = tail(&producer, &format!("-n 2 --until {until}"));
        assert_eq!(some, clear[1..3]);
    }
}

/// What the producer writes into room that it was given, and does not commit, was never a message, whatever it looks like.
#[test]
fn what_was_never_committed_is_no_message() {
    for (implementation, table) in [
        ("reference", ""),
        ("reference", "--hidden-table"),
        ("zbqtop", ""),
    ] {
        let place = Place::new();
        let arguments =
            format!("--impl {implementation} --payload 48 --hold --consumers 0 {table}");
        let mut producer = Peer::producer(&place.socket(), &arguments).settled();
        // One lap and a half of messages of 64 bytes.
        producer.ask("send 1536", "done");
        let pid = producer.pid().to_string();
        let told = |torn: &str| -> Vec<Value> {
            let mut arguments = vec![
                "tail", "--from", "oldest", "--format", "json", "--pid", &pid,
            ];
            arguments.extend(torn.split_whitespace());
            let lines = stdout(&arguments);
            lines
                .lines()
                .map(|line| serde_json::from_str(line).expect("JSON"))
                .collect()
        };
        let messages = |told: &[Value]| told.iter().filter(|one| one["seq_id"].is_u64()).count();
        let before = messages(&told(""));
        let whole = table.is_empty();
        assert!(before >= if whole { 1000 } else { 512 }, "{before}");
        producer.ask("fill", "filled");
        let after = told("");
        for message in &after {
            let text = message["text"].as_str().unwrap_or_default();
            assert!(!text.contains("!!!"), "{implementation} {table}: {message}");
        }
        assert_eq!(
            messages(&after),
            512,
            "{implementation} {table}: this lap's"
        );
        // Who asks for what is in doubt is told that it is.
        for message in told("--torn") {
            let text = message["text"].as_str().unwrap_or_default();
            let torn = message["integrity"] == "torn";
            assert!(
                torn || !text.contains("!!!"),
                "{implementation} {table}: {message}"
            );
        }
    }
}
