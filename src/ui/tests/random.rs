//! Frames of rings that say anything: numbers as liars like them, names that try to act, and many of everything.

use super::fixtures::*;
use crate::observe::model::{Bounded, Frame, Listing, MessageLog, PastPoint, PastSeries, *};

/// Numbers from a seed.
pub(crate) struct Random(pub(in crate::ui) u64);

impl Random {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number as liars like them.
    fn number(&mut self) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => u64::MAX - self.below(9),
            3 => 1 << self.below(64),
            4 => CAPACITY - self.below(3),
            5 => self.below(5000),
            6 => 1_234_567_890 - self.below(CAPACITY),
            _ => self.next(),
        }
    }

    fn perhaps(&mut self) -> Option<u64> {
        (self.below(3) > 0).then(|| self.number())
    }

    #[expect(clippy::cast_precision_loss, reason = "any will do")]
    fn float(&mut self) -> Option<f64> {
        match self.below(8) {
            0 => None,
            1 => Some(f64::NAN),
            2 => Some(f64::INFINITY),
            3 => Some(-1.0),
            _ => Some(self.number() as f64 / 7.0),
        }
    }

    fn word(&mut self) -> String {
        let words = [
            "",
            "archive",
            "\u{1b}[31m",
            "日本語のとても長い名前です",
            "a b c d e f g h i j k l",
            "abc\u{202e}fdp\u{200d}e\u{301}\u{2066}",
        ];
        words[self.below(6) as usize].repeat(1 + self.below(3) as usize)
    }

    fn small(&mut self) -> u32 {
        u32::try_from(self.number() & 0xffff_ffff).unwrap()
    }

    fn past(&mut self) -> PastSeries {
        let count = self.below(500);
        let mut at_ns = self.number() >> 1;
        (0..count)
            .map(|_| {
                at_ns = match self.below(40) {
                    0 => self.number(),
                    _ => at_ns.saturating_add(250_000_000),
                };
                let point = PastPoint::at(at_ns, self.perhaps());
                match self.below(4) {
                    0 => point.followed_by(PastPoint::at(at_ns, self.perhaps())),
                    _ => point,
                }
            })
            .collect()
    }

    fn consumer(&mut self, slot: u32) -> ConsumerSnapshot {
        use ConsumerState::*;
        let states = [
            Ok, Idle, Lagging, Stalled, Blocking, Overdue, Dead, Left, Evicted, Parked, Invalid,
        ];
        let state = states[self.below(11) as usize];
        let mut consumer = consumer(slot, 7, "", 0, state, "");
        consumer.slot = self.perhaps().map(|slot| slot as u32);
        consumer.pid = self.perhaps().map(|pid| pid as i32);
        consumer.command = (self.below(3) > 0).then(|| self.word());
        consumer.reason = self.word();
        consumer.tail_offset = self.number();
        consumer.lag_bytes = self.perhaps();
        consumer.lag_percent = self.float();
        consumer.lag_messages = Estimate::about(self.number());
        consumer.lag_time_ns = self.perhaps().map(|low| Bounded {
            value: self.perhaps(),
            low,
            high: self.perhaps(),
        });
        consumer.rate_bytes_per_second = self.float();
        consumer.progress_age_ns = self.perhaps();
        consumer.evict_in_ns = self.perhaps();
        consumer
    }

    pub(crate) fn progress(&mut self, number: u64) -> SearchProgress {
        SearchProgress {
            number: number % 4,
            found: self.frame().messages,
            matches: self.number(),
            searched_messages: self.number(),
            searched_bytes: self.number(),
            missed_bytes: self.number(),
            left_bytes: self.number(),
            is_left_estimated: self.below(2) == 0,
            is_behind: self.below(2) == 0,
            goes_on: self.below(2) == 0,
        }
    }

    pub(crate) fn frame(&mut self) -> Frame {
        use RingState::*;
        let states = [Flowing, Idle, Full, Unknown, ProducerGone, Truncated];
        let mut frame = if self.below(2) == 0 {
            flowing()
        } else {
            with_events(full(), self.below(50))
        };
        let count = self.below(40);
        let ring = &mut frame.snapshot;
        ring.state = states[self.below(6) as usize];
        ring.sampled_ns = self.number();
        ring.producer.command = (self.below(3) > 0).then(|| self.word());
        ring.producer.alive = self.below(2) == 0;
        ring.control = ControlRegion {
            truncated: self.below(8) == 0,
            producer_head: self.number(),
            broadcast_futex: self.small(),
            producer_pid: 7,
            ring_capacity: self.number(),
            clog_threshold: self.number(),
            stall_timeout_ns: self.number(),
        };
        frame.timeline = (self.below(3) == 0).then(|| Timeline {
            begin_ns: self.number(),
            end_ns: self.number(),
            at_ns: self.number(),
            speed: (self.below(2) == 0).then(|| self.small()),
            is_live: self.below(2) == 0,
            marks: (0..self.below(9))
                .map(|_| Mark {
                    at_ns: self.number(),
                    severity: Severity::Warning,
                })
                .collect::<Vec<_>>()
                .into(),
        });
        let ring = &mut frame.snapshot;
        ring.slots = (self.below(2) == 0).then(|| SlotCounts {
            max: self.small(),
            used: self.small(),
            push: self.small(),
            clog_attempts: self.number(),
            next_seq_id: self.number(),
        });
        ring.free_bytes = self.perhaps();
        ring.time_to_full_ns = self.perhaps();
        ring.rate.bytes_per_second = self.float();
        ring.rate.messages_per_second = Estimate {
            value: self.float(),
            exact: false,
        };
        ring.hidden_consumers = self.perhaps().map(|hidden| hidden as u32);
        ring.consumers = (0..count as u32).map(|slot| self.consumer(slot)).collect();
        ring.gating_meta_inode = Some(100 + self.below(count + 2));
        for _ in 0..self.below(5) {
            ring.attach.limits.push(Limitation {
                what: self.word().into(),
                why: self.word(),
                remedy: Some(self.word()),
            });
        }
        frame.rates = self.past();
        frame.lags = (0..count).map(|nth| (100 + nth, self.past())).collect();
        frame.messages = MessageLog::imaginary(1 << 20);
        for nth in 0..self.below(100) {
            let mut message = message(nth);
            message.offset = self.number();
            push(&mut frame.messages, &message);
        }
        frame
    }

    pub(crate) fn listing(&mut self) -> Listing {
        let mut listing = listing(self.below(4) as usize);
        for ring in &mut listing.rings {
            ring.command = Some(self.word());
            ring.id = self.word();
            ring.ring_capacity = Some(self.number());
            ring.bytes_per_second = self.float();
            ring.reason = self.word();
            ring.through = self.perhaps().map(|pid| pid as i32);
        }
        listing
    }
}
