//! `--socket`: the ring behind a rendezvous socket, found without a connection.

use crate::support::program::{public_copy, ring_by, run, stderr, stdout, zbqtop};
use crate::support::{Peer, Place};

#[test]
fn the_process_that_listens_is_mapped() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48",
    )
    .settled();
    producer.ask("send 5", "done");
    let path = place.socket();
    let path = path.to_str().expect("text");
    let ring = ring_by(&["--socket", path]);
    assert_eq!(ring["producer"]["pid"], producer.pid());
    assert_eq!(ring["attach"]["method"], "map");
    assert_eq!(
        ring["consumers"].as_array().map(Vec::len),
        Some(0),
        "nobody joined"
    );
    assert_eq!(
        stdout(&["tail", "--socket", path, "-n", "2", "--format", "text"])
            .lines()
            .count(),
        2
    );
    // The same by a path relative to where we are, and through a link.
    let link = place.path().join("link");
    std::os::unix::fs::symlink(place.path(), &link).expect("a link");
    let linked = link.join("ring");
    assert_eq!(
        ring_by(&["--socket", linked.to_str().expect("text")])["id"],
        ring["id"]
    );
    let output = zbqtop()
        .current_dir(place.path())
        .args(["snapshot", "--interval", "0", "--socket", "./ring"])
        .output()
        .expect("zbqtop starts");
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_path_with_a_newline_is_whole() {
    let place = Place::new();
    let path = place.path().join("a\n1: 2 ring\n");
    let producer = Peer::producer(&path, "--impl reference --hold --consumers 0").settled();
    let path = path.to_str().expect("text");
    let ring = ring_by(&["--socket", path]);
    assert_eq!(ring["producer"]["pid"], producer.pid());
    assert_eq!(ring["producer"]["sockets"], serde_json::json!([path]));
}

#[test]
fn an_empty_address_is_usage() {
    for arguments in [
        &["--json", "--socket", ""][..],
        &["tail", "--socket", ""],
        &["events", "--exec", ""],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
}

#[test]
fn an_abstract_socket_is_a_name_with_an_at() {
    let name = format!("@zbqtop-test-{}", std::process::id());
    let producer = Peer::producer(
        std::path::Path::new(&name),
        "--impl reference --hold --consumers 0",
    )
    .settled();
    assert_eq!(
        ring_by(&["--socket", &name])["producer"]["pid"],
        producer.pid()
    );
}

#[test]
fn an_address_without_a_listener_is_told_from_one_that_is_hidden() {
    let place = Place::new();
    let fails = |address: &str, words: &str| {
        let output = run(&["--json", "--socket", address]);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        assert!(
            stderr(&output).contains(words) && stderr(&output).contains(address),
            "{}",
            stderr(&output)
        );
    };
    let missing = place.socket();
    fails(missing.to_str().expect("text"), "no such path");
    let file = place.path().join("file");
    std::fs::write(&file, "").expect("room");
    fails(
        file.to_str().expect("text"),
        "the path exists, but it is not a socket",
    );
    fails(
        "@nobody-listens-here",
        "no process in this network namespace listens on that name",
    );
    if rustix::process::geteuid().is_root() {
        use std::os::unix::process::CommandExt as _;
        let hidden = place.path().join("hidden");
        let _producer = Peer::producer(&hidden, "--impl reference --hold --consumers 0").settled();
        let mut command = std::process::Command::new(public_copy(
            place.path(),
            env!("CARGO_BIN_EXE_zbqtop").as_ref(),
        ));
        command
            .args(["--json", "--socket"])
            .arg(&hidden)
            .uid(65_534)
            .gid(65_534);
        let output = command.output().expect("it starts");
        assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    }
}
