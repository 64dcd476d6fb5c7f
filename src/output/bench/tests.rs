//! What is printed, to the letter.

use super::*;
use crate::observe::model::{BenchMachine, BenchSettings, LatencyBucket};
use crate::ring::WakeupMode;

fn report() -> BenchReport {
    let machine = BenchMachine {
        cpu_model: Some("Some CPU @ 3 GHz".into()),
        cpus: 8,
        kernel: "6.18.1".into(),
        governor: Some("performance".into()),
        load_average_1m: Some(0.25),
        clock: "CLOCK_MONOTONIC",
        clock_source: Some("tsc".into()),
        debug_build: false,
    };
    let settings = BenchSettings {
        size_bytes: 64,
        capacity_bytes: 1 << 20,
        consumers: 2,
        wakeup_mode: WakeupMode::Push,
        time_ns: 5_000_000_000,
        warm_up_ns: 500_000_000,
        pinned: true,
        cpus_shared: false,
    };
    BenchReport::new("2026-11-26T16:00:00Z".into(), machine, settings)
}

fn latency(p50_ns: u64) -> Latency {
    Latency {
        count: 500_000,
        min_ns: 400,
        mean_ns: 1000.0,
        p50_ns,
        p90_ns: 1_230,
        p99_ns: 45_600,
        p99_9_ns: 789_000,
        p99_99_ns: 1_000_000,
        max_ns: 12_300_000,
    }
}

fn consumer(cpu: usize, latency: Option<Latency>) -> BenchConsumer {
    BenchConsumer {
        pinned_cpu: Some(cpu),
        messages: 12_345_678,
        messages_per_second: Some(2_469_136.0),
        latency,
        delivery: Delivery::default(),
    }
}

fn throughput() -> BenchPhase {
    BenchPhase {
        kind: BenchKind::Throughput,
        rate_per_second: None,
        messages: 12_345_678,
        messages_per_second: Some(2_469_136.0),
        bytes_per_second: Some(158_024_704.0),
        latency: None,
        histogram: Vec::new(),
        producer: BenchProducer {
            pinned_cpu: Some(0),
            messages: 12_345_679,
            blocked_messages: 4_000,
            blocked_ns: 600_000_000,
            late_messages: None,
            latest_ns: None,
            unsent_messages: None,
        },
        consumers: vec![consumer(1, None), consumer(2, None)],
        delivery: Delivery::default(),
    }
}

fn scheduled() -> BenchPhase {
    BenchPhase {
        kind: BenchKind::Latency,
        rate_per_second: Some(100_000),
        messages: 500_000,
        messages_per_second: Some(100_000.0),
        latency: Some(latency(840)),
        histogram: vec![
            LatencyBucket {
                from_ns: 640,
                to_ns: 800,
                count: 100_000,
            },
            LatencyBucket {
                from_ns: 800,
                to_ns: 1000,
                count: 400_000,
            },
        ],
        producer: BenchProducer {
            blocked_messages: 0,
            blocked_ns: 0,
            late_messages: Some(12),
            latest_ns: Some(1_230_000),
            unsent_messages: Some(0),
            ..throughput().producer
        },
        consumers: vec![
            consumer(1, Some(latency(800))),
            consumer(2, Some(latency(900))),
        ],
        ..throughput()
    }
}

fn printed(phases: &[BenchPhase]) -> String {
    let (mut out, report) = (Vec::new(), report());
    heading(&mut out, &report).expect("memory takes it");
    for one in phases {
        phase(&mut out, &report, one).expect("memory takes it");
    }
    let text = String::from_utf8(out).expect("text");
    for line in text.lines() {
        assert!(
            line.chars().count() <= COLUMNS && line == line.trim_end(),
            "{line:?}"
        );
    }
    text
}

#[test]
fn throughput_and_latency_are_printed_in_tables() {
    insta::assert_snapshot!(printed(&[throughput(), scheduled()]));
}

#[test]
fn round_trips_are_printed_in_one_row() {
    let pong = BenchConsumer {
        pinned_cpu: Some(1),
        ..consumer(1, None)
    };
    insta::assert_snapshot!(printed(&[BenchPhase {
        kind: BenchKind::PingPong,
        rate_per_second: None,
        consumers: vec![pong],
        producer: BenchProducer {
            late_messages: None,
            latest_ns: None,
            unsent_messages: None,
            ..scheduled().producer
        },
        ..scheduled()
    }]));
}

#[test]
fn what_went_wrong_stands_out() {
    let delivery = Delivery {
        lost_messages: 3,
        wrong_content_messages: 1,
        ..Delivery::default()
    };
    let producer = BenchProducer {
        unsent_messages: Some(7),
        ..scheduled().producer
    };
    let text = printed(&[BenchPhase {
        delivery,
        producer,
        ..scheduled()
    }]);
    assert!(
        text.contains("  NOT as sent: 3 messages lost, 1 message with other bytes\n"),
        "{text}"
    );
    assert!(
        text.contains("  7 of 12345686 messages were due and could not be sent:"),
        "{text}"
    );
}

#[test]
fn nothing_that_the_kernel_names_steers_a_terminal_and_what_is_unknown_is_said() {
    let mut report = report();
    report.machine = BenchMachine {
        cpu_model: Some("a\u{1b}[2J\nb".into()),
        governor: None,
        load_average_1m: None,
        clock_source: None,
        debug_build: true,
        ..report.machine
    };
    report.settings.cpus_shared = true;
    let mut out = Vec::new();
    heading(&mut out, &report).expect("memory takes it");
    let text = String::from_utf8(out).expect("text");
    for part in [
        "a\\x1b[2J\\nb, 8 cpus",
        "load unknown",
        "clock unknown",
        "debug build",
        "wait for each other",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_was_not_measured_is_a_dash() {
    let text = printed(&[BenchPhase {
        latency: None,
        histogram: Vec::new(),
        messages_per_second: None,
        bytes_per_second: None,
        consumers: vec![BenchConsumer {
            messages: 0,
            messages_per_second: None,
            ..consumer(1, None)
        }],
        ..scheduled()
    }]);
    assert!(
        text.contains(
            "  consumer 1     1         0       -       -       -       -       -       -\n"
        ),
        "{text}"
    );
}
