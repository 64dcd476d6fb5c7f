//! A ring with as many consumers as anyone has: all are seen, each for what it is.

use std::io::Write as _;
use std::time::Instant;

use serde_json::Value;

use crate::support::program::{ring, run};
use crate::support::watch::{Watch, consumer};
use crate::support::{Peer, Place};

const COMMON: &str = "--impl reference --payload 48 --hold";
const CROWD: usize = 64;

#[test]
fn sixty_four_consumers() {
    let place = Place::new();
    let arguments = format!("{COMMON} --consumers {CROWD} --max-consumers {CROWD}");
    let producer = Peer::producer(
        &place.socket(),
        &format!("{arguments} --stall-timeout 600000"),
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
    ring(producer.pid());
    let line = format!("a snapshot of {CROWD} consumers took {:?}", start.elapsed());
    let _ = writeln!(std::io::stderr(), "{line}");
}
