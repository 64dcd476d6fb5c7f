//! Owns an `mmap` of shared memory, and is the only way to its bytes: checked atomic loads and stores, copies in
//! and out, futex waits. It knows no protocol.
//!
//! The other processes that map the same memory may write to it at any time, whatever they promised. So no safe
//! function hands out a reference into it: a word is read by an atomic load, bytes are copied, and a payload that
//! is not copied yet is a [`SharedBytes`]. A mapping for reading has no stores ([`ReadOnly`]): they do not compile.
//!
//! Offsets that are constants of the layout are checked by panic; offsets that come from data, by error.
//!
//! # Safety
//!
//! A [`Mapping`] holds `base..base + len` mapped, with at least the access of its type, from construction to drop.
//! Each pointer below is made by a bounds check against `len`, and an alignment check where one is needed. If the
//! memfd shrinks, the SIGBUS guard puts zeros there: the range stays mapped.
#![expect(
    unsafe_code,
    reason = "memory shared with other processes is reached through raw pointers"
)]

use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, compiler_fence, fence};
use std::time::Duration;

use rustix::fd::{AsFd, AsRawFd as _};
use rustix::fs::fstat;
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::thread::futex;
use rustix::time::Timespec;

use super::error::{Error, Result};
use super::sigbus::Guard;

/// Marks a mapping that can be loaded from.
#[derive(Debug)]
pub enum ReadOnly {}

/// Marks a mapping that can be loaded from and stored to.
#[derive(Debug)]
pub enum ReadWrite {}

/// Shared memory, mapped while this lives.
#[derive(Debug)]
pub struct Mapping<Access = ReadOnly> {
    base: NonNull<u8>,
    len: usize,
    name: &'static str,
    file: (u64, u64),
    /// Dropped by hand, before the memory is unmapped.
    guard: Option<Guard>,
    /// Set by the guard once the memfd was found to have shrunk.
    hit: &'static AtomicBool,
    access: PhantomData<Access>,
}

// SAFETY: a mapping belongs to the process, not to a thread; the pointer is to memory that this value alone unmaps.
unsafe impl<Access> Send for Mapping<Access> {}

/// Of a mapping that is not guarded yet.
static NEVER: AtomicBool = AtomicBool::new(false);

#[inline]
fn was_hit(hit: &AtomicBool) -> bool {
    // Acquire: pairs with the Release in the handler. On the thread that faulted, program order does.
    hit.load(Ordering::Acquire)
}

/// Ranges that one call of [`Mapping::write_out`] takes (`IOV_MAX`).
pub const MOST_RANGES: usize = 1024;

/// How a futex wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Someone woke the futex, or a signal came.
    Woken,
    /// The word had already changed.
    Changed,
    /// The time was over.
    TimedOut,
}

impl Mapping<ReadOnly> {
    /// Maps `len` bytes of `fd` for reading. `name` says in errors what this is.
    ///
    /// # Errors
    /// If the file is not exactly `len` bytes long, or the kernel refuses.
    pub fn read_only(name: &'static str, fd: impl AsFd, len: usize) -> Result<Self> {
        Self::map(name, fd, len, ProtFlags::READ)
    }
}

impl Mapping<ReadWrite> {
    /// Maps `len` bytes of `fd` for reading and writing. `name` says in errors what this is.
    ///
    /// # Errors
    /// If the file is not exactly `len` bytes long, or the kernel refuses.
    pub fn read_write(name: &'static str, fd: impl AsFd, len: usize) -> Result<Self> {
        Self::map(name, fd, len, ProtFlags::READ | ProtFlags::WRITE)
    }
}

impl<Access> Mapping<Access> {
    fn map(name: &'static str, fd: impl AsFd, len: usize, protection: ProtFlags) -> Result<Self> {
        let stat = fstat(&fd).map_err(Error::io("fstat"))?;
        let size = stat.st_size;
        if u64::try_from(size) != Ok(len as u64) || len == 0 {
            return Err(Error::protocol(
                name,
                format_args!("{size} bytes"),
                format_args!("{len}"),
            ));
        }
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing that exists.
        let base = unsafe { mmap(ptr::null_mut(), len, protection, MapFlags::SHARED, &fd, 0) };
        let base = base.map_err(Error::io("mmap"))?;
        let base = NonNull::new(base.cast())
            .ok_or_else(|| Error::protocol(name, "address 0", "an address"))?;
        // From here on, dropping `mapping` unmaps.
        let mut mapping = Self {
            base,
            len,
            name,
            file: (stat.st_dev, stat.st_ino),
            guard: None,
            hit: &NEVER,
            access: PhantomData,
        };
        let writable = protection.contains(ProtFlags::WRITE);
        let guard = Guard::watch(base.as_ptr() as usize, len, writable)?;
        mapping.hit = guard.hit();
        mapping.guard = Some(guard);
        Ok(mapping)
    }

    /// Bytes mapped.
    #[expect(
        clippy::len_without_is_empty,
        reason = "an empty mapping cannot be made"
    )]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Device and inode of the file behind it: what tells two rings apart, whoever maps them.
    pub fn file(&self) -> (u64, u64) {
        self.file
    }

    /// Where it is mapped in this process. A number to show or compare; it grants no access.
    pub fn address(&self) -> usize {
        self.base.as_ptr() as usize
    }

    /// The same as a pointer, for whoever takes what the memory says on trust.
    pub(crate) fn as_ptr(&self) -> *const u8 {
        self.base.as_ptr()
    }

    /// Whether the memfd was found to have shrunk: what is read from here is zeros since. Found at the first load
    /// that missed, so a copy is sound if this is false *after* it.
    #[inline]
    pub fn is_truncated(&self) -> bool {
        was_hit(self.hit)
    }

    /// [`Error::Truncated`] if it was found to have shrunk.
    #[inline]
    pub(crate) fn check_truncated(&self) -> Result<()> {
        if self.is_truncated() {
            Err(Error::Truncated { object: self.name })
        } else {
            Ok(())
        }
    }

    /// # Panics
    /// If a `T` at `offset` is out of range or not aligned, as no offset of the layout is.
    #[inline]
    fn word<T>(&self, offset: usize) -> *mut T {
        let inside = self
            .len
            .checked_sub(size_of::<T>())
            .is_some_and(|last| offset <= last);
        assert!(
            inside && offset.is_multiple_of(align_of::<T>()),
            "no word at offset {offset} of {}",
            self.name
        );
        // SAFETY: checked above to lie inside the mapping.
        unsafe { self.base.as_ptr().add(offset).cast() }
    }

    #[inline]
    fn word_u64(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: `word` checked range and alignment (the base is page-aligned), the memory stays mapped while
        // `self` is borrowed, and every process that follows the protocol accesses this word atomically.
        unsafe { AtomicU64::from_ptr(self.word(offset)) }
    }

    #[inline]
    fn word_u32(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: as in `word_u64`.
        unsafe { AtomicU32::from_ptr(self.word(offset)) }
    }

    /// Loads a u64 and whatever was written before it was stored: pairs with the other side's store-release of the
    /// same word.
    ///
    /// A relaxed load and a fence, because that is what Rust promises to work on pages mapped read-only.
    ///
    /// # Panics
    /// If `offset` is out of range or not a multiple of 8.
    #[inline]
    pub fn load_u64_acquire(&self, offset: usize) -> u64 {
        let value = self.word_u64(offset).load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        value
    }

    /// Loads a u64 and says nothing about anything else.
    ///
    /// # Panics
    /// If `offset` is out of range or not a multiple of 8.
    #[inline]
    pub fn load_u64_relaxed(&self, offset: usize) -> u64 {
        self.word_u64(offset).load(Ordering::Relaxed)
    }

    /// Loads a u32; otherwise as [`Mapping::load_u64_acquire`].
    ///
    /// # Panics
    /// If `offset` is out of range or not a multiple of 4.
    #[inline]
    pub fn load_u32_acquire(&self, offset: usize) -> u32 {
        let value = self.word_u32(offset).load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        value
    }

    /// Loads a u32; otherwise as [`Mapping::load_u64_relaxed`].
    ///
    /// # Panics
    /// If `offset` is out of range or not a multiple of 4.
    #[inline]
    pub fn load_u32_relaxed(&self, offset: usize) -> u32 {
        self.word_u32(offset).load(Ordering::Relaxed)
    }

    /// The pointer to `len` bytes at `offset`.
    #[inline]
    fn range(&self, offset: u64, len: usize) -> Result<*mut u8> {
        if (self.len as u64)
            .checked_sub(len as u64)
            .is_none_or(|last| offset > last)
        {
            return Err(self.out_of_range(offset, len));
        }
        // SAFETY: checked above to lie inside the mapping, whose offsets fit in a usize.
        Ok(unsafe { self.base.as_ptr().add(offset as usize) })
    }

    #[cold]
    fn out_of_range(&self, offset: u64, len: usize) -> Error {
        Error::OutOfRange {
            object: self.name,
            offset,
            len: len as u64,
            size: self.len as u64,
        }
    }

    /// Copies bytes out. If the other side writes meanwhile, any mixture of old and new may come.
    ///
    /// # Errors
    /// If the range is not inside the mapping.
    #[inline]
    pub fn copy_out(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        let from = self.range(offset, bytes.len())?;
        // SAFETY: `range` checked the source; the destination is ours alone, and every byte has any value.
        unsafe { ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    /// Copies `N` bytes out, reading each exactly once: what is checked afterwards is what was read.
    ///
    /// # Errors
    /// If the range is not inside the mapping.
    #[inline]
    pub fn copy_array<const N: usize>(&self, offset: u64) -> Result<[u8; N]> {
        let from = self.range(offset, N)?;
        // SAFETY: `range` checked the source; byte arrays have no alignment and no invalid values.
        let bytes = unsafe { from.cast::<[u8; N]>().read_unaligned() };
        // What is looked at later is this copy: behind this, the compiler may not read the original again in its place.
        compiler_fence(Ordering::Acquire);
        Ok(bytes)
    }

    /// The bytes at `offset`, not yet read.
    ///
    /// # Errors
    /// If the range is not inside the mapping.
    #[inline]
    pub fn bytes(&self, offset: u64, len: usize) -> Result<SharedBytes<'_>> {
        let start = self.range(offset, len)?;
        Ok(SharedBytes {
            start,
            len,
            name: self.name,
            hit: self.hit,
            mapping: PhantomData,
        })
    }

    /// Writes these ranges, an offset and a length each, one behind the other to `fd`, by one system call and without a
    /// private copy. Returns how many bytes were taken: fewer than all when `fd` takes no more, or there are more than
    /// [`MOST_RANGES`] ranges.
    ///
    /// # Errors
    /// If a range is not inside the mapping; if the memfd has shrunk; those of writing.
    pub fn write_out(&self, fd: impl AsFd, ranges: &[(u64, usize)]) -> Result<usize> {
        let parts: Vec<libc::iovec> = ranges
            .iter()
            .take(MOST_RANGES)
            .map(|&(offset, len)| {
                let start = self.range(offset, len)?;
                Ok(libc::iovec {
                    iov_base: start.cast(),
                    iov_len: len,
                })
            })
            .collect::<Result<_>>()?;
        // SAFETY: `range` checked that each part is mapped, and it stays so during the call; the kernel only reads
        // there, and does so itself: no reference is made to memory that others write.
        let taken = unsafe {
            libc::writev(
                fd.as_fd().as_raw_fd(),
                parts.as_ptr(),
                // At most `MOST_RANGES`.
                parts.len() as libc::c_int,
            )
        };
        usize::try_from(taken).map_err(|_| {
            let error = std::io::Error::last_os_error();
            match Errno::from_io_error(&error) {
                Some(Errno::FAULT) => Error::Truncated { object: self.name },
                _ => Error::io("writev")(error),
            }
        })
    }

    /// Sleeps while the u32 at `offset` is `value`, until woken, for `timeout` at most (`None`: no limit). Works
    /// on a read-only mapping. A word that has changed already is [`Wake::Changed`] at once.
    ///
    /// # Errors
    /// If the kernel refuses.
    ///
    /// # Panics
    /// If `offset` is out of range or not a multiple of 4.
    pub fn futex_wait(&self, offset: usize, value: u32, timeout: Option<Duration>) -> Result<Wake> {
        // A timeout that does not fit is as good as none.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        // No flag means shared: the sleeper and the waker are different processes.
        match futex::wait(
            self.word_u32(offset),
            futex::Flags::empty(),
            value,
            timeout.as_ref(),
        ) {
            Ok(()) | Err(Errno::INTR) => Ok(Wake::Woken),
            Err(Errno::AGAIN) => Ok(Wake::Changed),
            Err(Errno::TIMEDOUT) => Ok(Wake::TimedOut),
            Err(errno) => Err(Error::io("futex wait")(errno)),
        }
    }
}

impl Mapping<ReadWrite> {
    /// Stores a u64 after everything written before: pairs with the other side's load-acquire of the same word.
    ///
    /// # Panics
    /// If `offset` is out of range or not a multiple of 8.
    #[inline]
    pub fn store_u64_release(&self, offset: usize, value: u64) {
        self.word_u64(offset).store(value, Ordering::Release);
    }

    /// Stores a u64 and says nothing about anything else.
    ///
    /// # Panics
    /// If `offset` is out of range or not a multiple of 8.
    #[inline]
    pub fn store_u64_relaxed(&self, offset: usize, value: u64) {
        self.word_u64(offset).store(value, Ordering::Relaxed);
    }

    /// Stores a u32 and says nothing about anything else.
    ///
    /// # Panics
    /// If `offset` is out of range or not a multiple of 4.
    #[inline]
    pub fn store_u32_relaxed(&self, offset: usize, value: u32) {
        self.word_u32(offset).store(value, Ordering::Relaxed);
    }

    /// Adds to a u32, after everything written before: pairs with the other side's load-acquire of the same word.
    ///
    /// # Panics
    /// If `offset` is out of range or not a multiple of 4.
    #[inline]
    pub fn fetch_add_u32_release(&self, offset: usize, value: u32) -> u32 {
        self.word_u32(offset).fetch_add(value, Ordering::Release)
    }

    /// Copies bytes in.
    ///
    /// # Errors
    /// If the range is not inside the mapping.
    #[inline]
    pub fn copy_in(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let to = self.range(offset, bytes.len())?;
        // SAFETY: `range` checked the destination, which is mapped writable; no reference into it exists, and the
        // source cannot overlap it, because no safe code has a slice of shared memory.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    /// Copies bytes in, and others behind them.
    ///
    /// # Errors
    /// If the range is not inside the mapping.
    #[inline]
    pub fn copy_in_two<const N: usize>(
        &self,
        offset: u64,
        first: [u8; N],
        then: &[u8],
    ) -> Result<()> {
        let to = self.range(offset, N.saturating_add(then.len()))?;
        // SAFETY: as in `copy_in`, for both together.
        unsafe {
            to.cast::<[u8; N]>().write_unaligned(first);
            ptr::copy_nonoverlapping(then.as_ptr(), to.add(N), then.len());
        }
        Ok(())
    }

    /// Wakes everyone who sleeps on the u32 at `offset`.
    ///
    /// # Panics
    /// If `offset` is out of range or not a multiple of 4.
    pub fn futex_wake_all(&self, offset: usize) {
        let everyone = i32::MAX as u32;
        // The kernel refuses only an address that is unmapped or unaligned, which this one is not.
        let _ = futex::wake(self.word_u32(offset), futex::Flags::empty(), everyone);
    }
}

impl<Access> Drop for Mapping<Access> {
    fn drop(&mut self) {
        // First: the handler must not map zeros over a range that is no longer ours.
        self.guard = None;
        // SAFETY: the range was mapped by `map`, is unmapped here alone, and nothing borrows `self` any more.
        // It cannot fail for a range that is mapped; if it did, there would be nothing to do about it.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.len) };
    }
}

/// Bytes in shared memory that have not been read: a length, and ways to copy.
#[derive(Clone, Copy, Debug)]
pub struct SharedBytes<'a> {
    start: *const u8,
    len: usize,
    name: &'static str,
    hit: &'static AtomicBool,
    mapping: PhantomData<&'a u8>,
}

impl<'a> SharedBytes<'a> {
    /// How many bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies them over `bytes`, which must be of the same length.
    ///
    /// # Errors
    /// If the lengths differ, or the memfd turned out to have shrunk.
    #[inline]
    pub fn copy_to(&self, bytes: &mut [u8]) -> Result<()> {
        if bytes.len() != self.len {
            let (len, size) = (bytes.len() as u64, self.len as u64);
            return Err(Error::OutOfRange {
                object: self.name,
                offset: 0,
                len,
                size,
            });
        }
        // SAFETY: `Mapping::bytes` checked that `len` bytes are mapped at `start`, and they stay so for `'a`. The
        // destination is ours alone, and every byte has any value.
        unsafe { ptr::copy_nonoverlapping(self.start, bytes.as_mut_ptr(), self.len) };
        self.check_truncated()
    }

    /// Copies them into a new vector.
    ///
    /// # Errors
    /// If the memfd turned out to have shrunk.
    pub fn to_vec(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.append_to(&mut bytes)?;
        Ok(bytes)
    }

    /// Copies them behind what `bytes` has.
    ///
    /// # Errors
    /// If the memfd turned out to have shrunk.
    #[inline]
    pub fn append_to(&self, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.reserve(self.len);
        // SAFETY: as in `copy_to`; `reserve` made room for `len` bytes behind the present end, and they are all
        // written before the length says so.
        unsafe {
            ptr::copy_nonoverlapping(self.start, bytes.as_mut_ptr().add(bytes.len()), self.len);
            bytes.set_len(bytes.len() + self.len);
        }
        self.check_truncated()
    }

    /// Where they lie, for whoever takes what the producer says on trust; see [`SharedBytes::as_slice`].
    #[inline]
    pub fn as_ptr(&self) -> *const u8 {
        self.start
    }

    /// The bytes themselves, without a copy.
    ///
    /// # Safety
    /// For as long as the slice lives, nobody may write to these bytes. So the producer must be trusted to keep to
    /// the protocol, this consumer must not have been evicted, and the bytes must not have been released by
    /// publishing a tail behind them.
    #[inline]
    pub unsafe fn as_slice(&self) -> &'a [u8] {
        // SAFETY: mapped for `'a`, as in `copy_to`; that nobody writes is the caller's promise.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    #[inline]
    fn check_truncated(&self) -> Result<()> {
        if was_hit(self.hit) {
            Err(Error::Truncated { object: self.name })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

    fn memfd(len: u64) -> rustix::fd::OwnedFd {
        let fd = memfd_create("zbq_test", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&fd, len).unwrap();
        fd
    }

    #[test]
    fn what_one_stores_the_other_loads() {
        let fd = memfd(4096);
        let writer = Mapping::read_write("zbq_test", &fd, 4096).unwrap();
        let reader = Mapping::read_only("zbq_test", &fd, 4096).unwrap();
        drop(fd);
        writer.store_u64_release(8, u64::MAX - 1);
        writer.store_u64_relaxed(4088, 3);
        writer.store_u32_relaxed(64, 5);
        assert_eq!(writer.fetch_add_u32_release(64, 2), 5);
        writer.copy_in(101, b"bytes").unwrap();
        assert_eq!(reader.load_u64_acquire(8), u64::MAX - 1);
        assert_eq!(reader.load_u64_relaxed(4088), 3);
        assert_eq!(
            (reader.load_u32_relaxed(64), reader.load_u32_acquire(64)),
            (7, 7)
        );
        assert_eq!(reader.copy_array(101).unwrap(), *b"bytes");
        let bytes = reader.bytes(101, 5).unwrap();
        assert_eq!(
            (bytes.len(), bytes.to_vec().unwrap()),
            (5, b"bytes".to_vec())
        );
        let mut kept = b"some ".to_vec();
        bytes.append_to(&mut kept).unwrap();
        assert_eq!(kept, b"some bytes");
        assert!(bytes.copy_to(&mut [0; 4]).is_err());
        // SAFETY: nobody writes to this memfd any more.
        assert_eq!(unsafe { bytes.as_slice() }, b"bytes");
    }

    #[test]
    fn ranges_from_data_are_errors_outside() {
        let mapping = Mapping::read_write("zbq_test", memfd(4096), 4096).unwrap();
        assert!(mapping.copy_out(4096, &mut []).is_ok());
        for (offset, len) in [
            (4096, 1),
            (4095, 2),
            (u64::MAX, 1),
            (u64::MAX, 0),
            (0, 4097),
        ] {
            let mut bytes = vec![0; len];
            let range =
                |result: Result<()>| matches!(result, Err(Error::OutOfRange { size: 4096, .. }));
            assert!(
                range(mapping.copy_out(offset, &mut bytes)),
                "{len} bytes at {offset}"
            );
            assert!(
                range(mapping.copy_in(offset, &bytes)),
                "{len} bytes at {offset}"
            );
            assert!(
                range(mapping.bytes(offset, len).map(|_| ())),
                "{len} bytes at {offset}"
            );
        }
    }

    #[test]
    fn words_outside_or_astride_panic() {
        let mapping = Mapping::read_only("zbq_test", memfd(4096), 4096).unwrap();
        for offset in [4096, 4089, 4, usize::MAX] {
            let load = std::panic::AssertUnwindSafe(|| mapping.load_u64_relaxed(offset));
            assert!(std::panic::catch_unwind(load).is_err(), "offset {offset}");
        }
    }

    #[test]
    fn a_file_of_another_size_is_not_mapped() {
        for size in [0, 4095, 4097] {
            let error = Mapping::read_only("zbq_ctrl", memfd(size), 4096).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("zbq_ctrl: {size} bytes, expected 4096")
            );
        }
        assert!(Mapping::read_only("zbq_test", memfd(0), 0).is_err());
    }

    #[test]
    fn ranges_are_written_in_their_order_and_only_from_inside() {
        let memory = memfd(8192);
        let shared = Mapping::read_write("test", &memory, 8192).expect("fresh");
        shared.copy_in(0, b"0123456789").expect("inside");
        let (theirs, mut ours) = std::os::unix::net::UnixStream::pair().expect("sockets");
        let mut read = |count| {
            let mut bytes = vec![0; count];
            std::io::Read::read_exact(&mut ours, &mut bytes).expect("just written");
            bytes
        };
        let written = |ranges: &[_]| shared.write_out(&theirs, ranges);
        assert_eq!(written(&[(5, 2), (0, 0), (1, 3)]).expect("inside"), 5);
        assert_eq!(read(5), b"56123");
        assert_eq!(
            written(&[(0, 1); MOST_RANGES + 9]).expect("inside"),
            MOST_RANGES
        );
        assert_eq!(read(MOST_RANGES), [b'0'; MOST_RANGES]);
        for outside in [(8192, 1), (8191, 2), (u64::MAX, 1), (0, usize::MAX)] {
            let error = written(&[(0, 1), outside]).expect_err("outside");
            assert!(matches!(error, Error::OutOfRange { .. }), "{error}");
        }
        rustix::fs::ftruncate(&memory, 0).expect("a memfd");
        let error = written(&[(0, 1)]).expect_err("nothing there");
        assert!(matches!(error, Error::Truncated { .. }), "{error}");
    }

    #[test]
    fn a_futex_wait_ends_with_its_time_or_with_the_word() {
        let mapping = Mapping::read_only("zbq_test", memfd(4096), 4096).unwrap();
        let moment = Some(Duration::from_millis(5));
        assert_eq!(mapping.futex_wait(64, 0, moment).unwrap(), Wake::TimedOut);
        assert_eq!(mapping.futex_wait(64, 1, None).unwrap(), Wake::Changed);
    }

    #[test]
    fn a_futex_waiter_is_woken_through_another_mapping() {
        let fd = memfd(4096);
        let writer = Mapping::read_write("zbq_test", &fd, 4096).unwrap();
        let reader = Mapping::read_only("zbq_test", &fd, 4096).unwrap();
        let waiter = std::thread::spawn(move || {
            reader
                .futex_wait(64, 0, Some(Duration::from_secs(30)))
                .unwrap()
        });
        while !waiter.is_finished() {
            writer.futex_wake_all(64);
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(waiter.join().unwrap(), Wake::Woken);
    }
}
