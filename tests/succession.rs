//! One ring takes the place of another: made anew by the same process, by another program in it, or by another process at
//! the same socket. Whoever asked for it by name goes on with the new one, and is told.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::support::program::zbqtop;
use crate::support::pty::Terminal;
use crate::support::verdict::assert_words;
use crate::support::watch::{Watch, consumer};
use crate::support::{Peer, Place, eventually};

const COMMON: &str = "--impl reference --payload 48 --hold";

fn producer(place: &Place) -> Peer {
    let arguments = format!("{COMMON} --consumers 0 --stall-timeout 600000");
    Peer::producer(&place.socket(), &arguments).settled()
}

/// How a place is named: by its socket, or by the process.
fn named(place: &Place, producer: &Peer, by_socket: bool) -> [String; 2] {
    if by_socket {
        ["--socket".into(), place.socket().display().to_string()]
    } else {
        ["--pid".into(), producer.pid().to_string()]
    }
}

struct Tail {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Tail {
    fn start(arguments: &str, target: &[String]) -> Self {
        let mut command: Command = zbqtop();
        command.arg("tail").args(arguments.split_whitespace());
        command.args(target);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, lines }
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("text");
        serde_json::from_str(&line).unwrap_or(Value::String(line))
    }

    /// Waits for its end; the rest of its output, and what it said.
    fn end(mut self) -> (String, String) {
        eventually("tail ends", || self.child.try_wait().expect("our child"));
        let (mut rest, mut said) = (String::new(), String::new());
        self.lines.read_to_string(&mut rest).expect("text");
        let mut stderr = self.child.stderr.take().expect("piped");
        stderr.read_to_string(&mut said).expect("text");
        (rest, said)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn watching_goes_on_with_the_ring_that_was_made_anew() {
    for by_socket in [true, false] {
        let place = Place::new();
        let mut producer = producer(&place);
        let mut before = Peer::consumer(&place.socket(), COMMON).settled();
        producer.ask("send 5", "done");
        before.ask("take 5", "done");
        let target = named(&place, &producer, by_socket);
        let mut watch = Watch::start(&[&target[0], &target[1]], "100ms");
        producer.ask("remake", "remade");
        watch.until("the end of the old one", |ring| ring["state"] == "ended");
        let new = watch.until_told("ring_new");
        assert_words(&new, &["a new ring, ", ", replaces the previous one"]);
        producer.ask("send 3", "done");
        let after = Peer::consumer(&place.socket(), COMMON).settled();
        let ring = watch.until("the new one", |ring| {
            ring["state"] != "ended" && ring["control"]["producer_head"] == 192
        });
        assert_eq!(ring["producer"]["alive"], true);
        // Of the old one's consumers nothing is said any more, and of the new one's nothing wrong.
        let ring = watch.until_state(&after, "idle");
        assert!(consumer(&ring, &before).is_null(), "{ring:#}");
        watch.settle();
        let told: Vec<&Value> = watch.told.iter().map(|event| &event["kind"]).collect();
        assert_eq!(told, ["ring_ended", "ring_new", "joined"]);
        let found: Vec<&String> = watch.found.keys().map(|(code, _)| code).collect();
        assert_eq!(found, ["ring-ended"], "{:#?}", watch.found);
    }
}

#[test]
fn a_ring_whose_process_becomes_another_program_has_ended() {
    let place = Place::new();
    let mut producer = producer(&place);
    producer.ask("send 5", "done");
    let mut watch = Watch::of(&producer);
    producer.ask("exec", "becomes");
    watch.until_told("ring_ended");
    let ring = watch.until("its end", |ring| ring["state"] == "ended");
    assert_eq!(ring["producer"]["alive"], false);
}

#[test]
fn a_socket_that_another_process_answers_is_gone_on_with() {
    let place = Place::new();
    let mut old = producer(&place);
    old.ask("send 5", "done");
    let target = named(&place, &old, true);
    let mut watch = Watch::start(&[&target[0], &target[1]], "100ms");
    old.kill();
    watch.until_told("producer_gone");
    std::fs::remove_file(place.socket()).expect("its socket");
    let new = producer(&place);
    let told = watch.until_told("ring_new");
    assert_eq!(told["pid"], new.pid());
    watch.until("the new one", |ring| ring["producer"]["pid"] == new.pid());
}

#[test]
fn tail_goes_on_only_if_asked_to() {
    let place = Place::new();
    let mut producer = producer(&place);
    producer.ask("send 2", "done");
    let target = named(&place, &producer, true);
    let mut ends = Tail::start("-f --format json", &target);
    let mut goes_on = Tail::start("-F --format json", &target);
    for tail in [&mut ends, &mut goes_on] {
        let offsets = [tail.next()["offset"].clone(), tail.next()["offset"].clone()];
        assert_eq!(offsets, [0, 64]);
    }
    producer.ask("remake", "remade");
    producer.ask("send 3", "done");
    let (rest, said) = ends.end();
    assert_eq!(rest, "");
    assert!(
        said.contains("has closed this ring but is still running"),
        "{said}"
    );
    let begins = goes_on.next();
    let id = begins["ring"].as_str().expect("an id").to_owned();
    assert!(id.starts_with(&format!("{}/", producer.pid())), "{id}");
    assert_eq!(begins["ring_capacity"], 65536);
    for offset in [0, 64, 128] {
        assert_eq!(goes_on.next()["offset"], offset);
    }
    producer.ask("send 1", "done");
    assert_eq!(goes_on.next()["offset"], 192);
}

#[test]
fn a_true_consumer_does_not_take_two_rings_for_one() {
    let place = Place::new();
    let mut producer = producer(&place);
    let target = named(&place, &producer, true);
    let mut ends = Tail::start("--lossless --format json", &target);
    producer.expect("joined");
    let mut goes_on = Tail::start("--lossless -F --format json", &target);
    producer.expect("joined");
    producer.ask("send 3", "done");
    for tail in [&mut ends, &mut goes_on] {
        for offset in [0, 64, 128] {
            assert_eq!(tail.next()["offset"], offset);
        }
    }
    producer.ask("remake", "remade");
    let (rest, said) = ends.end();
    assert_eq!(rest, "", "no gap from one ring to another");
    assert!(
        said.contains("has closed this ring but is still running"),
        "{said}"
    );
    producer.expect("joined");
    producer.ask("send 2", "done");
    assert_eq!(goes_on.next()["ring_capacity"], 65536);
    for offset in [0, 64] {
        assert_eq!(goes_on.next()["offset"], offset);
    }
}

#[test]
fn the_dashboard_goes_on_and_says_so() {
    let place = Place::new();
    let mut producer = producer(&place);
    producer.ask("send 5", "done");
    let mut command = zbqtop();
    command.args(named(&place, &producer, true));
    let mut terminal = Terminal::start(&mut command, 40, 120);
    terminal.wait("the ring", |text| text.contains("320"));
    producer.ask("remake", "remade");
    terminal.wait("the end and the new one", |text| {
        text.contains("ring ended") && text.contains("ring new")
    });
    producer.ask("send 3", "done");
    terminal.wait("the new one", |text| {
        text.contains("192") && text.contains("idle")
    });
    // With its end it is another matter: what it held last is to be looked at.
    producer.kill();
    terminal.wait("its end", |text| text.contains("producer gone"));
}

/// A ring is given up, and its socket is answered by another process, while the first lives on.
#[test]
fn a_socket_that_is_left_to_another_process() {
    let place = Place::new();
    let mut old = producer(&place);
    old.ask("send 5", "done");
    let target = named(&place, &old, true);
    let mut watch = Watch::start(&[&target[0], &target[1]], "100ms");
    old.ask("destroy", "destroyed");
    watch.until_told("ring_ended");
    std::fs::remove_file(place.socket()).expect("its socket");
    let mut new = producer(&place);
    let told = watch.until_told("ring_new");
    assert_eq!(told["pid"], new.pid());
    new.ask("send 1", "done");
    watch.until("the new one", |ring| {
        ring["producer"]["pid"] == new.pid() && ring["control"]["producer_head"] == 64
    });
}

/// Which ring takes the place of one that was chosen by its number is not guessed.
#[test]
fn a_ring_that_was_chosen_by_number_has_no_successor() {
    let place = Place::new();
    let producer = producer(&place);
    let pid = producer.pid().to_string();
    let output = crate::support::program::run(&["tail", "-F", "--ring", "0", "--pid", &pid]);
    let said = crate::support::program::stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("chosen with --ring or --fd"), "{said}");
}
