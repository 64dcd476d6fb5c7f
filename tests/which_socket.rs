//! Which ring is behind a socket: that of whoever answers there now, whatever it is called and whoever was there before.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::support::program::{ring_by, run, stderr};
use crate::support::{Peer, Place, example};

const COMMON: &str = "--impl reference --payload 48 --hold --consumers 0";

fn pid_at(address: &Path) -> i64 {
    let ring = ring_by(&["--socket", address.to_str().expect("text")]);
    ring["producer"]["pid"].as_i64().expect("a pid")
}

/// A producer that binds a name relative to its own directory.
fn bound_in(directory: &Path, name: &str) -> Peer {
    let mut command = Command::new(example("peer"));
    command.current_dir(directory);
    command
        .args(["produce", "--socket", name])
        .args(COMMON.split(' '));
    let mut peer = Peer::spawn(&mut command);
    peer.expect("ready");
    peer
}

#[test]
fn of_two_one_after_the_other_it_is_the_one_that_answers() {
    let place = Place::new();
    let old = Peer::producer(&place.socket(), COMMON);
    std::fs::remove_file(place.socket()).expect("its socket");
    let mut new = Peer::producer(&place.socket(), COMMON);
    assert_eq!(pid_at(&place.socket()), i64::from(new.pid()));
    // Nobody answers any more: the one before is there, but not at this path.
    new.kill();
    let path = place.socket();
    let output = run(&["--json", "--socket", path.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("no process listens"),
        "{}",
        stderr(&output)
    );
    drop(old);
}

#[test]
fn relative_names_links_and_files_that_were_renamed() {
    let places = [Place::new(), Place::new()];
    let [one, two] = [0, 1].map(|at| bound_in(places[at].path(), "ring"));
    for (place, peer) in places.iter().zip([&one, &two]) {
        assert_eq!(pid_at(&place.path().join("ring")), i64::from(peer.pid()));
    }
    let link = places[0].path().join("link");
    std::os::unix::fs::symlink(places[1].path().join("ring"), &link).expect("a link");
    assert_eq!(pid_at(&link), i64::from(two.pid()));
    let renamed = places[0].path().join("renamed");
    std::fs::rename(places[0].path().join("ring"), &renamed).expect("ours");
    assert_eq!(pid_at(&renamed), i64::from(one.pid()));
    // What is no socket, and what is not there, are told apart.
    std::fs::write(places[0].path().join("file"), "x").expect("room");
    for (name, words) in [("file", "it is not a socket"), ("nothing", "no such path")] {
        let path = places[0].path().join(name);
        let output = run(&["--json", "--socket", path.to_str().expect("text")]);
        assert_eq!(output.status.code(), Some(3));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}

#[test]
fn a_producer_in_another_network_namespace_over_a_shared_directory() {
    let may = Command::new("unshare").args(["--net", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        // This user may not make network namespaces.
        return;
    }
    let place = Place::new();
    // Inodes of sockets are counted for each CPU: a later one may have a lower number.
    let pinned = ["0", "1"].iter().all(|cpu| {
        let status = Command::new("taskset").args(["-c", cpu, "true"]).status();
        status.is_ok_and(|status| status.success())
    });
    let start = |cpu: &str| {
        let mut command = Command::new(if pinned { "taskset" } else { "env" });
        command.args(["-c", cpu].iter().filter(|_| pinned));
        command
            .args(["unshare", "--net", "--fork", "--kill-child"])
            .arg(example("peer"));
        command.args(["produce", "--socket"]).arg(place.socket());
        command.args(COMMON.split(' '));
        let mut peer = Peer::spawn(&mut command);
        peer.expect("ready");
        peer
    };
    let inside = |peer: &Peer| {
        let children = format!("/proc/{0}/task/{0}/children", peer.pid());
        let child = std::fs::read_to_string(children).expect("our child");
        child.trim().parse::<i64>().expect("a pid")
    };
    let mut all = Vec::new();
    for cpu in ["0", "1", "0", "1", "0"] {
        let peer = start(cpu);
        assert_eq!(pid_at(&place.socket()), inside(&peer));
        std::fs::remove_file(place.socket()).expect("its socket");
        all.push(peer);
    }
    for peer in &all {
        peer.signal(Signal::TERM);
    }
}
