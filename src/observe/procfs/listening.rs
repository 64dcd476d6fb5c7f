//! Every unix socket of our network namespace that listens, and the file that it was bound to: names alone do not tell what
//! a path means now.

use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::unix_diag::{
    BY_FAMILY, DIAG_HEADER, Diag, ERROR, FAMILY, NETLINK_HEADER, REQUEST, put_request,
};
use crate::ring::layout::{u16_at, u32_at};

/// `include/uapi/linux/netlink.h`: `NLM_F_DUMP`, `NLMSG_DONE`.
const DUMP: u16 = 0x300;
pub(super) const DONE: u16 = 3;

/// `include/net/tcp_states.h`: `TCP_LISTEN`, as a bit.
const LISTENING: u32 = 1 << 10;

/// `include/uapi/linux/unix_diag.h`: the attribute of the file, and the bit that asks for it.
pub(super) const VFS: u16 = 1;
const SHOW_VFS: u32 = 2;

/// For how long they are listed.
const PATIENCE: Duration = Duration::from_millis(500);

/// A socket that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// Its inode, as `/proc/PID/fd` shows it.
    pub inode: u32,
    /// The file that it was bound to; `None` of an abstract one.
    pub file: Option<BoundFile>,
}

/// The file that a socket was bound to, as far as the kernel tells it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundFile {
    /// The lower 32 bits of its inode.
    pub ino: u32,
    /// Device, major and minor.
    pub dev: (u32, u32),
}

impl Diag {
    /// Every unix socket of our network namespace that listens.
    ///
    /// # Errors
    /// Those of the kernel; [`io::ErrorKind::TimedOut`] when there are too many.
    pub fn listening(&mut self) -> io::Result<Vec<Listening>> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = put_request(REQUEST | DUMP, self.sequence, LISTENING, 0, SHOW_VFS);
        send(&self.socket, &request, SendFlags::empty())?;
        let (mut found, until) = (Vec::new(), Instant::now() + PATIENCE);
        let mut reply = vec![0; 32 << 10];
        while Instant::now() < until {
            let (_, length) = recv(&self.socket, &mut reply[..], RecvFlags::TRUNC)?;
            let reply = reply.get(..length).ok_or(Errno::MSGSIZE)?;
            if parse(reply, self.sequence, &mut found)? {
                return Ok(found);
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// Takes the sockets out of a reply; tells whether it was the last.
pub(super) fn parse(
    mut reply: &[u8],
    sequence: u32,
    found: &mut Vec<Listening>,
) -> io::Result<bool> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "a reply that makes no sense");
    while !reply.is_empty() {
        let length = u32_at(reply, 0).and_then(|length| usize::try_from(length).ok());
        let length = length
            .filter(|length| *length >= NETLINK_HEADER)
            .ok_or_else(malformed)?;
        let message = reply.get(..length).ok_or_else(malformed)?;
        if u32_at(message, 8) != Some(sequence) {
            return Err(malformed());
        }
        match u16_at(message, 4).ok_or_else(malformed)? {
            DONE => return Ok(true),
            ERROR => {
                let error = u32_at(message, NETLINK_HEADER).ok_or_else(malformed)?;
                return Err(io::Error::from_raw_os_error(
                    error.cast_signed().wrapping_neg(),
                ));
            }
            BY_FAMILY if message.get(NETLINK_HEADER) == Some(&FAMILY) => {
                let inode = u32_at(message, NETLINK_HEADER + 4).ok_or_else(malformed)?;
                let attributes = message.get(NETLINK_HEADER + DIAG_HEADER..);
                let file = bound_file(attributes.ok_or_else(malformed)?);
                found.push(Listening { inode, file });
            }
            _ => return Err(malformed()),
        }
        reply = reply.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// `struct unix_diag_vfs`: inode and device, the latter as the kernel counts them (`MKDEV`: twenty bits of minor).
fn bound_file(mut attributes: &[u8]) -> Option<BoundFile> {
    while !attributes.is_empty() {
        let length = usize::from(u16_at(attributes, 0)?);
        let value = attributes.get(4..length)?;
        if u16_at(attributes, 2)? == VFS {
            let dev = u32_at(value, 4)?;
            return Some(BoundFile {
                ino: u32_at(value, 0)?,
                dev: (dev >> 20, dev & 0xf_ffff),
            });
        }
        attributes = attributes
            .get(length.next_multiple_of(4)..)
            .unwrap_or_default();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_socket_of_our_own_is_told_by_its_file() {
        let place = tempfile::tempdir().expect("room");
        let path = place.path().join("socket");
        let first = UnixListener::bind(&path).expect("a socket");
        std::fs::remove_file(&path).expect("ours");
        let second = UnixListener::bind(&path).expect("a socket");
        let inode = |socket: &UnixListener| {
            let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd()));
            let link = link.expect("a link").display().to_string();
            let digits: String = link.chars().filter(char::is_ascii_digit).collect();
            digits.parse::<u32>().expect("an inode")
        };
        let all = Diag::open().and_then(|mut diag| diag.listening());
        let all = all.expect("the kernel tells");
        let file = |socket: &UnixListener| {
            let inode = inode(socket);
            let found = all.iter().find(|one| one.inode == inode);
            found
                .and_then(|one| one.file)
                .expect("it is bound to a file")
        };
        let stat = std::fs::metadata(&path).expect("it is there");
        assert_eq!(u64::from(file(&second).ino), stat.ino() & 0xffff_ffff);
        assert_ne!(file(&first).ino, file(&second).ino);
    }

    #[test]
    fn any_reply_is_read_to_an_end() {
        let mut reply = vec![0; 64];
        reply[0] = 64;
        for at in 0..64 {
            for byte in [0, 1, 4, 20, 255] {
                let mut reply = reply.clone();
                reply[at] = byte;
                let _ = parse(&reply, 0, &mut Vec::new());
            }
        }
    }
}
