//! Several rings in one process, several in one consumer, and a ring with as many consumers as anyone has: each is seen
//! for what it is, and nothing is mixed up.

use std::io::Write as _;
use std::time::Instant;

use serde_json::Value;

use crate::support::program::{ring as ring_of, run};
use crate::support::verdict::{assert_found, assert_reason, check, checked, verdict};
use crate::support::watch::{Watch, consumer, settle};
use crate::support::{Peer, Place, eventually};

const COMMON: &str = "--impl reference --payload 48 --hold";
const CROWD: usize = 64;

#[test]
fn sixty_four_consumers() {
    let place = Place::new();
    let arguments = format!("{COMMON} --consumers {CROWD} --max-consumers {CROWD}");
    let producer = Peer::producer(
        &place.socket(),
        &format!("{arguments} --stall-timeout 8000"),
    );
    let mut peers: Vec<Peer> = (0..CROWD)
        .map(|_| Peer::start("consume", &place.socket(), COMMON))
        .collect();
    for peer in &mut peers {
        peer.expect("joined");
        peer.expect("done");
    }
    let mut producer = producer.settled();
    let mut watch = Watch::of(&producer);
    producer.ask("send 10", "done");
    for peer in &mut peers[8..] {
        peer.ask("take 10", "done");
    }
    for peer in &mut peers[..4] {
        peer.kill();
    }
    let expected = |index: usize| match index {
        0..4 => "dead",
        4..8 => "stalled",
        _ => "idle",
    };
    let seen = watch.until("all as they are", |ring| {
        let is_so = |(index, peer)| consumer(ring, peer)["state"] == expected(index);
        peers.iter().enumerate().all(is_so)
    });
    let consumers = seen["consumers"].as_array().expect("an array");
    assert_eq!(consumers.len(), CROWD);
    assert_eq!(seen["hidden_consumers"], 0);
    if seen["attach"]["slot_table"] == true {
        let mut slots: Vec<_> = consumers.iter().map(|one| one["slot"].as_u64()).collect();
        slots.sort_unstable();
        assert_eq!(slots, (0..CROWD as u64).map(Some).collect::<Vec<_>>());
        assert_eq!(seen["slots"]["used"], CROWD);
    }
    let output = run(&["check", "--json", "--pid", &producer.pid().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let reasons = verdict["reasons"].as_array().expect("an array");
    let of = |code: &str| {
        let reasons = reasons.iter().filter(|reason| reason["code"] == code);
        let mut pids: Vec<_> = reasons.map(|reason| reason["pid"].as_u64()).collect();
        pids.sort_unstable();
        pids
    };
    // Of processes that ended before it came, a check cannot know the pids.
    assert_eq!(of("consumer-dead"), [None; 4]);
    let mut stalled: Vec<_> = peers[4..8]
        .iter()
        .map(|peer| Some(peer.pid().into()))
        .collect();
    stalled.sort_unstable();
    assert_eq!(of("consumer-stalled"), stalled);
    assert_eq!(reasons.len(), 8);
    watch.settle();
    let stalled = watch.told.iter().filter(|event| event["kind"] == "stalled");
    assert_eq!(stalled.count(), 4, "{:#?}", watch.told);
    assert_eq!(watch.told.len(), 4, "{:#?}", watch.told);
    let start = Instant::now();
    ring_of(producer.pid());
    let line = format!("a snapshot of {CROWD} consumers took {:?}", start.elapsed());
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn two_rings_in_one_process() {
    let place = Place::new();
    let mut holder = Peer::holder(&format!("rings {} 2", place.path().display()));
    let pid = holder.pid().to_string();
    let targets = ["0", "1"].map(|ring| ["--pid", &pid, "--ring", ring]);
    let mut watches = targets.map(|target| Watch::start(&target, "100ms"));
    let reader = |ring: &str| {
        let socket = place.path().join(ring);
        Peer::consumer(&socket, &format!("{COMMON} --stream")).settled()
    };
    let [mut first, mut killed, other] = [reader("0"), reader("0"), reader("1")];
    watches[0].until_told_times("joined", 2);
    watches[1].until_told("joined");
    killed.kill();
    holder.ask("send 0 1", "done");
    first.ask("take 1", "done");
    let ring = watches[0].until("a death in the first", |ring| {
        consumer(ring, &killed)["state"] == "dead" && consumer(ring, &first)["lag_bytes"] == 0
    });
    assert_found(&ring, &[("consumer-dead", "warning", Some(&killed))]);
    assert_eq!(check(&targets[0], &[]), verdict(1, &["consumer-dead"]));
    assert_eq!(check(&targets[1], &[]), verdict(0, &[]));
    holder.ask("send 1 3", "done");
    let ring = watches[1].until_state(&other, "stalled");
    assert_eq!(ring["control"]["producer_head"], 144);
    assert_found(&ring, &[("consumer-stalled", "warning", Some(&other))]);
    assert_eq!(check(&targets[1], &[]), verdict(1, &["consumer-stalled"]));
    settle(&mut watches);
    watches[0].told_of(Some(first.pid()), &["joined"]);
    watches[0].told_of(Some(killed.pid()), &["joined"]);
    watches[1].told_of(Some(other.pid()), &["joined", "stalled"]);
    assert_eq!(watches.each_ref().map(|watch| watch.told.len()), [2, 2]);
    let pids = |peers: &[&Peer]| {
        let mut pids: Vec<_> = peers.iter().map(|peer| u64::from(peer.pid())).collect();
        pids.sort_unstable();
        pids
    };
    assert_eq!(watches[0].pids(), pids(&[&first, &killed]));
    assert_eq!(watches[1].pids(), pids(&[&other]));
}

#[test]
fn a_consumer_of_two_rings() {
    let places = [Place::new(), Place::new()];
    let mut producers = places.each_ref().map(|place| {
        let arguments = format!("{COMMON} --consumers 0 --stall-timeout 4000");
        Peer::producer(&place.socket(), &arguments).settled()
    });
    let mut watches = producers.each_ref().map(Watch::of);
    let sockets = places
        .each_ref()
        .map(|place| place.socket().display().to_string());
    let both = Peer::holder(&format!("joins {}", sockets.join(" ")));
    for watch in &mut watches {
        watch.until_told("joined");
    }
    producers[0].ask("send 10", "done");
    let ring = watches[0].until_state(&both, "stalled");
    assert_reason(&ring, &both, &["640 B behind"]);
    assert_found(&ring, &[("consumer-stalled", "warning", Some(&both))]);
    assert_eq!(checked(&producers[0]), verdict(1, &["consumer-stalled"]));
    assert_eq!(checked(&producers[1]), verdict(0, &[]));
    eventually("an eviction from the first", || {
        producers[0].ask("scan", "scanned");
        let ring = ring_of(producers[0].pid());
        (consumer(&ring, &both)["held"] != true).then_some(())
    });
    watches[0].until_told("evicted");
    let ring = watches[0].until_state(&both, "evicted");
    assert_found(&ring, &[("consumer-evicted", "critical", Some(&both))]);
    assert_eq!(checked(&producers[0]), verdict(2, &["consumer-evicted"]));
    assert_eq!(checked(&producers[1]), verdict(0, &[]));
    settle(&mut watches);
    watches[0].told_of(Some(both.pid()), &["joined", "stalled", "evicted"]);
    watches[1].told_of(Some(both.pid()), &["joined"]);
    assert_eq!(watches.each_ref().map(|watch| watch.told.len()), [3, 1]);
    assert!(!watches[1].states_of(&both).contains(&"stalled"));
}
