//! The 16-byte message header, and the walk over bytes that may lie. It owns both; it works on private copies
//! alone and knows neither mappings nor where the bytes came from.

use std::fmt;

use super::layout::{HEADER_SIZE, MAX_FDS};

/// A message header (`zbq.h: struct zbq_msg_header`), as a private copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageHeader {
    /// Bytes of payload behind the header.
    pub payload_len: u32,
    /// Descriptors that travel with the message, 0 to 253.
    pub fd_count: u8,
    /// Ignored by the reference; see [`FLAG_FILLER`].
    pub flags: u8,
    /// Unused.
    pub reserved: u16,
    /// Ties the message to its descriptors; otherwise whatever the application writes.
    pub seq_id: u64,
}

/// Set by our producer on a message that only fills the rest of a lap. The reference ignores it.
pub const FLAG_FILLER: u8 = 0x80;

impl MessageHeader {
    /// Reads a header as it lies in the ring.
    #[inline]
    pub fn from_bytes(bytes: [u8; HEADER_SIZE]) -> Self {
        let [l0, l1, l2, l3, fd_count, flags, r0, r1, seq @ ..] = bytes;
        Self {
            payload_len: u32::from_ne_bytes([l0, l1, l2, l3]),
            fd_count,
            flags,
            reserved: u16::from_ne_bytes([r0, r1]),
            seq_id: u64::from_ne_bytes(seq),
        }
    }

    /// The header as it lies in the ring.
    #[inline]
    pub fn to_bytes(self) -> [u8; HEADER_SIZE] {
        let [l0, l1, l2, l3] = self.payload_len.to_ne_bytes();
        let [r0, r1] = self.reserved.to_ne_bytes();
        let [s0, s1, s2, s3, s4, s5, s6, s7] = self.seq_id.to_ne_bytes();
        // As one value: bytes that are stored one by one, and loaded together at once, cost more than the message.
        [
            l0,
            l1,
            l2,
            l3,
            self.fd_count,
            self.flags,
            r0,
            r1,
            s0,
            s1,
            s2,
            s3,
            s4,
            s5,
            s6,
            s7,
        ]
    }

    /// Bytes of header and payload: exactly how far a consumer moves on.
    #[inline]
    pub fn total_len(&self) -> u64 {
        HEADER_SIZE as u64 + u64::from(self.payload_len)
    }

    /// Whether the message only fills the rest of a lap.
    #[inline]
    pub fn is_filler(&self) -> bool {
        self.flags & FLAG_FILLER != 0
    }
}

/// What is wrong with the bytes at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CorruptionKind {
    /// Fewer bytes are left before the lap's end than a header takes.
    HeaderCrossesLap,
    /// The payload would run past the lap's end.
    PayloadCrossesLap,
    /// More descriptors than a message can have.
    TooManyFds,
}

/// Bytes that are no message, and cannot become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corruption {
    /// Logical offset where a header should be.
    pub offset: u64,
    /// What is wrong there.
    pub kind: CorruptionKind,
    /// The bytes found; zeros where there are none.
    pub header: [u8; HEADER_SIZE],
    /// Bytes from there to the lap's end.
    pub lap_left: u64,
}

impl std::error::Error for Corruption {}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            kind,
            header,
            lap_left,
        } = self;
        let claims = MessageHeader::from_bytes(*header);
        match kind {
            CorruptionKind::HeaderCrossesLap => write!(
                f,
                "offset {offset}: {lap_left} bytes left in the lap, expected a header of {HEADER_SIZE}"
            ),
            CorruptionKind::PayloadCrossesLap => write!(
                f,
                "offset {offset}: a message of {} bytes, but the lap ends after {lap_left}",
                claims.total_len()
            ),
            CorruptionKind::TooManyFds => write!(
                f,
                "offset {offset}: {} descriptors, expected at most {MAX_FDS}",
                claims.fd_count
            ),
        }?;
        let found = usize::try_from(*lap_left).map_or(HEADER_SIZE, |left| left.min(HEADER_SIZE));
        write!(f, "; found")?;
        header[..found]
            .iter()
            .try_for_each(|byte| write!(f, " {byte:02x}"))
    }
}

/// One message of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawMessage<'a> {
    /// Logical offset of its header.
    pub offset: u64,
    /// The header.
    pub header: MessageHeader,
    /// The payload, all of it.
    pub payload: &'a [u8],
}

/// How a walk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkState {
    /// There may be more.
    Walking,
    /// The last message ended where the bytes end.
    Complete,
    /// The next message is sound as far as it can be seen, but longer than the bytes: copy more, or wait for more.
    Incomplete,
    /// The walk met a [`Corruption`] and went no further.
    Corrupt,
}

/// Steps from header to header through a private copy of ring bytes. It ends on any input, panics on none,
/// allocates nothing, and stops behind the first [`Corruption`].
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    rest: &'a [u8],
    position: u64,
    capacity: u64,
    state: WalkState,
}

impl<'a> Walk<'a> {
    /// Walks `bytes`, which lie at logical offset `start` of a ring of `capacity` bytes, and start on a message.
    /// In a ring of fewer than 16 bytes, which cannot be, every byte is corruption.
    pub fn new(bytes: &'a [u8], start: u64, capacity: u64) -> Self {
        // A capacity of 0 would divide by zero; 1 holds no message either.
        Self {
            rest: bytes,
            position: start,
            capacity: capacity.max(1),
            state: WalkState::Walking,
        }
    }

    /// Logical offset behind the last message returned: where the next header is, or should be.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Why the walk ended, if it did.
    pub fn state(&self) -> WalkState {
        self.state
    }

    fn corrupt(&mut self, kind: CorruptionKind, lap_left: u64) -> Corruption {
        self.state = WalkState::Corrupt;
        let mut header = [0; HEADER_SIZE];
        let seen = self.rest.len().min(HEADER_SIZE).min(lap_left as usize);
        header[..seen].copy_from_slice(&self.rest[..seen]);
        Corruption {
            offset: self.position,
            kind,
            header,
            lap_left,
        }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<RawMessage<'a>, Corruption>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state != WalkState::Walking {
            return None;
        }
        if self.rest.is_empty() {
            self.state = WalkState::Complete;
            return None;
        }
        let lap_left = self.capacity - self.position % self.capacity;
        if lap_left < HEADER_SIZE as u64 {
            return Some(Err(self.corrupt(CorruptionKind::HeaderCrossesLap, lap_left)));
        }
        let Some((header, behind)) = self.rest.split_first_chunk::<HEADER_SIZE>() else {
            self.state = WalkState::Incomplete;
            return None;
        };
        let header = MessageHeader::from_bytes(*header);
        if usize::from(header.fd_count) > MAX_FDS {
            return Some(Err(self.corrupt(CorruptionKind::TooManyFds, lap_left)));
        }
        if header.total_len() > lap_left {
            return Some(Err(
                self.corrupt(CorruptionKind::PayloadCrossesLap, lap_left)
            ));
        }
        let Some((payload, rest)) = behind.split_at_checked(header.payload_len as usize) else {
            self.state = WalkState::Incomplete;
            return None;
        };
        let message = RawMessage {
            offset: self.position,
            header,
            payload,
        };
        self.rest = rest;
        // Wrapping, because `start` is anything at all; heads of real rings stay far below 2^64.
        self.position = self.position.wrapping_add(header.total_len());
        Some(Ok(message))
    }
}

impl std::iter::FusedIterator for Walk<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CAPACITY: u64 = 4096;

    fn message(payload_len: usize, seq_id: u64) -> Vec<u8> {
        let header = MessageHeader {
            payload_len: payload_len as u32,
            seq_id,
            ..Default::default()
        };
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend((0..payload_len).map(|i| (i as u64 ^ seq_id) as u8));
        bytes
    }

    #[test]
    fn a_header_reads_as_c_wrote_it() {
        let bytes = [1, 0, 0, 0, 2, 3, 4, 0, 5, 0, 0, 0, 0, 0, 0, 0];
        let header = MessageHeader {
            payload_len: 1,
            fd_count: 2,
            flags: 3,
            reserved: 4,
            seq_id: 5,
        };
        if cfg!(target_endian = "little") {
            assert_eq!(MessageHeader::from_bytes(bytes), header);
        }
        assert_eq!(MessageHeader::from_bytes(header.to_bytes()), header);
    }

    #[test]
    fn a_longer_copy_finishes_what_a_shorter_one_began() {
        let bytes = message(100, 1);
        for (cut, state) in [
            (0, WalkState::Complete),
            (10, WalkState::Incomplete),
            (115, WalkState::Incomplete),
        ] {
            let mut walk = Walk::new(&bytes[..cut], 0, CAPACITY);
            assert_eq!(walk.next(), None);
            assert_eq!((walk.state(), walk.position()), (state, 0));
        }
        let mut walk = Walk::new(&bytes, 0, CAPACITY);
        assert_eq!(
            walk.next().map(|m| m.map(|m| m.payload.len())),
            Some(Ok(100))
        );
        assert_eq!(walk.next(), None);
        assert_eq!((walk.state(), walk.position()), (WalkState::Complete, 116));
    }

    #[test]
    fn a_message_may_end_at_the_lap_but_not_behind_it() {
        let start = 3 * CAPACITY - 116;
        let mut walk = Walk::new(&[], start, CAPACITY);
        assert_eq!(walk.next(), None);
        let fits = message(100, 1);
        assert!(
            Walk::new(&fits, start, CAPACITY)
                .next()
                .is_some_and(|m| m.is_ok())
        );
        let crosses = message(101, 1);
        let mut walk = Walk::new(&crosses, start, CAPACITY);
        let corruption = walk.next().unwrap().unwrap_err();
        assert_eq!(
            (corruption.offset, corruption.kind),
            (start, CorruptionKind::PayloadCrossesLap)
        );
        assert_eq!(corruption.header, crosses[..16]);
        assert_eq!(
            (walk.next(), walk.state(), walk.position()),
            (None, WalkState::Corrupt, start)
        );
        // Even when the copy is too short to hold the lie.
        assert!(
            Walk::new(&crosses[..16], start, CAPACITY)
                .next()
                .unwrap()
                .is_err()
        );
    }

    #[test]
    fn a_header_does_not_fit_in_the_last_fifteen_bytes_of_a_lap() {
        let mut walk = Walk::new(&[7; 32], CAPACITY - 15, CAPACITY);
        let corruption = walk.next().unwrap().unwrap_err();
        assert_eq!(corruption.kind, CorruptionKind::HeaderCrossesLap);
        assert_eq!(
            (
                corruption.lap_left,
                corruption.header[14],
                corruption.header[15]
            ),
            (15, 7, 0)
        );
    }

    #[test]
    fn more_descriptors_than_the_kernel_passes_are_corruption() {
        for (fd_count, sound) in [(253, true), (254, false)] {
            let header = MessageHeader {
                fd_count,
                ..Default::default()
            }
            .to_bytes();
            assert_eq!(
                Walk::new(&header, 0, CAPACITY).next().unwrap().is_ok(),
                sound
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(
            bytes in prop::collection::vec(prop_oneof![4 => Just(0u8), 1 => any::<u8>()], 0..2000),
            start in any::<u64>(),
            capacity in prop_oneof![0u64..64, Just(4096), any::<u64>()],
        ) {
            let mut walk = Walk::new(&bytes, start, capacity);
            let mut position = start;
            let mut corrupt = false;
            for (count, step) in walk.by_ref().enumerate() {
                prop_assert!(count <= bytes.len() / HEADER_SIZE);
                prop_assert!(!corrupt, "nothing follows a corruption");
                match step {
                    Ok(message) => {
                        prop_assert_eq!(message.offset, position);
                        prop_assert_eq!(message.payload.len(), message.header.payload_len as usize);
                        position = position.wrapping_add(message.header.total_len());
                    }
                    Err(corruption) => {
                        prop_assert_eq!(corruption.offset, position);
                        corrupt = true;
                    }
                }
            }
            prop_assert_eq!(walk.position(), position);
            prop_assert_eq!(corrupt, walk.state() == WalkState::Corrupt);
            prop_assert_ne!(walk.state(), WalkState::Walking);
        }

        #[test]
        fn a_valid_stream_is_walked_message_by_message(
            lengths in prop::collection::vec(0usize..600, 1..60),
            lap in 0u64..1000,
            cut in any::<prop::sample::Index>(),
        ) {
            let start = lap * CAPACITY;
            let (mut bytes, mut ends) = (Vec::new(), Vec::new());
            for (seq, &length) in lengths.iter().enumerate() {
                let left = (CAPACITY - bytes.len() as u64 % CAPACITY) as usize;
                let total = HEADER_SIZE + length;
                // A lap's end is met exactly, or a header's room before it.
                let length = if total == left || total + HEADER_SIZE <= left { length } else { left - HEADER_SIZE };
                bytes.extend(message(length, seq as u64));
                ends.push(bytes.len());
            }
            let cut = cut.index(bytes.len() + 1);
            let mut walk = Walk::new(&bytes[..cut], start, CAPACITY);
            let walked: Vec<_> = walk.by_ref().collect::<Result<_, _>>().map_err(|c| TestCaseError::fail(c.to_string()))?;
            let whole = ends.iter().filter(|&&end| end <= cut).count();
            prop_assert_eq!(walked.len(), whole);
            let landed = whole.checked_sub(1).map_or(0, |last| ends[last]);
            prop_assert_eq!(walk.position(), start + landed as u64);
            prop_assert_eq!(walk.state(), if landed == cut { WalkState::Complete } else { WalkState::Incomplete });
            for (seq, message) in walked.iter().enumerate() {
                prop_assert_eq!(message.header.seq_id, seq as u64);
                prop_assert!(message.payload.iter().enumerate().all(|(i, &b)| b == (i ^ seq) as u8));
            }
        }
    }
}
