//! What is made of waits.

use FutexWait::{Endless, No, Timed};

use super::*;

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
