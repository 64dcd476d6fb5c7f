//! Reads the input in a thread of its own: who waits for it lets consumers in meanwhile, and can be told to end.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::input::{Input, Item};
use crate::cli::PublishArgs;

/// Messages that are read before they are sent.
const AHEAD: usize = 64;

/// What comes out of the input.
pub(super) enum Next {
    /// A message or a gap.
    Item(Item),
    /// The file begins again.
    Again,
    /// It is at its end; what could not be taken over, in words.
    End(Vec<String>),
    /// Nothing has come yet.
    Nothing,
}

/// An input that is being read.
pub(super) struct Source(Receiver<anyhow::Result<Next>>);

impl Source {
    /// Reads what `options` name.
    ///
    /// # Errors
    /// When it cannot be opened, or no thread can be had.
    pub(super) fn open(options: &PublishArgs) -> anyhow::Result<Self> {
        let options = options.clone();
        let input = open_input(&options)?;
        let (sender, receiver) = sync_channel(AHEAD);
        std::thread::Builder::new()
            .name("input".into())
            .spawn(move || {
                // Nobody may take it any more.
                let _ = read(input, &options, &sender);
            })?;
        Ok(Self(receiver))
    }

    /// What comes next, if it comes within that time.
    ///
    /// # Errors
    /// When the input cannot be read, or is not what it should be.
    pub(super) fn next(&self, patience: Duration) -> anyhow::Result<Next> {
        match self.0.recv_timeout(patience) {
            Ok(next) => next,
            Err(RecvTimeoutError::Timeout) => Ok(Next::Nothing),
            Err(RecvTimeoutError::Disconnected) => {
                Err(io::Error::other("the input is not read any more").into())
            }
        }
    }
}

fn open_input(options: &PublishArgs) -> anyhow::Result<Input> {
    Input::open(&options.file, options.input, options.ring, options.capacity)
}

/// Hands on all that comes, until the end or until nobody takes it.
fn read(
    mut input: Input,
    options: &PublishArgs,
    out: &SyncSender<anyhow::Result<Next>>,
) -> Option<()> {
    let mut is_empty = true;
    loop {
        match input.next() {
            Ok(Some(item)) => {
                is_empty = false;
                out.send(Ok(Next::Item(item))).ok()?;
            }
            Ok(None) if options.repeats && !is_empty => {
                match open_input(options) {
                    Ok(again) => input = again,
                    Err(error) => return out.send(Err(error)).ok(),
                }
                out.send(Ok(Next::Again)).ok()?;
            }
            Ok(None) => return out.send(Ok(Next::End(input.notes()))).ok(),
            Err(error) => return out.send(Err(error)).ok(),
        }
    }
}
