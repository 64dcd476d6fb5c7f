//! How much a look at a ring may cost.

use std::time::Duration;

/// How much a look may read of the ring's bytes, and of `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// For the newest messages and their rate.
    pub preview: u64,
    /// Bytes of messages that are kept.
    pub history: usize,
    /// Whether the first look takes in what the ring holds already.
    pub reads_back: bool,
    /// For counting the messages that consumers lag behind, all together, at one look.
    pub lag: u64,
    /// And for going on with that over looks, where it is more.
    pub far_lag: u64,
    /// Time for asking processes what they map, in search of evicted consumers; the next look goes on with it. Zero:
    /// none is asked.
    pub survey: Duration,
    /// Time for the search for the slot table, where that has not been found yet.
    pub search: Duration,
    /// Time for decoding messages that tell when they were made. Zero: none is decoded.
    pub decoding: Duration,
    /// Whether consumers' threads and side sockets may be asked.
    pub asks: bool,
    /// Whether consumers are asked one after the other, at every look some, whether they are still there; otherwise all are, every
    /// few seconds.
    pub asks_in_turn: bool,
}

impl Budget {
    /// For ten looks a second within one hundredth of a core.
    pub const DASHBOARD: Self = Self {
        preview: 64 << 10,
        history: 3 << 20,
        reads_back: true,
        lag: 64 << 10,
        far_lag: 2 << 20,
        survey: Duration::from_millis(5),
        search: Duration::from_millis(5),
        decoding: Duration::from_millis(10),
        asks: true,
        asks_in_turn: true,
    };
    /// For one ring of some, ten looks a second.
    pub const SAMPLED: Self = Self {
        preview: 16 << 10,
        history: 16 << 10,
        reads_back: false,
        lag: 16 << 10,
        far_lag: 256 << 10,
        survey: Duration::from_millis(1),
        search: Duration::from_millis(1),
        decoding: Duration::from_millis(5),
        asks: true,
        asks_in_turn: false,
    };
    /// For one ring of many.
    pub const GLANCE: Self = Self {
        preview: 4 << 10,
        history: 16 << 10,
        reads_back: false,
        lag: 0,
        far_lag: 0,
        survey: Duration::ZERO,
        search: Duration::ZERO,
        decoding: Duration::ZERO,
        asks: false,
        asks_in_turn: false,
    };
    /// For a look that is not repeated soon.
    pub const ONCE: Self = Self {
        preview: 16 << 20,
        history: 64 << 10,
        reads_back: false,
        lag: 4 << 20,
        far_lag: 64 << 20,
        survey: Duration::from_millis(500),
        search: Duration::from_millis(500),
        decoding: Duration::from_millis(200),
        asks: true,
        asks_in_turn: true,
    };
}
