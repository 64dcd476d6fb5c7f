//! How consumers go: what is said of it, and of those that are asked in the moment, is what happened.

use std::time::Duration;

use zbqtop::observe::attach::{Presence, RingSelector, by_pid};

use crate::support::program::ring as ring_of;
use crate::support::verdict::assert_words;
use crate::support::watch::{Watch, consumer};
use crate::support::{Peer, Place, eventually};

const COMMON: &str = "--impl reference --payload 48 --hold";

fn producer(place: &Place, arguments: &str) -> Peer {
    let arguments = format!("{COMMON} --consumers 0 {arguments}");
    Peer::producer(&place.socket(), &arguments).settled()
}

fn seldom(producer: &Peer) -> Watch {
    Watch::start(&["--pid", &producer.pid().to_string()], "1500ms")
}

/// Between two looks it reads on, ends, and a scan frees its slot: it has left, however long ago the look before was.
#[test]
fn read_all_and_ended_between_two_looks() {
    let place = Place::new();
    let mut producer = producer(&place, "--stall-timeout 1000");
    let mut reads = Peer::consumer(&place.socket(), COMMON).settled();
    producer.ask("send 5", "done");
    reads.ask("take 5", "done");
    let mut watch = seldom(&producer);
    producer.ask("send 5", "done");
    reads.ask("take 5", "done");
    reads.kill();
    std::thread::sleep(Duration::from_millis(20));
    producer.ask("scan", "scanned");
    let left = watch.until_told("left");
    assert_words(&left, &["its process has ended", "with nothing unread"]);
    watch.settle();
    watch.told_of(Some(reads.pid()), &["left"]);
}

/// What it had not read when it was killed is what its page says, not what the look before said.
#[test]
fn killed_with_messages_unread_between_two_looks() {
    let place = Place::new();
    let mut producer = producer(&place, "--stall-timeout 600000");
    let mut reads = Peer::consumer(&place.socket(), COMMON).settled();
    let mut watch = seldom(&producer);
    producer.ask("send 500", "done");
    reads.kill();
    producer.ask("scan", "scanned");
    let left = watch.until_told("left");
    assert_words(&left, &["its process has ended", "31.2 KiB unread"]);
    watch.settle();
    watch.told_of(Some(reads.pid()), &["left"]);
}

/// It ends and loses its slot after this look has asked whether it lives, and before it reads the table: the slot is lost to
/// its end, not to a scan that evicts.
#[test]
fn killed_in_the_middle_of_a_look() {
    let place = Place::new();
    let mut producer = producer(&place, "--stall-timeout 600000");
    let mut reads = Peer::consumer(&place.socket(), COMMON).settled();
    let pid = i32::try_from(producer.pid()).expect("a pid");
    let mut ring = by_pid(pid, RingSelector::Only).expect("a ring");
    eventually("its slot is seen", || {
        ring.read_table()?;
        let member = ring.members().first()?;
        (member.presence == Presence::Mapped).then_some(())
    });
    ring.note_ends();
    reads.kill();
    producer.ask("scan", "scanned");
    let table = ring.read_table().expect("the table");
    assert!(table.active.is_empty());
    assert!(ring.members().is_empty(), "{:?}", ring.members());
    assert_eq!(ring.take_departed().len(), 1);
}

/// Whoever joins next gets the slot of one that has gone, with the same descriptors, and its page at the same address.
#[test]
fn a_slot_that_is_taken_again_between_two_looks() {
    let place = Place::new();
    let mut producer = producer(&place, "--stall-timeout 600000");
    let mut first = Peer::consumer(&place.socket(), COMMON).settled();
    let pid = i32::try_from(producer.pid()).expect("a pid");
    let mut ring = by_pid(pid, RingSelector::Only).expect("a ring");
    let before = eventually("its slot is seen", || {
        ring.read_table()?;
        let member = ring.members().first()?;
        (member.presence == Presence::Mapped).then_some(member.file)
    });
    first.kill();
    producer.ask("scan", "scanned");
    producer.ask("send 20", "done");
    let _second = Peer::consumer(&place.socket(), COMMON).settled();
    ring.note_ends();
    ring.read_table().expect("the table");
    let [member] = ring.members() else {
        panic!("{:?}", ring.members());
    };
    assert_ne!(member.file, before);
    assert_eq!(ring.take_departed().len(), 1);
}

/// The producer maps every page, that of a consumer in its own process, too: there it takes one more to read.
#[test]
fn one_in_the_producers_own_process() {
    let place = Place::new();
    let mut producer = producer(&place, "--stall-timeout 600000");
    let mut watch = Watch::of(&producer);
    producer.ask("join self", "joined");
    let ring = watch.until("the consumer", |ring| {
        consumer(ring, &producer)["state"] == "idle"
    });
    assert_eq!(consumer(&ring, &producer)["alive"], true);
    producer.ask("leave self", "left");
    producer.ask("send 1", "done");
    let ring = watch.until_state(&producer, "left");
    assert_eq!(
        consumer(&ring, &producer)["alive"],
        true,
        "the process does"
    );
    let states = watch.states_of(&producer);
    assert!(!states.contains(&"stalled"), "{states:?}");
    producer.ask("scan", "scanned");
}

/// A look that comes just after it left says who it was.
#[test]
fn one_that_has_just_left_is_named() {
    let place = Place::new();
    let mut producer = producer(&place, "--stall-timeout 600000");
    let mut reads = Peer::consumer(&place.socket(), COMMON).settled();
    producer.ask("send 5", "done");
    reads.ask("take 5", "done");
    // The scan notes that it has moved: its clock starts anew.
    producer.ask("scan", "scanned");
    reads.ask("leave", "left");
    let ring = ring_of(producer.pid());
    if ring["attach"]["slot_table"] == true {
        assert_eq!(ring["consumers"][0]["pid"], reads.pid(), "{ring:#}");
        assert_eq!(ring["consumers"][0]["alive"], true, "{ring:#}");
    }
    eventually("it has left", || {
        let ring = ring_of(producer.pid());
        (consumer(&ring, &reads)["state"] == "left").then_some(())
    });
}
