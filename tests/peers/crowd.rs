//! Crowds for zbqtop's tests and benches: many rings, consumers, processes and descriptors, all real, and next to idle.
//!
//! `crowd rings RINGS CONSUMERS PROCESSES [MIB]`: a process with RINGS rings of the reference, each with CONSUMERS consumers, all
//! in this process, or with PROCESSES above 0 in that many others; it holds MIB of heap before it makes any.
//! `crowd producers COUNT CONSUMERS`: as many processes with one ring each.
//! `crowd ring CAPACITY MESSAGE BYTES [blocked]`: a ring of our own with so many bytes of messages of that length, headers
//! included, written to it; `blocked`: one consumer reads what does not fit, and then stands still.
//! `crowd strangers COUNT DESCRIPTORS`: processes that have nothing to do with rings, with as many descriptors each.
//!
//! All say `ready`, and end when stdin does.
#![expect(unsafe_code, reason = "forks")]
#![expect(clippy::print_stdout, reason = "its parent listens")]

use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use zbqtop::ring::{Consumer, Producer, ProducerParams, WakeupMode};

const PATIENCE: Duration = Duration::from_secs(60);
/// A message in each ring this often, read as often.
const BEAT: Duration = Duration::from_millis(200);

pub(crate) fn main() {
    // Before anything that could outlive a parent which dies meanwhile.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    let most = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: most,
            maximum: most,
        },
    );
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| -> usize {
        let word = arguments.get(at).map_or("0", String::as_str);
        word.parse().expect("a number")
    };
    match arguments.first().map(String::as_str) {
        Some("rings") => {
            let ballast: Vec<Vec<u8>> = (0..number(4) * 16).map(|_| vec![1; 64 << 10]).collect();
            let crowd = Crowd::make(number(1), number(2), number(3));
            println!("ready");
            crowd.live();
            drop(ballast);
        }
        Some("ring") => fill(
            number(1),
            number(2),
            number(3),
            arguments.get(4).is_some_and(|word| word == "blocked"),
        ),
        Some("producers") => fork_each(number(1), || {
            let crowd = Crowd::make(1, number(2), 0);
            move || crowd.live()
        }),
        Some("strangers") => fork_each(number(1), || {
            let null = std::fs::File::open("/dev/null").expect("it is there");
            let held: Vec<_> = (0..number(2)).map(|_| null.try_clone()).collect();
            move || {
                rest();
                drop(held);
            }
        }),
        Some("reads") => read(arguments.get(1).expect("a name"), number(2)),
        _ => panic!("what crowd? {arguments:?}"),
    }
}

/// Until stdin ends.
fn rest() {
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}

/// A child each, that is ready before the next one is made; then the children live, and this process until stdin ends.
fn fork_each<L: FnOnce()>(count: usize, make: impl Fn() -> L) {
    let mut children = Vec::new();
    for _ in 0..count {
        let (mut here, mut there) = UnixStream::pair().expect("sockets");
        // SAFETY: there is one thread, so the child is a whole process.
        let child = unsafe { libc::fork() };
        if child == 0 {
            drop(here);
            let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
            let live = make();
            let _ = there.write_all(b"!");
            drop(there);
            live();
            std::process::exit(0);
        }
        drop(there);
        let _ = here.read(&mut [0]);
        children.push(child);
    }
    println!("ready");
    rest();
    for child in children {
        if let Some(pid) = rustix::process::Pid::from_raw(child) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

struct Crowd {
    producers: Vec<zbq::Producer>,
    consumers: Vec<Consumer>,
    children: Vec<Child>,
}

impl Crowd {
    fn make(rings: usize, consumers: usize, processes: usize) -> Self {
        let params = zbq::ProducerParams {
            ring_capacity: 1 << 16,
            clog_threshold: 100,
            stall_timeout_ns: 60_000_000_000,
            max_consumers: u32::try_from(consumers.max(64)).expect("few"),
        };
        let producers = (0..rings).map(|_| zbq::Producer::new(&params).expect("a ring"));
        let mut crowd = Self {
            producers: producers.collect(),
            consumers: Vec::new(),
            children: Vec::new(),
        };
        if processes == 0 {
            for number in 0..rings * consumers {
                let (ours, theirs) = UnixStream::pair().expect("sockets");
                let joining =
                    std::thread::spawn(move || Consumer::join(theirs, WakeupMode::Pull, PATIENCE));
                crowd.admit(number % rings, &ours);
                let consumer = joining.join().expect("no panic").expect("a slot");
                crowd.consumers.push(consumer);
            }
            return crowd;
        }
        let name = format!("crowd-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let listener = UnixListener::bind_addr(&address).expect("a socket");
        let own = std::env::current_exe().expect("a program");
        let all = rings * consumers;
        for at in 0..processes {
            let share = all / processes + usize::from(at < all % processes);
            let mut command = Command::new(&own);
            command.args(["reads", &name, &share.to_string()]);
            let child = command.stdin(Stdio::piped()).spawn();
            crowd.children.push(child.expect("a child"));
        }
        for number in 0..all {
            let (conn, _) = listener.accept().expect("a consumer");
            crowd.admit(number % rings, &conn);
        }
        crowd
    }

    fn admit(&mut self, ring: usize, conn: &UnixStream) {
        let slot = self.producers[ring].handshake(conn.as_raw_fd(), zbq::WakeupMode::Pull);
        slot.expect("a slot");
    }

    fn live(mut self) {
        std::thread::spawn(|| {
            rest();
            std::process::exit(0);
        });
        loop {
            for producer in &mut self.producers {
                if let Some(mut run) = producer.reserve() {
                    let bytes = run.as_mut_slice();
                    bytes[..16].fill(0);
                    bytes[0] = 32;
                    bytes[16..48].fill(b'A');
                    run.commit(48, zbq::CommitFlags::None).expect("a commit");
                }
            }
            drain(&mut self.consumers);
            std::thread::sleep(BEAT);
        }
    }
}

fn drain(consumers: &mut [Consumer]) {
    for consumer in consumers {
        let mut drain = consumer.drain();
        while let Ok(Some(_)) = drain.message() {}
    }
}

/// One large ring, written to once.
fn fill(capacity: usize, message: usize, bytes: usize, blocked: bool) {
    let mut producer = Producer::create(ProducerParams {
        ring_capacity: capacity as u64,
        stall_timeout: Duration::MAX,
        ..ProducerParams::default()
    })
    .expect("a ring");
    let mut consumer = blocked.then(|| {
        let (ours, theirs) = UnixStream::pair().expect("sockets");
        let joining =
            std::thread::spawn(move || Consumer::join(theirs, WakeupMode::Pull, PATIENCE));
        producer
            .handshake(ours, WakeupMode::Pull, PATIENCE)
            .expect("a slot");
        joining.join().expect("no panic").expect("a slot")
    });
    let mut payload = vec![b'x'; message - 16];
    for number in 0..bytes / message {
        if let Some(place) = payload.first_chunk_mut() {
            *place = (number as u64).to_le_bytes();
        }
        if producer.send(&payload).is_err() {
            let wanted = bytes.saturating_sub(capacity);
            let Some(consumer) = consumer.as_mut().filter(|one| one.tail() < wanted as u64) else {
                break;
            };
            let mut drain = consumer.drain();
            while let Ok(Some(message)) = drain.message() {
                if message.end() >= wanted as u64 {
                    break;
                }
            }
            drop(drain);
            producer.send(&payload).expect("room");
        }
    }
    println!("ready");
    rest();
    drop(consumer);
}

/// Joins that often, and reads.
fn read(name: &str, count: usize) {
    let address = SocketAddr::from_abstract_name(name).expect("a name");
    let join = |_| {
        let conn = UnixStream::connect_addr(&address).expect("a producer");
        Consumer::join(conn, WakeupMode::Pull, PATIENCE).expect("a slot")
    };
    let mut consumers: Vec<Consumer> = (0..count).map(join).collect();
    std::thread::spawn(|| {
        rest();
        std::process::exit(0);
    });
    loop {
        drain(&mut consumers);
        std::thread::sleep(BEAT);
    }
}
