//! Who is at the other end of a unix socket, by word of the kernel. One system call, and nothing else.
//!
//! By hand, because the kernel answers pid 0 for a peer outside our pid namespace, which the types of the crate that
//! makes our other system calls cannot hold.
//!
//! # Safety
//!
//! The kernel writes at most the length it is given into a buffer of that length.
#![expect(unsafe_code, reason = "getsockopt writes through a pointer")]

use std::os::fd::{AsRawFd, BorrowedFd};

/// Pid of the process that connected or listens at the other end, in our pid namespace: 0 when it has none there.
/// `None` when the kernel does not tell.
pub(super) fn peer_pid(socket: BorrowedFd<'_>) -> Option<i32> {
    let mut credentials = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>()).ok()?;
    // SAFETY: `credentials` and `length` outlive the call, and `length` is the size of `credentials`.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut length,
        )
    };
    (outcome == 0).then_some(credentials.pid)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    #[test]
    fn our_own_end_is_us() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let us = i32::try_from(std::process::id()).ok();
        assert_eq!(super::peer_pid(one.as_fd()), us);
        let null = std::fs::File::open("/dev/null").expect("it is there");
        assert_eq!(super::peer_pid(null.as_fd()), None);
    }
}
