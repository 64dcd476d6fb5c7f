//! What a ring is made of.

use std::time::Duration;

use crate::ring::error::{Error, Result};
use crate::ring::layout;

/// What a ring is made of (`zbq.h: struct zbq_producer_params`).
///
/// ```
/// use zbqtop::ring::ProducerParams;
///
/// let params = ProducerParams { ring_capacity: 1 << 24, ..ProducerParams::default() };
/// assert!(params.validate().is_ok());
/// assert!(ProducerParams { ring_capacity: 1000, ..params }.validate().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerParams {
    /// Bytes in the ring: a non-zero multiple of 4096.
    pub ring_capacity: u64,
    /// Failed reservations before each further one runs a scan.
    pub clog_threshold: u64,
    /// Time without progress, as scans see it, before a consumer is evicted; at most 584 years, as it is counted in
    /// nanoseconds.
    pub stall_timeout: Duration,
    /// Slots: how many consumers there can be at a time, 1 to [`ProducerParams::MAX_CONSUMERS`].
    pub max_consumers: u32,
}

impl Default for ProducerParams {
    /// 1 MiB for 16 consumers; a scan after 100 failed reservations, eviction after 5 seconds.
    fn default() -> Self {
        Self {
            ring_capacity: 1 << 20,
            clog_threshold: 100,
            stall_timeout: Duration::from_secs(5),
            max_consumers: 16,
        }
    }
}

impl ProducerParams {
    /// More slots than this are taken for a mistake.
    pub const MAX_CONSUMERS: u32 = 65_536;

    /// # Errors
    /// If no ring can be like this.
    pub fn validate(&self) -> Result<()> {
        let bad = |what, found, expected| {
            Err(Error::InvalidParams {
                what,
                found,
                expected,
            })
        };
        let capacity = self.ring_capacity;
        if !layout::is_capacity(capacity) {
            return bad("ring_capacity", capacity, layout::CAPACITY_EXPECTED);
        }
        if !(1..=Self::MAX_CONSUMERS).contains(&self.max_consumers) {
            return bad("max_consumers", self.max_consumers.into(), "1 to 65536");
        }
        Ok(())
    }

    /// The stall timeout as the ring counts it.
    pub(super) fn stall_timeout_ns(&self) -> u64 {
        u64::try_from(self.stall_timeout.as_nanos()).unwrap_or(u64::MAX)
    }
}
