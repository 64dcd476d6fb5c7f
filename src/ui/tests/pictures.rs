//! Whether pictures tell the truth: what stands where for rings that are known.

use super::fixtures::*;
use crate::observe::model::Frame;
use crate::ui::theme::Theme;

/// The gate is marked by more than its colour, and every tail where it is.
#[test]
fn tails_stand_in_the_bar_where_they_are() {
    let mut frame = flowing();
    for (consumer, quarters) in frame.snapshot.consumers.iter_mut().zip([1, 2, 3]) {
        consumer.lag_bytes = Some(CAPACITY / 4 * quarters);
    }
    frame.snapshot.free_bytes = Some(CAPACITY / 4);
    let bar = |frame: Frame| lines(&drawn(&on(frame), 80, 24)).remove(3);
    let line = bar(frame.clone());
    let cells: Vec<char> = line.chars().collect();
    let at = |what: char| cells.iter().position(|cell| *cell == what).unwrap();
    let (left, head) = (at('├') + 1, at('▶'));
    assert_eq!(head - left, 36);
    let behind = |label: char| head - at(label);
    assert_eq!((behind('0'), behind('1'), behind('2')), (9, 18, 27));
    assert!(line.contains("(2)"), "it gates: {line}");
    assert_eq!(
        cells.iter().filter(|cell| **cell == '░').count(),
        8,
        "{line}"
    );
    frame.snapshot.gating_meta_inode = Some(101);
    assert!(bar(frame).contains("(1)"));
}

/// Dots and numbers of the circle, at a size that is easily counted.
#[test]
fn tails_stand_around_the_circle_where_they_are() {
    let mut frame = flowing();
    for (consumer, quarters) in frame.snapshot.consumers.iter_mut().zip([1, 2, 3]) {
        consumer.lag_bytes = Some(CAPACITY / 4 * quarters);
    }
    frame.snapshot.free_bytes = Some(CAPACITY / 4);
    for theme in [Theme::new(true, false), Theme::new(true, true)] {
        let screen = lines(&themed(&on(frame.clone()), &theme, 200, 60));
        let rows: Vec<Vec<char>> = screen[2..19]
            .iter()
            .map(|line| line.chars().skip(120).take(48).collect())
            .collect();
        let find = |what: &str| {
            rows.iter().enumerate().find_map(|(row, line)| {
                let line: String = line.iter().collect();
                let column = line[..line.find(what)?].chars().count();
                Some((column, row))
            })
        };
        let (head_x, head_y) = find(theme.glyphs.head).unwrap();
        let (left_x, left_y) = find("0").unwrap();
        let (bottom_x, bottom_y) = find(" 1 ").unwrap();
        let (right_x, right_y) = find("(2)").unwrap();
        assert_eq!((head_y, left_y, bottom_y, right_y), (1, 8, 16, 8));
        assert!(bottom_x.abs_diff(head_x) <= 2, "{bottom_x} {head_x}");
        assert!((head_x - left_x).abs_diff(right_x - head_x) <= 1);
        assert!(find("75 %").is_some());
    }
}

/// A picture that stands above the panes does not change the scale at every sample.
#[test]
fn scales_go_in_steps() {
    let top = |most: u64| {
        let mut frame = flowing();
        frame.rates = changed(&frame.rates, |_, _| Some(most));
        lines(&drawn(&on(frame), 120, 40))[3].trim().to_owned()
    };
    assert!(
        top(700 << 20).starts_with("768 MiB/s"),
        "{}",
        top(700 << 20)
    );
    assert_eq!(top(700 << 20)[..9], top(760 << 20)[..9]);
    assert!(top(769 << 20).starts_with("1.0 GiB/s"));
}

/// A tail nearly a turn behind head stands at the other side of it than those that are at head.
#[test]
fn the_furthest_tail_is_not_taken_for_the_nearest() {
    let mut frame = full();
    for (consumer, lag) in frame
        .snapshot
        .consumers
        .iter_mut()
        .zip([0, 0, CAPACITY - 40])
    {
        consumer.lag_bytes = Some(lag);
    }
    frame.snapshot.free_bytes = Some(40);
    let screen = lines(&drawn(&on(frame), 200, 60));
    let column = |what: &str| {
        let line = &screen[2];
        line[..line.find(what).unwrap()].chars().count()
    };
    let head = screen[3].chars().position(|cell| cell == '▶').unwrap();
    let (nearest, furthest) = (column("1 0 "), column("(2)"));
    assert!(
        nearest < head && head < furthest,
        "{nearest} {head} {furthest}"
    );
}
