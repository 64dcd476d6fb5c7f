//! The processes that the questions are about: the producer that was named, or all that were found, and those that may not be
//! looked into. Each is tried, not guessed.

use crate::observe::procfs::{Cause, Explanation, Process, Refusal, explain};
use crate::text::counted;

/// Processes of each kind that are looked at.
const MOST: usize = 1000;

/// The processes that the questions are about.
#[derive(Debug, Default)]
pub struct Subject {
    /// One process was named.
    named: bool,
    pub(super) seen: Vec<SeenProcess>,
    pub(super) refused: Vec<RefusedProcess>,
}

/// A producer that may be looked into.
#[derive(Debug)]
pub(super) struct SeenProcess {
    pub(super) process: Process,
    /// Whether its memory may be read.
    pub(super) shows_memory: bool,
}

/// A process that may not be looked into.
#[derive(Debug)]
pub(super) struct RefusedProcess {
    pub(super) pid: i32,
    /// `None` where `/proc` does not show it at all.
    pub(super) process: Option<Process>,
    pub(super) why: Explanation,
}

impl Subject {
    /// One process that was named.
    #[must_use]
    pub fn named(process: Process) -> Self {
        let mut subject = Self {
            named: true,
            ..Self::default()
        };
        subject.note(process);
        subject
    }

    /// A process that was named and is not shown.
    #[must_use]
    pub fn not_shown(pid: i32, refusal: Refusal) -> Self {
        let why = Explanation {
            causes: Vec::new(),
            refusal,
        };
        Self {
            named: true,
            refused: vec![RefusedProcess {
                pid,
                process: None,
                why,
            }],
            ..Self::default()
        }
    }

    /// A ring was named, and no process is known.
    #[must_use]
    pub fn nobody() -> Self {
        Self {
            named: true,
            ..Self::default()
        }
    }

    /// The producers that were found, and the pids of processes that may not be asked.
    pub(super) fn found(
        producers: impl IntoIterator<Item = Process>,
        refused: impl IntoIterator<Item = i32>,
    ) -> Self {
        let mut subject = Self::default();
        for process in producers.into_iter().take(MOST) {
            subject.note(process);
        }
        let refused = refused.into_iter().take(MOST);
        for process in refused.filter_map(|pid| Process::open(pid).ok()) {
            subject.note_refused(process);
        }
        subject
    }

    fn note(&mut self, process: Process) {
        let listed = process.each_link(|_, _| ());
        if listed.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied) {
            return self.note_refused(process);
        }
        self.seen.push(SeenProcess {
            shows_memory: process.memory().is_ok(),
            process,
        });
    }

    fn note_refused(&mut self, process: Process) {
        self.refused.push(RefusedProcess {
            pid: process.pid(),
            why: explain(&process),
            process: Some(process),
        });
    }

    /// Whether one process was named.
    pub(super) fn is_named(&self) -> bool {
        self.named
    }

    /// Whether the memory of every producer may be read; `None` without a producer.
    pub(super) fn shows_memory(&self) -> Option<bool> {
        let all = self.seen.iter().all(|seen| seen.shows_memory);
        (!self.seen.is_empty()).then_some(all)
    }

    /// Those that are refused for one of `causes`: the first of them, and what was found, in words.
    pub(super) fn refused_for(&self, causes: &[Cause]) -> Option<(&RefusedProcess, String)> {
        let for_them = |refused: &&RefusedProcess| {
            let mut its = refused.why.causes.iter();
            its.any(|cause| causes.contains(cause))
        };
        let mut refused = self.refused.iter().filter(for_them);
        let first = refused.next()?;
        let (pid, why) = (first.pid, &first.why.refusal.why);
        let words = match refused.count() {
            0 => format!("pid {pid}: {why}"),
            more => {
                let all = counted(more as u64 + 1, "process");
                format!("{all} may not be inspected; the first is pid {pid}: {why}")
            }
        };
        Some((first, words))
    }

    /// What follows where a process may not be looked into.
    pub(super) fn consequence(&self) -> &'static str {
        if self.named {
            "the ring cannot be mapped, and nothing of it is shown"
        } else {
            "rings of processes that may not be inspected are not found"
        }
    }
}
