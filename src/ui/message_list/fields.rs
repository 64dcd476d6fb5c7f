//! What is in payloads: the fields of the selected message, and which of them is looked at.
//!
//! Decodes what is in sight, and keeps it until something else is.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::decode::{DecodeSpec, Decoded, Decoder, line};
use crate::observe::model::{Integrity, StoredMessage};

/// Lines of messages that are kept.
const KEPT: usize = 1000;
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

    /// How payloads are decoded.
    pub(super) fn spec(&self) -> Option<&DecodeSpec> {
        self.spec.as_ref().filter(|_| self.is_on())
    }

    /// Whether payloads are decoded.
    pub(crate) fn is_on(&self) -> bool {
        self.decoder.is_some()
    }

    /// Takes in which message is selected.
    pub(super) fn look(&mut self, message: Option<&StoredMessage<'_>>) {
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

    /// What is in a message, in one line; `None` where payloads are not decoded.
    pub(crate) fn line(&self, message: &StoredMessage<'_>) -> Option<Line> {
        let decoder = self.decoder.as_ref()?;
        let mut lines = self.lines.borrow_mut();
        if let Some((offset, known)) = lines.get(&message.row)
            && *offset == message.offset
        {
            return Some(known.clone());
        }
        let mut decoded = Decoded::default();
        let found = match undecodable(message) {
            Some(why) => Err(why),
            None => {
                let done = decoder.borrow_mut().decode(message.payload, &mut decoded);
                done.map(|()| line(&decoded).chars().take(LONGEST_LINE).collect())
                    .map_err(|why| why.to_string())
            }
        };
        if lines.len() >= KEPT {
            lines.pop_first();
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
    if message.integrity == Integrity::Torn {
        Some("it is torn".to_owned())
    } else if message.is_cut() {
        Some("not all of it was kept".to_owned())
    } else {
        None
    }
}
