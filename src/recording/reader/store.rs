//! The bytes of a recording: in a file, or, of a stream, those that are kept.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Where the bytes are.
#[derive(Debug)]
pub(super) enum Store {
    /// In a file that can be read anywhere.
    File(File),
    /// In memory: whole records with their heads, by where they begin in the stream.
    Memory(BTreeMap<u64, Vec<u8>>),
}

impl Store {
    /// Reads so many bytes from there on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where there are fewer, [`io::ErrorKind::NotFound`] where they are not kept any more.
    pub(super) fn read(&self, at: u64, length: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::File(file) => {
                let there = file.metadata()?.len().saturating_sub(at);
                if there < length as u64 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let mut bytes = Vec::new();
                bytes
                    .try_reserve_exact(length)
                    .map_err(|_| io::ErrorKind::OutOfMemory)?;
                bytes.resize(length, 0);
                file.read_exact_at(&mut bytes, at)?;
                Ok(bytes)
            }
            Self::Memory(records) => {
                let gone = || io::Error::from(io::ErrorKind::NotFound);
                let (first, _) = records.range(..=at).next_back().ok_or_else(gone)?;
                let mut bytes = Vec::with_capacity(length);
                let mut next = *first;
                for (begin, record) in records.range(first..) {
                    if *begin != next || bytes.len() >= length {
                        break;
                    }
                    next = begin + record.len() as u64;
                    let from = usize::try_from(at.saturating_sub(*begin)).map_err(|_| gone())?;
                    let piece = record.get(from..).unwrap_or_default();
                    let wanted = length - bytes.len();
                    bytes.extend_from_slice(&piece[..piece.len().min(wanted)]);
                }
                if bytes.len() < length {
                    return Err(gone());
                }
                Ok(bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_across_records_and_not_across_holes() {
        let records = [(8, &b"abcd"[..]), (12, b"ef"), (20, b"xyz")];
        let store = Store::Memory(records.map(|(at, bytes)| (at, bytes.to_vec())).into());
        let read = |at, length| store.read(at, length).ok();
        assert_eq!(read(8, 6).as_deref(), Some(&b"abcdef"[..]));
        assert_eq!(read(10, 3).as_deref(), Some(&b"cde"[..]));
        assert_eq!(read(20, 3).as_deref(), Some(&b"xyz"[..]));
        assert_eq!(read(8, 7), None);
        assert_eq!(read(13, 8), None);
        assert_eq!(read(21, 3), None);
        assert_eq!(read(0, 1), None);
        assert_eq!(read(14, 1), None);
    }
}
