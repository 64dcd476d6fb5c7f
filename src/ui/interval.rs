//! How often the ring is sampled.

use std::time::Duration;

/// Sampling periods that `+` and `-` go through.
const PERIODS: [Duration; 9] = [
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// `asked`, if it is not too short or too long to be of use.
pub(super) fn within_reason(asked: Duration) -> Duration {
    asked.clamp(PERIODS[0], Duration::from_secs(3600))
}

/// The next shorter period; the same where there is none.
pub(super) fn faster(period: Duration) -> Duration {
    let mut shorter = PERIODS.into_iter().rev();
    shorter.find(|next| *next < period).unwrap_or(period)
}

/// The next longer period; the same where there is none.
pub(super) fn slower(period: Duration) -> Duration {
    let mut longer = PERIODS.into_iter();
    longer.find(|next| *next > period).unwrap_or(period)
}
