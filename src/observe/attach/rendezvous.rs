//! Which process listens on a rendezvous socket: the way to a ring for users who know the socket and not the pid.
//!
//! Answered from `/proc` alone: no connection is made, so the producer never notices.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use super::error::AttachError;
use crate::observe::procfs::{BoundFile, Diag, Process, Refusal, hidepid, listeners, pids};

/// The process that listens at `address`: a path, or `@name` for an abstract socket.
///
/// # Errors
/// Nobody listens there, or whoever does cannot be seen.
pub fn listener(address: &str) -> Result<Process, AttachError> {
    let address_of = |why: &str| AttachError::NoListener {
        address: address.into(),
        why: why.into(),
    };
    pids().map_err(|unmounted| AttachError::NoRing(Some(unmounted.to_string())))?;
    let inodes = if address.starts_with('@') {
        by_name(address).map_err(|error| address_of(&error.to_string()))?
    } else {
        by_file(address).map_err(|error| address_of(&error.to_string()))?
    };
    if inodes.is_empty() {
        return Err(address_of(if address.starts_with('@') {
            "no process of this network namespace listens on that name"
        } else {
            "the path is there, but nobody listens on it"
        }));
    }
    let mut refused = 0_usize;
    let mut holds = |process: &Process| {
        let mut found = false;
        let seen = process.each_link(|_, link| {
            let inode = link
                .strip_prefix(b"socket:[")
                .and_then(|rest| rest.strip_suffix(b"]"));
            found |= inode.is_some_and(|inode| inodes.iter().any(|wanted| wanted == inode));
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
            "/proc shows no process that has the socket open: it may be in another pid namespace"
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

/// The inodes of the sockets that listen under a name in our own network namespace, the one in which it would be connected to.
fn by_name(address: &str) -> io::Result<Vec<Vec<u8>>> {
    let table = std::fs::read("/proc/self/net/unix")?;
    let named = listeners(&table).into_iter();
    let named = named.filter(|(_, name)| *name == address.as_bytes());
    Ok(named.map(|(inode, _)| inode.to_vec()).collect())
}

/// The inodes of the sockets that listen at a path. Names do not tell: a path may have been bound relative to another
/// directory, or through a link; its file may have been renamed, or replaced by that of another socket. The kernel tells
/// which file each is bound to; across network namespaces, in which paths are the same, it does not.
fn by_file(path: &str) -> io::Result<Vec<Vec<u8>>> {
    let file = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::new(error.kind(), "no such path"),
        _ => error,
    })?;
    if !file.file_type().is_socket() {
        return Err(io::Error::other("the path is there, but it is no socket"));
    }
    let all = Diag::open().and_then(|mut diag| diag.listening()).ok();
    let bound = |inode: u64, same: fn(BoundFile, &Metadata) -> bool| {
        let mut all = all.iter().flatten();
        let socket = all.find(|socket| u64::from(socket.inode) == inode);
        socket
            .and_then(|socket| socket.file)
            .is_some_and(|bound| same(bound, &file))
    };
    let here = all.iter().flatten().map(|socket| u64::from(socket.inode));
    let here: Vec<u64> = here.filter(|inode| bound(*inode, is_same)).collect();
    if !here.is_empty() {
        return Ok(here.into_iter().map(digits).collect());
    }
    // Some file systems show another device than the kernel has; and not every kernel tells of files at all.
    let may_be = |inode: u64| all.is_none() || bound(inode, has_same_inode);
    let ours = Process::ourselves()?;
    let found = last_bound(&ours, &file, may_be).or_else(|| in_other_namespaces(&ours, &file));
    Ok(found.map(digits).into_iter().collect())
}

fn digits(inode: u64) -> Vec<u8> {
    inode.to_string().into_bytes()
}

fn has_same_inode(bound: BoundFile, file: &Metadata) -> bool {
    u64::from(bound.ino) == file.ino() & 0xffff_ffff
}

/// Whether a socket is bound to `file`.
fn is_same(bound: BoundFile, file: &Metadata) -> bool {
    let dev = file.dev();
    let (major, minor) = (rustix::fs::major(dev), rustix::fs::minor(dev));
    has_same_inode(bound, file) && bound.dev == (major, minor)
}

/// The inode of the socket that listens at `file` in another network namespace.
fn in_other_namespaces(ours: &Process, file: &Metadata) -> Option<u64> {
    let namespace = |process: &Process| process.read_link("ns/net").ok();
    let mut seen = vec![namespace(ours)];
    let processes = pids().unwrap_or_default().into_iter();
    let others = processes
        .filter_map(|pid| Process::open(pid).ok())
        .filter(|process| {
            let its = namespace(process);
            let new = its.is_some() && !seen.contains(&its);
            if new {
                seen.push(its);
            }
            new
        });
    let found = others.filter_map(|process| last_bound(&process, file, |_| true));
    found.max()
}

/// The inode of the socket that listens at `file` by what the network namespace of `process` calls it: of several that were
/// bound there one after the other, the last, as that has the file. `may_be` tells which it can be.
fn last_bound(process: &Process, file: &Metadata, may_be: impl Fn(u64) -> bool) -> Option<u64> {
    let table = process.text("net/unix").ok()?;
    let found = listeners(&table).into_iter().filter_map(|(inode, name)| {
        let from = if name.starts_with(b"/") {
            "root"
        } else {
            "cwd"
        };
        let name = String::from_utf8_lossy(name);
        let path = format!(
            "/proc/{}/{from}/{}",
            process.pid(),
            name.trim_start_matches('/')
        );
        let other = std::fs::metadata(path).ok()?;
        let same = (other.dev(), other.ino()) == (file.dev(), file.ino());
        let inode: u64 = std::str::from_utf8(inode).ok()?.parse().ok()?;
        (same && may_be(inode)).then_some(inode)
    });
    found.max()
}
