//! The dashboard on what hangs: sources that do not answer, terminals that take nothing or go away.

use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::screen::assert_given_back;
use crate::support::program::zbqtop;
use crate::support::pty::Terminal;
use crate::support::{Peer, Place, eventually, example};

/// The dashboard on a source that hangs in `place`.
fn hanging(place: &str) -> Terminal {
    let mut command = Command::new(example("hanging"));
    Terminal::start(command.arg(place), 24, 80)
}

#[test]
fn keys_live_and_quit_works_while_a_source_hangs() {
    for place in ["list", "attach", "sample"] {
        let mut terminal = hanging(place);
        if place == "attach" {
            terminal.wait("a list", |text| {
                text.contains("7/3") && text.contains("8/3")
            });
            terminal.keys("\r");
        }
        let text = terminal.wait("that it is told", |text| text.contains("looking…"));
        assert!(!text.contains("No zbq ring"), "not known yet:\n{text}");
        terminal.keys("?");
        terminal.wait("help", |text| text.contains("this help"));
        terminal.keys("?");
        terminal.wait("no help", |text| !text.contains("this help"));
        terminal.resize(30, 100);
        terminal.wait("the new size", |text| text.contains("looking…"));
        terminal.keys("q");
        assert_eq!(terminal.ended().code(), Some(0), "{place}");
        assert_given_back(&terminal);
    }
}

#[test]
fn what_hung_for_a_while_is_shown_when_it_comes() {
    let mut terminal = hanging("a while");
    terminal.wait("that it is told", |text| text.contains("looking…"));
    terminal.wait("the list", |text| {
        text.contains("7/3") && !text.contains("looking")
    });
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
}

/// A dashboard that cannot get rid of what it writes.
fn stuck(producer: &Peer) -> Terminal {
    let mut command = zbqtop();
    command.args(["--pid", &producer.pid().to_string()]);
    let mut terminal = Terminal::start(&mut command, 60, 200);
    terminal.wait("the dashboard", |text| text.contains("peer"));
    terminal.hold(true);
    // Whole screens, more than any terminal's buffer holds.
    for _ in 0..40 {
        terminal.keys("\x0c");
        std::thread::sleep(Duration::from_millis(20));
    }
    terminal
}

fn producer(place: &Place) -> Peer {
    Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48 --messages 10",
    )
    .settled()
}

#[test]
fn a_terminal_that_takes_nothing_does_not_keep_keys_waiting() {
    let place = Place::new();
    let producer = producer(&place);
    let mut terminal = stuck(&producer);
    terminal.keys("?");
    eventually("it reads keys", || terminal.has_been_heard().then_some(()));
    terminal.hold(false);
    terminal.wait("what the keys did", |text| text.contains("this help"));
    terminal.keys("?");
    let text = terminal.wait("the dashboard, whole", |text| {
        text.contains("Messages") && text.contains("7a 7a") && !text.contains("this help")
    });
    // Drawn anew it is the same: what was compared with is what had gone out.
    terminal.keys(" ");
    let text_frozen = terminal.wait("FROZEN", |text| text.contains("FROZEN"));
    terminal.keys("\x0c");
    std::thread::sleep(Duration::from_millis(300));
    // What was never drawn and what was drawn blank look alike.
    let seen = |text: &str| {
        text.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(seen(&terminal.text()), seen(&text_frozen), "{text}");
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
    assert_given_back(&terminal);
}

#[test]
fn a_terminal_that_takes_nothing_does_not_keep_it_from_ending() {
    let place = Place::new();
    let producer = producer(&place);
    for ending in [None, Some(Signal::TERM), Some(Signal::HUP)] {
        let mut terminal = stuck(&producer);
        match ending {
            None => terminal.keys("q"),
            Some(signal) => {
                let pid = Pid::from_raw(terminal.pid()).expect("a pid");
                kill_process(pid, signal).expect("our child");
            }
        }
        assert_eq!(terminal.ended().code(), Some(0), "{ending:?}");
        assert!(terminal.is_cooked());
    }
}

#[test]
fn a_terminal_that_stalls_is_given_back_whole_when_it_goes_on() {
    let place = Place::new();
    let producer = producer(&place);
    let mut terminal = stuck(&producer);
    terminal.keys("q");
    std::thread::sleep(Duration::from_millis(50));
    terminal.hold(false);
    assert_eq!(terminal.ended().code(), Some(0));
    assert_given_back(&terminal);
}

#[test]
fn it_ends_with_its_terminal() {
    let place = Place::new();
    let producer = producer(&place);
    for blocked in [false, true] {
        let mut terminal = if blocked {
            stuck(&producer)
        } else {
            let mut command = zbqtop();
            command.args(["--pid", &producer.pid().to_string()]);
            let mut terminal = Terminal::start(&mut command, 24, 80);
            terminal.wait("the dashboard", |text| text.contains("peer"));
            terminal
        };
        terminal.hang_up();
        assert_eq!(terminal.ended().code(), Some(0), "blocked: {blocked}");
    }
}

#[test]
fn a_storm_of_sizes_ends_at_the_last() {
    let place = Place::new();
    let producer = producer(&place);
    let mut command = zbqtop();
    command.args(["--pid", &producer.pid().to_string()]);
    let mut terminal = Terminal::start(&mut command, 24, 80);
    terminal.wait("the dashboard", |text| text.contains("peer"));
    let sizes = 400;
    for turn in 0..sizes {
        terminal.resize(10 + turn % 50, 40 + turn % 160);
    }
    terminal.resize(40, 120);
    terminal.wait("the dashboard at its size", |text| {
        text.lines().count() == 40 && text.contains("7a 7a") && text.contains("q quit")
    });
    let whole = String::from_utf8_lossy(&terminal.raw)
        .matches("\x1b[2J")
        .count();
    assert!(whole < usize::from(sizes), "{whole} times drawn whole");
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
}

#[test]
fn the_shell_keeps_a_terminal_that_waits() {
    let place = Place::new();
    let producer = producer(&place);
    let mut command = zbqtop();
    command.args(["--pid", &producer.pid().to_string()]);
    let mut terminal = Terminal::start(&mut command, 24, 80);
    terminal.wait("the dashboard", |text| text.contains("peer"));
    // O_NONBLOCK is of the description, which is the shell's, too.
    for fd in [0, 1, 2] {
        let info = format!("/proc/{}/fdinfo/{fd}", terminal.pid());
        let info = std::fs::read_to_string(info).expect("it lives");
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = i64::from_str_radix(flags.expect("flags").trim(), 8).expect("octal");
        assert_eq!(flags & 0o4000, 0, "fd {fd}: {info}");
    }
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
}
