//! The table is whole, and every command line in it can be typed.

use clap::{CommandFactory as _, Parser as _};

use super::*;
use crate::cli::Cli;

fn visible() -> Vec<String> {
    let cli = Cli::command();
    let commands = cli.get_subcommands().filter(|one| !one.is_hide_set());
    commands.map(|one| one.get_name().to_owned()).collect()
}

#[test]
fn every_command_has_a_page_and_every_page_a_command() {
    let told: Vec<&str> = PAGES.iter().map(|page| page.command).collect();
    let mut commands = visible();
    commands.insert(0, String::new());
    assert_eq!(told, commands);
}

#[test]
fn every_help_ends_with_its_page() {
    let cli = Cli::command();
    for command in visible() {
        let found = cli.find_subcommand(&command).expect("it is visible");
        let after = found.get_after_help().expect("it has one").to_string();
        assert_eq!(after, after_help(&command), "{command}");
    }
}

/// The words of each command line of ours in a line for a shell.
fn of_ours(line: &str) -> Vec<Vec<String>> {
    let whole = line.replace("<(", "| ").replace(')', " ");
    let lines = whole.split('|').filter(|part| !part.contains('\''));
    let words = |part: &str| {
        let words = part.split_whitespace().skip_while(|word| *word != "zbqtop");
        let words = words.take_while(|word| *word != ">");
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    lines.map(words).filter(|words| !words.is_empty()).collect()
}

#[test]
fn every_example_is_a_command_line() {
    let mut tried = 0;
    for page in PAGES {
        assert!(!page.examples.is_empty(), "{}", page.command);
        for (line, _) in page.examples {
            for words in of_ours(line) {
                tried += 1;
                if let Err(error) = Cli::try_parse_from(&words) {
                    panic!("{line}: {error}");
                }
            }
        }
    }
    assert!(tried > PAGES.len());
}
