//! What watching costs, on real rings made by the reference: `cargo bench --bench figures`, or with `-- broadcasts` at its
//! end just what concerns descriptors.
//!
//! Speeds are compared within one run, in pairs that alternate, because machines are shared and noisy; what is
//! printed is the median of the ratios. Nothing here passes or fails.
#![expect(
    unsafe_code,
    reason = "the reference is called through its C interface, to be as fast as it can be"
)]
#![expect(clippy::print_stdout, reason = "figures are printed")]

#[path = "../tests/support/pty.rs"]
#[expect(dead_code, reason = "only some of it is needed here")]
mod pty;

use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pty::Terminal;

const ZBQTOP: &str = env!("CARGO_BIN_EXE_zbqtop");
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
        Some("flat-out") => flat_out(&arguments[2], &arguments[3]),
        Some("steady") => steady(&arguments[2]),
        Some("consumer") => consumer(&arguments[2]),
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

    let socket = std::env::temp_dir().join(format!("zbqtop-figures-{}.sock", std::process::id()));
    let socket = socket.to_str().expect("a temporary path is text");
    let mut producer = role(&["steady", socket]);
    let mut line = String::new();
    BufReader::new(producer.0.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("it says ready");
    let consumers: Vec<Role> = (0..8).map(|_| role(&["consumer", socket])).collect();
    std::thread::sleep(Duration::from_millis(500));
    let pid = producer.0.id().to_string();

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
    let socket = std::env::temp_dir().join(format!("zbqtop-flat-out-{}.sock", std::process::id()));
    let socket = socket.to_str().expect("a temporary path is text");
    let _ = std::fs::remove_file(socket);
    // One producer throughout: two runs of the same program differ by more than what is measured here.
    let mut producer = role(&["flat-out", socket, mode]);
    let mut line = String::new();
    BufReader::new(producer.0.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("it says ready");
    let pid = producer.0.id();
    let ctrl = File::open(format!("/proc/{pid}/fd/{}", line.trim())).expect("its control region");
    let pid = pid.to_string();
    let arguments = if join {
        vec!["--join", "--socket", socket]
    } else {
        vec!["--pid", &pid]
    };
    // A connection makes the producer scan, which frees the slot that a joined dashboard leaves behind.
    let scan = || drop(UnixStream::connect(socket).expect("it listens"));
    let ratio = median_of(7, || {
        let before = rate(&ctrl);
        let mut screen = Terminal::start(Command::new(ZBQTOP).args(&arguments), 40, 120);
        screen.wait("the dashboard", |text| text.contains("flowing"));
        let watched = rate(&ctrl);
        assert!(screen.text().contains("flowing"), "it was watching");
        screen.keys("q");
        screen.ended();
        scan();
        std::thread::sleep(Duration::from_millis(100));
        let alone = f64::midpoint(before, rate(&ctrl));
        println!(
            "    alone {alone:>6.2} M msg/s   watched {watched:>6.2} M msg/s   ratio {:.3}",
            watched / alone
        );
        watched / alone
    });
    let _ = std::fs::remove_file(socket);
    ratio
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

/// Lets in whoever joins until a line comes on stdin, then broadcasts descriptors to them and to a consumer in this very
/// thread, which takes them at once; says how many messages came to it without theirs.
fn descriptors(socket: &str) {
    let mut ring = Ring::create();
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
            let wish = zbqtop::ring::WakeupMode::Pull;
            zbqtop::ring::Consumer::join(&theirs, wish, Duration::from_secs(60))
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
        // SAFETY: the producer is live, and `fds` has as many open descriptors as is said.
        unsafe {
            zbq_sys::zbq_producer_broadcast_fds(ring.0, number, fds.as_ptr(), FDS as u8);
        }
        assert!(ring.send(number), "there is room");
        let taken = reader.recv_fds(number, Duration::ZERO);
        lost += u64::from(!matches!(taken, Ok(Some(fds)) if fds.len() == FDS));
        reader.publish(number * MESSAGE);
    }
    println!("{lost:>6} lost   {:.2} s", started.elapsed().as_secs_f64());
}

/// A consumer that holds nothing up, and never looks at its side socket.
fn keeper(socket: &str) {
    let wish = zbqtop::ring::WakeupMode::Pull;
    let joined = zbqtop::ring::Consumer::connect(socket, wish, Duration::from_secs(60));
    let mut keeper = joined.expect("a slot");
    println!("joined");
    loop {
        keeper.publish(keeper.acquire_head());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Millions of messages a second over one second, from head.
fn rate(ctrl: &File) -> f64 {
    let head = || {
        let mut bytes = [0; 8];
        ctrl.read_exact_at(&mut bytes, 0)
            .expect("the control region is there");
        u64::from_ne_bytes(bytes)
    };
    let (started, before) = (Instant::now(), head());
    std::thread::sleep(Duration::from_secs(1));
    (head() - before) as f64 / MESSAGE as f64 / 1e6 / started.elapsed().as_secs_f64()
}

/// Commits as fast as the reference can, for as long as it is let; says which descriptor is the control region. Scans
/// whenever somebody connects, and then lets them in.
fn flat_out(socket: &str, mode: &str) {
    let mut ring = Ring::create();
    let listener = UnixListener::bind(socket).expect("a free path");
    listener.set_nonblocking(true).expect("a socket");
    let fds = std::fs::read_dir("/proc/self/fd")
        .expect("our own")
        .flatten();
    let ctrl = fds.into_iter().find(|fd| {
        std::fs::read_link(fd.path()).is_ok_and(|link| link.to_string_lossy().contains("zbq_ctrl"))
    });
    println!(
        "{}",
        ctrl.expect("it was made").file_name().to_string_lossy()
    );
    loop {
        for number in 0..100_000 {
            ring.send(number);
        }
        if let Ok((conn, _)) = listener.accept() {
            conn.set_nonblocking(false).expect("a socket");
            ring.scan();
            ring.join(&conn, mode);
        }
    }
}

/// Ten thousand messages a second, to whoever joins.
fn steady(socket: &str) {
    let mut ring = Ring::create();
    let listener = UnixListener::bind(socket).expect("a free path");
    listener.set_nonblocking(true).expect("a socket");
    println!("ready");
    let (started, mut sent) = (Instant::now(), 0_u64);
    loop {
        if let Ok((conn, _)) = listener.accept() {
            conn.set_nonblocking(false).expect("a socket");
            ring.join(&conn, "pull");
        }
        while sent < started.elapsed().as_millis() as u64 * 10 {
            ring.send(sent);
            sent += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A stock pull consumer that looks once a millisecond.
fn consumer(socket: &str) {
    let conn = UnixStream::connect(socket).expect("a producer");
    let consumer = zbq::Consumer::join(conn.as_raw_fd(), zbq::WakeupMode::Pull).expect("a slot");
    while consumer.is_alive() {
        while let Ok(Some(message)) = consumer.peek() {
            consumer.publish(message.logical_offset() + message.total_len());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The reference's producer, without anything in between.
struct Ring(*mut zbq_sys::zbq_producer);

impl Ring {
    fn create() -> Self {
        let params = zbq_sys::zbq_producer_params {
            ring_capacity: CAPACITY,
            clog_threshold: 1000,
            stall_timeout_ns: 60_000_000_000,
            max_consumers: 16,
        };
        let mut producer = std::ptr::null_mut();
        // SAFETY: both pointers are to live values; the producer is used by this thread alone and never destroyed.
        let outcome = unsafe { zbq_sys::zbq_producer_create(&mut producer, &params) };
        assert_eq!(outcome, 0);
        Self(producer)
    }

    fn scan(&mut self) {
        // SAFETY: the producer is live.
        let outcome = unsafe { zbq_sys::zbq_producer_scan(self.0) };
        assert_eq!(outcome, 0);
    }

    /// Fails for whoever has gone already.
    fn join(&mut self, conn: &UnixStream, mode: &str) {
        let mut slot = 0;
        let mode = match mode {
            "push" => zbq_sys::zbq_wakeup_mode::ZBQ_WAKEUP_PUSH,
            _ => zbq_sys::zbq_wakeup_mode::ZBQ_WAKEUP_PULL,
        };
        // SAFETY: the producer is live, the socket is open for the call, and `slot` outlives it.
        unsafe { zbq_sys::zbq_producer_handshake(self.0, conn.as_raw_fd(), mode, &mut slot) };
    }

    /// One message; the ring's capacity is a multiple of its length, so laps end evenly.
    fn send(&mut self, number: u64) -> bool {
        // SAFETY: the producer is live; a run of at least MESSAGE bytes at `base` is ours to write until the commit.
        unsafe {
            let run = zbq_sys::zbq_producer_query(self.0);
            if run.max_bytes < MESSAGE {
                return false;
            }
            let header = run.base.cast::<zbq_sys::zbq_msg_header>();
            (*header).payload_len = (MESSAGE - 16) as u32;
            (*header).fd_count = 0;
            (*header).flags = 0;
            (*header).reserved = 0;
            (*header).seq_id = number;
            let payload = run.base.cast::<u8>().add(16);
            payload.write_bytes(number as u8, MESSAGE as usize - 16);
            zbq_sys::zbq_producer_commit(
                self.0,
                MESSAGE,
                zbq_sys::zbq_commit_flags::ZBQ_COMMIT_NONE,
            )
        }
    }
}

/// A child that ends with its handle.
struct Role(Child);

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn role(arguments: &[&str]) -> Role {
    spawn(Command::new(std::env::current_exe().expect("we are a file")).args(arguments))
}

fn spawn(command: &mut Command) -> Role {
    Role(
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child starts"),
    )
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
    let mut values: Vec<f64> = (0..runs).map(|_| run()).collect();
    values.sort_by(f64::total_cmp);
    values[runs / 2]
}

fn status(pid: i32, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .expect("the kernel knows the field");
    line.split_whitespace()
        .next()
        .and_then(|value| value.parse().ok())
        .expect("a number")
}

/// Seconds of processor time used so far, to the nanosecond.
fn cpu(pid: i32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).expect("it lives");
    let nanoseconds: f64 = text
        .split_whitespace()
        .next()
        .and_then(|value| value.parse().ok())
        .expect("a number");
    nanoseconds / 1e9
}
