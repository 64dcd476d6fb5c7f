//! The clocks that rings are timed by: the kernel's, and the processor's ticks.

use std::time::Duration;

use crate::observe::model::DoctorCheck;
use crate::observe::procfs::clock_source;
use crate::ring::clock::TickClock;
use crate::text::count;

/// Between two measurements of the tick rate.
const PAUSE: Duration = Duration::from_millis(20);

/// Clocks that the kernel counts time by where the processor's ticks are too slow, or not the same on all cores.
const INSTEAD_OF_TICKS: [&str; 5] = ["hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"];

/// The clock that the kernel counts time by.
pub(super) fn source() -> DoctorCheck {
    judge_source(clock_source().as_deref())
}

fn judge_source(source: Option<&str>) -> DoctorCheck {
    const NAME: &str = "clock_source";
    match source {
        None | Some("") => DoctorCheck::unknown(NAME, "the kernel does not show it"),
        Some(source) if INSTEAD_OF_TICKS.contains(&source) => {
            let found = format!("{source}: the kernel does not trust the processor's ticks");
            DoctorCheck::missing(NAME, found)
                .so("times of progress are given in ticks, and may be wrong")
                .with_remedy("look for the reason: dmesg | grep -i tsc".to_owned())
        }
        Some(source) => DoctorCheck::ok(NAME, source),
    }
}

/// How fast the processor's ticks are, measured twice.
pub(super) fn tick_rate() -> DoctorCheck {
    let mut clock = TickClock::calibrate();
    let first = clock.ticks_per_second();
    std::thread::sleep(PAUSE);
    clock.refine();
    judge_rate(first, clock.ticks_per_second())
}

#[expect(clippy::cast_precision_loss, reason = "three figures are shown")]
fn judge_rate(first: u64, second: u64) -> DoctorCheck {
    const NAME: &str = "tick_rate";
    /// A counter below that stands still as good as.
    const SLOWEST: u64 = 1_000_000;
    let rate = format!("{}Hz", count(second as f64));
    if first.min(second) < SLOWEST {
        return DoctorCheck::broken(NAME, format!("{rate}, expected at least 1 MHz"))
            .so("times of progress are unknown");
    }
    let parts = (first.abs_diff(second) as f64 / second as f64 * 1e6).round();
    if parts > 10_000.0 {
        let found = format!("{rate}; two measurements differ by {parts} ppm");
        return DoctorCheck::missing(NAME, found)
            .so("times since a consumer made progress are inexact")
            .with_remedy("run it again: the machine may have been busy".to_owned());
    }
    DoctorCheck::ok(
        NAME,
        format!("{rate}; two measurements differ by {parts} ppm"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::DoctorStatus::{Broken, Missing, Ok, Unknown};

    #[test]
    fn a_clock_that_is_not_the_processors_is_told() {
        for (source, expected) in [
            (Some("tsc"), Ok),
            (Some("kvm-clock"), Ok),
            (Some("arch_sys_counter"), Ok),
            (Some("hpet"), Missing),
            (Some("acpi_pm"), Missing),
            (Some(""), Unknown),
            (None, Unknown),
        ] {
            assert_eq!(judge_source(source).status, expected, "{source:?}");
        }
    }

    #[test]
    fn a_rate_that_changes_or_stands_still_is_told() {
        for (first, second, expected) in [
            (2_500_000_000, 2_500_100_000, Ok),
            (2_500_000_000, 2_600_000_000, Missing),
            (2_500_000_000, 0, Broken),
            (1, 1, Broken),
        ] {
            let found = judge_rate(first, second);
            assert_eq!(found.status, expected, "{found:?}");
        }
    }
}
