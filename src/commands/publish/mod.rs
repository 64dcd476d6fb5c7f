//! `pub`: a ring of its own, fed from a file or from what is piped in. It never writes into the ring of another.

mod input;
mod outlet;
mod pace;
mod source;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use input::{InputMessage, Item};
use outlet::Outlet;
use pace::Pace;
use source::{Next, Source};

use crate::cli::{PublishArgs, PublishRate};
use crate::ring::FLAG_FILLER;
use crate::stderr::{Progress, warn};
use crate::text::{bytes, counted, escape};

/// Consumers are let in this often while messages are sent.
const ADMITS_EVERY: Duration = Duration::from_millis(1);
/// While nothing is to be sent, they are let in this often.
const PATIENCE: Duration = Duration::from_millis(20);
/// Messages between two looks at the clock.
const BATCH: u64 = 64;

/// What went through.
#[derive(Debug, Default)]
struct Summary {
    messages: u64,
    bytes: u64,
    dropped: u64,
    gaps: u64,
    gap_bytes: u64,
    fds: u64,
    torn: u64,
    fillers: u64,
    /// Consumers that could not join.
    refused: u64,
    rounds: u64,
}

/// Publishes what is in a file, until that or the user's patience ends.
///
/// # Errors
/// When the ring cannot be made, or the input cannot be read or does not fit.
pub fn publish(options: &PublishArgs) -> anyhow::Result<()> {
    let source = Source::open(options)?;
    let mut outlet = Outlet::open(&options.socket, options.capacity, options.wait_consumers)?;
    warn(&format!(
        "a ring of {} at {}",
        bytes(options.capacity),
        escape(&options.socket)
    ));
    if options.wait_consumers > 0 && !outlet.wait_for(options.wait_consumers)? {
        return Ok(());
    }
    let mut pace = Pace::new(options.rate, Instant::now());
    let (mut sum, mut progress) = (Summary::default(), Progress::begin());
    let mut admitted = Instant::now();
    let mut notes = Vec::new();
    while !outlet.is_asked_to_end() {
        match source.next(PATIENCE)? {
            Next::Item(Item::Message(message)) => {
                if message.at_ns.is_none() && options.rate == PublishRate::AsRecorded {
                    bail!("--rate as-recorded: a message of the input tells no time");
                }
                let due = pace.next(message.at_ns);
                if !outlet.wait_until(due)? {
                    break;
                }
                send(&message, options.drop, &mut outlet, &mut sum)?;
            }
            Next::Item(Item::Gap(length)) => {
                sum.gaps += 1;
                sum.gap_bytes = sum.gap_bytes.saturating_add(length);
            }
            Next::Again => {
                sum.rounds += 1;
                pace.begin_again(Instant::now());
            }
            Next::Nothing => outlet.admit(),
            Next::End(said) => {
                notes = said;
                break;
            }
        }
        if (sum.messages + sum.dropped).is_multiple_of(BATCH) && admitted.elapsed() >= ADMITS_EVERY
        {
            outlet.admit();
            admitted = Instant::now();
            progress.tell(|| sent(&sum));
        }
    }
    progress.clear();
    notes.iter().for_each(|note| warn(note));
    sum.refused = outlet.refused();
    warn(&summary(&sum));
    Ok(())
}

fn send(
    message: &InputMessage,
    drops: bool,
    outlet: &mut Outlet,
    sum: &mut Summary,
) -> anyhow::Result<()> {
    // The ring makes its own.
    if message
        .header
        .is_some_and(|(_, flags)| flags & FLAG_FILLER != 0)
    {
        sum.fillers += 1;
        return Ok(());
    }
    let number = sum.messages + sum.dropped + 1;
    let is_sent = outlet
        .send(&message.payload, message.header, drops)
        .with_context(|| format!("message {number}"))?;
    if is_sent {
        sum.messages += 1;
        sum.bytes += message.payload.len() as u64;
        sum.fds += u64::from(message.fds);
        sum.torn += u64::from(message.torn);
    } else if drops {
        sum.dropped += 1;
    }
    Ok(())
}

fn sent(sum: &Summary) -> String {
    let mut text = format!(
        "{}, {} of payload",
        counted(sum.messages, "message"),
        bytes(sum.bytes)
    );
    if sum.dropped > 0 {
        text += &format!("; {} dropped: the ring was full", sum.dropped);
    }
    text
}

fn summary(sum: &Summary) -> String {
    let mut text = sent(sum);
    if sum.gaps > 0 {
        let (gaps, length) = (counted(sum.gaps, "gap"), bytes(sum.gap_bytes));
        text += &format!("; the input has {gaps} of {length}");
    }
    if sum.fillers > 0 {
        let fillers = counted(sum.fillers, "filler");
        text += &format!("; {fillers} left out: a ring makes its own");
    }
    if sum.fds > 0 {
        let fds = counted(sum.fds, "descriptor");
        text += &format!("; without {fds} that came with them");
    }
    if sum.torn > 0 {
        text += &format!("; {} of them were torn when they were written", sum.torn);
    }
    if sum.refused > 0 {
        let consumers = counted(sum.refused, "consumer");
        text += &format!("; {consumers} could not join");
    }
    if sum.rounds > 0 {
        text += &format!("; begun again {}", counted(sum.rounds, "time"));
    }
    text
}
