//! What parent and children say to each other: a JSON object a line, on the child's standard input and output.

use std::io::{self, BufRead as _, BufReader, Stdin, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::plan::Task;
use crate::observe::model::Delivery;

/// What a child is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// What it does. The first.
    Task(Task),
    /// All are there: the schedule starts at this time of `CLOCK_MONOTONIC`.
    Start(u64),
    /// So many messages were sent, and there will be no more.
    Sent(u64),
}

/// What a child says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// Its ring can be joined.
    Listening,
    /// It is in its rings, and so are those who have to be in its own.
    Ready,
    /// It has done its task. The last.
    Done(ChildReport),
}

/// What a child has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChildReport {
    /// Unless it sends nothing.
    pub(super) sent: Option<Sent>,
    /// Unless it receives nothing.
    pub(super) received: Option<Received>,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sent {
    /// Messages, warm-up included. What follows is without.
    pub(super) total: u64,
    pub(super) counted: u64,
    /// Found the ring full at first.
    pub(super) blocked: u64,
    pub(super) blocked_ns: u64,
    /// Sent when the next one was due already.
    pub(super) late: u64,
    pub(super) latest_ns: u64,
    /// Due, and not sent in time.
    pub(super) unsent: u64,
}

/// What was received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Received {
    /// Messages, warm-up not included.
    pub(super) counted: u64,
    /// From the end of the warm-up to the last of them.
    pub(super) elapsed_ns: u64,
    /// Latencies and how often each was found; none where nothing was due at a time.
    pub(super) latencies: Vec<(u64, u64)>,
    pub(super) delivery: Delivery,
}

/// A line for the other side, newline included.
pub(super) fn line(word: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(word)? + "\n")
}

/// What a child says in a line; `None` if it is none of its words.
pub(super) fn word(line: &str) -> Option<Word> {
    serde_json::from_str(line).ok()
}

/// Says something to the parent.
///
/// # Errors
/// The parent has gone.
pub(super) fn say(word: &Word) -> anyhow::Result<()> {
    let mut out = io::stdout();
    out.write_all(line(word)?.as_bytes())?;
    Ok(out.flush()?)
}

/// The orders of a child.
#[derive(Debug)]
pub(super) struct Orders(BufReader<Stdin>);

impl Orders {
    /// Those on standard input.
    pub(super) fn listen() -> Self {
        Self(BufReader::new(io::stdin()))
    }

    fn next(&mut self) -> anyhow::Result<Order> {
        let mut line = String::new();
        self.0.read_line(&mut line).context("standard input")?;
        serde_json::from_str(&line)
            .with_context(|| format!("`{}` is no order", crate::text::escape(line.trim_end())))
    }

    /// The task, which comes first.
    ///
    /// # Errors
    /// Something else comes.
    pub(super) fn task(&mut self) -> anyhow::Result<Task> {
        match self.next()? {
            Order::Task(task) => Ok(task),
            other => bail!("{other:?} is no task"),
        }
    }

    /// When to start.
    ///
    /// # Errors
    /// Something else comes.
    pub(super) fn start(&mut self) -> anyhow::Result<u64> {
        match self.next()? {
            Order::Start(at) => Ok(at),
            other => bail!("{other:?} is no time to start"),
        }
    }

    /// Listens for the number of messages that were sent, while this thread receives them.
    pub(super) fn total(mut self) -> io::Result<Total> {
        let total = Total(Arc::new(AtomicU64::new(Total::UNKNOWN)));
        let told = total.clone();
        std::thread::Builder::new()
            .name("orders".into())
            .spawn(move || {
                if let Ok(Order::Sent(total)) = self.next() {
                    // The messages were committed before it was said: whoever sees this number sees them, as the parent's pipes
                    // order both. Release: pairs with the load in `get`.
                    told.0.store(total, Ordering::Release);
                }
            })?;
        Ok(total)
    }

    /// Waits until the parent has no more to say: a ring ends with its producer.
    pub(super) fn rest(mut self) {
        // Until the end, or an error, which is one, too.
        let _ = io::copy(&mut self.0, &mut io::sink());
    }
}

/// How many messages were sent, once that is known.
#[derive(Clone, Debug)]
pub(super) struct Total(Arc<AtomicU64>);

impl Total {
    const UNKNOWN: u64 = u64::MAX;

    /// The number, if it is known by now.
    #[inline]
    pub(super) fn get(&self) -> Option<u64> {
        // Acquire: pairs with the store in `Orders::total`.
        let total = self.0.load(Ordering::Acquire);
        (total != Self::UNKNOWN).then_some(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_arrives_as_it_was_said() {
        let report = ChildReport {
            sent: Some(Sent {
                total: 7,
                counted: 6,
                ..Sent::default()
            }),
            received: Some(Received {
                counted: 6,
                latencies: vec![(100, 5), (u64::MAX - 1, 1)],
                ..Received::default()
            }),
        };
        for said in [
            Word::Listening,
            Word::Ready,
            Word::Done(report),
            Word::Done(ChildReport::default()),
        ] {
            let line = line(&said).expect("it can be said");
            assert!(line.ends_with('\n') && line.lines().count() == 1, "{line}");
            assert_eq!(word(&line), Some(said), "{line}");
        }
    }

    #[test]
    fn what_is_no_word_is_none() {
        let whole = line(&Word::Done(ChildReport {
            sent: Some(Sent::default()),
            received: None,
        }))
        .expect("it can be said");
        assert!(word(&whole).is_some());
        let garbage = [
            "",
            "\n",
            "ready",
            "{}",
            "null",
            "\"gone\"",
            "{\"done\":{}",
            "{\"done\":7}",
            "{\"done\":{\"sent\":{\"total\":-1}}}",
            "{\"done\":{\"received\":{\"counted\":1}}}",
            "\u{1b}[2J\0",
            &whole[..whole.len() / 2],
        ];
        for line in garbage {
            assert_eq!(word(line), None, "{line:?}");
        }
    }
}
