//! Answers to a join request: a true one, and every way we could think of in which one may lie, with the words in which
//! each is to be found out. Who sends them, and to whom, is up to the test.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

use rustix::fs::{
    MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create, open,
};
use rustix::io::pwrite;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    sendmsg, socketpair,
};
use zbqtop::ring::layout;

/// Bytes in the ring of a true answer.
pub(crate) const CAPACITY: u64 = 8192;

/// A connected pair of unix sockets.
pub(crate) fn sockets(kind: SocketType) -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap()
}

fn memfd(size: u64) -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = memfd_create("mock", flags).unwrap();
    ftruncate(&fd, size).unwrap();
    fd
}

fn special(path: &str) -> OwnedFd {
    open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

/// An answer to a join request, true until a test makes it lie.
pub(crate) struct Answer {
    /// The words.
    pub(crate) bytes: Vec<u8>,
    /// Control region, ring, metadata page, consumer's end of the side socket.
    pub(crate) fds: Vec<OwnedFd>,
    /// The producer's end of the side socket.
    pub(crate) side: OwnedFd,
}

impl Answer {
    pub(crate) fn new() -> Self {
        let (side, theirs) = sockets(SocketType::SEQPACKET);
        let mut answer = Self {
            bytes: vec![0; 64],
            fds: vec![memfd(4096), memfd(CAPACITY), memfd(4096), theirs],
            side,
        };
        answer.say(layout::JOIN_RING_CAPACITY, CAPACITY);
        answer.say(layout::JOIN_BASELINE, 777);
        answer.say(layout::JOIN_INITIAL_HEAD, 100);
        answer.say32(layout::JOIN_SLOT_INDEX, 3);
        answer.say32(layout::JOIN_WAKEUP_MODE, 1);
        answer.put(0, layout::CTRL_PRODUCER_HEAD, 100);
        answer.put(0, layout::CTRL_RING_CAPACITY, CAPACITY);
        answer.put(2, layout::META_TAIL_OFFSET, 100);
        answer.put(2, layout::META_JOIN_BASELINE, 777);
        answer.name_producer(std::process::id());
        answer
    }

    /// Puts a number into the 64 bytes.
    pub(crate) fn say(&mut self, at: usize, value: u64) {
        self.bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
    }

    fn say32(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }

    /// Puts a number into one of the memfds.
    pub(crate) fn put(&self, fd: usize, at: usize, value: u64) {
        pwrite(&self.fds[fd], &value.to_ne_bytes(), at as u64).unwrap();
    }

    fn name_producer(&mut self, pid: u32) {
        self.say32(layout::JOIN_PRODUCER_PID, pid);
        self.put(0, layout::CTRL_PRODUCER_PID, pid.into());
    }

    fn reopen(&mut self, fd: usize, flags: OFlags) {
        let path = format!("/proc/self/fd/{}", self.fds[fd].as_raw_fd());
        self.fds[fd] = open(path, flags | OFlags::CLOEXEC, Mode::empty()).unwrap();
    }

    /// Sends all descriptors, with `bytes`.
    pub(crate) fn send(&self, conn: &OwnedFd, bytes: &[u8]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds: Vec<_> = self.fds.iter().map(|fd| fd.as_fd()).collect();
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

/// Makes a true answer lie.
pub(crate) type Lie = fn(&mut Answer);

/// The program's exit status, words that name what was found and what was expected, and the lie; for SOCK_SEQPACKET,
/// where an answer has a length.
pub(crate) const LIES: &[(i32, &str, Lie)] = &[
    // The words' length.
    (5, "join answer: 63 bytes, expected 64", |a| {
        a.bytes.truncate(63)
    }),
    (5, "join answer: 65 bytes, expected 64", |a| a.bytes.push(0)),
    (
        5,
        "join answer: bytes or descriptors were lost, expected 4",
        |a| a.bytes.resize(100, 0),
    ),
    // How many descriptors.
    (5, "join answer: 0 descriptors, expected 4", |a| {
        a.fds.clear()
    }),
    (5, "join answer: 3 descriptors, expected 4", |a| {
        a.fds.truncate(3)
    }),
    (5, "join answer: 5 descriptors, expected 4", |a| {
        a.fds.push(memfd(4096))
    }),
    (5, "join answer: 6 descriptors, expected 4", |a| {
        a.fds.resize_with(6, || memfd(4096))
    }),
    (5, "join answer: 253 descriptors, expected 4", |a| {
        a.fds.resize_with(253, || special("/dev/null"))
    }),
    // What the words say.
    (
        5,
        "join answer: ring_capacity: 0, expected a multiple of 4096 from 4096 to 2^46",
        |a| a.say(layout::JOIN_RING_CAPACITY, 0),
    ),
    (
        5,
        "join answer: ring_capacity: 8193, expected a multiple of 4096 from 4096 to 2^46",
        |a| a.say(layout::JOIN_RING_CAPACITY, CAPACITY + 1),
    ),
    (
        5,
        "join answer: ring_capacity: 9223372036854775808, expected a multiple of 4096 from",
        |a| a.say(layout::JOIN_RING_CAPACITY, 1 << 63),
    ),
    (5, "join answer: wakeup_mode: 7, expected 0 or 1", |a| {
        a.say32(layout::JOIN_WAKEUP_MODE, 7)
    }),
    (5, "join answer: producer_pid: 0, expected a process", |a| {
        a.name_producer(0)
    }),
    (
        5,
        "join answer: producer_pid: -1, expected a process",
        |a| a.name_producer(u32::MAX),
    ),
    // More than any pid can be: nobody's, now and ever.
    (
        3,
        "join answer: producer_pid: 2147483647, expected a process of our pid namespace: it has ended",
        |a| a.name_producer(i32::MAX.cast_unsigned()),
    ),
    // What the descriptors are.
    (5, "zbq_ctrl: Fifo, expected a memfd", |a| {
        a.fds[0] = rustix::pipe::pipe().unwrap().0
    }),
    (5, "zbq_ctrl: CharacterDevice, expected a memfd", |a| {
        a.fds[0] = special("/dev/zero")
    }),
    (5, "zbq_ring: Directory, expected a memfd", |a| {
        a.fds[1] = special("/")
    }),
    (5, "zbq_ring: Socket, expected a memfd", |a| {
        a.fds[1] = sockets(SocketType::STREAM).0
    }),
    (5, "zbq_meta: a file without seals, expected a memfd", |a| {
        a.fds[2] = special("/proc/self/exe")
    }),
    (
        5,
        "zbq_ctrl: not opened for reading, expected it to be",
        |a| a.reopen(0, OFlags::WRONLY),
    ),
    (
        5,
        "zbq_meta: opened for reading alone, expected for writing, too",
        |a| a.reopen(2, OFlags::RDONLY),
    ),
    (
        5,
        "zbq_meta: sealed against writing, expected a page to be written",
        |a| fcntl_add_seals(&a.fds[2], SealFlags::WRITE).unwrap(),
    ),
    (
        5,
        "side socket: no socket, expected a unix SOCK_SEQPACKET",
        |a| a.fds[3] = memfd(0),
    ),
    (
        5,
        "side socket: AddressFamily(1) SocketType(1), expected a unix SOCK_SEQPACKET",
        |a| a.fds[3] = sockets(SocketType::STREAM).0,
    ),
    // How large they are.
    (5, "zbq_ctrl: 1024 bytes, expected 4096", |a| {
        ftruncate(&a.fds[0], 1024).unwrap()
    }),
    (5, "zbq_ring: 4096 bytes, expected 8192", |a| {
        ftruncate(&a.fds[1], 4096).unwrap()
    }),
    (5, "zbq_ring: 12288 bytes, expected 8192", |a| {
        ftruncate(&a.fds[1], 12288).unwrap()
    }),
    (5, "zbq_ring: 8192 bytes, expected 16384", |a| {
        a.say(layout::JOIN_RING_CAPACITY, 16384)
    }),
    (5, "zbq_meta: 0 bytes, expected 4096", |a| {
        ftruncate(&a.fds[2], 0).unwrap()
    }),
    // What the memory says, against the words.
    (5, "zbq_ctrl: ring_capacity: 4096, expected 8192", |a| {
        a.put(0, layout::CTRL_RING_CAPACITY, 4096)
    }),
    (5, "zbq_ctrl: producer_pid: 1, expected", |a| {
        a.put(0, layout::CTRL_PRODUCER_PID, 1)
    }),
    (
        5,
        "zbq_ctrl: producer_head: 99, expected at least the initial 100",
        |a| a.put(0, 0, 99),
    ),
    (5, "zbq_meta: tail_offset: 101, expected 100", |a| {
        a.put(2, layout::META_TAIL_OFFSET, 101)
    }),
    (5, "zbq_meta: join_baseline: 1, expected 777", |a| {
        a.put(2, layout::META_JOIN_BASELINE, 1)
    }),
];
