//! What becomes of points as they grow old.

use proptest::prelude::*;

use super::*;

const MS: u64 = 1_000_000;
const HOUR: u64 = 3600 * SECOND;

/// Points a quarter of a second apart.
fn quarters(count: u64, value: impl Fn(u64) -> Option<u64>) -> PastSeries {
    (0..count)
        .map(|number| PastPoint::at(number * 250 * MS, value(number)))
        .collect()
}

/// Points of all the parts together.
fn most_points() -> usize {
    let parts = RESOLUTIONS.iter();
    parts.map(|part| (part.segments + 1) * SEGMENT).sum()
}

#[test]
fn two_days_take_no_more_than_a_day() {
    let mut past = PastSeries::default();
    for number in 0..2 * 24 * 36_000 {
        past.push(PastPoint::at(number * 100 * MS, Some(number)));
    }
    let count = past.points().count();
    assert!(count <= most_points(), "{count}");
    assert_eq!(size_of::<PastPoint>(), 32);
    assert!(most_points() * size_of::<PastPoint>() <= 50 << 10);

    let past = quarters(2 * 24 * 3600 * 4, Some);
    assert!(past.points().count() <= most_points());
    let first = past.points().next().unwrap();
    let reach = past.last().unwrap().at_ns - first.at_ns;
    assert!((24 * HOUR..28 * HOUR).contains(&reach), "{reach} ns");
    let recent = past.recent().next().unwrap();
    let reach = past.last().unwrap().at_ns - recent.at_ns;
    assert!((119 * SECOND..130 * SECOND).contains(&reach), "{reach} ns");
}

#[test]
fn nothing_is_taken_before_it_is_needed() {
    let past = quarters(10, Some);
    assert!(
        past.parts
            .iter()
            .all(|part| part.full.capacity() + part.open.capacity() == 0)
    );
}

#[test]
fn a_spike_outlives_every_step() {
    let spike = 7;
    for age in [1, 600, 3_000, 20_000, 80_000, 300_000] {
        let past = quarters(age + spike, |number| {
            Some(if number == spike { 999 } else { number % 5 })
        });
        let high: Vec<_> = past
            .points()
            .filter(|point| point.high() == Some(999))
            .collect();
        assert_eq!(high.len(), 1, "after {age}");
        assert!(high[0].at_ns / (300 * SECOND) == 0);
        let low = past.points().filter_map(PastPoint::low).min();
        assert_eq!(low, Some(0));
    }
}

#[test]
fn a_hole_outlives_every_step_that_is_shorter() {
    // An hour, a quarter of an hour in which nothing was known, and a day.
    let (hour, hole) = (4 * 3600, 4 * 900);
    for after in [0, 400, 2_000, 20_000, 80_000, 24 * hour] {
        let mut past = quarters(hour, Some);
        let until = (hour - 1) * 250 * MS;
        past.push(PastPoint::at(until + 1, None));
        for number in 0..=after {
            past.push(PastPoint::at((hour + hole + number) * 250 * MS, Some(1)));
        }
        if after < 22 * hour {
            assert!(
                past.points().next().unwrap().at_ns < until,
                "it is remembered"
            );
            let before: Vec<_> = past
                .points()
                .filter(|point| point.at_ns <= until + 1)
                .collect();
            assert_eq!(before.last().unwrap().value(), None, "after {after}");
        }
        let inside = (until + 2)..(hour + hole) * 250 * MS;
        assert!(past.points().all(|point| !inside.contains(&point.at_ns)));
    }
}

#[test]
fn the_last_is_replaced_wherever_it_lies() {
    for count in 0..3 * SEGMENT as u64 {
        let mut past = quarters(count, Some);
        past.replace_last(PastPoint::at(9 * HOUR, Some(9)));
        assert_eq!(past.last(), Some(&PastPoint::at(9 * HOUR, Some(9))));
        assert_eq!(past.points().count() as u64, count.max(1));
    }
}

#[test]
fn what_is_asked_for_is_all_from_there_on() {
    let past = quarters(100_000, Some);
    for from in [0, 1, 12_345, 80_000, 99_990, 100_001].map(|number| number * 250 * MS) {
        let wanted = |point: &&PastPoint| point.at_ns >= from;
        let all: Vec<_> = past.points().filter(wanted).collect();
        assert_eq!(past.since(from).filter(wanted).collect::<Vec<_>>(), all);
        let more = past.since(from).count() - all.len();
        assert!(more <= SEGMENT * RESOLUTIONS.len(), "{more} before {from}");
    }
}

/// Figures at times that lie as far apart as looks may.
fn looks() -> impl Strategy<Value = Vec<(u64, Option<u64>)>> {
    let gap = prop_oneof![
        8 => 1..500 * MS,
        3 => 250 * MS..3 * SECOND,
        1 => SECOND..2 * HOUR,
    ];
    let value = prop_oneof![
        1 => Just(None),
        3 => any::<u64>().prop_map(|value| Some(value % (1 << 40))),
    ];
    prop::collection::vec((gap, value), 1..6000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every point is the least, the most and the last of those that came since the one before it, and of them alone.
    #[test]
    fn steps_are_what_brute_force_makes_of_them(looks in looks()) {
        let mut at_ns = 0;
        let mut all = Vec::new();
        for (gap, value) in looks {
            at_ns += gap;
            all.push(PastPoint::at(at_ns, value));
        }
        let past: PastSeries = all.iter().copied().collect();
        let mut resolutions = Vec::new();
        for (part, resolution) in past.parts.iter().zip(&RESOLUTIONS).rev() {
            let points = part.segments().flatten().count();
            resolutions.extend(std::iter::repeat_n(resolution.step_ns, points));
        }
        resolutions.extend(std::iter::repeat_n(1, past.newest.len()));
        prop_assert_eq!(resolutions.len(), past.points().count());
        let mut rest = &all[..];
        let mut is_first = true;
        for (point, step_ns) in past.points().zip(resolutions) {
            let end = rest.iter().position(|one| one.at_ns == point.at_ns).unwrap() + 1;
            let (whole, after) = rest.split_at(end);
            rest = after;
            let step = |one: &&PastPoint| one.at_ns / step_ns == point.at_ns / step_ns;
            let made_of: Vec<_> = whole.iter().filter(step).collect();
            // Before the first there is what is forgotten.
            prop_assert!(is_first || made_of.len() == whole.len());
            is_first = false;
            let known = || made_of.iter().filter_map(|one| one.value());
            prop_assert_eq!(point.low(), known().min());
            prop_assert_eq!(point.high(), known().max());
            prop_assert_eq!(Some(point.value()), made_of.last().map(|one| one.value()));
        }
        prop_assert!(rest.is_empty());
    }
}
