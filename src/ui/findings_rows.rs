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

/// The rows of the findings' pane.
pub(super) fn findings_rows(
    frame: &Frame,
) -> impl ExactSizeIterator<Item = FindingsRow> + Clone + use<> {
    let standing = frame.snapshot.findings.len() + frame.snapshot.attach.limits.len();
    let newest = frame.events.newest();
    (0..standing + frame.events.len()).map(move |row| match row.checked_sub(standing) {
        None => FindingsRow::Standing(row),
        Some(newer) => FindingsRow::Event(newest - newer as u64),
    })
}
