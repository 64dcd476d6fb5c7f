//! What `tail` does with what is in payloads: conditions on it, and what of it is written.

use crate::cli::DecodeArgs;
use crate::decode::{Condition, Decoded, Decoder, TimeField};
use crate::observe::messages::{AgeTally, Sighted};
use crate::observe::model::{Integrity, unreadable};
use crate::output::tail::{self, Age};
use crate::ring::RawMessage;
use crate::stderr::warn;
use crate::text::{counted, escape};

/// A decoder, and what came of the last message.
pub(super) struct Decoding {
    decoder: Decoder,
    conditions: Vec<Condition>,
    columns: Vec<Vec<String>>,
    time_field: Option<TimeField>,
    ages: AgeTally,
    decoded: Decoded,
    failure: Option<String>,
    /// Offset, sequence id and payload bytes of that message.
    of: Option<(u64, u64, usize)>,
    failed: u64,
    /// Values that were asked for by name and that no message had yet.
    unmet: Vec<Vec<String>>,
    decoded_messages: u64,
}

impl Decoding {
    /// What `options` ask for, if they do.
    ///
    /// # Errors
    /// When the decoder lacks something.
    pub(super) fn of(options: &DecodeArgs) -> Result<Option<Self>, String> {
        let Some(spec) = &options.decode else {
            return Ok(None);
        };
        let decoder = spec.open().map_err(|why| format!("--decode: {why}"))?;
        let columns = options.columns.as_deref().unwrap_or_default();
        let conditions = options.conditions.as_deref().unwrap_or_default();
        let named = conditions.iter().map(|condition| condition.path().to_vec());
        Ok(Some(Self {
            unmet: columns.iter().cloned().chain(named).collect(),
            decoded_messages: 0,
            decoder,
            conditions: conditions.to_vec(),
            columns: columns.to_vec(),
            time_field: options.time_field.clone(),
            ages: AgeTally::default(),
            decoded: Decoded::default(),
            failure: None,
            of: None,
            failed: 0,
        }))
    }

    /// Writes the names of the columns.
    pub(super) fn head(&self, out: &mut Vec<u8>) {
        if !self.columns.is_empty() {
            let names = self.columns.iter();
            let names: Vec<String> = names
                .map(|names| escape(&names.join(".")).into_owned())
                .chain(self.time_field.iter().map(|_| "age_ns".to_owned()))
                .collect();
            out.extend_from_slice(names.join("\t").as_bytes());
            out.push(b'\n');
        }
    }

    /// Whether some messages are not wanted for what is in them.
    pub(super) fn filters(&self) -> bool {
        !self.conditions.is_empty()
    }

    /// Whether it is told how old messages are.
    pub(super) fn tells_ages(&self) -> bool {
        self.time_field.is_some()
    }

    /// Offsets begin anew.
    pub(super) fn forget(&mut self) {
        self.of = None;
    }

    /// Whether a message meets all conditions: none that cannot be decoded does.
    pub(super) fn wants(&mut self, message: &RawMessage<'_>, integrity: Integrity) -> bool {
        if self.conditions.is_empty() {
            return true;
        }
        self.of = None;
        self.decode(message, integrity);
        let holds = |condition: &Condition| condition.holds(&self.decoded);
        self.failure.is_none() && self.conditions.iter().all(holds)
    }

    /// How old a message was when it was first seen to be committed, ns, if that is to be told.
    pub(super) fn age(
        &mut self,
        message: &RawMessage<'_>,
        integrity: Integrity,
        sighted: Sighted,
    ) -> Option<Age> {
        self.decode(message, integrity);
        let field = self.time_field.as_ref()?;
        if message.header.is_filler() {
            return Some(Age::Unknown);
        }
        let made_ns = match &self.failure {
            Some(why) => Err(why.clone()),
            None => field.of(&self.decoded),
        };
        let age = made_ns.as_ref().ok();
        let age = age.and_then(|made_ns| sighted.age_ns(*made_ns));
        // Of one that was there before nothing can be told, whatever it says.
        if sighted.age_ns(0).is_some() {
            self.ages.note(sighted, made_ns);
        }
        let less = u64::from(sighted.uncertainty_us) * 1000;
        Some(age.map_or(Age::Unknown, |(_, high)| Age::Known(high, less)))
    }

    /// What is in a message.
    pub(super) fn of_message(
        &mut self,
        message: &RawMessage<'_>,
        integrity: Integrity,
    ) -> tail::Decoding<'_> {
        self.decode(message, integrity);
        let has_failed = self.failure.is_some() && !message.header.is_filler();
        self.failed += u64::from(has_failed);
        match &self.failure {
            Some(why) => tail::Decoding::Failed(why),
            None if self.columns.is_empty() => tail::Decoding::Done(&self.decoded),
            None => tail::Decoding::Columns(&self.decoded, &self.columns),
        }
    }

    fn decode(&mut self, message: &RawMessage<'_>, integrity: Integrity) {
        let of = (message.offset, message.header.seq_id, message.payload.len());
        if self.of == Some(of) {
            return;
        }
        self.of = Some(of);
        let (header, payload) = (&message.header, message.payload);
        self.failure = match unreadable(header, payload.len(), integrity) {
            Some(why) => Some(why.to_owned()),
            None => {
                let done = self.decoder.decode(payload, &mut self.decoded);
                done.err().map(|error| error.to_string())
            }
        };
        if self.failure.is_none() {
            self.decoded_messages += 1;
            self.unmet.retain(|path| self.decoded.find(path).is_none());
        }
    }

    /// Says what could not be decoded, and how old messages were.
    pub(super) fn summary(&self) {
        for path in self.unmet.iter().filter(|_| self.decoded_messages > 0) {
            let messages = counted(self.decoded_messages, "message");
            let name = escape(&path.join(".")).into_owned();
            warn(&format!("none of {messages} had a value .{name}"));
        }
        if self.time_field.is_some() {
            let ages = self.ages.distribution().words();
            warn(&format!("age when committed: {ages}"));
            if let Some(limit) = self.ages.limit() {
                warn(&escape(&limit.to_string()));
            }
        }
        if self.failed > 0 {
            let messages = counted(self.failed, "message");
            warn(&format!("{messages} could not be decoded"));
        }
        let restarts = self.decoder.restarts();
        if restarts > 0 {
            let times = counted(restarts, "time");
            warn(&format!(
                "the command that decodes was started again {times}"
            ));
        }
    }
}
