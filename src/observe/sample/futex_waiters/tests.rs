//! Lines of `syscall` files, and what is made of them.

use FutexWait::{Endless, No, Timed};

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
fn of_several_joins_it_is_known_who_waits_only_when_all_do_or_none() {
    let waits: &[(u64, FutexWait)] = &[(64, Endless), (128, Timed), (128, Endless), (192, Timed)];
    for (addresses, expected) in [
        (&[64][..], Some(Endless)),
        (&[192], Some(Timed)),
        (&[128], Some(Endless)),
        (&[65], Some(No)),
        (&[65, 66], Some(No)),
        (&[64, 65], None),
        (&[64, 128], Some(Endless)),
        (&[64, 192], Some(Timed)),
    ] {
        assert_eq!(judge(addresses, waits), expected, "{addresses:?}");
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

#[test]
fn whoever_could_not_be_asked_is_named_with_the_reason() {
    let unasked = Unasked {
        denied: (1..8).collect(),
        why: Some(("because".into(), Some("do this".into()))),
        crowded: vec![9],
    };
    let limits = unasked.limits();
    assert!(
        limits[0]
            .what
            .to_string()
            .contains("(pid 1, 2, 3, 4, 5 and 2 more)"),
        "{limits:?}"
    );
    assert!(limits[0].why.ends_with("because"));
    assert_eq!(limits[0].remedy.as_deref(), Some("do this"));
    assert!(limits[1].what.to_string().contains("(pid 9)") && limits[1].why.contains("256"));
    assert!(Unasked::default().limits().is_empty());
}
