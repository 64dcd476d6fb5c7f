//! The receiving end of a measurement: every message is copied out, timed, checked and released.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::observe::model::Delivery;
use crate::ring::clock::monotonic_ns;
use crate::ring::{Consumer, Error, FLAG_FILLER, WakeupMode};

use super::contents::{Arrivals, Contents};
use super::figures::histogram;
use super::plan::{Task, Window};
use super::schedule::Schedule;
use super::words::{Received, Total};

/// Messages that are released together at most.
const TOGETHER: usize = 64;
/// How long a push consumer sleeps at most before it asks whether all was sent.
const TICK: Duration = Duration::from_millis(20);

/// The receiving end.
pub(super) struct Receiver<'a> {
    task: &'a Task,
    consumer: Consumer,
    contents: Contents,
    arrivals: Arrivals,
    payload: Vec<u8>,
}

impl<'a> Receiver<'a> {
    /// One that receives what `consumer` reads.
    pub(super) fn new(task: &'a Task, consumer: Consumer) -> Self {
        Self {
            task,
            consumer,
            contents: Contents::new(task.size),
            arrivals: Arrivals::default(),
            payload: vec![0; task.size],
        }
    }

    /// Takes what there is, some messages at most, and tells how many; `each` is given the number of every one as soon as it
    /// is copied out.
    ///
    /// # Errors
    /// Those of [`Consumer::peek`].
    #[inline]
    fn take(&mut self, mut each: impl FnMut(u64)) -> Result<usize, Error> {
        let mut taken = 0;
        let mut drain = self.consumer.drain();
        while taken < TOGETHER
            && let Some(message) = drain.message()?
        {
            let header = message.header;
            if header.flags & FLAG_FILLER != 0 {
                continue;
            }
            let number = header.seq_id.wrapping_sub(1);
            let has_its_length = message.payload.len() == self.payload.len();
            if has_its_length {
                message.payload.copy_to(&mut self.payload)?;
            }
            each(number);
            let payload = has_its_length.then_some(self.payload.as_slice());
            self.arrivals.note(&self.contents, number, payload);
            taken += 1;
        }
        Ok(taken)
    }

    /// The same; where there is none, it waits for a while as its mode has it: asleep, or not at all.
    ///
    /// # Errors
    /// Those of [`Consumer::peek`] and [`Consumer::wait_broadcast`].
    #[inline]
    pub(super) fn take_or_wait(&mut self, mut each: impl FnMut(u64)) -> Result<usize, Error> {
        let taken = self.take(&mut each)?;
        if taken > 0 {
            return Ok(taken);
        }
        match self.task.mode {
            WakeupMode::Pull => {
                self.task.pause();
                Ok(0)
            }
            WakeupMode::Push => {
                // Without a token from before the last look nobody may sleep.
                let token = self.consumer.futex_token();
                let taken = self.take(&mut each)?;
                if taken == 0 {
                    self.consumer.wait_broadcast(token, TICK)?;
                }
                Ok(taken)
            }
        }
    }

    /// Receives as much as comes until all is there that was sent.
    ///
    /// # Errors
    /// Those of [`Self::take_or_wait`].
    pub(super) fn receive_most(mut self, window: Window, total: &Total) -> Result<Received, Error> {
        let (mut counted, mut last) = (0, window.counted_from_ns);
        loop {
            // Asked before the look: then what is not there will never be.
            let all = total.get();
            let taken = self.take_or_wait(|_| {})?;
            let now = monotonic_ns();
            if taken > 0 && now >= window.counted_from_ns {
                counted += taken as u64;
                last = now;
            }
            if let (0, Some(all)) = (taken, all) {
                let delivery = self.arrivals.close(all);
                let elapsed_ns = last - window.counted_from_ns;
                return Ok(Received {
                    counted,
                    elapsed_ns,
                    latencies: Vec::new(),
                    delivery,
                });
            }
        }
    }

    /// Receives messages that are due by `schedule` until all are there, and times them.
    ///
    /// # Errors
    /// Those of [`Self::take_or_wait`].
    pub(super) fn receive_by(
        mut self,
        schedule: Schedule,
        window: Window,
        total: &Total,
    ) -> Result<Received, Error> {
        let counts = schedule.counted(window);
        let (mut times, mut last) = (histogram(), window.counted_from_ns);
        loop {
            // Asked before the look, as above.
            let all = total.get();
            let taken = self.take_or_wait(|number| {
                let now = monotonic_ns();
                if counts.contains(&number) {
                    times.saturating_record(now.saturating_sub(schedule.due(number)));
                    last = now;
                }
            })?;
            if let (0, Some(all)) = (taken, all) {
                let delivery = self.arrivals.close(all);
                return Ok(timed(
                    &times,
                    last.saturating_sub(window.counted_from_ns),
                    delivery,
                ));
            }
        }
    }

    /// What has gone wrong, if `sent` messages were sent in all.
    pub(super) fn close(self, sent: u64) -> Delivery {
        self.arrivals.close(sent)
    }
}

/// What was received and timed.
pub(super) fn timed(times: &Histogram<u64>, elapsed_ns: u64, delivery: Delivery) -> Received {
    let latencies = times.iter_recorded();
    Received {
        counted: times.len(),
        elapsed_ns,
        latencies: latencies
            .map(|one| (one.value_iterated_to(), one.count_at_value()))
            .collect(),
        delivery,
    }
}
