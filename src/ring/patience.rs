//! How long one side looks away from what the other side writes: each look takes the cache line from the writer, who then has
//! to fetch it back, so that two sides in step wait for lines more than they work.
//!
//! Knows nothing of what is looked at.

/// Pauses of the processor that a look may be put off by, at most: one to two microseconds.
const MOST: u32 = 64;

/// Longer, the less the last looks were worth; none at all after one that was worth nothing, as there time matters.
#[derive(Debug, Default)]
pub(super) struct Patience(u32);

/// What a look was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// There was nothing new.
    Nothing,
    /// Less than is good to go on with.
    Little,
    Much,
}

impl Patience {
    /// Before a look.
    #[inline]
    pub(super) fn wait(&self) {
        for _ in 0..self.0 {
            std::hint::spin_loop();
        }
    }

    /// Behind it.
    #[inline]
    pub(super) fn learn(&mut self, worth: Worth) {
        self.0 = match worth {
            Worth::Nothing => 0,
            Worth::Little => (self.0 * 2).clamp(1, MOST),
            Worth::Much => self.0 / 2,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_while_little_comes_and_ends_when_nothing_does() {
        let mut patience = Patience::default();
        let mut learn = |worth| {
            patience.learn(worth);
            patience.0
        };
        assert_eq!([Worth::Little; 3].map(&mut learn), [1, 2, 4]);
        assert_eq!([Worth::Little; 9].map(&mut learn)[8], MOST);
        assert_eq!(learn(Worth::Much), MOST / 2);
        assert_eq!(learn(Worth::Nothing), 0);
    }
}
