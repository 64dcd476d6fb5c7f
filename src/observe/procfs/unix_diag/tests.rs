//! Replies of the kernel as they were captured, and such as it would never give.

use super::*;

/// A socket with three records of two descriptors each, asked for by request 7 (Linux 6.18, x86-64).
const CAPTURED: &str = "580000001400000007000000f42f00000105010002d6280004100000000000000800020003d628002800050000000000\
     00400300000900000000080000000000000000000000000000000000000000000500060000000000";
/// No such socket.
const REFUSED: &str = "3c0000000200000007000000f42f0000feffffff2800000014000100070000000000000001000000ffffffff39300000\
     24000000ffffffffffffffff";
const INODE: u32 = 2676226;
const PEER_INODE: u32 = 2676227;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).expect("text");
        u8::from_str_radix(text, 16).expect("hex")
    };
    digits.chunks(2).map(byte).collect()
}

#[test]
#[cfg(target_endian = "little")]
fn captured_replies_are_understood() {
    let expected = Answer {
        peer: PEER_INODE,
        unread: 3 * 768,
        capacity: 524_288,
    };
    let reply = bytes(CAPTURED);
    assert_eq!(parse(&reply, INODE, 7).expect("a reply"), Some(expected));
    assert_eq!(parse(&bytes(REFUSED), 12_345, 7).expect("a reply"), None);
    // To another question, or of another socket.
    assert!(parse(&reply, INODE, 8).is_err());
    assert!(parse(&reply, INODE + 1, 7).is_err());
}

#[test]
#[cfg(target_endian = "little")]
fn hostile_replies_are_refused() {
    for whole in [CAPTURED, REFUSED] {
        let whole = bytes(whole);
        for cut in 0..whole.len() {
            assert!(parse(&whole[..cut], INODE, 7).is_err(), "cut at {cut}");
        }
    }
    let whole = bytes(CAPTURED);
    let changed = |at: usize, to: &[u8]| {
        let mut reply = whole.clone();
        reply[at..at + to.len()].copy_from_slice(to);
        parse(&reply, INODE, 7)
    };
    // Lengths: of the message, too short and too long; of an attribute, shorter than itself and past the end.
    for length in [0, 15, 16, 31, 89, u32::MAX] {
        assert!(changed(0, &length.to_ne_bytes()).is_err(), "{length}");
    }
    for length in [0_u16, 3, 4, 15, 57, u16::MAX] {
        assert!(changed(40, &length.to_ne_bytes()).is_err(), "{length}");
    }
    // Another kind of message, another family, no memory at all.
    assert!(changed(4, &3_u16.to_ne_bytes()).is_err());
    assert!(changed(16, &[2]).is_err());
    assert!(changed(42, &9_u16.to_ne_bytes()).is_err());
    // Whatever one byte is changed to, there is an answer or an error.
    for at in 0..whole.len() {
        for to in [0, 1, 3, 0x7f, 0x80, 0xff] {
            let _ = changed(at, &[to]);
        }
    }
    // Refusals that are none, or of no known kind.
    let refused = |code: i32| {
        let mut reply = bytes(REFUSED);
        reply[16..20].copy_from_slice(&code.to_ne_bytes());
        parse(&reply, INODE, 7)
    };
    for code in [0, 1, i32::MIN, i32::MAX, -1, -70_000] {
        assert!(refused(code).is_err(), "{code}");
    }
}

#[test]
fn the_kernel_is_asked_about_a_pair_of_our_own() {
    use rustix::fs::fstat;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, send, socketpair};
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .expect("a pair");
    let inode = |socket| u32::try_from(fstat(socket).expect("it is open").st_ino).expect("small");
    let mut diag = Diag::open().expect("a socket");
    let empty = diag.ask(inode(&ours)).expect("an answer").expect("ours");
    assert_eq!((empty.unread, empty.peer), (0, inode(&theirs)));
    assert!(empty.capacity > 0);
    send(&ours, &[1; 8], SendFlags::empty()).expect("room");
    let one = diag.ask(inode(&ours)).expect("an answer").expect("ours");
    assert!(one.unread >= 8, "{one:?}");
    // It is the sender's end that knows.
    let other = diag.ask(inode(&theirs)).expect("an answer").expect("ours");
    assert_eq!((other.unread, other.peer), (0, inode(&ours)));
    let gone = inode(&ours);
    drop((ours, theirs));
    assert_eq!(diag.ask(gone).expect("an answer"), None);
}
