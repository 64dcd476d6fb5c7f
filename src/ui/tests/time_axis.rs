//! How far back charts reach: what the keys do to it, and what is seen of a past of any length.

use super::fixtures::*;
use crate::observe::model::{Frame, PastPoint, PastSeries};
use crate::ui::action::{Action, Pane};
use crate::ui::app::App;

const SECOND: u64 = 1000 * MS;
const HOUR: u64 = 3600 * SECOND;
/// The axis in all its lengths.
const SPANS: [&str; 11] = [
    "10 s", "30 s", "1 min", "2 min", "5 min", "10 min", "30 min", "1 h", "2 h", "6 h", "1 d",
];

/// How the left ends of all time axes on a screen read.
fn axes(app: &App, width: u16, height: u16) -> Vec<String> {
    let screen = lines(&drawn(app, width, height)).join("\n");
    let ends = screen.split("└─ ").skip(1);
    let ends = ends.filter_map(|end| end.split_once(" ago ─"));
    ends.map(|(end, _)| end.to_owned()).collect()
}

/// Figures of so many hours, one every quarter of a second, the last one now; those of the hour before last are not known.
fn hours(frame: &Frame, hours: u64, value: impl Fn(u64) -> u64) -> PastSeries {
    let now = frame.snapshot.sampled_ns;
    let ages = (0..hours * 4 * 3600)
        .rev()
        .map(|quarters| quarters * 250 * MS);
    let known = |age: &u64| !(HOUR..2 * HOUR).contains(age);
    let points = ages
        .filter(known)
        .map(|age| PastPoint::at(now - age, Some(value(age))));
    let mut past = PastSeries::default();
    for point in points {
        let last = past.last().map_or(point.at_ns, |last| last.at_ns);
        if point.at_ns - last >= HOUR {
            past.push(PastPoint::at(last + 1, None));
        }
        past.push(point);
    }
    past
}

/// `flowing` at a time before which a day can lie.
fn flowing_late() -> Frame {
    let mut frame = flowing();
    frame.snapshot.sampled_ns = 100 * HOUR;
    frame
}

#[test]
fn every_chart_has_the_axis_that_the_keys_lead_to() {
    let mut app = on(flowing());
    assert_eq!(axes(&app, 200, 60), ["2 min"; 4]);
    for span in SPANS[4..].iter().chain([&"1 d"]) {
        press(&mut app, &[Action::LongerTime]);
        assert_eq!(axes(&app, 200, 60), [*span; 4]);
        assert_eq!(app.said(), Some(format!("time axis: {span}").as_str()));
    }
    for span in SPANS[..10].iter().rev().chain([&"10 s"]) {
        press(&mut app, &[Action::ShorterTime]);
        assert_eq!(axes(&app, 200, 60), [*span; 4]);
    }
    press(&mut app, &[Action::Open]);
    assert_eq!(axes(&app, 120, 40), ["10 s"; 2], "throughput and details");
    press(
        &mut app,
        &[Action::LongerTime, Action::Freeze, Action::LongerTime],
    );
    assert_eq!(axes(&app, 120, 40), ["1 min"; 2], "frozen, too");
}

#[test]
fn what_charts_would_show_of_themselves_is_automatic() {
    let short = |seconds: u64| {
        let mut frame = flowing();
        let past = frame.rates.points().copied().collect::<Vec<_>>();
        let count = usize::try_from(seconds * 4).unwrap();
        frame.rates = past[480 - count..].iter().copied().collect();
        frame
    };
    let mut app = on(short(12));
    assert_eq!(axes(&app, 200, 60), ["10 s"; 4]);
    take(&mut app, short(30));
    assert_eq!(axes(&app, 200, 60), ["30 s"; 4]);
    press(&mut app, &[Action::LongerTime]);
    take(&mut app, flowing());
    assert_eq!(axes(&app, 200, 60), ["1 min"; 4], "what was chosen stays");
    press(&mut app, &[Action::LongerTime]);
    assert_eq!(app.said(), Some("time axis: automatic, up to 2 min"));
    take(&mut app, short(30));
    assert_eq!(axes(&app, 200, 60), ["30 s"; 4]);
    // Of a ring that never had a producer while it was watched.
    let mut orphaned = short(30);
    orphaned.rates = PastSeries::default();
    take(&mut app, orphaned);
    assert_eq!(axes(&app, 200, 60), ["2 min"; 3]);
}

#[test]
fn nothing_else_moves_when_the_axis_changes() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let mut app = on(flowing());
        let before = lines(&drawn(&app, width, height));
        press(&mut app, &[Action::LongerTime]);
        // Another key that does nothing here takes back what the footer says.
        press(&mut app, &[Action::First]);
        press(&mut app, &[Action::Last]);
        let after = lines(&drawn(&app, width, height));
        let titles = |screen: &[String]| -> Vec<String> {
            let is_dot =
                |c: char| ('\u{2800}'..='\u{28ff}').contains(&c) || "▁▂▃▄▅▆▇█·".contains(c);
            let screen = screen.iter().map(|line| line.replace(is_dot, " "));
            screen
                .map(|line| line.replace("5 min ago", "2 min ago"))
                .collect()
        };
        assert_eq!(titles(&before), titles(&after), "{width}x{height}");
    }
}

#[test]
fn keys_that_nobody_sees_the_effect_of_change_nothing() {
    let mut app = on(flowing());
    press(&mut app, &[Action::Help, Action::LongerTime, Action::Help]);
    press(&mut app, &[Action::List, Action::LongerTime, Action::Back]);
    assert_eq!(axes(&app, 200, 60), ["2 min"; 4]);
    let mut waiting = App::new(std::time::Duration::from_millis(100), None);
    press(&mut waiting, &[Action::LongerTime]);
    assert_eq!(waiting.said(), None);
}

/// Rows of the throughput's chart on a screen of 120×40, without what names its axes.
fn throughput(app: &App) -> Vec<Vec<char>> {
    let screen = lines(&drawn(app, 120, 40));
    let rows = screen[3..9].iter();
    rows.map(|line| line.chars().skip(12).take(107).collect())
        .collect()
}

/// The columns in which a row has dots.
fn columns(row: &[char]) -> Vec<usize> {
    let columns = row.iter().enumerate().filter(|(_, cell)| **cell != ' ');
    columns.map(|(column, _)| column).collect()
}

#[test]
fn what_is_not_remembered_is_empty_and_what_was_not_sampled_is_a_hole() {
    let mut app = on(flowing());
    press(&mut app, &[Action::LongerTime, Action::LongerTime]);
    let lowest = throughput(&app).pop().unwrap();
    assert_eq!(
        columns(&lowest),
        (85..107).collect::<Vec<_>>(),
        "2 of 10 min"
    );
    let mut frame = flowing_late();
    frame.rates = hours(&frame, 30, |_| 1 << 20);
    let mut app = on(frame);
    // On an axis of two hours the hour before last is empty, and of six hours a sixth.
    press(&mut app, &[Action::LongerTime; 5]);
    assert_eq!(axes(&app, 120, 40), ["2 h"]);
    let lowest = throughput(&app).pop().unwrap();
    assert_eq!(columns(&lowest), (53..107).collect::<Vec<_>>());
    press(&mut app, &[Action::LongerTime]);
    let lowest = throughput(&app).pop().unwrap();
    let empty = 107 - columns(&lowest).len();
    assert!((16..=18).contains(&empty), "{lowest:?}");
    press(&mut app, &[Action::LongerTime]);
    let lowest = throughput(&app).pop().unwrap();
    let empty = 107 - columns(&lowest).len();
    assert!((3..=5).contains(&empty), "{lowest:?}");
    assert_eq!((lowest[0], lowest[106]), ('⣿', '⣿'), "a whole day");
}

#[test]
fn a_spike_is_seen_on_every_axis_that_reaches_back_to_it() {
    // How long ago, and the places of the axes that show it.
    for (age, seen_from) in [
        (5 * SECOND, 0),
        (55 * SECOND, 2),
        (9 * 60 * SECOND, 5),
        (50 * 60 * SECOND, 7),
        (5 * HOUR, 9),
        (20 * HOUR, 10),
    ] {
        let mut frame = flowing_late();
        let spike = |at: u64| if at == age { 700 << 20 } else { 1 << 20 };
        frame.rates = hours(&frame, 30, spike);
        frame.lags = [(102, hours(&frame, 30, spike))].into();
        let mut app = on(frame);
        press(&mut app, &[Action::Last, Action::Open]);
        press(&mut app, &[Action::ShorterTime; 3]);
        for (number, span) in SPANS.iter().enumerate() {
            let rows = throughput(&app);
            let text = lines(&drawn(&app, 120, 40)).join("\n");
            assert_eq!(axes(&app, 120, 40), [*span; 2]);
            let seen = number >= seen_from;
            assert_eq!(
                text.contains("peak  700 MiB/s"),
                seen,
                "{age} ns ago on {span}"
            );
            assert_eq!(
                text.contains("at most 700 MiB"),
                seen,
                "{age} ns ago on {span}"
            );
            let high = columns(&rows[1]).len();
            assert_eq!(
                (1..6).contains(&high),
                seen,
                "{age} ns ago on {span}:\n{text}"
            );
            // The same where there is no room but for a row of bars: the highest is there.
            if number != 3 {
                let row = lines(&drawn(&app, 80, 24)).remove(2);
                let bars = |bar: char| row.chars().filter(|cell| *cell == bar).count();
                let most = bars('█') + bars('▇') + bars('▆');
                assert_eq!((1..6).contains(&most), seen, "{row}");
            }
            press(&mut app, &[Action::LongerTime]);
        }
    }
}

#[test]
fn where_a_row_of_bars_has_the_past_the_axis_is_that_long() {
    let mut frame = flowing_late();
    frame.rates = hours(&frame, 30, |_| 1 << 20);
    let mut app = on(frame);
    press(&mut app, &[Action::Pane(Pane::Messages)]);
    let bars = |app: &App| -> Vec<char> {
        let row = lines(&drawn(app, 80, 24)).remove(2);
        row.chars().skip(37).take(42).collect()
    };
    assert!(!bars(&app).contains(&'·'));
    press(&mut app, &[Action::LongerTime; 5]);
    let holes = bars(&app).iter().filter(|bar| **bar == '·').count();
    assert!((18..=21).contains(&holes), "{:?}", bars(&app));
}
