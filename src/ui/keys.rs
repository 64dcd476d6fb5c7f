//! Keys: the one table that says which key does what, and how it is called in the footer and in the help.
//!
//! Knows nothing of what an action does.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{Action, Place};
use super::roster::Edit;

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
    /// Where it stands in the footer.
    pub(crate) places: &'static [Place],
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
        places: &[],
    }
}

impl Binding {
    const fn footer(
        mut self,
        key: &'static str,
        word: &'static str,
        places: &'static [Place],
    ) -> Self {
        self.footer = Some((key, word));
        self.places = places;
        self
    }
}

const EVERYWHERE: &[Place] = &[Place::Waiting, Place::Rings, Place::Ring, Place::Details];

/// Every key there is, in the order of the footer and of the help.
pub(crate) static BINDINGS: &[Binding] = &[
    binding(&[letter('?')], Action::Help, "?", "this help").footer("?", "help", EVERYWHERE),
    binding(
        &[letter('q'), control('c')],
        Action::Quit,
        "q  Ctrl-C",
        "quit",
    )
    .footer("q", "quit", EVERYWHERE),
    binding(&[key(KeyCode::Tab)], Action::NextPane, "Tab", "next pane").footer(
        "Tab",
        "pane",
        &[Place::Ring],
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
        &[key(KeyCode::Enter)],
        Action::Open,
        "Enter",
        "open the ring, or the consumer's details",
    )
    .footer("Enter", "open", &[Place::Rings, Place::Ring]),
    binding(
        &[letter('/')],
        Action::Filter,
        "/",
        "filter consumers, search messages; Esc clears",
    )
    .footer("/", "filter", &[Place::Ring]),
    binding(
        &[letter('n')],
        Action::Next,
        "n",
        "next newer message that matches",
    ),
    binding(
        &[letter('N')],
        Action::Previous,
        "N",
        "next older message that matches",
    ),
    binding(
        &[letter('&')],
        Action::Only,
        "&",
        "list only messages that match, or all",
    ),
    binding(
        &[letter('f')],
        Action::Follow,
        "f",
        "follow the newest message, or stay",
    )
    .footer("f", "follow", &[Place::Ring]),
    binding(
        &[key(KeyCode::Left), letter('h')],
        Action::Left,
        "Left  h",
        "one byte to the left",
    ),
    binding(
        &[key(KeyCode::Right), letter('l')],
        Action::Right,
        "Right  l",
        "one byte to the right",
    ),
    binding(
        &[letter('w')],
        Action::Save,
        "w",
        "write the message's payload to a file",
    ),
    binding(
        &[letter('y')],
        Action::Copy,
        "y",
        "copy what is selected (OSC 52)",
    ),
    binding(
        &[letter('s')],
        Action::Sort,
        "s",
        "sort consumers by the next column",
    )
    .footer("s", "sort", &[Place::Ring]),
    binding(&[letter('r')], Action::Reverse, "r", "reverse their order"),
    binding(
        &[letter(' ')],
        Action::Freeze,
        "Space",
        "freeze the screen, or live again",
    )
    .footer("Space", "freeze", &[Place::Ring, Place::Details]),
    binding(&[letter('L')], Action::List, "L", "list of rings").footer("L", "list", &[Place::Ring]),
    binding(
        &[letter('+'), letter('=')],
        Action::Faster,
        "+",
        "sample more often",
    )
    .footer("+/-", "rate", &[Place::Ring]),
    binding(&[letter('-')], Action::Slower, "-", "sample less often"),
    binding(&[key(KeyCode::Esc)], Action::Back, "Esc", "back").footer(
        "Esc",
        "back",
        &[Place::Rings, Place::Details],
    ),
    binding(
        &[control('l')],
        Action::Redraw,
        "Ctrl-L",
        "draw everything again",
    ),
    binding(
        &[control('z')],
        Action::Suspend,
        "Ctrl-Z",
        "to the shell; `fg` comes back",
    ),
];

/// What the keys of the prompt do, as the footer shows them.
pub(crate) const PROMPT: [(&str, &str); 2] = [("Enter", "keep"), ("Esc", "clear")];

/// What a key does to text that is being typed; `None` for keys that are no part of it and do what they always do.
pub(crate) fn edit(event: &KeyEvent) -> Option<Edit> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    match event.code {
        KeyCode::Char('u') if control => Some(Edit::EraseAll),
        KeyCode::Char(character) if !control => Some(Edit::Insert(character)),
        KeyCode::Backspace => Some(Edit::Erase),
        KeyCode::Enter => Some(Edit::Keep),
        KeyCode::Esc => Some(Edit::Clear),
        _ => None,
    }
}

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
