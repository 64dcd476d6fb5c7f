//! Keys: the one table that says which key does what, and how it is called in the footer and in the help.
//!
//! Knows nothing of what an action does.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{Action, Screen};

/// A row of the table.
pub(crate) struct Binding {
    /// The keys that do it.
    pub(crate) keys: &'static [Key],
    /// What they do.
    pub(crate) action: Action,
    /// The keys, as the help names them.
    pub(crate) names: &'static str,
    /// What they do, in the help.
    pub(crate) help: &'static str,
    /// Key and word in the footer; not every key has a place there.
    pub(crate) footer: Option<(&'static str, &'static str)>,
    /// The screen whose footer it belongs to; `None`: all.
    pub(crate) screen: Option<Screen>,
}

/// A key as a terminal tells it apart. Shift is in the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    code: KeyCode,
    control: bool,
}

const fn key(code: KeyCode) -> Key {
    Key {
        code,
        control: false,
    }
}

const fn letter(letter: char) -> Key {
    key(KeyCode::Char(letter))
}

const fn control(letter: char) -> Key {
    Key {
        code: KeyCode::Char(letter),
        control: true,
    }
}

const fn binding(
    keys: &'static [Key],
    action: Action,
    names: &'static str,
    help: &'static str,
) -> Binding {
    Binding {
        keys,
        action,
        names,
        help,
        footer: None,
        screen: None,
    }
}

impl Binding {
    const fn footer(
        mut self,
        key: &'static str,
        word: &'static str,
        screen: Option<Screen>,
    ) -> Self {
        self.footer = Some((key, word));
        self.screen = screen;
        self
    }
}

/// Every key there is, in the order of the footer and of the help.
pub(crate) static BINDINGS: &[Binding] = &[
    binding(&[letter('?')], Action::Help, "?", "this help").footer("?", "help", None),
    binding(
        &[letter('q'), control('c')],
        Action::Quit,
        "q  Ctrl-C",
        "quit",
    )
    .footer("q", "quit", None),
    binding(&[key(KeyCode::Tab)], Action::NextPane, "Tab", "next pane").footer(
        "Tab",
        "pane",
        Some(Screen::Ring),
    ),
    binding(
        &[key(KeyCode::BackTab)],
        Action::PreviousPane,
        "Shift-Tab",
        "previous pane",
    ),
    binding(
        &[key(KeyCode::Up), letter('k')],
        Action::Up,
        "Up  k",
        "one row up",
    ),
    binding(
        &[key(KeyCode::Down), letter('j')],
        Action::Down,
        "Down  j",
        "one row down",
    ),
    binding(
        &[key(KeyCode::PageUp)],
        Action::PageUp,
        "PgUp",
        "one page up",
    ),
    binding(
        &[key(KeyCode::PageDown)],
        Action::PageDown,
        "PgDn",
        "one page down",
    ),
    binding(
        &[key(KeyCode::Home), letter('g')],
        Action::First,
        "Home  g",
        "first row",
    ),
    binding(
        &[letter('G')],
        Action::Last,
        "G",
        "last row; follows the newest message",
    ),
    binding(
        &[key(KeyCode::End)],
        Action::Live,
        "End",
        "live again, and the last row",
    ),
    binding(
        &[letter(' ')],
        Action::Freeze,
        "Space",
        "freeze the screen, or live again",
    )
    .footer("Space", "freeze", Some(Screen::Ring)),
    binding(
        &[letter('+'), letter('=')],
        Action::Faster,
        "+",
        "sample more often",
    )
    .footer("+/-", "rate", Some(Screen::Ring)),
    binding(&[letter('-')], Action::Slower, "-", "sample less often"),
    binding(
        &[key(KeyCode::Enter)],
        Action::Open,
        "Enter",
        "open the ring",
    )
    .footer("Enter", "open", Some(Screen::Rings)),
    binding(&[letter('L')], Action::List, "L", "list of rings").footer(
        "L",
        "list",
        Some(Screen::Ring),
    ),
    binding(&[key(KeyCode::Esc)], Action::Back, "Esc", "back").footer(
        "Esc",
        "back",
        Some(Screen::Rings),
    ),
    binding(
        &[control('z')],
        Action::Suspend,
        "Ctrl-Z",
        "to the shell; `fg` comes back",
    ),
];

/// What a key that was pressed does.
pub(crate) fn action(event: &KeyEvent) -> Option<Action> {
    let pressed = Key {
        code: event.code,
        control: event.modifiers.contains(KeyModifiers::CONTROL),
    };
    BINDINGS
        .iter()
        .find(|binding| binding.keys.contains(&pressed))
        .map(|binding| binding.action)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_does_two_things_and_every_action_has_one_row() {
        let mut keys = Vec::new();
        let mut actions = HashSet::new();
        for binding in BINDINGS {
            assert!(
                !binding.keys.is_empty() && !binding.help.is_empty(),
                "{}",
                binding.names
            );
            assert!(
                actions.insert(binding.action),
                "{:?} has two rows",
                binding.action
            );
            for key in binding.keys {
                assert!(!keys.contains(key), "{key:?} is bound twice");
                keys.push(*key);
            }
        }
    }

    #[test]
    fn control_and_plain_are_told_apart() {
        assert_eq!(action(&KeyCode::Char('q').into()), Some(Action::Quit));
        assert_eq!(action(&KeyCode::Char('c').into()), None);
        assert_eq!(
            action(&KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)),
            Some(Action::Quit)
        );
        assert_eq!(
            action(&KeyEvent::new(KeyCode::Char('q'), KeyModifiers::CONTROL)),
            None
        );
        assert_eq!(
            action(&KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT)),
            Some(Action::Last)
        );
    }
}
