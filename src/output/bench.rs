//! A benchmark for people, in 80 columns: what it ran on, then each measurement with its figures and, of latencies, a histogram.

mod histogram;

use std::io::{self, Write};

use super::wrapped::wrapped;
use crate::observe::model::{
    BenchConsumer, BenchKind, BenchPhase, BenchProducer, BenchReport, Delivery, Latency,
};
use crate::text::{
    bytes, bytes_per_second, counted, duration, escape, percent, percent_of, precise_count,
    precise_duration,
};

/// Columns of a line at most, unless a single word is longer.
const COLUMNS: usize = 80;
/// Columns before what is said of something.
const INDENT: usize = 10;
const UNKNOWN: &str = "-";

/// Writes what was measured, and on what.
///
/// # Errors
/// Those of `out`.
pub fn heading(out: &mut impl Write, report: &BenchReport) -> io::Result<()> {
    let (machine, settings) = (&report.machine, &report.settings);
    let mut on = vec![
        machine
            .cpu_model
            .clone()
            .unwrap_or_else(|| "unknown CPU model".into()),
        counted(machine.cpus as u64, "cpu"),
        format!("Linux {}", machine.kernel),
        machine
            .load_average_1m
            .map_or("load unknown".into(), |load| format!("load {load:.2}")),
    ];
    on.extend(
        machine
            .governor
            .as_ref()
            .map(|governor| format!("governor {governor}")),
    );
    on.push(format!(
        "clock {}",
        machine.clock_source.as_deref().unwrap_or("unknown")
    ));
    field(out, "machine", &on)?;
    let build = if machine.debug_build {
        " (a debug build, which is slower)"
    } else {
        ""
    };
    let consumers = counted(
        settings.consumers.into(),
        &format!("{} consumer", settings.wakeup_mode),
    );
    let mut what = vec![
        format!("zbqtop {}{build}", report.zbqtop_version),
        format!("messages of {}", bytes(settings.size_bytes)),
        format!("rings of {}", bytes(settings.capacity_bytes)),
        consumers,
        if settings.pinned {
            "pinned"
        } else {
            "not pinned"
        }
        .into(),
    ];
    if settings.cpus_shared {
        what.push("more processes than cpus: they wait for each other".into());
    }
    field(out, "measured", &what)
}

fn field(out: &mut impl Write, name: &str, parts: &[String]) -> io::Result<()> {
    let text = parts.join(", ");
    for (number, line) in wrapped(&escape(&text), COLUMNS - INDENT).iter().enumerate() {
        let name = if number == 0 { name } else { "" };
        writeln!(out, "{name:<INDENT$}{line}")?;
    }
    Ok(())
}

/// Writes one measurement, behind an empty line.
///
/// # Errors
/// Those of `out`.
pub fn phase(out: &mut impl Write, report: &BenchReport, phase: &BenchPhase) -> io::Result<()> {
    let time = duration(report.settings.time_ns);
    writeln!(out)?;
    match phase.kind {
        BenchKind::Throughput => {
            writeln!(out, "Throughput: as fast as possible for {time}")?;
            rates(out, phase)?;
        }
        BenchKind::Latency => {
            let rate = phase.rate_per_second.unwrap_or_default();
            writeln!(
                out,
                "Latency, from when each message is due: {rate} messages/s for {time}"
            )?;
            latencies(out, phase)?;
        }
        BenchKind::PingPong => {
            writeln!(
                out,
                "Ping-pong: one message there and back at a time for {time}"
            )?;
            round_trips(out, phase)?;
        }
    }
    for text in notes(report, phase) {
        for line in wrapped(&text, COLUMNS - 2) {
            writeln!(out, "  {line}")?;
        }
    }
    histogram::write(out, &phase.histogram)
}

fn rates(out: &mut impl Write, phase: &BenchPhase) -> io::Result<()> {
    writeln!(
        out,
        "  {:<12} {:>3} {:>11} {:>8} {:>11}",
        "", "CPU", "MESSAGES", "MSG/S", "PAYLOAD"
    )?;
    let size = phase.bytes_per_second.zip(phase.messages_per_second);
    let size = size.map(|(bytes, messages)| bytes / messages);
    for (number, one) in phase.consumers.iter().enumerate() {
        let payload = one
            .messages_per_second
            .zip(size)
            .map(|(rate, size)| bytes_per_second(rate * size));
        writeln!(
            out,
            "  {:<12} {:>3} {:>11} {:>8} {:>11}",
            consumer(number),
            cpu(one.pinned_cpu),
            one.messages,
            one.messages_per_second
                .map_or(UNKNOWN.into(), precise_count),
            payload.unwrap_or_else(|| UNKNOWN.into())
        )?;
    }
    Ok(())
}

fn latencies(out: &mut impl Write, phase: &BenchPhase) -> io::Result<()> {
    latency_row(
        out,
        ["", "CPU", "MESSAGES"],
        ["P50", "P90", "P99", "P99.9", "P99.99", "MAX"].map(Into::into),
    )?;
    for (number, one) in phase.consumers.iter().enumerate() {
        let BenchConsumer {
            pinned_cpu,
            messages,
            latency,
            ..
        } = one;
        let begin = [&consumer(number), &cpu(*pinned_cpu), &messages.to_string()];
        latency_row(out, begin.map(String::as_str), quantiles(latency.as_ref()))?;
    }
    if phase.consumers.len() > 1 {
        let all = phase.latency.map_or(0, |latency| latency.count).to_string();
        latency_row(out, ["all", "", &all], quantiles(phase.latency.as_ref()))?;
    }
    Ok(())
}

fn round_trips(out: &mut impl Write, phase: &BenchPhase) -> io::Result<()> {
    latency_row(
        out,
        ["", "CPU", "ROUNDS"],
        ["P50", "P90", "P99", "P99.9", "P99.99", "MAX"].map(Into::into),
    )?;
    let pinned = phase.consumers.first().and_then(|pong| pong.pinned_cpu);
    let cpus = match (phase.producer.pinned_cpu, pinned) {
        (Some(ping), Some(pong)) => format!("{ping},{pong}"),
        _ => UNKNOWN.into(),
    };
    let rounds = phase.messages.to_string();
    latency_row(
        out,
        ["round trip", &cpus, &rounds],
        quantiles(phase.latency.as_ref()),
    )
}

fn latency_row(
    out: &mut impl Write,
    [name, cpu, messages]: [&str; 3],
    times: [String; 6],
) -> io::Result<()> {
    write!(out, "  {name:<12} {cpu:>3} {messages:>9}")?;
    for time in times {
        write!(out, " {time:>7}")?;
    }
    writeln!(out)
}

fn quantiles(latency: Option<&Latency>) -> [String; 6] {
    let Some(of) = latency else {
        return [(); 6].map(|()| UNKNOWN.into());
    };
    [
        of.p50_ns,
        of.p90_ns,
        of.p99_ns,
        of.p99_9_ns,
        of.p99_99_ns,
        of.max_ns,
    ]
    .map(precise_duration)
}

fn consumer(number: usize) -> String {
    format!("consumer {}", number + 1)
}

fn cpu(pinned: Option<usize>) -> String {
    pinned.map_or(UNKNOWN.into(), |cpu| cpu.to_string())
}

/// What else is to be known of a measurement: of its producer, and of what arrived.
fn notes(report: &BenchReport, phase: &BenchPhase) -> Vec<String> {
    let BenchProducer {
        messages,
        blocked_messages,
        late_messages,
        latest_ns,
        ..
    } = phase.producer;
    let mut facts = Vec::new();
    match phase.kind {
        BenchKind::PingPong => {
            let rate = phase.messages_per_second;
            let rate = rate.map_or(UNKNOWN.into(), precise_count);
            facts.push(format!("{rate} round trips/s"));
        }
        BenchKind::Latency => facts.push(format!("{messages} sent")),
        BenchKind::Throughput if blocked_messages == 0 => facts.push("ring never full".into()),
        BenchKind::Throughput => {}
    }
    if blocked_messages > 0 {
        let share = percent_of(phase.producer.blocked_ns, report.settings.time_ns);
        let times = counted(blocked_messages, "time");
        facts.push(format!(
            "ring full {times}, {} % of the time",
            percent(share)
        ));
    }
    if let (Some(late @ 1..), Some(latest)) = (late_messages, latest_ns) {
        facts.push(format!(
            "{late} late, by {} at most",
            precise_duration(latest)
        ));
    }
    let subject = match (phase.kind, phase.producer.pinned_cpu) {
        (BenchKind::PingPong, _) => String::new(),
        (_, Some(cpu)) => format!("producer (cpu {cpu}): "),
        (_, None) => "producer: ".into(),
    };
    let mut notes = vec![subject + &facts.join("; ")];
    if let Some(unsent @ 1..) = phase.producer.unsent_messages {
        notes.push(format!(
            "{unsent} of {} messages were due and could not be sent: this rate is more than the ring, or this machine, \
             can do now",
            unsent + messages
        ));
    }
    notes.push(match phase.delivery.is_complete() {
        true => "every message arrived once, in order and unchanged".into(),
        false => format!("NOT as sent: {}", faults(phase.delivery)),
    });
    notes
}

/// What did not arrive as it was sent, in words.
#[must_use]
pub fn faults(of: Delivery) -> String {
    let faults = [
        (of.lost_messages, "lost"),
        (of.disordered_messages, "out of order or twice"),
        (of.wrong_length_messages, "of another length"),
        (of.wrong_content_messages, "with other bytes"),
    ];
    let found = faults.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = found
        .map(|(count, what)| format!("{} {what}", counted(*count, "message")))
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests;
