//! How fast the ring is beside the reference: `cargo bench --bench ring`, or some of it by name: `throughput`, `alone`,
//! `latency`, `loaded`; a number after it is how many pairs are measured.
//!
//! Each measurement is of processes of its own, pinned to a core each as far as there are cores. Reference and this crate
//! alternate within one run, because machines are shared and noisy; what is printed are medians, the spread, and the median
//! of the ratios. Nothing here passes or fails. The reference's own examples have 64 slots, and so has every ring here.
#![expect(clippy::print_stdout, reason = "figures are printed")]
#![expect(
    unsafe_code,
    reason = "the reference is called through its C interface, to be as fast as it can be; the bare loop has none"
)]

mod bare;
mod interface;
mod latency;
#[path = "../rig/mod.rs"]
mod rig;
mod sides;
mod throughput;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["produce", ref how @ ..] => throughput::produce(how),
        ["consume", ref how @ ..] => throughput::consume(how),
        ["ping", ref how @ ..] => latency::ping(how),
        ["pong", ref how @ ..] => latency::pong(how),
        ["paced", ref how @ ..] => latency::paced(how),
        ["timed", ref how @ ..] => latency::timed(how),
        _ => {
            let words: Vec<&str> = words
                .into_iter()
                .filter(|word| !word.starts_with('-'))
                .collect();
            let asked = |name: &str| words.first().is_none_or(|first| *first == name);
            let pairs = words
                .get(1)
                .map_or(7, |pairs| pairs.parse().expect("a number"));
            interface::build();
            println!("{}", machine());
            if asked("throughput") {
                throughput::pairs(pairs);
            }
            if asked("alone") {
                throughput::alone(pairs);
            }
            if asked("latency") {
                latency::ping_pong(pairs);
            }
            if asked("loaded") {
                latency::loaded(pairs);
            }
        }
    }
}

/// What it runs on, and how busy that is.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("\t: ?");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{} cores, {}, load {}",
        std::thread::available_parallelism().map_or(0, usize::from),
        model.trim_start_matches(['\t', ' ', ':']),
        load.split(' ').next().unwrap_or("?")
    )
}

/// Pins this thread to the core of that number, counted from 0, as far as there are so many: beyond, the last is shared.
fn pin(core: usize) {
    let all = rustix::thread::sched_getaffinity(None).expect("it is told");
    let cores: Vec<usize> = (0..1024).filter(|core| all.is_set(*core)).collect();
    let mut one = rustix::thread::CpuSet::new();
    one.set(cores[core.min(cores.len() - 1)]);
    rustix::thread::sched_setaffinity(None, &one).expect("it may be set");
}

/// Median, lowest and highest.
fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (
        sorted[sorted.len() / 2],
        sorted[0],
        sorted[sorted.len() - 1],
    )
}
