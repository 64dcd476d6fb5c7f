//! What `/proc` tells of one process: descriptors, mappings, name, uid, namespaces, start.
//!
//! Every question goes through one handle on `/proc/PID`, so a pid that is reused is never mistaken for the
//! process that was asked about: the kernel answers `ESRCH` through the old handle. Knows memfd names, but
//! nothing of rings.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use rustix::fs::{
    AtFlags, Mode, OFlags, RawDir, Stat, StatxFlags, makedev, readlinkat_raw, statat, statx,
};
use rustix::io::Errno;

use super::maps::Maps;
use super::memfd::{FileId, MappedMemFd, MemFd, MemFdKind};
use super::shortage::{memfd, open_pidfd, openat};

/// Longest text file read from `/proc`: a bound on what a hostile process can make us hold.
pub(super) const MAX_TEXT: u64 = 16 << 20;

/// What `/proc/PID/status` and its neighbours say of who a process is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `comm`, as the process set it: untrusted bytes, decoded with replacement.
    pub command: Option<String>,
    /// Real uid.
    pub uid: Option<u32>,
    /// Pid in the innermost namespace.
    pub ns_pid: Option<i32>,
}

/// For how long a list of descriptors is good for all who ask.
const LINKS_KEEP: Duration = Duration::from_millis(10);

/// What matters of a process's descriptors.
#[derive(Debug, Default)]
pub struct Links {
    /// Its zbq memfds, by descriptor number.
    pub memfds: Vec<MemFd>,
    /// Its pidfds.
    pub pidfds: Vec<i32>,
    /// Its sockets: descriptor, and inode in digits.
    pub sockets: Vec<(i32, Vec<u8>)>,
}

/// A list of descriptors, and when it was made.
type KeptLinks = (Instant, Arc<Links>);

/// A handle on `/proc/PID`.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    /// Shared by all handles on the same process: a descriptor each would soon be many.
    dir: Arc<OwnedFd>,
    /// So is what its descriptors were when last listed: many rings of one process are not to list them once each.
    links: Arc<Mutex<Option<KeptLinks>>>,
    /// `/proc/TID` of a thread that lives on, once the main thread was seen to have ended: a process lives as long as one of
    /// its threads, but what it holds and maps is shown no more where the main thread was.
    thread: Mutex<Option<Arc<OwnedFd>>>,
}

impl Process {
    /// Opens `/proc/PID`.
    ///
    /// # Errors
    /// `NotFound` when there is no such process.
    pub fn open(pid: i32) -> io::Result<Self> {
        let dir = openat(
            rustix::fs::CWD,
            format!("/proc/{pid}"),
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        Ok(Self {
            pid,
            dir: Arc::new(dir),
            links: Arc::default(),
            thread: Mutex::default(),
        })
    }

    /// This process itself, whatever its pid is in `/proc`.
    ///
    /// # Errors
    /// When `/proc` is not mounted.
    pub fn ourselves() -> io::Result<Self> {
        let shown = rustix::fs::readlink("/proc/self", Vec::new())?;
        let pid = shown.to_str().ok().and_then(|pid| pid.parse().ok());
        Self::open(pid.ok_or(Errno::SRCH)?)
    }

    /// Another handle on the same process: opening its pid again might give another one. Takes no descriptor.
    #[must_use]
    pub fn another(&self) -> Self {
        Self {
            pid: self.pid,
            dir: Arc::clone(&self.dir),
            links: Arc::clone(&self.links),
            thread: Mutex::new(self.thread()),
        }
    }

    /// The pid it was opened by.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// A descriptor that becomes readable when the process ends. Costs the process nothing.
    ///
    /// # Errors
    /// `ESRCH` when it is gone already, or `/proc` counts pids otherwise than the kernel does for us.
    pub fn pidfd(&self) -> io::Result<OwnedFd> {
        if !numbers_are_ours() {
            return Err(Errno::SRCH.into());
        }
        let pidfd = open_pidfd(self.pid)?;
        // The pid may have been reused between the two opens: the old handle then answers ESRCH.
        self.text("stat")?;
        Ok(pidfd)
    }

    /// Calls `each` with every descriptor number and the text of its link; tells whether there are no more than are looked
    /// at.
    ///
    /// # Errors
    /// `PermissionDenied` when the descriptors of this process are not ours to see.
    pub fn each_link(&self, each: impl FnMut(i32, &[u8])) -> io::Result<bool> {
        let mut each = each;
        let (_, all) = self.of_the_living(
            |dir| {
                let mut any = false;
                let links = openat(dir, "fd", DIRECTORY, Mode::empty())?;
                let all = each_link(links, |fd, link| {
                    any = true;
                    each(fd, link);
                })?;
                Ok((any, all))
            },
            |(any, _)| !any,
        )?;
        Ok(all)
    }

    /// Its zbq memfds, by descriptor number.
    ///
    /// # Errors
    /// As [`Self::each_link`].
    pub fn memfds(&self) -> io::Result<Vec<MemFd>> {
        Ok(self.links()?.memfds.clone())
    }

    /// What matters of its descriptors, as they were [`LINKS_KEEP`] ago at most.
    ///
    /// # Errors
    /// As [`Self::each_link`].
    pub fn links(&self) -> io::Result<Arc<Links>> {
        let kept = self.links.lock().ok().and_then(|links| links.clone());
        if let Some((at, links)) = kept
            && at.elapsed() < LINKS_KEEP
        {
            return Ok(links);
        }
        let links = Arc::new(self.list_links()?);
        if let Ok(mut kept) = self.links.lock() {
            *kept = Some((Instant::now(), Arc::clone(&links)));
        }
        Ok(links)
    }

    /// What its descriptors were is of no use any more: they have changed.
    pub fn forget_links(&self) {
        if let Ok(mut kept) = self.links.lock() {
            *kept = None;
        }
    }

    fn list_links(&self) -> io::Result<Links> {
        let (mut found, mut failed) = (Links::default(), None);
        self.each_link(|fd, link| {
            if link == b"anon_inode:[pidfd]" || link.starts_with(b"pidfd:") {
                found.pidfds.push(fd);
            }
            if let Some(rest) = link.strip_prefix(b"socket:[")
                && let Some(inode) = rest.strip_suffix(b"]")
            {
                found.sockets.push((fd, inode.to_owned()));
            }
            let Some(kind) = MemFdKind::of(link) else {
                return;
            };
            match self.fd_stat(fd) {
                Ok(stat) => found.memfds.push(MemFd {
                    fd,
                    kind,
                    file: FileId {
                        dev: stat.st_dev,
                        ino: stat.st_ino,
                    },
                    size: u64::try_from(stat.st_size).unwrap_or(0),
                }),
                // Closed since, or no memfd.
                Err(error) if has_vanished(&error) => {}
                Err(error) => failed = Some(error),
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        found.memfds.sort_by_key(|memfd| memfd.fd);
        Ok(found)
    }

    /// The file behind descriptor `fd` of this process, if it is still open there.
    #[must_use]
    pub fn fd_file(&self, fd: i32) -> Option<FileId> {
        let stat = self.fd_stat(fd).ok()?;
        Some(FileId {
            dev: stat.st_dev,
            ino: stat.st_ino,
        })
    }

    fn fd_stat(&self, fd: i32) -> io::Result<Stat> {
        let stat = |dir: BorrowedFd<'_>| {
            let link = format!("fd/{fd}");
            if !is_memfd(dir, &link)? {
                return Err(Errno::NOENT.into());
            }
            Ok(statat(dir, link, AtFlags::empty())?)
        };
        self.of_the_living(stat, |_| false)
    }

    /// Opens a memfd of this process read-only, as a description of our own.
    ///
    /// The link is first taken hold of without opening it (`O_PATH`), so that a descriptor that has become a
    /// FIFO, a terminal or a device since it was listed is noticed and never opened.
    ///
    /// # Errors
    /// `PermissionDenied`; `NotFound` when the descriptor is closed or is no longer `expected`.
    pub fn open_memfd(&self, expected: &MemFd) -> io::Result<OwnedFd> {
        self.open_link(&format!("fd/{}", expected.fd), expected.kind, expected.file)
    }

    /// Opens a memfd that this process has mapped read-only, as a description of our own; otherwise as
    /// [`Self::open_memfd`].
    ///
    /// # Errors
    /// `PermissionDenied`, also without CAP_SYS_ADMIN and CAP_CHECKPOINT_RESTORE; `NotFound` when it is no longer
    /// mapped there.
    pub fn open_mapped(&self, expected: &MappedMemFd) -> io::Result<OwnedFd> {
        let MappedMemFd { address, end, .. } = expected;
        self.open_link(
            &format!("map_files/{address:x}-{end:x}"),
            expected.kind,
            expected.file,
        )
    }

    fn open_link(&self, link: &str, kind: MemFdKind, file: FileId) -> io::Result<OwnedFd> {
        let gone = || {
            let what = format!("{link} is no longer {}", kind.name());
            io::Error::new(io::ErrorKind::NotFound, what)
        };
        let path = self.open_at(link, OFlags::PATH)?;
        if !is_memfd(path.as_fd(), "")? {
            return Err(gone());
        }
        let stat = rustix::fs::fstat(&path)?;
        let found = FileId {
            dev: stat.st_dev,
            ino: stat.st_ino,
        };
        let regular = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
        let own = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&path));
        // The name once more: kind and file were looked up one after the other when it was listed.
        let named = rustix::fs::readlink(&own, Vec::new())
            .is_ok_and(|link| MemFdKind::of(link.as_bytes()) == Some(kind));
        if found != file || !regular || !named {
            return Err(gone());
        }
        let file = openat(
            rustix::fs::CWD,
            own,
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
            Mode::empty(),
        )?;
        // Only what memfd_create makes, and files of tmpfs, can be sealed.
        rustix::fs::fcntl_get_seals(&file).map_err(|_| gone())?;
        Ok(file)
    }

    /// Opens `/proc/PID/mem` for reading (`PTRACE_MODE_ATTACH`; the process is not stopped).
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn memory(&self) -> io::Result<OwnedFd> {
        self.open_at("mem", OFlags::RDONLY)
    }

    /// Opens what lies below `/proc/PID`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open_at(&self, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let open =
            |dir: BorrowedFd<'_>| Ok(openat(dir, name, flags | OFlags::CLOEXEC, Mode::empty())?);
        self.of_the_living(open, |_| false)
    }

    /// The attributes of what lies below `/proc/PID`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn stat_at(&self, name: &str) -> io::Result<Stat> {
        Ok(statat(&self.dir, name, AtFlags::empty())?)
    }

    /// The text of a link below `/proc/PID`, up to 128 bytes of it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn read_link(&self, name: &str) -> io::Result<Vec<u8>> {
        let read = |dir: BorrowedFd<'_>| {
            let mut link = [std::mem::MaybeUninit::uninit(); 128];
            let (link, _) = readlinkat_raw(dir, name, &mut link)?;
            Ok(link.to_vec())
        };
        self.of_the_living(read, |_| false)
    }

    /// What it has mapped, as far as it matters here.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn maps(&self) -> io::Result<Maps> {
        let text = |dir: BorrowedFd<'_>| text_at(dir, "maps");
        let mut maps = Maps::parse(&self.of_the_living(text, Vec::is_empty)?);
        let (major, minor) = memfd_device()?;
        // Any file can have such a name.
        let device = makedev(major, minor);
        maps.memfds.retain(|at| at.file.dev == device);
        Ok(maps)
    }

    /// Who it is. Fields that cannot be read are `None`.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let command = self.text("comm").ok().map(|text| {
            String::from_utf8_lossy(text.strip_suffix(b"\n").unwrap_or(&text)).into_owned()
        });
        let status = self.text("status").unwrap_or_default();
        Identity {
            command,
            uid: field(&status, "Uid:")
                .and_then(|value| value.split_whitespace().next()?.parse().ok()),
            ns_pid: field(&status, "NSpid:")
                .and_then(|value| value.split_whitespace().next_back()?.parse().ok()),
        }
    }

    /// Its arguments with blanks between them, unescaped, up to [`MOST_ARGUMENTS`] bytes; `None` when there are none.
    #[must_use]
    pub fn command_line(&self) -> Option<String> {
        let text = |dir: BorrowedFd<'_>| text_at(dir, "cmdline");
        let mut text = self.of_the_living(text, Vec::is_empty).ok()?;
        while text.last() == Some(&0) {
            text.pop();
        }
        text.truncate(MOST_ARGUMENTS);
        let line = String::from_utf8_lossy(&text).replace('\0', " ");
        (!line.is_empty()).then_some(line)
    }

    /// How many pid namespaces it has a pid in, from that of `/proc` inwards.
    #[must_use]
    pub fn depth(&self) -> Option<usize> {
        Some(
            field(&self.text("status").ok()?, "NSpid:")?
                .split_whitespace()
                .count(),
        )
    }

    /// Parent, by pid.
    #[must_use]
    pub fn parent(&self) -> Option<i32> {
        self.stat_fields()?.get(1)?.parse().ok()
    }

    /// Start of the process, ticks since boot (`USER_HZ`).
    #[must_use]
    pub fn start_ticks(&self) -> Option<u64> {
        self.stat_fields()?.get(19)?.parse().ok()
    }

    /// Whether it has been seen to have ended, and is there only until its parent reaps it.
    #[must_use]
    pub fn is_unreaped(&self) -> bool {
        let ended = self.stat_fields().is_some_and(|fields| has_ended(&fields));
        ended && self.living_thread().is_none()
    }

    /// Whether it is not known to have ended.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.is_alive() != Some(false)
    }

    /// Whether it has not ended: a zombie has, unless another thread of it lives on. `None` when it cannot be asked.
    #[must_use]
    pub fn is_alive(&self) -> Option<bool> {
        match self.text("stat") {
            Ok(stat) => {
                let fields = stat_fields(&stat);
                Some(!has_ended(&fields) || self.living_thread().is_some())
            }
            Err(error) if has_vanished(&error) => Some(false),
            Err(_) => None,
        }
    }

    /// What it is doing: the letter of the third field of `stat`; that of a thread that lives on where the main thread has
    /// ended.
    #[must_use]
    pub fn state_letter(&self) -> Option<String> {
        let stat = |dir: BorrowedFd<'_>| text_at(dir, "stat");
        let fields = stat_fields(
            &self
                .of_the_living(stat, |stat| has_ended(&stat_fields(stat)))
                .ok()?,
        );
        fields.into_iter().next()
    }

    /// Asks of `/proc/PID`, or, where the main thread has ended, of a thread that lives on. `is_blank` tells an answer that
    /// says nothing.
    fn of_the_living<T>(
        &self,
        mut ask: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
        is_blank: impl Fn(&T) -> bool,
    ) -> io::Result<T> {
        let answer = match self.thread() {
            Some(thread) => ask(thread.as_fd()),
            None => ask(self.dir.as_fd()),
        };
        let nothing = match &answer {
            Ok(answer) => is_blank(answer),
            Err(error) => has_vanished(error),
        };
        if !nothing || !self.stat_fields().is_some_and(|fields| has_ended(&fields)) {
            return answer;
        }
        let Some(thread) = self.living_thread() else {
            return answer;
        };
        let thread = Arc::new(thread);
        if let Ok(mut known) = self.thread.lock() {
            *known = Some(Arc::clone(&thread));
        }
        ask(thread.as_fd())
    }

    fn thread(&self) -> Option<Arc<OwnedFd>> {
        self.thread.lock().ok()?.clone()
    }

    /// `/proc/TID` of a thread that has not ended.
    fn living_thread(&self) -> Option<OwnedFd> {
        let tasks = openat(&self.dir, "task", DIRECTORY, Mode::empty()).ok()?;
        let mut entries = [std::mem::MaybeUninit::uninit(); 8192];
        let mut entries = RawDir::new(&tasks, &mut entries);
        while let Some(Ok(entry)) = entries.next() {
            let Some(thread) = entry.file_name().to_str().ok() else {
                continue;
            };
            let stat = text_at(tasks.as_fd(), &format!("{thread}/stat"));
            if stat.is_ok_and(|stat| !has_ended(&stat_fields(&stat)))
                && let Ok(dir) = openat(
                    rustix::fs::CWD,
                    format!("/proc/{thread}"),
                    OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                    Mode::empty(),
                )
                // The number may have become another process's.
                && text_at(dir.as_fd(), "status").is_ok_and(|status| {
                    field(&status, "Tgid:").and_then(|pid| pid.parse().ok()) == Some(self.pid)
                })
            {
                return Some(dir);
            }
        }
        None
    }

    /// Process that the pidfd `fd` of this process refers to: `Some(-1)` once that one has been reaped.
    #[must_use]
    pub fn pidfd_target(&self, fd: i32) -> Option<i32> {
        let info = |dir: BorrowedFd<'_>| text_at(dir, &format!("fdinfo/{fd}"));
        field(&self.of_the_living(info, |_| false).ok()?, "Pid:")?
            .parse()
            .ok()
    }

    /// The fields of `/proc/PID/stat` behind the name, which may itself hold blanks and parentheses.
    fn stat_fields(&self) -> Option<Vec<String>> {
        Some(stat_fields(&self.text("stat").ok()?))
    }

    /// A text file below `/proc/PID`, whole, up to [`MAX_TEXT`].
    ///
    /// # Errors
    /// `PermissionDenied`, or `ESRCH` when the process is gone.
    pub fn text(&self, name: &str) -> io::Result<Vec<u8>> {
        text_at(self.dir.as_fd(), name)
    }
}

fn text_at(dir: BorrowedFd<'_>, name: &str) -> io::Result<Vec<u8>> {
    let fd = openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = Vec::new();
    std::fs::File::from(fd)
        .take(MAX_TEXT)
        .read_to_end(&mut text)?;
    Ok(text)
}

/// Whether what `link` leads to lies where memfds lie: anybody can name a file like one, and give it to a server that never
/// answers. Asks nothing of the file itself (`AT_STATX_DONT_SYNC`, and no attribute).
fn is_memfd(dir: BorrowedFd<'_>, link: &str) -> io::Result<bool> {
    Ok(device(dir, link)? == memfd_device()?)
}

/// The device that memfds are on, major and minor: that of one of our own.
fn memfd_device() -> io::Result<(u32, u32)> {
    static DEVICE: OnceLock<(u32, u32)> = OnceLock::new();
    if let Some(known) = DEVICE.get() {
        return Ok(*known);
    }
    let own = memfd("zbqtop_device")?;
    let found = device(own.as_fd(), "")?;
    Ok(*DEVICE.get_or_init(|| found))
}

fn device(dir: BorrowedFd<'_>, link: &str) -> io::Result<(u32, u32)> {
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::EMPTY_PATH;
    let stat = statx(dir, link, flags, StatxFlags::empty())?;
    Ok((stat.stx_dev_major, stat.stx_dev_minor))
}

/// What is kept of a process's arguments, bytes.
const MOST_ARGUMENTS: usize = 4096;

/// Whether an error of `/proc` says that the process, or what was asked of it, is there no more.
#[must_use]
pub fn has_vanished(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

/// The fields of a `stat` file behind the name, which may itself hold blanks and parentheses.
pub(super) fn stat_fields(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
    fields.split_whitespace().map(str::to_owned).collect()
}

/// Whether a thread has ended, by the fields of its `stat`.
fn has_ended(fields: &[String]) -> bool {
    fields
        .first()
        .is_none_or(|state| state == "Z" || state == "X")
}

pub(super) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// Descriptors of one process that are looked at, the lowest: those of a ring were opened early.
pub(super) const MOST_LINKS: usize = 1 << 15;

pub(super) fn each_link(dir: OwnedFd, mut each: impl FnMut(i32, &[u8])) -> io::Result<bool> {
    let mut seen = 0;
    let mut entries = [std::mem::MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(&dir, &mut entries);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        let Some(fd) = name.to_str().ok().and_then(|text| text.parse().ok()) else {
            continue;
        };
        seen += 1;
        if seen > MOST_LINKS {
            return Ok(false);
        }
        let mut link = [std::mem::MaybeUninit::uninit(); 128];
        match readlinkat_raw(&dir, name, &mut link) {
            Ok((link, _)) => each(fd, link),
            // The owner's uid may list the numbers; what they stand for takes more.
            Err(error @ (Errno::ACCESS | Errno::PERM)) => return Err(error.into()),
            // A descriptor that was closed since the directory was read is not an error.
            Err(_) => {}
        }
    }
    Ok(true)
}

/// Whether the numbers in `/proc` are pids of our own namespace: it may have been mounted in another.
pub fn numbers_are_ours() -> bool {
    let ours = rustix::process::getpid().as_raw_nonzero().get();
    Process::ourselves().is_ok_and(|shown| shown.pid == ours)
}

/// The rest of the line that starts with `name`, trimmed.
pub fn field<'a>(text: &'a [u8], name: &str) -> Option<&'a str> {
    text.split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(name.as_bytes()))
        .and_then(|value| std::str::from_utf8(value).ok())
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_memfd_names_are_zbq() {
        assert_eq!(
            MemFdKind::of(b"/memfd:zbq_meta (deleted)"),
            Some(MemFdKind::Meta)
        );
        assert_eq!(MemFdKind::of(b"/memfd:zbq_meta2 (deleted)"), None);
        assert_eq!(MemFdKind::of(b"/home/x/memfd:zbq_ctrl (deleted)"), None);
    }

    #[test]
    fn only_the_memfd_that_was_listed_is_opened() {
        use std::os::fd::AsRawFd as _;
        let process = Process::open(std::process::id().cast_signed()).expect("we exist");
        let named = |name| {
            rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC).expect("a memfd")
        };
        for (fd, kind, opens) in [
            (named("zbq_ctrl"), MemFdKind::Ctrl, true),
            (named("zbq_ctrl"), MemFdKind::Meta, false),
            (named("other"), MemFdKind::Ctrl, false),
        ] {
            let number = fd.as_raw_fd();
            let file = process.fd_file(number).expect("it is open");
            let memfd = MemFd {
                fd: number,
                kind,
                file,
                size: 0,
            };
            assert_eq!(process.open_memfd(&memfd).is_ok(), opens, "{kind:?} {fd:?}");
            // And no other file, once it has been closed.
            drop(fd);
            assert!(process.open_memfd(&memfd).is_err());
        }
    }

    #[test]
    fn our_own_process_is_readable() {
        let pid = i32::try_from(std::process::id()).expect("a pid fits");
        let process = Process::open(pid).expect("we exist");
        assert!(process.runs());
        assert_eq!(
            process.identity().uid,
            Some(rustix::process::getuid().as_raw())
        );
        assert!(
            process
                .maps()
                .expect("our own maps")
                .private
                .iter()
                .any(|memory| memory.heap)
        );
    }
}
