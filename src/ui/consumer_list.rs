//! Which consumers the table lists, in which order, and which of them is selected.
//!
//! Rows are places in the snapshot's list of consumers. Knows nothing of how they are drawn, but that rows which read
//! the same must not change places.

use super::consumer_field::ConsumerField;
use super::cursor::{Cursor, Movement};
use super::format::{bytes, duration_in, percent, whole};
use super::order::{SortedRow, sorted};
use super::prompt::{Edit, Prompt};
use super::text;
use crate::observe::model::{ConsumerSnapshot, ConsumerState, RingSnapshot};

/// Characters of a command that a filter can find.
const LONGEST_COMMAND: usize = 256;

/// The column that rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) field: ConsumerField,
    pub(crate) descending: bool,
}

impl Sort {
    fn by(field: ConsumerField) -> Self {
        Self {
            field,
            descending: field.begins_descending(),
        }
    }
}

/// Order, filter and selection of the consumers.
#[derive(Debug)]
pub(crate) struct ConsumerList {
    cursor: Cursor<u64>,
    columns: Vec<ConsumerField>,
    sort: Sort,
    filter: Prompt<40>,
}

impl Default for ConsumerList {
    fn default() -> Self {
        Self {
            cursor: Cursor::default(),
            columns: ConsumerField::usual(),
            sort: Sort::by(ConsumerField::Slot),
            filter: Prompt::default(),
        }
    }
}

impl ConsumerList {
    /// The consumers in a table with these columns.
    pub(super) fn with_columns(columns: Vec<ConsumerField>) -> Self {
        Self {
            columns,
            ..Self::default()
        }
    }

    /// The columns of the table, in their order.
    pub(crate) fn columns(&self) -> &[ConsumerField] {
        &self.columns
    }

    /// The column that rows are sorted by.
    pub(crate) fn sort(&self) -> Sort {
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

    /// The consumers that pass the filter, in their order.
    pub(crate) fn rows(&self, ring: &RingSnapshot) -> Vec<usize> {
        let words: Vec<String> = self
            .filter
            .typed()
            .split_whitespace()
            .map(str::to_lowercase)
            .collect();
        let consumers = ring.consumers.iter().enumerate();
        let rows = consumers
            .filter(|(place, consumer)| passes(consumer, *place, &words))
            .map(|(place, consumer)| {
                SortedRow::new(place, figure(consumer, place, self.sort.field))
            });
        sorted(rows.collect(), self.sort.descending)
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
    pub(super) fn selected(&self, ring: &RingSnapshot, rows: &[usize]) -> Option<usize> {
        self.cursor.row(keys(ring, rows), proposed(ring, rows))
    }

    /// Moves the selection.
    pub(super) fn step(&mut self, step: Movement, ring: &RingSnapshot) {
        let rows = self.rows(ring);
        self.cursor
            .step(step, keys(ring, &rows), proposed(ring, &rows));
    }

    /// Selects a consumer by its `meta_inode`, if it is listed.
    pub(super) fn select(&mut self, inode: u64, ring: &RingSnapshot) {
        let rows = self.rows(ring);
        self.cursor.select(inode, keys(ring, &rows));
    }

    /// Another sample, order or filter: takes over where the selected consumer stands now.
    pub(super) fn follow(&mut self, ring: &RingSnapshot) {
        let rows = self.rows(ring);
        self.cursor.follow(keys(ring, &rows));
    }

    /// Sorts by the next column that there is, or the one before, where the order would be another.
    pub(super) fn sort_by_next(&mut self, forward: bool) {
        let stops = self.columns.iter().filter(|field| field.is_stop());
        let stops: Vec<ConsumerField> = stops.copied().collect();
        let at = stops.iter().position(|one| *one == self.sort.field);
        let next = match (at, forward) {
            (None, _) => Some(0),
            (Some(at), true) => (at + 1).checked_rem(stops.len()),
            (Some(at), false) => (at + stops.len() - 1).checked_rem(stops.len()),
        };
        if let Some(field) = next.and_then(|next| stops.get(next)) {
            self.sort = Sort::by(*field);
        }
    }

    /// Sorts by a column; by the one that rows are sorted by already, the other way round.
    pub(super) fn sort_by(&mut self, field: ConsumerField) {
        if field == self.sort.field {
            self.reverse();
        } else if field != ConsumerField::Why {
            self.sort = Sort::by(field);
        }
    }

    /// Turns the order round.
    pub(super) fn reverse(&mut self) {
        self.sort.descending = !self.sort.descending;
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

    /// Another ring: its consumers are others, the order that the user likes is the same.
    pub(super) fn renew(&mut self) {
        *self = Self {
            sort: self.sort,
            ..Self::with_columns(std::mem::take(&mut self.columns))
        };
    }
}

fn keys(ring: &RingSnapshot, rows: &[usize]) -> impl ExactSizeIterator<Item = u64> + Clone {
    rows.iter().map(|place| ring.consumers[*place].meta_inode)
}

/// The row of the consumer to look at first: the one that holds the producer up if it is in any trouble. As long as all
/// is well it is the ring's first, since then the gate changes hands at every sample.
fn proposed(ring: &RingSnapshot, rows: &[usize]) -> usize {
    let well = [
        ConsumerState::Ok,
        ConsumerState::Idle,
        ConsumerState::Parked,
    ];
    let gate = |consumer: &ConsumerSnapshot| {
        ring.gating_meta_inode == Some(consumer.meta_inode) && !well.contains(&consumer.state)
    };
    let place = ring.consumers.iter().position(gate).unwrap_or(0);
    rows.iter().position(|row| *row == place).unwrap_or(0)
}

/// What a consumer is called in a bar or a column: its slot, or without the slot table its place.
pub(crate) fn label(consumer: &ConsumerSnapshot, place: usize) -> String {
    consumer
        .slot
        .map_or_else(|| place.to_string(), |slot| slot.to_string())
}

/// Whose its process is: a name, or where that is unknown a uid.
pub(crate) fn user(consumer: &ConsumerSnapshot) -> Option<String> {
    let uid = consumer.uid.map(|uid| uid.to_string());
    consumer.user.clone().or(uid)
}

/// Whether every word is found in what the table says of the consumer, as it says it.
fn passes(consumer: &ConsumerSnapshot, place: usize, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let fields = [
        Some(label(consumer, place)),
        consumer.pid.map(|pid| pid.to_string()),
        consumer
            .command
            .as_deref()
            .map(|command| text::escape(command, LONGEST_COMMAND).to_lowercase()),
        consumer.wakeup_mode.map(|mode| mode.to_string()),
        Some(consumer.state.word().to_owned()),
        consumer
            .command_line
            .as_deref()
            .map(|line| text::escape(line, LONGEST_COMMAND).to_lowercase()),
        user(consumer).map(|user| user.to_lowercase()),
    ];
    words
        .iter()
        .all(|word| fields.iter().flatten().any(|field| field.contains(word)))
}

/// What a consumer is sorted by: a number, and how it reads.
fn figure(
    consumer: &ConsumerSnapshot,
    place: usize,
    field: ConsumerField,
) -> Option<(u64, String)> {
    let exact = |number: u64| (number, number.to_string());
    let read = |number: u64, text: String| (number, text);
    let time = |nanoseconds| (nanoseconds, duration_in(nanoseconds, ""));
    match field {
        ConsumerField::Slot | ConsumerField::Why => Some(exact(place as u64)),
        ConsumerField::Pid => consumer.pid.map(|pid| exact(u64::from(pid.unsigned_abs()))),
        ConsumerField::Command => Some(read(0, consumer.command.as_ref()?.to_lowercase())),
        ConsumerField::Mode => Some(read(0, consumer.wakeup_mode?.to_string())),
        ConsumerField::Tail => {
            (consumer.state != ConsumerState::Parked).then(|| exact(consumer.tail_offset))
        }
        ConsumerField::Lag | ConsumerField::History => {
            consumer.lag_bytes.map(|lag| read(lag, bytes(lag)))
        }
        ConsumerField::Percent => Some(read(consumer.lag_bytes?, percent(consumer.lag_percent?))),
        ConsumerField::Time => consumer.lag_time_ns.map(|behind| {
            let most = behind.value.unwrap_or(behind.low);
            (most, behind.words(|ns| duration_in(ns, "")))
        }),
        ConsumerField::Rate => {
            let rate = whole(consumer.rate_bytes_per_second?);
            Some(read(rate, bytes(rate)))
        }
        ConsumerField::Progress => consumer.progress_age_ns.map(time),
        ConsumerField::EvictIn => consumer.evict_in_ns.map(time),
        ConsumerField::State => Some(exact(consumer.state.badness())),
        ConsumerField::User => Some(read(0, user(consumer)?.to_lowercase())),
        ConsumerField::Doing => Some(read(0, consumer.process_state?.word().to_owned())),
        ConsumerField::Joined => Some(read(0, consumer.joined_at.clone()?)),
        ConsumerField::CommandLine => Some(read(0, consumer.command_line.as_ref()?.to_lowercase())),
    }
}
