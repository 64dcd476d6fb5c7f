//! Survives a memfd that shrinks under a mapping. It owns the process's SIGBUS handler and the list of address
//! ranges that handler looks after; it knows neither rings nor who maps them.
//!
//! zbq's memfds cannot be sealed, so their owner can shrink one at any time, and the next load behind the new end
//! is a SIGBUS. The handler maps zero pages over the whole range, notes that it did, and returns: the load reads
//! zeros, and the mapping's owner sees the note ([`Guard::hit`]) when it next asks.
//!
//! A SIGBUS that is nobody's here goes to the handler that was installed before. Ours is asked first, by a direct
//! `sigaction`: std's own handler (it reports stack overflows) gives SIGBUS back its deadly default at the first
//! address it does not know, so behind it ours would be called once and never again.
//!
//! # Safety
//!
//! Installing a handler and what the handler does are beyond the type system. The handler keeps to what is
//! async-signal-safe: atomics, `mmap`, `sigaction`, `raise`. It takes no lock and allocates nothing.
#![expect(
    unsafe_code,
    reason = "a signal handler, and mmap over a range that faulted"
)]

use std::ffi::c_int;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};

use super::error::{Error, Result};

/// Mappings that can be watched at a time. A producer of 1000 consumers has 1002.
const CAPACITY: usize = 4096;

static REGIONS: [GuardedRange; CAPACITY] = [const { GuardedRange::new() }; CAPACITY];

/// One above the highest entry ever taken: where the handler's search ends.
static TAKEN_MOST: AtomicUsize = AtomicUsize::new(0);

/// The handler that was there before, once ours is installed.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// One watched range, as a sequence lock that the handler can read whatever it interrupted. `stamp` is odd while
/// the entry is free or being written, even while it is live; each change moves it on, so a handler that saw the
/// same even stamp before and after has read one entry and not a mixture of two.
///
/// An entry the handler needs cannot change under it: the thread that faulted borrows the mapping, so nobody can
/// be dropping it. The stamp protects it from *other* entries in the middle of a change.
struct GuardedRange {
    taken: AtomicBool,
    stamp: AtomicU64,
    start: AtomicUsize,
    len: AtomicUsize,
    writable: AtomicBool,
    hit: AtomicBool,
}

impl GuardedRange {
    const fn new() -> Self {
        Self {
            taken: AtomicBool::new(false),
            stamp: AtomicU64::new(1),
            start: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
            writable: AtomicBool::new(false),
            hit: AtomicBool::new(false),
        }
    }

    /// The range and its protection, if the entry is live and holds `address`.
    fn holding(&self, address: usize) -> Option<(usize, usize, bool)> {
        // Acquire: pairs with the Release store in `watch`, so the fields below are those of this stamp or newer.
        let before = self.stamp.load(Ordering::Acquire);
        if !before.is_multiple_of(2) {
            return None;
        }
        let start = self.start.load(Ordering::Relaxed);
        let len = self.len.load(Ordering::Relaxed);
        let writable = self.writable.load(Ordering::Relaxed);
        // Pairs with the Release fence in `watch`: had a field above been a newer one, the stamp below would be, too.
        fence(Ordering::Acquire);
        let unchanged = self.stamp.load(Ordering::Relaxed) == before;
        (unchanged && address.wrapping_sub(start) < len).then_some((start, len, writable))
    }
}

/// A range under the handler's care, until dropped.
#[derive(Debug)]
pub(super) struct Guard {
    index: usize,
}

impl Guard {
    /// Watches `len` bytes at `start`. Call it after `mmap`, and drop the guard before `munmap`, so that the
    /// handler never maps over a range that has become someone else's.
    pub(super) fn watch(start: usize, len: usize, writable: bool) -> Result<Self> {
        install()?;
        let free = |region: &GuardedRange| {
            // Acquire: pairs with the Release in `drop`, so this entry's previous life is over.
            region
                .taken
                .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        };
        let Some(index) = REGIONS.iter().position(free) else {
            return Err(Error::TooManyMappings { capacity: CAPACITY });
        };
        let region = &REGIONS[index];
        // The stamp is odd here, from birth or from `drop`. This fence keeps the stores below behind that odd stamp;
        // it pairs with the Acquire fence in `holding`.
        fence(Ordering::Release);
        region.start.store(start, Ordering::Relaxed);
        region.len.store(len, Ordering::Relaxed);
        region.writable.store(writable, Ordering::Relaxed);
        region.hit.store(false, Ordering::Relaxed);
        let stamp = region.stamp.load(Ordering::Relaxed);
        // Release: pairs with the Acquire load in `holding`.
        region.stamp.store(stamp.wrapping_add(1), Ordering::Release);
        // Relaxed is enough: a fault in this range can only happen in a thread that got the mapping from this one.
        TAKEN_MOST.fetch_max(index + 1, Ordering::Relaxed);
        Ok(Self { index })
    }

    /// Where the handler notes, with Release, that the range was shrunk by its owner and is zeros now. It is for whoever holds
    /// the guard: behind it, it is another's.
    pub(super) fn hit(&self) -> &'static AtomicBool {
        &REGIONS[self.index].hit
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let region = &REGIONS[self.index];
        let stamp = region.stamp.load(Ordering::Relaxed);
        // Odd from here on: the handler passes over the entry. The fence in the next `watch` orders its stores
        // behind this one, for which this thread's store to `taken` and that one's exchange hand over.
        region.stamp.store(stamp.wrapping_add(1), Ordering::Relaxed);
        // Release: pairs with the Acquire exchange in `watch`.
        region.taken.store(false, Ordering::Release);
    }
}

/// Puts the handler in place, once for the process.
fn install() -> Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    let outcome = INSTALLED.get_or_init(|| {
        let mut previous = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: all-zero bytes are a valid `sigaction`: no handler, no flags, an empty mask.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_sigbus as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: the old action is asked for into memory of the right type; no new one is set.
        let asked = unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), previous.as_mut_ptr()) };
        if asked == 0 {
            // SAFETY: `sigaction` succeeded, so it is filled in; it was zeroed, hence valid, before that.
            // Kept before ours is set, so that the handler never finds it missing.
            PREVIOUS.get_or_init(|| unsafe { previous.assume_init() });
            // SAFETY: `action` is whole, and `on_sigbus` has the signature that SA_SIGINFO asks for.
            if unsafe { libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) } == 0 {
                return Ok(());
            }
        }
        Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
    });
    outcome.map_err(|code| Error::Io {
        op: "sigaction SIGBUS",
        source: std::io::Error::from_raw_os_error(code),
    })
}

extern "C" fn on_sigbus(signal: c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel hands a valid siginfo to an SA_SIGINFO handler; errno is this thread's own.
    let (code, address, errno) = unsafe {
        (
            (*info).si_code,
            (*info).si_addr() as usize,
            libc::__errno_location(),
        )
    };
    // SAFETY: as above; saved because `mmap` may write it, and the code we interrupted may be about to read it.
    let saved = unsafe { *errno };
    // A positive code is a fault; a SIGBUS that someone sent has no address.
    if !(code > 0 && heal(address)) {
        forward(signal, code, info, context);
    }
    // SAFETY: as above.
    unsafe { *errno = saved };
}

/// Maps zeros over the watched range that holds `address`, if there is one.
fn heal(address: usize) -> bool {
    let most = TAKEN_MOST.load(Ordering::Relaxed).min(CAPACITY);
    for region in &REGIONS[..most] {
        let Some((start, len, writable)) = region.holding(address) else {
            continue;
        };
        let protection = if writable {
            libc::PROT_READ | libc::PROT_WRITE
        } else {
            libc::PROT_READ
        };
        // Of a ring that is larger than memory few pages are ever touched: none is to be set aside.
        let flags = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: the range is a live mapping of ours (it is unwatched before it is unmapped, and the thread that
        // faulted in it borrows it), so this replaces nothing but the pages of the shrunk memfd. Whoever reads them
        // goes through raw pointers and atomics that expect any value.
        let mapped =
            unsafe { libc::mmap(start as *mut libc::c_void, len, protection, flags, -1, 0) };
        if mapped == libc::MAP_FAILED {
            return false;
        }
        // Release: pairs with the Acquire of whoever reads what `Guard::hit` gives.
        region.hit.store(true, Ordering::Release);
        return true;
    }
    false
}

/// Does with a SIGBUS that is not ours what would have been done without us.
fn forward(signal: c_int, code: c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let handler = PREVIOUS
        .get()
        .map_or(libc::SIG_DFL, |previous| previous.sa_sigaction);
    match PREVIOUS.get() {
        Some(previous) if handler != libc::SIG_DFL && handler != libc::SIG_IGN => {
            if previous.sa_flags & libc::SA_SIGINFO != 0 {
                type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut libc::c_void);
                // SAFETY: the address was installed as a handler with SA_SIGINFO, so it has this signature.
                let handler = unsafe { std::mem::transmute::<usize, Handler>(handler) };
                handler(signal, info, context);
            } else {
                // SAFETY: the address was installed as a handler without SA_SIGINFO, so it has this signature.
                let handler =
                    unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(handler) };
                handler(signal);
            }
        }
        // SAFETY: `signal` is SIGBUS; the default action is what was there, and to ignore a fault is to die of it.
        _ => unsafe {
            libc::signal(signal, libc::SIG_DFL);
        },
    }
    // A fault comes again by itself when we return, and then meets whatever is installed now. One that was sent
    // does not: had the previous handler (std's does this) put the default in our place and returned, the process
    // would live on with nobody on guard. So it is raised again; blocked while we are here, it comes on return.
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the action is asked for into zeroed memory of its type, which is valid whether or not it is written.
    let installed = unsafe {
        libc::sigaction(signal, ptr::null(), now.as_mut_ptr());
        now.assume_init().sa_sigaction
    };
    if code <= 0 && installed != on_sigbus as *const () as usize {
        // SAFETY: `raise` is async-signal-safe.
        unsafe { libc::raise(signal) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::mapping::Mapping;
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
    use rustix::io::Errno;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    /// Set in the children of the tests below: what the child is to do.
    const ROLE: &str = "ZBQTOP_TEST_SIGBUS";

    fn shrunk(len: usize) -> (Mapping, rustix::fd::OwnedFd) {
        let fd = memfd_create("zbq_test", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&fd, len as u64).unwrap();
        let mapping = Mapping::read_only("zbq_test", &fd, len).unwrap();
        (mapping, fd)
    }

    #[test]
    fn a_shrunk_memfd_reads_as_zeros_and_says_so() {
        let fd = memfd_create("zbq_test", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&fd, 3 * 4096).unwrap();
        let writer = Mapping::read_write("zbq_test", &fd, 3 * 4096).unwrap();
        let reader = Mapping::read_only("zbq_test", &fd, 3 * 4096).unwrap();
        writer.store_u64_release(8192, 77);
        assert_eq!(reader.load_u64_acquire(8192), 77);
        assert!(!reader.is_truncated());
        ftruncate(&fd, 0).unwrap();
        assert_eq!(reader.load_u64_acquire(8192), 0);
        assert!(reader.is_truncated());
        assert!(!writer.is_truncated(), "each mapping finds out for itself");
        let mut bytes = [1; 64];
        writer.copy_out(4000, &mut bytes).unwrap();
        assert_eq!(bytes, [0; 64]);
        writer.store_u64_release(0, 1);
        assert!(writer.is_truncated());
    }

    #[test]
    fn the_guard_holds_more_than_once_and_entries_come_back() {
        for _ in 0..3 * super::CAPACITY / 2 {
            let (mapping, fd) = shrunk(4096);
            assert!(!mapping.is_truncated(), "a new life starts clean");
            ftruncate(&fd, 0).unwrap();
            assert_eq!(mapping.load_u32_relaxed(64), 0);
            assert!(mapping.is_truncated());
        }
    }

    #[test]
    fn threads_that_map_and_unmap_do_not_confuse_each_other() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let (kept, _fd) = shrunk(8192);
                        let (mapping, fd) = shrunk(4096);
                        ftruncate(&fd, 0).unwrap();
                        assert_eq!(mapping.load_u64_acquire(0), 0);
                        assert!(mapping.is_truncated() && !kept.is_truncated());
                    }
                });
            }
        });
    }

    /// Runs this very test in a child process, with `role` to play, and returns the signal it died of.
    fn die(test: &str, role: &str) -> Option<i32> {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        status.signal()
    }

    #[test]
    fn a_foreign_sigbus_still_kills() {
        match std::env::var(ROLE).as_deref() {
            Ok("fault") => {
                let (_watched, _fd) = shrunk(4096);
                let fd = memfd_create("zbq_test", MemfdFlags::CLOEXEC).unwrap();
                // SAFETY: a fresh mapping of an empty file; the load in it is the SIGBUS this child is to die of.
                unsafe {
                    let flags = rustix::mm::MapFlags::SHARED;
                    let at = rustix::mm::mmap(
                        std::ptr::null_mut(),
                        4096,
                        rustix::mm::ProtFlags::READ,
                        flags,
                        &fd,
                        0,
                    );
                    at.unwrap().cast::<u8>().read_volatile();
                }
            }
            Ok("sent") => {
                let (_watched, _fd) = shrunk(4096);
                // SAFETY: `raise` has no preconditions.
                unsafe { libc::raise(libc::SIGBUS) };
            }
            _ => {
                let name = "ring::sigbus::tests::a_foreign_sigbus_still_kills";
                assert_eq!(die(name, "fault"), Some(libc::SIGBUS));
                assert_eq!(die(name, "sent"), Some(libc::SIGBUS));
            }
        }
    }

    #[test]
    fn errno_is_left_alone() {
        let (mapping, fd) = shrunk(4096);
        ftruncate(&fd, 0).unwrap();
        // SAFETY: errno is this thread's own.
        let seen = unsafe {
            *libc::__errno_location() = Errno::NOTTY.raw_os_error();
            mapping.load_u64_acquire(0);
            *libc::__errno_location()
        };
        assert_eq!(seen, Errno::NOTTY.raw_os_error());
    }
}
