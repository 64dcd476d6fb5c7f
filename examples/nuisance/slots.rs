//! A false producer: a slot table in its memory, laid out as the reference lays it out, that is true at no two looks.

use std::io::{BufRead as _, BufReader};
use std::os::fd::{AsRawFd as _, IntoRawFd as _};
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

/// Makes the ring, its table and its consumer, whose mappings have that many lines, and a thread that takes slots and gives
/// them back as fast as it can.
pub(crate) fn toggle(lines: u64) {
    let (ctrl, ring, page) = (ctrl(CAPACITY, 640), memfd("zbq_ring", CAPACITY), page(0));
    let writable = ProtFlags::READ | ProtFlags::WRITE;
    let [ctrl_at, ring_at, page_at] = [&ctrl, &ring, &page].map(|file| map(file, writable));
    let path = |fd: i32| format!("/proc/{}/fd/{fd}", std::process::id());
    let mut consumer = Command::new(std::env::current_exe().expect("our name"));
    consumer.args(["lines", &lines.to_string()]);
    consumer.args([&ctrl, &ring, &page].map(|file| path(file.as_raw_fd())));
    consumer.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut consumer = consumer.spawn().expect("it starts");
    let mut said = String::new();
    let mut out = BufReader::new(consumer.stdout.take().expect("piped"));
    out.read_line(&mut said).expect("text");
    assert_eq!(said, "ready\n");
    let pidfd = pidfd_open(Pid::from_child(&consumer), PidfdFlags::empty()).expect("our child");
    // It ends when we do.
    std::mem::forget(consumer);
    let [ctrl, ring, page, pidfd] = [
        ctrl.into_raw_fd(),
        ring.into_raw_fd(),
        page.into_raw_fd(),
        pidfd.into_raw_fd(),
    ]
    .map(i32::cast_unsigned);

    let (head, slots) = (
        Words::new(table::SIZE),
        Words::new(SLOTS * table::SLOT_SIZE),
    );
    head.put_long(table::RING_CAPACITY, CAPACITY);
    head.put_long(table::CLOG_THRESHOLD, 100);
    head.put_long(table::STALL_TIMEOUT_NS, 5_000_000_000);
    head.put(table::MAX_CONSUMERS, SLOTS as u32);
    head.put_long(table::CTRL, ctrl_at);
    head.put_long(table::RING_BASE, ring_at);
    head.put(table::CTRL_FD, ctrl);
    head.put(table::RING_FD, ring);
    head.put_long(table::LOCAL_HEAD, 640);
    head.put_long(table::SLOTS, slots.address());
    let wild = |index: usize| index >= SLOTS / 2;
    for index in 0..SLOTS {
        let at = index * table::SLOT_SIZE;
        slots.put(at + table::SLOT_PIDFD, pidfd);
        let place = if wild(index) { u64::MAX << 12 } else { page_at };
        slots.put_long(at + table::SLOT_META, place);
        let fd = if wild(index) {
            i32::MAX.cast_unsigned()
        } else {
            page
        };
        slots.put(at + table::SLOT_META_FD, fd);
    }
    std::thread::spawn(move || {
        for round in 0_u32.. {
            let index = round as usize * 7 % SLOTS;
            slots.put(index * table::SLOT_SIZE + table::SLOT_ACTIVE, round / 3 % 2);
            std::thread::sleep(std::time::Duration::from_micros(20));
        }
    });
    std::mem::forget(head);
}

/// Maps what a consumer maps, and very much else.
pub(crate) fn consume(lines: u64, files: &[String]) {
    for file in files {
        let file = std::fs::File::open(file).expect("it is shown");
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
