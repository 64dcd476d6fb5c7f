//! The pasts of memberships that are over: a process that joins again goes on with one of them.
//!
//! A process may hold several slots of a ring. Which of them it takes up again cannot be told, so the rule is the
//! simplest that tells no past twice: a new membership goes on from that of the same process that ended last and that no
//! other goes on from.

use std::collections::VecDeque;

use super::time_series::TimeSeries;
use crate::observe::sample::MemberSample;

/// Pasts kept at most; who has not come back for longest is forgotten first.
const MOST: usize = 256;

/// A process, as far as it can be told from another that has its pid later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProcessIdentity {
    pid: i32,
    /// Ticks since boot.
    started: Option<u64>,
    /// Where that is not known, what tells it.
    command: Option<String>,
}

impl ProcessIdentity {
    /// The process of a consumer, if it is known.
    pub(super) fn of(member: &MemberSample) -> Option<Self> {
        let started = member.start_ticks;
        Some(Self {
            pid: member.pid?,
            started,
            command: member.command.clone().filter(|_| started.is_none()),
        })
    }

    /// Whether it is that of the consumer.
    pub(super) fn is_of(&self, member: &MemberSample) -> bool {
        let is_same = match self.started {
            None => member.start_ticks.is_none() && self.command == member.command,
            started => started == member.start_ticks,
        };
        Some(self.pid) == member.pid && is_same
    }
}

/// What those have left behind who are members no more, in the order in which they left.
#[derive(Debug, Default)]
pub(super) struct DepartedPasts {
    pasts: VecDeque<DepartedPast>,
}

#[derive(Debug)]
struct DepartedPast {
    meta_inode: u64,
    process: ProcessIdentity,
    left_ns: u64,
    lags: TimeSeries,
}

impl DepartedPasts {
    /// Keeps the past of a membership that is over.
    pub(super) fn keep(
        &mut self,
        meta_inode: u64,
        process: ProcessIdentity,
        left_ns: u64,
        lags: TimeSeries,
    ) {
        if self.pasts.len() == MOST {
            self.pasts.pop_front();
        }
        self.pasts.push_back(DepartedPast {
            meta_inode,
            process,
            left_ns,
            lags,
        });
    }

    /// The membership was not over.
    pub(super) fn forget(&mut self, meta_inode: u64) {
        self.pasts.retain(|past| past.meta_inode != meta_inode);
    }

    /// The past that the consumer goes on from; of those that ended at the same look, the one that was kept first.
    pub(super) fn take(&mut self, member: &MemberSample) -> Option<TimeSeries> {
        let own = self.pasts.iter().enumerate();
        let own = own.filter(|(_, past)| past.process.is_of(member));
        let (place, _) = own.rev().max_by_key(|(_, past)| past.left_ns)?;
        self.pasts.remove(place).map(|past| past.lags)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.pasts.len()
    }
}
