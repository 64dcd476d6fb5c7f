//! Which of the messages at hand are what is looked for: found out once for each, a little at a time.
//!
//! Knows the log it searches and nothing of what is done with what is found.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::query::Query;
use crate::observe::model::{LogRow, MessageLog};

/// Time for searching after each sample and each key: the screen must not wait for it.
pub(super) const PATIENCE: Duration = if cfg!(test) {
    // A batch at a time, however fast the machine is.
    Duration::ZERO
} else {
    Duration::from_millis(5)
};
/// Rows between two looks at the clock.
const BATCH: u64 = 256;

/// A message that was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hit {
    /// Number of its row.
    pub(crate) row: u64,
    /// Where in its payload.
    pub(crate) place: Range<usize>,
}

/// What was found of a query, and in which rows it was looked for.
#[derive(Debug)]
pub(super) struct MessageSearch {
    pub(super) query: Query,
    /// Every message of the log is one that was found before: perhaps where its kept bytes do not reach.
    takes_all: bool,
    hits: VecDeque<Hit>,
    /// Rows of hits, and of gaps, where more may have been.
    rows: VecDeque<u64>,
    searched: Range<u64>,
}

impl MessageSearch {
    /// Nothing has been looked at yet.
    pub(super) fn new(query: Query, log: &MessageLog) -> Self {
        Self {
            query,
            takes_all: false,
            hits: VecDeque::new(),
            rows: VecDeque::new(),
            searched: log.end()..log.end(),
        }
    }

    /// The same for a log that has nothing but what was found already.
    pub(super) fn of_found(query: Query, log: &MessageLog) -> Self {
        Self {
            takes_all: true,
            ..Self::new(query, log)
        }
    }

    /// Looks at rows that were not looked at, the newest first, until `patience` is over.
    pub(super) fn advance(&mut self, log: &MessageLog, patience: Duration) {
        let deadline = Instant::now() + patience;
        let rows = log.first()..log.end();
        if self.searched.start > rows.end
            || self.searched.end < rows.start
            || self.searched.end > rows.end
        {
            // Rows of another log, or all of them have gone.
            *self = Self {
                takes_all: self.takes_all,
                ..Self::new(self.query.clone(), log)
            };
        }
        self.searched.start = self.searched.start.max(rows.start);
        while self.hits.front().is_some_and(|hit| hit.row < rows.start) {
            self.hits.pop_front();
        }
        while self.rows.front().is_some_and(|row| *row < rows.start) {
            self.rows.pop_front();
        }
        while self.searched.end < rows.end {
            let row = self.searched.end;
            let (is_listed, hit) = self.look(log, row);
            self.hits.extend(hit);
            self.rows.extend(is_listed.then_some(row));
            self.searched.end += 1;
            if row.is_multiple_of(BATCH) && Instant::now() > deadline {
                return;
            }
        }
        while self.searched.start > rows.start {
            let row = self.searched.start - 1;
            let (is_listed, hit) = self.look(log, row);
            if let Some(hit) = hit {
                self.hits.push_front(hit);
            }
            if is_listed {
                self.rows.push_front(row);
            }
            self.searched.start = row;
            if row.is_multiple_of(BATCH) && Instant::now() > deadline {
                return;
            }
        }
    }

    /// Whether a row is listed, and what was found there.
    fn look(&self, log: &MessageLog, row: u64) -> (bool, Option<Hit>) {
        match log.row(row) {
            None => (false, None),
            Some(LogRow::Gap(_)) => (true, None),
            Some(LogRow::Message(message)) => {
                let place = self.query.find(&message.raw(), message.integrity);
                let place = place.or(self.takes_all.then_some(0..0));
                let hit = place.map(|place| Hit { row, place });
                (hit.is_some(), hit)
            }
        }
    }

    /// Whether there are rows that were not looked at.
    pub(super) fn is_busy(&self, log: &MessageLog) -> bool {
        self.searched != (log.first()..log.end())
    }

    /// How many were found.
    pub(super) fn len(&self) -> usize {
        self.hits.len()
    }

    /// How many rows are listed: those of hits, and gaps.
    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The row that is listed in that place.
    pub(super) fn listed(&self, place: usize) -> Option<u64> {
        self.rows.get(place).copied()
    }

    /// How many listed rows come before that row.
    pub(super) fn rows_before(&self, row: u64) -> usize {
        self.rows.partition_point(|listed| *listed < row)
    }

    /// The hit in that place, oldest first.
    pub(super) fn nth(&self, place: usize) -> Option<&Hit> {
        self.hits.get(place)
    }

    /// The hit in that row.
    pub(super) fn hit(&self, row: u64) -> Option<&Hit> {
        let place = self.hits.binary_search_by_key(&row, |hit| hit.row).ok()?;
        self.hits.get(place)
    }

    /// How many hits come before that row.
    pub(super) fn before(&self, row: u64) -> usize {
        self.hits.partition_point(|hit| hit.row < row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::Integrity;
    use crate::ring::{MessageHeader, RawMessage};

    fn push(log: &mut MessageLog, numbers: Range<u64>) {
        for number in numbers {
            let payload = format!("number {number}");
            let message = RawMessage {
                offset: number * 100,
                header: MessageHeader::default(),
                payload: payload.as_bytes(),
            };
            log.push(message, Integrity::Intact);
        }
    }

    fn search(typed: &str, log: &MessageLog) -> MessageSearch {
        MessageSearch::new(Query::parse(typed, None).unwrap().unwrap(), log)
    }

    fn rows(search: &MessageSearch) -> Vec<u64> {
        search.hits.iter().map(|hit| hit.row).collect()
    }

    #[test]
    fn what_comes_is_searched_and_what_goes_is_forgotten() {
        let mut log = MessageLog::new(1 << 16);
        push(&mut log, 0..30);
        let mut search = search("re:7$", &log);
        assert!(search.is_busy(&log));
        search.advance(&log, PATIENCE);
        assert_eq!(rows(&search), [7, 17, 27]);
        assert!(!search.is_busy(&log));
        assert_eq!((search.before(17), search.before(18)), (1, 2));
        assert_eq!(search.hit(17).map(|hit| hit.place.clone()), Some(8..9));
        assert_eq!(search.hit(18), None);
        push(&mut log, 30..50);
        search.advance(&log, PATIENCE);
        assert_eq!(rows(&search), [7, 17, 27, 37, 47]);
        push(&mut log, 50..4000);
        search.advance(&log, Duration::from_secs(9));
        let (first, end) = (log.first(), log.end());
        assert!(first > 50);
        let expected: Vec<u64> = (first..end).filter(|row| row % 10 == 7).collect();
        assert_eq!(rows(&search), expected);
        push(&mut log, 4000..99_999);
        search.advance(&log, Duration::from_secs(9));
        assert_eq!(search.searched, log.first()..log.end());
    }

    #[test]
    fn a_long_search_goes_on_where_it_was_left() {
        let mut log = MessageLog::new(1 << 20);
        push(&mut log, 0..5000);
        let mut search = search("number", &log);
        let mut looks = 0;
        while search.is_busy(&log) {
            search.advance(&log, Duration::ZERO);
            looks += 1;
        }
        assert!(looks > 10, "{looks}");
        assert_eq!(search.len(), 5000);
    }
}
