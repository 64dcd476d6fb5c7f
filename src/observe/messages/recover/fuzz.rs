//! Rings of every make, whole or with stretches of other bytes in them: what is found there is true.

use super::oldest;
use super::rings::{HARMFUL, HARMLESS, NUMBERS, Recipe};
use crate::fuzzing::input::Input;
use crate::ring::MessageHeader;
use crate::ring::layout::HEADER_SIZE;

/// A ring as the input wants it.
fn recipe(input: &mut Input<'_>, harmful: bool) -> Recipe {
    let capacity = 4096 << input.below(5);
    let all: &[_] = if harmful { &HARMFUL } else { &HARMLESS };
    Recipe {
        seed: input.word(),
        capacity,
        longest: (16 << input.below(13)).min(capacity / 2 - 16),
        aligned: input.flag(),
        numbers: input.of(&NUMBERS),
        kinds: (0..=input.below(4)).map(|_| input.of(all)).collect(),
        laps: 1030 + input.below(1100),
    }
}

/// Where messages begin in what a ring still holds from the lap before its last.
pub fn recovery(data: &[u8]) {
    let mut input = Input::new(data);
    let damaged = input.flag();
    let recipe = recipe(&mut input, !damaged);
    let mut ring = recipe.make();
    let whole = ring.region();
    // Any part of it, up to any boundary.
    let mut region = whole;
    let known = ring.whole(whole);
    if !known.is_empty() && input.flag() {
        region.end = known[input.index(known.len())];
        region.known = whole.end;
    }
    region.floor += input.below(recipe.capacity) * u64::from(input.flag());
    region.floor = region.floor.min(region.end);
    if input.below(8) == 7 {
        region.known = region.end;
    }
    let enough = match input.below(4) {
        0 => input.index(40),
        _ => usize::MAX,
    };
    if !damaged {
        let judged = ring.judge(region, enough);
        assert!(judged.is_ok(), "{judged:?}: {recipe:?}");
        return;
    }
    let mut changed = Vec::new();
    for _ in 0..input.below(4) {
        let from = region.floor + input.word() % (region.end - region.floor).max(1);
        let bytes = input.piece();
        for (offset, byte) in (from..region.end).zip(bytes) {
            let at = (offset % recipe.capacity) as usize;
            ring.bytes[at] ^= byte;
        }
        changed.push(from..from + bytes.len() as u64);
    }
    let read = |from: u64, to: u64, out: &mut Vec<u8>| ring.read(from, to, out);
    let found = oldest(region, enough, read).expect("bytes in memory");
    assert!(found.messages <= enough && found.boundary >= region.floor);
    let mut at = found.boundary;
    for _ in 0..found.messages {
        let touched = |stretch: &std::ops::Range<u64>| {
            stretch.start < at + HEADER_SIZE as u64 && at < stretch.end
        };
        assert!(
            ring.boundaries.binary_search(&at).is_ok() || changed.iter().any(touched),
            "nothing was sent at {at}: {found:?} in {region:?} of {recipe:?}"
        );
        let mut header = Vec::new();
        ring.read(at, at + HEADER_SIZE as u64, &mut header)
            .expect("bytes in memory");
        at += MessageHeader::from_bytes(header.try_into().expect("a header")).total_len();
    }
    assert_eq!(at, region.end, "{found:?} does not lead to the end");
}
