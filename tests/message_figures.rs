//! What is told of the messages of a ring besides how many they are.

use crate::support::watch::Watch;
use crate::support::{Peer, Place};

#[test]
fn how_long_messages_are_and_how_far_apart_is_told() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --consumers 0 --payload 80 --rate 20 --messages 1000000",
    );
    let mut watch = Watch::of(&producer);
    let ring = watch.until("a few of them", |ring| {
        let figures = &ring["messages"]["payload_bytes"];
        figures["count"].as_u64().is_some_and(|count| count > 5)
    });
    let sizes = &ring["messages"]["payload_bytes"];
    for figure in ["p50", "p99", "max"] {
        assert_eq!(sizes[figure], 80, "{sizes}");
    }
    assert_eq!(sizes["exact"], true);
    assert!(
        ring["messages"]["interval_ns"].is_null(),
        "two between two samples"
    );
}

/// With a producer of our own, which fills up laps.
#[test]
fn how_far_apart_they_are_is_told_where_they_come_one_by_one() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl zbqtop --hold --consumers 0 --payload 900 --capacity 4096",
    )
    .settled();
    let mut watch = Watch::of(&producer);
    // Each is seen before the next one comes: however slow the machine is, they are never two at a time.
    for sent in 1..=12 {
        producer.ask("send 1", "done");
        watch.until("it is seen", |ring| {
            ring["messages"]["payload_bytes"]["count"] == sent
        });
    }
    let ring = watch.next();
    let known = &ring["messages"]["interval_ns"];
    let figure = |name: &str| {
        known[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {known}"))
    };
    assert_eq!(figure("count"), 11);
    assert!(figure("p50") <= figure("p99") && figure("p99") <= figure("max"));
    assert_eq!(known["exact"], false);
    assert_eq!(ring["messages"]["payload_bytes"]["max"], 900);
}
