//! Whatever a ring says and however large the screen is: it is drawn, and only there.

use proptest::prelude::*;
use ratatui::layout::Rect;

use super::fixtures::*;
use super::random::Random;
use crate::ui::action::{Action, Pane};
use crate::ui::app::App;
use crate::ui::fuzz::draw_inside;
use crate::ui::theme::Theme;
use crate::ui::view::screen;

/// Presses some keys, and what they lead to is drawn inside of `area` and nowhere else.
fn drawn_inside(app: &mut App, dice: &mut Random, theme: &Theme, size: (u16, u16)) {
    let area = Rect::new(2, 1, size.0, size.1);
    let keys = [
        Action::Pane(Pane::Consumers),
        Action::Pane(Pane::Findings),
        Action::Pane(Pane::Messages),
        Action::Pane(Pane::Hex),
        Action::Down,
        Action::PageDown,
        Action::Last,
        Action::Sort,
        Action::Open,
        Action::Help,
        Action::Back,
        Action::Freeze,
    ];
    for _ in 0..3 {
        let hit_map = draw_inside(app, theme, area);
        app.drawn(&hit_map);
        let room = screen::viewport(app, theme, area);
        app.apply(keys[dice.below(12) as usize], room);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_ring_at_any_size(seed: u64, width in 1u16..=300, height in 1u16..=100, small: bool, ascii: bool) {
        let mut dice = Random(seed);
        let size = if small { (width % 40 + 1, height % 14 + 1) } else { (width, height) };
        let theme = Theme::new(true, ascii);
        let mut app = on(dice.frame());
        drawn_inside(&mut app, &mut dice, &theme, size);
        let mut app = App::new(std::time::Duration::from_millis(100), None);
        app.take_listing(dice.listing());
        drawn_inside(&mut app, &mut dice, &theme, size);
    }
}
