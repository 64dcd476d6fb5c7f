//! The messages of a ring that is recorded: all that come, or so many a second.

use std::io;
use std::time::{Duration, Instant};

use crate::observe::attach::AttachedRing;
use crate::observe::messages::Sightings;
use crate::observe::messages::{Follower, MessageReader, NextStep, ReadEvent, payload};
use crate::observe::model::{Gap, GapReason, LogRow, Message, MessageLog};
use crate::observe::sample::control;
use crate::recording::batch::MessageBatch;
use crate::ring::RawMessage;

/// Messages are handed over when they are this many bytes, ...
const BATCH: usize = 256 << 10;
/// ... or this old.
const BATCH_LASTS: Duration = Duration::from_millis(100);

/// A ring that is lost is looked at again after so long.
const LOST: Duration = Duration::from_millis(50);

/// All messages that come.
#[derive(Debug)]
pub(super) struct Feed {
    /// Inode of the control region of the ring that is read.
    ctrl: u64,
    follower: Follower,
    sightings: Sightings,
    batch: MessageBatch,
    begun: Instant,
}

impl Feed {
    /// Begins at `boundary`.
    pub(super) fn new(ring: &AttachedRing, boundary: u64) -> Self {
        Self {
            ctrl: ring.ctrl_file().ino,
            follower: Follower::new(ring, MessageReader::at(boundary)),
            sightings: Sightings::default(),
            batch: MessageBatch::default(),
            begun: Instant::now(),
        }
    }

    /// Whether this is the ring that it reads.
    pub(super) fn reads(&self, ring: &AttachedRing) -> bool {
        self.ctrl == ring.ctrl_file().ino
    }

    /// Reads a piece, and rests or waits a moment if that is what is to be done, no longer than `patience`; tells whether all is
    /// read.
    pub(super) fn step(
        &mut self,
        ring: &AttachedRing,
        patience: Option<Duration>,
    ) -> io::Result<bool> {
        if ring.ctrl().is_truncated() {
            std::thread::sleep(LOST);
            return Ok(true);
        }
        let sleep = |time: Duration| {
            std::thread::sleep(time);
            Ok(())
        };
        if self.batch.is_empty() {
            self.begun = Instant::now();
        }
        let (sightings, batch) = (&mut self.sightings, &mut self.batch);
        let token = Follower::token(ring);
        // What is committed from now on is seen by the next look.
        let head = sightings.look(|| control(ring).producer_head);
        let step = self.follower.advance(ring, token, head, |event| {
            match event {
                ReadEvent::Message(raw, integrity) => {
                    let end = raw.offset.saturating_add(raw.header.total_len());
                    batch.push(&raw, integrity, sightings.of(end));
                }
                ReadEvent::Gap(gap) => batch.skip(&gap, sightings.now()),
            }
            Ok(())
        })?;
        sightings.forget_below(self.follower.position());
        match step {
            NextStep::Read => Ok(false),
            NextStep::Rest(rest) => {
                if let Some(gap) = self.follower.rest(ring, rest, sleep)? {
                    batch.skip(&gap, sightings.now());
                }
                Ok(false)
            }
            NextStep::Wait(token) => {
                match patience {
                    Some(patience) => std::thread::sleep(patience),
                    None => self.follower.wait(ring, token, sleep)?,
                }
                Ok(true)
            }
        }
    }

    /// What was read, if that is much, or old.
    pub(super) fn take_due(&mut self) -> Option<MessageBatch> {
        let is_due = self.batch.len() >= BATCH || self.begun.elapsed() >= BATCH_LASTS;
        if is_due { self.take() } else { None }
    }

    /// What was read.
    pub(super) fn take(&mut self) -> Option<MessageBatch> {
        (!self.batch.is_empty()).then(|| std::mem::take(&mut self.batch))
    }
}

/// So many of the messages that a look at the ring shows.
#[derive(Debug, Default)]
pub(super) struct Pick {
    /// The log, and the row in it that comes next.
    seen: Option<(MessageLog, u64)>,
    /// Where head was before each look at the ring and after it, and of which ring that is told.
    sightings: Sightings,
    ctrl: u64,
}

impl Pick {
    /// To be told before each look at the ring: what is committed during it was not there yet.
    pub(super) fn look(&mut self, ring: &AttachedRing) {
        let ctrl = ring.ctrl_file().ino;
        if self.ctrl != ctrl {
            (self.sightings, self.ctrl) = (Sightings::default(), ctrl);
        }
        self.sightings.look(|| control(ring).producer_head);
    }

    /// The newest of the rows that are new in `log`, `most` at the most; of the others, that they were left out.
    pub(super) fn take(
        &mut self,
        ring: &AttachedRing,
        log: &MessageLog,
        most: usize,
    ) -> Option<MessageBatch> {
        self.look(ring);
        let sighted = self.sightings.now();
        let known = self.seen.as_ref().filter(|(before, _)| before.is_same(log));
        let first = known.map_or(log.first(), |(_, next)| (*next).max(log.first()));
        let from = first.max(log.end().saturating_sub(most as u64));
        let mut batch = MessageBatch::default();
        if let (Some(left), Some(taken)) = (offset(log, first), offset(log, from))
            && left < taken
        {
            let gap = Gap {
                from: left,
                to: taken,
                why: GapReason::NotRecorded,
                torn: 0,
            };
            batch.skip(&gap, sighted);
        }
        for row in from..log.end() {
            match log.row(row) {
                Some(LogRow::Gap(gap)) => batch.skip(gap, sighted),
                Some(LogRow::Message(kept)) => {
                    let mut message = Message::from(kept);
                    if kept.is_cut() {
                        match payload(ring, &message) {
                            Some(whole) => message.payload = whole,
                            None => {
                                batch.skip(&lost(&message), sighted);
                                continue;
                            }
                        }
                    }
                    let raw = RawMessage {
                        offset: message.offset,
                        header: message.header,
                        payload: &message.payload,
                    };
                    let end = raw.offset.saturating_add(raw.header.total_len());
                    batch.push(&raw, message.integrity, self.sightings.of(end));
                }
                None => {}
            }
        }
        self.seen = Some((log.clone(), log.end()));
        (!batch.is_empty()).then_some(batch)
    }
}

/// Where a row begins in the ring.
fn offset(log: &MessageLog, row: u64) -> Option<u64> {
    match log.row(row)? {
        LogRow::Message(message) => Some(message.offset),
        LogRow::Gap(gap) => Some(gap.from),
    }
}

/// A message of which the ring no longer has all.
fn lost(message: &Message) -> Gap {
    Gap {
        from: message.offset,
        to: message.offset.saturating_add(message.header.total_len()),
        why: GapReason::NoLongerHeld,
        torn: 0,
    }
}
