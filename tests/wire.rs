//! The protocol on the wire: every pairing of our producer and consumer with the reference's, as real processes.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::{Peer, Place, eventually, number};

const MILLION: u64 = 1_000_000;

/// Sends a million messages of mixed, unaligned lengths through many laps, and checks each.
fn exchange(producer: &str, consumer: &str, mode: &str, capacity: u64) {
    let place = Place::new();
    let common = format!("--mode {mode} --messages {MILLION} --seed {capacity}");
    let produce = format!("--impl {producer} --capacity {capacity} --hold {common}");
    let mut producer = Peer::producer(&place.socket(), &produce);
    let mut consumer = Peer::consumer(&place.socket(), &format!("--impl {consumer} {common}"));
    let sent = producer.expect("done");
    let taken = consumer.expect("done");
    assert_eq!(
        (number(&taken, "messages"), number(&taken, "first")),
        (MILLION, 1)
    );
    assert_eq!(number(&taken, "bytes"), number(&sent, "bytes"));
    assert!(number(&sent, "bytes") > 100 * capacity, "many laps");
    assert!(consumer.wait().success());
}

#[test]
fn ours_to_ours_pull() {
    exchange("zbqtop", "zbqtop", "pull", 1 << 16);
}

#[test]
fn ours_to_ours_push() {
    exchange("zbqtop", "zbqtop", "push", 1 << 20);
}

#[test]
fn ours_to_reference_pull() {
    exchange("zbqtop", "reference", "pull", 1 << 20);
}

#[test]
fn ours_to_reference_push() {
    exchange("zbqtop", "reference", "push", 1 << 16);
}

#[test]
fn reference_to_ours_pull() {
    exchange("reference", "zbqtop", "pull", 1 << 16);
}

#[test]
fn reference_to_ours_push() {
    exchange("reference", "zbqtop", "push", 1 << 20);
}

#[test]
fn reference_to_reference_pull() {
    exchange("reference", "reference", "pull", 1 << 20);
}

#[test]
fn reference_to_reference_push() {
    exchange("reference", "reference", "push", 1 << 16);
}

/// Our `reserve` and `commit` under an application written for the reference's.
#[test]
fn ours_by_hand_to_both() {
    exchange("zbqtop --raw", "zbqtop", "pull", 1 << 16);
    exchange("zbqtop --raw", "reference", "pull", 1 << 16);
}

#[test]
fn a_ring_of_one_page_and_messages_that_barely_fit() {
    for (producer, consumer) in [("zbqtop", "reference"), ("reference", "zbqtop")] {
        let place = Place::new();
        let common = "--messages 20000 --max-payload 4064";
        let mut tx = Peer::producer(
            &place.socket(),
            &format!("--impl {producer} --capacity 4096 --hold {common}"),
        );
        let mut rx = Peer::consumer(&place.socket(), &format!("--impl {consumer} {common}"));
        assert_eq!(
            number(&rx.expect("done"), "bytes"),
            number(&tx.expect("done"), "bytes")
        );
    }
}

#[test]
fn both_kinds_share_a_ring_by_stream_and_abstract_name() {
    for producer in ["zbqtop", "reference"] {
        let socket = PathBuf::from(format!("@zbqtop-test-{producer}-{}", std::process::id()));
        let common = "--stream --messages 100000";
        let mut tx = Peer::producer(
            &socket,
            &format!("--impl {producer} --consumers 3 --hold {common}"),
        );
        let mut rx = ["zbqtop", "reference", "zbqtop"]
            .map(|consumer| Peer::consumer(&socket, &format!("--impl {consumer} {common}")));
        tx.expect("done");
        for rx in &mut rx {
            assert_eq!(number(&rx.expect("done"), "messages"), 100_000);
        }
    }
}

/// Descriptors arrive with their message, usable, close-on-exec with us, as few and as many as there can be.
#[test]
fn descriptors_travel() {
    for (producer, consumer) in [
        ("zbqtop", "zbqtop"),
        ("zbqtop", "reference"),
        ("reference", "zbqtop"),
    ] {
        for (mode, fds) in [("push", 1), ("pull", 1), ("push", 253), ("pull", 253)] {
            let place = Place::new();
            let common = format!("--mode {mode} --messages 5000 --fds {fds} --fds-every 500");
            let mut tx = Peer::producer(
                &place.socket(),
                &format!("--impl {producer} --hold {common}"),
            );
            let mut rx = Peer::consumer(&place.socket(), &format!("--impl {consumer} {common}"));
            tx.expect("done");
            assert_eq!(
                number(&rx.expect("done"), "messages"),
                5000,
                "{producer} to {consumer}, {fds} by {mode}"
            );
        }
    }
}

/// A producer with two consumers: the second one stays healthy, and the producer comes through because of evictions.
struct Trial {
    // Peers first: dropped, and killed, before the directory their socket is in.
    tx: Peer,
    victim: Peer,
    healthy: Peer,
    _place: Place,
}

impl Trial {
    /// A ring of 64 KiB on which both consumers have taken 100 messages.
    fn new(producer: &str, victim: &str, stall_timeout: u64) -> Self {
        let place = Place::new();
        let produce = format!(
            "--impl {producer} --consumers 2 --messages 100 --hold --clog-threshold 10 --stall-timeout {stall_timeout}"
        );
        let mut tx = Peer::producer(&place.socket(), &produce);
        let mut victim = Peer::consumer(
            &place.socket(),
            &format!("--impl {victim} --messages 100 --hold"),
        );
        let mut healthy = Peer::consumer(&place.socket(), "--impl zbqtop --messages 100 --hold");
        for peer in [&mut tx, &mut victim, &mut healthy] {
            peer.expect("done");
        }
        Self {
            tx,
            victim,
            healthy,
            _place: place,
        }
    }

    /// Sends many laps past a victim that takes none of them, which takes its eviction; the healthy one takes all.
    fn survives(&mut self) {
        self.tx.tell("send 20000");
        self.healthy.tell("take 20000");
        assert_eq!(number(&self.tx.expect("done"), "messages"), 20_100);
        assert_eq!(number(&self.healthy.expect("done"), "messages"), 20_100);
        assert!(
            self.healthy
                .ask("status", "status")
                .contains("evicted=false")
        );
    }

    /// Whether the producer has a slot for the victim. Known for our producer only.
    fn holds_slot(&mut self) -> bool {
        let pid = format!(":{}:", self.victim.pid());
        self.tx.ask("slots", "slots").contains(&pid)
    }
}

const PAIRS: [(&str, &str); 3] = [
    ("zbqtop", "reference"),
    ("zbqtop", "zbqtop"),
    ("reference", "zbqtop"),
];

#[test]
fn a_dead_consumer_is_evicted() {
    for (producer, victim) in PAIRS {
        // An hour to stall: only its death can free the slot.
        let mut trial = Trial::new(producer, victim, 3_600_000);
        trial.victim.kill();
        if producer == "zbqtop" {
            assert!(trial.holds_slot(), "nothing but a scan frees it");
        }
        trial.survives();
        if producer == "zbqtop" {
            assert!(!trial.holds_slot());
        }
    }
}

#[test]
fn a_hung_consumer_is_evicted() {
    for (producer, victim) in PAIRS {
        let mut trial = Trial::new(producer, victim, 1500);
        // The healthy one stands still, too, while the producer waits for the eviction, and would be next by the same
        // rule. So the victim gets a head start: a scan that sees its tail for the first time.
        trial.tx.ask("scan", "scanned");
        std::thread::sleep(Duration::from_secs(1));
        trial.survives();
        if producer == "zbqtop" {
            assert!(!trial.holds_slot());
        }
        if victim == "zbqtop" {
            let status = trial.victim.ask("status", "status");
            assert!(status.contains("alive=true evicted=true"), "{status}");
        }
    }
}

/// A tail above head, and a tail that goes back, are lies that the next scan punishes, at once.
#[test]
fn a_lying_consumer_is_evicted_by_the_next_scan() {
    for (producer, victim) in PAIRS {
        for lie in ["publish +1", "publish -1"] {
            let mut trial = Trial::new(producer, victim, 3_600_000);
            // An honest scan first: it evicts nobody, and sees the tail that the lie falls behind.
            trial.tx.ask("scan", "scanned");
            if victim == "zbqtop" {
                assert!(
                    trial
                        .victim
                        .ask("status", "status")
                        .contains("evicted=false")
                );
            }
            trial.victim.ask(lie, "published");
            trial.tx.ask("scan", "scanned");
            if producer == "zbqtop" {
                assert!(!trial.holds_slot(), "{producer} on {lie}");
            }
            if victim == "zbqtop" {
                assert!(
                    trial
                        .victim
                        .ask("status", "status")
                        .contains("evicted=true"),
                    "{producer} on {lie}"
                );
            }
            trial.survives();
        }
    }
}

/// Nobody wakes a push consumer whose producer dies; ours comes back by itself.
#[test]
fn a_push_consumer_outlives_its_producer() {
    for producer in ["zbqtop", "reference"] {
        let place = Place::new();
        let mut tx = Peer::producer(
            &place.socket(),
            &format!("--impl {producer} --mode push --messages 10 --hold"),
        );
        let mut rx = Peer::consumer(
            &place.socket(),
            "--impl zbqtop --mode push --messages 10 --hold",
        );
        rx.expect("done");
        tx.kill();
        let status = eventually("the side socket hangs up", || {
            let status = rx.ask("status", "status");
            status.contains("alive=false").then_some(status)
        });
        assert!(status.contains("evicted=true"), "{status}");
        rx.tell("take 1");
        assert!(!rx.wait().success(), "it says so instead of sleeping");
    }
}

#[test]
fn a_full_table_refuses_and_a_scan_makes_room() {
    for producer in ["zbqtop", "reference"] {
        let place = Place::new();
        let mut tx = Peer::producer(
            &place.socket(),
            &format!("--impl {producer} --max-consumers 1 --hold"),
        );
        let mut first = Peer::consumer(&place.socket(), "--hold");
        tx.expect("joined");
        for consumer in ["zbqtop", "reference"] {
            let mut second = Peer::start("consume", &place.socket(), &format!("--impl {consumer}"));
            tx.expect("refused:");
            assert!(!second.wait().success());
        }
        first.kill();
        tx.ask("scan", "scanned");
        Peer::consumer(&place.socket(), "");
    }
}
