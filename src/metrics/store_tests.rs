use std::time::Instant;

use super::*;
use crate::metrics::Encoding;
use crate::observe::model::fixtures::{consumer, ring};
use crate::observe::model::{AgeCounts, Event, EventKind, MessageTotals, RingState};

fn looks(rings: Vec<RingSnapshot>) -> Looks {
    let messages = MessageTotals::default();
    Looks {
        rings: rings.into_iter().map(|ring| (ring, messages)).collect(),
        ..Looks::default()
    }
}

fn called(id: &str, ctrl_inode: u64, socket: Option<&str>) -> RingSnapshot {
    let mut ring = ring(Vec::new());
    id.clone_into(&mut ring.id);
    ring.ctrl_inode = ctrl_inode;
    ring.producer.sockets = socket.map(|socket| vec![socket.to_owned()]);
    ring
}

fn event(kind: EventKind) -> Event {
    Event {
        kind,
        severity: kind.severity(),
        at: String::new(),
        monotonic_ns: 0,
        slot: None,
        pid: None,
        command: None,
        message: String::new(),
    }
}

/// The samples that begin with `start`.
fn samples(metrics: &mut Metrics, start: &str) -> Vec<String> {
    let text = metrics.write(Encoding::Classic);
    let lines = text.lines().filter(|line| line.starts_with(start));
    lines.map(str::to_owned).collect()
}

#[test]
fn rings_have_names_that_are_their_own() {
    let mut metrics = Metrics::default();
    metrics.take(looks(vec![
        called("7/3", 1, Some("/run/a")),
        called("7/5", 2, None),
        called("8/3", 3, None),
    ]));
    assert_eq!(
        samples(&mut metrics, "zbq_ring_up"),
        [
            r#"zbq_ring_up{ring="/run/a"} 1"#,
            r#"zbq_ring_up{ring="quotes"} 1"#,
            r#"zbq_ring_up{ring="quotes#2"} 1"#,
        ]
    );
    // A name stays, whatever becomes known or goes.
    metrics.take(looks(vec![called("8/3", 3, Some("/run/b"))]));
    let up = samples(&mut metrics, "zbq_ring_up");
    assert_eq!(up[1], r#"zbq_ring_up{ring="quotes"} 0"#);
    assert_eq!(up[2], r#"zbq_ring_up{ring="quotes#2"} 1"#);
}

#[test]
fn a_ring_that_is_gone_is_told_of_for_a_while() {
    let mut metrics = Metrics::default();
    let begun = Instant::now();
    metrics.take_at(looks(vec![called("7/3", 1, Some("/run/a"))]), begun);
    assert_eq!(samples(&mut metrics, "zbq_ring_health").len(), 4);
    let mut last = called("7/3", 1, Some("/run/a"));
    last.events.push(event(EventKind::ProducerGone));
    let gone = Looks {
        gone: vec![last],
        ..Looks::default()
    };
    metrics.take_at(gone, begun);
    assert_eq!(
        samples(&mut metrics, "zbq_ring_"),
        [r#"zbq_ring_up{ring="/run/a"} 0"#]
    );
    let told = r#"zbq_events_total{ring="/run/a",kind="producer_gone"} 1"#;
    assert!(samples(&mut metrics, "zbq_events_total").contains(&told.to_owned()));
    metrics.take_at(Looks::default(), begun + REMEMBERED / 2);
    assert_eq!(samples(&mut metrics, "zbq_ring_up").len(), 1);
    metrics.take_at(Looks::default(), begun + REMEMBERED);
    assert!(samples(&mut metrics, "zbq_").is_empty());
}

#[test]
fn one_that_is_over_and_still_looked_at_is_not_forgotten() {
    let mut metrics = Metrics::default();
    let begun = Instant::now();
    let mut over = called("7/3", 1, None);
    over.state = RingState::ProducerGone;
    for elapsed in [Duration::ZERO, REMEMBERED * 2] {
        metrics.take_at(looks(vec![over.clone()]), begun + elapsed);
        let up = samples(&mut metrics, "zbq_ring_");
        assert_eq!(up, [r#"zbq_ring_up{ring="quotes"} 0"#]);
    }
}

#[test]
fn what_takes_the_place_of_a_ring_goes_on_counting() {
    let mut metrics = Metrics::default();
    let mut take = |inode, counted, estimated| {
        let mut ring = called("7/3", inode, Some("/run/a"));
        ring.events.push(event(EventKind::Joined));
        let mut ages = AgeCounts::default();
        (0..counted).for_each(|_| ages.note(20_000));
        let messages = MessageTotals {
            counted,
            estimated,
            ages: Some(ages),
        };
        metrics.take(Looks {
            rings: vec![(ring, messages)],
            ..Looks::default()
        });
        samples(&mut metrics, "zbq_ring_messages")
    };
    take(1, 10, 0.0);
    assert_eq!(
        take(1, 15, 2.6),
        [
            r#"zbq_ring_messages_total{ring="/run/a"} 18"#,
            r#"zbq_ring_messages_estimated_total{ring="/run/a"} 3"#
        ]
    );
    // Another ring, which counts from the start.
    let told = take(2, 4, 0.0);
    assert_eq!(told[0], r#"zbq_ring_messages_total{ring="/run/a"} 22"#);
    let ages = samples(&mut metrics, "zbq_message_age");
    assert_eq!(
        [ages[0].as_str(), &ages[1], &ages[22]],
        [
            r#"zbq_message_age_seconds_bucket{ring="/run/a",le="1e-05"} 0"#,
            r#"zbq_message_age_seconds_bucket{ring="/run/a",le="2.5e-05"} 19"#,
            r#"zbq_message_age_seconds_count{ring="/run/a"} 19"#,
        ]
    );
    let joined = r#"zbq_events_total{ring="/run/a",kind="joined"} 3"#;
    assert!(samples(&mut metrics, "zbq_events_total").contains(&joined.to_owned()));
    assert_eq!(samples(&mut metrics, "zbq_ring_up").len(), 1);
}

#[test]
fn what_is_not_known_has_no_sample() {
    let mut one = consumer(64);
    (one.slot, one.lag_bytes, one.lag_percent) = (None, None, None);
    (one.lag_time_ns, one.progress_age_ns) = (None, None);
    one.lag_messages = Default::default();
    let mut zombie = consumer(64);
    (zombie.held, zombie.state) = (false, crate::observe::model::ConsumerState::Evicted);
    let mut ring = ring(vec![one.clone(), zombie, one]);
    ring.consumers[2].meta_inode += 1;
    (ring.slots, ring.hidden_consumers) = (None, None);
    ring.control.truncated = true;
    let mut metrics = Metrics::default();
    metrics.take(looks(vec![ring]));
    for unknown in [
        "zbq_ring_slots",
        "zbq_ring_clog",
        "zbq_ring_capacity",
        "zbq_ring_free",
        "zbq_ring_written",
        "zbq_hidden",
        "zbq_consumer_lag_bytes",
        "zbq_consumer_lag_ratio{",
        "zbq_consumer_lag_messages",
        "zbq_consumer_lag_seconds",
        "zbq_consumer_read",
        "zbq_consumer_progress",
    ] {
        assert_eq!(samples(&mut metrics, unknown), [""; 0], "{unknown}");
    }
    // Those without a number are told apart; one that was evicted is only counted.
    let states = samples(&mut metrics, "zbq_consumer_state");
    assert_eq!(states.len(), 2 * 12);
    assert!(states[0].contains(r#"slot="?0""#) && states[12].contains(r#"slot="?1""#));
    let evicted = samples(&mut metrics, "zbq_consumers");
    assert!(
        evicted
            .iter()
            .any(|line| line.ends_with(r#"state="evicted"} 1"#))
    );
}

#[test]
fn no_two_samples_have_the_same_labels() {
    let mut metrics = Metrics::default();
    let consumers = (0..3).map(|slot| {
        let mut one = consumer(64);
        (one.slot, one.meta_inode) = (Some(slot), slot.into());
        one
    });
    metrics.take(looks(vec![ring(consumers.collect())]));
    for encoding in [Encoding::Classic, Encoding::OpenMetrics] {
        let text = metrics.write(encoding);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let names: Vec<_> = samples.filter_map(|line| line.rsplit_once(' ')).collect();
        let different: HashSet<_> = names.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), different.len());
        assert!(names.iter().all(|(_, value)| value.parse::<f64>().is_ok()));
        assert_eq!(text.ends_with("# EOF\n"), encoding == Encoding::OpenMetrics);
    }
}

#[test]
fn names_that_read_the_same_are_told_apart() {
    let mut metrics = Metrics::default();
    let [one, other] = ["a\u{1b}", "a\\x1b"].map(|name| Some(name.to_owned()));
    let mut rings = vec![called("7/3", 1, None), called("8/3", 2, None)];
    (rings[0].producer.command, rings[1].producer.command) = (one, other);
    metrics.take(looks(rings));
    let up = samples(&mut metrics, "zbq_ring_up");
    assert_eq!(
        up,
        [
            r#"zbq_ring_up{ring="a\\x1b"} 1"#,
            r#"zbq_ring_up{ring="a\\x1b#2"} 1"#
        ]
    );
}

#[test]
fn a_consumer_keeps_its_number_when_another_leaves() {
    let mut metrics = Metrics::default();
    let without_slot = |inode: u64, tail: u64| {
        let mut one = consumer(64);
        (one.slot, one.meta_inode, one.tail_offset) = (None, inode, tail);
        one
    };
    metrics.take(looks(vec![ring(vec![
        without_slot(1, 0),
        without_slot(2, 100),
    ])]));
    metrics.take(looks(vec![ring(vec![without_slot(2, 130)])]));
    let read = samples(&mut metrics, "zbq_consumer_read_bytes_total");
    assert_eq!(read.len(), 1);
    assert!(
        read[0].contains(r#"slot="?1""#) && read[0].ends_with(" 30"),
        "{read:?}"
    );
}

#[test]
fn of_a_recording_nothing_is_said_that_is_counted() {
    let mut one = consumer(64);
    one.lag_percent = Some(1.0);
    let mut metrics = Metrics::recorded(looks(vec![ring(vec![one])]));
    assert_eq!(
        samples(&mut metrics, "zbq_ring_written_bytes_total").len(),
        1
    );
    assert_eq!(samples(&mut metrics, "zbq_consumer_lag_ratio{").len(), 1);
    for counted in [
        "zbq_events",
        "zbq_ring_messages",
        "zbq_consumer_read",
        "zbq_consumer_lag_ratio_sampled",
    ] {
        assert_eq!(samples(&mut metrics, counted), [""; 0], "{counted}");
    }
}

#[test]
fn rings_that_are_gone_are_not_too_many() {
    let mut metrics = Metrics::default();
    let begun = Instant::now();
    for number in 0..MOST_GONE as u64 + 10 {
        let at = begun + Duration::from_millis(number);
        let socket = format!("/run/{number}");
        metrics.take_at(looks(vec![called("7/3", number, Some(&socket))]), at);
    }
    let up = samples(&mut metrics, "zbq_ring_up");
    assert_eq!(up.len(), MOST_GONE + 1);
    assert!(!up.iter().any(|line| line.contains("\"/run/0\"")));
}
