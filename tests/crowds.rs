//! Many rings, consumers and processes, large rings, long messages: nothing is listed wrongly, and nothing is missing unsaid.

use std::collections::HashSet;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use zbqtop::observe::model::{RingListing, RingSource as _};
use zbqtop::observe::rings::Rings;
use zbqtop::ring::{Producer, ProducerParams};

use crate::support::program::{ring_by, stderr, stdout};
use crate::support::watch::Watch;
use crate::support::{Peer, eventually, example};

fn crowd(words: &str) -> Peer {
    let mut command = Command::new(example("crowd"));
    let mut peer = Peer::spawn(command.args(words.split_whitespace()));
    peer.expect("ready");
    peer
}

/// Every ring of the machine that the crowd could have made: by their capacity, which no other test's rings have, or by pid.
fn listed(listing: &Value, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let rings = listing["rings"].as_array().expect("rings");
    rings.iter().filter(|ring| wanted(ring)).cloned().collect()
}

fn ls(limit: &str) -> Value {
    let mut command = Command::new("sh");
    let script = format!("{limit} && exec \"$@\"");
    command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_zbqtop")]);
    command.args(["ls", "--json", "--interval", "0"]);
    let output = command.env("XDG_CONFIG_HOME", "/dev/null").output();
    let output = output.expect("a shell starts");
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What could not be listed for want of time or of descriptors.
fn is_missing_some(listing: &Value) -> bool {
    let limits = listing["limits"].as_array().expect("limits");
    let said = |limit: &Value| {
        limit["what"]
            .as_str()
            .is_some_and(|what| what.contains("ring"))
    };
    limits.iter().any(said)
}

#[test]
fn three_hundred_rings_of_one_process_are_listed() {
    let crowd = crowd("rings 300 1 0");
    let is_its = |ring: &Value| ring["pid"] == crowd.pid();
    let listing = ls("true");
    let rings = listed(&listing, is_its);
    // On a machine that is very busy there may not be the time for all: then that is said.
    assert!(
        rings.len() == 300 || is_missing_some(&listing),
        "{} listed",
        rings.len()
    );
    assert!(rings.len() > 50, "{} listed", rings.len());
    let ids: HashSet<&str> = rings
        .iter()
        .filter_map(|ring| ring["id"].as_str())
        .collect();
    assert_eq!(ids.len(), rings.len());
    for ring in &rings {
        assert_eq!(ring["consumers"], 1, "{ring}");
    }
    // With few descriptors as well: none is held between two looks.
    let few = ls("ulimit -n 256");
    let rings = listed(&few, is_its);
    assert!(
        rings.len() == 300 || is_missing_some(&few),
        "{} listed",
        rings.len()
    );
}

#[test]
fn three_hundred_processes_are_listed_and_few_descriptors_are_said() {
    let crowd = crowd("producers 300 1");
    let family = |ring: &Value| {
        let stat = format!("/proc/{}/stat", ring["pid"]);
        let stat = std::fs::read_to_string(stat).unwrap_or_default();
        let parent = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1));
        parent.and_then(|pid| pid.parse().ok()) == Some(crowd.pid())
    };
    let listing = ls("true");
    let rings = listed(&listing, family);
    assert!(
        rings.len() == 300 || is_missing_some(&listing),
        "{} listed",
        rings.len()
    );
    assert!(rings.len() > 50, "{} listed", rings.len());
    let few = ls("ulimit -n 256");
    let rings = listed(&few, family);
    assert!(!rings.is_empty());
    if rings.len() < 300 {
        let limits = few["limits"].to_string();
        assert!(limits.contains("run out of file descriptors"), "{limits}");
    }
    for ring in rings {
        assert_ne!(ring["state"], "producer_gone", "{ring}");
    }
}

#[test]
fn a_list_goes_on_with_what_comes_and_goes() {
    let mut rings = Rings::default().seeking_orphans();
    let mut count = |pid: u32, capacity: u64| {
        let listing = rings.list();
        let its = |ring: &&RingListing| {
            ring.pid.cast_unsigned() == pid && ring.ring_capacity == Some(capacity)
        };
        listing.rings.iter().filter(its).count()
    };
    // As seldom as the dashboard looks, nearly.
    let beat = || std::thread::sleep(Duration::from_millis(200));
    let (ours, capacity) = (std::process::id(), 1 << 23);
    assert_eq!(count(ours, capacity), 0);
    // In a process that was known to have none, or not that one.
    let producer = Producer::create(ProducerParams {
        ring_capacity: capacity,
        ..ProducerParams::default()
    });
    let crowd = crowd("rings 3 1 0");
    eventually("rings of a new process", || {
        beat();
        (count(crowd.pid(), 1 << 16) == 3).then_some(())
    });
    eventually("a new ring of a known process", || {
        beat();
        (count(ours, capacity) == 1).then_some(())
    });
    let pid = crowd.pid();
    drop((producer, crowd));
    eventually("their end", || {
        beat();
        (count(pid, 1 << 16) == 0 && count(ours, capacity) == 0).then_some(())
    });
}

#[test]
fn six_hundred_consumers_are_each_known() {
    let crowd = crowd("rings 1 600 3");
    let pid = crowd.pid().to_string();
    let ring = ring_by(&["--pid", &pid]);
    let consumers = ring["consumers"].as_array().expect("consumers");
    assert_eq!(consumers.len(), 600);
    let pids: HashSet<String> = consumers.iter().map(|one| one["pid"].to_string()).collect();
    assert_eq!(pids.len(), 3, "{pids:?}");
    let healthy = consumers.iter().filter(|one| one["alive"] == true);
    assert_eq!(healthy.count(), 600);
}

/// The table lies behind more heap than one look may search.
#[test]
fn a_slot_table_behind_much_heap_is_found_over_looks() {
    let crowd = crowd("rings 1 2 0 600");
    let pid = crowd.pid().to_string();
    let mut watch = Watch::start(&["--pid", &pid], "100ms");
    let may_read = std::fs::File::open(format!("/proc/{pid}/mem")).is_ok();
    if may_read {
        let ring = watch.until("the slot table", |ring| {
            ring["attach"]["slot_table"] == true
        });
        assert_eq!(ring["slots"]["used"], 2, "{ring}");
    }
}

#[test]
fn a_large_ring_that_stands_full_shows_messages_and_counts_them() {
    let (capacity, message) = (1_u64 << 31, 1 << 10);
    let crowd = crowd(&format!("ring {capacity} {message} {capacity} blocked"));
    let pid = crowd.pid().to_string();
    let mut watch = Watch::start(&["--pid", &pid], "50ms");
    let counted = watch.until("all messages counted", |ring| {
        ring["consumers"][0]["lag_messages"]["exact"] == true
    });
    let lag = &counted["consumers"][0];
    assert_eq!(lag["lag_messages"]["value"], capacity / message, "{lag}");
    drop(watch);
    let first = stdout(&[
        "tail", "--from", "oldest", "-c", "2", "--format", "json", "--pid", &pid,
    ]);
    assert_eq!(first.lines().count(), 2, "{first}");
    let last = stdout(&["tail", "-n", "2", "--format", "json", "--pid", &pid]);
    let last: Value = serde_json::from_str(last.lines().last().expect("two")).expect("JSON");
    let head = counted["control"]["producer_head"].as_u64().expect("head");
    assert_eq!(last["offset"], head - message, "{last}");
}

#[test]
fn long_messages_take_the_memory_of_one() {
    let message = 64 << 20;
    let crowd = crowd(&format!("ring {} {message} 900000000", 1 << 30));
    let pid = crowd.pid().to_string();
    let limited = |kilobytes: u64| -> Output {
        let mut command = Command::new("sh");
        let script = format!("ulimit -v {kilobytes} && exec \"$@\"");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_zbqtop")]);
        command.args(["tail", "-n", "5", "--format", "raw", "--pid", &pid]);
        command.output().expect("a shell starts")
    };
    // The program's own mappings and one message's.
    let enough = limited((200 << 10) + (message >> 10) as u64);
    assert!(enough.status.success(), "{}", stderr(&enough));
    assert_eq!(enough.stdout.len(), 5 * (message - 16));
    let little = limited((message >> 10) as u64);
    let said = stderr(&little);
    assert_eq!(little.status.code(), Some(1), "{said}");
    assert!(
        said.contains("there is no memory for a copy of 64.0 MiB")
            || said.contains("there is no memory for a copy of 64 MiB"),
        "{said}"
    );
}
