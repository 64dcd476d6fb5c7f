//! Completion in real shells: what is there when somebody presses Tab. A shell that is not installed is said to be missing,
//! unless `ZBQTOP_REQUIRE_PEERS` is set.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::program::{stderr, stdout, zbqtop};
use crate::support::pty::Terminal;
use crate::support::{Peer, Place};

/// Well below a second, on a slow machine, too.
const SOON: Duration = Duration::from_millis(700);

/// Whether a shell is there to be tried.
fn have(shell: &str) -> bool {
    let found = Command::new(shell).args(["-c", "exit"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return true;
    }
    let why = format!("not tried: {shell} is not installed");
    assert!(std::env::var_os("ZBQTOP_REQUIRE_PEERS").is_none(), "{why}");
    let _ = writeln!(std::io::stderr(), "{why}");
    false
}

/// A shell that finds the program under test as `zbqtop`.
fn shell(name: &str, home: &Path) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_zbqtop"));
    let mut path = binary.parent().expect("a directory").as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new(name);
    command.env("PATH", path).env("HOME", home);
    command.env("XDG_CONFIG_HOME", home).env("PS1", "% ");
    command.env_remove("ZBQTOP_COMPLETE");
    command
}

/// What a shell prints for a script, without complaints.
fn said_by(command: &mut Command) -> String {
    let output = command.output().expect("the shell starts");
    assert_eq!(stderr(&output), "");
    String::from_utf8(output.stdout).expect("text")
}

/// What the script of bash gives for these words, of which the last is being typed. Readline takes words apart as
/// `COMP_WORDS` shows; `current` is what it would replace.
fn in_bash(place: &Place, words: &[&str], line: &str, current: &str) -> Vec<String> {
    let script = "source <(zbqtop completions bash)
        COMP_LINE=$1 COMP_POINT=${#1} current=$2; shift 2
        COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1))
        _zbqtop zbqtop \"$current\" ''
        ((${#COMPREPLY[@]} == 0)) || printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = shell("bash", place.path());
    bash.args(["--norc", "-c", script, "bash", line, current])
        .args(words);
    said_by(&mut bash).lines().map(str::to_owned).collect()
}

fn producer(address: &Path) -> Peer {
    Peer::producer(address, "--impl zbqtop --payload 48 --hold --consumers 0")
}

#[test]
fn bash_is_given_pids_and_sockets_of_live_rings() {
    if !have("bash") {
        return;
    }
    let place = Place::new();
    let socket = place.socket();
    let socket = socket.to_str().expect("text");
    let mut peer = producer(&place.socket());
    let pid = peer.pid().to_string();
    for (words, current, expected) in [
        (&["zbqtop", "--pid", ""][..], "", &pid[..]),
        (&["zbqtop", "tail", "-p", ""], "", &pid),
        (&["zbqtop", "check", "--socket", ""], "", socket),
        (&["zbqtop", "--socket", &socket[..3]], &socket[..3], socket),
        (&["zbqtop", "ta"], "ta", "tail"),
        (&["zbqtop", "tail", "--for"], "--for", "--format"),
        (&["zbqtop", "tail", "--format", "ba"], "ba", "base64"),
    ] {
        let found = in_bash(&place, words, &words.join(" "), current);
        assert!(
            found.iter().any(|one| one == expected),
            "{words:?}: {found:?}"
        );
    }
    peer.kill();
    let found = in_bash(&place, &["zbqtop", "--pid", ""], "zbqtop --pid ", "");
    assert!(!found.contains(&pid), "{found:?}");
}

#[test]
fn bash_is_given_what_it_took_apart() {
    if !have("bash") {
        return;
    }
    let place = Place::new();
    let name = format!("@zbqtop-test-{}", std::process::id());
    let _peer = producer(Path::new(&name));
    let line = format!("zbqtop --socket={}", &name[..5]);
    let words = ["zbqtop", "--socket", "=", "@", &name[1..5]];
    assert_eq!(
        in_bash(&place, &words, &line, &name[1..5]),
        [&name[1..]],
        "{line}"
    );
    let words = ["zbqtop", "--socket", "@"];
    let found = in_bash(&place, &words, "zbqtop --socket @", "");
    assert!(found.contains(&name[1..].to_owned()), "{found:?}");
}

#[test]
fn names_that_would_be_commands_are_not_completed() {
    if !have("bash") {
        return;
    }
    let place = Place::new();
    let pid = std::process::id();
    let hostile = format!("@zbqtop-{pid}-$(id)");
    let harmless = format!("@zbqtop-{pid}-id");
    let _peers = [&hostile, &harmless].map(|name| producer(Path::new(name)));
    let found = in_bash(&place, &["zbqtop", "-s", ""], "zbqtop -s ", "");
    assert!(found.contains(&harmless), "{found:?}");
    assert!(!found.iter().any(|one| one.contains("$(")), "{found:?}");
    // Files are completed by name, too, and bash inserts them as they are.
    std::fs::write(place.path().join("$(id).mcap"), "").expect("a file");
    let typed = format!("{}/", place.path().display());
    let line = format!("zbqtop --file {typed}");
    let found = in_bash(&place, &["zbqtop", "--file", &typed], &line, &typed);
    assert_eq!(found, [format!("{typed}\\$\\(id\\).mcap")]);
}

#[test]
fn fish_shows_the_command_beside_the_pid() {
    if !have("fish") {
        return;
    }
    let place = Place::new();
    let peer = producer(&place.socket());
    let ask = |line: &str| {
        let script = format!("zbqtop completions fish | source; complete -C '{line}'");
        said_by(shell("fish", place.path()).args(["--no-config", "-c", &script]))
    };
    let found = ask("zbqtop tail --pid ");
    let expected = format!("{}\tpeer", peer.pid());
    assert!(found.lines().any(|line| line == expected), "{found}");
    let socket = place.socket().display().to_string();
    let found = ask("zbqtop --socket /");
    let expected = format!("{socket}\tpid {} (peer)", peer.pid());
    assert!(found.lines().any(|line| line == expected), "{found}");
    assert!(ask("zbqtop rec").starts_with("record\t"));
}

/// Presses Tab in a shell on a terminal until the line is as `wanted`.
fn typed(mut command: Command, begin: &str, line: &str, wanted: &str) {
    let mut terminal = Terminal::start(&mut command, 24, 120);
    terminal.keys(&format!("{begin}; echo rea''dy\n"));
    terminal.wait("the shell is ready", |screen| screen.contains("ready"));
    terminal.keys(&format!("{line}\t"));
    terminal.wait(wanted, |screen| screen.contains(wanted));
}

#[test]
fn shells_on_a_terminal_finish_the_line() {
    let place = Place::new();
    let name = format!("@zbqtop-tab-{}", std::process::id());
    let _peer = producer(Path::new(&name));
    let line = format!("zbqtop tail --socket {}", &name[..12]);
    let wanted = format!("zbqtop tail --socket {name}");
    if have("bash") {
        let mut bash = shell("bash", place.path());
        bash.args(["--norc", "--noprofile", "-i"]);
        typed(bash, "source <(zbqtop completions bash)", &line, &wanted);
    }
    if have("zsh") {
        let sourced = "autoload -Uz compinit; compinit -u; source <(zbqtop completions zsh)";
        let zsh = || {
            let mut zsh = shell("zsh", place.path());
            zsh.args(["-f", "-i"]);
            zsh
        };
        typed(zsh(), sourced, &line, &wanted);
        // As a package installs it: found when it is asked first.
        let functions = place.path().join("functions");
        std::fs::create_dir(&functions).expect("a directory");
        std::fs::write(functions.join("_zbqtop"), stdout(&["completions", "zsh"])).expect("a file");
        let loaded = format!(
            "fpath=({} $fpath); autoload -Uz compinit; compinit -u",
            functions.display()
        );
        typed(zsh(), &loaded, &line, &wanted);
    }
}

#[test]
fn an_answer_comes_soon_and_without_complaint() {
    for (shell, words) in [
        ("bash", &["zbqtop", "--pid", ""][..]),
        ("zsh", &["zbqtop", "--nonsense", "\u{1b}["]),
        ("fish", &["zbqtop", "tail", "--pid", "none", "--socket", ""]),
        ("elvish", &["zbqtop"]),
        ("powershell", &["zbqtop", "--pid", ""]),
    ] {
        let begun = Instant::now();
        let output = zbqtop()
            .env("ZBQTOP_COMPLETE", shell)
            .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
            .arg("--")
            .args(words)
            .output()
            .expect("zbqtop starts");
        assert!(begun.elapsed() < SOON, "{shell}: {:?}", begun.elapsed());
        assert!(output.status.success(), "{shell}");
        assert_eq!(stderr(&output), "", "{shell}");
    }
}

#[test]
fn every_script_asks_the_program() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&["completions", shell]);
        for word in ["zbqtop", "ZBQTOP_COMPLETE"] {
            assert!(script.contains(word), "{shell}: {script}");
        }
    }
}
