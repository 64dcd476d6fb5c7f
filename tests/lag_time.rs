//! For how long a consumer has been behind: what is said is true of a real one, however seldom is looked.

use std::process::Stdio;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::support::program::{run, zbqtop};
use crate::support::{Peer, Place};

const COMMON: &str = "--impl reference --payload 48 --hold";

fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

fn ring(place: &Place) -> (Peer, Peer) {
    let arguments = format!("{COMMON} --consumers 0 --stall-timeout 600000");
    let producer = Peer::producer(&place.socket(), &arguments).settled();
    let consumer = Peer::consumer(&place.socket(), COMMON).settled();
    (producer, consumer)
}

#[test]
fn a_burst_between_two_looks_has_bounds() {
    for (wait_ms, interval) in [(300, "2s"), (1700, "2s")] {
        let place = Place::new();
        let (mut producer, _reads) = ring(&place);
        let mut command = zbqtop();
        command.args(["--json", "--interval", interval]);
        command.args(["--pid", &producer.pid().to_string()]);
        let child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(wait_ms));
        let before = monotonic_ns();
        producer.ask("send 5", "done");
        let after = monotonic_ns();
        let output = child.wait_with_output().expect("our child");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let ring = &report["rings"][0];
        let time = &ring["consumers"][0]["lag_time_ns"];
        let of = |name: &str| time[name].as_u64();
        let sampled = ring["sampled_ns"].as_u64().expect("a time");
        let (least, most) = (
            sampled.saturating_sub(after),
            sampled.saturating_sub(before),
        );
        assert!(
            of("low").expect("a bound") <= most,
            "{time} of {least} to {most}"
        );
        if let Some(high) = of("high") {
            assert!(high >= least, "{time} of {least} to {most}");
            let value = of("value").expect("bounded above, it has a value");
            assert!((of("low") <= Some(value)) && value <= high, "{time}");
        }
    }
}

#[test]
fn one_that_was_behind_before_is_watched_until_that_decides() {
    let place = Place::new();
    let (mut producer, mut reads) = ring(&place);
    producer.ask("send 5", "done");
    let pid = producer.pid().to_string();
    let lag_time = |limit: &str| {
        let output = run(&["check", "--json", "--max-lag", limit, "--pid", &pid]);
        let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let reasons = verdict["reasons"].as_array().expect("an array").clone();
        reasons.into_iter().find(|one| one["code"] == "lag-time")
    };
    // It stands: after that long it has been behind for too long, whatever came before the first look.
    let reason = lag_time("600ms").expect("a reason");
    assert_eq!(reason["severity"], "critical", "{reason:#}");
    assert!(reason["figure"]["at_least"].as_u64() > Some(600_000_000));
    // A limit so far off that it could not be waited for.
    let reason = lag_time("1h").expect("a reason");
    assert_eq!(reason["severity"], "unknown", "{reason:#}");
    reads.ask("take 5", "done");
    assert_eq!(lag_time("600ms"), None);
}
