//! Which process listens on a rendezvous socket: the way to a ring for users who know the socket and not the pid.
//!
//! Answered from `/proc` alone: no connection is made, so the producer never notices.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::error::AttachError;
use crate::observe::procfs::{Process, Refusal, hidepid, listeners, pids};

/// The process that listens at `address`: a path, or `@name` for an abstract socket.
///
/// # Errors
/// Nobody listens there, or whoever does cannot be seen.
pub fn listener(address: &str) -> Result<Process, AttachError> {
    let address_of = |why: &str| AttachError::NoListener {
        address: address.into(),
        why: why.into(),
    };
    // The table of our own network namespace: the one in which the address would be connected to.
    let table = std::fs::read("/proc/self/net/unix")
        .map_err(|error| address_of(&format!("/proc/self/net/unix cannot be read: {error}")))?;
    let inodes: Vec<&[u8]> = listeners(&table)
        .into_iter()
        .filter_map(|(inode, name)| is_at(name, address).then_some(inode))
        .collect();
    if inodes.is_empty() {
        let exists = !address.starts_with('@') && Path::new(address).exists();
        return Err(address_of(if exists {
            "the path is there, but no process of this network namespace listens on it"
        } else if address.starts_with('@') {
            "no process of this network namespace listens on that name"
        } else {
            "no such path"
        }));
    }
    let mut refused = 0_usize;
    let mut holds = |process: &Process| {
        let mut found = false;
        let seen = process.each_link(|_, link| {
            let inode = link
                .strip_prefix(b"socket:[")
                .and_then(|rest| rest.strip_suffix(b"]"));
            found |= inode.is_some_and(|inode| inodes.contains(&inode));
        });
        refused +=
            usize::from(seen.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied));
        found
    };
    // A fork inherits the socket; its parent, which was there first, has the lower start time.
    let processes = pids()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|pid| Process::open(pid).ok());
    let oldest = processes
        .filter(|process| holds(process))
        .min_by_key(|process| (process.start_ticks(), process.pid()));
    oldest.ok_or_else(|| hidden(address, refused))
}

/// Who listens is none of those that may be looked into; `refused` may not.
fn hidden(address: &str, refused: usize) -> AttachError {
    let (why, remedy, elsewhere) = match hidepid() {
        Some(Refusal { why, remedy }) => (why, remedy, false),
        None if refused > 0 => (
            format!("it is one of the {refused} processes that may not be looked into"),
            Some("run as its user, or as root".into()),
            false,
        ),
        None => (
            "/proc shows no process that has the socket open: it is in another pid namespace"
                .into(),
            Some(
                "run zbqtop in the pid namespace of the producer, or as root outside of both"
                    .into(),
            ),
            true,
        ),
    };
    AttachError::ListenerHidden {
        address: address.into(),
        why,
        remedy,
        elsewhere,
    }
}

/// Whether a socket bound as `name` is the one meant by `address`. A path may have been bound relative to another
/// directory, or through a link: then the files are compared.
fn is_at(name: &[u8], address: &str) -> bool {
    if name == address.as_bytes() {
        return true;
    }
    let (name, address) = (Path::new(OsStr::from_bytes(name)), Path::new(address));
    let same_file =
        || Some(std::fs::canonicalize(name).ok()? == std::fs::canonicalize(address).ok()?);
    !name.starts_with("@")
        && name.file_name() == address.file_name()
        && same_file().unwrap_or(false)
}
