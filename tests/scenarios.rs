//! Who holds the ring up: what people do to real consumers of the reference, and what somebody who knows what happened
//! would say of it in each of the four places: state, findings, events, and the exit status of `check`.
//!
//! Without the producer's slot table (`/proc/PID/mem` refused) no eviction clock is known: the scenarios about it end
//! there.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::program::{ring as ring_of, zbqtop};
use crate::support::verdict::{
    assert_found, assert_reason, assert_words, checked, said_by_check, verdict,
};
use crate::support::watch::{Watch, consumer, findings};
use crate::support::{Peer, Place, eventually};

/// Messages of 64 bytes, of which a ring holds 1024.
const COMMON: &str = "--impl reference --payload 48 --hold";
/// No scan evicts anyone for standing still.
const NEVER: &str = "--stall-timeout 600000";

fn producer(place: &Place, arguments: &str) -> Peer {
    let arguments = format!("{COMMON} --consumers 0 {arguments}");
    Peer::producer(&place.socket(), &arguments).settled()
}

/// A consumer that obeys.
fn reader(socket: &Path) -> Peer {
    Peer::consumer(socket, COMMON).settled()
}

/// Reads on until `peer` is no consumer any more.
fn until_none(watch: &mut Watch, peer: &Peer) -> Value {
    watch.until("its end", |ring| consumer(ring, peer).is_null())
}

fn has_table(ring: &Value) -> bool {
    ring["attach"]["slot_table"] == true
}

#[test]
fn slow() {
    let place = Place::new();
    let mut producer = producer(&place, "");
    // Seldom enough that a slow consumer has moved between any two looks.
    let mut watch = Watch::start(&["--pid", &producer.pid().to_string()], "300ms");
    let slow = format!("{COMMON} --messages 1000000 --slow 20000");
    let slow = Peer::consumer(&place.socket(), &slow);
    watch.until_told("joined");
    producer.ask("send 600", "done");
    let ring = watch.until_state(&slow, "lagging");
    assert_reason(&ring, &slow, &[" behind (", " %)"]);
    assert_found(&ring, &[("consumer-lagging", "info", Some(&slow))]);
    assert_eq!(checked(&producer), verdict(0, &[]));
    // It sets the producer's pace, and that is all there is to it: it is neither hung nor to be evicted.
    producer.tell("send 1000000");
    let ring = watch.until_state(&slow, "blocking");
    assert_reason(&ring, &slow, &["it blocks the producer"]);
    // How far behind it is is past what is usual; a check that is told not to mind that finds it less bad.
    assert_found(&ring, &[("consumer-blocking", "critical", Some(&slow))]);
    // While the producer writes what there is room for, it has room.
    eventually("the verdict", || {
        (checked(&producer) == verdict(1, &["consumer-blocking"])).then_some(())
    });
    watch.settle();
    watch.told_of(Some(slow.pid()), &["joined"]);
    assert_eq!(watch.told.len(), 1, "{:#?}", watch.told);
    let states = watch.states_of(&slow);
    assert!(
        !states.contains(&"stalled") && !states.contains(&"overdue"),
        "{states:?}"
    );
}

#[test]
fn hung_then_evicted_and_a_zombie() {
    let place = Place::new();
    let mut producer = producer(&place, "--stall-timeout 1000");
    let mut watch = Watch::of(&producer);
    let mut hung = reader(&place.socket());
    watch.until_told("joined");
    producer.ask("send 10", "done");
    hung.ask("take 5", "done");
    hung.signal(Signal::STOP);
    let ring = watch.until_state(&hung, "stalled");
    assert_reason(
        &ring,
        &hung,
        &["320 B behind", "its tail has not moved for "],
    );
    let stopped = ("consumer-stopped", "warning", Some(&hung));
    assert_found(
        &ring,
        &[stopped, ("consumer-stalled", "warning", Some(&hung))],
    );
    assert_eq!(
        checked(&producer),
        verdict(1, &["consumer-stopped", "consumer-stalled"])
    );
    if !has_table(&ring) {
        return;
    }
    // The clock runs from the first change that a scan sees.
    producer.ask("scan", "scanned");
    let ring = watch.until_state(&hung, "overdue");
    assert_reason(&ring, &hung, &["320 B behind", "the next scan evicts it"]);
    assert_found(
        &ring,
        &[("consumer-overdue", "critical", Some(&hung)), stopped],
    );
    assert_eq!(
        checked(&producer),
        verdict(2, &["consumer-overdue", "consumer-stopped"])
    );
    producer.ask("scan", "scanned");
    let evicted = watch.until_told("evicted");
    assert_words(
        &evicted,
        &[
            "320 B behind, and without progress for ",
            "it is not notified",
        ],
    );
    // It wakes, knows of nothing, and reads on.
    hung.signal(Signal::CONT);
    hung.ask("take 5", "done");
    let ring = watch.until_state(&hung, "evicted");
    assert_reason(&ring, &hung, &["what it still reads may be overwritten"]);
    assert_found(&ring, &[("consumer-evicted", "critical", Some(&hung))]);
    assert_eq!(checked(&producer), verdict(2, &["consumer-evicted"]));
    hung.kill();
    let ring = until_none(&mut watch, &hung);
    assert_found(&ring, &[]);
    assert_eq!(checked(&producer), verdict(0, &[]));
    watch.settle();
    watch.told_of(Some(hung.pid()), &["joined", "stalled", "evicted"]);
    assert_eq!(watch.told.len(), 3, "{:#?}", watch.told);
}

#[test]
fn killed_or_exited_with_the_slot_still_held() {
    let place = Place::new();
    let mut producer = producer(&place, NEVER);
    let mut watch = Watch::of(&producer);
    let mut killed = reader(&place.socket());
    let mut exits = Peer::consumer(
        &place.socket(),
        "--impl reference --payload 48 --messages 3",
    );
    watch.until_told_times("joined", 2);
    killed.kill();
    producer.ask("send 3", "done");
    assert!(exits.wait().success());
    let ring = watch.until("two deaths", |ring| {
        [&killed, &exits].map(|peer| consumer(ring, peer)["state"].clone()) == ["dead", "dead"]
    });
    for peer in [&killed, &exits] {
        let words = "its process has ended; its slot is held until the next scan";
        assert_reason(&ring, peer, &[words]);
        assert_eq!(consumer(&ring, peer)["alive"], false);
    }
    assert_found(
        &ring,
        &[
            ("consumer-dead", "warning", Some(&killed)),
            ("consumer-dead", "warning", Some(&exits)),
        ],
    );
    assert_eq!(ring["gating_pid"], killed.pid());
    let both = ["consumer-dead", "consumer-dead"];
    assert_eq!(checked(&producer), verdict(1, &both));
    producer.ask("scan", "scanned");
    watch.until_told_times("left", 2);
    for (peer, words) in [(&killed, "with 192 B unread"), (&exits, "nothing unread")] {
        let left = |event: &&Value| event["kind"] == "left" && event["pid"] == peer.pid();
        let left = watch.told.iter().find(left).expect("one of the two");
        assert_words(
            left,
            &["its process had ended", words, "its slot was held for"],
        );
    }
    assert_eq!(checked(&producer), verdict(0, &[]));
    watch.settle();
    for peer in [&killed, &exits] {
        watch.told_of(Some(peer.pid()), &["joined", "left"]);
    }
    assert_eq!(watch.told.len(), 4, "{:#?}", watch.told);
}

#[test]
fn dropped_its_mappings_but_lives() {
    let place = Place::new();
    let mut producer = producer(&place, "--stall-timeout 300");
    let mut watch = Watch::of(&producer);
    let mut reader = reader(&place.socket());
    watch.until_told("joined");
    producer.ask("send 3", "done");
    reader.ask("take 3", "done");
    reader.ask("leave", "left");
    let ring = watch.until_state(&reader, "left");
    assert_reason(&ring, &reader, &["its process is running but has unmapped"]);
    assert_eq!(consumer(&ring, &reader)["alive"], true);
    assert_found(&ring, &[("consumer-left", "warning", Some(&reader))]);
    assert_eq!(checked(&producer), verdict(1, &["consumer-left"]));
    // Its process lives: only that it stands still is against it.
    eventually("a scan that frees its slot", || {
        producer.ask("scan", "scanned");
        ring_of(producer.pid())["consumers"]
            .as_array()
            .is_some_and(Vec::is_empty)
            .then_some(())
    });
    let left = watch.until_told("left");
    assert_words(&left, &["it had unmapped its page, with nothing unread"]);
    assert_eq!(checked(&producer), verdict(0, &[]));
    watch.settle();
    watch.told_of(Some(reader.pid()), &["joined", "left"]);
    assert_eq!(watch.told.len(), 2, "{:#?}", watch.told);
}

#[test]
fn idle_for_longer_than_the_stall_timeout_with_forced_scans() {
    let place = Place::new();
    let mut producer = producer(&place, "--stall-timeout 1500");
    let mut watch = Watch::of(&producer);
    let mut waits = reader(&place.socket());
    watch.until_told("joined");
    producer.ask("send 3", "done");
    waits.ask("take 3", "done");
    producer.ask("scan", "scanned");
    let named = |ring: &Value| !findings(ring).is_empty();
    let ring = ring_of(producer.pid());
    if !has_table(&ring) {
        return;
    }
    let ring = watch.until("a warning beforehand", named);
    assert_found(&ring, &[("scan-evicts-healthy", "info", None)]);
    assert_eq!(consumer(&ring, &waits)["state"], "idle");
    assert_reason(&ring, &waits, &["caught up; no new messages"]);
    assert_eq!(checked(&producer), verdict(0, &[]));
    producer.ask("scan", "scanned");
    let evicted = watch.until_told("evicted");
    assert_words(&evicted, &["caught up, and without progress for "]);
    let ring = watch.until_state(&waits, "evicted");
    assert_found(&ring, &[("consumer-evicted", "critical", Some(&waits))]);
    assert_eq!(checked(&producer), verdict(2, &["consumer-evicted"]));
    watch.settle();
    watch.told_of(Some(waits.pid()), &["joined", "evicted"]);
    assert_eq!(watch.told.len(), 2, "{:#?}", watch.told);
    let calm = |state: &&str| ["evicted", "idle", "ok"].contains(state);
    let states = watch.states_of(&waits);
    assert!(states.iter().all(calm), "{states:?}");
}

#[test]
fn clogged_by_one_of_two() {
    let place = Place::new();
    let mut producer = producer(&place, &format!("{NEVER} --mode push"));
    let mut watch = Watch::of(&producer);
    let mut hog = reader(&place.socket());
    let other = Peer::consumer(
        &place.socket(),
        &format!("{COMMON} --mode push --messages 2000"),
    );
    watch.until_told_times("joined", 2);
    producer.tell("send 2000");
    let clogged = watch.until_told("clogged");
    assert_eq!(clogged["pid"], hog.pid());
    assert_words(&clogged, &["blocked by", "64.0 KiB behind"]);
    watch.until_told("stalled");
    let ring = watch.until_state(&hog, "blocking");
    let words = "its tail has not moved for ";
    assert_reason(
        &ring,
        &hog,
        &["64.0 KiB behind (100 %)", words, "it blocks the producer"],
    );
    assert_eq!(
        ring["state"],
        if has_table(&ring) { "clogged" } else { "full" }
    );
    assert_eq!(consumer(&ring, &other)["state"], "idle");
    // The clog makes the producer scan, and a scan cannot tell the one from the other.
    let healthy = ("scan-evicts-healthy", "warning", None);
    let blocking = ("consumer-blocking", "critical", Some(&hog));
    let both = [blocking, healthy];
    let table = has_table(&ring);
    assert_found(&ring, if table { &both } else { &both[..1] });
    let both = ["consumer-blocking", "scan-evicts-healthy"];
    let reasons = if table { &both } else { &both[..1] };
    assert_eq!(checked(&producer), verdict(2, reasons));
    hog.ask("take 2000", "done");
    watch.until_told("unclogged");
    watch.until_told("recovered");
    assert_eq!(checked(&producer), verdict(0, &[]));
    watch.settle();
    watch.told_of(Some(hog.pid()), &["joined", "stalled", "recovered"]);
    watch.told_of(Some(other.pid()), &["joined"]);
    watch.told_of(None, &["clogged", "unclogged"]);
    assert_eq!(watch.told.len(), 6, "{:#?}", watch.told);
    assert!(!watch.states_of(&other).contains(&"stalled"));
}

#[test]
fn clogged_by_one_that_is_not_there() {
    for state in ["dead", "left"] {
        let place = Place::new();
        // A producer that never scans: nobody else would tell it.
        let never = format!("{NEVER} --clog-threshold 1000000000000");
        let mut producer = producer(&place, &never);
        let mut gone = reader(&place.socket());
        let mut watch = if state == "dead" {
            // Of a process that ended before it came, it cannot know the pid.
            let watch = Watch::of(&producer);
            gone.kill();
            watch
        } else {
            gone.ask("leave", "left");
            eventually("it has left", || {
                (ring_of(producer.pid())["consumers"][0]["state"] == state).then_some(())
            });
            Watch::of(&producer)
        };
        watch.until_state(&gone, state);
        producer.tell("send 2000");
        let clogged = watch.until_told("clogged");
        assert_eq!(clogged["pid"], gone.pid());
        let ring = watch.until("a full ring", |ring| ring["state"] == "full");
        assert_eq!(consumer(&ring, &gone)["state"], state);
        assert_reason(&ring, &gone, &["it blocks the producer"]);
        let code = format!("consumer-{state}");
        assert_found(&ring, &[(&code, "critical", Some(&gone))]);
        assert_eq!(checked(&producer), verdict(2, &[&code]));
        watch.settle();
        watch.told_of(None, &["clogged"]);
        assert_eq!(watch.told.len(), 1, "{:#?}", watch.told);
    }
}

#[test]
fn lying_tails() {
    let place = Place::new();
    let mut producer = producer(&place, NEVER);
    let mut watch = Watch::of(&producer);
    let mut liars = [(); 3].map(|()| reader(&place.socket()));
    watch.until_told_times("joined", 3);
    // The producer sees a tail when it reserves the next message: a look that is not repeated knows of no other.
    for messages in [1000, 999, 1] {
        producer.ask(&format!("send {messages}"), "done");
        for liar in &mut liars {
            liar.ask(&format!("take {messages}"), "done");
        }
    }
    watch.until("all caught up", |ring| {
        ring["control"]["producer_head"] == 128_000 && ring["free_bytes"] == 65_536
    });
    let lies = [
        ("publish +5120", "its tail is 5.0 KiB above head"),
        ("publish -640", "its tail has gone back by 640 B"),
        // The ring holds 64 KiB.
        ("publish -102400", "its tail has gone back by 100 KiB"),
    ];
    for (liar, (lie, _)) in liars.iter_mut().zip(lies) {
        liar.ask(lie, "published");
    }
    let ring = watch.until("three lies", |ring| {
        let is_lie = |liar| consumer(ring, liar)["state"] == "invalid";
        liars.iter().all(is_lie)
    });
    for (liar, (_, words)) in liars.iter().zip(lies) {
        assert_reason(&ring, liar, &[words]);
    }
    let found = liars
        .each_ref()
        .map(|liar| ("consumer-invalid", "critical", Some(liar)));
    assert_found(&ring, &found);
    let reasons = ["consumer-invalid"; 3];
    assert_eq!(checked(&producer), verdict(2, &reasons));
    producer.ask("scan", "scanned");
    watch.until_told_times("evicted", 3);
    for (liar, (_, words)) in liars.iter().zip(lies) {
        let evicted = |event: &&Value| event["kind"] == "evicted" && event["pid"] == liar.pid();
        let evicted = watch.told.iter().find(evicted).expect("one of three");
        assert_words(evicted, &[words]);
    }
    assert_eq!(checked(&producer).0, 2, "they still read it");
    liars.iter_mut().for_each(Peer::kill);
    assert_eq!(checked(&producer), verdict(0, &[]));
    watch.settle();
    for liar in &liars {
        watch.told_of(Some(liar.pid()), &["joined", "evicted"]);
    }
    assert_eq!(watch.told.len(), 6, "{:#?}", watch.told);
}

/// On a quiet ring a consumer that asks now and then has always been silent for long when the next message comes.
#[test]
fn asks_now_and_then_and_has_yet_to_ask() {
    let place = Place::new();
    let mut producer = producer(&place, "--stall-timeout 2000");
    let mut asks = reader(&place.socket());
    producer.ask("send 1", "done");
    asks.ask("take 1", "done");
    std::thread::sleep(Duration::from_millis(1200));
    producer.ask("send 1", "done");
    let pid = producer.pid().to_string();
    let check = || {
        let mut command = zbqtop();
        command.args(["check", "--json", "--interval", "100ms", "--pid", &pid]);
        command.stdout(Stdio::piped()).spawn().expect("it starts")
    };
    let said = |check: Child| said_by_check(&check.wait_with_output().expect("our child"));
    let checking = check();
    std::thread::sleep(Duration::from_millis(500));
    asks.ask("take 1", "done");
    assert_eq!(said(checking), verdict(0, &[]));
    // And one that does not ask is hung.
    producer.ask("send 1", "done");
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(said(check()), verdict(1, &["consumer-stalled"]));
}

/// Ends a process that a peer forked.
fn end(pid: u64) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, Signal::KILL).expect("ours");
}

fn codes(target: &[&str]) -> (i32, Vec<String>) {
    let mut command = zbqtop();
    let output = command
        .args(["check", "--json"])
        .args(target)
        .output()
        .expect("it runs");
    said_by_check(&output)
}

/// A producer that forks a helper and is killed has ended, whoever still holds and maps what was its.
#[test]
fn a_helper_that_survives_is_not_the_producer() {
    let place = Place::new();
    let mut producer = producer(&place, NEVER);
    producer.ask("send 5", "done");
    let helper = crate::support::number(&producer.ask("fork helper", "forked"), "pid");
    assert_eq!(
        codes(&["--pid", &producer.pid().to_string()]),
        verdict(0, &[])
    );
    producer.kill();
    let gone = verdict(2, &["producer-gone"]);
    assert_eq!(codes(&["--pid", &helper.to_string()]), gone);
    assert_eq!(
        codes(&["--socket", place.socket().to_str().expect("a path")]),
        gone
    );
    let ring = crate::support::program::ring_by(&["--pid", &helper.to_string()]);
    assert_eq!(ring["state"], "producer_gone");
    assert_eq!(ring["producer"]["alive"], false);
    end(helper);
}

/// A producer that becomes a daemon writes under another pid than the ring names: by that it is known.
#[test]
fn a_child_that_really_writes_is_the_producer() {
    let place = Place::new();
    let mut producer = producer(&place, NEVER);
    let heir = crate::support::number(&producer.ask("fork heir", "forked"), "pid");
    producer.kill();
    let mut watch = Watch::start(&["--pid", &heir.to_string()], "100ms");
    watch.until("it flows", |ring| {
        ring["state"] == "flowing" && ring["producer"]["alive"] == true
    });
    assert_eq!(codes(&["--pid", &heir.to_string()]), verdict(0, &[]));
    end(heir);
    watch.until("its end", |ring| ring["state"] == "producer_gone");
}

/// A ring is given up by a process that lives on: it has ended all the same.
#[test]
fn a_ring_that_is_given_up() {
    let place = Place::new();
    let mut producer = producer(&place, NEVER);
    let mut reads = reader(&place.socket());
    producer.ask("send 5", "done");
    reads.ask("take 5", "done");
    let mut watch = Watch::of(&producer);
    let pid = producer.pid().to_string();
    let mut command = zbqtop();
    command.args(["tail", "-f", "-n", "1", "--format", "base64", "--pid", &pid]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tail = command.spawn().expect("it starts");
    let mut line = [0; 16];
    let out = tail.stdout.as_mut().expect("piped");
    std::io::Read::read_exact(out, &mut line).expect("the last message");
    producer.ask("destroy", "destroyed");
    let ended = watch.until_told("ring_ended");
    assert_words(&ended, &["it has closed the ring after 320 bytes"]);
    let ring = watch.until("the end", |ring| ring["state"] == "ended");
    assert_eq!(ring["producer"]["alive"], false);
    assert_found(&ring, &[("ring-ended", "critical", Some(&producer))]);
    assert_eq!(ring["consumers"][0]["evict_in_ns"], Value::Null);
    let said = tail.wait_with_output().expect("our child");
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(
        said.contains("has closed this ring but is still running"),
        "{said}"
    );
    watch.settle();
    watch.told_of(Some(reads.pid()), &[]);
}

/// Whoever is stopped does nothing until it is continued, and that is said of whoever it is.
#[test]
fn stopped_processes() {
    let place = Place::new();
    let mut producer = producer(&place, NEVER);
    let mut reads = reader(&place.socket());
    producer.ask("send 5", "done");
    reads.ask("take 5", "done");
    let mut watch = Watch::of(&producer);
    producer.signal(Signal::STOP);
    let ring = watch.until("a stop", |ring| ring["state"] == "stopped");
    assert_eq!(ring["producer"]["process_state"], "stopped");
    assert_eq!(ring["producer"]["alive"], true);
    assert_found(&ring, &[("producer-stopped", "warning", Some(&producer))]);
    assert_eq!(checked(&producer), verdict(1, &["producer-stopped"]));
    producer.signal(Signal::CONT);
    watch.until("it goes on", |ring| ring["state"] == "idle");
    // A consumer that is behind is asked why.
    reads.signal(Signal::STOP);
    producer.ask("send 5", "done");
    let ring = watch.until("a stopped consumer", |ring| {
        consumer(ring, &reads)["process_state"] == "stopped"
    });
    assert_found(&ring, &[("consumer-stopped", "warning", Some(&reads))]);
    reads.signal(Signal::CONT);
    reads.ask("take 5", "done");
    watch.until("it reads", |ring| {
        ring["findings"].as_array().is_some_and(Vec::is_empty)
    });
}

/// Whoever is behind and has unmapped its page has left: it is asked before it is said to have stalled.
#[test]
fn left_while_behind() {
    let place = Place::new();
    let mut producer = producer(&place, "--stall-timeout 1000");
    let mut watch = Watch::of(&producer);
    let mut reads = reader(&place.socket());
    watch.until_told("joined");
    producer.ask("send 5", "done");
    reads.ask("leave", "left");
    let ring = watch.until_state(&reads, "left");
    assert_found(&ring, &[("consumer-left", "warning", Some(&reads))]);
    watch.settle();
    watch.told_of(Some(reads.pid()), &["joined"]);
    let states = watch.states_of(&reads);
    assert!(!states.contains(&"stalled"), "{states:?}");
}

/// A process lives as long as one of its threads.
#[test]
fn main_threads_that_have_ended() {
    let place = Place::new();
    let mut producer = producer(&place, &format!("{NEVER} --main-ends"));
    let mut reads = Peer::consumer(&place.socket(), &format!("{COMMON} --main-ends")).settled();
    producer.ask("send 5", "done");
    reads.ask("take 5", "done");
    let ring = ring_of(producer.pid());
    assert_eq!(ring["producer"]["alive"], true);
    assert_eq!(ring["producer"]["pid"], producer.pid());
    assert_eq!(consumer(&ring, &reads)["alive"], true, "{ring:#}");
    assert_eq!(consumer(&ring, &reads)["state"], "idle");
    assert_eq!(ring["hidden_consumers"], 0);
    assert_found(&ring, &[]);
    let listed = crate::support::program::stdout(&["ls", "--json"]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let rings = listed["rings"].as_array().expect("an array");
    assert!(
        rings.iter().any(|ring| ring["pid"] == producer.pid()),
        "{listed:#}"
    );
    let mut command = zbqtop();
    command.args([
        "check",
        "--min-consumers",
        "1",
        "--pid",
        &producer.pid().to_string(),
    ]);
    let said = command.output().expect("it runs");
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    // And it is told when the last of them ends.
    let mut watch = Watch::of(&producer);
    reads.kill();
    watch.until_state(&reads, "dead");
    producer.kill();
    watch.until("the producer's end", |ring| {
        ring["state"] == "producer_gone"
    });
}

/// The pidfd in the slot is of the process that joined: a scan evicts the consumer, whoever reads with its page.
#[test]
fn joined_forked_and_ended() {
    let place = Place::new();
    let mut producer = producer(&place, NEVER);
    let mut parent = Peer::consumer(&place.socket(), &format!("{COMMON} --messages 1 --fork"));
    producer.ask("send 1", "done");
    let child = crate::support::number(&parent.expect("forked"), "pid");
    assert!(parent.wait().success());
    let ring = eventually("the child is seen", || {
        let ring = ring_of(producer.pid());
        (ring["consumers"][0]["pid"] == child).then_some(ring)
    });
    if has_table(&ring) {
        assert_eq!(ring["consumers"][0]["state"], "overdue", "{ring:#}");
        assert_eq!(ring["consumers"][0]["evict_in_ns"], 0);
    }
    let pid = rustix::process::Pid::from_raw(child as i32).expect("a pid");
    rustix::process::kill_process(pid, Signal::KILL).expect("ours");
}

/// A producer that has ended and was not reaped has ended.
#[test]
fn an_unreaped_producer() {
    let place = Place::new();
    let mut producer = producer(&place, NEVER);
    let _reads = reader(&place.socket());
    producer.ask("send 5", "done");
    let mut watch = Watch::of(&producer);
    producer.signal(Signal::KILL);
    let ring = watch.until("its end", |ring| ring["state"] == "producer_gone");
    assert_eq!(ring["producer"]["alive"], false);
    // Its parent, this test, has yet to ask how it ended.
    let pid = producer.pid().to_string();
    let output = zbqtop().args(["--json", "--pid", &pid]).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("the process has ended"), "{said}");
}

/// In another time namespace the producer's clock is another, and what it notes of times is compared by that.
#[test]
fn a_producer_in_another_time_namespace() {
    let place = Place::new();
    let mut command = std::process::Command::new("unshare");
    command.args(["--time", "--monotonic", "5000", "--fork", "--kill-child"]);
    command.arg(crate::support::example("peer"));
    command.args(["produce", "--socket"]).arg(place.socket());
    command.args(COMMON.split_whitespace());
    command.args(["--consumers", "0", "--stall-timeout", "600000"]);
    let allowed = std::process::Command::new("unshare")
        .args(["--time", "true"])
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        // This user may not make time namespaces.
        return;
    }
    let mut outside = Peer::spawn(&mut command);
    outside.expect("ready");
    let mut outside = outside.settled();
    let mut reads = reader(&place.socket());
    outside.ask("send 5", "done");
    reads.ask("take 2", "done");
    outside.ask("scan", "scanned");
    let socket = place.socket().display().to_string();
    let ring = crate::support::program::ring_by(&["--socket", &socket]);
    if has_table(&ring) {
        let left = ring["consumers"][0]["evict_in_ns"]
            .as_u64()
            .expect("a time");
        let seconds = left / 1_000_000_000;
        assert!((300..=600).contains(&seconds), "{seconds} s: {ring:#}");
    }
}

/// How a ring is is one word, wherever it is asked: in the snapshot, in the list, and by the status of a check.
#[test]
fn one_word_for_how_a_ring_is() {
    for (sent, expected, code) in [(1, "ok", 0), (870, "warning", 1), (995, "critical", 2)] {
        let place = Place::new();
        let mut producer = producer(&place, NEVER);
        let _reads = reader(&place.socket());
        producer.ask(&format!("send {sent}"), "done");
        eventually(expected, || {
            let ring = ring_of(producer.pid());
            let listed = crate::support::program::stdout(&["ls", "--json"]);
            let listed: Value = serde_json::from_str(&listed).expect("JSON");
            let rings = listed["rings"].as_array().expect("an array");
            let listed = rings.iter().find(|one| one["pid"] == producer.pid())?;
            let words = [&ring["health"], &listed["health"]];
            let pid = producer.pid().to_string();
            (words == [expected; 2] && codes(&["--pid", &pid]).0 == code).then_some(())
        });
    }
}
