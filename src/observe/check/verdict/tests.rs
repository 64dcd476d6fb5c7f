//! The verdict, case by case.

use std::collections::HashMap;

use super::*;
use crate::observe::check::Measure;
use crate::observe::health::findings;
use crate::observe::model::Threshold;
use crate::observe::model::fixtures::{consumer, ring};
use crate::observe::model::{Bounded, ConsumerSnapshot, ConsumerState, Estimate, Unseen};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// Known to be behind for so long, or since before the first look.
fn behind_for(time: Option<u64>) -> Option<Bounded<u64>> {
    Some(time.map_or(
        Bounded {
            value: None,
            low: 200 * MS,
            high: None,
        },
        Bounded::exact,
    ))
}

/// A ring of 64 KiB watched for 200 ms.
fn seen(consumers: Vec<ConsumerSnapshot>) -> Observed {
    Observed {
        ring: ring(consumers),
        watched_ns: Some(200 * MS),
        joined_ago_ns: HashMap::new(),
        zombies_unseen: None,
        idle_ns: None,
    }
}

fn levels<T>(warning: T, critical: T) -> Threshold<T> {
    Threshold {
        warning: Some(warning),
        critical: Some(critical),
    }
}

fn only<T>(critical: T) -> Threshold<T> {
    Threshold {
        warning: None,
        critical: Some(critical),
    }
}

/// Judges one consumer after a change.
fn verdict(lag: u64, change: impl Fn(&mut Observed), limits: &Limits) -> Verdict {
    let mut seen = seen(vec![consumer(lag)]);
    change(&mut seen);
    judge(&seen, limits)
}

#[test]
fn a_lag_in_bytes_or_percent_is_well_at_its_level_and_not_past_it() {
    let bytes = Limits {
        lag_bytes: levels(1024, 2048),
        ..Limits::default()
    };
    let percent = Limits {
        lag_percent: levels(50.0, 90.0),
        ..Limits::default()
    };
    // The stricter of both, level by level.
    let both = Limits {
        lag_bytes: levels(1024, 65_000),
        ..percent.clone()
    };
    let warning = Limits {
        lag_bytes: Threshold {
            warning: Some(1024),
            critical: None,
        },
        ..Limits::default()
    };
    for (limits, lag, expected) in [
        (&bytes, 0, Status::Ok),
        (&bytes, 1024, Status::Ok),
        (&bytes, 1025, Status::Warning),
        (&bytes, 2048, Status::Warning),
        (&bytes, 2049, Status::Critical),
        (&percent, 32_768, Status::Ok),
        (&percent, 32_769, Status::Warning),
        // 90 % are 58982.4.
        (&percent, 58_982, Status::Warning),
        (&percent, 58_983, Status::Critical),
        (&both, 1025, Status::Warning),
        (&both, 58_983, Status::Critical),
        (&warning, 65_536, Status::Warning),
    ] {
        let verdict = verdict(lag, |_| {}, limits);
        assert_eq!(verdict.status, expected, "{lag}: {}", verdict.message);
    }
    let said = verdict(58_983, |_| {}, &percent).message;
    assert_eq!(
        said,
        "quotes ring 7/3: slot 0 risk (pid 8): lag 57.6 KiB (90 %), over 57.6 KiB (90 %)"
    );
}

#[test]
fn who_holds_nothing_up_does_not_lag_and_who_is_hidden_may() {
    use ConsumerState as State;
    let limits = Limits {
        lag_percent: levels(50.0, 90.0),
        ..Limits::default()
    };
    for (state, expected) in [
        (State::Lagging, Status::Critical),
        (State::Dead, Status::Critical),
        (State::Left, Status::Critical),
        (State::Evicted, Status::Ok),
        (State::Parked, Status::Ok),
        (State::Invalid, Status::Ok),
    ] {
        let change = |seen: &mut Observed| seen.ring.consumers[0].state = state;
        assert_eq!(
            verdict(60_000, change, &limits).status,
            expected,
            "{state:?}"
        );
    }
    for (lag, hidden, expected) in [
        (0, Some(0), Status::Ok),
        (0, Some(1), Status::Unknown),
        (0, None, Status::Unknown),
        // What is seen decides, where it is bad enough.
        (40_000, Some(1), Status::Warning),
        (60_000, None, Status::Critical),
    ] {
        let change = |seen: &mut Observed| {
            seen.ring.hidden_consumers = hidden;
            seen.ring.attach.limits = vec![Limitation {
                what: Unseen::Consumers,
                why: "dark".into(),
                remedy: Some("light".into()),
            }];
        };
        let verdict = verdict(lag, change, &limits);
        assert_eq!(verdict.status, expected, "{lag} {hidden:?}");
        if expected == Status::Unknown {
            assert!(
                verdict.message.contains("dark; light"),
                "{}",
                verdict.message
            );
            assert_eq!(verdict.reasons[0].code, "lag-bytes");
            let figure = verdict.reasons[0].figure.expect("a figure");
            assert_eq!((figure.value, figure.at_most), (None, Some(65_536)));
        }
    }
    // Nobody can be further behind than that, hidden or not.
    let change = |seen: &mut Observed| seen.ring.hidden_consumers = None;
    let whole = Limits {
        lag_percent: only(100.0),
        ..Limits::default()
    };
    assert_eq!(verdict(0, change, &whole).status, Status::Ok);
}

#[test]
fn a_lag_in_messages_may_be_estimated_and_is_bounded_by_headers() {
    let limits = Limits {
        lag_messages: levels(10, 100),
        ..Limits::default()
    };
    for (lag, messages, expected, words) in [
        (1600, Estimate::exact(10), Status::Ok, "lag 10 messages"),
        (
            1600,
            Estimate::exact(11),
            Status::Warning,
            "lag 11 messages, over 10",
        ),
        (
            1600,
            Estimate::about(50),
            Status::Warning,
            "lag ~50 messages, over 10",
        ),
        (16_000, Estimate::about(101), Status::Critical, "~101"),
        (16_000, Estimate::about(3), Status::Ok, "~3"),
        // More than fit into the bytes there are are no estimate.
        (1600, Estimate::about(5000), Status::Warning, "~100"),
        (
            1600,
            Estimate::default(),
            Status::Unknown,
            "lag at least 1 message, limit 100",
        ),
        // Ten headers at most.
        (160, Estimate::default(), Status::Ok, "at least 1"),
        (0, Estimate::default(), Status::Ok, "lag 0 messages"),
    ] {
        let change = |seen: &mut Observed| seen.ring.consumers[0].lag_messages = messages;
        let verdict = verdict(lag, change, &limits);
        assert_eq!(
            verdict.status, expected,
            "{messages:?}: {}",
            verdict.message
        );
        assert!(verdict.message.contains(words), "{}", verdict.message);
    }
}

#[test]
fn a_lag_in_time_from_before_the_first_look_has_a_lower_bound_only() {
    let limits = |warning, critical| Limits {
        lag_time_ns: levels(warning, critical),
        ..Limits::default()
    };
    // Known time, consumer's rate, ring's rate, limits, what is said.
    for (time, own, rate, limits, expected, words) in [
        (
            Some(50 * MS),
            1e6,
            1e6,
            limits(100 * MS, SECOND),
            Status::Ok,
            "lag in time 50 ms",
        ),
        (
            Some(101 * MS),
            1e6,
            1e6,
            limits(100 * MS, SECOND),
            Status::Warning,
            "101 ms, over 100 ms",
        ),
        // Behind for all of the 200 ms, whatever came before.
        (
            None,
            0.0,
            0.0,
            limits(50 * MS, 199 * MS),
            Status::Critical,
            "at least 200 ms, over 199 ms",
        ),
        (
            None,
            0.0,
            1e6,
            limits(199 * MS, SECOND),
            Status::Warning,
            "at least 200 ms, over 199 ms",
        ),
        (
            None,
            0.0,
            1e6,
            limits(SECOND, 2 * SECOND),
            Status::Unknown,
            "limit 2.0 s: it has been behind since before",
        ),
        (
            None,
            1e6,
            0.0,
            limits(SECOND, 2 * SECOND),
            Status::Unknown,
            "longer --interval",
        ),
        // 30 kB at 10 kB/s, both moving.
        (
            None,
            1e4,
            1e4,
            limits(SECOND, 2 * SECOND),
            Status::Critical,
            "~3.0 s, over 2.0 s",
        ),
        (
            None,
            1e4,
            1e4,
            limits(4 * SECOND, 5 * SECOND),
            Status::Unknown,
            "~3.0 s",
        ),
        // An estimate that is less than what is certain.
        (
            None,
            1e9,
            1e9,
            limits(100 * MS, SECOND),
            Status::Warning,
            "~200 ms",
        ),
    ] {
        let change = |seen: &mut Observed| {
            seen.ring.consumers[0].lag_time_ns = behind_for(time);
            seen.ring.consumers[0].rate_bytes_per_second = Some(own);
            seen.ring.rate.bytes_per_second = Some(rate);
        };
        let verdict = verdict(30_000, change, &limits);
        assert_eq!(verdict.status, expected, "{}", verdict.message);
        assert!(verdict.message.contains(words), "{}", verdict.message);
    }
    let once = |seen: &mut Observed| {
        seen.watched_ns = None;
        seen.ring.consumers[0].rate_bytes_per_second = None;
    };
    let limits = limits(1, 2);
    let verdict = verdict(1, once, &limits);
    assert_eq!(verdict.status, Status::Unknown);
    assert!(
        verdict.message.contains("single sample"),
        "{}",
        verdict.message
    );
}

#[test]
fn a_stall_is_behind_and_still_as_far_as_both_are_known() {
    let limits = Limits {
        stall_ns: levels(SECOND, 10 * SECOND),
        ..Limits::default()
    };
    // Lag, own rate, since its last publish, since it joined, since it is behind.
    for (lag, own, silent, joined, behind, expected) in [
        (0, Some(0.0), Some(3600 * SECOND), None, None, Status::Ok),
        (9, Some(1e3), Some(3600 * SECOND), None, None, Status::Ok),
        (9, Some(0.0), Some(SECOND), None, None, Status::Ok),
        (9, Some(0.0), Some(SECOND + 1), None, None, Status::Warning),
        (
            9,
            Some(0.0),
            Some(11 * SECOND),
            None,
            None,
            Status::Critical,
        ),
        // Idle until 50 ms ago.
        (
            9,
            Some(0.0),
            Some(3600 * SECOND),
            None,
            Some(50 * MS),
            Status::Ok,
        ),
        // It never published: since it joined.
        (
            9,
            Some(0.0),
            None,
            Some(11 * SECOND),
            None,
            Status::Critical,
        ),
        (9, Some(0.0), None, None, None, Status::Unknown),
        // One sample: it may be moving, unless it has just published.
        (9, None, Some(11 * SECOND), None, None, Status::Unknown),
        (9, None, Some(MS), None, None, Status::Ok),
    ] {
        let change = |seen: &mut Observed| {
            let consumer = &mut seen.ring.consumers[0];
            consumer.rate_bytes_per_second = own;
            consumer.progress_age_ns = silent;
            consumer.lag_time_ns = behind_for(behind);
            seen.joined_ago_ns = joined.map(|joined| (1, joined)).into_iter().collect();
        };
        let verdict = verdict(lag, change, &limits);
        assert_eq!(
            verdict.status, expected,
            "{own:?} {silent:?} {joined:?} {behind:?}: {}",
            verdict.message
        );
    }
    // Seen to stand for longer than the limit: no clock is needed.
    let change = |seen: &mut Observed| {
        seen.ring.consumers[0].rate_bytes_per_second = Some(0.0);
        seen.watched_ns = Some(11 * SECOND);
    };
    assert_eq!(verdict(9, change, &limits).status, Status::Critical);
}

#[test]
fn consumers_are_counted_if_they_live_and_hold_a_slot() {
    use ConsumerState as State;
    let limits = Limits {
        min_consumers: levels(3, 2),
        ..Limits::default()
    };
    // State and life of three, how many are hidden.
    for (states, alive, hidden, expected) in [
        (
            [State::Ok, State::Idle, State::Stalled],
            Some(true),
            Some(0),
            Status::Ok,
        ),
        (
            [State::Ok, State::Ok, State::Dead],
            Some(true),
            Some(0),
            Status::Warning,
        ),
        (
            [State::Ok, State::Evicted, State::Dead],
            Some(true),
            Some(0),
            Status::Critical,
        ),
        (
            [State::Ok, State::Parked, State::Left],
            Some(true),
            Some(0),
            Status::Critical,
        ),
        (
            [State::Ok, State::Ok, State::Ok],
            None,
            Some(0),
            Status::Unknown,
        ),
        (
            [State::Ok, State::Ok, State::Dead],
            Some(true),
            Some(1),
            Status::Unknown,
        ),
        (
            [State::Ok, State::Dead, State::Dead],
            Some(true),
            Some(1),
            Status::Warning,
        ),
        (
            [State::Dead, State::Dead, State::Dead],
            Some(true),
            None,
            Status::Unknown,
        ),
        (
            [State::Ok, State::Ok, State::Ok],
            Some(true),
            None,
            Status::Ok,
        ),
    ] {
        let consumers = states.map(|state| ConsumerSnapshot {
            state,
            alive,
            ..consumer(0)
        });
        let mut seen = seen(consumers.into());
        seen.ring.hidden_consumers = hidden;
        let verdict = judge(&seen, &limits);
        assert_eq!(verdict.status, expected, "{states:?}: {}", verdict.message);
    }
}

#[test]
fn clogs_and_zombies_are_unknown_when_they_cannot_be_seen() {
    let clogs = Limits {
        clog_attempts: levels(10, 100),
        ..Limits::default()
    };
    for (attempts, expected) in [
        (Some(10), Status::Ok),
        (Some(11), Status::Warning),
        (Some(101), Status::Critical),
        (None, Status::Unknown),
    ] {
        let change = |seen: &mut Observed| {
            seen.ring.slots = seen.ring.slots.zip(attempts).map(|(mut slots, attempts)| {
                slots.clog_attempts = attempts;
                slots
            });
        };
        assert_eq!(verdict(0, change, &clogs).status, expected, "{attempts:?}");
    }
    let none = Limits {
        no_zombies: true,
        ..Limits::default()
    };
    for (found, unseen, expected, words) in [
        (0, None, Status::Ok, "0 zombies"),
        (1, None, Status::Critical, "still reading after eviction"),
        (1, Some("dark"), Status::Critical, "at least 1 zombie: "),
        (0, Some("dark"), Status::Unknown, "zombies unknown: dark"),
    ] {
        let change = |seen: &mut Observed| {
            for consumer in &mut seen.ring.consumers[..found] {
                consumer.state = ConsumerState::Evicted;
                (consumer.pid, consumer.command) = (Some(9), Some("risk\u{1b}".into()));
            }
            seen.zombies_unseen = unseen.map(str::to_owned);
        };
        let verdict = verdict(0, change, &none);
        assert_eq!(verdict.status, expected, "{found} {unseen:?}");
        assert!(verdict.message.contains(words), "{}", verdict.message);
    }
}

#[test]
fn findings_count_by_their_severity_and_need_no_limit() {
    use ConsumerState as State;
    for (state, rate, expected) in [
        (State::Ok, 1e6, Status::Ok),
        (State::Idle, 0.0, Status::Ok),
        (State::Lagging, 1e6, Status::Ok),
        (State::Dead, 0.0, Status::Warning),
        (State::Stalled, 0.0, Status::Warning),
        (State::Blocking, 1e6, Status::Warning),
        (State::Blocking, 0.0, Status::Critical),
        (State::Evicted, 0.0, Status::Critical),
    ] {
        let change = |seen: &mut Observed| {
            seen.ring.consumers[0].state = state;
            seen.ring.consumers[0].rate_bytes_per_second = Some(rate);
            seen.ring.findings = findings(&seen.ring, &Default::default());
        };
        assert_eq!(
            verdict(0, change, &Limits::default()).status,
            expected,
            "{state:?}"
        );
    }
    let gone = |seen: &mut Observed| {
        seen.ring.state = RingState::ProducerGone;
        seen.ring.findings = findings(&seen.ring, &Default::default());
    };
    let verdict = verdict(0, gone, &Limits::default());
    assert_eq!(verdict.reasons[0].code, "producer-gone");
    assert_eq!(verdict.status, Status::Critical);
}

#[test]
fn the_worst_of_all_rings_wins_and_each_is_named() {
    let limits = Limits {
        lag_percent: levels(50.0, 90.0),
        lag_time_ns: only(SECOND),
        ..Limits::default()
    };
    let of = |id: &str, lag: u64, time: Option<u64>| {
        let mut seen = seen(vec![consumer(lag)]);
        seen.ring.id = id.into();
        seen.ring.consumers[0].lag_time_ns = behind_for(time);
        seen.ring.consumers[0].rate_bytes_per_second = Some(0.0);
        seen
    };
    let well = || of("1/3", 0, None);
    let unknown = || of("2/3", 5, None);
    let warning = || of("3/3", 40_000, Some(1));
    let critical = || of("4/3", 60_000, Some(1));
    let broken = ["pid 5 fd 7: zbq_ctrl is 1024 bytes".to_owned()];
    for (all, broken, expected) in [
        (vec![well()], &[][..], Status::Ok),
        (vec![well(), unknown()], &[], Status::Unknown),
        (vec![well(), unknown(), warning()], &[], Status::Warning),
        (
            vec![warning(), critical(), unknown(), well()],
            &[],
            Status::Critical,
        ),
        (vec![], &broken, Status::Unknown),
        (vec![well()], &broken, Status::Unknown),
        (vec![warning()], &broken, Status::Warning),
        (vec![], &[], Status::Unknown),
    ] {
        let verdict = judge_all(&all, broken, &[], &limits);
        assert_eq!(verdict.status, expected, "{}", verdict.message);
        let worst = verdict.reasons.first().map(|reason| reason.severity);
        assert_eq!(worst.unwrap_or(Status::Ok), expected, "worst first");
        for seen in &all {
            assert!(
                verdict.message.contains(&seen.ring.id),
                "{}",
                verdict.message
            );
        }
        for broken in broken {
            assert!(verdict.message.contains(broken), "{}", verdict.message);
        }
    }
    // Processes that may hold rings are said, and no more: most users may never look into all.
    let hidden = [Limitation {
        what: "rings of 3 of 9 processes".into(),
        why: "dark".into(),
        remedy: None,
    }];
    let verdict = judge_all(&[well()], &[], &hidden, &limits);
    assert_eq!(verdict.status, Status::Ok);
    assert!(
        verdict.message.contains("rings of 3 of 9 processes"),
        "{}",
        verdict.message
    );
    let none = judge_all(&[], &[], &hidden, &limits);
    assert_eq!(none.reasons[0].code, "no-ring");
    assert!(
        none.message.contains("no zbq ring found; rings of 3"),
        "{}",
        none.message
    );
}

#[test]
fn a_ring_that_is_lost_has_no_figures() {
    let limits = Limits {
        lag_percent: only(90.0),
        ..Limits::default()
    };
    let change = |seen: &mut Observed| {
        seen.ring.state = RingState::Truncated;
        seen.ring.consumers[0].lag_bytes = None;
    };
    let verdict = verdict(0, change, &limits);
    assert_eq!(verdict.status, Status::Unknown);
    let heads = verdict.rings[0].figures.iter();
    let head = heads
        .clone()
        .find(|figure| figure.name == Measure::ProducerHead);
    assert_eq!(head.map(|figure| figure.value), Some(None));
}
