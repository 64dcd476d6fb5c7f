//! Bytes and descriptors over a unix socket, in one record or none.
//!
//! Never waits: who wants to does so behind a deadline. Every descriptor is owned from the moment it arrives, so no
//! error path leaks one. Knows nothing of what the bytes say.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;

use rustix::cmsg_space;
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, RecvMsg, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::layout::MAX_FDS;

/// What one `recvmsg` brought, beside bytes and descriptors.
pub(super) struct Received {
    pub(super) bytes: usize,
    /// The kernel had more to give than there was room for: bytes of a record, or ancillary data.
    pub(super) cut: bool,
    /// Ancillary data other than descriptors came, too.
    pub(super) stray: bool,
}

/// Receives without waiting. Descriptors are put behind what `fds` has, close-on-exec.
pub(super) fn receive(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    fds: &mut Vec<OwnedFd>,
) -> rustix::io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let RecvMsg { bytes, flags, .. } =
        recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut control, flags)?;
    let mut stray = false;
    for message in control.drain() {
        match message {
            RecvAncillaryMessage::ScmRights(received) => fds.extend(received),
            _ => stray = true,
        }
    }
    Ok(Received {
        bytes,
        cut: flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC),
        stray,
    })
}

/// Sends bytes and descriptors without waiting. There must be at most [`MAX_FDS`].
pub(super) fn send_with_fds(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
) -> rustix::io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(Errno::TOOMANYREFS);
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags)
}
