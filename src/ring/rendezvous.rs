//! Where consumers come: a socket that is listened on, and each connection handed to the producer. The protocol leaves that
//! to the application; this is what most of them need.
//!
//! Knows nothing of slots, nor of what a consumer is told.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen,
    socket_with,
};
use rustix::time::Timespec;

use super::error::{Error, Result};
use super::producer::Producer;
use super::slot::{SlotIndex, WakeupMode};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;

/// A rendezvous socket (`SOCK_SEQPACKET`) that lets consumers in.
///
/// It can be polled for (it is [`AsFd`]), waited for ([`Rendezvous::wait`]), or asked now and then: nothing here blocks but
/// the handshake itself, for as long as [`Rendezvous::handshake_timeout`] says.
///
/// ```
/// use std::time::Duration;
/// use zbqtop::ring::{Consumer, Error, Producer, ProducerParams, Rendezvous, WakeupMode};
///
/// let place = std::env::temp_dir().join(format!("rendezvous-{}", std::process::id()));
/// let mut producer = Producer::create(ProducerParams::default())?;
/// let rendezvous = Rendezvous::bind(&place)?;
/// let joins = std::thread::spawn(move || Consumer::connect(&place, WakeupMode::Pull, Duration::from_secs(5)));
/// while rendezvous.admit(&mut producer)?.is_none() {
///     rendezvous.wait(Duration::from_secs(1))?;
/// }
/// let mut consumer = joins.join().unwrap()?;
/// producer.send(b"hello")?;
/// let message = consumer.receive()?.expect("it was sent");
/// assert_eq!(message.payload()?.to_vec()?, b"hello");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Rendezvous {
    socket: OwnedFd,
    /// Its file, which goes with it; none of an abstract one.
    path: Option<PathBuf>,
    /// For how long a consumer that has connected may take to say what it wants: so long the producer does nothing else.
    /// 100 ms, if nothing else is said.
    pub handshake_timeout: Duration,
}

impl Rendezvous {
    /// Listens at a path or, with a leading `@`, at an abstract name. A socket file that nobody listens on any more is
    /// replaced.
    ///
    /// # Errors
    /// If somebody else listens there, or the kernel refuses.
    pub fn bind(address: impl AsRef<Path>) -> Result<Self> {
        let path = address.as_ref();
        let (address, path) = match path.as_os_str().as_bytes() {
            [b'@', name @ ..] => (SocketAddrUnix::new_abstract_name(name), None),
            _ => (SocketAddrUnix::new(path), Some(path.to_owned())),
        };
        let address = address.map_err(Error::io("rendezvous address"))?;
        let socket = new_socket()?;
        if let Err(errno) = bind(&socket, &address) {
            let path = path.as_deref().filter(|_| errno == Errno::ADDRINUSE);
            if !path.is_some_and(|path| is_left_over(path, &address)) {
                return Err(Error::io("bind")(errno));
            }
            bind(&socket, &address).map_err(Error::io("bind"))?;
        }
        // From here on, dropping removes the file.
        let made = Self {
            socket,
            path,
            handshake_timeout: Duration::from_millis(100),
        };
        listen(&made.socket, BACKLOG).map_err(Error::io("listen"))?;
        Ok(made)
    }

    /// Lets in the next consumer that waits, in the mode that it wishes for; `None` when none waits.
    ///
    /// # Errors
    /// Those of [`Producer::handshake`], of this one consumer: the next may be well; those of accepting.
    pub fn admit(&self, producer: &mut Producer) -> Result<Option<SlotIndex>> {
        self.admit_with(producer, |wish| wish.unwrap_or(WakeupMode::Pull))
    }

    /// As [`Rendezvous::admit`], in the mode that `choose` makes of the one wished for; see [`Producer::handshake_with`].
    ///
    /// # Errors
    /// Those of [`Rendezvous::admit`].
    pub fn admit_with(
        &self,
        producer: &mut Producer,
        choose: impl FnOnce(Option<WakeupMode>) -> WakeupMode,
    ) -> Result<Option<SlotIndex>> {
        let conn = loop {
            match accept_with(&self.socket, SocketFlags::CLOEXEC) {
                Ok(conn) => break conn,
                Err(Errno::AGAIN) => return Ok(None),
                // It has gone again.
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(errno) => return Err(Error::io("accept")(errno)),
            }
        };
        producer
            .handshake_with(conn, choose, self.handshake_timeout)
            .map(Some)
    }

    /// Waits until a consumer has connected, `timeout` at most; tells whether one has.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn wait(&self, timeout: Duration) -> Result<bool> {
        let mut polled = [PollFd::new(&self.socket, PollFlags::IN)];
        // A timeout that does not fit is as good as none.
        let timeout = Timespec::try_from(timeout).ok();
        match poll(&mut polled, timeout.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(errno) => Err(Error::io("poll")(errno)),
        }
    }
}

impl AsFd for Rendezvous {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Rendezvous {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // There is nobody to tell.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn new_socket() -> Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
        .map_err(Error::io("socket"))
}

/// Whether a socket file was left by somebody who listens no more; then it is removed.
fn is_left_over(path: &Path, address: &SocketAddrUnix) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| {
        use std::os::unix::fs::FileTypeExt as _;
        file.file_type().is_socket()
    });
    // One of another type would say so, and is somebody's.
    let refuses =
        new_socket().is_ok_and(|socket| connect(&socket, address) == Err(Errno::CONNREFUSED));
    is_socket && refuses && std::fs::remove_file(path).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::ProducerParams;

    #[test]
    fn a_file_that_was_left_is_replaced_and_one_in_use_is_not() {
        let place = tempfile::tempdir().expect("room");
        let path = place.path().join("socket");
        // Left by somebody who was killed: its file outlives it.
        let left = std::os::unix::net::UnixListener::bind(&path).expect("a path");
        drop(left);
        let mut producer = Producer::create(ProducerParams::default()).expect("a ring");
        let rendezvous = Rendezvous::bind(&path).expect("nobody listens there");
        assert_eq!(rendezvous.admit(&mut producer).expect("nobody comes"), None);
        assert!(!rendezvous.wait(Duration::ZERO).expect("a socket"));
        assert!(Rendezvous::bind(&path).is_err(), "it is in use");
        drop(rendezvous);
        assert!(!path.exists());
        let other = std::os::unix::net::UnixListener::bind(&path).expect("a path");
        assert!(Rendezvous::bind(&path).is_err(), "it is in use by a stream");
        drop(other);
        std::fs::remove_file(&path).expect("ours");
        std::fs::write(&path, "x").expect("room");
        assert!(Rendezvous::bind(&path).is_err(), "it is no socket");
        assert!(path.exists());
    }
}
