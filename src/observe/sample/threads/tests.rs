//! Lines of `syscall` files, and threads of our own.

use FutexWait::{Endless, Timed};

use super::*;

#[test]
fn a_wait_is_told_by_its_system_call() {
    let line = |call: i64, rest: &str| format!("{call} {rest} 0x7ffd1 0x7f2\n").into_bytes();
    for (rest, expected) in [
        ("0x7f40 0x0 0x5 0x0 0x0 0x0", Some((0x7f40, Endless))),
        ("0x7f40 0x80 0x5 0x0 0x0 0x0", Some((0x7f40, Endless))),
        (
            "0x7f40 0x189 0x5 0x7ffd0 0x0 0xffffffff",
            Some((0x7f40, Timed)),
        ),
        // The upper half of the register is left over from something else.
        (
            "0x7f40 0xdead00000000 0x5 0x0 0x0 0x0",
            Some((0x7f40, Endless)),
        ),
        // FUTEX_WAKE, FUTEX_LOCK_PI.
        ("0x7f40 0x1 0x5 0x0 0x0 0x0", None),
        ("0x7f40 0x86 0x5 0x0 0x0 0x0", None),
        ("7f40 0x0 0x5 0x0", None),
        ("0x1ffffffffffffffff 0x0 0x5 0x0", None),
    ] {
        assert_eq!(futex_wait(&line(libc::SYS_futex, rest)), expected, "{rest}");
        assert_eq!(futex_wait(&line(libc::SYS_futex + 1, rest)), None, "{rest}");
    }
    for other in [
        &b"running\n"[..],
        b"-1 0x7ffd 0x7f\n",
        b"",
        b"202",
        b"202 0x7f40 0x0 0x5",
        b"\xff 0x0",
    ] {
        assert_eq!(futex_wait(other), None);
    }
}

#[test]
fn threads_are_asked_up_to_a_number() {
    let process = Process::ourselves().expect("we exist");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let waiting = std::thread::spawn(move || stopped.recv());
    let all = Asleep::of(&process, 10_000).expect("our own threads");
    assert!(all.asked >= 2 && !all.more, "{all:?}");
    let some = Asleep::of(&process, 1).expect("our own threads");
    assert!(some.asked == 1 && some.more, "{some:?}");
    drop(stop);
    assert!(waiting.join().expect("no panic").is_err());
}
