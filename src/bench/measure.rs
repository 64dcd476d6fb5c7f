//! One measurement: its processes are started, begin together, and their reports become figures.

use anyhow::Context as _;

use super::figures;
use super::plan::{Load, Plan};
use super::processes::Processes;
use super::roles::BenchRole;
use super::words::{ChildReport, Order, Word};
use crate::observe::model::BenchPhase;
use crate::ring::clock::monotonic_ns;

/// Between the order to start and the start: all have heard it by then.
const AHEAD_NS: u64 = 20_000_000;

/// Measures a ring, or two, under `load`. `meanwhile` is called about four times a second; its errors end the measurement.
///
/// # Errors
/// Those of `meanwhile`; a process cannot be started, fails or ends.
pub fn measure(
    plan: &Plan,
    load: Load,
    meanwhile: &mut dyn FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<BenchPhase> {
    // An abstract name leaves nothing behind; with the time it is nobody else's.
    let address = format!("@zbqtop-bench-{}-{}", std::process::id(), monotonic_ns());
    let mut processes = Processes::new();
    let (first, name) = match load {
        Load::PingPong => (BenchRole::Ping, "ping process"),
        Load::Most | Load::PerSecond(_) => (BenchRole::Producer, "producer"),
    };
    let sender = processes.start(first, name.to_owned(), &address)?;
    processes.order(sender, Order::Task(plan.task(load, sender)))?;
    processes.expect(sender, &Word::Listening, meanwhile)?;
    match load {
        Load::PingPong => {
            processes.start(BenchRole::Pong, "pong process".to_owned(), &address)?;
        }
        Load::Most | Load::PerSecond(_) => {
            for number in 1..=plan.consumers {
                processes.start(BenchRole::Consumer, format!("consumer {number}"), &address)?;
            }
        }
    }
    let receivers = match load {
        Load::PingPong => 1,
        Load::Most | Load::PerSecond(_) => plan.consumers as usize,
    };
    for number in 1..=receivers {
        processes.order(number, Order::Task(plan.task(load, number)))?;
    }
    for _ in 0..=receivers {
        match processes.next(meanwhile)? {
            (_, Word::Ready) => {}
            (number, word) => return processes.unexpected(number, &word),
        }
    }
    let start = Order::Start(monotonic_ns().saturating_add(AHEAD_NS));
    for number in 0..=receivers {
        processes.order(number, start)?;
    }
    let first = report(&mut processes, meanwhile)?;
    let (sent, answers) = match first {
        (
            number,
            ChildReport {
                sent: Some(sent),
                received,
            },
        ) if number == sender => (sent, received),
        (number, report) => return processes.unexpected(number, &Word::Done(report)),
    };
    for number in 1..=receivers {
        processes.order(number, Order::Sent(sent.total))?;
    }
    let mut received = vec![None; receivers];
    while received.contains(&None) {
        let (number, report) = report(&mut processes, meanwhile)?;
        match number
            .checked_sub(1)
            .and_then(|place| received.get_mut(place))
        {
            Some(place @ None) if report.received.is_some() => *place = report.received,
            _ => return processes.unexpected(number, &Word::Done(report)),
        }
    }
    let received: Vec<_> = received.into_iter().flatten().collect();
    if load != Load::PingPong {
        return Ok(figures::phase(plan, load, &sent, &received, None));
    }
    let answers = answers.context("the bench's ping process did not report what it received")?;
    Ok(figures::phase(
        plan,
        load,
        &sent,
        &[answers],
        received.first(),
    ))
}

fn report(
    processes: &mut Processes,
    meanwhile: &mut dyn FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<(usize, ChildReport)> {
    match processes.next(meanwhile)? {
        (number, Word::Done(report)) => Ok((number, report)),
        (number, word) => processes.unexpected(number, &word),
    }
}
