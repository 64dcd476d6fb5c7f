//! Both ends of a ring in one process, where each step can be chosen: room and laps, clogs and scans, descriptors,
//! and memory that is taken away.

use crate::support::{Peer, Place, eventually};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{MemfdFlags, Mode, OFlags, ftruncate, memfd_create, open};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::os::unix::fs::FileExt as _;
use std::time::Duration;
use zbqtop::ring::Consumer;
use zbqtop::ring::Error;
use zbqtop::ring::Wake;
use zbqtop::ring::WakeupMode;
use zbqtop::ring::layout::table;
use zbqtop::ring::{CommitFlags, Producer, ProducerParams, Sent};
use zbqtop::ring::{CorruptionKind, MessageHeader};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(20);
const CAPACITY: u64 = 4096;

const PARAMS: ProducerParams = ProducerParams {
    ring_capacity: CAPACITY,
    clog_threshold: 3,
    stall_timeout: Duration::MAX,
    max_consumers: 4,
};

/// Both ends can be moved to another thread.
const _: fn() = || {
    fn sendable<T: Send>() {}
    sendable::<Producer>();
    sendable::<Consumer>();
};

fn join(producer: &mut Producer, mode: WakeupMode) -> Consumer {
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .unwrap();
    let consumer = std::thread::spawn(move || Consumer::join(&theirs, mode, LONG).unwrap());
    producer.handshake(&ours, mode, LONG).unwrap();
    consumer.join().unwrap()
}

fn ring(mode: WakeupMode) -> (Producer, Consumer) {
    let mut producer = Producer::create(PARAMS).unwrap();
    let consumer = join(&mut producer, mode);
    (producer, consumer)
}

/// Takes the next message: its header and payload.
fn is_full(outcome: Result<u64, Error>) -> bool {
    match outcome {
        Ok(_) => false,
        Err(Error::Full { .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

fn take(consumer: &mut Consumer) -> Option<(MessageHeader, Vec<u8>)> {
    let message = consumer.peek().unwrap()?;
    let taken = (message.header, message.payload.to_vec().unwrap());
    let end = message.end();
    consumer.publish(end);
    Some(taken)
}

/// Sends, taking what is in the way, and takes what was sent: its offset, and all that was taken before it.
fn deliver(
    producer: &mut Producer,
    consumer: &mut Consumer,
    payload: &[u8],
) -> (u64, Vec<MessageHeader>) {
    let mut before = Vec::new();
    let offset = loop {
        match producer.send(payload) {
            Err(Error::Full { .. }) => {}
            sent => break sent.unwrap(),
        }
        before.push(
            take(consumer)
                .expect("a ring with nothing in it has room")
                .0,
        );
    };
    loop {
        let (header, taken) = take(consumer).expect("what was sent can be taken");
        if consumer.tail() > offset {
            assert!(!header.is_filler() && taken == payload);
            return (offset, before);
        }
        before.push(header);
    }
}

/// A descriptor that can be told from others.
fn marked(mark: &[u8]) -> OwnedFd {
    let fd = memfd_create("marked", MemfdFlags::CLOEXEC).unwrap();
    rustix::io::write(&fd, mark).unwrap();
    fd
}

fn mark_of(fd: &OwnedFd) -> Vec<u8> {
    let mut bytes = [0; 16];
    let read = rustix::io::pread(fd, &mut bytes, 0).unwrap();
    bytes[..read].to_vec()
}

#[test]
fn parameters_no_ring_can_have() {
    let bad = [
        (
            ProducerParams {
                ring_capacity: 0,
                ..PARAMS
            },
            "ring_capacity is 0",
        ),
        (
            ProducerParams {
                ring_capacity: 4097,
                ..PARAMS
            },
            "ring_capacity is 4097",
        ),
        (
            ProducerParams {
                ring_capacity: 1 << 63,
                ..PARAMS
            },
            "ring_capacity is 9223372036854775808",
        ),
        (
            ProducerParams {
                max_consumers: 0,
                ..PARAMS
            },
            "max_consumers is 0",
        ),
        (
            ProducerParams {
                max_consumers: u32::MAX,
                ..PARAMS
            },
            "max_consumers is 4294967295",
        ),
    ];
    for (params, expected) in bad {
        let error = Producer::create(params).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn what_is_sent_arrives_and_is_released() {
    let (mut producer, mut consumer) = ring(WakeupMode::Pull);
    assert!(consumer.peek().unwrap().is_none());
    assert_eq!(consumer.metadata().progress_timestamp, 0);
    assert_eq!(producer.send(b"odd").unwrap(), 0);
    assert_eq!(producer.send(b"").unwrap(), 19);
    let (header, payload) = take(&mut consumer).unwrap();
    assert_eq!((header.seq_id, payload), (1, b"odd".to_vec()));
    let (header, payload) = take(&mut consumer).unwrap();
    assert_eq!((header.seq_id, payload), (2, Vec::new()));
    assert!(take(&mut consumer).is_none());
    assert_eq!(
        (
            consumer.tail(),
            consumer.metadata().tail_offset,
            producer.head()
        ),
        (35, 35, 35)
    );
    assert_ne!(consumer.metadata().progress_timestamp, 0);
    let control = consumer.control();
    assert_eq!(
        (
            control.producer_head,
            control.ring_capacity,
            control.clog_threshold
        ),
        (35, CAPACITY, 3)
    );
    assert_eq!(
        (control.broadcast_futex, control.producer_pid),
        (0, std::process::id().cast_signed())
    );
}

#[test]
fn a_lap_ends_with_a_message_or_one_filler() {
    let (mut producer, mut consumer) = ring(WakeupMode::Pull);
    // A message that would leave 1 byte of the lap, or 15, goes to the next; one that leaves 16, or none, stays.
    for (left, filled) in [(1, true), (15, true), (16, false), (0, false)] {
        let start = producer.head();
        assert_eq!(start % CAPACITY, 0);
        deliver(&mut producer, &mut consumer, &[1; 1984]);
        let (offset, before) = deliver(&mut producer, &mut consumer, &vec![2; 2096 - 16 - left]);
        if filled {
            assert_eq!(offset, start + CAPACITY);
            let [filler] = before[..] else {
                panic!("{before:?}")
            };
            assert_eq!(
                (filler.is_filler(), filler.seq_id, filler.payload_len),
                (true, 0, 2080)
            );
        } else {
            assert_eq!((offset, before), (start + 2000, vec![]));
        }
        let rest = (CAPACITY - producer.head() % CAPACITY) % CAPACITY;
        if rest > 0 {
            deliver(&mut producer, &mut consumer, &vec![3; rest as usize - 16]);
        }
    }
}

#[test]
fn the_longest_messages() {
    let (mut producer, mut consumer) = ring(WakeupMode::Pull);
    for len in [4080, 4064, 4080, 1] {
        deliver(&mut producer, &mut consumer, &vec![9; len]);
    }
    for len in [4065, 4079, 4081, 1 << 20] {
        let head = producer.head();
        assert!(
            matches!(
                producer.send(&vec![9; len]),
                Err(Error::MessageTooLong { max: 4064, .. })
            ),
            "{len}"
        );
        assert_eq!(producer.head(), head, "nothing was committed for it");
    }
}

#[test]
fn a_full_ring_takes_no_more_until_released() {
    let (mut producer, mut consumer) = ring(WakeupMode::Pull);
    let mut sent = 0;
    while !is_full(producer.send(&[7; 100])) {
        sent += 1;
    }
    // 35 of 116 bytes leave 36, a filler fills those.
    assert_eq!((sent, producer.head()), (35, CAPACITY));
    assert!(is_full(producer.send(&[7; 100])));
    take(&mut consumer).unwrap();
    assert_eq!(producer.send(&[7; 100]).unwrap(), CAPACITY);
    assert!(is_full(producer.send(b"")));
    assert!(producer.reserve().is_none());
}

#[test]
fn a_message_in_place_is_there_once_it_is_committed() {
    let (mut producer, mut consumer) = ring(WakeupMode::Pull);
    let mut message = producer.message(4).unwrap();
    message.write_at(0, b"lost").unwrap();
    drop(message);
    assert_eq!((producer.head(), take(&mut consumer)), (0, None));
    let mut message = producer.message(2500).unwrap();
    assert!(message.write_at(2499, b"12").is_err() && message.write_at(usize::MAX, b"1").is_err());
    message.write_at(0, &[7; 2500]).unwrap();
    assert_eq!((message.offset(), message.seq_id()), (0, 1));
    assert_eq!(message.commit().unwrap(), 0);
    // The next does not fit into the lap: its filler is there, whatever becomes of it.
    assert_eq!(take(&mut consumer).unwrap().1, [7; 2500]);
    drop(producer.message(2000).unwrap());
    assert_eq!(producer.head(), CAPACITY);
    assert!(take(&mut consumer).unwrap().0.is_filler());
    assert_eq!(producer.send(b"next").unwrap(), CAPACITY);
    let (header, payload) = take(&mut consumer).unwrap();
    assert_eq!((header.seq_id, &payload[..]), (2, &b"next"[..]));
}

#[test]
fn a_batch_is_seen_as_a_whole_and_one_that_is_forgotten_with_the_next_message() {
    let (mut producer, mut consumer) = ring(WakeupMode::Push);
    let mut batch = producer.batch();
    batch.push(b"one").unwrap();
    batch.push(b"two").unwrap();
    assert!(take(&mut consumer).is_none());
    batch.commit();
    assert_eq!(producer.head(), 38);
    assert_eq!(
        [1, 2].map(|_| take(&mut consumer).unwrap().0.seq_id),
        [1, 2]
    );
    let mut batch = producer.batch();
    batch.push(b"three").unwrap();
    std::mem::forget(batch);
    assert_eq!((producer.head(), take(&mut consumer)), (38, None));
    let token = consumer.futex_token();
    assert_eq!(producer.send(b"four").unwrap(), 59);
    assert_ne!(consumer.futex_token(), token);
    assert_eq!(
        [3, 4].map(|_| take(&mut consumer).unwrap().0.seq_id),
        [3, 4]
    );
}

#[test]
fn too_little_room_clogs_as_much_as_none() {
    let (mut producer, mut consumer) = ring(WakeupMode::Pull);
    let mut liar = join(&mut producer, WakeupMode::Pull);
    producer.send(&[7; 1984]).unwrap();
    producer.send(&[7; 2080]).unwrap();
    take(&mut consumer).unwrap();
    liar.publish(1 << 40);
    // 2000 bytes are free. The reference would offer them for ever, and never scan.
    for attempt in 1..=PARAMS.clog_threshold {
        assert!(!liar.is_evicted(), "attempt {attempt}");
        assert!(is_full(producer.send(&[7; 2500])));
    }
    assert!(liar.is_evicted() && !consumer.is_evicted());
    assert_eq!(
        producer
            .slots()
            .map(|s| (s.slot.0, s.tail_offset))
            .collect::<Vec<_>>(),
        [(0, 2000)]
    );
    assert_eq!(producer.reserve().unwrap().max_bytes(), 2000);
}

#[test]
fn reservations_go_by_the_reference() {
    let (mut producer, mut consumer) = ring(WakeupMode::Pull);
    let run = producer.reserve().unwrap();
    assert_eq!((run.offset(), run.max_bytes()), (0, CAPACITY));
    let too_much = run.commit(CAPACITY + 1, CommitFlags::None);
    assert!(matches!(
        too_much,
        Err(Error::CommitTooLarge {
            committed: 4097,
            reserved: 4096
        })
    ));
    assert_eq!(producer.head(), 0);

    let mut run = producer.reserve().unwrap();
    assert!(run.write_at(CAPACITY - 1, b"12").is_err() && run.write_at(u64::MAX, b"1").is_err());
    let header = MessageHeader {
        payload_len: 4,
        seq_id: run.next_seq_id(),
        ..Default::default()
    };
    run.write_at(0, &header.to_bytes()).unwrap();
    run.write_at(16, b"four").unwrap();
    run.commit(20, CommitFlags::ForceScan).unwrap();
    assert_eq!(take(&mut consumer).unwrap(), (header, b"four".to_vec()));

    // Up to the lap's end, though there is room behind it.
    let run = producer.reserve().unwrap();
    assert_eq!((run.offset(), run.max_bytes()), (20, CAPACITY - 20));
    run.commit(CAPACITY - 30, CommitFlags::None).unwrap();
    assert_eq!(producer.reserve().unwrap().max_bytes(), 10);
    assert!(matches!(
        producer.send(b""),
        Err(Error::LapSpoiled { left: 10, .. })
    ));
}

#[test]
fn a_consumer_stops_at_bytes_that_are_no_message() {
    let (mut producer, mut consumer) = ring(WakeupMode::Pull);
    // Committed in part: not yet a message, nor an error.
    let mut run = producer.reserve().unwrap();
    run.write_at(
        0,
        &MessageHeader {
            payload_len: 4080,
            seq_id: 5,
            ..Default::default()
        }
        .to_bytes(),
    )
    .unwrap();
    run.commit(10, CommitFlags::None).unwrap();
    assert!(consumer.peek().unwrap().is_none());
    producer
        .reserve()
        .unwrap()
        .commit(6, CommitFlags::None)
        .unwrap();
    assert!(consumer.peek().unwrap().is_none());
    producer
        .reserve()
        .unwrap()
        .commit(4080, CommitFlags::None)
        .unwrap();
    assert_eq!(take(&mut consumer).unwrap().1.len(), 4080);

    let header = MessageHeader {
        payload_len: 4081,
        seq_id: 6,
        ..Default::default()
    };
    let mut run = producer.reserve().unwrap();
    run.write_at(0, &header.to_bytes()).unwrap();
    run.commit(4090, CommitFlags::None).unwrap();
    let Err(Error::Corrupt(corruption)) = consumer.peek() else {
        panic!("a payload past the lap's end")
    };
    assert_eq!(
        (corruption.offset, corruption.kind),
        (CAPACITY, CorruptionKind::PayloadCrossesLap)
    );
    assert_eq!(corruption.header, header.to_bytes());

    consumer.publish(CAPACITY + 4090);
    assert!(consumer.peek().unwrap().is_none());
    producer
        .reserve()
        .unwrap()
        .commit(6, CommitFlags::None)
        .unwrap();
    let Err(Error::Corrupt(corruption)) = consumer.peek() else {
        panic!("a header past the lap's end")
    };
    assert_eq!(
        (corruption.kind, corruption.lap_left),
        (CorruptionKind::HeaderCrossesLap, 6)
    );
}

#[test]
fn a_commit_wakes_and_a_quiet_ring_times_out() {
    let (mut producer, consumer) = ring(WakeupMode::Push);
    let token = consumer.futex_token();
    assert_eq!(
        consumer.wait_broadcast(token, SHORT).unwrap(),
        Wake::TimedOut
    );
    producer.send(b"x").unwrap();
    assert_eq!(consumer.wait_broadcast(token, LONG).unwrap(), Wake::Changed);
    let token = consumer.futex_token();
    let sleeper =
        std::thread::spawn(move || (consumer.wait_broadcast(token, LONG).unwrap(), consumer));
    while !sleeper.is_finished() {
        producer.send(b"").unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    let (wake, consumer) = sleeper.join().unwrap();
    assert_ne!(wake, Wake::TimedOut);
    assert!(consumer.peek().unwrap().is_some());
}

#[test]
fn descriptors_are_matched_dropped_kept_or_lost() {
    let (mut producer, consumer) = ring(WakeupMode::Pull);
    let mut send = |mark: &[u8]| -> Sent {
        let fd = marked(mark);
        producer.send_with_fds(b"", &[fd.as_fd()]).unwrap()
    };
    let sent = [b"1", b"2", b"3"].map(|mark| send(mark));
    assert_eq!(
        sent.map(|s| (s.seq_id, s.consumers)),
        [(1, 1), (2, 1), (3, 1)]
    );
    // The first is passed over, the second wanted, the third still there.
    let fds = consumer.recv_fds(2, LONG).unwrap().unwrap();
    assert_eq!(fds.iter().map(mark_of).collect::<Vec<_>>(), [b"2"]);
    assert!(
        consumer.recv_fds(1, LONG).unwrap().is_none(),
        "lost: a later one is here"
    );
    assert!(consumer.recv_fds(2, LONG).unwrap().is_none());
    assert_eq!(
        mark_of(&consumer.recv_fds(3, LONG).unwrap().unwrap()[0]),
        b"3"
    );
    assert!(consumer.recv_fds(4, SHORT).unwrap_err().is_timeout());
    assert!(
        consumer
            .recv_fds(4, Duration::ZERO)
            .unwrap_err()
            .is_timeout()
    );

    let many: Vec<_> = (0..254).map(|_| marked(b"many")).collect();
    let many: Vec<BorrowedFd<'_>> = many.iter().map(AsFd::as_fd).collect();
    assert!(matches!(
        producer.send_with_fds(b"", &many),
        Err(Error::TooManyFds { found: 254 })
    ));
    assert_eq!(producer.broadcast_fds(9, &[]).unwrap(), 0);
    producer.send_with_fds(b"", &many[..253]).unwrap();
    assert_eq!(consumer.recv_fds(4, LONG).unwrap().unwrap().len(), 253);
    drop(producer);
    assert!(matches!(
        consumer.recv_fds(5, LONG),
        Err(Error::SideSocketClosed)
    ));
    assert!(consumer.is_evicted());
}

#[test]
fn a_full_side_socket_loses_records_and_blocks_nobody() {
    let (mut producer, mut consumer) = ring(WakeupMode::Pull);
    let fd = marked(b"x");
    let mut lost = None;
    while lost.is_none() {
        let sent = producer.send_with_fds(b"", &[fd.as_fd()]).unwrap();
        take(&mut consumer).unwrap();
        lost = (sent.consumers == 0).then_some(sent.seq_id);
    }
    let lost = lost.unwrap();
    assert!(
        consumer.recv_fds(lost, SHORT).unwrap_err().is_timeout(),
        "all there were are older, and dropped"
    );
    let sent = producer.send_with_fds(b"", &[fd.as_fd()]).unwrap();
    assert_eq!(sent.consumers, 1);
    assert!(consumer.recv_fds(lost, LONG).unwrap().is_none());
    assert_eq!(
        consumer.recv_fds(sent.seq_id, LONG).unwrap().unwrap().len(),
        1
    );
}

/// The memfd of this name that process `pid` has open.
fn memfd_of(pid: u32, name: &str) -> OwnedFd {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let path = entries.map(|entry| entry.unwrap().path()).find(|path| {
        std::fs::read_link(path).is_ok_and(|link| link.to_string_lossy().contains(name))
    });
    open(path.unwrap(), OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

#[test]
fn a_ring_cut_short_is_an_error_for_the_consumer() {
    for name in ["zbq_ring", "zbq_ctrl"] {
        let place = Place::new();
        let tx = Peer::producer(&place.socket(), "--impl reference --messages 10 --hold");
        let mut consumer = Consumer::connect(place.socket(), WakeupMode::Pull, LONG).unwrap();
        eventually("there is a message", || {
            (consumer.acquire_head() > 0).then_some(())
        });
        take(&mut consumer).unwrap();
        ftruncate(memfd_of(tx.pid(), name), 0).unwrap();
        let outcome = eventually("peek notices", || match consumer.peek() {
            Err(error) => Some(error.to_string()),
            Ok(Some(message)) => {
                let end = message.end();
                consumer.publish(end);
                None
            }
            Ok(None) => None,
        });
        assert_eq!(
            outcome,
            format!("{name}: its memfd was truncated under the mapping")
        );
    }
}

#[test]
fn a_page_cut_short_gets_its_consumer_evicted_and_not_the_producer_killed() {
    let place = Place::new();
    let mut tx = Peer::producer(&place.socket(), "--messages 10 --hold");
    let mut rx = Peer::consumer(&place.socket(), "--messages 10 --hold");
    rx.expect("done");
    tx.expect("done");
    // A scan that sees the tail, so that the zeros to come are a step back.
    tx.ask("scan", "scanned");
    ftruncate(memfd_of(tx.pid(), "zbq_meta"), 0).unwrap();
    tx.ask("scan", "scanned");
    assert_eq!(tx.ask("slots", "slots"), "slots ");
    assert!(
        rx.ask("status", "status")
            .contains("alive=true evicted=true")
    );
}

/// An outside reader finds our slot table in our memory as it would find the reference's.
#[test]
fn the_table_reads_like_the_reference_one() {
    for implementation in ["zbqtop", "reference"] {
        let place = Place::new();
        let common = "--capacity 65536 --clog-threshold 77 --stall-timeout 5 --max-consumers 3";
        let arguments =
            format!("--impl {implementation} --mode push --messages 10 --hold {common}");
        let mut tx = Peer::producer(&place.socket(), &arguments);
        let mut rx = Peer::consumer(&place.socket(), "--messages 10 --hold");
        rx.expect("done");
        tx.expect("done");
        let memory = std::fs::File::open(format!("/proc/{}/mem", tx.pid())).unwrap();
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", tx.pid())).unwrap();
        let range = |line: &str| -> (u64, u64) {
            let (start, end) = line
                .split_whitespace()
                .next()
                .unwrap()
                .split_once('-')
                .unwrap();
            (
                u64::from_str_radix(start, 16).unwrap(),
                u64::from_str_radix(end, 16).unwrap(),
            )
        };
        let mapped = |name: &str| range(maps.lines().find(|line| line.contains(name)).unwrap()).0;
        let wanted = [
            mapped("zbq_ctrl").to_ne_bytes(),
            mapped("zbq_ring").to_ne_bytes(),
        ]
        .concat();
        let word = |at: u64| -> u64 {
            let mut bytes = [0; 8];
            memory.read_exact_at(&mut bytes, at).unwrap();
            u64::from_ne_bytes(bytes)
        };
        let private = maps
            .lines()
            .filter(|line| line.contains(" rw-p ") && !line.contains("[stack]"));
        let found = private.flat_map(|line| {
            let (start, end) = range(line);
            let mut bytes = vec![0; (end - start) as usize];
            let read = memory.read_at(&mut bytes, start).unwrap_or(0);
            bytes.truncate(read);
            let hits = memchr::memmem::find_iter(&bytes, &wanted)
                .map(|hit| start + hit as u64 - table::CTRL as u64);
            hits.collect::<Vec<_>>()
        });
        let at = found
            .into_iter()
            .find(|&at| word(at) == 65536 && word(at + table::CLOG_THRESHOLD as u64) == 77);
        let at = at.unwrap_or_else(|| panic!("no table in the {implementation} producer"));
        let field = |offset: usize| word(at + offset as u64);
        let low = |value: u64| value & 0xffff_ffff;
        assert_eq!(field(table::STALL_TIMEOUT_NS), 5_000_000);
        assert_eq!(low(field(table::MAX_CONSUMERS)), 3);
        assert_eq!(low(field(table::ACTIVE_PUSH_COUNT)), 1);
        let head = field(table::LOCAL_HEAD);
        assert!(
            rx.ask("status", "status")
                .contains(&format!("tail={head} ")),
            "{implementation}"
        );
        let slot = |offset: usize| word(field(table::SLOTS) + offset as u64);
        assert_eq!(slot(table::SLOT_ACTIVE), 1, "active, push");
        assert_eq!(slot(table::SLOT_META), mapped("zbq_meta"));
        let pidfd = low(slot(table::SLOT_PIDFD));
        let info = std::fs::read_to_string(format!("/proc/{}/fdinfo/{pidfd}", tx.pid())).unwrap();
        assert!(info.contains(&format!("Pid:\t{}\n", rx.pid())), "{info}");
        assert_eq!(
            low(slot(table::SLOT_SIZE + table::SLOT_ACTIVE)),
            0,
            "one slot is taken"
        );
    }
}
