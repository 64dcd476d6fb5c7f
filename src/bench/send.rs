//! The sending end of a measurement: as much as the ring takes, or by a schedule.
//!
//! The schedule waits for nobody, and the producer catches up with it as fast as it can. It sleeps where the next message is
//! far off, and looks at the clock all the time before it is due; where processes share CPUs, it lets the others run meanwhile.

use std::time::Duration;

use crate::ring::clock::monotonic_ns;
use crate::ring::{Error, Producer, ProducerParams, Rendezvous};

use super::contents::Contents;
use super::plan::{Task, Window};
use super::schedule::Schedule;
use super::words::Sent;

/// For how long a process that has to come is waited for.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(20);

/// A message that is due later than this is waited for asleep, ...
const SLEEPS_ABOVE_NS: u64 = 200_000;
/// ... until so long before: a sleeper wakes up late.
const WAKES_BEFORE_NS: u64 = 100_000;

/// Messages between two looks at the clock where none is needed for each.
const BETWEEN_LOOKS: u64 = 64;

/// Makes a ring in which nobody is evicted: a consumer that hangs is the parent's to notice.
///
/// # Errors
/// Those of [`Producer::create`].
pub(super) fn ring(task: &Task) -> Result<Producer, Error> {
    Producer::create(ProducerParams {
        ring_capacity: task.capacity,
        clog_threshold: u64::MAX,
        stall_timeout: Duration::from_secs(3600),
        max_consumers: task.consumers,
    })
}

/// Lets in every consumer that the task has.
///
/// # Errors
/// One of them does not come, or not properly.
pub(super) fn admit(
    task: &Task,
    producer: &mut Producer,
    rendezvous: &Rendezvous,
) -> anyhow::Result<()> {
    for number in 1..=task.consumers {
        while rendezvous.admit(producer)?.is_none() {
            if !rendezvous.wait(HANDSHAKE)? {
                anyhow::bail!(
                    "consumer {number} of {} has not come within {HANDSHAKE:?}",
                    task.consumers
                );
            }
        }
    }
    Ok(())
}

/// The sending end.
pub(super) struct Sender<'a> {
    task: &'a Task,
    producer: Producer,
    contents: Contents,
    window: Window,
    sent: Sent,
}

impl<'a> Sender<'a> {
    /// One that sends into the ring of `producer`.
    pub(super) fn new(task: &'a Task, producer: Producer, window: Window) -> Self {
        Self {
            task,
            producer,
            contents: Contents::new(task.size),
            window,
            sent: Sent::default(),
        }
    }

    /// Sends message `number`, as soon as there is room; false if there is none before it is given up. `counts`: it is no warm-up.
    ///
    /// # Errors
    /// Those of [`Producer::send`], but for a full ring.
    #[inline]
    pub(super) fn send(&mut self, number: u64, counts: bool) -> Result<bool, Error> {
        let is_sent = match self.producer.send(self.contents.of(number)) {
            Ok(_) => true,
            Err(Error::Full { .. }) => self.send_when_there_is_room(number, counts)?,
            Err(error) => return Err(error),
        };
        if is_sent {
            self.sent.total += 1;
            self.sent.counted += u64::from(counts);
        }
        Ok(is_sent)
    }

    #[cold]
    fn send_when_there_is_room(&mut self, number: u64, counts: bool) -> Result<bool, Error> {
        let begun = monotonic_ns();
        let (mut now, mut is_sent) = (begun, false);
        while !is_sent && now < self.window.given_up_ns {
            self.task.pause();
            is_sent = match self.producer.send(self.contents.of(number)) {
                Ok(_) => true,
                Err(Error::Full { .. }) => false,
                Err(error) => return Err(error),
            };
            now = monotonic_ns();
        }
        if counts {
            self.sent.blocked += 1;
            self.sent.blocked_ns += now - begun;
        }
        Ok(is_sent)
    }

    /// Sends as much as the ring takes until the time is over.
    ///
    /// # Errors
    /// Those of [`Self::send`].
    pub(super) fn send_most(mut self) -> Result<(Sent, Producer), Error> {
        wait_until(self.window.start_ns, self.task);
        let mut number = 0;
        loop {
            let now = monotonic_ns();
            if now >= self.window.end_ns {
                return Ok(self.done());
            }
            let counts = now >= self.window.counted_from_ns;
            for _ in 0..BETWEEN_LOOKS {
                if !self.send(number, counts)? {
                    return Ok(self.done());
                }
                number += 1;
            }
        }
    }

    /// Sends each message that is due before the end when it is due, or as soon after that as it can.
    ///
    /// # Errors
    /// Those of [`Self::send`].
    pub(super) fn send_by(mut self, schedule: Schedule) -> Result<(Sent, Producer), Error> {
        let counted = schedule.counted(self.window);
        let mut due = schedule.due(0);
        for number in 0..counted.end {
            let next_due = schedule.due(number + 1);
            let now = wait_until(due, self.task);
            let counts = number >= counted.start;
            if now >= self.window.given_up_ns || !self.send(number, counts)? {
                break;
            }
            if counts {
                self.sent.late += u64::from(now >= next_due);
                self.sent.latest_ns = self.sent.latest_ns.max(now - due);
            }
            due = next_due;
        }
        self.sent.unsent = (counted.end - counted.start) - self.sent.counted;
        Ok(self.done())
    }

    /// What was sent, and the ring, which ends with its producer.
    pub(super) fn done(self) -> (Sent, Producer) {
        (self.sent, self.producer)
    }
}

/// Waits until `due`; tells what time it is then.
#[inline]
pub(super) fn wait_until(due: u64, task: &Task) -> u64 {
    loop {
        let now = monotonic_ns();
        if now >= due {
            return now;
        }
        if due - now > SLEEPS_ABOVE_NS {
            std::thread::sleep(Duration::from_nanos(due - now - WAKES_BEFORE_NS));
        } else {
            task.pause();
        }
    }
}
