//! The process that writes a ring, as far as it can be seen: who it is, whether it lives, which slots it holds.

use std::cell::Cell;
use std::io;
use std::time::Instant;

use super::member::Member;
use crate::observe::model::{ProcessState, ProducerInfo};
use crate::observe::procfs::{FileId, Process, started_at, user_name};

/// The process behind a ring's producer.
#[derive(Debug)]
pub(super) struct ProducerProcess {
    /// Its handle, where its descriptors may be looked at.
    process: Option<Process>,
    /// The process with whose end it ends, where it can be asked.
    lives_with: Option<Process>,
    /// Whether it is the process that the control region names.
    writes: bool,
    /// Of one that is not: what head was when last seen, and whether that has moved since.
    taken_over: Cell<TakenOver>,
    /// It lives on without the ring: it neither holds nor maps the control region any more.
    gave_up: Cell<bool>,
    /// Its descriptor of the control region, as long as it has not been seen to be gone.
    ctrl_fd: Cell<Option<i32>>,
    facts: ProducerInfo,
}

/// What is known of a process that maps a ring for writing though the ring names another one, which cannot be seen.
#[derive(Clone, Copy, Debug)]
enum TakenOver {
    /// The one that is named has ended, and nobody has been seen to write since.
    No {
        /// Head when last seen.
        head: Option<u64>,
    },
    /// Head has moved: it is the producer now. Or it is not known to be another.
    Yes,
}

impl ProducerProcess {
    /// One that may be looked into, and has the control region at `ctrl_fd`. If it is not the one that the ring names, that
    /// one `may_be_elsewhere`.
    pub(super) fn seen(
        process: Process,
        ctrl_fd: i32,
        writes: bool,
        may_be_elsewhere: bool,
        sockets: Option<Vec<String>>,
    ) -> Self {
        Self {
            facts: facts(process.pid(), Some(&process), sockets),
            lives_with: Some(process.clone()),
            process: Some(process),
            writes,
            taken_over: Cell::new(if writes || may_be_elsewhere {
                TakenOver::Yes
            } else {
                TakenOver::No { head: None }
            }),
            gave_up: Cell::new(false),
            ctrl_fd: Cell::new(Some(ctrl_fd)),
        }
    }

    /// One that may not be looked into; `process` is who listens at `address`.
    pub(super) fn unseen(pid: i32, process: Option<&Process>, address: &str) -> Self {
        Self {
            lives_with: process.cloned(),
            facts: facts(pid, process, Some(vec![address.into()])),
            process: None,
            writes: false,
            taken_over: Cell::new(TakenOver::Yes),
            gave_up: Cell::new(false),
            ctrl_fd: Cell::new(None),
        }
    }

    /// One that had ended before the ring was found; `pid` is what the ring says its pid was.
    pub(super) fn gone(pid: i32) -> Self {
        Self {
            process: None,
            lives_with: None,
            writes: false,
            taken_over: Cell::new(TakenOver::Yes),
            gave_up: Cell::new(false),
            ctrl_fd: Cell::new(None),
            facts: ProducerInfo {
                ns_pid: Some(pid),
                alive: false,
                ..facts(pid, None, Some(Vec::new()))
            },
        }
    }

    /// Its pid.
    pub(super) fn pid(&self) -> i32 {
        self.facts.pid
    }

    /// Its handle, where its descriptors may be looked at.
    pub(super) fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// Whether it is known to be the process that the control region names.
    pub(super) fn writes(&self) -> bool {
        self.writes
    }

    /// Takes in where head is: whoever writes is the producer.
    pub(super) fn note_head(&self, head: u64) {
        if let TakenOver::No { head: before } = self.taken_over.get() {
            let moved = before.is_some_and(|before| head > before);
            self.taken_over.set(if moved {
                TakenOver::Yes
            } else {
                TakenOver::No { head: Some(head) }
            });
        }
    }

    /// Whether its descriptor of the control region, which is the file `ctrl`, has gone; told once.
    pub(super) fn has_let_go(&self, ctrl: FileId) -> bool {
        let held = |fd| self.process().and_then(|process| process.fd_file(fd)) == Some(ctrl);
        let gone = self.ctrl_fd.get().is_some_and(|fd| !held(fd));
        if gone {
            self.ctrl_fd.set(None);
            // What it held a moment ago is not what it holds now.
            let _ = self
                .process()
                .map(|process| process.links_since(Instant::now()));
        }
        gone
    }

    /// It has been seen to live on without the ring.
    pub(super) fn note_gave_up(&self) {
        self.gave_up.set(true);
    }

    /// Whether it was seen to live on without the ring.
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up.get()
    }

    /// Whether the producer still runs, and the ring is still its own.
    pub(super) fn lives(&self) -> bool {
        matches!(self.taken_over.get(), TakenOver::Yes) && !self.gave_up() && self.runs()
    }

    /// Whether the process runs that is taken for the producer, or may be it.
    pub(super) fn runs(&self) -> bool {
        match &self.lives_with {
            Some(process) => process.is_alive_now() != Some(false),
            // It cannot be seen: nothing speaks for its end, unless it had ended before we came.
            None => self.facts.alive,
        }
    }

    /// What it is doing, where it can be seen.
    pub(super) fn state(&self) -> Option<ProcessState> {
        ProcessState::of(&self.process.as_ref()?.state_letter()?)
    }

    /// Who it is, alive or not as of now.
    pub(super) fn facts(&self) -> ProducerInfo {
        ProducerInfo {
            process_state: self.state(),
            alive: self.lives(),
            ..self.facts.clone()
        }
    }

    /// Whether it still holds the slot of `member`, asked of the kernel now.
    pub(super) fn holds(&self, member: &Member) -> bool {
        // A process that is not known to be the producer has descriptors of its own, whatever the producer's are.
        self.writes
            && member.held
            && self
                .process()
                .zip(member.meta_fd)
                .and_then(|(process, fd)| process.fd_file(fd))
                == Some(member.file)
    }
}

/// Whether a process has the control region `ctrl` no more, neither open nor mapped.
///
/// # Errors
/// When it may not be looked into, or has ended.
pub fn has_given_up(process: &Process, ctrl: FileId) -> io::Result<bool> {
    let now = Instant::now();
    let links = process.links_since(now)?;
    let holds = links.memfds.iter().any(|at| at.file == ctrl);
    Ok(!holds && !process.maps_since(now)?.maps(ctrl))
}

fn facts(pid: i32, process: Option<&Process>, sockets: Option<Vec<String>>) -> ProducerInfo {
    let identity = process.map(Process::identity).unwrap_or_default();
    ProducerInfo {
        pid,
        ns_pid: identity.ns_pid,
        command: identity.command,
        command_line: process.and_then(Process::command_line),
        uid: identity.uid,
        user: identity.uid.and_then(user_name).map(str::to_owned),
        process_state: None,
        alive: true,
        started_at: process.and_then(Process::start_ticks).and_then(started_at),
        sockets,
    }
}
