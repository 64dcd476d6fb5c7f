//! All rings, from sample to sample: what they are called, which have gone, and what is counted.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use super::series::{RingKey, RingSeries};
use crate::observe::model::RingSnapshot;
use crate::observe::ring_set::Looks;
use crate::text::escape;

/// A ring that is gone is told of for so long, ...
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// ... unless more than this are: then the oldest of them are forgotten.
const MOST_GONE: usize = 1000;

/// What is known of all rings.
#[derive(Debug, Default)]
pub struct Metrics {
    /// By the name of the ring.
    rings: BTreeMap<String, RingSeries>,
    /// Things that could not be read.
    pub(super) limits: usize,
    /// How long the last round of samples took.
    pub(super) sampled_in: Duration,
    /// Nothing was watched: what is counted from sample to sample is not known.
    pub(super) is_recorded: bool,
    /// Since when the answer is being made.
    pub(super) begun: Option<Instant>,
    /// Bytes of the last answer.
    pub(super) size: usize,
}

impl Metrics {
    /// Those of a recording, at one moment.
    #[must_use]
    pub fn recorded(looks: Looks) -> Self {
        let mut metrics = Self {
            is_recorded: true,
            ..Self::default()
        };
        metrics.take(looks);
        metrics
    }

    /// Takes a round of samples in.
    pub fn take(&mut self, looks: Looks) {
        self.take_at(looks, Instant::now());
    }

    fn take_at(&mut self, looks: Looks, at: Instant) {
        let Looks {
            rings,
            gone,
            limits,
            took,
        } = looks;
        (self.limits, self.sampled_in) = (limits, took);
        let there: HashSet<RingKey> = rings.iter().map(|(ring, _)| RingKey::of(ring)).collect();
        for ring in gone {
            let key = RingKey::of(&ring);
            let series = self.rings.values_mut().find(|series| series.key == key);
            if let Some(series) = series.filter(|_| !there.contains(&key)) {
                series.count(&ring.events);
            }
        }
        for series in self.rings.values_mut() {
            if !there.contains(&series.key) {
                series.end(at);
            }
        }
        for (ring, messages) in rings {
            self.series_of(&ring).take(ring, messages, at);
        }
        self.rings.retain(|_, series| {
            let gone = series.gone.filter(|_| !there.contains(&series.key));
            gone.is_none_or(|gone| at.duration_since(gone) < REMEMBERED)
        });
        let mut gone: Vec<Instant> = self.rings.values().filter_map(|one| one.gone).collect();
        if gone.len() > MOST_GONE {
            gone.sort_unstable();
            let oldest = gone[gone.len() - MOST_GONE];
            self.rings
                .retain(|_, series| series.gone.is_none_or(|gone| gone >= oldest));
        }
    }

    /// The series of a ring: its own, or those of the ring whose place it has taken.
    fn series_of(&mut self, ring: &RingSnapshot) -> &mut RingSeries {
        let key = RingKey::of(ring);
        let known = self.rings.iter().find(|(_, series)| series.key == key);
        let name = match known {
            Some((name, _)) => name.clone(),
            None => self.free_name(ring),
        };
        let series = self.rings.entry(name);
        let series = series.or_insert_with_key(|name| RingSeries::new(key.clone(), name));
        if series.key != key {
            series.go_on_with(key);
        }
        series
    }

    /// What a ring is called: by its socket, or else its command; where another one is called so, by a number besides.
    fn free_name(&self, ring: &RingSnapshot) -> String {
        let sockets = ring.producer.sockets.as_deref().unwrap_or_default();
        let name = sockets.first().or(ring.producer.command.as_ref());
        // As it is written: names that read the same are to be told apart.
        let name = escape(name.map_or("ring", String::as_str));
        let is_free = |name: &String| {
            self.rings
                .get(name)
                .is_none_or(|other| other.gone.is_some())
        };
        let mut names = std::iter::once(name.clone().into_owned())
            .chain((2_u64..).map(|number| format!("{name}#{number}")));
        names.find(is_free).unwrap_or_default()
    }

    /// The series of all rings.
    pub(super) fn rings(&self) -> impl Iterator<Item = &RingSeries> {
        self.rings.values()
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
