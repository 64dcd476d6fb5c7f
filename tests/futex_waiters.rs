//! Consumers in the ring's futex: how a wakeup mode is known without the slot table, and who sleeps for ever.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::program::{public_copy, ring, ring_when, stdout, zbqtop};
use crate::support::{Peer, Place, eventually, example};

/// A push ring of the reference whose slot table cannot be found.
fn tableless(place: &Place, mode: &str, consumers: u32) -> Peer {
    Peer::producer(
        &place.socket(),
        &format!(
            "--impl reference --mode {mode} --payload 48 --hold --hidden-table --consumers {consumers}"
        ),
    )
}

/// A consumer that waits for a first message. It falls asleep when all that the producer waits for have joined.
fn sleeper(socket: &Path, implementation: &str) -> Peer {
    let common = "--mode push --payload 48 --hold --messages 1";
    Peer::consumer(socket, &format!("--impl {implementation} {common}"))
}

/// Waits until it is asleep.
fn asleep(peer: &Peer) {
    let place = format!("/proc/{}/wchan", peer.pid());
    let waits = || {
        std::fs::read_to_string(&place)
            .ok()?
            .contains("futex")
            .then_some(())
    };
    eventually("it sleeps", waits);
}

/// The program, looking again and again, and what it says.
fn watcher(arguments: &[&str], place: &Place) -> (Child, impl FnMut() -> Value + use<>) {
    watching(
        zbqtop()
            .args(arguments)
            .env("XDG_RUNTIME_DIR", place.path()),
    )
}

fn watching(command: &mut Command) -> (Child, impl FnMut() -> Value + use<>) {
    let mut child = command
        .args(["--json", "--watch", "20ms"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("zbqtop starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let next = move || -> Value {
        let line = lines.next().expect("more").expect("text");
        let mut report: Value = serde_json::from_str(&line).expect("JSON");
        report["rings"][0].take()
    };
    (child, next)
}

fn ended(mut child: Child) {
    child.kill().expect("our child");
    child.wait().expect("our child");
}

/// The first of many looks that is as wanted.
fn seen(next: &mut impl FnMut() -> Value, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = (0..2000).map(|_| next()).find(wanted);
    found.unwrap_or_else(|| panic!("never seen: {what}"))
}

/// The consumer that is this process.
fn of(ring: &Value, pid: u32) -> &Value {
    let consumers = ring["consumers"].as_array().expect("an array");
    let found = consumers.iter().find(|one| one["pid"] == pid);
    found.unwrap_or_else(|| panic!("pid {pid} is not in {ring}"))
}

fn mode(consumer: &Value) -> [&Value; 2] {
    [&consumer["wakeup_mode"], &consumer["wakeup_basis"]]
}

/// Who is said to sleep for ever.
fn stranded(ring: &Value) -> Vec<&Value> {
    let findings = ring["findings"].as_array().expect("an array");
    let ours = |finding: &&Value| finding["code"] == "asleep-on-dead-futex";
    findings.iter().filter(ours).collect()
}

#[test]
fn without_the_slot_table_push_is_who_is_caught_in_the_futex() {
    let place = Place::new();
    let mut producer = tableless(&place, "push", 3);
    let mut sleeper = sleeper(&place.socket(), "reference");
    // Its thread waits in a futex, but not in the ring's.
    let idle = Peer::consumer(&place.socket(), "--impl reference --mode pull --hold").settled();
    // Nothing to read, and it asks all the time.
    let poller = Peer::consumer(
        &place.socket(),
        "--impl reference --mode pull --payload 48 --hold --messages 1",
    );
    producer = producer.settled();
    let caught = |ring: &Value| of(ring, sleeper.pid())["wakeup_mode"] == "push";
    let found = ring_when("it sleeps", producer.pid(), caught);
    assert_eq!(found["attach"]["slot_table"], false, "{found}");
    assert_eq!(mode(of(&found, sleeper.pid())), ["push", "futex_wait"]);
    for other in [&idle, &poller] {
        assert_eq!(mode(of(&found, other.pid())), [&Value::Null; 2]);
    }
    let limits = found["attach"]["limits"].to_string();
    assert!(limits.contains("wakeup modes"), "{limits}");
    // The producer lives, and wakes it.
    assert_eq!(of(&found, sleeper.pid())["waits_on_futex"], Value::Null);
    let table = stdout(&["snapshot", "--pid", &producer.pid().to_string()]);
    assert!(table.contains("push (futex wait)"), "{table}");

    // Once it was caught it stays push, also while it is awake; and nobody else becomes it.
    let (child, mut next) = watcher(&["--pid", &producer.pid().to_string()], &place);
    seen(&mut next, "it sleeps", caught);
    producer.ask("send 1", "done");
    sleeper.expect("done");
    for _ in 0..60 {
        let later = next();
        assert_eq!(mode(of(&later, sleeper.pid())), ["push", "futex_wait"]);
        assert_eq!(mode(of(&later, idle.pid())), [&Value::Null; 2]);
        assert_eq!(mode(of(&later, poller.pid())), [&Value::Null; 2]);
    }
    ended(child);
}

#[test]
fn the_slot_table_comes_first() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --mode push --payload 48 --hold --consumers 1",
    );
    let sleeper = sleeper(&place.socket(), "reference");
    let found = ring_when("it is there", producer.pid(), |ring| {
        ring["consumers"][0]["pid"] == sleeper.pid()
    });
    if found["attach"]["slot_table"] == true {
        assert_eq!(mode(&found["consumers"][0]), ["push", "slot_table"]);
    }
}

#[test]
fn a_watcher_that_joined_knows_its_own_mode() {
    for given in ["push", "pull"] {
        let place = Place::new();
        let producer = tableless(&place, given, 1);
        let socket = place.socket().display().to_string();
        let (child, mut next) = watcher(&["--join", "--socket", &socket], &place);
        let found = next();
        assert_eq!(found["attach"]["method"], "join");
        assert_eq!(found["attach"]["slot_table"], false, "{found}");
        let own = of(&found, child.id());
        assert_eq!(mode(own), [given, "join"]);
        // What it was told is known to nobody else.
        assert_eq!(
            mode(of(&ring(producer.pid()), child.id())),
            [&Value::Null; 2]
        );
        ended(child);
    }
}

#[test]
fn who_sleeps_on_a_dead_producers_futex_is_named() {
    for arguments in ["", "--hidden-table"] {
        let place = Place::new();
        let mut producer = Peer::producer(
            &place.socket(),
            &format!("--impl reference --mode push --payload 48 --hold --consumers 4 {arguments}"),
        );
        let (first, second) = (
            sleeper(&place.socket(), "reference"),
            sleeper(&place.socket(), "reference"),
        );
        let idle = Peer::consumer(&place.socket(), "--impl reference --hold").settled();
        let mut gone = sleeper(&place.socket(), "reference");
        producer = producer.settled();
        let (child, mut next) = watcher(&["--pid", &producer.pid().to_string()], &place);
        let before = next();
        assert!(stranded(&before).is_empty(), "{before}");
        assert_eq!(of(&before, first.pid())["waits_on_futex"], Value::Null);
        asleep(&first);
        asleep(&second);
        gone.kill();
        producer.kill();
        let after = seen(&mut next, "both asleep", |ring| stranded(ring).len() == 2);
        for finding in stranded(&after) {
            assert_eq!(finding["severity"], "critical");
            let pid = finding["pid"].as_u64().expect("a pid");
            assert!([first.pid(), second.pid()].map(u64::from).contains(&pid));
            let message = finding["message"].as_str().expect("text");
            assert!(
                message.contains(&format!("peer (pid {pid})")) && message.contains("restart it"),
                "{message}"
            );
            let table = before["attach"]["slot_table"] == true;
            assert_eq!(message.contains("slot "), table, "{message}");
        }
        assert_eq!(of(&after, first.pid())["waits_on_futex"], "endless");
        assert_eq!(of(&after, idle.pid())["waits_on_futex"], "no");
        // Who has ended sleeps no more.
        drop(first);
        seen(&mut next, "one left", |ring| stranded(ring).len() == 1);
        ended(child);
    }
}

#[test]
fn a_wait_with_a_time_limit_is_not_for_ever() {
    let place = Place::new();
    let mut producer = tableless(&place, "push", 1);
    // It waits 100 ms at a time, and then looks whether the producer lives.
    let sleeper = sleeper(&place.socket(), "zbqtop");
    producer = producer.settled();
    let pid = producer.pid().to_string();
    let (child, mut next) = watcher(&["--pid", &pid], &place);
    seen(&mut next, "it sleeps", |ring| {
        of(ring, sleeper.pid())["wakeup_basis"] == "futex_wait"
    });
    producer.kill();
    for _ in 0..50 {
        let after = next();
        assert!(stranded(&after).is_empty(), "{after}");
    }
    ended(child);
}

#[test]
fn whose_threads_may_not_be_looked_at_is_said() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let program = public_copy(place.path(), env!("CARGO_BIN_EXE_zbqtop").as_ref());
    let peer = public_copy(place.path(), &example("peer"));
    let all = Permissions::from_mode(0o777);
    std::fs::set_permissions(place.path(), all).expect("our own file");
    let user = 1_000_000 + std::process::id();
    let mut command = Command::new(peer);
    command
        .args("produce --impl reference --mode push --hold --consumers 1 --socket".split(' '))
        .arg(place.socket())
        .uid(user)
        .gid(user);
    let mut producer = Peer::spawn(&mut command);
    producer.expect("ready");
    // Root's: the producer's user may not look into it.
    let sleeper = sleeper(&place.socket(), "reference");
    producer = producer.settled();
    let mut command = Command::new(program);
    command
        .args(["--pid", &producer.pid().to_string()])
        .uid(user)
        .gid(user);
    let (child, mut next) = watching(&mut command);
    // Who it is, the pidfd in its slot tells.
    let known = seen(&mut next, "who it is", |ring| {
        ring["consumers"][0]["pid"] == sleeper.pid() || ring["attach"]["slot_table"] == false
    });
    if known["attach"]["slot_table"] == true {
        asleep(&sleeper);
        producer.kill();
        let after = seen(&mut next, "a dead producer", |ring| {
            ring["producer"]["alive"] == false
        });
        assert!(stranded(&after).is_empty(), "{after}");
        assert_eq!(after["consumers"][0]["waits_on_futex"], Value::Null);
        let limits = after["attach"]["limits"].as_array().expect("an array");
        let what = format!("wait in the ring's futex (pid {})", sleeper.pid());
        let limit = limits
            .iter()
            .find(|one| one["what"].to_string().contains(&what));
        let limit = limit.unwrap_or_else(|| panic!("{limits:?}"));
        let why = limit["why"].as_str().expect("text");
        assert!(why.contains("it belongs to uid 0"), "{why}");
        assert!(
            limit["remedy"].to_string().contains("run as root"),
            "{limit}"
        );
    }
    ended(child);
}
