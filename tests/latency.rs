//! How long after it happened a thing is told, at ten looks a second: printed, median and largest. Not among the default
//! tests: `cargo test --release --test main latency -- --ignored --nocapture`.

use std::io::Write as _;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::watch::{Watch, consumer};
use crate::support::{Peer, Place};

const ROUNDS: usize = 20;

/// What is done, and how it is known to have been told.
struct Case {
    name: &'static str,
    cause: fn(&mut Peer, &mut Peer, &Place) -> Option<Peer>,
    told: fn(&Watch, &Value, &Peer) -> bool,
}

fn has_told(watch: &Watch, kind: &str) -> bool {
    watch.told.iter().any(|event| event["kind"] == kind)
}

static CASES: [Case; 7] = [
    Case {
        name: "joined",
        cause: |_, _, place| Some(Peer::consumer(&place.socket(), COMMON)),
        told: |watch, _, _| has_told(watch, "joined"),
    },
    Case {
        name: "a consumer is killed: dead",
        cause: |_, reads, _| {
            reads.kill();
            None
        },
        told: |_, ring, _| ring["consumers"][0]["state"] == "dead",
    },
    Case {
        name: "a consumer unmaps and lives on: left",
        cause: |_, reads, _| {
            reads.ask("leave", "left");
            None
        },
        told: |_, ring, reads| consumer(ring, reads)["state"] == "left",
    },
    Case {
        name: "evicted by a scan",
        cause: |producer, reads, _| {
            // A tail above head.
            reads.ask("publish +64", "published");
            producer.ask("scan", "scanned");
            None
        },
        told: |watch, _, _| has_told(watch, "evicted"),
    },
    Case {
        name: "the producer is stopped",
        cause: |producer, _, _| {
            producer.signal(Signal::STOP);
            None
        },
        told: |_, ring, _| ring["state"] == "stopped",
    },
    Case {
        name: "the ring is given up",
        cause: |producer, _, _| {
            producer.ask("destroy", "destroyed");
            None
        },
        told: |watch, _, _| has_told(watch, "ring_ended"),
    },
    Case {
        name: "the producer is killed",
        cause: |producer, _, _| {
            producer.kill();
            None
        },
        told: |watch, _, _| has_told(watch, "producer_gone"),
    },
];

const COMMON: &str = "--impl reference --payload 48 --hold";

#[test]
#[ignore = "measures, and takes a few minutes"]
fn latency_from_cause_to_event() {
    for case in &CASES {
        let mut times: Vec<Duration> = (0..ROUNDS).map(|_| time(case)).collect();
        times.sort_unstable();
        let line = format!(
            "{}: median {:.0?}, largest {:.0?}",
            case.name,
            times[ROUNDS / 2],
            times[ROUNDS - 1]
        );
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

fn time(case: &Case) -> Duration {
    let place = Place::new();
    let arguments = format!("{COMMON} --consumers 0 --stall-timeout 600000");
    let mut producer = Peer::producer(&place.socket(), &arguments).settled();
    let mut reads = Peer::consumer(&place.socket(), COMMON).settled();
    producer.ask("send 5", "done");
    reads.ask("take 5", "done");
    let mut watch = Watch::of(&producer);
    watch.until("idle", |ring| ring["state"] == "idle");
    let since = Instant::now();
    let _comes = (case.cause)(&mut producer, &mut reads, &place);
    loop {
        let ring = watch.next();
        if (case.told)(&watch, &ring, &reads) {
            return since.elapsed();
        }
        assert!(since.elapsed() < crate::support::PATIENCE, "{}", case.name);
    }
}
