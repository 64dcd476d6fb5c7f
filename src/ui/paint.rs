//! What is on the screen, and the bytes that make of it what is to be there.
//!
//! Owns two screens of cells and compares them. Refuses to know where the bytes go: whoever asks for the next frame says by
//! it that the last has gone out whole.

use std::io;

use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Between these a terminal that knows them (DEC mode 2026) shows nothing half done; others pass over them.
const BEGIN: &[u8] = b"\x1b[?2026h";
pub(super) const END: &[u8] = b"\x1b[?2026l";

/// Attributes off and the screen empty.
const CLEAR: &[u8] = b"\x1b[0m\x1b[2J";

/// The screen that was sent last and the one that is drawn next.
#[derive(Debug, Default)]
pub(super) struct Paint {
    sent: Buffer,
    next: Buffer,
    /// What is on the screen is not known.
    anew: bool,
}

impl Paint {
    /// Forgets what is on the screen, which has this size now: the next frame is drawn whole.
    pub(super) fn renew(&mut self, area: Rect) {
        self.next = Buffer::empty(area);
        self.anew = true;
    }

    /// Draws a frame and appends what has changed to `out`: nothing where nothing has.
    pub(super) fn frame(
        &mut self,
        out: &mut Vec<u8>,
        render: impl FnOnce(Rect, &mut Buffer),
    ) -> io::Result<()> {
        let area = self.next.area;
        if area.is_empty() {
            return Ok(());
        }
        self.next.reset();
        render(area, &mut self.next);
        if self.anew {
            self.sent = Buffer::empty(area);
        }
        let mut changes = self.sent.diff_iter(&self.next).peekable();
        if self.anew || changes.peek().is_some() {
            out.extend_from_slice(BEGIN);
            if self.anew {
                out.extend_from_slice(CLEAR);
            }
            CrosstermBackend::new(&mut *out).draw(changes)?;
            out.extend_from_slice(END);
        }
        self.anew = false;
        std::mem::swap(&mut self.sent, &mut self.next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    fn drawn(paint: &mut Paint, text: &str) -> String {
        let mut out = Vec::new();
        paint
            .frame(&mut out, |area, buffer| {
                buffer.set_string(area.x, area.y, text, Style::new());
            })
            .expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn only_what_has_changed_goes_out_and_in_one_piece() {
        let mut paint = Paint::default();
        assert_eq!(drawn(&mut paint, "no size"), "");
        paint.renew(Rect::new(0, 0, 10, 2));
        let whole = drawn(&mut paint, "abc");
        assert!(whole.starts_with("\x1b[?2026h\x1b[0m\x1b[2J"), "{whole:?}");
        assert!(whole.contains("abc") && whole.ends_with("\x1b[?2026l"));
        assert_eq!(drawn(&mut paint, "abc"), "");
        let change = drawn(&mut paint, "abd");
        assert!(change.contains('d') && !change.contains("ab") && !change.contains("[2J"));
        paint.renew(Rect::new(0, 0, 5, 1));
        assert!(drawn(&mut paint, "").contains("[2J"));
    }
}
