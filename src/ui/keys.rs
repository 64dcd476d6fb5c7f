//! Keys: which does what.
//!
//! The table (`keys/table.rs`) is what the program comes with; a [`Keymap`] is the table as the user has changed it, and what everything
//! else asks. Knows nothing of what an action does.

mod key;
mod table;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub use key::Key;
use key::control;
pub(crate) use table::BINDINGS;
use table::{Binding, PANES};

use super::action::{Action, FooterPlace};
use super::prompt::Edit;

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

/// The keys of the prompt, and what each does to the line.
pub(crate) const PROMPT: [(&str, Edit); 2] = [("Enter", Edit::Keep), ("Esc", Edit::Clear)];

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
