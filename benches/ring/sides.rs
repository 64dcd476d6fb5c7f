//! Both ends of a ring, of either make, behind one interface each: what is measured is the same for both.

use std::os::fd::AsRawFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use crate::interface::Interface;
use zbqtop::ring::{Consumer, Error, Producer, ProducerParams, WakeupMode};

const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const SLOTS: u32 = 64;

/// Writes messages.
pub(crate) trait Sender {
    /// Lets a consumer in.
    fn admit(&mut self, conn: &UnixStream, push: bool);

    /// Writes one message and commits it; false when there is no room.
    fn send(&mut self, payload: &[u8]) -> bool;

    /// Writes up to `count` messages and commits them together, if it knows how to; tells how many.
    fn send_many(&mut self, payload: &[u8], count: usize) -> usize {
        (0..count).take_while(|_| self.send(payload)).count()
    }
}

/// Reads messages.
pub(crate) trait Receiver {
    /// Copies one message out and releases it; `None` when there is none.
    fn take(&mut self, into: &mut [u8]) -> Option<usize>;

    /// Copies out what there is and releases it, together if it knows how to; tells how many there were.
    fn take_all(&mut self, into: &mut [u8]) -> usize {
        std::iter::from_fn(|| self.take(into)).take(64).count()
    }

    /// As a futex token: see [`Self::sleep`].
    fn token(&self) -> u32;

    /// Sleeps until something is committed, if nothing was since the token was taken.
    fn sleep(&self, token: u32);
}

/// Through a C interface.
pub(crate) struct CSender(Interface, *mut zbq_sys::zbq_producer);

impl CSender {
    pub(crate) fn new(interface: Interface, capacity: u64) -> Self {
        let params = zbq_sys::zbq_producer_params {
            ring_capacity: capacity,
            clog_threshold: 1 << 40,
            stall_timeout_ns: 60_000_000_000,
            max_consumers: SLOTS,
        };
        let mut producer = std::ptr::null_mut();
        // SAFETY: both pointers are to live values; the producer is used by this thread alone and never destroyed.
        let outcome = unsafe { (interface.create)(&mut producer, &params) };
        assert_eq!(outcome, 0);
        Self(interface, producer)
    }
}

impl Sender for CSender {
    fn admit(&mut self, conn: &UnixStream, push: bool) {
        let mode = if push {
            zbq_sys::zbq_wakeup_mode::ZBQ_WAKEUP_PUSH
        } else {
            zbq_sys::zbq_wakeup_mode::ZBQ_WAKEUP_PULL
        };
        let mut slot = 0;
        // SAFETY: the producer is live, the socket is open for the call, and `slot` outlives it.
        let outcome = unsafe { (self.0.handshake)(self.1, conn.as_raw_fd(), mode, &mut slot) };
        assert_eq!(outcome, 0);
    }

    #[inline]
    fn send(&mut self, payload: &[u8]) -> bool {
        let total = 16 + payload.len() as u64;
        // SAFETY: the producer is live; a run of at least `total` bytes at `base` is ours to write until the commit.
        unsafe {
            let run = (self.0.query)(self.1);
            if run.max_bytes < total {
                return false;
            }
            let header = run.base.cast::<zbq_sys::zbq_msg_header>();
            (*header).payload_len = payload.len() as u32;
            (*header).fd_count = 0;
            (*header).flags = 0;
            (*header).reserved = 0;
            (*header).seq_id = (self.0.next_seq_id)(self.1);
            let to = run.base.cast::<u8>().add(16);
            to.copy_from_nonoverlapping(payload.as_ptr(), payload.len());
            let flags = zbq_sys::zbq_commit_flags::ZBQ_COMMIT_NONE;
            (self.0.commit)(self.1, total, flags)
        }
    }
}

pub(crate) struct CReceiver(Interface, *mut zbq_sys::zbq_consumer);

impl CReceiver {
    pub(crate) fn join(interface: Interface, conn: &UnixStream, push: bool) -> Self {
        let mode = if push {
            zbq_sys::zbq_wakeup_mode::ZBQ_WAKEUP_PUSH
        } else {
            zbq_sys::zbq_wakeup_mode::ZBQ_WAKEUP_PULL
        };
        let mut consumer = std::ptr::null_mut();
        // SAFETY: the socket is open for the call; the consumer is used by this thread alone and never destroyed.
        let outcome = unsafe { (interface.join)(conn.as_raw_fd(), mode, &mut consumer) };
        assert_eq!(outcome, 0);
        Self(interface, consumer)
    }
}

impl Receiver for CReceiver {
    #[inline]
    fn take(&mut self, into: &mut [u8]) -> Option<usize> {
        // SAFETY: all its fields may be zero.
        let mut view: zbq_sys::zbq_msg_view = unsafe { std::mem::zeroed() };
        // SAFETY: the consumer is live; what a peek gave is there to be read until it is published.
        unsafe {
            if (self.0.peek)(self.1, &mut view) != 0 {
                return None;
            }
            let len = view.payload_len as usize;
            into.as_mut_ptr()
                .copy_from_nonoverlapping(view.payload.cast(), len.min(into.len()));
            (self.0.publish)(self.1, view.logical_offset + view.total_len);
            Some(len)
        }
    }

    fn token(&self) -> u32 {
        // SAFETY: the consumer is live.
        unsafe { (self.0.token)(self.1) }
    }

    fn sleep(&self, token: u32) {
        // SAFETY: the consumer is live.
        unsafe { (self.0.wait)(self.1, token) };
    }
}

pub(crate) fn ours(capacity: u64) -> Producer {
    let params = ProducerParams {
        ring_capacity: capacity,
        clog_threshold: 1 << 40,
        stall_timeout: Duration::from_secs(60),
        max_consumers: SLOTS,
    };
    Producer::create(params).expect("a ring")
}

#[inline]
fn is_sent(outcome: Result<u64, Error>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(Error::Full { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

fn mode(push: bool) -> WakeupMode {
    if push {
        WakeupMode::Push
    } else {
        WakeupMode::Pull
    }
}

impl Sender for Producer {
    fn admit(&mut self, conn: &UnixStream, push: bool) {
        self.handshake(conn, mode(push), PATIENCE)
            .expect("a consumer");
    }

    #[inline]
    fn send(&mut self, payload: &[u8]) -> bool {
        is_sent(Producer::send(self, payload))
    }

    #[inline]
    fn send_many(&mut self, payload: &[u8], count: usize) -> usize {
        let mut batch = self.batch();
        (0..count)
            .take_while(|_| is_sent(batch.push(payload)))
            .count()
    }
}

pub(crate) fn join_ours(conn: &UnixStream, push: bool) -> Consumer {
    Consumer::join(conn, mode(push), PATIENCE).expect("a slot")
}

impl Receiver for Consumer {
    #[inline]
    fn take(&mut self, into: &mut [u8]) -> Option<usize> {
        let message = self.peek().expect("a message")?;
        let (len, end) = (message.payload.len(), message.end());
        message
            .payload
            .copy_to(&mut into[..len])
            .expect("it is there");
        self.publish(end);
        Some(len)
    }

    #[inline]
    fn take_all(&mut self, into: &mut [u8]) -> usize {
        let (mut drain, mut taken) = (self.drain(), 0);
        while taken < 64
            && let Some(message) = drain.message().expect("a message")
        {
            let len = message.payload.len();
            message
                .payload
                .copy_to(&mut into[..len])
                .expect("it is there");
            taken += 1;
        }
        taken
    }

    fn token(&self) -> u32 {
        self.futex_token()
    }

    fn sleep(&self, token: u32) {
        match self.wait_broadcast(token, PATIENCE) {
            Ok(_) | Err(Error::Timeout { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Connects as soon as somebody listens.
pub(crate) fn connect(socket: &str) -> UnixStream {
    loop {
        match UnixStream::connect(socket) {
            Ok(conn) => return conn,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Accepts that many consumers.
pub(crate) fn admit(sender: &mut dyn Sender, socket: &str, count: usize, push: bool) {
    let listener = UnixListener::bind(socket).expect("a free path");
    for _ in 0..count {
        let (conn, _) = listener.accept().expect("somebody comes");
        sender.admit(&conn, push);
    }
    std::fs::remove_file(socket).expect("our own");
}
