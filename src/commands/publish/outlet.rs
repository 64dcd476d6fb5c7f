//! The ring that is fed: consumers are let in, and messages wait for room.

use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::ring::layout::HEADER_SIZE;
use crate::ring::{
    CommitFlags, Error, FLAG_FILLER, MessageHeader, Producer, ProducerParams, Rendezvous,
};
use crate::shutdown::StopSignal;
use crate::stderr::warn;
use crate::text::{counted, escape};

/// Bytes in a header, as ring arithmetic has it.
const HEADER: u64 = HEADER_SIZE as u64;
/// A wait lasts no longer than this, so that everything is looked at now and then.
const TICK: Duration = Duration::from_millis(5);
/// Nobody is waited for so shortly that it is worth sleeping.
const NAP: Duration = Duration::from_micros(60);
/// Room is looked for this often.
const ROOM_EVERY: Duration = Duration::from_micros(50);
/// Tries for room before consumers that have ended, or do not move, are looked for.
const TRIES: u32 = 100;

/// A ring and its socket.
pub(super) struct Outlet {
    producer: Producer,
    rendezvous: Rendezvous,
    ending: StopSignal,
    /// Tries for room that have failed since consumers were looked after.
    failed: u32,
    refused: u64,
}

impl Outlet {
    /// Makes a ring that is joined at `socket`, with room for so many consumers at least.
    ///
    /// # Errors
    /// When no ring can be like this, or somebody else listens there.
    pub(super) fn open(socket: &str, capacity: u64, consumers: u32) -> anyhow::Result<Self> {
        let ending = StopSignal::watch()?;
        let params = ProducerParams::default();
        let params = ProducerParams {
            ring_capacity: capacity,
            max_consumers: params.max_consumers.max(consumers),
            ..params
        };
        let producer = Producer::create(params).context("--capacity")?;
        let name = escape(socket);
        let rendezvous = match Rendezvous::bind(socket) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => {
                let is_file = std::fs::symlink_metadata(socket)
                    .is_ok_and(|found| !found.file_type().is_socket());
                match is_file {
                    true => bail!(
                        "--socket {name}: there is a file that is no socket: choose another path"
                    ),
                    false => bail!(
                        "--socket {name}: somebody listens there already: choose another path"
                    ),
                }
            }
            outcome => outcome.with_context(|| format!("--socket {name}"))?,
        };
        Ok(Self {
            producer,
            rendezvous,
            ending,
            failed: 0,
            refused: 0,
        })
    }

    /// Whether the user, or the system, wants the program to end.
    pub(super) fn is_asked_to_end(&self) -> bool {
        self.ending.asked()
    }

    /// Lets in all consumers that wait. One that cannot be, as it has gone again, does not keep to the protocol, or finds no
    /// slot, is no reason to end.
    pub(super) fn admit(&mut self) {
        loop {
            match self.rendezvous.admit(&mut self.producer) {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => {
                    if self.refused == 0 {
                        warn(&format!("a consumer could not join: {error}"));
                    }
                    self.refused += 1;
                    // Others are let in the next time: where none can be accepted at all, this would go on for ever.
                    return;
                }
            }
        }
    }

    /// Consumers that could not join.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Waits until so many consumers have joined; false: the end was asked for.
    ///
    /// # Errors
    /// If the kernel refuses to wait.
    pub(super) fn wait_for(&mut self, consumers: u32) -> anyhow::Result<bool> {
        let (mut begun, mut is_told) = (Instant::now(), false);
        while !self.ending.asked() {
            self.admit();
            if self.producer.slots().count() >= consumers as usize {
                return Ok(true);
            }
            if !is_told && begun.elapsed() > Duration::from_secs(1) {
                begun = Instant::now();
                is_told = true;
                let consumers = counted(consumers.into(), "consumer");
                warn(&format!("waiting for {consumers}"));
            }
            self.rendezvous.wait(TICK)?;
        }
        Ok(false)
    }

    /// Waits until then, and lets consumers in meanwhile; false: the end was asked for.
    ///
    /// # Errors
    /// If the kernel refuses to wait.
    pub(super) fn wait_until(&mut self, due: Option<Instant>) -> anyhow::Result<bool> {
        while let Some(due) = due {
            let rest = due.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                break;
            }
            if self.ending.asked() {
                return Ok(false);
            }
            if rest < NAP {
                std::hint::spin_loop();
            } else {
                self.rendezvous.wait((rest - NAP / 2).min(TICK))?;
                self.admit();
            }
        }
        Ok(true)
    }

    /// Sends a message; with a header of its own, that sequence id and those flags. Waits for room, unless messages are
    /// `dropped` then; false: it was not sent.
    ///
    /// # Errors
    /// When it does not fit at all.
    pub(super) fn send(
        &mut self,
        payload: &[u8],
        header: Option<(u64, u8)>,
        drops: bool,
    ) -> anyhow::Result<bool> {
        loop {
            let sent = match header {
                None => self.producer.send(payload).map(|_| true),
                Some((seq_id, flags)) => self.send_as(payload, seq_id, flags),
            };
            match sent {
                Ok(true) => return Ok(true),
                Ok(false) | Err(Error::Full { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            self.failed += 1;
            if self.failed >= TRIES {
                // A little room is no failed reservation, and so no reason to scan.
                self.producer.scan();
                self.failed = 0;
            }
            if drops || self.ending.asked() {
                return Ok(false);
            }
            self.rendezvous.wait(ROOM_EVERY)?;
            self.admit();
        }
    }

    /// Sends a message with that sequence id and those flags, if there is room.
    fn send_as(&mut self, payload: &[u8], seq_id: u64, flags: u8) -> Result<bool, Error> {
        let capacity = self.producer.params().ring_capacity;
        let total = HEADER + payload.len() as u64;
        let Ok(payload_len) = u32::try_from(payload.len()) else {
            return Err(too_long(payload, capacity));
        };
        // Behind it is nothing of the lap, or room for a filler.
        if total + HEADER > capacity && total != capacity {
            return Err(too_long(payload, capacity));
        }
        loop {
            let Some(mut room) = self.producer.reserve() else {
                return Ok(false);
            };
            let left = capacity - room.offset() % capacity;
            let fits = total == left || total + HEADER <= left;
            let (header, length) = if fits {
                let header = MessageHeader {
                    payload_len,
                    flags,
                    seq_id,
                    ..MessageHeader::default()
                };
                (header, total)
            } else {
                let header = MessageHeader {
                    // It ends with the lap, of which there is more than a header.
                    payload_len: (left - HEADER) as u32,
                    flags: FLAG_FILLER,
                    ..MessageHeader::default()
                };
                (header, left)
            };
            if room.max_bytes() < length {
                return Ok(false);
            }
            room.write_at(0, &header.to_bytes())?;
            if fits {
                room.write_at(HEADER, payload)?;
            }
            room.commit(length, CommitFlags::None)?;
            if fits {
                return Ok(true);
            }
        }
    }
}

fn too_long(payload: &[u8], capacity: u64) -> Error {
    Error::MessageTooLong {
        payload_len: payload.len(),
        capacity,
        max: capacity - 2 * HEADER,
    }
}
