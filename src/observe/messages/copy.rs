//! Copies of ring bytes, for as long as there is time to make them.

use std::io;
use std::time::{Duration, Instant};

use crate::observe::attach::AttachedRing;
use crate::text;

/// How long boundaries are looked for in a ring, which may be larger than can be read in time, or a trap: whoever waits for
/// the answer may be asked to end meanwhile.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);

/// Copies bytes until it is too late.
pub(super) fn in_time(
    ring: &AttachedRing,
    until: Instant,
) -> impl Fn(u64, u64, &mut Vec<u8>) -> io::Result<()> + Copy {
    move |from, to, bytes| {
        if Instant::now() >= until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        copy(ring, from, to, bytes)
    }
}

/// What was found, or nothing if there was no time to find it.
pub(super) fn if_in_time<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(None),
        found => found.map(Some),
    }
}

/// Appends a copy of the logical bytes `[from, to)`, which lie within one lap, to `buffer`.
pub(super) fn copy(
    ring: &AttachedRing,
    from: u64,
    to: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    let before = buffer.len();
    let length = usize::try_from(to - from).map_err(io::Error::other)?;
    buffer
        .try_reserve(length)
        .map_err(|_| no_memory(to - from))?;
    buffer.resize(before + length, 0);
    ring.copy_out(from % ring.capacity(), &mut buffer[before..])
}

/// That there is no memory for a copy of so many bytes.
pub(super) fn no_memory(length: u64) -> io::Error {
    let why = format!(
        "there is no memory for a copy of {} of the ring (a limit of this process, as by ulimit -v?)",
        text::bytes(length)
    );
    io::Error::new(io::ErrorKind::OutOfMemory, why)
}
