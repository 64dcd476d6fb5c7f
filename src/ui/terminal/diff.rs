//! What is on the screen, and the bytes that make of it what is to be there.
//!
//! Owns two screens of cells and compares them. Refuses to know where the bytes go: whoever asks for the next frame
//! says by it that the last has gone out whole.

use std::io;

use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;

use crate::ui::text;

/// Between these a terminal that knows them (DEC mode 2026) shows nothing half done; others pass over them.
const BEGIN: &[u8] = b"\x1b[?2026h";
pub(super) const END: &[u8] = b"\x1b[?2026l";

/// Attributes off and the screen empty.
const CLEAR: &[u8] = b"\x1b[0m\x1b[2J";

/// The screen that was sent last and the one that is drawn next.
#[derive(Debug, Default)]
pub(super) struct FrameDiff {
    sent: Buffer,
    next: Buffer,
    /// What is on the screen is not known.
    anew: bool,
}

impl FrameDiff {
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
        let changes = changes(&self.sent, &self.next);
        if self.anew || !changes.is_empty() {
            out.extend_from_slice(BEGIN);
            if self.anew {
                out.extend_from_slice(CLEAR);
            }
            CrosstermBackend::new(&mut *out).draw(changes.into_iter())?;
            out.extend_from_slice(END);
        }
        self.anew = false;
        std::mem::swap(&mut self.sent, &mut self.next);
        Ok(())
    }
}

/// The cells in which `now` differs from `before`, of the same size, and those that a wide character covered which is
/// no longer there. ratatui's own comparison asks for the width of every cell, which takes twice the time; here nearly
/// all are seen to be narrow at a glance.
fn changes<'a>(before: &Buffer, now: &'a Buffer) -> Vec<(u16, u16, &'a Cell)> {
    let mut changes = Vec::new();
    let columns = usize::from(now.area.width).max(1);
    let rows = before.content.chunks(columns);
    for ((before, now), y) in rows.zip(now.content.chunks(columns)).zip(now.area.top()..) {
        // Columns from here on that a wide character covers, and that one covered before.
        let (mut covered, mut uncovered) = (0, 0);
        for ((old, new), x) in before.iter().zip(now).zip(0..) {
            let same = old == new;
            if same && covered == 0 && uncovered == 0 && is_narrow(new.symbol()) {
                continue;
            }
            if covered == 0 && (!same || uncovered > 0) {
                changes.push((x, y, new));
            }
            let [old, new] = [old, new].map(|cell| match cell.symbol() {
                symbol if is_narrow(symbol) => 1,
                symbol => text::width(symbol),
            });
            covered = new.max(covered).saturating_sub(1);
            uncovered = old.max(new).max(uncovered).saturating_sub(1);
        }
    }
    changes
}

/// Whether `symbol` is surely one column wide.
fn is_narrow(symbol: &str) -> bool {
    match symbol.as_bytes() {
        [_] => true,
        [_, _, _] => symbol.chars().next().is_some_and(text::is_narrow),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::style::Style;

    use super::*;

    fn drawn(diff: &mut FrameDiff, text: &str) -> String {
        let mut out = Vec::new();
        diff.frame(&mut out, |area, buffer| {
            buffer.set_string(area.x, area.y, text, Style::new());
        })
        .expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn only_what_has_changed_goes_out_and_in_one_piece() {
        let mut diff = FrameDiff::default();
        assert_eq!(drawn(&mut diff, "no size"), "");
        diff.renew(Rect::new(0, 0, 10, 2));
        let whole = drawn(&mut diff, "abc");
        assert!(whole.starts_with("\x1b[?2026h\x1b[0m\x1b[2J"), "{whole:?}");
        assert!(whole.contains("abc") && whole.ends_with("\x1b[?2026l"));
        assert_eq!(drawn(&mut diff, "abc"), "");
        let change = drawn(&mut diff, "abd");
        assert!(change.contains('d') && !change.contains("ab") && !change.contains("[2J"));
        diff.renew(Rect::new(0, 0, 5, 1));
        assert!(drawn(&mut diff, "漢b").contains("[2J"));
        // Not every terminal empties the other half of what is written over.
        assert!(drawn(&mut diff, "a b").contains("a "));
    }

    proptest! {
        /// However one screen follows another, what is sent makes of a terminal what a whole redraw would.
        #[test]
        fn changes_lead_to_the_same_screen(
            screens in prop::collection::vec(prop::collection::vec("[ab –│⣿漢字é]{0,12}", 3), 1..6)
        ) {
            let area = Rect::new(0, 0, 12, 3);
            let terminal = || vt100::Parser::new(3.try_into().unwrap(), 12.try_into().unwrap(), 0);
            // What was written as blank and what was never written look the same.
            let rows = |terminal: &vt100::Parser| -> Vec<String> {
                let rows = terminal.screen().rows(0, 12);
                rows.map(|row| row.trim_end().to_owned()).collect()
            };
            let draw = |diff: &mut FrameDiff, screen: &[String]| {
                let mut out = Vec::new();
                diff.frame(&mut out, |area, buffer| {
                    for (line, y) in screen.iter().zip(area.top()..) {
                        buffer.set_string(area.x, y, line, Style::new());
                    }
                }).unwrap();
                out
            };
            let (mut diff, mut seen) = (FrameDiff::default(), terminal());
            diff.renew(area);
            for screen in &screens {
                seen.process(&draw(&mut diff, screen));
                let (mut anew, mut whole) = (FrameDiff::default(), terminal());
                anew.renew(area);
                whole.process(&draw(&mut anew, screen));
                prop_assert_eq!(rows(&seen), rows(&whole));
            }
        }
    }
}
