//! The manual: a page a command, and `mandoc` finds nothing wrong. Where that is not installed it is said, unless
//! `ZBQTOP_REQUIRE_PEERS` is set.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::cli::COMMANDS;
use crate::support::Place;
use crate::support::program::stdout;

const SECTIONS: [&str; 9] = [
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "OPTIONS",
    "EXAMPLES",
    "EXIT STATUS",
    "FILES",
    "ENVIRONMENT",
    "SEE ALSO",
];

fn pages(place: &Place) -> Vec<String> {
    let written = stdout(&["man", place.path().to_str().expect("text")]);
    assert_eq!(written, "");
    let files = std::fs::read_dir(place.path()).expect("it can be listed");
    let mut names: Vec<String> = files
        .map(|file| {
            file.expect("a file")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    names.sort();
    names
}

/// What `mandoc` minds in a page, from warnings on (long lines of source are no matter); none when it is not installed.
fn lint(page: &Path) -> Option<String> {
    let output = Command::new("mandoc")
        .args(["-T", "lint", "-W", "warning"])
        .arg(page)
        .output();
    match output {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(why) => {
            let why = format!("not tried: mandoc: {why}");
            assert!(std::env::var_os("ZBQTOP_REQUIRE_PEERS").is_none(), "{why}");
            let _ = writeln!(std::io::stderr(), "{why}");
            None
        }
    }
}

#[test]
fn there_is_a_page_for_every_command_and_mandoc_minds_nothing() {
    let place = Place::new();
    let names = pages(&place);
    let mut expected = COMMANDS.map(|command| match command {
        "" => "zbqtop.1".to_owned(),
        command => format!("zbqtop-{command}.1"),
    });
    expected.sort();
    assert_eq!(names, expected);
    for name in names {
        let path = place.path().join(&name);
        let text = std::fs::read_to_string(&path).expect("text");
        let headings = text.lines().filter_map(|line| line.strip_prefix(".SH "));
        let headings: Vec<&str> = headings.map(|heading| heading.trim_matches('"')).collect();
        let found = |section: &&str| headings.contains(section);
        assert!(SECTIONS.iter().all(found), "{name}: {headings:?}");
        if let Some(minded) = lint(&path) {
            assert_eq!(minded, "", "{name}");
        }
    }
}

#[test]
fn mandoc_minds_what_is_wrong() {
    let place = Place::new();
    let path = place.path().join("wrong.1");
    std::fs::write(&path, ".TH A 1\n.SH NAME\n.nonsense\n").expect("a file");
    if let Some(minded) = lint(&path) {
        assert!(minded.contains("nonsense"), "{minded}");
    }
}

#[test]
fn the_page_that_is_printed_is_the_one_that_is_written() {
    let place = Place::new();
    pages(&place);
    let written = std::fs::read_to_string(place.path().join("zbqtop.1")).expect("text");
    assert_eq!(stdout(&["man"]), written);
    // An option says here what it is, though the short help leaves it out.
    assert!(written.contains("Leave the mouse to the terminal"));
}
