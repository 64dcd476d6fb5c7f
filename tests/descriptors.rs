//! A watcher that runs out of descriptors: what it cannot ask is unknown and said to be, and nobody is called dead for it.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Peer, Place};

/// Runs the program with so many descriptors at most.
fn run_with(most: u32, arguments: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_zbqtop");
    let line = format!("ulimit -n {most} && exec {program} {arguments}");
    let mut command = Command::new("sh");
    command
        .args(["-c", &line])
        .env("XDG_CONFIG_HOME", "/dev/null");
    command.output().expect("a shell starts")
}

#[test]
fn nobody_is_dead_because_it_could_not_be_asked() {
    const COMMON: &str = "--impl reference --payload 48 --hold";
    let place = Place::new();
    let arguments = format!("{COMMON} --consumers 0 --stall-timeout 600000");
    let producer = Peer::producer(&place.socket(), &arguments).settled();
    let _readers = [(); 3].map(|()| Peer::consumer(&place.socket(), COMMON).settled());
    let target = format!("--pid {}", producer.pid());
    for most in 5..28 {
        let output = run_with(most, &format!("check {target}"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = output.status.code();
        assert!(code == Some(0) || code == Some(3), "{most}: {said}");
        assert!(!said.contains("ended"), "{most}: {said}");

        let output = run_with(most, &format!("snapshot --json {target}"));
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            let ring = &report["rings"][0];
            assert_eq!(ring["producer"]["alive"], true, "{most}: {ring:#}");
            let consumers = ring["consumers"].as_array().expect("an array");
            for consumer in consumers {
                assert_eq!(consumer["state"], "idle", "{most}: {ring:#}");
                assert_ne!(consumer["alive"], false, "{most}: {ring:#}");
            }
            let all = consumers.len() == 3 && consumers.iter().all(|one| one["alive"] == true);
            let limits = ring["attach"]["limits"].to_string();
            let said = limits.contains("run out of file descriptors");
            assert!(all || said, "{most}: {ring:#}");
            assert!(!said || ring["health"] == "unknown", "{most}: {ring:#}");
        } else {
            assert!(words.contains("Too many open files"), "{most}: {words}");
        }

        let output = run_with(most, "ls");
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        let found = listed.contains(&format!("{}/", producer.pid()));
        assert!(
            found
                || listed.contains("run out of file descriptors")
                || words.contains("Too many open files")
                || listed.contains("Too many open files"),
            "{most}: {listed}{words}"
        );
    }
}
