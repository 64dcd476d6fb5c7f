//! The producers of live rings and their sockets, told as fast as can be: for somebody who is about to type one of them.
//!
//! Only `/proc` is asked. Of a ring no more is read than whose it is; it is neither mapped nor sampled.

use std::io;
use std::time::{Duration, Instant};

use super::discover::{Discovery, Owner};
use super::pairing::read_control;
use crate::observe::procfs::listening;

/// A process that writes a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveProducer {
    /// As we see it.
    pub pid: i32,
    /// Its name, unescaped.
    pub command: Option<String>,
    /// The unix sockets that it listens on: a path, or `@name` when abstract, unescaped.
    pub sockets: Vec<String>,
}

/// Those that can be told within `patience`, by pid; others are left out.
///
/// # Errors
/// When `/proc` cannot be listed.
pub fn live_producers(patience: Duration) -> io::Result<Vec<LiveProducer>> {
    let until = Instant::now() + patience;
    let mut discovery = Discovery::once_within(patience / 2)?;
    let owners = discovery.owners();
    let in_time = owners.iter().take_while(|_| Instant::now() < until);
    let mut found: Vec<LiveProducer> = in_time.filter_map(producer).collect();
    found.sort_unstable_by_key(|producer| producer.pid);
    Ok(found)
}

/// The process, if one of the rings that it holds names it as its producer.
fn producer(owner: &Owner) -> Option<LiveProducer> {
    let process = &owner.process;
    let identity = process.identity();
    let memfds = process.memfds().ok()?;
    let mut held = memfds
        .iter()
        .filter(|memfd| owner.ctrls.contains(&memfd.file));
    let writes = held.any(|ctrl| {
        read_control(process, ctrl)
            .is_ok_and(|control| Some(control.producer_pid) == identity.ns_pid)
    });
    writes.then(|| LiveProducer {
        pid: process.pid(),
        command: identity.command,
        sockets: (listening(process).into_iter())
            .map(|socket| socket.name)
            .collect(),
    })
}
