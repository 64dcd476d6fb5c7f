//! What the screen looks like, as files to be read.

use std::fmt::Write as _;

use insta::assert_snapshot;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};

use super::crowd::{crowded, hidden, truncated, unknown};
use super::fixtures::*;
use crate::observe::model::{Bounded, Frame, Moment, Seek, SourceAction, WakeupBasis};
use crate::ui::action::{Action, Effect, Pane};
use crate::ui::app::App;
use crate::ui::keys::BINDINGS;
use crate::ui::prompt::Edit;
use crate::ui::theme::Theme;

const SIZES: [(u16, u16); 6] = [(20, 5), (40, 12), (80, 24), (120, 40), (200, 60), (300, 80)];

/// One file with the screen at all sizes, and how it looks at the usual one.
fn at_all_sizes(name: &str, app: &App) {
    let mut text = String::new();
    for (width, height) in SIZES {
        let _ = writeln!(text, "{width}x{height}");
        for line in lines(&drawn(app, width, height)) {
            let _ = writeln!(text, "|{line}|");
        }
    }
    text.push_str("Looks at 80x24\n");
    text.push_str(&looks(&drawn(app, 80, 24)));
    assert_snapshot!(name.to_owned(), text);
}

/// Which cells do not look plain, and how they look: `7  2-8 cyan bold, 13-19 dim`.
fn looks(terminal: &Terminal<TestBackend>) -> String {
    let buffer = terminal.backend().buffer();
    let look = |x, y| {
        let cell = &buffer[(x, y)];
        let mut words = String::new();
        if cell.fg != Color::Reset {
            let _ = write!(words, " {}", cell.fg);
        }
        if cell.bg != Color::Reset {
            let _ = write!(words, " on {}", cell.bg);
        }
        if !cell.modifier.is_empty() {
            let _ = write!(words, " {:?}", cell.modifier);
        }
        words.to_lowercase()
    };
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut runs: Vec<(u16, u16, String)> = Vec::new();
        for x in 0..buffer.area.width {
            let look = look(x, y);
            match runs.last_mut() {
                Some((_, last, same)) if *same == look => *last = x,
                _ => runs.push((x, x, look)),
            }
        }
        let runs: Vec<String> = runs
            .into_iter()
            .filter(|(_, _, look)| !look.is_empty())
            .map(|(first, last, look)| format!("{first}-{last}{look}"))
            .collect();
        if !runs.is_empty() {
            let _ = writeln!(text, "{y}  {}", runs.join(", "));
        }
    }
    text
}

#[test]
fn flowing_ring() {
    at_all_sizes("flowing", &on(flowing()));
}

#[test]
fn full_ring() {
    at_all_sizes("full", &on(full()));
}

#[test]
fn ring_with_a_past() {
    at_all_sizes("events", &on(with_events(full(), 30)));
    // Nothing is wrong now, but something was.
    let app = on(with_events(flowing(), 2));
    assert_snapshot!("events_only_80x24", drawn(&app, 80, 24).backend());
    let mut app = on(with_events(full(), 30));
    press(&mut app, &[Action::NextPane]);
    press(&mut app, &[Action::Down; 6]);
    assert_snapshot!("events_selected_80x24", drawn(&app, 80, 24).backend());
}

#[test]
fn sorted_consumers() {
    let mut app = on(crowded());
    press(&mut app, &[Action::Sort; 4]);
    at_all_sizes("by_lag", &app);
    // A column that has no room where rows are not sorted by it.
    press(&mut app, &[Action::Sort; 4]);
    press(&mut app, &[Action::Reverse]);
    assert_snapshot!("by_evict_in_80x24", drawn(&app, 80, 24).backend());
}

#[test]
fn filtered_consumers() {
    let mut app = on(crowded());
    press(&mut app, &[Action::Filter]);
    enter(&mut app, "WEB pu");
    at_all_sizes("filtering", &app);
    app.edit(Edit::Keep);
    at_all_sizes("filtered", &app);
    press(&mut app, &[Action::Filter]);
    enter(&mut app, "x");
    assert_snapshot!("filtered_out_80x24", drawn(&app, 80, 24).backend());
}

#[test]
fn consumer_in_full() {
    let mut app = on(flowing());
    press(&mut app, &[Action::Open]);
    at_all_sizes("details", &app);
    assert_snapshot!(
        "ascii_details_80x24",
        themed(&app, &Theme::new(false, true), 80, 24).backend()
    );
    // It leaves: what was seen of it stays.
    let mut frame = flowing();
    frame.snapshot.consumers.pop();
    take(&mut app, frame);
    assert_snapshot!("details_left_80x24", drawn(&app, 80, 24).backend());
    // Next to nothing is known.
    let mut app = on(unknown());
    press(&mut app, &[Action::Open]);
    assert_snapshot!("details_unknown_80x24", drawn(&app, 80, 24).backend());
}

#[test]
fn panes_with_the_keys() {
    let mut app = on(with_events(full(), 30));
    press(&mut app, &[Action::Pane(Pane::Findings), Action::Down]);
    at_all_sizes("findings", &app);
    press(&mut app, &[Action::Pane(Pane::Messages), Action::Up]);
    at_all_sizes("messages", &app);
    press(&mut app, &[Action::Pane(Pane::Hex)]);
    at_all_sizes("hex", &app);
}

#[test]
fn what_may_not_be_seen() {
    at_all_sizes("hidden", &on(hidden()));
    let mut app = on(hidden());
    press(&mut app, &[Action::Pane(Pane::Findings), Action::Zoom]);
    let text = lines(&drawn(&app, 80, 24)).join("\n");
    for limit in &hidden().snapshot.attach.limits {
        let remedy = limit.remedy.as_deref().unwrap();
        assert!(text.contains(remedy), "{remedy} is not on\n{text}");
    }
}

#[test]
fn truncated_ring() {
    at_all_sizes("truncated", &on(truncated()));
}

#[test]
fn producer_gone() {
    at_all_sizes("gone", &on(gone()));
}

#[test]
fn no_consumers() {
    at_all_sizes("lonely", &on(lonely()));
}

#[test]
fn waiting_for_a_ring() {
    let mut app = App::new(std::time::Duration::from_millis(100), None);
    app.take_listing(listing(0));
    at_all_sizes("waiting", &app);
}

#[test]
fn list_of_rings() {
    let mut app = App::new(std::time::Duration::from_millis(100), None);
    app.take_listing(listing(3));
    press(&mut app, &[Action::Down]);
    app.refused(
        "7001/4",
        "pid 7001 fd 4: permission denied; run as the same user",
    );
    at_all_sizes("rings", &app);
}

#[test]
fn recording() {
    at_all_sizes("recording", &on(recorded()));
    let mut plays = recorded();
    if let Some(timeline) = &mut plays.timeline {
        timeline.speed = Some(10);
        timeline.at_ns = timeline.end_ns;
    }
    let row = |frame: Frame| lines(&drawn(&on(frame), 80, 24))[1].clone();
    let played = row(plays.clone());
    assert!(
        played.contains("10 x") && played.trim_end().ends_with("● 06:12:05"),
        "{played}"
    );
    if let Some(timeline) = &mut plays.timeline {
        timeline.is_live = true;
    }
    assert!(row(plays).contains("live "));
}

#[test]
fn a_time_to_go_to_is_typed() {
    let mut app = on(recorded());
    press(&mut app, &[Action::GoTo]);
    assert!(app.is_typing());
    let asked = |app: &App| lines(&drawn(app, 80, 24))[23].clone();
    assert!(asked(&app).contains("+5s"), "{}", asked(&app));
    for character in "later".chars() {
        app.edit(Edit::Insert(character));
    }
    assert_eq!(app.edit(Edit::Keep), None);
    assert!(asked(&app).contains("expected a time"), "{}", asked(&app));
    app.edit(Edit::EraseAll);
    for character in "+5s".chars() {
        app.edit(Edit::Insert(character));
    }
    let moment = Moment::AfterBegin(std::time::Duration::from_secs(5));
    let wanted = Effect::Act(SourceAction::Seek(Seek::To(moment)));
    assert_eq!(app.edit(Edit::Keep), Some(wanted));
    assert!(!app.is_typing());
    // Nothing of it is there for a ring that is watched now.
    let mut live = on(flowing());
    for action in [
        Action::GoTo,
        Action::NextSample,
        Action::NextEvent,
        Action::PlayFaster,
    ] {
        assert_eq!(apply(&mut live, action), None);
        assert!(!live.is_typing());
    }
}

#[test]
fn help() {
    let mut app = on(flowing());
    press(&mut app, &[Action::Help]);
    at_all_sizes("help", &app);
    // On a screen of the usual size the keys are there for who scrolls, and what marks mean is below.
    let mut text = String::new();
    for _ in 0..60 {
        text.push_str(&lines(&drawn(&app, 80, 24)).join("\n"));
        press(&mut app, &[Action::Down]);
    }
    for binding in BINDINGS {
        assert!(
            text.contains(binding.help),
            "{} is not in the help",
            binding.help
        );
    }
    press(&mut app, &[Action::Last]);
    assert_snapshot!("help_end_80x24", drawn(&app, 80, 24).backend());
}

#[test]
fn a_wakeup_mode_shows_what_it_is_known_from() {
    let mut frame = flowing();
    let consumers = &mut frame.snapshot.consumers;
    consumers[0].wakeup_basis = Some(WakeupBasis::FutexWait);
    consumers[2].wakeup_basis = Some(WakeupBasis::Join);
    let mut app = on(frame);
    let text = lines(&drawn(&app, 80, 24));
    for (name, mode) in [("risk", "push* "), ("web", "pull  "), ("archive", "push+ ")] {
        let row = text.iter().find(|line| line.contains(name)).unwrap();
        assert!(row.contains(mode), "{row}");
    }
    press(&mut app, &[Action::Help, Action::Last]);
    let help = lines(&drawn(&app, 200, 60)).join("\n");
    for mark in ["MODE push ", "MODE push* ", "MODE push+ "] {
        assert!(help.contains(mark), "{help}");
    }
}

#[test]
fn frozen_with_a_held_message() {
    let mut app = on(flowing());
    press(
        &mut app,
        &[Action::NextPane, Action::Up, Action::Up, Action::Freeze],
    );
    assert_snapshot!("frozen_80x24", drawn(&app, 80, 24).backend());
}

#[test]
fn ascii_without_colours() {
    let theme = Theme::new(false, true);
    for (name, frame) in [("flowing", flowing()), ("gone", gone())] {
        let terminal = themed(&on(frame), &theme, 80, 24);
        for cell in terminal.backend().buffer().content() {
            assert!(cell.symbol().is_ascii(), "{:?} is not ASCII", cell.symbol());
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
        }
        assert_snapshot!(format!("ascii_{name}_80x24"), terminal.backend());
    }
}

#[test]
fn colours_are_there_when_they_are_wanted() {
    let terminal = drawn(&on(full()), 80, 24);
    assert!(
        terminal
            .backend()
            .buffer()
            .content()
            .iter()
            .any(|cell| cell.fg == Color::Red)
    );
}

#[test]
fn marks_do_not_take_the_colour_of_the_bar() {
    let terminal = drawn(&on(flowing()), 80, 24);
    let row = (0..80).map(|x| &terminal.backend().buffer()[(x, 3)]);
    let mark = row.clone().find(|cell| cell.symbol() == "1").unwrap();
    assert!(mark.modifier.contains(Modifier::REVERSED));
    assert_eq!(mark.fg, Color::Reset);
    assert!(
        row.clone().any(|cell| cell.fg != Color::Reset),
        "the bar has one"
    );
}

/// What is said in colour is said in words too.
#[test]
fn states_are_words() {
    let text = lines(&drawn(&on(full()), 80, 24)).join("\n");
    for word in ["full", "blocking", "critical", "warning"] {
        assert!(text.contains(word), "{word} is missing");
    }
}

#[test]
fn any_size_is_survived() {
    let frames: [fn() -> Frame; 6] = [
        flowing,
        full,
        gone,
        lonely,
        || with_events(full(), 1000),
        crowded,
    ];
    for frame in frames {
        for panes in 0..4 {
            let mut app = on(frame());
            press(&mut app, &vec![Action::NextPane; panes]);
            for help in [false, true] {
                if help {
                    press(&mut app, &[Action::Help]);
                } else if panes == 3 {
                    press(&mut app, &[Action::NextPane, Action::Open]);
                }
                for (width, height) in
                    (0..=30).flat_map(|width| (0..=13).map(move |height| (width, height)))
                {
                    drawn(&app, width, height);
                }
                for (width, height) in [
                    (1, 200),
                    (300, 1),
                    (300, 2),
                    (75, 40),
                    (76, 17),
                    (119, 17),
                    (120, 11),
                ] {
                    drawn(&app, width, height);
                }
            }
        }
    }
    for rings in [0, 3] {
        let mut app = App::new(std::time::Duration::from_millis(100), None);
        app.take_listing(listing(rings));
        for (width, height) in
            (0..=30).flat_map(|width| (0..=13).map(move |height| (width, height)))
        {
            drawn(&app, width, height);
        }
    }
}

/// A value that gets longer must not push its neighbours.
#[test]
fn columns_do_not_jump() {
    let quiet = lines(&drawn(&on(flowing()), 80, 24));
    let mut frame = flowing();
    frame.snapshot.rate.bytes_per_second = Some(3.0);
    frame.snapshot.rate.messages_per_second.value = Some(1.0);
    frame.snapshot.time_to_full_ns = Some(90_000_000_000_000);
    for consumer in &mut frame.snapshot.consumers {
        consumer.lag_bytes = Some(1_047_000);
        consumer.lag_percent = Some(99.9);
        consumer.lag_time_ns = Some(Bounded::exact(4_000_000_000_000));
        consumer.progress_age_ns = None;
    }
    let busy = lines(&drawn(&on(frame), 80, 24));
    // In characters: a dash for an unknown value has more bytes than one.
    let column = |line: &String, text| Some(line[..line.find(text)?].chars().count());
    for text in ["lap", "free", "full in", "STATE", "PROGRESS", " ok "] {
        let at = |lines: &[String]| lines.iter().find_map(|line| column(line, text));
        assert!(at(&quiet).is_some(), "{text} is missing");
        assert_eq!(at(&quiet), at(&busy), "{text} moved");
    }
}

/// Whatever happens to the ring, no pane moves: only a window of another size, or more consumers than there were, moves
/// one.
#[test]
fn panes_stay_where_they_are() {
    for (width, height) in [(80, 24), (120, 40), (200, 60), (300, 80)] {
        let mut random = super::random::Random(7);
        let mut app = on(flowing());
        let tops = |app: &App| -> Vec<usize> {
            let screen = lines(&drawn(app, width, height));
            let titles = ["1 Consumers", "2 Findings", "3 Messages"];
            let top = |title: &&str| screen.iter().position(|line| line.contains(*title));
            titles.iter().filter_map(top).collect()
        };
        let before = tops(&app);
        assert_eq!(before.len(), 3, "{width}x{height}");
        for round in 0..300 {
            let mut frame = random.frame();
            frame.snapshot.ctrl_inode = flowing().snapshot.ctrl_inode;
            frame.snapshot.consumers.truncate(6);
            frame.timeline = None;
            take(&mut app, frame);
            assert_eq!(tops(&app), before, "{width}x{height}, frame {round}");
        }
    }
}

/// However many consumers there are, messages have room.
#[test]
fn a_crowd_leaves_room_for_messages() {
    let mut frame = super::crowd::crowded();
    let more = frame.snapshot.consumers.clone();
    frame.snapshot.consumers.extend(more);
    frame.snapshot.consumers.truncate(25);
    for (width, height, least) in [(80, 24, 4), (120, 40, 5), (200, 60, 8)] {
        let text = lines(&drawn(&on(frame.clone()), width, height)).join("\n");
        let messages = text.matches("quote 0").count() - text.matches("  quote 0").count();
        assert!(messages >= least, "{messages} at {width}x{height}\n{text}");
    }
}
