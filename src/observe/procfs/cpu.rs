//! What the kernel says of the processors and of how busy they are.

use std::collections::BTreeSet;

use super::kernel::short_text;

/// The model of the first CPU, untrusted text; `None` where `/proc/cpuinfo` names none, as on most aarch64 machines.
#[must_use]
pub fn cpu_model() -> Option<String> {
    model_in(&short_text("/proc/cpuinfo")?)
}

/// How the frequency of the CPUs is governed, with commas between the names if they differ; `None` where that is not shown, as
/// in most virtual machines.
#[must_use]
pub fn governor() -> Option<String> {
    let cpus = std::fs::read_dir("/sys/devices/system/cpu").ok()?;
    let governors: BTreeSet<String> = cpus
        .flatten()
        .filter_map(|cpu| {
            cpu.path()
                .join("cpufreq/scaling_governor")
                .to_str()
                .map(short_text)?
        })
        .collect();
    let names: Vec<String> = governors.into_iter().collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// How many tasks ran or waited to run, on average over the last minute; `None` where that is not shown.
#[must_use]
pub fn load_average() -> Option<f64> {
    first_load(&short_text("/proc/loadavg")?)
}

fn model_in(cpuinfo: &str) -> Option<String> {
    let mut fields = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    let (_, model) = fields.find(|(name, _)| name.trim_end() == "model name")?;
    Some(model.trim().to_owned()).filter(|model| !model.is_empty())
}

fn first_load(loadavg: &str) -> Option<f64> {
    let load: f64 = loadavg.split(' ').next()?.parse().ok()?;
    load.is_finite().then_some(load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_and_the_load_are_read_from_what_the_kernel_writes() {
        let cpuinfo =
            "processor\t: 0\nmodel\t\t: 1\nmodel name\t: Some CPU @ 3 GHz\nstepping\t: 1\n";
        assert_eq!(model_in(cpuinfo).as_deref(), Some("Some CPU @ 3 GHz"));
        for without in ["", "processor\t: 0\nBogoMIPS\t: 50\n", "model name\t: \n"] {
            assert_eq!(model_in(without), None, "{without:?}");
        }
        assert_eq!(first_load("1.25 2.00 3.00 1/200 77"), Some(1.25));
        for unknown in ["", "x 1 2", "inf 1 2"] {
            assert_eq!(first_load(unknown), None, "{unknown:?}");
        }
    }
}
