//! Where messages of a live ring begin: boundaries that are known, and walks between them that show nothing.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::{Duration, Instant};

use super::copy::{PATIENCE, copy, if_in_time, in_time};
use super::recover::{self, RetainedRegion};
use super::validity::Validity;
use super::walk::{count, first_clear, header_of, lands};
use crate::observe::attach::{AttachedRing, Member};
use crate::observe::model::Integrity;
use crate::ring::MessageHeader;
use crate::ring::layout::HEADER_SIZE;

/// The oldest boundary that is known and whose bytes the ring may still hold: the start of head's lap, or the
/// smallest tail, if that is before it and the walk from there ends where the lap begins. A tail that lies does not; where
/// the way is too long to be walked to its end for this, many messages on it will do.
#[must_use]
pub fn oldest_boundary(ring: &AttachedRing) -> u64 {
    /// For how long a tail is tried.
    const TRIED_FOR: Duration = Duration::from_millis(50);
    /// So many messages in a row are no accident.
    const MANY: u64 = 10_000;
    let validity = Validity::read(ring, u64::MAX);
    let lap = validity.head - validity.head % validity.capacity;
    // At the very start of a lap, the lap before is whole unless it is being written over.
    let lap = if lap == validity.head {
        lap.saturating_sub(validity.capacity)
    } else {
        lap
    };
    let read = in_time(ring, Instant::now() + TRIED_FOR);
    let is_sound = |tail: &u64| {
        let (mut walked, mut last) = (0, *tail);
        let landed = lands(*tail, lap, validity.capacity, read, |offset| {
            (walked, last) = (walked + 1, offset);
        });
        match landed {
            Ok(landed) => landed,
            Err(error) => {
                // Zeros are messages, too, each of a header alone.
                let is_empty = last - tail < (HEADER_SIZE as u64 + 1) * walked;
                error.kind() == io::ErrorKind::TimedOut && walked >= MANY && !is_empty
            }
        }
    };
    let tail = validity.min_tail.filter(|tail| *tail < lap);
    tail.filter(is_sound).unwrap_or(lap)
}

/// A boundary that is known no further than `reach` before `head`: the furthest tail there of a consumer that holds a slot,
/// if the walk from it ends where it must.
#[must_use]
pub fn near_boundary(ring: &AttachedRing, head: u64, reach: u64) -> Option<u64> {
    let capacity = ring.capacity();
    let held = ring.members().iter().filter(|member| member.held);
    let mut tails: Vec<u64> = held.map(Member::tail).collect();
    tails.retain(|tail| (head.saturating_sub(reach)..head).contains(tail));
    tails.sort_unstable();
    let read = in_time(ring, Instant::now() + PATIENCE);
    tails.into_iter().find(|tail| {
        let lap_end = (tail - tail % capacity).saturating_add(capacity);
        lands(*tail, head.min(lap_end), capacity, read, |_| {}).unwrap_or(false)
    })
}

/// Messages older than a known boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Older {
    /// From this boundary, which was found in the bytes, messages run to the known one.
    pub oldest: u64,
    /// The first of their boundaries where the producer cannot have been writing; the known one when there is none.
    pub clear: u64,
    /// Messages between the two.
    pub torn: u64,
    /// There may be more: not everything could be looked at in time.
    pub hurried: bool,
}

/// Looks for messages before `known`, a boundary, until `enough` are found or there is none that is beyond doubt. A ring that is written over meanwhile yields fewer, never false ones.
///
/// # Errors
/// When the ring's bytes can no longer be read.
pub fn older(ring: &AttachedRing, known: u64, enough: usize) -> io::Result<Older> {
    let none = Older {
        oldest: known,
        clear: known,
        torn: 0,
        hurried: false,
    };
    let until = Instant::now() + PATIENCE;
    let read = in_time(ring, until);
    let validity = Validity::read(ring, u64::MAX);
    let capacity = validity.capacity;
    let floor = validity.head.saturating_sub(capacity);
    if known <= floor {
        return Ok(none);
    }
    let lap_end = known.next_multiple_of(capacity);
    let sure = if known == lap_end {
        validity.head.min(known.saturating_add(capacity))
    } else {
        lap_end.min(validity.head)
    };
    // That it is sure is worth a part of the time.
    let sure_read = in_time(ring, Instant::now() + PATIENCE / 3);
    let region = RetainedRegion {
        floor,
        end: known,
        known: if if_in_time(lands(known, sure, capacity, sure_read, |_| {}))? == Some(true) {
            sure
        } else {
            known
        },
        capacity,
    };
    let found = recover::oldest(region, enough, read)?;
    let validity = Validity::read(ring, found.boundary);
    let settled = |offset| validity.is_settled(offset);
    let hurried = Instant::now() >= until;
    // What was found is walked once more, which takes no longer than finding it.
    let read = in_time(ring, Instant::now() + PATIENCE);
    let clear = if_in_time(first_clear(found.boundary, known, &validity, settled, read))?;
    let (clear, torn) = clear.flatten().unwrap_or((known, found.messages as u64));
    Ok(Older {
        oldest: found.boundary,
        clear,
        torn,
        hurried,
    })
}

/// Where the messages in `[from, to)` begin, by their headers alone: none empty, at most `most`, and only if the last
/// of them ends exactly on `to`, a known boundary. Gives up early where messages are too short for that.
#[must_use]
pub(super) fn boundaries(ring: &AttachedRing, from: u64, to: u64, most: usize) -> Option<Vec<u64>> {
    /// Hops after which the mean length tells whether the rest is within reach.
    const TRIAL: usize = 8;
    let capacity = ring.capacity();
    if from >= to || to - from > capacity {
        return None;
    }
    let mut headers = Headers::default();
    let mut all = Vec::new();
    let mut at = from;
    while at < to {
        let hopeless = || (at - from) / TRIAL as u64 * (most as u64) < to - from;
        if all.len() == most || (all.len() == TRIAL && hopeless()) {
            return None;
        }
        let length = headers.at(ring, at, to)?.total_len();
        if length > capacity - at % capacity {
            return None;
        }
        all.push(at);
        at = at.checked_add(length)?;
    }
    (at == to).then_some(all)
}

/// Headers one after the other: many together where messages are short, each by itself where they are long.
#[derive(Debug, Default)]
struct Headers {
    piece: Vec<u8>,
    from: u64,
}

impl Headers {
    /// Bytes that are read together.
    const PIECE: u64 = 16 << 10;

    /// The header at `at`, before `end`; `None` when it cannot be read.
    fn at(&mut self, ring: &AttachedRing, at: u64, end: u64) -> Option<MessageHeader> {
        let here = |headers: &Self| {
            let skipped = usize::try_from(at.checked_sub(headers.from)?).ok()?;
            headers.piece.get(skipped..).and_then(header_of)
        };
        if let Some(header) = here(self) {
            return Some(header);
        }
        let left = (ring.capacity() - at % ring.capacity()).min(end - at);
        let passed = at - self.from.min(at);
        let wanted = if self.piece.is_empty() || passed < 2 * self.piece.len() as u64 {
            Self::PIECE
        } else {
            HEADER_SIZE as u64
        };
        self.piece.clear();
        self.from = at;
        copy(ring, at, at + wanted.min(left), &mut self.piece).ok()?;
        here(self)
    }
}

/// How many messages lie between each of `tails` and `head`, in one walk over at most `budget` bytes. Absent from the
/// answer: tails further back, tails that are no boundary, and all of them when the walk does not land on head or
/// its bytes may have been written over meanwhile.
#[must_use]
pub fn count_behind(
    ring: &AttachedRing,
    tails: &[u64],
    head: u64,
    budget: u64,
) -> HashMap<u64, u64> {
    let capacity = ring.capacity();
    let floor = head.saturating_sub(budget.min(capacity));
    let tails: HashSet<u64> = tails
        .iter()
        .copied()
        .filter(|tail| (floor..head).contains(tail))
        .collect();
    // At head itself there is nothing to be wrong about.
    let mut counted = HashMap::from([(head, 0)]);
    let Some(&start) = tails.iter().min() else {
        return counted;
    };
    let mut bytes = Vec::new();
    let mut from = start;
    while from < head {
        let lap_end = (from - from % capacity).saturating_add(capacity);
        if copy(ring, from, head.min(lap_end), &mut bytes).is_err() {
            return counted;
        }
        from = head.min(lap_end);
    }
    if Validity::read(ring, start).integrity(start) != Integrity::Torn {
        counted.extend(count(&bytes, start, capacity, &tails).into_iter().flatten());
    }
    counted
}
