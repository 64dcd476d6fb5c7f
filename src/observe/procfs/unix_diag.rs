//! What the kernel tells of unix sockets (`NETLINK_SOCK_DIAG`): asked for one by its inode. Nothing is received or changed.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::process::Process;
use crate::ring::layout::{u16_at, u32_at};

/// `include/uapi/linux/sock_diag.h`: `SOCK_DIAG_BY_FAMILY`.
pub(super) const BY_FAMILY: u16 = 20;

/// `AF_UNIX`.
pub(super) const FAMILY: u8 = 1;

/// `include/uapi/linux/netlink.h`: `NLMSG_ERROR`, `NLM_F_REQUEST`, `struct nlmsghdr`.
pub(super) const ERROR: u16 = 2;
pub(super) const REQUEST: u16 = 1;
pub(super) const NETLINK_HEADER: usize = 16;

/// `include/uapi/linux/unix_diag.h`: `struct unix_diag_msg`; attributes and the bits that ask for them.
pub(super) const DIAG_HEADER: usize = 16;
pub(super) const PEER: u16 = 2;
pub(super) const MEMINFO: u16 = 5;
const SHOW_PEER: u32 = 4;
const SHOW_MEMINFO: u32 = 0x20;

/// `include/uapi/linux/sock_diag.h`: places in `SK_MEMINFO`.
const WMEM_ALLOC: usize = 2;
const SNDBUF: usize = 3;

/// What the kernel says of one unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Inode of the other end; 0 when that is closed.
    pub peer: u32,
    /// Bytes of buffer that the other end has not read.
    pub unread: u32,
    /// Bytes at which nothing more is taken.
    pub capacity: u32,
}

/// A socket to ask the kernel about sockets.
#[derive(Debug)]
pub struct Diag {
    pub(super) socket: OwnedFd,
    pub(super) sequence: u32,
}

impl Diag {
    pub fn open() -> io::Result<Self> {
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

    /// One that asks about the network namespace of `process`: made by a thread that goes there for it.
    ///
    /// # Errors
    /// `PermissionDenied` without `CAP_SYS_ADMIN` here and there.
    pub fn open_in(process: &Process) -> io::Result<Self> {
        let namespace = process.open_at("ns/net", OFlags::RDONLY)?;
        let enter = || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            Self::open()
        };
        std::thread::scope(|scope| scope.spawn(enter).join())
            .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    }

    /// Asks for one unix socket of our network namespace; `None` when it has no such socket.
    pub fn ask(&mut self, inode: u32) -> io::Result<Option<Answer>> {
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

/// A request for one socket.
fn request(inode: u32, sequence: u32) -> [u8; 40] {
    put_request(REQUEST, sequence, u32::MAX, inode, SHOW_PEER | SHOW_MEMINFO)
}

/// A request: `struct nlmsghdr`, `struct unix_diag_req`.
pub(super) fn put_request(
    flags: u16,
    sequence: u32,
    states: u32,
    inode: u32,
    show: u32,
) -> [u8; 40] {
    let mut request = [0; 40];
    let mut put = |at: usize, bytes: &[u8]| request[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &40_u32.to_ne_bytes());
    put(4, &BY_FAMILY.to_ne_bytes());
    put(6, &flags.to_ne_bytes());
    put(8, &sequence.to_ne_bytes());
    put(16, &[FAMILY]);
    put(20, &states.to_ne_bytes());
    put(24, &inode.to_ne_bytes());
    put(28, &show.to_ne_bytes());
    // Any cookie.
    put(32, &[0xff; 8]);
    request
}

/// The answer in a reply to the request numbered `sequence`: nothing in it is taken for granted.
pub(super) fn parse(reply: &[u8], inode: u32, sequence: u32) -> io::Result<Option<Answer>> {
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
