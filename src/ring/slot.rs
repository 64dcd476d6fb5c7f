//! What a slot is called, and how its consumer is woken.

use std::fmt;

/// How a consumer learns of new messages (`zbq.h: enum zbq_wakeup_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "observe", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "observe", serde(rename_all = "snake_case"))]
#[cfg_attr(all(test, feature = "observe"), derive(schemars::JsonSchema))]
pub enum WakeupMode {
    /// It sleeps on the broadcast futex; the producer pays a system call per commit.
    Push,
    /// It polls; the producer pays nothing.
    Pull,
}

impl WakeupMode {
    /// The mode a number on the wire stands for, if it stands for one.
    pub const fn from_wire(mode: u32) -> Option<Self> {
        match mode {
            0 => Some(Self::Push),
            1 => Some(Self::Pull),
            _ => None,
        }
    }

    /// Its number on the wire.
    pub const fn to_wire(self) -> u32 {
        match self {
            Self::Push => 0,
            Self::Pull => 1,
        }
    }
}

impl WakeupMode {
    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
        }
    }
}

impl fmt::Display for WakeupMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A consumer's place in the producer's slot table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotIndex(pub u32);

impl fmt::Display for SlotIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
