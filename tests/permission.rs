//! Producers that the kernel hides, each for a reason of its own: the reason is told by evidence, and so is the remedy.

use std::fs::Permissions;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::program::{can, public_copy, stderr};
use crate::support::{Peer, Place, eventually, example};

const US: &str = "--reuid=65534 --regid=65534 --clear-groups";
const ROOT_WITHOUT_PTRACE: &str = "--bounding-set=-sys_ptrace --inh-caps=-all";
const UNSHARE: [&str; 3] = ["--pid", "--fork", "--kill-child"];

fn everyone(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("our own file");
}

#[test]
fn each_reason_has_its_words_and_its_remedy() {
    if !can(
        "setpriv",
        &[
            "--reuid=65534",
            "--ambient-caps=+net_raw",
            "--inh-caps=+net_raw",
        ],
    ) {
        return;
    }
    // A binary that its user may not read makes a process that is not dumpable.
    let (readable, unreadable) = (0o755, 0o711);
    let capable = format!("{US} --inh-caps=+net_raw --ambient-caps=+net_raw");
    let [other_uid, other_gid] = [
        "--reuid=65533 --regid=65533 --clear-groups",
        "--reuid=65534 --regid=65533 --clear-groups",
    ];
    let cases: [(&str, u32, &str, &[&str], &str); 7] = [
        (
            other_uid,
            readable,
            US,
            &["it belongs to uid 65533, we are uid 65534 and lack CAP_SYS_PTRACE"],
            "run as uid 65533, with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
        ),
        (
            other_gid,
            readable,
            US,
            &["our uid 65534, but gid 65533; ours is 65534"],
            "run with gid 65533, or as root",
        ),
        (
            US,
            unreadable,
            US,
            &["our uid 65534, but is not dumpable (uid 0 owns its files in /proc)"],
            "run as root, or let the producer call prctl(PR_SET_DUMPABLE, 1)",
        ),
        (
            &capable,
            readable,
            US,
            &["our uid 65534, but holds capabilities that we lack: CAP_NET_RAW"],
            "run as root, or give zbqtop the same capabilities",
        ),
        (
            &capable,
            unreadable,
            US,
            &["is not dumpable", "capabilities that we lack: CAP_NET_RAW"],
            "run as root",
        ),
        (
            other_uid,
            readable,
            ROOT_WITHOUT_PTRACE,
            &["it belongs to uid 65533, we are uid 0 and lack CAP_SYS_PTRACE"],
            "--cap-add SYS_PTRACE",
        ),
        (
            "--no-new-privs",
            readable,
            ROOT_WITHOUT_PTRACE,
            &["our uid 0, but holds capabilities that we lack: CAP_SYS_PTRACE"],
            "--cap-add SYS_PTRACE",
        ),
    ];
    for (theirs, mode, ours, words, remedy) in cases {
        let place = Place::new();
        let [zbqtop, peer] = [
            public_copy(place.path(), env!("CARGO_BIN_EXE_zbqtop").as_ref()),
            public_copy(place.path(), &example("peer")),
        ];
        everyone(&peer, mode);
        everyone(place.path(), 0o777);
        let socket = place.socket();
        let mut command = Command::new("setpriv");
        command
            .args(theirs.split(' '))
            // By way of a shell: setpriv itself could still read what its user may not.
            .args(["sh", "-c", "exec \"$@\"", "sh"])
            .arg(peer)
            .args("produce --impl reference --hold --consumers 0 --socket".split(' '))
            .arg(&socket);
        let mut producer = Peer::spawn(&mut command);
        producer.expect("ready");
        producer = producer.settled();
        everyone(&socket, 0o777);
        let watch = |arguments: &[&str]| -> Output {
            let mut command = Command::new("setpriv");
            command
                .args(ours.split(' '))
                .arg(&zbqtop)
                .args(["--json", "--interval", "0"])
                .args(arguments)
                .env("XDG_RUNTIME_DIR", "/nonexistent");
            command.output().expect("setpriv starts")
        };
        let pid = producer.pid().to_string();
        let output = watch(&["--pid", &pid]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{theirs}: {said}");
        for word in words {
            assert!(said.contains(word), "{theirs}: {said}");
        }
        assert!(
            said.contains(&pid) && said.contains(remedy),
            "{theirs}: {said}"
        );
        // Joined by its socket, the same is said of what stays hidden.
        let output = watch(&["--join", "--socket", socket.to_str().expect("text")]);
        assert!(output.status.success(), "{theirs}: {}", stderr(&output));
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let limit = &report["rings"][0]["attach"]["limits"][0];
        let said = limit.to_string();
        for word in words {
            assert!(said.contains(word), "{theirs}: {said}");
        }
        assert!(said.contains(remedy), "{theirs}: {said}");
    }
}

#[test]
fn hidepid_is_told_from_a_process_that_there_is_not() {
    if !can("unshare", &["--mount"]) {
        return;
    }
    let place = Place::new();
    let zbqtop = public_copy(place.path(), env!("CARGO_BIN_EXE_zbqtop").as_ref());
    let producer =
        Peer::producer(&place.socket(), "--impl reference --hold --consumers 0").settled();
    everyone(&place.socket(), 0o777);
    let socket = place.socket().display().to_string();
    // Processes of others cannot be entered, are not shown, and are not shown unless they may be traced.
    for (mode, name) in [(1, "noaccess"), (2, "invisible"), (4, "ptraceable")] {
        let watch = |arguments: &str| {
            let script = format!(
                "mount -t proc -o hidepid={mode},gid=4242 proc /proc && exec setpriv {US} '{}' {arguments}",
                zbqtop.display()
            );
            let mut command = Command::new("unshare");
            command
                .args(["--mount", "sh", "-c", &script])
                .env("XDG_RUNTIME_DIR", "/nonexistent");
            command.output().expect("unshare starts")
        };
        let says = |text: &str| {
            assert!(
                text.contains(&format!("hidepid={name}")) && text.contains("member of group 4242"),
                "{text}"
            );
        };
        let pid = producer.pid();
        let output = watch(&format!("--json --pid {pid}"));
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "hidepid={mode}: {said}");
        says(&said);
        assert_eq!(watch("--json --pid 2147483647").status.code(), Some(3));
        // What cannot be listed is not passed over in silence.
        let said = stderr(&watch("--json"));
        says(&said);
        let listing = watch("ls --json --interval 0");
        says(&String::from_utf8_lossy(&listing.stdout));
        let output = watch(&format!("--json --interval 0 --join --socket '{socket}'"));
        assert!(
            output.status.success(),
            "hidepid={mode}: {}",
            stderr(&output)
        );
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let limit = report["rings"][0]["attach"]["limits"][0].to_string();
        says(&limit);
        assert!(limit.contains(&format!("pid {pid}")), "{limit}");
    }
}

#[test]
fn a_listener_outside_our_pid_namespace_is_asked_for_nothing() {
    let new = [&UNSHARE[..], &["--mount-proc"]].concat();
    if !can("unshare", &new) {
        return;
    }
    let place = Place::new();
    let socket = place.socket();
    let listener = UnixListener::bind(&socket).expect("a free path");
    let accepting = listener.try_clone().expect("room");
    let heard = std::thread::spawn(move || {
        let mut heard = Vec::new();
        for _ in 0..2 {
            let (mut conn, _) = accepting.accept().expect("it connects");
            conn.read_to_end(&mut heard).expect("it hangs up");
        }
        heard
    });
    let socket = socket.to_str().expect("text");
    for arguments in [
        &["snapshot", "--join", "--socket", socket][..],
        &["tail", "--lossless", "--socket", socket],
    ] {
        let fails = |namespace: &[&str], words: &[&str]| {
            let mut command = Command::new("unshare");
            command
                .args(namespace)
                .arg(env!("CARGO_BIN_EXE_zbqtop"))
                .args(arguments);
            let output = command.output().expect("unshare starts");
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            for word in words {
                assert!(said.contains(word), "{arguments:?}: {said}");
            }
            assert!(said.contains(socket), "{said}");
        };
        let evidence = [
            "SO_PEERCRED reports pid 0",
            "our pid 1 names no process, or a wrong one",
            "join from the producer's pid namespace",
        ];
        fails(&new, &evidence);
        // With the /proc of the namespace outside, the listener is seen, and not even connected to.
        let us = std::process::id().to_string();
        fails(&UNSHARE, &[&us, "is in another pid namespace"]);
    }
    // One of several rings is chosen only where the listener can be looked into.
    let mut command = Command::new("unshare");
    command
        .args(&new)
        .arg(env!("CARGO_BIN_EXE_zbqtop"))
        .args(["--json", "--ring", "0", "--socket", socket]);
    let output = command.output().expect("unshare starts");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(
        said.contains(
            "/proc shows no process that has the socket open: it may be in another pid namespace"
        ),
        "{said}"
    );
    let heard = heard.join().expect("a listener");
    assert!(
        heard.is_empty(),
        "it was asked by a pid that is a stranger's: {heard:?}"
    );
}

#[test]
fn a_producer_in_a_namespace_below_ours_is_mapped_and_not_joined() {
    if !can("unshare", &UNSHARE) {
        return;
    }
    let place = Place::new();
    let mut command = Command::new("unshare");
    command
        .args(UNSHARE)
        .arg(example("peer"))
        .args("produce --impl reference --hold --consumers 0 --payload 48 --socket".split(' '))
        .arg(place.socket());
    let mut producer = Peer::spawn(&mut command);
    producer.expect("ready");
    producer = producer.settled();
    let socket = place.socket();
    let socket = socket.to_str().expect("text");
    for arguments in [
        &["snapshot", "--join", "--socket", socket][..],
        &["tail", "--lossless", "--socket", socket],
    ] {
        let output = crate::support::program::run(arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(socket)
                && said.contains("is in another pid namespace")
                && said.contains("nsenter"),
            "{said}"
        );
    }
    // It noticed nothing: a handshake that fails would have ended it.
    producer.ask("send 3", "done");
    let ring = eventually("a ring that is mapped", || {
        Some(crate::support::program::ring_by(&["--socket", socket]))
            .filter(|ring| ring["control"]["producer_head"] == 192)
    });
    assert_eq!(ring["attach"]["method"], "map");
    assert_eq!(ring["producer"]["ns_pid"], 1);
}

#[test]
fn what_may_not_be_reached_is_not_permitted_rather_than_not_there() {
    if !can("setpriv", &["--reuid=65534"]) {
        return;
    }
    let place = Place::new();
    let zbqtop = public_copy(place.path(), env!("CARGO_BIN_EXE_zbqtop").as_ref());
    let closed = place.path().join("closed");
    std::fs::create_dir_all(closed.join("below")).expect("room");
    let socket = closed.join("below/ring");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    let file = place.path().join("night.mcap");
    std::fs::write(&file, "mine").expect("room");
    everyone(&file, 0o600);
    everyone(&closed, 0o700);
    let paths = [closed, socket, file].map(|path| path.display().to_string());
    let [closed, socket, file] = [&*paths[0], &*paths[1], &*paths[2]];
    for (arguments, code, words) in [
        (&["--json", "--socket", socket][..], 4, [socket, closed]),
        (
            &["tail", "--socket", socket],
            4,
            ["permission denied", closed],
        ),
        (&["tail", "--file", file], 4, ["cannot read", file]),
        (
            &["snapshot", "--file", file],
            4,
            ["cannot read", "ermission denied"],
        ),
        (
            &["tail", "--file", "/nowhere"],
            1,
            ["cannot read", "/nowhere"],
        ),
    ] {
        let mut command = Command::new("setpriv");
        command.args(US.split(' ')).arg(&zbqtop).args(arguments);
        let output = command.output().expect("setpriv starts");
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{arguments:?}: {said}");
        }
        assert!(!said.contains(&format!("enter {socket}")), "{said}");
    }
}
