//! No false alarm: healthy rings, watched for ten minutes each at ten samples a second. Not among the default tests:
//! `cargo build --release --example peer`, then `cargo test --release --test main soak -- --ignored --nocapture`;
//! `ZBQTOP_SOAK=10` for ten seconds.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::support::program::run;
use crate::support::watch::Watch;
use crate::support::{Peer, Place};

/// A healthy ring: its producer sends what `produce` says, `consume` are what its consumers do.
fn soak(name: &str, produce: &str, consume: &[&str], states: &[&str]) {
    let seconds = std::env::var("ZBQTOP_SOAK").ok();
    let seconds = seconds.map_or(600, |text| text.parse().expect("seconds"));
    let place = Place::new();
    let common = "--payload 48 --messages 1000000000";
    let arguments = format!(
        "--impl reference {common} {produce} --consumers {}",
        consume.len()
    );
    let producer = Peer::producer(&place.socket(), &arguments);
    // They come one after the other, and the first message when all are there: nothing before is worth a word either.
    let mut watch = Watch::of(&producer);
    let consumers: Vec<Peer> = consume
        .iter()
        .map(|how| {
            let whose = if how.contains("--impl") {
                ""
            } else {
                "--impl reference"
            };
            Peer::consumer(&place.socket(), &format!("{whose} {common} {how}"))
        })
        .collect();
    let until = Instant::now() + Duration::from_secs(seconds);
    let (mut checks, mut looks_at_check) = (0, 0);
    let mut widest = 0.0_f64;
    while Instant::now() < until {
        let ring = watch.next();
        for consumer in ring["consumers"].as_array().expect("an array") {
            widest = widest.max(consumer["lag_percent"].as_f64().unwrap_or(0.0));
        }
        if watch.looks - looks_at_check >= 20 {
            let output = run(&["check", "--pid", &producer.pid().to_string()]);
            let line = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(output.status.code(), Some(0), "{line}");
            (checks, looks_at_check) = (checks + 1, watch.looks);
        }
    }
    for (peer, how) in consumers.iter().zip(consume) {
        watch.told_of(Some(peer.pid()), &["joined"]);
        let seen = watch.states_of(peer);
        let calm = |state: &&str| states.contains(state);
        assert!(seen.iter().all(calm), "{how}: {seen:?}");
    }
    assert_eq!(watch.told.len(), consume.len(), "{:#?}", watch.told);
    let alarms: Vec<_> = watch
        .found
        .iter()
        .filter(|((_, severity), _)| severity != "info")
        .collect();
    assert!(alarms.is_empty(), "{alarms:#?}");
    let ring = watch.next();
    assert!(ring["control"]["producer_head"].as_u64() > Some(0));
    let line = format!(
        "{name}: {seconds} s, {} looks, {checks} checks OK, widest lag {widest:.1} %, head {}, infos {:?}",
        watch.looks,
        ring["control"]["producer_head"],
        watch.found.keys().map(|(code, _)| code).collect::<Vec<_>>()
    );
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Some wait for each message; some take what has come in a while, the last of them so much that it lags meanwhile.
#[test]
#[ignore = "takes ten minutes"]
fn soak_busy() {
    soak(
        "busy",
        "--capacity 262144 --rate 5000 --mode push",
        &[
            "--mode push",
            "--mode push",
            "--mode pull --poll 1",
            "--mode pull --poll 20",
            "--mode pull --poll 300",
        ],
        &["ok", "idle", "lagging"],
    );
}

#[test]
#[ignore = "takes ten minutes"]
fn soak_busy_without_wakes() {
    soak(
        "busy, without wakes",
        "--capacity 262144 --rate 5000",
        &["--poll 1", "--poll 5", "--poll 300"],
        &["ok", "idle", "lagging"],
    );
}

/// A message every other second, and consumers that wait for it, one by asking now and then, and never at the same time
/// after a message.
#[test]
#[ignore = "takes ten minutes"]
fn soak_quiet() {
    soak(
        "quiet",
        "--rate 0.5 --mode push --stall-timeout 1000",
        &[
            "--mode push",
            "--mode push",
            "--mode pull --poll 10",
            "--mode pull --poll 700",
        ],
        &["ok", "idle"],
    );
}

/// Many at once, and then none for a while.
#[test]
#[ignore = "takes ten minutes"]
fn soak_bursts() {
    soak(
        "bursts",
        "--capacity 262144 --rate 800 --burst 1600 --mode push",
        &[
            "--mode push",
            "--mode pull --poll 1",
            "--mode pull --poll 150",
        ],
        &["ok", "idle", "lagging"],
    );
}

/// Consumers that take messages as they come and publish once a second, and one that looks every two seconds.
#[test]
#[ignore = "takes ten minutes"]
fn soak_publishes_seldom() {
    soak(
        "publishes seldom",
        "--capacity 1048576 --rate 1000",
        &["--impl zbqtop --publish 1000", "--poll 2000", "--poll 5"],
        &["ok", "idle"],
    );
}
