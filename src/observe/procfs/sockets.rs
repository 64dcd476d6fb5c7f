//! Which unix sockets a process listens on: the way in for its consumers.
//!
//! Read from the process's own `/proc/PID/net/unix`, so a path is the one its network namespace shows. No
//! connection is made.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::kept::Kept;
use super::process::Process;

/// `__SO_ACCEPTCON` (`include/uapi/linux/net.h`): the socket listens.
const ACCEPTS: u64 = 0x10000;

/// A named socket that a process listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSocket {
    /// Its lowest descriptor.
    pub fd: i32,
    /// Its inode, in digits.
    pub inode: Vec<u8>,
    /// A path, or `@name` when abstract.
    pub name: String,
}

/// The sockets that `process` listens on, by descriptor. None when its descriptors cannot be read.
#[must_use]
pub fn listening(process: &Process) -> Vec<OwnSocket> {
    let Ok(links) = process.links() else {
        return Vec::new();
    };
    if links.sockets.is_empty() {
        return Vec::new();
    }
    let Ok(listeners) = named(process) else {
        return Vec::new();
    };
    let mut found: Vec<OwnSocket> = (links.sockets)
        .iter()
        .filter_map(|(fd, inode)| {
            let name = listeners.get(inode)?;
            Some(OwnSocket {
                fd: *fd,
                inode: inode.clone(),
                name: String::from_utf8_lossy(name).into_owned(),
            })
        })
        .collect();
    found.sort_by_key(|socket| socket.fd);
    let mut seen = HashSet::new();
    found.retain(|socket| seen.insert(socket.inode.clone()));
    found
}

/// Inode to name, for every named listening socket of a network namespace.
type Named = HashMap<Vec<u8>, Vec<u8>>;

/// Those of the process's network namespace: the kernel makes the same table for every process in it, however long it is.
fn named(process: &Process) -> io::Result<Arc<Named>> {
    /// Network namespaces that are remembered.
    const MOST: usize = 16;
    static TABLES: Mutex<BTreeMap<Vec<u8>, Arc<Kept<Named>>>> = Mutex::new(BTreeMap::new());
    let ask = || {
        let table = process.text("net/unix")?;
        let named = listeners(&table).into_iter();
        Ok(named
            .map(|(inode, name)| (inode.to_owned(), name.to_owned()))
            .collect())
    };
    let Ok(namespace) = process.read_link("ns/net") else {
        return ask().map(Arc::new);
    };
    let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
    if tables.len() >= MOST && !tables.contains_key(&namespace) {
        tables.clear();
    }
    let table = Arc::clone(tables.entry(namespace).or_default());
    drop(tables);
    table.get(ask)
}

/// Inode to name, for every named listening socket.
/// Lines: `Num: RefCount Protocol Flags Type St Inode Path`; a path may hold blanks, and newlines: what does not begin as a line
/// does belongs to the path before.
pub fn listeners(table: &[u8]) -> HashMap<&[u8], &[u8]> {
    let table = table.strip_suffix(b"\n").unwrap_or(table);
    let mut found = HashMap::new();
    let mut last: Option<Line<'_>> = None;
    let mut at = 0;
    for text in table.split(|&byte| byte == b'\n') {
        let end = at + text.len();
        match (line(text), &mut last) {
            (Some(line), last) => {
                let line = Line {
                    name: (at + line.name.0, end),
                    ..line
                };
                found.extend(last.replace(line).and_then(|last| last.listener(table)));
            }
            (None, Some(last)) => last.name.1 = end,
            // The head of the table.
            (None, None) => {}
        }
        at = end + 1;
    }
    found.extend(last.and_then(|last| last.listener(table)));
    found
}

/// A line of the table.
struct Line<'a> {
    flags: u64,
    inode: &'a [u8],
    /// Where its name begins and ends; both are the same without one.
    name: (usize, usize),
}

impl<'a> Line<'a> {
    /// Inode and name, if it has one and listens.
    fn listener(&self, table: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let name = table.get(self.name.0..self.name.1)?;
        (self.flags & ACCEPTS != 0 && !name.is_empty()).then_some((self.inode, name))
    }
}

/// What a line says, if it is one; its name within it.
fn line(text: &[u8]) -> Option<Line<'_>> {
    let mut rest = text;
    let mut word = || {
        let text = rest.trim_ascii_start();
        let at = memchr::memchr(b' ', text).unwrap_or(text.len());
        let (word, tail) = text.split_at(at);
        rest = tail;
        (!word.is_empty()).then_some(word)
    };
    let hex = |word: &[u8]| u64::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok();
    let _number = hex(word()?.strip_suffix(b":")?)?;
    let mut field = || hex(word()?);
    let [_references, _protocol, flags, _kind, _state] =
        [field()?, field()?, field()?, field()?, field()?];
    let inode = word()?;
    if !inode.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // One blank stands before a name.
    let begin = text.len() - rest.len().saturating_sub(1);
    Some(Line {
        flags,
        inode,
        name: (begin, text.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_listeners_count() {
        let table = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0005 01 123 /run/a b.sock\n\
            0000000000000000: 00000002 00000000 00010000 0001 01   9 @abstract\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 456 /run/connected\n\
            0000000000000000: 00000003 00000000 00010000 0001 03 789\n";
        let found = listeners(table);
        assert_eq!(found.len(), 2);
        assert_eq!(found[b"123".as_slice()], b"/run/a b.sock");
        assert_eq!(found[b"9".as_slice()], b"@abstract");
    }

    #[test]
    fn a_name_with_newlines_is_whole() {
        let table = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0005 01 123 /run/a\n\nb: 1 2\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 789\n\
            0000000000000000: 00000002 00000000 00010000 0001 01   9 /run/end\n\n";
        let found = listeners(table);
        assert_eq!(found.len(), 2);
        assert_eq!(found[b"123".as_slice()], b"/run/a\n\nb: 1 2");
        assert_eq!(found[b"9".as_slice()], b"/run/end\n");
    }
}
