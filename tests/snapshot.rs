//! `--json` and `snapshot` on live rings of the reference: every figure against what is known to be so.

use std::process::Command;

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use crate::support::program::{ring, ring_when, run, stdout, zbqtop};
use crate::support::{Peer, Place, example, number};

/// Producer, two consumers, 100 messages of 20 bytes (36 with their headers: unaligned), 10 of them taken by the
/// second consumer.
fn quiet_ring(place: &Place, arguments: &str) -> (Peer, Peer, Peer) {
    let common = "--impl reference --payload 20 --hold";
    let producer = Peer::producer(
        &place.socket(),
        &format!("{common} --consumers 2 {arguments}"),
    );
    let first = Peer::consumer(&place.socket(), common).settled();
    let mut second = Peer::consumer(&place.socket(), common).settled();
    let mut producer = producer.settled();
    producer.ask("send 100", "done");
    second.ask("take 10", "done");
    (producer, first, second)
}

#[test]
fn every_figure_is_what_the_ring_says() {
    let place = Place::new();
    let (producer, first, second) = quiet_ring(
        &place,
        "--mode push --stall-timeout 60000 --clog-threshold 77",
    );
    let ring = ring(producer.pid());
    assert_eq!(
        ring["id"]
            .as_str()
            .map(|id| id.starts_with(&format!("{}/", producer.pid()))),
        Some(true)
    );
    assert_eq!(ring["attach"]["method"], "map");
    assert_eq!(ring["producer"]["pid"], producer.pid());
    assert_eq!(ring["producer"]["command"], "peer");
    assert_eq!(ring["producer"]["alive"], true);
    assert_eq!(
        ring["producer"]["sockets"][0],
        place.socket().to_str().expect("text")
    );
    assert_eq!(ring["control"]["producer_head"], 3600);
    assert_eq!(ring["control"]["producer_pid"], producer.pid());
    assert_eq!(ring["control"]["ring_capacity"], 65_536);
    assert_eq!(ring["control"]["clog_threshold"], 77);
    assert_eq!(ring["control"]["stall_timeout_ns"], 60_000_000_000_u64);
    // One wake for each commit, as there are push consumers.
    assert_eq!(ring["control"]["broadcast_futex"], 100);
    assert_eq!(ring["free_bytes"], 65_536 - 3600);
    assert_eq!(ring["gating_pid"], first.pid());
    assert_eq!(ring["hidden_consumers"], 0);
    let consumers = ring["consumers"].as_array().expect("an array");
    assert_eq!(consumers.len(), 2);
    let [one, two] = [&consumers[0], &consumers[1]];
    assert_eq!(
        (&one["pid"], &two["pid"]),
        (&Value::from(first.pid()), &Value::from(second.pid()))
    );
    assert_eq!(
        (&one["tail_offset"], &two["tail_offset"]),
        (&Value::from(0), &Value::from(360))
    );
    assert_eq!(
        (&one["lag_bytes"], &two["lag_bytes"]),
        (&Value::from(3600), &Value::from(3240))
    );
    assert_eq!(one["lag_messages"]["value"], 100);
    assert_eq!(two["lag_messages"]["value"], 90);
    assert_eq!(two["lag_messages"]["exact"], true);
    assert_eq!(one["progress_age_ns"], Value::Null, "it never published");
    assert!(
        two["progress_age_ns"]
            .as_u64()
            .is_some_and(|age| age < 600_000_000_000)
    );
    assert_eq!(
        one["rate_bytes_per_second"],
        Value::Null,
        "one sample has no rates"
    );
    assert_eq!(ring["rate"]["bytes_per_second"], Value::Null);
    if ring["attach"]["slot_table"] == true {
        assert_eq!(ring["slots"]["max"], 16);
        assert_eq!(ring["slots"]["used"], 2);
        assert_eq!(ring["slots"]["push"], 2);
        assert_eq!(
            (&one["slot"], &two["slot"]),
            (&Value::from(0), &Value::from(1))
        );
        assert_eq!(one["wakeup_mode"], "push");
        assert_eq!(one["wakeup_basis"], "slot_table");
        assert_eq!(ring["gating_slot"], 0);
    } else {
        assert_eq!(ring["slots"], Value::Null);
        assert!(
            !ring["attach"]["limits"]
                .as_array()
                .expect("an array")
                .is_empty(),
            "unknown has a reason"
        );
    }
}

#[test]
fn both_implementations_look_the_same_from_outside() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl zbqtop --hold --consumers 1 --payload 20 --messages 5",
    );
    let consumer = Peer::consumer(&place.socket(), "--impl zbqtop --hold");
    let ring = ring_when("five messages", producer.pid(), |ring| {
        ring["control"]["producer_head"] == 5 * 36
    });
    assert_eq!(ring["consumers"][0]["pid"], consumer.pid());
    assert_eq!(ring["consumers"][0]["lag_messages"]["value"], 5);
    if ring["attach"]["slot_table"] == true {
        assert_eq!(ring["consumers"][0]["slot"], 0);
        assert_eq!(ring["slots"]["next_seq_id"], 6);
    }
}

#[test]
fn rates_come_from_two_samples() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --payload 48 --hold --rate 1000 --consumers 0",
    )
    .settled();
    producer.tell("send 1000000");
    ring_when("a first message", producer.pid(), |ring| {
        ring["control"]["producer_head"] != 0
    });
    let pid = producer.pid().to_string();
    let report: Value =
        serde_json::from_str(&stdout(&["--json", "--interval", "500ms", "--pid", &pid]))
            .expect("JSON");
    let ring = &report["rings"][0];
    assert!(
        report["interval_ns"]
            .as_u64()
            .is_some_and(|interval| interval >= 500_000_000)
    );
    assert_eq!(ring["state"], "flowing");
    let bytes = ring["rate"]["bytes_per_second"].as_f64().expect("a rate");
    let messages = ring["rate"]["messages_per_second"]["value"]
        .as_f64()
        .expect("a rate");
    assert_eq!(
        ring["rate"]["messages_per_second"]["exact"], true,
        "all of them were walked"
    );
    assert!(
        (bytes / messages - 64.0).abs() < 0.01,
        "{bytes} bytes/s of 64-byte messages are not {messages}/s"
    );
}

#[test]
fn watch_prints_one_object_a_line() {
    use std::io::{BufRead as _, BufReader};
    let place = Place::new();
    let producer =
        Peer::producer(&place.socket(), "--impl reference --hold --consumers 0").settled();
    let pid = producer.pid().to_string();
    let mut child = zbqtop()
        .args([
            "--json",
            "--watch",
            "10ms",
            "--interval",
            "0",
            "--pid",
            &pid,
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    for line in lines.take(5) {
        let report: Value = serde_json::from_str(&line.expect("text")).expect("one object a line");
        assert_eq!(report["schema_version"], 2);
        assert_eq!(report["rings"].as_array().map(Vec::len), Some(1));
    }
    // Its output is closed now: it ends quietly, and that is success.
    let status = crate::support::eventually("it ends", || child.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_names_are_those_that_users_rely_on() {
    let place = Place::new();
    let (producer, _first, _second) = quiet_ring(&place, "");
    let pid = producer.pid().to_string();
    let report: Value = serde_json::from_str(&stdout(&[
        "snapshot",
        "--json",
        "--interval",
        "0",
        "--pid",
        &pid,
    ]))
    .expect("JSON");
    let has = |value: &Value, names: &str| {
        let object = value.as_object().expect("an object");
        for name in names.split_whitespace() {
            assert!(
                object.contains_key(name),
                "{name} is missing from {object:?}"
            );
        }
    };
    has(
        &report,
        "schema_version zbqtop_version captured_at monotonic_ns interval_ns rings",
    );
    let ring = &report["rings"][0];
    has(
        ring,
        "id state health reason attach producer control slots free_bytes gating_slot gating_pid time_to_full_ns rate",
    );
    has(ring, "consumers hidden_consumers findings");
    has(&ring["attach"], "method slot_table limits");
    has(
        &ring["producer"],
        "pid ns_pid command command_line uid user process_state alive started_at sockets",
    );
    has(
        &ring["control"],
        "producer_head broadcast_futex producer_pid ring_capacity clog_threshold stall_timeout_ns",
    );
    has(&ring["rate"], "bytes_per_second messages_per_second");
    has(&ring["rate"]["messages_per_second"], "value exact");
    has(
        &ring["consumers"][0],
        "slot pid command command_line uid user process_state joined_at alive state reason wakeup_mode wakeup_basis tail_offset lag_bytes",
    );
    has(
        &ring["consumers"][0],
        "lag_percent lag_messages lag_time_ns rate_bytes_per_second progress_timestamp",
    );
    has(
        &ring["consumers"][0],
        "join_baseline progress_age_ns evict_in_ns",
    );
    let time = &ring["consumers"][0]["lag_time_ns"];
    has(time, "value low high");
    let line = ring["producer"]["command_line"].as_str().expect("text");
    assert!(line.contains("peer produce"), "{line}");
    let joined = ring["consumers"][0]["joined_at"].as_str().expect("a time");
    let joined: jiff::Timestamp = joined.parse().expect("RFC 3339");
    let ago = jiff::Timestamp::now().duration_since(joined).as_secs_f64();
    assert!((0.0..60.0).contains(&ago), "it joined {ago} s ago");
}

#[test]
fn looking_changes_nothing() {
    let place = Place::new();
    let (mut producer, first, _second) = quiet_ring(&place, "");
    let pid = producer.pid().to_string();
    let descriptors = |pid: u32| {
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .expect("our child")
            .count()
    };
    let before = (
        ring(producer.pid()),
        descriptors(producer.pid()),
        descriptors(first.pid()),
    );
    for _ in 0..10 {
        stdout(&["snapshot", "--interval", "0", "--pid", &pid]);
        stdout(&["ls", "--interval", "0"]);
        stdout(&["tail", "-n", "100", "--pid", &pid]);
    }
    let after = (
        ring(producer.pid()),
        descriptors(producer.pid()),
        descriptors(first.pid()),
    );
    for part in ["control", "slots", "gating_pid", "hidden_consumers"] {
        assert_eq!(before.0[part], after.0[part]);
    }
    let tails = |ring: &Value| {
        let each = |consumer: &Value| {
            (
                consumer["tail_offset"].clone(),
                consumer["progress_timestamp"].clone(),
            )
        };
        ring["consumers"]
            .as_array()
            .expect("an array")
            .iter()
            .map(each)
            .collect::<Vec<_>>()
    };
    assert_eq!(tails(&before.0), tails(&after.0));
    assert_eq!((before.1, before.2), (after.1, after.2));
    // And it goes on.
    let done = producer.ask("send 3", "done");
    assert_eq!(number(&done, "messages"), 103);
}

#[test]
fn consumers_in_trouble_are_told_apart() {
    let place = Place::new();
    let common = "--impl reference --payload 48 --hold";
    let mut producer = Peer::producer(
        &place.socket(),
        &format!("{common} --consumers 0 --stall-timeout 600000"),
    )
    .settled();
    let mut dead = Peer::consumer(&place.socket(), common);
    let idle = Peer::consumer(&place.socket(), common);
    let mut liar = Peer::consumer(&place.socket(), common);
    dead.kill();
    liar.tell("publish 1000000");
    liar.expect("published");
    let state = |ring: &Value, index: usize| {
        ring["consumers"][index]["state"]
            .as_str()
            .map(str::to_owned)
    };
    let ring = ring_when("all three", producer.pid(), |ring| {
        ring["consumers"]
            .as_array()
            .is_some_and(|all| all.len() == 3)
    });
    assert_eq!(state(&ring, 0).as_deref(), Some("dead"));
    assert_eq!(state(&ring, 1).as_deref(), Some("idle"));
    assert_eq!(state(&ring, 2).as_deref(), Some("invalid"));
    assert_eq!(ring["consumers"][0]["alive"], false);
    assert_eq!(ring["consumers"][2]["lag_bytes"], Value::Null);
    // The dead one's slot is held: it alone gates the producer, and the idle one is behind it soon.
    producer.ask("send 1000", "done");
    let ring = ring_when("a stalled consumer", producer.pid(), |ring| {
        state(ring, 1).as_deref() == Some("stalled")
    });
    let codes: Vec<_> = ring["findings"]
        .as_array()
        .expect("an array")
        .iter()
        .filter_map(|finding| finding["code"].as_str())
        .collect();
    assert!(
        codes.contains(&"consumer-dead") && codes.contains(&"consumer-stalled"),
        "{codes:?}"
    );
    // A scan evicts the dead and the liar.
    producer.ask("scan", "scanned");
    let ring = ring_when("an eviction", producer.pid(), |ring| {
        ring["consumers"][0]["pid"] == idle.pid()
    });
    assert_eq!(ring["free_bytes"], 65_536 - 64_000);
}

#[test]
fn a_full_ring_names_who_blocks_it() {
    let place = Place::new();
    let common = "--impl reference --payload 48 --hold";
    let mut producer = Peer::producer(
        &place.socket(),
        &format!("{common} --consumers 1 --stall-timeout 600000"),
    );
    let hog = Peer::consumer(&place.socket(), common);
    // The ring holds 1024 of them.
    producer.tell("send 2000");
    let blocked =
        |ring: &Value| ring["state"] == "clogged" && ring["consumers"][0]["state"] == "blocking";
    let ring = ring_when("a full ring", producer.pid(), blocked);
    assert_eq!(ring["free_bytes"], 0);
    assert_eq!(ring["gating_pid"], hog.pid());
    assert_eq!(ring["findings"][0]["severity"], "critical");
    assert_eq!(ring["findings"][0]["code"], "consumer-blocking");
    assert_eq!(ring["findings"][0]["pid"], hog.pid());
    let table = stdout(&["snapshot", "--pid", &producer.pid().to_string()]);
    assert!(
        table.contains("blocking") && table.contains("CRITICAL"),
        "{table}"
    );
}

#[test]
fn a_ring_outlives_its_producer_on_the_screen() {
    use std::io::{BufRead as _, BufReader};
    let place = Place::new();
    let (mut producer, _first, _second) = quiet_ring(&place, "");
    let pid = producer.pid().to_string();
    let mut child = zbqtop()
        .args(["--json", "--watch", "20ms", "--pid", &pid])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("more").expect("text")).expect("JSON")
    };
    assert_eq!(next()["rings"][0]["producer"]["alive"], true);
    producer.kill();
    let last = (0..1000)
        .map(|_| next())
        .find(|report| report["rings"][0]["state"] == "producer_gone");
    let last = last.expect("it notices");
    assert_eq!(last["rings"][0]["producer"]["alive"], false);
    assert_eq!(last["rings"][0]["control"]["producer_head"], 3600);
    child.kill().expect("our child");
    child.wait().expect("our child");
}

#[test]
fn a_page_that_shrinks_is_reported_and_survived() {
    use std::io::{BufRead as _, BufReader};
    let mut holder = Peer::holder("false 4096 65536 ring_capacity=65536 producer_head=640");
    let pid = holder.pid().to_string();
    let mut child = zbqtop()
        .args(["--json", "--watch", "20ms", "--pid", &pid])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("more").expect("text")).expect("JSON")
    };
    assert_eq!(next()["rings"][0]["control"]["producer_head"], 640);
    holder.ask("truncate ring 0", "done");
    next();
    holder.ask("truncate meta 0", "done");
    next();
    holder.ask("truncate ctrl 0", "done");
    let truncated = (0..1000)
        .map(|_| next())
        .find(|report| report["rings"][0]["state"] == "truncated");
    let ring = &truncated.expect("it notices")["rings"][0];
    let codes: Vec<&Value> = (ring["findings"].as_array().expect("an array").iter())
        .map(|finding| &finding["code"])
        .collect();
    // The one consumer's own page is gone, too.
    assert_eq!(codes, ["ring-truncated", "consumer-invalid"], "{ring:#}");
    // Zeroes are not what the ring says, nor does anything follow from them.
    for (_, value) in ring["control"].as_object().expect("an object") {
        assert!(value.is_null(), "{ring:#}");
    }
    for name in ["free_bytes", "gating_slot", "time_to_full_ns"] {
        assert!(ring[name].is_null(), "{name}: {ring:#}");
    }
    assert!(ring["rate"]["bytes_per_second"].is_null(), "{ring:#}");
    for consumer in ring["consumers"].as_array().expect("an array") {
        let reason = consumer["reason"].as_str().expect("words");
        assert!(
            reason.contains("its metadata page was truncated"),
            "{reason}"
        );
        for name in ["lag_bytes", "lag_time_ns", "evict_in_ns"] {
            assert!(consumer[name].is_null(), "{name}: {ring:#}");
        }
    }
    child.kill().expect("our child");
    child.wait().expect("our child");
}

#[test]
fn a_head_that_lies_does_no_harm() {
    for head in [
        "1",
        "65535",
        "65537",
        "18446744073709551615",
        "9223372036854775808",
    ] {
        let holder = Peer::holder(&format!(
            "false 4096 65536 ring_capacity=65536 producer_head={head}"
        ));
        let pid = holder.pid().to_string();
        let ring = ring(holder.pid());
        assert_eq!(ring["control"]["producer_head"].to_string(), head);
        for arguments in [
            &["snapshot", "--interval", "10ms", "--pid", &pid][..],
            &["tail", "-n", "9", "--pid", &pid],
        ] {
            let output = run(arguments);
            assert!(
                output.status.code().is_some_and(|code| code < 2),
                "{head}: {output:?}"
            );
        }
    }
}

#[test]
fn messages_longer_than_a_look_are_shown_and_counted() {
    use crate::support::program::zbqtop as program;
    use crate::support::pty::Terminal;
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --capacity 16777216 --payload 1000000 --rate 10",
    )
    .settled();
    producer.ask("send 9", "done");
    let mut command = program();
    command.args(["--pid", &producer.pid().to_string()]);
    let mut terminal = Terminal::start(&mut command, 24, 100);
    terminal.wait("the last message", |text| {
        text.contains("8000128") && text.contains("1000000")
    });
    producer.tell("send 100");
    // Exact, so without a `~`: every one of them was counted.
    terminal.wait("the rate", |text| {
        let rate = text
            .lines()
            .find(|line| line.contains("msg/s"))
            .unwrap_or_default();
        rate.contains("MiB/s") && !rate.contains('~')
    });
    terminal.keys("q");
    terminal.ended();
}

#[test]
fn a_tail_that_goes_back_is_a_lie() {
    let place = Place::new();
    let (mut producer, _first, mut second) = quiet_ring(&place, "");
    // The producer sees the tail at 360 when it reserves the next.
    producer.ask("send 1", "done");
    second.ask("publish -36", "published");
    let ring = ring(producer.pid());
    if ring["attach"]["slot_table"] == false {
        return;
    }
    assert_eq!(ring["consumers"][1]["tail_offset"], 324);
    assert_eq!(ring["consumers"][1]["state"], "invalid");
    let reason = ring["consumers"][1]["reason"].as_str().expect("text");
    assert!(reason.contains("gone back by 36 B"), "{reason}");
}

#[test]
fn what_the_next_scan_evicts_has_no_time_left() {
    let place = Place::new();
    let (mut producer, mut first, mut second) = quiet_ring(&place, "--stall-timeout 600000");
    first.kill();
    second.ask("publish +1000000", "published");
    let ring = ring_when("a death", producer.pid(), |ring| {
        ring["consumers"][0]["state"] == "dead"
    });
    if ring["attach"]["slot_table"] == false {
        return;
    }
    assert_eq!(ring["consumers"][0]["evict_in_ns"], 0);
    assert_eq!(ring["consumers"][1]["evict_in_ns"], 0);
    producer.ask("scan", "scanned");
    ring_when("an eviction", producer.pid(), |ring| {
        ring["slots"]["used"] == 0
    });
}

#[test]
fn a_consumer_that_was_idle_until_now_is_not_stalled() {
    use std::io::{BufRead as _, BufReader};
    let place = Place::new();
    let common = "--impl reference --payload 48 --hold";
    let producer = Peer::producer(&place.socket(), &format!("{common} --consumers 1"));
    let mut consumer = Peer::consumer(&place.socket(), common).settled();
    let mut producer = producer.settled();
    producer.ask("send 1", "done");
    consumer.ask("take 1", "done");
    let pid = producer.pid().to_string();
    let mut child = zbqtop()
        .args([
            "--json",
            "--watch",
            "50ms",
            "--interval",
            "50ms",
            "--pid",
            &pid,
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("more").expect("text")).expect("JSON")
    };
    // It says for itself that it has been silent for longer than what makes one stalled.
    let silent = |report: &Value| {
        report["rings"][0]["consumers"][0]["progress_age_ns"].as_u64() > Some(1_200_000_000)
    };
    while !silent(&next()) {}
    producer.ask("send 1", "done");
    let behind = (0..100)
        .map(|_| next())
        .find(|report| report["rings"][0]["consumers"][0]["lag_bytes"] == 64)
        .expect("it falls behind");
    assert_eq!(
        behind["rings"][0]["consumers"][0]["state"], "ok",
        "{behind}"
    );
    (0..100)
        .map(|_| next())
        .find(|report| report["rings"][0]["consumers"][0]["state"] == "stalled")
        .expect("in time it is");
    child.kill().expect("our child");
    child.wait().expect("our child");
}

#[test]
fn healthy_consumers_that_a_scan_would_evict_are_named() {
    let place = Place::new();
    let common = "--impl reference --payload 48 --hold";
    let mut producer = Peer::producer(
        &place.socket(),
        &format!("{common} --consumers 2 --stall-timeout 100"),
    );
    let mut first = Peer::consumer(&place.socket(), common).settled();
    let mut second = Peer::consumer(&place.socket(), common).settled();
    producer = producer.settled();
    producer.ask("send 1", "done");
    first.ask("take 1", "done");
    second.ask("take 1", "done");
    // The clock runs from the first change that a scan sees.
    producer.ask("scan", "scanned");
    if ring(producer.pid())["attach"]["slot_table"] == false {
        return;
    }
    let named = |ring: &Value| {
        let findings = ring["findings"].as_array().cloned().unwrap_or_default();
        findings.iter().any(|finding| {
            let message = finding["message"].as_str().unwrap_or_default();
            finding["code"] == "scan-evicts-healthy" && message.contains("slot 0, 1")
        })
    };
    let seen = ring_when("the finding", producer.pid(), named);
    assert_eq!(seen["consumers"][0]["state"], "idle", "{seen}");
    // And it is true.
    producer.ask("scan", "scanned");
    ring_when("an eviction", producer.pid(), |ring| {
        ring["slots"]["used"] == 0
    });
}

#[test]
fn a_ring_that_loses_its_bytes_is_told_from_one_that_loses_its_head() {
    use std::io::{BufRead as _, BufReader};
    let mut holder = Peer::holder("false 4096 65536 ring_capacity=65536 producer_head=640");
    let pid = holder.pid().to_string();
    let mut child = zbqtop()
        .args(["--json", "--watch", "20ms", "--pid", &pid])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("more").expect("text")).expect("JSON")
    };
    assert_eq!(next()["rings"][0]["state"], "idle");
    holder.ask("truncate ring 4096", "done");
    let cut = (0..1000)
        .map(|_| next())
        .find(|report| report["rings"][0]["state"] == "truncated")
        .expect("it notices");
    let reason = cut["rings"][0]["reason"].as_str().expect("text");
    assert!(reason.contains("zbq_ring"), "{reason}");
    assert_eq!(cut["rings"][0]["control"]["producer_head"], 640);
    child.kill().expect("our child");
    child.wait().expect("our child");
}

/// A process with the name of a consumer, which is that of its file.
fn consumer_called(place: &Place, name: &str) -> Peer {
    let copy = place.path().join(name);
    std::fs::copy(example("peer"), &copy).expect("room for a copy");
    let mut command = Command::new(copy);
    command.args(["consume", "--socket"]).arg(place.socket());
    let mut peer = Peer::spawn(command.args("--impl reference --hold".split(' ')));
    peer.expect("joined");
    peer
}

#[test]
fn names_of_wide_characters_shift_nothing_and_a_locale_without_them_sees_none() {
    let place = Place::new();
    let producer = Peer::producer(&place.socket(), "--impl reference --hold --consumers 2");
    let named = ["日本語", "été"].map(|name| consumer_called(&place, name));
    let pid = producer.pid().to_string();
    let snapshot = |locale: &str| {
        let mut command = zbqtop();
        command.args(["snapshot", "--pid", &pid]);
        for name in ["LC_ALL", "LC_CTYPE"] {
            command.env_remove(name);
        }
        let output = command.env("LANG", locale).output().expect("it starts");
        String::from_utf8(output.stdout).expect("text")
    };
    // Where the name of the wakeup mode begins, in columns.
    let mode_at = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.contains(name));
        let line = line.unwrap_or_else(|| panic!("no line of {name}:\n{text}"));
        line[..line.find("pull").expect("a mode")].width()
    };
    let text = snapshot("C.UTF-8");
    assert_eq!(mode_at(&text, "日本語"), mode_at(&text, "été"), "\n{text}");
    for locale in ["C", "de_DE.ISO-8859-1"] {
        let text = snapshot(locale);
        assert!(text.is_ascii(), "{locale}:\n{text}");
        assert!(text.contains("\\u{e9}t\\u{e9}"), "{text}");
    }
    drop(named);
}
