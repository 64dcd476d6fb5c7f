//! What the machine gives: a loop over a ring in shared memory that checks nothing, notes nothing, and keeps the other
//! side's index for as long as it will do. Its messages have the same header; there is one consumer.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap};

use crate::sides::{Receiver, Sender};

/// Where head and tail lie, a line each and none between, and the ring behind them.
const TAIL: usize = 256;
const RING: usize = 4096;
const HEADER: usize = 16;

pub(crate) struct Bare {
    base: *mut u8,
    capacity: u64,
    own: u64,
    other: u64,
    /// The memory, for whoever opens it through `/proc`.
    file: File,
}

impl Bare {
    pub(crate) fn create(capacity: u64) -> Self {
        let fd = memfd_create("bare", MemfdFlags::CLOEXEC).expect("a memfd");
        ftruncate(&fd, RING as u64 + capacity).expect("its size");
        Self::map(File::from(fd), capacity)
    }

    /// The producer tells where it is.
    pub(crate) fn join(conn: &UnixStream, capacity: u64) -> Self {
        use std::io::BufRead as _;
        let mut path = String::new();
        std::io::BufReader::new(conn)
            .read_line(&mut path)
            .expect("a path");
        let file = File::options().read(true).write(true).open(path.trim_end());
        Self::map(file.expect("it is there"), capacity)
    }

    fn map(file: File, capacity: u64) -> Self {
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        let length = RING + capacity as usize;
        // SAFETY: a new mapping where the kernel likes; it is never unmapped.
        let base = unsafe { mmap(std::ptr::null_mut(), length, protection, flags, &file, 0) };
        Self {
            base: base.expect("a mapping").cast(),
            capacity,
            own: 0,
            other: 0,
            file,
        }
    }

    #[inline]
    fn word(&self, at: usize) -> &AtomicU64 {
        // SAFETY: both words lie in the first page of the mapping.
        unsafe { AtomicU64::from_ptr(self.base.add(at).cast()) }
    }

    /// Where a message of that length lies, as a whole lap of them ends evenly.
    #[inline]
    fn place(&self) -> *mut u8 {
        let at = self.own & (self.capacity - 1);
        // SAFETY: below the capacity, which the mapping has behind its first page.
        unsafe { self.base.add(RING + at as usize) }
    }

    #[inline]
    fn write(&mut self, payload: &[u8]) -> bool {
        let total = (HEADER + payload.len()) as u64;
        if self.own + total - self.other > self.capacity {
            self.other = self.word(TAIL).load(Ordering::Acquire);
            if self.own + total - self.other > self.capacity {
                return false;
            }
        }
        let to = self.place();
        // SAFETY: there is room, and a lap ends evenly.
        unsafe {
            to.cast::<[u64; 2]>()
                .write([payload.len() as u64, self.own]);
            to.add(HEADER)
                .copy_from_nonoverlapping(payload.as_ptr(), payload.len());
        }
        self.own += total;
        true
    }

    #[inline]
    fn read(&mut self, into: &mut [u8]) -> Option<usize> {
        if self.own == self.other {
            self.other = self.word(0).load(Ordering::Acquire);
            if self.own == self.other {
                return None;
            }
        }
        let from = self.place();
        // SAFETY: a message lies there, and nobody writes to it before it is released.
        let len = unsafe {
            let [len, _] = from.cast::<[u64; 2]>().read();
            from.add(HEADER)
                .copy_to_nonoverlapping(into.as_mut_ptr(), len as usize);
            len
        };
        self.own += HEADER as u64 + len;
        Some(len as usize)
    }
}

impl Sender for Bare {
    fn admit(&mut self, conn: &UnixStream, _push: bool) {
        use std::io::Write as _;
        let (mut conn, pid) = (conn, std::process::id());
        writeln!(conn, "/proc/{pid}/fd/{}", self.file.as_raw_fd()).expect("somebody listens");
    }

    #[inline]
    fn send(&mut self, payload: &[u8]) -> bool {
        let sent = self.write(payload);
        if sent {
            self.word(0).store(self.own, Ordering::Release);
        }
        sent
    }

    #[inline]
    fn send_many(&mut self, payload: &[u8], count: usize) -> usize {
        let sent = (0..count).take_while(|_| self.write(payload)).count();
        self.word(0).store(self.own, Ordering::Release);
        sent
    }
}

impl Receiver for Bare {
    #[inline]
    fn take(&mut self, into: &mut [u8]) -> Option<usize> {
        let taken = self.read(into)?;
        self.word(TAIL).store(self.own, Ordering::Release);
        Some(taken)
    }

    #[inline]
    fn take_all(&mut self, into: &mut [u8]) -> usize {
        let mut taken = 0;
        while taken < 64 && self.read(into).is_some() {
            taken += 1;
        }
        self.word(TAIL).store(self.own, Ordering::Release);
        taken
    }

    fn token(&self) -> u32 {
        0
    }

    fn sleep(&self, _token: u32) {}
}
