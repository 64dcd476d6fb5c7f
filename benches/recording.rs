//! What recording costs and yields, on real rings made by the reference: `cargo bench --bench recording`, or with `-- flow`,
//! `-- state`, `-- open` or `-- play` at its end just that.
//!
//! Speeds are compared within one run, in pairs that alternate, because machines are shared and noisy; what is printed is the
//! median. Nothing here passes or fails.
#![expect(clippy::print_stdout, reason = "figures are printed")]

mod rig;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rig::{Producer, Ring, Role, ZBQTOP, cpu, median, role, status, stock_consumer};
use zbqtop::observe::model::{RingSource as _, Seek, SourceAction};
use zbqtop::recording::{Content, Playback, Player, Recording, RecordingWriter, RingName};

const CAPACITY: u64 = 1 << 20;
/// How long each side of a pair is measured, after a while to settle.
const WINDOW: Duration = Duration::from_millis(500);
const SETTLE: Duration = Duration::from_millis(300);
const PAIRS: usize = 7;
/// Consumers of the ring whose state is recorded, and for how long.
const CONSUMERS: usize = 8;
const STATES_FOR: Duration = Duration::from_secs(20);
/// States in the long recording, one a second.
const WEEK: u64 = 7 * 24 * 3600;
/// Bytes of messages in the large recording.
const LARGE: u64 = 10 << 30;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let ring = || Ring::create(CAPACITY, arguments[4].parse().expect("a length"));
    match arguments.get(1).map(String::as_str) {
        Some("flat-out") => ring().flat_out(&arguments[2], &arguments[3]),
        Some("paced") => ring().paced(&arguments[2], &arguments[3], 1000),
        Some("consumer") => stock_consumer(&arguments[2], Duration::ZERO),
        which => {
            let which = which.filter(|which| !which.starts_with('-'));
            let wanted = |name| which.is_none_or(|which| which == name);
            let folder = tempfile::tempdir().expect("a folder");
            if wanted("flow") {
                for message in [64, 1024] {
                    flow(message, folder.path());
                }
            }
            if wanted("state") {
                state(folder.path());
            }
            if wanted("open") {
                open(folder.path());
            }
            if wanted("play") {
                play(folder.path());
            }
        }
    }
}

fn record(pid: &str, file: &Path, more: &[&str]) -> Child {
    let _ = std::fs::remove_file(file);
    Command::new(ZBQTOP)
        .args(["record", "--pid", pid, "-o"])
        .arg(file)
        .args(more)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("zbqtop starts")
}

fn pid_of(child: &Child) -> i32 {
    i32::try_from(child.id()).expect("a pid")
}

/// Ends it; what it says in the end.
fn end(mut child: Child) -> String {
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("our child");
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("piped");
    stderr.read_to_string(&mut said).expect("text");
    assert!(child.wait().expect("it ends").success(), "{said}");
    said
}

/// What recording all messages costs the producer, and how much is recorded.
fn flow(message: u64, folder: &Path) {
    let path = folder.join("flow.mcap");
    let producer = Producer::start("flat-out", "pull", message, &[]);
    let pid = producer.pid();
    let (mut pairs, mut recorded, mut memory) = (Vec::new(), Vec::new(), 0);
    for _ in 0..PAIRS {
        let before = producer.rate_over(WINDOW);
        let started = Instant::now();
        let child = record(&pid, &path, &["--messages", "all"]);
        std::thread::sleep(SETTLE);
        let watched = producer.rate_over(WINDOW);
        memory = memory.max(status(pid_of(&child), "VmHWM:"));
        let took = started.elapsed().as_secs_f64();
        let said = end(child);
        let messages: f64 = said
            .split(" messages,")
            .next()
            .and_then(|head| head.rsplit(' ').next())
            .and_then(|count| count.parse().ok())
            .expect("a summary");
        let alone = f64::midpoint(before, producer.rate_over(WINDOW));
        pairs.push(watched / alone);
        recorded.push(messages / took);
        println!(
            "    alone {:>6.2}   recorded {:>6.2}   written {:>6.2} M msg/s",
            alone / 1e6,
            watched / 1e6,
            messages / took / 1e6
        );
    }
    let recorded = median(recorded);
    println!(
        "record --messages all, {message}-byte messages: producer {:.3} of alone (target: 0.97), {:.2} M msg/s and {:.0} MB/s of the ring recorded, {memory} KiB",
        median(pairs),
        recorded / 1e6,
        recorded * message as f64 / 1e6
    );
}

/// What recording the state alone costs.
fn state(folder: &Path) {
    let path = folder.join("state.mcap");
    let producer = Producer::start("paced", "pull", 64, &[]);
    let consumers: Vec<Role> = (0..CONSUMERS)
        .map(|_| role(&["consumer", producer.path()]))
        .collect();
    std::thread::sleep(SETTLE);
    // What every file has, and how many states are in it, is seen by one that ends soon.
    let mut sizes = Vec::new();
    let (mut used, mut memory) = (0.0, 0);
    for time in [Duration::from_secs(2), STATES_FOR] {
        let child = record(&producer.pid(), &path, &["--messages", "none"]);
        std::thread::sleep(SETTLE);
        let before = cpu(pid_of(&child));
        std::thread::sleep(time);
        used = cpu(pid_of(&child)) - before;
        memory = status(pid_of(&child), "VmHWM:");
        end(child);
        sizes.push(path.metadata().expect("there").len() as f64);
    }
    drop(consumers);
    let samples = STATES_FOR.as_secs_f64();
    let more = (sizes[1] - sizes[0]) / (samples - 2.0);
    println!(
        "record --messages none, {CONSUMERS} consumers, 1/s: {:.2} % of a core (target: 0.5), {:.0} bytes a consumer and sample (target: about 100), {memory} KiB",
        used / samples * 100.0,
        more / CONSUMERS as f64
    );
}

/// A state of a real ring, what the ring is called, and when the state was recorded, ns since 1970.
fn seed(folder: &Path) -> (RingName, u64, Vec<u8>) {
    let small = folder.join("small.mcap");
    let producer = Producer::start("paced", "pull", 64, &[]);
    let child = record(&producer.pid(), &small, &["--messages", "none"]);
    std::thread::sleep(Duration::from_secs(2));
    end(child);
    let mut seed = Recording::open(&small).expect("a recording");
    let name = seed.rings().swap_remove(0);
    let (begin, _) = seed.span().expect("states");
    let (_, state) = seed.state_at(&name, u64::MAX).expect("a state");
    std::fs::remove_file(small).expect("ours");
    (name, begin, state.to_json().expect("JSON"))
}

/// What a frame of a recording costs that is a week long.
fn play(folder: &Path) {
    let (name, begin, json) = seed(folder);
    let path = folder.join("week.mcap");
    let file = File::create(&path).expect("a file");
    let mut writer = RecordingWriter::new(file).expect("a recording");
    for second in 0..WEEK {
        let at = begin + second * 1_000_000_000;
        writer
            .write(&name, "1/3", Content::State, [(at, &json[..])])
            .expect("room");
    }
    let bytes = writer.finish().expect("room").bytes;
    let started = Instant::now();
    let playback = Playback::open(&[path], None, false).expect("a recording");
    let mut player = Player::new(playback, false);
    player.sample().expect("a frame");
    println!(
        "a week of states, {:.0} MB: the first frame {:.0} ms after it was opened",
        bytes as f64 / 1e6,
        started.elapsed().as_secs_f64() * 1000.0
    );
    let settled = (0..200).all(|_| player.sample().is_some());
    assert!(settled);
    let mut frames = |what: &str, seek: Option<Seek>| {
        let mut times = Vec::new();
        for _ in 0..200 {
            if let Some(seek) = seek {
                player.act(SourceAction::Seek(seek));
            }
            std::thread::sleep(Duration::from_millis(5));
            let started = Instant::now();
            player.sample().expect("a frame");
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        println!("  a frame {what}: {:.2} ms", median(times));
    };
    frames("that stands", None);
    frames("a sample earlier each", Some(Seek::PreviousSample));
    frames("a sample later each", Some(Seek::NextSample));
}

/// How long it takes to open a large recording, and to be in its middle.
fn open(folder: &Path) {
    let (name, begin, json) = seed(folder);
    let path = folder.join("large.mcap");
    let file = File::create(&path).expect("a file");
    let mut writer = RecordingWriter::new(file).expect("a recording");
    // Bytes that cannot be packed.
    let mut word = 1_u64;
    let mut message = vec![0_u8; 64 << 10];
    let (mut at, mut written) = (begin, 0);
    while written < LARGE {
        writer
            .write(&name, "1/3", Content::State, [(at, &json[..])])
            .expect("room");
        for _ in 0..160 {
            for piece in message.chunks_exact_mut(8) {
                word ^= word << 13;
                word ^= word >> 7;
                word ^= word << 17;
                piece.copy_from_slice(&word.to_le_bytes());
            }
            writer
                .write(&name, "1/3", Content::Messages, [(at, &message[..])])
                .expect("room");
            written += message.len() as u64;
        }
        at += 1_000_000_000;
    }
    let bytes = writer.finish().expect("room").bytes;
    let middle = format!("+{}s", (at - begin) / 2_000_000_000);
    for (what, more) in [("its end", vec![]), ("its middle", vec!["--at", &middle])] {
        let mut times = Vec::new();
        for _ in 0..5 {
            let started = Instant::now();
            let done = Command::new(ZBQTOP)
                .args(["snapshot", "--json", "--file"])
                .arg(&path)
                .args(&more)
                .stdout(Stdio::null())
                .status();
            assert!(done.expect("zbqtop starts").success());
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        println!(
            "snapshot --file, {:.1} GB, {what}: {:.0} ms (target: 500)",
            bytes as f64 / 1e9,
            median(times)
        );
    }
    // The same as if it had been cut off: there is no index.
    let cut = File::options().write(true).open(&path).expect("there");
    cut.set_len(bytes - 100).expect("shorter");
    let started = Instant::now();
    let done = Command::new(ZBQTOP)
        .args(["snapshot", "--json", "--file"])
        .arg(&path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(done.expect("zbqtop starts").success());
    println!(
        "snapshot --file, the same without an index: {:.0} ms",
        started.elapsed().as_secs_f64() * 1000.0
    );
}
