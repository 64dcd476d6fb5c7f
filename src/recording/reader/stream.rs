//! A recording that comes in a stream: read by a thread of its own, record by record.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use mcap::MAGIC;
use mcap::records::op;

use super::chunk::LONGEST;
use super::head::{RECORD_HEAD, RecordHead, found};
use crate::capture::read_as_much;

/// Records under way at most, ...
const UNDER_WAY: usize = 64;
/// ... and bytes of them, but for a single one that is longer.
const BYTES_UNDER_WAY: usize = 16 << 20;
/// Memory is taken as bytes come: a record that lies about its length costs no more than what there is of it.
const PIECE: u64 = 256 << 10;

/// What comes out of the stream.
pub(super) enum FromStream {
    /// A record, with its head.
    Record(RecordHead, Vec<u8>),
    /// The stream has ended, or cannot be read on: why, if not because it was whole.
    End(Option<String>),
}

/// A stream that is being read.
#[derive(Debug)]
pub(super) struct Stream {
    records: Receiver<FromStream>,
    room: Arc<Room>,
    ended: bool,
}

/// Bytes that are under way; `None` when nobody takes anything any more.
#[derive(Debug)]
struct Room {
    taken: Mutex<Option<usize>>,
    freed: Condvar,
}

impl Room {
    /// Waits until so many more may be under way.
    fn take(&self, bytes: usize) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let has_none = |taken: &mut Option<usize>| {
            taken.is_some_and(|taken| taken > 0 && taken + bytes > BYTES_UNDER_WAY)
        };
        let taken = self.freed.wait_while(taken, has_none);
        let mut taken = taken.unwrap_or_else(PoisonError::into_inner);
        *taken = taken.map(|taken| taken + bytes);
    }

    fn change(&self, change: impl FnOnce(usize) -> Option<usize>) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = taken.and_then(change);
        self.freed.notify_one();
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Whoever waits for room finds that nobody takes anything any more.
        self.room.change(|_| None);
    }
}

impl Stream {
    /// Reads from `input` from now on.
    ///
    /// # Errors
    /// When no thread can be had.
    pub(super) fn begin(mut input: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, records) = sync_channel(UNDER_WAY);
        let room = Arc::new(Room {
            taken: Mutex::new(Some(0)),
            freed: Condvar::new(),
        });
        let theirs = Arc::clone(&room);
        std::thread::Builder::new()
            .name("stream".into())
            .spawn(move || {
                let why = match read(&mut input, |head, bytes| {
                    theirs.take(bytes.len());
                    sender.send(FromStream::Record(head, bytes)).is_ok()
                }) {
                    Ok(()) => None,
                    Err((at, error)) => Some(match error.kind() {
                        io::ErrorKind::UnexpectedEof => {
                            format!("it ends in the middle of a record, at byte {at}")
                        }
                        _ => format!("byte {at}: {error}"),
                    }),
                };
                // Nobody may be interested any more.
                let _ = sender.send(FromStream::End(why));
            })?;
        Ok(Self {
            records,
            room,
            ended: false,
        })
    }

    /// What has come; with `wait`, once something has.
    pub(super) fn next(&mut self, wait: bool) -> Option<FromStream> {
        if self.ended {
            return None;
        }
        let next = if wait {
            self.records.recv().map_err(|_| TryRecvError::Disconnected)
        } else {
            self.records.try_recv()
        };
        match next {
            Ok(next) => {
                match &next {
                    FromStream::Record(_, bytes) => {
                        self.room.change(|taken| Some(taken - bytes.len()));
                    }
                    FromStream::End(_) => self.ended = true,
                }
                Some(next)
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.ended = true;
                Some(FromStream::End(Some("it cannot be read on".into())))
            }
        }
    }

    /// Whether more may come.
    pub(super) fn goes_on(&self) -> bool {
        !self.ended
    }
}

/// Reads record by record until the last one, or until nobody takes them.
fn read(
    input: &mut impl Read,
    mut take: impl FnMut(RecordHead, Vec<u8>) -> bool,
) -> Result<(), (u64, io::Error)> {
    let mut magic = [0; MAGIC.len()];
    let got = read_as_much(input, &mut magic).map_err(|error| (0, error))?;
    if magic[..got] != *MAGIC {
        let why = format!("{}, expected an MCAP file", found(&magic[..got]));
        return Err((0, io::Error::other(why)));
    }
    let mut at = MAGIC.len() as u64;
    loop {
        let mut head = [0; RECORD_HEAD as usize];
        let got = read_as_much(input, &mut head).map_err(|error| (at, error))?;
        let Some(head) = RecordHead::parse(at, &head[..got]) else {
            return Err((at, io::ErrorKind::UnexpectedEof.into()));
        };
        if head.length > LONGEST as u64 {
            let why = format!(
                "a record of {} bytes, expected at most {LONGEST}",
                head.length
            );
            return Err((at, io::Error::other(why)));
        }
        let mut bytes = vec![head.opcode];
        bytes.extend_from_slice(&head.length.to_le_bytes());
        while (bytes.len() as u64) < RECORD_HEAD + head.length {
            let left = RECORD_HEAD + head.length - bytes.len() as u64;
            let got = input
                .by_ref()
                .take(left.min(PIECE))
                .read_to_end(&mut bytes)
                .map_err(|error| (at, error))?;
            if got == 0 {
                return Err((at, io::ErrorKind::UnexpectedEof.into()));
            }
        }
        at += RECORD_HEAD + head.length;
        let last = matches!(head.opcode, op::DATA_END | op::FOOTER);
        if !take(head, bytes) || last {
            return Ok(());
        }
    }
}
