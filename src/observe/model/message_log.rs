//! The messages that were read last, in order, with the gaps between them: a history of bounded size that is cheap to
//! hand out.
//!
//! Rows lie in pieces that are shared once they are handed out, so a copy of the whole costs a pointer for each piece,
//! and what somebody still reads outlives its place here. It has never seen a ring.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::message::{Gap, Integrity, Message};
use crate::ring::{MessageHeader, RawMessage};

/// Bytes kept of each payload.
pub(super) const KEPT_BYTES: usize = 16 << 10;
/// Rows of a piece, and bytes of its payloads before another one is begun.
const PIECE_ROWS: usize = 256;
const PIECE_BYTES: usize = 32 << 10;
/// Pieces kept at most, however small.
const PIECES: usize = 64;

/// The messages that were read last, oldest first. Every row has a number that it keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageLog {
    pieces: VecDeque<Arc<Segment>>,
    /// Bytes held at most, but for the newest piece.
    most: usize,
    bytes: usize,
    /// Number of the next row.
    next: u64,
    /// Not a row before it is known where it ends: at the next message.
    gap: Option<Gap>,
    /// Tells it from a trail of the same ring that was begun anew, with other numbers.
    born: u64,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LogRow<'a> {
    /// A message.
    Message(StoredMessage<'a>),
    /// Bytes that were passed over.
    Gap(&'a Gap),
}

impl LogRow<'_> {
    /// Logical offset at which it begins.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match self {
            Self::Message(message) => message.offset,
            Self::Gap(gap) => gap.from,
        }
    }
}

/// A message as it was kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoredMessage<'a> {
    /// Number of its row.
    pub row: u64,
    /// Logical offset of its header.
    pub offset: u64,
    /// Its header, as found.
    pub header: MessageHeader,
    /// Its payload, or the first bytes of it.
    pub payload: &'a [u8],
    /// How far the copy can be trusted.
    pub integrity: Integrity,
}

impl<'a> StoredMessage<'a> {
    /// Whether only the beginning of the payload was kept.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        (self.payload.len() as u64) < u64::from(self.header.payload_len)
    }

    /// The same, without what is known of it besides.
    #[must_use]
    pub fn raw(&self) -> RawMessage<'a> {
        RawMessage {
            offset: self.offset,
            header: self.header,
            payload: self.payload,
        }
    }
}

impl From<StoredMessage<'_>> for Message {
    fn from(kept: StoredMessage<'_>) -> Self {
        Self {
            offset: kept.offset,
            header: kept.header,
            payload: kept.payload.to_vec(),
            integrity: kept.integrity,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Segment {
    /// Number of its first row.
    first: u64,
    rows: Vec<Stored>,
    payloads: Vec<u8>,
    /// The longest of its messages, with its header.
    longest: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum Stored {
    Message {
        offset: u64,
        header: MessageHeader,
        integrity: Integrity,
        /// Where its payload begins in the piece, and how much of it there is.
        start: u32,
        kept: u32,
    },
    Gap(Box<Gap>),
}

impl Segment {
    fn bytes(&self) -> usize {
        self.rows.len() * size_of::<Stored>() + self.payloads.len()
    }

    fn end(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    fn row(&self, row: u64) -> Option<LogRow<'_>> {
        let place = usize::try_from(row.checked_sub(self.first)?).ok()?;
        Some(match self.rows.get(place)? {
            Stored::Gap(gap) => LogRow::Gap(gap),
            Stored::Message {
                offset,
                header,
                integrity,
                start,
                kept,
            } => LogRow::Message(StoredMessage {
                row,
                offset: *offset,
                header: *header,
                payload: &self.payloads[*start as usize..][..*kept as usize],
                integrity: *integrity,
            }),
        })
    }
}

impl MessageLog {
    /// An empty one that will hold about `most` bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        static BORN: AtomicU64 = AtomicU64::new(1);
        Self {
            most,
            // Only has to differ from all others.
            born: BORN.fetch_add(1, Ordering::Relaxed),
            ..Self::default()
        }
    }

    /// Like [`Self::new`], and the same as any other that is filled with the same.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn imaginary(most: usize) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    /// Takes a message in; the oldest ones go where there is no room.
    pub fn push(&mut self, message: RawMessage<'_>, integrity: Integrity) {
        if let Some(gap) = self.gap.take() {
            self.store(|_| Stored::Gap(Box::new(gap)), 0);
        }
        let payload = &message.payload[..message.payload.len().min(KEPT_BYTES)];
        self.store(
            |piece| {
                // A piece holds less than PIECE_BYTES + KEPT_BYTES.
                let [start, kept] = [piece.payloads.len(), payload.len()]
                    .map(|length| u32::try_from(length).unwrap_or(u32::MAX));
                piece.payloads.extend_from_slice(payload);
                piece.longest = piece.longest.max(message.header.total_len());
                Stored::Message {
                    offset: message.offset,
                    header: message.header,
                    integrity,
                    start,
                    kept,
                }
            },
            payload.len(),
        );
    }

    /// Bytes were passed over; shown as one row before the next message.
    pub fn skip(&mut self, gap: Gap) {
        self.gap = Some(match self.gap.take() {
            // A head that went back begins anew.
            Some(before) if before.from <= gap.to => Gap {
                from: before.from,
                torn: before.torn + gap.torn,
                ..gap
            },
            _ => gap,
        });
    }

    fn store(&mut self, row: impl FnOnce(&mut Segment) -> Stored, bytes: usize) {
        let full = |piece: &Arc<Segment>| {
            piece.rows.len() >= PIECE_ROWS || piece.payloads.len() + bytes > PIECE_BYTES
        };
        if self.pieces.back().is_none_or(full) {
            if let Some(last) = self.pieces.back_mut().and_then(Arc::get_mut) {
                last.rows.shrink_to_fit();
                last.payloads.shrink_to_fit();
            }
            self.pieces.push_back(Arc::new(Segment {
                first: self.next,
                ..Segment::default()
            }));
        }
        let Some(last) = self.pieces.back_mut() else {
            return;
        };
        // Somebody may still read it: then it is copied, which no more than a piece can cost.
        let piece = Arc::make_mut(last);
        let before = piece.bytes();
        let stored = row(piece);
        piece.rows.push(stored);
        self.bytes += piece.bytes() - before;
        self.next += 1;
        while self.pieces.len() > 1 && (self.bytes > self.most || self.pieces.len() > PIECES) {
            if let Some(oldest) = self.pieces.pop_front() {
                self.bytes -= oldest.bytes();
            }
        }
    }

    /// Number of the oldest row.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.pieces.front().map_or(self.next, |piece| piece.first)
    }

    /// Number of the row that comes next.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.next
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.next - self.first()).unwrap_or(usize::MAX)
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row with that number.
    #[must_use]
    pub fn row(&self, row: u64) -> Option<LogRow<'_>> {
        let place = self.pieces.partition_point(|piece| piece.end() <= row);
        self.pieces.get(place)?.row(row)
    }

    /// The message in that row.
    #[must_use]
    pub fn message(&self, row: u64) -> Option<StoredMessage<'_>> {
        match self.row(row)? {
            LogRow::Message(message) => Some(message),
            LogRow::Gap(_) => None,
        }
    }

    /// The last row that does not begin after the logical offset `offset`, where rows are in order.
    #[must_use]
    pub fn row_at(&self, offset: u64) -> Option<u64> {
        let mut rows = self.first()..self.end();
        while rows.end - rows.start > 1 {
            let middle = rows.start + (rows.end - rows.start) / 2;
            let is_after = self.row(middle).is_none_or(|row| row.offset() > offset);
            rows = if is_after {
                rows.start..middle
            } else {
                middle..rows.end
            };
        }
        let row = self.row(rows.start)?;
        (row.offset() <= offset).then_some(rows.start)
    }

    /// The longest message, with its header.
    #[must_use]
    pub fn longest(&self) -> u64 {
        let longest = self.pieces.iter().map(|piece| piece.longest);
        longest.max().unwrap_or(0)
    }

    /// Whether rows of the two have the same numbers.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.born == other.born
    }

    /// Takes in what `newer`, a later state, has below the last row here, and lets nothing go. False if rows in between
    /// are missing, or there is no room for more: then nothing was taken.
    pub fn extend(&mut self, newer: &Self, most: usize) -> bool {
        if !self.is_same(newer) || newer.first() > self.next || newer.next < self.next {
            return false;
        }
        if newer.next == self.next {
            return true;
        }
        // The last piece may have grown since.
        let known = |piece: &Arc<Segment>| piece.end() <= self.next;
        let added: Vec<_> = newer
            .pieces
            .iter()
            .skip_while(|piece| known(piece))
            .collect();
        let from = added.first().map_or(self.next, |piece| piece.first);
        let more: usize = added.iter().map(|piece| piece.bytes()).sum();
        if self.bytes + more > most {
            return false;
        }
        // The same rows lie in the same pieces, of which only the last can have been shorter.
        if self.pieces.back().is_some_and(|piece| piece.first == from)
            && let Some(piece) = self.pieces.pop_back()
        {
            self.bytes -= piece.bytes();
        }
        self.pieces.extend(added.into_iter().cloned());
        self.bytes += more;
        self.next = newer.next;
        true
    }

    /// Bytes that its rows take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::GapReason;

    fn raw(offset: u64, payload: &[u8]) -> RawMessage<'_> {
        RawMessage {
            offset,
            header: MessageHeader {
                payload_len: u32::try_from(payload.len()).expect("short"),
                seq_id: offset,
                ..MessageHeader::default()
            },
            payload,
        }
    }

    fn filled(log: &mut MessageLog, rows: std::ops::Range<u64>, length: usize) {
        for row in rows {
            let payload = vec![row as u8; length];
            log.push(raw(row * 100, &payload), Integrity::Intact);
        }
    }

    fn gap(from: u64, to: u64) -> Gap {
        Gap {
            from,
            to,
            why: GapReason::Overrun,
            torn: 1,
        }
    }

    #[test]
    fn rows_keep_their_numbers_and_their_bytes_within_bounds() {
        let mut log = MessageLog::new(1 << 20);
        for (rows, length) in [(0..30_000, 48), (30_000..30_300, 20_000)] {
            let end = rows.end;
            filled(&mut log, rows, length);
            assert!(log.bytes() <= 1 << 20, "{}", log.bytes());
            assert_eq!(log.end(), end);
            for row in log.first()..end {
                let message = log.message(row).expect("no gap");
                assert_eq!((message.row, message.offset), (row, row * 100));
                assert_eq!(message.payload.len(), length.min(KEPT_BYTES));
                assert!(message.payload.iter().all(|byte| *byte == row as u8));
                assert_eq!(message.is_cut(), length > KEPT_BYTES);
            }
            assert_eq!(log.row(end), None);
            assert_eq!(
                log.first().checked_sub(1).and_then(|row| log.row(row)),
                None
            );
        }
        assert_eq!(log.longest(), 20_016);
        assert!(log.len() > 50);
        let mut small = MessageLog::new(1 << 20);
        filled(&mut small, 0..100_000, 0);
        assert!(small.len() > 16_000 && small.len() <= PIECES * PIECE_ROWS);
    }

    #[test]
    fn what_was_handed_out_does_not_change() {
        let mut log = MessageLog::new(1 << 16);
        filled(&mut log, 0..10, 100);
        let before = log.clone();
        filled(&mut log, 10..5000, 100);
        assert!(log.row(3).is_none(), "it has gone");
        assert_eq!(before.len(), 10);
        assert_eq!(before.message(3).expect("kept").payload, [3; 100]);
    }

    #[test]
    fn gaps_are_rows_before_the_message_they_lead_to() {
        let mut log = MessageLog::new(1 << 16);
        filled(&mut log, 0..1, 4);
        log.skip(gap(20, 50));
        assert_eq!(log.len(), 1, "it is not over yet");
        log.skip(gap(50, 90));
        log.push(raw(90, b"after"), Integrity::Likely);
        let whole = Gap {
            torn: 2,
            ..gap(20, 90)
        };
        assert_eq!(log.row(1), Some(LogRow::Gap(&whole)));
        assert_eq!(log.message(1), None);
        assert_eq!(log.message(2).expect("there").payload, b"after");
        // Head went back: the two have nothing to do with each other.
        log.skip(gap(500, 900));
        log.skip(gap(900, 10));
        log.skip(gap(10, 30));
        log.push(raw(30, b""), Integrity::Intact);
        let last = log.row(3);
        assert!(
            matches!(
                last,
                Some(LogRow::Gap(Gap {
                    from: 10 | 900,
                    to: 30,
                    ..
                }))
            ),
            "{last:?}"
        );
    }

    #[test]
    fn who_stays_behind_takes_in_what_comes_below() {
        let mut log = MessageLog::new(1 << 16);
        filled(&mut log, 0..100, 100);
        let mut held = log.clone();
        for end in (110..400).step_by(10) {
            filled(&mut log, end - 10..end, 100);
            assert!(held.extend(&log, 1 << 17));
            assert_eq!((held.first(), held.end()), (0, end));
        }
        // The ring's own has let go of rows that are still held here.
        filled(&mut log, 390..700, 100);
        assert!(log.first() > 0 && held.extend(&log, 1 << 17));
        for row in 0..700 {
            assert_eq!(held.message(row).expect("held").payload, [row as u8; 100]);
        }
        assert_eq!(
            held.bytes(),
            held.pieces.iter().map(|piece| piece.bytes()).sum::<usize>()
        );
        // No room, then a hole, then another trail.
        let before = held.clone();
        filled(&mut log, 700..800, 100);
        assert!(!held.extend(&log, 1 << 16));
        filled(&mut log, 800..5000, 100);
        assert!(!held.extend(&log, 1 << 30));
        assert!(!held.extend(&MessageLog::new(1), 1 << 30));
        assert_eq!(held, before);
    }
}
