//! Consumers that were evicted before zbqtop came, and read the ring all the same.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use serde_json::Value;

use crate::support::program::{public_copy, ring, ring_when, run};
use crate::support::{Peer, Place, example};

const COMMON: &str = "--impl reference --payload 20 --hold";
const SOMEBODY: u32 = 65_531;

/// Evicts everyone who does not move now.
fn evict(producer: &mut Peer) {
    // A tail counts from the first change that a scan sees.
    producer.ask("scan", "scanned");
    std::thread::sleep(std::time::Duration::from_millis(150));
    producer.ask("scan", "scanned");
}

fn start(place: &Place, consumers: u32) -> Peer {
    let arguments = format!("{COMMON} --consumers {consumers} --stall-timeout 100");
    Peer::producer(&place.socket(), &arguments)
}

/// The consumer of a snapshot that is process `pid`.
fn consumer(ring: &Value, pid: u32) -> Value {
    let consumers = ring["consumers"].as_array().expect("an array");
    let found: Vec<&Value> = consumers.iter().filter(|one| one["pid"] == pid).collect();
    assert!(found.len() < 2, "it is there twice: {found:?}");
    found.first().map_or(Value::Null, |one| (*one).clone())
}

#[test]
fn one_that_was_evicted_before_is_a_member() {
    let place = Place::new();
    let producer = start(&place, 2);
    let mut zombie = Peer::consumer(&place.socket(), COMMON).settled();
    let other = Peer::consumer(&place.socket(), COMMON).settled();
    let mut producer = producer.settled();
    producer.ask("send 5", "done");
    zombie.ask("take 2", "done");
    evict(&mut producer);
    // A slot that was free is taken again.
    let again = Peer::consumer(&place.socket(), COMMON).settled();
    let seen = ring_when("a search of all processes", producer.pid(), |ring| {
        !consumer(ring, zombie.pid()).is_null()
    });
    for (peer, tail) in [(&zombie, 72), (&other, 0)] {
        let one = consumer(&seen, peer.pid());
        assert_eq!(one["state"], "evicted", "{seen}");
        assert_eq!(one["tail_offset"], tail);
        assert_eq!(one["alive"], true);
    }
    assert_ne!(consumer(&seen, again.pid())["state"], "evicted");
    assert_eq!(seen["gating_pid"], again.pid(), "they gate nobody");
    assert_eq!(seen["free_bytes"], 65_536);
    let output = run(&["check", "--pid", &producer.pid().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(line.contains(&format!("pid {}", zombie.pid())), "{line}");
    let pid = producer.pid().to_string();
    let verdict = run(&["check", "--json", "--pid", &pid]);
    let verdict: Value = serde_json::from_slice(&verdict.stdout).expect("JSON");
    let mut figures = verdict["rings"][0]["figures"]
        .as_array()
        .expect("an array")
        .iter();
    let zombies = figures.find(|figure| figure["name"] == "zombies");
    // There may be processes that cannot be asked.
    assert_eq!(zombies.expect("the figure")["at_least"], 2);
    zombie.kill();
    let seen = ring(producer.pid());
    assert_eq!(consumer(&seen, zombie.pid()), Value::Null);
}

#[test]
fn a_watcher_that_parked_is_none() {
    let place = Place::new();
    let mut producer = start(&place, 0).settled();
    let mut command = crate::support::program::zbqtop();
    command.args(["--json", "--watch", "50ms", "--join", "--socket"]);
    let _watcher = Peer::spawn(command.arg(place.socket()));
    ring_when("a slot", producer.pid(), |ring| {
        ring["consumers"][0]["state"] == "parked"
    });
    producer.ask("scan", "scanned");
    let pid = producer.pid().to_string();
    let report = run(&["--json", "--interval", "10ms", "--pid", &pid]);
    let report: Value = serde_json::from_slice(&report.stdout).expect("JSON");
    assert_eq!(report["rings"][0]["consumers"], Value::Array(Vec::new()));
}

#[test]
fn a_slot_in_another_ring_makes_none_of_it() {
    let places = [Place::new(), Place::new()];
    let producers = places.each_ref().map(|place| start(place, 1));
    let sockets = places
        .each_ref()
        .map(|place| place.socket().display().to_string());
    let both = Peer::holder(&format!("joins {}", sockets.join(" ")));
    let [mut first, second] = producers.map(Peer::settled);
    first.ask("send 1", "done");
    evict(&mut first);
    let state = |producer: &Peer| {
        let pid = producer.pid().to_string();
        let report = run(&["--json", "--interval", "10ms", "--pid", &pid]);
        let report: Value = serde_json::from_slice(&report.stdout).expect("JSON");
        consumer(&report["rings"][0], both.pid())["state"].clone()
    };
    assert_eq!(state(&first), "evicted");
    assert_eq!(state(&second), "idle");
}

#[test]
fn without_the_capability_its_page_is_read_out_of_its_memory() {
    if !rustix::process::geteuid().is_root() {
        let why = "not tried: only root can become another user";
        let _ = writeln!(std::io::stderr(), "{why}");
        return;
    }
    let place = Place::new();
    let [program, peer] = [env!("CARGO_BIN_EXE_zbqtop").into(), example("peer")]
        .map(|binary: std::path::PathBuf| public_copy(place.path(), &binary));
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(place.path(), open).expect("our own directory");
    let socket = place.socket().display().to_string();
    let start = |role: &str, uid: u32, more: &str, word: &str| {
        let mut command = Command::new(&peer);
        command.args([role, "--socket", &socket]);
        command.args(COMMON.split_whitespace().chain(more.split_whitespace()));
        let mut peer = Peer::spawn(command.uid(uid).gid(uid));
        peer.expect(word);
        peer
    };
    let options = "--consumers 1 --stall-timeout 100";
    let producer = start("produce", SOMEBODY, options, "ready");
    let zombie = start("consume", SOMEBODY, "", "joined").settled();
    let mut producer = producer.settled();
    producer.ask("send 1", "done");
    evict(&mut producer);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).uid(SOMEBODY).gid(SOMEBODY);
        command.output().expect("it starts").stdout
    };
    let pid = producer.pid().to_string();
    let report = run(&["--json", "--interval", "10ms", "--pid", &pid]);
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    let ring = &report["rings"][0];
    let found = consumer(ring, zombie.pid());
    if found.is_null() {
        // Nor may its memory be read: then that is said.
        let limits = ring["attach"]["limits"].to_string();
        assert!(limits.contains("CAP_CHECKPOINT_RESTORE"), "{limits}");
    } else {
        assert_eq!(found["state"], "evicted");
    }
    // Others may read it, too, and cannot be asked.
    let line = run(&["check", "--no-zombies", "--pid", &pid]);
    let line = String::from_utf8_lossy(&line);
    assert!(line.contains("'zombies'="), "{line}");
}
