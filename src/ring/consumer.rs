//! The consuming end: joins a ring, looks at the next message, releases what it has read. It owns its mappings, its
//! side socket and the records waiting there. It does not trust the producer: what the ring says is checked before
//! it is followed, and a payload is shared memory until it is copied.

pub(super) mod drain;

use std::cell::{Cell, RefCell};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::getpid;
use rustix::time::Timespec;

use super::ancillary::{Received, receive};
use super::clock::ticks;
use super::control::{Control, Metadata};
use super::deadline::Deadline;
use super::error::{Error, Result};
use super::join::{self, JoinPayload, Joined};
use super::layout::{self, HEADER_SIZE};
use super::mapping::{MOST_RANGES, Mapping, ReadOnly, ReadWrite, SharedBytes, Wake};
use super::message::{Corruption, CorruptionKind, MessageHeader};
use super::patience::{Patience, Worth};
use super::peercred::peer_pid;
use super::pidfd::{has_exited, open_pidfd};
use super::slot::{SlotIndex, WakeupMode};

/// Bytes in a header, as ring arithmetic has it.
const HEADER: u64 = HEADER_SIZE as u64;

/// Less than this at once, bytes, is little: some dozens of small messages.
const LITTLE: u64 = 4096;

/// The next message, before it is released.
#[derive(Clone, Copy, Debug)]
pub struct MessageView<'a> {
    /// A private copy of its header.
    pub header: MessageHeader,
    /// Its payload, still in the ring.
    pub payload: SharedBytes<'a>,
    /// Logical offset of its header.
    pub offset: u64,
    /// Bytes of header and payload.
    pub total_len: u64,
}

impl MessageView<'_> {
    /// Logical offset behind it: the tail to publish once it has been read.
    pub fn end(&self) -> u64 {
        self.offset + self.total_len
    }
}

/// Descriptors of a message later than the one that was asked for, kept until theirs is.
#[derive(Debug)]
struct Early {
    seq_id: u64,
    fds: Vec<OwnedFd>,
}

/// The consuming end of a ring.
///
/// It may go from thread to thread (`Send`), and is used by one at a time: it is not `Sync`.
///
/// ```compile_fail
/// fn is_sync<T: Sync>() {}
/// is_sync::<zbqtop::ring::Consumer>();
/// ```
///
/// A process that forks has it twice, and the producer knows of one: only one of the two may go on with it.
#[derive(Debug)]
pub struct Consumer {
    /// Who listens on the rendezvous socket.
    peer: Option<i32>,
    ctrl: Mapping<ReadOnly>,
    ring: Mapping<ReadOnly>,
    meta: Mapping<ReadWrite>,
    side: OwnedFd,
    producer: OwnedFd,
    capacity: u64,
    join_baseline: u64,
    slot: SlotIndex,
    mode: WakeupMode,
    tail: u64,
    /// `tail % capacity`, kept to save the division.
    position: u64,
    /// Head when it was last read. Head only grows, so what was below it is still there to be read.
    head: Cell<u64>,
    /// Before it is read again.
    patience: RefCell<Patience>,
    early: RefCell<Option<Early>>,
}

/// What a consumer still has when it no longer takes part ([`Consumer::park`]). Its side socket is closed, so that
/// no descriptor waits there on the producer's account.
#[derive(Debug)]
pub struct Parked {
    /// Process that listens on the rendezvous socket, in our pid namespace, from the kernel (`SO_PEERCRED`); `None`
    /// when the kernel does not tell.
    pub peer: Option<i32>,
    /// The control region.
    pub ctrl: Mapping<ReadOnly>,
    /// The data ring.
    pub ring: Mapping<ReadOnly>,
    /// Its own metadata page: parked, and to be left so.
    pub meta: Mapping<ReadWrite>,
    /// The slot it holds until the next scan.
    pub slot: SlotIndex,
    /// The mode that is in force there: while a push slot is taken, every commit makes a system call.
    pub mode: WakeupMode,
}

impl Consumer {
    /// Connects to a rendezvous socket, by path or, with a leading `@`, by abstract name, and joins. Tries
    /// SOCK_SEQPACKET first, then SOCK_STREAM if the socket says it is the wrong type.
    ///
    /// # Errors
    /// As [`Consumer::join`]; and if there is nobody at that address.
    pub fn connect(
        address: impl AsRef<Path>,
        requested: WakeupMode,
        timeout: Duration,
    ) -> Result<Self> {
        let deadline = Deadline::after(timeout);
        let path = address.as_ref();
        let address = match path.as_os_str().as_bytes() {
            [b'@', name @ ..] => SocketAddrUnix::new_abstract_name(name),
            _ => SocketAddrUnix::new(path),
        };
        let address = address.map_err(Error::io("rendezvous address"))?;
        let is_abstract = address.abstract_name().is_some();
        for kind in [SocketType::SEQPACKET, SocketType::STREAM] {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let conn =
                socket_with(AddressFamily::UNIX, kind, flags, None).map_err(Error::io("socket"))?;
            loop {
                match connect(&conn, &address) {
                    Ok(()) => return Self::join_by(&conn, requested, deadline),
                    Err(Errno::PROTOTYPE) => break,
                    // Abstract names are looked up by type as well: the wrong type is nobody at all.
                    Err(Errno::CONNREFUSED) if kind == SocketType::SEQPACKET && is_abstract => {
                        break;
                    }
                    Err(Errno::INTR) => {}
                    // The queue of connections is full, and there is nothing to poll for.
                    Err(Errno::AGAIN) if !deadline.is_over() => {
                        std::thread::sleep(Duration::from_millis(1))
                    }
                    Err(Errno::AGAIN) => {
                        return Err(Error::Timeout {
                            op: "connect",
                            limit: timeout,
                        });
                    }
                    Err(errno) => {
                        return Err(Error::Connect {
                            source: errno.into(),
                        });
                    }
                }
            }
        }
        // The wrong type twice over: of the three there are, that leaves one.
        Err(Error::protocol(
            "rendezvous socket",
            "SOCK_DGRAM",
            "SOCK_SEQPACKET or SOCK_STREAM",
        ))
    }

    /// Joins over a connected rendezvous socket, SOCK_SEQPACKET or SOCK_STREAM, which stays the caller's. `requested`
    /// is a wish: the producer decides, and [`Consumer::mode`] says what it decided.
    ///
    /// # Errors
    /// If the producer refuses, is silent for `timeout`, or answers with anything but what the protocol asks for.
    pub fn join(conn: impl AsFd, requested: WakeupMode, timeout: Duration) -> Result<Self> {
        Self::join_by(conn, requested, Deadline::after(timeout))
    }

    fn join_by(conn: impl AsFd, requested: WakeupMode, deadline: Deadline) -> Result<Self> {
        let peer = peer_pid(conn.as_fd());
        // Before anything is asked for: the producer would take a stranger for us, if anyone. (A socket that was
        // handed into our namespace from outside looks the same; that its producer is in ours cannot be seen here.)
        if peer == Some(0) {
            return Err(Error::OtherPidNamespace {
                ours: getpid().as_raw_nonzero().get(),
            });
        }
        let Joined {
            payload,
            ctrl,
            ring,
            meta,
            side,
        } = join::request(conn.as_fd(), requested, deadline)?;
        let capacity = payload.ring_capacity;
        let meta = Mapping::read_write(layout::META_NAME, meta, layout::META_SIZE)?;
        let joined = || -> Result<_> {
            let ctrl = Mapping::read_only(layout::CTRL_NAME, ctrl, layout::CTRL_SIZE)?;
            let ring = Mapping::read_only(layout::RING_NAME, ring, capacity as usize)?;
            check_memory(&payload, &Control::load(&ctrl), &Metadata::load(&meta))?;
            Ok((ctrl, ring, open_producer(payload.producer_pid)?))
        };
        // The slot is taken by now: one that we cannot use holds nothing up.
        let (ctrl, ring, producer) = joined().inspect_err(|_| park_page(&meta))?;
        Ok(Self {
            peer,
            ctrl,
            ring,
            meta,
            side,
            producer,
            capacity,
            join_baseline: payload.join_baseline,
            slot: payload.slot,
            mode: payload.mode,
            tail: payload.initial_head,
            position: payload.initial_head % capacity,
            head: Cell::new(payload.initial_head),
            patience: RefCell::default(),
            early: RefCell::new(None),
        })
    }

    /// The slot this consumer has, or had.
    pub fn slot(&self) -> SlotIndex {
        self.slot
    }

    /// The mode the producer gave it.
    pub fn mode(&self) -> WakeupMode {
        self.mode
    }

    /// Bytes in the ring.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Logical offset up to which this consumer has released the ring: where [`Consumer::peek`] looks.
    #[inline]
    pub fn tail(&self) -> u64 {
        self.tail
    }

    /// Device and inode of the control region: which ring this is.
    #[must_use]
    pub fn ctrl_file(&self) -> (u64, u64) {
        self.ctrl.file()
    }

    /// The control region, now.
    pub fn control(&self) -> Control {
        Control::load(&self.ctrl)
    }

    /// This consumer's own metadata page, now.
    pub fn metadata(&self) -> Metadata {
        Metadata::load(&self.meta)
    }

    /// Where the control region is mapped, for a C interface.
    #[doc(hidden)]
    pub fn ctrl_ptr(&self) -> *const u8 {
        self.ctrl.as_ptr()
    }

    /// Where this consumer's page is mapped, for a C interface.
    #[doc(hidden)]
    pub fn meta_ptr(&self) -> *const u8 {
        self.meta.as_ptr()
    }

    /// Whether the producer's process is there.
    pub fn is_producer_alive(&self) -> bool {
        !has_exited(&self.producer)
    }

    /// Whether the producer has closed its end of the side socket: this consumer was evicted, or the producer is
    /// gone. If it is alive and this is true, the ring may be overwritten under every byte not yet read.
    pub fn is_evicted(&self) -> bool {
        let mut polled = [PollFd::new(&self.side, PollFlags::empty())];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut polled, Some(&at_once)).is_ok()
            && polled[0]
                .revents()
                .intersects(PollFlags::HUP | PollFlags::ERR)
    }

    /// Bytes ever committed. Acquire: pairs with the producer's store-release, so the bytes below are there.
    #[inline]
    pub fn acquire_head(&self) -> u64 {
        self.ctrl.load_u64_acquire(layout::CTRL_PRODUCER_HEAD)
    }

    /// Looks at the message at the tail; `None` if there is none yet (`zbq.h: zbq_consumer_peek`).
    ///
    /// Where the reference says AGAIN for ever to a message that runs past the lap's end *and* past head, this is an
    /// error at once: no commit can make such a message sound.
    ///
    /// # Errors
    /// If the bytes there are no message and cannot become one: this consumer will not get past them. If a memfd
    /// was truncated.
    #[inline(always)]
    pub fn peek(&self) -> Result<Option<MessageView<'_>>> {
        let known = self.head.get().saturating_sub(self.tail);
        let most = known.min(self.capacity - self.position);
        if most >= HEADER {
            // Read once: what is checked below is what is returned, whatever the producer does to the original.
            let header = MessageHeader::from_bytes(self.ring.copy_array(self.position)?);
            if header.total_len() <= most && !self.ring.is_truncated() {
                return Ok(Some(MessageView {
                    header,
                    payload: self
                        .ring
                        .bytes(self.position + HEADER, header.payload_len as usize)?,
                    offset: self.tail,
                    total_len: header.total_len(),
                }));
            }
        }
        self.peek_anew()
    }

    /// The same by the head of now.
    #[cold]
    fn peek_anew(&self) -> Result<Option<MessageView<'_>>> {
        let mut patience = self.patience.borrow_mut();
        patience.wait();
        let head = self.acquire_head();
        patience.learn(match head.saturating_sub(self.head.get()) {
            0 => Worth::Nothing,
            1..LITTLE => Worth::Little,
            _ => Worth::Much,
        });
        drop(patience);
        self.head.set(head);
        let (offset, committed) = (self.tail, head.saturating_sub(self.tail));
        if committed == 0 {
            self.ctrl.check_truncated()?;
            return Ok(None);
        }
        let lap_left = self.capacity - self.position;
        let corrupt = |kind, header| Corruption {
            offset,
            kind,
            header,
            lap_left,
        };
        if lap_left < HEADER {
            return Err(corrupt(CorruptionKind::HeaderCrossesLap, [0; HEADER_SIZE]).into());
        }
        if committed < HEADER {
            return Ok(None);
        }
        let bytes = self.ring.copy_array(self.position)?;
        let header = MessageHeader::from_bytes(bytes);
        if header.total_len() > lap_left {
            self.ring.check_truncated()?;
            return Err(corrupt(CorruptionKind::PayloadCrossesLap, bytes).into());
        }
        if header.total_len() > committed {
            return Ok(None);
        }
        self.view(header).map(Some)
    }

    /// The message at the tail, which ends below head and in this lap.
    fn view(&self, header: MessageHeader) -> Result<MessageView<'_>> {
        self.ring.check_truncated()?;
        let payload = self
            .ring
            .bytes(self.position + HEADER, header.payload_len as usize)?;
        Ok(MessageView {
            header,
            payload,
            offset: self.tail,
            total_len: header.total_len(),
        })
    }

    /// Releases everything below `new_tail` to the producer, and notes when (`zbq.h: zbq_consumer_publish`).
    /// Usually that is the [`end`](MessageView::end) of a message just read. A tail above head, or below what was
    /// published before, gets a consumer evicted at the next scan.
    #[inline]
    pub fn publish(&mut self, new_tail: u64) {
        self.release(new_tail);
        self.advance(new_tail);
    }

    /// Stores the tail, and the time.
    #[inline]
    fn release(&self, tail: u64) {
        // Release: pairs with the producer's acquire load of the tail, so our reads of the bytes below are over.
        self.meta.store_u64_release(layout::META_TAIL_OFFSET, tail);
        let progress = ticks().wrapping_sub(self.join_baseline);
        // Release: pairs with a watcher's acquire load, so it never sees a newer time with an older tail.
        self.meta
            .store_u64_release(layout::META_PROGRESS_TIMESTAMP, progress);
    }

    /// Writes bytes of the ring, logical offsets and lengths that do not cross a lap's end, one behind the other to
    /// `fd`, by one system call and without a private copy. Returns how many bytes were taken.
    ///
    /// They are what was sent if they have not been released, and if this consumer has not been evicted by the time
    /// the call returns: ask [`Consumer::is_evicted`] then.
    ///
    /// # Errors
    /// If a range crosses the lap's end; those of writing.
    pub fn write_out(&self, fd: impl AsFd, ranges: &[(u64, usize)]) -> Result<usize> {
        let places: Vec<_> = ranges
            .iter()
            .take(MOST_RANGES)
            .map(|(offset, len)| (offset % self.capacity, *len))
            .collect();
        self.ring.write_out(fd, &places)
    }

    /// Goes on to `offset`, usually the [`end`](MessageView::end) of a message just read, and tells nobody: what lies
    /// below is still held until it is published.
    #[inline]
    pub fn advance(&mut self, offset: u64) {
        let step = offset.wrapping_sub(self.tail);
        let to_end = self.capacity - self.position;
        if step < to_end {
            self.position += step;
        } else {
            self.position = self.lap_position(offset);
        }
        self.tail = offset;
    }

    #[cold]
    fn lap_position(&self, offset: u64) -> u64 {
        offset % self.capacity
    }

    /// Stops being a consumer without a trace that could hold the producer up: from now on its tail is above any
    /// head, so it never gates, and the next scan frees its slot. The mappings go on working, and the producer may
    /// write over any byte at any time.
    pub fn park(self) -> Parked {
        park_page(&self.meta);
        Parked {
            peer: self.peer,
            ctrl: self.ctrl,
            ring: self.ring,
            meta: self.meta,
            slot: self.slot,
            mode: self.mode,
        }
    }

    /// The broadcast futex's value, to be taken *before* looking for messages and handed to
    /// [`Consumer::wait_broadcast`] when there are none.
    ///
    /// Acquire: pairs with our producer's release addition, so that a head loaded after this is no older.
    #[inline]
    pub fn futex_token(&self) -> u32 {
        self.ctrl.load_u32_acquire(layout::CTRL_BROADCAST_FUTEX)
    }

    /// Sleeps until the producer commits, if it has not since `token` was taken, but no longer than `timeout`.
    /// Nobody wakes a consumer whose producer dies or has evicted it, and a producer wakes nobody while it knows of
    /// pull consumers only: so come back now and then, and ask [`Consumer::is_evicted`].
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn wait_broadcast(&self, token: u32, timeout: Duration) -> Result<Wake> {
        self.ctrl
            .futex_wait(layout::CTRL_BROADCAST_FUTEX, token, Some(timeout))
    }

    /// Waits until there is something to read, `timeout` at most; tells whether there is. A push consumer sleeps, and is
    /// woken; a pull consumer, whom nobody wakes, looks again every millisecond. What was read has to be released before: a
    /// producer wakes only who has read, and released, all that there was.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn wait(&self, timeout: Duration) -> Result<bool> {
        const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
        let deadline = Deadline::after(timeout);
        loop {
            let token = self.futex_token();
            let head = self.acquire_head();
            if head > self.tail {
                // It need not be looked at again.
                self.head.set(head);
                return Ok(true);
            }
            let left = deadline.left();
            if left.is_zero() {
                return Ok(false);
            }
            let sleep = match self.mode {
                WakeupMode::Push => left,
                WakeupMode::Pull => left.min(BETWEEN_LOOKS),
            };
            self.wait_broadcast(token, sleep)?;
        }
    }

    /// Takes the descriptors of the message with `seq_id`, and closes those of messages before it. `None`: they
    /// were lost on the way, as a later message's are already here (those are kept). Ask in the order of the
    /// messages.
    ///
    /// # Errors
    /// If nothing came within `timeout`; if the side socket is closed and empty; if a record is malformed or this
    /// process has no room for its descriptors, in which case that record is gone.
    pub fn recv_fds(&self, seq_id: u64, timeout: Duration) -> Result<Option<Vec<OwnedFd>>> {
        /// More records than a side socket holds: to pass over this many takes no waiting, only a producer that
        /// sends as fast as we read.
        const MANY: usize = 1024;
        let deadline = Deadline::after(timeout);
        if let Some(early) = self.early.take() {
            if early.seq_id == seq_id {
                return Ok(Some(early.fds));
            }
            if early.seq_id > seq_id {
                self.early.replace(Some(early));
                return Ok(None);
            }
        }
        for passed in 0_usize.. {
            if passed > MANY && deadline.is_over() {
                break;
            }
            let record = self.receive_record(deadline)?;
            if record.seq_id == seq_id {
                return Ok(Some(record.fds));
            }
            if record.seq_id > seq_id {
                self.early.replace(Some(record));
                return Ok(None);
            }
        }
        Err(Error::Timeout {
            op: "descriptors on the side socket",
            limit: timeout,
        })
    }

    fn receive_record(&self, deadline: Deadline) -> Result<Early> {
        const OP: &str = "descriptors on the side socket";
        let side = self.side.as_fd();
        let mut fds = Vec::new();
        let mut bytes = [0; size_of::<u64>()];
        let received = deadline.retry(OP, side, PollFlags::IN, || {
            receive(side, &mut bytes, &mut fds)
        })?;
        match received {
            Ok(Received { bytes: 0, .. }) | Err(Errno::CONNRESET) if fds.is_empty() => {
                Err(Error::SideSocketClosed)
            }
            Ok(Received { cut: true, .. }) => Err(Error::protocol(
                OP,
                "more than fits",
                "8 bytes and descriptors",
            )),
            Ok(Received {
                bytes: 8,
                stray: false,
                ..
            }) if !fds.is_empty() => Ok(Early {
                seq_id: u64::from_ne_bytes(bytes),
                fds,
            }),
            Ok(Received { bytes, .. }) => {
                let found = format_args!("{bytes} bytes and {} descriptors", fds.len());
                Err(Error::protocol(
                    OP,
                    found,
                    "8 bytes and 1 to 253 descriptors",
                ))
            }
            Err(errno) => Err(Error::io("side socket: recvmsg")(errno)),
        }
    }
}

/// Puts a tail above any head.
fn park_page(meta: &Mapping<ReadWrite>) {
    // Release: pairs with the producer's acquire load of the tail, so our reads of the bytes below are over.
    meta.store_u64_release(layout::META_TAIL_OFFSET, layout::PARKED_TAIL);
}

/// A descriptor that tells when the producer ends.
fn open_producer(pid: i32) -> Result<OwnedFd> {
    match open_pidfd(pid) {
        Err(Errno::SRCH) => Err(Error::NoProducer { pid }),
        opened => opened.map_err(Error::io("pidfd_open of the producer")),
    }
}

/// Whether what the shared memory says is what the handshake said.
fn check_memory(said: &JoinPayload, control: &Control, metadata: &Metadata) -> Result<()> {
    agree(
        "zbq_ctrl: ring_capacity",
        control.ring_capacity,
        said.ring_capacity,
    )?;
    agree(
        "zbq_ctrl: producer_pid",
        control.producer_pid,
        said.producer_pid,
    )?;
    agree(
        "zbq_meta: tail_offset",
        metadata.tail_offset,
        said.initial_head,
    )?;
    agree(
        "zbq_meta: join_baseline",
        metadata.join_baseline,
        said.join_baseline,
    )?;
    if control.producer_head < said.initial_head {
        let expected = format_args!("at least the initial {}", said.initial_head);
        return Err(Error::protocol(
            "zbq_ctrl: producer_head",
            control.producer_head,
            expected,
        ));
    }
    Ok(())
}

fn agree<T: PartialEq + ToString>(object: &'static str, found: T, said: T) -> Result<()> {
    if found == said {
        return Ok(());
    }
    Err(Error::protocol(
        object,
        found,
        format_args!("{} as the join answer said", said.to_string()),
    ))
}
