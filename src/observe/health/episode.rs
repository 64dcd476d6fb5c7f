//! Conditions that come, last and go, and that flicker meanwhile: each is told once when it begins and once when it
//! is over for good.
//!
//! Knows nothing of rings; times are `CLOCK_MONOTONIC`, ns.

use crate::text::duration;

/// A spell is over when it has not been seen for this long: longer than what makes a consumer stalled, so that one that
/// moves now and then does not come and go at every move.
const OVER_AFTER_NS: u64 = 2_000_000_000;

/// A time in the past, which may only be the latest that it can have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Since {
    /// The time.
    pub(super) ns: u64,
    /// Whether it was that time, and not earlier.
    pub(super) exact: bool,
}

impl Since {
    /// It was seen to be at that time.
    pub(super) fn exactly(ns: u64) -> Self {
        Self { ns, exact: true }
    }

    /// It was so already at that time.
    pub(super) fn before(ns: u64) -> Self {
        Self { ns, exact: false }
    }

    /// How long that is ago at `now`, in words.
    pub(super) fn ago(self, now: u64) -> String {
        let ago = duration(now.saturating_sub(self.ns));
        if self.exact {
            ago
        } else {
            format!("at least {ago}")
        }
    }
}

/// A condition that lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Episode {
    since: Since,
    /// Seen twice, or told: one that was there at the first look and no more at the second is nothing to tell of.
    certain: bool,
    /// When it was first not seen any more.
    over_ns: Option<u64>,
}

/// What has become of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    /// It holds from now on.
    Began,
    /// It held from then on, until `over_ns`.
    Ended { since: Since, over_ns: u64 },
}

impl Episode {
    /// One that was there at the first look.
    pub(super) fn found(since: Since) -> Self {
        Self {
            since,
            certain: false,
            over_ns: None,
        }
    }

    /// What there is to tell of a condition that now `holds`, or does not; if so, since when.
    pub(super) fn follow(
        episode: &mut Option<Self>,
        holds: bool,
        since: Since,
        now: u64,
    ) -> Option<Transition> {
        match (episode.as_mut(), holds) {
            (None, false) => None,
            (None, true) => {
                *episode = Some(Self {
                    certain: true,
                    ..Self::found(since)
                });
                Some(Transition::Began)
            }
            (Some(known), true) => {
                (known.certain, known.over_ns) = (true, None);
                None
            }
            (Some(known), false) => {
                let over_ns = *known.over_ns.get_or_insert(now);
                if now.saturating_sub(over_ns) < OVER_AFTER_NS {
                    return None;
                }
                Self::finish(episode)
            }
        }
    }

    /// Nothing more will be seen of the condition: its end is told if it was over before.
    pub(super) fn finish(episode: &mut Option<Self>) -> Option<Transition> {
        let known = episode.take().filter(|known| known.certain)?;
        let since = known.since;
        known
            .over_ns
            .map(|over_ns| Transition::Ended { since, over_ns })
    }
}
