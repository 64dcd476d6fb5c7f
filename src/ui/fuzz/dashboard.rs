//! The state of the dashboard: rings that say anything, keys, the mouse, and screens of any size, in any order.

use std::time::Duration;

use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use jiff::Timestamp;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;

use super::harmless::acts;
use crate::fuzzing::input::Input;
use crate::ui::action::Effect;
use crate::ui::app::App;
use crate::ui::heed;
use crate::ui::hit_map::HitMap;
use crate::ui::terminal::Decoder;
use crate::ui::tests::random::Random;
use crate::ui::theme::Theme;
use crate::ui::view::screen;

/// Steps of a story at most: each draws a screen.
const STEPS: usize = 24;

/// Draws inside of `area` and nowhere else, and nothing there that acts.
pub(crate) fn draw_inside(app: &App, theme: &Theme, area: Rect) -> HitMap {
    let mut buffer = Buffer::empty(Rect::new(0, 0, area.right() + 2, area.bottom() + 2));
    let hit_map = screen::render(app, theme, area, &mut buffer);
    for position in buffer.area.positions() {
        let cell = &buffer[position];
        if !area.contains(position) {
            assert_eq!(*cell, Cell::default(), "at {position} of {area}");
        }
        // A cell has one character, and perhaps marks on it.
        assert_eq!(acts(cell.symbol()), None, "at {position} of {area}");
        assert!(
            cell.symbol().len() < 256,
            "{} bytes at {position}",
            cell.symbol().len()
        );
    }
    hit_map
}

/// A dashboard, and what was drawn of it last.
struct Seen {
    app: App,
    theme: Theme,
    area: Rect,
    hit_map: HitMap,
    decoder: Decoder,
    ended: bool,
}

impl Seen {
    fn heed(&mut self, event: &Event) {
        let (theme, area) = (&self.theme, self.area);
        let effect = heed(event, &mut self.app, &self.hit_map, |app| {
            screen::viewport(app, theme, area)
        });
        match effect {
            Some(Effect::Quit) => self.ended = true,
            Some(Effect::Attach(id)) => self.app.attached(id),
            Some(Effect::Copy(clip)) => {
                let sequence = clip.sequence();
                let base64 = sequence
                    .as_ref()
                    .and_then(|it| it.strip_prefix("\x1b]52;c;")?.strip_suffix('\x07'));
                assert!(
                    sequence.is_none()
                        || base64.is_some_and(|text| !text.contains(char::is_control))
                );
                self.app.say(clip.said(None));
            }
            Some(Effect::Save(message)) => {
                assert!(message.payload.len() <= message.header.payload_len as usize);
                self.app.say("saved".to_owned());
            }
            Some(Effect::Export(name)) => drop(self.app.export(name)),
            Some(Effect::Search) => drop(self.app.search_request()),
            Some(
                Effect::Suspend
                | Effect::Redraw
                | Effect::Look
                | Effect::Act(_)
                | Effect::Around(_),
            )
            | None => {}
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(18) {
            0 => {
                let frame = Random(input.word()).frame();
                let at = Timestamp::from_second(input.byte().into()).expect("soon after the epoch");
                self.app.take_frame(frame, at);
            }
            1 => {
                let listing = Random(input.word()).listing();
                if let Some(Effect::Attach(id)) = self.app.take_listing(listing) {
                    self.app.attached(id);
                }
            }
            2 => {
                let [width, height] = [input.byte(), input.byte()].map(u16::from);
                self.area = Rect::new(2, 1, width, height % 100);
            }
            3 => {
                let why = String::from_utf8_lossy(input.piece());
                self.app.refused(&why, &why);
            }
            4 => drop(self.app.detached()),
            5 => drop(self.app.look_lasts(input.flag())),
            6 => {
                let progress = Random(input.word()).progress(input.byte().into());
                let _ = self.app.take_progress(input.flag().then_some(progress));
            }
            7 => {
                let messages = Random(input.word()).frame().messages;
                let first =
                    (messages.first()..messages.end()).find_map(|row| messages.message(row));
                let offset = first.map_or(input.word(), |first| first.offset);
                self.app
                    .take_around(offset, input.flag().then_some(&messages));
            }
            8..11 => {
                let kinds = [
                    MouseEventKind::Down(MouseButton::Left),
                    MouseEventKind::ScrollUp,
                    MouseEventKind::ScrollDown,
                ];
                self.heed(&Event::Mouse(MouseEvent {
                    kind: input.of(&kinds),
                    column: input.byte().into(),
                    row: u16::from(input.byte()) % 100,
                    modifiers: KeyModifiers::NONE,
                }));
            }
            _ => {
                let bytes = input.piece();
                self.decoder.feed(&bytes[..bytes.len().min(32)]);
                while let Some(event) = self.decoder.next() {
                    self.heed(&event);
                }
                if let Some(event) = self.decoder.settle() {
                    self.heed(&event);
                }
            }
        }
    }
}

/// What happens to a dashboard until it ends.
pub fn dashboard(data: &[u8]) {
    let mut input = Input::new(data);
    let ring = input.flag().then(|| "quotes".to_owned());
    let mut seen = Seen {
        theme: Theme::new(input.flag(), input.flag()),
        area: Rect::new(2, 1, 80, 24),
        app: App::new(Duration::from_millis(input.word()), ring),
        hit_map: HitMap::default(),
        decoder: Decoder::default(),
        ended: false,
    };
    for _ in 0..STEPS {
        seen.hit_map = draw_inside(&seen.app, &seen.theme, seen.area);
        seen.app.drawn(&seen.hit_map);
        if input.is_empty() || seen.ended {
            break;
        }
        seen.step(&mut input);
    }
}
