//! The columns of the table of consumers: what each tells, what it is called, and how it is sorted by.
//!
//! Knows nothing of the values, nor of how wide a column is.

/// What a column of the table tells.
#[expect(missing_docs, reason = "the details and the help say it")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerField {
    Slot,
    Pid,
    Command,
    Mode,
    Tail,
    Lag,
    Percent,
    Time,
    History,
    Rate,
    Progress,
    EvictIn,
    State,
    Why,
    User,
    Doing,
    Joined,
    CommandLine,
}

impl ConsumerField {
    /// All of them.
    pub(crate) const ALL: [Self; 18] = [
        Self::Slot,
        Self::Pid,
        Self::Command,
        Self::Mode,
        Self::Tail,
        Self::Lag,
        Self::Percent,
        Self::Time,
        Self::History,
        Self::Rate,
        Self::Progress,
        Self::EvictIn,
        Self::State,
        Self::Why,
        Self::User,
        Self::Doing,
        Self::Joined,
        Self::CommandLine,
    ];

    /// Those that are shown unless the user wants others, in their order.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        let asked_for = [Self::User, Self::Doing, Self::Joined, Self::CommandLine];
        let mut usual = Self::ALL.to_vec();
        usual.retain(|field| !asked_for.contains(field));
        usual
    }

    /// What stands over the column.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Slot => "SLOT",
            Self::Pid => "PID",
            Self::Command => "COMMAND",
            Self::Mode => "MODE",
            Self::Tail => "TAIL",
            Self::Lag => "LAG",
            Self::Percent => "%",
            Self::Time => "TIME",
            Self::History => "HISTORY",
            Self::Rate => "RATE/s",
            Self::Progress => "PROGRESS",
            Self::EvictIn => "EVICT IN",
            Self::State => "STATE",
            Self::Why => "WHY",
            Self::User => "USER",
            Self::Doing => "DOING",
            Self::Joined => "JOINED",
            Self::CommandLine => "COMMAND LINE",
        }
    }

    /// What the column is called in the settings.
    pub fn name(self) -> String {
        self.title().to_lowercase()
    }

    /// Whether `s` stops here. Tail and percent order as lag does, and history is sorted by its end.
    pub(super) fn is_stop(self) -> bool {
        !matches!(self, Self::Tail | Self::Percent | Self::History | Self::Why)
    }

    /// Whether the largest stands first until the user reverses it: what is looked for is the most lag, the worst
    /// state.
    pub(super) fn begins_descending(self) -> bool {
        matches!(
            self,
            Self::Lag
                | Self::Percent
                | Self::Time
                | Self::History
                | Self::Rate
                | Self::Progress
                | Self::State
        )
    }
}
