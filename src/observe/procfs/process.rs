//! What `/proc` tells of one process: name, uid, namespaces, start, and the way to everything else.
//!
//! Every question goes through one handle on `/proc/PID`, so a pid that is reused is never mistaken for the
//! process that was asked about: the kernel answers `ESRCH` through the old handle. Knows
//! nothing of rings.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, Stat, readlinkat_raw, statat};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::kept::Kept;
use super::links::{DIRECTORY, Links};
use super::maps::Maps;
use super::shortage::{SpareFd, note_shortage, open_pidfd, openat};
use crate::ring::has_exited;

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

/// A handle on `/proc/PID`: one descriptor a process, however many handles there are.
#[derive(Clone, Debug)]
pub struct Process {
    pub(super) shared: Arc<Shared>,
}

/// What all handles on one process share.
#[derive(Debug)]
pub(super) struct Shared {
    pid: i32,
    dir: OwnedFd,
    /// `/proc/TID` of a thread that lives on, once the main thread was seen to have ended: a process lives as long as one of
    /// its threads, but what it holds and maps is shown no more where the main thread was.
    thread: Mutex<Option<Arc<OwnedFd>>>,
    pidfd: OnceLock<Option<SpareFd>>,
    pub(super) links: Kept<Links>,
    pub(super) maps: Kept<Maps>,
    identity: Kept<Identity>,
    command_line: Kept<Option<String>>,
    state: Kept<Option<String>>,
    /// Once it could be read: it never changes.
    start_ticks: OnceLock<u64>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        HANDLES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many processes are held. Nothing hangs on the order in which that changes.
static HANDLES: AtomicUsize = AtomicUsize::new(0);

/// Handles that are held somewhere, by pid.
static HELD: Mutex<BTreeMap<i32, Weak<Shared>>> = Mutex::new(BTreeMap::new());

impl Process {
    /// Opens `/proc/PID`.
    ///
    /// # Errors
    /// `NotFound` when there is no such process.
    pub fn open(pid: i32) -> io::Result<Self> {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = held.get(&pid).and_then(Weak::upgrade) {
            let known = Self { shared };
            // The pid may have become another process's: the old handle then answers nothing.
            if known.stat_at("comm").is_ok() {
                return Ok(known);
            }
        }
        let dir = openat(
            rustix::fs::CWD,
            format!("/proc/{pid}"),
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        HANDLES.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(Shared {
            pid,
            dir,
            thread: Mutex::default(),
            pidfd: OnceLock::new(),
            links: Kept::default(),
            maps: Kept::default(),
            identity: Kept::default(),
            command_line: Kept::default(),
            state: Kept::default(),
            start_ticks: OnceLock::new(),
        });
        if held.len().is_power_of_two() {
            held.retain(|_, handle| handle.strong_count() > 0);
        }
        held.insert(pid, Arc::downgrade(&shared));
        Ok(Self { shared })
    }

    /// Whether so many processes are held that descriptors are needed for other things than yet another; told as a shortage
    /// from then on.
    #[must_use]
    pub fn are_many_held() -> bool {
        let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let are_many = HANDLES.load(Ordering::Relaxed) as u64 >= allowed / 8 * 3;
        if are_many {
            note_shortage();
        }
        are_many
    }

    /// Whether a process with this pid is held already: another handle on it takes no descriptor.
    #[must_use]
    pub fn is_held(pid: i32) -> bool {
        let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&pid)
            .is_some_and(|handle| handle.strong_count() > 0)
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

    /// The pid it was opened by.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.shared.pid
    }

    /// A descriptor that becomes readable when the process ends, kept for all who ask. Costs the process nothing. `None` when it
    /// is gone already, when `/proc` counts pids otherwise than the kernel does for us, or when there are so many that the
    /// descriptors are needed for other things.
    #[must_use]
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        let open = || {
            let pidfd = SpareFd::keep(|| {
                if !numbers_are_ours() {
                    return Err(Errno::SRCH);
                }
                open_pidfd(self.pid())
            })?;
            // The pid may have been reused between the two opens: the old handle then answers ESRCH.
            self.text("stat").ok()?;
            Some(pidfd)
        };
        Some(self.shared.pidfd.get_or_init(open).as_ref()?.as_fd())
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
        Ok(statat(&self.shared.dir, name, AtFlags::empty())?)
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

    /// Who it is. Fields that cannot be read are `None`.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let ask = || {
            let command = self.text("comm").ok().map(|text| {
                String::from_utf8_lossy(text.strip_suffix(b"\n").unwrap_or(&text)).into_owned()
            });
            let status = self.text("status").unwrap_or_default();
            Ok(Identity {
                command,
                uid: field(&status, "Uid:")
                    .and_then(|value| value.split_whitespace().next()?.parse().ok()),
                ns_pid: field(&status, "NSpid:")
                    .and_then(|value| value.split_whitespace().next_back()?.parse().ok()),
            })
        };
        let kept = self.shared.identity.get(ask);
        kept.map(|identity| (*identity).clone()).unwrap_or_default()
    }

    /// Its arguments with blanks between them, unescaped, up to [`MOST_ARGUMENTS`] bytes; `None` when there are none.
    #[must_use]
    pub fn command_line(&self) -> Option<String> {
        let ask = || {
            let text = |dir: BorrowedFd<'_>| text_at(dir, "cmdline");
            let mut text = self.of_the_living(text, Vec::is_empty)?;
            while text.last() == Some(&0) {
                text.pop();
            }
            text.truncate(MOST_ARGUMENTS);
            let line = String::from_utf8_lossy(&text).replace('\0', " ");
            Ok((!line.is_empty()).then_some(line))
        };
        (*self.shared.command_line.get(ask).ok()?).clone()
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
        let known = &self.shared.start_ticks;
        if let Some(ticks) = known.get() {
            return Some(*ticks);
        }
        let ticks = self.stat_fields()?.get(19)?.parse().ok()?;
        Some(*known.get_or_init(|| ticks))
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

    /// The same, of a process that is asked again and again: by its pidfd, where there is one.
    #[must_use]
    pub fn is_alive_now(&self) -> Option<bool> {
        match self.pidfd() {
            Some(pidfd) => Some(!has_exited(pidfd)),
            None => self.is_alive(),
        }
    }

    /// What it is doing: the letter of the third field of `stat`; that of a thread that lives on where the main thread has
    /// ended.
    #[must_use]
    pub fn state_letter(&self) -> Option<String> {
        let ask = || {
            let stat = |dir: BorrowedFd<'_>| text_at(dir, "stat");
            let stat = self.of_the_living(stat, |stat| has_ended(&stat_fields(stat)))?;
            Ok(stat_fields(&stat).into_iter().next())
        };
        (*self.shared.state.get(ask).ok()?).clone()
    }

    /// Asks of `/proc/PID`, or, where the main thread has ended, of a thread that lives on. `is_blank` tells an answer that
    /// says nothing.
    pub(super) fn of_the_living<T>(
        &self,
        mut ask: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
        is_blank: impl Fn(&T) -> bool,
    ) -> io::Result<T> {
        let answer = match self.thread() {
            Some(thread) => ask(thread.as_fd()),
            None => ask(self.shared.dir.as_fd()),
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
        if let Ok(mut known) = self.shared.thread.lock() {
            *known = Some(Arc::clone(&thread));
        }
        ask(thread.as_fd())
    }

    fn thread(&self) -> Option<Arc<OwnedFd>> {
        self.shared.thread.lock().ok()?.clone()
    }

    /// `/proc/TID` of a thread that has not ended.
    fn living_thread(&self) -> Option<OwnedFd> {
        let tasks = openat(&self.shared.dir, "task", DIRECTORY, Mode::empty()).ok()?;
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
                    field(&status, "Tgid:").and_then(|pid| pid.parse().ok()) == Some(self.pid())
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
        text_at(self.shared.dir.as_fd(), name)
    }
}

pub(super) fn text_at(dir: BorrowedFd<'_>, name: &str) -> io::Result<Vec<u8>> {
    let fd = openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    // Nearly all there is fits: without room, it would be read in small pieces.
    let mut text = Vec::with_capacity(1024);
    std::fs::File::from(fd)
        .take(MAX_TEXT)
        .read_to_end(&mut text)?;
    Ok(text)
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

/// Whether the numbers in `/proc` are pids of our own namespace: it may have been mounted in another.
pub fn numbers_are_ours() -> bool {
    static OURS: OnceLock<bool> = OnceLock::new();
    let ours = rustix::process::getpid().as_raw_nonzero().get();
    *OURS.get_or_init(|| Process::ourselves().is_ok_and(|shown| shown.pid() == ours))
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
