//! What each process of a benchmark does, from its task to its report.

use clap::ValueEnum;
use hdrhistogram::Histogram;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use anyhow::Context as _;

use crate::ring::clock::monotonic_ns;
use crate::ring::{Consumer, Rendezvous};

use super::figures::histogram;
use super::pinning::bind;
use super::plan::{Load, Task, Window};
use super::receive::{Receiver, timed};
use super::schedule::Schedule;
use super::send::{HANDSHAKE, Sender, admit, ring, wait_until};
use super::words::{ChildReport, Orders, Received, Sent, Word, say};

/// The processes of a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchRole {
    /// Sends.
    Producer,
    /// Receives.
    Consumer,
    /// Sends, and waits for the answer before it sends again.
    Ping,
    /// Answers.
    Pong,
}

/// How long an answer is waited for behind the end before it counts as lost, ns.
const ANSWER_WITHIN_NS: u64 = 5_000_000_000;
/// Looks for an answer between two at the clock.
const BETWEEN_LOOKS: u32 = 1024;

/// Plays `role` on the ring at `address`, as the parent orders it on standard input.
///
/// # Errors
/// The ring cannot be made, joined or used; the parent has no task.
pub fn play(role: BenchRole, address: &str, parent: i32) -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before the line above.
    if getppid() != Pid::from_raw(parent) {
        return Ok(());
    }
    // What ps, and so zbqtop, will call it.
    rustix::thread::set_name(match role {
        BenchRole::Producer => c"bench-producer",
        BenchRole::Consumer => c"bench-consumer",
        BenchRole::Ping => c"bench-ping",
        BenchRole::Pong => c"bench-pong",
    })?;
    let mut orders = Orders::listen();
    let task = orders.task()?;
    if let Some(cpu) = task.cpu {
        bind(cpu).with_context(|| format!("binding to cpu {cpu}"))?;
    }
    match role {
        BenchRole::Producer => produce(&task, address, orders),
        BenchRole::Consumer => consume(&task, address, orders),
        BenchRole::Ping => ping(&task, address, orders),
        BenchRole::Pong => pong(&task, address, orders),
    }
}

fn produce(task: &Task, address: &str, mut orders: Orders) -> anyhow::Result<()> {
    let mut producer = ring(task)?;
    let rendezvous = Rendezvous::bind(address)?;
    say(&Word::Listening)?;
    admit(task, &mut producer, &rendezvous)?;
    drop(rendezvous);
    say(&Word::Ready)?;
    let window = task.window(orders.start()?);
    let sender = Sender::new(task, producer, window);
    let (sent, ring) = match task.load {
        Load::PerSecond(rate) => sender.send_by(Schedule::new(window.start_ns, rate))?,
        Load::Most | Load::PingPong => sender.send_most()?,
    };
    say(&Word::Done(ChildReport {
        sent: Some(sent),
        received: None,
    }))?;
    orders.rest();
    drop(ring);
    Ok(())
}

fn consume(task: &Task, address: &str, mut orders: Orders) -> anyhow::Result<()> {
    let consumer = Consumer::connect(address, task.mode, HANDSHAKE)?;
    say(&Word::Ready)?;
    let window = task.window(orders.start()?);
    let total = orders.total()?;
    let receiver = Receiver::new(task, consumer);
    let received = match task.load {
        Load::PerSecond(rate) => {
            receiver.receive_by(Schedule::new(window.start_ns, rate), window, &total)?
        }
        Load::Most | Load::PingPong => receiver.receive_most(window, &total)?,
    };
    say(&Word::Done(ChildReport {
        sent: None,
        received: Some(received),
    }))
}

/// The ring on which answers come back.
fn back(address: &str) -> String {
    format!("{address}-back")
}

fn ping(task: &Task, address: &str, mut orders: Orders) -> anyhow::Result<()> {
    let mut producer = ring(task)?;
    let rendezvous = Rendezvous::bind(address)?;
    say(&Word::Listening)?;
    admit(task, &mut producer, &rendezvous)?;
    drop(rendezvous);
    let consumer = Consumer::connect(back(address), task.mode, HANDSHAKE)?;
    say(&Word::Ready)?;
    let window = task.window(orders.start()?);
    let mut sender = Sender::new(task, producer, window);
    let mut receiver = Receiver::new(task, consumer);
    let mut times = histogram();
    let rounds = play_rounds(task, window, &mut sender, &mut receiver, &mut times)?;
    let (sent, ring) = sender.done();
    let elapsed = monotonic_ns().saturating_sub(window.counted_from_ns);
    let received = timed(&times, elapsed, receiver.close(rounds));
    say(&Word::Done(ChildReport {
        sent: Some(sent),
        received: Some(received),
    }))?;
    orders.rest();
    drop(ring);
    Ok(())
}

/// Plays until the time is over, or an answer does not come; tells how many messages were sent.
fn play_rounds(
    task: &Task,
    window: Window,
    sender: &mut Sender<'_>,
    receiver: &mut Receiver<'_>,
    times: &mut Histogram<u64>,
) -> anyhow::Result<u64> {
    wait_until(window.start_ns, task);
    let mut round = 0;
    loop {
        let begun = monotonic_ns();
        let counts = begun >= window.counted_from_ns;
        if begun >= window.end_ns || !sender.send(round, counts)? {
            return Ok(round);
        }
        round += 1;
        let (mut in_hand, mut looks) = (begun, 0);
        while receiver.take_or_wait(|_| in_hand = monotonic_ns())? == 0 {
            looks += 1;
            if looks % BETWEEN_LOOKS == 0
                && monotonic_ns() > window.end_ns.saturating_add(ANSWER_WITHIN_NS)
            {
                return Ok(round);
            }
        }
        if counts {
            times.saturating_record(in_hand - begun);
        }
    }
}

fn pong(task: &Task, address: &str, mut orders: Orders) -> anyhow::Result<()> {
    let mut producer = ring(task)?;
    let rendezvous = Rendezvous::bind(back(address))?;
    let consumer = Consumer::connect(address, task.mode, HANDSHAKE)?;
    admit(task, &mut producer, &rendezvous)?;
    drop(rendezvous);
    say(&Word::Ready)?;
    let window = task.window(orders.start()?);
    let total = orders.total()?;
    // It answers for as long as it is asked.
    let mut sender = Sender::new(
        task,
        producer,
        Window {
            given_up_ns: u64::MAX,
            ..window
        },
    );
    let mut receiver = Receiver::new(task, consumer);
    let mut last = window.counted_from_ns;
    loop {
        // Asked before the look: then what is not there will never be.
        let all = total.get();
        let mut asked = None;
        let taken = receiver.take_or_wait(|number| asked = Some(number))?;
        if let Some(number) = asked {
            let now = monotonic_ns();
            last = last.max(now);
            sender.send(number, now >= window.counted_from_ns)?;
        }
        if let (0, Some(all)) = (taken, all) {
            let (Sent { counted, .. }, _ring) = sender.done();
            let received = Received {
                counted,
                elapsed_ns: last - window.counted_from_ns,
                delivery: receiver.close(all),
                ..Received::default()
            };
            return say(&Word::Done(ChildReport {
                sent: None,
                received: Some(received),
            }));
        }
    }
}
