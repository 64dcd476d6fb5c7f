//! The ring as a circle, where there is room: turned so that head is on top, with everything that lies behind it
//! against the clock.
//!
//! Head stands still in the picture and the ring turns under it: places in the ring are noise at a thousand laps a
//! second, and how far each consumer is behind is what counts. Held and free are told apart by their thickness.

use std::f64::consts::TAU;

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::chart::{bit, glyph};
use super::holding::{HeldSpace, TailMark, gate, held, tails};
use crate::observe::model::RingSnapshot;
use crate::ui::format::{bytes, grouped, percent};
use crate::ui::text;
use crate::ui::theme::ColorRole;

/// Rows of the smallest circle in which tails can be told apart, labels included.
pub(super) const LEAST: u16 = 11;
/// Columns at either side of the circle, for labels.
const SIDE: u16 = 4;
/// Columns of the legend.
pub(super) const LEGEND: u16 = 34;
/// Dots of a braille cell, across and down.
const DOTS: (u16, u16) = (2, 4);

/// Columns of a circle that is `height` rows high, labels and legend included.
pub(super) fn width(height: u16) -> u16 {
    circle_width(height) + LEGEND
}

fn circle_width(height: u16) -> u16 {
    // A dot is as wide as it is high, so two columns are as long as one row; and one for a column in the middle.
    height.saturating_sub(2) * 2 + 2 * SIDE + 1
}

pub(super) fn render(ring: &RingSnapshot, canvas: &mut Canvas<'_>, mut area: Rect) {
    // With a row in the middle.
    area.height -= 1 - area.height % 2;
    let circle = Circle::new(Rect {
        width: circle_width(area.height).min(area.width),
        ..area
    });
    let held = held(ring);
    let behind = share(held.bytes, ring);
    circle.draw(behind, held, canvas);
    circle.head(canvas);
    circle.mark(&tails(ring), ring, canvas);
    circle.middle(ring, held, canvas);
    legend(
        ring,
        held,
        canvas,
        Rect {
            x: circle.area.right() + 1,
            width: area.right().saturating_sub(circle.area.right() + 1),
            ..area
        },
    );
}

/// Part of the ring that `bytes` are, at most all of it.
#[expect(clippy::cast_precision_loss, reason = "a picture")]
fn share(bytes: u64, ring: &RingSnapshot) -> f64 {
    (bytes as f64 / ring.control.ring_capacity.max(1) as f64).min(1.0)
}

struct Circle {
    area: Rect,
    /// The middle, in dots from the area's upper left.
    middle: (f64, f64),
    /// Outer and inner edge of what is held, in dots.
    radius: f64,
    inner: f64,
}

impl Circle {
    fn new(area: Rect) -> Self {
        let radius = f64::from(area.height.saturating_sub(2)) * f64::from(DOTS.1) / 2.0;
        Self {
            area,
            middle: (
                f64::from(area.width) * f64::from(DOTS.0) / 2.0,
                f64::from(area.height) * f64::from(DOTS.1) / 2.0,
            ),
            radius,
            inner: radius * 0.8,
        }
    }

    /// The place `radius` dots from the middle where the tail is that lies `behind` turns behind head, in dots.
    fn place(&self, behind: f64, radius: f64) -> (f64, f64) {
        let angle = behind * TAU;
        (
            self.middle.0 - radius * angle.sin(),
            self.middle.1 - radius * angle.cos(),
        )
    }

    /// How many turns behind head that dot is, and how far from the middle.
    fn turn(&self, x: u16, y: u16) -> (f64, f64) {
        let (x, y) = (
            f64::from(x) + 0.5 - self.middle.0,
            f64::from(y) + 0.5 - self.middle.1,
        );
        ((-x).atan2(-y).rem_euclid(TAU) / TAU, x.hypot(y))
    }

    /// Held: as thick as it is. Free: a thin line. Not known: that line, dotted.
    fn draw(&self, behind: f64, held: HeldSpace, canvas: &mut Canvas<'_>) {
        let [taken, free, unknown] = canvas.glyphs().bar_cells;
        let braille = canvas.glyphs().braille;
        for y in 0..self.area.height {
            for x in 0..self.area.width {
                let (mut dots, mut is_held) = (0, false);
                for (dot_x, dot_y) in
                    (0..DOTS.0).flat_map(|dot_x| (0..DOTS.1).map(move |dot_y| (dot_x, dot_y)))
                {
                    let (turn, radius) = self.turn(x * DOTS.0 + dot_x, y * DOTS.1 + dot_y);
                    let here = turn < behind;
                    let inner = if here { self.inner } else { self.radius - 1.0 };
                    let gap = !here && !held.all && (turn * 48.0).rem_euclid(2.0) >= 1.0;
                    if (inner..self.radius).contains(&radius) && !gap {
                        dots |= bit(dot_x.into(), dot_y.into());
                        is_held |= here;
                    }
                }
                if dots == 0 {
                    continue;
                }
                let cell = Rect::new(self.area.x + x, self.area.y + y, 1, 1);
                let role = match (is_held, held.all && behind >= 1.0) {
                    (true, true) => ColorRole::Bad,
                    (true, false) => ColorRole::Chart,
                    (false, _) => ColorRole::Dim,
                };
                let text = match (braille, is_held) {
                    (true, _) => glyph(dots, true).to_string(),
                    (false, true) => taken.to_owned(),
                    (false, false) => if held.all { free } else { unknown }.to_owned(),
                };
                canvas.fill(cell, &text, role);
            }
        }
    }

    /// Head, in the ring at the top, looking where it goes.
    fn head(&self, canvas: &mut Canvas<'_>) {
        let (x, y) = self.cell(self.place(0.0, self.radius - 1.0));
        canvas.put(x, y, 1, canvas.glyphs().head, ColorRole::Badge);
    }

    /// The cell of a place; outside the area never.
    fn cell(&self, (x, y): (f64, f64)) -> (u16, u16) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` from float saturates, and the area bounds it"
        )]
        let cell = |dot: f64, dots: u16, cells: u16| {
            ((dot / f64::from(dots)) as u16).min(cells.saturating_sub(1))
        };
        (
            self.area.x + cell(x, DOTS.0, self.area.width),
            self.area.y + cell(y, DOTS.1, self.area.height),
        )
    }

    /// The numbers of the tails, around the circle. Those that stand in one place are named together.
    fn mark(&self, tails: &[TailMark], ring: &RingSnapshot, canvas: &mut Canvas<'_>) {
        let mut taken: Vec<(u16, u16, u16)> = Vec::new();
        let mut labels = self.labels(tails, ring);
        labels.sort_by_key(|label| !label.text.starts_with('('));
        for Label { y, x, text, .. } in labels {
            let width = text::width(&text);
            let overlaps = |&(row, from, to): &(u16, u16, u16)| {
                row == y && x < to.saturating_add(1) && from < x + width + 1
            };
            // It would stand in another's place: the table has it.
            if taken.iter().any(overlaps) {
                continue;
            }
            canvas.put(x, y, width, &text, ColorRole::Badge);
            taken.push((y, x, x + width));
        }
    }

    fn labels(&self, tails: &[TailMark], ring: &RingSnapshot) -> Vec<Label> {
        let mut labels: Vec<Label> = Vec::new();
        for tail in tails {
            let behind = share(tail.lag, ring);
            let (x, y) = self.cell(self.place(behind, self.radius + 4.0));
            let left = behind < 0.5;
            // What is nearly a turn behind is beside head, too, and not where those are that are at head.
            let near = labels.last_mut().filter(|last| {
                last.left == left && last.anchor.0.abs_diff(x) <= 2 && last.anchor.1 == y
            });
            match near {
                Some(last) => {
                    last.text = format!("{} {}", tail.label, last.text);
                }
                None => labels.push(Label {
                    anchor: (x, y),
                    left,
                    x,
                    y,
                    text: tail.label.clone(),
                }),
            }
        }
        // At the left of the circle a label ends where its tail is, at the right it begins there; none is above head.
        let (middle, _) = self.cell(self.middle);
        let rightmost = |width| self.area.right().saturating_sub(width);
        for label in &mut labels {
            let width = text::width(&label.text);
            let x = if label.left {
                label.anchor.0.min(middle - 1).saturating_sub(width - 1)
            } else {
                label.anchor.0.max(middle + 1).min(rightmost(width))
            };
            label.x = x.max(self.area.x);
        }
        labels
    }

    /// The share that is held, in the middle.
    fn middle(&self, ring: &RingSnapshot, held: HeldSpace, canvas: &mut Canvas<'_>) {
        let part = percent(share(held.bytes, ring) * 100.0);
        let lines = [
            (
                format!("{part} %{}", if held.all { "" } else { " or more" }),
                ColorRole::Strong,
            ),
            ("held".to_owned(), ColorRole::Plain),
        ];
        let (x, y) = self.cell(self.middle);
        for ((line, role), y) in lines.into_iter().zip(y.saturating_sub(1)..) {
            let width = text::width(&line);
            canvas.put(x.saturating_sub(width / 2), y, width, &line, role);
        }
    }
}

/// Numbers of tails in one place.
struct Label {
    anchor: (u16, u16),
    left: bool,
    x: u16,
    y: u16,
    text: String,
}

fn legend(ring: &RingSnapshot, held: HeldSpace, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = canvas.glyphs();
    let capacity = ring.control.ring_capacity;
    let [taken, free, unknown] = if glyphs.braille {
        ["\u{28ff}", "\u{2812}", "\u{2804}"]
    } else {
        glyphs.bar_cells
    };
    let rest = capacity.saturating_sub(held.bytes);
    let mut lines = vec![
        (
            glyphs.head.to_owned(),
            match ring.control.head() {
                Some(_) => format!(
                    "head: {} into lap {}",
                    bytes(ring.control.position()),
                    grouped(ring.control.lap())
                ),
                None => "head: unknown".to_owned(),
            },
        ),
        (
            taken.to_owned(),
            format!("{} held, still unread", bytes(held.bytes)),
        ),
        if held.all {
            (free.to_owned(), format!("{} free", bytes(rest)))
        } else {
            (
                unknown.to_owned(),
                "held or free: not all tails are seen".to_owned(),
            )
        },
        ("( )".to_owned(), gate(ring)),
    ];
    let words = "One turn is the whole ring. Head is at the top, clockwise is forward; a number marks the tail of that slot.";
    let room = area.width.saturating_sub(1);
    let rows = usize::from(area.height);
    let wrapped = text::wrap(words, room);
    if lines.len() + 1 + wrapped.len() <= rows {
        lines.push((String::new(), String::new()));
        lines.extend(wrapped.into_iter().map(|line| (line, String::new())));
    }
    let top = area.y
        + area
            .height
            .saturating_sub(u16::try_from(lines.len()).unwrap_or(0))
            / 2;
    for ((mark, words), y) in lines.into_iter().zip(top..area.bottom()) {
        if words.is_empty() {
            canvas.put(area.x, y, room, &mark, ColorRole::Dim);
            continue;
        }
        canvas.put(area.x, y, 3, &mark, ColorRole::Strong);
        canvas.put(
            area.x + 4,
            y,
            room.saturating_sub(4),
            &words,
            ColorRole::Plain,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle() -> Circle {
        Circle::new(Rect::new(0, 0, circle_width(13), 13))
    }

    #[test]
    fn head_is_on_top_and_what_is_behind_lies_against_the_clock() {
        let circle = circle();
        let (middle_x, middle_y) = circle.cell(circle.middle);
        assert_eq!((middle_x, middle_y), (15, 6));
        let at = |behind| circle.cell(circle.place(behind, circle.radius - 0.5));
        assert_eq!(at(0.0), (15, 1), "head");
        assert_eq!(at(0.25), (4, 6), "a quarter behind: left");
        assert_eq!(at(0.5), (15, 11), "half: below");
        assert_eq!(at(0.75), (26, 6), "three quarters: right");
        // And back: each dot knows how far behind it is.
        for behind in [0.01, 0.2, 0.4, 0.6, 0.99] {
            let (x, y) = circle.place(behind, 20.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let (turn, radius) = circle.turn(x as u16, y as u16);
            assert!((turn - behind).abs() < 0.01, "{turn} for {behind}");
            assert!((radius - 20.0).abs() < 1.0, "{radius}");
        }
    }
}
