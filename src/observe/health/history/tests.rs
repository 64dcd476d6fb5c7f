//! Rates, ages and lags of samples that are known, and what becomes of those who leave and come back.

use super::*;
use crate::observe::model::PastPoint;
use crate::observe::sample::fixtures::{member, sample};

const MS: u64 = 1_000_000;

/// A history of (time in ms, head, tails of consumers 1, 2, …, messages walked).
fn history(points: &[(u64, u64, &[u64], Option<u64>)]) -> History {
    let mut history = History::default();
    for (at_ms, head, tails, messages) in points {
        let members = (1..).zip(*tails).map(|(inode, tail)| member(inode, *tail));
        let mut sample = sample(*head, members.collect());
        sample.at_ns = at_ms * MS;
        history.push(&sample, *messages);
    }
    history
}

#[test]
fn rates_are_over_the_last_second_or_since_the_first_sample() {
    for (points, bytes, messages, interval_ms) in [
        (&[][..], None, None, None),
        (&[(0, 100, &[][..], None)], None, None, None),
        (
            &[(0, 100, &[], None), (500, 600, &[], Some(10))],
            Some(1000.0),
            Some(20.0),
            Some(500),
        ),
        // What came before that second does not count, nor that it was not walked.
        (
            &[
                (0, 0, &[], None),
                (100, 9000, &[], None),
                (1100, 9500, &[], Some(5)),
                (1200, 9600, &[], Some(1)),
            ],
            Some(545.0),
            Some(5.0),
            Some(1100),
        ),
        // One step that was not walked leaves the number of messages unknown.
        (
            &[
                (0, 0, &[], None),
                (500, 50, &[], None),
                (1000, 100, &[], Some(1)),
            ],
            Some(100.0),
            None,
            Some(1000),
        ),
        // Two samples at one instant.
        (
            &[(7, 0, &[], None), (7, 50, &[], Some(1))],
            None,
            None,
            Some(0),
        ),
        // Head fell: what was before is another ring's.
        (
            &[(0, 900, &[], None), (500, 100, &[], None)],
            None,
            None,
            None,
        ),
        (
            &[
                (0, 900, &[], None),
                (500, 100, &[], None),
                (1000, 200, &[], Some(2)),
            ],
            Some(200.0),
            Some(4.0),
            Some(500),
        ),
    ] {
        let history = history(points);
        let rounded = |rate: Option<f64>| rate.map(f64::round);
        assert_eq!(rounded(history.bytes_per_second()), bytes, "{points:?}");
        assert_eq!(
            rounded(history.messages_per_second()),
            messages,
            "{points:?}"
        );
        assert_eq!(
            history.interval_ns(),
            interval_ms.map(|ms| ms * MS),
            "{points:?}"
        );
    }
}

#[test]
fn a_lag_in_time_lies_between_two_looks_or_began_before_the_first() {
    let points: &[(u64, u64, &[u64], _)] = &[
        (1000, 100, &[], None),
        (2000, 100, &[], None),
        (3000, 300, &[], None),
        (4000, 300, &[], None),
        (5000, 500, &[], None),
    ];
    let history = history(points);
    for (tail, value, low, high) in [
        (99, None, 4000, None),
        (100, Some(3000), 2000, Some(3000)),
        (200, Some(2500), 2000, Some(3000)),
        (299, Some(2005), 2000, Some(3000)),
        (300, Some(1000), 0, Some(1000)),
        (400, Some(500), 0, Some(1000)),
        (500, Some(0), 0, Some(0)),
        (u64::MAX, Some(0), 0, Some(0)),
    ] {
        let [value, high] = [value, high].map(|ms: Option<u64>| ms.map(|ms| ms * MS));
        let low = low * MS;
        let expected = Some(Bounded { value, low, high });
        assert_eq!(history.lag_time_ns(tail), expected, "{tail}");
    }
    assert_eq!(History::default().lag_time_ns(0), None);
}

#[test]
fn each_tail_has_its_own_past() {
    let history = history(&[
        (0, 0, &[10, 10], None),
        (400, 0, &[10, 50], None),
        (500, 0, &[10, 60, 5], None),
    ]);
    assert_eq!(history.still_ns(1), Some(500 * MS));
    assert_eq!(history.still_ns(2), Some(0));
    assert_eq!(history.still_ns(3), None, "seen once");
    assert_eq!(history.still_ns(4), None, "never seen");
    assert_eq!(history.tail_rate(1), Some(0.0));
    assert_eq!(history.tail_rate(2), Some(100.0));
    assert_eq!(history.tail_rate(3), None);
    assert_eq!(history.head_moves(), Some(false));
}

#[test]
fn lags_are_kept_by_consumer_and_a_parked_one_has_none() {
    let history = history(&[
        (0, 100, &[90, 500], None),
        (400, 300, &[90, 500], None),
        (500, 300, &[250], None),
    ]);
    let lags = history.lags();
    let of = |inode: u64| -> Vec<_> { lags[&inode].points().map(PastPoint::value).collect() };
    assert_eq!(of(1), [Some(10), Some(210), Some(50)]);
    assert_eq!(lags.len(), 1, "the other has left");
    let history = self::history(&[(0, 100, &[500], None)]);
    assert_eq!(history.lags()[&1].last(), Some(&PastPoint::at(0, None)));
}

#[test]
fn who_left_is_forgotten_and_what_went_back_has_no_rate() {
    let history = history(&[
        (0, 100, &[50, 50], None),
        (100, 200, &[40], None),
        (200, 200, &[40], None),
    ]);
    assert_eq!(history.tail_rate(1), None);
    assert_eq!(history.still_ns(1), Some(100 * MS));
    assert_eq!(history.still_ns(2), None);
}

#[test]
fn memory_is_bounded_however_fast_and_long_it_samples() {
    let mut history = History::default();
    for at_ns in 0..3 * DEPTH as u64 {
        let mut sample = sample(at_ns, vec![member(1, at_ns)]);
        sample.at_ns = at_ns;
        history.push(&sample, Some(1));
    }
    let kept = [
        history.heads.len(),
        history.counts.len(),
        history.tails[&1].recent.len(),
        history.stands.len(),
    ];
    assert!(kept.iter().all(|kept| *kept <= DEPTH), "{kept:?}");
    let last = history.rates().last().and_then(PastPoint::value);
    assert_eq!(last, Some(1_000_000_000));
}

/// What a consumer is to the tests of coming back: its page, its process and that one's start, whether it holds a slot,
/// and its tail.
type Comer = (u64, Option<i32>, Option<u64>, bool, u64);

/// A history of samples half a second apart, with head at 1000.
fn comings(looks: &[&[Comer]]) -> History {
    let mut history = History::default();
    for (number, members) in (0..).zip(looks) {
        let members = members
            .iter()
            .map(|&(inode, pid, start_ticks, held, tail)| {
                let command = Some("archive".to_owned());
                MemberSample {
                    pid,
                    start_ticks,
                    held,
                    command,
                    ..member(inode, tail)
                }
            });
        let mut sample = sample(1000, members.collect());
        sample.at_ns = number * 500 * MS;
        history.push(&sample, None);
    }
    history
}

/// Past lags by the number of the look; a hole is a figure that is unknown between two looks.
fn lags(history: &History, inode: u64) -> Vec<(u64, Option<u64>)> {
    let past = &history.lags()[&inode];
    let point = |point: &PastPoint| (point.at_ns / (500 * MS), point.value());
    past.points().map(point).collect()
}

#[test]
fn a_process_that_comes_back_goes_on_with_its_past_behind_a_hole() {
    let (old, new) = (
        (1, Some(7), Some(40), true, 900),
        (2, Some(7), Some(40), true, 990),
    );
    let history = comings(&[&[old], &[old], &[], &[], &[new], &[new]]);
    let whole = [
        (0, Some(100)),
        (1, Some(100)),
        (1, None),
        (4, Some(10)),
        (5, Some(10)),
    ];
    assert_eq!(lags(&history, 2), whole);
    // Between two looks, too.
    let history = comings(&[&[old], &[old], &[new]]);
    let whole = [(0, Some(100)), (1, Some(100)), (1, None), (2, Some(10))];
    assert_eq!(lags(&history, 2), whole);
    // And when it is seen only later whose it is.
    let unseen = (2, None, None, true, 990);
    let history = comings(&[&[old], &[], &[unseen], &[unseen], &[new]]);
    let whole = [
        (0, Some(100)),
        (0, None),
        (2, Some(10)),
        (3, Some(10)),
        (4, Some(10)),
    ];
    assert_eq!(lags(&history, 2), whole);
}

#[test]
fn whoever_was_evicted_and_still_has_its_page_leaves_its_past_as_it_was_then() {
    let held = |inode, held| (inode, Some(7), None, held, 900);
    let history = comings(&[
        &[held(1, true)],
        &[held(1, false)],
        &[held(1, false), held(2, true)],
    ]);
    assert_eq!(
        lags(&history, 2),
        [(0, Some(100)), (0, None), (2, Some(100))]
    );
    assert_eq!(lags(&history, 1).len(), 3, "its own line goes on");
    // Before the new one in the same look, wherever it stands in the list.
    let history = comings(&[&[held(1, true)], &[held(2, true), held(1, false)]]);
    assert_eq!(lags(&history, 2).len(), 3);
    // Who has no slot has not come back, and who has its slot again was never away.
    let history = comings(&[&[held(1, true)], &[], &[held(2, false)]]);
    assert_eq!(lags(&history, 2), [(2, Some(100))]);
    let history = comings(&[
        &[held(1, true)],
        &[held(1, false)],
        &[held(1, true)],
        &[held(1, true), held(2, true)],
    ]);
    assert_eq!(lags(&history, 2), [(3, Some(100))]);
}

#[test]
fn a_past_is_gone_on_with_once_and_by_its_own_process() {
    let one = |inode, tail| (inode, Some(7), Some(40), true, tail);
    // Two slots of one process: that which was left last comes first, and of two left at once the older.
    let history = comings(&[
        &[one(1, 100), one(2, 200), one(3, 300)],
        &[one(2, 200), one(3, 300)],
        &[one(4, 999)],
        &[one(4, 999), one(5, 999)],
        &[one(4, 999), one(5, 999), one(6, 999), one(7, 999)],
    ]);
    let first = |inode| lags(&history, inode)[0];
    assert_eq!(first(4), (0, Some(800)));
    assert_eq!(first(5), (0, Some(700)));
    assert_eq!(first(6), (0, Some(900)));
    assert_eq!(first(7), (4, Some(1)), "nothing is left");
    // Another process, whatever its pid and its name.
    for (pid, start) in [(8, Some(40)), (7, Some(41)), (7, None)] {
        let history = comings(&[&[one(1, 100)], &[(2, Some(pid), start, true, 999)]]);
        assert_eq!(lags(&history, 2), [(1, Some(1))], "{pid} {start:?}");
    }
}

#[test]
fn pasts_that_nobody_comes_back_for_are_bounded() {
    let mut history = History::default();
    for number in 0..1000u64 {
        let consumer = MemberSample {
            pid: Some(7),
            start_ticks: Some(number / 2),
            ..member(number, 0)
        };
        let mut sample = sample(1000, vec![consumer]);
        sample.at_ns = number * MS;
        history.push(&sample, None);
    }
    assert!(history.departed.len() <= 256);
    // Who has ended does not come back.
    let mut history = History::default();
    for (alive, members) in [(Some(true), 1), (Some(false), 1), (None, 0)] {
        let consumer = MemberSample {
            pid: Some(7),
            start_ticks: Some(1),
            alive,
            ..member(1, 0)
        };
        history.push(&sample(1000, vec![consumer; members]), None);
    }
    assert_eq!(history.departed.len(), 0);
}
