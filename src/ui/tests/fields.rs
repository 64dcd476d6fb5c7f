//! Decoded payloads: in the list, beside the bytes, and where something is looked for.

use insta::assert_snapshot;
use jiff::Timestamp;

use super::fixtures::{apply, drawn, enter, flowing, lines, press};
use crate::decode::DecodeRule;
use crate::observe::model::{AgeDistribution, Bounded};
use crate::ui::action::Action;
use crate::ui::app::App;
use std::time::Duration;

const LAYOUT: &str = "kind:char[5] _:char seq:char[3] _:char sym:char[6] _:char px:(whole:char[1] _:char rest:char[4]) tail:u8[]";

fn decoding(spec: &str) -> App {
    let mut app = App::new(Duration::from_millis(100), Some("6388/4".to_owned()))
        .decoding([DecodeRule::of_all(spec.parse().unwrap(), None)].into());
    app.take_frame(flowing(), Timestamp::UNIX_EPOCH);
    app
}

/// The message on the whole screen.
fn reading(spec: &str) -> App {
    let mut app = decoding(spec);
    press(&mut app, &[Action::Pane(crate::ui::action::Pane::Messages)]);
    apply(&mut app, Action::Open);
    app
}

#[test]
fn the_list_says_what_is_in_messages() {
    let app = decoding(LAYOUT);
    let screen = lines(&drawn(&app, 160, 40)).join("\n");
    assert!(
        screen.contains("kind=\"quote\" seq=\"053\" sym=\"EUR"),
        "{screen}"
    );
    let app = decoding("a:u64[100]");
    let screen = lines(&drawn(&app, 160, 40)).join("\n");
    assert!(screen.contains("-- not decoded: "), "{screen}");
}

#[test]
fn fields_stand_beside_the_bytes_and_are_gone_through() {
    let mut app = reading(LAYOUT);
    assert_snapshot!(lines(&drawn(&app, 120, 24)).join("\n"));
    // The bytes of the field are marked, and Tab goes to the next one.
    let mut marked = Vec::new();
    for _ in 0..6 {
        let list = app.message_list();
        let length = list.message().unwrap().payload.len();
        marked.push(list.fields().bytes(list.byte(length)));
        apply(&mut app, Action::NextPane);
    }
    assert_eq!(marked, [0..5, 6..9, 10..16, 17..23, 17..18, 19..23]);
    for _ in 0..9 {
        apply(&mut app, Action::PreviousPane);
    }
    assert_eq!(
        app.message_list().fields().at(0),
        Some(0),
        "the whole of it"
    );
    apply(&mut app, Action::Down);
    let list = app.message_list();
    assert_eq!(
        list.fields().bytes(list.byte(30)),
        0..30,
        "between two fields"
    );
    for (width, height) in [(80, 24), (60, 12), (20, 5)] {
        let screen = lines(&drawn(&app, width, height)).join("\n");
        assert!(!screen.is_empty());
        if height == 24 {
            assert!(
                screen.contains("sym") && screen.contains("\"EURUSD\""),
                "{screen}"
            );
        }
    }
}

#[test]
fn a_field_far_down_is_in_sight() {
    let mut app = reading("a:u8[30]");
    for _ in 0..30 {
        apply(&mut app, Action::NextPane);
    }
    assert_eq!(app.message_list().fields().at(0), Some(31));
    let screen = lines(&drawn(&app, 120, 24)).join("\n");
    assert!(
        screen.contains("29  ") && !screen.contains("10  69"),
        "{screen}"
    );
    let mut app = reading("_:u8[29] a:u8");
    apply(&mut app, Action::NextPane);
    let screen = lines(&drawn(&app, 120, 24)).join("\n");
    assert!(screen.contains("a  "), "{screen}");
}

#[test]
fn why_there_are_none_is_said() {
    let app = reading("a:u64[100]");
    let screen = lines(&drawn(&app, 120, 24)).join("\n");
    assert!(screen.contains("Not decoded: a: 8 bytes at 24"), "{screen}");
}

#[test]
fn values_are_looked_for() {
    let mut app = decoding(LAYOUT);
    apply(&mut app, Action::Pane(crate::ui::action::Pane::Messages));
    apply(&mut app, Action::Filter);
    enter(&mut app, ".seq == \"031\"");
    let (found, _) = app.message_list().found().expect("something is looked for");
    assert_eq!(found, 1);
    let screen = lines(&drawn(&app, 120, 30)).join("\n");
    assert!(screen.contains("1 match /.seq == \"031\""), "{screen}");
}

#[test]
fn a_decoder_that_lacks_something_says_so() {
    let app = decoding("protobuf:/none/there:a.B");
    assert!(
        app.said()
            .unwrap()
            .contains("payloads are not decoded: cannot read /none/there")
    );
    let screen = lines(&drawn(&app, 120, 30)).join("\n");
    assert!(screen.contains("quote 063"), "{screen}");
}

#[test]
fn ages_stand_with_the_figures_of_the_ring() {
    let mut frame = flowing();
    let age = |low, high| {
        Some(Bounded {
            value: Some(low + (high - low) / 2),
            low,
            high: Some(high),
        })
    };
    frame.snapshot.messages.age_ns = Some(AgeDistribution {
        count: 1_234,
        untimed: 5,
        p50: age(0, 828_000),
        p99: age(12_100_000, 13_100_000),
        max: age(888_200_000, 888_800_000),
    });
    let mut app = App::new(Duration::from_millis(100), Some("6388/4".to_owned()));
    app.take_frame(frame, Timestamp::UNIX_EPOCH);
    for (width, height) in [(80, 24), (120, 30), (200, 60)] {
        let screen = lines(&drawn(&app, width, height)).join("\n");
        let words: Vec<&str> = screen.split_whitespace().collect();
        let words = words.join(" ");
        let expected = "age p50 <828 µs p99 <13.1 ms max <889 ms";
        assert!(words.contains(expected), "{width}x{height}\n{screen}");
    }
}
