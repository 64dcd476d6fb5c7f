//! Tables for people: `zbqtop snapshot` and `zbqtop ls`. Every name from outside is escaped.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use crate::observe::model::{
    ConsumerSnapshot, Distribution, Estimate, Event, Limitation, Listing, Report, RingSnapshot,
    Severity, SlotCounts, WakeupBasis,
};
use crate::ring::layout::PARKED_TAIL;
use crate::text::{
    bytes, bytes_per_second, count, counted, duration, escape, few, percent, percent_of,
};

const UNKNOWN: &str = "-";

/// Writes every ring of a report.
///
/// # Errors
/// Those of `out`.
pub fn report(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for (number, snapshot) in report.rings.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        ring(out, snapshot)?;
    }
    Ok(())
}

fn ring(out: &mut impl Write, ring: &RingSnapshot) -> io::Result<()> {
    let producer = &ring.producer;
    let name = producer
        .command
        .as_deref()
        .map_or_else(|| UNKNOWN.into(), escape);
    let method = ring.attach.method.word();
    let table = if ring.attach.slot_table {
        ", slot table"
    } else {
        ""
    };
    writeln!(
        out,
        "{name} (pid {})  ring {}  {method}{table}  {}: {}",
        producer.pid,
        ring.id,
        ring.state.word(),
        ring.reason
    )?;
    let control = &ring.control;
    let mut fields = vec![
        (
            "head",
            optional(control.head(), |head| {
                let (lap, position) = (control.lap(), bytes(control.position()));
                format!("{head} (lap {lap}, at {position})")
            }),
        ),
        (
            "capacity",
            optional(Some(control.ring_capacity).filter(|it| *it > 0), bytes),
        ),
        ("free", free(ring)),
        (
            "rate",
            format!(
                "{}, {}",
                optional(ring.rate.bytes_per_second, bytes_per_second),
                messages(ring)
            ),
        ),
        (
            "eviction",
            optional(control.head(), |_| {
                format!(
                    "scan after {} failed reservations, evict after {} without progress",
                    control.clog_threshold,
                    duration(control.stall_timeout_ns)
                )
            }),
        ),
    ];
    if let Some(slots) = &ring.slots {
        let SlotCounts {
            used,
            max,
            push,
            clog_attempts,
            next_seq_id,
        } = slots;
        fields.push((
            "slots",
            format!("{used} of {max} used, {push} push; {clog_attempts} clog attempts; next seq id {next_seq_id}"),
        ));
    }
    if let Some(started) = &producer.started_at {
        fields.push((
            "producer",
            format!(
                "uid {}, since {started}",
                optional(producer.uid, |uid| uid.to_string())
            ),
        ));
    }
    let distribution = |known: Distribution, of: &str, figure: fn(u64) -> String| {
        let about = if known.exact { "" } else { "~" };
        let [p50, p99, max] = [known.p50, known.p99, known.max].map(figure);
        let count = counted(known.count, of);
        format!("p50 {about}{p50}, p99 {about}{p99}, max {about}{max} of {count}")
    };
    if let Some(known) = ring.messages.payload_bytes {
        fields.push(("payloads", distribution(known, "message", bytes)));
    }
    if let Some(known) = ring.messages.interval_ns {
        fields.push(("intervals", distribution(known, "interval", duration)));
    }
    if let Some(known) = &ring.messages.age_ns {
        fields.push(("ages", known.words()));
    }
    let mut sockets = producer.sockets.iter().flatten();
    for socket in sockets.by_ref().take(MOST_SOCKETS) {
        fields.push(("socket", escape(socket).into_owned()));
    }
    let left = sockets.count();
    if left > 0 {
        fields.push(("", format!("and {left} more")));
    }
    for (name, value) in fields {
        writeln!(out, "  {name:<9} {value}")?;
    }
    consumers(out, ring)?;
    for finding in &ring.findings {
        let word = finding.severity.word();
        let mark = match finding.severity {
            Severity::Info => word.to_owned(),
            Severity::Warning | Severity::Critical => word.to_uppercase(),
        };
        writeln!(out, "  {mark:<9} {}", finding.message)?;
    }
    limits(out, &ring.attach.limits)?;
    for event in &ring.events {
        let Event {
            kind, at, message, ..
        } = event;
        writeln!(out, "  event     {at} {}: {message}", kind.word())?;
    }
    Ok(())
}

fn free(ring: &RingSnapshot) -> String {
    let Some(free) = ring.free_bytes else {
        return UNKNOWN.into();
    };
    let percent = percent(percent_of(free, ring.control.ring_capacity));
    let gate = match (ring.gating_slot, ring.gating_pid) {
        (Some(slot), Some(pid)) => format!(", gated by slot {slot} (pid {pid})"),
        (Some(slot), None) => format!(", gated by slot {slot}"),
        (None, Some(pid)) => format!(", gated by pid {pid}"),
        (None, None) => String::new(),
    };
    let full = ring
        .time_to_full_ns
        .map_or_else(String::new, |ns| format!(", full in {}", duration(ns)));
    format!("{} ({percent} %){gate}{full}", bytes(free))
}

fn messages(ring: &RingSnapshot) -> String {
    let rate = ring.rate.messages_per_second;
    estimate(rate, |value| format!("{} msg/s", count(value)))
}

fn consumers(out: &mut impl Write, ring: &RingSnapshot) -> io::Result<()> {
    if ring.consumers.is_empty() {
        return writeln!(
            out,
            "  {}",
            match ring.hidden_consumers {
                Some(0) => "no consumers",
                _ => "consumers are hidden",
            }
        );
    }
    let heads = [
        (Side::Right, "SLOT"),
        (Side::Right, "PID"),
        (Side::Left, "COMMAND"),
        (Side::Left, "MODE"),
        (Side::Right, "TAIL"),
        (Side::Right, "LAG"),
        (Side::Right, "%"),
        (Side::Right, "MSGS"),
        (Side::Right, "TIME"),
        (Side::Right, "RATE"),
        (Side::Right, "PROGRESS"),
        (Side::Right, "EVICT IN"),
        (Side::Left, "STATE"),
    ];
    let rows: Vec<_> = ring.consumers.iter().map(consumer).collect();
    columns(out, &heads, &rows)
}

fn consumer(consumer: &ConsumerSnapshot) -> Vec<String> {
    let ago = |ns| format!("{} ago", duration(ns));
    vec![
        optional(consumer.slot, |slot| slot.to_string()),
        optional(consumer.pid, |pid| pid.to_string()),
        optional(consumer.command.as_deref(), |name| {
            escape(name).into_owned()
        }),
        optional(consumer.wakeup_mode, |mode| {
            // Plain is what the slot table says, which the heading names.
            let basis = match consumer.wakeup_basis {
                Some(WakeupBasis::FutexWait) => " (futex wait)",
                Some(WakeupBasis::Join) => " (join)",
                Some(WakeupBasis::SlotTable) | None => "",
            };
            format!("{mode}{basis}")
        }),
        if consumer.tail_offset == PARKED_TAIL {
            "parked".into()
        } else {
            consumer.tail_offset.to_string()
        },
        optional(consumer.lag_bytes, bytes),
        optional(consumer.lag_percent, percent),
        estimate(consumer.lag_messages, |messages| messages.to_string()),
        optional(consumer.lag_time_ns, |behind| behind.words(duration)),
        optional(consumer.rate_bytes_per_second, bytes_per_second),
        if consumer.progress_timestamp == 0 {
            "never".into()
        } else {
            optional(consumer.progress_age_ns, ago)
        },
        optional(consumer.evict_in_ns, duration),
        consumer.state.word().into(),
    ]
}

/// Writes the rings of this machine.
///
/// # Errors
/// Those of `out`.
pub fn listing(out: &mut impl Write, listing: &Listing) -> io::Result<()> {
    if listing.rings.is_empty() {
        writeln!(out, "no zbq ring found; `zbqtop demo` makes one")?;
    } else {
        let heads = [
            (Side::Left, "RING"),
            (Side::Right, "PID"),
            (Side::Left, "COMMAND"),
            (Side::Right, "CAPACITY"),
            (Side::Right, "HEAD"),
            (Side::Right, "CONSUMERS"),
            (Side::Right, "RATE"),
            (Side::Left, "STATE"),
            (Side::Left, "HEALTH"),
            (Side::Left, "SOCKET"),
        ];
        let rows: Vec<Vec<String>> = listing
            .rings
            .iter()
            .map(|ring| {
                let escaped = ring
                    .sockets
                    .iter()
                    .flatten()
                    .map(|socket| escape(socket).into_owned());
                let mut sockets: Vec<String> = escaped.collect();
                if let Some(through) = ring.through {
                    sockets.push(format!("(through pid {through})"));
                }
                vec![
                    ring.id.clone(),
                    ring.pid.to_string(),
                    optional(ring.command.as_deref(), |name| escape(name).into_owned()),
                    optional(ring.ring_capacity, bytes),
                    optional(ring.producer_head, |head| head.to_string()),
                    optional(ring.consumers, |consumers| consumers.to_string()),
                    optional(ring.bytes_per_second, bytes_per_second),
                    ring.state.word().into(),
                    ring.health.word().into(),
                    if sockets.is_empty() {
                        UNKNOWN.into()
                    } else {
                        few(&sockets, ", ")
                    },
                ]
            })
            .collect();
        columns(out, &heads, &rows)?;
    }
    limits(out, &listing.limits)
}

fn limits(out: &mut impl Write, limits: &[Limitation]) -> io::Result<()> {
    for limit in limits {
        writeln!(out, "  hidden    {}", escape(&limit.to_string()))?;
    }
    Ok(())
}

/// Sockets of one process that are shown.
const MOST_SOCKETS: usize = 12;

/// On which side of its column a cell stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Names and words.
    Left,
    /// Numbers.
    Right,
}

/// Columns as wide as their widest cell, each under its heading.
fn columns(out: &mut impl Write, heads: &[(Side, &str)], rows: &[Vec<String>]) -> io::Result<()> {
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(column, (_, head))| {
            rows.iter()
                .map(|row| row[column].width())
                .max()
                .unwrap_or(0)
                .max(head.width())
        })
        .collect();
    let heading: Vec<String> = heads.iter().map(|(_, head)| (*head).to_owned()).collect();
    for row in std::iter::once(&heading).chain(rows) {
        let mut line = String::from(" ");
        for ((cell, (side, _)), width) in row.iter().zip(heads).zip(&widths) {
            line.push(' ');
            let gap = " ".repeat(width - cell.width());
            line.push_str(&match side {
                Side::Left => format!("{cell}{gap}"),
                Side::Right => format!("{gap}{cell}"),
            });
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn optional<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.into(), show)
}

fn estimate<T>(value: Estimate<T>, show: impl FnOnce(T) -> String) -> String {
    let mark = if value.exact { "" } else { "~" };
    value
        .value
        .map_or_else(|| UNKNOWN.into(), |value| format!("{mark}{}", show(value)))
}
