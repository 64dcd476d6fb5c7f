//! What is to be measured: of all processes, and of one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::observe::model::{BenchKind, BenchSettings};
use crate::ring::WakeupMode;

/// Consumers at most: each is a process.
pub const MOST_CONSUMERS: u32 = 256;

/// The warm-up is so much of the time that counts, ...
const WARM_UP_SHARE: u32 = 10;
/// ... and this long at most.
const WARM_UP_MOST: Duration = Duration::from_millis(500);
/// How long behind the end it is tried to send what was due before.
const GRACE_NS: u64 = 1_000_000_000;

/// What all measurements of a benchmark have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Bytes of payload in each message.
    pub size: usize,
    /// Bytes in each ring.
    pub capacity: u64,
    /// How many consumers.
    pub consumers: u32,
    /// How they learn of messages.
    pub mode: WakeupMode,
    /// For how long each measurement counts, ns.
    pub time_ns: u64,
    /// The CPUs to bind processes to, in turn, the producer's first; `None`: they go where the kernel puts them.
    pub cpus: Option<Vec<usize>>,
    /// Whether there are more processes than CPUs for them.
    pub shares_cpus: bool,
}

impl Plan {
    /// How long a measurement runs before it counts, ns.
    #[must_use]
    pub fn warm_up_ns(&self) -> u64 {
        let most = crate::text::nanoseconds(WARM_UP_MOST);
        (self.time_ns / u64::from(WARM_UP_SHARE)).min(most)
    }

    /// As the report has it.
    #[must_use]
    pub fn settings(&self) -> BenchSettings {
        BenchSettings {
            size_bytes: self.size as u64,
            capacity_bytes: self.capacity,
            consumers: self.consumers,
            wakeup_mode: self.mode,
            time_ns: self.time_ns,
            warm_up_ns: self.warm_up_ns(),
            pinned: self.cpus.is_some(),
            cpus_shared: self.shares_cpus,
        }
    }

    /// The CPU of process `number`, the producer being number 0.
    pub(super) fn cpu(&self, number: usize) -> Option<usize> {
        let cpus = self.cpus.as_deref()?;
        cpus.get(number % cpus.len().max(1)).copied()
    }

    /// What process `number` is told.
    pub(super) fn task(&self, load: Load, number: usize) -> Task {
        Task {
            size: self.size,
            capacity: self.capacity,
            consumers: if load == Load::PingPong {
                1
            } else {
                self.consumers
            },
            mode: self.mode,
            load,
            time_ns: self.time_ns,
            warm_up_ns: self.warm_up_ns(),
            shares_cpus: self.shares_cpus,
            cpu: self.cpu(number),
        }
    }
}

/// What a ring has to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// As much as it takes.
    Most,
    /// So many messages a second, one at least, by a schedule that waits for nobody.
    PerSecond(u64),
    /// One message there and back at a time, on two rings.
    PingPong,
}

impl Load {
    /// As the report has it.
    pub(super) fn kind(self) -> BenchKind {
        match self {
            Self::Most => BenchKind::Throughput,
            Self::PerSecond(_) => BenchKind::Latency,
            Self::PingPong => BenchKind::PingPong,
        }
    }

    /// Messages a second by the schedule.
    pub(super) fn rate(self) -> Option<u64> {
        match self {
            Self::PerSecond(rate) => Some(rate),
            Self::Most | Self::PingPong => None,
        }
    }
}

/// What one process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) size: usize,
    pub(super) capacity: u64,
    pub(super) consumers: u32,
    pub(super) mode: WakeupMode,
    pub(super) load: Load,
    pub(super) time_ns: u64,
    pub(super) warm_up_ns: u64,
    pub(super) shares_cpus: bool,
    pub(super) cpu: Option<usize>,
}

impl Task {
    /// Between two looks at something that another process has yet to do.
    #[inline]
    pub(super) fn pause(&self) {
        if self.shares_cpus {
            // The other may be waiting for this CPU.
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }

    /// When it is done, if all begin at `start_ns`.
    pub(super) fn window(&self, start_ns: u64) -> Window {
        let counted_from_ns = start_ns.saturating_add(self.warm_up_ns);
        let end_ns = counted_from_ns.saturating_add(self.time_ns);
        Window {
            start_ns,
            counted_from_ns,
            end_ns,
            given_up_ns: end_ns.saturating_add(GRACE_NS),
        }
    }
}

/// When a measurement takes place, by `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start_ns: u64,
    /// What is before this is warm-up.
    pub(super) counted_from_ns: u64,
    /// What is due, or begun, before this is still sent, ...
    pub(super) end_ns: u64,
    /// ... but not behind this.
    pub(super) given_up_ns: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(time_ns: u64, cpus: Option<Vec<usize>>) -> Plan {
        Plan {
            size: 64,
            capacity: 1 << 20,
            consumers: 3,
            mode: WakeupMode::Push,
            time_ns,
            cpus,
            shares_cpus: false,
        }
    }

    #[test]
    fn the_warm_up_comes_before_the_time_and_is_short() {
        assert_eq!(plan(200_000_000, None).warm_up_ns(), 20_000_000);
        assert_eq!(plan(60_000_000_000, None).warm_up_ns(), 500_000_000);
        let window = plan(1000, None).task(Load::Most, 0).window(7);
        assert_eq!(
            window,
            Window {
                start_ns: 7,
                counted_from_ns: 107,
                end_ns: 1107,
                given_up_ns: 1_000_001_107
            }
        );
    }

    #[test]
    fn processes_take_cpus_in_turn() {
        let plan = plan(1000, Some(vec![4, 2]));
        assert_eq!(
            [0, 1, 2, 3].map(|number| plan.cpu(number)),
            [Some(4), Some(2), Some(4), Some(2)]
        );
        assert_eq!(self::plan(1000, None).cpu(0), None);
    }
}
