//! Message boundaries in old bytes of a ring, where none but the last is known: chains of headers that end on it.
//!
//! Headers carry no mark, so a place is a header because a message from there ends exactly on the next header. All
//! chains of such places that end on the known boundary make a tree (`chains`); the true one is a path in it,
//! followed down from the known boundary for as long as it is beyond doubt. A boundary that is wrong is far worse
//! than messages that are missing, so where two chains compete there is none.
//!
//! Why a chain can be believed:
//!
//! - **Chance is no rival.** In random bytes or text a place looks like a header whose message ends on a given boundary with
//!   a probability of about 2⁻⁵⁶. What makes false chains is structure: zeros (each place a blank header, one in sixteen in a
//!   chain), a header read a few bytes off among zeros, small integers, records framed like ours, a captured ring.
//! - **Weight.** So a header is evidence only if it is not blank, is numbered and counts descriptors like those that are
//!   sure, leads to another that is not blank (into zeros anything leads), and does not overlap one that has eight times
//!   as much evidence below it.
//! - **Numbers.** A message numbered one below the next, and another one below that, is taken at once where messages are
//!   numbered so, unless a second chain can say the same or payloads were seen to repeat messages by number. While few messages
//!   are known, eight in a row are wanted, or a chain that goes on further than a message does.
//! - **A payload is bounded.** A chain inside a message's payload ends above its header, while the true one goes on
//!   below. A rival that does not end there rules out both, unless it is next to nothing beside the other.
//! - **A message whose own header is gone** can hold a whole false chain with no rival. Against that speaks what messages
//!   of this ring hold: the sure ones above `end` are searched for anything like a header, and so is all that is looked
//!   at. If there is nothing in 32 of them, one header is enough. Otherwise the chain must be longer than a message can be
//!   expected to be: four times the longest known, or half the ring while few are known. The same goes for the last message
//!   of a lap, which is often only a filler over what was there a lap before.
//!
//! What remains: a message that is cut off at the floor, with a payload that is made like the ring itself, numbers and all,
//! or that repeats the messages right before it by number, and nothing like it among those known. No byte tells
//! it from messages.
//!
//! It works on private copies, and judges neither whether they are torn nor what the messages say.

mod chains;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod habits;
#[cfg(any(test, fuzzing))]
mod rings;
mod search;
#[cfg(test)]
mod tests;

use std::io;

pub(super) use search::Recovered;
use search::{ChainSearch, Window};

/// Bytes looked at first, and at most at once.
const FIRST: u64 = 64 << 10;
const MOST: u64 = 64 << 20;
/// Bytes of sure messages that are searched for lookalikes of headers.
const LESSON: u64 = 1 << 20;

/// Old bytes, all in one lap, and what is known behind them. Offsets are logical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetainedRegion {
    /// The lowest byte that still holds what was written there.
    pub floor: u64,
    /// A boundary.
    pub end: u64,
    /// Messages that are sure, back to back from `end` on, in one lap, reach at least to here. At `end` when there
    /// are none: then only long chains are believed.
    pub known: u64,
    /// Bytes in the ring.
    pub capacity: u64,
}

/// The oldest boundary in a region from which messages run to its end, or, once `enough` messages were found, the one
/// where they begin. `read` appends the bytes from its first offset to its second, which lie in one lap.
///
/// Each byte is looked at a bounded number of times whatever it says: at most four times the region plus 128 MiB are
/// read, from 64 KiB to 64 MiB at once, and 200 MiB are held when they are worst. Messages of more than 60 MiB are
/// not looked past.
///
/// # Errors
/// Those of `read`, but for [`io::ErrorKind::TimedOut`]: that ends the search.
pub fn oldest(
    region: RetainedRegion,
    enough: usize,
    mut read: impl FnMut(u64, u64, &mut Vec<u8>) -> io::Result<()>,
) -> io::Result<Recovered> {
    let RetainedRegion { end, capacity, .. } = region;
    let mut found = Recovered {
        boundary: end,
        messages: 0,
    };
    let Some(last) = end.checked_sub(1).filter(|_| capacity > 0) else {
        return Ok(found);
    };
    let floor = region.floor.max(last - last % capacity);
    let mut bytes = Vec::new();
    if region.known > end {
        read(
            end,
            region.known.min(end.saturating_add(LESSON)),
            &mut bytes,
        )?;
    }
    let mut search = ChainSearch::new(&bytes, end, capacity);
    let mut size = FIRST;
    while found.messages < enough && found.boundary > floor {
        let top = found.boundary;
        let from = floor.max(top.saturating_sub(size));
        bytes.clear();
        // Chains are as large as what they are found in, three times when they are worst.
        let room = usize::try_from(4 * (top - from)).unwrap_or(usize::MAX);
        if Vec::<u8>::new().try_reserve_exact(room).is_err() {
            break;
        }
        match read(from, top, &mut bytes) {
            // What was found until now stands.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => break,
            outcome => outcome?,
        }
        let lap_ends = top.is_multiple_of(capacity);
        let chains = search.chains(&bytes, lap_ends);
        let bottom = from + chains.bottom() as u64;
        let whole = bottom == floor;
        let window = Window {
            chains,
            from,
            lap_ends,
            whole,
        };
        search.accept(&window, enough, &mut found);
        if whole {
            break;
        }
        // Little was gained for what was read: the next message is long, or the evidence is below.
        if (top - found.boundary) * 4 < top - bottom {
            if size == MOST || bottom > from {
                break;
            }
            size = MOST.min(size * 4);
        }
    }
    Ok(found)
}
