//! What each process of the demo does with the ring. Each role shows one thing a user of zbqtop will want to see.

use std::io::{self, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use super::payload::Payloads;
use crate::ring::{Consumer, Error, Producer, ProducerParams, WakeupMode};
use crate::shutdown::StopSignal;

const PARAMS: ProducerParams = ProducerParams {
    ring_capacity: 2 << 20,
    clog_threshold: 16,
    stall_timeout: Duration::from_secs(2),
    max_consumers: 16,
};
/// The producer's rate, messages a second, swells from the first to the second and back.
const RATE: (f64, f64) = (300.0, 6_000.0);
/// Time from one crest of the rate to the next.
const PERIOD: Duration = Duration::from_secs(24);
/// What the slow consumer can read, bytes a second: less than the crest brings, more than the mean.
const SLOW: f64 = 430_000.0;
/// The flaky consumer works this long between two hangs.
const WORKS_FOR: Duration = Duration::from_secs(18);
/// How long a joining consumer may keep the producer waiting, and the other way round.
const HANDSHAKE: Duration = Duration::from_millis(500);
/// How long a wait lasts at most, so that everything is looked at now and then.
const TICK: Duration = Duration::from_millis(5);

/// The processes of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DemoRole {
    /// Writes, at a rate that swells and ebbs.
    Producer,
    /// Push, keeps up.
    Fast,
    /// Pull, keeps up.
    Poller,
    /// Push, falls behind when the rate swells.
    Slow,
    /// Pull, hangs now and then, is evicted, and joins again.
    Flaky,
}

/// Plays `role` until the ring or the parent ends.
///
/// # Errors
/// When the ring cannot be made or joined.
pub fn play(role: DemoRole, socket: &Path, parent: i32) -> anyhow::Result<()> {
    let signal = if role == DemoRole::Producer {
        Signal::TERM
    } else {
        Signal::KILL
    };
    set_parent_process_death_signal(Some(signal))?;
    // It may have died before the line above.
    if getppid() != Pid::from_raw(parent) {
        return Ok(());
    }
    // What ps, and so zbqtop, will call it.
    rustix::thread::set_name(match role {
        DemoRole::Producer => c"demo-quotes",
        DemoRole::Fast => c"demo-risk",
        DemoRole::Poller => c"demo-poller",
        DemoRole::Slow => c"demo-archive",
        DemoRole::Flaky => c"demo-flaky",
    })?;
    match role {
        DemoRole::Producer => produce(socket),
        DemoRole::Fast => consume(socket, WakeupMode::Push, Pace::default()),
        DemoRole::Poller => consume(socket, WakeupMode::Pull, Pace::default()),
        DemoRole::Slow => consume(
            socket,
            WakeupMode::Push,
            Pace {
                bytes_per_second: Some(SLOW),
                ..Pace::default()
            },
        ),
        DemoRole::Flaky => consume(
            socket,
            WakeupMode::Pull,
            Pace {
                hangs_after: Some(WORKS_FOR),
                ..Pace::default()
            },
        ),
    }
}

fn produce(socket: &Path) -> anyhow::Result<()> {
    let ending = StopSignal::watch_unhurried()?;
    let mut producer = Producer::create(PARAMS)?;
    let listener = UnixListener::bind(socket)?;
    listener.set_nonblocking(true)?;
    let mut out = io::stdout();
    out.write_all(b"ready\n")?;
    out.flush()?;
    let mut payloads = Payloads::new();
    let mut waiting: Option<Vec<u8>> = None;
    let started = Instant::now();
    let (mut last, mut owed) = (started, 0.0);
    while !ending.asked() {
        if let Ok((conn, _)) = listener.accept() {
            // A consumer that does not keep to the protocol is its own problem: the ring goes on.
            let _ = producer.handshake_with(
                &conn,
                |requested| requested.unwrap_or(WakeupMode::Pull),
                HANDSHAKE,
            );
        }
        let now = Instant::now();
        owed += rate(now - started) * (now - last).as_secs_f64();
        last = now;
        while owed >= 1.0 {
            let payload = waiting.take().unwrap_or_else(|| payloads.next().to_vec());
            match producer.send(&payload) {
                Ok(_) => owed -= 1.0,
                Err(Error::Full { .. }) => {
                    waiting = Some(payload);
                    // A real source does not save up what it could not say.
                    owed = 1.0;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        std::thread::sleep(TICK);
    }
    // When the parent has died there is nobody else to clean up.
    let _ = std::fs::remove_file(socket);
    if let Some(directory) = socket.parent() {
        let _ = std::fs::remove_dir(directory);
    }
    Ok(())
}

/// Messages a second at a time since the start.
fn rate(at: Duration) -> f64 {
    let turn = at.as_secs_f64() / PERIOD.as_secs_f64() * std::f64::consts::TAU;
    RATE.0 + (RATE.1 - RATE.0) * (1.0 - turn.cos()) / 2.0
}

/// How a consumer behaves.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// Reads no more than this.
    bytes_per_second: Option<f64>,
    /// Stops reading after this long, until it is evicted.
    hangs_after: Option<Duration>,
}

fn consume(socket: &Path, mode: WakeupMode, pace: Pace) -> anyhow::Result<()> {
    loop {
        let mut consumer = Consumer::connect(socket, mode, 10 * HANDSHAKE)?;
        if follow(&mut consumer, mode, pace)? {
            // Hung: it holds the ring up until the producer has had enough of it, and reads stale bytes from then on.
            while !consumer.is_evicted() && consumer.is_producer_alive() {
                std::thread::sleep(TICK);
            }
            std::thread::sleep(Duration::from_secs(3));
        }
        if !consumer.is_producer_alive() {
            return Ok(());
        }
    }
}

/// Reads until the producer is gone or has evicted us; true when it is time to hang.
fn follow(consumer: &mut Consumer, mode: WakeupMode, pace: Pace) -> anyhow::Result<bool> {
    let started = Instant::now();
    let mut allowance = 0.0;
    let mut last = started;
    while consumer.is_producer_alive() && !consumer.is_evicted() {
        if pace
            .hangs_after
            .is_some_and(|after| started.elapsed() >= after)
        {
            return Ok(true);
        }
        let token = consumer.futex_token();
        let now = Instant::now();
        if let Some(limit) = pace.bytes_per_second {
            allowance = (allowance + limit * (now - last).as_secs_f64()).min(limit / 10.0);
            last = now;
        }
        while pace.bytes_per_second.is_none() || allowance > 0.0 {
            let Some(message) = consumer.peek()? else {
                break;
            };
            allowance -= message.total_len as f64;
            let end = message.end();
            consumer.publish(end);
        }
        match mode {
            WakeupMode::Push if pace.bytes_per_second.is_none() => {
                consumer.wait_broadcast(token, 20 * TICK)?;
            }
            _ => std::thread::sleep(TICK),
        }
    }
    Ok(false)
}
