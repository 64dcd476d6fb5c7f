//! The order of rows that change from look to look: by what they read as, so that what trembles behind the last digit shakes
//! nothing.

use std::cmp::Reverse;

/// A row by its place in what was sampled, and what it is sorted by; `None` where that is unknown.
pub(super) struct SortedRow {
    place: usize,
    /// A number, and how it reads.
    figure: Option<(u64, String)>,
    /// How many figures that read otherwise are smaller.
    rank: usize,
}

impl SortedRow {
    /// The row at `place`.
    pub(super) fn new(place: usize, figure: Option<(u64, String)>) -> Self {
        Self {
            place,
            figure,
            rank: 0,
        }
    }
}

/// Sorts rows by their figures; gives their places. Those that read the same stand as they were sampled, whichever way the order
/// goes, or a rate that trembles behind its last digit would shake the table; what is unknown comes last.
pub(super) fn sorted(mut rows: Vec<SortedRow>, descending: bool) -> Vec<usize> {
    rows.sort_by(|one, other| one.figure.cmp(&other.figure));
    let mut rank = 0;
    for index in 1..rows.len() {
        let reads = |row: usize| rows[row].figure.as_ref().map(|(_, text)| text);
        rank += usize::from(reads(index - 1) != reads(index));
        rows[index].rank = rank;
    }
    rows.sort_by_key(|row| {
        let [up, down] = if descending {
            [0, row.rank]
        } else {
            [row.rank, 0]
        };
        (row.figure.is_none(), up, Reverse(down), row.place)
    });
    rows.into_iter().map(|row| row.place).collect()
}
