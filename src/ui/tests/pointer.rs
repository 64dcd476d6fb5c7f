//! What clicks and the wheel do, on the screen as it was drawn.

use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::crowd::crowded;
use super::fixtures::*;
use crate::ui::action::{Action, Effect, FrontView, Pane};
use crate::ui::app::App;
use crate::ui::consumer_field::ConsumerField;
use crate::ui::consumer_list::Sort;
use crate::ui::heed;
use crate::ui::hit_map::HitMap;
use crate::ui::theme::Theme;
use crate::ui::view::screen;

/// A dashboard and what was drawn of it last.
struct Seen {
    app: App,
    area: Rect,
    lines: Vec<String>,
    hit_map: HitMap,
}

impl Seen {
    fn new(app: App, width: u16, height: u16) -> Self {
        let mut seen = Self {
            app,
            area: Rect::new(0, 0, width, height),
            lines: Vec::new(),
            hit_map: HitMap::default(),
        };
        seen.draw();
        seen
    }

    fn draw(&mut self) {
        let mut buffer = Buffer::empty(self.area);
        let theme = Theme::new(true, false);
        self.hit_map = screen::render(&self.app, &theme, self.area, &mut buffer);
        self.app.drawn(&self.hit_map);
        self.lines = lines(&drawn(&self.app, self.area.width, self.area.height));
    }

    /// Where `text` stands, by its first character.
    fn find(&self, text: &str) -> (u16, u16) {
        let found = self.lines.iter().enumerate().find_map(|(row, line)| {
            let column = line[..line.find(text)?].chars().count();
            Some((u16::try_from(column).unwrap(), u16::try_from(row).unwrap()))
        });
        found.unwrap_or_else(|| panic!("{text} is not on\n{}", self.lines.join("\n")))
    }

    /// Uses the mouse where `text` stands, and draws.
    fn mouse(&mut self, kind: MouseEventKind, text: &str) -> Option<Effect> {
        let (column, row) = self.find(text);
        let event = Event::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        });
        let (theme, area) = (Theme::new(true, false), self.area);
        let effect = heed(&event, &mut self.app, &self.hit_map, |app| {
            screen::viewport(app, &theme, area)
        });
        self.draw();
        effect
    }

    fn click(&mut self, text: &str) {
        self.mouse(MouseEventKind::Down(MouseButton::Left), text);
    }
}

#[test]
fn a_click_selects_a_consumer_where_it_was_seen() {
    let mut seen = Seen::new(on(crowded()), 120, 40);
    seen.click("6402");
    let selected = |seen: &Seen| seen.app.selected_consumer();
    assert_eq!(selected(&seen), Some(4));
    // Another sample came since the screen was drawn, and its rows are others.
    let mut later = crowded();
    later.snapshot.consumers.remove(0);
    let at = seen.find("6399");
    take(&mut seen.app, later);
    let spot = seen.hit_map.at(at.0, at.1).unwrap();
    seen.app.click(spot);
    assert_eq!(selected(&seen), Some(2), "slot 3 is in the third row now");
}

#[test]
fn a_click_on_a_title_sorts_and_a_second_one_reverses() {
    let mut seen = Seen::new(on(crowded()), 120, 40);
    let by = |field, descending| Sort { field, descending };
    for (title, sort) in [
        ("RATE/s", by(ConsumerField::Rate, true)),
        ("RATE/s", by(ConsumerField::Rate, false)),
        // The arrow belongs to its title.
        ("▲RATE/s", by(ConsumerField::Rate, true)),
        ("HISTORY", by(ConsumerField::History, true)),
        ("SLOT", by(ConsumerField::Slot, false)),
        ("%    TIME", by(ConsumerField::Percent, true)),
        ("STATE", by(ConsumerField::State, true)),
    ] {
        seen.click(title);
        assert_eq!(seen.app.consumer_list().sort(), sort, "{title}");
    }
    let mut seen = Seen::new(on(crowded()), 200, 60);
    seen.click("WHY");
    assert_eq!(
        seen.app.consumer_list().sort(),
        by(ConsumerField::Slot, false)
    );
}

#[test]
fn clicks_go_to_the_pane_they_are_in() {
    let mut seen = Seen::new(on(with_events(full(), 30)), 120, 40);
    seen.click("warning");
    assert_eq!(seen.app.focus(), Pane::Findings);
    assert_eq!(seen.app.selected_finding(), Some(1));
    seen.click("12s ago");
    assert_eq!(seen.app.selected_finding(), Some(3), "the newest event");
    seen.click("quote 060");
    assert_eq!(seen.app.focus(), Pane::Messages);
    assert_eq!(seen.app.message_list().message().unwrap().header.seq_id, 61);
    seen.click("quote 063");
    assert!(seen.app.message_list().follows(), "the newest goes along");
    seen.click("0010");
    assert_eq!(seen.app.focus(), Pane::Hex);
    seen.click("zbqtop");
    assert_eq!(seen.app.focus(), Pane::Hex, "nothing is there");
    // The keys of the footer are pressed by a click.
    seen.click("? help");
    assert!(seen.app.help().is_some());
    press(&mut seen.app, &[Action::Back]);
    seen.draw();
    for zoomed in [true, false] {
        seen.click("z zoom");
        assert_eq!(seen.app.is_zoomed(), zoomed);
    }
    seen.click("/ search");
    assert!(seen.app.is_typing());
    seen.click("Esc clear");
    assert!(!seen.app.is_typing());
    assert_eq!(seen.app.focus(), Pane::Hex);
    // What was there when the newest was left stays, although the ring's list has let it go.
    seen.click("quote 059");
    let mut later = full();
    later.messages = log(564, 0);
    take(&mut seen.app, later);
    seen.draw();
    seen.click("quote 060");
    assert_eq!(seen.app.message_list().message().unwrap().header.seq_id, 61);
    seen.click("skipped");
    assert!(seen.app.message_list().message().is_none(), "a gap");
}

#[test]
fn the_wheel_moves_what_is_under_it() {
    let mut seen = Seen::new(on(crowded()), 80, 24);
    press(&mut seen.app, &[Action::First]);
    seen.draw();
    seen.mouse(MouseEventKind::ScrollDown, "6390");
    assert_eq!(seen.app.selected_consumer(), Some(3));
    seen.mouse(MouseEventKind::ScrollUp, "quote 063");
    assert_eq!(seen.app.focus(), Pane::Messages);
    assert_eq!(seen.app.message_list().message().unwrap().header.seq_id, 61);
    assert_eq!(seen.app.selected_consumer(), Some(3));
    // Elsewhere, what has the keys.
    seen.mouse(MouseEventKind::ScrollDown, "zbqtop");
    assert_eq!(seen.app.message_list().message().unwrap().header.seq_id, 64);
}

#[test]
fn a_double_click_opens_a_message() {
    let mut seen = Seen::new(on(crowded()), 120, 40);
    seen.click("quote 060");
    assert_eq!(seen.app.front_view(), FrontView::Ring);
    seen.click("quote 060");
    assert_eq!(seen.app.front_view(), FrontView::Message);
    assert_eq!(seen.app.message_list().message().unwrap().header.seq_id, 61);
}

#[test]
fn what_stands_in_front_takes_the_mouse() {
    let mut seen = Seen::new(on(crowded()), 80, 24);
    let before = seen.app.selected_consumer();
    press(&mut seen.app, &[Action::Help]);
    seen.area.height = 12;
    seen.draw();
    let title = "Keys";
    seen.mouse(MouseEventKind::ScrollDown, title);
    assert_eq!(seen.app.help(), Some(3));
    seen.click("zbqto");
    assert_eq!(
        (seen.app.help(), seen.app.selected_consumer()),
        (Some(3), before)
    );
    press(&mut seen.app, &[Action::Back, Action::Open]);
    seen.draw();
    seen.mouse(MouseEventKind::ScrollDown, "State");
    assert!(seen.app.details().unwrap().top() > 0);
    seen.click("Woken");
    assert_eq!(seen.app.selected_consumer(), before);
}

#[test]
fn rings_are_selected_in_their_list() {
    let mut app = App::new(std::time::Duration::from_millis(100), None);
    app.take_listing(listing(3));
    let mut seen = Seen::new(app, 80, 24);
    // The sick one stands first.
    assert_eq!(seen.app.selected_ring(), Some(1));
    seen.click("quotes");
    assert_eq!(seen.app.selected_ring(), Some(0));
    seen.mouse(MouseEventKind::ScrollDown, "quotes");
    assert_eq!(seen.app.selected_ring(), Some(2));
    let mut later = listing(3);
    later.rings.remove(2);
    let at = seen.find("logs");
    seen.app.take_listing(later);
    let spot = seen.hit_map.at(at.0, at.1).unwrap();
    seen.app.click(spot);
    assert_eq!(seen.app.selected_ring(), Some(0), "it has gone");
}

#[test]
fn a_double_click_opens_and_so_does_the_right_button() {
    let mut app = App::new(std::time::Duration::from_millis(100), None);
    app.take_listing(listing(3));
    let mut seen = Seen::new(app, 80, 24);
    let press =
        |seen: &mut Seen, button, text: &str| seen.mouse(MouseEventKind::Down(button), text);
    assert_eq!(press(&mut seen, MouseButton::Left, "quotes"), None);
    assert_eq!(press(&mut seen, MouseButton::Left, "logs"), None);
    let opened = |id: &str| Some(Effect::Attach(id.to_owned()));
    assert_eq!(
        press(&mut seen, MouseButton::Left, "logs"),
        opened("7110/4")
    );
    assert_eq!(
        press(&mut seen, MouseButton::Right, "quotes"),
        opened("6388/4")
    );
    let mut seen = Seen::new(on(crowded()), 120, 40);
    press(&mut seen, MouseButton::Right, "6402");
    assert_eq!(seen.app.front_view(), FrontView::Details);
}

#[test]
fn titles_sort_the_list_of_rings() {
    let mut app = App::new(std::time::Duration::from_millis(100), None);
    app.take_listing(listing(3));
    let mut seen = Seen::new(app, 80, 24);
    let order = |seen: &Seen| -> Vec<String> {
        let names = ["quotes", "orders", "logs"];
        let rows = seen.lines.iter().filter(|line| line.contains("/4 "));
        let found = rows.filter_map(|line| names.iter().find(|name| line.contains(*name)));
        found.map(|name| (*name).to_owned()).collect()
    };
    assert_eq!(order(&seen), ["orders", "quotes", "logs"]);
    seen.click("COMMAND");
    assert_eq!(order(&seen), ["logs", "orders", "quotes"]);
    seen.click("COMMAND");
    assert_eq!(order(&seen), ["quotes", "orders", "logs"]);
    seen.click("RATE");
    assert_eq!(
        order(&seen),
        ["quotes", "logs", "orders"],
        "the unknown comes last"
    );
}

/// In a list that is longer than its pane, rows stay where they are as long as the selected one is in sight.
#[test]
fn a_click_does_not_move_the_rows_under_it() {
    for height in [24, 12] {
        let mut seen = Seen::new(on(crowded()), 80, height);
        let rows = |seen: &Seen| -> Vec<String> {
            let rows = seen.lines.iter().filter(|line| line.contains(" MiB "));
            rows.map(|line| line[line.find("63").or(line.find("64")).unwrap()..][..4].to_owned())
                .collect()
        };
        press(&mut seen.app, &[Action::First]);
        seen.draw();
        let before = rows(&seen);
        assert!((2..17).contains(&before.len()), "{before:?}");
        for pid in before.clone().iter().rev() {
            seen.click(pid);
            assert_eq!(rows(&seen), before, "{pid} was clicked");
        }
        // To the last row in sight, one further, and back: only what has to scrolls.
        for _ in 1..before.len() {
            press(&mut seen.app, &[Action::Down]);
            seen.draw();
            assert_eq!(rows(&seen), before);
        }
        press(&mut seen.app, &[Action::Down]);
        seen.draw();
        let after = rows(&seen);
        assert_eq!(after[..after.len() - 1], before[1..]);
        press(&mut seen.app, &[Action::Up]);
        seen.draw();
        assert_eq!(rows(&seen), after);
    }
}
