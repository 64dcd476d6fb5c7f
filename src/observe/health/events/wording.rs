//! Events in words, with the figures that were seen.
//!
//! Decides nothing: what has happened is settled when it comes here. Names from outside are escaped (`who`).

use crate::ring::layout::PARKED_TAIL;
use jiff::{SignedDuration, Timestamp};

use super::memory::{KnownConsumer, PastLook};
use crate::observe::health::episode::{Since, Transition};
use crate::observe::health::who;
use crate::observe::model::{
    ConsumerSnapshot, ConsumerState, Event, EventKind, ProducerInfo, RingSnapshot, RingState,
};
use crate::text::{bytes, counted};

/// What an evicted consumer has done since.
#[derive(Clone, Copy, Debug)]
pub(super) enum AfterEviction {
    /// It still has its page mapped.
    Stays,
    /// It has not, but its process holds another slot.
    Again,
    /// It is nowhere to be seen.
    Gone,
}

/// The events of one look, under way.
pub(super) struct EventBuilder {
    pub(super) now: u64,
    pub(super) wall: Timestamp,
    pub(super) stalled_after_ns: u64,
    pub(super) events: Vec<Event>,
}

impl EventBuilder {
    fn tell(
        &mut self,
        kind: EventKind,
        at_ns: u64,
        (slot, pid, command): (Option<u32>, Option<i32>, Option<String>),
        message: String,
    ) {
        let ago = i64::try_from(self.now.saturating_sub(at_ns)).unwrap_or(i64::MAX);
        let at = self
            .wall
            .checked_sub(SignedDuration::from_nanos(ago))
            .unwrap_or(Timestamp::MIN);
        self.events.push(Event {
            kind,
            severity: kind.severity(),
            at: at.to_string(),
            monotonic_ns: at_ns,
            slot,
            pid,
            command,
            message,
        });
    }

    /// Tells something of one consumer.
    pub(super) fn of(&mut self, known: &KnownConsumer, kind: EventKind, at_ns: u64, words: &str) {
        let ConsumerSnapshot {
            slot, pid, command, ..
        } = &known.last;
        let message = format!("{}: {words}", who(*slot, *pid, command.as_deref()));
        self.tell(kind, at_ns, (*slot, *pid, command.clone()), message);
    }

    pub(super) fn left(&mut self, known: &KnownConsumer) {
        let last = &known.last;
        let unread = match known.unread {
            None => String::new(),
            Some((_, 0)) => ", with nothing unread".into(),
            Some(unread) => format!(", with {} unread", between(unread)),
        };
        let held = |absent: Since| format!("; its slot was held for {} more", absent.ago(self.now));
        let held = known.absent.map_or_else(String::new, held);
        let words = match last.state {
            _ if last.tail_offset == PARKED_TAIL => {
                "it had parked, and a scan has freed its slot".into()
            }
            ConsumerState::Left => format!("it had unmapped its page{unread}{held}"),
            ConsumerState::Dead => format!("its process had ended{unread}{held}"),
            _ => format!("its process has ended or unmapped its page{unread}"),
        };
        self.of(known, EventKind::Left, self.now, &words);
    }

    pub(super) fn evicted(&mut self, known: &KnownConsumer, after: AfterEviction) {
        let last = &known.last;
        let still = known.moved.ago(self.now);
        let fault = match (last.state, known.unread) {
            (ConsumerState::Invalid, _) => last.reason.clone(),
            (_, Some((_, 0)) | None) => format!("caught up, and without progress for {still}"),
            (_, Some(lag)) => format!("{} behind, and without progress for {still}", between(lag)),
        };
        let after = match after {
            AfterEviction::Stays if last.lag_bytes == Some(0) => {
                "; it is not notified, and what it reads from now on may be overwritten"
            }
            AfterEviction::Stays => {
                "; it is not notified, and what it had yet to read may be overwritten"
            }
            AfterEviction::Again => "; its process has rejoined in another slot",
            AfterEviction::Gone => "; its process is gone and may have ended earlier",
        };
        self.of(
            known,
            EventKind::Evicted,
            self.now,
            &format!("{fault}{after}"),
        );
    }

    pub(super) fn clogged(&mut self, ring: &RingSnapshot, since: Since) {
        let gate = ring
            .consumers
            .iter()
            .find(|one| Some(one.meta_inode) == ring.gating_meta_inode);
        let mut message = if ring.state.has_no_room() {
            format!(
                "{}; head has not moved for {}",
                ring.reason,
                since.ago(self.now)
            )
        } else {
            format!("no reservation has succeeded for {}", since.ago(self.now))
        };
        let mut about = (ring.gating_slot, ring.gating_pid, None);
        if let Some(gate) = gate {
            let behind = gate
                .lag_bytes
                .map_or_else(String::new, |lag| format!(", {} behind", bytes(lag)));
            let who = who(gate.slot, gate.pid, gate.command.as_deref());
            message.push_str(&format!("; blocked by {who}{behind}"));
            about.2.clone_from(&gate.command);
        }
        // Where the ring is full, its reason says how many have failed.
        let failed = ring.slots.map_or(0, |slots| slots.clog_attempts);
        if failed > 0 && !ring.state.has_no_room() {
            message.push_str(&format!("; {}", counted(failed, "failed reservation")));
        }
        self.tell(EventKind::Clogged, self.now, about, message);
    }

    /// The end of a clog.
    pub(super) fn room(&mut self, turn: Option<Transition>) {
        if let Some(Transition::Ended { since, over_ns }) = turn {
            let message = format!(
                "the ring has free space again; head had not moved for {}",
                since.ago(over_ns)
            );
            self.tell(EventKind::Unclogged, over_ns, (None, None, None), message);
        }
    }

    pub(super) fn producer_gone(&mut self, ring: &RingSnapshot) {
        let ProducerInfo { pid, command, .. } = &ring.producer;
        let held = ring.consumers.iter().filter(|one| one.held).count();
        let (kind, what) = if ring.state == RingState::Ended {
            (EventKind::RingEnded, "it has closed the ring")
        } else {
            (EventKind::ProducerGone, "it has ended")
        };
        let message = format!(
            "{}: {what} after {} bytes; {} held a slot",
            who(None, Some(*pid), command.as_deref()),
            ring.control.producer_head,
            counted(held as u64, "consumer")
        );
        self.tell(kind, self.now, (None, Some(*pid), command.clone()), message);
    }

    pub(super) fn another_ring(&mut self, past: &PastLook, ring: &RingSnapshot) {
        let ProducerInfo { pid, command, .. } = &ring.producer;
        let head = ring.control.producer_head;
        let message = if past.ctrl_inode == ring.ctrl_inode {
            format!(
                "head went back from {} to {head}: earlier observations no longer apply",
                past.head
            )
        } else {
            format!(
                "{}: a new ring, {} of {}, replaces the previous one",
                who(None, Some(*pid), command.as_deref()),
                ring.id,
                bytes(ring.control.ring_capacity)
            )
        };
        self.tell(
            EventKind::RingNew,
            self.now,
            (None, Some(*pid), command.clone()),
            message,
        );
    }
}

/// Bytes between two bounds.
fn between((least, most): (u64, u64)) -> String {
    if least == most {
        bytes(most)
    } else if least == 0 {
        format!("up to {}", bytes(most))
    } else {
        format!("{} to {}", bytes(least), bytes(most))
    }
}
