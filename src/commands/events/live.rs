//! What happens now.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::told::Told;
use crate::cli::EventsArgs;
use crate::observe::attach::{AttachedRing, Succession};
use crate::observe::model::{RingState, Thresholds};
use crate::observe::ring_set::RingSet;
use crate::observe::watch::Budget;
use crate::shutdown::StopSignal;
use crate::stderr::warn;
use crate::stdout::Printer;
use crate::text::escape;

/// Time between two samples.
const INTERVAL: Duration = Duration::from_millis(100);
/// Reasons why something cannot be seen are told up to so many times.
const MOST_TOLD: usize = 100;

/// Tells what happens to `ring`, or to every ring, until the end is asked for or the ring is over.
///
/// # Errors
/// Those of stdout.
pub fn live(
    ring: Option<(AttachedRing, Option<Succession>)>,
    options: &EventsArgs,
    thresholds: Thresholds,
    out: &mut Printer,
) -> anyhow::Result<()> {
    let ending = StopSignal::watch()?;
    let budget = Budget::SAMPLED;
    let (mut set, ends_in): (_, fn(RingState) -> bool) = match ring {
        None => (RingSet::all(budget, thresholds), |_| false),
        Some((ring, succession)) => {
            let ends_in: fn(RingState) -> bool = match &succession {
                None => RingState::is_over,
                Some(next) if next.ends_with_producer() => |state| state == RingState::ProducerGone,
                Some(_) => |_| false,
            };
            (RingSet::of(ring, succession, budget, thresholds), ends_in)
        }
    };
    let mut told = Told::new(options, out)?;
    let mut due = Instant::now();
    let mut limits = HashSet::new();
    loop {
        let looks = set.look();
        for limit in set.limits() {
            // The words in front of it have numbers in them, which change.
            if limits.len() < MOST_TOLD && limits.insert(limit.reason()) {
                warn(&format!("not watched: {}", escape(&limit.to_string())));
            }
        }
        let rings = looks.gone.iter();
        let rings = rings.chain(looks.rings.iter().map(|(ring, _)| ring));
        let mut is_over = false;
        for ring in rings {
            for event in &ring.events {
                told.tell(&ring.id, ring.producer.command.as_deref(), event)?;
            }
            is_over |= ends_in(ring.state);
        }
        // Where a round takes long, it takes half of the time at most.
        due = (due + INTERVAL).max(Instant::now() + looks.took);
        told.rest(due.saturating_duration_since(Instant::now()))?;
        if is_over || ending.asked() {
            return Ok(told.end(is_over)?);
        }
    }
}
