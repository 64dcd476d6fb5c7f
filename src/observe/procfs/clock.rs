//! When a process was started, and how its clock compares with ours.

use std::sync::LazyLock;

use super::kept::Kept;
use super::process::{Process, field};

/// Wall clock of a process's start, RFC 3339: boot time plus `ticks`.
#[must_use]
pub fn started_at(ticks: u64) -> Option<String> {
    /// It changes when somebody sets the clock.
    static BOOT: LazyLock<Kept<Option<i64>>> = LazyLock::new(Kept::default);
    let ask = || {
        let stat = std::fs::read("/proc/stat")?;
        Ok(field(&stat, "btime ").and_then(|boot| boot.parse().ok()))
    };
    let boot: i64 = (*BOOT.get(ask).ok()?)?;
    // USER_HZ is 100 on every Linux architecture this builds for.
    let seconds = boot.checked_add(i64::try_from(ticks / 100).ok()?)?;
    Some(jiff::Timestamp::from_second(seconds).ok()?.to_string())
}

/// By how much the `CLOCK_MONOTONIC` of `process` is ahead of ours, ns, as that may live in another time namespace; `None`
/// when that cannot be told (`time_namespaces(7)`).
#[must_use]
pub fn clock_ahead_ns(process: &Process) -> Option<i64> {
    let ours = Process::ourselves().ok()?;
    let namespace = |process: &Process, name| process.read_link(name).ok();
    let its = namespace(process, "ns/time");
    // A kernel without time namespaces shows none.
    if its.is_none() && namespace(&ours, "ns/time").is_none() {
        return Some(0);
    }
    if its? == namespace(&ours, "ns/time")? {
        return Some(0);
    }
    // The offsets that are shown are those of its children's namespace.
    let own = |process: &Process| {
        let own = namespace(process, "ns/time")?;
        (own == namespace(process, "ns/time_for_children")?).then_some(())?;
        monotonic_offset_ns(&process.text("timens_offsets").ok()?)
    };
    own(process)?.checked_sub(own(&ours)?)
}

/// The offset of `CLOCK_MONOTONIC` in a `timens_offsets` file, ns: a line `monotonic SECONDS NANOSECONDS`.
pub(super) fn monotonic_offset_ns(text: &[u8]) -> Option<i64> {
    let mut numbers = field(text, "monotonic ")?.split_whitespace();
    let mut next = || numbers.next()?.parse::<i64>().ok();
    let (seconds, nanoseconds) = (next()?, next()?);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_start_and_clock() {
        let process = Process::ourselves().expect("we exist");
        assert!(process.start_ticks().and_then(started_at).is_some());
        assert_eq!(clock_ahead_ns(&process), Some(0));
    }

    #[test]
    fn an_offset_is_read_off_its_line() {
        for (text, expected) in [
            (
                "monotonic        5000         7\nboottime  1 0\n",
                Some(5_000_000_000_007),
            ),
            ("monotonic -1 0\n", Some(-1_000_000_000)),
            ("monotonic 9223372036854775807 0\n", None),
            ("monotonic x 0\n", None),
            ("boottime 1 0\n", None),
        ] {
            assert_eq!(monotonic_offset_ns(text.as_bytes()), expected, "{text}");
        }
    }
}
