//! How often messages were how old.

/// How often messages were how old when they were first seen: at most their age when they were committed, and the time
/// between two looks more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgeCounts {
    /// Messages in each bucket, without those below it; those above all bounds last.
    pub buckets: [u64; AgeCounts::BOUNDS_NS.len() + 1],
    /// All ages together, ns.
    pub sum_ns: u128,
    /// Messages whose age could not be told.
    pub untimed: u64,
}

impl AgeCounts {
    /// Upper bounds of the buckets, ns.
    pub const BOUNDS_NS: [u64; 20] = [
        10_000,
        25_000,
        50_000,
        100_000,
        250_000,
        500_000,
        1_000_000,
        2_500_000,
        5_000_000,
        10_000_000,
        25_000_000,
        50_000_000,
        100_000_000,
        250_000_000,
        500_000_000,
        1_000_000_000,
        2_500_000_000,
        5_000_000_000,
        10_000_000_000,
        60_000_000_000,
    ];

    /// Takes an age in.
    pub fn note(&mut self, age_ns: u64) {
        let bucket = Self::BOUNDS_NS.partition_point(|bound| *bound < age_ns);
        self.buckets[bucket] += 1;
        self.sum_ns += u128::from(age_ns);
    }

    /// Adds what came between `before` and `now`.
    pub fn add_growth(&mut self, before: &Self, now: &Self) {
        let grown = now.buckets.iter().zip(before.buckets);
        for (sum, (now, before)) in self.buckets.iter_mut().zip(grown) {
            *sum += now.saturating_sub(before);
        }
        self.sum_ns += now.sum_ns.saturating_sub(before.sum_ns);
        self.untimed += now.untimed.saturating_sub(before.untimed);
    }
}
