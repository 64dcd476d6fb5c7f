//! The handshake by which a consumer gets a slot, both ends of it: what is sent over the rendezvous socket, and
//! what is checked before any of it is believed. It owns the traffic on the rendezvous socket; it knows neither slots
//! nor what is done with the descriptors.

use rustix::event::PollFlags;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, OFlags, SealFlags, fcntl_get_seals, fcntl_getfl, fstat};
use rustix::io::Errno;
use rustix::net::sockopt::{socket_domain, socket_type};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, send};

use super::ancillary::{Received, receive, send_with_fds};
use super::deadline::Deadline;
use super::error::{Error, Result};
use super::layout::{self, JOIN_FDS, JOIN_PAYLOAD_SIZE, JOIN_REQUEST_SIZE};
use super::slot::{SlotIndex, WakeupMode};

/// What a consumer asks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JoinRequest {
    pub(super) consumer_pid: i32,
    /// A wish, and as it came: the producer's application decides.
    pub(super) wakeup_mode: u32,
}

impl JoinRequest {
    fn from_bytes(bytes: [u8; JOIN_REQUEST_SIZE]) -> Self {
        let [p0, p1, p2, p3, m @ ..] = bytes;
        Self {
            consumer_pid: i32::from_ne_bytes([p0, p1, p2, p3]),
            wakeup_mode: u32::from_ne_bytes(m),
        }
    }

    fn to_bytes(self) -> [u8; JOIN_REQUEST_SIZE] {
        let mut bytes = [0; JOIN_REQUEST_SIZE];
        bytes[..4].copy_from_slice(&self.consumer_pid.to_ne_bytes());
        bytes[4..].copy_from_slice(&self.wakeup_mode.to_ne_bytes());
        bytes
    }
}

/// What the producer answers (`zbq.h: struct zbq_join_payload`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JoinPayload {
    pub(super) ring_capacity: u64,
    pub(super) join_baseline: u64,
    pub(super) initial_head: u64,
    pub(super) producer_pid: i32,
    pub(super) slot: SlotIndex,
    pub(super) mode: WakeupMode,
}

impl JoinPayload {
    fn from_bytes(bytes: &[u8; JOIN_PAYLOAD_SIZE]) -> Result<Self> {
        // The array has room for every field.
        let u64_at = |at| layout::u64_at(bytes, at).unwrap_or(0);
        let u32_at = |at| layout::u32_at(bytes, at).unwrap_or(0);
        let mode = u32_at(layout::JOIN_WAKEUP_MODE);
        let payload = Self {
            ring_capacity: u64_at(layout::JOIN_RING_CAPACITY),
            join_baseline: u64_at(layout::JOIN_BASELINE),
            initial_head: u64_at(layout::JOIN_INITIAL_HEAD),
            producer_pid: u32_at(layout::JOIN_PRODUCER_PID).cast_signed(),
            slot: SlotIndex(u32_at(layout::JOIN_SLOT_INDEX)),
            mode: WakeupMode::from_wire(mode)
                .ok_or_else(|| Error::protocol("join answer: wakeup_mode", mode, "0 or 1"))?,
        };
        let capacity = payload.ring_capacity;
        if !layout::is_capacity(capacity) {
            return Err(Error::protocol(
                "join answer: ring_capacity",
                capacity,
                layout::CAPACITY_EXPECTED,
            ));
        }
        if payload.producer_pid <= 0 {
            return Err(Error::protocol(
                "join answer: producer_pid",
                payload.producer_pid,
                "a process",
            ));
        }
        Ok(payload)
    }

    pub(super) fn to_bytes(self) -> [u8; JOIN_PAYLOAD_SIZE] {
        let mut bytes = [0; JOIN_PAYLOAD_SIZE];
        let mut put = |at: usize, field: &[u8]| bytes[at..][..field.len()].copy_from_slice(field);
        put(
            layout::JOIN_RING_CAPACITY,
            &self.ring_capacity.to_ne_bytes(),
        );
        put(layout::JOIN_BASELINE, &self.join_baseline.to_ne_bytes());
        put(layout::JOIN_INITIAL_HEAD, &self.initial_head.to_ne_bytes());
        put(layout::JOIN_PRODUCER_PID, &self.producer_pid.to_ne_bytes());
        put(layout::JOIN_SLOT_INDEX, &self.slot.0.to_ne_bytes());
        put(layout::JOIN_WAKEUP_MODE, &self.mode.to_wire().to_ne_bytes());
        bytes
    }
}

/// An answer whose words and descriptors are each what they should be. Whether they agree with what is *in* the
/// shared memory is for the consumer to see, who maps it.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) payload: JoinPayload,
    pub(super) ctrl: OwnedFd,
    pub(super) ring: OwnedFd,
    pub(super) meta: OwnedFd,
    pub(super) side: OwnedFd,
}

/// Whether the rendezvous socket keeps records apart.
fn keeps_records(conn: BorrowedFd<'_>) -> Result<bool> {
    match socket_type(conn).map_err(Error::io("rendezvous socket: SO_TYPE"))? {
        SocketType::SEQPACKET => Ok(true),
        SocketType::STREAM => Ok(false),
        other => Err(Error::protocol(
            "rendezvous socket: type",
            format_args!("{other:?}"),
            "SOCK_SEQPACKET or SOCK_STREAM",
        )),
    }
}

/// The consumer's end: asks for a slot, and checks the answer.
pub(super) fn request(
    conn: BorrowedFd<'_>,
    requested: WakeupMode,
    deadline: Deadline,
) -> Result<Joined> {
    let records = keeps_records(conn)?;
    let consumer_pid = rustix::process::getpid().as_raw_nonzero().get();
    let ask = JoinRequest {
        consumer_pid,
        wakeup_mode: requested.to_wire(),
    }
    .to_bytes();
    let sent = deadline.retry("join request", conn, PollFlags::OUT, || {
        send(conn, &ask, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
    })?;
    match sent {
        Ok(JOIN_REQUEST_SIZE) => {}
        Ok(short) => {
            return Err(Error::protocol(
                "join request",
                format_args!("{short} bytes sent"),
                8,
            ));
        }
        // Closed before we could ask: refused like closed after.
        Err(Errno::PIPE | Errno::CONNRESET) => return Err(Error::Refused),
        Err(errno) => return Err(Error::io("join request: send")(errno)),
    }
    let (bytes, fds) = receive_answer(conn, records, deadline)?;
    let payload = JoinPayload::from_bytes(&bytes)?;
    let count = fds.len();
    let [ctrl, ring, meta, side] = <[OwnedFd; JOIN_FDS]>::try_from(fds).map_err(|_| {
        Error::protocol("join answer", format_args!("{count} descriptors"), JOIN_FDS)
    })?;
    check_memfd(
        layout::CTRL_NAME,
        ctrl.as_fd(),
        layout::CTRL_SIZE as u64,
        false,
    )?;
    check_memfd(
        layout::RING_NAME,
        ring.as_fd(),
        payload.ring_capacity,
        false,
    )?;
    check_memfd(
        layout::META_NAME,
        meta.as_fd(),
        layout::META_SIZE as u64,
        true,
    )?;
    check_side_socket(side.as_fd())?;
    Ok(Joined {
        payload,
        ctrl,
        ring,
        meta,
        side,
    })
}

/// Receives the answer's 64 bytes, in as many pieces as a stream delivers them, and every descriptor with them.
fn receive_answer(
    conn: BorrowedFd<'_>,
    records: bool,
    deadline: Deadline,
) -> Result<([u8; JOIN_PAYLOAD_SIZE], Vec<OwnedFd>)> {
    const OP: &str = "join answer";
    // One byte more than an answer has, so that a longer record shows; on a stream what follows is not ours to read.
    let mut bytes = [0; JOIN_PAYLOAD_SIZE + 1];
    let wanted = if records {
        JOIN_PAYLOAD_SIZE + 1
    } else {
        JOIN_PAYLOAD_SIZE
    };
    let (mut filled, mut fds) = (0, Vec::new());
    while filled < JOIN_PAYLOAD_SIZE {
        let received = deadline.retry(OP, conn, PollFlags::IN, || {
            receive(conn, &mut bytes[filled..wanted], &mut fds)
        })?;
        match received {
            Ok(Received { bytes: 0, .. }) | Err(Errno::CONNRESET)
                if filled == 0 && fds.is_empty() =>
            {
                return Err(Error::Refused);
            }
            Ok(Received { cut: true, .. }) => {
                return Err(Error::protocol(
                    OP,
                    "bytes or descriptors were lost",
                    JOIN_FDS,
                ));
            }
            Ok(Received { stray: true, .. }) => {
                return Err(Error::protocol(OP, "credentials", "descriptors alone"));
            }
            Ok(Received { bytes: more, .. }) => {
                filled += more;
                if filled != JOIN_PAYLOAD_SIZE && (records || more == 0) {
                    return Err(Error::protocol(
                        OP,
                        format_args!("{filled} bytes"),
                        JOIN_PAYLOAD_SIZE,
                    ));
                }
            }
            Err(errno) => return Err(Error::io("join answer: recvmsg")(errno)),
        }
    }
    let (answer, _) = bytes.split_at(JOIN_PAYLOAD_SIZE);
    Ok((std::array::from_fn(|i| answer[i]), fds))
}

/// A memfd is a regular file that has seals, and these have exactly one right size. All are read, one is written.
fn check_memfd(name: &'static str, fd: BorrowedFd<'_>, size: u64, is_written: bool) -> Result<()> {
    let stat = fstat(fd).map_err(Error::io("fstat"))?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind != FileType::RegularFile {
        return Err(Error::protocol(name, format_args!("{kind:?}"), "a memfd"));
    }
    let Ok(seals) = fcntl_get_seals(fd) else {
        return Err(Error::protocol(name, "a file without seals", "a memfd"));
    };
    let mode = fcntl_getfl(fd).map_err(Error::io("F_GETFL"))? & OFlags::RWMODE;
    if mode != OFlags::RDWR && mode != OFlags::RDONLY {
        return Err(Error::protocol(name, "not opened for reading", "it to be"));
    }
    if is_written && mode != OFlags::RDWR {
        return Err(Error::protocol(
            name,
            "opened for reading alone",
            "for writing, too",
        ));
    }
    if is_written && seals.intersects(SealFlags::WRITE | SealFlags::FUTURE_WRITE) {
        return Err(Error::protocol(
            name,
            "sealed against writing",
            "a page to be written",
        ));
    }
    if u64::try_from(stat.st_size) != Ok(size) {
        return Err(Error::protocol(
            name,
            format_args!("{} bytes", stat.st_size),
            size,
        ));
    }
    Ok(())
}

fn check_side_socket(fd: BorrowedFd<'_>) -> Result<()> {
    let expected = "a unix SOCK_SEQPACKET socket";
    match (socket_domain(fd), socket_type(fd)) {
        (Ok(AddressFamily::UNIX), Ok(SocketType::SEQPACKET)) => Ok(()),
        (Ok(domain), Ok(kind)) => Err(Error::protocol(
            "side socket",
            format_args!("{domain:?} {kind:?}"),
            expected,
        )),
        _ => Err(Error::protocol("side socket", "no socket", expected)),
    }
}

/// The producer's end, first half: what the consumer asks for.
pub(super) fn receive_request(conn: BorrowedFd<'_>, deadline: Deadline) -> Result<JoinRequest> {
    const OP: &str = "join request";
    let records = keeps_records(conn)?;
    // One byte more than a request has, so that a longer record shows.
    let mut bytes = [0; JOIN_REQUEST_SIZE + 1];
    let wanted = if records {
        JOIN_REQUEST_SIZE + 1
    } else {
        JOIN_REQUEST_SIZE
    };
    let mut filled = 0;
    while filled < JOIN_REQUEST_SIZE {
        let received = deadline.retry(OP, conn, PollFlags::IN, || {
            // Descriptors sent along are for nobody; without room for them the kernel drops them.
            recv(conn, &mut bytes[filled..wanted], RecvFlags::DONTWAIT)
        })?;
        let (more, _) = received.map_err(Error::io("join request: recv"))?;
        filled += more;
        if filled != JOIN_REQUEST_SIZE && (records || more == 0) {
            return Err(Error::protocol(
                OP,
                format_args!("{filled} bytes"),
                JOIN_REQUEST_SIZE,
            ));
        }
    }
    Ok(JoinRequest::from_bytes(std::array::from_fn(|i| bytes[i])))
}

/// The producer's end, second half: the answer, with its descriptors in the order of the protocol.
pub(super) fn send_answer(
    conn: BorrowedFd<'_>,
    payload: JoinPayload,
    fds: [BorrowedFd<'_>; JOIN_FDS],
    deadline: Deadline,
) -> Result<()> {
    let bytes = payload.to_bytes();
    let sent = deadline.retry("join answer", conn, PollFlags::OUT, || {
        send_with_fds(conn, &bytes, &fds)
    })?;
    match sent.map_err(Error::io("join answer: sendmsg"))? {
        JOIN_PAYLOAD_SIZE => Ok(()),
        short => Err(Error::protocol(
            "join answer",
            format_args!("{short} bytes sent"),
            JOIN_PAYLOAD_SIZE,
        )),
    }
}
