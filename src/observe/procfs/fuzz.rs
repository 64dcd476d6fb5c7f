//! Texts of `/proc` and replies of the kernel, true ones among anything else: what is true is read, and nothing else is.

use std::collections::HashMap;

use super::credentials::Credentials;
use super::hidepid::hides;
use super::maps::{Maps, PrivateMemory};
use super::memfd::{FileId, MappedMemFd, MemFdKind};
use super::sockets::listeners;
use super::unix_diag::{Answer, BY_FAMILY, ERROR, FAMILY, MEMINFO, PEER};
use super::{BoundFile, Listening, clock, field, listening, process, unix_diag};
use crate::fuzzing::input::Input;

const KINDS: [MemFdKind; 3] = [MemFdKind::Ctrl, MemFdKind::Ring, MemFdKind::Meta];

/// A line of anything, without its end.
fn noise(input: &mut Input<'_>) -> Vec<u8> {
    let bytes = input.piece().iter().copied();
    bytes.filter(|byte| *byte != b'\n').collect()
}

fn has(line: &[u8], words: &[u8]) -> bool {
    line.windows(words.len()).any(|part| part == words)
}

/// `/proc/PID/maps`.
fn maps(input: &mut Input<'_>) {
    let (mut text, mut expected) = (Vec::new(), Maps::default());
    for _ in 0..input.below(12) {
        let (start, length) = (input.number() >> 17, input.below(1 << 20));
        let (end, offset, ino) = (start + length, input.number(), input.number());
        let (major, minor) = (u32::from(input.byte()), u32::from(input.byte()));
        let writable = if input.flag() { 'w' } else { '-' };
        match input.below(3) {
            0 => {
                let kind = input.of(&KINDS);
                let name = kind.name();
                text.extend(
                    format!("{start:012x}-{end:012x} r{writable}-s {offset:08x} {major:02x}:{minor:02x} {ino} /memfd:{name} (deleted)\n")
                        .bytes(),
                );
                let dev = rustix::fs::makedev(major, minor);
                expected.memfds.push(MappedMemFd {
                    address: start,
                    end,
                    offset,
                    kind,
                    file: FileId { dev, ino },
                    writable: writable == 'w',
                });
            }
            1 => {
                let heap = input.flag();
                let name = if heap { "[heap]" } else { "" };
                text.extend(
                    format!("{start:x}-{end:x} rw-p 00000000 00:00 0          {name}\n").bytes(),
                );
                expected.private.push(PrivateMemory { start, end, heap });
            }
            _ => {
                let line = noise(input);
                if !has(&line, b"/memfd:zbq_") && !has(&line, b" rw-p ") {
                    text.extend(line);
                    text.push(b'\n');
                }
            }
        }
    }
    expected
        .private
        .sort_by_key(|memory| (!memory.heap, memory.start));
    let read = Maps::parse(&text);
    assert_eq!(read.memfds, expected.memfds);
    assert_eq!(read.private, expected.private);
    for mapped in &expected.memfds {
        assert!(read.maps(mapped.file));
    }
}

/// `/proc/net/unix`.
fn sockets(input: &mut Input<'_>) {
    let mut text = b"Num       RefCount Protocol Flags    Type St Inode Path\n".to_vec();
    let mut expected: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    for _ in 0..input.below(12) {
        let (inode, listens, name) = (input.number(), input.flag(), noise(input));
        let flags = if listens { 0x10000 } else { 0 };
        text.extend(
            format!(
                "{:016x}: 00000002 00000000 {flags:08x} 0005 01 {inode:5} ",
                0
            )
            .bytes(),
        );
        text.extend(&name);
        text.push(b'\n');
        if listens && !name.is_empty() {
            expected.insert(inode.to_string().into_bytes(), name);
        }
    }
    let read = listeners(&text);
    assert_eq!(read.len(), expected.len());
    for (inode, name) in &expected {
        assert_eq!(read.get(inode.as_slice()), Some(&name.as_slice()));
    }
}

/// `/proc/PID/status` and `stat`, of a process that is called anything.
fn names(input: &mut Input<'_>) {
    // What the kernel escapes in the one, and does not in the other.
    let name = noise(input);
    let [uids, gids] = [(); 2].map(|()| [(); 4].map(|()| input.word() as u32));
    let [permitted, effective] = [input.word(), input.word()];
    let ids = |ids: [u32; 4]| ids.map(|id| id.to_string()).join("\t");
    let mut status = b"Name:\t".to_vec();
    status.extend(&name);
    status.extend(
        format!(
            "\nUid:\t{}\nGid:\t{}\nCapPrm:\t{permitted:016x}\nCapEff:\t{effective:016x}\n",
            ids(uids),
            ids(gids)
        )
        .bytes(),
    );
    let expected = Credentials {
        uids,
        gids,
        permitted,
        effective,
    };
    assert_eq!(Credentials::parse(&status), Some(expected));

    let numbers: Vec<String> = (0..input.below(50))
        .map(|_| input.number().to_string())
        .collect();
    let mut stat = b"7 (".to_vec();
    stat.extend(&name);
    stat.extend(format!(") {}\n", numbers.join(" ")).bytes());
    assert_eq!(process::stat_fields(&stat), numbers);

    let (seconds, nanoseconds) = (input.number().cast_signed(), i64::from(input.byte()));
    let text = format!("monotonic  {seconds}   {nanoseconds}\nboottime   1 2\n");
    let exact = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    // Where seconds alone are too many, it is none either.
    let read = clock::monotonic_offset_ns(text.as_bytes());
    assert_eq!(read.map(i128::from), read.and(Some(exact)));
    assert!(
        read.is_some() || exact.unsigned_abs() > (i64::MAX - 1_000_000_000).unsigned_abs().into()
    );
}

/// Texts as the kernel writes them, with anything in them that others may choose; then anything at all.
pub fn procfs_texts(data: &[u8]) {
    let mut input = Input::new(data);
    match input.below(4) {
        0 => maps(&mut input),
        1 => sockets(&mut input),
        2 => names(&mut input),
        _ => {}
    }
    let text = input.rest();
    let lines = || text.split(|byte| *byte == b'\n');
    let read = Maps::parse(text);
    assert!(read.memfds.len() <= lines().filter(|line| has(line, b"/memfd:zbq_")).count());
    assert!(read.private.len() <= lines().filter(|line| has(line, b" rw-p ")).count());
    assert!(
        read.private
            .is_sorted_by_key(|memory| (!memory.heap, memory.start))
    );
    for (inode, name) in listeners(text) {
        assert!(!inode.is_empty() && !name.is_empty());
    }
    let _ = (Credentials::parse(text), clock::monotonic_offset_ns(text));
    assert!(
        process::stat_fields(text)
            .iter()
            .all(|field| !field.contains(' '))
    );
    if let Some(value) = field(text, "Pid:") {
        assert!(!value.contains('\n') && lines().any(|line| line.starts_with(b"Pid:")));
    }
    if let Some(refusal) = hides(&String::from_utf8_lossy(text)) {
        assert!(refusal.why.contains("hidepid=") && refusal.remedy.is_some());
    }
    if let Some(kind) = MemFdKind::of(text) {
        assert_eq!(text, format!("/memfd:{} (deleted)", kind.name()).as_bytes());
    }
}

/// One attribute: `struct rtattr`, its value, padding.
fn attribute(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    to.extend((value.len() as u16 + 4).to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(value);
    to.resize(to.len().next_multiple_of(4), 0);
}

/// One message: `struct nlmsghdr`, and what it holds.
fn message(kind: u16, sequence: u32, content: &[u8]) -> Vec<u8> {
    let mut message = (content.len() as u32 + 16).to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend([0; 2]);
    message.extend(sequence.to_ne_bytes());
    message.extend([0; 4]);
    message.extend(content);
    message
}

/// What a socket is told with: `struct unix_diag_msg`, and attributes in any order, with strangers among them.
fn socket(inode: u32, known: &[(u16, Vec<u8>)], input: &mut Input<'_>) -> Vec<u8> {
    let mut content = vec![FAMILY, 5, 1, 0];
    content.extend(inode.to_ne_bytes());
    content.extend([0; 8]);
    for (kind, value) in known {
        for _ in 0..input.below(3) {
            attribute(&mut content, 100 + u16::from(input.byte()), input.piece());
        }
        attribute(&mut content, *kind, value);
    }
    content
}

/// A reply about one socket.
fn one_socket(input: &mut Input<'_>) {
    let [inode, sequence, peer, unread, capacity] = [(); 5].map(|()| input.word() as u32);
    let mut memory = vec![0; 36];
    memory[8..12].copy_from_slice(&unread.to_ne_bytes());
    memory[12..16].copy_from_slice(&capacity.to_ne_bytes());
    let mut known = vec![(PEER, peer.to_ne_bytes().to_vec()), (MEMINFO, memory)];
    if input.flag() {
        known.reverse();
    }
    let reply = message(BY_FAMILY, sequence, &socket(inode, &known, input));
    let read = unix_diag::parse(&reply, inode, sequence).expect("a true reply");
    assert_eq!(
        read,
        Some(Answer {
            peer,
            unread,
            capacity
        })
    );
    assert!(unix_diag::parse(&reply, inode.wrapping_add(1), sequence).is_err());
    assert!(unix_diag::parse(&reply, inode, sequence.wrapping_add(1)).is_err());
    let cut = &reply[..input.index(reply.len())];
    assert!(unix_diag::parse(cut, inode, sequence).is_err());
}

/// Replies about all sockets that listen.
fn all_sockets(input: &mut Input<'_>) {
    let sequence = input.word() as u32;
    let (mut reply, mut expected) = (Vec::new(), Vec::new());
    for _ in 0..input.below(8) {
        let (inode, ino, dev) = (
            input.word() as u32,
            input.word() as u32,
            input.word() as u32,
        );
        let file = input.flag().then_some(BoundFile {
            ino,
            dev: (dev >> 20, dev & 0xf_ffff),
        });
        let vfs = [ino.to_ne_bytes(), dev.to_ne_bytes()].concat();
        let known: &[_] = if file.is_some() {
            &[(listening::VFS, vfs)]
        } else {
            &[]
        };
        reply.extend(message(BY_FAMILY, sequence, &socket(inode, known, input)));
        expected.push(Listening { inode, file });
    }
    let done = input.flag();
    if done {
        reply.extend(message(listening::DONE, sequence, &[0; 4]));
    }
    let mut found = Vec::new();
    let ended = listening::parse(&reply, sequence, &mut found).expect("a true reply");
    assert_eq!((found, ended), (expected, done));
    let refused = message(ERROR, sequence, &(-13_i32).to_ne_bytes());
    assert!(listening::parse(&refused, sequence, &mut Vec::new()).is_err());
}

/// Replies of `sock_diag` as the kernel gives them, then any.
pub fn sock_diag(data: &[u8]) {
    let mut input = Input::new(data);
    match input.below(3) {
        0 => one_socket(&mut input),
        1 => all_sockets(&mut input),
        _ => {}
    }
    let reply = input.rest();
    let at = |at: usize| crate::ring::layout::u32_at(reply, at);
    let (inode, sequence) = (at(20).unwrap_or(0), at(8).unwrap_or(0));
    let wrong = unix_diag::parse(reply, inode.wrapping_add(1), sequence);
    assert!(
        !matches!(wrong, Ok(Some(_))),
        "an answer about another socket"
    );
    if let Ok(Some(_)) = unix_diag::parse(reply, inode, sequence) {
        assert!(at(0).is_some_and(|length| length as usize <= reply.len()));
        assert_eq!(reply[4..6], BY_FAMILY.to_ne_bytes());
    }
    let mut found = Vec::new();
    let _ = listening::parse(reply, sequence, &mut found);
    assert!(found.len() <= reply.len() / 32);
}
