//! What the watcher cannot see, why, and what would help.

use crate::text::counted;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something the watcher cannot see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Limitation {
    /// What is missing.
    #[cfg_attr(test, schemars(with = "String"))]
    pub what: Unseen,
    /// Why.
    pub why: String,
    /// What would make it visible; null when nothing would.
    pub remedy: Option<String>,
}

impl Limitation {
    /// Nothing would make it visible.
    pub fn new(what: impl Into<Unseen>, why: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            why: why.into(),
            remedy: None,
        }
    }

    /// The same, with what would make it visible.
    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<Option<String>>) -> Self {
        Self {
            remedy: remedy.into(),
            ..self
        }
    }

    /// Why, and what would help.
    #[must_use]
    pub fn reason(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{}; {remedy}", self.why),
            None => self.why.clone(),
        }
    }
}

/// In one line, not escaped.
impl fmt::Display for Limitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.reason())
    }
}

/// What is missing: told apart as far as something hangs on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unseen {
    /// The producer's slot table.
    SlotTable,
    /// All that a joined ring does not show of itself: consumers, and the slot table.
    ConsumersAndSlotTable,
    /// The producer, and with it who held a slot.
    Producer,
    /// All consumers.
    Consumers,
    /// So many consumers, which may be of this ring or of another one.
    SomeConsumers(usize),
    /// The consumer whose page the producer holds at this descriptor.
    ConsumerAt(i32),
    /// Anything else, in words.
    Other(String),
}

impl Unseen {
    /// Whether consumers are missing for it.
    #[must_use]
    pub fn hides_consumers(&self) -> bool {
        match self {
            Self::ConsumersAndSlotTable
            | Self::Producer
            | Self::Consumers
            | Self::SomeConsumers(_)
            | Self::ConsumerAt(_) => true,
            Self::SlotTable | Self::Other(_) => false,
        }
    }

    /// Whether the slot table is missing for it.
    #[must_use]
    pub fn hides_slot_table(&self) -> bool {
        matches!(
            self,
            Self::SlotTable | Self::ConsumersAndSlotTable | Self::Producer
        )
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SlotTable => {
                f.write_str("slot table: slots, wakeup modes, clog attempts, evictions")
            }
            Self::ConsumersAndSlotTable => {
                f.write_str("consumers, their tails and lags, free space, the slot table")
            }
            Self::Producer => {
                f.write_str("the producer: command, uid, slot table, who held a slot")
            }
            Self::Consumers => f.write_str("consumers"),
            Self::SomeConsumers(count) => {
                let many = counted(*count as u64, "consumer");
                write!(f, "{many} that may belong to this ring")
            }
            Self::ConsumerAt(fd) => write!(f, "the consumer at the producer's fd {fd}"),
            Self::Other(words) => f.write_str(words),
        }
    }
}

impl Serialize for Unseen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What was written as words is again what it was.
impl<'de> Deserialize<'de> for Unseen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = String::deserialize(deserializer)?;
        let plain = [
            Self::SlotTable,
            Self::ConsumersAndSlotTable,
            Self::Producer,
            Self::Consumers,
        ];
        if let Some(known) = plain.into_iter().find(|one| one.to_string() == words) {
            return Ok(known);
        }
        let numbers = words.split(' ').filter_map(|word| word.parse::<i32>().ok());
        let counted = numbers.flat_map(|number| {
            let some = usize::try_from(number).ok().map(Self::SomeConsumers);
            [some, Some(Self::ConsumerAt(number))]
        });
        let known = counted.flatten().find(|one| one.to_string() == words);
        Ok(known.unwrap_or(Self::Other(words)))
    }
}

impl From<String> for Unseen {
    fn from(words: String) -> Self {
        Self::Other(words)
    }
}

impl From<&str> for Unseen {
    fn from(words: &str) -> Self {
        Self::Other(words.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        for unseen in [
            Unseen::SlotTable,
            Unseen::ConsumersAndSlotTable,
            Unseen::Producer,
            Unseen::Consumers,
            Unseen::SomeConsumers(1),
            Unseen::SomeConsumers(12),
            Unseen::ConsumerAt(7),
            Unseen::Other("the consumer at the producer's fd many".into()),
            Unseen::Other("12 things".into()),
        ] {
            let json = serde_json::to_string(&unseen).expect("words");
            let read: Unseen = serde_json::from_str(&json).expect("words");
            assert_eq!(read, unseen);
        }
    }
}
