//! How fast `tail` is, on real rings made by the reference: `cargo bench --bench tail`, or with `-- lossless`,
//! `-- follow`, `-- hex` or `-- latency` at its end just that.
//!
//! Speeds are compared within one run, in pairs that alternate, because machines are shared and noisy; what is
//! printed is the median. Nothing here passes or fails.
#![expect(clippy::print_stdout, reason = "figures are printed")]

mod rig;

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rig::{Producer, Ring, Role, ZBQTOP, cpu, median, now, role, spawn, status, stock_consumer};

const CAPACITY: u64 = 1 << 20;
/// A ring that no cache holds.
const LARGE: u64 = 64 << 20;
/// How long each side of a pair is measured, after a while to settle: short, and many of them, because the machine's
/// own speed changes from second to second.
const WINDOW: Duration = Duration::from_millis(500);
const SETTLE: Duration = Duration::from_millis(200);
const PAIRS: usize = 11;
/// Bytes retained for the hex dump.
const RETAINED: u64 = 100 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let ring = |capacity| Ring::create(capacity, arguments[4].parse().expect("a length"));
    match arguments.get(1).map(String::as_str) {
        Some("flat-out") => {
            let capacity = arguments[5].parse().expect("a size");
            ring(capacity).flat_out(&arguments[2], &arguments[3]);
        }
        Some("paced") => ring(CAPACITY).paced(&arguments[2], &arguments[3], 1000),
        Some("retained") => {
            let mut ring = ring(128 << 20);
            let mut sent = 0;
            while sent < RETAINED {
                ring.send(now());
                sent += arguments[4].parse::<u64>().expect("a length");
            }
            ring.paced(&arguments[2], &arguments[3], 1);
        }
        // What costs a producer nothing but half of what two hardware threads share.
        Some("neighbour") => loop {
            std::hint::black_box(now());
        },
        Some("consumer") => stock_consumer(&arguments[2], Duration::ZERO),
        which => figures(which.filter(|which| !which.starts_with('-'))),
    }
}

fn figures(which: Option<&str>) {
    let wanted = |name| which.is_none_or(|which| which == name);
    for message in [64, 1024] {
        if wanted("lossless") {
            lossless(message);
        }
        if wanted("follow") {
            follow(message, CAPACITY);
            follow(message, LARGE);
        }
        if wanted("hex") {
            hex(message);
        }
    }
    for mode in ["push", "pull"] {
        if wanted("latency") {
            latency(mode);
        }
    }
}

/// A true consumer that writes everything out, against one that only looks.
fn lossless(message: u64) {
    let producer = flat_out(message, CAPACITY);
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let stock = role(&["consumer", producer.path()]);
        std::thread::sleep(SETTLE);
        let theirs = producer.rate_over(WINDOW);
        drop(stock);
        producer.clear();
        let options = ["--lossless", "--format", "raw", "--socket", producer.path()];
        let tail = tail_to_null(&options);
        std::thread::sleep(SETTLE);
        let ours = producer.rate_over(WINDOW);
        drop(tail);
        producer.clear();
        pairs.push(ours / theirs);
        println!(
            "    stock {:>6.2} M msg/s   tail {:>6.2} M msg/s",
            theirs / 1e6,
            ours / 1e6
        );
    }
    println!(
        "tail --lossless --format raw, {message}-byte messages, against a stock consumer: {:.2}   (target: at least 1)",
        median(pairs)
    );
}

/// What following costs the producer, and how much of what it writes is read.
fn follow(message: u64, capacity: u64) {
    let producer = flat_out(message, capacity);
    let pid = producer.pid();
    for format in ["raw", "hex"] {
        let (mut pairs, mut read, mut memory) = (Vec::new(), Vec::new(), (0, 0));
        let mut neighbours = Vec::new();
        for _ in 0..PAIRS {
            let before = producer.rate_over(WINDOW);
            // Its own count of what went through, from its summary.
            let mut tail = Role(
                tail_command(&["-f", "-n", "0", "--format", format, "--pid", &pid])
                    .stdout(File::create("/dev/null").expect("/dev/null"))
                    .stderr(Stdio::piped())
                    .spawn()
                    .expect("zbqtop starts"),
            );
            let started = Instant::now();
            std::thread::sleep(SETTLE);
            memory.0 = status(tail.pid(), "VmHWM:");
            let watched = producer.rate_over(WINDOW);
            memory.1 = status(tail.pid(), "VmHWM:");
            let took = started.elapsed().as_secs_f64();
            let id = rustix::process::Pid::from_child(&tail.0);
            rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("our child");
            let mut said = String::new();
            let mut stderr = tail.0.stderr.take().expect("piped");
            stderr.read_to_string(&mut said).expect("text");
            let messages: f64 = said
                .split(" messages")
                .next()
                .and_then(|head| head.rsplit(' ').next())
                .and_then(|count| count.parse().ok())
                .expect("a summary");
            let alone = f64::midpoint(before, producer.rate_over(WINDOW));
            let neighbour = role(&["neighbour"]);
            let beside = producer.rate_over(WINDOW);
            drop(neighbour);
            pairs.push(watched / alone);
            neighbours.push(beside / alone);
            read.push(messages * message as f64 / took);
            println!(
                "    alone {:>6.2}   beside a busy loop {:>6.2}   watched {:>6.2}   read {:>6.2} M msg/s",
                alone / 1e6,
                beside / 1e6,
                watched / 1e6,
                messages / took / 1e6
            );
        }
        println!(
            "tail -f --format {format}, {message}-byte messages, ring of {} MiB: producer {:.3} of alone (target: at least 0.97; beside a busy loop {:.3}), {:.2} GB/s read{}, {} -> {} KiB",
            capacity >> 20,
            median(pairs),
            median(neighbours),
            median(read) / 1e9,
            if (message, format) == (1024, "raw") {
                " (target: 3)"
            } else {
                ""
            },
            memory.0,
            memory.1
        );
    }
}

/// Retained messages as hex, against `xxd` on the same bytes.
fn hex(message: u64) {
    let producer = Producer::start("retained", "pull", message, &[]);
    let pid = producer.pid();
    let bytes = std::env::temp_dir().join(format!("zbqtop-bench-{}", std::process::id()));
    let raw = |format: &str, to: File| {
        let started = Instant::now();
        let status = tail_command(&["--from", "oldest", "--format", format, "--pid", &pid])
            .stdout(to)
            .stderr(Stdio::null())
            .status()
            .expect("zbqtop runs");
        assert!(status.success());
        started.elapsed().as_secs_f64()
    };
    raw("raw", File::create(&bytes).expect("a temporary file"));
    let payload = std::fs::metadata(&bytes).expect("just made").len() as f64;
    let null = || File::create("/dev/null").expect("/dev/null");
    let printed = |format: &str| {
        let output =
            tail_command(&["--from", "oldest", "--format", format, "--pid", &pid]).output();
        output.expect("zbqtop runs").stdout.len() as f64
    };
    // A line of xxd is 68 characters for 16 bytes.
    let more = printed("hex") / (payload * 68.0 / 16.0);
    let (mut ratios, mut speeds) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let started = Instant::now();
        let xxd = Command::new("xxd").arg(&bytes).stdout(null()).status();
        let theirs = started.elapsed().as_secs_f64();
        let ours = raw("hex", null());
        if xxd.is_ok_and(|status| status.success()) {
            ratios.push(theirs / ours);
        }
        speeds.push(payload / ours);
    }
    let _ = std::fs::remove_file(&bytes);
    let ratio = match ratios.len() {
        0 => "no xxd to compare with".into(),
        _ => {
            let ratio = median(ratios);
            format!(
                "{ratio:.1} times xxd, {:.1} times in bytes printed",
                ratio * more
            )
        }
    };
    println!(
        "tail --from oldest --format hex, {message}-byte messages, {:.0} MB: {:.2} GB/s, {ratio}   (target: 10)",
        payload / 1e6,
        median(speeds) / 1e9
    );
}

/// From the producer's stamp to our reading it at the other end of a pipe, 1,000 messages a second; then at rest.
fn latency(mode: &str) {
    let producer = Producer::start("paced", mode, 64, &[]);
    let _consumer = role(&["consumer", producer.path()]);
    std::thread::sleep(Duration::from_millis(200));
    let pid = producer.pid();
    let mut tail = spawn(&mut tail_command(&[
        "-f", "-n", "0", "--format", "raw", "--pid", &pid,
    ]));
    let mut out = tail.0.stdout.take().expect("piped");
    let mut payload = [0; 48];
    let mut late = Vec::new();
    let before = cpu(tail.pid());
    let started = Instant::now();
    while late.len() < 5000 {
        out.read_exact(&mut payload).expect("a message");
        let stamp = u64::from_ne_bytes(payload[..8].try_into().expect("eight bytes"));
        late.push((now() - stamp) as f64 / 1e3);
    }
    let busy = (cpu(tail.pid()) - before) / started.elapsed().as_secs_f64();
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&producer.role.0),
        rustix::process::Signal::STOP,
    )
    .expect("our child");
    let before = cpu(tail.pid());
    std::thread::sleep(Duration::from_secs(5));
    let idle = (cpu(tail.pid()) - before) / 5.0;
    late.sort_by(f64::total_cmp);
    println!(
        "tail -f at 1,000 msg/s, {mode} slots: {:.0} µs median, {:.0} µs at 99 % (target: 1000 µs median); {:.2} % of a core, idle {:.2} % (target: 2 %)",
        late[late.len() / 2],
        late[late.len() * 99 / 100],
        busy * 100.0,
        idle * 100.0
    );
    let _ = std::io::stdout().flush();
}

fn flat_out(message: u64, capacity: u64) -> Producer {
    Producer::start("flat-out", "pull", message, &[&capacity.to_string()])
}

fn tail_command(options: &[&str]) -> Command {
    let mut command = Command::new(ZBQTOP);
    command.arg("tail").args(options);
    command
}

fn tail_to_null(options: &[&str]) -> Role {
    Role(
        tail_command(options)
            .stdout(File::create("/dev/null").expect("/dev/null"))
            .stderr(Stdio::null())
            .spawn()
            .expect("zbqtop starts"),
    )
}
