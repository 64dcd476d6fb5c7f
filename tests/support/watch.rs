//! `zbqtop snapshot --watch --json` as a child, read line by line: what was told, and what was ever said of each
//! consumer.
//!
//! Owns the reading and the looking up. What should have been said is for the tests to know.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use serde_json::Value;

use super::program::zbqtop;
use super::{PATIENCE, Peer};

/// In this time whatever has begun comes to its end: an end is told once it has lasted for two seconds.
const SETTLES_IN_NS: u64 = 2_300_000_000;

/// A ring's JSON, line by line, and the events in it.
pub(crate) struct Watch {
    child: Child,
    lines: Receiver<String>,
    /// Every event, in order.
    pub(crate) told: Vec<Value>,
    /// The states that each process was ever in.
    states: BTreeMap<u64, BTreeSet<String>>,
    /// Every finding that was ever there, by code and severity, in the words of the first.
    pub(crate) found: BTreeMap<(String, String), String>,
    /// Lines read.
    pub(crate) looks: usize,
}

impl Watch {
    /// Watches the only ring of `producer`, ten times a second; by the time that this returns, the first line has been
    /// read.
    pub(crate) fn of(producer: &Peer) -> Self {
        Self::start(&["--pid", &producer.pid().to_string()], "100ms")
    }

    /// The same of any target, at any rate.
    pub(crate) fn start(target: &[&str], period: &str) -> Self {
        let mut child = zbqtop()
            .args(["snapshot", "--watch", period, "--json"])
            .args(target)
            .stdout(Stdio::piped())
            .spawn()
            .expect("zbqtop starts");
        // By a thread: a watch that nobody reads for a while goes on looking at the ring.
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let mut watch = Self {
            child,
            lines,
            told: Vec::new(),
            states: BTreeMap::new(),
            found: BTreeMap::new(),
            looks: 0,
        };
        watch.next();
        watch
    }

    /// The ring in the next line.
    pub(crate) fn next(&mut self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("more");
        let mut report: Value = serde_json::from_str(&line).expect("JSON");
        let ring = report["rings"][0].take();
        self.looks += 1;
        self.told.extend(all(&ring, "events").cloned());
        for consumer in all(&ring, "consumers") {
            if let Some(pid) = consumer["pid"].as_u64() {
                let states = self.states.entry(pid).or_default();
                states.insert(text(consumer, "state"));
            }
        }
        for finding in all(&ring, "findings") {
            let which = (text(finding, "code"), text(finding, "severity"));
            let words = || text(finding, "message");
            self.found.entry(which).or_insert_with(words);
        }
        ring
    }

    /// Reads on until the ring is as `wanted`.
    pub(crate) fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let ring = self.next();
            if wanted(&ring) {
                return ring;
            }
            let told = &self.told;
            assert!(
                Instant::now() < until,
                "{what} does not come: {ring:#}, told: {told:#?}"
            );
        }
    }

    /// Reads on until `peer` is in this state; the ring then.
    pub(crate) fn until_state(&mut self, peer: &Peer, state: &str) -> Value {
        let is_so = |ring: &Value| consumer(ring, peer)["state"] == state;
        self.until(&format!("pid {}: {state}", peer.pid()), is_so)
    }

    /// Reads on until `kind` was told.
    pub(crate) fn until_told(&mut self, kind: &str) -> Value {
        self.until_told_times(kind, 1)
    }

    /// Reads on until `kind` was told so many times; the last of them.
    pub(crate) fn until_told_times(&mut self, kind: &str, times: usize) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut told = self.told.iter().filter(|event| event["kind"] == kind);
            if let Some(event) = told.nth(times - 1) {
                return event.clone();
            }
            let told = &self.told;
            assert!(
                Instant::now() < until,
                "{kind} is not told; told: {told:#?}"
            );
            self.next();
        }
    }

    /// Reads on until nothing more can come of what has happened so far.
    pub(crate) fn settle(&mut self) {
        settle(std::slice::from_mut(self));
    }

    /// Asserts what was told of a process, or of none.
    pub(crate) fn told_of(&self, pid: Option<u32>, kinds: &[&str]) {
        let kind = |event: &Value| event["kind"].as_str().map(str::to_owned);
        let about = |event: &&Value| match event["kind"].as_str() {
            // The one who is to blame for it is named, but it is the ring that is clogged.
            Some("clogged" | "unclogged") => pid.is_none(),
            _ => event["pid"].as_u64() == pid.map(u64::from),
        };
        let told: Vec<String> = self.told.iter().filter(about).filter_map(kind).collect();
        assert_eq!(told, kinds, "of {pid:?}: {:#?}", self.told);
    }

    /// The states that `peer` was ever in.
    pub(crate) fn states_of(&self, peer: &Peer) -> Vec<&str> {
        let states = self.states.get(&u64::from(peer.pid())).into_iter();
        states.flatten().map(String::as_str).collect()
    }

    /// The processes that were ever seen to consume.
    pub(crate) fn pids(&self) -> Vec<u64> {
        self.states.keys().copied().collect()
    }
}

/// Reads on in all of them until nothing more can come of what has happened so far.
pub(crate) fn settle(watches: &mut [Watch]) {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now = now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs();
    for watch in watches {
        watch.until("an end to it all", |ring| {
            ring["sampled_ns"].as_u64() > Some(now + SETTLES_IN_NS)
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a ring has several of.
fn all<'a>(ring: &'a Value, what: &str) -> impl Iterator<Item = &'a Value> {
    ring[what].as_array().expect("there, if empty").iter()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().expect("text").to_owned()
}

/// What a ring says of the one consumer that is this process; null: nothing.
pub(crate) fn consumer(ring: &Value, peer: &Peer) -> Value {
    let found: Vec<&Value> = all(ring, "consumers")
        .filter(|one| one["pid"] == peer.pid())
        .collect();
    assert!(found.len() < 2, "it is there twice: {found:?}");
    found.first().map_or(Value::Null, |one| (*one).clone())
}

/// Code, severity and process of each finding, worst first.
pub(crate) fn findings(ring: &Value) -> Vec<(String, String, Option<u64>)> {
    let finding = |one: &Value| {
        let (code, severity) = (text(one, "code"), text(one, "severity"));
        (code, severity, one["pid"].as_u64())
    };
    all(ring, "findings").map(finding).collect()
}
