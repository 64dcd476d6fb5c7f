//! A piece of a ring's memory in a dump.

/// Bytes before the memory itself.
const HEADER: usize = 40;
/// The only layout there is.
const VERSION: u8 = 1;
/// Bytes of memory in one piece at most.
pub(super) const LONGEST: usize = 1 << 20;

/// A piece of memory, or what goes with it. Little-endian:
///
/// | bytes | |
/// |---|---|
/// | 0 | version, 1 |
/// | 1 | of what: 1 the control region, 2 a consumer's metadata page, 3 the ring, 4 what the producer may be writing |
/// | 2..4 | zero |
/// | 4..8 | of a metadata page: its slot, `u32::MAX` where that is not known; else 0 |
/// | 8..16 | where it begins, bytes from the start of its memfd; of a metadata page, its inode; of what the producer may be writing, the offset it was offered |
/// | 16..24 | head before it was copied |
/// | 24..32 | head after it was copied |
/// | 32..40 | of a metadata page: 1 if the producer holds it; of what the producer may be writing, bytes it was offered |
///
/// then the memory, at most 1 MiB of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<'a> {
    /// What it is of.
    pub part: Part,
    /// Where it begins, bytes from the start of its memfd.
    pub offset: u64,
    /// Head before and after it was copied.
    pub heads: (u64, u64),
    /// The memory.
    pub bytes: &'a [u8],
}

/// What a page is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The control region.
    Control,
    /// A consumer's metadata page.
    Consumer {
        /// Inode of the page.
        inode: u64,
        /// Its slot, where that is known.
        slot: Option<u32>,
        /// Whether the producer holds it.
        held: bool,
    },
    /// The ring.
    Ring,
    /// No memory: what the producer had been offered, and may have been writing into, logical offset and bytes. Its own head is
    /// the second of `heads`.
    Offer {
        /// Bytes that it was offered; 0: it had not been offered any.
        bytes: u64,
    },
}

impl Page<'_> {
    /// As it is written.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let mut written = Vec::with_capacity(HEADER + self.bytes.len());
        let (part, slot, offset, last) = match self.part {
            Part::Control => (1, 0, self.offset, 0),
            Part::Consumer { inode, slot, held } => {
                (2, slot.unwrap_or(u32::MAX), inode, u64::from(held))
            }
            Part::Ring => (3, 0, self.offset, 0),
            Part::Offer { bytes } => (4, 0, self.offset, bytes),
        };
        written.extend_from_slice(&[VERSION, part, 0, 0]);
        written.extend_from_slice(&slot.to_le_bytes());
        for number in [offset, self.heads.0, self.heads.1, last] {
            written.extend_from_slice(&number.to_le_bytes());
        }
        written.extend_from_slice(self.bytes);
        written
    }
}

impl<'a> Page<'a> {
    /// The page that `bytes` are; `None` where they are none that this version understands.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, memory) = bytes.split_first_chunk::<HEADER>()?;
        let number = |at: usize| {
            let bytes = header.get(at..)?.first_chunk()?;
            Some(u64::from_le_bytes(*bytes))
        };
        let [VERSION, part, _, _, s0, s1, s2, s3, ..] = *header else {
            return None;
        };
        if memory.len() > LONGEST {
            return None;
        }
        let slot = u32::from_le_bytes([s0, s1, s2, s3]);
        let (offset, last) = (number(8)?, number(32)?);
        let (part, offset) = match part {
            1 => (Part::Control, offset),
            2 => {
                let part = Part::Consumer {
                    inode: offset,
                    slot: (slot != u32::MAX).then_some(slot),
                    held: last == 1,
                };
                (part, 0)
            }
            3 => (Part::Ring, offset),
            4 => (Part::Offer { bytes: last }, offset),
            _ => return None,
        };
        Some(Self {
            part,
            offset,
            heads: (number(16)?, number(24)?),
            bytes: memory,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let part = |slot, held| Part::Consumer {
            inode: 77,
            slot,
            held,
        };
        for (part, offset) in [
            (Part::Control, 0),
            (Part::Ring, 1 << 40),
            (Part::Offer { bytes: 64 }, 9),
            (part(Some(3), true), 0),
            (part(None, false), 0),
        ] {
            let page = Page {
                part,
                offset,
                heads: (5, u64::MAX),
                bytes: b"memory",
            };
            assert_eq!(Page::parse(&page.to_bytes()), Some(page));
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let good = Page {
            part: Part::Ring,
            offset: 0,
            heads: (0, 0),
            bytes: &[],
        }
        .to_bytes();
        assert!(Page::parse(&good).is_some());
        assert_eq!(Page::parse(&good[..HEADER - 1]), None);
        for (at, byte) in [(0, 2), (1, 0), (1, 5)] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert_eq!(Page::parse(&bad), None);
        }
        let mut long = good;
        long.resize(HEADER + LONGEST + 1, 0);
        assert_eq!(Page::parse(&long), None);
    }
}
