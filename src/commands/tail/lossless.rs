//! `tail --lossless`: a true consumer, which holds ring space until what it read is written out, and gives it back
//! when it goes.
//!
//! A batch is copied first; then, if the producer has not evicted us, every byte of it was ours while it was copied:
//! only then is it written out, and only then published. Where all is wanted raw, by a file that takes it at once, no
//! copy is made: the kernel takes it from the ring, and what it took while we were evicted is called torn. However the
//! program ends, short of SIGKILL, by a panic too, the consumer is parked, so that it holds nothing up.

use std::io;
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::sink::{Sink, describe};
use crate::cli;
use crate::observe::attach::{connect, has_given_up, leads_to_another};
use crate::observe::model::{Gap, GapReason, Integrity};
use crate::observe::procfs::{Descriptor, FileId, Process};
use crate::ring::{Consumer, Control, RawMessage, WakeupMode};
use crate::stderr::warn;
use crate::stdout::Output;

/// Shortest and longest wait for something new in a pull slot: the wait doubles while nothing comes.
const WAIT: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(10));
/// Longest wait in a push slot: nobody wakes a consumer whose producer dies, or who is told to end.
const WAKE: Duration = Duration::from_millis(100);
/// A process that has closed its descriptors in order to end has ended by then.
const ENDS_IN: Duration = Duration::from_millis(250);

/// With `-F`, the ring that takes the place of one that is over is looked for this often, ...
const SEEKS_EVERY: Duration = Duration::from_millis(100);
/// ... and tried by joining, where it cannot be seen, only this often.
const TRIES_EVERY: Duration = Duration::from_secs(5);

/// Why a session ended.
enum Outcome {
    /// All that was wanted is written, nothing has come for long enough, or the end was asked for.
    Over,
    /// The producer has ended, and all that it committed is written out.
    ProducerGone,
    /// The producer has given the ring up, and lives on; all that it committed is written out.
    GivenUp,
    /// The producer evicted us; what lies from this offset on was not read.
    Evicted(u64),
}

/// A ring that was read, and up to where.
struct Left {
    ctrl: FileId,
    /// What lies from here on was not read, ...
    from: u64,
    /// ... up to here, if it was the ring's end.
    head: u64,
}

/// Joins the ring behind `address` and writes every message from then on to `output`; joins again when evicted, and with
/// `-F` goes on with the ring that takes its place.
///
/// # Errors
/// When the ring cannot be joined, or those of `output`.
pub fn lossless(address: &str, options: &cli::TailArgs, output: impl Output) -> anyhow::Result<()> {
    let sink = Sink::new(options, 0, output)?;
    let mut reader = LosslessReader {
        batch: Batch::of(sink.takes_ring_memory()),
        sink,
        shows_fds: options.fds,
        idle_timeout: options.idle_timeout,
    };
    let mut left: Option<Left> = None;
    let outcome = loop {
        let mut held = HeldConsumer::new(connect(address, options.target.timeout)?);
        let Some(consumer) = held.0.as_mut() else {
            break Outcome::Over;
        };
        let ctrl = file_of(consumer);
        warn(&format!(
            "joined in slot {} ({}): this reader holds ring space until each message is written out",
            consumer.slot(),
            consumer.mode()
        ));
        match left.take() {
            Some(Left {
                ctrl: before,
                from,
                head,
            }) if before != ctrl => {
                if from < head {
                    reader.skip(from, head, GapReason::Evicted)?;
                }
                if !options.follow_name {
                    break Outcome::GivenUp;
                }
                let control = consumer.control();
                let id = format!("{}/join", control.producer_pid);
                let description = description(&control);
                let capacity = control.ring_capacity;
                reader.sink.begin_ring(&id, &description, capacity)?;
                if consumer.tail() > 0 {
                    reader.skip(0, consumer.tail(), GapReason::BeforeJoin)?;
                }
                reader.sink.flush()?;
            }
            Some(Left { from, .. }) => {
                reader.skip(from, consumer.tail(), GapReason::Evicted)?;
                reader.sink.flush()?;
            }
            None => {
                let control = consumer.control();
                let id = format!("{}/join", control.producer_pid);
                reader.sink.open_ring(&id, &description(&control));
                reader.sink.flush()?;
            }
        }
        let outcome = reader.session(consumer)?;
        let (mut from, head) = (consumer.tail(), consumer.acquire_head());
        if reader.sink.is_done() {
            break outcome;
        }
        match (&outcome, outcome.end()) {
            (Outcome::Evicted(lost), _) => {
                warn("evicted by the producer for lack of progress; joining again");
                from = *lost;
            }
            (_, Some(end)) if options.follow_name => {
                warn(&format!("{end}; waiting for the ring that takes its place"));
                drop(held);
                if !reader.wait_for_another(address, ctrl)? {
                    break Outcome::Over;
                }
            }
            _ => break outcome,
        }
        left = Some(Left { ctrl, from, head });
    };
    if let Some(end) = outcome.end() {
        warn(end);
    }
    reader.sink.finish()?;
    Ok(())
}

impl Outcome {
    /// How the ring has ended, if it has.
    fn end(&self) -> Option<&'static str> {
        match self {
            Self::ProducerGone => Some("the producer has ended"),
            Self::GivenUp => Some("the producer has closed this ring but is still running"),
            Self::Over | Self::Evicted(_) => None,
        }
    }
}

/// A ring, for people.
fn description(control: &Control) -> String {
    let producer = Process::open(control.producer_pid).ok();
    let command = producer.and_then(|producer| producer.identity().command);
    describe(command.as_deref(), &[], Some(control.ring_capacity))
}

fn file_of(consumer: &Consumer) -> FileId {
    let (dev, ino) = consumer.ctrl_file();
    FileId { dev, ino }
}

/// Whether the producer is known to have given the ring up.
fn is_given_up(consumer: &Consumer) -> bool {
    let producer = Process::open(consumer.control().producer_pid);
    producer.is_ok_and(|producer| has_given_up(&producer, file_of(consumer)).unwrap_or(false))
}

/// Whether the producer is still there a while after it closed its end of the side socket: a process that ends closes
/// its descriptors first, and is gone a moment later.
fn outlives(consumer: &Consumer) -> bool {
    let deadline = Instant::now() + ENDS_IN;
    while Instant::now() < deadline {
        if !consumer.is_producer_alive() {
            return false;
        }
        std::thread::sleep(WAIT.0);
    }
    true
}

/// A consumer that is parked when it is let go, by whatever way.
struct HeldConsumer(Option<Consumer>);

impl HeldConsumer {
    fn new(consumer: Consumer) -> Self {
        Self(Some(consumer))
    }
}

impl Drop for HeldConsumer {
    fn drop(&mut self) {
        if let Some(consumer) = self.0.take() {
            consumer.park();
        }
    }
}

struct LosslessReader<O> {
    sink: Sink<O>,
    shows_fds: bool,
    idle_timeout: Option<Duration>,
    batch: Batch,
}

impl<O: Output> LosslessReader<O> {
    fn session(&mut self, consumer: &mut Consumer) -> anyhow::Result<Outcome> {
        let mut wait = WAIT.0;
        let mut published = consumer.tail();
        let mut moved = Instant::now();
        let mut given_up = false;
        while !self.sink.is_done() && published < self.sink.until() {
            // Before the look: a commit in between changes it, and the wait returns at once.
            let token = consumer.futex_token();
            // And this, too: what is committed before the producer ends is seen by the look that follows.
            let alive = consumer.is_producer_alive();
            let head = self.sink.look(|| consumer.acquire_head());
            self.batch.fill(consumer, head)?;
            let evicted = consumer.is_evicted();
            if evicted && alive && !given_up && outlives(consumer) {
                given_up = is_given_up(consumer);
                if !given_up {
                    return Ok(Outcome::Evicted(published));
                }
            }
            if self.batch.messages.is_empty() && self.batch.broken.is_none() {
                if given_up {
                    return Ok(Outcome::GivenUp);
                }
                if !alive {
                    return Ok(Outcome::ProducerGone);
                }
                if self
                    .idle_timeout
                    .is_some_and(|timeout| moved.elapsed() >= timeout)
                {
                    return Ok(Outcome::Over);
                }
                match consumer.mode() {
                    WakeupMode::Push => {
                        consumer.wait_broadcast(token, WAKE)?;
                        self.sink.sleep(Duration::ZERO)?;
                    }
                    WakeupMode::Pull => {
                        self.sink.sleep(wait)?;
                        wait = (wait * 2).min(WAIT.1);
                    }
                }
                continue;
            }
            wait = WAIT.0;
            moved = Instant::now();
            // A producer that has ended or given up wrote nothing more, but whether it had evicted us before is not known.
            let integrity = if evicted {
                Integrity::Likely
            } else {
                Integrity::Intact
            };
            if self.batch.stays {
                self.write_in_place(consumer)?;
            } else {
                self.write_copies(integrity)?;
            }
            if let Some(why) = self.batch.broken.take() {
                let (from, head) = (consumer.tail(), consumer.acquire_head());
                self.skip(from, head, why)?;
                consumer.advance(head);
            }
            self.sink.flush()?;
            // What nobody took is not published.
            if self.sink.is_done() {
                break;
            }
            published = consumer.tail();
            consumer.publish(published);
        }
        Ok(Outcome::Over)
    }

    /// Waits until joining leads to another ring than `ctrl`; false when that is no longer wanted.
    fn wait_for_another(&mut self, address: &str, ctrl: FileId) -> io::Result<bool> {
        let since = Instant::now();
        while !self.sink.is_asked_to_end() {
            match leads_to_another(address, ctrl) {
                Some(true) => return Ok(true),
                // What cannot be seen is tried, but seldom: each try is a connection to the producer.
                None if since.elapsed() >= TRIES_EVERY => return Ok(true),
                _ => {}
            }
            if self
                .idle_timeout
                .is_some_and(|timeout| since.elapsed() >= timeout)
            {
                return Ok(false);
            }
            self.sink.sleep(SEEKS_EVERY)?;
        }
        Ok(false)
    }

    fn write_copies(&mut self, integrity: Integrity) -> io::Result<()> {
        for (offset, header, payload, fds) in self.batch.copies() {
            let raw = RawMessage {
                offset,
                header,
                payload,
            };
            if !self.sink.admit(&raw, integrity) {
                continue;
            }
            let described: Option<Vec<Descriptor>> = self
                .shows_fds
                .then(|| fds.iter().map(Descriptor::of).collect());
            self.sink.write(&raw, integrity, described.as_deref())?;
        }
        Ok(())
    }

    fn write_in_place(&mut self, consumer: &Consumer) -> anyhow::Result<()> {
        let (messages, places) = (self.batch.messages.len(), self.batch.places());
        let bytes = self.sink.write_held(consumer, places)?;
        let torn = consumer.is_evicted() && outlives(consumer) && !is_given_up(consumer);
        self.sink.passed(messages as u64, bytes, torn);
        if torn {
            warn(&format!(
                "evicted while messages were written out: the producer may have overwritten the last {messages} of them"
            ));
        }
        Ok(())
    }

    fn skip(&mut self, from: u64, to: u64, why: GapReason) -> io::Result<()> {
        let torn = 0;
        self.sink.gap(&Gap {
            from,
            to,
            why,
            torn,
        })
    }
}
