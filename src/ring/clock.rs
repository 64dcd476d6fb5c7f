//! CPU ticks, the clock of `progress_timestamp` and `join_baseline`, and their calibration to nanoseconds. It
//! owns the tick counter; it knows no ring.
//!
//! Ticks are not time: the counter's frequency is not told to user space on x86-64, so [`TickClock`] measures it
//! against CLOCK_MONOTONIC_RAW, which runs at the hardware's pace and is not slewed by NTP.
//!
//! # Safety
//!
//! Reading the counter takes one instruction that Rust has no safe name for.
#![expect(
    unsafe_code,
    reason = "the CPU's tick counter is read by an instruction"
)]

use std::sync::OnceLock;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The CPU's tick counter now, the one `zbq.h: zbq_read_cpu_time` reads on x86-64. It reads it by `rdtscp`, which waits until
/// all before it is done; for a time that is told in microseconds `rdtsc` will do.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn ticks() -> u64 {
    // SAFETY: rdtsc is on every x86-64 CPU, and touches no memory.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// The CPU's tick counter now, the one `zbq.h: zbq_read_cpu_time` reads: aarch64 `cntvct_el0`.
#[cfg(target_arch = "aarch64")]
#[inline]
pub fn ticks() -> u64 {
    let ticks: u64;
    // SAFETY: Linux lets user space read the virtual counter; the instruction touches neither memory nor flags.
    unsafe {
        std::arch::asm!("mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack, preserves_flags))
    };
    ticks
}

/// The tick counter of architectures for which `zbq.h: zbq_read_cpu_time` has none: CLOCK_MONOTONIC nanoseconds.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn ticks() -> u64 {
    monotonic_ns()
}

/// CLOCK_MONOTONIC in nanoseconds, the clock of evictions.
pub fn monotonic_ns() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    // Both parts are non-negative for these clocks, and 2^64 ns are 584 years of uptime.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// One instant in both clocks.
#[derive(Clone, Copy, Debug)]
struct Instant {
    ticks: u64,
    ns: u64,
}

impl Instant {
    /// Reads ticks, clock, ticks, and takes the middle for the instant. An interrupt in between widens the
    /// bracket, so the narrowest of a few is the one to believe.
    fn now() -> Self {
        const TRIES: usize = 8;
        let bracket = || {
            let before = ticks();
            let ns = nanoseconds(ClockId::MonotonicRaw);
            let width = ticks().wrapping_sub(before);
            (
                width,
                Self {
                    ticks: before.wrapping_add(width / 2),
                    ns,
                },
            )
        };
        let mut best = bracket();
        for _ in 1..TRIES {
            let next = bracket();
            if next.0 < best.0 {
                best = next;
            }
        }
        best.1
    }
}

/// What a tick is worth, as measured on this machine.
#[derive(Clone, Copy, Debug)]
pub struct TickClock {
    start: Instant,
    span_ticks: u64,
    span_ns: u64,
}

impl TickClock {
    /// How long [`TickClock::calibrate`] measures: good for about 50 parts in a million, and far below what a
    /// person or a script notices.
    pub const WINDOW: Duration = Duration::from_millis(2);

    /// Measures for [`TickClock::WINDOW`], asleep, the first time in a process; and after that, over all the time since then.
    pub fn calibrate() -> Self {
        static START: OnceLock<Instant> = OnceLock::new();
        let mut clock = Self {
            start: *START.get_or_init(Instant::now),
            span_ticks: 1,
            span_ns: 1,
        };
        clock.refine();
        let passed = Duration::from_nanos(clock.span_ns);
        std::thread::sleep(Self::WINDOW.saturating_sub(passed));
        clock.refine();
        clock
    }

    /// Measures again over all the time since the first measurement: the longer ago that is, the better the estimate.
    pub fn refine(&mut self) {
        let now = Instant::now();
        // Neither span can be 0 in a division below, even on a machine whose counter stands still.
        self.span_ticks = now.ticks.saturating_sub(self.start.ticks).max(1);
        self.span_ns = now.ns.saturating_sub(self.start.ns).max(1);
    }

    /// Nanoseconds in `delta` ticks, saturating.
    pub fn ticks_to_ns(&self, delta: u64) -> u64 {
        scale(delta, self.span_ns, self.span_ticks)
    }

    /// Ticks in one second, as measured.
    pub fn ticks_per_second(&self) -> u64 {
        scale(1_000_000_000, self.span_ticks, self.span_ns)
    }
}

/// `value * by / of` without overflow on the way, saturating at the end.
fn scale(value: u64, by: u64, of: u64) -> u64 {
    u64::try_from(u128::from(value) * u128::from(by) / u128::from(of)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_go_forward() {
        let first = ticks();
        std::thread::sleep(Duration::from_millis(1));
        assert!(ticks() > first);
    }

    #[test]
    fn a_measured_pause_is_as_long_as_the_clock_says() {
        let mut clock = TickClock::calibrate();
        let from = Instant::now();
        std::thread::sleep(Duration::from_millis(20));
        let to = Instant::now();
        clock.refine();
        let measured = clock.ticks_to_ns(to.ticks - from.ticks) as f64;
        let real = (to.ns - from.ns) as f64;
        assert!(
            (measured / real - 1.0).abs() < 0.01,
            "{measured} ns by ticks, {real} ns by the clock"
        );
    }

    #[test]
    fn a_second_of_ticks_is_a_second() {
        let clock = TickClock::calibrate();
        let second = clock.ticks_to_ns(clock.ticks_per_second()) as f64;
        assert!((second / 1e9 - 1.0).abs() < 1e-4, "{second} ns");
    }

    #[test]
    fn the_largest_delta_does_not_overflow() {
        let start = Instant { ticks: 0, ns: 0 };
        let slow = TickClock {
            start,
            span_ticks: 1,
            span_ns: u64::MAX,
        };
        assert_eq!(slow.ticks_to_ns(u64::MAX), u64::MAX);
        let even = TickClock {
            start,
            span_ticks: u64::MAX,
            span_ns: u64::MAX,
        };
        assert_eq!(even.ticks_to_ns(u64::MAX), u64::MAX);
    }
}
