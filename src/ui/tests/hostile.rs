//! Names, paths and payloads that try to act on the terminal.

use super::fixtures::*;
use crate::observe::model::{
    ConsumerState, Event, EventKind, EventLog, Finding, Frame, Gap, GapReason, Limitation, Message,
    MessageLog, Severity,
};
use crate::ui::action::Action;
use crate::ui::app::App;
use crate::ui::prompt::Edit;

const HOSTILE: [&str; 7] = [
    "\x1b[31mred\x1b]0;title\x07",
    "\u{9b}2J\u{90}x\u{9c}",
    "abc\u{202e}fdp.exe\u{2066}\u{200b}",
    "line\nfeed\r\ttab\0",
    "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "日本語のとても長い名前です日本語のとても長い名前です",
    "👩\u{200d}👩\u{200d}👧\u{fe0f}\u{e0041}",
];

fn ring_called(name: &str) -> Frame {
    let mut frame = full();
    let ring = &mut frame.snapshot;
    ring.producer.command = Some(name.to_owned());
    ring.consumers = (0..4)
        .map(|slot| consumer(slot, 7, name, 99, ConsumerState::Stalled, name))
        .collect();
    ring.findings = vec![Finding {
        code: "x".into(),
        severity: Severity::Info,
        message: name.to_owned(),
        slot: None,
        pid: None,
    }];
    ring.attach.limits = vec![Limitation {
        what: name.into(),
        why: name.to_owned(),
        remedy: Some(name.to_owned()),
    }];
    frame.messages = MessageLog::imaginary(usize::MAX);
    for number in 0..64 {
        let payload = name.as_bytes().to_vec();
        push(
            &mut frame.messages,
            &Message {
                payload,
                ..message(number)
            },
        );
        frame.messages.skip(Gap {
            from: 0,
            to: 0,
            why: GapReason::Overrun,
            torn: 0,
        });
    }
    frame.messages_note = Some(name.to_owned());
    // Their messages are escaped where they are made; the screen does not rely on it.
    let mut events = EventLog::default();
    events.push(Event {
        kind: EventKind::Left,
        severity: EventKind::Left.severity(),
        at: name.to_owned(),
        monotonic_ns: 0,
        slot: None,
        pid: None,
        command: Some(name.to_owned()),
        message: name.to_owned(),
    });
    frame.events = std::sync::Arc::new(events);
    frame
}

fn list_of(name: &str) -> App {
    let mut listing = listing(3);
    for ring in &mut listing.rings {
        ring.command = Some(name.to_owned());
        ring.id = name.to_owned();
        ring.reason = name.to_owned();
        ring.sockets = Some(vec![name.to_owned()]);
    }
    listing.limits[0].why = name.to_owned();
    let mut app = App::new(std::time::Duration::from_millis(100), None);
    app.take_listing(listing);
    app.refused(name, name);
    app
}

/// Nothing that a terminal acts on, and nothing that is not there to be seen, but for marks on the letter before them.
fn assert_harmless(app: &App, name: &str) {
    for (width, height) in [(80, 24), (200, 60), (40, 12), (20, 5)] {
        for cell in drawn(app, width, height).backend().buffer().content() {
            for character in cell.symbol().chars() {
                let acts = character.is_control()
                    || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fe0f}' | '\u{e0041}');
                assert!(!acts, "{character:?} of {name:?} reached the screen");
            }
        }
    }
}

#[test]
fn names_are_escaped() {
    let long = "x".repeat(10_000);
    let marks = format!("a{}", "\u{301}".repeat(10_000));
    let escapes = "\x1b".repeat(10_000);
    for name in HOSTILE.into_iter().chain([long.as_str(), &marks, &escapes]) {
        let mut app = on(ring_called(name));
        assert_harmless(&app, name);
        press(&mut app, &[Action::NextPane]);
        assert_harmless(&app, name);
        press(&mut app, &[Action::PreviousPane, Action::Open]);
        assert_harmless(&app, name);
        press(&mut app, &[Action::Back, Action::Filter]);
        enter(&mut app, name);
        assert_harmless(&app, name);
        app.edit(Edit::Keep);
        assert_harmless(&app, name);
        assert_harmless(&list_of(name), name);
    }
    for (name, escaped) in [
        (HOSTILE[0], "\\x1b[31mred"),
        (HOSTILE[1], "\\u{9b}2J"),
        (HOSTILE[2], "abc\\u{202e}fdp"),
        (HOSTILE[3], "line\\nfeed\\r"),
    ] {
        let text = lines(&drawn(&on(ring_called(name)), 80, 24)).join("\n");
        assert!(text.contains(escaped), "{escaped} is not in\n{text}");
    }
}

/// The frame's right edge stands where it stood, whatever is in the cells before it.
#[test]
fn wide_characters_break_no_column() {
    for name in HOSTILE {
        let terminal = drawn(&on(ring_called(name)), 80, 24);
        let buffer = terminal.backend().buffer();
        let edge = (4..23).map(|y| buffer[(79, y)].symbol());
        assert!(
            edge.clone().all(|symbol| "┐│┤┘".contains(symbol)),
            "{name:?}: {:?}",
            edge.collect::<String>()
        );
    }
}

/// Ten thousand marks on one letter are one cell, and must not be written out at every draw.
#[test]
fn no_cell_grows_without_bound() {
    let marks = format!("a{}", "\u{301}".repeat(10_000));
    let terminal = drawn(&on(ring_called(&marks)), 80, 24);
    let longest = terminal
        .backend()
        .buffer()
        .content()
        .iter()
        .map(|cell| cell.symbol().len())
        .max();
    assert!(longest < Some(256), "{longest:?} bytes in a cell");
}
