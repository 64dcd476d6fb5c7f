//! Walks from header to header that show nothing: whether they end where they must, where the first sound message
//! is, how many there are.
//!
//! Pure functions of bytes, or of a way to get them. They end on any input.

use std::collections::{HashMap, HashSet};
use std::io;

use super::validity::Validity;
use crate::ring::{MessageHeader, Walk, WalkState};

/// Bytes copied at a time.
pub(super) const CHUNK: u64 = 256 << 10;

/// The header that `bytes` begin with, if they hold one.
pub(super) fn header_of(bytes: &[u8]) -> Option<MessageHeader> {
    let header = bytes.first_chunk()?;
    Some(MessageHeader::from_bytes(*header))
}

/// Walks from `start` to `end`, a known boundary in the same lap, a piece at a time, and calls `each` with the offset
/// of every message. Tells whether the walk landed on `end`: from a false boundary, or through headers that were
/// written over, it does not.
pub(super) fn lands(
    start: u64,
    end: u64,
    capacity: u64,
    mut read: impl FnMut(u64, u64, &mut Vec<u8>) -> io::Result<()>,
    mut each: impl FnMut(u64),
) -> io::Result<bool> {
    let mut bytes = Vec::new();
    let mut at = start;
    while at < end {
        bytes.clear();
        read(at, end.min(at.saturating_add(CHUNK)), &mut bytes)?;
        let mut walk = Walk::new(&bytes, at, capacity);
        for step in walk.by_ref() {
            match step {
                Ok(message) => each(message.offset),
                Err(_) => return Ok(false),
            }
        }
        if walk.position() > at {
            at = walk.position();
            continue;
        }
        // Longer than a piece: its header says where the next one is.
        let next = header_of(&bytes).and_then(|header| at.checked_add(header.total_len()));
        let Some(next) = next else { return Ok(false) };
        each(at);
        at = next;
    }
    Ok(at == end)
}

/// The first message from `start` on, which is not `wanted`, that is, if the walk through all of them, torn headers
/// included, lands on `end` and on the tail that vouches for what follows it; and how many torn ones come before it.
pub(super) fn first_clear(
    start: u64,
    end: u64,
    validity: &Validity,
    wanted: impl Fn(u64) -> bool,
    read: impl FnMut(u64, u64, &mut Vec<u8>) -> io::Result<()>,
) -> io::Result<Option<(u64, u64)>> {
    let mut first = None;
    let mut torn = 0;
    let mut due = validity.min_tail.filter(|tail| (start..end).contains(tail));
    let landed = lands(start, end, validity.capacity, read, |offset| {
        if first.is_none() {
            if wanted(offset) {
                first = Some((offset, torn));
            } else {
                torn += 1;
            }
        }
        if due == Some(offset) {
            due = None;
        }
    })?;
    Ok(first.filter(|_| landed && due.is_none()))
}

/// How many messages lie between each of `tails` and the end of `bytes`, which lie at `start`; `None` when the walk does
/// not end there.
pub(super) fn count(
    bytes: &[u8],
    start: u64,
    capacity: u64,
    tails: &HashSet<u64>,
) -> Option<HashMap<u64, u64>> {
    let mut before = HashMap::new();
    let mut messages = 0;
    let mut walk = Walk::new(bytes, start, capacity);
    for step in walk.by_ref() {
        let offset = step.ok()?.offset;
        if tails.contains(&offset) {
            before.insert(offset, messages);
        }
        messages += 1;
    }
    if walk.state() != WalkState::Complete {
        return None;
    }
    for count in before.values_mut() {
        *count = messages - *count;
    }
    Some(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::Integrity;
    use proptest::prelude::*;

    const CAPACITY: u64 = 4 << 20;

    /// Messages with these payloads, one after the other, each filled with `fill`.
    fn messages(lengths: &[usize], fill: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &length in lengths {
            let header = MessageHeader {
                payload_len: u32::try_from(length).expect("short"),
                ..MessageHeader::default()
            };
            bytes.extend(header.to_bytes());
            bytes.resize(bytes.len() + length, fill);
        }
        bytes
    }

    /// Reads `bytes`, which lie at offset `base`, and counts how many were asked for.
    fn reader<'a>(
        bytes: &'a [u8],
        base: u64,
        asked: &'a mut u64,
    ) -> impl FnMut(u64, u64, &mut Vec<u8>) -> io::Result<()> + 'a {
        move |from, to, out| {
            *asked += to - from;
            let at = |offset: u64| usize::try_from(offset - base).expect("small");
            out.extend(&bytes[at(from)..at(to)]);
            Ok(())
        }
    }

    fn landed(bytes: &[u8], base: u64, end: u64) -> bool {
        lands(base, end, CAPACITY, reader(bytes, base, &mut 0), |_| {}).expect("bytes in memory")
    }

    #[test]
    fn a_walk_lands_from_true_boundaries_only() {
        let bytes = messages(&[100, 0, 2 << 20, 33, 1 << 20], b'x');
        let end = bytes.len() as u64;
        for (start, lands) in [
            (0, true),
            (116, true),
            (132, true),
            (131, false),
            (1, false),
            (end, true),
        ] {
            let rest = &bytes[usize::try_from(start).expect("small")..];
            assert_eq!(landed(rest, start, end), lands, "from {start}");
        }
        // Neither short of it nor past it.
        assert!(!landed(&bytes, 0, end - 1));
        assert!(!landed(&bytes[..60], 0, 60));
        // A length that lies: to the end of the lap and past it.
        let mut lie = bytes;
        lie[..4].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert!(!landed(&lie, 0, end));
    }

    #[test]
    fn a_long_message_is_stepped_over_unread() {
        let bytes = messages(&[3 << 20, 5], b'x');
        let mut asked = 0;
        let read = reader(&bytes, 0, &mut asked);
        assert!(lands(0, bytes.len() as u64, CAPACITY, read, |_| {}).expect("bytes in memory"));
        assert!(asked < 2 * CHUNK, "{asked}");
    }

    #[test]
    fn the_first_clear_message_is_one_that_was_sent() {
        // 100 messages of 64 bytes in a ring of 4096; head is 6400, so all below 2816 is torn without a tail.
        let bytes = messages(&[48; 100], b'x');
        let head = 6400;
        let first = |bytes: &[u8], start: u64, end: u64, min_tail| {
            let validity = Validity {
                min_tail,
                head,
                capacity: 1 << 12,
                writing: None,
            };
            let clear = |offset| validity.integrity(offset) != Integrity::Torn;
            let rest = &bytes[usize::try_from(start).expect("small")..];
            first_clear(start, end, &validity, clear, reader(rest, start, &mut 0))
                .expect("bytes in memory")
        };
        // In the lap from 0 to 4096.
        assert_eq!(first(&bytes, 64, 4096, None), Some((2816, 43)));
        assert_eq!(first(&bytes, 64, 4096, Some(2880)), Some((2816, 43)));
        assert_eq!(
            first(&bytes, 64, 2816, None),
            None,
            "nothing clear before the end"
        );
        assert_eq!(
            first(&bytes, 64, 4096, Some(2890)),
            None,
            "a tail that is no boundary: the walk or the tail is false"
        );
        // Written over: a walk that goes astray does not land.
        let mut over = bytes;
        over[640..656].fill(b'y');
        assert_eq!(first(&over, 64, 4096, None), None);
        // Astray, but among zeroes, which are messages of no length, and so to the end all the same: only the tail
        // on the way tells.
        let mut astray = messages(&[48, 4096 - 64 - 16], 0);
        astray[64..68].fill(0);
        assert!(landed(&astray, 0, 4096));
        assert_eq!(first(&astray, 0, 4096, Some(3000)), None);
    }

    #[test]
    fn messages_are_counted_from_each_tail_to_the_end() {
        let bytes = messages(&[48, 0, 20, 100], b'x');
        let tails = HashSet::from([1000, 1064, 1080, 1081]);
        let counted = count(&bytes, 1000, CAPACITY, &tails).expect("it lands");
        assert_eq!(counted, HashMap::from([(1000, 4), (1064, 3), (1080, 2)]));
        assert_eq!(
            count(&bytes[..bytes.len() - 1], 1000, CAPACITY, &tails),
            None
        );
        let mut lie = bytes;
        lie[64] = 1;
        assert_eq!(count(&lie, 1000, CAPACITY, &tails), None);
    }

    proptest! {
        #[test]
        fn every_boundary_lands_and_is_counted(
            lengths in prop::collection::vec(0usize..600, 1..60),
            lap in 0u64..1000,
            at in any::<prop::sample::Index>(),
        ) {
            let base = lap * CAPACITY;
            let bytes = messages(&lengths, b'x');
            let end = base + bytes.len() as u64;
            let mut offsets = Vec::new();
            let mut asked = 0;
            let read = reader(&bytes, base, &mut asked);
            prop_assert!(lands(base, end, CAPACITY, read, |offset| offsets.push(offset)).expect("bytes in memory"));
            prop_assert_eq!(offsets.len(), lengths.len());
            let from = at.index(offsets.len());
            let counted = count(&bytes, base, CAPACITY, &HashSet::from([offsets[from]])).expect("it lands");
            prop_assert_eq!(counted[&offsets[from]], (offsets.len() - from) as u64);
        }

        #[test]
        fn any_bytes_are_walked_to_an_end(
            bytes in prop::collection::vec(prop_oneof![4 => Just(0u8), 1 => any::<u8>()], 0..2000),
            base in any::<u64>(),
            min_tail in prop::option::of(any::<u64>()),
            head in any::<u64>(),
        ) {
            let base = base.min(u64::MAX - 2000);
            let end = base + bytes.len() as u64;
            let validity = Validity { min_tail, head, capacity: 4096, writing: None };
            let clear = |offset| validity.integrity(offset) != Integrity::Torn;
            let found = first_clear(base, end, &validity, clear, reader(&bytes, base, &mut 0)).expect("bytes in memory");
            if let Some((found, _)) = found {
                prop_assert!((base..end).contains(&found));
                prop_assert_ne!(validity.integrity(found), Integrity::Torn);
            }
            if let Some(counted) = count(&bytes, base, 4096, &HashSet::from([base])) {
                prop_assert!(counted.values().all(|messages| *messages <= bytes.len() as u64 / 16));
            }
        }
    }
}
