//! Any words as a command line: they mean something that can be, or are refused.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};

use super::values::{LONGEST, duration, end, pattern, period, size};
use super::{Cli, Command, RingPosition, means_check};
use crate::fuzzing::input::Input;
use crate::observe::model::{LagLimit, Threshold};

/// Words that mean something in one place or another.
const WORDS: [&str; 18] = [
    "", "0", "7", "-1", "5s", "250ms", "1m 30s", "50%", "50%:90%", "2s:10s", "3:1", "64KiB",
    "5..9", "..9", "oldest", "head", "de ad ??", "@quotes",
];

/// Everything that a command line can be made of.
fn vocabulary() -> Vec<String> {
    fn take(command: &clap::Command, all: &mut Vec<String>) {
        all.push(command.get_name().to_owned());
        for option in command.get_arguments() {
            all.extend(option.get_long().map(|name| format!("--{name}")));
            all.extend(option.get_short().map(|name| format!("-{name}")));
            let values = option.get_possible_values();
            all.extend(values.iter().map(|value| value.get_name().to_owned()));
        }
        command
            .get_subcommands()
            .for_each(|command| take(command, all));
    }
    let mut all = Vec::new();
    take(&Cli::command(), &mut all);
    all.extend(WORDS.map(str::to_owned));
    all
}

fn ascending<T: PartialOrd>(levels: Threshold<T>) -> bool {
    match (levels.warning, levels.critical) {
        (Some(warning), Some(critical)) => warning <= critical,
        _ => true,
    }
}

/// A time between nothing and the longest that can be waited for.
fn is_time(time: Duration) -> bool {
    time <= LONGEST
}

fn can_be(cli: &Cli) {
    let target = match &cli.command {
        None => &cli.target,
        Some(Command::Snapshot { target, .. }) => target,
        Some(Command::Tail(tail)) => {
            assert!(!(tail.lossless && tail.target.socket.is_none()));
            assert!(!matches!(tail.until, Some(RingPosition::Oldest)));
            assert!(tail.idle_timeout.is_none_or(is_time));
            let range = tail.wanted.seq.as_ref();
            assert!(range.is_none_or(|range| range.start() <= range.end()));
            &tail.target
        }
        Some(Command::Check(check)) => {
            assert!(is_time(check.interval));
            let times = [check.max_stall, check.max_idle, check.max_clog];
            assert!(times.into_iter().flatten().all(ascending));
            let _ = check.limits(LagLimit::default());
            &check.target
        }
        Some(Command::Record(record)) => {
            let times = [record.interval, record.before, record.after];
            assert!(times.into_iter().all(is_time) && !record.interval.is_zero());
            assert!(!(record.all && record.target.pid.is_some()));
            &record.target
        }
        Some(Command::Dump(dump)) => &dump.target,
        Some(Command::Events(events)) => {
            assert!(is_time(events.exec_timeout) && !events.exec_timeout.is_zero());
            &events.target
        }
        Some(Command::Metrics(metrics)) => {
            assert!(
                metrics
                    .every
                    .is_none_or(|every| is_time(every) && !every.is_zero())
            );
            assert!((1..=100).contains(&metrics.rate));
            &metrics.target
        }
        Some(Command::Doctor(doctor)) => {
            let refused = doctor.target.join || !doctor.target.file.is_empty();
            assert_eq!(doctor.misuse().is_some(), refused);
            &doctor.target
        }
        Some(Command::Bench(bench)) => {
            assert!(is_time(bench.time) && !bench.time.is_zero());
            let _ = bench.misuse();
            return;
        }
        Some(Command::Ls { interval, .. }) => return assert!(is_time(*interval)),
        Some(
            Command::Demo { .. }
            | Command::Completions { .. }
            | Command::Man { .. }
            | Command::Wireshark(_)
            | Command::Pub(_)
            | Command::Extcap { .. }
            | Command::BenchRole { .. }
            | Command::DemoRole { .. },
        ) => return,
    };
    assert!(target.pid.is_none_or(|pid| pid > 0));
    assert!(target.pid.is_none() || target.socket.is_none());
    assert!(is_time(target.timeout) && !target.timeout.is_zero());
    assert!(!target.join || target.socket.is_some());
}

/// Single values, each as it is typed.
fn values(text: &str) {
    if let Ok(bytes) = size(text) {
        assert!(bytes == 0 || text.chars().any(|one| one.is_ascii_digit()));
        assert_eq!(size(&bytes.to_string()), Ok(bytes));
    }
    if let Ok(time) = duration(text) {
        assert!(is_time(time));
        let again = duration(&format!("{}s {}ns", time.as_secs(), time.subsec_nanos()));
        assert_eq!(again, Ok(time), "{text:?}");
        assert_eq!(period(text).is_ok(), time >= Duration::from_millis(1));
    }
    if let Ok(limit) = text.parse::<LagLimit>() {
        assert!(ascending(limit.levels));
        assert_eq!(limit.to_string().parse(), Ok(limit), "{text:?}");
    }
    match end(text) {
        Ok(RingPosition::Offset(offset)) => {
            assert_eq!(offset.to_string().parse(), Ok(RingPosition::Offset(offset)));
        }
        Ok(place) => assert_eq!((place, text), (RingPosition::Head, "head")),
        Err(why) => assert!(!why.is_empty()),
    }
    // A pattern is compiled: how much that may take is the library's to say, and takes its time.
    if text.len() <= 24 {
        let _ = pattern(text);
    }
}

/// A command line.
pub fn arguments(data: &[u8]) {
    static KNOWN: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    let known = KNOWN.get_or_init(vocabulary);
    let mut input = Input::new(data);
    let mut words = vec![OsString::from("zbqtop")];
    for _ in 0..input.below(12) {
        words.push(match input.byte() {
            255 => OsString::from_vec(input.piece().to_vec()),
            at => known[usize::from(at) % known.len()].clone().into(),
        });
    }
    let checks = means_check(words.iter().cloned());
    match Cli::try_parse_from(&words) {
        Ok(cli) => {
            let is_check = matches!(cli.command, Some(Command::Check(_)));
            assert_eq!(is_check, checks, "{words:?}");
            can_be(&cli);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    values(&String::from_utf8_lossy(input.rest()));
}
