//! A ring of which everything changes all the time, and mostly into what no producer would make of it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate, ftruncate};
use zbqtop::ring::layout::CTRL_SIZE;

use crate::CAPACITY;
use crate::slots::FalseRing;

/// Words that steer terminals, reorder lines or break formats, where they are let through.
const HOSTILE: [&str; 5] = [
    "\x1b[2J\x1b]0;owned\x07\x1b[?1049l",
    "\u{9b}31m\u{202e}txet\u{200f}",
    "\r\n\0\x7f\x08",
    "{\"offset\":",
    "ordinary words",
];

/// Where a control region has its fields, and values at which something ends.
const FIELDS: [u64; 6] = [0, 64, 128, 192, 200, 208];
const EDGES: [u64; 12] = [
    0,
    1,
    7,
    15,
    16,
    4095,
    CAPACITY - 1,
    CAPACITY,
    CAPACITY + 1,
    1 << 31,
    u64::MAX - 1,
    u64::MAX,
];

/// `splitmix64`: the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn value(&mut self) -> u64 {
        match self.below(3) {
            0 => EDGES[self.below(EDGES.len() as u64) as usize],
            1 => self.below(4 * CAPACITY),
            _ => self.next(),
        }
    }
}

/// Makes the ring, and a thread that has its way with it.
pub(crate) fn mutate(seed: u64) {
    let made = FalseRing::new(10);
    std::thread::spawn(move || {
        let (mut random, mut head) = (Random(seed), 640);
        loop {
            heal(&made, head);
            // It flows for a while, as a ring does ...
            for _ in 0..random.below(50) {
                head += message(&made.ring, head, &mut random);
                made.say_written(head);
                write(&made.ctrl, 0, head);
                write(&made.page, 0, head.saturating_sub(random.below(2000)));
                std::thread::sleep(Duration::from_millis(2));
            }
            // ... and then it does not.
            for _ in 0..random.below(40) {
                spoil(&made, &mut random);
                std::thread::sleep(Duration::from_micros(random.below(3000)));
            }
        }
    });
}

/// Everything as it was, with as many bytes as have been written.
fn heal(made: &FalseRing, head: u64) {
    for (file, size) in [
        (&made.ctrl, CTRL_SIZE as u64),
        (&made.ring, CAPACITY),
        (&made.page, 4096),
    ] {
        ftruncate(file, size).expect("room");
    }
    let pid = std::process::id();
    let values = [head, 0, pid.into(), CAPACITY, 100, 5_000_000_000];
    for (at, value) in FIELDS.into_iter().zip(values) {
        write(&made.ctrl, at, value);
    }
    made.say_what_is_so(head);
    for index in 0..3 {
        made.take(index, true);
    }
}

fn write(file: &File, at: u64, value: u64) {
    file.write_all_at(&value.to_ne_bytes(), at).expect("room");
}

/// Writes a message at `head` (`struct zbq_msg_header`); tells how many bytes it takes.
fn message(ring: &File, head: u64, random: &mut Random) -> u64 {
    let text = HOSTILE[random.below(HOSTILE.len() as u64) as usize].as_bytes();
    let mut bytes = (text.len() as u32).to_ne_bytes().to_vec();
    bytes.extend([0; 4]);
    bytes.extend(random.next().to_ne_bytes());
    bytes.extend(text);
    for (at, byte) in (head..).zip(&bytes) {
        ring.write_all_at(&[*byte], at % CAPACITY).expect("room");
    }
    bytes.len() as u64
}

fn spoil(made: &FalseRing, random: &mut Random) {
    let value = random.value();
    match random.below(10) {
        0 => write(&made.ctrl, FIELDS[random.below(6) as usize], value),
        1 => write(&made.ctrl, random.below(4088), value),
        2 => write(&made.page, random.below(256), value),
        3 | 4 => write(&made.ring, random.below(CAPACITY - 8), value),
        5 => made.spoil(random.next() as usize, value),
        6 => made.take(random.next() as usize, value.is_multiple_of(2)),
        7 => {
            let files = [&made.ctrl, &made.ring, &made.page];
            let size = [0, 100, 4096, CAPACITY / 2, CAPACITY, 2 * CAPACITY];
            let _ = ftruncate(
                files[random.below(3) as usize],
                size[random.below(6) as usize],
            );
        }
        8 => {
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = fallocate(
                &made.ring,
                hole,
                random.below(CAPACITY),
                1 + random.below(8192),
            );
        }
        // Descriptors of the ring that come and go, each of which may take the place of another.
        _ => {
            let files = [&made.ctrl, &made.ring, &made.page];
            let copies: Vec<_> = (0..random.below(200))
                .map(|at| files[at as usize % 3].try_clone())
                .collect();
            std::thread::sleep(Duration::from_micros(random.below(500)));
            drop(copies);
        }
    }
}
