//! The consumers' pane of the dashboard in a real pseudo-terminal, by keys and by mouse.

use crate::screen::assert_given_back;
use crate::support::program::zbqtop;
use crate::support::pty::Terminal;
use crate::support::{Peer, Place};

/// Presses the left button, or turns the wheel, where `text` stands on the screen.
fn mouse(terminal: &mut Terminal, button: u8, text: &str) {
    let screen = terminal.text();
    let found = (1..)
        .zip(screen.lines())
        .find_map(|(row, line)| Some((line[..line.find(text)?].chars().count() + 1, row)));
    let (column, row) = found.unwrap_or_else(|| panic!("{text} is not on\n{screen}"));
    terminal.keys(&format!(
        "\x1b[<{button};{column};{row}M\x1b[<{button};{column};{row}m"
    ));
}

/// Pids of consumers in the order of the table, and the selected one.
fn table(text: &str, pids: &[String]) -> (Vec<String>, Option<String>) {
    let of = |line: &str| pids.iter().find(|pid| line.contains(*pid)).cloned();
    let listed = text.lines().filter_map(of).collect();
    let selected = text.lines().find(|line| line.starts_with("│▸"));
    (listed, selected.and_then(of))
}

#[test]
fn consumers_are_sorted_filtered_and_looked_at_by_keys_and_mouse() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 3 --payload 48 --stall-timeout 600000",
    );
    // The later they stop, the less they lag.
    let consumers: Vec<Peer> = (0..3)
        .map(|_| Peer::consumer(&place.socket(), "--impl reference --hold"))
        .collect();
    let pids: Vec<String> = consumers
        .iter()
        .map(|peer| peer.pid().to_string())
        .collect();
    let mut terminal = Terminal::start(
        zbqtop().args(["--pid", &producer.pid().to_string()]),
        40,
        120,
    );
    terminal.wait("three consumers", |text| {
        text.contains("Consumers 3") && text.contains("idle") && table(text, &pids).0.len() == 3
    });
    producer.tell("send 10");
    let by_slot = table(&terminal.text(), &pids).0;
    assert_eq!(by_slot.len(), 3);
    // The second is selected, and stays so whatever is done to the order.
    mouse(&mut terminal, 0, &by_slot[1]);
    let second = |text: &str| table(text, &pids).1.as_ref() == Some(&by_slot[1]);
    terminal.wait("the second consumer selected", second);
    terminal.keys("r");
    terminal.wait("the order reversed", |text| {
        let (listed, _) = table(text, &pids);
        text.contains("▼SLOT") && listed.iter().eq(by_slot.iter().rev()) && second(text)
    });
    mouse(&mut terminal, 0, "LAG");
    terminal.wait("sorted by lag", |text| {
        text.contains("▼LAG") && second(text)
    });
    mouse(&mut terminal, 0, "LAG");
    terminal.wait("and the other way round", |text| {
        text.contains("▲LAG") && second(text)
    });
    // The wheel moves the selection.
    mouse(&mut terminal, 65, &by_slot[1]);
    terminal.wait("another consumer", |text| {
        table(text, &pids).1.is_some() && !second(text)
    });
    // Keys that would quit are text in a filter.
    // The name of the socket, which is random, may have a q in it.
    terminal.keys("/q!");
    terminal.wait("nothing found", |text| {
        text.contains("Consumers 0 of 3, /q!")
    });
    terminal.keys(&format!("\x7f\x7f{}", by_slot[1]));
    terminal.wait("one found", |text| {
        text.contains("Consumers 1 of 3") && second(text)
    });
    terminal.keys("\r");
    terminal.wait("the keys again", |text| text.contains("s sort"));
    terminal.keys("\r");
    terminal.wait("its details", |text| {
        text.contains(&format!("Process   pid {}, peer, ", by_slot[1]))
            && text.contains("(from the slot table)")
            && text.contains("Lag over time")
            && text.contains("10 s ago")
    });
    terminal.keys("\x1b");
    terminal.wait("the filtered table", |text| {
        text.contains("Consumers 1 of 3")
    });
    terminal.keys("\x1b");
    terminal.wait("all of them", |text| text.contains("Consumers 3 "));
    // What another program has written over the screen is drawn over.
    terminal.scribble("\x1b[2J");
    assert!(!terminal.text().contains("Head"));
    terminal.keys("\x0c");
    terminal.wait("everything drawn again", |text| {
        text.contains("Consumers 3 ") && text.contains("Head") && text.contains("? help")
    });
    // Rubbish from a mouse is nothing.
    terminal.keys("\x1b[<0;0;0M\x1b[<0;9999;9999M\x1b[Mqqq\x1b[<99999999999;1;1M");
    terminal.keys("?");
    terminal.wait("help", |text| text.contains("this help"));
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
    assert_given_back(&terminal);
}
