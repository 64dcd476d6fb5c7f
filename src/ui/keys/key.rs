//! A key: how a terminal tells it apart, and what it is called.
//!
//! Every key that can be named here is one that [`crate::ui::terminal`] can read, or a setting would promise what never
//! comes.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key as a terminal tells it apart. Shift is in the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    control: bool,
}

/// Keys that are called by a name.
const NAMED: [(KeyCode, &str); 16] = [
    (KeyCode::Tab, "Tab"),
    (KeyCode::BackTab, "Shift-Tab"),
    (KeyCode::Enter, "Enter"),
    (KeyCode::Esc, "Esc"),
    (KeyCode::Char(' '), "Space"),
    (KeyCode::Backspace, "Backspace"),
    (KeyCode::Up, "Up"),
    (KeyCode::Down, "Down"),
    (KeyCode::Left, "Left"),
    (KeyCode::Right, "Right"),
    (KeyCode::PageUp, "PgUp"),
    (KeyCode::PageDown, "PgDn"),
    (KeyCode::Home, "Home"),
    (KeyCode::End, "End"),
    (KeyCode::Insert, "Ins"),
    (KeyCode::Delete, "Del"),
];

/// Letters that are another key when Ctrl is held: a terminal sends the same byte for both.
const SAME_BYTE: [(char, &str); 4] = [
    ('h', "Backspace"),
    ('i', "Tab"),
    ('j', "Enter"),
    ('m', "Enter"),
];

pub(super) const fn key(code: KeyCode) -> Key {
    Key {
        code,
        control: false,
    }
}

pub(super) const fn letter(letter: char) -> Key {
    key(KeyCode::Char(letter))
}

pub(super) const fn control(letter: char) -> Key {
    Key {
        code: KeyCode::Char(letter),
        control: true,
    }
}

impl Key {
    /// The key that was pressed.
    pub(super) fn pressed(event: &KeyEvent) -> Self {
        Self {
            code: event.code,
            control: event.modifiers.contains(KeyModifiers::CONTROL),
        }
    }

    /// The key of that name, as the help has it but in any case: `q`, `Q`, `?`, `space`, `pgup`, `f5`, `ctrl-r`.
    ///
    /// # Errors
    /// No terminal tells of such a key, in words.
    pub fn parse(name: &str) -> Result<Self, String> {
        let mut characters = name.chars();
        if let (Some(only), None) = (characters.next(), characters.next())
            && !only.is_control()
        {
            return Ok(letter(only));
        }
        let lower = name.to_lowercase();
        if let Some((code, _)) = NAMED
            .iter()
            .find(|(_, known)| known.to_lowercase() == lower)
        {
            return Ok(key(*code));
        }
        if let Some(Ok(number @ 1..=12)) = lower.strip_prefix('f').map(str::parse) {
            return Ok(key(KeyCode::F(number)));
        }
        let held = lower.strip_prefix("ctrl-").unwrap_or_default();
        let mut held = held.chars();
        if let (Some(letter @ 'a'..='z'), None) = (held.next(), held.next()) {
            return match SAME_BYTE.iter().find(|(same, _)| *same == letter) {
                Some((_, other)) => Err(format!("a terminal cannot tell it from {other}")),
                None => Ok(control(letter)),
            };
        }
        let names: Vec<String> = NAMED.iter().map(|(_, name)| name.to_lowercase()).collect();
        Err(format!(
            "expected one character, {}, f1 to f12, or ctrl- and a letter",
            names.join(", ")
        ))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name)) = NAMED.iter().find(|(code, _)| *code == self.code) {
            return out.write_str(name);
        }
        match self.code {
            KeyCode::Char(letter) if self.control => {
                write!(out, "Ctrl-{}", letter.to_ascii_uppercase())
            }
            KeyCode::Char(letter) => write!(out, "{letter}"),
            KeyCode::F(number) => write!(out, "F{number}"),
            other => write!(out, "{other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_name_in_any_case() {
        let functions = (1..=12).map(KeyCode::F).map(key);
        let held = ('a'..='z').filter(|letter| !"hijm".contains(*letter));
        let letters = "qQ?/+-=1é".chars().map(letter);
        let named = NAMED.iter().map(|(code, _)| key(*code));
        for key in named
            .chain(functions)
            .chain(held.map(control))
            .chain(letters)
        {
            let name = key.to_string();
            assert_eq!(Key::parse(&name), Ok(key), "{name}");
            if name.chars().count() > 1 {
                assert_eq!(Key::parse(&name.to_lowercase()), Ok(key), "{name}");
                assert_eq!(Key::parse(&name.to_uppercase()), Ok(key), "{name}");
            }
        }
        assert_ne!(Key::parse("g"), Key::parse("G"));
        assert_eq!(Key::parse(" "), Key::parse("space"));
    }

    #[test]
    fn what_no_terminal_sends_is_no_key() {
        for (name, why) in [
            ("", "one character"),
            ("\u{1b}", "one character"),
            ("qq", "one character"),
            ("f0", "f1 to f12"),
            ("f13", "f1 to f12"),
            ("f", ""),
            ("ctrl-", "ctrl- and a letter"),
            ("ctrl-1", "ctrl- and a letter"),
            ("alt-x", "ctrl- and a letter"),
            ("ctrl-i", "from Tab"),
            ("Ctrl-M", "from Enter"),
            ("shift-q", "one character"),
        ] {
            match Key::parse(name) {
                Err(said) => assert!(said.contains(why), "{name}: {said}"),
                Ok(key) => assert!(why.is_empty(), "{name} is {key}"),
            }
        }
    }
}
