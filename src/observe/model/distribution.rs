//! How figures are distributed.

use serde::{Deserialize, Serialize};

use super::estimate::Bounded;
use crate::text::{counted, precise_duration};

/// What is known of the messages that were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MessageFigures {
    /// Their payloads, bytes; null before the first.
    pub payload_bytes: Option<Distribution>,
    /// Time from one message to the next, ns, as the samples tell it; null once several came between two samples, or an
    /// unknown number.
    pub interval_ns: Option<Distribution>,
    /// How old messages were when they were committed; null where nothing was named that tells when they were made.
    #[serde(default)]
    pub age_ns: Option<AgeDistribution>,
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

/// How old messages were when they were committed, by a time that they carry. A commit is known to lie between two looks at
/// head, and so are these: the least that so many of a hundred do not exceed, each null before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AgeDistribution {
    /// Messages that were seen to be committed and told when they were made.
    pub count: u64,
    /// Those that did not tell, or could not be asked.
    pub untimed: u64,
    /// The median, ns.
    pub p50: Option<Bounded<u64>>,
    /// 99 of 100 are not above it, ns.
    pub p99: Option<Bounded<u64>>,
    /// The largest, ns.
    pub max: Option<Bounded<u64>>,
}

impl AgeDistribution {
    /// The median, of a hundred the 99th and the largest, in words. Where one may be next to nothing, all are told by what they
    /// are no more than: so they are in order.
    #[must_use]
    pub fn figures(&self) -> [Option<String>; 3] {
        let ages = [self.p50, self.p99, self.max];
        let is_loose = ages.iter().flatten().any(|age| age.low == 0);
        ages.map(|age| {
            let age = age?;
            Some(match age.high.filter(|high| is_loose && *high > 0) {
                Some(high) => format!("<{}", precise_duration(high)),
                None => age.words(precise_duration),
            })
        })
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let [p50, p99, max] = self
            .figures()
            .map(|age| age.unwrap_or_else(|| "-".to_owned()));
        let messages = counted(self.count, "message");
        let untimed = match self.untimed {
            0 => String::new(),
            untimed => format!("; of {untimed} others unknown"),
        };
        format!("p50 {p50}, p99 {p99}, max {max} of {messages}{untimed}")
    }
}
