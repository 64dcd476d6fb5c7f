//! What the themes look like, as files to be read, and that none of them changes what stands on the screen.

use insta::assert_snapshot;
use ratatui::style::{Color, Modifier};

use super::fixtures::*;
use crate::ui::action::Action;
use crate::ui::theme::{Depth, Palette, Theme};

fn themes() -> [(&'static str, Theme); 8] {
    use Depth::{Indexed, Sixteen, True};
    use Palette::{Dark, Light, Terminal};
    let painted = |palette, depth| Theme::new(true, false).painted(palette, depth);
    [
        ("terminal", painted(Terminal, True)),
        ("mono", Theme::new(false, false).painted(Dark, True)),
        ("dark_true", painted(Dark, True)),
        ("dark_256", painted(Dark, Indexed)),
        ("dark_16", painted(Dark, Sixteen)),
        ("light_true", painted(Light, True)),
        ("light_256", painted(Light, Indexed)),
        ("light_16", painted(Light, Sixteen)),
    ]
}

#[test]
fn a_screen_in_every_theme() {
    let app = on(with_events(full(), 3));
    for (name, theme) in themes() {
        let terminal = themed(&app, &theme, 80, 24);
        let buffer = format!("{:?}", terminal.backend().buffer());
        // Its text is in other files.
        let styles = &buffer[buffer.find("styles").unwrap()..];
        assert_snapshot!(format!("theme_{name}"), styles);
    }
}

#[test]
fn themes_differ_in_colours_only() {
    for frame in [flowing(), full(), gone()] {
        let mut app = on(frame);
        for _ in 0..3 {
            let plain = lines(&drawn(&app, 100, 30));
            for (name, theme) in themes() {
                assert_eq!(lines(&themed(&app, &theme, 100, 30)), plain, "{name}");
            }
            press(&mut app, &[Action::NextPane, Action::NextPane]);
        }
    }
}

/// Where a theme paints the ground, none of the terminal's own shines through, or nobody knows how it reads.
#[test]
fn a_painted_theme_leaves_no_hole() {
    for (name, theme) in themes() {
        let ground = theme.ground();
        let painted = ground.bg != Some(Color::Reset);
        let mono = name == "mono";
        assert_eq!(painted, !mono && name != "terminal", "{name}");
        let mut app = on(with_events(full(), 3));
        for action in [Action::Freeze, Action::Help, Action::Back, Action::Open] {
            let terminal = themed(&app, &theme, 120, 40);
            for cell in terminal.backend().buffer().content() {
                if painted {
                    assert_eq!(Some(cell.bg), ground.bg, "{name}: {cell:?}");
                    assert_ne!(cell.fg, Color::Reset, "{name}: {cell:?}");
                    assert!(!cell.modifier.contains(Modifier::DIM), "{name}: {cell:?}");
                }
                if mono {
                    assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
                }
            }
            press(&mut app, &[action]);
        }
    }
}
