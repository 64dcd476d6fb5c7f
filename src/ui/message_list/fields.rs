//! What is in payloads: the fields of the selected message, and which of them is looked at.
//!
//! Decodes what is in sight, and keeps it until something else is.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::decode::{DecodeError, DecodeSpec, Decoded, Decoder, line};
use crate::observe::model::{StoredMessage, unreadable};
use crate::text::bytes;

/// Lines of messages that are kept.
const KEPT: usize = 1000;
/// All lines of a screen take no longer, but for the last of them.
const MOST_TIME: Duration = Duration::from_millis(50);
/// Characters of one: no screen is wider.
const LONGEST_LINE: usize = 1000;

/// What is in the payloads of one ring.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// None: payloads are not decoded.
    decoder: Option<RefCell<Decoder>>,
    spec: Option<DecodeSpec>,
    /// What is in the selected message, ...
    decoded: Decoded,
    /// ... or why that is not known.
    failure: Option<String>,
    /// Its row and its offset.
    of: Option<(u64, u64)>,
    /// The field that the user went to.
    chosen: Option<usize>,
    /// Time that lines have taken since a key or a sample came.
    spent: Cell<Duration>,
    /// By row: offset, and what is in it, in one line.
    lines: RefCell<BTreeMap<u64, (u64, Line)>>,
}

/// What is in a message, or why that is not known.
type Line = Result<String, String>;

impl Fields {
    /// Decodes this way from now on.
    ///
    /// # Errors
    /// When the decoder lacks something.
    pub(super) fn decode_by(&mut self, spec: Option<&DecodeSpec>) -> Result<(), String> {
        if self.spec.as_ref() == spec {
            return Ok(());
        }
        *self = Self {
            spec: spec.cloned(),
            ..Self::default()
        };
        self.decoder = spec
            .map(DecodeSpec::open_hurried)
            .transpose()?
            .map(RefCell::new);
        Ok(())
    }

    /// One that decodes as payloads are decoded, if they are.
    pub(super) fn decoder(&self) -> Option<Decoder> {
        let decoder = self.decoder.as_ref()?;
        Some(decoder.borrow().another())
    }

    /// Whether payloads are decoded.
    pub(crate) fn is_on(&self) -> bool {
        self.decoder.is_some()
    }

    /// Takes in which message is selected.
    pub(super) fn look(&mut self, message: Option<&StoredMessage<'_>>) {
        self.spent.set(Duration::ZERO);
        let Some(decoder) = &mut self.decoder else {
            return;
        };
        let of = message.map(|message| (message.row, message.offset));
        if self.of == of {
            return;
        }
        self.of = of;
        self.chosen = None;
        self.decoded.clear();
        self.failure = message.and_then(|message| {
            undecodable(message).or_else(|| {
                let done = decoder
                    .get_mut()
                    .decode_with_places(message.payload, &mut self.decoded);
                done.err().map(|why| why.to_string())
            })
        });
        if self.failure.is_some() {
            self.decoded.clear();
        }
    }

    /// What is in the selected message, or why that is not known.
    pub(crate) fn decoded(&self) -> Result<&Decoded, &str> {
        match &self.failure {
            Some(why) => Err(why),
            None => Ok(&self.decoded),
        }
    }

    /// Rows are of another log from now on.
    pub(super) fn forget(&mut self) {
        self.of = None;
        self.chosen = None;
        self.decoded.clear();
        self.failure = None;
        self.lines.borrow_mut().clear();
    }

    /// What is in a message, in one line; `None` where payloads are not decoded.
    pub(crate) fn line(&self, message: &StoredMessage<'_>) -> Option<Line> {
        let decoder = self.decoder.as_ref()?;
        let mut lines = self.lines.borrow_mut();
        if let Some((offset, known)) = lines.get(&message.row)
            && *offset == message.offset
        {
            return Some(known.clone());
        }
        if let Some(why) = undecodable(message) {
            return Some(Err(why));
        }
        if self.spent.get() > MOST_TIME {
            return Some(Err("decoding takes long; it is tried again".to_owned()));
        }
        let begun = Instant::now();
        let mut decoded = Decoded::default();
        let done = decoder.borrow_mut().decode(message.payload, &mut decoded);
        self.spent.set(self.spent.get() + begun.elapsed());
        let found = match done {
            Ok(()) => Ok(line(&decoded).chars().take(LONGEST_LINE).collect()),
            // The next time it may be there again.
            Err(why @ DecodeError::Command(_)) => return Some(Err(why.to_string())),
            Err(why) => Err(why.to_string()),
        };
        if lines.len() >= KEPT {
            // Of the two ends the one that is further away.
            let (first, last) = (lines.keys().next(), lines.keys().next_back());
            let (first, last) = (first.copied().unwrap_or(0), last.copied().unwrap_or(0));
            if message.row.abs_diff(first) >= message.row.abs_diff(last) {
                lines.pop_first();
            } else {
                lines.pop_last();
            }
        }
        lines.insert(message.row, (message.offset, found.clone()));
        Some(found)
    }

    /// The field that is looked at: the one that the user went to, or the innermost that has this byte.
    pub(crate) fn at(&self, byte: usize) -> Option<usize> {
        self.chosen.or_else(|| {
            let all = (0..self.decoded.len()).filter_map(|number| self.decoded.field(number));
            all.filter(|field| field.bytes().contains(&byte))
                .min_by_key(|field| (field.bytes().len(), std::cmp::Reverse(field.number())))
                .map(|field| field.number())
        })
    }

    /// The bytes of the field that is looked at.
    pub(crate) fn bytes(&self, byte: usize) -> Range<usize> {
        let field = self.at(byte).and_then(|number| self.decoded.field(number));
        field.map_or(0..0, |field| field.bytes())
    }

    /// Goes to the next field, or the one before. Returns where its bytes begin, if they are anywhere.
    pub(super) fn step(&mut self, forward: bool, byte: usize) -> Option<usize> {
        let last = self.decoded.len().checked_sub(1)?;
        let next = match (self.at(byte), forward) {
            (None, _) => 0,
            (Some(number), true) => (number + 1).min(last),
            (Some(number), false) => number.saturating_sub(1),
        };
        self.chosen = Some(next);
        let bytes = self.decoded.field(next)?.bytes();
        (!bytes.is_empty()).then_some(bytes.start)
    }

    /// The user went to a byte.
    pub(super) fn follow_bytes(&mut self) {
        self.chosen = None;
    }
}

/// Why a message is not even tried.
fn undecodable(message: &StoredMessage<'_>) -> Option<String> {
    if message.is_cut() {
        let kept = bytes(message.payload.len() as u64);
        return Some(format!(
            "it is long, and only its first {kept} are kept here; `tail --decode` reads it whole"
        ));
    }
    let why = unreadable(&message.header, message.payload.len(), message.integrity);
    why.map(str::to_owned)
}
