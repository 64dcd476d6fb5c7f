//! `demo`: a real ring, and no process left behind however it ends.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::program::{ring_when, zbqtop};
use crate::support::pty::Terminal;
use crate::support::{Peer, eventually};

/// Starts a demo without a screen; returns it, its producer's pid and its socket.
fn headless() -> (Child, u32, PathBuf) {
    let mut command = zbqtop();
    let mut child = command
        .args(["demo", "--headless"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut value = |name: &str| {
        let line = lines.next().expect("a line").expect("text");
        line.strip_prefix(name)
            .unwrap_or_else(|| panic!("{name} expected: {line}"))
            .trim()
            .to_owned()
    };
    let pid = value("pid").parse().expect("a number");
    let socket = PathBuf::from(value("socket"));
    (child, pid, socket)
}

/// Pids of the demo that was started by process `parent`.
fn roles(parent: u32) -> Vec<u32> {
    let of_demo = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.get(1) == Some(&b"demo-role".as_slice())
            && words.get(4) == Some(&parent.to_string().as_bytes())
    };
    let processes = std::fs::read_dir("/proc")
        .expect("/proc is there")
        .flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(of_demo)
        .collect()
}

fn gone(parent: u32, socket: &std::path::Path) {
    eventually("no process is left", || {
        roles(parent).is_empty().then_some(())
    });
    eventually("no socket is left", || (!socket.exists()).then_some(()));
}

#[test]
fn its_ring_is_real_and_every_role_is_there() {
    let (mut child, pid, socket) = headless();
    let ring = ring_when("four consumers", pid, |ring| {
        ring["consumers"]
            .as_array()
            .is_some_and(|all| all.len() == 4)
    });
    assert_eq!(ring["producer"]["command"], "demo-quotes");
    assert_eq!(
        ring["producer"]["sockets"][0],
        socket.to_str().expect("text")
    );
    // A stock consumer of the reference joins it, and takes what it sends.
    let mut guest = Peer::start("consume", &socket, "--impl reference --stream --hold");
    guest.expect("joined");
    ring_when("a fifth", pid, |ring| {
        ring["consumers"]
            .as_array()
            .is_some_and(|all| all.len() == 5)
    });
    guest.kill();
    let parent = child.id();
    kill_process(Pid::from_child(&child), Signal::INT).expect("our child");
    let status = eventually("it ends", || child.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
    gone(parent, &socket);
}

#[test]
fn no_process_is_left_behind() {
    for ending in [Signal::TERM, Signal::KILL] {
        let (mut child, pid, socket) = headless();
        let parent = child.id();
        assert!(roles(parent).contains(&pid));
        kill_process(Pid::from_child(&child), ending).expect("our child");
        eventually("it ends", || child.try_wait().expect("our child"));
        gone(parent, &socket);
    }
}

#[test]
fn its_screen_ends_it() {
    for kill in [false, true] {
        let mut terminal = Terminal::start(
            Command::new(env!("CARGO_BIN_EXE_zbqtop")).arg("demo"),
            30,
            100,
        );
        terminal.wait("all consumers", |text| {
            [
                "demo-quotes",
                "demo-risk",
                "demo-poller",
                "demo-archive",
                "demo-flaky",
            ]
            .iter()
            .all(|name| text.contains(name))
        });
        terminal.wait("messages", |text| {
            text.contains("order") || text.contains("symbol")
        });
        let parent = terminal.pid().cast_unsigned();
        assert_eq!(roles(parent).len(), 5);
        if kill {
            kill_process(Pid::from_raw(terminal.pid()).expect("a pid"), Signal::KILL)
                .expect("our child");
        } else {
            terminal.keys("q");
        }
        terminal.ended();
        let socket = std::env::temp_dir().join(format!("zbqtop-demo-{parent}/ring.sock"));
        gone(parent, &socket);
    }
}

#[test]
fn what_an_earlier_demo_left_is_not_in_the_way() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::tempdir().expect("a directory");
    // exec keeps the pid, and so the directory's name.
    let script = "mkdir $TMPDIR/zbqtop-demo-$$ && touch $TMPDIR/zbqtop-demo-$$/ring.sock && exec \"$0\" demo --headless";
    let mut child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_zbqtop")])
        .env("TMPDIR", place.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let pid = lines.next().expect("it comes up").expect("text");
    assert!(pid.starts_with("pid "), "{pid}");
    let directory = place.path().join(format!("zbqtop-demo-{}", child.id()));
    let mode = std::fs::metadata(&directory)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("our child");
    eventually("it ends", || child.try_wait().expect("our child"));
    gone(child.id(), &directory);
}
