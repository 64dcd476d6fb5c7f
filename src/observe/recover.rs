//! Message boundaries in old bytes of a ring, where none but the last is known: chains of headers that end on it.
//!
//! Headers carry no mark, so a place is a header because a message from there ends exactly on the next header. All
//! chains of such places that end on the known boundary make a tree (`chains`); the true one is a path in it,
//! followed down from the known boundary for as long as it is beyond doubt. A boundary that is wrong is far worse
//! than messages that are missing, so where two chains compete there is none.
//!
//! Why a chain can be believed:
//!
//! - **Chance is no rival.** In random bytes or text a place looks like a header and its message ends on a given
//!   boundary with a probability of about 2⁻⁵⁶. What makes false chains is structure: zeros (each place a blank header, one in
//!   sixteen in a chain), small integers, records framed like ours, a captured ring as payload.
//! - **Weight.** So a header counts as evidence only if it is not blank, is numbered and flagged like those that are sure,
//!   and leads to another that is not blank: into zeros anything leads.
//! - **Numbers.** A message numbered one below the next, and another one below that, is taken at once unless two chains
//!   can say so, or payloads were seen to hold records that are numbered like the messages before them.
//! - **A payload is bounded.** A chain inside a message's payload ends above its header, while the true one goes on
//!   below. A rival that does not end there rules out both, unless it is next to nothing beside the other.
//! - **A message whose own header is gone** can hold a whole false chain with no rival. Against that speaks what messages
//!   of this ring hold: the sure ones above `end` are searched for anything like a header, and the rest as it is accepted.
//!   If there is nothing in 32 of them and nothing in doubt below, one header is enough. Otherwise the chain must be longer
//!   than a message can be expected to: four times the longest known, or half the ring when few are known.
//!
//! What remains: a ring whose messages bear no running numbers, a payload that is made like the ring itself and cut off
//! at the floor, and nothing like it in the messages known. Nothing in the bytes tells it from messages.
//!
//! It works on private copies, and judges neither whether they are torn nor what the messages say.

mod chains;
mod habits;
#[cfg(test)]
mod tests;

use std::io;

use crate::ring::layout::HEADER_SIZE;
use crate::ring::message::{MessageHeader, Walk};
use chains::{Chains, is_blank};
use habits::{Habits, Link};

/// Bytes looked at first, and at most at once.
const FIRST: u64 = 64 << 10;
const MOST: u64 = 64 << 20;
/// Bytes of sure messages that are searched for lookalikes of headers.
const LESSON: u64 = 1 << 20;
/// Sure messages that speak for the rest: when their payloads hold nothing like a header, and when they do.
const ENOUGH_CLEAN: u64 = 32;
const ENOUGH_LITTERED: u64 = 256;
/// A message as long as half the ring is not expected, nor one as long as this.
const UNHEARD_OF: u64 = 16 << 20;
/// How far a chain must go on unless the whole region was looked at: the header of a message that holds it may be below.
const BELOW: u64 = 1 << 20;
/// Messages in a row, by number, that are more than a payload repeats, where payloads were seen to hold things.
const RUN: u64 = 8;
/// Weighty headers that a chain needs where one is not enough.
const CHAIN: u32 = 3;
/// A rival this light is nothing beside a chain this heavy.
const LIGHT: u32 = 2;
const HEAVY: u32 = 8;

/// Old bytes, all in one lap, and what is known behind them. Offsets are logical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The lowest byte that still holds what was written there.
    pub floor: u64,
    /// A boundary.
    pub end: u64,
    /// Messages that are sure, back to back from `end` on, in one lap, reach at least to here. At `end` when there
    /// are none: then only long chains are believed.
    pub known: u64,
    /// Bytes in the ring.
    pub capacity: u64,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// From this boundary messages run, header by header, to the region's end, which it is when none was found.
    pub boundary: u64,
    /// How many.
    pub messages: usize,
}

/// The oldest boundary in a region from which messages run to its end, or, once `enough` messages were found, the one
/// where they begin. `read` appends the bytes from its first offset to its second, which lie in one lap.
///
/// Each byte is looked at a bounded number of times whatever it says: at most four times the region plus 128 MiB are
/// read, from 64 KiB to 64 MiB at once, and at most as much is held again, and 60 MiB more. Messages of more than 48 MiB are
/// not looked past unless the region ends with them.
///
/// # Errors
/// Those of `read`.
pub fn oldest(
    region: Region,
    enough: usize,
    mut read: impl FnMut(u64, u64, &mut Vec<u8>) -> io::Result<()>,
) -> io::Result<Recovered> {
    let Region { end, capacity, .. } = region;
    let mut found = Recovered {
        boundary: end,
        messages: 0,
    };
    let Some(last) = end.checked_sub(1).filter(|_| capacity > 0) else {
        return Ok(found);
    };
    let floor = region.floor.max(last - last % capacity);
    let mut bytes = Vec::new();
    if region.known > end {
        read(end, region.known.min(end.saturating_add(LESSON)), &mut bytes)?;
    }
    let mut search = Search {
        above: None,
        habits: Habits::new(),
        unheard_of: UNHEARD_OF.min(capacity / 2),
    };
    search.learn(&bytes, end, capacity);
    let mut size = FIRST;
    while found.messages < enough && found.boundary > floor {
        let top = found.boundary;
        let from = floor.max(top.saturating_sub(size));
        bytes.clear();
        read(from, top, &mut bytes)?;
        let lap_ends = top % capacity == 0;
        let chains = Chains::find(&bytes, search.above, lap_ends, &search.habits);
        let bottom = from + chains.bottom() as u64;
        search.accept(&chains, from, lap_ends, bottom == floor, enough, &mut found);
        if bottom == floor {
            break;
        }
        // Little was gained for what was read: the next message is long, or the evidence is below.
        if (top - found.boundary) * 4 < top - bottom {
            if size == MOST || bottom > from {
                break;
            }
            size = MOST.min(size * 4);
        }
    }
    Ok(found)
}

/// The message that may lie before a boundary.
struct Step {
    node: usize,
    /// How many may be it by their numbers, and those of the messages before them; 2 for more.
    numbered: usize,
    /// It has no rival.
    clear: bool,
    /// It is numbered and flagged like those that are sure.
    usual: bool,
}

/// Chains of a [`Step`] and those below it.
#[derive(Clone, Copy, Default)]
struct Below {
    weight: u32,
    lowest: Option<usize>,
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
struct Search {
    /// The nearest number above the boundary reached; `None` when no message is known there, 0 when none has one.
    above: Option<u64>,
    habits: Habits,
    unheard_of: u64,
}

impl Search {
    /// Learns from the messages that `bytes` begin with, which are sure and lie at `start`.
    fn learn(&mut self, bytes: &[u8], start: u64, capacity: u64) {
        let messages: Vec<_> = Walk::new(bytes, start, capacity).map_while(Result::ok).collect();
        for message in messages.iter().rev() {
            self.habits.learn(message.header, self.above);
            self.above = number(message.header, self.above);
        }
        // Only now is it known what is usual.
        let mut above = None;
        for message in messages.iter().rev() {
            if (message.offset + message.header.total_len()) % capacity == 0 {
                continue;
            }
            let chains = Chains::find(message.payload, above, false, &self.habits);
            self.habits.littered |= chains.lookalikes().next().is_some();
            self.habits.echoes |= chains.before(0).any(|node| runs_on(&chains, node, above));
            above = number(message.header, above);
        }
    }

    /// Accepts messages downwards from the end of `chains`, whose bytes begin at `from`, until there are `enough` or the
    /// next one is in doubt. `whole` says that they go down to the region's floor.
    fn accept(
        &mut self,
        chains: &Chains<'_>,
        from: u64,
        lap_ends: bool,
        whole: bool,
        enough: usize,
        found: &mut Recovered,
    ) {
        let steps = self.trace(chains, lap_ends);
        self.habits.littered |= is_littered(chains, &steps, lap_ends);
        let mut below = vec![Below::default(); steps.len() + 1];
        for (index, step) in steps.iter().enumerate().rev() {
            let before = below[index + 1];
            let weighty = chains.is_weighty(step.node);
            let own = weighty.then(|| chains.at(step.node));
            below[index] = Below {
                weight: before.weight + u32::from(weighty),
                lowest: before.lowest.or(own),
                longest: before.longest.max(chains.header(step.node).total_len()),
                run: if step.numbered == 1 { before.run + 1 } else { 0 },
            };
        }
        let mut end = chains.at(0);
        for (step, below) in steps.iter().zip(below) {
            self.habits.echoes |= step.numbered > 1;
            let header = chains.header(step.node);
            let last = lap_ends && end == chains.at(0);
            let sure = self.is_numbered(below, end, whole)
                || step.clear && self.is_borne_out(step, header, below, end, last, whole);
            if found.messages == enough || !sure {
                return;
            }
            end = chains.at(step.node);
            self.habits.learn(header, self.above);
            self.above = number(header, self.above);
            found.boundary = from + end as u64;
            found.messages += 1;
        }
    }

    /// Whether the first message of the chain `below` the boundary at `end` can be believed for its number and those
    /// before it.
    fn is_numbered(&self, below: Below, end: usize, whole: bool) -> bool {
        let Habits { messages, littered, .. } = self.habits;
        let run = if littered && messages < ENOUGH_LITTERED { RUN } else { 1 };
        // An echo is in a payload: its message's header may be below.
        let goes_on = whole || below.extent(end) >= self.far(below);
        !self.habits.echoes && below.run >= run && goes_on
    }

    /// Further than a message is expected to reach.
    fn far(&self, below: Below) -> u64 {
        4 * self.habits.longest.max(below.longest)
    }

    /// Whether there is enough in the chain `below` the boundary at `end` for its first message to be believed, other
    /// than numbers.
    fn is_borne_out(
        &self,
        step: &Step,
        header: MessageHeader,
        below: Below,
        end: usize,
        last: bool,
        whole: bool,
    ) -> bool {
        let Habits { messages, littered, .. } = self.habits;
        let known = if littered { ENOUGH_LITTERED } else { ENOUGH_CLEAN };
        let mut extent = 0;
        if littered || last {
            extent = self.far(below);
        }
        if messages < known || !step.usual {
            extent = extent.max(self.unheard_of);
        }
        if !whole {
            extent = extent.max(BELOW);
        }
        if extent == 0 {
            return below.weight > 0
                || !is_blank(header) && self.habits.is_usual(header, self.above);
        }
        below.weight >= CHAIN && below.extent(end) >= extent
    }

    /// Follows the best chain down from the end, doubts and all.
    fn trace(&self, chains: &Chains<'_>, lap_ends: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let (mut node, mut above) = (0, self.above);
        while let Some(step) = self.choose(chains, node, above, lap_ends) {
            node = step.node;
            above = number(chains.header(node), above);
            steps.push(step);
        }
        steps
    }

    /// The likeliest of the messages that end at `end`.
    fn choose(
        &self,
        chains: &Chains<'_>,
        end: usize,
        above: Option<u64>,
        lap_ends: bool,
    ) -> Option<Step> {
        let all = || chains.before(end);
        let step = |node: usize, numbered: usize, clear: bool| Step {
            node,
            numbered,
            clear,
            // What fills a lap is numbered as it happens.
            usual: lap_ends && end == 0
                || self.habits.may_link(chains.header(node).seq_id, above),
        };
        let mut runs = all().filter(|node| runs_on(chains, *node, above));
        let (first, second) = (runs.next(), runs.next());
        let next = |node: &usize| follows(chains, *node, above);
        // An echo in the payload of the message itself, which has none before it that is still there.
        let lower = all().any(|node| next(&node) && first.is_some_and(|first| node > first));
        let numbered = usize::from(first.is_some()) + usize::from(second.is_some() || lower);
        if let Some(node) = first.filter(|_| numbered == 1 && !self.habits.echoes) {
            return Some(step(node, numbered, is_clear(chains, end, node)));
        }
        let deep = |node: &usize| chains.lowest(*node).is_some();
        let depth = |node: &usize| chains.lowest(*node);
        let heavy = all().filter(|node| chains.weight(*node) >= HEAVY).min_by_key(depth);
        let lowest = all().filter(deep).min_by_key(depth);
        let filled = all().find(|node| !is_blank(chains.header(*node)));
        let mut likely = [heavy, lowest, filled].into_iter().flatten();
        let clear = likely.clone().find(|node| is_clear(chains, end, *node));
        match clear {
            Some(node) => Some(step(node, numbered, true)),
            None => {
                let node = likely.next().or(all().next())?;
                Some(step(node, numbered, is_clear(chains, end, node)))
            }
        }
    }
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
        0 => chains.before(node).any(|node| next(node, above) && goes_on(node)),
        _ => next(node, above) && goes_on(node),
    })
}

/// Whether the message at `node`, of those that end at `end`, has no rival.
fn is_clear(chains: &Chains<'_>, end: usize, node: usize) -> bool {
    let (at, lowest, weight) = (chains.at(node), chains.lowest(node), chains.weight(node));
    chains.before(end).filter(|rival| *rival != node).all(|rival| {
        let Some(bottom) = chains.lowest(rival) else {
            return weight > 0 || is_blank(chains.header(rival));
        };
        let in_payload_of = |at: usize, bottom: usize| bottom >= at + HEADER_SIZE;
        // It may be in the rival's payload as well as the rival in its own.
        lowest.is_some_and(|lowest| !in_payload_of(chains.at(rival), lowest))
            && (in_payload_of(at, bottom) || chains.weight(rival) <= LIGHT && weight >= HEAVY)
    })
}

/// Whether there is anything like a header but those of `steps`. What overlaps one of them is an echo of it.
fn is_littered(chains: &Chains<'_>, steps: &[Step], lap_ends: bool) -> bool {
    let mut steps = steps.iter().map(|step| chains.at(step.node)).peekable();
    // What fills the rest of a lap is often left as it was, full of older messages, and says nothing of payloads.
    let top = steps.peek().filter(|_| lap_ends).copied().unwrap_or(chains.at(0));
    chains.lookalikes().skip_while(|at| *at > top).any(|at| {
        while steps.next_if(|step| *step >= at + HEADER_SIZE).is_some() {}
        steps.peek().is_none_or(|step| at >= step + HEADER_SIZE)
    })
}
