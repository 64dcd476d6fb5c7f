//! A verdict as the one line of a monitoring plugin: `ZBQ OK - text | 'label'=value[unit];warn;crit;min;max …`.
//!
//! Nothing in the text can end it early or begin a second line: what comes from outside is escaped, `|` included.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::observe::check::{Figure, Measure, RingVerdict, Verdict};
use crate::text::{counted, escape};

/// How figures are labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// By their names alone: so they stay the same when the one ring's producer starts anew.
    Plain,
    /// With what their ring is called in front.
    ByRing,
}

/// Bytes of a line at most, its end included: plugins' readers cut longer ones.
const LONGEST: usize = 4096;
/// And of the text in it, where figures need the room.
const TEXT: usize = 2048;

/// Writes `verdict` and a newline: what has no room is left out, the best of it first, and counted.
///
/// # Errors
/// Those of `out`.
pub fn line(out: &mut impl Write, verdict: &Verdict, labels: Labels) -> io::Result<()> {
    let mut line = format!("ZBQ {} - ", verdict.status.word());
    push_text(&mut line, verdict);
    let mut figures = String::new();
    // What is left out is counted behind the text.
    let room = LONGEST - line.len() - 64;
    let mut left_out = 0;
    for ring in &verdict.rings {
        let prefix = match labels {
            Labels::Plain => String::new(),
            Labels::ByRing => format!("{}_", unique_label(ring, &verdict.rings)),
        };
        let before = figures.len();
        for figure in &ring.figures {
            figures.push(' ');
            push(&mut figures, &prefix, figure);
        }
        if left_out > 0 || figures.len() > room {
            figures.truncate(before);
            left_out += 1;
        }
    }
    if left_out > 0 {
        let rings = counted(left_out, "ring");
        // Writing to a String cannot fail.
        let _ = write!(line, "; without the figures of {rings}");
    }
    if !figures.is_empty() {
        line.push_str(" |");
        line.push_str(&figures);
    }
    writeln!(out, "{line}")
}

/// As many of a verdict's parts as have room, and how many are left out.
fn push_text(line: &mut String, verdict: &Verdict) {
    let safe = |text: &str| escape(text).replace('|', "\\x7c");
    let (begin, parts) = &verdict.parts;
    push_within(line, &safe(begin), TEXT);
    for (at, part) in parts.iter().enumerate() {
        let part = safe(part);
        let separator = if at > 0 { "; " } else { "" };
        if at > 0 && line.len() + part.len() > TEXT {
            let _ = write!(line, "; and {} more", parts.len() - at);
            return;
        }
        line.push_str(separator);
        push_within(line, &part, TEXT);
    }
}

/// Appends `text`, cut off where the line would become longer than that.
fn push_within(line: &mut String, text: &str, most: usize) {
    let room = most.saturating_sub(line.len());
    if text.len() <= room {
        return line.push_str(text);
    }
    let cut = (0..=room).rev().find(|at| text.is_char_boundary(*at));
    line.push_str(&text[..cut.unwrap_or(0)]);
    line.push_str("...");
}

/// What a ring is called in labels: where several are called the same, with its id.
fn unique_label(ring: &RingVerdict, all: &[RingVerdict]) -> String {
    let same = all.iter().filter(|other| other.label == ring.label).count();
    let label = escape(&ring.label).replace('|', "\\x7c");
    if same > 1 {
        format!("{label} {}", ring.id)
    } else {
        label
    }
}

fn push(line: &mut String, prefix: &str, figure: &Figure) {
    let (label, unit, kind) = match figure.name {
        Measure::LagBytes => ("lag_bytes", "B", NumberStyle::Whole),
        Measure::LagMessages => ("lag_messages", "", NumberStyle::Whole),
        Measure::LagTimeNs => ("lag_time", "s", NumberStyle::Time),
        Measure::StallNs => ("stall", "s", NumberStyle::Time),
        Measure::IdleNs => ("idle", "s", NumberStyle::Time),
        Measure::ClogAttempts => ("clog_attempts", "", NumberStyle::Whole),
        Measure::Consumers => ("consumers", "", NumberStyle::Fewest),
        Measure::Zombies => ("zombies", "", NumberStyle::Whole),
        Measure::ProducerHead => ("producer_head", "c", NumberStyle::Whole),
        Measure::BytesPerSecond => ("bytes_per_second", "", NumberStyle::Whole),
    };
    let number = |value: u64| match kind {
        NumberStyle::Time => seconds(value),
        NumberStyle::Whole | NumberStyle::Fewest => value.to_string(),
    };
    let level = |level: Option<u64>| {
        let colon = if kind == NumberStyle::Fewest { ":" } else { "" };
        level.map_or_else(String::new, |level| format!("{}{colon}", number(level)))
    };
    let value = figure
        .value
        .map_or_else(|| "U".into(), |value| format!("{}{unit}", number(value)));
    let label = format!("{prefix}{label}")
        .replace('\'', "''")
        .replace('=', "_");
    let fields = format!(
        "{value};{};{};0;{}",
        level(figure.warning),
        level(figure.critical),
        figure.max.map_or_else(String::new, number)
    );
    // What is not there at the end need not be: `;;;0;` says no more than `;;;0`.
    let fields = fields.trim_end_matches(';');
    // Writing to a String cannot fail.
    let _ = write!(line, "'{label}'={fields}");
}

/// How a figure's numbers are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NumberStyle {
    /// As they are; levels are the most there may be.
    Whole,
    /// As they are; levels are the fewest there may be.
    Fewest,
    /// Nanoseconds, as seconds.
    Time,
}

/// Nanoseconds as seconds, in digits and a point only.
fn seconds(ns: u64) -> String {
    let text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::check::{Reason, Status};

    fn figure(name: Measure, value: Option<u64>) -> Figure {
        Figure {
            name,
            value,
            exact: true,
            at_least: 0,
            at_most: None,
            warning: None,
            critical: None,
            max: None,
        }
    }

    fn verdict(message: &str, figures: Vec<Figure>) -> Verdict {
        let mut verdict = Verdict::unknown("test", "");
        verdict.parts = (String::new(), vec![message.into()]);
        verdict.status = Status::Ok;
        verdict.reasons = Vec::<Reason>::new();
        verdict.rings = vec![RingVerdict {
            id: "7/3".into(),
            pid: 7,
            command: None,
            label: "quotes".into(),
            status: Status::Ok,
            figures,
        }];
        verdict
    }

    fn written(verdict: &Verdict, labels: Labels) -> String {
        let mut out = Vec::new();
        line(&mut out, verdict, labels).expect("memory takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn figures_are_written_as_the_guidelines_want_them() {
        let limited = |name, value, warning, critical, max| Figure {
            warning,
            critical,
            max,
            ..figure(name, value)
        };
        for (figure, expected) in [
            (
                limited(
                    Measure::LagBytes,
                    Some(3600),
                    Some(32_768),
                    Some(58_982),
                    Some(65_536),
                ),
                "'lag_bytes'=3600B;32768;58982;0;65536",
            ),
            (figure(Measure::LagBytes, None), "'lag_bytes'=U;;;0"),
            (
                limited(
                    Measure::LagTimeNs,
                    Some(1_500_000_000),
                    None,
                    Some(2_000_000_000),
                    None,
                ),
                "'lag_time'=1.5s;;2;0",
            ),
            (
                figure(Measure::StallNs, Some(1)),
                "'stall'=0.000000001s;;;0",
            ),
            (
                figure(Measure::StallNs, Some(100_000_000_000)),
                "'stall'=100s;;;0",
            ),
            (
                limited(Measure::Consumers, Some(2), Some(3), Some(1), Some(16)),
                "'consumers'=2;3:;1:;0;16",
            ),
            (
                limited(Measure::Zombies, Some(0), None, Some(0), None),
                "'zombies'=0;;0;0",
            ),
            (
                figure(Measure::ProducerHead, Some(5)),
                "'producer_head'=5c;;;0",
            ),
        ] {
            let line = written(&verdict("", vec![figure]), Labels::Plain);
            let found = line.split_once(" | ").expect("figures").1;
            assert_eq!(found, format!("{expected}\n"));
        }
    }

    #[test]
    fn labels_name_the_ring_where_there_may_be_several() {
        let verdict = verdict("", vec![figure(Measure::Zombies, Some(0))]);
        let line = written(&verdict, Labels::ByRing);
        assert_eq!(line, "ZBQ OK -  | 'quotes_zombies'=0;;;0\n");
    }

    #[test]
    fn nothing_in_the_text_ends_it_or_steers_a_terminal() {
        let message = "a|b\nc\u{1b}[31m";
        let line = written(&verdict(message, Vec::new()), Labels::Plain);
        assert_eq!(line, "ZBQ OK - a\\x7cb\\nc\\x1b[31m\n");
    }

    #[test]
    fn a_line_is_never_too_long_and_what_is_left_out_is_counted() {
        for (rings, long) in [(1, 10), (40, 10), (40, 300), (900, 50), (1, 100_000)] {
            let mut all = verdict("", vec![figure(Measure::LagBytes, Some(u64::MAX)); 9]);
            all.rings = vec![all.rings.remove(0); rings];
            for (number, ring) in all.rings.iter_mut().enumerate() {
                ring.label = format!("/run/{number}.sock");
            }
            let part = |number| format!("{number} is {}", "\u{1b}é".repeat(long));
            all.parts = (format!("{rings} rings: "), (0..rings).map(part).collect());
            let line = written(&all, Labels::ByRing);
            assert!(line.len() <= LONGEST, "{}", line.len());
            assert!(line.ends_with('\n') && line.matches('\n').count() == 1);
            let (text, figures) = line.trim_end().split_once(" | ").expect("figures");
            let told = figures.matches("_lag_bytes'=").count() / 9;
            let left = rings - told;
            let said = format!("; without the figures of {}", counted(left as u64, "ring"));
            assert_eq!(text.ends_with(&said), left > 0, "{text}");
            for figure in figures.split(" '") {
                assert!(figure.ends_with("B;;;0"), "cut in the middle: {figure}");
            }
            let parts = text.matches(" is ").count();
            let more = format!("; and {} more", rings - parts);
            assert_eq!(text.contains(&more), parts < rings, "{text}");
        }
    }
}
