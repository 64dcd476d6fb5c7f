//! Rings whose producer is gone: found and opened through the processes that still map them.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::program::{public_copy, ring_by, run, stderr, stdout};
use crate::support::{Peer, Place, example};

const COMMON: &str = "--impl reference --payload 20 --hold";
const SOMEBODY: u32 = 65_532;

/// Whether what a process maps can be opened here; says so if not.
fn may_open_maps() -> bool {
    let own = std::fs::read_dir("/proc/self/map_files").ok();
    let first = own.and_then(|mut entries| entries.find_map(Result::ok));
    let may = first.is_some_and(|entry| std::fs::metadata(entry.path()).is_ok());
    if !may {
        let why = "not tried: /proc/PID/map_files may not be opened here";
        let _ = writeln!(std::io::stderr(), "{why}");
    }
    may
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        let why = "not tried: only root can become another user";
        let _ = writeln!(std::io::stderr(), "{why}");
    }
    root
}

/// A ring that outlived its producer: 100 messages of 20 bytes, 10 of them taken by the second consumer.
fn orphan(place: &Place) -> (u32, Peer, Peer) {
    let producer = Peer::producer(&place.socket(), &format!("{COMMON} --consumers 2"));
    let first = Peer::consumer(&place.socket(), COMMON).settled();
    let mut second = Peer::consumer(&place.socket(), COMMON).settled();
    let mut producer = producer.settled();
    producer.ask("send 100", "done");
    second.ask("take 10", "done");
    producer.kill();
    (producer.pid(), first, second)
}

/// The entries of a listing that are reached through a process.
fn listed(arguments: &[&str], through: &Peer) -> Vec<Value> {
    let listing: Value = serde_json::from_str(&stdout(arguments)).expect("JSON");
    let rings = listing["rings"].as_array().expect("an array").iter();
    rings
        .filter(|ring| ring["through"] == through.pid())
        .cloned()
        .collect()
}

const ALL: [&str; 5] = ["ls", "--all", "--json", "--interval", "0"];

#[test]
fn a_ring_is_found_and_read_through_its_consumers() {
    if !may_open_maps() {
        return;
    }
    let place = Place::new();
    let (producer, mut first, second) = orphan(&place);
    let found = listed(&ALL, &first);
    assert_eq!(found.len(), 1, "{found:?}");
    let ring = &found[0];
    assert_eq!(ring["pid"], producer);
    assert_eq!(ring["state"], "producer_gone");
    assert_eq!(ring["producer_head"], 3600);
    assert_eq!(ring["ring_capacity"], 65_536);
    // Null where there are processes that may not be asked, as they may map it, too.
    let consumers = &ring["consumers"];
    assert!(*consumers == 2 || consumers.is_null(), "{ring}");
    assert!(
        ring["id"]
            .as_str()
            .is_some_and(|id| id.starts_with(&format!("{}/map:", first.pid()))),
        "{ring}"
    );
    // Once, and only there.
    assert_eq!(listed(&ALL, &second), Vec::<Value>::new());
    assert_eq!(
        listed(&["ls", "--json", "--interval", "0"], &first),
        Vec::<Value>::new()
    );
    let table = stdout(&["ls", "--all", "--interval", "0"]);
    assert!(
        table.contains(&format!("(through pid {})", first.pid())),
        "{table}"
    );
    // By either of them.
    for consumer in [&first, &second] {
        let pid = consumer.pid().to_string();
        let bytes = run(&["tail", "--pid", &pid, "--from", "oldest", "--format", "raw"]);
        assert_eq!(bytes.stdout, b"z".repeat(2000), "{}", stderr(&bytes));
    }
    let pid = first.pid().to_string();
    let ring = ring_by(&["--pid", &pid]);
    assert_eq!(ring["state"], "producer_gone");
    assert_eq!(ring["attach"]["method"], "map");
    assert_eq!(ring["attach"]["slot_table"], false);
    assert_eq!(ring["slots"], Value::Null);
    assert_eq!(ring["producer"]["alive"], false);
    assert_eq!(ring["producer"]["command"], Value::Null);
    assert_eq!(ring["free_bytes"], Value::Null);
    let limits = ring["attach"]["limits"].to_string();
    assert!(
        limits.contains("another process may have that pid now"),
        "{limits}"
    );
    let consumers = ring["consumers"].as_array().expect("an array");
    let tail = |peer: &Peer| {
        let one = consumers.iter().find(|one| one["pid"] == peer.pid());
        one.map_or(&Value::Null, |one| &one["tail_offset"])
    };
    assert_eq!(consumers.len(), 2, "{consumers:?}");
    assert_eq!((tail(&first), tail(&second)), (&0.into(), &360.into()));
    let (code, line) = {
        let output = run(&["check", "--pid", &pid]);
        (output.status.code(), stdout_of(&output))
    };
    assert_eq!(code, Some(2), "{line}");
    assert!(line.contains("the producer has ended"), "{line}");
    // One may go; then the ring goes with the last.
    first.kill();
    assert_eq!(listed(&ALL, &second).len(), 1);
    assert_eq!(run(&["--json", "--pid", &pid]).status.code(), Some(3));
}

fn stdout_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn what_was_mapped_stays_when_the_last_consumer_ends() {
    use std::io::{BufRead as _, BufReader};
    if !may_open_maps() {
        return;
    }
    let place = Place::new();
    let (_, mut first, mut second) = orphan(&place);
    let mut child = crate::support::program::zbqtop()
        .args([
            "--json",
            "--watch",
            "20ms",
            "--pid",
            &first.pid().to_string(),
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("more").expect("text");
        serde_json::from_str::<Value>(&line).expect("JSON")["rings"][0].take()
    };
    assert_eq!(next()["state"], "producer_gone");
    first.kill();
    second.kill();
    let dead = |ring: &Value| {
        let consumers = ring["consumers"].as_array().expect("an array");
        consumers.iter().all(|one| one["state"] == "dead")
    };
    let last = (0..1000).map(|_| next()).find(dead).expect("it notices");
    assert_eq!(last["state"], "producer_gone");
    assert_eq!(last["control"]["producer_head"], 3600);
    child.kill().expect("our child");
    child.wait().expect("our child");
}

#[test]
fn while_the_producer_lives_its_consumers_pid_means_the_ring_it_is_in() {
    let place = Place::new();
    let producer = Peer::producer(&place.socket(), &format!("{COMMON} --consumers 1"));
    let consumer = Peer::consumer(&place.socket(), COMMON).settled();
    let producer = producer.settled();
    let ring = ring_by(&["--pid", &consumer.pid().to_string()]);
    assert_eq!(ring["producer"]["pid"], producer.pid());
    assert_eq!(ring["consumers"][0]["pid"], consumer.pid());
    assert_eq!(listed(&ALL, &consumer), Vec::<Value>::new());
}

#[test]
fn two_rings_of_one_consumer_are_told_apart() {
    if !may_open_maps() {
        return;
    }
    let places = [Place::new(), Place::new()];
    let start = |place: &Place, capacity: &str| {
        let arguments = format!("{COMMON} --consumers 1 --capacity {capacity}");
        Peer::producer(&place.socket(), &arguments)
    };
    for capacities in [["65536", "131072"], ["65536", "65536"]] {
        let places = if capacities[0] == capacities[1] {
            &[Place::new(), Place::new()]
        } else {
            &places
        };
        let producers = [
            start(&places[0], capacities[0]),
            start(&places[1], capacities[1]),
        ];
        let sockets = places
            .iter()
            .map(|place| place.socket().display().to_string());
        let both = Peer::holder(&format!("joins {}", sockets.collect::<Vec<_>>().join(" ")));
        let mut heads = Vec::new();
        for (number, producer) in producers.into_iter().enumerate() {
            let mut producer = producer.settled();
            producer.ask(&format!("send {}", number + 1), "done");
            producer.kill();
            heads.push(Value::from((number + 1) * 36));
        }
        let pid = both.pid().to_string();
        let several = run(&["--json", "--pid", &pid]);
        assert_eq!(several.status.code(), Some(2));
        assert!(
            stderr(&several).contains("--ring 1"),
            "{}",
            stderr(&several)
        );
        let rings = ["0", "1"].map(|number| ring_by(&["--pid", &pid, "--ring", number]));
        for head in &heads {
            let ring = rings
                .iter()
                .find(|ring| ring["control"]["producer_head"] == *head);
            let ring = ring.unwrap_or_else(|| panic!("no ring at {head}: {rings:?}"));
            // Which page is of which ring is not known, and said.
            assert_eq!(ring["consumers"], Value::Array(Vec::new()));
            let limits = ring["attach"]["limits"].to_string();
            assert!(limits.contains("how far pid"), "{limits}");
            assert_eq!(
                limits.contains("because it was made next"),
                capacities[0] == capacities[1],
                "{limits}"
            );
        }
        let missing = run(&["--json", "--pid", &pid, "--ring", "2"]);
        assert_eq!(missing.status.code(), Some(3));
        assert_eq!(listed(&ALL, &both).len(), 2);
    }
}

#[test]
fn what_only_has_the_names_of_a_ring_is_refused_with_the_reason() {
    if !may_open_maps() {
        return;
    }
    for (memfds, words) in [
        ("1024 4096 ring_capacity=4096", "1024 bytes, expected 4096"),
        ("8192 4096 ring_capacity=4096", "8192 bytes, expected 4096"),
        ("4096 4096 ring_capacity=4097", "ring_capacity = 4097"),
        ("4096 4096", "ring_capacity = 0"),
        (
            "4096 4096 ring_capacity=8192",
            "a zbq_ring of 4096 bytes, expected 8192",
        ),
    ] {
        let holder = Peer::holder(&format!("maps {memfds}"));
        let output = run(&["--json", "--pid", &holder.pid().to_string()]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(said.contains(words), "{words}: {said}");
        let listing: Value = serde_json::from_str(&stdout(&ALL)).expect("JSON");
        let limits = listing["limits"].to_string();
        assert!(limits.contains(words), "{words}: {limits}");
    }
    // One that is all there but for a producer: whatever it says, nothing falls over.
    let holder =
        Peer::holder("maps 4096 4096 ring_capacity=4096 producer_head=18446744073709551615");
    let pid = holder.pid().to_string();
    assert_eq!(ring_by(&["--pid", &pid])["state"], "producer_gone");
    stdout(&["tail", "--pid", &pid, "--from", "oldest"]);
}

#[test]
fn without_the_capability_it_is_read_out_of_the_consumers_memory() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    let [program, peer] = [env!("CARGO_BIN_EXE_zbqtop").into(), example("peer")]
        .map(|binary: std::path::PathBuf| public_copy(place.path(), &binary));
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(place.path(), open).expect("our own directory");
    let somebody = |binary: &std::path::Path, arguments: &str| {
        let mut command = Command::new(binary);
        command.args(arguments.split_whitespace());
        command.uid(SOMEBODY).gid(SOMEBODY);
        command
    };
    let socket = place.socket().display().to_string();
    let start = |role: &str, more: &str, word: &str| {
        let arguments = format!("{role} --socket {socket} {COMMON} {more}");
        let mut peer = Peer::spawn(&mut somebody(&peer, &arguments));
        peer.expect(word);
        peer
    };
    let producer = start("produce", "--consumers 1", "ready");
    let mut consumer = start("consume", "", "joined").settled();
    let mut producer = producer.settled();
    producer.ask("send 100", "done");
    producer.kill();
    let pid = consumer.pid();
    let output = |arguments: &str| somebody(&program, arguments).output().expect("it starts");
    let tail = output(&format!("tail --pid {pid} --from oldest --format raw"));
    if stderr(&tail).contains("PTRACE_MODE_ATTACH") {
        let why = "not tried: memory of one's own processes may not be read here";
        let _ = writeln!(std::io::stderr(), "{why}");
        return;
    }
    assert_eq!(tail.stdout, b"z".repeat(2000), "{}", stderr(&tail));
    let report = output(&format!("--json --interval 0 --pid {pid}"));
    let mut report: Value = serde_json::from_slice(&report.stdout).expect("JSON");
    let ring = report["rings"][0].take();
    assert_eq!(ring["state"], "producer_gone");
    assert_eq!(ring["consumers"][0]["tail_offset"], 0);
    let limits = ring["attach"]["limits"].to_string();
    assert!(limits.contains("CAP_CHECKPOINT_RESTORE"), "{limits}");
    // Its tail is followed all the same.
    let mut watch = somebody(
        &program,
        &format!("--json --watch 20ms --interval 0 --pid {pid}"),
    );
    let mut watch = watch
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(watch.stdout.take().expect("piped")));
    lines.next().expect("a first look").expect("text");
    consumer.ask("take 10", "done");
    let moved = lines.by_ref().take(1000).map_while(Result::ok).any(|line| {
        let report: Value = serde_json::from_str(&line).expect("JSON");
        report["rings"][0]["consumers"][0]["tail_offset"] == 360
    });
    assert!(moved, "its tail stands still");
    // Of somebody else's processes nothing is known.
    let root = Peer::holder("maps 4096 4096 ring_capacity=4096");
    let refused = output(&format!("--json --pid {}", root.pid()));
    assert_eq!(refused.status.code(), Some(4), "{}", stderr(&refused));
    let listing = output("ls --all --json --interval 0");
    let listing: Value = serde_json::from_slice(&listing.stdout).expect("JSON");
    let ours = |ring: &&Value| ring["through"] == pid;
    let rings = listing["rings"].as_array().expect("an array");
    assert_eq!(rings.iter().filter(ours).count(), 1, "{listing}");
    assert!(
        listing["limits"].to_string().contains("run as"),
        "{listing}"
    );
    // It ends; what was read stays, its bytes do not.
    consumer.kill();
    let ended = lines.map_while(Result::ok).take(1000).find_map(|line| {
        let mut report: Value = serde_json::from_str(&line).expect("JSON");
        let ring = report["rings"][0].take();
        (ring["consumers"][0]["state"] == "dead").then_some(ring)
    });
    let ended = ended.expect("it notices");
    assert_eq!(ended["state"], "producer_gone");
    assert_eq!(ended["control"]["producer_head"], 3600);
    watch.kill().expect("our child");
    watch.wait().expect("our child");
}

#[test]
fn a_producer_that_may_not_be_looked_into_is_not_called_gone() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    let [program, holder] = [env!("CARGO_BIN_EXE_zbqtop").into(), example("holder")]
        .map(|binary: std::path::PathBuf| public_copy(place.path(), &binary));
    // It maps what may be the ring of a process of root's.
    let root = Peer::holder("maps 4096 4096 ring_capacity=4096");
    let mut command = Command::new(holder);
    command.args(["maps", "4096", "4096", "ring_capacity=4096"]);
    command.arg(format!("producer_pid={}", root.pid()));
    let mut consumer = Peer::spawn(command.uid(SOMEBODY).gid(SOMEBODY));
    consumer.expect("ready");
    let mut command = Command::new(program);
    command.args(["--json", "--pid", &consumer.pid().to_string()]);
    let output = command.uid(SOMEBODY).gid(SOMEBODY).output();
    let output = output.expect("it starts");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    let words = format!("whose producer may be pid {}", root.pid());
    assert!(said.contains(&words), "{said}");
}
