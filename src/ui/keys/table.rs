//! The table: which key does what unless the user has others, what it is called in the settings, and how in the footer and
//! in the help.

use crossterm::event::KeyCode;

use super::key::{Key, control, key, letter};
use crate::ui::action::{Action, FooterPlace, Pane};

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// The keys that do it, unless the user has others.
    pub(crate) keys: &'static [Key],
    /// What they do.
    pub(crate) action: Action,
    /// What that is called in the settings.
    pub(crate) name: &'static str,
    /// What they do, in the help.
    pub(crate) help: &'static str,
    /// Its words in the footer, and where it has each; not every action has a place there.
    pub(super) words: &'static [(&'static str, &'static [FooterPlace])],
    /// An action whose key stands beside in the footer.
    pub(super) beside: Option<Action>,
    /// Its word in the footer of a recording, where that is another one; empty: none.
    pub(super) recorded: Option<&'static str>,
}

/// A row: the keys, what they do, its name in the settings, and what the help says.
const fn binding(
    keys: &'static [Key],
    action: Action,
    name: &'static str,
    help: &'static str,
) -> Binding {
    Binding {
        keys,
        action,
        name,
        help,
        words: &[],
        beside: None,
        recorded: None,
    }
}

impl Binding {
    /// In the footer of a recording it has this word, or, if that is empty, no place.
    const fn recorded(mut self, word: &'static str) -> Self {
        self.recorded = Some(word);
        self
    }

    /// Puts the first of the keys into the footer, with a word for each place.
    const fn footer(mut self, words: &'static [(&'static str, &'static [FooterPlace])]) -> Self {
        self.words = words;
        self
    }

    /// Its word in the footer of `place`, and whether it has that in all panes.
    pub(super) fn word(&self, place: FooterPlace) -> Option<(&'static str, bool)> {
        let mut words = self.words.iter();
        let (word, places) = words.find(|(_, places)| places.contains(&place))?;
        Some((word, PANES.iter().all(|pane| places.contains(pane))))
    }

    /// Beside it in the footer, under the same word, stands the first key of another action.
    const fn beside(mut self, other: Action) -> Self {
        self.beside = Some(other);
        self
    }
}

pub(super) const CONSUMERS: FooterPlace = FooterPlace::Pane(Pane::Consumers);
const FINDINGS: FooterPlace = FooterPlace::Pane(Pane::Findings);
const MESSAGES: FooterPlace = FooterPlace::Pane(Pane::Messages);
const BYTES: FooterPlace = FooterPlace::Pane(Pane::Hex);
pub(super) const PANES: &[FooterPlace] = &[CONSUMERS, FINDINGS, MESSAGES, BYTES];
const IN_FRONT: &[FooterPlace] = &[
    CONSUMERS,
    FINDINGS,
    MESSAGES,
    BYTES,
    FooterPlace::Details,
    FooterPlace::Message,
];
const EVERYWHERE: &[FooterPlace] = &[
    FooterPlace::Waiting,
    FooterPlace::Rings,
    CONSUMERS,
    FINDINGS,
    MESSAGES,
    BYTES,
    FooterPlace::Details,
    FooterPlace::Message,
];

/// Every key there is, in the order of the footer and of the help.
pub(crate) static BINDINGS: &[Binding] = &[
    binding(
        &[letter('?'), key(KeyCode::F(1))],
        Action::Help,
        "help",
        "this help",
    )
    .footer(&[("help", EVERYWHERE)]),
    binding(
        &[letter('q'), control('c'), key(KeyCode::F(10))],
        Action::Quit,
        "quit",
        "quit",
    )
    .footer(&[("quit", EVERYWHERE)]),
    binding(
        &[key(KeyCode::Tab)],
        Action::NextPane,
        "next-pane",
        "next pane; in a message, field or byte",
    )
    .footer(&[("pane", PANES), ("next", &[FooterPlace::Message])]),
    binding(
        &[key(KeyCode::BackTab)],
        Action::PreviousPane,
        "previous-pane",
        "previous pane; in a message, field or byte",
    ),
    binding(
        &[letter('1')],
        Action::Pane(Pane::Consumers),
        "consumers-pane",
        "consumers",
    ),
    binding(
        &[letter('2')],
        Action::Pane(Pane::Findings),
        "findings-pane",
        "findings, limits, events",
    ),
    binding(
        &[letter('3')],
        Action::Pane(Pane::Messages),
        "messages-pane",
        "messages",
    ),
    binding(
        &[letter('4')],
        Action::Pane(Pane::Hex),
        "bytes-pane",
        "bytes of the selected message",
    ),
    binding(
        &[key(KeyCode::Up), letter('k')],
        Action::Up,
        "up",
        "one row up",
    ),
    binding(
        &[key(KeyCode::Down), letter('j')],
        Action::Down,
        "down",
        "one row down",
    ),
    binding(
        &[key(KeyCode::PageUp), control('b')],
        Action::PageUp,
        "page-up",
        "one page up",
    ),
    binding(
        &[key(KeyCode::PageDown), control('f')],
        Action::PageDown,
        "page-down",
        "one page down",
    ),
    binding(&[control('u')], Action::HalfUp, "half-up", "half a page up"),
    binding(
        &[control('d')],
        Action::HalfDown,
        "half-down",
        "half a page down",
    ),
    binding(
        &[key(KeyCode::Home), letter('g')],
        Action::First,
        "first",
        "first row",
    ),
    binding(
        &[letter('G')],
        Action::Last,
        "last",
        "last row; follows the newest message",
    ),
    binding(
        &[key(KeyCode::End), key(KeyCode::F(5))],
        Action::Live,
        "live",
        "back to live, and to the last row",
    ),
    binding(
        &[key(KeyCode::Enter)],
        Action::Open,
        "open",
        "open the ring, the consumer, or the message",
    )
    .footer(&[
        ("open", &[FooterPlace::Rings, CONSUMERS, MESSAGES, BYTES]),
        ("go to", &[FINDINGS]),
    ]),
    binding(
        &[letter('/')],
        Action::Filter,
        "filter",
        "filter rows, search messages; Esc clears",
    )
    .footer(&[
        ("filter", &[FooterPlace::Rings, CONSUMERS, FINDINGS]),
        ("search", &[MESSAGES, BYTES]),
    ]),
    binding(
        &[letter('n')],
        Action::Next,
        "next-match",
        "next newer message that matches",
    )
    .footer(&[("match", &[MESSAGES, BYTES, FooterPlace::Message])])
    .beside(Action::Previous),
    binding(
        &[letter('N')],
        Action::Previous,
        "previous-match",
        "next older message that matches",
    ),
    binding(
        &[letter('&')],
        Action::Only,
        "only-matches",
        "list only messages that match, or all",
    )
    .footer(&[("only", &[MESSAGES, BYTES])]),
    binding(
        &[letter('f')],
        Action::Follow,
        "follow",
        "follow the newest message, or stop following",
    )
    .footer(&[("follow", &[MESSAGES])])
    .recorded(""),
    binding(
        &[letter('z')],
        Action::Zoom,
        "zoom",
        "enlarge the pane, or back",
    )
    .footer(&[("zoom", PANES)]),
    binding(
        &[key(KeyCode::Left), letter('h')],
        Action::Left,
        "left",
        "one byte to the left; the message before",
    )
    .footer(&[("byte", &[BYTES]), ("message", &[FooterPlace::Message])])
    .beside(Action::Right),
    binding(
        &[key(KeyCode::Right), letter('l')],
        Action::Right,
        "right",
        "one byte to the right; the message after",
    ),
    binding(
        &[letter('w')],
        Action::Save,
        "write",
        "write the message's payload to a file",
    )
    .footer(&[("write", &[MESSAGES, BYTES, FooterPlace::Message])]),
    binding(
        &[letter('W')],
        Action::SaveAll,
        "write-all",
        "write all listed messages to a file",
    )
    .footer(&[("write all", &[MESSAGES])]),
    binding(
        &[letter('y')],
        Action::Copy,
        "copy",
        "copy what is selected (OSC 52)",
    )
    .footer(&[("copy", &[FINDINGS, MESSAGES, BYTES, FooterPlace::Message])]),
    binding(
        &[letter('s'), letter('>'), key(KeyCode::F(6))],
        Action::Sort,
        "sort",
        "sort rows by the next column",
    )
    .footer(&[("sort", &[FooterPlace::Rings, CONSUMERS])]),
    binding(
        &[letter('<')],
        Action::SortBack,
        "sort-back",
        "sort rows by the previous column",
    ),
    binding(
        &[letter('r')],
        Action::Reverse,
        "reverse",
        "reverse the sort order",
    )
    .footer(&[("reverse", &[FooterPlace::Rings])]),
    binding(
        &[letter(' ')],
        Action::Freeze,
        "freeze",
        "freeze or resume; recording: play or pause",
    )
    .footer(&[("freeze", IN_FRONT)])
    .recorded("play"),
    binding(
        &[letter('.')],
        Action::NextSample,
        "next-sample",
        "recording: next sample",
    )
    .recorded("step")
    .beside(Action::PreviousSample),
    binding(
        &[letter(',')],
        Action::PreviousSample,
        "previous-sample",
        "recording: previous sample",
    ),
    binding(
        &[letter('}')],
        Action::NextEvent,
        "next-event",
        "recording: next event or finding",
    )
    .recorded("event")
    .beside(Action::PreviousEvent),
    binding(
        &[letter('{')],
        Action::PreviousEvent,
        "previous-event",
        "recording: previous event or finding",
    ),
    binding(
        &[letter('p')],
        Action::PlayFaster,
        "play-faster",
        "recording: play faster",
    )
    .recorded("speed")
    .beside(Action::PlaySlower),
    binding(
        &[letter('P')],
        Action::PlaySlower,
        "play-slower",
        "recording: play slower",
    ),
    binding(
        &[letter('t')],
        Action::GoTo,
        "go-to-time",
        "recording: go to a time",
    )
    .recorded("go to"),
    binding(
        &[letter('d')],
        Action::Dump,
        "dump",
        "dump the ring into a file",
    )
    .footer(&[("dump", PANES)])
    .recorded(""),
    binding(
        &[letter('R')],
        Action::Record,
        "record",
        "start or stop recording into a file",
    ),
    binding(&[letter('L')], Action::List, "list", "list of rings").footer(&[("list", PANES)]),
    binding(
        &[letter('+'), letter('=')],
        Action::Faster,
        "faster",
        "sample more often",
    )
    .footer(&[("rate", PANES)])
    .beside(Action::Slower)
    .recorded(""),
    binding(
        &[letter('-')],
        Action::Slower,
        "slower",
        "sample less often",
    ),
    binding(
        &[letter('[')],
        Action::ShorterTime,
        "shorter-time",
        "shorter time axis",
    )
    .footer(&[(
        "time",
        &[CONSUMERS, FINDINGS, MESSAGES, BYTES, FooterPlace::Details],
    )])
    .beside(Action::LongerTime),
    binding(
        &[letter(']')],
        Action::LongerTime,
        "longer-time",
        "longer time axis, up to a day",
    ),
    binding(&[key(KeyCode::Esc)], Action::Back, "back", "back").footer(&[(
        "back",
        &[
            FooterPlace::Rings,
            FooterPlace::Details,
            FooterPlace::Message,
        ],
    )]),
    binding(
        &[control('l')],
        Action::Redraw,
        "redraw",
        "redraw the screen",
    ),
    binding(
        &[control('z')],
        Action::Suspend,
        "suspend",
        "suspend to the shell; `fg` returns",
    ),
];
