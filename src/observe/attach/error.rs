//! Why a ring cannot be watched.

use std::fmt::Write as _;
use std::io;

use crate::observe::model::RingListing;
use crate::observe::procfs::{self, MemFd, Process, has_vanished};
use crate::text::escape;

/// Where a process has a control region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CtrlPlace {
    /// At this descriptor.
    Fd(i32),
    /// Mapped, from this address on.
    Mapped(u64),
}

/// Why a ring cannot be watched: each names the object, what was found and what would help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// No process has this pid.
    #[error("pid {0}: no such process")]
    NoSuchProcess(i32),
    /// The process has ended, and is there only until its parent asks how.
    #[error(
        "pid {pid} ({}): the process has ended and waits to be reaped by its parent; zbqtop ls --all shows rings that survive in \
         their consumers",
        escape(.command)
    )]
    Ended {
        /// The process.
        pid: i32,
        /// Its name, unescaped.
        command: String,
    },
    /// The process is there, but not ours to look into.
    #[error("pid {pid}: not permitted to inspect it: {why}{}", and(.remedy.as_ref()))]
    NotPermitted {
        /// The process.
        pid: i32,
        /// The evidence.
        why: String,
        /// What to try.
        remedy: Option<String>,
    },
    /// The process holds no ring.
    #[error("pid {pid} ({}) {found}", escape(.command))]
    NotARing {
        /// The process.
        pid: i32,
        /// Its name, unescaped.
        command: String,
        /// What it holds instead, and what to try.
        found: String,
    },
    /// A memfd of the ring has a size that the protocol rules out.
    #[error("pid {pid} fd {}: {} is {} bytes, expected {expected}", .memfd.fd, .memfd.kind.name(), .memfd.size)]
    WrongSize {
        /// The process.
        pid: i32,
        /// The memfd, with the size found.
        memfd: MemFd,
        /// What was expected.
        expected: String,
    },
    /// A field of the control region is impossible.
    #[error("pid {pid} fd {fd}: zbq_ctrl says {field} = {found}, expected {expected}")]
    WrongControl {
        /// The process.
        pid: i32,
        /// Descriptor of the control region there.
        fd: i32,
        /// The field.
        field: &'static str,
        /// Its value.
        found: u64,
        /// What was expected.
        expected: String,
    },
    /// What the process maps under the name of a ring whose producer is gone is none.
    #[error("pid {pid} maps no zbq ring at {address:x}: {why}")]
    WrongMapping {
        /// The process.
        pid: i32,
        /// Where it maps it.
        address: u64,
        /// What was found, and what was expected.
        why: String,
    },
    /// The process has several rings, and it was not said which.
    #[error("pid {pid} has {} rings; choose one with --ring N or --fd N:{}", .places.len(), numbered(.places))]
    SeveralHere {
        /// The process.
        pid: i32,
        /// Where their control regions are.
        places: Vec<CtrlPlace>,
    },
    /// The process has rings, but not the one asked for.
    #[error("pid {pid} has no ring {asked}; it has:{}", numbered(.places))]
    NoSuchRing {
        /// The process.
        pid: i32,
        /// What was asked for: `number 7` or `at fd 7`.
        asked: String,
        /// Where the control regions are that there are.
        places: Vec<CtrlPlace>,
    },
    /// The process is a fork of the one that owns the ring.
    #[error(
        "pid {pid} fd {fd}: this ring was inherited from pid {writer}, which writes it; give --pid {writer}"
    )]
    Inherited {
        /// The process.
        pid: i32,
        /// Descriptor of the control region there.
        fd: i32,
        /// The process that owns the ring.
        writer: i32,
    },
    /// The process keeps descriptors of a ring that it does not write.
    #[error(
        "pid {pid} fd {fd}: it keeps the descriptors of a zbq ring, but is not its producer: that was pid {named} in its own pid \
         namespace, which is gone"
    )]
    NotTheProducer {
        /// The process.
        pid: i32,
        /// Descriptor of the control region there.
        fd: i32,
        /// The pid that the control region names.
        named: i32,
    },
    /// Several rings on this machine, and it was not said which.
    #[error("{} rings found; choose one with --pid:{}", .0.len(), listed(.0))]
    Several(Vec<RingListing>),
    /// No ring on this machine that we may look at.
    #[error("no zbq ring found{}; zbqtop ls shows what could not be read, zbqtop demo starts a ring", .0.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
    NoRing(Option<String>),
    /// The ring may not be looked into, and joining it was not asked for.
    #[error(
        "{0}; or join the ring as a passive consumer with --join: that takes one of its slots until the producer's next scan, \
         which may never come"
    )]
    OnlyByJoining(Box<AttachError>),
    /// Nobody listens where consumers would join.
    #[error("socket {}: {why}; zbqtop ls shows the sockets of every ring", escape(.address))]
    NoListener {
        /// A path, or `@name`.
        address: String,
        /// What was found there.
        why: String,
    },
    /// The path leads through a directory that may not be entered.
    #[error("socket {}: permission denied: not permitted to enter {}; run as a user who may, or as root", escape(.address), escape(.directory))]
    PathForbidden {
        /// The path.
        address: String,
        /// The directory.
        directory: String,
    },
    /// Someone listens there, but not a process whose descriptors we may see.
    #[error("socket {}: a process listens there, but {why}{}", escape(.address), and(.remedy.as_ref()))]
    ListenerHidden {
        /// A path, or `@name`.
        address: String,
        /// The evidence.
        why: String,
        /// What to try.
        remedy: Option<String>,
        /// It is in another pid namespace, where joining would not work either.
        elsewhere: bool,
    },
    /// The process that listens counts pids otherwise than we do, so neither end could name itself to the other.
    #[error(
        "socket {}: pid {pid}, which listens there, is in another pid namespace: the pid sent with a join would name no \
         process there, or a wrong one; map the ring instead (without --join, as root), or run zbqtop in that \
         namespace (nsenter --target {pid} --pid)", escape(.address)
    )]
    OtherPidNamespace {
        /// A path, or `@name`.
        address: String,
        /// The process, in our namespace.
        pid: i32,
    },
    /// The ring could not be joined.
    #[error("socket {}: {source}", escape(.address))]
    Join {
        /// A path, or `@name`.
        address: String,
        /// What went wrong, and what was expected.
        source: crate::ring::Error,
    },
    /// The ring went away while it was being looked at.
    #[error("pid {pid}: the ring vanished while it was being attached ({what})")]
    Vanished {
        /// The process.
        pid: i32,
        /// What was missing.
        what: String,
    },
    /// The kernel refused something for another reason.
    #[error("pid {pid}: cannot {what}: {source}")]
    Io {
        /// The process.
        pid: i32,
        /// What was tried.
        what: String,
        /// The kernel's answer.
        source: io::Error,
    },
}

impl AttachError {
    /// Whether somebody is there who may not be looked into.
    pub(super) fn is_hidden(&self) -> bool {
        matches!(
            self,
            Self::ListenerHidden {
                elsewhere: false,
                ..
            } | Self::NotPermitted { .. }
        )
    }
}

fn and(remedy: Option<&String>) -> String {
    remedy.map(|text| format!("; {text}")).unwrap_or_default()
}

fn numbered(places: &[CtrlPlace]) -> String {
    let mut text = String::new();
    for (number, place) in places.iter().enumerate() {
        let _ = match place {
            CtrlPlace::Fd(fd) => write!(text, "\n  --ring {number}   (--fd {fd})"),
            CtrlPlace::Mapped(address) => {
                write!(
                    text,
                    "\n  --ring {number}   (its producer is gone; zbq_ctrl is mapped at {address:x})"
                )
            }
        };
    }
    text
}

fn listed(rings: &[RingListing]) -> String {
    rings.iter().fold(String::new(), |mut text, ring| {
        let command = ring.command.as_deref().unwrap_or("?");
        let fd = ring.id.split_once('/').map_or("", |(_, fd)| fd);
        let _ = write!(
            text,
            "\n  --pid {} --fd {fd}   ({}, {})",
            ring.pid,
            escape(command),
            ring.ring_capacity
                .map_or_else(|| "capacity unknown".into(), |it| format!("{it} bytes"))
        );
        text
    })
}

/// Turns the kernel's refusal into one that names evidence and remedy.
#[must_use]
pub(super) fn refused(process: &Process, error: io::Error, what: &str) -> AttachError {
    let pid = process.pid();
    match error.kind() {
        _ if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
            AttachError::NoSuchProcess(pid)
        }
        io::ErrorKind::NotFound if !process.runs() => missing(pid),
        io::ErrorKind::NotFound => AttachError::Vanished {
            pid,
            what: error.to_string(),
        },
        io::ErrorKind::UnexpectedEof => AttachError::Vanished {
            pid,
            what: format!("{what}: {error}"),
        },
        io::ErrorKind::PermissionDenied => not_permitted(pid, procfs::reason(process)),
        _ => AttachError::Io {
            pid,
            what: what.into(),
            source: error,
        },
    }
}

/// No process `pid` is seen: there is none, or it is hidden from us.
#[must_use]
pub(super) fn missing(pid: i32) -> AttachError {
    match procfs::unseen(pid) {
        Some(reason) => not_permitted(pid, reason),
        None => AttachError::NoSuchProcess(pid),
    }
}

/// That process `pid` could not be opened.
pub(super) fn unopened(pid: i32, error: io::Error) -> AttachError {
    if let Err(unmounted) = procfs::pids() {
        return AttachError::NoRing(Some(unmounted.to_string()));
    }
    if has_vanished(&error) {
        return missing(pid);
    }
    AttachError::Io {
        pid,
        what: "find it in /proc".into(),
        source: error,
    }
}

fn not_permitted(pid: i32, reason: procfs::Refusal) -> AttachError {
    let procfs::Refusal { why, remedy } = reason;
    AttachError::NotPermitted { pid, why, remedy }
}
