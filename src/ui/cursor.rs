//! Moving about in rows that come and go.
//!
//! Selections are kept by what they are on, never by row number. Knows nothing of what the rows are.

/// A row that stays selected when rows come and go before it.
#[derive(Clone, Debug)]
pub(super) struct Cursor<K> {
    pub(super) key: Option<K>,
    pub(super) row: usize,
    /// The first row that was shown last.
    pub(super) top: usize,
}

impl<K> Default for Cursor<K> {
    fn default() -> Self {
        Self {
            key: None,
            row: 0,
            top: 0,
        }
    }
}

impl<K: PartialEq> Cursor<K> {
    /// The selected row of `keys`: the one with the key or, if that has gone, the one in its place.
    /// `proposed` stands in until the user has chosen one.
    pub(super) fn row(
        &self,
        mut keys: impl ExactSizeIterator<Item = K>,
        proposed: usize,
    ) -> Option<usize> {
        let last = keys.len().checked_sub(1)?;
        let Some(key) = &self.key else {
            return Some(proposed.min(last));
        };
        let found = keys.position(|other| other == *key);
        Some(found.unwrap_or(self.row.min(last)))
    }

    /// Selects the row with `key`, if there is one.
    pub(super) fn select(&mut self, key: K, mut keys: impl Iterator<Item = K>) {
        if let Some(row) = keys.position(|other| other == key) {
            *self = Self {
                key: Some(key),
                row,
                top: self.top,
            };
        }
    }

    /// Takes over where the selected row stands now, for when it goes.
    pub(super) fn follow(&mut self, mut keys: impl Iterator<Item = K>) {
        if let Some(row) = keys.position(|key| self.key.as_ref() == Some(&key)) {
            self.row = row;
        }
    }

    /// Selects the row that `step` leads to.
    pub(super) fn step(
        &mut self,
        step: Movement,
        mut keys: impl ExactSizeIterator<Item = K> + Clone,
        proposed: usize,
    ) {
        if let Some(row) = self.row(keys.clone(), proposed) {
            self.row = step.from(row, keys.len() - 1);
            self.key = keys.nth(self.row);
        }
    }
}

/// A movement in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Movement {
    Up(usize),
    Down(usize),
    First,
    Last,
}

impl Movement {
    /// Where it leads from `row`, when `last` is the last one.
    pub(super) fn from(self, row: usize, last: usize) -> usize {
        match self {
            Self::Up(rows) => row.saturating_sub(rows),
            Self::Down(rows) => row.saturating_add(rows).min(last),
            Self::First => 0,
            Self::Last => last,
        }
    }
}
