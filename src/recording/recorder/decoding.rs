//! What is in the messages that are recorded, on a channel of its own.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::capture::RecordedMessage;
use crate::decode::{DecodeSpec, Decoded, Decoder, Field};
use crate::observe::model::unreadable;

/// What is written at once is decoded for so long: the messages themselves come first.
const MOST_TIME: Duration = Duration::from_millis(250);

/// Decodes messages on their way to a file.
#[derive(Debug)]
pub(super) struct MessageDecoding {
    decoder: Decoder,
    decoded: Decoded,
    failed: u64,
}

/// What is recorded of one message.
#[derive(Serialize)]
struct Line<'a> {
    offset: u64,
    seq_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    decoded: Option<Field<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decode_error: Option<String>,
}

impl MessageDecoding {
    /// Decodes this way.
    ///
    /// # Errors
    /// When the decoder lacks something.
    pub(super) fn open(spec: &DecodeSpec) -> Result<Self, String> {
        Ok(Self {
            decoder: spec.open()?,
            decoded: Decoded::default(),
            failed: 0,
        })
    }

    /// Messages that could not be decoded.
    pub(super) fn failed(&self) -> u64 {
        self.failed
    }

    /// What is in each of these records that is a message, as JSON, with its time in ns since 1970.
    pub(super) fn of(&mut self, records: &[(u64, &[u8])]) -> Vec<(u64, Vec<u8>)> {
        let deadline = Instant::now() + MOST_TIME;
        let lines = records.iter().filter_map(|(at_ns, record)| {
            let RecordedMessage::Message(raw, integrity) = RecordedMessage::parse(record)? else {
                return None;
            };
            if raw.header.is_filler() {
                return None;
            }
            let unreadable = unreadable(&raw.header, raw.payload.len(), integrity);
            let failure = if let Some(why) = unreadable {
                Some(why.to_owned())
            } else if Instant::now() >= deadline {
                Some("decoding takes too long for this ring".to_owned())
            } else {
                let done = self.decoder.decode(raw.payload, &mut self.decoded);
                done.err().map(|why| why.to_string())
            };
            self.failed += u64::from(failure.is_some());
            let line = Line {
                offset: raw.offset,
                seq_id: raw.header.seq_id,
                decoded: self.decoded.root().filter(|_| failure.is_none()),
                decode_error: failure,
            };
            Some((*at_ns, serde_json::to_vec(&line).ok()?))
        });
        lines.collect()
    }
}
