//! Which byte of a payload is looked at, and which rows of its dump are in sight.
//!
//! Keeps its place from one payload to the next, as far as that one goes. Knows no bytes, only how many there are.

use super::cursor::Movement;
use super::viewport::HexViewport;

/// The byte that is looked at.
#[derive(Debug, Default)]
pub(super) struct HexCursor {
    byte: usize,
    /// The first row that was shown.
    top: usize,
}

impl HexCursor {
    /// The byte that is looked at, in a payload that is as long as that.
    pub(super) fn byte(&self, length: usize) -> usize {
        self.byte.min(length.saturating_sub(1))
    }

    /// Looks at that byte.
    pub(super) fn look_at(&mut self, byte: usize) {
        self.byte = byte;
    }

    /// The first row of the dump that is shown.
    pub(super) fn top(&self, length: usize, viewport: HexViewport) -> usize {
        let row = self.byte(length) / viewport.stride.max(1);
        let last = length
            .div_ceil(viewport.stride.max(1))
            .saturating_sub(viewport.rows);
        self.top
            .min(last)
            .min(row)
            .max((row + 1).saturating_sub(viewport.rows))
    }

    /// Looks at another byte: rows on, or the first or last.
    pub(super) fn step(&mut self, step: Movement, length: usize, viewport: HexViewport) {
        let stride = viewport.stride.max(1);
        let (byte, last) = (self.byte(length), length.saturating_sub(1));
        self.byte = match step {
            Movement::Up(rows) => byte - (byte / stride).min(rows) * stride,
            Movement::Down(rows) => {
                let left = last / stride - byte / stride;
                (byte + left.min(rows) * stride).min(last)
            }
            Movement::First => 0,
            Movement::Last => last,
        };
        self.top = self.top(length, viewport);
    }

    /// Looks at the byte beside.
    pub(super) fn step_aside(&mut self, right: bool, length: usize, viewport: HexViewport) {
        let byte = self.byte(length);
        self.byte = if right {
            (byte + 1).min(length.saturating_sub(1))
        } else {
            byte.saturating_sub(1)
        };
        self.top = self.top(length, viewport);
    }
}
