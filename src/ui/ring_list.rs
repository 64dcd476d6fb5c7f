//! Which rings the list shows, in which order, and which of them is selected.
//!
//! Rows are places in the listing. The sick stand first until the user wants another order.

use std::collections::{HashMap, VecDeque};

use super::cursor::{Cursor, Movement};
use super::format::whole;
use super::order::{SortedRow, sorted};
use super::prompt::{Edit, Prompt};
use super::ring_field::RingField;
use super::text;
use crate::observe::model::{Listing, RingListing};

/// Characters of a name that a filter can find.
const LONGEST: usize = 256;

/// Order, filter and selection of the rings.
#[derive(Debug)]
pub(crate) struct RingList {
    cursor: Cursor<String>,
    sort: (RingField, bool),
    filter: Prompt<40>,
    /// The last rates of each ring by its id, bytes/s, the present one last.
    rates: HashMap<String, VecDeque<Option<u64>>>,
}

/// Rates that are kept of a ring.
const RATES: usize = 12;

impl Default for RingList {
    fn default() -> Self {
        Self {
            cursor: Cursor::default(),
            sort: by(RingField::Health),
            filter: Prompt::default(),
            rates: HashMap::new(),
        }
    }
}

/// Sorted by a column as one wants it first.
fn by(field: RingField) -> (RingField, bool) {
    (field, field.begins_descending())
}

impl RingList {
    /// The column that rows are sorted by, and whether the largest stands first.
    pub(crate) fn sort(&self) -> (RingField, bool) {
        self.sort
    }

    /// What rows have to contain, as it was typed.
    pub(crate) fn filter(&self) -> &str {
        self.filter.typed()
    }

    /// Whether the filter is being typed.
    pub(crate) fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }

    /// The rings that pass the filter, in their order.
    pub(crate) fn rows(&self, listing: &Listing) -> Vec<usize> {
        let words = self.filter.typed().split_whitespace();
        let words: Vec<String> = words.map(str::to_lowercase).collect();
        let (field, descending) = self.sort;
        let rings = listing.rings.iter().enumerate();
        let rows = rings
            .filter(|(_, ring)| passes(ring, &words))
            .map(|(place, ring)| SortedRow::new(place, field.figure(ring)));
        sorted(rows.collect(), descending)
    }

    /// The first row that was shown last.
    pub(crate) fn top(&self) -> usize {
        self.cursor.top
    }

    /// Takes over which row was shown first.
    pub(super) fn shown_from(&mut self, top: usize) {
        self.cursor.top = top;
    }

    /// The selected one of `rows`.
    pub(crate) fn selected(&self, listing: &Listing, rows: &[usize]) -> Option<usize> {
        self.cursor.row(keys(listing, rows), 0)
    }

    /// Moves the selection.
    pub(super) fn step(&mut self, step: Movement, listing: &Listing) {
        let rows = self.rows(listing);
        self.cursor.step(step, keys(listing, &rows), 0);
    }

    /// Selects a ring by its id, if it is listed.
    pub(super) fn select(&mut self, id: String, listing: &Listing) {
        let rows = self.rows(listing);
        self.cursor.select(id, keys(listing, &rows));
    }

    /// The ring with that id is selected once it is listed.
    pub(super) fn prefer(&mut self, id: Option<&str>) {
        self.cursor.key = id.map(str::to_owned);
    }

    /// Takes over the rates of another listing.
    pub(super) fn note_rates(&mut self, listing: &Listing) {
        let listed = |id: &String| listing.rings.iter().any(|ring| ring.id == *id);
        self.rates.retain(|id, _| listed(id));
        for ring in &listing.rings {
            let rates = self.rates.entry(ring.id.clone()).or_default();
            rates.push_back(ring.bytes_per_second.map(whole));
            if rates.len() > RATES {
                rates.pop_front();
            }
        }
    }

    /// The last rates of the ring with that id, bytes/s, the present one last.
    pub(crate) fn rates(&self, id: &str) -> impl DoubleEndedIterator<Item = Option<u64>> + Clone {
        self.rates.get(id).into_iter().flatten().copied()
    }

    /// Another listing, order or filter: takes over where the selected ring stands now.
    pub(super) fn follow(&mut self, listing: &Listing) {
        let rows = self.rows(listing);
        self.cursor.follow(keys(listing, &rows));
    }

    /// Sorts by the next column, or the one before.
    pub(super) fn sort_by_next(&mut self, forward: bool) {
        let all = RingField::ALL;
        let at = all.iter().position(|one| *one == self.sort.0);
        let by_one = if forward { 1 } else { all.len() - 1 };
        self.sort = by(all[(at.unwrap_or(0) + by_one) % all.len()]);
    }

    /// Sorts by a column; by the one that rows are sorted by already, the other way round.
    pub(super) fn sort_by(&mut self, field: RingField) {
        if field == self.sort.0 {
            self.reverse();
        } else {
            self.sort = by(field);
        }
    }

    /// Turns the order round.
    pub(super) fn reverse(&mut self) {
        self.sort.1 = !self.sort.1;
    }

    /// Lets the filter be typed.
    pub(super) fn begin_typing(&mut self) {
        self.filter.begin();
    }

    /// Ends the typing; what was typed stays.
    pub(super) fn end_typing(&mut self) {
        self.filter.end();
    }

    /// Changes the filter.
    pub(super) fn edit(&mut self, edit: Edit) {
        self.filter.edit(edit);
    }
}

fn keys<'a>(
    listing: &'a Listing,
    rows: &'a [usize],
) -> impl ExactSizeIterator<Item = String> + Clone + 'a {
    rows.iter().map(|place| listing.rings[*place].id.clone())
}

/// Whether every word is found in what the list says of the ring.
fn passes(ring: &RingListing, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let fields: Vec<String> = RingField::ALL
        .iter()
        .filter_map(|field| field.text(ring))
        .map(|text| text::escape(&text, LONGEST).to_lowercase())
        .collect();
    let found = |word: &String| fields.iter().any(|field| field.contains(word));
    words.iter().all(found)
}
