//! Joining as a passive consumer: it holds nothing up, and says what it costs all the same.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::program::{public_copy, ring, stderr, zbqtop};
use crate::support::pty::Terminal;
use crate::support::{Peer, Place, eventually, example, number};

const NOBODY: u32 = 65_534;

/// The program, with a place of its own for what it remembers.
fn joining(place: &Place) -> Command {
    let mut command = zbqtop();
    command.env("XDG_RUNTIME_DIR", place.path());
    command
}

/// Whether we are root; if not, it is said.
fn may_become_another_user() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        let why = "not tried: only root can become another user";
        let _ = writeln!(std::io::stderr(), "{why}");
    }
    is_root
}

/// A watcher that has joined and says a line every 20 ms.
fn watcher(place: &Place) -> (Child, impl FnMut() -> Value) {
    let mut command = joining(place);
    command
        .args(["--json", "--watch", "20ms", "--join", "--socket"])
        .arg(place.socket());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("zbqtop starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let next =
        move || serde_json::from_str(&lines.next().expect("more").expect("text")).expect("JSON");
    (child, next)
}

#[test]
fn it_parks_at_once_and_says_what_it_costs() {
    for mode in ["pull", "push"] {
        let place = Place::new();
        let mut producer = Peer::producer(
            &place.socket(),
            &format!(
                "--impl reference --mode {mode} --hold --consumers 1 --payload 48 --stall-timeout 600000"
            ),
        );
        let (mut child, mut next) = watcher(&place);
        producer = producer.settled();
        let seen = next();
        let seen = &seen["rings"][0];
        assert_eq!(seen["attach"]["method"], "join");
        assert_eq!(seen["attach"]["joined"]["slot"], 0);
        assert_eq!(seen["attach"]["joined"]["wakeup_mode"], mode);
        let codes: Vec<_> = seen["findings"]
            .as_array()
            .expect("an array")
            .iter()
            .map(|one| one["code"].clone())
            .collect();
        assert!(codes.contains(&"watcher-slot".into()), "{codes:?}");
        assert_eq!(
            codes.contains(&"watcher-push".into()),
            mode == "push",
            "{codes:?}"
        );
        // We may look into the producer, so the join shows what a map shows, ourselves included.
        let outside = ring(producer.pid());
        assert_eq!(outside["consumers"][0]["pid"], child.id());
        assert_eq!(outside["consumers"][0]["state"], "parked");
        assert_eq!(outside["free_bytes"], 65_536);
        assert_eq!(seen["consumers"][0]["pid"], child.id());
        // Twenty laps pass it by, whether it runs, is stopped, or is gone: no reservation fails.
        let refused = |line: &str| number(line, "refused");
        assert_eq!(refused(&producer.ask("send 20000", "done")), 0);
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::STOP).expect("our child");
        assert_eq!(refused(&producer.ask("send 20000", "done")), 0);
        kill_process(pid, Signal::KILL).expect("our child");
        child.wait().expect("our child");
        assert_eq!(refused(&producer.ask("send 20000", "done")), 0);
        producer.ask("scan", "scanned");
        assert_eq!(
            ring(producer.pid())["consumers"].as_array().map(Vec::len),
            Some(0)
        );
    }
}

#[test]
fn descriptors_that_are_broadcast_pile_up_nowhere() {
    let place = Place::new();
    let peer = public_copy(place.path(), &example("peer"));
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o777)).expect("ours");
    // As a user that may have a thousand in flight, and whose account nobody else is on.
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 1024 && exec \"$@\"", "sh"])
        .arg(peer)
        .args(
            "produce --impl reference --hold --consumers 1 --fds 8 --fds-every 1 --socket"
                .split(' '),
        )
        .arg(place.socket());
    if rustix::process::geteuid().is_root() {
        let nobody_elses = 1_000_000 + std::process::id();
        command.uid(nobody_elses).gid(nobody_elses);
    }
    let mut producer = Peer::spawn(&mut command);
    producer.expect("ready");
    // One that takes them, and fails if one is missing.
    let mut reader = Peer::consumer(&place.socket(), "--fds 8 --fds-every 1 --hold");
    reader = reader.settled();
    producer = producer.settled();
    let (mut child, mut next) = watcher(&place);
    assert_eq!(next()["rings"][0]["attach"]["joined"]["slot"], 1);
    for _ in 0..100 {
        producer.ask("send 100", "done");
        reader.ask("take 100", "done");
    }
    // Our slot was one of those that were sent to, all the while.
    assert_eq!(ring(producer.pid())["slots"]["used"], 2);
    assert_eq!(child.try_wait().expect("our child"), None);
    child.kill().expect("our child");
    child.wait().expect("our child");
}

#[test]
fn joining_anew_again_and_again_uses_no_slot_up() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48 --max-consumers 2 --stall-timeout 600000",
    )
    .settled();
    for _ in 0..20 {
        let output = joining(&place)
            .args(["--json", "--interval", "0", "--join", "--socket"])
            .arg(place.socket())
            .output();
        let output = output.expect("zbqtop starts");
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(
            stderr(&output).contains("slot 0 is taken"),
            "{}",
            stderr(&output)
        );
        assert_eq!(number(&producer.ask("send 2000", "done"), "refused"), 0);
        producer.ask("scan", "scanned");
    }
    // Without scans in between, slots do run out, and that is said.
    let path = place.socket();
    let path = path.to_str().expect("text");
    let join = || {
        let mut command = joining(&place);
        command.args(["--json", "--interval", "0", "--join", "--socket", path]);
        command.output().expect("zbqtop starts")
    };
    assert!(join().status.success() && join().status.success());
    let refused = join();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("probably has none free"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_ring_of_another_user_is_joined_and_what_is_hidden_is_said() {
    if !may_become_another_user() {
        return;
    }
    let place = Place::new();
    let copy = public_copy(place.path(), env!("CARGO_BIN_EXE_zbqtop").as_ref());
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48 --stall-timeout 600000",
    )
    .settled();
    std::fs::set_permissions(place.socket(), std::fs::Permissions::from_mode(0o777))
        .expect("our own");
    let runtime = place.path().join("runtime");
    std::fs::create_dir(&runtime).expect("room");
    std::os::unix::fs::chown(&runtime, Some(NOBODY), Some(NOBODY)).expect("we are root");
    let as_nobody = |arguments: &[&str]| {
        let mut command = Command::new(&copy);
        command
            .args(arguments)
            .arg("--socket")
            .arg(place.socket())
            .env("XDG_RUNTIME_DIR", &runtime)
            .uid(NOBODY)
            .gid(NOBODY);
        command
    };
    // Nothing joins by itself: the ring keeps all of its slots.
    for (arguments, code) in [
        (&["--json"][..], 4),
        (&["snapshot"], 4),
        (&["tail"], 4),
        (&["check"], 3),
    ] {
        let output = as_nobody(arguments).output().expect("it starts");
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            stderr(&output)
        );
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        let words = [
            "may not be inspected",
            "run as ",
            "--join",
            "one of its slots",
        ];
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    assert_eq!(ring(producer.pid())["slots"]["used"], 0);
    let output = as_nobody(&["--json", "--interval", "0", "--join"])
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let seen = &report["rings"][0];
    assert_eq!(seen["attach"]["method"], "join");
    assert_eq!(
        seen["producer"]["pid"],
        producer.pid(),
        "by word of the kernel"
    );
    assert_eq!(seen["producer"]["uid"], 0);
    assert_eq!(seen["hidden_consumers"], Value::Null);
    assert_eq!(seen["free_bytes"], Value::Null);
    let limit = &seen["attach"]["limits"][0];
    assert!(
        limit["why"]
            .as_str()
            .is_some_and(|why| why.contains("uid 0") && why.contains("CAP_SYS_PTRACE")),
        "{limit}"
    );
    assert!(
        limit["remedy"]
            .as_str()
            .is_some_and(|remedy| remedy.contains("root")),
        "{limit}"
    );
    assert!(!stderr(&output).contains("before"), "{}", stderr(&output));
    let again = as_nobody(&["--json", "--interval", "0", "--join"])
        .output()
        .expect("it starts");
    assert!(
        stderr(&again).contains("you joined this ring before"),
        "{}",
        stderr(&again)
    );
    assert!(String::from_utf8_lossy(&again.stdout).contains("watcher-earlier-slot"));
    producer.ask("scan", "scanned");
    // Messages come through the mappings of the join, over many laps.
    producer.ask("send 1", "done");
    let mut child = as_nobody(&["tail", "-f", "--join", "-n", "1", "--format", "text"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert_eq!(lines.next().expect("more").expect("text"), "z".repeat(48));
    for _ in 0..10 {
        // A quarter of the ring at a time, so that nothing is overrun.
        assert_eq!(number(&producer.ask("send 256", "done"), "refused"), 0);
        for _ in 0..256 {
            assert_eq!(lines.next().expect("more").expect("text"), "z".repeat(48));
        }
    }
    producer.kill();
    let status = eventually("tail ends", || child.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
}

#[test]
fn memfds_that_shrink_under_a_joined_watcher_are_survived() {
    if !may_become_another_user() {
        return;
    }
    let place = Place::new();
    let copy = public_copy(place.path(), env!("CARGO_BIN_EXE_zbqtop").as_ref());
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48",
    )
    .settled();
    let everyone = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(place.socket(), everyone).expect("our own");
    // Another user's watcher has nothing but the mappings that it was given.
    let mut command = Command::new(copy);
    command
        .args(["--json", "--watch", "20ms", "--join", "--socket"])
        .arg(place.socket());
    command
        .env("XDG_RUNTIME_DIR", place.path())
        .uid(NOBODY)
        .gid(NOBODY);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("more").expect("text")).expect("JSON")
    };
    assert_eq!(next()["rings"][0]["attach"]["method"], "join");
    // The producer does not look meanwhile: it has no guard.
    let pid = Pid::from_raw(producer.pid().cast_signed()).expect("a pid");
    producer.ask("send 10", "done");
    kill_process(pid, Signal::STOP).expect("our child");
    for name in ["zbq_meta", "zbq_ring", "zbq_ctrl"] {
        let fds = std::fs::read_dir(format!("/proc/{}/fd", producer.pid())).expect("it lives");
        for fd in fds.flatten() {
            let link = std::fs::read_link(fd.path()).unwrap_or_default();
            if link.to_string_lossy().contains(name) {
                let memfd = std::fs::File::options()
                    .write(true)
                    .open(fd.path())
                    .expect("we are root");
                memfd.set_len(0).expect("it is not sealed");
            }
        }
        next();
    }
    let seen = (0..1000)
        .map(|_| next())
        .find(|report| report["rings"][0]["state"] == "truncated");
    assert!(seen.is_some(), "it notices and goes on");
    child.kill().expect("our child");
    child.wait().expect("our child");
}

/// The dashboard says what joining costs, and asks.
#[test]
fn the_dashboard_asks_before_it_joins() {
    if !may_become_another_user() {
        return;
    }
    let place = Place::new();
    let copy = public_copy(place.path(), env!("CARGO_BIN_EXE_zbqtop").as_ref());
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48",
    )
    .settled();
    let everyone = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(place.socket(), everyone).expect("our own");
    for (answer, slots) in [("\n", 0), ("n\n", 0), ("y\n", 1)] {
        let mut command = Command::new(&copy);
        command.arg("--socket").arg(place.socket());
        command
            .env("XDG_RUNTIME_DIR", "/nonexistent")
            .env("TERM", "xterm");
        command.uid(NOBODY).gid(NOBODY);
        let mut terminal = Terminal::start(&mut command, 30, 100);
        terminal.wait("a question", |text| {
            text.contains("Join it? [y/N]") && text.contains("one of its slots")
        });
        terminal.keys(answer);
        if slots == 0 {
            assert_eq!(terminal.ended().code(), Some(4));
        } else {
            terminal.wait("the ring", |text| text.contains("Consumers"));
            terminal.keys("q");
            assert!(terminal.ended().success());
        }
        assert_eq!(ring(producer.pid())["slots"]["used"], slots);
    }
}
