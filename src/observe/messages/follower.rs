//! Following a ring: reading what comes, resting where reading would do harm, waiting where there is nothing.
//!
//! Puts reader, throttle and waiter together. How to sleep, and when to end, is the caller's.

use std::io;
use std::time::{Duration, Instant};

use super::reader::{MessageReader, ReadEvent};
use super::throttle::Throttle;
use super::waiter::{Waiter, token};
use crate::observe::attach::AttachedRing;
use crate::observe::model::{Gap, GapReason};
use crate::observe::sample::control;

/// Follows one ring.
#[derive(Debug)]
pub struct Follower {
    reader: MessageReader,
    waiter: Waiter,
    throttle: Throttle,
}

/// What is to be done after a piece was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// To read on.
    Read,
    /// To rest for so long first: see [`Follower::rest`].
    Rest(Duration),
    /// To wait, with this token: all is read. See [`Follower::wait`].
    Wait(u32),
}

impl Follower {
    /// Goes on where `reader` stands.
    #[must_use]
    pub fn new(ring: &AttachedRing, reader: MessageReader) -> Self {
        Self {
            reader,
            waiter: Waiter::new(ring),
            throttle: Throttle::default(),
        }
    }

    /// Offset of the next message.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// To be asked for before head is looked at, for [`Self::advance`].
    #[must_use]
    pub fn token(ring: &AttachedRing) -> u32 {
        token(ring)
    }

    /// Reads a piece of what lies below `until`; `token` was taken before head was seen there or below.
    ///
    /// # Errors
    /// Those of `each`, and when the ring's bytes can no longer be read.
    pub fn advance(
        &mut self,
        ring: &AttachedRing,
        token: u32,
        until: u64,
        mut each: impl FnMut(ReadEvent<'_>) -> io::Result<()>,
    ) -> io::Result<NextStep> {
        let before = self.reader.position();
        let throttle = &mut self.throttle;
        let advanced = self.reader.advance(ring, until, |event| {
            if matches!(&event, ReadEvent::Gap(gap) if gap.why == GapReason::Overrun) {
                throttle.overrun(Instant::now());
            }
            each(event)
        })?;
        if !advanced {
            self.throttle.caught_up();
            return Ok(NextStep::Wait(token));
        }
        let read = self.reader.position().saturating_sub(before);
        self.waiter.moved(read);
        let head = control(ring).producer_head;
        let rest = self.throttle.rest(Instant::now(), head);
        Ok(rest.map_or(NextStep::Read, NextStep::Rest))
    }

    /// Rests, as `sleep` does; gives what was passed over meanwhile to spare the producer.
    ///
    /// # Errors
    /// Those of `sleep`.
    pub fn rest(
        &mut self,
        ring: &AttachedRing,
        rest: Duration,
        sleep: impl Fn(Duration) -> io::Result<()>,
    ) -> io::Result<Option<Gap>> {
        // For a while the producer still fetches back what was read: that is no speed of its own.
        sleep(rest / 2)?;
        let (half, head) = (Instant::now(), control(ring).producer_head);
        sleep(rest / 2)?;
        let bytes = control(ring).producer_head.saturating_sub(head);
        self.throttle.rested(bytes, half.elapsed());
        Ok(self.reader.catch_up(ring, GapReason::Spared))
    }

    /// Waits until the ring may have gone on, or a while; `sleep` is how the caller likes to sleep.
    ///
    /// # Errors
    /// Those of `sleep`, and when the kernel refuses.
    pub fn wait(
        &mut self,
        ring: &AttachedRing,
        token: u32,
        sleep: impl FnOnce(Duration) -> io::Result<()>,
    ) -> io::Result<()> {
        self.waiter.wait(ring, self.reader.position(), token, sleep)
    }
}
