//! What the program says of itself: every `--help` is a checked file.

use crate::support::program::stdout;

#[test]
fn help_is_what_it_was() {
    for command in [
        "", "snapshot", "ls", "tail", "events", "record", "dump", "check", "metrics", "doctor",
        "demo",
    ] {
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
