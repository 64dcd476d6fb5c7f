//! `metrics`: what it prints, writes and serves, of real rings, to those who ask decently and to those who do not.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::program::{run, stderr, stdout, zbqtop};
use crate::support::{Peer, Place, eventually};

/// A ring with one consumer, which is told of as soon as it is asked for.
pub(crate) fn held(place: &Place) -> (Peer, Peer) {
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --consumers 1 --payload 48 --rate 1000 --messages 1000000000000",
    );
    let consumer = Peer::consumer(
        &place.socket(),
        "--impl reference --payload 48 --messages 1000000000000",
    );
    (producer, consumer)
}

/// `metrics --listen`, ended with the test.
pub(crate) struct Served {
    child: Child,
    pub(crate) port: u16,
}

impl Served {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        // A port that nobody has; another test may take it before we do: then another one.
        eventually("it listens", || {
            let free = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = free.local_addr().expect("ours").port();
            drop(free);
            let mut child = zbqtop()
                .args(["metrics", "--listen", &format!("127.0.0.1:{port}")])
                .args(arguments)
                .stderr(Stdio::null())
                .spawn()
                .expect("it starts");
            loop {
                if child.try_wait().expect("a child").is_some() {
                    return None;
                }
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(Self { child, port });
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        })
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).expect("it listens")
    }

    /// Head and body of the answer to a request.
    fn ask(&self, request: &str) -> (String, String) {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head.to_owned(), body.to_owned())
    }

    fn get(&self, path: &str) -> String {
        let (head, body) = self.ask(&format!("GET {path} HTTP/1.1\r\nHost: it\r\n\r\n"));
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        body
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a pid");
        kill_process(pid, signal).expect("it runs");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The value of the sample with exactly this name and these labels.
fn value(text: &str, sample: &str) -> Option<f64> {
    let values = text.lines().filter_map(|line| line.strip_prefix(sample));
    let mut values = values.filter_map(|rest| rest.strip_prefix(' ')?.parse().ok());
    values.next()
}

#[test]
fn a_ring_is_printed_once() {
    let place = Place::new();
    let (producer, _consumer) = held(&place);
    let text = stdout(&["metrics", "--pid", &producer.pid().to_string()]);
    let ring = format!("ring=\"{}\"", place.socket().display());
    let of = |name: &str, more: &str| value(&text, &format!("{name}{{{ring}{more}}}"));
    assert_eq!(of("zbq_ring_up", ""), Some(1.0));
    assert_eq!(of("zbq_ring_capacity_bytes", ""), Some(65_536.0));
    assert!(of("zbq_ring_written_bytes_total", "") > Some(0.0));
    assert!(of("zbq_ring_messages_total", "") > Some(0.0));
    assert_eq!(of("zbq_ring_messages_estimated_total", ""), Some(0.0));
    assert_eq!(of("zbq_events_total", ",kind=\"evicted\""), Some(0.0));
    assert_eq!(of("zbq_hidden_consumers", ""), Some(0.0));
    let consumer = ",slot=\"0\",command=\"peer\"";
    assert!(of("zbq_consumer_read_bytes_total", consumer) > Some(0.0));
    assert_eq!(
        of("zbq_consumer_lag_ratio_sampled_count", consumer),
        Some(2.0)
    );
    let pids = text.lines().filter(|line| line.contains("pid=\""));
    assert!(pids.into_iter().all(|line| line.contains("_info{")));
}

#[test]
fn both_encodings_are_served_and_nothing_else() {
    let place = Place::new();
    let (producer, _consumer) = held(&place);
    let served = Served::start(&["--pid", &producer.pid().to_string()]);
    assert_eq!(served.get("/healthz"), "ok\n");
    assert!(served.get("/").contains("/metrics"));
    let classic = served.get("/metrics");
    assert!(classic.contains("# TYPE zbq_ring_written_bytes_total counter\n"));
    let open = "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n\r\n";
    let (head, body) = served.ask(open);
    let kind = "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(head.contains(kind), "{head}");
    assert!(body.contains("# TYPE zbq_ring_written_bytes counter\n"));
    assert!(body.ends_with("\n# EOF\n"));
    let (head, body) = served.ask("HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(body, "");
    for (request, status) in [
        ("GET /etc/passwd HTTP/1.1\r\n\r\n", "404 "),
        ("DELETE /metrics HTTP/1.1\r\n\r\n", "405 "),
        ("hello\r\n\r\n", "400 "),
        (&"x".repeat(9000), "431 "),
    ] {
        let (head, _) = served.ask(request);
        assert_eq!(
            head.split_once(' ').map(|(_, rest)| &rest[..4]),
            Some(status)
        );
    }
    // What happens between two scrapes has been sampled.
    let count = format!(
        "zbq_consumer_lag_ratio_sampled_count{{ring=\"{}\",slot=\"0\",command=\"peer\"}}",
        place.socket().display()
    );
    let first = value(&served.get("/metrics"), &count).expect("samples");
    eventually("it samples", || {
        (value(&served.get("/metrics"), &count)? >= first + 3.0).then_some(())
    });
    served.signal(Signal::TERM);
    let mut served = served;
    let status = eventually("it ends", || served.child.try_wait().expect("a child"));
    assert!(status.success(), "{status}");
}

#[test]
fn whoever_is_slow_keeps_nobody_waiting() {
    let place = Place::new();
    let (producer, _consumer) = held(&place);
    let served = Served::start(&["--pid", &producer.pid().to_string()]);
    // Some send nothing, some a byte now and then, some never read.
    let mut others: Vec<TcpStream> = (0..300).map(|_| served.connect()).collect();
    for (number, other) in others.iter_mut().enumerate() {
        let request: &[u8] = match number % 3 {
            0 => b"",
            1 => b"GET /metr",
            _ => b"GET /metrics HTTP/1.1\r\n\r\n",
        };
        // Those that came first may have had to give way.
        let _ = other.write_all(request);
    }
    for number in 0..20 {
        let _ = others[number * 15 + 1].write_all(b"i");
        assert!(served.get("/metrics").contains("zbq_ring_up"));
    }
    // Who does not ask in time is told so, or was cut off.
    let slow = others.last_mut().expect("one of them");
    slow.set_read_timeout(Some(crate::support::PATIENCE))
        .expect("a time");
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
}

#[test]
fn a_ring_that_goes_is_down_and_its_end_is_counted() {
    let place = Place::new();
    let (mut producer, _consumer) = held(&place);
    let served = Served::start(&["--pid", &producer.pid().to_string()]);
    let ring = format!("ring=\"{}\"", place.socket().display());
    let up = format!("zbq_ring_up{{{ring}}}");
    assert_eq!(value(&served.get("/metrics"), &up), Some(1.0));
    producer.kill();
    let gone = format!("zbq_events_total{{{ring},kind=\"producer_gone\"}}");
    let text = eventually("it is told", || {
        let text = served.get("/metrics");
        (value(&text, &up) == Some(0.0)).then_some(text)
    });
    assert_eq!(value(&text, &gone), Some(1.0));
    assert!(!text.contains("zbq_consumer_state{"));
}

#[test]
fn rings_come_and_go_while_all_are_served() {
    let served = Served::start(&[]);
    let place = Place::new();
    let up = format!("zbq_ring_up{{ring=\"{}\"}}", place.socket().display());
    assert_eq!(value(&served.get("/metrics"), &up), None);
    let (mut producer, _consumer) = held(&place);
    for expected in [1.0, 0.0] {
        eventually("it is told", || {
            (value(&served.get("/metrics"), &up) == Some(expected)).then_some(())
        });
        producer.kill();
    }
}

#[test]
fn a_textfile_is_replaced_for_everybody_to_read() {
    let place = Place::new();
    let (producer, _consumer) = held(&place);
    let path = place.path().join("zbq.prom");
    let pid = producer.pid().to_string();
    let file = path.to_str().expect("text");
    let output = run(&["metrics", "--pid", &pid, "--textfile", file]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    let read = || std::fs::read_to_string(&path).expect("text");
    let first = read();
    assert!(first.contains("zbq_ring_up"));
    let mut child = zbqtop()
        .args([
            "metrics",
            "--pid",
            &pid,
            "--textfile",
            file,
            "--every",
            "20ms",
        ])
        .spawn()
        .expect("it starts");
    eventually("it is written again", || {
        let text = read();
        assert!(
            text.contains("zbqtop_scrape_duration_seconds "),
            "all of it"
        );
        (text != first).then_some(())
    });
    let mode = path.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a pid");
    kill_process(pid, Signal::TERM).expect("it runs");
    assert!(child.wait().expect("a child").success());
    // A place where nothing can be written is told of.
    let output = run(&["metrics", "--textfile", "/nonexistent/zbq.prom"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("/nonexistent/zbq.prom"));
}

#[test]
fn a_socket_that_is_handed_over_is_served() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("ours").port();
    let script = format!(
        "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec '{}' metrics --listen 127.0.0.1:1",
        env!("CARGO_BIN_EXE_zbqtop")
    );
    let child = Command::new("sh")
        .args(["-c", &script])
        .stdin(std::os::fd::OwnedFd::from(listener))
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let served = Served { child, port };
    assert_eq!(served.get("/healthz"), "ok\n");
}

#[test]
fn what_cannot_be_is_refused() {
    for (words, code, about) in [
        (&["metrics", "--listen", "nowhere"][..], 2, "127.0.0.1:9937"),
        (&["metrics", "--every", "1s"], 2, "--textfile"),
        (&["metrics", "--rate", "0"], 2, "1..=100"),
        (&["metrics", "--pid", "2147483647"], 3, "2147483647"),
        (&["metrics", "--listen", "192.0.2.1:1"], 1, "192.0.2.1:1"),
    ] {
        let output = run(words);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(about), "{words:?}: {said}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("ours").to_string();
    let output = run(&["metrics", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&address));
}
