//! Where to begin reading so that what a ring held before it was watched is seen, too, and at what cost.
//!
//! Finds a boundary and reads no message.

use super::boundaries::{older, oldest_boundary};
use super::copy::copy;
use super::walk::lands;
use crate::observe::attach::AttachedRing;

/// Bytes before head that are worth reading: more than a history of short messages holds.
const REACH: u64 = 4 << 20;
/// Bytes walked at most, by headers, to come that near: some 60 ms, once.
const WALKED: u64 = 64 << 20;
/// Where the known boundaries are nearer to head than this, older ones are looked for in the bytes before them ...
const FEW: u64 = 256 << 10;
/// ... of rings up to this size, until so many are found. Looking takes time even where there is nothing to be found.
const LARGEST: u64 = 8 << 20;
const ENOUGH: usize = 1024;

/// The boundary to begin at; `None` where that cannot be told for certain, or costs too much.
pub(super) fn begin(ring: &AttachedRing, head: u64) -> Option<u64> {
    let capacity = ring.capacity();
    let known = oldest_boundary(ring);
    let all = head.checked_sub(known).filter(|all| *all <= WALKED)?;
    if all > REACH {
        // A known boundary may lie in the lap before: nothing is walked across a lap's start.
        let lap = head - head % capacity;
        let from = if head - lap >= REACH { lap } else { known };
        let end = if from < lap { lap } else { head };
        let read = |from, to, bytes: &mut Vec<u8>| copy(ring, from, to, bytes);
        let mut begin = None;
        let landed = lands(from, end, capacity, read, |offset| {
            if begin.is_none() && offset >= head - REACH {
                begin = Some(offset);
            }
        });
        return begin.or(Some(end)).filter(|_| landed.unwrap_or(false));
    }
    if all < FEW && known > 0 && capacity <= LARGEST {
        let found = older(ring, known, ENOUGH).ok()?;
        return Some(found.clear);
    }
    Some(known)
}
