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
const ACCEPTS: u32 = 0x10000;

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
/// Lines: `Num: RefCount Protocol Flags Type St Inode Path`; a path may hold blanks.
pub fn listeners(table: &[u8]) -> HashMap<&[u8], &[u8]> {
    table
        .split(|&byte| byte == b'\n')
        .filter_map(|line| {
            let mut rest = line;
            let mut word = || {
                let text = rest.trim_ascii_start();
                let at = memchr::memchr(b' ', text)?;
                let (word, tail) = text.split_at(at);
                rest = tail;
                Some(word)
            };
            let [_number, _references, _protocol] = [word()?, word()?, word()?];
            let flags = u32::from_str_radix(std::str::from_utf8(word()?).ok()?, 16).ok()?;
            let [_kind, _state] = [word()?, word()?];
            let inode = word()?;
            let name = rest.get(1..)?;
            (flags & ACCEPTS != 0 && !name.is_empty()).then_some((inode, name))
        })
        .collect()
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
}
