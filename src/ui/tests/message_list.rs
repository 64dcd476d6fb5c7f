//! Messages followed, held, walked through and searched.

use insta::assert_snapshot;
use ratatui::style::Modifier;

use super::fixtures::*;
use crate::observe::model::{Frame, Gap, GapReason, LogRow, Message, MessageLog, SearchProgress};
use crate::ring::RawMessage;
use crate::ui::action::{Action, Effect, FrontView, Pane};
use crate::ui::app::App;
use crate::ui::prompt::Edit;
use crate::ui::theme::Theme;
use crate::ui::view::screen;

const SIZES: [(u16, u16); 6] = [(20, 5), (40, 12), (80, 24), (120, 40), (200, 60), (300, 80)];

fn at_all_sizes(name: &str, app: &App) {
    for (width, height) in SIZES {
        assert_snapshot!(
            format!("{name}_{width}x{height}"),
            drawn(app, width, height).backend()
        );
    }
}

/// After so many messages, all of which are kept.
fn after(messages: u64) -> Frame {
    let mut frame = flowing();
    frame.messages = log(messages, usize::MAX);
    frame
}

/// After so many messages, of which only the newest are kept.
fn long_after(messages: u64) -> Frame {
    let mut frame = flowing();
    frame.messages = log(messages, 0);
    frame
}

/// Where the message of that number begins.
fn offset(number: u64) -> u64 {
    message(number).offset
}

/// The messages with these numbers, as they are read from the ring once more.
fn part(numbers: std::ops::Range<u64>) -> MessageLog {
    let mut part = MessageLog::new(usize::MAX);
    numbers.for_each(|number| push(&mut part, &message(number)));
    part
}

/// What a search finds in a ring that holds the messages with these numbers.
fn find(app: &App, numbers: std::ops::Range<u64>) -> SearchProgress {
    let request = app.search_request().unwrap();
    let mut progress = SearchProgress {
        number: request.number,
        found: MessageLog::new(usize::MAX),
        ..SearchProgress::default()
    };
    for message in numbers.map(message) {
        let raw = RawMessage {
            offset: message.offset,
            header: message.header,
            payload: &message.payload,
        };
        progress.searched_messages += 1;
        progress.searched_bytes += message.header.total_len();
        if (request.matcher)(&raw, message.integrity) {
            progress.matches += 1;
            progress.found.push(raw, message.integrity);
        }
    }
    progress
}

/// The dashboard with the keys in the messages' pane.
fn message_list(frame: Frame) -> App {
    let mut app = on(frame);
    press(&mut app, &[Action::Pane(Pane::Messages)]);
    app
}

fn selected(app: &App) -> u64 {
    app.message_list().message().unwrap().header.seq_id
}

fn text(app: &App, width: u16, height: u16) -> String {
    lines(&drawn(app, width, height)).join("\n")
}

fn search(app: &mut App, typed: &str) {
    press(app, &[Action::Filter]);
    enter(app, typed);
    app.edit(Edit::Keep);
}

#[test]
fn the_newest_message_is_selected_until_the_user_moves() {
    let mut app = message_list(after(64));
    assert_eq!(selected(&app), 64);
    take(&mut app, after(74));
    assert_eq!(selected(&app), 74);
    press(&mut app, &[Action::Up, Action::Up]);
    assert_eq!(app.message_list().news(), 0);
    take(&mut app, after(84));
    assert_eq!((selected(&app), app.message_list().news()), (72, 10));
    // The ring's own list has let go of it and of all around it, but what was walked through stays.
    take(&mut app, long_after(84 + 500));
    assert_eq!((selected(&app), app.message_list().news()), (72, 510));
    press(&mut app, &[Action::Up]);
    assert_eq!(selected(&app), 71);
    assert_eq!(
        app.message_list().message().unwrap().payload,
        message(70).payload,
        "and its bytes"
    );
    press(&mut app, &[Action::First]);
    assert_eq!(selected(&app), 1);
    press(&mut app, &[Action::Last]);
    assert_eq!(selected(&app), 584, "the last row goes along again");
    take(&mut app, long_after(600));
    assert_eq!((selected(&app), app.message_list().news()), (600, 0));
}

#[test]
fn from_the_end_of_what_was_held_the_list_goes_on() {
    let mut app = message_list(after(64));
    press(&mut app, &[Action::Up]);
    // More than 256 rows on: in between some have gone.
    take(&mut app, long_after(600));
    press(&mut app, &[Action::Down]);
    assert_eq!(selected(&app), 64, "the last that was held");
    assert!(!app.message_list().follows());
    // The ring has let go of what comes after it, too.
    let beyond = apply(&mut app, Action::Down);
    assert_eq!(beyond, Some(Effect::Around(offset(63))));
    app.take_around(offset(63), None);
    assert_eq!(selected(&app), 512, "the oldest there is after it");
    assert!(!app.message_list().follows());
    press(&mut app, &[Action::Up]);
    assert_eq!(selected(&app), 512);
    press(&mut app, &[Action::Down]);
    assert_eq!(selected(&app), 513);
}

#[test]
fn reaching_the_newest_goes_along_again() {
    let mut app = message_list(after(64));
    let follows = |app: &App| app.message_list().follows();
    press(&mut app, &[Action::Up, Action::Down]);
    assert!(follows(&app));
    press(&mut app, &[Action::First]);
    assert_eq!(selected(&app), 1);
    press(&mut app, &[Action::PageDown]);
    assert!(!follows(&app));
    press(&mut app, &[Action::Live]);
    assert!(follows(&app));
    press(&mut app, &[Action::Follow]);
    assert_eq!((follows(&app), selected(&app)), (false, 64));
    take(&mut app, after(70));
    assert_eq!(selected(&app), 64);
    press(&mut app, &[Action::Follow]);
    assert_eq!((follows(&app), selected(&app)), (true, 70));
}

#[test]
fn a_frozen_list_can_be_walked_through() {
    let mut app = message_list(after(64));
    press(&mut app, &[Action::Freeze, Action::Up]);
    take(&mut app, after(90));
    assert_eq!((selected(&app), app.message_list().news()), (63, 0));
    press(&mut app, &[Action::Freeze]);
    take(&mut app, after(90));
    assert_eq!((selected(&app), app.message_list().news()), (63, 26));
}

#[test]
fn a_long_search_goes_on_while_the_screen_stands_still() {
    let mut app = message_list(after(20_000));
    press(&mut app, &[Action::Freeze, Action::Filter]);
    enter(&mut app, "re:(1|2).*(5|7).*9");
    let mut looks = 0;
    while app.message_list().found().is_some_and(|(_, busy)| busy) {
        assert!(take(&mut app, after(64)), "what was found has to be drawn");
        looks += 1;
    }
    assert!(looks > 0, "it was over at once");
    assert!(!take(&mut app, after(64)));
    assert!(
        app.message_list()
            .found()
            .is_some_and(|(found, _)| found > 1000)
    );
}

#[test]
fn a_search_goes_from_match_to_match() {
    let mut app = message_list(after(64));
    press(&mut app, &[Action::Filter]);
    assert!(app.is_typing());
    enter(&mut app, "quote 01");
    assert_eq!(
        app.message_list().found(),
        Some((10, false)),
        "while it is typed"
    );
    assert_eq!(selected(&app), 64, "nothing moves yet");
    app.edit(Edit::Keep);
    assert!(!app.is_typing());
    assert_eq!(selected(&app), 20, "the newest of them");
    press(&mut app, &[Action::Previous, Action::Previous]);
    assert_eq!(selected(&app), 18);
    press(&mut app, &[Action::Next]);
    assert_eq!(selected(&app), 19);
    press(&mut app, &[Action::Next, Action::Next]);
    assert_eq!((selected(&app), app.said()), (20, Some("no newer match")));
    press(&mut app, &[Action::Previous; 10]);
    assert_eq!((selected(&app), app.said()), (11, Some("no older match")));
    // What comes is searched, too.
    press(&mut app, &[Action::Back]);
    search(&mut app, "re:quote 0?(63|7.)");
    assert_eq!(
        (selected(&app), app.message_list().found()),
        (64, Some((1, false)))
    );
    take(&mut app, after(80));
    assert_eq!(app.message_list().found(), Some((11, false)));
    assert_eq!(selected(&app), 64, "and does not carry the selection off");
    press(&mut app, &[Action::Back]);
    assert_eq!(
        (app.message_list().found(), app.message_list().typed()),
        (None, "")
    );
    press(&mut app, &[Action::Next]);
    assert!(app.said().unwrap().starts_with("no search"));
}

#[test]
fn a_match_is_shown_in_the_list_and_in_the_bytes() {
    let mut app = message_list(after(64));
    search(&mut app, "eurusd");
    press(&mut app, &[Action::NextPane]);
    assert_eq!(app.focus(), Pane::Hex);
    assert_eq!(app.message_list().byte(30), 10, "where it begins");
    assert_eq!(app.message_list().places().first(), Some(&(10..16)));
    for color in [true, false] {
        let terminal = themed(&app, &Theme::new(color, false), 80, 24);
        let marked: String = terminal
            .backend()
            .buffer()
            .content()
            .iter()
            .filter(|cell| cell.modifier.contains(Modifier::UNDERLINED))
            .map(|cell| cell.symbol())
            .collect();
        assert!(
            marked.contains("455552555344") || marked.contains("EURUSD"),
            "{marked}"
        );
    }
    let terminal = themed(&app, &Theme::new(false, false), 200, 60);
    let cells = terminal.backend().buffer().content().iter();
    let marked = cells.filter(|cell| cell.modifier.contains(Modifier::UNDERLINED));
    let marked: String = marked.map(|cell| cell.symbol()).collect();
    assert!(marked.matches("EURUSD").count() > 20, "{marked}");
}

#[test]
fn only_what_was_found_is_listed_and_goes_along() {
    let mut app = message_list(after(64));
    search(&mut app, "fds>0");
    press(&mut app, &[Action::Only]);
    assert_eq!(selected(&app), 64);
    assert_eq!(app.message_list().len(), 5, "the gap stays");
    press(&mut app, &[Action::Up]);
    assert!(matches!(
        app.message_list().selected(),
        Some(LogRow::Gap(_))
    ));
    press(&mut app, &[Action::First]);
    assert_eq!(selected(&app), 16);
    press(&mut app, &[Action::Down, Action::Down]);
    assert_eq!(selected(&app), 48);
    press(&mut app, &[Action::Last]);
    take(&mut app, after(97));
    assert_eq!((app.message_list().len(), selected(&app)), (7, 96));
    press(&mut app, &[Action::Only]);
    assert_eq!(selected(&app), 97, "the newest of all");
    // A message that does not match gives its place to the match before it.
    press(&mut app, &[Action::Up, Action::Up, Action::Only]);
    assert_eq!(selected(&app), 80);
    press(&mut app, &[Action::Only]);
    assert_eq!(selected(&app), 95);
    // Without anything to look for, & asks.
    press(&mut app, &[Action::Back, Action::Only]);
    assert!(app.is_typing() && app.message_list().lists_found());
    enter(&mut app, "seq:3..5");
    app.edit(Edit::Keep);
    assert_eq!(app.message_list().found(), Some((3, false)));
    press(&mut app, &[Action::Back]);
    assert!(app.message_list().len() > 64);
}

#[test]
fn what_cannot_be_understood_changes_nothing() {
    let mut app = message_list(after(64));
    search(&mut app, "quote");
    press(&mut app, &[Action::Filter]);
    app.edit(Edit::EraseAll);
    enter(&mut app, "re:(quo");
    app.edit(Edit::Keep);
    assert!(app.is_typing(), "it waits to be mended");
    assert!(text(&app, 80, 24).contains("unclosed group"));
    assert_eq!(
        app.message_list().found(),
        None,
        "`re:` asks for nothing, which was understood last"
    );
    enter(&mut app, "te)");
    app.edit(Edit::Keep);
    assert_eq!(app.message_list().found(), Some((64, false)));
    press(&mut app, &[Action::Filter]);
    enter(&mut app, "[");
    assert_eq!(
        app.message_list().found(),
        Some((64, false)),
        "the last that was understood"
    );
    app.edit(Edit::Clear);
    assert!(!app.is_typing() && app.message_list().error().is_none());
}

#[test]
fn the_byte_looked_at_is_moved_and_stays_from_message_to_message() {
    let mut app = message_list(after(64));
    press(&mut app, &[Action::NextPane]);
    let byte = |app: &App| app.message_list().byte(30);
    press(&mut app, &[Action::Down, Action::Right, Action::Right]);
    assert_eq!(byte(&app), 10);
    press(&mut app, &[Action::Left, Action::Up]);
    assert_eq!(byte(&app), 1);
    press(&mut app, &[Action::Up]);
    assert_eq!(byte(&app), 1, "there is no row before it");
    press(&mut app, &[Action::PageDown]);
    assert_eq!(byte(&app), 25);
    press(&mut app, &[Action::Down]);
    assert_eq!(byte(&app), 25);
    press(&mut app, &[Action::Last, Action::Right]);
    assert_eq!(byte(&app), 29);
    press(&mut app, &[Action::First, Action::Left, Action::Down]);
    take(&mut app, after(65));
    assert_eq!(
        (selected(&app), byte(&app)),
        (65, 8),
        "the same field of the next"
    );
    // Left and right are for bytes alone.
    press(&mut app, &[Action::PreviousPane, Action::Right]);
    assert_eq!(byte(&app), 8);
}

/// A message of 16 KiB and more.
fn long() -> App {
    let mut frame = flowing();
    frame.messages = MessageLog::imaginary(usize::MAX);
    let payload: Vec<u8> = (0..20_000_u32).map(|byte| (byte / 7) as u8).collect();
    let mut long = Message {
        payload,
        ..message(0)
    };
    long.header.payload_len = 20_000;
    push(&mut frame.messages, &long);
    let mut app = on(frame);
    press(&mut app, &[Action::PreviousPane]);
    assert_eq!(app.focus(), Pane::Hex);
    app
}

#[test]
fn the_byte_looked_at_is_always_in_sight() {
    let mut app = long();
    let theme = Theme::new(true, false);
    for (width, height) in [(80, 24), (200, 60), (20, 5), (80, 10)] {
        let area = ratatui::layout::Rect::new(0, 0, width, height);
        for action in [
            Action::Last,
            Action::Up,
            Action::PageUp,
            Action::First,
            Action::PageDown,
            Action::Down,
            Action::Down,
        ] {
            let room = screen::viewport(&app, &theme, area);
            app.apply(action, room);
            let terminal = drawn(&app, width, height);
            let content = terminal.backend().buffer().content();
            let seen = content
                .iter()
                .filter(|cell| cell.modifier.contains(Modifier::REVERSED));
            assert!(seen.count() >= 2, "{action:?} at {width}x{height}");
        }
    }
    press(&mut app, &[Action::Last]);
    assert!(text(&app, 80, 24).contains("byte 16383 of 20000"));
    assert!(text(&app, 200, 60).contains("20000 B, first 16384 kept"));
}

#[test]
fn what_is_selected_is_saved_and_copied() {
    let mut app = message_list(after(64));
    press(&mut app, &[Action::Up]);
    let room = crate::ui::viewport::Viewport::default();
    let Some(Effect::Save(saved)) = app.apply(Action::Save, room) else {
        panic!("a message is selected");
    };
    assert_eq!(*saved, message(62));
    let copied = |app: &mut App| match app.apply(Action::Copy, room) {
        Some(Effect::Copy(clip)) => clip.said(app.keymap().key(Action::Save).as_deref()),
        effect => panic!("{effect:?}"),
    };
    assert_eq!(copied(&mut app), "copied 30 bytes in hex");
    // A gap has no payload.
    press(&mut app, &[Action::First, Action::PageDown, Action::Last]);
    while !matches!(app.message_list().selected(), Some(LogRow::Gap(_))) {
        press(&mut app, &[Action::Up]);
    }
    assert_eq!(app.apply(Action::Save, room), None);
    assert_eq!(app.said(), Some("no message is selected"));
    assert_eq!(copied(&mut app), "copied the gap");
    let mut app = on(with_events(full(), 3));
    assert_eq!(copied(&mut app), "copied the consumer");
    press(&mut app, &[Action::NextPane]);
    assert_eq!(copied(&mut app), "copied the finding");
    press(&mut app, &[Action::Down, Action::Down]);
    assert_eq!(copied(&mut app), "copied the limit");
    press(&mut app, &[Action::Down]);
    assert_eq!(copied(&mut app), "copied the event");
    app.take_listing(listing(2));
    press(&mut app, &[Action::List]);
    assert_eq!(copied(&mut app), "copied the ring's id");
    app.say("wrote ./x".to_owned());
    assert!(text(&app, 80, 24).contains("wrote ./x"));
    press(&mut app, &[Action::Down]);
    assert_eq!(app.said(), None, "until the next key");
}

#[test]
fn keys_of_the_messages_do_nothing_elsewhere() {
    let all = [
        Action::Next,
        Action::Only,
        Action::Follow,
        Action::Left,
        Action::Save,
        Action::Copy,
    ];
    let mut app = on(flowing());
    press(&mut app, &[Action::Help]);
    press(&mut app, &all);
    assert!(!app.is_typing() && app.help().is_some() && app.message_list().follows());
    let mut app = on(lonely());
    press(&mut app, &[Action::NextPane]);
    press(&mut app, &all);
    app.edit(Edit::Clear);
    press(&mut app, &[Action::NextPane]);
    press(&mut app, &all);
}

#[test]
fn followed() {
    at_all_sizes("messages", &message_list(after(64)));
}

#[test]
fn walked_back() {
    let mut app = message_list(after(64));
    press(&mut app, &[Action::Up; 8]);
    take(&mut app, long_after(1300));
    // On the gap; a step further on a message.
    at_all_sizes("walked_back", &app);
    press(&mut app, &[Action::Up]);
    assert_snapshot!("walked_further_80x24", drawn(&app, 80, 24).backend());
}

#[test]
fn searched() {
    let mut app = message_list(after(64));
    press(&mut app, &[Action::Filter]);
    at_all_sizes("search_prompt", &app);
    enter(&mut app, "usd 1.0");
    app.edit(Edit::Keep);
    at_all_sizes("search", &app);
    assert_snapshot!(
        "ascii_search_80x24",
        themed(&app, &Theme::new(false, true), 80, 24).backend()
    );
    press(&mut app, &[Action::Only]);
    at_all_sizes("search_only", &app);
    press(&mut app, &[Action::Filter]);
    enter(&mut app, "nowhere");
    at_all_sizes("search_none", &app);
    app.edit(Edit::EraseAll);
    enter(&mut app, "hex:de ad b");
    at_all_sizes("search_bad", &app);
}

#[test]
fn inspected() {
    let mut app = message_list(after(64));
    press(
        &mut app,
        &[Action::NextPane, Action::Down, Action::Down, Action::Right],
    );
    at_all_sizes("inspector", &app);
    assert_snapshot!("inspector_80x16", drawn(&app, 80, 16).backend());
    press(&mut app, &[Action::Freeze]);
    assert_snapshot!("inspector_frozen_80x24", drawn(&app, 80, 24).backend());
    let mut app = long();
    press(&mut app, &[Action::Last]);
    assert_snapshot!("inspector_long_80x24", drawn(&app, 80, 24).backend());
}

#[test]
fn what_is_typed_and_said_survives_any_size() {
    let long = "日本\u{202e}x".repeat(30);
    for typed in ["", "usd", "re:(", "hex:0x", long.as_str()] {
        for pane in [Action::NextPane, Action::PreviousPane] {
            let mut app = on(after(64));
            press(&mut app, &[pane, Action::Filter]);
            enter(&mut app, typed);
            for then in [None, Some(Edit::Keep)] {
                if let Some(edit) = then {
                    app.edit(edit);
                    app.say(long.clone());
                }
                for (width, height) in
                    (0..=45).flat_map(|width| (0..=14).map(move |height| (width, height)))
                {
                    let terminal = drawn(&app, width, height);
                    let symbols = terminal.backend().buffer().content().iter();
                    assert!(
                        symbols
                            .flat_map(|cell| cell.symbol().chars())
                            .all(|character| character != '\u{202e}')
                    );
                }
            }
        }
    }
}

/// How it looks, cell by cell, for what colours and modifiers say.
#[test]
fn styled() {
    let mut app = message_list(after(64));
    search(&mut app, "usd");
    press(&mut app, &[Action::NextPane]);
    for (name, color) in [("colour", true), ("mono", false)] {
        let terminal = themed(&app, &Theme::new(color, false), 80, 24);
        assert_snapshot!(
            format!("styled_{name}"),
            format!("{:?}", terminal.backend().buffer())
        );
    }
}

#[test]
fn a_sampled_ring_says_so_and_shows_its_gaps() {
    let mut frame = after(70);
    frame.messages.skip(Gap {
        from: 0,
        to: 3_250_585,
        why: GapReason::BeyondBudget,
        torn: 12,
    });
    push(&mut frame.messages, &message(70));
    frame.messages_note =
        Some("more than 128 KiB between two samples: only the newest are shown".to_owned());
    let app = message_list(frame);
    let text = text(&app, 120, 40);
    assert!(
        text.contains("-- skipped 3.1 MiB, 12 torn: more than one sample may read --"),
        "{text}"
    );
    assert!(text.contains("more than 128 KiB between"), "{text}");
}

/// The dashboard of a ring that holds 1300 messages, of which the list has the newest, while one is looked for that it
/// does not have.
fn searching() -> App {
    let mut app = message_list(long_after(1300));
    assert!(app.message_list().len() < 400);
    search(&mut app, "re:quote 0");
    assert_eq!(app.message_list().found(), Some((0, false)));
    app
}

#[test]
fn a_search_goes_through_the_whole_ring() {
    let mut app = searching();
    assert!(app.is_search_due(), "the source is asked");
    let early = SearchProgress {
        is_behind: true,
        left_bytes: 46_000,
        ..find(&app, 0..300)
    };
    assert_eq!(
        app.take_progress(Some(early)),
        None,
        "there may be newer ones"
    );
    assert_eq!(app.message_list().found(), Some((100, true)));
    assert!(text(&app, 120, 40).contains("100 matches, searched 13.5 KiB of 58.4 KiB"));
    press(&mut app, &[Action::Next]);
    assert_eq!(
        app.said(),
        Some("none so far: the ring is still being searched")
    );
    let whole = find(&app, 0..1300);
    assert_eq!(
        app.take_progress(Some(whole)),
        Some(Effect::Around(offset(99)))
    );
    app.take_around(offset(99), Some(&part(80..120)));
    assert_eq!(selected(&app), 100);
    let seen = text(&app, 120, 40);
    assert!(
        seen.contains("100 matches, searched all 58.7 KiB"),
        "{seen}"
    );
    assert!(seen.contains("not following"), "{seen}");
    // On from there, in what was read and beyond.
    press(&mut app, &[Action::Previous; 19]);
    assert_eq!(selected(&app), 81);
    assert_eq!(
        apply(&mut app, Action::Previous),
        Some(Effect::Around(offset(79)))
    );
    app.take_around(offset(79), Some(&part(70..90)));
    assert_eq!(selected(&app), 80);
    press(&mut app, &[Action::Next; 10]);
    assert_eq!(selected(&app), 90);
    assert_eq!(
        apply(&mut app, Action::Next),
        Some(Effect::Around(offset(90)))
    );
    // The ring goes on; the newest messages are a key away.
    take(&mut app, long_after(1400));
    assert_eq!(selected(&app), 90);
    press(&mut app, &[Action::Last]);
    assert_eq!(selected(&app), 1400);
    // Who has gone elsewhere meanwhile is not taken away from there.
    press(&mut app, &[Action::Previous]);
    press(&mut app, &[Action::Up]);
    app.take_around(offset(99), Some(&part(80..120)));
    assert_eq!(selected(&app), 1399);
    // What an older question found is no answer to this one.
    let stale = find(&app, 0..1300);
    app.edit(Edit::Clear);
    press(&mut app, &[Action::Filter]);
    enter(&mut app, "fds>0");
    let _ = app.take_progress(Some(stale));
    assert!(app.message_list().progress().is_none());
}

#[test]
fn a_match_that_is_written_over_is_listed_among_the_matches() {
    let mut app = searching();
    let whole = find(&app, 0..1300);
    let _ = app.take_progress(Some(whole));
    app.take_around(offset(99), None);
    assert_eq!(selected(&app), 100);
    assert_eq!(
        app.said(),
        Some("it is no longer in the ring: only the matches are listed")
    );
    press(&mut app, &[Action::Previous]);
    assert_eq!(selected(&app), 99);
    press(&mut app, &[Action::Last]);
    assert_eq!(selected(&app), 1300);
}

#[test]
fn only_matches_are_those_of_the_ring_with_what_was_not_read() {
    let mut app = searching();
    press(&mut app, &[Action::Only]);
    let mut progress = find(&app, 0..1300);
    progress.missed_bytes = 4096;
    let unread = Gap {
        from: offset(100),
        to: offset(900),
        why: GapReason::NotRead {
            bytes: 4096,
            places: 3,
        },
        torn: 0,
    };
    progress.found.skip(unread);
    push(&mut progress.found, &message(1299));
    progress.matches += 1;
    for _ in 0..2 {
        let _ = app.take_progress(Some(progress.clone()));
    }
    assert_eq!(app.message_list().len(), 102);
    assert_eq!(selected(&app), 1300);
    let seen = text(&app, 120, 40);
    for words in [
        "-- not read: 4.0 KiB in 3 places --",
        "101 match &re:quote 0",
        "4.0 KiB not read",
    ] {
        assert!(seen.contains(words), "{words}: {seen}");
    }
    press(&mut app, &[Action::First]);
    assert_eq!(selected(&app), 1);
    // All of them again, and the same one stays selected if it is there.
    press(&mut app, &[Action::Last, Action::Only]);
    assert_eq!(selected(&app), 1300);
    assert!(!app.message_list().lists_found());
}

#[test]
fn beyond_the_ends_of_the_list_the_ring_is_read() {
    let mut app = message_list(long_after(1300));
    press(&mut app, &[Action::First]);
    let first = selected(&app) - 1;
    assert_eq!(
        apply(&mut app, Action::Up),
        Some(Effect::Around(offset(first)))
    );
    app.take_around(offset(first), Some(&part(first - 20..first + 20)));
    assert_eq!(selected(&app), first, "one further up");
    press(&mut app, &[Action::Last]);
    press(&mut app, &[Action::First]);
    let _ = apply(&mut app, Action::Up);
    app.take_around(offset(first), None);
    assert_eq!(app.said(), Some("nothing older can be read"));
    // At the end of what was read, the list that goes along takes over where it can.
    let _ = apply(&mut app, Action::Up);
    app.take_around(offset(first), Some(&part(first - 20..first + 20)));
    press(&mut app, &[Action::PageDown; 9]);
    assert_eq!(selected(&app), first + 20);
    assert_eq!(
        apply(&mut app, Action::Down),
        Some(Effect::Around(offset(first + 19)))
    );
    app.take_around(offset(first + 19), None);
    assert_eq!(selected(&app), first + 21);
    assert!(!app.message_list().is_ended());
}

#[test]
fn a_message_is_read_on_the_whole_screen() {
    let mut app = message_list(after(64));
    press(&mut app, &[Action::Up; 3]);
    press(&mut app, &[Action::Open]);
    assert_eq!(app.front_view(), FrontView::Message);
    at_all_sizes("message", &app);
    press(&mut app, &[Action::Left]);
    assert_eq!(selected(&app), 60);
    press(&mut app, &[Action::Right, Action::Right]);
    assert_eq!(selected(&app), 62);
    press(
        &mut app,
        &[Action::NextPane, Action::NextPane, Action::PreviousPane],
    );
    assert_eq!(app.message_list().byte(30), 1);
    press(&mut app, &[Action::Down]);
    assert_eq!(app.message_list().byte(30), 17);
    let seen = text(&app, 80, 24);
    assert!(
        seen.contains("byte 17 of 30") && seen.contains("f64 le"),
        "{seen}"
    );
    // What comes does not take it away.
    take(&mut app, after(80));
    assert_eq!(selected(&app), 62);
    press(&mut app, &[Action::Back]);
    assert_eq!(
        (app.front_view(), app.focus()),
        (FrontView::Ring, Pane::Messages)
    );
    // The newest stays, too, once it is read.
    press(&mut app, &[Action::Last, Action::Open]);
    take(&mut app, after(90));
    assert_eq!(selected(&app), 80);
}

#[test]
fn a_pane_is_enlarged_and_back() {
    let mut app = message_list(after(64));
    press(&mut app, &[Action::Zoom]);
    at_all_sizes("enlarged", &app);
    let seen = text(&app, 80, 24);
    assert!(
        seen.contains("Messages") && !seen.contains("Consumers"),
        "{seen}"
    );
    press(&mut app, &[Action::NextPane]);
    assert!(text(&app, 80, 24).contains("4 Hex"));
    press(&mut app, &[Action::Back]);
    assert!(text(&app, 80, 24).contains("Consumers"));
}

#[test]
fn a_search_of_a_frozen_screen_goes_on_when_it_is_live_again() {
    let mut app = message_list(long_after(1300));
    press(&mut app, &[Action::Freeze]);
    search(&mut app, "fds>0");
    let asked = app.search_request().unwrap();
    assert!(asked.until.is_some(), "up to what is shown");
    // The ring goes on; the search is not over.
    let behind = SearchProgress {
        is_behind: true,
        ..find(&app, 0..300)
    };
    let _ = app.take_progress(Some(behind));
    assert!(!app.is_search_due());
    take(&mut app, long_after(1400));
    assert!(app.is_search_due());
    assert_eq!(apply(&mut app, Action::Freeze), Some(Effect::Search));
    let again = app.search_request().unwrap();
    assert!(again.until.is_none() && again.number != asked.number);
    // What was found stays until the ring answers.
    assert!(app.message_list().progress().is_some());
}

#[test]
fn a_match_of_the_list_of_matches_is_shown_with_what_surrounds_it() {
    let mut app = searching();
    press(&mut app, &[Action::Only]);
    let whole = find(&app, 0..1300);
    let _ = app.take_progress(Some(whole));
    press(&mut app, &[Action::First, Action::Down]);
    assert_eq!(selected(&app), 2);
    assert_eq!(
        apply(&mut app, Action::Only),
        Some(Effect::Around(offset(1)))
    );
    app.take_around(offset(1), Some(&part(0..40)));
    assert_eq!(selected(&app), 2);
    assert!(!app.message_list().lists_found());
    // Typing something else does not take it away.
    press(&mut app, &[Action::Filter]);
    enter(&mut app, "x");
    assert_eq!(selected(&app), 2);
}

#[test]
fn what_is_read_stays_whatever_comes() {
    let mut app = message_list(after(64));
    press(
        &mut app,
        &[Action::Up, Action::Open, Action::Right, Action::Right],
    );
    assert_eq!(selected(&app), 64);
    take(&mut app, after(80));
    assert_eq!(selected(&app), 64);
}

#[test]
fn what_the_user_does_meanwhile_counts() {
    // Searching takes long; the user goes elsewhere.
    let mut app = searching();
    press(&mut app, &[Action::First]);
    let at = selected(&app);
    let whole = find(&app, 0..1300);
    assert_eq!(app.take_progress(Some(whole)), None);
    assert_eq!(selected(&app), at);
    // An answer that comes late does not spoil the one that is waited for.
    let up = apply(&mut app, Action::Up);
    let Some(Effect::Around(first)) = up else {
        panic!("{up:?}");
    };
    assert_eq!(
        apply(&mut app, Action::Previous),
        Some(Effect::Around(offset(99)))
    );
    app.take_around(first, Some(&part(1000..1100)));
    assert_eq!(selected(&app), at);
    app.take_around(offset(99), Some(&part(80..120)));
    assert_eq!(selected(&app), 100, "and not one further up");
}
