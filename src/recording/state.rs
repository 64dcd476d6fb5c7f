//! A ring at one instant, as it is recorded.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observe::model::{RingSnapshot, Unseen};
use crate::text::escape;

/// What is written of a ring at one instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RecordedState {
    /// Wall clock at the sample, RFC 3339, UTC.
    pub captured_at: String,
    /// Time between the two samples that rates come from, ns; null with a single sample.
    pub interval_ns: Option<u64>,
    /// The ring.
    #[serde(flatten)]
    pub ring: RingSnapshot,
}

/// What is not the ring's own: read apart, as both together take twice the time.
#[derive(Deserialize)]
struct Sampling {
    captured_at: String,
    interval_ns: Option<u64>,
}

impl RecordedState {
    /// A ring that was sampled now.
    #[must_use]
    pub fn now(ring: RingSnapshot, interval_ns: Option<u64>) -> Self {
        Self {
            captured_at: Timestamp::now().to_string(),
            interval_ns,
            ring,
        }
    }

    /// As it is written.
    ///
    /// # Errors
    /// None that is known of: the types are plain.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// What was written.
    ///
    /// # Errors
    /// When it is no state that this version understands.
    pub fn parse(json: &[u8]) -> serde_json::Result<Self> {
        let Sampling {
            captured_at,
            interval_ns,
        } = serde_json::from_slice(json)?;
        let captured_at = escape(&captured_at).into_owned();
        let mut ring = serde_json::from_slice(json)?;
        make_safe(&mut ring);
        Ok(Self {
            captured_at,
            interval_ns,
            ring,
        })
    }
}

/// Words that are shown as they are have been made safe where they were made; a file may say anything.
fn make_safe(ring: &mut RingSnapshot) {
    let mut all = vec![&mut ring.id, &mut ring.reason];
    all.extend(&mut ring.producer.started_at);
    all.extend(&mut ring.producer.user);
    if let Some(joined) = &mut ring.attach.joined {
        all.extend(&mut joined.earlier);
    }
    for limit in &mut ring.attach.limits {
        all.push(&mut limit.why);
        all.extend(&mut limit.remedy);
        if let Unseen::Other(what) = &mut limit.what {
            all.push(what);
        }
    }
    for consumer in &mut ring.consumers {
        all.push(&mut consumer.reason);
        all.extend(&mut consumer.joined_at);
        all.extend(&mut consumer.user);
    }
    all.extend(ring.findings.iter_mut().map(|one| &mut one.message));
    for event in &mut ring.events {
        all.extend([&mut event.message, &mut event.at]);
    }
    for words in all {
        if let Cow::Owned(safe) = escape(words) {
            *words = safe;
        }
    }
    for finding in &mut ring.findings {
        if let Cow::Owned(safe) = escape(&finding.code) {
            finding.code = safe.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::fixtures::{consumer, ring};
    use crate::observe::model::{Finding, Limitation, Severity};

    #[test]
    fn what_was_written_is_read_back() {
        let state = RecordedState::now(ring(vec![consumer(5)]), Some(7));
        let json = state.to_json().expect("plain data");
        assert_eq!(RecordedState::parse(&json).expect("a state"), state);
        let mut gone = state;
        gone.ring.control.truncated = true;
        let json = gone.to_json().expect("plain data");
        let read = RecordedState::parse(&json).expect("a state");
        assert!(read.ring.control.truncated && read.ring.control.head().is_none());
    }

    #[test]
    fn what_a_file_says_is_made_safe() {
        let bad = || "\x1b]52;c;x\x07\u{202e}".to_owned();
        let mut seen = ring(vec![consumer(5)]);
        (seen.id, seen.reason) = (bad(), bad());
        seen.producer.started_at = Some(bad());
        seen.attach.limits = vec![Limitation::new(bad(), bad()).with_remedy(bad())];
        seen.consumers[0].reason = bad();
        seen.consumers[0].joined_at = Some(bad());
        seen.findings = vec![Finding {
            code: bad().into(),
            severity: Severity::Info,
            message: bad(),
            slot: None,
            pid: None,
        }];
        let mut state = RecordedState::now(seen, None);
        state.captured_at = bad();
        let json = state.to_json().expect("plain data");
        let read = RecordedState::parse(&json).expect("a state");
        let unsafe_words = format!("{read:?}");
        // Names of processes are escaped where they are shown; there is none here.
        assert!(
            !unsafe_words.contains("\\u{1b}") && !unsafe_words.contains("\\u{7}"),
            "{unsafe_words}"
        );
        assert_eq!(read.ring.id, "\\x1b]52;c;x\\x07\\u{202e}");
    }
}
