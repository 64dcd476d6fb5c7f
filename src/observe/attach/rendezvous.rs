//! Which process listens on a rendezvous socket: the way to a ring for users who know the socket and not the pid.
//!
//! Answered from `/proc` alone: no connection is made, so the producer never notices.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use super::error::AttachError;
use crate::observe::procfs::{
    BoundFile, Diag, Listening, Process, Refusal, hidepid, listeners, pids,
};

/// Who listens on a rendezvous socket.
#[derive(Debug)]
pub struct Listener {
    pub process: Process,
    /// The socket's, in digits.
    pub inodes: Vec<Vec<u8>>,
}

/// Who listens at `address`: a path, or `@name` for an abstract socket.
///
/// # Errors
/// Nobody listens there, or whoever does cannot be seen.
pub fn listener(address: &str) -> Result<Listener, AttachError> {
    let address_of = |why: &str| AttachError::NoListener {
        address: address.into(),
        why: why.into(),
    };
    pids().map_err(|unmounted| AttachError::NoRing(Some(unmounted.to_string())))?;
    let inodes = if address.starts_with('@') {
        by_name(address).map_err(|error| address_of(&error.to_string()))?
    } else {
        by_file(address)?
    };
    if inodes.is_empty() {
        return Err(address_of(if address.starts_with('@') {
            "no process in this network namespace listens on that name"
        } else {
            "the path exists, but no process listens on it"
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
    match oldest {
        Some(process) => Ok(Listener { process, inodes }),
        None => Err(hidden(address, refused)),
    }
}

/// Who listens is none of those that may be looked into; `refused` may not.
fn hidden(address: &str, refused: usize) -> AttachError {
    let (why, remedy, elsewhere) = match hidepid() {
        Some(Refusal { why, remedy }) => (why, remedy, false),
        None if refused > 0 => (
            format!("processes that may not be inspected: {refused}, and it is one of them"),
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
/// which file each is bound to, in each network namespace.
fn by_file(path: &str) -> Result<Vec<Vec<u8>>, AttachError> {
    let not_there = |why: String| AttachError::NoListener {
        address: path.into(),
        why,
    };
    let file = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => not_there("no such path".into()),
        io::ErrorKind::PermissionDenied => AttachError::PathForbidden {
            address: path.into(),
            directory: closed_directory(Path::new(path)),
        },
        _ => not_there(error.to_string()),
    })?;
    if !file.file_type().is_socket() {
        return Err(not_there("the path exists, but it is not a socket".into()));
    }
    let ours = Process::ourselves().map_err(|error| not_there(error.to_string()))?;
    let mut by_name = match in_namespace(&ours, Diag::open(), &file) {
        Listeners::Certain(found) => return Ok(found.into_iter().map(digits).collect()),
        Listeners::Likely(found) => found,
    };
    if by_name.is_empty() {
        for process in of_other_namespaces(&ours) {
            match in_namespace(&process, Diag::open_in(&process), &file) {
                Listeners::Certain(found) => return Ok(found.into_iter().map(digits).collect()),
                Listeners::Likely(found) => by_name.extend(found),
            }
        }
    }
    if by_name.len() > 1 {
        return Err(AttachError::ListenerHidden {
            address: path.into(),
            why: format!(
                "{} sockets were bound to this path in turn, and the kernel does not reveal which of them has it \
                 now",
                by_name.len()
            ),
            remedy: Some("run as root, outside of the producer's network namespace".into()),
            elsewhere: false,
        });
    }
    Ok(by_name.into_iter().map(digits).collect())
}

/// The directory on the way to `path` that may not be entered.
fn closed_directory(path: &Path) -> String {
    let is_closed = |path: &Path| {
        std::fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    };
    // What lies right in it is the first thing that may not be looked at.
    let mut on_the_way = path.ancestors().filter(|path| !path.as_os_str().is_empty());
    let inside = on_the_way
        .by_ref()
        .take_while(|path| is_closed(path))
        .last();
    let directory = inside.and_then(Path::parent).unwrap_or(path);
    if directory.as_os_str().is_empty() {
        return ".".into();
    }
    directory.display().to_string()
}

/// The sockets of a network namespace, by inode, that listen at a file.
enum Listeners {
    /// Which they are, the kernel has told.
    Certain(Vec<u64>),
    /// What they are called leads there, each time, if one does.
    Likely(Vec<u64>),
}

/// The sockets that listen at `file` in the network namespace of `process`, about which `diag` asks.
fn in_namespace(process: &Process, diag: io::Result<Diag>, file: &Metadata) -> Listeners {
    let all = diag.and_then(|mut diag| diag.listening());
    let Ok(all) = all else {
        return Listeners::Likely(called(process, file, |_| true));
    };
    let bound = |same: fn(BoundFile, &Metadata) -> bool| {
        let its = |socket: &&Listening| socket.file.is_some_and(|bound| same(bound, file));
        let its = all.iter().filter(its);
        its.map(|socket| u64::from(socket.inode))
            .collect::<Vec<_>>()
    };
    let found = bound(is_same);
    if !found.is_empty() {
        return Listeners::Certain(found);
    }
    // Some file systems show another device than the kernel has.
    let may_be = bound(has_same_inode);
    Listeners::Likely(called(process, file, |inode| may_be.contains(&inode)))
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

/// A process of each network namespace that is not ours.
fn of_other_namespaces(ours: &Process) -> Vec<Process> {
    let namespace = |process: &Process| process.read_link("ns/net").ok();
    let mut seen = vec![namespace(ours)];
    let processes = pids().unwrap_or_default().into_iter();
    processes
        .filter_map(|pid| Process::open(pid).ok())
        .filter(|process| {
            let its = namespace(process);
            let new = its.is_some() && !seen.contains(&its);
            if new {
                seen.push(its);
            }
            new
        })
        .collect()
}

/// The inodes of the sockets that listen at `file` by what the network namespace of `process` calls them. Of several that
/// were bound there one after the other all are called so. `may_be` tells which it can be.
fn called(process: &Process, file: &Metadata, may_be: impl Fn(u64) -> bool) -> Vec<u64> {
    let Ok(table) = process.text("net/unix") else {
        return Vec::new();
    };
    let found = listeners(&table).into_iter().filter_map(|(inode, name)| {
        let inode: u64 = std::str::from_utf8(inode).ok()?.parse().ok()?;
        if !may_be(inode) {
            return None;
        }
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
        same.then_some(inode)
    });
    found.collect()
}
