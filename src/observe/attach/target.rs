//! Which ring is meant: any, by pid, or by socket; and the ring that takes the place of one that has ended.

use std::time::{Duration, Instant};

use super::attached_ring::AttachedRing;
use super::error::AttachError;
use super::open::by_pid;
use super::own_sockets::OwnSockets;
use super::passive_join;
use super::rendezvous::{Listener, listener};
use super::select::RingSelector;
use crate::observe::procfs::{FileId, Process};

/// The ring that takes the place of another is looked for this often.
const LOOKS_EVERY: Duration = Duration::from_millis(500);
/// And joined, where it cannot be looked for first, no more often than this: each try is a connection to the producer.
const JOINS_EVERY: Duration = Duration::from_secs(5);

/// Whose ring is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingTarget {
    /// The only one there is.
    Any,
    /// This process.
    Pid(i32),
    /// Whoever listens on a rendezvous socket.
    Socket {
        /// A path, or `@name`.
        address: String,
        /// Join even if the process may be mapped.
        join: bool,
        /// Longest time that joining may take.
        timeout: Duration,
    },
}

/// Maps the ring of the process that listens at `address`, or joins it if that was asked for: nothing joins by itself.
///
/// # Errors
/// Each way in which the ring cannot be had; [`AttachError::OnlyByJoining`] where joining would be another.
pub fn by_socket(
    address: &str,
    choice: RingSelector,
    join: bool,
    timeout: Duration,
) -> Result<AttachedRing, AttachError> {
    if join {
        return passive_join::join(address, timeout);
    }
    mapped(address, choice).map_err(|error| {
        if error.is_hidden() && choice == RingSelector::Only {
            AttachError::OnlyByJoining(Box::new(error))
        } else {
            error
        }
    })
}

/// Maps the ring of the process that listens at `address`, or of the one that it listens for.
fn mapped(address: &str, choice: RingSelector) -> Result<AttachedRing, AttachError> {
    let Listener { process, inodes } = listener(address)?;
    match by_pid(process.pid(), among(&process, &inodes, choice)) {
        // A fork that listens for its parent.
        Err(AttachError::Inherited { writer, .. }) => {
            let choice =
                Process::open(writer).map_or(choice, |writer| among(&writer, &inodes, choice));
            by_pid(writer, choice)
        }
        outcome => outcome,
    }
}

/// The ring that is behind the socket of `inodes`, where `process` has several, it can be told, and no `choice` was made.
fn among(process: &Process, inodes: &[Vec<u8>], choice: RingSelector) -> RingSelector {
    let behind = || OwnSockets::of(process).behind(inodes);
    match choice {
        RingSelector::Only => behind().map_or(choice, RingSelector::Fd),
        named => named,
    }
}

/// Where the ring is looked for that takes the place of one that has ended.
#[derive(Debug)]
pub struct Succession {
    target: RingTarget,
    choice: RingSelector,
    /// Whether a ring takes the place of one whose producer has ended, too.
    outlives_producer: bool,
    due: Instant,
}

impl Succession {
    /// For a ring that was found by `target` and `choice`: whoever answers at its socket then, or the next ring of its
    /// producer. `None` for one that was chosen among several of a process: none of the others takes its place.
    #[must_use]
    pub fn of(target: &RingTarget, choice: RingSelector, ring: &AttachedRing) -> Option<Self> {
        let target = match target {
            RingTarget::Any => RingTarget::Pid(ring.producer().pid),
            named => named.clone(),
        };
        let named = matches!(target, RingTarget::Socket { .. }) || choice == RingSelector::Only;
        named.then(|| Self {
            target,
            choice,
            outlives_producer: true,
            due: Instant::now(),
        })
    }

    /// Whether none can take the place of a ring whose producer has ended: only rings of that very process are meant.
    #[must_use]
    pub fn ends_with_producer(&self) -> bool {
        matches!(self.target, RingTarget::Pid(_))
    }

    /// The same, but a ring whose producer has ended keeps its place: what it held last is to be looked at.
    #[must_use]
    pub fn of_living(self) -> Self {
        Self {
            outlives_producer: false,
            ..self
        }
    }

    /// The ring that has taken the place of `ended`, if one has. Joins only if the one before was joined by name.
    pub fn find(&mut self, ended: &AttachedRing) -> Option<AttachedRing> {
        if Instant::now() < self.due || !(self.outlives_producer || ended.is_given_up()) {
            return None;
        }
        self.due = Instant::now() + LOOKS_EVERY;
        let another =
            |ring: &AttachedRing| !ended.watches(ring.ctrl_file()) && ring.producer_alive();
        let (address, joins, timeout) = match &self.target {
            RingTarget::Any => return None,
            RingTarget::Pid(pid) => return by_pid(*pid, self.choice).ok().filter(another),
            RingTarget::Socket {
                address,
                join,
                timeout,
            } => (address, *join, *timeout),
        };
        match mapped(address, self.choice) {
            Ok(ring) if !joins => return Some(ring).filter(another),
            Ok(ring) if another(&ring) => {}
            Err(error) if joins && error.is_hidden() => {}
            _ => return None,
        }
        self.due = Instant::now() + JOINS_EVERY;
        passive_join::join(address, timeout).ok().filter(another)
    }
}

/// Whether whoever joins at `address` now gets another ring than that of the control region `ctrl`, asked without joining;
/// `None` when that cannot be seen.
#[must_use]
pub fn leads_to_another(address: &str, ctrl: FileId) -> Option<bool> {
    match mapped(address, RingSelector::Only) {
        Ok(ring) => Some(!ring.watches(ctrl) && ring.producer_alive()),
        Err(error) if error.is_hidden() => None,
        Err(_) => Some(false),
    }
}
