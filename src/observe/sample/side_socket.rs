//! What waits unread in the side sockets of a ring's slots: descriptors in flight, which the consumer has yet to take.
//!
//! The kernel is asked by `NETLINK_SOCK_DIAG` for one socket at a time, the producer's end, whose descriptor the slot
//! table names; how many descriptors wait stands in `fdinfo` of the consumer's end. Nothing is received or
//! changed. Knows nothing of what that means for the ring.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use crate::observe::attach::{AttachedRing, Member, MemberProcess};
use crate::observe::model::Limitation;
use crate::observe::procfs::{Answer, Diag, Process, field};
use crate::text::counted;

/// Looks at one ring are no closer together than this. A look costs two system calls to find each socket and two to
/// ask for it.
const EVERY: Duration = Duration::from_secs(2);
/// Nor is more than a two-hundredth of the time spent on them.
const RESTS: u32 = 200;
/// Most sockets that are asked for in one look.
const SOCKETS: usize = 1024;

/// What waits in the side socket of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Bytes of buffer taken, overhead included: `sk_wmem_alloc` of the producer's end.
    pub bytes: u64,
    /// Bytes at which nothing more is taken: `sk_sndbuf`.
    pub capacity: u64,
    /// Descriptors in flight; `None` where the consumer's end cannot be looked at.
    pub descriptors: Option<u64>,
    /// The producer's `RLIMIT_NOFILE`; `None` when no descriptor is known to be in flight.
    pub descriptors_limit: Option<u64>,
}

/// What was seen in a ring's side sockets.
#[derive(Debug, Default)]
pub struct SideSockets {
    due: Option<Instant>,
    diag: Option<Diag>,
    /// By inode of the metadata page.
    unread: HashMap<u64, Unread>,
    /// The consumers' ends, by inode of the metadata page.
    ends: HashMap<u64, End>,
    limits: Vec<Limitation>,
}

/// A consumer's end of its side socket, looked for once.
#[derive(Clone, Copy, Debug)]
struct End {
    inode: u32,
    /// Its descriptor in the consumer; `None` when the process has none.
    fd: Option<i32>,
}

impl SideSockets {
    /// Asks what is unread, if it is time to. `alive` is whether the producer lives: its end of the sockets ends with it.
    pub fn look(&mut self, ring: &AttachedRing, alive: bool) {
        if !alive {
            self.unread.clear();
            return;
        }
        let begun = Instant::now();
        if self.due.is_some_and(|due| begun < due) {
            return;
        }
        self.ask_all(ring);
        self.due = Some(begun + EVERY.max(begun.elapsed() * RESTS));
    }

    fn ask_all(&mut self, ring: &AttachedRing) {
        self.unread.clear();
        self.limits.clear();
        let members = ring.members();
        self.ends
            .retain(|page, _| members.iter().any(|member| member.file.ino == *page));
        let Some(producer) = ring.producer_process() else {
            return;
        };
        let mut sockets = members
            .iter()
            .filter(|member| member.held)
            .filter_map(|member| Some((member, inode(producer, member.slot?.side_socket_fd)?)));
        let mut unfound = 0;
        for (member, socket) in sockets.by_ref().take(SOCKETS) {
            match self.ask(socket) {
                Ok(Some(answer)) => {
                    let unread = self.read(producer, member, answer);
                    self.unread.insert(member.file.ino, unread);
                }
                // Evicted since: the socket went with the slot.
                Ok(None) if !still_open(producer, member, socket) => {}
                Ok(None) => unfound += 1,
                Err(error) => {
                    self.limits.push(Limitation {
                        what: "descriptors in flight in side sockets".into(),
                        why: format!("the kernel does not answer NETLINK_SOCK_DIAG: {error}"),
                        remedy: None,
                    });
                    return;
                }
            }
        }
        let passed = sockets.count();
        self.limits.extend(unseen(producer, unfound, passed));
    }

    /// What was unread at the last look; `None` when it cannot be told.
    #[must_use]
    pub fn unread(&self, page: u64) -> Option<Unread> {
        self.unread.get(&page).copied()
    }

    /// What could not be asked, and why.
    #[must_use]
    pub fn limits(&self) -> &[Limitation] {
        &self.limits
    }

    fn ask(&mut self, socket: u32) -> io::Result<Option<Answer>> {
        let diag = match &mut self.diag {
            Some(diag) => diag,
            none => none.insert(Diag::open()?),
        };
        let answer = diag.ask(socket);
        if answer.is_err() {
            // A fresh one has no answers left over.
            self.diag = None;
        }
        answer
    }

    fn read(&mut self, producer: &Process, member: &Member, answer: Answer) -> Unread {
        let descriptors = match answer.unread {
            0 => Some(0),
            _ => (member.process.as_ref())
                .and_then(|process| self.descriptors(process, member, answer.peer)),
        };
        let in_flight = descriptors.is_some_and(|descriptors| descriptors > 0);
        Unread {
            bytes: answer.unread.into(),
            capacity: answer.capacity.into(),
            descriptors,
            descriptors_limit: in_flight.then(|| open_files(producer)).flatten(),
        }
    }

    /// How many descriptors wait at the consumer's end, the socket `inode`.
    fn descriptors(&mut self, process: &MemberProcess, member: &Member, inode: u32) -> Option<u64> {
        let process = process.process();
        let page = member.file.ino;
        let known = self.ends.get(&page).filter(|end| end.inode == inode);
        let end = match known {
            Some(end) => *end,
            None => {
                let link = format!("socket:[{inode}]").into_bytes();
                let mut fd = None;
                let seen = process.each_link(|number, to| {
                    if to == link {
                        fd = Some(number);
                    }
                });
                seen.ok()?;
                let end = End { inode, fd };
                self.ends.insert(page, end);
                end
            }
        };
        let info = process.text(&format!("fdinfo/{}", end.fd?));
        let waiting = info.ok().and_then(|info| scm_fds(&info, inode));
        if waiting.is_none() {
            // Its descriptor may have moved.
            self.ends.remove(&page);
        }
        waiting
    }
}

/// The number of descriptors in a socket's queue, by its `fdinfo`, if that is of the socket `inode`.
pub(super) fn scm_fds(info: &[u8], inode: u32) -> Option<u64> {
    (field(info, "ino:")?.parse() == Ok(inode)).then_some(())?;
    field(info, "scm_fds:")?.parse().ok()
}

/// A process's soft limit of open files; `None` when there is none.
fn open_files(process: &Process) -> Option<u64> {
    let text = process.text("limits").ok()?;
    field(&text, "Max open files")?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// The socket behind a descriptor of `process`.
fn inode(process: &Process, fd: i32) -> Option<u32> {
    let link = process.read_link(&format!("fd/{fd}")).ok()?;
    let number = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

fn still_open(producer: &Process, member: &Member, socket: u32) -> bool {
    let fd = member.slot.map(|slot| slot.side_socket_fd);
    fd.and_then(|fd| inode(producer, fd)) == Some(socket)
}

/// Sockets that the kernel did not show us, and those that were too many to ask for.
fn unseen(producer: &Process, unfound: usize, passed: usize) -> Option<Limitation> {
    let what = |count| format!("descriptors in flight in {}", counted(count, "side socket"));
    if unfound > 0 {
        let ours = rustix::fs::readlink("/proc/self/ns/net", Vec::new());
        let theirs = producer.read_link("ns/net");
        let differ = matches!((ours, theirs), (Ok(ours), Ok(theirs)) if ours.as_bytes() != theirs);
        return Some(Limitation {
            what: what(unfound as u64).into(),
            why: if differ {
                "the producer is in another network namespace, whose sockets the kernel does not show us"
                    .into()
            } else {
                "the kernel shows no such sockets in our network namespace (or lacks unix_diag)"
                    .into()
            },
            remedy: differ.then(|| {
                format!(
                    "run in the producer's network namespace (nsenter --net --target {})",
                    producer.pid()
                )
            }),
        });
    }
    (passed > 0).then(|| Limitation {
        what: what(passed as u64).into(),
        why: format!("at most {SOCKETS} are queried"),
        remedy: None,
    })
}

#[cfg(test)]
mod tests;
