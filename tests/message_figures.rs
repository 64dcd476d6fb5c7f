//! What is told of the messages of a ring besides how many they are.

use rustix::process::Signal;
use serde_json::Value;

use zbqtop::decode::{DecodeRule, DecodeRules};
use zbqtop::observe::attach::{RingSelector, by_pid};
use zbqtop::observe::watch::{Budget, Watcher};

use crate::support::program::{run, stderr, zbqtop};
use crate::support::recordings::Recording;
use crate::support::watch::Watch;
use crate::support::{Peer, Place, eventually};

/// Messages that tell that they were made half an hour before they are sent: no machine is that slow.
const STAMPED: &str =
    "--impl reference --consumers 0 --payload 16 --stamp 1800 --rate 50 --messages 1000000";
const AGE_NS: u64 = 1_800_000_000_000;
/// How much later they may be committed, and be seen to be.
const SLOW_NS: u64 = 60_000_000_000;
const DECODED: [&str; 4] = ["--decode", "made:u64 rest:bytes", "--time-field", "made:ns"];

#[test]
fn how_long_messages_are_and_how_far_apart_is_told() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --consumers 0 --payload 80 --rate 20 --messages 1000000",
    );
    let mut watch = Watch::of(&producer);
    let ring = watch.until("a few of them", |ring| {
        let figures = &ring["messages"]["payload_bytes"];
        figures["count"].as_u64().is_some_and(|count| count > 5)
    });
    let sizes = &ring["messages"]["payload_bytes"];
    for figure in ["p50", "p99", "max"] {
        assert_eq!(sizes[figure], 80, "{sizes}");
    }
    assert_eq!(sizes["exact"], true);
    assert!(
        ring["messages"]["interval_ns"].is_null(),
        "two between two samples"
    );
}

/// With a producer of our own, which fills up laps.
#[test]
fn how_far_apart_they_are_is_told_where_they_come_one_by_one() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl zbqtop --hold --consumers 0 --payload 900 --capacity 4096",
    )
    .settled();
    let mut watch = Watch::of(&producer);
    // Each is seen before the next one comes: however slow the machine is, they are never two at a time.
    for sent in 1..=12 {
        producer.ask("send 1", "done");
        watch.until("it is seen", |ring| {
            ring["messages"]["payload_bytes"]["count"] == sent
        });
    }
    let ring = watch.next();
    let known = &ring["messages"]["interval_ns"];
    let figure = |name: &str| {
        known[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {known}"))
    };
    assert_eq!(figure("count"), 11);
    assert!(figure("p50") <= figure("p99") && figure("p99") <= figure("max"));
    assert_eq!(known["exact"], false);
    assert_eq!(ring["messages"]["payload_bytes"]["max"], 900);
}

/// All figures of the ages, which lie where they must.
fn check_ages(known: &Value) {
    let bound = |figure: &str, bound: &str| {
        known[figure][bound]
            .as_u64()
            .unwrap_or_else(|| panic!("{figure}: {known}"))
    };
    for figure in ["p50", "p99", "max"] {
        let [low, value, high] = ["low", "value", "high"].map(|name| bound(figure, name));
        assert!(low <= value && value <= high, "{known}");
        assert!(low < AGE_NS + SLOW_NS && high >= AGE_NS, "{known}");
        assert!(high - low < SLOW_NS, "{known}");
    }
    assert_eq!(known["untimed"], 0, "{known}");
}

#[test]
fn ages_are_told_by_what_messages_carry() {
    let place = Place::new();
    let producer = Peer::producer(&place.socket(), STAMPED);
    let pid = producer.pid().to_string();
    let mut watch = Watch::start(&[&["--pid", &pid][..], &DECODED].concat(), "100ms");
    let ring = watch.until("some were committed", |ring| {
        let count = &ring["messages"]["age_ns"]["count"];
        count.as_u64().is_some_and(|count| count > 5)
    });
    check_ages(&ring["messages"]["age_ns"]);

    let once = run(&[&["snapshot", "--pid", &pid][..], &DECODED].concat());
    let table = String::from_utf8_lossy(&once.stdout);
    assert!(table.contains("  ages      p50 "), "{table}");

    // Nobody asked: nothing is said.
    let once = run(&["snapshot", "--pid", &pid, "--json"]);
    let report: Value = serde_json::from_slice(&once.stdout).expect("JSON");
    assert!(report["rings"][0]["messages"]["age_ns"].is_null());
}

#[test]
fn the_age_of_each_message_is_told() {
    let place = Place::new();
    let producer = Peer::producer(&place.socket(), STAMPED);
    let pid = producer.pid().to_string();
    let follow = ["tail", "--pid", &pid, "-n", "3", "-f", "-c", "20"];
    let tail = |options: &[&str]| {
        let output = run(&[&follow[..], &DECODED, options].concat());
        let said = stderr(&output);
        assert!(said.contains("age when committed: p50 "), "{said}");
        String::from_utf8(output.stdout).expect("text")
    };
    let mut known = 0;
    for line in tail(&["--format", "json"]).lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let observed: jiff::Timestamp = line["observed_at"]
            .as_str()
            .and_then(|at| at.parse().ok())
            .expect("a time");
        let made = line["decoded"]["made"].as_u64().expect("a time");
        let age = u64::try_from(observed.as_nanosecond()).expect("now") - made;
        match line["uncertainty_ns"].is_null() {
            // It was there before.
            true => assert!(line["age_ns"].is_null(), "{line}"),
            false => {
                assert_eq!(line["age_ns"], age);
                assert!(age >= AGE_NS, "{line}");
                known += 1;
            }
        }
    }
    assert!(known > 10, "{known}");
    let text = tail(&["--format", "text"]);
    assert!(
        text.contains(" -- age 30m 0") && text.contains(" -- age unknown --"),
        "{text}"
    );
    let hex = tail(&[]);
    assert!(hex.contains("\n   age 30m 0"), "{hex}");
    let columns = tail(&["--columns", "made"]);
    let mut rows = columns.lines();
    assert_eq!(rows.next(), Some("made\tage_ns"));
    assert!(
        rows.next().is_some_and(|row| row.ends_with("\t-")),
        "{columns}"
    );
    let last = rows
        .next_back()
        .and_then(|row| row.split('\t').nth(1)?.parse().ok());
    assert!(last.is_some_and(|age: u64| age >= AGE_NS), "{columns}");
}

/// From the first look on, every message has a time, whichever way it is read.
#[test]
fn no_message_comes_before_the_look_that_sees_it() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --consumers 0 --payload 16 --stamp 1800 --rate 20000 --burst 10 --messages 1000000000 \
         --capacity 4194304",
    );
    let (pid, socket) = (producer.pid().to_string(), place.socket());
    let socket = socket.to_str().expect("text");
    for target in [
        &["--lossless", "--socket", socket][..],
        &["-f", "-n", "0", "--pid", &pid],
    ] {
        let output = run(&[&["tail", "-c", "20000", "--format", "json"], target].concat());
        let text = String::from_utf8(output.stdout).expect("text");
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let timed: Vec<bool> = lines
            .filter(|line| line["offset"].is_u64())
            .map(|line| line["uncertainty_ns"].is_u64())
            .collect();
        assert_eq!(timed.len(), 20_000);
        let first = timed.iter().position(|timed| *timed).expect("one has");
        assert!(first < 19_000, "{target:?}: {first}");
        let without = timed[first..].iter().filter(|timed| !**timed).count();
        assert_eq!(without, 0, "{target:?}");
    }
}

#[test]
fn ages_that_cannot_be_told_are_counted_with_a_reason() {
    let place = Place::new();
    let producer = Peer::producer(&place.socket(), STAMPED);
    let pid = producer.pid().to_string();
    let decode = ["--decode", "made:u64 rest:bytes", "--time-field"];
    for (field, found, why) in [
        (
            "rest:ns",
            ".rest is 0x",
            "which is no time in ns since 1970",
        ),
        ("made:us", ".made is 1", "which is no time in us since 1970"),
    ] {
        let report = run(&[
            &["snapshot", "--pid", &pid, "--json"],
            &decode[..],
            &[field],
        ]
        .concat());
        let report: Value = serde_json::from_slice(&report.stdout).expect("JSON");
        let ring = &report["rings"][0];
        let known = &ring["messages"]["age_ns"];
        assert_eq!(known["count"], 0, "{known}");
        assert!(known["p50"].is_null(), "{known}");
        let untimed = known["untimed"].as_u64().expect("a number");
        assert!(untimed > 0, "{known}");
        let limits = ring["attach"]["limits"].as_array().expect("a list");
        let mut reasons = limits.iter().filter_map(|limit| limit["why"].as_str());
        let said = reasons.any(|said| said.contains(found) && said.ends_with(why));
        assert!(said, "{limits:?}");
    }
    for (options, why) in [
        (
            &["snapshot", "--decode", "json"][..],
            "--time-field, which is missing",
        ),
        (
            &[
                "tail",
                "--format",
                "raw",
                "--decode",
                "json",
                "--time-field",
                "t:ns",
            ],
            "for --format hex, text and json",
        ),
        (
            &["metrics", "--decode", "json"],
            "--time-field, which is missing",
        ),
        (&["snapshot", "--time-field", "t:ns"], "--decode"),
        (
            &["snapshot", "--decode", "a:u8 b:u8", "--time-field", "c:ns"],
            "the layout has no .c; it has a, b",
        ),
        (
            &["tail", "--decode", "json", "--time-field", "t:min"],
            "expected NAME:ns",
        ),
        (
            &[
                "snapshot",
                "--decode",
                "protobuf:/nowhere:a.B",
                "--time-field",
                "t:ns",
            ],
            "/nowhere",
        ),
    ] {
        let output = run(&[options, &["--pid", &pid]].concat());
        assert!(output.status.code() > Some(0), "{options:?}");
        let said = stderr(&output);
        assert!(said.contains(why), "{options:?}: {said}");
    }
}

#[test]
fn ages_are_metrics_by_the_settings_too() {
    let place = Place::new();
    let producer = Peer::producer(&place.socket(), STAMPED);
    let pid = producer.pid().to_string();
    let settings = place.path().join("config.toml");
    let socket = place.socket();
    let rule = format!(
        "[decode]\n{socket:?} = {{ spec = \"made:u64 rest:bytes\", time-field = \"made:ns\" }}\n"
    );
    std::fs::write(&settings, rule).expect("written");
    let output = zbqtop()
        .args(["metrics", "--pid", &pid, "--config"])
        .arg(&settings)
        .output()
        .expect("zbqtop starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let figure = |name: &str| {
        let mut lines = text.lines();
        let line =
            lines.find(|line| line.starts_with("zbq_message_age_seconds") && line.contains(name));
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        value.unwrap_or_else(|| panic!("{name}: {text}"))
    };
    let count = figure("_count");
    assert!(count > 0.0, "{text}");
    assert!((figure("le=\"60.0\"")).abs() < 0.1, "{text}");
    assert!((figure("le=\"+Inf\"") - count).abs() < 0.1, "{text}");
    let mean = figure("_sum") / count;
    assert!((1800.0..1860.0).contains(&mean), "{mean}");
}

#[test]
fn ages_are_recorded_with_the_state() {
    let place = Place::new();
    let producer = Peer::producer(&place.socket(), STAMPED);
    let mut watch = Watch::of(&producer);
    let arguments = "--messages all --decode made:u64,rest:bytes --time-field made:ns";
    let recording = Recording::of(&producer, place.path().join("ring.mcap"), arguments);
    let path = recording.path.clone();
    let first = watch.next()["messages"]["payload_bytes"]["count"].as_u64();
    watch.until("some more", |ring| {
        let count = ring["messages"]["payload_bytes"]["count"].as_u64();
        count > first.map(|first| first + 50)
    });
    let (status, said) = recording.end(Signal::INT);
    assert_eq!(status, Some(0), "{said}");
    let file = path.to_str().expect("text");
    let report = run(&["snapshot", "--file", file, "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).expect("JSON");
    check_ages(&report["rings"][0]["messages"]["age_ns"]);
    let lines = run(&[
        &["tail", "--file", file, "-n", "5", "--format", "json"],
        &DECODED[..],
    ]
    .concat());
    for line in String::from_utf8_lossy(&lines.stdout).lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        assert!(line["age_ns"].as_u64() >= Some(AGE_NS), "{line}");
    }
}

fn watcher(producer: &Peer, budget: Budget) -> Watcher {
    let pid = i32::try_from(producer.pid()).expect("a pid");
    let ring = by_pid(pid, RingSelector::Only).expect("a ring");
    let spec = "made:u64 rest:bytes".parse().expect("a layout");
    let field = "made:ns".parse().expect("a field");
    let rules: DecodeRules = [DecodeRule::of_all(spec, Some(field))].into();
    Watcher::new(ring, budget).decoding_by(&rules)
}

#[test]
fn nobody_goes_on_looking_at_a_ring_that_is_over() {
    let place = Place::new();
    let mut producer = Peer::producer(&place.socket(), STAMPED);
    let mut watcher = watcher(&producer, Budget::SAMPLED);
    watcher.look();
    assert!(watcher.note_commits().is_some());
    producer.kill();
    eventually("it is over", || {
        watcher.look().state.is_over().then_some(())
    });
    assert_eq!(watcher.note_commits(), None);
}

/// Of a ring that is too fast to be read whole, what is read has ages, or is counted among those that have none.
#[test]
fn of_what_is_read_of_a_fast_ring_nothing_is_left_out() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --consumers 0 --payload 64 --stamp 1800 --capacity 16777216 --messages 1000000000000",
    );
    let mut watcher = watcher(&producer, Budget::SAMPLED);
    let known = eventually("some are read", || {
        let ages = watcher.look().messages.age_ns.expect("they were asked for");
        (ages.count + ages.untimed > 100).then_some(ages)
    });
    let (Some(p50), Some(max)) = (known.p50, known.max) else {
        panic!("{known:?}");
    };
    for age in [p50, max] {
        assert!(
            age.low < AGE_NS + SLOW_NS && age.high >= Some(AGE_NS),
            "{known:?}"
        );
    }
}

#[test]
fn a_recording_has_ages_of_its_own() {
    let place = Place::new();
    let producer = Peer::producer(&place.socket(), STAMPED);
    let recording = Recording::of(&producer, place.path().join("ring.mcap"), "--messages none");
    let file = recording.finish();
    let file = file.to_str().expect("text");
    for command in ["snapshot", "metrics"] {
        let output = run(&[&[command, "--file", file], &DECODED[..]].concat());
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(said.contains("ages as they were recorded"), "{said}");
    }
}
