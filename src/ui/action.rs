//! What can be asked of the dashboard, and where on it.
//!
//! Only names: the key table says which key asks for what, and [`super::app`] what it does.

use super::clipboard::Clip;
use crate::observe::model::{Message, SourceAction};

/// What a key asks for; the key table says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Quit,
    Help,
    NextPane,
    PreviousPane,
    Pane(Pane),
    Up,
    Down,
    PageUp,
    PageDown,
    HalfUp,
    HalfDown,
    First,
    Last,
    Live,
    Freeze,
    NextSample,
    PreviousSample,
    NextEvent,
    PreviousEvent,
    PlayFaster,
    PlaySlower,
    GoTo,
    Dump,
    Record,
    Faster,
    Slower,
    ShorterTime,
    LongerTime,
    Sort,
    SortBack,
    Reverse,
    Filter,
    Only,
    Next,
    Previous,
    Follow,
    Zoom,
    Left,
    Right,
    Save,
    SaveAll,
    Copy,
    Open,
    List,
    Back,
    Redraw,
    Suspend,
}

/// What the loop has to do because of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// End.
    Quit,
    /// Stop the process for a while.
    Suspend,
    /// Draw everything again, whatever is on the screen.
    Redraw,
    /// Look for rings now.
    Look,
    /// Go over to this ring.
    Attach(String),
    /// Write the message's payload to a file.
    Save(Box<Message>),
    /// Write the listed messages into the file of that name.
    Export(String),
    /// Search the ring for what is looked for now, or for nothing any more.
    Search,
    /// Read the messages around the one at this offset.
    Around(u64),
    /// Have the source do something.
    Act(SourceAction),
    /// Put it into the terminal's clipboard.
    Copy(Clip),
}

/// What fills the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    /// No ring yet.
    Waiting,
    /// The list of rings.
    Rings,
    /// One ring.
    Ring,
}

/// What is in front and takes the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrontView {
    /// No ring yet.
    Waiting,
    /// The list of rings.
    Rings,
    /// The panes of a ring.
    Ring,
    /// One consumer in full.
    Details,
    /// One message in full.
    Message,
}

/// Where keys have a meaning of their own, which the footer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FooterPlace {
    /// No ring yet.
    Waiting,
    /// The list of rings.
    Rings,
    /// One consumer in full.
    Details,
    /// One message in full.
    Message,
    /// A pane of the ring's screen.
    Pane(Pane),
}

/// A part of the ring's screen that takes keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Pane {
    /// The table of consumers.
    Consumers,
    /// Findings, limits and events.
    Findings,
    /// The newest messages.
    Messages,
    /// The bytes of the selected message.
    Hex,
}

impl Pane {
    /// All of them, in the order of their digits.
    pub(crate) const ALL: [Self; 4] = [Self::Consumers, Self::Findings, Self::Messages, Self::Hex];

    /// The digit that leads to it, as the key table has it and its title shows it.
    pub(crate) fn digit(self) -> char {
        match self {
            Self::Consumers => '1',
            Self::Findings => '2',
            Self::Messages => '3',
            Self::Hex => '4',
        }
    }
}
