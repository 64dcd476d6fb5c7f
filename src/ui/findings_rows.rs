//! What the rows of the findings' pane are on, for a selection that stays when rows come and go.
//!
//! Knows nothing of what they say.

use crate::observe::model::Frame;

/// What a row of the findings' pane is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FindingsRow {
    /// A finding or a limit, by its place: they come and go with what they are about.
    Standing(usize),
    /// An event, by its number: new ones come before it.
    Event(u64),
}

/// The rows of the findings' pane: those in which every word of `filter` is found.
pub(super) fn findings_rows(frame: &Frame, filter: &str) -> Vec<FindingsRow> {
    let ring = &frame.snapshot;
    let standing = ring.findings.len() + ring.attach.limits.len();
    let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
    let passes = |text: &str| {
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    let stands = |row: usize| match ring.findings.get(row) {
        Some(finding) => format!("{} {}", finding.severity.word(), finding.message),
        None => format!("limit {}", ring.attach.limits[row - ring.findings.len()]),
    };
    let standing = (0..standing)
        .filter(|row| words.is_empty() || passes(&stands(*row)))
        .map(FindingsRow::Standing);
    let newest = frame.events.newest();
    let events = (0..frame.events.len()).filter(|newer| {
        words.is_empty()
            || frame.events.back(*newer).is_some_and(|event| {
                let command = event.command.as_deref().unwrap_or_default();
                let (kind, severity) = (event.kind.word(), event.severity.word());
                passes(&format!("{severity} {kind} {command} {}", event.message))
            })
    });
    let events = events.map(|newer| FindingsRow::Event(newest - newer as u64));
    standing.chain(events).collect()
}
