//! The file of settings, as the real program takes it: where it is looked for, what is said of it, and what it changes.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::program::{ring_when, stderr, stdout, zbqtop};
use crate::support::pty::Terminal;
use crate::support::{Peer, Place};

const COMMON: &str = "--impl reference --payload 48 --hold";

/// A producer without consumers.
fn producer(place: &Place) -> Peer {
    Peer::producer(&place.socket(), &format!("{COMMON} --consumers 0")).settled()
}

fn write(place: &Place, name: &str, text: &str) -> PathBuf {
    let path = place.path().join(name);
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("room for a file");
    std::fs::write(&path, text).expect("room for a file");
    path
}

fn output(command: &mut Command) -> Output {
    command.output().expect("zbqtop starts")
}

/// The dashboard on a ring, with these settings, variables and options; what it wrote once it is told to quit.
struct Dashboard {
    terminal: Terminal,
}

impl Dashboard {
    fn on(producer: &Peer, place: &Place, settings: &str, extra: &[&str]) -> Self {
        let file = write(place, "settings.toml", settings);
        let (variables, words): (Vec<&str>, Vec<&str>) =
            extra.iter().partition(|word| word.contains('='));
        let mut command = zbqtop();
        command.args(["--pid", &producer.pid().to_string(), "--config"]);
        command.arg(file).args(words);
        for (name, value) in variables.iter().filter_map(|word| word.split_once('=')) {
            command.env(name, value);
        }
        let mut terminal = Terminal::start(&mut command, 24, 80);
        terminal.wait("the dashboard", |text| text.contains("peer"));
        Self { terminal }
    }

    fn quit(mut self, key: &str) -> String {
        self.terminal.keys(key);
        assert_eq!(self.terminal.ended().code(), Some(0));
        String::from_utf8_lossy(&self.terminal.raw).into_owned()
    }
}

#[test]
fn the_template_can_be_taken_as_it_is() {
    let place = Place::new();
    let producer = producer(&place);
    let template = stdout(&["--print-config"]);
    assert!(template.contains("\ninterval = \"100ms\"\n"), "{template}");
    let dashboard = Dashboard::on(&producer, &place, &template, &[]);
    dashboard.quit("q");
}

#[test]
fn a_wrong_file_is_usage_and_is_told_with_its_place() {
    let place = Place::new();
    let producer = producer(&place);
    let file = write(
        &place,
        "wrong.toml",
        "theme = \"dark\"\nintervall = \"1s\"\n",
    );
    let name = file.to_string_lossy();
    let pid = producer.pid().to_string();
    let said = format!("{name}:2:1: unknown key `intervall`, did you mean `interval`?\n");
    for words in [
        &["snapshot", "--pid", &pid, "--config", &name][..],
        &["--json", "--pid", &pid, "--config", &name],
        &["--pid", &pid, "--config", &name],
        &["ls", "--config", &name],
        &["demo", "--headless", "--config", &name],
    ] {
        let output = output(zbqtop().args(words));
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert_eq!(stderr(&output), format!("zbqtop: {said}"), "{words:?}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
    // To a monitoring system 2 is CRITICAL, and nothing is known yet.
    let output = output(zbqtop().args(["check", "--pid", &pid, "--config", &name]));
    assert_eq!(output.status.code(), Some(3));
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        line.contains("UNKNOWN") && line.contains(said.trim_end()),
        "{line}"
    );
}

#[test]
fn a_file_that_is_named_must_be_there_and_another_need_not() {
    let place = Place::new();
    let producer = producer(&place);
    let snapshot = || {
        let mut command = zbqtop();
        command.args(["snapshot", "--interval", "0", "--pid"]);
        command.arg(producer.pid().to_string());
        command
    };
    let missing = place.path().join("missing.toml");
    for command in [
        snapshot().arg("--config").arg(&missing),
        snapshot().env("ZBQTOP_CONFIG", &missing),
    ] {
        let output = output(command);
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(said.contains("missing.toml: No such file"), "{said}");
    }
    let elsewhere = place.path().join("nowhere");
    for command in [
        snapshot().env("XDG_CONFIG_HOME", &elsewhere),
        snapshot()
            .env_remove("XDG_CONFIG_HOME")
            .env("HOME", &elsewhere),
        snapshot().env_remove("XDG_CONFIG_HOME").env_remove("HOME"),
    ] {
        let output = output(command);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
}

/// Each file has something wrong: which one is complained of is the one that was read.
#[test]
fn the_nearest_file_is_read_and_no_other() {
    let place = Place::new();
    let producer = producer(&place);
    let [flag, variable] = ["flag", "variable"].map(|name| write(&place, name, "wrong"));
    write(&place, "xdg/zbqtop/config.toml", "wrong");
    write(&place, "home/.config/zbqtop/config.toml", "wrong");
    let mut command = zbqtop();
    command.args(["snapshot", "--pid", &producer.pid().to_string()]);
    command.env_remove("XDG_CONFIG_HOME");
    let complaint = |command: &mut Command| {
        let output = output(command);
        assert_eq!(output.status.code(), Some(2));
        stderr(&output)
    };
    command.env("HOME", place.path().join("home"));
    let said = complaint(&mut command);
    assert!(
        said.contains("/home/.config/zbqtop/config.toml:1:6:"),
        "{said}"
    );
    command.env("XDG_CONFIG_HOME", place.path().join("xdg"));
    let said = complaint(&mut command);
    assert!(said.contains("/xdg/zbqtop/config.toml:1:6:"), "{said}");
    command.env("ZBQTOP_CONFIG", &variable);
    let said = complaint(&mut command);
    assert!(said.contains("/variable:1:6:"), "{said}");
    command.arg("--config").arg(&flag);
    let said = complaint(&mut command);
    assert!(said.contains("/flag:1:6:"), "{said}");
}

#[test]
fn thresholds_hold_wherever_health_is_judged() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        &format!("{COMMON} --consumers 1 --capacity 65536 --stall-timeout 600000"),
    );
    let _consumer = Peer::consumer(&place.socket(), COMMON);
    producer.expect("done");
    // 4096 of 65536 bytes.
    producer.ask("send 64", "done");
    let pid = producer.pid();
    ring_when("a consumer behind", pid, |ring| {
        ring["consumers"][0]["lag_bytes"] == 4096 && ring["control"]["ring_capacity"] == 65536
    });
    let pid = pid.to_string();
    let state = |settings: &str| {
        let file = write(
            &place,
            "thresholds.toml",
            &format!("[thresholds]\n{settings}"),
        );
        let mut command = zbqtop();
        command.args(["--json", "--interval", "0", "--pid", &pid, "--config"]);
        let output = output(command.arg(file));
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        report["rings"][0]["consumers"][0]["state"].clone()
    };
    let patient = "stalled-after = \"1h\"\n";
    assert_eq!(state(patient), "ok");
    assert_eq!(
        state(&format!("{patient}lagging-percent = 6.25")),
        "lagging"
    );
    assert_eq!(state(&format!("{patient}lagging-percent = 6.26")), "ok");
    assert_eq!(state("stalled-after = \"1ms\""), "stalled");
    let check = |settings: &str, words: &[&str]| {
        let file = write(
            &place,
            "check.toml",
            &format!("[thresholds]\n{patient}{settings}"),
        );
        let mut command = zbqtop();
        command.args(["check", "--interval", "0", "--pid", &pid, "--config"]);
        output(command.arg(file).args(words)).status.code()
    };
    assert_eq!(check("", &[]), Some(0));
    assert_eq!(check("max-lag = \"5%:50%\"", &[]), Some(1));
    assert_eq!(check("max-lag = \"4KiB\"", &[]), Some(0));
    assert_eq!(check("max-lag = \"4095B\"", &[]), Some(2));
    assert_eq!(
        check("max-lag = \"5%:50%\"", &["--max-lag", "50%"]),
        Some(0)
    );
    assert_eq!(
        check("max-lag = \"50%\"", &["--max-lag", "5%:50%"]),
        Some(1)
    );
    let listed = |settings: &str| {
        let settings = format!("[thresholds]\n{patient}{settings}");
        let file = write(&place, "ls.toml", &settings);
        let mut command = zbqtop();
        command.args(["ls", "--json", "--interval", "0"]);
        let output = output(command.env("ZBQTOP_CONFIG", file));
        let listing: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let rings = listing["rings"].as_array().expect("rings");
        let ours = rings.iter().find(|ring| ring["pid"] == producer.pid());
        ours.expect("it is listed")["health"].clone()
    };
    assert_eq!(listed(""), "ok");
    assert_eq!(listed("max-lag = \"5%:50%\""), "warning");
    assert_eq!(listed("max-lag = \"4095B\""), "critical");
}

#[test]
fn keys_and_columns_are_those_of_the_file() {
    let place = Place::new();
    let mut producer = Peer::producer(&place.socket(), &format!("{COMMON} --consumers 1"));
    let _consumer = Peer::consumer(&place.socket(), COMMON);
    let settings = "\
        columns = [\"state\", \"pid\"]\n\
        [thresholds]\nlagging-percent = 6\nstalled-after = \"1h\"\n\
        [keys]\nquit = [\"x\"]\nhelp = [\"f1\", \"q\"]\n";
    let mut dashboard = Dashboard::on(&producer, &place, settings, &[]);
    let terminal = &mut dashboard.terminal;
    let text = terminal.wait("a consumer", |text| {
        text.contains("STATE        PID") && text.contains(" F1 help  x quit ")
    });
    assert!(!text.contains("COMMAND") && !text.contains("WHY"), "{text}");
    // 4096 of 65536 bytes.
    producer.tell("send 64");
    terminal.wait("its state", |text| text.contains("lagging"));
    for key in ["\x1bOP", "q"] {
        terminal.keys(key);
        terminal.wait("help", |text| text.contains("this help"));
        terminal.keys("\x1b");
        terminal.wait("no help", |text| !text.contains("this help"));
    }
    dashboard.quit("x");
    // There is always a way out.
    let none = Dashboard::on(&producer, &place, "[keys]\nquit = []", &[]);
    none.quit("\x03");
}

#[test]
fn a_theme_is_what_the_terminal_has_colours_for() {
    const EXACT: &str = "48;2;22;25;30m";
    const CUBE: &str = "48;5;234m";
    const SIXTEEN: &str = "48;5;0m";
    const LIGHT: &str = "48;2;250;250;248m";
    let place = Place::new();
    let producer = producer(&place);
    let dark = "theme = \"dark\"";
    for (settings, extra, ground) in [
        ("", &["COLORTERM=truecolor"][..], None),
        (dark, &["COLORTERM=truecolor"][..], Some(EXACT)),
        (dark, &[][..], Some(CUBE)),
        (dark, &["TERM=xterm"][..], Some(SIXTEEN)),
        (dark, &["TERM=linux", "COLORTERM=24bit"][..], Some(SIXTEEN)),
        (
            dark,
            &["COLORTERM=24bit", "ZBQTOP_COLOR=256"][..],
            Some(CUBE),
        ),
        (
            dark,
            &["ZBQTOP_COLOR=256", "--color", "truecolor"][..],
            Some(EXACT),
        ),
        (
            dark,
            &["COLORTERM=24bit", "ZBQTOP_THEME=light"][..],
            Some(LIGHT),
        ),
        (
            dark,
            &["COLORTERM=24bit", "ZBQTOP_THEME=mono", "--theme", "light"][..],
            Some(LIGHT),
        ),
        (dark, &["NO_COLOR=1"][..], None),
        (dark, &["NO_COLOR=1", "--color", "16"][..], Some(SIXTEEN)),
        (dark, &["--theme", "mono", "--color", "always"][..], None),
    ] {
        let raw = Dashboard::on(&producer, &place, settings, extra).quit("q");
        for other in [EXACT, CUBE, SIXTEEN, LIGHT] {
            let expected = ground == Some(other);
            assert_eq!(
                raw.contains(other),
                expected,
                "{settings} {extra:?}: {other}"
            );
        }
        // The terminal theme brings colours, and no ground.
        let colours = raw.contains("38;5;") || raw.contains("38;2;");
        assert_eq!(
            colours,
            ground.is_some() || settings.is_empty(),
            "{extra:?}"
        );
    }
}

/// What nobody asks for cannot be wrong: a slip in the look of a screen must not spoil a check.
#[test]
fn a_wrong_variable_is_told_where_it_matters_and_an_empty_one_is_none() {
    let place = Place::new();
    let producer = producer(&place);
    let pid = producer.pid().to_string();
    let mut command = zbqtop();
    command.args(["--pid", &pid]).env("ZBQTOP_THEME", "drak");
    let mut terminal = Terminal::start(&mut command, 24, 80);
    assert_eq!(terminal.ended().code(), Some(2));
    let said = "zbqtop: ZBQTOP_THEME: unknown value `drak`, did you mean `dark`?";
    assert!(terminal.text().contains(said), "{}", terminal.text());
    for word in ["snapshot", "check", "tail"] {
        let mut command = zbqtop();
        command
            .args([word, "--pid", &pid])
            .env("ZBQTOP_THEME", "drak");
        for name in ["ZBQTOP_COLOR", "ZBQTOP_CONFIG"] {
            command.env(name, "");
        }
        let output = output(&mut command);
        assert_eq!(output.status.code(), Some(0), "{word}: {}", stderr(&output));
    }
}

#[test]
fn the_mouse_is_left_to_the_terminal_if_that_is_wanted() {
    let place = Place::new();
    let producer = producer(&place);
    for (settings, extra, taken) in [
        ("", &[][..], true),
        ("mouse = true", &[][..], true),
        ("mouse = false", &[][..], false),
        ("mouse = true", &["--no-mouse"][..], false),
    ] {
        let raw = Dashboard::on(&producer, &place, settings, extra).quit("q");
        for mode in ["\x1b[?1000h", "\x1b[?1006h"] {
            assert_eq!(raw.contains(mode), taken, "{settings} {extra:?}");
        }
    }
}
