//! The search for the true one among chains: what is believed, and why. The reasoning is told one floor up.
//!
//! Knows chains and habits; it reads nothing.

use super::chains::{Chains, is_blank};
use super::habits::{Habits, Link};
use crate::ring::layout::HEADER_SIZE;
use crate::ring::{MessageHeader, Walk};

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// From this boundary messages run, header by header, to the region's end, which it is when none was found.
    pub boundary: u64,
    /// How many.
    pub messages: usize,
}

/// Sure messages that speak for the rest: when their payloads hold nothing like a header, and when they do.
const ENOUGH_CLEAN: u64 = 32;
const ENOUGH_LITTERED: u64 = 256;
/// A message as long as half the ring is not expected, nor one as long as this.
const UNHEARD_OF: u64 = 16 << 20;
/// How far a chain must go on unless the whole region was looked at: the header of a message that holds it may be below.
const BELOW: u64 = 512 << 10;
/// Messages in a row, by number, that are more than a payload repeats, where payloads were seen to hold things.
const RUN: u64 = 8;
/// Weighty headers that a chain needs where one is not enough.
const CHAIN: u32 = 3;
/// A rival this light is nothing beside a chain this heavy.
const LIGHT: u32 = 2;
const HEAVY: u32 = 8;

/// Chains in a part of a region.
pub(super) struct Window<'a> {
    pub(super) chains: Chains<'a>,
    /// Where its bytes begin.
    pub(super) from: u64,
    /// Its end is the lap's.
    pub(super) lap_ends: bool,
    /// It goes down to the region's floor.
    pub(super) whole: bool,
}

/// The message that may lie before a boundary.
struct SearchStep {
    node: usize,
    /// How many may be it by their numbers, and those of the messages before them; 2 for more.
    numbered: usize,
    /// It has no rival.
    clear: bool,
    /// It is numbered and flagged like those that are sure.
    usual: bool,
}

/// The chain from a [`SearchStep`] down.
#[derive(Clone, Copy, Default)]
struct Below {
    /// Weighty headers, and the lowest of them.
    weight: u32,
    lowest: Option<usize>,
    /// Its longest message, with its header.
    longest: u64,
    /// Messages in a row that only one can be by the numbers.
    run: u64,
}

impl Below {
    /// Bytes from the lowest evidence to `end`.
    fn extent(self, end: usize) -> u64 {
        self.lowest.map_or(0, |lowest| (end - lowest) as u64)
    }
}

/// The search, as far as it has come.
pub(super) struct ChainSearch {
    /// The nearest number above the boundary reached; `None` when no message is known there, 0 when none has one.
    above: Option<u64>,
    habits: Habits,
    unheard_of: u64,
}

impl ChainSearch {
    /// A search in a ring of `capacity` bytes, below the messages that `bytes` begin with: they are sure and lie
    /// at `start`.
    pub(super) fn new(bytes: &[u8], start: u64, capacity: u64) -> Self {
        let mut search = Self {
            above: None,
            habits: Habits::new(),
            unheard_of: UNHEARD_OF.min(capacity / 2),
        };
        search.learn(bytes, start, capacity);
        search
    }

    fn learn(&mut self, bytes: &[u8], start: u64, capacity: u64) {
        let messages: Vec<_> = Walk::new(bytes, start, capacity)
            .map_while(Result::ok)
            .collect();
        for message in messages.iter().rev() {
            let end = message.offset.wrapping_add(message.header.total_len());
            if fills_lap(message.header, end.is_multiple_of(capacity)) {
                self.habits.learn(message.header, None);
                continue;
            }
            self.habits.learn(message.header, self.above);
            self.above = number(message.header, self.above);
        }
        // Only now is it known what is usual.
        let mut above = None;
        for message in messages.iter().rev() {
            let end = message.offset.wrapping_add(message.header.total_len());
            if !end.is_multiple_of(capacity) {
                let chains = Chains::find(message.payload, above, false, &self.habits);
                self.habits.littered |= chains.is_crowded() || chains.lookalikes().next().is_some();
                self.habits.echoes |= chains.before(0).any(|node| runs_on(&chains, node, above));
            }
            above = number(message.header, above);
        }
    }

    /// The chains that end where `bytes` do, at the boundary reached.
    pub(super) fn chains<'a>(&self, bytes: &'a [u8], lap_ends: bool) -> Chains<'a> {
        Chains::find(bytes, self.above, lap_ends, &self.habits)
    }

    /// Accepts messages downwards from the end of a window, until there are `enough` or the next one is in doubt.
    pub(super) fn accept(&mut self, window: &Window<'_>, enough: usize, found: &mut Recovered) {
        let chains = &window.chains;
        let steps = self.trace(window);
        self.habits.littered |= is_littered(window, &steps);
        let mut below = vec![Below::default(); steps.len() + 1];
        for (index, step) in steps.iter().enumerate().rev() {
            let before = below[index + 1];
            let weighty = chains.is_weighty(step.node);
            let own = weighty.then(|| chains.at(step.node));
            below[index] = Below {
                weight: before.weight + u32::from(weighty),
                lowest: before.lowest.or(own),
                longest: before.longest.max(chains.header(step.node).total_len()),
                run: if step.numbered == 1 {
                    before.run + 1
                } else {
                    0
                },
            };
        }
        let mut end = chains.at(0);
        for (step, below) in steps.iter().zip(below) {
            self.habits.echoes |= step.numbered > 1;
            let header = chains.header(step.node);
            let sure = self.is_numbered(below, end, window.whole)
                || step.clear && self.is_borne_out(step, below, end, window);
            if found.messages == enough || !sure {
                return;
            }
            let ends_lap = window.lap_ends && end == chains.at(0);
            end = chains.at(step.node);
            let above = self.above.filter(|_| !fills_lap(header, ends_lap));
            self.habits.learn(header, above);
            self.above = number(header, self.above);
            found.boundary = window.from + end as u64;
            found.messages += 1;
        }
    }

    /// Whether the first message of the chain `below` the boundary at `end` can be believed for its number and those
    /// before it.
    fn is_numbered(&self, below: Below, end: usize, whole: bool) -> bool {
        let Habits {
            messages, littered, ..
        } = self.habits;
        let run = if littered && messages < ENOUGH_LITTERED {
            RUN
        } else {
            1
        };
        // An echo is in a payload: its message's header may be below, or, where few messages are known of which none had one, cut
        // off at the floor.
        let is_known = messages >= ENOUGH_CLEAN || below.run >= RUN;
        let goes_on = whole && is_known || below.extent(end) >= self.far(below);
        self.habits.counts() && !self.habits.echoes && below.run >= run && goes_on
    }

    /// Further than a message is expected to reach.
    fn far(&self, below: Below) -> u64 {
        4 * self.habits.longest.max(below.longest)
    }

    /// Whether there is enough in the chain `below` the boundary at `end` for its first message to be believed, other
    /// than numbers.
    fn is_borne_out(
        &self,
        step: &SearchStep,
        below: Below,
        end: usize,
        window: &Window<'_>,
    ) -> bool {
        let Habits {
            messages, littered, ..
        } = self.habits;
        let known = if littered {
            ENOUGH_LITTERED
        } else {
            ENOUGH_CLEAN
        };
        let mut extent = 0;
        if littered || window.lap_ends && end == window.chains.at(0) {
            extent = self.far(below);
        }
        if messages < known || !step.usual {
            extent = extent.max(self.unheard_of);
        }
        if !window.whole {
            extent = extent.max(BELOW);
        }
        if extent == 0 {
            let header = window.chains.header(step.node);
            return below.weight > 0
                || !is_blank(header) && self.habits.is_usual(header, self.above);
        }
        below.weight >= CHAIN && below.extent(end) >= extent
    }

    /// Follows the best chain down from the end, doubts and all.
    fn trace(&self, window: &Window<'_>) -> Vec<SearchStep> {
        let mut steps = Vec::new();
        let (mut node, mut above) = (0, self.above);
        while let Some(step) = self.choose(window, node, above) {
            node = step.node;
            above = number(window.chains.header(node), above);
            steps.push(step);
        }
        steps
    }

    /// The likeliest of the messages that end at `end`.
    fn choose(&self, window: &Window<'_>, end: usize, above: Option<u64>) -> Option<SearchStep> {
        let chains = &window.chains;
        let all = || chains.before(end);
        let step = |node: usize, numbered: usize, clear: bool| SearchStep {
            node,
            numbered,
            clear,
            // What fills a lap is numbered as it happens.
            usual: window.lap_ends && end == 0
                || self.habits.may_link(chains.header(node).seq_id, above),
        };
        let mut runs = all().filter(|node| runs_on(chains, *node, above));
        let (first, second) = (runs.next(), runs.next());
        let next = |node: &usize| follows(chains, *node, above);
        // An echo in the payload of the message itself, which has none before it that is still there.
        let lower = all().any(|node| next(&node) && first.is_some_and(|first| node > first));
        let numbered = usize::from(first.is_some()) + usize::from(second.is_some() || lower);
        let proven = numbered == 1 && !self.habits.echoes && self.habits.counts();
        if let Some(node) = first.filter(|_| proven) {
            return Some(step(node, numbered, is_clear(chains, end, node)));
        }
        let deep = |node: &usize| chains.lowest(*node).is_some();
        let depth = |node: &usize| chains.lowest(*node);
        let heavy = all()
            .filter(|node| chains.weight(*node) >= HEAVY)
            .min_by_key(depth);
        let lowest = all().filter(deep).min_by_key(depth);
        let filled = all().find(|node| !is_blank(chains.header(*node)));
        let mut likely = [heavy, lowest, filled].into_iter().flatten();
        let clear = likely.clone().find(|node| is_clear(chains, end, *node));
        let node = clear.or(likely.next()).or(all().next())?;
        Some(step(node, numbered, is_clear(chains, end, node)))
    }
}

/// Whether a message is there to fill up a lap. That it has no number is no word on how messages are numbered.
fn fills_lap(header: MessageHeader, ends_lap: bool) -> bool {
    ends_lap && header.seq_id == 0
}

/// The nearest number from a message on.
fn number(header: MessageHeader, above: Option<u64>) -> Option<u64> {
    match header.seq_id {
        0 => above.or(Some(0)),
        seq_id => Some(seq_id),
    }
}

fn follows(chains: &Chains<'_>, node: usize, above: Option<u64>) -> bool {
    let seq_id = chains.header(node).seq_id;
    above.is_some_and(|above| Link::between(seq_id, above) == Link::Next)
}

/// Whether the message at `node` is numbered one below `above`, and so on for another one. A message without a number
/// may lie between: one that fills a lap has none.
fn runs_on(chains: &Chains<'_>, node: usize, above: Option<u64>) -> bool {
    let number = |node: usize| chains.header(node).seq_id;
    let next = |node: usize, above: u64| Link::between(number(node), above) == Link::Next;
    let goes_on = |node: usize| {
        let above = number(node);
        chains.before(node).any(|before| {
            next(before, above)
                || number(before) == 0 && chains.before(before).any(|node| next(node, above))
        })
    };
    above.is_some_and(|above| match number(node) {
        0 => chains
            .before(node)
            .any(|node| next(node, above) && goes_on(node)),
        _ => next(node, above) && goes_on(node),
    })
}

/// Whether the message at `node`, of those that end at `end`, has no rival.
fn is_clear(chains: &Chains<'_>, end: usize, node: usize) -> bool {
    let (at, lowest, weight) = (chains.at(node), chains.lowest(node), chains.weight(node));
    chains
        .before(end)
        .filter(|rival| *rival != node)
        .all(|rival| {
            let Some(bottom) = chains.lowest(rival) else {
                let blank = is_blank(chains.header(rival));
                // An empty message behind a payload that ends in a small number reads, from there, as one that is not.
                let overlaps = at.abs_diff(chains.at(rival)) < HEADER_SIZE;
                return match blank && overlaps {
                    true => weight >= HEAVY,
                    false => weight > 0 || blank,
                };
            };
            let in_payload_of = |at: usize, bottom: usize| bottom >= at + HEADER_SIZE;
            // It may be in the rival's payload as well as the rival in its own.
            lowest.is_some_and(|lowest| !in_payload_of(chains.at(rival), lowest))
                && (in_payload_of(at, bottom) || chains.weight(rival) <= LIGHT && weight >= HEAVY)
        })
}

/// Whether there is anything like a header but those of `steps`. What overlaps one of them is an echo of it.
fn is_littered(window: &Window<'_>, steps: &[SearchStep]) -> bool {
    let chains = &window.chains;
    let mut steps = steps.iter().map(|step| chains.at(step.node)).peekable();
    // What fills the rest of a lap is often left as it was, full of older messages, and says nothing of payloads.
    let top = steps
        .peek()
        .filter(|_| window.lap_ends)
        .copied()
        .unwrap_or(chains.at(0));
    // The rest of a header that was cut off is none either.
    let bottom = chains.bottom() + HEADER_SIZE - 1;
    let mut payloads = chains
        .lookalikes()
        .skip_while(|at| *at > top)
        .take_while(|at| *at >= bottom);
    chains.is_crowded()
        || payloads.any(|at| {
            while steps.next_if(|step| *step >= at + HEADER_SIZE).is_some() {}
            steps.peek().is_none_or(|step| at >= step + HEADER_SIZE)
        })
}
