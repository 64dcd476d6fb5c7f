//! What the lines of `/proc/PID/maps` say of memfds and of memory where a heap can be.
//!
//! Pure parsing: it has never seen a process.

use std::collections::HashMap;

use super::memfd::{FileId, MappedMemFd, MemFdKind};

/// Private writable memory, where a heap can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrivateMemory {
    /// First address.
    pub start: u64,
    /// Past the last address.
    pub end: u64,
    /// The `[heap]` proper.
    pub heap: bool,
}

/// What the lines of `/proc/PID/maps` amount to here.
#[derive(Clone, Debug, Default)]
pub struct Maps {
    /// Mappings of zbq memfds, by address.
    pub memfds: Vec<MappedMemFd>,
    /// Private writable anonymous memory, the heap first.
    pub private: Vec<PrivateMemory>,
    /// Mappings of each file among `memfds`.
    counts: HashMap<FileId, usize>,
}

impl Maps {
    /// From the text of `/proc/PID/maps`; lines that make no sense are passed over.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut maps = Self::default();
        for line in text.split(|&byte| byte == b'\n') {
            parse_mapping(line, &mut maps);
        }
        maps.private
            .sort_by_key(|memory| (!memory.heap, memory.start));
        maps.count_files();
        maps
    }

    /// Without what only looks like a memfd: those are all on one device.
    #[must_use]
    pub(super) fn on_device(mut self, device: u64) -> Self {
        self.memfds.retain(|at| at.file.dev == device);
        self.count_files();
        self
    }

    fn count_files(&mut self) {
        self.counts.clear();
        for at in &self.memfds {
            *self.counts.entry(at.file).or_default() += 1;
        }
    }

    /// Whether `file` is mapped at all.
    #[must_use]
    pub fn maps(&self, file: FileId) -> bool {
        self.count(file) > 0
    }

    /// How many mappings of `file` there are.
    #[must_use]
    pub fn count(&self, file: FileId) -> usize {
        self.counts.get(&file).copied().unwrap_or_default()
    }
}

/// One line of `maps`: `7f1c…-7f1d… rw-s 00000000 00:01 2059   /memfd:zbq_ctrl (deleted)`.
fn parse_mapping(line: &[u8], maps: &mut Maps) {
    // Thousands of lines are shared objects: turn those away before any parsing.
    let is_memfd = memchr::memmem::find(line, b"/memfd:zbq_").is_some();
    let is_private = memchr::memmem::find(line, b" rw-p ").is_some();
    if !is_memfd && !is_private {
        return;
    }
    let Some(mapping) = MapsLine::parse(line) else {
        return;
    };
    if is_memfd && let Some(kind) = MemFdKind::of(mapping.path) {
        maps.memfds.push(MappedMemFd {
            address: mapping.start,
            end: mapping.end,
            offset: mapping.offset,
            kind,
            file: mapping.file,
            writable: mapping.writable,
        });
    } else if is_private && mapping.file.ino == 0 && !mapping.path.starts_with(b"[stack") {
        let heap = mapping.path == b"[heap]";
        maps.private.push(PrivateMemory {
            start: mapping.start,
            end: mapping.end,
            heap,
        });
    }
}

struct MapsLine<'a> {
    start: u64,
    end: u64,
    writable: bool,
    offset: u64,
    file: FileId,
    path: &'a [u8],
}

impl<'a> MapsLine<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut rest = line;
        let mut word = || {
            let at = memchr::memchr(b' ', rest).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(at);
            rest = tail.get(1..).unwrap_or_default();
            std::str::from_utf8(word).ok()
        };
        let (start, end) = word()?.split_once('-')?;
        let writable = word()?.as_bytes().get(1) == Some(&b'w');
        let offset = word()?;
        let (major, minor) = word()?.split_once(':')?;
        let ino = word()?.parse().ok()?;
        let hex = |text| u64::from_str_radix(text, 16).ok();
        let dev = rustix::fs::makedev(
            u32::try_from(hex(major)?).ok()?,
            u32::try_from(hex(minor)?).ok()?,
        );
        Some(Self {
            start: hex(start)?,
            end: hex(end)?,
            writable,
            offset: hex(offset)?,
            file: FileId { dev, ino },
            path: rest.trim_ascii_start(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memfd_line_gives_identity_and_rights() {
        let mut maps = Maps::default();
        parse_mapping(
            b"7f1c2a000000-7f1c2a001000 r--s 00000000 00:01 2059                       /memfd:zbq_ctrl (deleted)",
            &mut maps,
        );
        assert_eq!(
            maps.memfds,
            [MappedMemFd {
                address: 0x7f1c_2a00_0000,
                end: 0x7f1c_2a00_1000,
                offset: 0,
                kind: MemFdKind::Ctrl,
                file: FileId {
                    dev: rustix::fs::makedev(0, 1),
                    ino: 2059
                },
                writable: false,
            }]
        );
    }

    #[test]
    fn private_memory_is_anonymous_writable_and_not_a_stack() {
        let mut maps = Maps::default();
        for line in [
            "555500000000-555500021000 rw-p 00000000 00:00 0                          [heap]",
            "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]",
            "7f0000000000-7f0000021000 rw-p 00000000 00:00 0 ",
            "7f0000030000-7f0000031000 rw-p 00001000 fe:00 1234                       /usr/lib/libc.so.6",
            "garbage rw-p line",
            "",
        ] {
            parse_mapping(line.as_bytes(), &mut maps);
        }
        let starts: Vec<_> = maps.private.iter().map(|memory| memory.start).collect();
        assert_eq!(starts, [0x5555_0000_0000, 0x7f00_0000_0000]);
    }
}
