//! What waits unread in a consumer's side socket, against what may: how full that is, and what follows.
//!
//! Owns the numbers of one socket and their words. Knows nothing of severities, nor of whose socket it is.

use crate::observe::model::ConsumerSnapshot;
use crate::text::{bytes, counted, percent_of};

/// The side socket of a consumer that could be asked how much of it is taken.
pub(super) struct SideSocket {
    /// Bytes taken by records that were not read.
    unread: u64,
    /// Bytes at which it is full.
    capacity: u64,
    /// Descriptors in those records.
    descriptors: Option<u64>,
    /// Descriptors that the producer's user may have in flight, in all sockets together.
    descriptors_limit: Option<u64>,
}

impl SideSocket {
    /// That of a consumer; `None` where it is not known.
    pub(super) fn of(consumer: &ConsumerSnapshot) -> Option<Self> {
        Some(Self {
            unread: consumer.side_socket_unread_bytes?,
            capacity: consumer.side_socket_capacity_bytes?,
            descriptors: consumer.side_socket_descriptors,
            descriptors_limit: consumer.side_socket_descriptors_limit,
        })
    }

    /// Whether `percent` of what the socket, or the producer's user, can hold is waiting there.
    pub(super) fn is_piled_up(&self, percent: f64) -> bool {
        let by_bytes = percent_of(self.unread, self.capacity) >= percent;
        self.unread > 0 && (self.is_full() || by_bytes || self.reaches_limit(percent))
    }

    /// Whether the next descriptors cannot be sent.
    pub(super) fn loses_descriptors(&self) -> bool {
        self.is_full() || self.reaches_limit(100.0)
    }

    fn is_full(&self) -> bool {
        self.unread >= self.capacity
    }

    /// Whether its descriptors are `percent` of those that may be in flight.
    fn reaches_limit(&self, percent: f64) -> bool {
        let known = self.descriptors.zip(self.descriptors_limit);
        known.is_some_and(|(some, limit)| some > 0 && percent_of(some, limit.max(1)) >= percent)
    }

    /// How full it is, and what follows.
    pub(super) fn words(&self) -> String {
        let taken = format!("{} of {} taken", bytes(self.unread), bytes(self.capacity));
        let state = if self.is_full() {
            format!("its side socket is full ({taken}): further descriptors are lost silently")
        } else {
            format!(
                "does not read its side socket ({taken}): once it is full, descriptors are lost silently"
            )
        };
        let held = self.descriptors.map_or_else(
            || "some descriptors".into(),
            |descriptors| counted(descriptors, "descriptor"),
        );
        let limit = self
            .descriptors_limit
            .map_or_else(String::new, |limit| format!(" ({limit})"));
        let count = if self.reaches_limit(100.0) {
            format!(
                "in flight: {held}, which reaches the RLIMIT_NOFILE of the producer's user{limit}: unless privileged, \
                 it can send no more to any consumer"
            )
        } else {
            format!(
                "in flight: {held}, counted against the RLIMIT_NOFILE of the producer's user{limit}"
            )
        };
        format!("{state}; {count}")
    }
}
