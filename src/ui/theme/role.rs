//! What a piece of text is for.

use crate::observe::model::{ConsumerState, Integrity, RingState, Severity};

/// What a piece of text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColorRole {
    /// Values.
    Plain,
    /// Names of values, column titles.
    Label,
    /// What the eye should find first.
    Strong,
    /// What may be overlooked.
    Dim,
    /// As it should be.
    Good,
    /// Will hurt if it goes on.
    Warn,
    /// Hurts now.
    Bad,
    /// Bars and charts.
    Chart,
    /// Frames of panels.
    Border,
    /// The frame of the panel that has the keys.
    Focus,
    /// Keys in the footer and in the help; marks that must not be missed.
    Badge,
    /// The selected row where the keys go.
    Selected,
    /// The selected row elsewhere.
    Marked,
    /// What matches what is looked for.
    Match,
    /// The byte that is looked at, while the keys go elsewhere.
    Pointed,
    /// A zero.
    ByteNull,
    /// A byte of printable text.
    ByteText,
    /// White space.
    ByteSpace,
    /// Another control character.
    ByteControl,
    /// A byte above 0x7f.
    ByteHigh,
}

impl ColorRole {
    /// What kind of byte that is.
    pub(crate) fn byte(byte: u8) -> Self {
        match byte {
            0 => Self::ByteNull,
            b'!'..=b'~' => Self::ByteText,
            b' ' | b'\t'..=b'\r' => Self::ByteSpace,
            0x80.. => Self::ByteHigh,
            _ => Self::ByteControl,
        }
    }
}

impl From<Integrity> for ColorRole {
    fn from(integrity: Integrity) -> Self {
        match integrity {
            Integrity::Intact => Self::Good,
            Integrity::Likely => Self::Plain,
            Integrity::Torn => Self::Bad,
        }
    }
}

impl From<RingState> for ColorRole {
    fn from(state: RingState) -> Self {
        match state {
            RingState::Flowing => Self::Good,
            RingState::Stopped => Self::Warn,
            RingState::Idle | RingState::Unknown => Self::Strong,
            RingState::Full
            | RingState::Clogged
            | RingState::Ended
            | RingState::ProducerGone
            | RingState::Truncated => Self::Bad,
        }
    }
}

impl From<ConsumerState> for ColorRole {
    fn from(state: ConsumerState) -> Self {
        match state {
            ConsumerState::Ok => Self::Good,
            ConsumerState::Idle | ConsumerState::Parked | ConsumerState::Unknown => Self::Plain,
            ConsumerState::Lagging | ConsumerState::Left => Self::Warn,
            ConsumerState::Stalled
            | ConsumerState::Blocking
            | ConsumerState::Overdue
            | ConsumerState::Dead
            | ConsumerState::Evicted
            | ConsumerState::Invalid => Self::Bad,
        }
    }
}

impl From<Severity> for ColorRole {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Label,
            Severity::Warning => Self::Warn,
            Severity::Critical => Self::Bad,
        }
    }
}
