//! What a descriptor received from a ring is: told without reading from it, and without waiting for anyone.

use std::os::fd::{AsFd, AsRawFd};

use rustix::fs::{AtFlags, FileType, OFlags, StatxFlags, fcntl_getfl, readlinkat, statx};
use rustix::net::{SocketAddrUnix, getpeername};
use serde::Serialize;

/// A descriptor in words. Fields that do not apply, or cannot be found out, are null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Descriptor {
    /// `file`, `directory`, `pipe`, `socket`, `character device`, `block device`, `symlink`, or what the kernel
    /// calls it (`anon_inode:[eventfd]`).
    pub kind: String,
    /// Where it lies, as `/proc/self/fd` shows it, unescaped; for a socket, its peer's address.
    pub path: Option<String>,
    /// Bytes, of a regular file.
    pub size: Option<u64>,
    /// `read`, `write`, `read-write` or `path`.
    pub access: Option<&'static str>,
}

impl Descriptor {
    /// Describes `fd`.
    #[must_use]
    pub fn of(fd: impl AsFd) -> Self {
        let fd = fd.as_fd();
        let link = readlinkat(
            rustix::fs::CWD,
            format!("/proc/self/fd/{}", fd.as_raw_fd()),
            Vec::new(),
        );
        let link = link
            .map(|link| link.to_string_lossy().into_owned())
            .unwrap_or_default();
        // Without asking a file server that may never answer: what the kernel has cached will do.
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let stat = statx(fd, "", flags, StatxFlags::TYPE | StatxFlags::SIZE).ok();
        let file_type = stat.map(|stat| FileType::from_raw_mode(u32::from(stat.stx_mode)));
        let kind = match file_type {
            Some(FileType::RegularFile) => "file",
            Some(FileType::Directory) => "directory",
            Some(FileType::Fifo) => "pipe",
            Some(FileType::Socket) => "socket",
            Some(FileType::CharacterDevice) => "character device",
            Some(FileType::BlockDevice) => "block device",
            Some(FileType::Symlink) => "symlink",
            _ => link.as_str(),
        }
        .to_owned();
        let path = if file_type == Some(FileType::Socket) {
            peer(fd)
        } else {
            link.starts_with('/').then_some(link)
        };
        let size = stat
            .filter(|_| file_type == Some(FileType::RegularFile))
            .map(|stat| stat.stx_size);
        let access =
            fcntl_getfl(fd)
                .ok()
                .map(|flags| match flags & (OFlags::ACCMODE | OFlags::PATH) {
                    flags if flags.contains(OFlags::PATH) => "path",
                    OFlags::WRONLY => "write",
                    OFlags::RDWR => "read-write",
                    _ => "read",
                });
        Self {
            kind,
            path,
            size,
            access,
        }
    }

    /// In one line, to be escaped by whoever shows it.
    #[must_use]
    pub fn line(&self) -> String {
        let path = self.path.as_ref().map(|path| format!(" {path}"));
        let size = self.size.map(|size| format!(", {size} bytes"));
        let access = self.access.map(|access| format!(", {access}"));
        let parts = [path, size, access].into_iter().flatten();
        parts.fold(self.kind.clone(), |line, part| line + &part)
    }
}

/// The other end of a connected socket: an address, a path, or `@name`.
fn peer(fd: impl AsFd) -> Option<String> {
    let address = getpeername(fd).ok()??;
    if let Ok(address) = std::net::SocketAddr::try_from(address.clone()) {
        return Some(address.to_string());
    }
    let unix = SocketAddrUnix::try_from(address).ok()?;
    if let Some(name) = unix.abstract_name() {
        return Some(format!("@{}", String::from_utf8_lossy(name)));
    }
    unix.path().map(|path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_apart() {
        let mut file = tempfile::NamedTempFile::new().expect("room");
        std::io::Write::write_all(&mut file, b"12345").expect("room");
        let seen = Descriptor::of(file.as_file());
        assert_eq!(
            (seen.kind.as_str(), seen.size, seen.access),
            ("file", Some(5), Some("read-write"))
        );
        assert_eq!(seen.path.as_deref(), file.path().to_str());
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        assert_eq!(Descriptor::of(&reader).line(), "pipe, read");
        assert_eq!(Descriptor::of(&writer).line(), "pipe, write");
        let null = std::fs::File::open("/dev/null").expect("it is there");
        assert_eq!(
            Descriptor::of(&null).line(),
            "character device /dev/null, read"
        );
        let directory = std::fs::File::open("/").expect("it is there");
        assert_eq!(Descriptor::of(&directory).kind, "directory");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let stream = std::net::TcpStream::connect(address).expect("it listens");
        assert_eq!(
            Descriptor::of(&stream).line(),
            format!("socket {address}, read-write")
        );
        let event =
            rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).expect("a descriptor");
        assert_eq!(Descriptor::of(&event).kind, "anon_inode:[eventfd]");
    }
}
