//! What looking costs as the work grows: rings, consumers, processes, descriptors. `cargo bench --bench scale`, or some of it
//! by name: `ls`, `list`, `dashboard`, `metrics`, `descriptors`, `bytes`.
//!
//! Figures stand beside what they should be. Nothing here passes or fails: machines differ.
#![expect(clippy::print_stdout, reason = "figures are printed")]

#[path = "../tests/peers/crowd.rs"]
mod crowd;
#[path = "../tests/support/pty.rs"]
#[expect(dead_code, reason = "only some of it is needed here")]
mod pty;
mod rig;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pty::Terminal;
use rig::{Role, ZBQTOP, cpu, median, role};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let part = arguments.get(1).map_or("", String::as_str);
    if ["rings", "ring", "producers", "strangers", "reads"].contains(&part) {
        return crowd::main();
    }
    for (name, print) in [
        ("ls", ls as fn()),
        ("list", list),
        ("dashboard", dashboard),
        ("metrics", metrics),
        ("descriptors", descriptors),
        ("bytes", bytes),
    ] {
        if part == name || part.is_empty() || part.starts_with('-') {
            print();
        }
    }
}

/// A crowd, once it is ready.
fn crowd(words: &[&str]) -> Role {
    let mut crowd = role(words);
    let mut line = String::new();
    let out = crowd.0.stdout.take().expect("piped");
    BufReader::new(out)
        .read_line(&mut line)
        .expect("it says ready");
    assert_eq!(line.trim(), "ready", "{words:?}");
    crowd
}

/// Time of one list, from exec to end.
fn ls() {
    for (words, what, target) in [
        (&["rings", "10", "4", "0"][..], "10 rings x 4", ""),
        (&["rings", "100", "4", "0"], "100 rings x 4", "0.15 s"),
        (&["rings", "500", "1", "0"], "500 rings x 1", "0.5 s"),
        (&["producers", "500", "1"], "500 processes, a ring each", ""),
        (&["strangers", "5000", "3"], "5,000 other processes", ""),
        (
            &["rings", "1", "1", "0", "128"],
            "a ring and 128 MiB of heap",
            "",
        ),
    ] {
        let _crowd = crowd(words);
        let mut listed = 0;
        let took = median(
            (0..3)
                .map(|_| {
                    let started = Instant::now();
                    let output = Command::new(ZBQTOP)
                        .args(["ls", "--json", "--interval", "0"])
                        .output();
                    let output = output.expect("it runs");
                    let text = String::from_utf8_lossy(&output.stdout).into_owned();
                    listed = text
                        .matches("\"ctrl_fd\"")
                        .count()
                        .max(text.matches("\"health\"").count());
                    started.elapsed().as_secs_f64()
                })
                .collect(),
        );
        println!("ls, {what}: {took:.3} s, {listed} listed   (target: {target})");
    }
}

/// What `metrics --listen` costs by itself, and how long a scrape takes.
fn metrics() {
    const PORT: u16 = 29_937;
    for (words, what, target) in [
        (&["producers", "10", "8"][..], "10 rings x 8", "2 %"),
        (&["producers", "100", "8"], "100 rings x 8", "20 ms"),
    ] {
        let _crowd = crowd(words);
        let child = Command::new(ZBQTOP)
            .args(["metrics", "--listen", &format!("127.0.0.1:{PORT}")])
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let served = Role(child);
        let scrape = || {
            let mut stream = TcpStream::connect(("127.0.0.1", PORT)).ok()?;
            stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).ok()?;
            Some(text)
        };
        while scrape().is_none_or(|text| text.matches("zbq_ring_up{").count() < rings(words)) {
            std::thread::sleep(Duration::from_millis(100));
        }
        // Tables are found, and those who are new are known.
        std::thread::sleep(Duration::from_secs(5));
        let (before, started) = (cpu(served.pid()), Instant::now());
        std::thread::sleep(Duration::from_secs(10));
        let used = (cpu(served.pid()) - before) / started.elapsed().as_secs_f64();
        let mut bytes = 0;
        let mut times = Vec::new();
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(130));
            let started = Instant::now();
            bytes = scrape().expect("it answers").len();
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        println!(
            "metrics, {what}: {:.2} % of a core at 10 samples/s, a scrape {:.1} ms, {:.2} MB   (target: {target})",
            used * 100.0,
            median(times),
            bytes as f64 / 1e6
        );
    }
}

fn rings(words: &[&str]) -> usize {
    words[1].parse().expect("a number")
}

/// Share of a core while the list of rings is on the screen.
fn list() {
    for (words, what) in [
        (
            &["rings", "100", "4", "0"][..],
            "100 rings x 4 in a process",
        ),
        (&["producers", "500", "1"], "500 rings in 500 processes"),
        (&["strangers", "20000", "3"], "20,000 other processes"),
        (
            &["strangers", "20", "10000"],
            "20 processes with 10,000 descriptors",
        ),
        (
            &["rings", "1", "1", "0", "128"],
            "a ring and 128 MiB of heap",
        ),
    ] {
        let _crowd = crowd(words);
        let started = Instant::now();
        let mut screen = Terminal::start(&mut Command::new(ZBQTOP), 40, 120);
        screen.wait("the list", |text| {
            let has_rings = words[0] != "strangers";
            text.contains(if has_rings { "RATE" } else { "Looking again" })
        });
        let first = started.elapsed();
        // Until each process was asked once.
        std::thread::sleep(Duration::from_secs(15));
        println!(
            "list screen, {what}: {:.2} % of a core, first after {:.2} s   (target: 2 %, 1 s)",
            share(&mut screen) * 100.0,
            first.as_secs_f64()
        );
    }
}

/// Share of a core of the dashboard on one ring with many consumers.
fn dashboard() {
    for (processes, what) in [("1", "in one process"), ("1000", "in as many")] {
        let crowd = crowd(&["rings", "1", "1000", processes]);
        let mut command = Command::new(ZBQTOP);
        let pid = crowd.pid().to_string();
        let mut screen = Terminal::start(command.args(["--pid", &pid]), 40, 120);
        screen.wait("the dashboard", |text| text.contains("Messages"));
        std::thread::sleep(Duration::from_secs(3));
        println!(
            "dashboard, 1,000 consumers {what}: {:.2} % of a core   (target: 4 %)",
            share(&mut screen) * 100.0
        );
    }
}

/// What is held open while many rings are listed.
fn descriptors() {
    for (words, what) in [
        (&["rings", "300", "1", "0"][..], "300 rings in a process"),
        (&["producers", "300", "1"], "300 rings in 300 processes"),
    ] {
        let _crowd = crowd(words);
        let mut screen = Terminal::start(&mut Command::new(ZBQTOP), 40, 120);
        screen.wait("the list", |text| text.contains("300"));
        std::thread::sleep(Duration::from_secs(3));
        screen.text();
        let held =
            std::fs::read_dir(format!("/proc/{}/fd", screen.pid())).map_or(0, Iterator::count);
        println!("descriptors, {what}: {held}");
    }
}

/// Large rings, and payloads that are no text.
fn bytes() {
    let time = |what: &str, target: &str, words: &[&str]| {
        let run = |_| {
            let started = Instant::now();
            let mut command = Command::new(ZBQTOP);
            command
                .args(words)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let status = command.status().expect("it runs");
            assert!(status.success(), "{what}: {status}");
            started.elapsed().as_secs_f64()
        };
        let took = median((0..3).map(run).collect());
        println!("{what}: {:.0} ms   (target: {target})", took * 1e3);
        took
    };
    {
        let full = crowd(&["ring", "1073741824", "64", "4000000000", "blocked"]);
        let pid = full.pid().to_string();
        let json = ["--json", "--interval", "0", "--pid", &pid];
        time("1 GiB, 64-byte messages, full: --json", "", &json);
        time(
            "  tail -n 10",
            "50 ms near a boundary",
            &["tail", "-n", "10", "--pid", &pid],
        );
        let text = [
            "tail", "--from", "oldest", "--format", "text", "--pid", &pid,
        ];
        let took = time("  all of it as text", "", &text);
        println!(
            "  {:.0} MB/s of payload   (target: 300)",
            f64::from(1 << 24) * 48.0 / 1e6 / took
        );
    }
    let large = crowd(&["ring", "8589934592", "64", "12884901888", "blocked"]);
    let pid = large.pid().to_string();
    let first = ["tail", "--from", "oldest", "-c", "10", "--pid", &pid];
    time(
        "8 GiB, a lap and a half: the first messages",
        "500 ms",
        &first,
    );
}

fn share(screen: &mut Terminal) -> f64 {
    let before = cpu(screen.pid());
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10) {
        screen.text();
        std::thread::sleep(Duration::from_millis(200));
    }
    (cpu(screen.pid()) - before) / started.elapsed().as_secs_f64()
}
