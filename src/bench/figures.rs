//! From what the processes report to the figures that are shown.

use hdrhistogram::Histogram;

use crate::observe::model::{
    BenchConsumer, BenchPhase, BenchProducer, Delivery, Latency, LatencyBucket,
};

use super::plan::{Load, Plan};
use super::words::{Received, Sent};

/// Longer than any latency: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// Digits of a latency that are kept.
const DIGITS: u8 = 3;
/// Where buckets begin in each decade, in hundredths of it.
const STEPS: [u64; 10] = [100, 125, 160, 200, 250, 320, 400, 500, 640, 800];
/// Shorter latencies are in one bucket.
const FIRST_NS: u64 = 10;

/// An empty histogram of latencies, ns.
pub(super) fn histogram() -> Histogram<u64> {
    // These bounds are ones that it can have.
    Histogram::new_with_bounds(1, LONGEST_NS, DIGITS)
        .expect("a histogram of an hour with three digits")
}

/// The figures of one measurement. `pong` is what the process that answers received, while `received` are the answers then.
pub(super) fn phase(
    plan: &Plan,
    load: Load,
    sent: &Sent,
    received: &[Received],
    pong: Option<&Received>,
) -> BenchPhase {
    let all = histogram_of(received);
    let receivers = pong.map_or(received, std::slice::from_ref);
    let consumers = receivers
        .iter()
        .enumerate()
        .map(|(number, one)| BenchConsumer {
            pinned_cpu: plan.cpu(number + 1),
            messages: one.counted,
            messages_per_second: per_second(one),
            latency: latency(&histogram_of(std::slice::from_ref(one))),
            delivery: one.delivery,
        });
    let slowest = received
        .iter()
        .min_by_key(|one| (one.counted, std::cmp::Reverse(one.elapsed_ns)));
    let messages_per_second = slowest.and_then(per_second);
    let is_scheduled = load.rate().is_some();
    let deliveries = received.iter().chain(pong).map(|one| one.delivery);
    BenchPhase {
        kind: load.kind(),
        rate_per_second: load.rate(),
        messages: slowest.map_or(0, |one| one.counted),
        messages_per_second,
        bytes_per_second: messages_per_second.map(|rate| rate * plan.size as f64),
        latency: latency(&all),
        histogram: buckets(&all),
        producer: BenchProducer {
            pinned_cpu: plan.cpu(0),
            messages: sent.counted,
            blocked_messages: sent.blocked,
            blocked_ns: sent.blocked_ns,
            late_messages: is_scheduled.then_some(sent.late),
            latest_ns: is_scheduled.then_some(sent.latest_ns),
            unsent_messages: is_scheduled.then_some(sent.unsent),
        },
        consumers: consumers.collect(),
        delivery: deliveries.fold(Delivery::default(), Delivery::and),
    }
}

fn histogram_of(received: &[Received]) -> Histogram<u64> {
    let mut all = histogram();
    for (value, count) in received.iter().flat_map(|one| &one.latencies) {
        all.saturating_record_n(*value, *count);
    }
    all
}

fn per_second(received: &Received) -> Option<f64> {
    let counts = received.counted > 0 && received.elapsed_ns > 0;
    counts.then(|| received.counted as f64 * 1e9 / received.elapsed_ns as f64)
}

fn latency(times: &Histogram<u64>) -> Option<Latency> {
    let at = |quantile| times.value_at_quantile(quantile);
    (!times.is_empty()).then(|| Latency {
        count: times.len(),
        min_ns: times.min(),
        mean_ns: times.mean(),
        p50_ns: at(0.5),
        p90_ns: at(0.9),
        p99_ns: at(0.99),
        p99_9_ns: at(0.999),
        p99_99_ns: at(0.9999),
        max_ns: times.max(),
    })
}

/// Where bucket `number` begins.
fn edge(number: usize) -> u64 {
    match number.checked_sub(1) {
        None => 0,
        Some(number) => {
            let decade = u32::try_from(number / STEPS.len()).unwrap_or(u32::MAX);
            let decade = 10_u128.checked_pow(decade).unwrap_or(u128::MAX);
            let hundredths = u128::from(FIRST_NS * STEPS[number % STEPS.len()]);
            u64::try_from(decade.saturating_mul(hundredths) / 100).unwrap_or(u64::MAX)
        }
    }
}

/// All that was counted, ten buckets a decade.
fn buckets(times: &Histogram<u64>) -> Vec<LatencyBucket> {
    let mut buckets: Vec<LatencyBucket> = Vec::new();
    let mut number = 0;
    for one in times.iter_recorded() {
        let (value, count) = (one.value_iterated_to(), one.count_at_value());
        while edge(number + 1) <= value {
            number += 1;
            if !buckets.is_empty() {
                buckets.push(bucket(number));
            }
        }
        if buckets.is_empty() {
            buckets.push(bucket(number));
        }
        if let Some(last) = buckets.last_mut() {
            last.count += count;
        }
    }
    buckets
}

fn bucket(number: usize) -> LatencyBucket {
    LatencyBucket {
        from_ns: edge(number),
        to_ns: edge(number + 1),
        count: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::WakeupMode;

    fn received(latencies: &[(u64, u64)], counted: u64, elapsed_ns: u64) -> Received {
        Received {
            counted,
            elapsed_ns,
            latencies: latencies.to_vec(),
            ..Received::default()
        }
    }

    fn plan() -> Plan {
        Plan {
            size: 100,
            capacity: 1 << 20,
            consumers: 2,
            mode: WakeupMode::Pull,
            time_ns: 1_000_000_000,
            cpus: Some(vec![3, 5]),
            shares_cpus: false,
        }
    }

    #[test]
    fn figures_are_those_of_the_slowest_and_latencies_those_of_all() {
        let sent = Sent {
            counted: 1000,
            late: 7,
            latest_ns: 900,
            unsent: 1,
            ..Sent::default()
        };
        let consumers = [
            received(&[(200, 999), (5000, 1)], 1000, 500_000_000),
            received(&[(400, 1000)], 1000, 1_000_000_000),
        ];
        let phase = phase(&plan(), Load::PerSecond(2000), &sent, &consumers, None);
        assert_eq!(
            (phase.messages, phase.messages_per_second),
            (1000, Some(1000.0))
        );
        assert_eq!(phase.bytes_per_second, Some(100_000.0));
        assert_eq!(phase.consumers[0].messages_per_second, Some(2000.0));
        let latency = phase.latency.expect("some were timed");
        assert_eq!(
            (latency.count, latency.min_ns, latency.p50_ns),
            (2000, 200, 400)
        );
        assert!((5000..5010).contains(&latency.max_ns), "{latency:?}");
        let first = phase.consumers[0].latency.expect("some were timed");
        assert_eq!((first.count, first.p50_ns, first.p99_ns), (1000, 200, 200));
        let cpus: Vec<_> = phase.consumers.iter().map(|one| one.pinned_cpu).collect();
        assert_eq!(
            (phase.producer.pinned_cpu, cpus),
            (Some(3), vec![Some(5), Some(3)])
        );
        assert_eq!(
            (phase.producer.late_messages, phase.producer.unsent_messages),
            (Some(7), Some(1))
        );
    }

    #[test]
    fn what_was_not_measured_is_unknown() {
        let phase = phase(
            &plan(),
            Load::Most,
            &Sent::default(),
            &[received(&[], 0, 0)],
            None,
        );
        assert_eq!(
            (
                phase.messages,
                phase.messages_per_second,
                phase.bytes_per_second
            ),
            (0, None, None)
        );
        assert_eq!((phase.latency, phase.histogram.len()), (None, 0));
        assert_eq!(
            (phase.producer.late_messages, phase.producer.unsent_messages),
            (None, None)
        );
    }

    #[test]
    fn faults_on_either_way_of_a_ping_pong_are_told() {
        let lost = |lost_messages| Delivery {
            lost_messages,
            ..Delivery::default()
        };
        let there = Received {
            delivery: lost(1),
            ..received(&[], 5, 100)
        };
        let back = Received {
            delivery: lost(2),
            ..received(&[(700, 5)], 5, 100)
        };
        let phase = phase(
            &plan(),
            Load::PingPong,
            &Sent::default(),
            &[back],
            Some(&there),
        );
        assert_eq!(phase.delivery, lost(3));
        assert_eq!(
            (phase.consumers.len(), phase.consumers[0].latency),
            (1, None)
        );
        assert_eq!(phase.latency.map(|latency| latency.count), Some(5));
    }

    #[test]
    fn buckets_are_ten_a_decade_and_have_everything() {
        let edges: Vec<u64> = (0..13).map(edge).collect();
        assert_eq!(edges, [0, 10, 12, 16, 20, 25, 32, 40, 50, 64, 80, 100, 125]);
        assert!(edge(80) < edge(81) && edge(10_000) == u64::MAX);
        let mut times = histogram();
        for (value, count) in [(3, 1), (100, 4), (124, 2), (249, 1)] {
            times.saturating_record_n(value, count);
        }
        let found = buckets(&times);
        assert_eq!(found.iter().map(|one| one.count).sum::<u64>(), 8);
        assert_eq!(
            found.first(),
            Some(&LatencyBucket {
                from_ns: 0,
                to_ns: 10,
                count: 1
            })
        );
        assert_eq!(
            found.last(),
            Some(&LatencyBucket {
                from_ns: 200,
                to_ns: 250,
                count: 1
            })
        );
        assert!(
            found
                .windows(2)
                .all(|pair| pair[0].to_ns == pair[1].from_ns),
            "{found:?}"
        );
        let hundred = found
            .iter()
            .find(|one| one.from_ns == 100)
            .expect("there is one");
        assert_eq!((hundred.to_ns, hundred.count), (125, 6));
    }
}
