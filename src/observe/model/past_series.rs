//! How a figure was over time: coarser the longer ago, a day of it in bounded memory, and cheap to hand out.
//!
//! The newest points are as they came. What has no more room among them goes on in steps of two seconds, then of twenty,
//! of a minute and of five; each keeps the least, the largest and the last of what it was made of. So a spike outlives
//! every step, and what was not known stays a hole as long as it is longer than a step.
//!
//! Points lie in segments that are shared once they are full: a copy of the whole costs a pointer and the few newest
//! points. A figure takes 16 KiB once two minutes are full and at most 50 KiB, which is reached after a day; memory is
//! taken as points come.

use std::collections::VecDeque;
use std::sync::Arc;

use super::past_point::PastPoint;

/// Points of a segment.
const SEGMENT: usize = 30;

const SECOND: u64 = 1_000_000_000;

/// How finely a part of the past is kept, and how much of it.
struct Resolution {
    /// What falls into the same step by the clock is one point, ns.
    step_ns: u64,
    /// Full segments that are kept.
    segments: usize,
}

/// From the newest part to the oldest. Each step is a multiple of the one before, so that none is ever divided. Lengths
/// are those of a figure that is sampled four times a second or more; where samples are fewer, the same number of points
/// reaches further.
const RESOLUTIONS: [Resolution; 5] = [
    // As they came: two minutes of quarters of a second.
    Resolution {
        step_ns: 1,
        segments: 16,
    },
    // Eight minutes.
    Resolution {
        step_ns: 2 * SECOND,
        segments: 8,
    },
    // Fifty minutes.
    Resolution {
        step_ns: 20 * SECOND,
        segments: 5,
    },
    // Five hours.
    Resolution {
        step_ns: 60 * SECOND,
        segments: 10,
    },
    // Twenty hours.
    Resolution {
        step_ns: 300 * SECOND,
        segments: 8,
    },
];

/// The past of one figure, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PastSeries {
    /// Full segments of the newest part, and all other parts. Of the newest part what is not full yet is `newest`.
    parts: Arc<[Part; RESOLUTIONS.len()]>,
    /// Never more than a segment, and never empty once there is a point.
    newest: Vec<PastPoint>,
}

/// What is kept in one resolution, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
struct Part {
    full: VecDeque<Arc<[PastPoint]>>,
    open: Vec<PastPoint>,
}

impl Part {
    /// Takes a point in, or merges it into the last if that is of the same step; gives a segment that has become full.
    fn take(&mut self, point: PastPoint, step_ns: u64) -> Option<Arc<[PastPoint]>> {
        if let Some(last) = self.open.last_mut()
            && last.at_ns / step_ns == point.at_ns / step_ns
        {
            *last = last.followed_by(point);
            return None;
        }
        let full = (self.open.len() == SEGMENT).then(|| self.open.drain(..).collect());
        self.open.push(point);
        full
    }

    fn segments(&self) -> impl Iterator<Item = &[PastPoint]> {
        let full = self.full.iter().map(|segment| &segment[..]);
        full.chain([&self.open[..]])
    }
}

/// Puts a full segment into the first of `parts`; what has no room there goes on into the next.
fn age(parts: &mut [Part], resolutions: &[Resolution], segment: Arc<[PastPoint]>) {
    let (Some((part, older)), Some((resolution, coarser))) =
        (parts.split_first_mut(), resolutions.split_first())
    else {
        return;
    };
    part.full.push_back(segment);
    if part.full.len() <= resolution.segments {
        return;
    }
    let oldest = part.full.pop_front();
    let (Some(oldest), Some(next)) = (oldest, coarser.first()) else {
        return;
    };
    for point in oldest.iter() {
        if let Some(full) = older[0].take(*point, next.step_ns) {
            age(older, coarser, full);
        }
    }
}

impl PastSeries {
    /// Takes in what came after all that is there.
    pub fn push(&mut self, point: PastPoint) {
        if self.newest.len() == SEGMENT {
            let segment = self.newest.drain(..).collect();
            // Whoever was handed the past keeps it as it was: what is copied then is pointers.
            age(
                &mut Arc::make_mut(&mut self.parts)[..],
                &RESOLUTIONS,
                segment,
            );
        }
        self.newest.push(point);
    }

    /// Puts `point` in the place of the last; the first, if there is none.
    pub fn replace_last(&mut self, point: PastPoint) {
        self.newest.pop();
        self.newest.push(point);
    }

    /// The newest of all.
    #[must_use]
    pub fn last(&self) -> Option<&PastPoint> {
        self.newest.last()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.newest.is_empty()
    }

    /// All there is, oldest first.
    pub fn points(&self) -> impl Iterator<Item = &PastPoint> {
        self.segments().flatten()
    }

    /// The newest part, as the points came: at least the last two minutes of what is sampled four times a second.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &PastPoint> {
        let full = self.parts[0].full.iter().flat_map(|segment| segment.iter());
        full.chain(&self.newest)
    }

    /// What there is from `from_ns` on, and perhaps a little before it: whole segments are passed over.
    pub fn since(&self, from_ns: u64) -> impl Iterator<Item = &PastPoint> {
        let reaches = move |segment: &&[PastPoint]| {
            let last = segment.last();
            last.is_some_and(|last| last.at_ns >= from_ns)
        };
        self.segments().filter(reaches).flatten()
    }

    fn segments(&self) -> impl Iterator<Item = &[PastPoint]> {
        let older = self.parts.iter().rev().flat_map(Part::segments);
        older.chain([&self.newest[..]])
    }
}

impl FromIterator<PastPoint> for PastSeries {
    /// Of points in the order of their times.
    fn from_iter<I: IntoIterator<Item = PastPoint>>(points: I) -> Self {
        let mut past = Self::default();
        for point in points {
            past.push(point);
        }
        past
    }
}

#[cfg(test)]
mod tests;
