//! `events`: what happens to real rings, told as it happens and as it was recorded.

use std::io::{BufRead as _, BufReader};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::program::{run, stderr, stdout, zbqtop};
use crate::support::recordings::{Recording, text};
use crate::support::{PATIENCE, Peer, Place, eventually};

/// `events`, ended with the test.
struct Telling {
    child: Child,
    lines: Receiver<String>,
}

impl Telling {
    fn start(arguments: &[&str]) -> Self {
        let mut command = zbqtop();
        command.arg("events").args(arguments);
        Self::of(&mut command)
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        Self { child, lines }
    }

    /// The next line that `wanted` says yes to.
    fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("a line");
            if wanted(&line) {
                return line;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a pid");
        kill_process(pid, signal).expect("it runs");
    }

    fn wait(mut self) -> Option<i32> {
        let status = eventually("it ends", || self.child.try_wait().expect("a child"));
        status.code()
    }
}

/// Waits until a process has mapped a ring.
fn has_mapped(pid: u32) {
    eventually("it maps the ring", || {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
        maps.contains("zbq_ctrl").then_some(())
    });
}

fn producer(place: &Place) -> Peer {
    Peer::producer(&place.socket(), "--impl reference --hold --consumers 0").settled()
}

fn consumer(place: &Place) -> Peer {
    Peer::consumer(&place.socket(), "--impl reference --payload 48 --hold")
}

#[test]
fn what_happens_is_told_as_it_happens_until_the_ring_is_over() {
    let place = Place::new();
    let mut producer = producer(&place);
    let pid = producer.pid().to_string();
    let words = Telling::start(&["--pid", &pid]);
    let json = Telling::start(&["--pid", &pid, "--json"]);
    let critical = Telling::start(&["--pid", &pid, "--severity", "critical"]);
    for telling in [&words, &json, &critical] {
        has_mapped(telling.child.id());
    }
    // They watch once they tell of somebody who joins.
    let (reader, line) = eventually("they watch", || {
        let reader = consumer(&place);
        let told = words.lines.recv_timeout(Duration::from_secs(3)).ok()?;
        assert!(told.contains(" info "), "{told}");
        let line = json.lines.recv_timeout(Duration::from_secs(3)).ok()?;
        Some((reader, line))
    });
    let event: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(event["producer"], "peer");
    assert!(event["ring"].as_str().expect("text").starts_with(&pid));
    assert_eq!(event["severity"], "info");
    drop(reader);
    producer.ask("scan", "scanned");
    json.line(|line| line.contains("\"left\""));
    producer.kill();
    let end = words.line(|line| line.contains("producer gone"));
    assert!(end.contains(" critical ") && end.contains(&pid), "{end}");
    json.line(|line| line.contains("\"producer_gone\""));
    let only = critical.line(|_| true);
    assert!(only.contains("producer gone"), "{only}");
    for telling in [words, json, critical] {
        assert_eq!(telling.wait(), Some(0));
    }
}

#[test]
fn every_ring_is_told_of_and_a_signal_ends_it() {
    let all = Telling::start(&["--json"]);
    let place = Place::new();
    let mut producer = producer(&place);
    let pid = producer.pid();
    let _readers = eventually("it is watched", || {
        let reader = consumer(&place);
        let ours = |line: &String| line.contains(&format!("\"ring\":\"{pid}/"));
        let found = std::iter::from_fn(|| all.lines.recv_timeout(Duration::from_secs(3)).ok());
        found.take(1000).find(ours).map(|_| reader)
    });
    producer.kill();
    all.line(|line| line.contains(&format!("\"ring\":\"{pid}/")) && line.contains("producer_gone"));
    all.signal(Signal::TERM);
    assert_eq!(all.wait(), Some(0));
}

#[test]
fn the_journal_is_told_how_bad_it_is() {
    let place = Place::new();
    let mut producer = producer(&place);
    let pid = producer.pid().to_string();
    // As systemd does: the name of the stream that stdout is.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let stat = rustix::fs::fstat(writer.as_fd()).expect("it is open");
    let mut child = zbqtop()
        .args(["events", "--pid", &pid])
        .env("JOURNAL_STREAM", format!("{}:{}", stat.st_dev, stat.st_ino))
        .stdout(writer)
        .spawn()
        .expect("it starts");
    has_mapped(child.id());
    // It has looked at it, too.
    std::thread::sleep(Duration::from_secs(1));
    producer.kill();
    let lines: Vec<String> = BufReader::new(reader)
        .lines()
        .map_while(Result::ok)
        .collect();
    assert!(child.wait().expect("a child").success());
    let gone = lines.iter().find(|line| line.contains("producer gone"));
    assert!(
        gone.is_some_and(|line| line.starts_with("<2>")),
        "{lines:?}"
    );
}

#[test]
fn a_command_is_run_for_each_one_after_the_other_and_not_for_ever() {
    let place = Place::new();
    let mut producer = producer(&place);
    let pid = producer.pid().to_string();
    let script = place.path().join("hook");
    let log = place.path().join("log");
    // It takes its time, and hangs at the end of the producer.
    let text = format!(
        "#!/bin/sh\nread -r event\necho \"$event\" >>'{log}'\necho said\ncase $event in *producer_gone*) sleep 1000;; esac\n",
        log = log.display()
    );
    std::fs::write(&script, text).expect("ours");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).expect("ours");
    let exec = script.display().to_string();
    let mut command = zbqtop();
    command
        .args(["events", "--pid", &pid, "--json", "--exec", &exec])
        .args(["--exec-timeout", "300ms"])
        .stderr(Stdio::piped());
    let mut telling = Telling::of(&mut command);
    let said = telling.child.stderr.take().expect("a pipe");
    let _reader = eventually("it watches", || {
        let reader = consumer(&place);
        telling.lines.recv_timeout(Duration::from_secs(3)).ok()?;
        Some(reader)
    });
    producer.kill();
    assert_eq!(telling.wait(), Some(0));
    let said: Vec<String> = BufReader::new(said).lines().map_while(Result::ok).collect();
    assert!(said.iter().any(|line| line == "said"), "{said:?}");
    let late = |line: &String| {
        line.contains("--exec: the command was stopped: it took longer than 300 ms")
    };
    assert!(said.iter().any(late), "{said:?}");
    let log = std::fs::read_to_string(log).expect("text");
    let kinds = log.lines().map(|line| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        event["kind"].as_str().expect("text").to_owned()
    });
    let kinds: Vec<String> = kinds.collect();
    assert!(kinds.contains(&"joined".to_owned()) && kinds.contains(&"producer_gone".to_owned()));
}

#[test]
fn a_command_does_not_outlive_the_program_that_runs_it() {
    let place = Place::new();
    let mut producer = producer(&place);
    let pid = producer.pid().to_string();
    let log = place.path().join("log");
    // It neither reads nor ends.
    let hook = format!("echo $$ >>'{}'; sleep 1000", log.display());
    let telling = Telling::start(&["--pid", &pid, "--exec", &hook, "--exec-timeout", "1h"]);
    let _reader = eventually("it watches", || {
        let reader = consumer(&place);
        telling.lines.recv_timeout(Duration::from_secs(3)).ok()?;
        Some(reader)
    });
    let hooked = eventually("it runs", || {
        let text = std::fs::read_to_string(&log).ok()?;
        text.lines().next()?.parse::<i32>().ok()
    });
    telling.signal(Signal::TERM);
    assert_eq!(telling.wait(), Some(0));
    assert!(!std::path::Path::new(&format!("/proc/{hooked}")).exists());
    producer.kill();
}

#[test]
fn what_was_recorded_is_told_in_its_order() {
    let place = Place::new();
    let mut producer = producer(&place);
    let recording = Recording::of(&producer, place.path().join("night.mcap"), "");
    let reader = consumer(&place);
    let file = text(&recording.path);
    let has = |kind: &str| {
        let output = run(&["events", "--json", "--file", &file]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.contains(kind).then_some(())
    };
    eventually("it is recorded", || has("\"joined\""));
    drop(reader);
    producer.ask("scan", "scanned");
    eventually("it is recorded", || has("\"left\""));
    producer.kill();
    let file = text(&recording.finish());
    let told = stdout(&["events", "--json", "--file", &file]);
    let events: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["joined", "left", "producer_gone"]);
    // What was recorded can wait: a command that is slow misses nothing.
    let log = place.path().join("log");
    let hook = format!("cat >>'{}'; sleep 0.1", log.display());
    stdout(&["events", "--json", "--file", &file, "--exec", &hook]);
    assert_eq!(std::fs::read_to_string(log).expect("text"), told);
    let words = stdout(&["events", "--file", &file, "--severity", "critical"]);
    assert_eq!(words.lines().count(), 1);
    assert!(words.contains("producer gone"), "{words}");
    assert_eq!(stdout(&["events", "--file", &file, "--at", "+0s"]), "");
    let wrong = run(&["events", "--exec-timeout", "1s"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
}
