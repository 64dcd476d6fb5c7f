//! A process that holds rings for zbqtop's tests, several at once or false ones, without a consumer's help.
//!
//! `holder rings DIRECTORY COUNT [--fork|--apart]` makes COUNT rings of one capacity with the reference, listens for their
//! consumers on DIRECTORY/0, DIRECTORY/1, … (each socket is made with its ring, with `--apart` all of them first), and with
//! `--fork` has a child that inherits every descriptor.
//! `holder false CTRL_SIZE RING_SIZE [FIELD=VALUE…]` holds memfds with a ring's names, of these sizes, and writes the
//! named fields into the control region; `rings=2` among them makes two such rings, with one metadata page in all.
//! `holder maps CTRL_SIZE RING_SIZE [FIELD=VALUE…]` maps such memfds for reading, as a consumer does, and closes them.
//! `holder joins SOCKET…` joins each of these rings with zbqtop's own consumer.
//!
//! All say `ready`; the first two obey lines on stdin: `send RING MESSAGES`, `truncate ctrl|ring|meta BYTES`,
//! `head VALUE`, `length OFFSET PAYLOAD_LEN` (the first word of a header in the ring);
//! each is answered with `done`. They end when stdin does.
#![expect(
    unsafe_code,
    reason = "forks, and writes messages through the reference's pointers"
)]
#![expect(clippy::print_stdout, reason = "its parent listens")]

use std::fs::File;
use std::io::BufRead as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use zbqtop::ring::Consumer;
use zbqtop::ring::Mapping;
use zbqtop::ring::WakeupMode;

/// Offsets in the control region, by name.
const FIELDS: [(&str, u64); 6] = [
    ("producer_head", 0),
    ("broadcast_futex", 64),
    ("producer_pid", 128),
    ("ring_capacity", 192),
    ("clog_threshold", 200),
    ("stall_timeout_ns", 208),
];

fn main() {
    // Before anything that could outlive a parent which dies meanwhile.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["rings", directory, count, ref rest @ ..] => rings(
            Path::new(directory),
            count.parse().expect("a number of rings"),
            rest == ["--fork"],
            rest == ["--apart"],
        ),
        ["false", ctrl, ring, ref fields @ ..] => lie(
            ctrl.parse().expect("bytes"),
            ring.parse().expect("bytes"),
            fields,
        ),
        ["maps", ctrl, ring, ref fields @ ..] => pretend(
            ctrl.parse().expect("bytes"),
            ring.parse().expect("bytes"),
            fields,
        ),
        ["joins", ref sockets @ ..] => join(sockets),
        _ => panic!("what to hold? {words:?}"),
    }
}

/// Joins rings, and reads nothing.
fn join(sockets: &[&str]) {
    let timeout = Duration::from_secs(30);
    let consumers: Vec<Consumer> = sockets
        .iter()
        .map(|socket| Consumer::connect(socket, WakeupMode::Pull, timeout).expect("a slot"))
        .collect();
    println!("ready");
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    drop(consumers);
}

/// Maps memfds that have a ring's names, as if it consumed.
fn pretend(ctrl_size: u64, ring_size: u64, fields: &[&str]) {
    let map = |name: &'static str, size: u64, fields: &[&str]| {
        let fd = memfd_create(name, MemfdFlags::CLOEXEC).expect("a memfd");
        ftruncate(&fd, size).expect("a size");
        let file = File::from(fd);
        for field in fields {
            set(&file, field);
        }
        let size = usize::try_from(size).expect("bytes");
        Mapping::read_only(name, &file, size).expect("room")
    };
    let _mapped = [
        map("zbq_ctrl", ctrl_size, fields),
        map("zbq_ring", ring_size, &[]),
    ];
    println!("ready");
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}

/// Writes `FIELD=VALUE` into a control region.
fn set(ctrl: &File, field: &str) {
    let (name, value) = field.split_once('=').expect("FIELD=VALUE");
    let (_, offset) = FIELDS
        .iter()
        .find(|(field, _)| *field == name)
        .expect("a field");
    let bytes = value.parse::<u64>().expect("a number").to_ne_bytes();
    let length = if matches!(name, "broadcast_futex" | "producer_pid") {
        4
    } else {
        8
    };
    ctrl.write_all_at(&bytes[..length], *offset)
        .expect("the page is ours");
}

/// Real rings, all alike.
fn rings(directory: &Path, count: usize, fork: bool, apart: bool) {
    let params = zbq::ProducerParams {
        ring_capacity: 1 << 16,
        clog_threshold: 100,
        stall_timeout_ns: 60_000_000_000,
        max_consumers: 4,
    };
    let listen = |number: usize| {
        let listener = UnixListener::bind(directory.join(number.to_string())).expect("a path");
        listener.set_nonblocking(true).expect("a socket");
        listener
    };
    let ring = |listener| (zbq::Producer::new(&params).expect("a ring"), listener);
    let mut rings: Vec<_> = if apart {
        let sockets: Vec<_> = (0..count).map(listen).collect();
        sockets.into_iter().map(ring).collect()
    } else {
        (0..count).map(|number| ring(listen(number))).collect()
    };
    if fork {
        // SAFETY: there is one thread, so the child is a whole process.
        if unsafe { libc::fork() } == 0 {
            let _ = rustix::process::set_parent_process_death_signal(Some(
                rustix::process::Signal::KILL,
            ));
            std::thread::sleep(Duration::MAX);
        }
    }
    println!("ready");
    let (sender, commands) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
        std::process::exit(0);
    });
    loop {
        for (producer, listener) in &mut rings {
            if let Ok((conn, _)) = listener.accept() {
                conn.set_nonblocking(false).expect("a socket");
                let slot = producer.handshake(conn.as_raw_fd(), zbq::WakeupMode::Pull);
                slot.expect("a slot");
            }
        }
        let Ok(line) = commands.recv_timeout(Duration::from_millis(5)) else {
            continue;
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["send", ring, messages] = words[..] else {
            panic!("no such command: {line}")
        };
        let number: usize = ring.parse().expect("a ring");
        for _ in 0..messages.parse::<usize>().expect("a number") {
            send(&mut rings[number].0, number);
        }
        println!("done");
    }
}

/// One message of 48 bytes that says which ring it belongs to.
fn send(producer: &mut zbq::Producer, number: usize) {
    let mut run = producer.reserve().expect("room");
    let bytes = run.as_mut_slice();
    bytes[..16].fill(0);
    bytes[0] = 32;
    bytes[16..48].fill(b'A' + number as u8);
    run.commit(48, zbq::CommitFlags::None).expect("a commit");
}

/// Memfds that have a ring's names.
fn lie(ctrl_size: u64, ring_size: u64, fields: &[&str]) {
    let memfd = |name: &str, size| {
        let fd = memfd_create(name, MemfdFlags::CLOEXEC).expect("a memfd");
        ftruncate(&fd, size).expect("a size");
        File::from(fd)
    };
    let (twice, fields): (Vec<&str>, Vec<&str>) =
        fields.iter().partition(|field| **field == "rings=2");
    let pair = || (memfd("zbq_ctrl", ctrl_size), memfd("zbq_ring", ring_size));
    let (ctrl, ring) = pair();
    let second = (!twice.is_empty()).then(pair);
    let meta = memfd("zbq_meta", 4096);
    let write = |field: &str| {
        let second = second.as_ref().map(|(ctrl, _)| ctrl);
        for ctrl in [Some(&ctrl), second].into_iter().flatten() {
            set(ctrl, field);
        }
    };
    // A ring that names no process here as its producer is nobody's. (A write behind its end would make it longer.)
    if ctrl_size >= 132 {
        write(&format!("producer_pid={}", std::process::id()));
    }
    fields.into_iter().for_each(write);
    println!("ready");
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["truncate", which, size] => {
                let file = match which {
                    "ctrl" => &ctrl,
                    "ring" => &ring,
                    _ => &meta,
                };
                file.set_len(size.parse().expect("bytes")).expect("a memfd");
            }
            ["length", offset, length] => {
                let length: u32 = length.parse().expect("bytes");
                let offset = offset.parse().expect("an offset");
                ring.write_all_at(&length.to_ne_bytes(), offset)
                    .expect("the ring is ours");
            }
            ["head", value] => write(&format!("producer_head={value}")),
            _ => panic!("no such command: {line}"),
        }
        println!("done");
    }
}
