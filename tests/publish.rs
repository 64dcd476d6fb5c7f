//! `pub`: what goes into a ring of its own comes out of it, to consumers of the reference and to `tail`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::program::{run, stderr, stdout, zbqtop};
use crate::support::recordings::Recording;
use crate::support::{Peer, Place, eventually};

/// A `pub` that runs until its input ends.
struct Publisher {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Publisher {
    fn start(socket: &Path, options: &[&str]) -> Self {
        let mut command = zbqtop();
        command.args(["pub", "--socket"]).arg(socket).args(options);
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("zbqtop starts");
        let stdin = child.stdin.take();
        let publisher = Self { child, stdin };
        eventually("the ring is there", || socket.exists().then_some(()));
        publisher
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stdin
            .as_mut()
            .expect("a pipe")
            .write_all(bytes)
            .expect("it reads");
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Ends its input, and returns what it said.
    fn end(mut self) -> String {
        drop(self.stdin.take());
        let status = eventually("it ends", || self.child.try_wait().expect("our child"));
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().expect("a pipe");
        std::io::Read::read_to_string(&mut stderr, &mut said).expect("text");
        assert_eq!(status.code(), Some(0), "{said}");
        said
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `tail` says of the last `messages` of a process's ring, once it has so many.
fn tail(pid: &str, messages: usize) -> Vec<Value> {
    eventually("messages", || {
        let text = stdout(&["tail", "--pid", pid, "-n", "100000", "--format", "json"]);
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .filter(|line: &Value| line["flags"] != 0x80)
            .collect();
        (lines.len() >= messages).then_some(lines)
    })
}

#[test]
fn lines_are_messages() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place.socket(), &[]);
    publisher.write("one\n\ntwo \u{e9}\nthree".as_bytes());
    // The last line is none until it ends.
    let lines = tail(&publisher.pid(), 3);
    let texts: Vec<&str> = lines
        .iter()
        .map(|line| line["text"].as_str().expect("text"))
        .collect();
    assert_eq!(texts, ["one", "", "two \u{e9}"]);
    assert_eq!(lines[2]["seq_id"], 3);
    let said = publisher.end();
    assert!(said.contains("4 messages, 14 B of payload"), "{said}");
    assert!(!place.socket().exists());
}

/// What one ring has, in another: each format that `tail` and `record` write.
#[test]
fn what_was_written_comes_back() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --seed 7 --max-payload 500 --capacity 262144",
    )
    .settled();
    producer.ask("send 300", "done");
    let pid = producer.pid().to_string();
    let original = tail(&pid, 300);
    for (format, input, keeps_headers) in [
        ("json", Some("json"), true),
        ("pcapng", None, true),
        ("base64", Some("base64"), false),
        ("len-prefixed", Some("len-prefixed"), false),
    ] {
        let output = run(&["tail", "--pid", &pid, "-n", "100000", "--format", format]);
        let file = place.path().join(format);
        std::fs::write(&file, &output.stdout).expect("room");
        let socket = place.path().join(format!("{format}.sock"));
        let mut options = vec!["--capacity", "256KiB"];
        options.extend(input.iter().flat_map(|input| ["--input", input]));
        let mut publisher = Publisher::start(&socket, &options);
        publisher.write(&output.stdout);
        let again = tail(&publisher.pid(), original.len());
        for (number, (again, original)) in again.iter().zip(&original).enumerate() {
            for field in ["text", "base64", "payload_len", "flags"] {
                assert_eq!(again[field], original[field], "{format}: {number}");
            }
            let seq = match keeps_headers {
                true => original["seq_id"].clone(),
                false => Value::from(number as u64 + 1),
            };
            assert_eq!(again["seq_id"], seq, "{format}");
        }
        assert_eq!(again.len(), original.len());
        let said = publisher.end();
        assert!(
            said.contains(&format!("{} messages", original.len())),
            "{said}"
        );
    }
}

#[test]
fn a_recording_is_played_to_consumers_of_the_reference() {
    let place = Place::new();
    let recording = place.path().join("ring.mcap");
    {
        let mut producer = Peer::producer(
            &place.socket(),
            "--impl reference --hold --consumers 0 --seed 5 --max-payload 200",
        )
        .settled();
        let record = Recording::of(&producer, recording.clone(), "--messages all");
        producer.ask("send 50", "done");
        let path = recording.to_str().expect("text");
        eventually("all are recorded", || {
            let lines = stdout(&["tail", "--file", path, "-n", "100", "--format", "base64"]);
            (lines.lines().count() == 50).then_some(())
        });
        record.end(Signal::INT);
    }
    let socket = place.path().join("again");
    let mut command = zbqtop();
    command
        .args(["pub", "--wait-consumers", "1", "--socket"])
        .arg(&socket)
        .arg(&recording);
    let mut publisher = command
        .stderr(Stdio::piped())
        .spawn()
        .expect("zbqtop starts");
    eventually("the ring is there", || socket.exists().then_some(()));
    // It verifies what it gets, by seed and sequence id.
    let mut consumer = Peer::consumer(
        &socket,
        "--impl reference --seed 5 --max-payload 200 --messages 50",
    );
    let done = consumer.expect("done");
    assert!(done.contains("messages=50"), "{done}");
    assert!(eventually("it ends", || publisher.try_wait().expect("our child")).success());
}

#[test]
fn a_rate_is_kept_and_a_file_begins_again() {
    let place = Place::new();
    let file = place.path().join("lines");
    std::fs::write(&file, "a\nb\nc\n").expect("room");
    let mut command = zbqtop();
    command
        .args(["pub", "--rate", "50/s", "--loop", "--socket"])
        .arg(place.socket())
        .arg(&file)
        .stderr(Stdio::piped());
    let begun = Instant::now();
    let mut publisher = command.spawn().expect("zbqtop starts");
    eventually("the ring is there", || {
        place.socket().exists().then_some(())
    });
    let pid = publisher.id().to_string();
    let lines = tail(&pid, 10);
    let took = begun.elapsed();
    // Never before it is due.
    assert!(took >= Duration::from_millis(170), "{took:?}");
    assert_eq!(lines[3]["text"], "a");
    kill_process(Pid::from_child(&publisher), Signal::INT).expect("our child");
    let status = eventually("it ends", || publisher.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
    let stderr = BufReader::new(publisher.stderr.take().expect("a pipe"));
    let said: Vec<String> = stderr.lines().map(|line| line.expect("text")).collect();
    assert!(
        said.last().is_some_and(|last| last.contains("begun again")),
        "{said:?}"
    );
}

#[test]
fn a_full_ring_waits_or_drops_and_counts() {
    let place = Place::new();
    let mut publisher = Publisher::start(
        &place.socket(),
        &["--capacity", "4KiB", "--wait-consumers", "1"],
    );
    let mut consumer = Peer::start(
        "consume",
        &place.socket(),
        "--impl reference --hold --payload 100 --messages 0",
    );
    consumer.expect("joined");
    let line = format!("{}\n", "x".repeat(100));
    publisher.write(line.repeat(100).as_bytes());
    // It has room for 35, and waits for the consumer.
    let sent = || tail(&publisher.pid(), 30).len();
    assert!(sent() < 40);
    std::thread::sleep(Duration::from_millis(100));
    assert!(sent() < 40);
    consumer.ask("take 100", "done");
    let said = publisher.end();
    assert!(said.contains("100 messages"), "{said}");

    let place = Place::new();
    let mut publisher = Publisher::start(
        &place.socket(),
        &["--capacity", "4KiB", "--wait-consumers", "1", "--drop"],
    );
    let mut consumer = Peer::start(
        "consume",
        &place.socket(),
        "--impl reference --hold --payload 100 --messages 0",
    );
    consumer.expect("joined");
    publisher.write(line.repeat(100).as_bytes());
    let said = publisher.end();
    let sent: u64 = said.lines().last().expect("a summary")["zbqtop: ".len()..]
        .split(' ')
        .next()
        .expect("a number")
        .parse()
        .expect("a number");
    assert!((30..40).contains(&sent), "{said}");
    assert!(
        said.contains(&format!("; {} dropped: the ring was full", 100 - sent)),
        "{said}"
    );
}

#[test]
fn what_cannot_be_published_is_said() {
    let place = Place::new();
    let socket = place.socket();
    let socket = socket.to_str().expect("text");
    let file = place.path().join("file");
    std::fs::write(&file, [&[b'x'; 10_000][..], b"\n"].concat()).expect("room");
    let file = file.to_str().expect("text");
    let small = place.path().join("small");
    std::fs::write(&small, "one, and another\n").expect("room");
    let small = small.to_str().expect("text");
    let directory = place.path().to_str().expect("text");
    let captured = place.path().join("captured");
    let live = Peer::producer(
        &place.path().join("live"),
        "--impl reference --hold --consumers 0 --messages 3",
    );
    let pid = live.pid().to_string();
    let capture = run(&["tail", "--pid", &pid, "--format", "pcapng"]);
    std::fs::write(&captured, &capture.stdout).expect("room");
    let captured = captured.to_str().expect("text");
    for (words, status, said) in [
        (
            &["--capacity", "4KiB", file][..],
            1,
            "line 1: it is longer than 4096 bytes",
        ),
        (&["--capacity", "1000", file], 1, "--capacity"),
        (&["/none/there"], 1, "cannot read /none/there"),
        (&["--loop"], 2, "--loop: stdin comes only once"),
        (&["--input", "pcapng", file], 1, "expected pcapng"),
        (&["--rate", "fast"], 2, "expected messages per second"),
        (&["--rate", "as-recorded", small], 1, "tells no time"),
        (
            &["--ring", "1", small],
            1,
            "only recordings and captures have rings",
        ),
        (
            &["--ring", "1", captured],
            1,
            "the capture has 1 ring, numbered from 0",
        ),
        (&["--input", "base64", small], 1, "line 1: expected base64"),
        (&["--wait-consumers", "65537"], 2, "65536"),
        (&[directory], 1, directory),
    ] {
        let output = run(&[&["pub", "--socket", socket], words].concat());
        assert_eq!(
            output.status.code(),
            Some(status),
            "{words:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(said),
            "{words:?}: {}",
            stderr(&output)
        );
    }
    let output = run(&["pub"]);
    assert_eq!(output.status.code(), Some(2));
    // The ring of another is never written to.
    let producer = Peer::producer(
        &place.path().join("other"),
        "--impl reference --hold --consumers 0",
    );
    let other = place.path().join("other");
    let output = run(&["pub", "--socket", other.to_str().expect("text"), file]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("somebody listens there"),
        "{}",
        stderr(&output)
    );
    drop(producer);
    let output = run(&["pub", "--socket", small, file]);
    assert!(
        stderr(&output).contains("a file that is no socket"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn consumers_that_do_not_come_to_join_are_no_reason_to_end() {
    use rustix::net::{
        AddressFamily, SendFlags, SocketAddrUnix, SocketType, connect, send, socket,
    };
    let place = Place::new();
    let mut publisher = Publisher::start(&place.socket(), &[]);
    let address = SocketAddrUnix::new(place.socket()).expect("an address");
    let own = rustix::process::getpid()
        .as_raw_nonzero()
        .get()
        .to_le_bytes();
    for request in [
        &b""[..],
        b"x",
        &[&own[..], &[1, 0, 0, 0]].concat(),
        &[0xff; 8],
    ] {
        let joins = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).expect("a socket");
        connect(&joins, &address).expect("it listens");
        if !request.is_empty() {
            send(&joins, request, SendFlags::NOSIGNAL).expect("it takes it");
        }
        // Gone before it is answered, or soon after.
    }
    let mut consumer = Peer::start(
        "consume",
        &place.socket(),
        "--impl reference --hold --payload 3 --messages 0",
    );
    consumer.expect("joined");
    publisher.write(b"one\n");
    consumer.ask("take 1", "done");
    let said = publisher.end();
    assert!(said.contains("a consumer could not join: "), "{said}");
    assert!(said.contains("consumers could not join"), "{said}");
}
