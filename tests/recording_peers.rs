//! Recordings and the Python package `mcap`: it reads ours, and we read what it writes.
//!
//! It is installed for the tests, in the build directory. Where that cannot be, it is said, and nothing is tried, unless
//! `ZBQTOP_REQUIRE_PEERS` is set.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::program::{run, stderr, stdout};
use crate::support::recordings::{Recording, dump, numbers, tail, text};
use crate::support::{Peer, Place, eventually};

/// What is installed.
const PACKAGE: &str = "mcap";

/// The interpreter that knows the package.
fn python() -> Option<PathBuf> {
    match installed() {
        Ok(python) => Some(python),
        Err(why) => {
            let why = format!("not tried: the Python package {PACKAGE} cannot be had: {why}");
            assert!(std::env::var_os("ZBQTOP_REQUIRE_PEERS").is_none(), "{why}");
            let _ = writeln!(std::io::stderr(), "{why}");
            None
        }
    }
}

fn installed() -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let python = place.join("bin/python3");
    let knows = || done(Command::new(&python).args(["-c", "import mcap.reader"]));
    if knows().is_err() {
        done(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&place),
        )?;
        done(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
        knows()?;
    }
    Ok(python)
}

/// Runs it to its end: what it printed, or what it complained of.
fn done(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|why| why.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(stderr(&output))
}

fn script(name: &str) -> PathBuf {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/mcap");
    peers.join(name)
}

/// A recording of 300 messages, and a dump of the same ring.
fn recorded(place: &Place) -> [String; 2] {
    let arguments = "--impl reference --hold --consumers 0 --seed 4";
    let mut producer = Peer::producer(&place.socket(), arguments).settled();
    let path = place.path().join("recording.mcap");
    let recording = Recording::of(&producer, path, "--messages all");
    producer.ask("send 300", "done");
    let file = text(&recording.path);
    eventually("all of it is recorded", || {
        let output = run(&["tail", "--file", &file, "-n", "1", "--format", "json"]);
        let last: Value = serde_json::from_slice(&output.stdout).ok()?;
        (last["seq_id"] == 300).then_some(())
    });
    let dump = dump(&producer, place, &[]);
    [text(&recording.finish()), dump]
}

#[test]
fn ours_is_read_by_others_and_theirs_by_us() {
    let Some(python) = python() else {
        return;
    };
    let place = Place::new();
    let files = recorded(&place);
    for (file, bulk, encoding) in [
        (&files[0], "messages", "zbq"),
        (&files[1], "pages", "zbq-pages"),
    ] {
        let read = Command::new(&python)
            .arg(script("read.py"))
            .arg(file)
            .output();
        let read = read.expect("python runs");
        assert!(read.status.success(), "{}", stderr(&read));
        let found: Value = serde_json::from_slice(&read.stdout).expect("JSON");
        assert_eq!(found["profile"], "zbqtop");
        let channels = found["channels"].as_object().expect("an object");
        for (topic, channel) in channels {
            assert_eq!(channel["messages"], channel["counted"], "{topic}");
            assert_eq!(channel["metadata"]["schema_version"], "2");
            let is_bulk = topic.ends_with(bulk);
            assert_eq!(channel["encoding"], if is_bulk { encoding } else { "json" });
            if topic.ends_with("/state") {
                assert_eq!(channel["schema"][0], "zbqtop.State");
                assert_eq!(channel["schema"][1], "jsonschema");
                assert_eq!(channel["last"]["control"]["ring_capacity"], 65_536);
            }
        }
        let count = |what: &str| {
            let mut found = channels.iter().filter(|(topic, _)| topic.ends_with(what));
            let (_, channel) = found.next().expect("a channel");
            assert!(found.next().is_none());
            channel["messages"].as_u64().expect("a number")
        };
        assert!(count("/state") >= 1);
        assert!(count(bulk) >= if bulk == "messages" { 300 } else { 2 });
    }
    for (number, file) in files.iter().enumerate() {
        let out = place.path().join(number.to_string());
        std::fs::create_dir(&out).expect("ours");
        let mut write = Command::new(&python);
        let names = done(write.arg(script("write.py")).arg(file).arg(&out)).expect("python runs");
        let all = ["--from", "oldest", "--file"];
        let expected = tail(&[&all[..], &[file]].concat());
        assert!(numbers(&expected).len() >= 300);
        for name in names.lines() {
            let again = text(&out.join(name));
            if name.starts_with("foreign-") {
                let output = run(&["snapshot", "--file", &again]);
                let said = stderr(&output);
                assert_eq!(output.status.code(), Some(5), "{name}: {said}");
                assert!(said.contains("it contains no ring"), "{name}: {said}");
                continue;
            }
            assert_eq!(tail(&[&all[..], &[&again]].concat()), expected, "{name}");
            let listing = stdout(&["ls", "--json", "--file", &again]);
            assert_eq!(listing, stdout(&["ls", "--json", "--file", file]), "{name}");
        }
    }
}
