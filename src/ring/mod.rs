//! The zbq protocol in pure Rust: both ends of a ring, wire-compatible with the reference (`zbq.h`) either way round.
//! It has never heard of monitoring.
//!
//! A ring has one [`Producer`] and any number of [`Consumer`]s up to a limit, each a process of its own. Three kinds
//! of memfd are shared between them:
//!
//! ```text
//!              producer    consumers
//! zbq_ctrl     maps RW     map R          head, futex, what the ring is made of
//! zbq_ring     maps RW     map R          the bytes
//! zbq_meta     maps RW     RW, its own    one per consumer: tail, time of progress
//! ```
//!
//! # Head and tails
//!
//! Positions are *logical offsets*: bytes since the ring was made, never wrapped. Offset `o` lies at `o % capacity`
//! in the ring; each run of `capacity` bytes is a *lap*. The producer moves `producer_head` on; each consumer moves
//! its own `tail_offset` on, and by that releases what is below. The producer writes no byte that some tail is still
//! below, so the slowest consumer holds everyone up, until it is evicted.
//!
//! ```text
//! zbq_ctrl   0         64        128       192       200       208       216      256     4096
//!            ├─────────┼─────────┼─────────┼─────────┼─────────┼─────────┼────────┼───────┤
//!            │ u64     │ u32     │ i32     │ u64     │ u64     │ u64     │ zero   │ zero  │
//!            │ head    │ futex   │ pid     │ ring_   │ clog_   │ stall_  │        │       │
//!            │         │         │         │capacity │threshold│timeout  │        │       │
//!
//! zbq_meta   0         8           16        24      4096
//!            ├─────────┼───────────┼─────────┼───────┤
//!            │ u64     │ u64       │ u64     │ zero  │
//!            │ tail_   │ progress_ │ join_   │       │
//!            │ offset  │ timestamp │baseline │       │
//! ```
//!
//! Head and tails are stored with release and loaded with acquire: who sees the number sees, or is done with, the
//! bytes below it. Times are CPU ticks; [`clock`] knows what they are worth.
//!
//! # Messages
//!
//! ```text
//! 0             4          5       6          8          16
//! ├─────────────┼──────────┼───────┼──────────┼──────────┼───────────── ─ ─
//! │ payload_len │ fd_count │ flags │ reserved │ seq_id   │ payload ...
//! ```
//!
//! The next message begins where this one ends, aligned or not. None crosses the end of a lap: the application fills
//! what is left, commonly (and in [`Producer::send`]) by one message that nobody reads, which takes at least a
//! header's room. [`Walk`] steps through bytes whose headers may lie.
//!
//! # Joining and leaving
//!
//! ```text
//! consumer                                      producer
//!     │ ── pid, wished mode ──────────────────────▶ │   over a socket the application listens on
//!     │ ◀────── 64 bytes, 4 descriptors ─────────── │   ctrl, ring, meta, one end of a side socket
//!     │ ◀═══════════ seq_id, descriptors ══════════ │   over the side socket, for messages with fd_count > 0
//! ```
//!
//! Nobody says good-bye. A slot is taken until a *scan* finds its consumer's process gone, its tail impossible, or
//! its tail unmoved for too long; the producer scans only when it keeps finding no room, or is told to. An evicted
//! consumer is not told either, but its side socket hangs up ([`Consumer::is_evicted`]).
//!
//! # Who trusts whom
//!
//! Nobody more than needed. The memfds cannot be sealed, so their owner can shrink them under a reader: the SIGBUS
//! guard makes zeros of that, and an error. Headers are read once, copied, and checked. Payloads are
//! [`SharedBytes`], which are copied, or else believed in an `unsafe` block of the caller's. The producer's table of
//! slots lies in its own memory, in the layout the reference gives it, so that whoever may read that memory sees the
//! same for both.

mod ancillary;
pub mod clock;
mod consumer;
mod control;
mod deadline;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod join;
pub mod layout;
mod mapping;
mod message;
mod patience;
mod peercred;
mod pidfd;
mod producer;
mod rendezvous;
mod sigbus;
mod slot;
mod slots;
mod table;

#[doc(hidden)]
pub use consumer::Parked;
pub use consumer::drain::{Drain, HeldMessage};
pub use consumer::{Consumer, MessageView};
pub use control::{Control, Metadata};
pub use error::{Error, Result};
pub use mapping::{SharedBytes, Wake};
// For the watcher above: not promised to anybody else.
#[doc(hidden)]
pub use mapping::{MOST_RANGES, Mapping, ReadOnly, ReadWrite};
pub use message::{
    Corruption, CorruptionKind, FLAG_FILLER, MessageHeader, RawMessage, Walk, WalkState,
};
#[doc(hidden)]
pub use pidfd::{has_exited, open_pidfd};
pub use producer::batch::Batch;
pub use producer::in_place::OpenMessage;
pub use producer::reservation::{CommitFlags, Reservation};
pub use producer::{Producer, ProducerParams, Sent};
pub use rendezvous::Rendezvous;
pub use slot::{SlotIndex, WakeupMode};
pub use slots::SlotInfo;
