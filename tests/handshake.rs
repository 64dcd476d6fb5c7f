//! The handshake against peers that lie, stop half-way or say nothing: each lie is found out, in time, and leaves no
//! descriptor behind.
//!
//! Counting descriptors takes a process in which nothing else runs, so each test here runs itself again in a child.

use crate::support::liar::{Answer, CAPACITY, LIES, sockets};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::write;
use rustix::net::{RecvFlags, SendFlags, SocketType, recv, send};
use std::time::{Duration, Instant};
use zbqtop::ring::Consumer;
use zbqtop::ring::{Error, Result};
use zbqtop::ring::{Producer, ProducerParams};
use zbqtop::ring::{SlotIndex, WakeupMode};

const ALONE: &str = "ZBQTOP_TEST_ALONE";
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
    for (_, expected, lie) in LIES {
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
fn a_slot_that_is_given_and_cannot_be_used_is_parked() {
    let mut parked = 0;
    for (_, _, lie) in LIES {
        let mut answer = Answer::new();
        lie(&mut answer);
        let Some(meta) = answer.fds.get(2).map(|fd| fd.try_clone().unwrap()) else {
            continue;
        };
        let failed = join(SocketType::SEQPACKET, LONG, answering(answer));
        let error = failed.unwrap_err().to_string();
        // Everything had been mapped: only what was in it, or the producer's end, was wrong.
        let usable = ["as the join answer said", "the initial", "it has ended"];
        if usable.iter().any(|words| error.contains(words)) {
            let mut tail = [0; 8];
            rustix::io::pread(&meta, &mut tail, 0).unwrap();
            assert_eq!(u64::from_ne_bytes(tail), u64::MAX, "{error}");
            parked += 1;
        }
    }
    assert_eq!(parked, 6);
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
        stall_timeout: Duration::MAX,
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
