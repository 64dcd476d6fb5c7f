//! What keys do to the state, and what new samples must not do to it.

use std::time::Duration;

use super::crowd::crowded;
use super::fixtures::*;
use crate::observe::model::{Frame, MessageLog};
use crate::ui::action::{Action, Effect, Pane, Screen};
use crate::ui::app::App;
use crate::ui::consumer_field::ConsumerField;
use crate::ui::keys::{Key, Keymap};
use crate::ui::prompt::Edit;
use crate::ui::viewport::Viewport;

const ROOM: Viewport = Viewport {
    rows: 10,
    last_top: 3,
    stride: 8,
};

/// The next sample: `count` messages further on.
fn later(count: u64) -> Frame {
    let mut frame = flowing();
    frame.messages = log(64 + count, usize::MAX);
    frame
}

#[test]
fn a_frozen_screen_stays_as_it_is() {
    let mut app = on(flowing());
    let before = lines(&drawn(&app, 80, 24));
    press(&mut app, &[Action::Freeze]);
    assert!(!take(&mut app, later(5)), "nothing has to be drawn");
    let frozen = lines(&drawn(&app, 80, 24));
    assert!(frozen[0].contains("FROZEN"));
    let footer = before.len() - 1;
    assert_eq!(before[1..footer], frozen[1..footer]);
    assert!(frozen[footer].contains("Space live again"));
    for live in [Action::Freeze, Action::Live] {
        let mut app = on(flowing());
        press(&mut app, &[Action::Freeze, live]);
        assert!(take(&mut app, later(5)));
        assert_eq!(app.frame(), Some(&later(5)));
    }
}

#[test]
fn every_event_can_be_reached_and_stays_selected() {
    let mut app = on(with_events(full(), 1000));
    press(&mut app, &[Action::NextPane]);
    assert_eq!(app.focus(), Pane::Findings);
    let mut rows = vec![app.selected_finding()];
    for _ in 0..1002 {
        app.apply(Action::Down, ROOM);
        rows.push(app.selected_finding());
    }
    // Two findings and a limit above them.
    assert_eq!(rows, (0..1003).map(Some).collect::<Vec<_>>());
    app.apply(Action::Down, ROOM);
    assert_eq!(app.selected_finding(), Some(1002), "it is the oldest");
    let text = lines(&drawn(&app, 80, 24)).join("\n");
    assert!(text.contains("1h ago"), "{text}");
    // More have happened: what is read stays selected, and what is no longer kept gives its place.
    press(&mut app, &[Action::Up, Action::Up, Action::Up]);
    take(&mut app, with_events(full(), 1002));
    assert_eq!(app.selected_finding(), Some(1001));
    take(&mut app, with_events(full(), 1010));
    assert_eq!(app.selected_finding(), Some(999), "that has gone");
    press(&mut app, &[Action::First]);
    assert_eq!(app.selected_finding(), Some(0));
    take(&mut app, with_events(flowing(), 2));
    assert_eq!(app.selected_finding(), Some(0), "the newest event");
    take(&mut app, flowing());
    assert_eq!(app.selected_finding(), None);
}

#[test]
fn events_are_frozen_with_the_screen() {
    let mut app = on(with_events(flowing(), 3));
    press(&mut app, &[Action::Freeze]);
    let before = lines(&drawn(&app, 80, 24));
    take(&mut app, with_events(full(), 4));
    assert_eq!(lines(&drawn(&app, 80, 24)), before);
    assert!(before.join("\n").contains("events 3"));
}

#[test]
fn a_consumer_stays_selected_when_others_leave() {
    let mut app = on(flowing());
    assert_eq!(
        app.selected_consumer(),
        Some(2),
        "the one that lags and gates"
    );
    press(&mut app, &[Action::First]);
    assert_eq!(
        app.selected_consumer(),
        Some(0),
        "but the user knows better"
    );
    press(&mut app, &[Action::Last]);
    let mut fewer = flowing();
    fewer.snapshot.consumers.remove(0);
    take(&mut app, fewer.clone());
    assert_eq!(app.selected_consumer(), Some(1));
    fewer.snapshot.consumers.pop();
    take(&mut app, fewer);
    assert_eq!(app.selected_consumer(), Some(0), "the row in its place");
    take(&mut app, lonely());
    assert_eq!(app.selected_consumer(), None);
    press(&mut app, &[Action::Down, Action::Last, Action::PageUp]);
}

#[test]
fn details_go_along_with_their_consumer_and_outlive_it() {
    let shown = |app: &App| {
        app.details()
            .map(|details| (details.consumer.slot, details.gone))
    };
    let mut app = on(crowded());
    press(&mut app, &[Action::Sort, Action::First, Action::Open]);
    assert_eq!(shown(&app), Some((Some(0), false)));
    // Keys of the table do not reach it from here.
    press(&mut app, &[Action::Sort, Action::NextPane, Action::Down]);
    assert_eq!(app.focus(), Pane::Consumers);
    let mut later = crowded();
    later.snapshot.consumers.rotate_left(3);
    later.snapshot.consumers[14].lag_bytes = Some(77);
    take(&mut app, later.clone());
    let details = app.details().unwrap();
    assert_eq!((details.consumer.lag_bytes, details.place), (Some(77), 14));
    later.snapshot.consumers.remove(14);
    later.lags.clear();
    take(&mut app, later);
    let details = app.details().unwrap();
    assert_eq!(details.consumer.lag_bytes, Some(77));
    assert_eq!((details.gone, details.lags.points().count()), (true, 480));
    take(&mut app, crowded());
    assert_eq!(shown(&app), Some((Some(0), false)), "it is there again");
    assert_eq!(app.apply(Action::Back, ROOM), None);
    assert_eq!((shown(&app), app.screen()), (None, Screen::Ring));
    // From the list the same ring comes back as it was left, another one does not.
    press(&mut app, &[Action::Open, Action::List, Action::Back]);
    assert_eq!(shown(&app), Some((Some(0), false)));
    app.attached("7001/4".to_owned());
    assert_eq!(shown(&app), None);
}

#[test]
fn details_scroll_where_they_have_no_room() {
    let mut app = on(flowing());
    press(&mut app, &[Action::Open]);
    let narrow = |app: &App| lines(&drawn(app, 20, 5)).join("\n");
    assert!(narrow(&app).contains("State"));
    app.apply(Action::Last, ROOM);
    assert_eq!(app.details().unwrap().top(), 3);
    assert!(!narrow(&app).contains("State"));
    press(&mut app, &[Action::First]);
    assert!(narrow(&app).contains("State"));
}

#[test]
fn tab_goes_round_the_panes() {
    let mut app = on(flowing());
    let round = |app: &mut App, action, times: usize| -> Vec<Pane> {
        (0..times)
            .map(|_| {
                app.apply(action, ROOM);
                app.focus()
            })
            .collect()
    };
    assert_eq!(
        round(&mut app, Action::NextPane, 4),
        [Pane::Findings, Pane::Messages, Pane::Hex, Pane::Consumers]
    );
    assert_eq!(
        round(&mut app, Action::PreviousPane, 4),
        [Pane::Hex, Pane::Messages, Pane::Findings, Pane::Consumers]
    );
}

#[test]
fn digits_lead_to_their_panes() {
    let mut app = on(flowing());
    for pane in [Pane::Messages, Pane::Hex, Pane::Findings, Pane::Consumers] {
        app.apply(Action::Pane(pane), ROOM);
        assert_eq!(app.focus(), pane);
    }
}

#[test]
fn a_filter_takes_the_place_of_what_is_in_front_of_its_list() {
    for in_front in [Action::Open, Action::Help] {
        let mut app = on(crowded());
        press(&mut app, &[in_front, Action::Filter]);
        enter(&mut app, "risk");
        assert!(app.details().is_none() && app.help().is_none());
        assert_eq!(app.consumer_list().filter(), "risk");
    }
}

#[test]
fn the_sampling_rate_has_ends() {
    let mut app = on(flowing());
    press(&mut app, &[Action::Faster]);
    assert_eq!(app.pace(), Duration::from_millis(50));
    press(&mut app, &[Action::Faster; 20]);
    assert_eq!(app.pace(), Duration::from_millis(20));
    press(&mut app, &[Action::Slower; 20]);
    assert_eq!(app.pace(), Duration::from_secs(10));
    assert_eq!(
        App::new(Duration::ZERO, None).pace(),
        Duration::from_millis(20)
    );
}

#[test]
fn one_ring_is_opened_and_several_are_listed() {
    let new = || App::new(Duration::from_millis(100), None);
    let mut app = new();
    assert_eq!(app.take_listing(listing(0)), None);
    assert_eq!(app.screen(), Screen::Waiting);
    assert_eq!(
        app.take_listing(listing(1)),
        Some(Effect::Attach("6388/4".to_owned()))
    );
    app.attached("6388/4".to_owned());
    assert_eq!(app.screen(), Screen::Ring);

    let mut app = new();
    assert_eq!(app.take_listing(listing(3)), None);
    assert_eq!(app.screen(), Screen::Rings);
    // The sick one is offered first.
    assert_eq!(
        app.apply(Action::Open, ROOM),
        Some(Effect::Attach("7001/4".to_owned()))
    );
    app.apply(Action::Down, ROOM);
    assert_eq!(
        app.apply(Action::Open, ROOM),
        Some(Effect::Attach("6388/4".to_owned()))
    );
    app.refused("7001/4", "no");
    assert_eq!(
        (app.screen(), app.notice()),
        (Screen::Rings, Some("7001/4: no"))
    );
    assert_eq!(
        app.take_listing(listing(1)),
        None,
        "who looks at the list is not dragged away from it"
    );
}

#[test]
fn the_list_and_back() {
    for keys in [&[Action::List][..], &[Action::Back, Action::Back]] {
        let mut app = on(flowing());
        let (last, first) = keys.split_last().unwrap();
        press(&mut app, first);
        assert_eq!(app.screen(), Screen::Ring, "it is not left unasked");
        assert_eq!(app.apply(*last, ROOM), Some(Effect::Look));
        assert_eq!(app.take_listing(listing(3)), None);
        assert_eq!(
            (app.screen(), app.selected_ring()),
            (Screen::Rings, Some(0))
        );
        assert_eq!(app.apply(Action::Back, ROOM), Some(Effect::Look));
        assert_eq!(
            (app.screen(), app.frame()),
            (Screen::Ring, Some(&flowing()))
        );
    }
    let mut app = on(flowing());
    press(&mut app, &[Action::Help, Action::Back]);
    assert_eq!(
        (app.screen(), app.help()),
        (Screen::Ring, None),
        "Esc closes the help first"
    );
}

#[test]
fn esc_asks_before_it_leaves_the_ring() {
    let mut app = on(flowing());
    press(&mut app, &[Action::Back]);
    assert_eq!(app.said(), Some("press Esc again for the list of rings"));
    // Any other key is an answer, too.
    press(&mut app, &[Action::Down, Action::Back]);
    assert_eq!(app.screen(), Screen::Ring);
    press(&mut app, &[Action::Back]);
    assert_eq!(app.screen(), Screen::Rings);
}

#[test]
fn a_finding_and_an_event_lead_to_their_consumer() {
    let mut app = on(with_events(full(), 3));
    press(&mut app, &[Action::Pane(Pane::Findings)]);
    let slot = app.frame().unwrap().snapshot.findings[0].slot;
    assert!(slot.is_some());
    press(&mut app, &[Action::First, Action::Open]);
    let selected = |app: &App| {
        let place = app.selected_consumer()?;
        app.frame().unwrap().snapshot.consumers[place].slot
    };
    assert_eq!((app.focus(), selected(&app)), (Pane::Consumers, slot));
    press(&mut app, &[Action::Pane(Pane::Findings), Action::Last]);
    let event = app.frame().unwrap().events.back(2).unwrap().clone();
    press(&mut app, &[Action::Open]);
    let consumers = &app.frame().unwrap().snapshot.consumers;
    let there = consumers
        .iter()
        .any(|one| one.slot == event.slot || one.pid == event.pid);
    assert_eq!(app.focus() == Pane::Consumers, there);
}

#[test]
fn the_list_of_rings_is_sorted_and_filtered() {
    let mut app = App::new(Duration::from_millis(100), None);
    app.take_listing(listing(3));
    let selected = |app: &App| {
        let place = app.selected_ring()?;
        Some(app.listing().rings[place].pid)
    };
    press(&mut app, &[Action::Last]);
    assert_eq!(selected(&app), Some(7110));
    // The selection stays on its ring.
    press(&mut app, &[Action::Sort, Action::SortBack, Action::Reverse]);
    assert_eq!(selected(&app), Some(7110));
    assert_eq!(app.ring_list().rows(app.listing()), [0, 2, 1]);
    press(&mut app, &[Action::Filter]);
    assert!(app.is_typing());
    for character in "flow quot".chars() {
        app.edit(Edit::Insert(character));
    }
    assert_eq!(selected(&app), Some(6388), "the only one that is left");
    app.edit(Edit::Keep);
    let text = lines(&drawn(&app, 80, 24)).join("\n");
    assert!(text.contains("Rings 1 of 3 /flow quot"), "{text}");
    app.apply(Action::Back, ROOM);
    assert_eq!(app.ring_list().rows(app.listing()).len(), 3);
    assert_eq!(app.screen(), Screen::Rings);
}

#[test]
fn a_list_without_rings_leads_back_to_the_one_that_was_shown() {
    let mut app = on(gone());
    press(&mut app, &[Action::List]);
    assert_eq!(app.take_listing(listing(0)), None);
    let text = lines(&drawn(&app, 80, 24)).join("\n");
    assert!(text.contains("Esc: back to quotes (pid 6388)"), "{text}");
    // A ring that comes now is listed: who looks at the list is not dragged away from it.
    assert_eq!(app.take_listing(listing(1)), None);
    app.take_listing(listing(0));
    press(&mut app, &[Action::Open, Action::Back]);
    assert_eq!((app.screen(), app.frame()), (Screen::Ring, Some(&gone())));
}

#[test]
fn who_waits_is_not_shown_a_ring_that_has_ended() {
    let mut ended = listing(1);
    ended.rings[0].through = Some(99);
    let mut app = App::new(Duration::from_millis(100), None);
    assert_eq!(app.take_listing(ended), None);
    assert_eq!(app.screen(), Screen::Rings);
    let text = lines(&drawn(&app, 80, 24)).join("\n");
    assert!(
        text.contains("via 99") && text.contains("1 without a producer"),
        "{text}"
    );
}

#[test]
fn another_ring_starts_afresh() {
    let mut app = on(flowing());
    press(
        &mut app,
        &[Action::NextPane, Action::Up, Action::Freeze, Action::List],
    );
    app.attached("7001/4".to_owned());
    assert!(app.message_list().follows() && !app.frozen() && app.frame().is_none());
    assert!(take(&mut app, flowing()));
    assert!(app.detached());
    assert_eq!(app.screen(), Screen::Waiting);
}

#[test]
fn quitting_and_suspending_are_left_to_the_loop() {
    let mut app = on(flowing());
    assert_eq!(app.apply(Action::Quit, ROOM), Some(Effect::Quit));
    assert_eq!(app.apply(Action::Suspend, ROOM), Some(Effect::Suspend));
    assert_eq!(app.apply(Action::Redraw, ROOM), Some(Effect::Redraw));
    assert_eq!(app.apply(Action::Open, ROOM), None);
}

#[test]
fn keys_that_sentences_name_are_those_of_the_user() {
    let rebound = |frame: Frame, has_keys: bool| {
        let names = [
            ("list", "f2"),
            ("filter", "f3"),
            ("back", "f7"),
            ("only-matches", "f8"),
        ];
        let changes = names.map(|(action, key)| {
            let key = has_keys.then(|| Key::parse(key).unwrap());
            (action, key.into_iter().collect())
        });
        let keymap = Keymap::with(&changes).unwrap();
        let app = App::new(Duration::from_millis(100), Some(frame.snapshot.id.clone()));
        let mut app = app.wanting(keymap, ConsumerField::usual(), true);
        take(&mut app, frame);
        app
    };
    let text = |app: &App| lines(&drawn(app, 120, 40)).join("\n");
    for (has_keys, onward, sought, back, none) in [
        (
            true,
            "F2 list of rings",
            "no search: press F3 in the messages pane to start one",
            "F7: back to quotes",
            "No message matches; F8 lists all, F7 clears the search.",
        ),
        (
            false,
            "the last bytes can still be read",
            "no search",
            "zbqtop demo",
            "No message matches.",
        ),
    ] {
        let mut app = rebound(gone(), has_keys);
        let shown = text(&app);
        assert!(shown.contains(onward), "{shown}");
        assert_eq!(shown.contains("list of rings"), has_keys);
        press(&mut app, &[Action::Next]);
        assert_eq!(app.said(), Some(sought));
        press(&mut app, &[Action::List]);
        app.take_listing(listing(0));
        let shown = text(&app);
        assert!(shown.contains(back), "{shown}");
        assert_eq!(shown.contains("back to quotes"), has_keys);
        let mut frame = flowing();
        frame.messages = MessageLog::imaginary(usize::MAX);
        push(&mut frame.messages, &message(0));
        let mut app = rebound(frame, has_keys);
        press(&mut app, &[Action::Pane(Pane::Messages), Action::Only]);
        enter(&mut app, "no such thing");
        app.edit(Edit::Keep);
        let shown = text(&app);
        assert!(shown.contains(none), "{shown}");
    }
}

#[test]
fn what_quitting_gives_up_is_said_each_time() {
    let over = || {
        let mut frame = gone();
        let ring = &mut frame.snapshot;
        for consumer in &mut ring.consumers {
            consumer.alive = Some(false);
        }
        frame
    };
    let mut app = on(over());
    assert_eq!(apply(&mut app, Action::Quit), None);
    assert!(app.said().unwrap().contains("nobody else holds the bytes"));
    // The dump that was offered is written: it would be given up.
    let _ = apply(&mut app, Action::Dump);
    let mut frame = over();
    frame.dump = Some("10 %".to_owned());
    take(&mut app, frame);
    assert_eq!(apply(&mut app, Action::Quit), None);
    assert!(app.said().unwrap().contains("a dump is being written"));
    assert_eq!(apply(&mut app, Action::Quit), Some(Effect::Quit));
}
