//! How much may come out of one payload.

/// Values of one payload at most.
pub(super) const MOST_VALUES: usize = 100_000;
/// Bytes of names, texts and byte strings of one payload at most.
pub(super) const LARGEST: usize = 4 << 20;
/// Values inside values at most.
pub(super) const DEEPEST: usize = 64;
