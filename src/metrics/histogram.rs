//! How often a figure was how large.

use crate::observe::model::AgeCounts;

/// Upper bounds of the buckets, as they are written; above them there is one more.
pub(super) const BOUNDS: [(f64, &str); 10] = [
    (0.01, "0.01"),
    (0.05, "0.05"),
    (0.1, "0.1"),
    (0.25, "0.25"),
    (0.5, "0.5"),
    (0.75, "0.75"),
    (0.9, "0.9"),
    (0.95, "0.95"),
    (0.99, "0.99"),
    (1.0, "1.0"),
];

/// A histogram of ratios.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    /// Figures in each bucket, without those below it.
    buckets: [u64; BOUNDS.len() + 1],
    sum: f64,
}

impl Histogram {
    /// Takes a figure in.
    pub(super) fn observe(&mut self, figure: f64) {
        let bucket = BOUNDS.partition_point(|(bound, _)| *bound < figure);
        self.buckets[bucket] += 1;
        self.sum += figure;
    }

    /// The bounds and how many figures are no larger; the last of them is how many there are.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (&'static str, u64)> {
        cumulative(BOUNDS.iter().map(|(_, text)| *text), &self.buckets)
    }

    /// All figures together.
    pub(super) fn sum(&self) -> f64 {
        self.sum
    }
}

/// The bounds of [`AgeCounts::BOUNDS_NS`] in seconds, as they are written.
const AGE_BOUNDS: [&str; AgeCounts::BOUNDS_NS.len()] = [
    "1e-05", "2.5e-05", "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01",
    "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "60.0",
];

/// As [`Histogram::cumulative`], of ages.
pub(super) fn ages(counts: &AgeCounts) -> impl Iterator<Item = (&'static str, u64)> {
    cumulative(AGE_BOUNDS.into_iter(), &counts.buckets)
}

fn cumulative(
    bounds: impl Iterator<Item = &'static str>,
    buckets: &[u64],
) -> impl Iterator<Item = (&'static str, u64)> {
    let counts = buckets.iter().scan(0, |sum, count| {
        *sum += count;
        Some(*sum)
    });
    bounds.chain(["+Inf"]).zip(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_in_every_bucket_that_it_is_no_larger_than() {
        let mut histogram = Histogram::default();
        for figure in [0.0, 0.01, 0.3, 1.0, 7.0] {
            histogram.observe(figure);
        }
        let counts: Vec<_> = histogram.cumulative().collect();
        assert_eq!(counts[0], ("0.01", 2));
        assert_eq!(counts[3], ("0.25", 2));
        assert_eq!(counts[4], ("0.5", 3));
        assert_eq!(counts[9], ("1.0", 4));
        assert_eq!(counts[10], ("+Inf", 5));
        assert!((histogram.sum() - 8.31).abs() < 1e-9);
    }

    #[test]
    fn ages_are_in_the_buckets_that_are_written() {
        let mut counts = AgeCounts::default();
        for (text, bound) in AGE_BOUNDS.iter().zip(AgeCounts::BOUNDS_NS) {
            let seconds: f64 = text.parse().unwrap();
            assert_eq!((seconds * 1e9).round() as u64, bound, "{text}");
            counts.note(bound);
        }
        counts.note(u64::MAX);
        let written: Vec<_> = ages(&counts).collect();
        assert_eq!(written[0], ("1e-05", 1));
        assert_eq!(written[19], ("60.0", 20));
        assert_eq!(written[20], ("+Inf", 21));
    }
}
