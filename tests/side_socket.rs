//! Descriptors that nobody takes: what waits in side sockets is seen from outside.

use std::process::Command;

use serde_json::Value;

use crate::support::program::{ring, ring_when};
use crate::support::{Peer, Place};

/// A consumer that does not read its side socket, one that does, and their producer, which sends one descriptor with
/// each message.
fn piled(place: &Place, messages: u32) -> (Peer, Peer, Peer) {
    let common = "--impl reference --fds 1 --fds-every 1 --hold --capacity 1048576";
    let consumer = "--impl reference --fds 1 --fds-every 1 --hold";
    let mut producer = Peer::producer(&place.socket(), &format!("{common} --consumers 2"));
    let careless = Peer::consumer(&place.socket(), consumer).settled();
    let mut reader = Peer::consumer(&place.socket(), consumer).settled();
    producer = producer.settled();
    let mut left = messages;
    while left > 0 {
        let some = left.min(100);
        producer.ask(&format!("send {some}"), "done");
        reader.ask(&format!("take {some}"), "done");
        left -= some;
    }
    (producer, careless, reader)
}

fn pile(ring: &Value) -> Vec<&Value> {
    let findings = ring["findings"].as_array().expect("an array");
    let ours = |finding: &&Value| finding["code"] == "descriptors-pile-up";
    findings.iter().filter(ours).collect()
}

#[test]
fn descriptors_that_nobody_takes_pile_up() {
    for (messages, severity) in [(3, None), (300, Some("warning")), (1200, Some("critical"))] {
        let place = Place::new();
        let (producer, careless, reader) = piled(&place, messages);
        let found = ring(producer.pid());
        if found["attach"]["slot_table"] == false {
            return;
        }
        let [one, two] = [&found["consumers"][0], &found["consumers"][1]];
        assert_eq!([&one["pid"], &two["pid"]], [careless.pid(), reader.pid()]);
        assert!(one["side_socket_unread_bytes"].as_u64() > Some(0), "{one}");
        assert!(one["side_socket_capacity_bytes"].as_u64() > Some(0));
        assert_eq!(two["side_socket_unread_bytes"], 0);
        assert_eq!(two["side_socket_descriptors"], 0);
        let waiting = one["side_socket_descriptors"].as_u64().expect("a number");
        assert!(
            one["side_socket_descriptors_limit"].as_u64() > Some(0),
            "{one}"
        );
        let full = severity == Some("critical");
        assert_eq!(
            waiting < u64::from(messages),
            full,
            "{waiting} of {messages}"
        );
        let findings = pile(&found);
        let Some(severity) = severity else {
            assert!(findings.is_empty(), "{findings:?}");
            continue;
        };
        assert_eq!(findings.len(), 1, "{findings:?}");
        let message = findings[0]["message"].as_str().expect("text");
        assert_eq!(findings[0]["severity"], severity, "{message}");
        assert_eq!(findings[0]["pid"], careless.pid());
        assert!(
            message.contains(&format!("{waiting} descriptors")),
            "{message}"
        );
        assert_eq!(message.contains("socket is full"), full, "{message}");
        assert!(message.contains("RLIMIT_NOFILE"), "{message}");
    }
}

#[test]
fn what_waits_goes_with_who_should_have_taken_it() {
    let place = Place::new();
    let (producer, mut careless, _reader) = piled(&place, 300);
    let before = ring(producer.pid());
    if before["attach"]["slot_table"] == false {
        return;
    }
    assert_eq!(pile(&before).len(), 1, "{before}");
    careless.kill();
    let gone = ring_when("a death", producer.pid(), |ring| {
        ring["consumers"][0]["state"] == "dead"
    });
    assert!(pile(&gone).is_empty(), "{gone}");
    assert_eq!(gone["consumers"][0]["side_socket_unread_bytes"], 0);
}

#[test]
fn sockets_of_another_network_are_said_not_to_be_seen() {
    let can = Command::new("unshare").args(["--net", "true"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        return;
    }
    let place = Place::new();
    let (producer, _careless, _reader) = piled(&place, 3);
    let output = Command::new("unshare")
        .args(["--net", env!("CARGO_BIN_EXE_zbqtop"), "--json", "--pid"])
        .arg(producer.pid().to_string())
        .output()
        .expect("unshare starts");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let found = &report["rings"][0];
    if found["attach"]["slot_table"] == false {
        return;
    }
    assert_eq!(
        found["consumers"][0]["side_socket_unread_bytes"],
        Value::Null
    );
    let limits = found["attach"]["limits"].to_string();
    assert!(
        limits.contains("2 side sockets")
            && limits.contains("another network namespace")
            && limits.contains(&format!("nsenter --net --target {}", producer.pid())),
        "{limits}"
    );
}
