//! The messages' panes of the dashboard in a real pseudo-terminal, on rings of the reference.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::program::zbqtop;
use crate::support::pty::Terminal;
use crate::support::{Peer, Place, contents, eventually};

const SEED: u64 = 9;
const LONGEST: usize = 60;

fn payload(seq_id: u64) -> Vec<u8> {
    contents(SEED, LONGEST, seq_id)
}

fn producer(place: &Place, messages: u64) -> Peer {
    let arguments = format!(
        "--impl reference --hold --consumers 0 --seed {SEED} --max-payload {LONGEST} --messages {messages}"
    );
    Peer::producer(&place.socket(), &arguments).settled()
}

/// A dashboard that writes its files into `place`, with the keys in the messages' pane.
fn dashboard(producer: &Peer, place: &Path) -> Terminal {
    let mut command = zbqtop();
    command.args(["--pid", &producer.pid().to_string()]);
    command.current_dir(place);
    let mut terminal = Terminal::start(&mut command, 40, 120);
    terminal.wait("the dashboard", |text| text.contains("Messages"));
    terminal.keys("3");
    terminal.wait("the messages' pane", |text| text.contains("▸3 Messages"));
    terminal
}

/// The file that the screen says was written.
fn written(terminal: &mut Terminal, place: &Path, name: &str) -> Vec<u8> {
    terminal.wait("what was written", |text| text.contains(name));
    std::fs::read(place.join(name)).expect("it is there")
}

#[test]
fn what_is_looked_for_is_found_saved_and_copied() {
    let place = Place::new();
    let producer = producer(&place, 40);
    let mut terminal = dashboard(&producer, place.path());
    terminal.wait("the newest", |text| text.contains("seq 40 "));
    terminal.keys("/seq:10..12\r");
    terminal.wait("the last of three", |text| {
        text.contains("3 match /seq:10..12") && text.contains("seq 12 ")
    });
    terminal.keys("N");
    terminal.wait("the one before", |text| text.contains("seq 11 "));
    terminal.keys("nn");
    terminal.wait("the end", |text| {
        text.contains("no newer match") && text.contains("seq 12 ")
    });

    // By its bytes.
    let wanted = (20..30)
        .find(|seq_id| payload(*seq_id).len() >= 16)
        .expect("one of ten");
    let digits: String = payload(wanted)[4..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    terminal.keys(&format!("/\x15hex:{digits}"));
    terminal.wait("what was typed", |text| {
        text.contains(&digits) && text.contains("1 match")
    });
    terminal.keys("x");
    terminal.wait("what is wrong", |text| text.contains("`x` is neither"));
    terminal.keys("\r\x7f\r");
    terminal.wait("the message", |text| {
        text.contains(&format!("seq {wanted} ")) && text.contains("? help")
    });

    let offset: u64 = (1..wanted)
        .map(|seq_id| 16 + payload(seq_id).len() as u64)
        .sum();
    let name = format!("zbqtop-{}-{offset}", producer.pid());
    terminal.keys("w");
    assert_eq!(
        written(&mut terminal, place.path(), &format!("{name}.bin")),
        payload(wanted)
    );
    terminal.keys("w");
    assert_eq!(
        written(&mut terminal, place.path(), &format!("{name}-1.bin")),
        payload(wanted)
    );

    terminal.keys("y");
    let hex: Vec<String> = payload(wanted)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let sequence = format!("\x1b]52;c;{}\x07", STANDARD.encode(hex.join(" ")));
    terminal.wait_raw("the clipboard's sequence", |raw| raw.contains(&sequence));
    terminal.wait("what was copied", |text| text.contains("bytes in hex"));
    terminal.keys("q");
    assert_eq!(terminal.ended().code(), Some(0));
}

#[test]
fn what_was_seen_stays_when_the_ring_has_lapped() {
    let place = Place::new();
    let mut producer = producer(&place, 40);
    let mut terminal = dashboard(&producer, place.path());
    terminal.keys("/seq:20\r");
    terminal.wait("the message", |text| text.contains("seq 20 "));
    // Far more than the ring's 64 KiB.
    producer.ask("send 20000", "done");
    terminal.wait("news", |text| {
        text.contains("new below") && !text.contains("nothing new")
    });
    let offset = |wanted: u64| -> u64 {
        (1..wanted)
            .map(|seq_id| 16 + payload(seq_id).len() as u64)
            .sum()
    };
    for (keys, seq_id) in [("w", 20), ("kw", 19), ("gw", 1)] {
        terminal.keys(keys);
        let name = format!("zbqtop-{}-{}.bin", producer.pid(), offset(seq_id));
        assert_eq!(
            written(&mut terminal, place.path(), &name),
            payload(seq_id),
            "{seq_id}"
        );
    }
    terminal.keys("G");
    terminal.wait("the newest", |text| {
        text.contains("seq 20040 ") && text.contains("Messages, newest")
    });
    terminal.keys("q");
    terminal.ended();
}

#[test]
fn what_the_ring_holds_from_the_lap_before_is_listed() {
    let place = Place::new();
    // A little more than a lap: what is sure from the start is little, what the ring holds is much.
    let producer = producer(&place, 1500);
    let mut terminal = dashboard(&producer, place.path());
    terminal.keys("k");
    // `▸3 Messages 1 234/1 235`: the place of the selected row, and how many there are.
    let place = |text: &str| {
        let line = text
            .lines()
            .find_map(|line| line.split_once("▸3 Messages "));
        let (_, all) = line?.1.split(['─', ',']).next()?.split_once('/')?;
        let digits: String = all.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok()
    };
    let text = terminal.wait("where the list stands", |text| place(text).is_some());
    let rows = place(&text);
    assert!(rows.is_some_and(|rows| rows > 600), "{rows:?} in\n{text}");
    terminal.keys("q");
    terminal.ended();
}

#[test]
fn a_long_payload_is_saved_whole_while_the_ring_has_it() {
    let place = Place::new();
    let arguments =
        "--impl zbqtop --hold --consumers 0 --capacity 262144 --payload 40000 --messages 1";
    let mut producer = Peer::producer(&place.socket(), arguments).settled();
    let mut terminal = dashboard(&producer, place.path());
    terminal.wait("the message", |text| {
        text.contains("40000 B, first 16384 kept")
    });
    terminal.keys("fw");
    let name = format!("zbqtop-{}-0", producer.pid());
    let whole = written(&mut terminal, place.path(), &format!("{name}.bin"));
    assert_eq!(whole, [b'z'; 40000]);
    producer.ask("send 30", "done");
    terminal.wait("news", |text| {
        text.contains("new below") && !text.contains("nothing new")
    });
    terminal.keys("w");
    terminal.wait("what is left", |text| {
        text.contains("the first 16384 of 40000 bytes")
    });
    let rest = eventually("the file", || {
        std::fs::read(place.path().join(format!("{name}-1.bin"))).ok()
    });
    assert_eq!(rest, [b'z'; 16384]);
    terminal.keys("q");
    terminal.ended();
}
