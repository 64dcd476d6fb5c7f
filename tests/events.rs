//! What `--watch` tells of rings to which things happen: what somebody who did them would tell, once each, and nothing
//! else.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::program::zbqtop;
use crate::support::watch::Watch;
use crate::support::{Peer, Place};

/// More lines than anything here takes.
const MANY: usize = 600;

#[test]
fn joined_killed_clogged_freed_and_the_end() {
    let place = Place::new();
    let common = "--impl reference --payload 48 --hold";
    let mut producer = Peer::producer(
        &place.socket(),
        &format!("{common} --consumers 0 --stall-timeout 600000"),
    )
    .settled();
    let first = Peer::consumer(&place.socket(), common).settled();
    let mut watch = Watch::of(&producer);
    let mut reader = Peer::consumer(&place.socket(), common).settled();
    assert_eq!(watch.until_told("joined")["pid"], reader.pid());
    drop(first);
    watch.until("a death", |ring| ring["consumers"][0]["state"] == "dead");
    producer.ask("scan", "scanned");
    let left = watch.until_told("left");
    let words = left["message"].as_str().expect("text");
    assert!(
        words.contains("its process had ended, with nothing unread; its slot was held for"),
        "{words}"
    );
    // The ring holds 1024 of them.
    producer.tell("send 2000");
    let clogged = watch.until_told("clogged");
    assert_eq!(clogged["pid"], reader.pid(), "it is the one in the way");
    let stalled = watch.until_told("stalled");
    assert!(
        stalled["message"]
            .as_str()
            .expect("text")
            .contains("64.0 KiB behind"),
        "{stalled}"
    );
    assert_eq!(stalled["command"], "peer");
    reader.ask("take 2000", "done");
    watch.until_told("unclogged");
    watch.until_told("recovered");
    producer.kill();
    watch.until_told("producer_gone");
    reader.kill();
    watch.settle();
    watch.told_of(Some(reader.pid()), &["joined", "stalled", "recovered"]);
    watch.told_of(None, &["clogged", "unclogged"]);
    watch.told_of(Some(producer.pid()), &["producer_gone"]);
    let left = left["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    watch.told_of(left, &["left"]);
    assert_eq!(watch.told.len(), 7, "{:#?}", watch.told);
}

#[test]
fn hung_and_evicted() {
    let place = Place::new();
    let common = "--impl reference --payload 48 --hold";
    let mut producer = Peer::producer(
        &place.socket(),
        &format!("{common} --consumers 0 --stall-timeout 3000 --rate 2000"),
    )
    .settled();
    let mut watch = Watch::of(&producer);
    let reader = Peer::consumer(&place.socket(), &format!("{common} --messages 1000000"));
    watch.until_told("joined");
    producer.tell("send 1000000");
    watch.until("a flow", |ring| {
        ring["state"] == "flowing" && ring["consumers"][0]["state"] == "ok"
    });
    reader.signal(Signal::STOP);
    let evicted = watch.until_told("evicted");
    let words = evicted["message"].as_str().expect("text");
    assert!(
        words.contains("64.0 KiB behind, and without progress for 3."),
        "{words}"
    );
    watch.until_told("unclogged");
    // That it goes now is no news of the ring.
    drop(reader);
    watch.settle();
    let reader = evicted["pid"]
        .as_u64()
        .and_then(|pid| u32::try_from(pid).ok());
    watch.told_of(reader, &["joined", "stalled", "evicted"]);
    watch.told_of(None, &["clogged", "unclogged"]);
    assert_eq!(watch.told.len(), 5, "{:#?}", watch.told);
    for event in &watch.told {
        assert!(event["at"].as_str().is_some_and(|at| at.ends_with('Z')));
        assert!(event["monotonic_ns"].is_u64());
    }
}

#[test]
fn a_snapshot_has_no_events_and_tables_and_the_dashboard_show_them() {
    use crate::support::pty::Terminal;
    let place = Place::new();
    let common = "--impl reference --payload 48 --hold";
    let mut producer =
        Peer::producer(&place.socket(), &format!("{common} --consumers 0")).settled();
    let pid = producer.pid().to_string();
    let snapshot = zbqtop()
        .args(["--json", "--interval", "2s", "--pid", &pid])
        .stdout(Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    // Between its two looks somebody joins, and that is how it is from then on.
    std::thread::sleep(Duration::from_millis(500));
    let mut reader = Peer::consumer(&place.socket(), common).settled();
    let snapshot = snapshot.wait_with_output().expect("our child");
    let report: Value = serde_json::from_slice(&snapshot.stdout).expect("JSON");
    assert_eq!(report["rings"][0]["consumers"][0]["pid"], reader.pid());
    assert_eq!(report["rings"][0]["events"], serde_json::json!([]));
    reader.kill();
    producer.ask("scan", "scanned");
    let mut command = zbqtop();
    let mut terminal = Terminal::start(command.args(["--pid", &pid]), 24, 80);
    terminal.wait("the ring", |text| text.contains("Consumers"));
    let mut child = zbqtop()
        .args(["snapshot", "--watch", "50ms", "--pid", &pid])
        .stdout(Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    lines.next();
    let reader = Peer::consumer(&place.socket(), common);
    let joined = format!(
        "joined: slot 0 peer (pid {}): a new consumer, at head",
        reader.pid()
    );
    let line = lines
        .map_while(Result::ok)
        .take(20 * MANY)
        .find(|line| line.contains("joined"))
        .expect("it is told");
    assert!(
        line.starts_with("  event     2") && line.ends_with(&joined),
        "{line}"
    );
    child.kill().expect("our child");
    child.wait().expect("our child");
    let joined = joined.replacen(':', "", 1);
    terminal.wait("the event", |text| {
        text.contains("events 1") && text.contains(&joined)
    });
    terminal.keys("q");
    terminal.ended();
}
