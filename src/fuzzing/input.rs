//! What a fuzzer made up, taken as choices one after the other: numbers, lengths, pieces of bytes.
//!
//! Where it ends, zeros follow, so that every input is a whole story and a short one is a plain one. Knows nothing of
//! what is chosen.

/// Choices still to be taken.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next bytes, fewer where there are not so many.
    pub(crate) fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// A piece of at most 255 bytes, its length first.
    pub(crate) fn piece(&mut self) -> &'a [u8] {
        let most = usize::from(self.byte());
        self.take(most)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Eight bytes as they lie.
    pub(crate) fn word(&mut self) -> u64 {
        let mut word = [0; 8];
        let taken = self.take(8);
        word[..taken.len()].copy_from_slice(taken);
        u64::from_le_bytes(word)
    }

    /// A number below `end`, which is not 0, of as few bytes as it takes.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        let drawn = match end {
            0..=0x100 => self.byte().into(),
            0x101..=0x1_0000 => u64::from(self.byte()) << 8 | u64::from(self.byte()),
            _ => self.word(),
        };
        drawn % end.max(1)
    }

    /// [`Self::below`], for places and lengths.
    pub(crate) fn index(&mut self, end: usize) -> usize {
        self.below(end as u64) as usize
    }

    /// A number as liars like them: nothing, all there is, a bit, next to one of those, or any.
    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() % 8 {
            0 => 0,
            1 => u64::MAX - u64::from(self.byte() % 9),
            2 => 1 << (self.byte() % 64),
            3 => (1_u64 << (self.byte() % 64)).wrapping_sub(1),
            4 | 5 => self.byte().into(),
            _ => self.word(),
        }
    }

    /// One of several.
    pub(crate) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.index(all.len())]
    }
}
