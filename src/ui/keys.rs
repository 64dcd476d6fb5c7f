//! Keys: the one table that says which key does what, what it is called in the settings, and how in the footer and in
//! the help.
//!
//! The table is what the program comes with; a [`Keymap`] is the table as the user has changed it, and what everything
//! else asks. Knows nothing of what an action does.

mod key;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub use key::Key;
use key::{control, key, letter};

use super::action::{Action, FooterPlace, Pane};
use super::prompt::Edit;

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
    words: &'static [(&'static str, &'static [FooterPlace])],
    /// An action whose key stands beside in the footer.
    beside: Option<Action>,
    /// Its word in the footer of a recording, where that is another one; empty: none.
    recorded: Option<&'static str>,
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
    fn word(&self, place: FooterPlace) -> Option<(&'static str, bool)> {
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

/// What the footer depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FooterState {
    /// What has the keys.
    pub(crate) place: FooterPlace,
    /// What is shown is a recording.
    pub(crate) is_recorded: bool,
    /// The screen stands still.
    pub(crate) is_frozen: bool,
    /// Something is looked for in the messages.
    pub(crate) searches: bool,
}

/// A word of the footer, and the keys before it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FooterItem {
    /// Keys, and what each does.
    pub(crate) keys: Vec<(String, Action)>,
    /// What they do, in a word.
    pub(crate) word: &'static str,
}

impl FooterItem {
    /// ``` +/- ```
    pub(crate) fn keys(&self) -> String {
        let keys: Vec<&str> = self.keys.iter().map(|(key, _)| key.as_str()).collect();
        keys.join("/")
    }
}

const CONSUMERS: FooterPlace = FooterPlace::Pane(Pane::Consumers);
const FINDINGS: FooterPlace = FooterPlace::Pane(Pane::Findings);
const MESSAGES: FooterPlace = FooterPlace::Pane(Pane::Messages);
const BYTES: FooterPlace = FooterPlace::Pane(Pane::Hex);
const PANES: &[FooterPlace] = &[CONSUMERS, FINDINGS, MESSAGES, BYTES];
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
        "next pane; in a message, the next byte",
    )
    .footer(&[("pane", PANES), ("byte", &[FooterPlace::Message])]),
    binding(
        &[key(KeyCode::BackTab)],
        Action::PreviousPane,
        "previous-pane",
        "previous pane; in a message, the previous byte",
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

/// What the keys of the prompt do, as the footer shows them.
pub(crate) const PROMPT: [(&str, &str, Edit); 2] =
    [("Enter", "keep", Edit::Keep), ("Esc", "clear", Edit::Clear)];

/// What a key does to text that is being typed; `None` for keys that do nothing to it.
pub(crate) fn edit(event: &KeyEvent) -> Option<Edit> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    match event.code {
        KeyCode::Char('u') if control => Some(Edit::EraseAll),
        KeyCode::Char('w') if control => Some(Edit::EraseWord),
        KeyCode::Up => Some(Edit::Older),
        KeyCode::Down => Some(Edit::Newer),
        KeyCode::Char(character) if !control => Some(Edit::Insert(character)),
        KeyCode::Backspace => Some(Edit::Erase),
        KeyCode::Enter => Some(Edit::Keep),
        KeyCode::Esc => Some(Edit::Clear),
        _ => None,
    }
}

/// This key quits whatever the settings say, so that there is always a way out.
const ALWAYS_QUITS: Key = control('c');

/// Which key does what, in the order of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    rows: Vec<(&'static Binding, Vec<Key>)>,
}

/// A key that is to do two things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The key.
    pub key: Key,
    /// The names of the actions.
    pub actions: [&'static str; 2],
}

impl Default for Keymap {
    fn default() -> Self {
        let rows = BINDINGS.iter();
        Self {
            rows: rows.map(|row| (row, row.keys.to_vec())).collect(),
        }
    }
}

impl Keymap {
    /// The table with other keys for the actions that are named; the name of an action that is not there changes
    /// nothing.
    ///
    /// # Errors
    /// A key would do two things.
    pub fn with(changes: &[(&str, Vec<Key>)]) -> Result<Self, Clash> {
        let mut map = Self::default();
        for (row, keys) in &mut map.rows {
            if let Some((_, changed)) = changes.iter().find(|(name, _)| *name == row.name) {
                keys.clear();
                for key in changed {
                    if !keys.contains(key) {
                        keys.push(*key);
                    }
                }
            }
            if row.action == Action::Quit && !keys.contains(&ALWAYS_QUITS) {
                keys.push(ALWAYS_QUITS);
            }
        }
        let mut seen: Vec<(Key, &'static str)> = Vec::new();
        for (row, keys) in &map.rows {
            for &key in keys {
                if let Some((_, name)) = seen.iter().find(|(other, _)| *other == key) {
                    let actions = [*name, row.name];
                    return Err(Clash { key, actions });
                }
                seen.push((key, row.name));
            }
        }
        Ok(map)
    }

    /// Every action: its name in the settings, the keys it has by default, and what it does.
    pub fn actions() -> impl Iterator<Item = (&'static str, &'static [Key], &'static str)> {
        BINDINGS.iter().map(|row| (row.name, row.keys, row.help))
    }

    /// What a key that was pressed does.
    pub(crate) fn action(&self, event: &KeyEvent) -> Option<Action> {
        let pressed = Key::pressed(event);
        let mut rows = self.rows.iter();
        rows.find(|(_, keys)| keys.contains(&pressed))
            .map(|(row, _)| row.action)
    }

    /// Every action in the order of the help: its keys, none where it has none, and what they do.
    pub(crate) fn help(&self) -> impl Iterator<Item = (String, &'static str)> {
        self.rows.iter().map(|(row, keys)| {
            let keys: Vec<String> = keys.iter().map(Key::to_string).collect();
            (keys.join("  "), row.help)
        })
    }

    /// The footer: what is everywhere, what is of the place alone, what is in all panes.
    pub(crate) fn footer(&self, state: FooterState) -> Vec<FooterItem> {
        let mut items: Vec<(u8, FooterItem)> = Vec::new();
        for (row, _) in &self.rows {
            let Some((order, word)) = footer_word(row, state) else {
                continue;
            };
            let actions = [Some(row.action), row.beside].into_iter().flatten();
            let key = |action| Some((self.key(action)?, action));
            let keys: Vec<_> = actions.filter_map(key).collect();
            if !keys.is_empty() {
                items.push((order, FooterItem { keys, word }));
            }
        }
        items.sort_by_key(|(order, _)| *order);
        items.into_iter().map(|(_, item)| item).collect()
    }

    /// The first key of an action, by its name.
    pub(crate) fn key(&self, action: Action) -> Option<String> {
        let row = self.rows.iter().find(|(row, _)| row.action == action);
        row.and_then(|(_, keys)| keys.first()).map(Key::to_string)
    }
}

/// The word of an action in the footer, and which ones it comes after.
fn footer_word(row: &Binding, state: FooterState) -> Option<(u8, &'static str)> {
    let word = row.word(state.place);
    match (row.action, row.recorded) {
        (Action::Help | Action::Quit | Action::NextPane, _) => word.map(|(word, _)| (0, word)),
        (Action::Freeze, _) if state.is_frozen && word.is_some() => Some((1, "live again")),
        (Action::Next, _) if !state.searches => None,
        (_, Some("")) if state.is_recorded => None,
        (_, Some(word)) if state.is_recorded && PANES.contains(&state.place) => Some((3, word)),
        _ => word.map(|(word, in_all)| (if in_all { 3 } else { 2 }, word)),
    }
}

#[cfg(test)]
mod tests;
