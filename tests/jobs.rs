//! Jobs that people come to the dashboard for, each done by keys alone on a ring of the reference.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::program::{run, stdout, zbqtop};
use crate::support::pty::Terminal;
use crate::support::{Peer, Place, contents};

const SEED: u64 = 9;
const LONGEST: usize = 60;

fn payload(seq_id: u64) -> Vec<u8> {
    contents(SEED, LONGEST, seq_id)
}

fn dashboard(producer: &Peer, place: &Path, size: (u16, u16)) -> Terminal {
    let mut command = zbqtop();
    // Named as htop's users would.
    command.arg(producer.pid().to_string()).current_dir(place);
    let mut terminal = Terminal::start(&mut command, size.1, size.0);
    terminal.wait("the dashboard", |text| text.contains("Messages"));
    terminal
}

/// Row of the screen on which a pane begins.
fn row(text: &str, title: &str) -> Option<usize> {
    text.lines().position(|line| line.contains(title))
}

/// More messages than the list keeps: one of the first is found, read with its neighbours, and all that match are written
/// into files that say the same.
#[test]
fn an_old_message_is_found_read_and_written() {
    let place = Place::new();
    let arguments = format!(
        "--impl reference --hold --consumers 0 --seed {SEED} --max-payload {LONGEST} --capacity 4194304 --messages 60000"
    );
    let producer = Peer::producer(&place.socket(), &arguments).settled();
    let mut terminal = dashboard(&producer, place.path(), (120, 40));
    terminal.keys("3");
    terminal.keys("/seq:100..110\r");
    terminal.wait("the newest match, far from the newest message", |text| {
        text.contains("11 matches, searched all") && text.contains("seq 110 ")
    });
    terminal.keys("N");
    terminal.wait("the match before", |text| text.contains("seq 109 "));
    terminal.keys("/\x15seq:7\r");
    terminal.wait("another one", |text| {
        text.contains("1 match, searched all") && text.contains("seq 7 ")
    });
    // What was typed before comes back.
    terminal.keys("/\x1b[A\x1b[A\r");
    terminal.wait("the search before", |text| {
        text.contains("11 match /seq:100..110")
    });
    terminal.keys("&");
    terminal.wait("only matches", |text| {
        text.contains("11 match &seq:100..110")
    });
    terminal.keys("g\r");
    terminal.wait("the first on the whole screen", |text| {
        text.contains("seq 100 ") && text.contains("f64 le") && !text.contains("Consumers")
    });
    terminal.keys("\x1b[C");
    terminal.wait("the next", |text| text.contains("seq 101 "));
    terminal.keys("\x1b");
    terminal.wait("the panes", |text| text.contains("Consumers"));
    for name in ["some.mcap", "some.bin"] {
        terminal.keys(&format!("W\x15{name}\r"));
        terminal.wait(name, |text| {
            text.contains(&format!("wrote {name}: 11 messages"))
        });
    }
    let mut expected = Vec::new();
    for seq_id in 100..=110 {
        let payload = payload(seq_id);
        expected.extend(u32::try_from(payload.len()).expect("short").to_le_bytes());
        expected.extend(payload);
    }
    let written = std::fs::read(place.path().join("some.bin")).expect("it is there");
    assert_eq!(written, expected);
    let file = place.path().join("some.mcap");
    let file = file.to_str().expect("text");
    let read = run(&[
        "tail",
        "--file",
        file,
        "-n",
        "99",
        "--format",
        "len-prefixed",
    ]);
    assert_eq!(read.stdout, expected);
    // Nothing is written over.
    terminal.keys("W\x15some.bin\r");
    terminal.wait("a refusal", |text| text.contains("never overwritten"));
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
}

/// What the list has kept of laps that the ring has written over is searched with it, and nothing is missing in between.
#[test]
fn what_the_list_kept_is_searched_with_the_ring() {
    let place = Place::new();
    let arguments = format!(
        "--impl reference --hold --consumers 0 --seed {SEED} --max-payload {LONGEST} --rate 500"
    );
    let mut producer = Peer::producer(&place.socket(), &arguments);
    let mut terminal = dashboard(&producer, place.path(), (120, 40));
    // More than two laps of its 64 KiB, slowly: the list keeps all of them.
    producer.ask("send 4000", "done");
    terminal.keys("3/seq:1..\r");
    terminal.wait("all of them", |text| {
        text.contains("4 000 matches, searched all")
    });
    terminal.keys("q");
    terminal.ended();
}

/// Above the oldest message of the list there are older ones.
#[test]
fn the_list_goes_on_into_the_ring() {
    let place = Place::new();
    let arguments = format!(
        "--impl reference --hold --consumers 0 --seed {SEED} --max-payload {LONGEST} --capacity 4194304 --messages 60000"
    );
    let producer = Peer::producer(&place.socket(), &arguments).settled();
    let mut terminal = dashboard(&producer, place.path(), (80, 24));
    terminal.keys("3g");
    let seq = |text: &str| -> Option<u64> {
        let at = text.find("seq ")? + 4;
        text[at..].split_whitespace().next()?.parse().ok()
    };
    let first = terminal.wait("the oldest of the list", |text| {
        seq(text).is_some_and(|seq| seq > 1 && seq < 60_000)
    });
    let first = seq(&first).expect("it was there");
    terminal.keys("k");
    terminal.wait("an older one", |text| seq(text) == Some(first - 1));
    terminal.keys("G");
    terminal.wait("the newest", |text| seq(text) == Some(60_000));
    terminal.keys("q");
    terminal.ended();
}

/// What happened is found by a word, and leads to whom it happened.
#[test]
fn an_event_is_found_and_leads_to_its_consumer() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --rate 500",
    );
    let mut terminal = dashboard(&producer, place.path(), (120, 40));
    let consumers: Vec<Peer> = (0..3)
        .map(|_| {
            let consumer = Peer::consumer(&place.socket(), "--impl reference --hold");
            terminal.wait("it", |text| text.contains(&format!(" {} ", consumer.pid())));
            consumer
        })
        .collect();
    let wanted = consumers[1].pid();
    terminal.wait("three events", |text| text.contains("events 3"));
    terminal.keys(&format!("2/joined {wanted}"));
    terminal.wait("one of them", |text| {
        text.contains(&format!("1 match /joined {wanted}"))
    });
    // While it is typed, no letter is a command.
    terminal.keys("q\x7f\r\r");
    terminal.wait("the consumer", |text| {
        let selected =
            |line: &str| line.contains('\u{25b8}') && line.contains(&format!(" {wanted} "));
        text.lines().any(selected) && text.contains("\u{25b8}1 Consumers")
    });
    terminal.keys("\r");
    terminal.wait("who it is", |text| {
        text.contains(&format!("pid {wanted}, peer, "))
            && text.contains("Joined")
            && text.contains(" UTC")
    });
    terminal.keys("\x03");
    assert_eq!(terminal.ended().code(), Some(0));
}

/// One pane at a time, and back.
#[test]
fn a_pane_is_enlarged() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --messages 50",
    )
    .settled();
    let mut terminal = dashboard(&producer, place.path(), (80, 24));
    terminal.keys("4z");
    terminal.wait("the bytes alone", |text| {
        text.contains("4 Hex") && !text.contains("Messages") && text.contains("f64 le")
    });
    terminal.keys("\x1b");
    terminal.wait("all of them", |text| text.contains("Messages"));
    terminal.keys("q");
    terminal.ended();
}

/// Whoever holds the last bytes of a ring is asked before they go, and can keep them.
#[test]
fn the_last_holder_is_warned() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --messages 50",
    )
    .settled();
    let mut terminal = dashboard(&producer, place.path(), (120, 40));
    producer.kill();
    terminal.wait("its end", |text| text.contains("ENDED"));
    terminal.keys("q");
    terminal.wait("a warning", |text| {
        text.contains("nobody else holds the bytes of this ring")
    });
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
}

/// Consumers come, hang, are evicted and come back: nothing of that moves a pane.
#[test]
fn panes_stay_where_they_are_while_the_demo_runs() {
    let mut command = zbqtop();
    command.arg("demo");
    let mut terminal = Terminal::start(&mut command, 24, 80);
    terminal.wait("the dashboard", |text| text.contains("3 Messages"));
    let before = row(&terminal.text(), "3 Messages");
    let begun = Instant::now();
    let mut screens = 0;
    while begun.elapsed() < Duration::from_secs(24) {
        std::thread::sleep(Duration::from_millis(50));
        let text = terminal.text();
        // A screen that is half drawn has no title, or the one before.
        if let Some(now) = row(&text, "3 Messages") {
            assert_eq!(Some(now), before, "{text}");
            screens += 1;
        }
    }
    assert!(screens > 100, "{screens}");
    terminal.keys("q");
    terminal.ended();
}

/// `tail` in a terminal has colours, and without them it is what it is in a pipe.
#[test]
fn tail_has_colours_on_a_terminal_alone() {
    let place = Place::new();
    let arguments = format!(
        "--impl reference --hold --consumers 0 --seed {SEED} --max-payload {LONGEST} --messages 9"
    );
    let producer = Peer::producer(&place.socket(), &arguments).settled();
    let pid = producer.pid().to_string();
    let common = ["tail", "--pid", &pid, "--from", "oldest"];
    let plain = stdout(&common);
    assert!(!plain.contains('\u{1b}'));
    assert_eq!(
        stdout(&[&common[..], &["--color", "never"]].concat()),
        plain
    );
    let colored = stdout(&[&common[..], &["--color", "always"]].concat());
    assert!(colored.contains("\u{1b}[36m00000000"), "{colored:?}");
    let mut stripped = String::new();
    let mut rest = &colored[..];
    while let Some(at) = rest.find('\u{1b}') {
        stripped.push_str(&rest[..at]);
        rest = &rest[at + rest[at..].find('m').expect("its end") + 1..];
    }
    assert_eq!(stripped + rest, plain);
    let mut command = zbqtop();
    command.args(common);
    let mut terminal = Terminal::start(&mut command, 60, 120);
    terminal.wait("its colours", |text| text.contains("seq 9 "));
    assert!(terminal.raw.windows(5).any(|bytes| bytes == b"\x1b[36m"));
    terminal.ended();
}
