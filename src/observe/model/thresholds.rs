//! From where on a ring is not well: the figures that health is judged by and that a user may see otherwise.
//!
//! What follows from them is decided in `health`.

/// The figures, with defaults that suit most rings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// A consumer that is behind by this share of the ring is lagging, percent.
    pub lagging_percent: f64,
    /// A consumer that is behind and has made no progress for this long is stalled, ns.
    pub stalled_after_ns: u64,
    /// Descriptors pile up in a side socket that is this full, or where so many of those that the producer's user may
    /// have in flight are, percent.
    pub pile_percent: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            lagging_percent: 25.0,
            stalled_after_ns: 1_000_000_000,
            pile_percent: 25.0,
        }
    }
}
