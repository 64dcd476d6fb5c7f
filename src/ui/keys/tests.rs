//! The table is sound, what the user makes of it holds, and the README tells of it.

use std::collections::HashSet;

use super::*;
use crate::ui::action::Pane;

fn keys(names: &[&str]) -> Vec<Key> {
    names.iter().map(|name| Key::parse(name).unwrap()).collect()
}

#[test]
fn no_key_does_two_things_and_every_action_has_one_row() {
    let mut actions = HashSet::new();
    let mut names = HashSet::new();
    for row in BINDINGS {
        assert!(!row.keys.is_empty() && !row.help.is_empty(), "{}", row.name);
        assert!(actions.insert(row.action), "{:?} has two rows", row.action);
        assert!(
            names.insert(row.name),
            "two actions are called {}",
            row.name
        );
        // A name, and not one of the keys.
        let is_word = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase());
        assert!(
            row.name.len() > 1 && row.name.split('-').all(is_word),
            "{}",
            row.name
        );
    }
    assert_eq!(Keymap::with(&[]).err(), None);
}

#[test]
fn digits_lead_where_titles_say() {
    let map = Keymap::default();
    for pane in Pane::ALL {
        let digit = KeyCode::Char(pane.digit());
        assert_eq!(map.action(&digit.into()), Some(Action::Pane(pane)));
    }
}

#[test]
fn control_and_plain_are_told_apart() {
    let map = Keymap::default();
    let action = |event: KeyEvent| map.action(&event);
    assert_eq!(action(KeyCode::Char('q').into()), Some(Action::Quit));
    assert_eq!(action(KeyCode::Char('c').into()), None);
    assert_eq!(
        action(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)),
        Some(Action::Quit)
    );
    assert_eq!(
        action(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::CONTROL)),
        None
    );
    assert_eq!(
        action(KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT)),
        Some(Action::Last)
    );
}

#[test]
fn keys_of_the_user_replace_those_of_the_table() {
    let map = Keymap::with(&[
        ("quit", keys(&["x"])),
        ("sort", keys(&["f6", "ctrl-s"])),
        ("slower", keys(&["_"])),
        ("freeze", keys(&[])),
    ])
    .unwrap();
    let action = |code: KeyCode| map.action(&code.into());
    assert_eq!(action(KeyCode::Char('x')), Some(Action::Quit));
    assert_eq!(action(KeyCode::Char('q')), None);
    assert_eq!(action(KeyCode::F(6)), Some(Action::Sort));
    assert_eq!(action(KeyCode::Char('s')), None);
    assert_eq!(action(KeyCode::Char(' ')), None);
    // There is always a way out.
    let way_out = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(map.action(&way_out), Some(Action::Quit));
    let footer = |place| {
        let state = FooterState {
            place,
            is_recorded: false,
            is_frozen: false,
            searches: false,
        };
        let items = map.footer(state).into_iter();
        let items = items.map(|item| (item.keys(), item.word));
        items.collect::<Vec<_>>()
    };
    let footer = footer(FooterPlace::Pane(Pane::Consumers));
    for shown in [("x", "quit"), ("F6", "sort"), ("+/_", "rate")] {
        let shown = (shown.0.to_owned(), shown.1);
        assert!(footer.contains(&shown), "{shown:?} is not in {footer:?}");
    }
    assert!(
        !footer.iter().any(|(_, word)| *word == "freeze"),
        "{footer:?}"
    );
    let help: Vec<(String, &str)> = map.help().collect();
    assert_eq!(help.len(), BINDINGS.len());
    assert!(help.contains(&("x  Ctrl-C".to_owned(), "quit")), "{help:?}");
    assert_eq!(map.key(Action::Freeze), None);
}

#[test]
fn a_key_for_two_actions_is_refused() {
    let clash = |changes: &[(&str, Vec<Key>)]| {
        let Clash { key, actions } = Keymap::with(changes).err().unwrap();
        (key.to_string(), actions)
    };
    assert_eq!(
        clash(&[("reverse", keys(&["s"]))]),
        ("s".to_owned(), ["sort", "reverse"])
    );
    assert_eq!(
        clash(&[("sort", keys(&["F2"])), ("reverse", keys(&["r", "f2"]))]),
        ("F2".to_owned(), ["sort", "reverse"])
    );
    assert_eq!(
        clash(&[("redraw", keys(&["ctrl-c"]))]),
        ("Ctrl-C".to_owned(), ["quit", "redraw"])
    );
    // What is free by another change may be taken, and a key may stand twice in one list.
    let swapped = [("sort", keys(&["r", "r"])), ("reverse", keys(&["s"]))];
    assert!(Keymap::with(&swapped).is_ok());
}

/// The list of keys in `README.md` is made from the table: `ZBQTOP_BLESS=1 cargo test readme` writes it anew.
#[test]
fn keys_in_the_readme_are_those_of_the_table() {
    const END: &str = "<!-- end of keys -->";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let kept = std::fs::read_to_string(path).unwrap();
    let start = kept.find("<!-- keys:").unwrap();
    let start = start + kept[start..].find('\n').unwrap() + 1;
    let end = kept.find(END).unwrap();
    let row = |(name, keys, help): (&str, &[Key], &str)| {
        let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        format!("| {} | `{name}` | {help} |\n", keys.join(" "))
    };
    let rows: String = Keymap::actions().map(row).collect();
    let made = format!("| keys | action | |\n|---|---|---|\n{rows}");
    if std::env::var_os("ZBQTOP_BLESS").is_some() {
        let whole = format!("{}{made}{}", &kept[..start], &kept[end..]);
        std::fs::write(path, whole).unwrap();
        return;
    }
    assert!(
        kept[start..end] == made,
        "README.md is not what the table says; run: ZBQTOP_BLESS=1 cargo test readme"
    );
}
