//! How old messages are when they are committed, by a time that they carry.
//!
//! A message tells when it was made, and looks at head tell between which two times it was committed.

use std::time::{Duration, Instant};

use super::sightings::{Sighted, Sightings};
use super::tally::{Rounding, Tally};
use crate::decode::{Decoded, Decoder, TimeField};
use crate::observe::model::{
    AgeCounts, AgeDistribution, Bounded, Integrity, Limitation, unreadable,
};
use crate::ring::RawMessage;
use crate::text::{counted, duration};

/// Bits of an age that are kept where there are many: it is known to a thousandth then.
const BITS: u32 = 11;

/// What is known of the ages of a ring's messages.
#[derive(Debug)]
pub(super) struct Ages {
    decoder: Decoder,
    field: TimeField,
    decoded: Decoded,
    sightings: Sightings,
    /// Head at the first look: what lay below was there before.
    first_head: Option<u64>,
    tally: AgeTally,
    /// When this look has decoded for long enough.
    until: Instant,
}

impl Ages {
    /// Ages by `field` of what `decoder` finds.
    pub(super) fn new(decoder: Decoder, field: TimeField) -> Self {
        Self {
            decoder,
            field,
            decoded: Decoded::default(),
            sightings: Sightings::default(),
            first_head: None,
            tally: AgeTally::default(),
            until: Instant::now(),
        }
    }

    /// Looks where head is: messages are known to be committed between two of these looks.
    pub(super) fn look(&mut self, head: impl FnOnce() -> u64) -> u64 {
        let head = self.sightings.look(head);
        self.first_head = Some(self.first_head.map_or(head, |first| first.min(head)));
        head
    }

    /// Messages are read from now on, and may be decoded for so long.
    pub(super) fn begin(&mut self, patience: Duration) {
        self.until = Instant::now() + patience;
    }

    /// All up to there is read.
    pub(super) fn forget_below(&mut self, offset: u64) {
        self.sightings.forget_below(offset);
    }

    /// Takes a message in.
    pub(super) fn note(&mut self, message: &RawMessage<'_>, integrity: Integrity) {
        let end = message.offset.saturating_add(message.header.total_len());
        let was_there = self.first_head.is_none_or(|first| end <= first);
        if message.header.is_filler() || was_there {
            return;
        }
        let sighted = self.sightings.of(end);
        let made = match sighted.age_ns(0) {
            Some(_) => self.made_ns(message, integrity),
            None => Err("nothing tells when it was committed".to_owned()),
        };
        self.tally.note(sighted, made);
    }

    /// When a message was made, ns since 1970; why that cannot be told, in words.
    fn made_ns(&mut self, message: &RawMessage<'_>, integrity: Integrity) -> Result<u64, String> {
        let (header, payload) = (&message.header, message.payload);
        if let Some(why) = unreadable(header, payload.len(), integrity) {
            return Err(why.to_owned());
        }
        if Instant::now() >= self.until {
            return Err("there was no time to decode it".to_owned());
        }
        let done = self.decoder.decode(payload, &mut self.decoded);
        done.map_err(|error| error.to_string())?;
        self.field.of(&self.decoded)
    }

    /// What is known.
    pub(super) fn tally(&self) -> &AgeTally {
        &self.tally
    }
}

/// Ages, counted.
#[derive(Debug)]
pub struct AgeTally {
    low: Tally,
    high: Tally,
    counts: AgeCounts,
    /// Why the last one told no time that did not.
    why: Option<String>,
}

impl Default for AgeTally {
    fn default() -> Self {
        Self {
            low: Tally::rounding(Rounding::Down, BITS),
            high: Tally::rounding(Rounding::Up, BITS),
            counts: AgeCounts::default(),
            why: None,
        }
    }
}

impl AgeTally {
    /// Takes in a message that was first seen then, and was made at a time in ns since 1970, or does not tell, for a reason in
    /// words. One of which nothing tells when it was committed is left out.
    pub fn note(&mut self, sighted: Sighted, made_ns: Result<u64, String>) {
        let age = made_ns.map(|made_ns| sighted.age_ns(made_ns));
        let (low, high) = match age {
            Ok(Some(age)) => age,
            Ok(None) => return,
            Err(why) => return self.miss(why),
        };
        match u64::try_from(high) {
            Ok(high) => {
                self.low.note(u64::try_from(low).unwrap_or(0));
                self.high.note(high);
                self.counts.note(high);
            }
            Err(_) => {
                let ahead = u64::try_from(high.unsigned_abs()).unwrap_or(u64::MAX);
                let ahead = duration(ahead);
                self.miss(format!("its time is {ahead} ahead of this machine's clock"));
            }
        }
    }

    fn miss(&mut self, why: String) {
        self.counts.untimed += 1;
        self.why = Some(why);
    }

    /// What is known.
    #[must_use]
    pub fn distribution(&self) -> AgeDistribution {
        let count = self.high.count();
        let between = |low: u64, high: u64| {
            (count > 0).then(|| Bounded {
                value: Some(low + (high - low) / 2),
                low,
                high: Some(high),
            })
        };
        let percentile =
            |percent| between(self.low.percentile(percent), self.high.percentile(percent));
        AgeDistribution {
            count,
            untimed: self.counts.untimed,
            p50: percentile(50),
            p99: percentile(99),
            max: between(self.low.max(), self.high.max()),
        }
    }

    /// How often they were how old.
    #[must_use]
    pub fn counts(&self) -> AgeCounts {
        self.counts
    }

    /// That messages told no time, if some did.
    #[must_use]
    pub fn limit(&self) -> Option<Limitation> {
        let why = self.why.as_ref()?;
        let what = format!("the age of {}", counted(self.counts.untimed, "message"));
        Some(Limitation::new(what, format!("of the last one: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighted(at_ns: u64, uncertainty_us: u32) -> Sighted {
        Sighted {
            at_ns,
            uncertainty_us,
        }
    }

    #[test]
    fn ages_lie_between_their_bounds() {
        let mut tally = AgeTally::default();
        assert_eq!(tally.distribution().p50, None);
        tally.note(sighted(10_000, u32::MAX), Ok(1));
        tally.note(sighted(10_000, 2), Ok(7_000));
        tally.note(sighted(10_000, 2), Ok(9_500));
        tally.note(sighted(10_000, 2), Ok(12_000));
        tally.note(sighted(10_000, 2), Err("there is no .t".to_owned()));
        let known = tally.distribution();
        assert_eq!((known.count, known.untimed), (2, 2));
        let bounds = |age: Option<Bounded<u64>>| age.map(|age| (age.low, age.high));
        assert_eq!(bounds(known.p50), Some((0, Some(500))));
        assert_eq!(bounds(known.max), Some((1_000, Some(3_000))));
        assert_eq!(
            known.words(),
            "p50 <500 ns, p99 <3.00 µs, max <3.00 µs of 2 messages; of 2 others unknown"
        );
        let limit = tally.limit().expect("two told no time").to_string();
        assert_eq!(
            limit,
            "the age of 2 messages: of the last one: there is no .t"
        );
    }
}
