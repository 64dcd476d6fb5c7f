//! A producer that lies: whatever it answers a join with, and whatever stands in the memory that it hands over, there is
//! an error or a ring that is walked to an end, and no descriptor stays behind.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fstat, ftruncate, memfd_create};
use rustix::io::pwrite;
use rustix::net::sockopt::set_socket_passcred;
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, shutdown, socketpair};

use super::ancillary::send_with_fds;
use super::join::JoinPayload;
use super::layout::{self, JOIN_FDS};
use super::{Consumer, Error, SlotIndex, WakeupMode};
use crate::fuzzing::input::Input;

/// A moment, for what was not sent.
const MOMENT: Duration = Duration::from_millis(1);
/// Messages that are read of a ring at most.
const MESSAGES: usize = 64;

/// What a producer may hand over; the first four are what it should, in their order.
const THINGS: u64 = 11;

/// What is answered, and with which descriptors.
struct Answer {
    words: Vec<u8>,
    fds: Vec<OwnedFd>,
    /// The producer's end of the side socket.
    side: OwnedFd,
    /// Nothing in it is a lie.
    honest: bool,
}

fn pair(kind: SocketType) -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).expect("a pair")
}

fn memfd(size: u64, content: &[u8]) -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = memfd_create("zbq_fuzz", flags).expect("a memfd");
    ftruncate(&fd, size).expect("room");
    pwrite(&fd, content, 0).expect("room");
    fd
}

/// Changes a few bytes, if any; tells whether it did.
fn lie(bytes: &mut [u8], input: &mut Input<'_>) -> bool {
    let lies = input.below(16).saturating_sub(12);
    for _ in 0..lies {
        let at = input.index(bytes.len());
        bytes[at] = bytes[at].wrapping_add(1 + (input.byte() & 0x7f));
    }
    lies > 0
}

impl Answer {
    fn of(input: &mut Input<'_>) -> Self {
        let said = JoinPayload {
            ring_capacity: layout::CAPACITY_UNIT * (1 + input.below(4)),
            join_baseline: input.word(),
            initial_head: input.number() >> 1,
            producer_pid: rustix::process::getpid().as_raw_nonzero().get(),
            slot: SlotIndex(input.byte().into()),
            mode: if input.flag() {
                WakeupMode::Push
            } else {
                WakeupMode::Pull
            },
        };
        let committed = input.number() % (said.ring_capacity + 1);
        let mut words = said.to_bytes().to_vec();
        let mut ctrl = vec![0; layout::CTRL_STRUCT_SIZE];
        let mut meta = vec![0; 24];
        let head = said.initial_head + committed;
        ctrl[layout::CTRL_PRODUCER_HEAD..][..8].copy_from_slice(&head.to_ne_bytes());
        ctrl[layout::CTRL_PRODUCER_PID..][..4].copy_from_slice(&said.producer_pid.to_ne_bytes());
        ctrl[layout::CTRL_RING_CAPACITY..][..8].copy_from_slice(&said.ring_capacity.to_ne_bytes());
        meta[layout::META_TAIL_OFFSET..][..8].copy_from_slice(&said.initial_head.to_ne_bytes());
        meta[layout::META_JOIN_BASELINE..][..8].copy_from_slice(&said.join_baseline.to_ne_bytes());
        let mut honest = true;
        for part in [&mut words, &mut ctrl, &mut meta] {
            honest &= !lie(part, input);
        }
        if input.below(8) == 7 {
            honest = false;
            words.resize(input.index(100), 0x5a);
        }
        let (side, far_side) = pair(SocketType::SEQPACKET);
        let mut far_side = Some(far_side);
        let count = match input.below(8) {
            7 => input.below(9),
            _ => JOIN_FDS as u64,
        };
        honest &= count == JOIN_FDS as u64;
        let mut fds = Vec::new();
        for place in 0..count {
            let thing = match input.below(16) {
                15 => input.below(THINGS),
                _ => place % THINGS,
            };
            honest &= thing == place;
            fds.push(match thing {
                0 => memfd(layout::CTRL_SIZE as u64, &ctrl),
                1 => ring(&said, input),
                2 => memfd(layout::META_SIZE as u64, &meta),
                3 => far_side
                    .take()
                    .unwrap_or_else(|| pair(SocketType::SEQPACKET).0),
                4 => memfd(input.word() % 10_000, &[]),
                5 => sealed(&meta),
                6 => pair(SocketType::STREAM).0,
                7 => rustix::pipe::pipe().expect("a pipe").0,
                8 => std::fs::File::open("/dev/null")
                    .expect("it is there")
                    .into(),
                9 => std::fs::File::open("/").expect("it is there").into(),
                _ => std::fs::File::open("/proc/self/status")
                    .expect("it is there")
                    .into(),
            });
        }
        Self {
            words,
            fds,
            side,
            honest,
        }
    }

    fn send(&self, to: &OwnedFd, input: &mut Input<'_>) {
        let fds: Vec<BorrowedFd<'_>> = self.fds.iter().map(|fd| fd.as_fd()).collect();
        let cut = match input.below(4) {
            0 if !self.honest => input.index(self.words.len()),
            _ => 0,
        };
        let (first, rest) = self.words.split_at(cut);
        let (early, late) = fds.split_at(if cut > 0 { input.index(fds.len()) } else { 0 });
        if cut > 0 {
            let _ = send_with_fds(to.as_fd(), first, early);
        }
        let _ = send_with_fds(to.as_fd(), rest, late);
    }
}

/// Memory of a ring, with anything in it from where it is read first.
fn ring(said: &JoinPayload, input: &mut Input<'_>) -> OwnedFd {
    let capacity = said.ring_capacity as usize;
    let mut bytes = vec![0; capacity];
    let mut at = (said.initial_head % said.ring_capacity) as usize;
    for _ in 0..input.below(20) {
        let header = super::MessageHeader {
            payload_len: input.below(300) as u32,
            fd_count: input.byte() & 3,
            seq_id: input.byte().into(),
            ..Default::default()
        };
        let mut message = header.to_bytes().to_vec();
        message.extend(input.piece());
        message.resize(header.total_len() as usize, 0);
        for byte in message {
            bytes[at % capacity] = byte;
            at += 1;
        }
    }
    memfd(said.ring_capacity, &bytes)
}

fn sealed(meta: &[u8]) -> OwnedFd {
    let fd = memfd(layout::META_SIZE as u64, meta);
    fcntl_add_seals(&fd, SealFlags::WRITE | SealFlags::SHRINK).expect("nobody maps it");
    fd
}

/// Device and inode of what a descriptor stands for.
fn file(fd: impl std::os::fd::AsFd) -> (u64, u64) {
    let stat = fstat(fd).expect("it is open");
    (stat.st_dev, stat.st_ino)
}

/// Of the descriptors of this process, how many stand for one of `files`, and how many there are.
fn open(files: &[(u64, u64)]) -> (usize, usize) {
    let entries = std::fs::read_dir("/proc/self/fd").expect("/proc");
    let (mut ours, mut all) = (0, 0);
    for entry in entries.flatten() {
        all += 1;
        let stat = rustix::fs::stat(entry.path());
        ours += usize::from(stat.is_ok_and(|stat| files.contains(&(stat.st_dev, stat.st_ino))));
    }
    (ours, all)
}

/// Reads what a ring says that was joined.
fn read(consumer: &mut Consumer, shrunk: bool) {
    for _ in 0..MESSAGES {
        let Ok(Some(view)) = consumer.peek() else {
            break;
        };
        let (end, header) = (view.end(), view.header);
        assert_eq!(view.offset, consumer.tail());
        assert_eq!(view.total_len, header.total_len());
        assert!(view.offset % consumer.capacity() + view.total_len <= consumer.capacity());
        assert!(end <= consumer.acquire_head() || shrunk);
        match view.payload.to_vec() {
            Ok(payload) => assert_eq!(payload.len(), header.payload_len as usize),
            Err(error) => assert!(shrunk, "{error}"),
        }
        if header.fd_count > 0 {
            let _ = consumer.recv_fds(header.seq_id, Duration::ZERO);
        }
        consumer.publish(end);
        assert_eq!(consumer.tail(), end);
    }
}

/// An answer to a join, over either kind of socket, and the ring that it leads to.
pub fn join_answer(data: &[u8]) {
    let mut input = Input::new(data);
    let (_, before) = open(&[]);
    let kind = if input.flag() {
        SocketType::STREAM
    } else {
        SocketType::SEQPACKET
    };
    let (conn, producer) = pair(kind);
    let (credentials, waits, shrinks) = (input.below(8) == 7, input.below(64) == 63, input.flag());
    let answer = Answer::of(&mut input);
    if credentials {
        set_socket_passcred(&conn, true).expect("a socket");
    }
    answer.send(&producer, &mut input);
    for _ in 0..input.below(4) {
        let (seq_id, count) = (input.byte(), input.index(3).min(answer.fds.len()));
        let fds: Vec<_> = answer.fds[..count].iter().map(|fd| fd.as_fd()).collect();
        let mut record = u64::from(seq_id).to_ne_bytes().to_vec();
        record.truncate(if input.below(8) == 7 {
            input.index(9)
        } else {
            8
        });
        let _ = send_with_fds(answer.side.as_fd(), &record, &fds);
    }
    if !waits {
        shutdown(&producer, Shutdown::Write).expect("a socket");
    }
    let joined = Consumer::join(&conn, WakeupMode::Push, MOMENT);
    assert!(
        joined.is_ok() || !answer.honest || credentials,
        "an honest answer was refused: {joined:?}"
    );
    match joined {
        Ok(mut consumer) => {
            // What follows on a stream is not the answer's.
            let longer = answer.words.len() > layout::JOIN_PAYLOAD_SIZE;
            assert!(!longer || kind == SocketType::STREAM);
            let said = layout::u64_at(&answer.words, layout::JOIN_RING_CAPACITY);
            assert_eq!(Some(consumer.capacity()), said);
            // One that is sealed does not.
            let ring = answer.fds.get(1).filter(|_| shrinks);
            let shrunk = ring.is_some_and(|ring| ftruncate(ring, 0).is_ok());
            read(&mut consumer, shrunk);
        }
        Err(Error::Protocol {
            found, expected, ..
        }) => {
            assert!(!found.is_empty() && !expected.is_empty());
        }
        Err(_) => {}
    }
    let mut files: Vec<_> = answer.fds.iter().map(file).collect();
    files.extend([&conn, &producer, &answer.side].map(file));
    files.retain(|file| !is_everybodys(*file));
    drop((conn, producer, answer));
    let (left, after) = open(&files);
    assert_eq!(left, 0, "descriptors of the answer are still open");
    // Tests beside this one open and close others.
    assert!(
        cfg!(test) || after == before,
        "{before} descriptors before, {after} after"
    );
}

/// Whether others of this process may well have the file open, too.
fn is_everybodys(file: (u64, u64)) -> bool {
    let shared = ["/dev/null", "/", "/proc/self/status"];
    shared.iter().any(|path| {
        let stat = rustix::fs::stat(*path).expect("it is there");
        (stat.st_dev, stat.st_ino) == file
    })
}
