//! Gaps that have no place in the stream, and are told on stderr: the first at once, the rest of them together once a
//! second, since a ring that laps within microseconds makes thousands. Knows nothing of the stream.

use std::time::{Duration, Instant};

use crate::observe::model::Gap;
use crate::output::tail::gap_line;
use crate::stderr::warn;
use crate::text::bytes;

/// Time between two lines.
const BETWEEN: Duration = Duration::from_secs(1);

/// What is still to be told.
#[derive(Debug, Default)]
pub(super) struct GapReporter {
    last: Option<Gap>,
    gaps: u64,
    bytes: u64,
    said: Option<Instant>,
}

impl GapReporter {
    /// Takes a gap, and tells of it if its time has come.
    pub(super) fn take(&mut self, gap: &Gap) {
        self.gaps += 1;
        let length = gap.to.saturating_sub(gap.from);
        self.bytes = self.bytes.saturating_add(length);
        self.last = Some(gap.clone());
        self.say_if_due();
    }

    /// Tells what there is to tell, unless something was told a moment ago.
    pub(super) fn say_if_due(&mut self) {
        if self.gaps > 0 && self.said.is_none_or(|said| said.elapsed() >= BETWEEN) {
            self.say();
        }
    }

    /// Tells what there is to tell.
    pub(super) fn say(&mut self) {
        if let Some(line) = self.line() {
            warn(&line);
            self.said = Some(Instant::now());
        }
    }

    fn line(&mut self) -> Option<String> {
        let last = self.last.take()?;
        let (gaps, skipped) = (
            std::mem::take(&mut self.gaps),
            std::mem::take(&mut self.bytes),
        );
        Some(match gaps {
            1 => gap_line(&last),
            _ => format!(
                "-- skipped {} in {gaps} gaps (the last: {}) --",
                bytes(skipped),
                last.why
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::GapReason;

    fn gap(from: u64, to: u64, why: GapReason) -> Gap {
        Gap {
            from,
            to,
            why,
            torn: 0,
        }
    }

    #[test]
    fn one_gap_is_told_as_it_is_and_many_together() {
        let mut gaps = GapReporter::default();
        assert_eq!(gaps.line(), None);
        gaps.take(&gap(0, 1024, GapReason::Overrun));
        assert_eq!(gaps.line(), None, "told at once");
        gaps.take(&gap(2048, 4096, GapReason::Spared));
        assert_eq!(
            gaps.line().as_deref(),
            Some("-- skipped 2.0 KiB (left out to spare the producer) --")
        );
        gaps.take(&gap(5000, 6024, GapReason::Spared));
        gaps.take(&gap(7000, 8024, GapReason::Evicted));
        assert_eq!(
            gaps.line().as_deref(),
            Some("-- skipped 2.0 KiB in 2 gaps (the last: evicted by the producer) --")
        );
        assert_eq!(gaps.line(), None);
    }
}
