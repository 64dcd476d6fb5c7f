//! The lines about what is around the program: settings, terminal, tmux.

use std::time::{Duration, Instant};

use super::{ask, mode, ours};
use crate::support::Place;
use crate::support::pty::Terminal;

#[test]
fn settings_that_are_wrong_are_told_with_their_place() {
    let place = Place::new();
    let file = place.path().join("config.toml");
    std::fs::write(&file, "theme = \"dark\"\nintervall = \"1s\"\n").expect("room");
    let name = file.display().to_string();
    let wrong = [&name, ":2:1: unknown key `intervall`"].concat();
    let missing = place.path().join("none.toml").display().to_string();
    for (answers, found) in [
        (ask(&mut ours(), &["--config", &name]), wrong.as_str()),
        (ask(ours().env("ZBQTOP_CONFIG", &name), &[]), &wrong),
        (ask(&mut ours(), &["--config", &missing]), &missing),
        (
            ask(ours().env("ZBQTOP_THEME", "drak"), &[]),
            "did you mean `dark`?",
        ),
    ] {
        assert_eq!(answers.code, Some(2), "{found}");
        answers.is("settings", "broken", &[found, "--print-config"]);
    }
    std::fs::write(&file, "theme = \"dark\"\n").expect("room");
    ask(&mut ours(), &["--config", &name]).is("settings", "ok", &[&name]);
    // At the usual place there may be none.
    let mut command = ours();
    command.env("XDG_CONFIG_HOME", place.path());
    ask(&mut command, &[]).is("settings", "ok", &["does not exist"]);
}

#[test]
fn the_terminal_is_judged_and_the_table_fits() {
    let in_terminal = |variables: &[(&str, &str)], columns| {
        let mut command = ours();
        command.args(["--pid", "2147483647"]);
        command.envs(variables.iter().copied());
        let mut terminal = Terminal::start(&mut command, 60, columns);
        let status = terminal.ended();
        assert_eq!(status.code(), Some(1));
        String::from_utf8_lossy(&terminal.raw).into_owned()
    };
    let text = in_terminal(&[], 80);
    assert!(
        text.contains("ok       terminal            80 x 60"),
        "{text}"
    );
    assert!(text.contains("MISSING  target "), "{text}");
    assert!(text.contains("colors              256"), "{text}");
    for line in text.lines() {
        assert!(line.trim_end().chars().count() <= 80, "{line}");
    }
    let text = in_terminal(&[("TERM", "dumb"), ("LANG", "C")], 80);
    assert!(text.contains("MISSING  terminal "), "{text}");
    assert!(text.contains("TERM is dumb"), "{text}");
    assert!(text.contains("MISSING  utf8 "), "{text}");
    let text = in_terminal(&[("NO_COLOR", "1")], 19);
    assert!(text.contains("MISSING  terminal "), "{text}");
    assert!(text.contains("colors              none"), "{text}");
}

#[test]
fn tmux_is_asked_and_not_waited_for_too_long() {
    let place = Place::new();
    let tmux = place.path().join("tmux");
    let path = format!("{}:/usr/bin:/bin", place.path().display());
    let ask_with = |script: &str| {
        std::fs::write(&tmux, format!("#!/bin/sh\n{script}\n")).expect("room");
        mode(&tmux, 0o755);
        let mut command = ours();
        command.env("TMUX", "/tmp/tmux,1,0").env("PATH", &path);
        ask(&mut command, &["--pid", "2147483647"])
    };
    ask_with("test \"$3\" = set-clipboard && echo on").is("clipboard", "ok", &["on"]);
    let remedy = "tmux set -s set-clipboard on";
    ask_with("echo external").is("clipboard", "missing", &["external", remedy]);
    ask_with("exit 1").is("clipboard", "unknown", &[]);
    let begun = Instant::now();
    ask_with("exec sleep 60").is("clipboard", "unknown", &[]);
    assert!(begun.elapsed() < Duration::from_secs(30));
}
