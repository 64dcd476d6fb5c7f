//! Where panels draw: text put into cells, escaped and cut to its room.
//!
//! The one way from strings to the screen. Knows nothing of rings.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::merge::MergeStrategy;
use ratatui::widgets::{Block, Clear, Widget};

use crate::ui::hit_map::{HitMap, List, Spot};
use crate::ui::text;
use crate::ui::theme::{ColorRole, Glyphs, Theme};

/// A screen under construction.
pub(super) struct Canvas<'a> {
    theme: &'a Theme,
    buffer: &'a mut Buffer,
    /// Nothing is drawn outside of it.
    area: Rect,
    hit_map: HitMap,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(theme: &'a Theme, area: Rect, buffer: &'a mut Buffer) -> Self {
        let ground = theme.ground();
        if ground != Style::reset() {
            buffer.set_style(buffer.area, ground);
        }
        Self {
            theme,
            area: area.intersection(buffer.area),
            buffer,
            hit_map: HitMap::default(),
        }
    }

    /// How things look.
    pub(super) fn theme(&self) -> &'a Theme {
        self.theme
    }

    /// Says what stands in `area`, for the pointer.
    pub(super) fn spot(&mut self, area: Rect, spot: Spot) {
        self.hit_map.put(area, spot);
    }

    /// Says which row of a list comes first.
    pub(super) fn begin(&mut self, list: List, row: usize) {
        self.hit_map.begin(list, row);
    }

    /// What stands where, when all is drawn.
    pub(super) fn into_hit_map(self) -> HitMap {
        self.hit_map
    }

    /// The characters in use.
    pub(super) fn glyphs(&self) -> &'static Glyphs {
        self.theme.glyphs
    }

    /// Puts `text` at (`x`, `y`), in `width` columns at most; tells the column behind it. Text that does not fit ends
    /// in an ellipsis. Places outside the screen take nothing.
    pub(super) fn put(&mut self, x: u16, y: u16, width: u16, text: &str, role: ColorRole) -> u16 {
        // What stood there before leaves nothing behind: no colour of a bar under a mark.
        self.put_styled(
            x,
            y,
            width,
            text,
            self.theme.ground().patch(self.theme.style(role)),
        )
    }

    /// Like [`Self::put`], against the right end of the room; tells the column where it begins.
    pub(super) fn put_right(
        &mut self,
        x: u16,
        y: u16,
        width: u16,
        text: &str,
        role: ColorRole,
    ) -> u16 {
        let columns = match plain(text, width) {
            Some(bytes) => u16::try_from(bytes.len()).unwrap_or(u16::MAX),
            None => text::width(&text::escape(text, usize::from(width) + 1)),
        };
        let start = x + width.saturating_sub(columns);
        self.put(start, y, width, text, role);
        start
    }

    fn put_styled(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let area = self.area;
        let width = width.min(area.right().saturating_sub(x));
        if width == 0 || x < area.left() || y < area.top() || y >= area.bottom() {
            return x;
        }
        if let Some(bytes) = plain(text, width) {
            let cut = bytes.len() > usize::from(width);
            let bytes = &bytes[..bytes.len() - if cut { 2 } else { 0 }];
            let mut end = x;
            for &byte in bytes {
                self.buffer[(end, y)].set_char(byte.into()).set_style(style);
                end += 1;
            }
            return if cut {
                self.ellipsis(end, y, style)
            } else {
                end
            };
        }
        if text.chars().all(text::is_narrow) && text.chars().count() <= usize::from(width) {
            let mut end = x;
            for character in text.chars() {
                self.buffer[(end, y)].set_char(character).set_style(style);
                end += 1;
            }
            return end;
        }
        let text = text::escape(text, usize::from(width) + 1);
        if text::width(&text) <= width {
            return self.buffer.set_stringn(x, y, &text, width.into(), style).0;
        }
        let room = usize::from(width) - 1;
        let (end, _) = self.buffer.set_stringn(x, y, &text, room, style);
        self.ellipsis(end, y, style)
    }

    /// Fills a row's part with one of our own glyphs.
    pub(super) fn fill(&mut self, area: Rect, glyph: &str, role: ColorRole) {
        let style = self.theme.ground().patch(self.theme.style(role));
        for position in area.intersection(self.area).positions() {
            self.buffer[position].set_symbol(glyph).set_style(style);
        }
    }

    fn ellipsis(&mut self, x: u16, y: u16, style: Style) -> u16 {
        let ellipsis = self.theme.glyphs.ellipsis;
        self.buffer.set_stringn(x, y, ellipsis, 1, style).0
    }

    /// Gives an area a look, whatever is in it.
    pub(super) fn tint(&mut self, area: Rect, role: ColorRole) {
        self.buffer
            .set_style(area.intersection(self.area), self.theme.style(role));
    }

    /// Empties an area in front of all that was drawn; only what is drawn from now on can be pointed at.
    pub(super) fn clear(&mut self, area: Rect) {
        self.hit_map.clear();
        Clear.render(area, self.buffer);
        self.buffer.set_style(area, self.theme.ground());
    }

    /// Draws a widget of ratatui's; no text from outside may be in it.
    pub(super) fn draw<W: Widget>(&mut self, area: Rect, widget: impl FnOnce(&Theme) -> W) {
        widget(self.theme).render(area, self.buffer);
    }

    /// Puts `text` in as many lines as it takes and `area` has.
    pub(super) fn put_wrapped(&mut self, area: Rect, text: &str, role: ColorRole) {
        for (line, y) in text::wrap(text, area.width)
            .iter()
            .zip(area.top()..area.bottom())
        {
            self.put(area.x, y, area.width, line, role);
        }
    }

    /// A frame around `area`, grown together with the frames it touches.
    pub(super) fn frame(&mut self, area: Rect, focused: bool) {
        let role = if focused {
            ColorRole::Focus
        } else {
            ColorRole::Border
        };
        Block::bordered()
            .border_set(self.glyphs().border)
            .border_style(self.theme.style(role))
            .merge_borders(MergeStrategy::Exact)
            .render(area, self.buffer);
    }

    /// `title` at the upper left of a frame and `note` at its upper right, once all frames that touch it are there.
    /// Focus is marked in the title too, for eyes without colours.
    pub(super) fn title(&mut self, area: Rect, title: &str, note: &str, focused: bool) {
        let (mark, role) = if focused {
            (self.glyphs().selected, ColorRole::Focus)
        } else {
            ("", ColorRole::Label)
        };
        let room = area.width.saturating_sub(4);
        let end = self.put(area.x + 2, area.y, room, &format!(" {mark}{title} "), role);
        let left = (area.x + 2 + room).saturating_sub(end + 1);
        if !note.is_empty() && left > 8 {
            self.put_right(
                end + 1,
                area.y,
                left,
                &format!(" {note} "),
                ColorRole::Plain,
            );
        }
    }
}

/// The bytes of `text`, one more than `width` at the most, if they are printable ASCII: a byte a column, and nothing to
/// escape. Nearly all text is, and measuring it as Unicode would take most of the time of a draw.
fn plain(text: &str, width: u16) -> Option<&[u8]> {
    let bytes = &text.as_bytes()[..text.len().min(usize::from(width) + 1)];
    bytes
        .iter()
        .all(|byte| (b' '..=b'~').contains(byte))
        .then_some(bytes)
}

/// Cuts `rows` off the top of `area`.
pub(super) fn cut(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    let top = Rect {
        height: rows,
        ..*area
    };
    *area = Rect {
        y: area.y + rows,
        height: area.height - rows,
        ..*area
    };
    top
}
