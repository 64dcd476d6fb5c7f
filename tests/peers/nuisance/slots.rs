//! A false producer: a slot table in its memory, laid out as the reference lays it out, that is true at no two looks.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use zbqtop::ring::layout::table;

use crate::{CAPACITY, ctrl, map, memfd, page};

/// Slots there are; the last of them point nowhere.
const SLOTS: usize = 64;
const PAGE: usize = 4096;

/// Memory that another process reads, in words of 32 bits.
struct Words(&'static [AtomicU32]);

impl Words {
    /// Bytes, zeroed, for good.
    fn new(bytes: usize) -> Self {
        // Aligned to what holds a pointer.
        let words: Vec<AtomicU64> = (0..bytes.div_ceil(8)).map(|_| AtomicU64::new(0)).collect();
        let words: &'static [AtomicU64] = words.leak();
        // SAFETY: the same memory, for as long, with a lesser alignment.
        Self(unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len() * 2) })
    }

    fn address(&self) -> u64 {
        self.0.as_ptr() as u64
    }

    fn put(&self, at: usize, value: u32) {
        self.0[at / 4].store(value, Ordering::Relaxed);
    }

    fn put_long(&self, at: usize, value: u64) {
        self.put(at, value as u32);
        self.put(at + 4, (value >> 32) as u32);
    }
}

/// A control region, a ring and a metadata page, and a slot table that says that they are ours.
pub(crate) struct FalseRing {
    pub(crate) ctrl: File,
    pub(crate) ring: File,
    pub(crate) page: File,
    head: Words,
    slots: Words,
    page_at: u64,
    places: [u64; 2],
    /// Of a process that could be the consumer.
    pidfd: OwnedFd,
}

impl FalseRing {
    /// With a consumer whose mappings have that many lines.
    pub(crate) fn new(lines: u64) -> Self {
        let (ctrl, ring, page) = (ctrl(CAPACITY, 640), memfd("zbq_ring", CAPACITY), page(0));
        let writable = ProtFlags::READ | ProtFlags::WRITE;
        let [ctrl_at, ring_at, page_at] = [&ctrl, &ring, &page].map(|file| map(file, writable));
        let path = |file: &File| format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        let mut consumer = Command::new(std::env::current_exe().expect("our name"));
        consumer.args(["lines", &lines.to_string()]);
        consumer.args([&ctrl, &ring, &page].map(path));
        consumer.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut consumer = consumer.spawn().expect("it starts");
        let mut said = String::new();
        let mut out = BufReader::new(consumer.stdout.take().expect("piped"));
        out.read_line(&mut said).expect("text");
        assert_eq!(said, "ready\n");
        let pid = Pid::from_child(&consumer);
        // It ends when we do.
        std::mem::forget(consumer);
        let made = Self {
            ctrl,
            ring,
            page,
            head: Words::new(table::SIZE),
            slots: Words::new(SLOTS * table::SLOT_SIZE),
            page_at,
            places: [ctrl_at, ring_at],
            pidfd: pidfd_open(pid, PidfdFlags::empty()).expect("our child"),
        };
        made.say_what_is_so(640);
        made
    }

    /// Writes the table as a producer would; of the slots the second half points nowhere.
    pub(crate) fn say_what_is_so(&self, written: u64) {
        let fd = |file: &File| file.as_raw_fd().cast_unsigned();
        let [ctrl_at, ring_at] = self.places;
        let head = &self.head;
        head.put_long(table::RING_CAPACITY, CAPACITY);
        head.put_long(table::CLOG_THRESHOLD, 100);
        head.put_long(table::STALL_TIMEOUT_NS, 5_000_000_000);
        head.put(table::MAX_CONSUMERS, SLOTS as u32);
        head.put_long(table::CTRL, ctrl_at);
        head.put_long(table::RING_BASE, ring_at);
        head.put(table::CTRL_FD, fd(&self.ctrl));
        head.put(table::RING_FD, fd(&self.ring));
        head.put_long(table::SLOTS, self.slots.address());
        self.say_written(written);
        for index in 0..SLOTS {
            let at = index * table::SLOT_SIZE;
            let is_wild = index >= SLOTS / 2;
            let (place, meta) = if is_wild {
                (u64::MAX << 12, i32::MAX.cast_unsigned())
            } else {
                (self.page_at, fd(&self.page))
            };
            self.slots.put(
                at + table::SLOT_PIDFD,
                self.pidfd.as_raw_fd().cast_unsigned(),
            );
            self.slots.put_long(at + table::SLOT_META, place);
            self.slots.put(at + table::SLOT_META_FD, meta);
        }
    }

    /// Bytes that were written.
    pub(crate) fn say_written(&self, written: u64) {
        self.head.put_long(table::LOCAL_HEAD, written);
    }

    /// Takes a slot, or gives it back.
    pub(crate) fn take(&self, index: usize, taken: bool) {
        let at = index % SLOTS * table::SLOT_SIZE;
        self.slots.put(at + table::SLOT_ACTIVE, taken.into());
    }

    /// Writes any value into any field of the table.
    pub(crate) fn spoil(&self, place: usize, value: u64) {
        let (long, table) = (
            value > u64::from(u32::MAX),
            if place.is_multiple_of(4) {
                &self.head
            } else {
                &self.slots
            },
        );
        let at = place / 4 % (table.0.len() - 1) * 4;
        if long {
            table.put_long(at, value);
        } else {
            table.put(at, value as u32);
        }
    }
}

/// Makes a ring, and a thread that takes slots and gives them back as fast as it can.
pub(crate) fn toggle(lines: u64) {
    let ring = FalseRing::new(lines);
    std::thread::spawn(move || {
        for round in 0_u32.. {
            ring.take(round as usize * 7, round / 3 % 2 == 0);
            std::thread::sleep(std::time::Duration::from_micros(20));
        }
    });
}

/// Maps what a consumer maps, and very much else.
pub(crate) fn consume(lines: u64, files: &[String]) {
    for file in files {
        let file = File::open(file).expect("it is shown");
        map(&file, ProtFlags::READ);
    }
    let bytes = usize::try_from(lines).expect("a number") * PAGE;
    // SAFETY: a new mapping where the kernel likes; nothing refers into it.
    let start = unsafe {
        mmap_anonymous(
            std::ptr::null_mut(),
            bytes,
            ProtFlags::READ,
            MapFlags::PRIVATE,
        )
    };
    let start = start.expect("room");
    for at in (0..bytes).step_by(2 * PAGE) {
        // SAFETY: a page of the mapping that was just made.
        unsafe { mprotect(start.byte_add(at), PAGE, MprotectFlags::empty()) }.expect("a line more");
    }
}
