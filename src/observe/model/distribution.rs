//! How figures are distributed.

use serde::{Deserialize, Serialize};

/// What is known of the messages that were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MessageFigures {
    /// Their payloads, bytes; null before the first.
    pub payload_bytes: Option<Distribution>,
    /// Time from one message to the next, ns, as the samples tell it; null once several came between two samples, or an
    /// unknown number.
    pub interval_ns: Option<Distribution>,
}

/// Percentiles of so many values: the least that so many of a hundred do not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Distribution {
    /// Values.
    pub count: u64,
    /// The median.
    pub p50: u64,
    /// 99 of 100 are not above it.
    pub p99: u64,
    /// The largest.
    pub max: u64,
    /// Whether these are the values themselves, and none was passed over between the first and the last of them.
    pub exact: bool,
}
