//! A ring at one instant, as it is recorded.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observe::model::RingSnapshot;
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
    let words = [&mut ring.id, &mut ring.reason];
    let consumers = ring.consumers.iter_mut().map(|one| &mut one.reason);
    let findings = ring.findings.iter_mut().map(|one| &mut one.message);
    let events = ring.events.iter_mut().map(|one| &mut one.message);
    let limits = ring.attach.limits.iter_mut();
    let limits = limits.flat_map(|one| {
        [Some(&mut one.why), one.remedy.as_mut()]
            .into_iter()
            .flatten()
    });
    let all = words.into_iter().chain(consumers).chain(findings);
    for words in all.chain(events).chain(limits) {
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
    use schemars::generate::SchemaSettings;

    use super::*;
    use crate::observe::model::Event;
    use crate::observe::model::fixtures::{consumer, ring};

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

    /// `ZBQTOP_BLESS=1 cargo test schemas` writes them anew.
    #[test]
    fn schemas_of_channels_in_assets_are_those_of_the_types() {
        let written = || SchemaSettings::default().for_serialize().into_generator();
        for (name, schema) in [
            ("state", written().into_root_schema_for::<RecordedState>()),
            ("event", written().into_root_schema_for::<Event>()),
        ] {
            let path = format!("{}/assets/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            let made = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
            if std::env::var_os("ZBQTOP_BLESS").is_some() {
                std::fs::write(&path, &made).expect("assets/ can be written");
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                kept == made,
                "{path} is not what the types say; run: ZBQTOP_BLESS=1 cargo test schemas"
            );
        }
    }
}
