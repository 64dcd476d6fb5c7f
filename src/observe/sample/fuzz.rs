//! What `/proc` says of threads and sockets: true lines are read, and any others to an end.

use super::side_socket::scm_fds;
use super::threads::futex_wait;
use crate::fuzzing::input::Input;
use crate::observe::model::FutexWait;

/// `FUTEX_WAIT`, `FUTEX_WAIT_BITSET` (`include/uapi/linux/futex.h`), and others.
const COMMANDS: [(u64, bool); 4] = [(0, true), (9, true), (1, false), (4, false)];

/// The system call of a thread, and the queue of a socket.
pub fn thread_texts(data: &[u8]) {
    let mut input = Input::new(data);
    let (address, timeout, ino, queued) = (
        input.number(),
        input.number(),
        input.word() as u32,
        input.number(),
    );
    let (command, waits) = input.of(&COMMANDS);
    // With and without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME, and with anything above an int.
    let flags = [0, 128, 256, 384, 1 << 32][input.index(5)];
    let call = if input.below(8) == 7 {
        input.byte().into()
    } else {
        libc::SYS_futex
    };
    let line = format!(
        "{call} {address:#x} {:#x} 0x5 {timeout:#x} 0x0 0x0 0x7ffc 0x7f00\n",
        command | flags
    );
    let wait = if timeout == 0 {
        FutexWait::Endless
    } else {
        FutexWait::Timed
    };
    let expected = (waits && call == libc::SYS_futex).then_some((address, wait));
    assert_eq!(futex_wait(line.as_bytes()), expected, "{line}");

    let info = format!("pos:\t0\nflags:\t02\nmnt_id:\t9\nino:\t{ino}\nscm_fds: {queued}\n");
    assert_eq!(scm_fds(info.as_bytes(), ino), Some(queued));
    assert_eq!(scm_fds(info.as_bytes(), ino.wrapping_add(1)), None);

    let text = input.rest();
    if futex_wait(text).is_some() {
        let words = String::from_utf8_lossy(text);
        assert!(words.split_whitespace().count() >= 5);
    }
    let _ = scm_fds(text, 0);
}
