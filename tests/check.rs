//! `check` on live rings of the reference: the status, the line, and that neither can be spoilt from outside.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::program::{public_copy, ring, ring_when, run, stderr};
use crate::support::{Peer, Place, eventually, example};

const NOBODY: u32 = 65_534;
const COMMON: &str = "--impl reference --payload 48 --hold";

/// The exit status and the line.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    let line = text.strip_suffix('\n').expect("a whole line");
    assert!(!line.contains('\n'), "one line: {line}");
    (output.status.code(), line.to_owned())
}

/// Checks the ring of a process.
fn check(producer: &Peer, options: &str) -> (Option<i32>, String) {
    let pid = producer.pid().to_string();
    let mut arguments = vec!["check", "--pid", &pid];
    arguments.extend(options.split_whitespace());
    said(&run(&arguments))
}

/// The same as JSON.
fn judged(producer: &Peer, options: &str) -> Value {
    let pid = producer.pid().to_string();
    let mut arguments = vec!["check", "--json", "--pid", &pid];
    arguments.extend(options.split_whitespace());
    serde_json::from_slice(&run(&arguments).stdout).expect("JSON")
}

/// What a limit's code makes of the verdict; null: nothing.
fn severity(verdict: &Value, code: &str) -> Value {
    let mut reasons = verdict["reasons"].as_array().expect("an array").iter();
    let reason = reasons.find(|reason| reason["code"] == code);
    reason.map_or(Value::Null, |reason| reason["severity"].clone())
}

/// A ring with `consumers` that have taken everything.
fn quiet(place: &Place, consumers: usize, arguments: &str) -> (Peer, Vec<Peer>) {
    let producer = Peer::producer(
        &place.socket(),
        &format!("{COMMON} --consumers {consumers} {arguments}"),
    );
    let mut all: Vec<Peer> = (0..consumers)
        .map(|_| Peer::consumer(&place.socket(), COMMON).settled())
        .collect();
    let mut producer = producer.settled();
    producer.ask("send 10", "done");
    for consumer in &mut all {
        consumer.ask("take 10", "done");
    }
    (producer, all)
}

#[test]
fn a_ring_that_flows_is_ok() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        &format!("{COMMON} --rate 200 --messages 10000000"),
    );
    let _consumer = Peer::consumer(&place.socket(), &format!("{COMMON} --messages 10000000"));
    ring_when("messages", producer.pid(), |ring| {
        ring["control"]["producer_head"] != 0
    });
    let (code, line) = check(
        &producer,
        "--max-lag 50%:90% --max-lag 1m --max-stall 1m --min-consumers 1",
    );
    assert_eq!(code, Some(0), "{line}");
    assert!(line.starts_with("ZBQ OK - peer ring "), "{line}");
    assert!(line.contains(": flowing at "), "{line}");
    let (_, figures) = line.split_once(" | ").expect("figures");
    for figure in [
        ";32768;58982;0;65536",
        "'lag_time'=",
        "s;;60;0",
        "'consumers'=1;;1:;0",
    ] {
        assert!(figures.contains(figure), "{figure} is not in {figures}");
    }
    let rate = figures
        .split_whitespace()
        .find_map(|figure| figure.strip_prefix("'bytes_per_second'="))
        .expect("a rate");
    let rate: f64 = rate
        .split(';')
        .next()
        .expect("a value")
        .parse()
        .expect("a number");
    assert!(rate > 0.0, "{figures}");
}

#[test]
fn a_ring_on_which_nothing_comes_is_ok() {
    let place = Place::new();
    let (producer, _consumers) = quiet(&place, 2, "");
    // Longer without a publish than would be a stall, were there anything to take.
    let (code, line) = check(
        &producer,
        "--interval 300ms --max-stall 1ms --max-lag 0msg:0msg --max-clog 0",
    );
    assert_eq!(code, Some(0), "{line}");
    assert!(
        line.contains(": idle, lag 0 B (0 %), lag 0 messages"),
        "{line}"
    );
}

#[test]
fn a_consumer_that_blocks_the_ring_is_critical() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        &format!("{COMMON} --consumers 1 --stall-timeout 600000"),
    );
    let hog = Peer::consumer(&place.socket(), COMMON);
    // The ring holds 1024 of them.
    producer.tell("send 2000");
    ring_when("a full ring", producer.pid(), |ring| {
        ring["state"] == "clogged"
    });
    let (code, line) = check(&producer, "");
    assert_eq!(code, Some(2), "{line}");
    assert!(line.starts_with("ZBQ CRITICAL - peer ring "), "{line}");
    assert!(line.contains(&format!("pid {}", hog.pid())), "{line}");
    assert!(line.contains("it blocks the producer"), "{line}");
    assert!(
        line.contains("'lag_bytes'=65536B;52428;62259;0;65536"),
        "{line}"
    );
    let verdict = judged(&producer, "");
    assert_eq!(severity(&verdict, "consumer-blocking"), "critical");
    assert_eq!(severity(&verdict, "lag-bytes"), "critical");
    if ring(producer.pid())["attach"]["slot_table"] == true {
        let verdict = judged(&producer, "--max-clog 0");
        assert_eq!(severity(&verdict, "clog-attempts"), "critical");
    }
}

#[test]
fn a_killed_consumer_whose_slot_is_held_is_a_warning() {
    let place = Place::new();
    let (producer, mut consumers) = quiet(&place, 2, "--stall-timeout 600000");
    consumers[0].kill();
    let (code, line) = check(&producer, "");
    assert_eq!(code, Some(1), "{line}");
    assert!(line.contains("its process has ended"), "{line}");
    let (code, line) = check(&producer, "--min-consumers 2:");
    assert_eq!(code, Some(1), "{line}");
    assert!(line.contains("1 consumer, expected at least 2"), "{line}");
    let (code, line) = check(&producer, "--min-consumers 2");
    assert_eq!(code, Some(2), "{line}");
}

#[test]
fn consumers_are_counted() {
    let place = Place::new();
    let (producer, _consumers) = quiet(&place, 2, "");
    for (limit, expected) in [
        ("2", 0),
        ("2:2", 0),
        ("3:2", 1),
        ("3:1", 1),
        ("4:3", 2),
        ("3", 2),
    ] {
        let (code, line) = check(&producer, &format!("--min-consumers {limit}"));
        assert_eq!(code, Some(expected), "{limit}: {line}");
    }
}

#[test]
fn a_lag_is_judged_in_each_unit() {
    let place = Place::new();
    let (mut producer, _consumers) = quiet(&place, 1, "--stall-timeout 600000");
    // 6400 bytes: 9.8 % of the ring.
    producer.ask("send 100", "done");
    for (limit, code, expected) in [
        ("6400B", "lag-bytes", Value::Null),
        ("6399B:6400B", "lag-bytes", "warning".into()),
        ("6399B:", "lag-bytes", "warning".into()),
        ("6KiB:6399B", "lag-bytes", "critical".into()),
        ("10%", "lag-bytes", Value::Null),
        ("9%:10%", "lag-bytes", "warning".into()),
        ("8%:9%", "lag-bytes", "critical".into()),
        ("100msg", "lag-messages", Value::Null),
        ("99msg:100msg", "lag-messages", "warning".into()),
        ("98msg:99msg", "lag-messages", "critical".into()),
        // Behind since before we looked: for that long at least, and nobody knows for how long.
        ("1ms:1h", "lag-time", "warning".into()),
        ("1ms:100ms", "lag-time", "critical".into()),
        ("1h", "lag-time", "unknown".into()),
    ] {
        let verdict = judged(&producer, &format!("--max-lag {limit}"));
        assert_eq!(severity(&verdict, code), expected, "{limit}: {verdict:#}");
        assert_eq!(
            verdict["rings"][0]["figures"][0]["name"], "lag_bytes",
            "{verdict:#}"
        );
        assert_eq!(verdict["rings"][0]["figures"][0]["value"], 6400);
    }
    // Its own clock tells how long it has stood.
    for (limit, expected) in [
        ("1h", Value::Null),
        ("1ms:1h", "warning".into()),
        ("1ms", "critical".into()),
    ] {
        let verdict = judged(&producer, &format!("--max-stall {limit}"));
        assert_eq!(
            severity(&verdict, "stall"),
            expected,
            "{limit}: {verdict:#}"
        );
    }
}

#[test]
fn a_zombie_is_found_after_the_fact() {
    let place = Place::new();
    let (mut producer, mut consumers) = quiet(&place, 2, "--stall-timeout 200");
    // The clock runs from the first change that a scan sees; one of them goes on.
    producer.ask("scan", "scanned");
    producer.ask("send 1", "done");
    consumers[1].ask("take 1", "done");
    std::thread::sleep(std::time::Duration::from_millis(250));
    producer.ask("scan", "scanned");
    let zombie = &consumers[0];
    let (code, line) = check(&producer, "--no-zombies");
    assert_eq!(code, Some(2), "{line}");
    assert!(
        line.contains(&format!("overwritten: peer (pid {})", zombie.pid())),
        "{line}"
    );
    assert!(
        !line.contains(&format!("pid {}", consumers[1].pid())),
        "{line}"
    );
    assert!(line.contains("'consumers'=1;"), "{line}");
    // It is critical whether or not it is asked for.
    let (code, line) = check(&producer, "");
    assert_eq!(code, Some(2), "{line}");
    assert!(line.contains("the producer has evicted it"), "{line}");
    consumers[0].kill();
    // None is left, if all processes may be looked into.
    let (code, line) = check(&producer, "--no-zombies");
    assert!(
        code == Some(0) || (code == Some(3) && line.contains("may not be inspected")),
        "{line}"
    );
}

#[test]
fn a_machine_of_its_own_has_no_ring_and_then_a_well_one() {
    let place = Place::new();
    let unshare = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    let tried = Command::new("unshare").args(unshare).arg("true").status();
    if !tried.is_ok_and(|status| status.success()) {
        // No right to make namespaces: not tried.
        return;
    }
    let alone = |script: &str| {
        let mut command = Command::new("unshare");
        let output = command.args(unshare).args(["sh", "-c", script]).output();
        said(&output.expect("it starts"))
    };
    let program = env!("CARGO_BIN_EXE_zbqtop");
    let (code, line) = alone(&format!("exec {program} check"));
    assert_eq!(
        (code, line.as_str()),
        (Some(3), "ZBQ UNKNOWN - no zbq ring found")
    );
    let script = format!(
        "{peer} produce {COMMON} --ignore-stdin --socket {socket} >/dev/null & \
         while ! test -S {socket}; do sleep 0.05; done; \
         {peer} consume {COMMON} --ignore-stdin --socket {socket} >/dev/null & \
         for try in $(seq 100); do {program} check --min-consumers 1 >/dev/null && break; sleep 0.1; done; \
         {program} check --min-consumers 1 --no-zombies",
        peer = example("peer").display(),
        socket = place.socket().display()
    );
    let (code, line) = alone(&script);
    assert_eq!(code, Some(0), "{line}");
    assert!(line.starts_with("ZBQ OK - 1 ring: peer ring "), "{line}");
    assert!(line.contains("_zombies'=0;;0;0"), "{line}");
}

#[test]
fn without_a_target_the_worst_ring_decides_and_all_are_named() {
    let places = [Place::new(), Place::new()];
    let (well, _consumers) = quiet(&places[0], 1, "");
    let mut clogged = Peer::producer(
        &places[1].socket(),
        &format!("{COMMON} --consumers 1 --stall-timeout 600000"),
    );
    let _hog = Peer::consumer(&places[1].socket(), COMMON);
    clogged.tell("send 2000");
    ring_when("a full ring", clogged.pid(), |ring| {
        ring["state"] == "clogged"
    });
    let ids = [&well, &clogged].map(|peer| {
        let ring = ring(peer.pid());
        ring["id"].as_str().expect("an id").to_owned()
    });
    let (code, line) = said(&run(&["check"]));
    assert_eq!(code, Some(2), "{line}");
    let (text, figures) = line.split_once(" | ").expect("figures");
    assert!(text.contains(&format!("peer ring {} OK", ids[0])), "{line}");
    assert!(
        text.contains(&format!("peer ring {} CRITICAL: ", ids[1])),
        "{line}"
    );
    // They are called by their sockets: pids change.
    let has = |place: &Place| {
        let label = format!("'{}_lag_bytes'=", place.socket().display());
        figures.contains(&label)
    };
    assert!(has(&places[1]), "{line}");
    // Where other rings are about, there may be no room for one that is well.
    assert!(
        has(&places[0]) || text.contains("; without the figures of "),
        "{line}"
    );
    assert!(line.len() <= 4096, "{}", line.len());
}

#[test]
fn what_cannot_be_had_is_unknown() {
    let (code, line) = said(&run(&["check", "--pid", "2147483647"]));
    assert_eq!(code, Some(3));
    assert_eq!(line, "ZBQ UNKNOWN - pid 2147483647: no such process");
    let (code, line) = said(&run(&["check", "--socket", "/nonexistent"]));
    assert_eq!(code, Some(3), "{line}");
    let false_ring = Peer::holder("false 1024 4096 ring_capacity=4096");
    let (code, line) = check(&false_ring, "");
    assert_eq!(code, Some(3), "{line}");
    assert!(
        line.contains("zbq_ctrl is 1024 bytes, expected 4096"),
        "{line}"
    );
    // Several, and not said which: still one line.
    let several = Peer::holder("false 4096 65536 ring_capacity=65536 rings=2");
    let (code, line) = check(&several, "");
    assert_eq!(code, Some(3), "{line}");
    assert!(line.contains("--ring 0 (--fd "), "{line}");
    // One of them, whose consumer cannot be placed and whose table is not there.
    let (code, line) = check(
        &several,
        "--ring 0 --max-clog 5 --no-zombies --min-consumers 1",
    );
    assert_eq!(code, Some(3), "{line}");
    for words in [
        "not found in the producer's memory",
        "consumers are hidden: ",
        "zombies unknown: ",
    ] {
        assert!(line.contains(words), "{words} is not in {line}");
    }
    let verdict = judged(&several, "--ring 0 --max-clog 5");
    assert_eq!(severity(&verdict, "clog-attempts"), "unknown");
    assert_eq!(severity(&verdict, "lag-bytes"), "unknown");
    let report = run(&["check", "--json", "--pid", "2147483647"]);
    assert_eq!(report.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&report.stdout).expect("JSON");
    assert_eq!(report["status"], "unknown");
    assert_eq!(report["reasons"][0]["code"], "cannot-attach");
    assert_eq!(report["rings"], Value::Array(Vec::new()));
}

#[test]
fn another_users_ring_is_unknown_and_the_remedy_is_said() {
    use std::os::unix::fs::PermissionsExt as _;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let (producer, _consumers) = quiet(&place, 0, "");
    let copy = public_copy(place.path(), env!("CARGO_BIN_EXE_zbqtop").as_ref());
    let everyone = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(place.socket(), everyone).expect("our own");
    let socket = place.socket().display().to_string();
    let as_nobody = |arguments: &[&str]| {
        let mut command = Command::new(&copy);
        command.arg("check").args(arguments).uid(NOBODY).gid(NOBODY);
        command.env("XDG_RUNTIME_DIR", "/nonexistent");
        said(&command.output().expect("it starts"))
    };
    let (code, line) = as_nobody(&["--pid", &producer.pid().to_string()]);
    assert_eq!(code, Some(3), "{line}");
    assert!(
        line.contains("not permitted") && line.contains("run as root"),
        "{line}"
    );
    let (code, line) = as_nobody(&[]);
    assert_eq!(code, Some(3), "{line}");
    assert!(
        line.starts_with("ZBQ UNKNOWN - no zbq ring found; rings of "),
        "{line}"
    );
    // Nothing joins by itself.
    let (code, line) = as_nobody(&["--socket", &socket]);
    assert_eq!(code, Some(3), "{line}");
    assert!(
        line.contains("a process listens there, but ") && line.contains("--join"),
        "{line}"
    );
    // Joined, it shows nothing of its consumers.
    let (code, line) = as_nobody(&["--join", "--socket", &socket]);
    assert_eq!(code, Some(3), "{line}");
    assert!(
        line.contains("consumers are hidden: ") && line.contains("'lag_bytes'=U;"),
        "{line}"
    );
    let (code, line) = as_nobody(&["--join", "--socket", &socket, "--max-lag", "off"]);
    assert_eq!(code, Some(0), "{line}");
    assert!(line.contains("consumers unknown"), "{line}");
}

#[test]
fn a_hostile_name_neither_ends_the_text_nor_reaches_a_terminal() {
    let place = Place::new();
    let name = place.path().join("a|b='1'\u{1b}[31m");
    std::fs::copy(example("peer"), &name).expect("room for a copy");
    let peer = |role: &str| {
        let mut command = Command::new(&name);
        command.arg(role).args(COMMON.split_whitespace());
        Peer::spawn(command.arg("--socket").arg(place.socket()))
    };
    let mut producer = peer("produce");
    producer.expect("ready");
    let mut consumer = peer("consume");
    consumer.expect("joined");
    let mut producer = producer.settled();
    producer.ask("send 1000", "done");
    consumer.kill();
    for options in ["", "--max-lag off", "--no-zombies --max-lag 1msg"] {
        let (_, line) = check(&producer, options);
        assert_eq!(line.matches('|').count(), 1, "{line}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
        assert!(line.contains("a\\x7cb='1'\\x1b[31m"), "{line}");
        let (text, figures) = line.split_once(" | ").expect("figures");
        assert!(text.contains("ring "), "{line}");
        assert!(
            figures.split(' ').all(|figure| figure.starts_with('\'')),
            "{line}"
        );
    }
}

#[test]
fn a_wrong_command_line_is_unknown_and_not_critical() {
    for (arguments, words) in [
        (&["check", "--bogus"][..], "unexpected argument '--bogus'"),
        (&["check", "--max-lag", "7"], "50%, 1MiB, 10000msg or 2s"),
        (&["check", "--max-lag", "a|b\u{1b}\nc"], "'a\\x7cb c'"),
        (
            &["check", "--max-lag", "1s", "--max-lag", "2s"],
            "twice in time",
        ),
        (&["check", "--max-stall", "9s:1s"], "W <= C"),
        (&["check", "--min-consumers", "1:2"], "W >= C"),
        (
            &["check", "--ring", "1"],
            "arguments were not provided: <--pid",
        ),
        (&["--pid", "7", "check"], "cannot be used"),
    ] {
        let output = run(arguments);
        let (code, line) = said(&output);
        assert_eq!(code, Some(3), "{arguments:?}: {line}");
        assert!(line.starts_with("ZBQ UNKNOWN - "), "{line}");
        assert!(line.contains(words), "{arguments:?}: {line}");
        assert!(!line.contains('|') && !line.contains('\u{1b}'), "{line:?}");
    }
    assert_eq!(run(&["check", "--help"]).status.code(), Some(0));
    // Elsewhere it is what it was.
    let other = run(&["snapshot", "--bogus"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(other.stdout.is_empty() && stderr(&other).contains("Usage"));
}

#[test]
fn a_reader_that_has_gone_takes_nothing_from_the_status() {
    let place = Place::new();
    let (producer, mut consumers) = quiet(&place, 1, "--stall-timeout 600000");
    consumers[0].kill();
    eventually("a death", || {
        (ring(producer.pid())["consumers"][0]["state"] == "dead").then_some(())
    });
    let script = format!(
        "{} check --pid {}; echo $? >&2",
        env!("CARGO_BIN_EXE_zbqtop"),
        producer.pid()
    );
    let mut command = Command::new("sh");
    let output = command
        .args(["-c", &format!("({script}) >/dev/full")])
        .output();
    let output = output.expect("it starts");
    assert!(stderr(&output).ends_with("\n3\n"), "{}", stderr(&output));
    let output = Command::new("sh")
        .args(["-c", &format!("({script}) | true")])
        .output()
        .expect("it starts");
    assert_eq!(stderr(&output), "1\n");
}

/// How long nothing was committed is told by whoever read it last, and by looking on.
#[test]
fn a_ring_on_which_nothing_comes_for_too_long_is_not() {
    let place = Place::new();
    let (mut producer, _consumers) = quiet(&place, 1, "");
    let since = std::time::Instant::now();
    std::thread::sleep(std::time::Duration::from_millis(700));
    let verdict = judged(&producer, "--max-idle 500ms:1h");
    assert_eq!(verdict["status"], "warning", "{verdict:#}");
    let reason = &verdict["reasons"][0];
    assert_eq!(reason["code"], "idle", "{verdict:#}");
    let least = reason["figure"]["at_least"].as_u64().expect("a bound");
    assert!(least >= 500_000_000, "{verdict:#}");
    assert!(
        u128::from(least) <= since.elapsed().as_nanos(),
        "{verdict:#}"
    );
    let verdict = judged(&producer, "--max-idle 1h");
    assert_eq!(verdict["status"], "ok", "{verdict:#}");
    producer.tell("send 1000000");
    ring_when("it flows", producer.pid(), |ring| {
        ring["control"]["producer_head"].as_u64() > Some(100_000)
    });
}
