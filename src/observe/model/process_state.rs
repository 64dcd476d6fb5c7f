//! What a process is doing, as the scheduler has it.

use serde::{Deserialize, Serialize};

/// What a process is doing (`proc(5)`, the third field of `stat`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum ProcessState {
    /// It runs, or waits for a processor.
    Running,
    /// It waits for something.
    Sleeping,
    /// It waits for a disk, and cannot be interrupted.
    DiskSleep,
    /// It was stopped by a signal, until it is continued.
    Stopped,
    /// A debugger has stopped it.
    Traced,
    /// It has ended, and its parent has yet to take notice.
    Zombie,
}

impl ProcessState {
    /// Of the letter in `stat`.
    #[must_use]
    pub fn of(letter: &str) -> Option<Self> {
        Some(match letter {
            "R" => Self::Running,
            "S" | "I" => Self::Sleeping,
            "D" => Self::DiskSleep,
            "T" => Self::Stopped,
            "t" => Self::Traced,
            "Z" | "X" | "x" => Self::Zombie,
            _ => return None,
        })
    }

    /// Whether it does nothing until somebody lets it.
    #[must_use]
    pub fn is_stopped(self) -> bool {
        matches!(self, Self::Stopped | Self::Traced)
    }

    /// In words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Sleeping => "sleeping",
            Self::DiskSleep => "waiting for a disk",
            Self::Stopped => "stopped by a signal",
            Self::Traced => "stopped by a debugger",
            Self::Zombie => "ended",
        }
    }
}
