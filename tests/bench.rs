//! `bench`: figures that make sense, and no process left behind however it ends. How fast anything is fails no test.

use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::eventually;
use crate::support::program::{ring_when, run, stderr, stdout, zbqtop};

/// Its JSON, for a short time.
fn measured(arguments: &[&str]) -> Value {
    let mut all = vec!["bench", "--time", "200ms", "--json"];
    all.extend(arguments);
    serde_json::from_str(&stdout(&all)).expect("it prints JSON")
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn latency_makes_sense(latency: &Value) {
    let names = [
        "min_ns",
        "p50_ns",
        "p90_ns",
        "p99_ns",
        "p99_9_ns",
        "p99_99_ns",
        "max_ns",
    ];
    let values = names.map(|name| number(&latency[name]));
    assert!(values.is_sorted() && values[6] > 0, "{latency}");
    assert!(number(&latency["count"]) > 0, "{latency}");
}

fn phase_makes_sense(phase: &Value) {
    assert!(number(&phase["messages"]) > 0, "{phase}");
    assert!(
        phase["messages_per_second"]
            .as_f64()
            .is_some_and(|rate| rate > 0.0),
        "{phase}"
    );
    for delivery in [&phase["delivery"], &phase["consumers"][0]["delivery"]] {
        for name in ["lost", "disordered", "wrong_length", "wrong_content"] {
            assert_eq!(delivery[format!("{name}_messages")], 0, "{phase}");
        }
    }
    let kind = phase["kind"].as_str().expect("a word");
    assert_eq!(phase["latency"].is_null(), kind == "throughput", "{phase}");
    let rows = phase["histogram"].as_array().expect("a list");
    if kind != "throughput" {
        latency_makes_sense(&phase["latency"]);
        let counted: u64 = rows.iter().map(|row| number(&row["count"])).sum();
        assert_eq!(counted, number(&phase["latency"]["count"]), "{phase}");
    }
}

#[test]
fn both_modes_are_measured_flat_out_and_by_a_schedule() {
    for mode in ["push", "pull"] {
        let report = measured(&["--mode", mode]);
        assert_eq!(report["settings"]["wakeup_mode"], mode);
        let phases = report["phases"].as_array().expect("a list");
        let kinds: Vec<&Value> = phases.iter().map(|phase| &phase["kind"]).collect();
        assert_eq!(kinds, ["throughput", "latency"]);
        for phase in phases {
            phase_makes_sense(phase);
            assert_eq!(
                phase["producer"]["late_messages"].is_null(),
                phase["rate_per_second"].is_null()
            );
        }
    }
}

#[test]
fn the_schedule_is_the_one_that_was_asked_for() {
    let report = measured(&["--rate", "1k/s", "--size", "0"]);
    let phase = &report["phases"][0];
    phase_makes_sense(phase);
    assert_eq!(
        (&phase["kind"], &phase["rate_per_second"]),
        (&"latency".into(), &1000.into())
    );
    // Of those due in the time that counts, none may be missing, unless it is said to be.
    let unsent = number(&phase["producer"]["unsent_messages"]);
    assert_eq!(number(&phase["messages"]) + unsent, 200);
}

/// What waits to be sent is under way already: no ring carries so much, and every latency has to show it.
#[test]
fn a_latency_counts_from_when_a_message_was_due() {
    let text = stdout(&["bench", "--json", "--time", "20ms", "--rate", "200M/s"]);
    let report: Value = serde_json::from_str(&text).expect("it prints JSON");
    let phase = &report["phases"][0];
    let latest = number(&phase["producer"]["latest_ns"]);
    // On a machine that was too busy to get through the warm-up, nothing counts.
    if number(&phase["messages"]) > 0 {
        assert!(number(&phase["latency"]["max_ns"]) >= latest, "{phase}");
        assert!(number(&phase["producer"]["late_messages"]) > 0, "{phase}");
    }
}

#[test]
fn every_consumer_receives_every_message_of_any_size() {
    for size in ["1", "64KiB"] {
        let report = measured(&[
            "--consumers",
            "2",
            "--rate",
            "2k/s",
            "--size",
            size,
            "--pin",
            "--mode",
            "pull",
        ]);
        let phase = &report["phases"][0];
        phase_makes_sense(phase);
        let consumers = phase["consumers"].as_array().expect("a list");
        assert_eq!(consumers.len(), 2);
        for consumer in consumers {
            assert_eq!(consumer["messages"], phase["producer"]["messages"]);
            latency_makes_sense(&consumer["latency"]);
            assert!(consumer["pinned_cpu"].is_u64(), "{consumer}");
        }
        assert_eq!(report["settings"]["pinned"], true);
    }
}

#[test]
fn a_ring_for_one_message_still_carries_all() {
    let report = measured(&[
        "--rate",
        "max",
        "--size",
        "4000",
        "--capacity",
        "4096",
        "--mode",
        "push",
    ]);
    phase_makes_sense(&report["phases"][0]);
}

#[test]
fn round_trips_are_timed() {
    for mode in ["push", "pull"] {
        let report = measured(&["--ping-pong", "--mode", mode]);
        assert_eq!(report["phases"].as_array().map(Vec::len), Some(1));
        let phase = &report["phases"][0];
        phase_makes_sense(phase);
        assert_eq!(phase["kind"], "ping_pong");
        assert_eq!(phase["latency"]["count"], phase["messages"]);
    }
}

#[test]
fn what_it_ran_on_is_told() {
    let report = measured(&["--rate", "100"]);
    let machine = report["machine"].as_object().expect("an object");
    for name in [
        "cpu_model",
        "cpus",
        "kernel",
        "governor",
        "load_average_1m",
        "clock",
        "clock_source",
        "debug_build",
    ] {
        assert!(machine.contains_key(name), "{machine:?}");
    }
    assert_eq!(machine["debug_build"], cfg!(debug_assertions));
    assert_eq!(report["zbqtop_version"], env!("CARGO_PKG_VERSION"));
    assert!(number(&report["schema_version"]) > 0);
}

#[test]
fn a_table_fits_80_columns() {
    let text = stdout(&["bench", "--time", "200ms", "--consumers", "2"]);
    for word in [
        "machine ",
        "Throughput: ",
        "Latency, ",
        "consumer 2",
        "P99.99",
        "every message arrived once",
        "%",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn what_cannot_be_measured_is_refused() {
    for (arguments, status, said) in [
        (&["--size", "2MiB"][..], 2, "expected at most 1048544"),
        (&["--capacity", "5000"], 2, "multiple of 4096"),
        (
            &["--rate", "fast"],
            2,
            "expected `max`, or messages a second",
        ),
        (
            &["--ping-pong", "--consumers", "2"],
            2,
            "cannot be used with",
        ),
        (&["--mode", "poll"], 2, "invalid value 'poll'"),
        (&["--time", "0"], 2, "expected at least 1ms"),
        (
            &["--pin", "1023"],
            1,
            "cpu 1023 cannot be used by this process, expected some of ",
        ),
    ] {
        let mut all = vec!["bench"];
        all.extend(arguments);
        let output = run(&all);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
        assert!(
            stderr(&output).starts_with("zbqtop: ") && stderr(&output).contains(said),
            "{}",
            stderr(&output)
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

/// Starts one that takes long, and waits until its processes are there.
fn long() -> Child {
    let mut command = zbqtop();
    command.args(["bench", "--time", "1h", "--consumers", "2", "--rate", "100"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let (producer, _) = eventually("all are there", || {
        let roles = roles(child.id());
        let is_whole = roles.len() == 3;
        roles
            .into_iter()
            .find(|(_, role)| is_whole && role == "producer")
    });
    ring_when("both have joined", producer, |ring| {
        ring["consumers"]
            .as_array()
            .is_some_and(|all| all.len() == 2)
    });
    child
}

/// Pids of what the benchmark `parent` has started, with their roles.
fn roles(parent: u32) -> Vec<(u32, String)> {
    let role = |pid: u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        let words: Vec<&str> = line.split('\0').collect();
        let is_ours = words.get(1) == Some(&"bench-role")
            && words.get(4) == Some(&parent.to_string().as_str());
        is_ours.then(|| (pid, words[2].to_owned()))
    };
    let processes = std::fs::read_dir("/proc")
        .expect("/proc is there")
        .flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(role).collect()
}

fn gone(parent: u32) {
    eventually("no process is left", || {
        roles(parent).is_empty().then_some(())
    });
}

fn said(child: &mut Child) -> String {
    let mut text = String::new();
    let mut stderr = child.stderr.take().expect("piped");
    std::io::Read::read_to_string(&mut stderr, &mut text).expect("text");
    text
}

#[test]
fn no_process_is_left_behind() {
    use std::os::unix::process::ExitStatusExt as _;
    for ending in [Signal::INT, Signal::TERM, Signal::KILL] {
        let mut child = long();
        kill_process(Pid::from_child(&child), ending).expect("our child");
        let status = eventually("it ends", || child.try_wait().expect("our child"));
        // As every program that has nothing to tidy up: so a shell's loop ends with it.
        assert_eq!(status.signal(), Some(ending.as_raw()));
        gone(child.id());
        assert_eq!(said(&mut child), "");
    }
}

#[test]
fn a_process_that_dies_is_named_and_the_others_end() {
    for role in ["producer", "consumer"] {
        let mut child = long();
        let (pid, _) = roles(child.id())
            .into_iter()
            .find(|(_, its)| its == role)
            .expect("it is there");
        kill_process(
            Pid::from_raw(pid.cast_signed()).expect("a pid"),
            Signal::KILL,
        )
        .expect("it is ours");
        let status = eventually("it ends", || child.try_wait().expect("our child"));
        assert_eq!(status.code(), Some(1));
        gone(child.id());
        let said = said(&mut child);
        for part in [role, &format!("(pid {pid})"), "ended too early", "SIGKILL"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

#[test]
fn a_reader_that_goes_ends_it_quietly() {
    let mut child = long();
    drop(child.stdout.take());
    let status = eventually("it ends", || child.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
    gone(child.id());
    assert_eq!(said(&mut child), "");
}
