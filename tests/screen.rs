//! The dashboard in a real pseudo-terminal, on real rings.

use rustix::process::{Pid, Signal, kill_process};

use crate::support::program::{public_copy, zbqtop};
use crate::support::pty::Terminal;
use crate::support::{Peer, Place, example};

/// What a terminal program writes when it gives the screen back: main screen, cursor shown, mouse off.
const GIVEN_BACK: [&str; 4] = ["\x1b[?1049l", "\x1b[?25h", "\x1b[?1000l", "\x1b[?1006l"];

fn dashboard(producer: &Peer, rows: u16, columns: u16) -> Terminal {
    let mut command = zbqtop();
    command.args(["--pid", &producer.pid().to_string()]);
    let mut terminal = Terminal::start(&mut command, rows, columns);
    terminal.wait("the dashboard", |text| {
        text.contains("zbqtop") && text.contains("peer")
    });
    terminal
}

/// The program has left the terminal as it was.
pub(crate) fn assert_given_back(terminal: &Terminal) {
    assert!(terminal.is_cooked(), "it was left in raw mode");
    let raw = String::from_utf8_lossy(&terminal.raw);
    let entered = raw
        .find("\x1b[?1049h")
        .expect("the alternate screen was entered");
    for mode in ["\x1b[?1000h", "\x1b[?1006h"] {
        assert!(raw.contains(mode), "the mouse was never asked for: {raw:?}");
    }
    for sequence in GIVEN_BACK {
        assert!(
            raw.rfind(sequence).is_some_and(|left| left > entered),
            "no {sequence:?} at the end of {raw:?}"
        );
        let taken = sequence.replace('l', "h");
        let (on, off) = (raw.rfind(&taken), raw.rfind(sequence));
        assert!(
            sequence.ends_with('h') || on < off,
            "{taken:?} comes after {sequence:?} in {raw:?}"
        );
    }
}

fn signal(terminal: &Terminal, signal: Signal) {
    kill_process(Pid::from_raw(terminal.pid()).expect("a pid"), signal).expect("our child");
}

#[test]
fn it_shows_the_ring_live() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 1 --payload 48 --rate 500",
    );
    let consumer = Peer::consumer(&place.socket(), "--impl reference --hold");
    let mut terminal = dashboard(&producer, 24, 80);
    terminal.wait("the consumer", |text| {
        text.contains(&consumer.pid().to_string()) && text.contains("idle")
    });
    producer.tell("send 100000");
    let moving = terminal.wait("messages", |text| {
        text.contains("flowing") && text.contains("zzzz") && text.contains("7a 7a")
    });
    for word in ["Head", "Rate", "free", "Consumers", "Messages"] {
        assert!(moving.contains(word), "{word} is not on\n{moving}");
    }
    terminal.wait("another frame", |text| text != moving);
    // Frozen means that nothing on it moves, but what says so.
    terminal.keys(" ");
    let frozen = terminal.wait("FROZEN", |text| text.contains("FROZEN"));
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(terminal.text(), frozen);
    terminal.keys(" ");
    terminal.wait("live again", |text| !text.contains("FROZEN"));
    terminal.keys("?");
    terminal.wait("help", |text| text.contains("this help"));
    terminal.keys("\x1b");
    terminal.wait("no help", |text| !text.contains("this help"));
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
    assert_given_back(&terminal);
}

#[test]
fn it_follows_a_consumer_into_trouble() {
    let place = Place::new();
    let common = "--impl reference --payload 48 --hold";
    let mut producer = Peer::producer(
        &place.socket(),
        &format!("{common} --consumers 1 --stall-timeout 600000 --clog-threshold 1000000000000"),
    );
    let mut consumer = Peer::consumer(&place.socket(), common);
    let mut terminal = dashboard(&producer, 30, 100);
    // The ring holds 1024 of them: it is the next that is refused.
    producer.tell("send 1025");
    terminal.wait("a full ring", |text| {
        text.contains("full") && text.contains("blocking")
    });
    consumer.kill();
    terminal.wait("a dead consumer", |text| text.contains("dead"));
    producer.kill();
    terminal.wait("the producer's end", |text| text.contains("producer gone"));
    // Nobody else holds the last bytes: that is said first.
    terminal.keys("\x03");
    terminal.wait("a warning", |text| text.contains("nobody else holds"));
    terminal.keys("\x03");
    assert_eq!(terminal.ended().code(), Some(0));
    assert_given_back(&terminal);
}

#[test]
fn the_terminal_is_given_back_on_signals() {
    let place = Place::new();
    let producer =
        Peer::producer(&place.socket(), "--impl reference --hold --consumers 0").settled();
    for ending in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut terminal = dashboard(&producer, 24, 80);
        // The second one comes while the first is being heeded.
        signal(&terminal, ending);
        signal(&terminal, ending);
        terminal.ended();
        assert_given_back(&terminal);
    }
}

#[test]
fn it_suspends_to_the_shell_and_comes_back() {
    let place = Place::new();
    let producer =
        Peer::producer(&place.socket(), "--impl reference --hold --consumers 0").settled();
    // By key, and by a signal from outside. A shell with job control stands in for the user's.
    for by_key in [true, false] {
        let script = format!(
            "'{}' --pid {}; stty -a; echo suspended; fg >/dev/null; echo ended with $?; read line",
            env!("CARGO_BIN_EXE_zbqtop"),
            producer.pid()
        );
        let mut shell = std::process::Command::new("sh");
        shell.args(["-m", "-c", &script]);
        let mut terminal = Terminal::start(&mut shell, 24, 80);
        terminal.wait("the dashboard", |text| text.contains("peer"));
        assert!(!terminal.is_cooked());
        if by_key {
            terminal.keys("\x1a");
        } else {
            signal_child(&terminal, Signal::TSTP);
        }
        // `fg` brings it back at once; what the shell said in between was said on the main screen.
        terminal.wait_raw("its second appearance", |raw| {
            raw.matches("\x1b[?1049h").count() == 2
        });
        assert_given_back_once(&terminal);
        terminal.wait("the dashboard again", |text| text.contains("peer"));
        assert!(!terminal.is_cooked());
        terminal.keys("q");
        terminal.wait("its end", |text| {
            text.contains("suspended") && text.contains("ended with 0")
        });
    }
}

/// Sends a signal to the one child of the shell in `terminal`.
fn signal_child(terminal: &Terminal, signal: Signal) {
    let children = format!("/proc/{0}/task/{0}/children", terminal.pid());
    let children = std::fs::read_to_string(children).expect("the shell lives");
    let zbqtop: i32 = children.trim().parse().expect("one child");
    kill_process(Pid::from_raw(zbqtop).expect("a pid"), signal).expect("it lives");
}

/// After it has suspended itself, a stop from outside, of which it learns only when it goes on: whoever had the terminal
/// meanwhile left it in another mode.
#[test]
fn after_a_suspension_a_stop_from_outside_is_survived_too() {
    let place = Place::new();
    let producer =
        Peer::producer(&place.socket(), "--impl reference --hold --consumers 0").settled();
    let script = format!(
        "'{}' --pid {}; fg >/dev/null; stty sane; fg >/dev/null; echo ended with $?; read line",
        env!("CARGO_BIN_EXE_zbqtop"),
        producer.pid()
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-m", "-c", &script]);
    let mut terminal = Terminal::start(&mut shell, 24, 80);
    terminal.wait("the dashboard", |text| text.contains("peer"));
    terminal.keys("\x1a");
    let appearances = |count: usize| move |raw: &str| raw.matches("\x1b[?1049h").count() == count;
    terminal.wait_raw("its second appearance", appearances(2));
    terminal.wait("the dashboard again", |text| text.contains("peer"));
    signal_child(&terminal, Signal::STOP);
    terminal.wait_raw("its third appearance", appearances(3));
    assert!(!terminal.is_cooked());
    terminal.keys("?");
    terminal.wait("help", |text| text.contains("Keys and marks"));
    terminal.keys("\x1b");
    terminal.wait("no help", |text| !text.contains("Keys and marks"));
    terminal.keys("q");
    terminal.wait("its end", |text| text.contains("ended with 0"));
}

/// Between its two appearances the shell had the screen.
fn assert_given_back_once(terminal: &Terminal) {
    let raw = String::from_utf8_lossy(&terminal.raw);
    let [_, first, second] = raw.split("\x1b[?1049h").collect::<Vec<_>>()[..] else {
        panic!("not two appearances: {raw:?}");
    };
    for sequence in GIVEN_BACK {
        assert!(
            first.contains(sequence),
            "no {sequence:?} before the shell's turn: {first:?}"
        );
    }
    let shell = first.rsplit(GIVEN_BACK[0]).next().unwrap_or_default();
    assert!(
        shell.contains("suspended") && !second.contains("suspended"),
        "{raw:?}"
    );
    for off in ["-icanon", "-echo ", "-isig", "-opost"] {
        let told = shell.contains("icanon") && !shell.contains(off);
        assert!(told, "{off} in {shell:?}");
    }
}

#[test]
fn it_survives_any_size() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48 --messages 10",
    )
    .settled();
    let mut terminal = dashboard(&producer, 24, 80);
    for (rows, columns) in [(5, 20), (1, 1), (2, 200), (60, 3), (60, 200)] {
        terminal.resize(rows, columns);
        std::thread::sleep(std::time::Duration::from_millis(150));
    }
    terminal.wait("the dashboard at its largest", |text| {
        text.contains("Messages") && text.contains("7a 7a")
    });
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
}

/// A terminal that is dragged about while samples come shows in the end what belongs there, and nothing else.
#[test]
fn a_storm_of_sizes_ends_with_a_right_screen() {
    let place = Place::new();
    let common = "--impl reference --payload 48 --hold";
    let mut producer = Peer::producer(
        &place.socket(),
        &format!("{common} --consumers 1 --rate 2000"),
    );
    let _consumer = Peer::consumer(&place.socket(), "--impl reference --hold");
    let mut terminal = dashboard(&producer, 24, 80);
    producer.tell("send 500");
    for round in 0..20u16 {
        for (rows, columns) in [(100, 300), (5, 20), (24 + round, 80 + 7 * round), (24, 80)] {
            terminal.resize(rows, columns);
            std::thread::sleep(std::time::Duration::from_millis(u64::from(round) % 4 * 15));
        }
    }
    terminal.wait("the last size", |text| {
        text.contains("Hex") && text.contains("? help") && text.lines().count() == 24
    });
    terminal.keys(" ");
    let seen = terminal.wait("FROZEN", |text| {
        text.contains("FROZEN") && text.contains("live again")
    });
    // What is on the screen is what the program means to be there: drawn anew, it is the same.
    terminal.scribble("\x1b[2J\x1b[Hnothing");
    terminal.keys("\x0c");
    // Blanks at the end of a line are there or not.
    let trimmed = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    };
    let seen = trimmed(&seen);
    terminal.wait("the same screen", |text| trimmed(text) == seen);
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
}

#[test]
fn a_ring_that_ends_stays_and_leads_to_the_list_and_back() {
    let place = Place::new();
    let common = "--impl reference --payload 48 --hold";
    let mut producer = Peer::producer(&place.socket(), &format!("{common} --consumers 1"));
    let consumer = Peer::consumer(&place.socket(), common);
    let other = Place::new();
    let _other = Peer::producer(&other.socket(), &format!("{common} --consumers 0"));
    let mut terminal = dashboard(&producer, 60, 160);
    producer.tell("send 100");
    terminal.wait("messages", |text| text.contains("7a 7a"));
    producer.kill();
    terminal.wait("its end", |text| {
        let words = [
            " ENDED ",
            "L list of rings",
            "can still be read",
            "the end",
            "7a 7a",
        ];
        words.iter().all(|words| text.contains(words))
    });
    // It lives on in its consumer, and there the list finds it.
    let through = format!("via {}", consumer.pid());
    terminal.keys("L");
    terminal.wait("the orphan in the list", |text| text.contains(&through));
    terminal.keys("\x1b");
    terminal.wait("the ring that was shown", |text| {
        text.contains(" ENDED ") && text.contains("7a 7a")
    });
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
}

#[test]
fn a_ring_without_a_producer_is_opened_from_the_list() {
    let place = Place::new();
    let common = "--impl reference --payload 48 --hold";
    let producer = Peer::producer(&place.socket(), &format!("{common} --consumers 1"));
    let consumer = Peer::consumer(&place.socket(), common).settled();
    let mut producer = producer.settled();
    producer.ask("send 100", "done");
    producer.kill();
    // With another one there is a list in any case.
    let other = Place::new();
    let _other = Peer::producer(&other.socket(), &format!("{common} --consumers 0")).settled();
    let mut terminal = Terminal::start(&mut zbqtop(), 50, 160);
    terminal.wait("a list, or the other ring", |text| {
        text.contains("Rings") || text.contains("Consumers")
    });
    terminal.keys("L");
    let through = format!("via {}", consumer.pid());
    let list = terminal.wait("the orphan", |text| text.contains(&through));
    // Down to it, however many rings other tests have made meanwhile.
    let mut list = list;
    for _ in 0..200 {
        let marked = list
            .lines()
            .find(|line| line.contains('▸') && !line.contains("Rings"));
        if marked.is_some_and(|line| line.contains(&through)) {
            break;
        }
        terminal.keys("j");
        std::thread::sleep(std::time::Duration::from_millis(50));
        list = terminal.text();
    }
    terminal.keys("\r");
    terminal.wait("the ring", |text| {
        text.contains(" ENDED ") && text.contains(&consumer.pid().to_string())
    });
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
}

#[test]
fn colours_are_left_out_when_not_wanted() {
    let place = Place::new();
    let producer =
        Peer::producer(&place.socket(), "--impl reference --hold --consumers 0").settled();
    let pid = producer.pid().to_string();
    let coloured = |arguments: &[&str], no_color: bool| {
        let mut command = zbqtop();
        command.args(["--pid", &pid]).args(arguments);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        let mut terminal = Terminal::start(&mut command, 24, 80);
        terminal.wait("the dashboard", |text| text.contains("peer"));
        terminal.keys("q");
        terminal.ended();
        let raw = String::from_utf8_lossy(&terminal.raw).into_owned();
        // SGR 30 to 37, 90 to 97, or 38;…: a foreground colour.
        raw.split("\x1b[").skip(1).any(|rest| {
            let parameters = rest.split('m').next().unwrap_or_default();
            parameters.split(';').any(|one| {
                one.parse::<u8>()
                    .is_ok_and(|code| (30..=38).contains(&code) || (90..=97).contains(&code))
            })
        })
    };
    assert!(coloured(&[], false));
    assert!(!coloured(&[], true));
    assert!(!coloured(&["--color", "never"], false));
    assert!(coloured(&["--color", "always"], true));
}

#[test]
fn without_a_terminal_it_prints_a_table() {
    let place = Place::new();
    let producer =
        Peer::producer(&place.socket(), "--impl reference --hold --consumers 0").settled();
    let table = crate::support::program::stdout(&["--pid", &producer.pid().to_string()]);
    assert!(
        table.contains("capacity") && table.contains("no consumers") && !table.contains('\x1b'),
        "{table}"
    );
}

#[test]
fn the_terminal_is_given_back_before_a_panic_is_told() {
    let mut command = std::process::Command::new(example("panicking"));
    let mut terminal = Terminal::start(&mut command, 24, 80);
    terminal.wait("the waiting screen", |text| text.contains("zbqtop demo"));
    assert_eq!(terminal.ended().code(), Some(101));
    assert_given_back(&terminal);
    let raw = String::from_utf8_lossy(&terminal.raw);
    let left = raw.rfind(GIVEN_BACK[0]).expect("it was given back");
    assert!(
        raw[left..].contains("looked too often"),
        "the panic is told on the main screen: {raw:?}"
    );
}

#[test]
fn it_waits_for_a_ring_and_finds_it() {
    let place = Place::new();
    // Other tests have rings, too: what is shown is the first ring, or a list of them with ours in it.
    let mut terminal = Terminal::start(&mut zbqtop(), 50, 120);
    let _producer = Peer::producer(&place.socket(), "--impl reference --hold --consumers 0");
    terminal.wait("a ring, or rings", |text| {
        ["peer", "holder", "demo", "mixed"]
            .iter()
            .any(|name| text.contains(name))
    });
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
}

#[test]
fn a_lying_ring_is_drawn_and_a_vanishing_one_survived() {
    for head in ["1", "65537", "18446744073709551615"] {
        let mut holder = Peer::holder(&format!(
            "false 4096 65536 ring_capacity=65536 stall_timeout_ns=18446744073709551615 producer_head={head}"
        ));
        let mut command = zbqtop();
        command.args(["--pid", &holder.pid().to_string()]);
        let mut terminal = Terminal::start(&mut command, 24, 80);
        terminal.wait("the dashboard", |text| text.contains("holder"));
        for which in ["meta", "ring", "ctrl"] {
            holder.ask(&format!("truncate {which} 0"), "done");
        }
        terminal.wait("the truth", |text| text.contains("truncated"));
        terminal.keys("q");
        assert_eq!(terminal.ended().code(), Some(0));
        assert_given_back(&terminal);
    }
}

#[test]
fn a_hostile_name_does_not_steer_the_terminal() {
    const NAME: &str = "x\x1b[41mY\x1b]0;Z";
    let place = Place::new();
    let binary = place.path().join(NAME);
    std::fs::rename(public_copy(place.path(), &example("peer")), &binary).expect("a free name");
    let mut command = std::process::Command::new(&binary);
    command.args([
        "produce",
        "--impl",
        "reference",
        "--hold",
        "--consumers",
        "0",
        "--socket",
    ]);
    let mut producer = Peer::spawn(command.arg(place.socket()));
    producer.expect("ready");
    let pid = producer.pid().to_string();
    let mut terminal = Terminal::start(zbqtop().args(["--pid", &pid]), 24, 80);
    terminal.wait("the dashboard", |text| text.contains("[41mY"));
    terminal.keys("q");
    terminal.ended();
    let raw = String::from_utf8_lossy(&terminal.raw).into_owned();
    let table = crate::support::program::stdout(&["snapshot", "--interval", "0", "--pid", &pid]);
    let listing = crate::support::program::stdout(&["ls", "--interval", "0"]);
    for text in [raw, table, listing] {
        assert!(
            !text.contains("\x1b[41m") && !text.contains("\x1b]0;"),
            "{text:?}"
        );
    }
}

#[test]
fn a_suspended_dashboard_can_be_ended() {
    let place = Place::new();
    let producer =
        Peer::producer(&place.socket(), "--impl reference --hold --consumers 0").settled();
    let script = format!(
        "'{}' --pid {}; kill -TERM %1; kill -CONT %1; wait %1; echo ended in the background; read line",
        env!("CARGO_BIN_EXE_zbqtop"),
        producer.pid()
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-m", "-c", &script]);
    let mut terminal = Terminal::start(&mut shell, 24, 80);
    terminal.wait("the dashboard", |text| text.contains("peer"));
    terminal.keys("\x1a");
    terminal.wait("its end", |text| text.contains("ended in the background"));
    assert_given_back(&terminal);
}

/// Every signal that can be caught gives the screen back, and then takes its course.
#[test]
fn fatal_signals_give_the_screen_back() {
    use std::os::unix::process::ExitStatusExt as _;
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48",
    )
    .settled();
    for fatal in [
        Signal::QUIT,
        Signal::ABORT,
        Signal::ALARM,
        Signal::XCPU,
        Signal::USR1,
        Signal::USR2,
        Signal::VTALARM,
    ] {
        let mut terminal = dashboard(&producer, 24, 80);
        signal(&terminal, fatal);
        let status = terminal.ended();
        assert_eq!(status.signal(), Some(fatal.as_raw()), "{fatal:?}: {status}");
        assert_given_back(&terminal);
    }
}

/// A terminal that has taken nothing for a while is given back, too: what was queued for it is given up.
#[test]
fn a_terminal_that_took_nothing_is_given_back() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 48 --rate 500",
    );
    producer.tell("send 1000000");
    for round in 0..6 {
        let mut terminal = dashboard(&producer, 400, 900);
        terminal.hold(true);
        // Each of these draws the whole screen anew, until there is no room for more: how much that is differs.
        for _ in 0..60 + round * 5 {
            terminal.keys("\x0c");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        signal(&terminal, Signal::TERM);
        std::thread::sleep(std::time::Duration::from_millis(1500));
        terminal.hold(false);
        terminal.ended();
        assert_given_back(&terminal);
    }
}
