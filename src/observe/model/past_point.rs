//! What a figure was at a time, or over a step of time.

/// No figure: what is larger than any that is kept.
const UNKNOWN: u64 = u64::MAX;

/// What a figure was at a time, in bytes or bytes per second; or, of a step of time, its least, its largest and its last.
///
/// There are thousands of each figure: the unknown is a number here and not an `Option`, which would take as much room
/// again. Figures are kept up to the largest number but one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastPoint {
    /// `CLOCK_MONOTONIC` of the last, ns.
    pub at_ns: u64,
    low: u64,
    high: u64,
    last: u64,
}

impl PastPoint {
    /// What it was at one time; `None` where it was not known.
    #[must_use]
    pub fn at(at_ns: u64, value: Option<u64>) -> Self {
        let value = value.map_or(UNKNOWN, |value| value.min(UNKNOWN - 1));
        Self {
            at_ns,
            low: value,
            high: value,
            last: value,
        }
    }

    /// This and a later one as one step.
    #[must_use]
    pub fn followed_by(self, later: Self) -> Self {
        let high = [self.high, later.high];
        let known = high.into_iter().filter(|high| *high != UNKNOWN);
        Self {
            at_ns: later.at_ns,
            low: self.low.min(later.low),
            high: known.max().unwrap_or(UNKNOWN),
            last: later.last,
        }
    }

    /// What it was at the end; `None` where it was not known then, whatever it was before.
    #[must_use]
    pub fn value(&self) -> Option<u64> {
        known(self.last)
    }

    /// The least it was, as far as it was known.
    #[must_use]
    pub fn low(&self) -> Option<u64> {
        known(self.low)
    }

    /// The most it was, as far as it was known.
    #[must_use]
    pub fn high(&self) -> Option<u64> {
        known(self.high)
    }
}

fn known(figure: u64) -> Option<u64> {
    (figure != UNKNOWN).then_some(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_the_least_the_most_and_the_last_of_what_is_known() {
        let step = |values: &[Option<u64>]| {
            let points = (1..)
                .zip(values)
                .map(|(at, value)| PastPoint::at(at, *value));
            let step = points.reduce(PastPoint::followed_by).unwrap();
            assert_eq!(step.at_ns, values.len() as u64);
            (step.low(), step.high(), step.value())
        };
        assert_eq!(step(&[Some(7)]), (Some(7), Some(7), Some(7)));
        assert_eq!(
            step(&[Some(7), Some(2), Some(5)]),
            (Some(2), Some(7), Some(5))
        );
        assert_eq!(step(&[None, Some(5), Some(0)]), (Some(0), Some(5), Some(0)));
        assert_eq!(step(&[Some(5), Some(9), None]), (Some(5), Some(9), None));
        assert_eq!(step(&[None, None]), (None, None, None));
        let most = Some(u64::MAX - 1);
        assert_eq!(
            step(&[Some(u64::MAX)]),
            (most, most, most),
            "known all the same"
        );
    }
}
