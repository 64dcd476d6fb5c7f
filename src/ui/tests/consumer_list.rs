//! Order, filter and selection of the consumers, under whatever the user and the ring do.

use proptest::prelude::*;

use super::crowd::crowded;
use super::fixtures::*;
use crate::observe::model::{Bounded, ConsumerSnapshot, ConsumerState, Frame};
use crate::ui::action::Action;
use crate::ui::app::App;
use crate::ui::consumer_field::ConsumerField;
use crate::ui::consumer_list::Sort;
use crate::ui::keys::Keymap;
use crate::ui::prompt::Edit;

/// Slots in the order of the table.
fn slots(app: &App) -> Vec<u32> {
    let ring = &app.frame().unwrap().snapshot;
    let rows = app.consumer_list().rows(ring);
    rows.iter()
        .map(|place| ring.consumers[*place].slot.unwrap())
        .collect()
}

fn selected(app: &App) -> Option<&ConsumerSnapshot> {
    let ring = &app.frame()?.snapshot;
    let rows = app.consumer_list().rows(ring);
    Some(&ring.consumers[rows[app.selected_consumer()?]])
}

/// `flowing`, with other lags.
fn lags(lags: &[u64]) -> Frame {
    let mut frame = flowing();
    frame.snapshot.consumers = (0..)
        .zip(lags)
        .map(|(slot, lag)| consumer(slot, 7, "peer", *lag, ConsumerState::Ok, "follows head"))
        .collect();
    frame
}

fn filter(app: &mut App, text: &str) {
    press(app, &[Action::Filter]);
    app.edit(Edit::EraseAll);
    enter(app, text);
}

#[test]
fn each_column_begins_with_what_is_looked_for() {
    let mut app = on(crowded());
    let mut seen = Vec::new();
    for _ in 0..10 {
        press(&mut app, &[Action::Sort]);
        seen.push(app.consumer_list().sort());
    }
    let by = |field, descending| Sort { field, descending };
    assert_eq!(
        seen,
        [
            by(ConsumerField::Pid, false),
            by(ConsumerField::Command, false),
            by(ConsumerField::Mode, false),
            by(ConsumerField::Lag, true),
            by(ConsumerField::Time, true),
            by(ConsumerField::Rate, true),
            by(ConsumerField::Progress, true),
            by(ConsumerField::EvictIn, false),
            by(ConsumerField::State, true),
            by(ConsumerField::Slot, false),
        ]
    );
    assert_eq!(slots(&app), (0..17).collect::<Vec<_>>());
    press(&mut app, &[Action::Reverse]);
    assert_eq!(slots(&app), (0..17).rev().collect::<Vec<_>>());
}

#[test]
fn rows_that_read_the_same_keep_their_places_and_the_unknown_comes_last() {
    // 412.0 and 411.9 KiB read 412 KiB.
    let mut frame = lags(&[5, 421_888, 421_800, 0, 421_850]);
    frame.snapshot.consumers[3].lag_bytes = None;
    let mut app = on(frame);
    press(&mut app, &[Action::Sort; 4]);
    assert_eq!(slots(&app), [1, 2, 4, 0, 3]);
    press(&mut app, &[Action::Reverse]);
    assert_eq!(slots(&app), [0, 1, 2, 4, 3]);
    let mut trembling = lags(&[5, 421_800, 421_888, 0, 421_850]);
    trembling.snapshot.consumers[3].lag_bytes = None;
    take(&mut app, trembling);
    assert_eq!(slots(&app), [0, 1, 2, 4, 3]);
}

#[test]
fn commands_are_sorted_and_found_whatever_their_case() {
    let mut app = on(crowded());
    press(&mut app, &[Action::Sort, Action::Sort]);
    let ring = &app.frame().unwrap().snapshot;
    let rows = app.consumer_list().rows(ring);
    let names: Vec<_> = rows
        .iter()
        .filter_map(|place| ring.consumers[*place].command.as_deref())
        .collect();
    let lower: Vec<_> = names.iter().map(|name| name.to_lowercase()).collect();
    assert!(lower.is_sorted(), "{names:?}");
    filter(&mut app, "WEB-gateway-U");
    assert_eq!(slots(&app), [3, 8, 13]);
}

#[test]
fn a_filter_finds_what_the_table_says() {
    let mut app = on(crowded());
    for (text, count) in [
        ("", 17),
        ("   ", 17),
        ("arch", 4),
        ("pull", 8),
        ("stalled", 4),
        ("push web", 3),
        ("6391", 1),
        ("16", 1),
        ("nobody", 0),
    ] {
        filter(&mut app, text);
        assert_eq!(slots(&app).len(), count, "{text:?}");
    }
    // What cannot be shown raw is found as it is shown.
    let mut frame = crowded();
    frame.snapshot.consumers[4].command = Some("\x1b[31mred".to_owned());
    take(&mut app, frame);
    filter(&mut app, "\\x1b[31m");
    assert_eq!(slots(&app), [4]);
}

#[test]
fn what_is_typed_filters_at_once_and_is_kept_or_cleared() {
    let mut app = on(crowded());
    press(&mut app, &[Action::Last, Action::Filter]);
    assert!(app.is_typing());
    enter(&mut app, "risk");
    assert_eq!(slots(&app), [0, 5, 10, 15]);
    app.edit(Edit::Erase);
    app.edit(Edit::EraseAll);
    enter(&mut app, "audit");
    app.edit(Edit::Keep);
    assert!(!app.is_typing());
    assert_eq!(slots(&app), [4, 9, 14]);
    assert_eq!(
        selected(&app).unwrap().slot,
        Some(14),
        "the last, as there are fewer"
    );
    assert_eq!(
        app.apply(Action::Back, crate::ui::viewport::Viewport::default()),
        None
    );
    assert_eq!(slots(&app).len(), 17, "Esc clears it before it leaves");
    assert_eq!(
        selected(&app).unwrap().slot,
        Some(16),
        "and the selection is back"
    );
    filter(&mut app, "audit");
    app.edit(Edit::Clear);
    assert!(!app.is_typing() && app.consumer_list().filter().is_empty());
    filter(&mut app, &"x".repeat(10_000));
    assert!(app.consumer_list().filter().len() < 100);
    // What was being typed when its ring went is still no keys.
    press(&mut app, &[Action::Filter]);
    app.detached();
    assert!(app.prompt_is_lost() && app.is_typing());
    enter(&mut app, "quit");
    assert!(app.prompt_is_lost());
    app.edit(Edit::Keep);
    assert!(!app.is_typing());
    // While there is no ring, the list is what is filtered.
    press(&mut app, &[Action::Filter]);
    enter(&mut app, "quotes");
    assert_eq!(app.ring_list().filter(), "quotes");
}

#[test]
fn another_ring_is_sorted_alike_and_not_filtered() {
    let mut app = on(crowded());
    press(&mut app, &[Action::Sort]);
    filter(&mut app, "audit");
    app.attached("7001/4".to_owned());
    assert_eq!(app.consumer_list().sort().field, ConsumerField::Pid);
    assert!(app.prompt_is_lost() && app.consumer_list().filter().is_empty());
}

/// What can happen to the table.
#[derive(Clone, Debug)]
enum Deed {
    Press(Action),
    Type(Edit),
    Sample(Box<Frame>),
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let one = (0..6u32, any::<u64>(), any::<Option<bool>>(), 0..4usize);
    prop::collection::vec(one, 0..6).prop_map(|consumers| {
        let mut frame = flowing();
        frame.snapshot.consumers.clear();
        for (slot, number, known, nth) in consumers {
            let states = [
                ConsumerState::Ok,
                ConsumerState::Stalled,
                ConsumerState::Parked,
                ConsumerState::Blocking,
            ];
            let name = ["risk", "audit", "RISK", "x"][nth];
            let mut one = consumer(slot, 7, name, 0, states[nth], name);
            let figure = known.map(|known| if known { number } else { number % 3 });
            one.lag_bytes = figure;
            one.lag_percent = figure.map(|figure| figure as f64 / 7.0);
            one.lag_time_ns = figure.map(Bounded::exact);
            one.rate_bytes_per_second = figure.map(|figure| f64::from_bits(figure.reverse_bits()));
            one.progress_age_ns = figure;
            one.evict_in_ns = figure;
            let all = &mut frame.snapshot.consumers;
            if all.iter().all(|other| other.meta_inode != one.meta_inode) {
                all.push(one);
            }
        }
        frame.snapshot.gating_meta_inode = Some(101);
        frame
    })
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let actions = [
        Action::Sort,
        Action::Reverse,
        Action::Filter,
        Action::Up,
        Action::Down,
        Action::Last,
    ];
    let edits = "[ risk1p]".prop_map(|text| Edit::Insert(text.chars().next().unwrap()));
    let others = prop::sample::select(vec![Edit::Erase, Edit::EraseAll, Edit::Keep, Edit::Clear]);
    prop_oneof![
        prop::sample::select(actions.to_vec()).prop_map(Deed::Press),
        edits.prop_map(Deed::Type),
        others.prop_map(Deed::Type),
        any_frame().prop_map(|frame| Deed::Sample(Box::new(frame))),
    ]
}

proptest! {
    /// Once the user has moved, the selected consumer is the same one until the user moves again, as long as it is
    /// listed; and while any is listed, one is selected.
    #[test]
    fn the_selection_stays_on_its_consumer(deeds in prop::collection::vec(any_deed(), 0..60)) {
        let mut app = on(crowded());
        press(&mut app, &[Action::Down]);
        let mut kept = selected(&app).unwrap().meta_inode;
        for deed in deeds {
            let mut moved = false;
            match deed {
                Deed::Press(action) => {
                    moved = matches!(action, Action::Up | Action::Down | Action::Last);
                    press(&mut app, &[action]);
                }
                Deed::Type(edit) => {
                    app.edit(edit);
                }
                Deed::Sample(frame) => {
                    take(&mut app, *frame);
                }
            }
            let ring = &app.frame().unwrap().snapshot;
            let rows = app.consumer_list().rows(ring);
            let mut sorted = rows.clone();
            sorted.sort_unstable();
            sorted.dedup();
            prop_assert_eq!(sorted.len(), rows.len(), "each once");
            prop_assert_eq!(app.selected_consumer().is_some(), !rows.is_empty());
            let listed = rows.iter().any(|place| ring.consumers[*place].meta_inode == kept);
            if let Some(consumer) = selected(&app) {
                if moved {
                    kept = consumer.meta_inode;
                }
                if listed {
                    prop_assert!(moved || consumer.meta_inode == kept);
                }
            }
        }
    }
}

#[test]
fn sorting_goes_through_the_columns_that_are_shown() {
    let columns = vec![
        ConsumerField::State,
        ConsumerField::Percent,
        ConsumerField::Lag,
        ConsumerField::Pid,
    ];
    let app = on(crowded());
    let mut app = app.wanting(Keymap::default(), columns, true);
    take(&mut app, crowded());
    let mut seen = Vec::new();
    for _ in 0..4 {
        press(&mut app, &[Action::Sort]);
        seen.push(app.consumer_list().sort().field);
    }
    let stops = [
        ConsumerField::State,
        ConsumerField::Lag,
        ConsumerField::Pid,
        ConsumerField::State,
    ];
    assert_eq!(seen, stops);
    let text = lines(&drawn(&app, 120, 40)).join("\n");
    assert!(text.contains("▼STATE") || text.contains("STATE▼"), "{text}");
    assert!(
        !text.contains("COMMAND") && !text.contains("SLOT"),
        "{text}"
    );
    // Without the column of reasons, the title says why, however much room there is.
    let ring = &app.frame().unwrap().snapshot;
    let rows = app.consumer_list().rows(ring);
    let reason = &ring.consumers[rows[app.selected_consumer().unwrap()]].reason;
    assert!(text.contains(reason.as_str()), "{reason} is not in {text}");
    // Another ring has the same columns.
    app.attached("7/7".to_owned());
    assert_eq!(app.consumer_list().columns().len(), 4);
}
