//! Where the output goes: readers that are slow, that leave, that are not there, and disks that are full.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use serde_json::Value;

use crate::support::program::{run, zbqtop};
use crate::support::pty::Terminal;
use crate::support::{Peer, Place, eventually};

const COMMON: &str = "--impl reference --payload 48 --hold";

fn producer(place: &Place, consumers: usize) -> (Peer, Vec<Peer>) {
    let arguments = format!("{COMMON} --consumers 0 --stall-timeout 600000");
    let mut producer = Peer::producer(&place.socket(), &arguments).settled();
    let readers = (0..consumers).map(|_| Peer::consumer(&place.socket(), COMMON).settled());
    let readers = readers.collect();
    producer.ask("send 50", "done");
    (producer, readers)
}

fn ends_quietly(mut child: Child, what: &str) {
    let status = eventually(what, || child.try_wait().expect("our child"));
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("piped");
    stderr.read_to_string(&mut said).expect("text");
    assert_eq!(status.code(), Some(0), "{what}: {said}");
    assert!(!said.contains("roken pipe"), "{what}: {said}");
}

/// A reader that goes is noticed at once, though nothing is written for an hour.
#[test]
fn a_reader_that_goes_is_noticed_though_nothing_is_written() {
    let place = Place::new();
    let (producer, _) = producer(&place, 0);
    let pid = producer.pid().to_string();
    for arguments in [
        &["--json", "--watch", "1h", "--interval", "0"][..],
        &["snapshot", "--watch", "1h", "--interval", "0"],
        &["tail", "-f", "-n", "1"],
    ] {
        for is_socket in [false, true] {
            let (reader, writer): (Box<dyn std::io::Read>, OwnedFd) = if is_socket {
                let (ours, theirs) = UnixStream::pair().expect("a pair");
                (Box::new(ours), theirs.into())
            } else {
                let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
                (Box::new(std::fs::File::from(ours)), theirs)
            };
            let mut command = zbqtop();
            command.args(arguments).args(["--pid", &pid]);
            command.stdout(writer).stderr(Stdio::piped());
            let child = command.spawn().expect("it starts");
            drop(command);
            let mut reader = reader;
            reader.read_exact(&mut [0; 16]).expect("a first line");
            drop(reader);
            ends_quietly(child, &format!("{arguments:?}, socket: {is_socket}"));
        }
    }
}

/// An output that takes nothing now is waited for, and all of it arrives.
#[test]
fn a_slow_reader_of_a_non_blocking_pipe_loses_nothing() {
    let place = Place::new();
    let (producer, _readers) = producer(&place, 8);
    let pid = producer.pid().to_string();
    for (arguments, lines) in [
        (&["ls", "--json"][..], false),
        (&["check", "--json", "--pid", &pid], false),
        (&["--json", "--interval", "0", "--pid", &pid], false),
        (&["--json", "--watch", "5ms", "--pid", &pid], true),
        (
            &["tail", "--format", "json", "-n", "50", "--pid", &pid],
            true,
        ),
        (&["--print-config"], false),
    ] {
        let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
        rustix::pipe::fcntl_setpipe_size(&theirs, 4096).expect("a small pipe");
        let flags = fcntl_getfl(&theirs).expect("flags");
        fcntl_setfl(&theirs, flags | OFlags::NONBLOCK).expect("ours");
        let mut command = zbqtop();
        command
            .args(arguments)
            .stdout(theirs)
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        drop(command);
        let mut reader = std::fs::File::from(ours);
        let mut all = Vec::new();
        let mut piece = [0; 1500];
        // It is full for as long as nobody reads.
        std::thread::sleep(Duration::from_millis(300));
        while all.len() < 60_000 {
            std::thread::sleep(Duration::from_millis(1));
            match reader.read(&mut piece).expect("bytes") {
                0 => break,
                read => all.extend_from_slice(&piece[..read]),
            }
        }
        drop(reader);
        let status = eventually("its end", || child.try_wait().expect("our child"));
        let mut said = String::new();
        let mut stderr = child.stderr.take().expect("piped");
        stderr.read_to_string(&mut said).expect("text");
        assert!(status.code() < Some(2), "{arguments:?}: {said}");
        assert!(!said.contains("unavailable"), "{arguments:?}: {said}");
        let text = String::from_utf8(all).expect("text");
        if lines {
            // The last may be cut off by our leaving.
            let whole = text.rsplit_once('\n').expect("a line").0;
            assert!(whole.lines().count() > 1, "{arguments:?}");
            for line in whole.lines() {
                serde_json::from_str::<Value>(line).expect("a whole line");
            }
        } else if arguments.contains(&"--json") {
            serde_json::from_str::<Value>(&text).expect("all of it");
        }
    }
}

/// What could not be written is a failure, and said.
#[test]
fn a_full_disk_and_no_output_at_all_are_failures() {
    let place = Place::new();
    let (producer, _) = producer(&place, 0);
    let program = env!("CARGO_BIN_EXE_zbqtop");
    let pid = producer.pid();
    for (arguments, code) in [
        ("--help", 1),
        ("--version", 1),
        ("tail --help", 1),
        ("ls", 1),
        ("ls --json", 1),
        ("--print-config", 1),
        (&format!("snapshot --pid {pid}"), 1),
        (&format!("tail --pid {pid}"), 1),
        (&format!("check --pid {pid}"), 3),
    ] {
        for (output, words) in [
            (">/dev/full", "No space left on device"),
            (">&-", "standard output is closed"),
        ] {
            let mut command = Command::new("sh");
            command.args(["-c", &format!("exec {program} {arguments} {output}")]);
            command.env("XDG_CONFIG_HOME", "/dev/null");
            let done = command.output().expect("a shell");
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert_eq!(
                done.status.code(),
                Some(code),
                "{arguments} {output}: {said}"
            );
            assert!(said.contains(words), "{arguments} {output}: {said}");
        }
        // Where nothing is wanted, nothing is wrong.
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec {program} {arguments} >/dev/null 2>&1")]);
        let done = command.env("XDG_CONFIG_HOME", "/dev/null").status();
        assert!(done.expect("a shell").success(), "{arguments}");
    }
}

/// Bytes as they are do to a terminal what they like: they go there only if that was asked for.
#[test]
fn raw_bytes_do_not_go_to_a_terminal_unasked() {
    let place = Place::new();
    let (producer, _) = producer(&place, 0);
    let pid = producer.pid().to_string();
    let raw = ["tail", "--format", "raw", "-n", "1", "--pid", &pid];
    let prefixed = ["tail", "--format", "len-prefixed", "-n", "1", "--pid", &pid];
    for refused in [raw, prefixed] {
        let mut command = zbqtop();
        let mut terminal = Terminal::start(command.args(refused), 24, 100);
        assert_eq!(terminal.ended().code(), Some(2));
        let said = terminal.text();
        assert!(
            said.contains("--force") && said.contains(refused[2]),
            "{said}"
        );
    }
    let mut command = zbqtop();
    let mut terminal = Terminal::start(command.args(raw).arg("--force"), 24, 100);
    assert!(terminal.ended().success());
    assert!(terminal.text().contains("zzzz"), "{}", terminal.text());
    let output = run(&raw);
    assert!(output.status.success());
    assert_eq!(output.stdout, [b'z'; 48]);
}
