//! `bench`: how fast rings are on this machine.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::bench::{Load, Pin, Plan, measure};
use crate::cli::BenchArgs;
use crate::observe::model::{BenchMachine, BenchPhase, BenchReport};
use crate::observe::procfs::{clock_source, cpu_model, governor, kernel_release, load_average};
use crate::output::bench;
use crate::output::json::{self, Layout};
use crate::stderr::Progress;
use crate::stdout::Printer;
use crate::text::{duration, nanoseconds};

/// Messages a second where none are asked for, ...
const RATE: u64 = 100_000;
/// ... unless a ring that does its most carries fewer than twice as many.
const SHARE: f64 = 0.5;

/// Measures rings and prints the figures: each measurement when it is done, or as JSON all of them at the end.
///
/// # Errors
/// A CPU cannot be had; a process cannot be started or fails; messages did not arrive as they were sent; those of `out`.
pub fn bench(options: &BenchArgs, out: &mut Printer) -> anyhow::Result<()> {
    let plan = plan(options)?;
    let mut report = BenchReport::new(
        jiff::Timestamp::now().to_string(),
        machine(),
        plan.settings(),
    );
    if !options.json {
        bench::heading(out, &report)?;
        out.flush()?;
    }
    let loads = match (options.ping_pong, options.rate) {
        (true, _) => vec![Load::PingPong],
        (false, Some(load)) => vec![load],
        (false, None) => vec![Load::Most, Load::PerSecond(RATE)],
    };
    for load in loads {
        let load = moderate(load, report.phases.first());
        let phase = watched(&plan, load, out)?;
        if !options.json {
            bench::phase(out, &report, &phase)?;
            out.flush()?;
        }
        report.phases.push(phase);
    }
    if options.json {
        json::write(out, &report, Layout::Pretty)?;
        out.flush()?;
    }
    match report
        .phases
        .iter()
        .find(|phase| !phase.delivery.is_complete())
    {
        None => Ok(()),
        Some(phase) => anyhow::bail!(
            "the ring did not carry every message: {}",
            bench::faults(phase.delivery)
        ),
    }
}

/// A rate that the ring can carry, if it was not asked for.
fn moderate(load: Load, throughput: Option<&BenchPhase>) -> Load {
    let reached = throughput.and_then(|phase| phase.messages_per_second);
    match (load, reached) {
        (Load::PerSecond(rate), Some(reached)) => {
            Load::PerSecond(rate.min(crate::text::whole(reached * SHARE)).max(1))
        }
        (load, _) => load,
    }
}

/// Measures, notices meanwhile that the reader has gone, and tells on a terminal how long it will take.
fn watched(plan: &Plan, load: Load, out: &Printer) -> anyhow::Result<BenchPhase> {
    let begun = Instant::now();
    let whole = Duration::from_nanos(plan.time_ns.saturating_add(plan.warm_up_ns()));
    let mut progress = Progress::begin();
    measure(plan, load, &mut || {
        let left = nanoseconds(whole.saturating_sub(begun.elapsed()));
        progress.tell(|| format!("measuring, {} left", duration(left)));
        Ok(out.get_ref().sleep(Duration::ZERO)?)
    })
}

fn plan(options: &BenchArgs) -> anyhow::Result<Plan> {
    let cpus = options.pin.clone().map(Pin::resolve).transpose()?;
    let processes = if options.ping_pong {
        2
    } else {
        1 + options.consumers as usize
    };
    let different = match &cpus {
        Some(cpus) => cpus
            .iter()
            .cycle()
            .take(processes)
            .collect::<BTreeSet<_>>()
            .len(),
        None => usable_cpus(),
    };
    Ok(Plan {
        size: usize::try_from(options.size)?,
        capacity: options.capacity,
        consumers: if options.ping_pong {
            1
        } else {
            options.consumers
        },
        mode: options.mode.into(),
        time_ns: nanoseconds(options.time),
        cpus,
        shares_cpus: processes > different,
    })
}

/// CPUs that this process may use, by its affinity and its control group.
fn usable_cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn machine() -> BenchMachine {
    BenchMachine {
        cpu_model: cpu_model(),
        cpus: usable_cpus(),
        kernel: kernel_release(),
        governor: governor(),
        load_average_1m: load_average(),
        clock: "CLOCK_MONOTONIC",
        clock_source: clock_source(),
        debug_build: cfg!(debug_assertions),
    }
}
