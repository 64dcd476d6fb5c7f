//! How much of its time a reader takes where it cannot keep up: as much as does the producer no harm.
//!
//! What a reader copies comes out of the producer's caches and has to be fetched back, and two busy cores may be two
//! halves of one. What that costs differs from machine to machine and from ring to ring, so it is measured: how fast
//! head goes while we read, and while we rest. Knows head and the clock; it neither reads nor sleeps.

use std::time::{Duration, Instant};

/// What the producer may lose, as a share of its speed. What is measured is noisy, and where it comes out too small more
/// is read than should be: in truth about three times as much is lost.
const TOLERATED: f64 = 0.008;
/// The least share of time that is read in.
const LEAST: f64 = 0.01;
/// How long is read at a time, so that one rest is one gap and what lies between two is of a piece.
const BURST: Duration = Duration::from_millis(1);
/// Reading that is known to do no harm is still interrupted this often, to see whether that is so.
const UNQUESTIONED: Duration = Duration::from_millis(20);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_millis(100);
/// A reader that has kept up for so long is let be.
const MEMORY: Duration = Duration::from_secs(2);
/// Time after which a speed can be compared: from one millisecond to the next it differs by more than we look for.
const LEARNT: Duration = Duration::from_millis(40);
/// Time that a speed is measured over: what is older weighs less and less.
const MEASURED: Duration = Duration::from_millis(200);

/// A speed of head: bytes and seconds of late.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    bytes: f64,
    seconds: f64,
}

impl Flow {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn add(&mut self, bytes: u64, time: Duration) {
        self.bytes += bytes as f64;
        self.seconds += time.as_secs_f64();
        if self.seconds > MEASURED.as_secs_f64() {
            self.bytes /= 2.0;
            self.seconds /= 2.0;
        }
    }

    /// Bytes a second.
    fn speed(self) -> f64 {
        self.bytes / self.seconds
    }
}

/// A reader's share of time.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    reading: Flow,
    resting: Flow,
    /// When this burst of reading began, and where head was.
    burst: Option<(Instant, u64)>,
    /// When head last overran the reader.
    overrun: Option<Instant>,
}

impl Throttle {
    /// To be told that head overran the reader: it does not keep up.
    pub(super) fn overrun(&mut self, now: Instant) {
        self.overrun = Some(now);
    }

    /// To be told that the reader has read all there is, or waited.
    pub(super) fn caught_up(&mut self) {
        self.burst = None;
    }

    /// To be asked after each piece that was read, with head as it is: how long to rest before the next, if at all.
    pub(super) fn rest(&mut self, now: Instant, head: u64) -> Option<Duration> {
        if self
            .overrun
            .is_none_or(|overrun| now.duration_since(overrun) > MEMORY)
        {
            self.burst = None;
            return None;
        }
        let (began, from) = *self.burst.get_or_insert((now, head));
        let lasted = now.duration_since(began);
        let share = self.share();
        let enough = if share < 1.0 { BURST } else { UNQUESTIONED };
        if lasted < enough {
            return None;
        }
        self.burst = None;
        self.reading.add(head.saturating_sub(from), lasted);
        let rest = if share < 1.0 {
            lasted.mul_f64(1.0 / share - 1.0)
        } else {
            BURST
        };
        Some(rest.min(LONGEST_REST))
    }

    /// To be told of a rest, or of the end of one: how far head went, and how long it took.
    pub(super) fn rested(&mut self, bytes: u64, time: Duration) {
        self.resting.add(bytes, time);
    }

    /// The share of time that may be read in. A third of it, until enough is measured to compare.
    fn share(&self) -> f64 {
        if self.reading.seconds.min(self.resting.seconds) < LEARNT.as_secs_f64() {
            return 1.0 / 3.0;
        }
        let harm = self.resting.speed() - self.reading.speed();
        if harm <= 0.0 {
            return 1.0;
        }
        (TOLERATED * self.resting.speed() / harm).clamp(LEAST, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads and rests for a second of a producer that goes at `alone` bytes a microsecond, and at `beside` while it is
    /// read. Returns the share of time that was read in, over the second half.
    fn share(alone: u64, beside: u64, overrun: bool) -> f64 {
        const PIECE: Duration = Duration::from_micros(10);
        let mut share = Throttle::default();
        let start = Instant::now();
        let (mut now, mut head, mut read) = (start, 0, Duration::ZERO);
        while now - start < Duration::from_secs(1) {
            if overrun {
                share.overrun(now);
            }
            now += PIECE;
            head += beside * 10;
            if now - start > Duration::from_millis(500) {
                read += PIECE;
            }
            if let Some(rest) = share.rest(now, head) {
                let bytes = alone * u64::try_from(rest.as_micros()).expect("short");
                share.rested(bytes, rest);
                now += rest;
                head += bytes;
            }
        }
        read.as_secs_f64() / 0.5
    }

    #[test]
    fn who_does_no_harm_reads_nearly_all_the_time() {
        assert!(share(1000, 1000, true) > 0.9);
        assert!(share(1000, 1100, true) > 0.9);
        assert!(share(0, 0, true) > 0.9, "a ring that stands still");
    }

    #[test]
    fn who_does_harm_reads_as_little_as_keeps_it_small() {
        for beside in [0, 100, 500, 900] {
            let read = share(1000, beside, true);
            let lost = read * (1.0 - beside as f64 / 1000.0);
            assert!(lost < 0.03, "{beside}: {read}");
            assert!(read > 0.005, "{beside}: {read}");
        }
    }

    #[test]
    fn who_keeps_up_never_rests() {
        assert!(share(1000, 100, false) > 0.99);
    }

    #[test]
    fn an_overrun_is_forgotten() {
        let mut share = Throttle::default();
        let start = Instant::now();
        share.overrun(start);
        assert_eq!(share.rest(start, 0), None, "a burst begins");
        assert!(share.rest(start + 2 * BURST, 0).is_some());
        assert_eq!(share.rest(start + 2 * MEMORY, 0), None);
        assert_eq!(share.rest(start + 3 * MEMORY, 0), None);
    }
}
