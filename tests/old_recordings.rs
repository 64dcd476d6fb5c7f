//! Recordings of earlier versions are read by this one: `tests/data/` keeps one of each.

use serde_json::Value;

use crate::support::contents;
use crate::support::program::{run, stderr, stdout};
use crate::support::recordings::{lines, numbers};

fn printed(words: &[&str], file: &str) -> String {
    let file = format!("{}/tests/data/{file}", env!("CARGO_MANIFEST_DIR"));
    stdout(&[words, &["--file", &file]].concat())
}

/// What is said of the rings of a file, without the version of whoever says it.
fn report(words: &[&str], file: &str) -> String {
    let mut report: Value = serde_json::from_str(&printed(words, file)).expect("JSON");
    if let Some(version) = report.get_mut("zbqtop_version") {
        version.take();
    }
    serde_json::to_string_pretty(&report).expect("JSON")
}

/// The numbers of the messages that were kept of it, all of whose bytes are as they were sent.
fn messages(file: &str) -> Vec<u64> {
    let path = format!("{}/tests/data/{file}", env!("CARGO_MANIFEST_DIR"));
    let words = ["tail", "--from", "oldest", "--seq", "1..", "--file", &path];
    let json = stdout(&[&words[..], &["--format", "json"]].concat());
    let messages = numbers(&lines(&json));
    let raw = run(&[&words[..], &["--format", "raw"]].concat());
    assert_eq!(raw.status.code(), Some(0), "{}", stderr(&raw));
    let sent = messages.iter().flat_map(|number| contents(4, 60, *number));
    assert!(raw.stdout == sent.collect::<Vec<u8>>(), "{file}");
    messages
}

#[test]
fn a_recording_of_schema_2_says_what_it_said() {
    let file = "recording-2.mcap";
    assert_eq!(messages(file), (1..=120).collect::<Vec<_>>());
    for (name, moment) in [("begins", "+0s"), ("ends", "-0s")] {
        let said = report(&["snapshot", "--json", "--at", moment], file);
        insta::assert_snapshot!(format!("recording-2-{name}"), said);
    }
    insta::assert_snapshot!("recording-2-listed", report(&["ls", "--json"], file));
}

#[test]
fn a_dump_of_schema_2_says_what_it_said() {
    let file = "dump-2.mcap";
    let kept = messages(file);
    assert!(kept.len() > 60 && kept.ends_with(&[119, 120]), "{kept:?}");
    insta::assert_snapshot!("dump-2", report(&["snapshot", "--json"], file));
    let last = printed(&["tail", "-n", "3"], file);
    insta::assert_snapshot!("dump-2-tail", last);
}
