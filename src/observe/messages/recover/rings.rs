//! Rings in memory, made by the producer's rules of payloads that look like anything, and the truth about each.

use std::io;

use super::{Recovered, RetainedRegion, oldest};
use crate::ring::layout::HEADER_SIZE;
use crate::ring::{FLAG_FILLER, MessageHeader};

/// Numbers that differ from one seed to the next and repeat for the same one.
#[derive(Clone)]
pub(super) struct Lcg(u64);

impl Lcg {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit.max(1)
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    /// As many short ones as long ones: each doubling is as likely as the next.
    fn length(&mut self, longest: u64) -> u64 {
        let bits = self.below(u64::from((longest + 1).ilog2()) + 1) as u32;
        self.below(2 << bits).min(longest)
    }
}

/// How an application numbers its messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Numbering {
    Running,
    Zero,
    Arbitrary,
    /// Only now and then one, as where numbers are for descriptors.
    Rare,
    Constant,
}

pub(super) const NUMBERS: [Numbering; 5] = [
    Numbering::Running,
    Numbering::Zero,
    Numbering::Arbitrary,
    Numbering::Rare,
    Numbering::Constant,
];

impl Numbering {
    fn number(self, last: u64, dice: &mut Lcg) -> u64 {
        match self {
            Self::Running => last + 1,
            Self::Zero => 0,
            Self::Arbitrary => dice.roll(),
            Self::Rare => {
                if dice.below(10) == 0 {
                    dice.below(1000)
                } else {
                    0
                }
            }
            Self::Constant => 7,
        }
    }
}

/// What is in a payload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum RingKind {
    Zeros,
    Text,
    Random,
    PaddedText,
    /// 0, 1, 2, 3… in 32 bits, or in 64.
    Counting(usize),
    /// Small multiples of 4, in 32 bits or 64.
    Small(usize),
    /// 16 over and over, in 32 bits or 64.
    Constant(usize),
    Bytes(u8),
    /// Zeros with a small number here and there.
    Sparse,
    /// Records framed like ours from the payload's start to its end.
    Records(Numbering),
    /// Such records, but the first of them cut.
    Captured(Numbering),
    /// One record with our own number, in our own frame.
    Wrapped,
    /// The last few messages once more, by number.
    Echo,
}

pub(super) const HARMLESS: [RingKind; 3] = [RingKind::Zeros, RingKind::Text, RingKind::Random];
pub(super) const HARMFUL: [RingKind; 24] = [
    RingKind::Zeros,
    RingKind::Text,
    RingKind::Random,
    RingKind::PaddedText,
    RingKind::Counting(4),
    RingKind::Counting(8),
    RingKind::Small(4),
    RingKind::Small(8),
    RingKind::Constant(4),
    RingKind::Constant(8),
    RingKind::Bytes(1),
    RingKind::Bytes(0x80),
    RingKind::Bytes(0xff),
    RingKind::Sparse,
    RingKind::Records(Numbering::Running),
    RingKind::Records(Numbering::Zero),
    RingKind::Records(Numbering::Arbitrary),
    RingKind::Records(Numbering::Constant),
    RingKind::Captured(Numbering::Running),
    RingKind::Captured(Numbering::Zero),
    RingKind::Captured(Numbering::Arbitrary),
    RingKind::Captured(Numbering::Rare),
    RingKind::Wrapped,
    RingKind::Echo,
];

/// Records back to back, `length` bytes of them. The last ends at the end.
fn records(length: usize, numbers: Numbering, first: u64, dice: &mut Lcg) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    let mut number = first;
    while length - bytes.len() >= HEADER_SIZE {
        let left = length - bytes.len() - HEADER_SIZE;
        let mut payload = dice.length(200) as usize;
        // Either the last, or room for another.
        if payload + HEADER_SIZE > left {
            payload = left;
        }
        number = numbers.number(number, dice);
        frame(&mut bytes, payload, 0, number);
        let kind = dice.of(&HARMLESS);
        fill(&mut bytes, payload, kind, dice);
    }
    bytes.resize(length, b'x');
    bytes
}

pub(super) fn frame(bytes: &mut Vec<u8>, payload: usize, flags: u8, seq_id: u64) {
    let header = MessageHeader {
        payload_len: payload as u32,
        flags,
        seq_id,
        ..MessageHeader::default()
    };
    bytes.extend(header.to_bytes());
}

fn words(bytes: &mut Vec<u8>, size: usize, mut word: impl FnMut(u64) -> u64) {
    for index in 0..(bytes.capacity() - bytes.len()).div_ceil(size) as u64 {
        let word = word(index).to_le_bytes();
        bytes.extend(&word[..size]);
    }
}

fn fill(out: &mut Vec<u8>, length: usize, kind: RingKind, dice: &mut Lcg) {
    fill_numbered(out, length, kind, 0, dice);
}

fn fill_numbered(out: &mut Vec<u8>, length: usize, kind: RingKind, seq_id: u64, dice: &mut Lcg) {
    let mut bytes = Vec::with_capacity(length);
    match kind {
        RingKind::Zeros => {}
        RingKind::Text => {
            let text = b"{\"level\":\"info\",\"thread\":12,\"message\":\"nothing new\"}\n";
            bytes.extend(
                text.iter()
                    .cycle()
                    .skip(dice.below(40) as usize)
                    .take(length),
            );
        }
        RingKind::Random => words(&mut bytes, 8, |_| dice.roll()),
        RingKind::PaddedText => {
            let text = dice.below(length as u64 + 1) as usize;
            bytes.resize(text, b'a');
        }
        RingKind::Counting(size) => words(&mut bytes, size, |index| index),
        RingKind::Small(size) => words(&mut bytes, size, |_| dice.below(25) * 4),
        RingKind::Constant(size) => words(&mut bytes, size, |_| 16),
        RingKind::Bytes(byte) => bytes.resize(length, byte),
        RingKind::Sparse => {
            bytes.resize(length, 0);
            for _ in 0..length / 100 {
                let at = dice.below(length as u64) as usize;
                bytes[at] = dice.below(200) as u8;
            }
        }
        RingKind::Records(numbers) | RingKind::Captured(numbers) => {
            let cut = match kind {
                RingKind::Captured(_) => dice.below(100) as usize,
                _ => 0,
            };
            let first = dice.below(1000);
            bytes.extend(&records(length + cut, numbers, first, dice)[cut..]);
        }
        RingKind::Wrapped => {
            if let Some(payload) = length.checked_sub(HEADER_SIZE) {
                frame(&mut bytes, payload, 0, seq_id);
                bytes.resize(length, b'w');
            }
        }
        RingKind::Echo => {
            let count = (length / 40).min(5);
            bytes.resize(length - 40 * count, b'e');
            for back in (0..count as u64).rev() {
                frame(&mut bytes, 24, 0, seq_id.saturating_sub(back));
                bytes.resize(bytes.len() + 24, b'e');
            }
        }
    }
    bytes.resize(length, 0);
    out.extend(bytes);
}

/// A ring as it stands at some head, and the truth about it.
pub(super) struct Ring {
    pub(super) bytes: Vec<u8>,
    pub(super) head: u64,
    /// Where messages begin, in order.
    pub(super) boundaries: Vec<u64>,
}

/// How a ring is made.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) seed: u64,
    pub(super) capacity: u64,
    pub(super) longest: u64,
    pub(super) aligned: bool,
    pub(super) numbers: Numbering,
    pub(super) kinds: Vec<RingKind>,
    /// Laps in 1024ths.
    pub(super) laps: u64,
}

impl Recipe {
    #[cfg(test)]
    pub(super) fn random(seed: u64, capacities: &[u64], kinds: &[RingKind]) -> Self {
        let mut dice = Lcg(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let capacity = dice.of(capacities);
        let longest = (16 << dice.below(13)).min(capacity / 2 - 16);
        let mut some = kinds.to_vec();
        if dice.below(2) == 0 {
            let keep = dice.below(4) + 1;
            some = (0..keep).map(|_| dice.of(kinds)).collect();
        }
        Self {
            seed,
            capacity,
            longest,
            aligned: dice.below(2) == 0,
            numbers: dice.of(&NUMBERS),
            kinds: some,
            laps: 1030 + dice.below(2048),
        }
    }

    pub(super) fn make(&self) -> Ring {
        let capacity = self.capacity;
        let mut dice = Lcg(self.seed);
        let mut ring = Ring {
            bytes: vec![0xaa; capacity as usize],
            head: 0,
            boundaries: Vec::new(),
        };
        let (mut message, mut number) = (Vec::new(), 0);
        let until = capacity * self.laps / 1024;
        while ring.head < until {
            message.clear();
            let left = capacity - ring.head % capacity;
            let mut payload = dice.length(self.longest);
            if self.aligned {
                payload &= !15;
            }
            let total = payload + HEADER_SIZE as u64;
            if total != left && total + HEADER_SIZE as u64 > left {
                let payload = left as usize - HEADER_SIZE;
                if dice.below(2) == 0 {
                    frame(&mut message, payload, FLAG_FILLER, 0);
                    // Zeroed, or as it was a lap ago.
                    let from = (ring.head % capacity) as usize + HEADER_SIZE;
                    if dice.below(2) == 0 {
                        message.resize(payload + HEADER_SIZE, 0);
                    } else {
                        message.extend(&ring.bytes[from..from + payload]);
                    }
                } else {
                    number = self.numbers.number(number, &mut dice);
                    frame(&mut message, payload, 0, number);
                    let kind = dice.of(&self.kinds);
                    fill_numbered(&mut message, payload, kind, number, &mut dice);
                }
            } else {
                number = self.numbers.number(number, &mut dice);
                frame(&mut message, payload as usize, 0, number);
                let kind = dice.of(&self.kinds);
                fill_numbered(&mut message, payload as usize, kind, number, &mut dice);
            }
            let at = (ring.head % capacity) as usize;
            ring.bytes[at..at + message.len()].copy_from_slice(&message);
            ring.boundaries.push(ring.head);
            ring.head += message.len() as u64;
        }
        ring
    }
}

impl Ring {
    fn capacity(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn region(&self) -> RetainedRegion {
        let capacity = self.capacity();
        let end = self.head - self.head % capacity;
        RetainedRegion {
            floor: self.head - capacity,
            end,
            known: self.head,
            capacity,
        }
    }

    pub(super) fn read(&self, from: u64, to: u64, out: &mut Vec<u8>) -> io::Result<()> {
        assert!(from <= to && self.head - from <= self.capacity());
        let at = (from % self.capacity()) as usize;
        out.extend(&self.bytes[at..at + (to - from) as usize]);
        Ok(())
    }

    pub(super) fn find(&self, region: RetainedRegion, enough: usize) -> Recovered {
        oldest(region, enough, |from, to, out| self.read(from, to, out)).unwrap()
    }

    /// Messages whole between the region's floor and its end.
    pub(super) fn whole(&self, region: RetainedRegion) -> &[u64] {
        let from = self.boundaries.partition_point(|at| *at < region.floor);
        let to = self.boundaries.partition_point(|at| *at < region.end);
        &self.boundaries[from..to]
    }

    /// What is found, and the number of messages there are, or what is wrong with it.
    pub(super) fn judge(
        &self,
        region: RetainedRegion,
        enough: usize,
    ) -> Result<(usize, usize), String> {
        let found = self.find(region, enough);
        let whole = self.whole(region);
        let first = whole.len().checked_sub(found.messages);
        let expected = first.map(|first| whole.get(first).copied().unwrap_or(region.end));
        if expected != Some(found.boundary) || found.messages > enough {
            return Err(format!(
                "{found:?} of {} in {region:?}, expected {expected:?}",
                whole.len()
            ));
        }
        Ok((found.messages, whole.len()))
    }
}
