//! Which unix sockets a process listens on: the way in for its consumers.
//!
//! Read from the process's own `/proc/PID/net/unix`, so a path is the one its network namespace shows. No
//! connection is made.

use std::collections::HashMap;

use super::process::Process;

/// `__SO_ACCEPTCON` (`include/uapi/linux/net.h`): the socket listens.
const ACCEPTS: u32 = 0x10000;

/// Names of the sockets that `process` listens on: a path, or `@name` when abstract. Empty when its
/// descriptors cannot be read.
#[must_use]
pub fn listening(process: &Process) -> Vec<String> {
    let Ok(links) = process.links() else {
        return Vec::new();
    };
    if links.sockets.is_empty() {
        return Vec::new();
    }
    let Ok(table) = process.text("net/unix") else {
        return Vec::new();
    };
    let listeners = listeners(&table);
    let mut names: Vec<String> = (links.sockets)
        .iter()
        .filter_map(|inode| listeners.get(inode.as_slice()))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    names.sort();
    names.dedup();
    names
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
