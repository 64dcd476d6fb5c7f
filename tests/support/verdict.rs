//! What is said of a ring in each of its places, and asserting it.
//!
//! Knows the words' places in the JSON. Which words they should be is for the tests to know.

use std::process::Output;

use serde_json::Value;

use super::Peer;
use super::program::run;
use super::watch::{consumer, findings};

/// The exit status of `check`, and the codes of its reasons.
pub(crate) fn check(target: &[&str], options: &[&str]) -> (i32, Vec<String>) {
    let output = run(&[&["check", "--json"], target, options].concat());
    said_by_check(&output)
}

/// The same of one that has ended.
pub(crate) fn said_by_check(output: &Output) -> (i32, Vec<String>) {
    let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let reasons = verdict["reasons"].as_array().expect("an array").iter();
    let codes = reasons.map(|reason| reason["code"].as_str().expect("a code").to_owned());
    (output.status.code().expect("it ends"), codes.collect())
}

/// The same of the ring of `producer`, however full it is: that is for the findings to judge.
pub(crate) fn checked(producer: &Peer) -> (i32, Vec<String>) {
    let pid = producer.pid().to_string();
    check(&["--pid", &pid], &["--max-lag", "off"])
}

/// What is expected of a check.
pub(crate) fn verdict(code: i32, reasons: &[&str]) -> (i32, Vec<String>) {
    (code, reasons.iter().map(ToString::to_string).collect())
}

/// Asserts what is found, and of whom.
pub(crate) fn assert_found(ring: &Value, expected: &[(&str, &str, Option<&Peer>)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(code, severity, peer)| {
            let pid = peer.map(|peer| u64::from(peer.pid()));
            (code.to_string(), severity.to_string(), pid)
        })
        .collect();
    assert_eq!(findings(ring), expected, "{ring:#}");
}

/// Asserts that the reason of a consumer's state has these words.
pub(crate) fn assert_reason(ring: &Value, peer: &Peer, words: &[&str]) {
    let reason = consumer(ring, peer)["reason"].clone();
    let reason = reason.as_str().expect("text");
    for words in words {
        assert!(reason.contains(words), "{words:?} is not in {reason:?}");
    }
}

/// Asserts that an event's message has these words.
pub(crate) fn assert_words(event: &Value, words: &[&str]) {
    let message = event["message"].as_str().expect("text");
    for words in words {
        assert!(message.contains(words), "{words:?} is not in {message:?}");
    }
}
