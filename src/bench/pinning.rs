//! Which CPUs the processes of a benchmark may have to themselves.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The CPUs that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// All that this process may use, in the kernel's order.
    All,
    /// These, in this order.
    These(Vec<usize>),
}

/// A CPU that was asked for and cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--pin: cpu {cpu} cannot be used by this process, expected some of {allowed}")]
pub struct PinError {
    /// Its number.
    pub cpu: usize,
    /// Those that can, as ranges.
    pub allowed: String,
}

impl Pin {
    /// A CPU number is less than this.
    pub const LIMIT: usize = CpuSet::MAX_CPU;

    /// The CPUs to use.
    ///
    /// # Errors
    /// One of them is none that this process may use.
    pub fn resolve(self) -> Result<Vec<usize>, PinError> {
        self.among(&allowed())
    }

    fn among(self, allowed: &[usize]) -> Result<Vec<usize>, PinError> {
        let asked = match self {
            Self::All => return Ok(allowed.to_vec()),
            Self::These(asked) => asked,
        };
        match asked.iter().find(|cpu| !allowed.contains(cpu)) {
            None => Ok(asked),
            Some(cpu) => Err(PinError {
                cpu: *cpu,
                allowed: ranges(allowed),
            }),
        }
    }
}

/// The CPUs that this thread may run on; none if the kernel does not tell.
fn allowed() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_default();
    (0..Pin::LIMIT).filter(|cpu| set.is_set(*cpu)).collect()
}

/// Binds this thread to a CPU.
///
/// # Errors
/// The kernel refuses.
pub(super) fn bind(cpu: usize) -> rustix::io::Result<()> {
    let mut one = CpuSet::new();
    one.set(cpu);
    sched_setaffinity(None, &one)
}

/// Numbers in ascending order, as they are typed: `0-3,7`.
fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|one, next| one + 1 == *next);
    let words: Vec<String> = runs
        .map(|run| match run {
            [first, .., last] => format!("{first}-{last}"),
            run => run.iter().map(usize::to_string).collect(),
        })
        .collect();
    words.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cpus_that_may_be_used_are_taken() {
        let allowed = [0, 1, 2, 7];
        assert_eq!(Pin::All.among(&allowed), Ok(allowed.to_vec()));
        assert_eq!(Pin::These(vec![7, 0, 7]).among(&allowed), Ok(vec![7, 0, 7]));
        let error = Pin::These(vec![1, 5])
            .among(&allowed)
            .expect_err("5 is not among them");
        assert_eq!(
            error.to_string(),
            "--pin: cpu 5 cannot be used by this process, expected some of 0-2,7"
        );
    }

    #[test]
    fn this_thread_may_run_somewhere() {
        let allowed = allowed();
        assert!(!allowed.is_empty());
        let bound = std::thread::spawn(move || bind(allowed[0]).map(|()| self::allowed()).ok());
        assert_eq!(
            bound.join().expect("it ends").map(|cpus| cpus.len()),
            Some(1)
        );
    }
}
