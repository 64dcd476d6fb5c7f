//! What a copy of ring bytes is worth, decided after it is made.
//!
//! Knows tails, head and capacity; it has never seen a byte of the ring.

use crate::observe::attach::{AttachedRing, Writing};
use crate::observe::model::Integrity;
use crate::observe::sample::control;

/// What may be said of a copy once it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    /// The smallest tail of a consumer that the producer minds; `None` when there is none.
    pub min_tail: Option<u64>,
    /// Head, read after the tails.
    pub head: u64,
    /// Bytes in the ring.
    pub capacity: u64,
    /// What the producer may be writing, read last; `None` where its table cannot be read, or need not be.
    pub writing: Option<Writing>,
}

impl Validity {
    /// Reads tails, then head, and the producer's table where those do not settle what a copy that begins at `from` is
    /// worth. To be called after the copy.
    #[must_use]
    pub(super) fn read(ring: &AttachedRing, from: u64) -> Self {
        // The copy's loads come before the tails': a consumer that had not let the producer in when its tail was
        // read had not done so during the copy either.
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
        let members = ring.members();
        let tails = members
            .iter()
            .map(|member| (member.tail(), member.highest_tail()))
            .collect();
        let head = control(ring).producer_head;
        // Asked last: a slot that is still held now was held when its tail was read, and ever since it was taken.
        let holds = |index: usize| ring.still_holds(&members[index]);
        let mut read = Self::of(tails, holds, head, ring.capacity());
        if !read.is_vouched_for(from) {
            read.writing = ring.writing();
        }
        read
    }

    /// From the tails of the consumers, each with the highest that was ever seen of it, and whether their slots are held.
    /// A tail that has gone back is a lie: the producer was let in where it now says that it was not.
    fn of(tails: Vec<(u64, u64)>, holds: impl Fn(usize) -> bool, head: u64, capacity: u64) -> Self {
        let mut able: Vec<(u64, usize)> = tails
            .into_iter()
            .zip(0..)
            .filter(|((tail, highest), _)| counts(*tail, head, capacity) && tail >= highest)
            .map(|((tail, _), index)| (tail, index))
            .collect();
        able.sort_unstable();
        // To ask costs a system call: the first that holds its slot is the answer.
        let min_tail = able.into_iter().find(|(_, index)| holds(*index));
        Self {
            min_tail: min_tail.map(|(tail, _)| tail),
            head,
            capacity,
            writing: None,
        }
    }

    /// Whether the producer cannot have been writing at `offset` or above, by what can be seen from outside.
    fn is_vouched_for(&self, offset: u64) -> bool {
        // The producer writes below the smallest tail plus capacity, so nothing at or above that tail. And what it is
        // given to write never crosses the lap's end (zbq.h: zbq_producer_query): what it may be writing before its
        // next commit lies above head in this lap, and so over bytes of the lap before.
        let lap_start = self.head - self.head.checked_rem(self.capacity).unwrap_or(0);
        offset >= lap_start || self.min_tail.is_some_and(|tail| offset >= tail)
    }

    /// Whether what looks like a message at `offset` was one: bytes that the producer may be filling with something else
    /// may look like anything. Without its table that may be all that is not vouched for: what it is given to write may be
    /// as long as the rest of the lap.
    #[must_use]
    pub(super) fn is_settled(&self, offset: u64) -> bool {
        let written = self.writing.map(|writing| {
            let offered =
                (writing.offer).map_or(0, |offer| offer.offset.saturating_add(offer.bytes));
            writing.head.max(offered)
        });
        let behind = |written: u64| offset >= written.saturating_sub(self.capacity);
        self.is_vouched_for(offset) || written.is_some_and(behind)
    }

    /// How far bytes copied from `offset` on can be trusted.
    #[must_use]
    pub(super) fn integrity(&self, offset: u64) -> Integrity {
        if self.is_vouched_for(offset) {
            return Integrity::Intact;
        }
        if self.writing.is_some() && self.is_settled(offset) {
            // Bytes that it was given are known to lie elsewhere; of some that it gave back without a word they are not.
            let given = self.writing.is_some_and(|writing| writing.offer.is_some());
            return if given {
                Integrity::Intact
            } else {
                Integrity::Likely
            };
        }
        // What it may be writing ahead of head is not known, so an eighth of the ring is kept clear of.
        let oldest_clear = self.head.saturating_sub(self.capacity - self.capacity / 8);
        if offset >= oldest_clear {
            Integrity::Likely
        } else {
            Integrity::Torn
        }
    }
}

/// Whether a tail can be what holds the producer back: one above head is parked or a lie, and one more than a lap
/// behind is a lie.
fn counts(tail: u64, head: u64, capacity: u64) -> bool {
    head.checked_sub(tail).is_some_and(|lag| lag <= capacity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Integrity::{Intact, Likely, Torn};

    #[test]
    fn a_slot_that_is_not_held_vouches_for_nothing() {
        let tails = vec![(4000, 4000), (3000, 3000), (3500, 3500)];
        let validity = Validity::of(tails, |index| index != 1, 5000, 4096);
        assert_eq!(validity.min_tail, Some(3500));
    }

    #[test]
    fn only_a_tail_that_can_be_true_vouches() {
        // (tail, highest ever seen) of each consumer, head; capacity 4096.
        for (tails, head, expected) in [
            (&[][..], 5000, None),
            (&[(4000, 4000)], 5000, Some(4000)),
            (&[(4000, 4000), (3000, 3000)], 5000, Some(3000)),
            (&[(904, 904)], 5000, Some(904)),
            (&[(903, 903)], 5000, None),
            (&[(5001, 5001)], 5000, None),
            (&[(u64::MAX, u64::MAX)], 5000, None),
            // It has gone back: the producer may have written up to 4500 + 4096 by then.
            (&[(4000, 4500)], 5000, None),
            (&[(3000, u64::MAX), (4000, 4000)], 5000, Some(4000)),
            (
                &[(u64::MAX - 1, u64::MAX - 1)],
                u64::MAX,
                Some(u64::MAX - 1),
            ),
            (&[(0, 0)], u64::MAX, None),
        ] {
            let validity = Validity::of(tails.to_vec(), |_| true, head, 4096);
            assert_eq!(validity.min_tail, expected, "{tails:?} head {head}");
        }
    }

    #[test]
    fn a_copy_is_worth_what_keeps_the_producer_out() {
        // Capacity 4096: an eighth is 512, so without a tail the oldest 512 bytes are doubtful, and what lies in the
        // lap of head is not.
        for (min_tail, head, offset, expected) in [
            (None, 5000, 4999, Intact),
            (None, 5000, 4096, Intact),
            (None, 5000, 4095, Likely),
            (None, 8192, 8191, Likely),
            (None, 5000, 1416, Likely),
            (None, 5000, 1415, Torn),
            (Some(2000), 5000, 2000, Intact),
            (Some(2000), 5000, 1999, Likely),
            (Some(904), 5000, 904, Intact),
            (Some(904), 5000, 903, Torn),
            (None, 100, 0, Intact),
            (None, u64::MAX, u64::MAX - 4095, Intact),
            (None, u64::MAX - 4095, u64::MAX - 4095 - 3585, Torn),
        ] {
            let validity = Validity {
                min_tail,
                head,
                capacity: 4096,
                writing: None,
            };
            assert_eq!(
                validity.integrity(offset),
                expected,
                "{validity:?} at {offset}"
            );
        }
    }

    #[test]
    fn the_producers_table_tells_what_it_may_be_writing() {
        use crate::observe::attach::Offer;
        let offered = |offset, bytes| Writing {
            head: 5000,
            offer: Some(Offer { offset, bytes }),
        };
        let committed = |head| Writing { head, offer: None };
        // Head 5000 in a ring of 4096: 904 is the oldest byte that it holds, 4096 the start of this lap.
        for (writing, offset, expected, settled) in [
            (committed(5000), 904, Likely, true),
            (committed(5000), 903, Torn, false),
            // It has committed since head was read.
            (committed(5100), 1003, Torn, false),
            (offered(5000, 64), 968, Intact, true),
            (offered(5000, 64), 967, Torn, false),
            (offered(5000, 3192), 4095, Likely, false),
            (offered(5000, 3192), 4096, Intact, true),
            (offered(u64::MAX, 2), 4095, Likely, false),
        ] {
            let validity = Validity {
                min_tail: None,
                head: 5000,
                capacity: 4096,
                writing: Some(writing),
            };
            let found = (validity.integrity(offset), validity.is_settled(offset));
            assert_eq!(found, (expected, settled), "{writing:?} at {offset}");
        }
    }
}
