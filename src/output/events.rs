//! Events, a line each: in words or as JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::safe_json;
use crate::observe::model::{Event, Severity};
use crate::text::escape;

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventStyle {
    /// As JSON.
    pub json: bool,
    /// With a priority in front, as the journal and syslog have them (sd-daemon(3)).
    pub priorities: bool,
}

/// An event, and the ring that it happened to.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RingEvent<'a> {
    /// Id of the ring.
    pub ring: &'a str,
    /// The producer's name (`comm`), unescaped.
    pub producer: Option<&'a str>,
    /// What happened.
    #[serde(flatten)]
    pub event: &'a Event,
}

impl RingEvent<'_> {
    /// Writes a line.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write, style: EventStyle) -> io::Result<()> {
        let event = self.event;
        if style.priorities {
            write!(out, "<{}>", priority(event.severity))?;
        }
        if style.json {
            safe_json::compact(&mut *out, self)?;
            return out.write_all(b"\n");
        }
        let producer = self.producer.map(escape).unwrap_or_default();
        writeln!(
            out,
            "{} {:8} {} {producer} {}: {}",
            escape(&event.at),
            event.severity.word(),
            escape(self.ring),
            event.kind.word(),
            event.message
        )
    }

    /// As JSON, in one line without its end.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::new();
        // Writing to memory cannot fail, and plain data can be written.
        let _ = safe_json::compact(&mut json, self);
        json
    }
}

/// The priority of syslog.
fn priority(severity: Severity) -> u8 {
    match severity {
        Severity::Critical => 2,
        Severity::Warning => 4,
        Severity::Info => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::EventKind;

    #[test]
    fn a_line_is_words_or_json_and_says_its_priority_if_asked() {
        let event = Event {
            kind: EventKind::ProducerGone,
            severity: Severity::Critical,
            at: "2026-11-26T10:00:00Z".into(),
            monotonic_ns: 7,
            slot: None,
            pid: Some(8),
            command: Some("a\u{1b}".into()),
            message: "it has ended".into(),
        };
        let line = RingEvent {
            ring: "7/3",
            producer: Some("quo\ntes"),
            event: &event,
        };
        let written = |json, priorities| {
            let mut out = Vec::new();
            line.write(&mut out, EventStyle { json, priorities })
                .expect("memory");
            String::from_utf8(out).expect("text")
        };
        let words = "2026-11-26T10:00:00Z critical 7/3 quo\\ntes producer gone: it has ended\n";
        assert_eq!(written(false, false), words);
        assert_eq!(written(false, true), format!("<2>{words}"));
        let json = r#"{"ring":"7/3","producer":"quo\ntes","kind":"producer_gone","severity":"critical","at":"2026-11-26T10:00:00Z","monotonic_ns":7,"slot":null,"pid":8,"command":"a\u001b","message":"it has ended"}"#;
        assert_eq!(written(true, false), format!("{json}\n"));
        assert_eq!(line.to_json(), json.as_bytes());
    }
}
