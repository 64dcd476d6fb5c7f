//! Whatever one process does, a neighbour's ring is listed, or it is said why not; nothing panics, and what is asked to end
//! ends.

use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::program::zbqtop;
use crate::support::{Peer, Place, eventually, example};

/// What takes a mount namespace of one's own, and what takes a file system of one's own besides.
const IN_A_NAMESPACE: [&str; 2] = ["named", "unanswered"];

fn needs_a_namespace(what: &str) -> bool {
    IN_A_NAMESPACE.iter().any(|name| what.starts_with(name))
}

/// Whether it may be made here.
fn may(what: &str) -> bool {
    let words = ["--mount", "--propagation", "private", "true"];
    let unshared = || Command::new("unshare").args(words).status();
    let served = || std::path::Path::new("/dev/fuse").exists();
    !needs_a_namespace(what)
        || unshared().is_ok_and(|status| status.success())
            && (what.starts_with("named") || served())
}

fn nuisance(what: &str) -> Peer {
    let mut command = if needs_a_namespace(what) {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]);
        command.arg(example("nuisance"));
        command
    } else {
        Command::new(example("nuisance"))
    };
    let mut peer = Peer::spawn(command.args(what.split_whitespace()));
    peer.expect("ready");
    peer
}

/// Runs the program as most users may, with a thousand descriptors; one that never ends is killed.
fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    let script = "ulimit -n 1024 && exec timeout -s KILL 30 \"$@\"";
    command.args(["-c", script, "sh"]);
    command.arg(env!("CARGO_BIN_EXE_zbqtop")).args(arguments);
    let output = command.env("XDG_CONFIG_HOME", "/dev/null").output();
    output.expect("a shell starts")
}

fn assert_sound(output: &Output, what: &str) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code().is_some_and(|code| code <= 5),
        "{what}: {said}"
    );
    assert!(!said.contains("panicked"), "{what}: {said}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(!printed.contains("secret"), "{what}: {printed}");
}

#[test]
fn a_nuisance_costs_its_neighbours_nothing() {
    let place = Place::new();
    let arguments = "--impl reference --payload 48 --hold --consumers 0";
    let far = Peer::producer(&place.socket(), arguments).settled();
    let many = if rustix::process::geteuid().is_root() {
        "descriptors 19000"
    } else {
        "descriptors 900"
    };
    let long = format!("listeners 612 {}", place.path().display());
    let root = Place::new();
    let [named, unanswered] =
        ["named", "unanswered"].map(|name| format!("{name} 20 {}", root.path().display()));
    for what in [
        "ctrls 400",
        "mapped 8000",
        many,
        "pages 2500",
        "sparse 1099511627776",
        &long,
        "toggles 60000",
        &named,
        &unanswered,
    ] {
        if !may(what) {
            continue;
        }
        let nuisance = nuisance(what);
        // One that was there before, and one that comes after.
        let other = Place::new();
        let near = Peer::producer(&other.socket(), arguments).settled();
        let output = run(&["ls"]);
        assert_sound(&output, what);
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        for neighbour in [&far, &near] {
            let id = format!("{}/", neighbour.pid());
            assert!(listed.contains(&id), "{what}: {listed}");
        }
        let pid = nuisance.pid().to_string();
        for arguments in [
            &["check"][..],
            &["ls", "--all", "--json"],
            &["--json", "--pid", &pid],
            &["snapshot", "--pid", &pid],
            &["tail", "-n", "5", "--pid", &pid],
            &["check", "--pid", &pid],
        ] {
            let output = run(arguments);
            assert_sound(&output, &format!("{what}: {arguments:?}"));
            if needs_a_namespace(what) && arguments.contains(&&*pid) {
                assert_eq!(output.status.code(), Some(3), "{what} has no ring");
            }
        }
    }
}

/// A ring that is larger than can be read in time costs nothing to whoever makes it. Who reads it ends when told to.
#[test]
fn a_ring_without_an_end_is_left_when_that_is_asked_for() {
    for size in ["1099511627776", "68719476736"] {
        let nuisance = nuisance(&format!("sparse {size}"));
        let pid = nuisance.pid().to_string();
        for arguments in [
            &["tail", "--from", "oldest", "--hex-match", "de ad"][..],
            &["tail", "-n", "5", "--hex-match", "de ad"],
            &["tail", "--from", "oldest", "--torn", "--hex-match", "de ad"],
            &["--json", "--watch", "50ms"],
        ] {
            let mut command = zbqtop();
            command.args(arguments).args(["--pid", &pid]);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().expect("it starts");
            std::thread::sleep(std::time::Duration::from_millis(500));
            kill_process(Pid::from_child(&child), Signal::TERM).expect("our child");
            eventually("it ends", || child.try_wait().expect("our child"));
        }
    }
}
