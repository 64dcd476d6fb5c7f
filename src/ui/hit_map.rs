//! What stands where on the screen that was drawn last, for the pointer.
//!
//! Panels say it while they draw, so that what is clicked is what was seen: rows are known by what they are on, and may
//! have moved since.

use ratatui::layout::{Position, Rect};

use super::action::{Action, Pane};
use super::consumer_field::ConsumerField;
use super::findings_rows::FindingsRow;
use super::prompt::Edit;
use super::ring_field::RingField;

/// What can be pointed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// What stands alone in front: the help, a list, details.
    Front,
    /// A pane of the ring's screen, where it has no row.
    Pane(Pane),
    /// A ring in the list, by its id.
    Ring(String),
    /// The title of a column of the list of rings.
    RingTitle(RingField),
    /// The title of a column of the consumers' table.
    Title(ConsumerField),
    /// A consumer in the table, by its `meta_inode`.
    Consumer(u64),
    /// A finding, a limit or an event.
    Finding(FindingsRow),
    /// A key in the footer.
    Key(Action),
    /// A key of the prompt.
    Edit(Edit),
    /// A message or a gap in the list, by the number of its row.
    Message(u64),
}

impl Spot {
    /// The pane it is in.
    pub(crate) fn pane(&self) -> Option<Pane> {
        match self {
            Self::Front | Self::Ring(_) | Self::RingTitle(_) | Self::Key(_) | Self::Edit(_) => None,
            Self::Pane(pane) => Some(*pane),
            Self::Title(_) | Self::Consumer(_) => Some(Pane::Consumers),
            Self::Finding(_) => Some(Pane::Findings),
            Self::Message(_) => Some(Pane::Messages),
        }
    }
}

/// A list that has more rows than room at times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Rings,
    Consumers,
    Findings,
    Messages,
}

/// All spots of a screen, and which row of each list came first.
#[derive(Debug, Default)]
pub(crate) struct HitMap {
    spots: Vec<(Rect, Spot)>,
    tops: Vec<(List, usize)>,
}

impl HitMap {
    /// `spot` covers `area` from now on.
    pub(super) fn put(&mut self, area: Rect, spot: Spot) {
        self.spots.push((area, spot));
    }

    /// `row` is the first of `list` that is shown.
    pub(super) fn begin(&mut self, list: List, row: usize) {
        self.tops.push((list, row));
    }

    /// The first row of every list that is shown.
    pub(crate) fn tops(&self) -> &[(List, usize)] {
        &self.tops
    }

    /// Nothing that was put before can be pointed at any more.
    pub(super) fn clear(&mut self) {
        self.spots.clear();
    }

    /// What stands in that cell.
    pub(crate) fn at(&self, column: u16, row: u16) -> Option<&Spot> {
        let position = Position::new(column, row);
        let mut spots = self.spots.iter().rev();
        spots
            .find(|(area, _)| area.contains(position))
            .map(|(_, spot)| spot)
    }
}
