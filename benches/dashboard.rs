//! What the dashboard costs and how soon it answers: `cargo bench --bench dashboard`, or some of it by name: `cpu`,
//! `answers`, `draw`, `hour`.
//!
//! Figures stand beside what they should be. Nothing here passes or fails: machines differ.
#![expect(clippy::print_stdout, reason = "figures are printed")]

#[path = "../tests/support/pty.rs"]
#[expect(dead_code, reason = "only some of it is needed here")]
mod pty;
mod rig;

use std::process::Command;
use std::time::{Duration, Instant};

use pty::Terminal;
use ratatui::layout::Rect;
use rig::{Producer, Ring, Role, ZBQTOP, cpu, median, role, status, stock_consumer};
use zbqtop::observe::attach::{RingSelector, by_pid};
use zbqtop::observe::watch::{Budget, Watcher};
use zbqtop::ui;

/// A message with its header, bytes.
const MESSAGE: u64 = 64;
const CAPACITY: u64 = 1 << 20;
/// As many as the reference lets in.
const MOST: usize = 64;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [part, socket] = [1, 2].map(|at| arguments.get(at).map_or("", String::as_str));
    match part {
        "flat-out" => Ring::create(CAPACITY, MESSAGE).flat_out(socket, &arguments[3]),
        "steady" => Ring::create(CAPACITY, MESSAGE).paced(socket, &arguments[3], 10_000),
        "consumer" => stock_consumer(socket, Duration::from_millis(1)),
        "watch" => watch(socket),
        _ => {
            let asked = |name: &str| part == name || part.is_empty() || part.starts_with('-');
            for (name, print) in [
                ("cpu", cpu_shares as fn()),
                ("answers", answers),
                ("draw", draw),
                ("hour", hour),
            ] {
                if asked(name) {
                    print();
                }
            }
        }
    }
}

/// A ring with that many stock consumers.
fn ring(producer: &str, consumers: usize) -> (Producer, Vec<Role>) {
    let producer = Producer::start(producer, "pull", MESSAGE, &[]);
    let consumers = (0..consumers)
        .map(|_| role(&["consumer", producer.path()]))
        .collect();
    std::thread::sleep(Duration::from_secs(2));
    (producer, consumers)
}

fn dashboard(pid: &str, more: &[&str], rows: u16, columns: u16) -> Terminal {
    let mut command = Command::new(ZBQTOP);
    let mut screen = Terminal::start(command.args(["--pid", pid]).args(more), rows, columns);
    screen.wait("the dashboard", |text| text.contains("Messages"));
    screen
}

/// Share of a core and memory, on rings that many read.
fn cpu_shares() {
    for (producer, consumers, target) in [
        ("steady", 8, "1 %, 20 MiB"),
        ("steady", MOST, "2 %, 25 MiB"),
        ("flat-out", MOST, "2 %, 25 MiB"),
    ] {
        let ring = ring(producer, consumers);
        let mut screen = dashboard(&ring.0.pid(), &[], 40, 120);
        // What is done once is done by then.
        std::thread::sleep(Duration::from_secs(2));
        let before = cpu(screen.pid());
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(15) {
            screen.text();
            std::thread::sleep(Duration::from_millis(200));
        }
        let share = (cpu(screen.pid()) - before) / started.elapsed().as_secs_f64();
        let memory = status(screen.pid(), "VmHWM:");
        println!(
            "120x40, 10/s, {consumers} consumers, producer {producer}: {:.2} % of a core, {memory} KiB   (targets: {target})",
            share * 100.0
        );
    }
}

/// From exec to the first whole frame, and from a key to what it does.
fn answers() {
    let ring = ring("steady", 8);
    let pid = ring.0.pid();
    let first = median_of(15, || {
        let started = Instant::now();
        let mut screen = dashboard(&pid, &[], 40, 120);
        let took = started.elapsed();
        screen.keys("q");
        screen.ended();
        took
    });
    println!(
        "exec to first frame, 120x40: {:.1} ms   (target: 100 ms)",
        first * 1e3
    );

    // So seldom that no sample draws what the key has changed.
    let mut screen = dashboard(&pid, &["--interval", "1h"], 40, 120);
    let mut help = false;
    let key = median_of(101, || {
        help = !help;
        let started = Instant::now();
        screen.keys("?");
        screen.wait("what the key does", |text| {
            text.contains("this help") == help
        });
        started.elapsed()
    });
    println!(
        "key to redraw, 120x40: {:.1} ms   (target: 30 ms)",
        key * 1e3
    );
}

/// One frame of a ring that as many read as can.
fn draw() {
    let ring = ring("steady", MOST);
    let mut watcher = watcher(&ring.0.pid());
    for _ in 0..50 {
        watcher.look();
        std::thread::sleep(Duration::from_millis(20));
    }
    let options = ui::Options::default();
    for (columns, rows) in [(120, 40), (200, 60)] {
        let area = Rect::new(0, 0, columns, rows);
        let took = median_of(501, || {
            let frame = watcher.frame();
            let started = Instant::now();
            let buffer = ui::picture(frame, options.clone(), area);
            let took = started.elapsed();
            assert!(!buffer.content.is_empty());
            took
        });
        println!(
            "a frame, {columns}x{rows}, {MOST} consumers: {:.2} ms   (target at 200x60: 2 ms)",
            took * 1e3
        );
    }
}

/// Memory after as many samples as an hour brings, of a process that does nothing but take them as the dashboard does.
fn hour() {
    let ring = ring("steady", MOST);
    let watching = role(&["watch", &ring.0.pid()]);
    let mut child = watching;
    let out = child.0.stdout.take().expect("piped");
    for line in std::io::BufRead::lines(std::io::BufReader::new(out)) {
        println!("{}", line.expect("text"));
    }
}

/// Two minutes, so that whatever is kept for some time is full, and as many samples as an hour at ten a second has.
fn watch(pid: &str) {
    const SAMPLES: u32 = 36_000;
    const BEAT: Duration = Duration::from_micros(3_400);
    let mut watcher = watcher(pid);
    let mut frame = watcher.frame();
    let started = Instant::now();
    for sample in 1..=SAMPLES {
        frame = watcher.frame();
        std::thread::sleep((BEAT * sample).saturating_sub(started.elapsed()));
        if sample == SAMPLES / 12 || sample == SAMPLES {
            let [now, most] =
                ["VmRSS:", "VmHWM:"].map(|field| status(std::process::id().cast_signed(), field));
            println!(
                "{sample} samples in {:.0} s, {} consumers: {now} KiB, at most {most} KiB   (target: 25 MiB)",
                started.elapsed().as_secs_f64(),
                frame.snapshot.consumers.len()
            );
        }
    }
    drop(frame);
}

fn watcher(pid: &str) -> Watcher {
    let pid = pid.parse().expect("a pid");
    let ring = by_pid(pid, RingSelector::Only).expect("it is ours");
    Watcher::new(ring, Budget::DASHBOARD)
}

fn median_of(runs: usize, mut run: impl FnMut() -> Duration) -> f64 {
    median((0..runs).map(|_| run().as_secs_f64()).collect())
}
