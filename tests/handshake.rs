//! The handshake against peers that lie, stop half-way or say nothing: each lie is found out, in time, and leaves no
//! descriptor behind.
//!
//! Counting descriptors takes a process in which nothing else runs, so each test here runs itself again in a child.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{MemfdFlags, Mode, OFlags, ftruncate, memfd_create, open};
use rustix::io::{pwrite, write};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType, recv, send, sendmsg, socketpair,
};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};
use zbqtop::ring::consumer::Consumer;
use zbqtop::ring::error::{Error, Result};
use zbqtop::ring::layout::{self, SlotIndex, WakeupMode};
use zbqtop::ring::producer::{Producer, ProducerParams};

const ALONE: &str = "ZBQTOP_TEST_ALONE";
const CAPACITY: u64 = 8192;
const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(60);

/// Runs `test` alone in a child process, and returns whether this is that child.
fn alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let output = command
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "no test {test}"
    );
    false
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn sockets(kind: SocketType) -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap()
}

fn memfd(size: u64) -> OwnedFd {
    let fd = memfd_create("mock", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&fd, size).unwrap();
    fd
}

/// An answer to a join request, true until a test makes it lie.
struct Answer {
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
    /// The producer's end of the side socket.
    _side: OwnedFd,
}

impl Answer {
    fn new() -> Self {
        let (side, theirs) = sockets(SocketType::SEQPACKET);
        let fds = vec![memfd(4096), memfd(CAPACITY), memfd(4096), theirs];
        let mut answer = Self {
            bytes: vec![0; 64],
            fds,
            _side: side,
        };
        let pid = std::process::id();
        answer.say(layout::JOIN_RING_CAPACITY, CAPACITY);
        answer.say(layout::JOIN_BASELINE, 777);
        answer.say(layout::JOIN_INITIAL_HEAD, 100);
        answer.say32(layout::JOIN_PRODUCER_PID, pid);
        answer.say32(layout::JOIN_SLOT_INDEX, 3);
        answer.say32(layout::JOIN_WAKEUP_MODE, 1);
        answer.put(0, layout::CTRL_PRODUCER_HEAD, 100);
        answer.put(0, layout::CTRL_RING_CAPACITY, CAPACITY);
        answer.put(0, layout::CTRL_PRODUCER_PID, pid.into());
        answer.put(2, layout::META_TAIL_OFFSET, 100);
        answer.put(2, layout::META_JOIN_BASELINE, 777);
        answer
    }

    /// Puts a number into the 64 bytes.
    fn say(&mut self, at: usize, value: u64) {
        self.bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
    }

    fn say32(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }

    /// Puts a number into one of the memfds.
    fn put(&mut self, fd: usize, at: usize, value: u64) {
        pwrite(&self.fds[fd], &value.to_ne_bytes(), at as u64).unwrap();
    }

    fn send(&self, conn: &OwnedFd, bytes: &[u8]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds: Vec<_> = self.fds.iter().map(AsFd::as_fd).collect();
        if !fds.is_empty() {
            assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
        }
        sendmsg(
            conn,
            &[IoSlice::new(bytes)],
            &mut control,
            SendFlags::NOSIGNAL,
        )
        .unwrap();
    }
}

/// Joins a producer that does `act` with its end of the connection.
fn join(
    kind: SocketType,
    limit: Duration,
    act: impl FnOnce(OwnedFd) + Send + 'static,
) -> Result<Consumer> {
    let (ours, theirs) = sockets(kind);
    let mock = std::thread::spawn(move || act(theirs));
    let joined = Consumer::join(&ours, WakeupMode::Pull, limit);
    drop(ours);
    mock.join().unwrap();
    joined
}

/// Reads the request and answers with `answer`.
fn answering(answer: Answer) -> impl FnOnce(OwnedFd) + Send + 'static {
    move |conn| {
        let mut request = [0; 8];
        assert_eq!(recv(&conn, &mut request, RecvFlags::empty()).unwrap().0, 8);
        assert_eq!(request[..4], std::process::id().to_ne_bytes());
        assert_eq!(request[4..], 1_u32.to_ne_bytes());
        answer.send(&conn, &answer.bytes);
    }
}

#[test]
fn a_true_answer_is_believed_and_owned() {
    if !alone("handshake::a_true_answer_is_believed_and_owned") {
        return;
    }
    let before = descriptors();
    for kind in [SocketType::SEQPACKET, SocketType::STREAM] {
        let consumer = join(kind, LONG, answering(Answer::new())).unwrap();
        // Kept of the four: the side socket; and a pidfd. The memory stays mapped without its descriptors.
        assert_eq!(descriptors(), before + 2);
        assert_eq!(
            (consumer.slot(), consumer.mode()),
            (SlotIndex(3), WakeupMode::Pull)
        );
        assert_eq!(
            (consumer.tail(), consumer.metadata().join_baseline),
            (100, 777)
        );
        assert!(consumer.is_evicted(), "the mock has closed its end");
        assert!(consumer.is_producer_alive());
        drop(consumer);
        assert_eq!(descriptors(), before);
    }
}

#[test]
fn every_lie_is_found_out() {
    if !alone("handshake::every_lie_is_found_out") {
        return;
    }
    type Lie = fn(&mut Answer);
    let lies: &[(&str, Lie)] = &[
        ("join answer: 63 bytes, expected 64", |a| {
            a.bytes.truncate(63)
        }),
        ("join answer: 65 bytes, expected 64", |a| a.bytes.push(0)),
        ("join answer: bytes or descriptors were lost", |a| {
            a.bytes.resize(100, 0)
        }),
        ("join answer: 0 descriptors, expected 4", |a| a.fds.clear()),
        ("join answer: 3 descriptors, expected 4", |a| {
            a.fds.truncate(3)
        }),
        ("join answer: 5 descriptors, expected 4", |a| {
            a.fds.push(memfd(4096))
        }),
        ("join answer: 200 descriptors, expected 4", |a| {
            a.fds.resize_with(200, || memfd(0))
        }),
        ("join answer: ring_capacity: 0,", |a| {
            a.say(layout::JOIN_RING_CAPACITY, 0)
        }),
        ("join answer: ring_capacity: 8193,", |a| {
            a.say(layout::JOIN_RING_CAPACITY, CAPACITY + 1)
        }),
        ("join answer: ring_capacity: 1152921504606846976,", |a| {
            a.say(layout::JOIN_RING_CAPACITY, 1 << 60)
        }),
        ("join answer: wakeup_mode: 7, expected 0 or 1", |a| {
            a.say32(layout::JOIN_WAKEUP_MODE, 7)
        }),
        ("join answer: producer_pid: 0,", |a| {
            a.say32(layout::JOIN_PRODUCER_PID, 0)
        }),
        ("join answer: producer_pid: -1,", |a| {
            a.say32(layout::JOIN_PRODUCER_PID, u32::MAX)
        }),
        ("zbq_ctrl: Fifo, expected a memfd", |a| {
            a.fds[0] = rustix::pipe::pipe().unwrap().0
        }),
        ("zbq_ring: Socket, expected a memfd", |a| {
            a.fds[1] = sockets(SocketType::STREAM).0
        }),
        ("zbq_meta: a file without seals, expected a memfd", |a| {
            a.fds[2] = open("/proc/self/exe", OFlags::RDONLY, Mode::empty()).unwrap();
        }),
        ("zbq_ctrl: 1024 bytes, expected 4096", |a| {
            ftruncate(&a.fds[0], 1024).unwrap()
        }),
        ("zbq_ring: 4096 bytes, expected 8192", |a| {
            ftruncate(&a.fds[1], 4096).unwrap()
        }),
        ("zbq_ring: 12288 bytes, expected 8192", |a| {
            ftruncate(&a.fds[1], 12288).unwrap()
        }),
        ("zbq_ring: 8192 bytes, expected 16384", |a| {
            a.say(layout::JOIN_RING_CAPACITY, 16384)
        }),
        ("zbq_meta: 0 bytes, expected 4096", |a| {
            ftruncate(&a.fds[2], 0).unwrap()
        }),
        ("mmap: ", |a| {
            let read_only = format!("/proc/self/fd/{}", a.fds[2].as_raw_fd());
            a.fds[2] = open(read_only, OFlags::RDONLY, Mode::empty()).unwrap();
        }),
        ("side socket: no socket", |a| a.fds[3] = memfd(0)),
        (
            "side socket: AddressFamily(1) SocketType(1), expected a unix SOCK_SEQPACKET",
            |a| {
                a.fds[3] = sockets(SocketType::STREAM).0;
            },
        ),
        ("zbq_ctrl: ring_capacity: 4096, expected 8192", |a| {
            a.put(0, layout::CTRL_RING_CAPACITY, 4096)
        }),
        ("zbq_ctrl: producer_pid: 1, expected", |a| {
            a.put(0, layout::CTRL_PRODUCER_PID, 1)
        }),
        (
            "zbq_ctrl: producer_head: 99, expected at least the initial 100",
            |a| a.put(0, 0, 99),
        ),
        ("zbq_meta: tail_offset: 101, expected 100", |a| {
            a.put(2, layout::META_TAIL_OFFSET, 101)
        }),
        ("zbq_meta: join_baseline: 1, expected 777", |a| {
            a.put(2, layout::META_JOIN_BASELINE, 1)
        }),
    ];
    for (expected, lie) in lies {
        let before = descriptors();
        let mut answer = Answer::new();
        lie(&mut answer);
        let error = join(SocketType::SEQPACKET, LONG, answering(answer))
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error:?}, expected {expected:?}");
        assert_eq!(descriptors(), before, "after {expected:?}");
    }
}

#[test]
fn silence_and_dawdling_end_with_the_time() {
    if !alone("handshake::silence_and_dawdling_end_with_the_time") {
        return;
    }
    let before = descriptors();
    for kind in [SocketType::SEQPACKET, SocketType::STREAM] {
        // Waits for the consumer to give up; a consumer that does not makes this a test that does not end.
        let error = join(kind, SHORT, |conn| {
            let mut polled = [PollFd::new(&conn, PollFlags::empty())];
            poll(&mut polled, None).unwrap();
        });
        assert!(error.unwrap_err().is_timeout());
    }
    let start = Instant::now();
    let dripping = join(SocketType::STREAM, SHORT, move |conn| {
        let answer = Answer::new();
        answer.send(&conn, &answer.bytes[..1]);
        while send(&conn, &[0], SendFlags::NOSIGNAL).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
            assert!(start.elapsed() < LONG, "still reading");
        }
    });
    // 64 bytes at one in 5 ms take longer than the limit.
    assert!(dripping.unwrap_err().is_timeout());
    assert_eq!(descriptors(), before);
}

#[test]
fn a_closed_connection_is_a_refusal() {
    if !alone("handshake::a_closed_connection_is_a_refusal") {
        return;
    }
    let before = descriptors();
    for kind in [SocketType::SEQPACKET, SocketType::STREAM] {
        let unread = join(kind, LONG, drop);
        assert!(matches!(unread, Err(Error::Refused)), "{unread:?}");
        let read = join(kind, LONG, |conn| {
            recv(&conn, &mut [0; 8], RecvFlags::empty()).unwrap();
        });
        assert!(read.unwrap_err().is_no_free_slot());
    }
    let half = join(SocketType::STREAM, LONG, |conn| {
        let answer = Answer::new();
        recv(&conn, &mut [0; 8], RecvFlags::empty()).unwrap();
        answer.send(&conn, &answer.bytes[..40]);
    });
    assert_eq!(
        half.unwrap_err().to_string(),
        "join answer: 40 bytes, expected 64"
    );
    assert_eq!(descriptors(), before);
}

#[test]
fn a_stream_may_come_in_pieces() {
    let pieces = join(SocketType::STREAM, LONG, |conn| {
        let answer = Answer::new();
        answer.send(&conn, &answer.bytes[..1]);
        for &byte in &answer.bytes[1..] {
            std::thread::sleep(Duration::from_micros(100));
            write(&conn, &[byte]).unwrap();
        }
    });
    assert_eq!(pieces.unwrap().slot(), SlotIndex(3));
}

#[test]
fn a_producer_is_not_held_up_or_hurt_by_consumers_that_lie() {
    if !alone("handshake::a_producer_is_not_held_up_or_hurt_by_consumers_that_lie") {
        return;
    }
    let params = ProducerParams {
        ring_capacity: CAPACITY,
        clog_threshold: 10,
        stall_timeout_ns: u64::MAX,
        max_consumers: 1,
    };
    let mut producer = Producer::create(params).unwrap();
    let before = descriptors();
    let request = |pid: i32| [pid.to_ne_bytes(), 0_u32.to_ne_bytes()].concat();
    let own = request(std::process::id().cast_signed());
    // Whether the request is sent whole, cut, too long or for a process there is not.
    let lies: [(&str, Vec<u8>); 5] = [
        ("join request: 7 bytes, expected 8", own[..7].into()),
        (
            "join request: 9 bytes, expected 8",
            [&own[..], &[0]].concat(),
        ),
        (
            "join request: consumer_pid: 0, expected a process",
            request(0),
        ),
        (
            "join request: consumer_pid: -5, expected a process",
            request(-5),
        ),
        ("pidfd_open of the consumer", request(i32::MAX)),
    ];
    for (expected, bytes) in lies {
        let (ours, theirs) = sockets(SocketType::SEQPACKET);
        send(&theirs, &bytes, SendFlags::NOSIGNAL).unwrap();
        let error = producer
            .handshake(&ours, WakeupMode::Push, LONG)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error:?}, expected {expected:?}");
    }
    for kind in [SocketType::SEQPACKET, SocketType::STREAM] {
        let (ours, _silent) = sockets(kind);
        assert!(
            producer
                .handshake(&ours, WakeupMode::Push, SHORT)
                .unwrap_err()
                .is_timeout()
        );
        let (ours, theirs) = sockets(kind);
        drop(theirs);
        assert!(producer.handshake(&ours, WakeupMode::Push, LONG).is_err());
        // Asked and gone before the answer.
        let (ours, theirs) = sockets(kind);
        send(&theirs, &own, SendFlags::NOSIGNAL).unwrap();
        drop(theirs);
        assert!(producer.handshake(&ours, WakeupMode::Push, LONG).is_err());
    }
    assert_eq!((producer.slots().count(), descriptors()), (0, before));

    // After all that, an honest one gets the only slot, and the next one none.
    for slots in [0, 1] {
        let (ours, theirs) = sockets(SocketType::STREAM);
        let consumer = std::thread::spawn(move || Consumer::join(&theirs, WakeupMode::Pull, LONG));
        let slot = producer.handshake(&ours, WakeupMode::Push, LONG);
        drop(ours);
        let consumer = consumer.join().unwrap();
        if slots == 0 {
            assert_eq!(slot.unwrap(), SlotIndex(0));
            assert_eq!(
                consumer.unwrap().mode(),
                WakeupMode::Push,
                "the producer's choice, not the wish"
            );
        } else {
            assert!(slot.unwrap_err().is_no_free_slot() && consumer.unwrap_err().is_no_free_slot());
        }
    }
    drop(producer);
    assert!(descriptors() < before);
}
