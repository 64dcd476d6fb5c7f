//! Everything that can go wrong on a ring, typed. It owns the words; it decides nothing.
//!
//! A message names the object, what was found and what was expected. What a hostile peer writes into a ring is
//! data, not an error of ours: see [`Corruption`], which arrives here only when a
//! consumer cannot go past it.

use std::time::Duration;

use super::message::Corruption;

/// Result with the ring's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on a ring did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter that no ring can have.
    #[error("{what} is {found}, expected {expected}")]
    InvalidParams {
        /// The parameter.
        what: &'static str,
        /// Its value.
        found: u64,
        /// The values it may have.
        expected: &'static str,
    },
    /// The kernel refused.
    #[error("{op}: {source}")]
    Io {
        /// What was asked of it.
        op: &'static str,
        /// Its answer.
        source: std::io::Error,
    },
    /// Nobody took the connection to a rendezvous socket.
    #[error("connect: {source}")]
    Connect {
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// The other side broke the protocol.
    #[error("{object}: {found}, expected {expected}")]
    Protocol {
        /// What was looked at.
        object: &'static str,
        /// What it said.
        found: String,
        /// What it should have said.
        expected: String,
    },
    /// The bytes at the consumer's tail are no message, and never will be.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
    /// There is no room for the message now: the slowest consumer has yet to release some.
    #[error("the ring is full: {needed} bytes are needed, {free} are free")]
    Full {
        /// Bytes that are needed at head.
        needed: u64,
        /// Bytes that are free there.
        free: u64,
    },
    /// The producer's slot table is full.
    #[error("no free slot: all {slots} are taken")]
    NoFreeSlot {
        /// How many there are.
        slots: u32,
    },
    /// The producer closed the connection and said nothing, which is how it says that no slot is free.
    #[error(
        "the producer closed the connection without an answer, expected a slot (it probably has none free)"
    )]
    Refused,
    /// Who listens counts pids otherwise than we do, and a join tells pids. Found out before anything was asked for.
    #[error(
        "the listener runs in another pid namespace (SO_PEERCRED reports pid 0), where our pid {ours} names no \
         process, or a wrong one, which the producer would then watch; join from the producer's pid namespace"
    )]
    OtherPidNamespace {
        /// Our own pid, in our own namespace.
        ours: i32,
    },
    /// The process that the answer names as the producer is not there.
    #[error(
        "join answer: producer_pid: {pid}, expected a process of our pid namespace: it has ended, or is in another"
    )]
    NoProducer {
        /// The pid that the answer gave.
        pid: i32,
    },
    /// The side socket is closed: this consumer was evicted, or the producer is gone.
    #[error("side socket: closed by the producer")]
    SideSocketClosed,
    /// A time limit passed.
    #[error("{op}: nothing within {limit:?}")]
    Timeout {
        /// What was waited for.
        op: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The owner of a memfd shrank it under our mapping; what we read there is zeros from now on.
    #[error("{object}: its memfd was truncated under the mapping")]
    Truncated {
        /// Which memfd.
        object: &'static str,
    },
    /// A range that is not inside its object.
    #[error("{object}: {len} bytes at {offset} asked for, but it has {size}")]
    OutOfRange {
        /// The mapping or reservation.
        object: &'static str,
        /// Where the range starts.
        offset: u64,
        /// How long it is.
        len: u64,
        /// How long the object is.
        size: u64,
    },
    /// More memory is mapped than the SIGBUS guard has room to watch.
    #[error("the SIGBUS guard already watches {capacity} mappings, its most")]
    TooManyMappings {
        /// How many it has room for.
        capacity: usize,
    },
    /// A message that no lap of this ring can hold.
    #[error("message payload is {payload_len} bytes, but a ring of {capacity} takes at most {max}")]
    MessageTooLong {
        /// Bytes of payload.
        payload_len: usize,
        /// Bytes in the ring.
        capacity: u64,
        /// Most bytes of payload that always fit.
        max: u64,
    },
    /// More descriptors than one message can carry.
    #[error("{found} descriptors with one message, expected at most 253")]
    TooManyFds {
        /// How many.
        found: usize,
    },
    /// A commit of more than was reserved.
    #[error("commit of {committed} bytes, but {reserved} were reserved")]
    CommitTooLarge {
        /// Bytes to commit.
        committed: u64,
        /// Bytes the reservation has.
        reserved: u64,
    },
    /// Raw commits left fewer bytes before the lap's end than a header takes. No consumer gets past that.
    #[error("{left} bytes left before the lap's end at offset {offset}, expected 0 or at least 16")]
    LapSpoiled {
        /// Where head is.
        offset: u64,
        /// Bytes left.
        left: u64,
    },
}

impl Error {
    /// For `map_err`: the kernel's answer to `op`.
    pub(crate) fn io<E: Into<std::io::Error>>(op: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Io {
            op,
            source: source.into(),
        }
    }

    /// What `object` said is not what the protocol has it say.
    pub(crate) fn protocol(
        object: &'static str,
        found: impl ToString,
        expected: impl ToString,
    ) -> Self {
        Self::Protocol {
            object,
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    /// Whether this is how a full slot table shows, on either side.
    pub fn is_no_free_slot(&self) -> bool {
        matches!(self, Self::NoFreeSlot { .. } | Self::Refused)
    }

    /// Whether nobody listens where a rendezvous socket was expected.
    pub fn is_no_listener(&self) -> bool {
        use std::io::ErrorKind::{ConnectionRefused, NotFound};
        matches!(self, Self::Connect { source } if matches!(source.kind(), NotFound | ConnectionRefused))
    }

    /// Whether the kernel does not let us connect to the rendezvous socket.
    pub fn is_forbidden(&self) -> bool {
        use std::io::ErrorKind::PermissionDenied;
        matches!(self, Self::Connect { source } if source.kind() == PermissionDenied)
    }

    /// Whether a time limit passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }
}
