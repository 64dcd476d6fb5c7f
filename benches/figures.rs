//! What watching costs, on real rings made by the reference: `cargo bench --bench figures`, or with `-- broadcasts` at
//! its end just what concerns descriptors.
//!
//! Speeds are compared within one run, in pairs that alternate, because machines are shared and noisy; what is
//! printed is the median of the ratios. Nothing here passes or fails.
#![expect(clippy::print_stdout, reason = "figures are printed")]

#[path = "../tests/support/pty.rs"]
#[expect(dead_code, reason = "only some of it is needed here")]
mod pty;
mod rig;

use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pty::Terminal;
use rig::{Producer, Ring, Role, ZBQTOP, cpu, median, role, spawn, status, stock_consumer};

/// Messages with descriptors, how many each has, and how many their sender may have in flight when it sends.
const BROADCASTS: u64 = 100_000;
const FDS: usize = 8;
const IN_FLIGHT: u64 = 60;
/// A message with its header, bytes.
const MESSAGE: u64 = 64;
const CAPACITY: u64 = 1 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("flat-out") => Ring::create(CAPACITY, MESSAGE).flat_out(&arguments[2], &arguments[3]),
        Some("steady") => {
            Ring::create(CAPACITY, MESSAGE).paced(&arguments[2], &arguments[3], 10_000)
        }
        Some("consumer") => stock_consumer(&arguments[2], Duration::from_millis(1)),
        Some("descriptors") => descriptors(&arguments[2]),
        Some("keeper") => keeper(&arguments[2]),
        Some("broadcasts") => broadcasts(),
        _ => figures(),
    }
}

fn figures() {
    println!(
        "producer flat out, {MESSAGE}-byte messages, dashboard at 10/s attached, against alone:"
    );
    for (how, mode) in [
        ("by map", "pull"),
        ("joined, pull slot", "pull"),
        ("joined, push slot", "push"),
    ] {
        let ratio = watched(how != "by map", mode);
        println!("  {how:<18} median ratio {ratio:.3}   (target for map and pull: at least 0.97)");
    }

    broadcasts();

    let producer = Producer::start("steady", "pull", MESSAGE, &[]);
    let consumers: Vec<Role> = (0..8)
        .map(|_| role(&["consumer", producer.path()]))
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    let pid = producer.pid();

    let json = ["--json", "--interval", "0", "--pid", &pid];
    let took = median_of(21, || time(&json));
    println!(
        "--json --interval 0 --pid, 8 consumers: {:.1} ms, {} KiB   (targets: 20 ms, 15 MiB)",
        took * 1e3,
        peak(&json)
    );

    let sleepers: Vec<Role> = (0..500)
        .map(|_| spawn(Command::new("sleep").arg("600")))
        .collect();
    let took = median_of(11, || time(&["ls", "--interval", "0"]));
    println!(
        "ls --interval 0 with {} processes more: {:.1} ms   (target: 30 ms)",
        sleepers.len(),
        took * 1e3
    );
    drop(sleepers);

    let mut screen = Terminal::start(Command::new(ZBQTOP).args(["--pid", &pid]), 40, 120);
    screen.wait("the dashboard", |text| text.contains("Consumers"));
    let before = cpu(screen.pid());
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(20) {
        screen.text();
        std::thread::sleep(Duration::from_millis(200));
    }
    let share = (cpu(screen.pid()) - before) / started.elapsed().as_secs_f64();
    let memory = status(screen.pid(), "VmHWM:");
    println!(
        "dashboard, 120x40, 10/s, 8 consumers: {:.2} % of a core, {memory} KiB   (targets: 1 %, 20 MiB)",
        share * 100.0
    );
    drop(consumers);
}

/// What joining costs a producer that sends descriptors.
fn broadcasts() {
    println!(
        "{BROADCASTS} messages with {FDS} descriptors each, at most {IN_FLIGHT} in flight; messages whose descriptors \
         did not reach a consumer that takes them at once:"
    );
    for (who, joiner) in [
        ("alone", Joiner::Nobody),
        ("a joined watcher (target: 0)", Joiner::Zbqtop),
        ("a joiner that keeps its side socket", Joiner::Keeper),
    ] {
        println!("  {who:<38} {}", broadcast(joiner));
    }
}

/// The producer's speed with a dashboard attached against its speed alone, median of 7 pairs.
fn watched(join: bool, mode: &str) -> f64 {
    // One producer throughout: two runs of the same program differ by more than what is measured here.
    let producer = Producer::start("flat-out", mode, MESSAGE, &[]);
    let pid = producer.pid();
    let arguments = if join {
        vec!["--join", "--socket", producer.path()]
    } else {
        vec!["--pid", &pid]
    };
    median_of(7, || {
        let before = producer.rate();
        let mut screen = Terminal::start(Command::new(ZBQTOP).args(&arguments), 40, 120);
        screen.wait("the dashboard", |text| text.contains("flowing"));
        let watched = producer.rate();
        assert!(screen.text().contains("flowing"), "it was watching");
        screen.keys("q");
        screen.ended();
        // Which frees the slot that a joined dashboard leaves behind.
        producer.clear();
        let alone = f64::midpoint(before, producer.rate());
        println!(
            "    alone {:>6.2} M msg/s   watched {:>6.2} M msg/s   ratio {:.3}",
            alone / 1e6,
            watched / 1e6,
            watched / alone
        );
        watched / alone
    })
}

/// Who joins a ring beside the consumer that takes its descriptors.
#[derive(Clone, Copy, PartialEq)]
enum Joiner {
    Nobody,
    Zbqtop,
    Keeper,
}

/// What the producer says at the end: messages whose descriptors were lost, and how long all of them took.
fn broadcast(joiner: Joiner) -> String {
    let socket = std::env::temp_dir().join(format!("zbqtop-fds-{}.sock", std::process::id()));
    let socket = socket.to_str().expect("a temporary path is text");
    let _ = std::fs::remove_file(socket);
    let mut producer = role(&["descriptors", socket]);
    let mut said = BufReader::new(producer.0.stdout.take().expect("piped")).lines();
    let mut line = || said.next().expect("a line").expect("text");
    assert_eq!(line(), "ready");
    let mut joined = match joiner {
        Joiner::Nobody => None,
        Joiner::Keeper => Some(role(&["keeper", socket])),
        Joiner::Zbqtop => Some(spawn(
            Command::new(ZBQTOP)
                .args([
                    "--json",
                    "--watch",
                    "1h",
                    "--interval",
                    "0",
                    "--join",
                    "--socket",
                ])
                .arg(socket)
                .stderr(Stdio::null()),
        )),
    };
    if let Some(joined) = &mut joined {
        let out = joined.0.stdout.as_mut().expect("piped");
        let mut first = String::new();
        BufReader::new(out).read_line(&mut first).expect("text");
        assert!(!first.is_empty(), "it has joined");
    }
    let mut stdin = producer.0.stdin.take().expect("piped");
    stdin.write_all(b"go\n").expect("it listens");
    let outcome = line();
    let _ = std::fs::remove_file(socket);
    outcome
}

/// Lets in whoever joins until a line comes on stdin, then broadcasts descriptors to them and to a consumer in this
/// very thread, which takes them at once; says how many messages came to it without theirs.
fn descriptors(socket: &str) {
    let mut ring = Ring::create(CAPACITY, MESSAGE);
    let listener = UnixListener::bind(socket).expect("a free path");
    listener.set_nonblocking(true).expect("a socket");
    let (sender, go) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(std::io::stdin().read_line(&mut String::new())));
    println!("ready");
    while go.recv_timeout(Duration::from_millis(5)).is_err() {
        if let Ok((conn, _)) = listener.accept() {
            conn.set_nonblocking(false).expect("a socket");
            ring.join(&conn, "pull");
        }
    }
    // It comes last, so that what others keep is in flight when its own is sent.
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    let mut reader = std::thread::scope(|scope| {
        let joining = scope.spawn(|| {
            let requested = zbqtop::ring::WakeupMode::Pull;
            zbqtop::ring::Consumer::join(&theirs, requested, Duration::from_secs(60))
        });
        ring.join(&ours, "pull");
        joining.join().expect("no panic").expect("a slot")
    });
    // The limit is none for root.
    if rustix::process::geteuid().is_root() {
        // Nor does another's account matter, whoever runs this beside us.
        let nobody_elses = rustix::process::Uid::from_raw(1_000_000 + std::process::id());
        rustix::thread::set_thread_uid(nobody_elses).expect("we are root");
    }
    let limit = rustix::process::Rlimit {
        current: Some(IN_FLIGHT),
        maximum: Some(IN_FLIGHT),
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).expect("a lower limit");
    let null = File::open("/dev/null").expect("it is there");
    let fds = [null.as_raw_fd(); FDS];
    let (started, mut lost) = (Instant::now(), 0);
    for number in 1..=BROADCASTS {
        ring.broadcast(number, &fds);
        assert!(ring.send(number), "there is room");
        let taken = reader.recv_fds(number, Duration::ZERO);
        lost += u64::from(!matches!(taken, Ok(Some(fds)) if fds.len() == FDS));
        reader.publish(number * MESSAGE);
    }
    println!("{lost:>6} lost   {:.2} s", started.elapsed().as_secs_f64());
}

/// A consumer that holds nothing up, and never looks at its side socket.
fn keeper(socket: &str) {
    let requested = zbqtop::ring::WakeupMode::Pull;
    let joined = zbqtop::ring::Consumer::connect(socket, requested, Duration::from_secs(60));
    let mut keeper = joined.expect("a slot");
    println!("joined");
    loop {
        keeper.publish(keeper.acquire_head());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Seconds that one whole run of the program takes.
fn time(arguments: &[&str]) -> f64 {
    let started = Instant::now();
    let output = Command::new(ZBQTOP)
        .args(arguments)
        .output()
        .expect("zbqtop runs");
    let took = started.elapsed().as_secs_f64();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    took
}

/// Peak memory of one run, KiB: asked of the process itself just before it is let go, as it hangs on a full pipe.
fn peak(arguments: &[&str]) -> u64 {
    let mut watching = vec!["--watch", "1h"];
    watching.extend(arguments);
    let mut child = spawn(Command::new(ZBQTOP).args(&watching));
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("a snapshot");
    status(child.0.id().cast_signed(), "VmHWM:")
}

fn median_of(runs: usize, mut run: impl FnMut() -> f64) -> f64 {
    median((0..runs).map(|_| run()).collect())
}
