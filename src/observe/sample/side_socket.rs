//! What waits unread in the side sockets of a ring's slots: descriptors in flight, which the consumer has yet to take.
//!
//! The kernel is asked by `NETLINK_SOCK_DIAG` for one socket at a time, the producer's end, whose descriptor the slot
//! table names; how many descriptors wait stands in `fdinfo` of the consumer's end. Nothing is received or
//! changed. Knows nothing of what that means for the ring.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};

use crate::observe::attach::{AttachedRing, Member, MemberProcess};
use crate::observe::model::Limitation;
use crate::observe::procfs::{Process, field};
use crate::ring::layout::{u16_at, u32_at};
use crate::text::counted;

/// Looks at one ring are no closer together than this. A look costs two system calls to find each socket and two to
/// ask for it.
const EVERY: Duration = Duration::from_secs(2);
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
    looked: Option<Instant>,
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
        if self.looked.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
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
fn scm_fds(info: &[u8], inode: u32) -> Option<u64> {
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
        why: format!("no more than {SOCKETS} are asked for"),
        remedy: None,
    })
}

/// `include/uapi/linux/sock_diag.h`: `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `AF_UNIX`.
const FAMILY: u8 = 1;
/// `include/uapi/linux/netlink.h`: `NLMSG_ERROR`, `NLM_F_REQUEST`, `struct nlmsghdr`.
const ERROR: u16 = 2;
const REQUEST: u16 = 1;
const NETLINK_HEADER: usize = 16;
/// `include/uapi/linux/unix_diag.h`: `struct unix_diag_msg`; attributes and the bits that ask for them.
const DIAG_HEADER: usize = 16;
const PEER: u16 = 2;
const MEMINFO: u16 = 5;
const SHOW_PEER: u32 = 4;
const SHOW_MEMINFO: u32 = 0x20;
/// `include/uapi/linux/sock_diag.h`: places in `SK_MEMINFO`.
const WMEM_ALLOC: usize = 2;
const SNDBUF: usize = 3;

/// What the kernel says of one unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answer {
    /// Inode of the other end; 0 when that is closed.
    peer: u32,
    /// Bytes of buffer that the other end has not read.
    unread: u32,
    /// Bytes at which nothing more is taken.
    capacity: u32,
}

/// A socket to ask the kernel about sockets.
#[derive(Debug)]
struct Diag {
    socket: OwnedFd,
    sequence: u32,
}

impl Diag {
    fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            flags,
            Some(SOCK_DIAG),
        )?;
        // From then on nobody but the kernel can send to it.
        connect(&socket, &SocketAddrNetlink::new(0, 0))?;
        Ok(Self {
            socket,
            sequence: 0,
        })
    }

    /// Asks for one unix socket of our network namespace; `None` when it has no such socket.
    fn ask(&mut self, inode: u32) -> io::Result<Option<Answer>> {
        self.sequence = self.sequence.wrapping_add(1);
        send(
            &self.socket,
            &request(inode, self.sequence),
            SendFlags::empty(),
        )?;
        // The kernel answers before `send` returns.
        let mut reply = [0; 512];
        let (_, length) = recv(&self.socket, &mut reply[..], RecvFlags::TRUNC)?;
        let reply = reply.get(..length).ok_or(Errno::MSGSIZE)?;
        parse(reply, inode, self.sequence)
    }
}

/// A request for one socket: `struct nlmsghdr`, `struct unix_diag_req`.
fn request(inode: u32, sequence: u32) -> [u8; 40] {
    let mut request = [0; 40];
    let mut put = |at: usize, bytes: &[u8]| request[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &40_u32.to_ne_bytes());
    put(4, &BY_FAMILY.to_ne_bytes());
    put(6, &REQUEST.to_ne_bytes());
    put(8, &sequence.to_ne_bytes());
    put(16, &[FAMILY]);
    put(20, &u32::MAX.to_ne_bytes());
    put(24, &inode.to_ne_bytes());
    put(28, &(SHOW_PEER | SHOW_MEMINFO).to_ne_bytes());
    // Any cookie.
    put(32, &[0xff; 8]);
    request
}

/// The answer in a reply to the request numbered `sequence`: nothing in it is taken for granted.
fn parse(reply: &[u8], inode: u32, sequence: u32) -> io::Result<Option<Answer>> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "a reply that makes no sense");
    let length = u32_at(reply, 0)
        .and_then(|length| usize::try_from(length).ok())
        .ok_or_else(malformed)?;
    let message = reply.get(..length).ok_or_else(malformed)?;
    let kind = u16_at(message, 4).ok_or_else(malformed)?;
    if u32_at(message, 8) != Some(sequence) {
        return Err(malformed());
    }
    if kind == ERROR {
        let error = u32_at(message, NETLINK_HEADER).ok_or_else(malformed)?;
        let error = io::Error::from_raw_os_error(error.cast_signed().wrapping_neg());
        return if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) {
            Ok(None)
        } else {
            Err(error)
        };
    }
    let found = u32_at(message, NETLINK_HEADER + 4);
    if kind != BY_FAMILY || message.get(NETLINK_HEADER) != Some(&FAMILY) || found != Some(inode) {
        return Err(malformed());
    }
    let attributes = message
        .get(NETLINK_HEADER + DIAG_HEADER..)
        .ok_or_else(malformed)?;
    answer(attributes).map(Some).ok_or_else(malformed)
}

/// From the attributes: `struct rtattr` each, a length that includes its own four bytes, a type, and what they hold,
/// padded to four. A socket without a peer has no such attribute, or one that is 0.
fn answer(mut attributes: &[u8]) -> Option<Answer> {
    let (mut peer, mut memory) = (0, None);
    while !attributes.is_empty() {
        let length = usize::from(u16_at(attributes, 0)?);
        let value = attributes.get(4..length)?;
        match u16_at(attributes, 2)? {
            PEER => peer = u32_at(value, 0)?,
            MEMINFO => memory = Some((u32_at(value, WMEM_ALLOC * 4)?, u32_at(value, SNDBUF * 4)?)),
            _ => {}
        }
        attributes = attributes
            .get(length.next_multiple_of(4)..)
            .unwrap_or_default();
    }
    let (unread, capacity) = memory?;
    Some(Answer {
        peer,
        unread,
        capacity,
    })
}

#[cfg(test)]
mod tests;
