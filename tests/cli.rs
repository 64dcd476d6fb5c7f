//! What the program says of itself: every `--help` is a checked file.

use crate::support::program::{stdout, zbqtop};

/// All of them; the first is the program itself.
pub(crate) const COMMANDS: [&str; 16] = [
    "",
    "snapshot",
    "ls",
    "tail",
    "events",
    "record",
    "dump",
    "check",
    "metrics",
    "pub",
    "wireshark",
    "doctor",
    "bench",
    "demo",
    "completions",
    "man",
];

/// A screen that is not small.
const SCREEN: usize = 40;

#[test]
fn help_is_what_it_was() {
    for command in COMMANDS {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let name = if command.is_empty() {
            "zbqtop"
        } else {
            command
        };
        insta::assert_snapshot!(format!("help-{name}"), stdout(&arguments));
    }
}

#[test]
fn the_version_is_the_packages() {
    let expected = format!("zbqtop {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(stdout(&["--version"]), expected);
}

#[test]
fn the_short_help_fits_a_screen_and_names_every_command() {
    let mut short = zbqtop();
    let output = short.arg("-h").env("COLUMNS", "80").output();
    let help = String::from_utf8(output.expect("zbqtop starts").stdout).expect("text");
    assert!(help.lines().count() <= SCREEN, "{help}");
    assert!(
        help.lines().all(|line| line.chars().count() <= 80),
        "{help}"
    );
    let listed = help
        .lines()
        .filter(|line| line.starts_with("  ") && !line.trim_start().starts_with('-'));
    let listed: Vec<&str> = listed
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for command in &COMMANDS[1..] {
        assert!(listed.contains(command), "{command}: {help}");
    }
}

#[test]
fn every_help_has_examples_and_exit_statuses() {
    for command in COMMANDS {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = stdout(&arguments);
        assert!(help.contains("\nExamples:\n  "), "{help}");
        assert!(help.contains("\nExit status: 0 "), "{help}");
    }
}
