//! Every chain of headers in a run of bytes that ends where the run ends, as a tree: each header has one message
//! behind it and any number that may lie before it.
//!
//! Pure functions of bytes. It counts and measures the chains; which of them is true it does not know.

use super::habits::Habits;
use crate::ring::layout::{HEADER_SIZE, MAX_FDS};
use crate::ring::{FLAG_FILLER, MessageHeader};

/// Headers held at most, 28 bytes each. Zeros, which have one in 16 bytes, need that many for 16 MiB.
const MAX_HEADERS: usize = 1 << 20;
/// Flags and reserved bits of a message that our producer fills a lap with.
const FILLER: (u8, u16) = (FLAG_FILLER, 0);
/// How many times as heavy a header is as one that is taken for its echo.
const HEAVIER: u32 = 8;
/// No header.
const NONE: u32 = u32::MAX;

/// A place where a header may be.
#[derive(Clone, Copy, Debug)]
struct Node {
    at: u32,
    /// The header behind this message.
    behind: u32,
    /// The highest of those whose messages end here, and the next lower one with the same end.
    before: u32,
    beside: u32,
    /// The lowest weighty header at or below this one; [`NONE`] if there is none.
    lowest: u32,
    /// Weighty headers in the chain at or below this one that has the most.
    weight: u32,
    weighty: bool,
}

/// The chains that end where `bytes` end.
#[derive(Debug)]
pub(super) struct Chains<'a> {
    bytes: &'a [u8],
    /// Ordered downwards; the first is the end of the bytes.
    nodes: Vec<Node>,
    /// Everything that looks like a header with something in it, in a chain or not, ordered downwards.
    lookalikes: Vec<u32>,
    /// The number of the message at the end.
    above: Option<u64>,
    bottom: usize,
}

impl<'a> Chains<'a> {
    /// Finds them. `above` is the number of the message at the end, if there is one, and `lap_ends` says whether the lap
    /// ends there. The bytes are fewer than 4 GiB.
    ///
    /// Looks at each place once: a few instructions where no header can be, and a binary search in what is held
    /// so far where one is.
    pub(super) fn find(
        bytes: &'a [u8],
        above: Option<u64>,
        lap_ends: bool,
        habits: &Habits,
    ) -> Self {
        let mut chains = Self {
            bytes,
            nodes: vec![Node {
                at: bytes.len() as u32,
                behind: NONE,
                before: NONE,
                beside: NONE,
                lowest: NONE,
                weight: 0,
                weighty: false,
            }],
            lookalikes: Vec::new(),
            above,
            bottom: 0,
        };
        chains.scan(lap_ends, habits);
        chains.measure();
        if chains.hush() {
            chains.measure();
        }
        chains
    }

    fn scan(&mut self, lap_ends: bool, habits: &Habits) {
        let Some(mut at) = self.bytes.len().checked_sub(HEADER_SIZE) else {
            return;
        };
        let marks = Marks::new(habits, lap_ends);
        let mut ends = Bits::new(self.bytes.len() + 1);
        ends.set(self.bytes.len());
        loop {
            let mut skip = usize::from(marks.skip[usize::from(self.bytes[at + 5])]);
            if skip == 0 {
                let zeros = self.zeros_below(at);
                if zeros > 0 {
                    self.meet_zeros(at, zeros, &mut ends);
                } else if let Some(header) = marks.header(&self.bytes[at..], self.bytes.len() - at)
                {
                    let end = at + HEADER_SIZE + header.payload_len as usize;
                    let chained = ends.get(end) && marks.may_end(header, end == self.bytes.len());
                    if chained {
                        ends.set(at);
                    }
                    self.meet(at, header, chained.then_some(end), habits);
                }
                if self.nodes.len() >= MAX_HEADERS {
                    self.bottom = self.at(self.nodes.len() - 1);
                    return;
                }
                skip = zeros.max(1);
            }
            match at.checked_sub(skip) {
                Some(lower) => at = lower,
                None => return,
            }
        }
    }

    /// How many blank headers there are at `at` and right below.
    fn zeros_below(&self, at: usize) -> usize {
        let is_zero = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all | byte) == 0;
        if !is_zero(&self.bytes[at..at + HEADER_SIZE]) {
            return 0;
        }
        let words = self.bytes[..at].rchunks_exact(HEADER_SIZE);
        let whole = words.take_while(|word| is_zero(word)).count() * HEADER_SIZE;
        let rest = self.bytes[..at - whole].iter().rev();
        1 + whole + rest.take_while(|byte| **byte == 0).count()
    }

    /// Takes in the `count` blank headers at `at` and below: those are in chains that the 16 bytes above lead on to, and
    /// again every 16 bytes.
    fn meet_zeros(&mut self, at: usize, count: usize, ends: &mut Bits) {
        let lowest = at + 1 - count;
        let chained = |back: &usize| ends.get(at + HEADER_SIZE - back);
        let places: Vec<usize> = (0..HEADER_SIZE.min(count)).filter(chained).collect();
        if places.is_empty() {
            return;
        }
        for round in (0..count).step_by(HEADER_SIZE) {
            for back in &places {
                let Some(at) = at.checked_sub(round + back).filter(|at| *at >= lowest) else {
                    return;
                };
                if self.nodes.len() == MAX_HEADERS {
                    return;
                }
                ends.set(at);
                let behind = self.node_at((at + HEADER_SIZE) as u32);
                self.push(at, behind, false);
            }
        }
    }

    /// Takes in what looks like a header with something in it, and is one of a chain if it has an `end`.
    fn meet(&mut self, at: usize, header: MessageHeader, end: Option<usize>, habits: &Habits) {
        if !self.is_crowded() {
            self.lookalikes.push(at as u32);
        }
        let Some(end) = end else { return };
        let behind = self.node_at(end as u32);
        // Into zeros, one header in sixteen hits a chain of blank ones: that says nothing for it.
        let anchored = behind == 0 || !is_blank(self.header(behind));
        let weighty = anchored && habits.is_usual(header, self.number_from(behind));
        self.push(at, behind, weighty);
    }

    fn push(&mut self, at: usize, behind: usize, weighty: bool) {
        let index = self.nodes.len() as u32;
        self.nodes.push(Node {
            at: at as u32,
            behind: behind as u32,
            before: NONE,
            beside: self.nodes[behind].before,
            lowest: NONE,
            weight: 0,
            weighty,
        });
        self.nodes[behind].before = index;
    }

    /// The node at an offset, which is one of a chain. Most are near: the search widens from the lowest.
    fn node_at(&self, at: u32) -> usize {
        let count = self.nodes.len();
        let mut span = 1;
        while span < count && self.nodes[count - span].at < at {
            span *= 2;
        }
        let from = count.saturating_sub(span);
        from + self.nodes[from..].partition_point(|node| node.at > at)
    }

    /// The number of the message at a node, or, where it has none, of the one behind it.
    fn number_from(&self, node: usize) -> Option<u64> {
        let number = |node: usize| match node {
            0 => self.above,
            _ => Some(self.header(node).seq_id),
        };
        match number(node) {
            Some(0) if node != 0 => number(self.nodes[node].behind as usize),
            number => number,
        }
    }

    fn measure(&mut self) {
        for node in &mut self.nodes {
            (node.weight, node.lowest) = match node.weighty {
                true => (1, node.at),
                false => (0, NONE),
            };
        }
        // A header's own messages before it are behind it in the list: each is measured before it is counted in.
        for index in (1..self.nodes.len()).rev() {
            let node = self.nodes[index];
            let behind = &mut self.nodes[node.behind as usize];
            behind.weight = behind.weight.max(node.weight + u32::from(behind.weighty));
            behind.lowest = behind.lowest.min(node.lowest);
        }
    }

    /// Takes the weight from headers that overlap a far heavier one: read a few bytes off, the last bytes of a header and the
    /// zeros around it are one as well. Tells whether there are any.
    fn hush(&mut self) -> bool {
        let mut echoes = Vec::new();
        for (index, node) in self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.weighty)
        {
            let heavier = |other: &Node| other.weight / HEAVIER >= node.weight;
            let overlaps = |other: &&Node| other.at.abs_diff(node.at) < HEADER_SIZE as u32;
            let above = self.nodes[..index].iter().rev().take_while(overlaps);
            let below = self.nodes[index + 1..].iter().take_while(overlaps);
            if above.chain(below).any(heavier) {
                echoes.push(index);
            }
        }
        for echo in &echoes {
            self.nodes[*echo].weighty = false;
        }
        !echoes.is_empty()
    }

    /// The lowest place looked at.
    pub(super) fn bottom(&self) -> usize {
        self.bottom
    }

    /// Offset of a node; 0 is the end of the bytes.
    pub(super) fn at(&self, node: usize) -> usize {
        self.nodes[node].at as usize
    }

    /// The header at any node but the first.
    pub(super) fn header(&self, node: usize) -> MessageHeader {
        header_at(&self.bytes[self.at(node)..])
    }

    /// The nodes whose messages end at `node`.
    pub(super) fn before(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        let next = |node: &u32| Some(self.nodes.get(*node as usize)?.beside);
        std::iter::successors(Some(self.nodes[node].before), next)
            .take_while(|node| *node != NONE)
            .map(|node| node as usize)
    }

    /// Whether a node is evidence: its header is not blank, looks usual, and its message ends on another such, or on
    /// the end of the bytes.
    pub(super) fn is_weighty(&self, node: usize) -> bool {
        self.nodes[node].weighty
    }

    /// Weighty nodes in the chain that comes to `node` with the most of them, itself included.
    pub(super) fn weight(&self, node: usize) -> u32 {
        self.nodes[node].weight
    }

    /// The lowest weighty node in any chain that comes to `node`.
    pub(super) fn lowest(&self, node: usize) -> Option<usize> {
        let lowest = self.nodes[node].lowest;
        (lowest != NONE).then_some(lowest as usize)
    }

    /// Whether there are more lookalikes than are held.
    pub(super) fn is_crowded(&self) -> bool {
        self.lookalikes.len() == MAX_HEADERS
    }

    /// Everything that looks like a header with something in it, in a chain or not, ordered downwards.
    pub(super) fn lookalikes(&self) -> impl Iterator<Item = usize> + '_ {
        self.lookalikes.iter().map(|at| *at as usize)
    }
}

/// Whether a header has nothing in it: zeros are full of them.
pub(super) fn is_blank(header: MessageHeader) -> bool {
    header == MessageHeader::default()
}

fn header_at(bytes: &[u8]) -> MessageHeader {
    MessageHeader::from_bytes(bytes.first_chunk().copied().unwrap_or_default())
}

/// What tells a header from other bytes at a glance.
struct Marks {
    tags: Vec<(u8, u16)>,
    /// A message with [`FILLER`] fills the rest of a lap, and ends with it.
    fills: bool,
    /// By the byte where a header has its flags: how many places, counted downwards, cannot be headers for that
    /// byte; three for most bytes, since it would be the upper half of `reserved` two places below.
    skip: [u8; 256],
}

impl Marks {
    fn new(habits: &Habits, lap_ends: bool) -> Self {
        let mut tags = habits.tags().to_vec();
        // An application may use the flag for something else.
        let fills = lap_ends && !tags.contains(&FILLER);
        if fills {
            tags.push(FILLER);
        }
        let mut skip = [3; 256];
        for &(flags, reserved) in &tags {
            let [low, high] = reserved.to_ne_bytes();
            for (byte, places) in [(high, 2), (low, 1), (flags, 0)] {
                let skip = &mut skip[usize::from(byte)];
                *skip = places.min(*skip);
            }
        }
        Self { tags, fills, skip }
    }

    /// The header that `bytes`, at least 16, begin with, if it is plausible and its message is no longer than `left`.
    fn header(&self, bytes: &[u8], left: usize) -> Option<MessageHeader> {
        let header = header_at(bytes);
        let plausible = usize::from(header.fd_count) <= MAX_FDS
            && header.total_len() <= left as u64
            && self.tags.contains(&(header.flags, header.reserved));
        plausible.then_some(header)
    }

    fn may_end(&self, header: MessageHeader, last: bool) -> bool {
        last || !self.fills || (header.flags, header.reserved) != FILLER
    }
}

/// A set of offsets.
struct Bits(Vec<u64>);

impl Bits {
    fn new(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn get(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 != 0
    }
}
