//! What is known of the consumers that were evicted before a ring was attached.

use crate::observe::model::Limitation;

/// What is known of the consumers that were evicted before a ring was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Evicted {
    /// They have not been looked for.
    Unsought,
    /// So many processes are still to be asked.
    Searching(usize),
    /// Which slots are held cannot be seen, so neither can who has lost one.
    Hidden,
    /// They are members, but for what is counted here.
    Found {
        /// Processes that map the ring and a page without a slot that could not be made a member, each with why.
        unread: Vec<(i32, String)>,
        /// Processes that may not be asked what they map.
        denied: usize,
    },
}

impl Evicted {
    /// Why there may be more than are members; `None` when there are not.
    #[must_use]
    pub(super) fn unseen(&self) -> Option<String> {
        match self {
            Self::Found { unread, denied: 0 } if unread.is_empty() => None,
            Self::Found { unread, denied: 0 } => Some(format!(
                "processes that map the ring without a slot, and may only be watching it: {}; run as root",
                unread.len()
            )),
            Self::Found { denied, .. } => Some(format!(
                "processes that may not be inspected: {denied}; run as root, or with CAP_SYS_PTRACE"
            )),
            Self::Hidden => Some("which slots are held cannot be seen".into()),
            Self::Searching(left) => {
                Some(format!("processes that were not checked in time: {left}"))
            }
            Self::Unsought => Some("they were not searched for".into()),
        }
    }

    /// What is missing from a ring's members for it.
    pub(super) fn limit(&self) -> Option<Limitation> {
        let limit = |what: String, why: &str, remedy: &str| {
            Some(Limitation {
                what: what.into(),
                why: why.into(),
                remedy: Some(remedy.into()),
            })
        };
        match self {
            Self::Searching(left) => limit(
                "evicted consumers that still read the ring".into(),
                &format!("processes whose mappings have not been read yet: {left}"),
                "use a longer --interval, or --watch",
            ),
            Self::Found { unread, .. } => {
                let (_, why) = unread.first()?;
                let pids: Vec<String> = unread.iter().map(|(pid, _)| pid.to_string()).collect();
                let what = format!(
                    "what pid {} reads: it maps the ring without a slot, so it was evicted or only watches",
                    pids.join(", ")
                );
                limit(what, why, "run as root")
            }
            Self::Unsought | Self::Hidden => None,
        }
    }
}
