//! How often a figure was how large.

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
        let bounds = BOUNDS.iter().map(|(_, text)| *text).chain(["+Inf"]);
        let counts = self.buckets.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        bounds.zip(counts)
    }

    /// All figures together.
    pub(super) fn sum(&self) -> f64 {
        self.sum
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
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
        assert_eq!(histogram.count(), 5);
        assert!((histogram.sum() - 8.31).abs() < 1e-9);
    }
}
