//! A producer's memory with anything in it: a true table is found and read as it is, and of any other nothing is said
//! that does not stand there.

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::{Expected, MAX_SLOTS, PAGE, SlotTable, TableView, i32_at};
use crate::fuzzing::input::Input;
use crate::observe::attach::table_search::{Hit, Wanted};
use crate::observe::procfs::{FileId, MemFd, MemFdKind, Process};
use crate::ring::layout::{CTRL_STRUCT_SIZE, table, u32_at, u64_at};
use crate::ring::{Control, WakeupMode};

/// Bytes of the memory.
const MEMORY: usize = 16 << 10;
/// Slots of a true table at most.
const SLOTS: u64 = 64;

/// The 24 bytes by which a table is found.
pub(super) fn run(expected: &Expected) -> [u8; 24] {
    let mut run = [0; 24];
    run[..8].copy_from_slice(&expected.ctrl_address.to_ne_bytes());
    run[8..16].copy_from_slice(&expected.ring_address.to_ne_bytes());
    run[16..20].copy_from_slice(&expected.ctrl_fd.to_ne_bytes());
    run[20..].copy_from_slice(&expected.ring_fd.to_ne_bytes());
    run
}

fn put(memory: &mut [u8], at: usize, bytes: &[u8]) {
    memory[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A true table at `at`, with its slots at `slots_at`, and what is to be read of it; times as they stand there.
fn write(
    memory: &mut [u8],
    at: usize,
    slots_at: usize,
    expected: &Expected,
    input: &mut Input<'_>,
) -> TableView {
    let mut view = TableView {
        max: 1 + input.below(SLOTS) as u32,
        clog_attempts: input.number(),
        next_seq_id: input.number(),
        ..TableView::default()
    };
    view.push = input.below(u64::from(view.max) + 1) as u32;
    let mut word = |field: usize, value: u64| put(memory, at + field, &value.to_ne_bytes());
    word(table::RING_CAPACITY, expected.ring_capacity);
    word(table::CLOG_THRESHOLD, expected.clog_threshold);
    word(table::STALL_TIMEOUT_NS, expected.stall_timeout_ns);
    word(table::SLOTS, slots_at as u64);
    word(table::CLOG_ATTEMPT_COUNTER, view.clog_attempts);
    word(table::NEXT_SEQ_ID, view.next_seq_id);
    word(table::LAST_QUERY_MAX_BYTES, 0);
    put(memory, at + table::CTRL, &run(expected));
    put(memory, at + table::MAX_CONSUMERS, &view.max.to_ne_bytes());
    put(
        memory,
        at + table::ACTIVE_PUSH_COUNT,
        &view.push.to_ne_bytes(),
    );
    for index in 0..view.max {
        let at = slots_at + table::SLOT_SIZE * index as usize;
        let mut slot = vec![0; table::SLOT_SIZE];
        if input.flag() {
            let [pidfd, side, meta] = [(); 3].map(|()| i32::from(input.byte()));
            let address = u64::from(input.byte()) * PAGE;
            let [seen, progress, time] = [(); 3].map(|()| input.number());
            let mode = if input.flag() {
                WakeupMode::Push
            } else {
                WakeupMode::Pull
            };
            put(&mut slot, table::SLOT_ACTIVE, &1_i32.to_ne_bytes());
            put(&mut slot, table::SLOT_MODE, &mode.to_wire().to_ne_bytes());
            put(&mut slot, table::SLOT_PIDFD, &pidfd.to_ne_bytes());
            put(&mut slot, table::SLOT_SIDE_SOCKET_FD, &side.to_ne_bytes());
            put(&mut slot, table::SLOT_META_FD, &meta.to_ne_bytes());
            put(&mut slot, table::SLOT_META, &address.to_ne_bytes());
            put(&mut slot, table::SLOT_LAST_SEEN_TAIL, &seen.to_ne_bytes());
            put(
                &mut slot,
                table::SLOT_LAST_PROGRESS_TAIL,
                &progress.to_ne_bytes(),
            );
            put(
                &mut slot,
                table::SLOT_LAST_PROGRESS_TIME_NS,
                &time.to_ne_bytes(),
            );
            view.active.push(super::SlotView {
                index,
                mode,
                pidfd,
                side_socket_fd: side,
                meta_fd: meta,
                meta_address: address,
                last_seen_tail: seen,
                last_progress_tail: progress,
                last_progress_time_ns: Some(time),
            });
        }
        put(memory, at, &slot);
    }
    view
}

/// What was read stands there.
fn stands_there(view: &TableView, memory: &[u8], at: usize) {
    assert!(view.push <= view.max && (1..=MAX_SLOTS).contains(&view.max));
    assert_eq!(u32_at(memory, at + table::MAX_CONSUMERS), Some(view.max));
    assert!(
        view.active
            .is_sorted_by(|one, other| one.index < other.index)
    );
    let slots = u64_at(memory, at + table::SLOTS).expect("it was read") as usize;
    let active = (0..view.max as usize).filter(|index| {
        i32_at(
            memory,
            slots + index * table::SLOT_SIZE + table::SLOT_ACTIVE,
        ) == Some(1)
    });
    assert_eq!(active.count(), view.active.len());
    for slot in &view.active {
        assert!(slot.index < view.max && slot.pidfd >= 0 && slot.meta_fd >= 0);
        assert!(slot.meta_address.is_multiple_of(PAGE));
        let bytes = &memory[slots + slot.index as usize * table::SLOT_SIZE..][..table::SLOT_SIZE];
        assert_eq!(i32_at(bytes, table::SLOT_META_FD), Some(slot.meta_fd));
        assert_eq!(
            u64_at(bytes, table::SLOT_LAST_SEEN_TAIL),
            Some(slot.last_seen_tail)
        );
    }
    if let Some(offer) = view.offered {
        assert!(offer.bytes > 0);
        assert_eq!(
            u64_at(memory, at + table::LAST_QUERY_OFFSET),
            Some(offer.offset)
        );
    }
}

/// The slot table in a producer's memory.
pub fn slot_table(data: &[u8]) {
    let mut input = Input::new(data);
    let expected = Expected {
        ctrl_address: PAGE * (1 + input.below(4)),
        ring_address: PAGE * (1 + input.below(4)),
        ctrl_fd: input.byte().into(),
        ring_fd: input.byte().into(),
        ring_capacity: PAGE * (1 + input.below(4)),
        clog_threshold: input.number(),
        stall_timeout_ns: input.number(),
    };
    let at = 8 * input.index((MEMORY / 2 - table::SIZE) / 8);
    let slots_at = MEMORY / 2 + 8 * input.index(MEMORY / 32);
    let ahead = input.flag().then(|| input.number().cast_signed());
    let mut memory = vec![0; MEMORY];
    let truth = write(&mut memory, at, slots_at, &expected, &mut input);
    let before = memory.clone();
    while !input.is_empty() {
        // Most lies are about the table and its slots.
        let near = [at, slots_at, 0][input.index(3)];
        let place = (near + input.index(1024)) % MEMORY;
        let bytes = input.piece();
        for (byte, place) in bytes.iter().zip(place..MEMORY) {
            memory[place] = *byte;
        }
    }

    let file = rustix::fs::memfd_create("zbqtop_fuzz", rustix::fs::MemfdFlags::CLOEXEC);
    let file = File::from(file.expect("a memfd"));
    file.write_all_at(&memory, 0).expect("room");
    let found = SlotTable {
        process: Process::ourselves().expect("we exist"),
        memory: RefCell::new(Some(file)),
        address: at as u64,
        expected,
        clock_ahead_ns: ahead,
    };
    let view = found.read_once();
    if let Some(view) = &view {
        stands_there(view, &memory, at);
        assert!(
            found
                .writing()
                .is_some_and(|writing| writing.offer == view.offered)
        );
    }
    if memory == before {
        let mut view = view.expect("a true table is read");
        let shifted = |time: u64| {
            let exact = i128::from(time) - i128::from(ahead?);
            Some(exact.clamp(0, u64::MAX.into()) as u64)
        };
        for (slot, truth) in view.active.iter_mut().zip(&truth.active) {
            assert_eq!(
                slot.last_progress_time_ns,
                truth.last_progress_time_ns.and_then(shifted)
            );
            slot.last_progress_time_ns = truth.last_progress_time_ns;
        }
        assert_eq!(view, truth);
    }

    // Where it is looked for: another ring's is beside it.
    let memfd = |fd, size| MemFd {
        fd,
        kind: MemFdKind::Ring,
        file: FileId { dev: 0, ino: 0 },
        size,
    };
    let control = Control {
        ring_capacity: expected.ring_capacity,
        clog_threshold: expected.clog_threshold,
        stall_timeout_ns: expected.stall_timeout_ns,
        ..Control::parse(&[0; CTRL_STRUCT_SIZE]).expect("it is long enough")
    };
    let ctrl = (memfd(expected.ctrl_fd, 0), control);
    let ring = memfd(expected.ring_fd, expected.ring_capacity);
    let other = memfd(expected.ring_fd + 1, expected.ring_capacity);
    let wanted = Wanted::at(
        [(expected.ctrl_address, ctrl)].into(),
        [
            (expected.ring_address + PAGE, other),
            (expected.ring_address, ring),
        ]
        .into(),
    );
    let hits = wanted.hits(&memory, PAGE);
    for hit in &hits {
        // It may begin below what was searched.
        let at = (hit.address + table::CTRL as u64 - PAGE) as usize;
        assert!(hit.address.is_multiple_of(8));
        assert_eq!(memory[at..at + 24], run(&hit.expected));
    }
    let is_true = |hit: &Hit| hit.address == PAGE + at as u64 && hit.expected == expected;
    assert!(memory != before || hits.iter().any(is_true), "{hits:?}");
}
