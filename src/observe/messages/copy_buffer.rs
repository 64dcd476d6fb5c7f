//! A private copy of ring bytes that is used again and again.
//!
//! It lies in its own pages as the original lies in the ring's. Some processors (Zen 3) copy six times slower where the
//! copy is a few bytes further into a page than the original, because they take its stores for stores to what they have
//! yet to load.

use std::collections::TryReserveError;
use std::io;

use super::copy::no_memory;
use crate::observe::attach::AttachedRing;

/// Bytes after which the pages of memory begin to look alike.
const PAGE: usize = 4096;
/// Memory that is kept from one copy to the next.
const KEPT: usize = 512 << 10;

/// Bytes copied last.
#[derive(Debug, Default)]
pub(super) struct CopyBuffer {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl CopyBuffer {
    /// Copies `length` bytes that lie at `position` in the ring.
    ///
    /// # Errors
    /// When they are not all in the ring any more.
    pub(super) fn fill(
        &mut self,
        ring: &AttachedRing,
        position: u64,
        length: u64,
    ) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.make_room(length + PAGE)
            .map_err(|_| no_memory(length as u64))?;
        self.start = skew(&self.memory, position);
        self.length = length;
        ring.copy_out(
            position,
            &mut self.memory[self.start..self.start + self.length],
        )
    }

    /// The copy.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.length]
    }

    /// A long message's room is not kept; what is copied over need not be cleared.
    fn make_room(&mut self, bytes: usize) -> Result<(), TryReserveError> {
        if self.memory.len() < bytes {
            // Nothing of what is there is needed: it is not copied, nor held beside the new.
            self.memory = Vec::new();
            self.memory.try_reserve_exact(bytes)?;
            self.memory.resize(bytes, 0);
        } else if self.memory.len() > KEPT && bytes <= KEPT {
            self.memory.truncate(bytes);
            self.memory.shrink_to_fit();
        }
        Ok(())
    }
}

/// How far into `memory` the first place is that lies in its page as `position` does in the ring's.
fn skew(memory: &[u8], position: u64) -> usize {
    let into_page = (position % PAGE as u64) as usize;
    into_page.wrapping_sub(memory.as_ptr().addr()) % PAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_lies_in_its_page_as_the_original_does() {
        let memory = vec![0; 3 * PAGE];
        for position in [0, 1, 16, 4095, 4096, 1_000_003, u64::MAX] {
            let start = skew(&memory, position);
            assert!(start < PAGE);
            assert_eq!(
                (memory.as_ptr().addr() + start) as u64 % 4096,
                position % 4096
            );
        }
    }

    #[test]
    fn room_for_a_long_message_is_given_back() {
        let mut buffer = CopyBuffer::default();
        buffer.make_room(10 << 20).expect("room");
        assert!(buffer.memory.capacity() >= 10 << 20);
        buffer.make_room(1 << 10).expect("room");
        assert!(buffer.memory.capacity() <= KEPT);
        buffer.make_room(100 << 10).expect("room");
        let memory = buffer.memory.as_ptr();
        buffer.make_room(1 << 10).expect("room");
        assert_eq!(buffer.memory.as_ptr(), memory, "kept");
    }
}
